/* SPDX-License-Identifier: MIT */
/* Which samples each batch holds: a function of seed and batch number alone, so that seeking is arithmetic. */
#ifndef CNN_LOADER_SAMPLER_H
#define CNN_LOADER_SAMPLER_H

#include <cnn/loader.h>

#include "loader/balance.h"

typedef struct cnn__sampler {
    cnn_context *context;
    uint64_t seed;
    size_t count; /* samples in the dataset */
    size_t batch;
    size_t epoch_batches; /* of an epoch in CNN_BATCH_EPOCH mode */
    cnn_batch_mode mode;
    bool shuffle;
    uint32_t shard, shards, blocks;
    uint64_t *order; /* of `epoch` */
    uint64_t epoch;
    cnn__balance balance; /* of a balanced one; else its context is NULL */
} cnn__sampler;

/* One sample of a batch. */
typedef struct cnn__draw {
    uint64_t index; /* into the dataset */
    uint64_t epoch;
    uint64_t turn; /* tells this draw of the sample from its others: what its random numbers depend on */
    uint32_t place; /* in the batch of all shards */
} cnn__draw;

/* Where block `block` of a batch of `size` samples begins. */
static inline size_t cnn__block_begin(size_t size, uint32_t block, uint32_t blocks)
{
    return (size_t)((uint64_t)size * block / blocks);
}

/* Where the share of a shard begins in a batch of `size` samples: it is made of whole blocks. */
static inline size_t cnn__share_begin(size_t size, uint32_t shard, uint32_t shards, uint32_t blocks)
{
    return cnn__block_begin(size, (uint32_t)((uint64_t)shard * blocks / shards), blocks);
}

/* The order of an epoch: 0, 1, 2, ... without shuffle, else those shuffled by Fisher and Yates's method with the
 * stream of seed and epoch. */
void cnn__sampler_order(uint64_t seed, uint64_t epoch, bool shuffle, uint64_t *order, size_t count);

/* CNN_ERROR_INVALID_ARGUMENT if no batch would be full though short ones are left out. */
cnn_status cnn__sampler_create(cnn_context *context, const cnn_loader_options *options, size_t count, uint64_t seed,
                               cnn__sampler *sampler);
/* Makes a new one draw as many samples of each class. Statuses as cnn__balance_create(). */
cnn_status cnn__sampler_balance(cnn__sampler *sampler, const cnn_dataset *dataset);
void cnn__sampler_free(cnn__sampler *sampler);

/* Most samples of a share. */
size_t cnn__sampler_most(const cnn__sampler *sampler);

/* Draws the share of batch number `position`, counted from 0 over all epochs; returns its size, and in *whole that of
 * the batch. In CNN_BATCH_WRAP mode the epochs'
 * orders follow each other without a gap, as with the AlexNet article's next_batch(). */
size_t cnn__sampler_batch(cnn__sampler *sampler, uint64_t position, cnn__draw *draws, size_t *whole);

/* Batches in an epoch as cnn_loader_batches() says it. */
size_t cnn__sampler_batches(const cnn__sampler *sampler);

/* Whether an epoch ends just before batch number `position`; never in CNN_BATCH_WRAP mode. */
bool cnn__sampler_ends(const cnn__sampler *sampler, uint64_t position);

#endif
