/* SPDX-License-Identifier: MIT */
/* Sums of blocks of gradients that go on beside the backward pass, in two stages: each rank has a share of the block,
 * gets the others' values of it and adds them in the order of ranks; then it hands the sums out. Compressed values are
 * rounded on their way in and on their way out; what that takes off is kept and added to the value of the next step. Of
 * more ranks than that is good for, exact sums are MPI's own. */
#include "mpi/transport.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_TAG = 16, TAGS = 16000 };

/* Blocks may come to their second stage in another order on another rank: each has tags of its own. */
static int tag_of(const cnn_mpi *mpi, const cnn__mpi_block *block, int stage)
{
    return FIRST_TAG + 2 * (int)((size_t)(block - mpi->blocks) % (TAGS / 2)) + stage;
}

/* Most values of one call: MPI counts with int. */
#define MOST_VALUES ((size_t)1 << 30)

static uint16_t round_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u); /* NaN stays one */
    }
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float from_bf16(uint16_t value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, sizeof(result));
    return result;
}

static size_t share_begin(const cnn_mpi *mpi, size_t count, uint32_t rank)
{
    return (size_t)((uint64_t)count * rank / mpi->communicator.size);
}

/* Rounds values [begin, end) with what was left of them before. A residual that is not finite would never go away. */
static void round_values(cnn__mpi_block *block, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        const float value = block->values[i] + block->residuals[i];
        block->out[i] = round_bf16(value);
        const float left = value - from_bf16(block->out[i]);
        block->residuals[i] = isfinite(left) ? left : 0;
    }
}

static cnn_status begin_shares(cnn_mpi *mpi, cnn__mpi_block *block)
{
    const uint32_t size = mpi->communicator.size, own = mpi->communicator.rank;
    const size_t begin = share_begin(mpi, block->count, own), end = share_begin(mpi, block->count, own + 1);
    const size_t room = (block->count + size - 1) / size;
    round_values(block, 0, begin);
    round_values(block, end, block->count);
    block->request_count = 0;
    for (uint32_t rank = 0; rank < size; rank++) {
        const size_t from = share_begin(mpi, block->count, rank), to = share_begin(mpi, block->count, rank + 1);
        if (rank == own) {
            continue;
        }
        CNN__MPI_RETURN(mpi, MPI_Irecv(block->in + rank * room, (int)(end - begin), MPI_UINT16_T, (int)rank,
                                       tag_of(mpi, block, 0), mpi->comm, &block->requests[block->request_count++]));
        CNN__MPI_RETURN(mpi, MPI_Isend(block->out + from, (int)(to - from), MPI_UINT16_T, (int)rank,
                                       tag_of(mpi, block, 0), mpi->comm, &block->requests[block->request_count++]));
        mpi->bytes += (to - from) * sizeof(uint16_t);
    }
    return CNN_OK;
}

/* Adds the shares of all ranks, in their order, and hands out the sums. */
static cnn_status begin_sums(cnn_mpi *mpi, cnn__mpi_block *block)
{
    const uint32_t size = mpi->communicator.size, own = mpi->communicator.rank;
    const size_t begin = share_begin(mpi, block->count, own), end = share_begin(mpi, block->count, own + 1);
    const size_t room = (block->count + size - 1) / size;
    for (size_t i = begin; i < end; i++) {
        float sum = 0;
        for (uint32_t rank = 0; rank < size; rank++) {
            sum += rank == own ? block->values[i] : from_bf16(block->in[rank * room + i - begin]);
        }
        block->values[i] = sum;
    }
    round_values(block, begin, end);
    block->request_count = 0;
    for (uint32_t rank = 0; rank < size; rank++) {
        const size_t from = share_begin(mpi, block->count, rank), to = share_begin(mpi, block->count, rank + 1);
        if (rank == own) {
            continue;
        }
        CNN__MPI_RETURN(mpi, MPI_Irecv(block->out + from, (int)(to - from), MPI_UINT16_T, (int)rank,
                                       tag_of(mpi, block, 1), mpi->comm, &block->requests[block->request_count++]));
        CNN__MPI_RETURN(mpi, MPI_Isend(block->out + begin, (int)(end - begin), MPI_UINT16_T, (int)rank,
                                       tag_of(mpi, block, 1), mpi->comm, &block->requests[block->request_count++]));
        mpi->bytes += (end - begin) * sizeof(uint16_t);
    }
    return CNN_OK;
}

#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)8 << 20)

/* Ranks up to which each sends to all others: beyond, the number of messages costs more than they carry. */
#define MOST_DIRECT 16

static bool is_direct(const cnn_mpi *mpi) { return mpi->communicator.size <= MOST_DIRECT; }

/* Values as they are: the others' shares leave from their places, and ours come in beside. */
static cnn_status begin_exact_shares(cnn_mpi *mpi, cnn__mpi_block *block)
{
    const uint32_t size = mpi->communicator.size, own = mpi->communicator.rank;
    const size_t begin = share_begin(mpi, block->count, own), end = share_begin(mpi, block->count, own + 1);
    block->request_count = 0;
    for (uint32_t rank = 0, at = 0; rank < size; rank++) {
        const size_t from = share_begin(mpi, block->count, rank), to = share_begin(mpi, block->count, rank + 1);
        if (rank == own) {
            continue;
        }
        CNN__MPI_RETURN(mpi, MPI_Irecv(block->shares + at++ * (end - begin), (int)(end - begin), MPI_FLOAT, (int)rank,
                                       tag_of(mpi, block, 0), mpi->comm, &block->requests[block->request_count++]));
        CNN__MPI_RETURN(mpi, MPI_Isend(block->values + from, (int)(to - from), MPI_FLOAT, (int)rank,
                                       tag_of(mpi, block, 0), mpi->comm, &block->requests[block->request_count++]));
        mpi->bytes += (to - from) * sizeof(float);
    }
    return CNN_OK;
}

/* Values that are added at a time: they stay in the processor's first cache while one rank's after another's come. */
enum { ADDED = 1024 };

static void add_values(float *restrict sum, const float *restrict term, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum[i] += term[i];
    }
}

/* In the order of ranks: own values come after those of the ranks before. */
static void add_shares(const cnn_mpi *mpi, cnn__mpi_block *block, size_t begin, size_t count)
{
    const uint32_t others = mpi->communicator.size - 1, before = mpi->communicator.rank;
    float sum[ADDED];
    for (size_t at = 0; at < count; at += ADDED) {
        const size_t n = count - at < ADDED ? count - at : ADDED;
        float *own = block->values + begin + at;
        memcpy(sum, before > 0 ? block->shares + at : own, n * sizeof(*sum));
        for (uint32_t rank = 1; rank < before; rank++) {
            add_values(sum, block->shares + rank * count + at, n);
        }
        if (before > 0) {
            add_values(sum, own, n);
        }
        for (uint32_t rank = before; rank < others; rank++) {
            add_values(sum, block->shares + rank * count + at, n);
        }
        memcpy(own, sum, n * sizeof(*sum));
    }
}

static cnn_status begin_exact_sums(cnn_mpi *mpi, cnn__mpi_block *block)
{
    const uint32_t size = mpi->communicator.size, own = mpi->communicator.rank;
    const size_t begin = share_begin(mpi, block->count, own), end = share_begin(mpi, block->count, own + 1);
    add_shares(mpi, block, begin, end - begin);
    block->request_count = 0;
    for (uint32_t rank = 0; rank < size; rank++) {
        const size_t from = share_begin(mpi, block->count, rank), to = share_begin(mpi, block->count, rank + 1);
        if (rank == own) {
            continue;
        }
        CNN__MPI_RETURN(mpi, MPI_Irecv(block->values + from, (int)(to - from), MPI_FLOAT, (int)rank,
                                       tag_of(mpi, block, 1), mpi->comm, &block->requests[block->request_count++]));
        CNN__MPI_RETURN(mpi, MPI_Isend(block->values + begin, (int)(end - begin), MPI_FLOAT, (int)rank,
                                       tag_of(mpi, block, 1), mpi->comm, &block->requests[block->request_count++]));
        mpi->bytes += (end - begin) * sizeof(float);
    }
    return CNN_OK;
}

/* Memory for what comes in: from some megabytes on in huge pages, of which a copy between processes looks few up. */
static float *make_shares(size_t count)
{
    const size_t size = count * sizeof(float);
    void *memory = NULL;
    if (size < HUGE_FROM) {
        return malloc(size);
    }
    if (posix_memalign(&memory, HUGE_PAGE, size) != 0) {
        return NULL;
    }
    (void)madvise(memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* without, it is as good, but slower */
    return memory;
}

static cnn_status begin_exact(cnn_mpi *mpi, cnn__mpi_block *block)
{
    const uint32_t size = mpi->communicator.size;
    if (is_direct(mpi)) {
        const size_t most = (block->count + size - 1) / size;
        block->shares = block->shares != NULL ? block->shares : make_shares(most * (size - 1) + 1);
        block->stage = 0;
        return block->shares != NULL ? begin_exact_shares(mpi, block) : CNN_ERROR_OUT_OF_MEMORY;
    }
    block->stage = 1;
    block->request_count = 1;
    mpi->bytes += 2 * (uint64_t)block->count * sizeof(float) * (size - 1) / size;
    return cnn__mpi_check(mpi, MPI_Iallreduce(MPI_IN_PLACE, block->values, (int)block->count, MPI_FLOAT, MPI_SUM,
                                              mpi->comm, &block->requests[0]));
}

/* Memory for a block that is compressed, with residuals of 0. */
static bool make_compressed(const cnn_mpi *mpi, cnn__mpi_block *block)
{
    const uint32_t size = mpi->communicator.size;
    block->out = calloc(block->count, sizeof(*block->out));
    block->in = calloc((block->count + size - 1) / size * size, sizeof(*block->in));
    block->residuals = calloc(block->count, sizeof(*block->residuals));
    return block->out != NULL && block->in != NULL && block->residuals != NULL;
}

cnn_status cnn__mpi_block_begin(cnn_mpi *mpi, cnn__mpi_block *block)
{
    if (block->count > MOST_VALUES) {
        return CNN_ERROR_LIMIT;
    }
    if (block->requests == NULL) {
        block->requests = calloc(2 * (size_t)mpi->communicator.size, sizeof(*block->requests));
    }
    if (block->requests == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    if (mpi->compression == CNN_MPI_EXACT) {
        return begin_exact(mpi, block);
    }
    if (block->residuals == NULL && !make_compressed(mpi, block)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    block->stage = 0;
    return begin_shares(mpi, block);
}

cnn_status cnn__mpi_block_advance(cnn_mpi *mpi, cnn__mpi_block *block)
{
    int done = 0;
    if (block->stage == 2) {
        return CNN_OK;
    }
    CNN__MPI_RETURN(mpi, MPI_Testall(block->request_count, block->requests, &done, MPI_STATUSES_IGNORE));
    if (!done) {
        return CNN_OK;
    }
    block->stage++;
    if (block->stage == 1) {
        return mpi->compression == CNN_MPI_EXACT ? begin_exact_sums(mpi, block) : begin_sums(mpi, block);
    }
    for (size_t i = 0; i < block->count && mpi->compression != CNN_MPI_EXACT; i++) {
        block->values[i] = from_bf16(block->out[i]);
    }
    return CNN_OK;
}

void cnn__mpi_block_free(cnn__mpi_block *block)
{
    free(block->requests);
    free(block->shares);
    free(block->out);
    free(block->in);
    free(block->residuals);
    *block = (cnn__mpi_block){.values = NULL};
}
