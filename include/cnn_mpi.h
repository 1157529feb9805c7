/* SPDX-License-Identifier: MIT */
/**
 * libcnn_mpi: a communicator (cnn/communicator.h) over MPI, for cnn_fit() and cnn_evaluate() on all ranks of a job. A
 * library of its own, beside libcnn, which knows no MPI. Linked as `pkg-config --libs cnn_mpi`.
 *
 *     cnn_mpi *mpi = NULL;
 *     cnn_status status = cnn_mpi_create(context, NULL, &mpi);
 *     const cnn_communicator *ranks = cnn_mpi_communicator(mpi);
 *     ... CNN_LOADER(.shard = ranks->rank, .shards = ranks->size, ...)
 *     ... CNN_FIT(.communicator = ranks, ...)
 *     cnn_mpi_free(mpi);
 */
#ifndef CNN_MPI_H
#define CNN_MPI_H

#include <cnn/communicator.h>

CNN_BEGIN_DECLS

/** A communicator and what it has under way. One thread at a time uses it. */
typedef struct cnn_mpi cnn_mpi;

/** What is sent of gradients. */
typedef enum cnn_mpi_compression {
    CNN_MPI_EXACT = 0, /**< float32 */
    CNN_MPI_BF16 = 1   /**< their upper 16 bits, half the bytes; what rounding takes off is added in the next step
                            (error feedback), which takes memory as large as the gradients, and begins anew when a
                            training is resumed */
} cnn_mpi_compression;

/** Options of cnn_mpi_create(); write them with CNN_MPI(). */
typedef struct cnn_mpi_options {
    size_t struct_size;
    int32_t communicator; /**< of Fortran, as MPI_Comm_c2f() gives it; 0: MPI_COMM_WORLD. It is duplicated */
    int32_t compression;  /**< a cnn_mpi_compression */
    /** Asked while other ranks are waited for: true gives them up if nothing has come within `patience` seconds after
        the first true. All calls then fail with CNN_ERROR_PEER. NULL: waits as long as it takes. */
    bool (*give_up)(void *user);
    void *user;
    double patience; /**< 0: 0.3 */
} cnn_mpi_options;

#define CNN_MPI(...) CNN_OPTIONS(cnn_mpi_options, __VA_ARGS__)

/**
 * Joins the ranks. MPI is started (MPI_Init_thread, MPI_THREAD_FUNNELED) unless it is already, and is then ended by
 * cnn_mpi_free(). All ranks call it together.
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT; CNN_ERROR_STATE if MPI has ended already; CNN_ERROR_OUT_OF_MEMORY;
 * CNN_ERROR_PEER if MPI fails. From the thread that started MPI. Since 0.1.
 */
CNN_API cnn_status cnn_mpi_create(const cnn_context *context, const cnn_mpi_options *options, cnn_mpi **mpi);

/** The communicator, for cnn_fit_options and the like. Valid as long as `mpi`. NULL for NULL. Since 0.1. */
CNN_API const cnn_communicator *cnn_mpi_communicator(const cnn_mpi *mpi);

/** Bytes of gradients that this rank has sent so far, as far as this library knows: with CNN_MPI_EXACT those that a
    ring would send. Since 0.1. */
CNN_API uint64_t cnn_mpi_bytes_sent(const cnn_mpi *mpi);

/** Leaves the ranks, and ends MPI if cnn_mpi_create() has started it and no rank was given up. NULL is allowed.
    Since 0.1. */
CNN_API void cnn_mpi_free(cnn_mpi *mpi);

CNN_END_DECLS

#endif
