/* SPDX-License-Identifier: MIT */
/* Sums of blocks of gradients that go on beside the backward pass. Exact ones are MPI's own. Compressed ones are made
 * in two stages: each rank has a share of the block, gets the others' values of it and adds them in the order of ranks;
 * then it hands the sums out. What rounding takes off of a value, on its way in and on its way out, is kept and added
 * to the value of the next step. */
#include "mpi/transport.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_SHARES = 11, TAG_SUMS = 12 };

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
        CNN__MPI_RETURN(mpi, MPI_Irecv(block->in + rank * room, (int)(end - begin), MPI_UINT16_T, (int)rank, TAG_SHARES,
                                       mpi->comm, &block->requests[block->request_count++]));
        CNN__MPI_RETURN(mpi, MPI_Isend(block->out + from, (int)(to - from), MPI_UINT16_T, (int)rank, TAG_SHARES,
                                       mpi->comm, &block->requests[block->request_count++]));
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
        CNN__MPI_RETURN(mpi, MPI_Irecv(block->out + from, (int)(to - from), MPI_UINT16_T, (int)rank, TAG_SUMS,
                                       mpi->comm, &block->requests[block->request_count++]));
        CNN__MPI_RETURN(mpi, MPI_Isend(block->out + begin, (int)(end - begin), MPI_UINT16_T, (int)rank, TAG_SUMS,
                                       mpi->comm, &block->requests[block->request_count++]));
        mpi->bytes += (end - begin) * sizeof(uint16_t);
    }
    return CNN_OK;
}

static cnn_status begin_exact(cnn_mpi *mpi, cnn__mpi_block *block)
{
    block->stage = 1;
    block->request_count = 1;
    mpi->bytes += 2 * (uint64_t)block->count * sizeof(float) * (mpi->communicator.size - 1) / mpi->communicator.size;
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
        return begin_sums(mpi, block);
    }
    for (size_t i = 0; i < block->count && mpi->compression != CNN_MPI_EXACT; i++) {
        block->values[i] = from_bf16(block->out[i]);
    }
    return CNN_OK;
}

void cnn__mpi_block_free(cnn__mpi_block *block)
{
    free(block->requests);
    free(block->out);
    free(block->in);
    free(block->residuals);
    *block = (cnn__mpi_block){.values = NULL};
}
