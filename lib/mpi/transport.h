/* SPDX-License-Identifier: MIT */
/* A communicator over MPI. Every wait is a loop of tests, so that the sums of gradients go on whichever call is waited
 * for, and so that a rank that is gone can be given up. This library links libcnn like any program. */
#ifndef CNN_MPI_TRANSPORT_H
#define CNN_MPI_TRANSPORT_H

#include <cnn_mpi.h>

#include <mpi.h>

/* Leaves the calling function with the status of a call of MPI that fails. */
#define CNN__MPI_RETURN(mpi, call)                                \
    do {                                                          \
        const cnn_status status_ = cnn__mpi_check((mpi), (call)); \
        if (status_ != CNN_OK) {                                  \
            return status_;                                       \
        }                                                         \
    } while (0)
#define CNN__RETURN_IF_ERROR(call)         \
    do {                                   \
        const cnn_status status_ = (call); \
        if (status_ != CNN_OK) {           \
            return status_;                \
        }                                  \
    } while (0)

/* A block of gradients under way; kept from step to step for its residuals. */
typedef struct cnn__mpi_block {
    float *values;
    size_t count;
    int stage;             /* 0: shares come in; 1: sums come in; 2: done */
    MPI_Request *requests; /* [2 * size] */
    int request_count;
    float *shares; /* of exact blocks: what the others have of this rank's share */
    /* Of compressed blocks: */
    uint16_t *out, *in; /* [count] rounded values; [size, share] of the others */
    float *residuals;   /* [count]: what rounding has taken off */
} cnn__mpi_block;

struct cnn_mpi {
    cnn_communicator communicator;
    MPI_Comm comm;
    bool started; /* MPI, by us */
    bool lost;    /* a rank was given up, or MPI failed */
    int compression;
    bool (*give_up)(void *user);
    void *user;
    double patience;
    cnn__mpi_block *blocks; /* in the order of on_gradients() since the last wait */
    size_t block_count, block_capacity, used;
    int *counts, *places; /* [size]: for gather */
    uint64_t bytes;
};

/* Waits for requests, and moves the blocks on meanwhile. */
cnn_status cnn__mpi_wait(cnn_mpi *mpi, MPI_Request *requests, int count);
/* Moves all blocks on as far as they can. */
cnn_status cnn__mpi_progress(cnn_mpi *mpi);
/* CNN_OK for MPI_SUCCESS, else CNN_ERROR_PEER; remembers it. */
cnn_status cnn__mpi_check(cnn_mpi *mpi, int error);

/* One block: begins, and goes on if its requests are done. */
cnn_status cnn__mpi_block_begin(cnn_mpi *mpi, cnn__mpi_block *block);
cnn_status cnn__mpi_block_advance(cnn_mpi *mpi, cnn__mpi_block *block);
void cnn__mpi_block_free(cnn__mpi_block *block);

#endif
