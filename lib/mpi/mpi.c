/* SPDX-License-Identifier: MIT */
/* Joining and leaving, messages, and waiting. */
#include "mpi/transport.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TAG_MESSAGES = 10 };

/* Most bytes of one message: MPI counts with int. */
#define MOST_BYTES ((size_t)1 << 30)

#define DEFAULT_PATIENCE 0.3

/* After so many tests a wait gives its processor to others now and then. */
enum { SPINS = 2000 };

cnn_status cnn__mpi_check(cnn_mpi *mpi, int error)
{
    mpi->lost = mpi->lost || error != MPI_SUCCESS;
    return error == MPI_SUCCESS ? CNN_OK : CNN_ERROR_PEER;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* A wait under way. */
typedef struct waiting {
    unsigned long tests;
    double asked; /* when give_up() first said so; 0: not yet */
} waiting;

/* Between two tests; CNN_ERROR_PEER once the others are given up. */
static cnn_status pause_waiting(cnn_mpi *mpi, waiting *wait)
{
    if (++wait->tests < SPINS) {
        return CNN_OK;
    }
    if (wait->tests < 20 * SPINS) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){0, 20000}, NULL);
    }
    if (wait->tests % 64 != 0 || mpi->give_up == NULL) {
        return CNN_OK;
    }
    if (wait->asked == 0 && mpi->give_up(mpi->user)) {
        wait->asked = now();
    }
    mpi->lost = mpi->lost || (wait->asked > 0 && now() - wait->asked > mpi->patience);
    return mpi->lost ? CNN_ERROR_PEER : CNN_OK;
}

cnn_status cnn__mpi_progress(cnn_mpi *mpi)
{
    for (size_t i = 0; i < mpi->used; i++) {
        CNN__RETURN_IF_ERROR(cnn__mpi_block_advance(mpi, &mpi->blocks[i]));
    }
    return CNN_OK;
}

cnn_status cnn__mpi_wait(cnn_mpi *mpi, MPI_Request *requests, int count)
{
    waiting wait = {0, 0};
    for (int done = 0; !done;) {
        CNN__MPI_RETURN(mpi, MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE));
        if (!done) {
            CNN__RETURN_IF_ERROR(pause_waiting(mpi, &wait));
        }
    }
    return CNN_OK;
}

/* ---- the communicator's functions ---- */

static cnn_status send_bytes(void *user, uint32_t to, const void *bytes, size_t size)
{
    cnn_mpi *mpi = user;
    for (size_t at = 0; at < size && !mpi->lost; at += MOST_BYTES) {
        const size_t piece = size - at < MOST_BYTES ? size - at : MOST_BYTES;
        MPI_Request request;
        CNN__MPI_RETURN(
            mpi, MPI_Isend((const char *)bytes + at, (int)piece, MPI_BYTE, (int)to, TAG_MESSAGES, mpi->comm, &request));
        CNN__RETURN_IF_ERROR(cnn__mpi_wait(mpi, &request, 1));
    }
    return mpi->lost ? CNN_ERROR_PEER : CNN_OK;
}

static cnn_status receive_bytes(void *user, uint32_t from, void *bytes, size_t size)
{
    cnn_mpi *mpi = user;
    for (size_t at = 0; at < size && !mpi->lost; at += MOST_BYTES) {
        const size_t piece = size - at < MOST_BYTES ? size - at : MOST_BYTES;
        MPI_Request request;
        CNN__MPI_RETURN(
            mpi, MPI_Irecv((char *)bytes + at, (int)piece, MPI_BYTE, (int)from, TAG_MESSAGES, mpi->comm, &request));
        CNN__RETURN_IF_ERROR(cnn__mpi_wait(mpi, &request, 1));
    }
    return mpi->lost ? CNN_ERROR_PEER : CNN_OK;
}

static cnn_status gather(void *user, const void *own, void *all, const size_t *sizes)
{
    cnn_mpi *mpi = user;
    MPI_Request request;
    size_t at = 0;
    if (mpi->lost) {
        return CNN_ERROR_PEER;
    }
    for (uint32_t rank = 0; rank < mpi->communicator.size; rank++) {
        mpi->counts[rank] = (int)sizes[rank];
        mpi->places[rank] = (int)at;
        at += sizes[rank];
        if (at > MOST_BYTES) {
            return CNN_ERROR_LIMIT;
        }
    }
    CNN__MPI_RETURN(mpi, MPI_Iallgatherv(own, mpi->counts[mpi->communicator.rank], MPI_BYTE, all, mpi->counts,
                                         mpi->places, MPI_BYTE, mpi->comm, &request));
    return cnn__mpi_wait(mpi, &request, 1);
}

static cnn_status sum(void *user, double *values, size_t count)
{
    cnn_mpi *mpi = user;
    for (size_t at = 0; at < count && !mpi->lost; at += MOST_BYTES / sizeof(double)) {
        const size_t most = MOST_BYTES / sizeof(double), piece = count - at < most ? count - at : most;
        MPI_Request request;
        CNN__MPI_RETURN(
            mpi, MPI_Iallreduce(MPI_IN_PLACE, values + at, (int)piece, MPI_DOUBLE, MPI_SUM, mpi->comm, &request));
        CNN__RETURN_IF_ERROR(cnn__mpi_wait(mpi, &request, 1));
    }
    return mpi->lost ? CNN_ERROR_PEER : CNN_OK;
}

/* The place for the next block: that of the same one in the step before. */
static cnn__mpi_block *next_block(cnn_mpi *mpi, float *values, size_t count)
{
    if (mpi->used == mpi->block_capacity) {
        const size_t capacity = mpi->block_capacity == 0 ? 16 : 2 * mpi->block_capacity;
        cnn__mpi_block *blocks = realloc(mpi->blocks, capacity * sizeof(*blocks));
        if (blocks == NULL) {
            return NULL;
        }
        memset(blocks + mpi->block_capacity, 0, (capacity - mpi->block_capacity) * sizeof(*blocks));
        mpi->blocks = blocks;
        mpi->block_capacity = capacity;
    }
    cnn__mpi_block *block = &mpi->blocks[mpi->used];
    if (block->values != values || block->count != count) {
        cnn__mpi_block_free(block);
        block->values = values;
        block->count = count;
    }
    mpi->used++;
    mpi->block_count = mpi->used > mpi->block_count ? mpi->used : mpi->block_count;
    return block;
}

static cnn_status on_gradients(void *user, float *values, size_t count)
{
    cnn_mpi *mpi = user;
    if (mpi->lost) {
        return CNN_ERROR_PEER;
    }
    cnn__mpi_block *block = next_block(mpi, values, count);
    if (block == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    const cnn_status status = cnn__mpi_block_begin(mpi, block);
    return status == CNN_OK ? cnn__mpi_progress(mpi) : status;
}

static cnn_status progress(void *user) { return cnn__mpi_progress(user); }

static cnn_status wait_all(void *user)
{
    cnn_mpi *mpi = user;
    cnn_status status = mpi->lost ? CNN_ERROR_PEER : CNN_OK;
    waiting wait = {0, 0};
    for (bool done = false; !done && status == CNN_OK;) {
        status = cnn__mpi_progress(mpi);
        done = true;
        for (size_t i = 0; i < mpi->used; i++) {
            done = done && mpi->blocks[i].stage == 2;
        }
        if (!done && status == CNN_OK) {
            status = pause_waiting(mpi, &wait);
        }
    }
    mpi->used = 0;
    return status;
}

/* ---- life ---- */

static cnn_status join(cnn_mpi *mpi, const cnn_mpi_options *options)
{
    int begun = 0, ended = 0, provided, rank, size;
    MPI_Initialized(&begun);
    MPI_Finalized(&ended);
    if (ended) {
        return CNN_ERROR_STATE;
    }
    if (!begun) {
        if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
            return CNN_ERROR_PEER;
        }
        mpi->started = true;
    }
    const MPI_Comm given = options->communicator != 0 ? MPI_Comm_f2c(options->communicator) : MPI_COMM_WORLD;
    if (MPI_Comm_dup(given, &mpi->comm) != MPI_SUCCESS) {
        return CNN_ERROR_PEER;
    }
    CNN__MPI_RETURN(mpi, MPI_Comm_set_errhandler(mpi->comm, MPI_ERRORS_RETURN));
    CNN__MPI_RETURN(mpi, MPI_Comm_rank(mpi->comm, &rank));
    CNN__MPI_RETURN(mpi, MPI_Comm_size(mpi->comm, &size));
    mpi->communicator = (cnn_communicator){.struct_size = sizeof(cnn_communicator),
                                           .rank = (uint32_t)rank,
                                           .size = (uint32_t)size,
                                           .user = mpi,
                                           .send = send_bytes,
                                           .receive = receive_bytes,
                                           .gather = gather,
                                           .sum = sum,
                                           .on_gradients = on_gradients,
                                           .wait = wait_all,
                                           .progress = progress};
    mpi->counts = calloc((size_t)size, sizeof(*mpi->counts));
    mpi->places = calloc((size_t)size, sizeof(*mpi->places));
    return mpi->counts != NULL && mpi->places != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

cnn_status cnn_mpi_create(const cnn_context *context, const cnn_mpi_options *given, cnn_mpi **out)
{
    cnn_mpi_options options = {.struct_size = sizeof(options)};
    if (context == NULL || out == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (given != NULL && given->struct_size > sizeof(options)) {
        return CNN_ERROR_VERSION;
    }
    if (given != NULL) {
        memcpy(&options, given, given->struct_size);
    }
    if (options.compression != CNN_MPI_EXACT && options.compression != CNN_MPI_BF16) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_mpi *mpi = calloc(1, sizeof(*mpi));
    if (mpi == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    mpi->comm = MPI_COMM_NULL;
    mpi->compression = options.compression;
    mpi->give_up = options.give_up;
    mpi->user = options.user;
    mpi->patience = options.patience > 0 ? options.patience : DEFAULT_PATIENCE;
    const cnn_status status = join(mpi, &options);
    if (status != CNN_OK) {
        cnn_mpi_free(mpi);
        return status;
    }
    *out = mpi;
    return CNN_OK;
}

const cnn_communicator *cnn_mpi_communicator(const cnn_mpi *mpi) { return mpi != NULL ? &mpi->communicator : NULL; }

uint64_t cnn_mpi_bytes_sent(const cnn_mpi *mpi) { return mpi != NULL ? mpi->bytes : 0; }

void cnn_mpi_free(cnn_mpi *mpi)
{
    if (mpi == NULL) {
        return;
    }
    for (size_t i = 0; i < mpi->block_count; i++) {
        cnn__mpi_block_free(&mpi->blocks[i]);
    }
    free(mpi->blocks);
    free(mpi->counts);
    free(mpi->places);
    if (!mpi->lost) { /* else ending would wait for who is gone */
        if (mpi->comm != MPI_COMM_NULL) {
            MPI_Comm_free(&mpi->comm);
        }
        if (mpi->started) {
            MPI_Finalize();
        }
    }
    free(mpi);
}
