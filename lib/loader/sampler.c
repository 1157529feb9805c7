/* SPDX-License-Identifier: MIT */
/* The order of samples, epoch after epoch. */
#include "loader/sampler.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"

void cnn__sampler_order(uint64_t seed, uint64_t epoch, bool shuffle, uint64_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    if (shuffle) {
        cnn__rng rng;
        cnn__rng_init(&rng, seed, CNN__STREAM_SHUFFLE, epoch, 0);
        cnn__rng_shuffle(&rng, order, count);
    }
}

cnn_status cnn__sampler_create(cnn_context *context, const cnn_loader_options *options, size_t count, uint64_t seed,
                               cnn__sampler *sampler)
{
    size_t batch = options->batch;
    size_t batches = options->drop_last != 0 ? count / batch : count / batch + (count % batch != 0);
    if (options->mode == CNN_BATCH_EPOCH && batches == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "loader: %zu samples do not fill a batch of %zu, and drop_last leaves out what is short",
                         count, batch);
    }
    uint64_t *order = cnn__alloc_array(context, count, sizeof(*order));
    if (order == NULL) {
        return cnn__last_status(context);
    }
    *sampler = (cnn__sampler){
        .context = context,
        .seed = seed,
        .count = count,
        .batch = batch,
        .epoch_batches = batches,
        .mode = (cnn_batch_mode)options->mode,
        .shuffle = options->shuffle != 0,
        .shard = options->shard,
        .shards = options->shards != 0 ? options->shards : 1,
        .blocks = options->blocks != 0   ? options->blocks
                  : options->shards != 0 ? options->shards
                                         : 1,
        .order = order,
    };
    cnn__sampler_order(seed, 0, sampler->shuffle, order, count);
    return CNN_OK;
}

cnn_status cnn__sampler_balance(cnn__sampler *sampler, const cnn_dataset *dataset)
{
    CNN__RETURN_IF_ERROR(cnn__balance_create(sampler->context, dataset, &sampler->balance));
    sampler->shuffle = true;
    cnn__balance_order(&sampler->balance, sampler->seed, 0, sampler->order, sampler->count);
    return CNN_OK;
}

void cnn__sampler_free(cnn__sampler *sampler)
{
    cnn__balance_free(&sampler->balance);
    if (sampler->order != NULL) {
        cnn__free(sampler->context, sampler->order);
        sampler->order = NULL;
    }
}

/* The sample at a place of an epoch. */
static cnn__draw draw(cnn__sampler *sampler, uint64_t epoch, size_t place)
{
    const bool balanced = sampler->balance.context != NULL;
    if (sampler->shuffle && epoch != sampler->epoch && balanced) {
        cnn__balance_order(&sampler->balance, sampler->seed, epoch, sampler->order, sampler->count);
    } else if (sampler->shuffle && epoch != sampler->epoch) {
        cnn__sampler_order(sampler->seed, epoch, true, sampler->order, sampler->count);
    }
    sampler->epoch = sampler->shuffle ? epoch : sampler->epoch;
    return (cnn__draw){.index = sampler->order[place],
                       .epoch = epoch,
                       .turn = balanced ? sampler->balance.turns[place] : epoch};
}

/* The place of the first sample of a batch in the endless row of epochs, position * batch, without that product. */
static void locate(const cnn__sampler *sampler, uint64_t position, uint64_t *epoch, size_t *place)
{
    uint64_t rest = position % sampler->count * sampler->batch;
    *epoch = position / sampler->count * sampler->batch + rest / sampler->count;
    *place = (size_t)(rest % sampler->count);
}

size_t cnn__sampler_most(const cnn__sampler *sampler)
{
    const uint32_t first = (uint32_t)((uint64_t)sampler->shard * sampler->blocks / sampler->shards);
    const uint32_t end = (uint32_t)((uint64_t)(sampler->shard + 1) * sampler->blocks / sampler->shards);
    const uint64_t parts = (uint64_t)(end - first) * sampler->batch;
    return (size_t)(parts / sampler->blocks + (parts % sampler->blocks != 0));
}

size_t cnn__sampler_batch(cnn__sampler *sampler, uint64_t position, cnn__draw *draws, size_t *whole)
{
    uint64_t epoch;
    size_t place, size = sampler->batch;
    if (sampler->mode == CNN_BATCH_WRAP) {
        locate(sampler, position, &epoch, &place);
    } else {
        epoch = position / sampler->epoch_batches;
        place = (size_t)(position % sampler->epoch_batches) * sampler->batch;
        size = sampler->count - place < size ? sampler->count - place : size;
    }
    *whole = size;
    const size_t begin = cnn__share_begin(size, sampler->shard, sampler->shards, sampler->blocks);
    const size_t end = cnn__share_begin(size, sampler->shard + 1, sampler->shards, sampler->blocks);
    epoch += (place + begin) / sampler->count; /* a batch may be larger than an epoch */
    place = (place + begin) % sampler->count;
    for (size_t i = begin; i < end; i++, place++) {
        if (place == sampler->count) {
            place = 0;
            epoch++;
        }
        draws[i - begin] = draw(sampler, epoch, place);
        draws[i - begin].place = (uint32_t)i;
    }
    return end - begin;
}

size_t cnn__sampler_batches(const cnn__sampler *sampler)
{
    size_t full = sampler->count / sampler->batch;
    return sampler->mode == CNN_BATCH_EPOCH ? sampler->epoch_batches : full > 0 ? full : 1;
}

bool cnn__sampler_ends(const cnn__sampler *sampler, uint64_t position)
{
    return sampler->mode == CNN_BATCH_EPOCH && position > 0 && position % sampler->epoch_batches == 0;
}
