/* SPDX-License-Identifier: MIT */
/* The loader: batches in order, errors where they happen, places to go back to. */
#include <cnn/loader.h>

#include <string.h>

#include "core/options.h"
#include "dataset/dataset.h"
#include "loader/loader.h"
#include "loader/prefetch.h"

#define DEFAULT_BATCH 32
#define DEFAULT_PREFETCH 2
#define MAX_WORKERS 1024
#define MAX_PREFETCH 65536

struct cnn_loader {
    cnn_context *context;
    cnn_dataset *dataset;
    cnn_pipeline *pipeline; /* the caller's, or one without steps */
    bool has_pipeline;
    cnn_loader_options options;
    cnn__prefetch prefetch;
    cnn__keep keep;
    uint64_t position;
    bool end_due;                        /* the next call says that an epoch has ended */
    uint64_t skipped, skipped_elsewhere; /* elsewhere: by the loaders of other shards, as training tells it */
    size_t skipped_in_row;
    double wait_seconds;
};

/* ---- options ---- */

static cnn_status read_options(const cnn_context *context, const cnn_loader_options *options, cnn_loader_options *copy)
{
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_loader_options", options, copy, sizeof(*copy)));
    if (copy->mode != CNN_BATCH_EPOCH && copy->mode != CNN_BATCH_WRAP) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loader: mode %d is no cnn_batch_mode", copy->mode);
    }
    if (copy->on_error != CNN_ON_ERROR_FAIL && copy->on_error != CNN_ON_ERROR_SKIP) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loader: on_error %d is no cnn_on_error", copy->on_error);
    }
    if (copy->balanced > 1) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loader: balanced: found %u, expected 0 or 1",
                         copy->balanced);
    }
    if (copy->in_memory > 1) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loader: in_memory: found %u, expected 0 or 1",
                         copy->in_memory);
    }
    if (copy->workers > MAX_WORKERS || copy->prefetch > MAX_PREFETCH) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loader: at most %d workers and %d batches ahead",
                         MAX_WORKERS, MAX_PREFETCH);
    }
    copy->shards = copy->shards != 0 ? copy->shards : 1;
    copy->blocks = copy->blocks != 0 ? copy->blocks : copy->shards;
    if (copy->shard >= copy->shards || copy->blocks < copy->shards) {
        return cnn__fail(
            context, CNN_ERROR_INVALID_ARGUMENT,
            "loader: shard %u of %u, of %u blocks: shards are counted from 0, and each has a block or more",
            copy->shard, copy->shards, copy->blocks);
    }
    copy->batch = copy->batch != 0 ? copy->batch : DEFAULT_BATCH;
    copy->prefetch = copy->prefetch != 0 ? copy->prefetch : DEFAULT_PREFETCH;
    copy->seed = copy->seed != 0 ? copy->seed : cnn_context_seed(context);
    uint32_t threads = cnn_context_threads(context);
    copy->workers = copy->workers != 0 ? copy->workers : threads > 1 ? threads : 0;
    return CNN_OK;
}

/* ---- life ---- */

static cnn_status fill_loader(cnn_loader *loader, const cnn_dataset *dataset)
{
    cnn_context *context = loader->context;
    const cnn_loader_options *options = &loader->options;
    loader->has_pipeline = options->pipeline != NULL;
    loader->dataset = cnn__dataset_retain(dataset);
    if (options->pipeline != NULL) {
        loader->pipeline = cnn__pipeline_retain(options->pipeline);
    } else {
        CNN__RETURN_IF_ERROR(cnn_pipeline_create(context, "", &loader->pipeline));
    }
    cnn__prefetch *prefetch = &loader->prefetch;
    prefetch->collate.context = context;
    CNN__RETURN_IF_ERROR(cnn__collate_create(&prefetch->collate, loader->dataset, loader->pipeline, options->seed));
    if (options->in_memory) {
        CNN__RETURN_IF_ERROR(cnn__collate_keep(&prefetch->collate, &loader->keep, options->memory_limit));
    }
    prefetch->workers = options->workers;
    /* Without workers nothing is made ahead. */
    return cnn__prefetch_create(prefetch, options, options->workers > 0 ? (size_t)options->prefetch + 1 : 1);
}

static void release_loader(cnn_loader *loader)
{
    cnn__keep_free(&loader->keep);
    cnn_pipeline_free(loader->pipeline);
    cnn_dataset_free(loader->dataset);
    cnn__free(loader->context, loader);
}

cnn_status cnn_loader_create(cnn_context *context, const cnn_dataset *dataset, const cnn_loader_options *options,
                             cnn_loader **loader)
{
    cnn_loader_options copy;
    if (loader != NULL) {
        *loader = NULL;
    }
    if (context == NULL || dataset == NULL || loader == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_loader_create: an argument is NULL");
    }
    CNN__RETURN_IF_ERROR(read_options(context, options, &copy));
    if (cnn_dataset_count(dataset) == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "loader: the dataset is empty");
    }
    cnn_loader *made = cnn__alloc_zero(context, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    made->context = context;
    made->options = copy;
    cnn_status status = fill_loader(made, dataset);
    if (status != CNN_OK) {
        release_loader(made);
        return status;
    }
    *loader = made;
    return CNN_OK;
}

void cnn_loader_free(cnn_loader *loader)
{
    if (loader != NULL) {
        cnn__prefetch_free(&loader->prefetch);
        release_loader(loader);
    }
}

/* ---- batches ---- */

/* What becomes of a batch in which samples failed. */
static cnn_status handle_failures(cnn_loader *loader, cnn__slot *slot)
{
    if (loader->options.on_error == CNN_ON_ERROR_FAIL || !cnn__is_of_sample(slot->status)) {
        return cnn__fail(loader->context, slot->status, "%s", slot->message);
    }
    loader->skipped += slot->failures;
    if (slot->failures == 1) {
        cnn__log(loader->context, CNN_LOG_WARNING, "loader: left out: %s", slot->message);
    } else {
        cnn__log(loader->context, CNN_LOG_WARNING, "loader: %zu samples left out, the first: %s", slot->failures,
                 slot->message);
    }
    loader->skipped_in_row = slot->failures < slot->count ? 0 : loader->skipped_in_row + slot->failures;
    cnn__slot_close_gaps(&loader->prefetch.collate, slot);
    if (loader->skipped_in_row >= cnn_dataset_count(loader->dataset) && loader->options.mode == CNN_BATCH_WRAP) {
        loader->skipped_in_row = 0;
        return cnn__fail(loader->context, slot->status, "no sample of the dataset can be used; the last: %s",
                         slot->message);
    }
    return CNN_OK;
}

/* Fills what the caller's struct has room for. */
static void give(const cnn_loader *loader, const cnn__slot *slot, cnn_batch *batch)
{
    const size_t size = batch->struct_size < sizeof(cnn_batch) ? batch->struct_size : sizeof(cnn_batch);
    const cnn_shape *one = &loader->prefetch.collate.shape;
    size_t count = slot != NULL ? slot->count : 0;
    int64_t images = (int64_t)(count * cnn__pipeline_views(loader->pipeline));
    cnn_batch given = {
        .struct_size = batch->struct_size,
        .count = count,
        .shape = {4, 0, {images, one->dims[0], one->dims[1], one->dims[2]}},
        .epoch = loader->position / cnn_loader_batches(loader),
        .whole = slot != NULL ? slot->whole : 0,
    };
    if (slot != NULL) {
        given.images = slot->images;
        given.labels = slot->labels;
        given.indices = slot->indices;
        given.targets = slot->targets;
        given.target_count = loader->prefetch.collate.target_count;
        given.weights = slot->weights;
        given.groups = slot->groups;
        given.places = slot->places;
        given.epoch = count > 0 ? slot->draws[count - 1].epoch : slot->epoch;
    }
    memcpy(batch, &given, size);
}

/* Workers do not follow their loader into a child process: waiting for them there would never end. */
static cnn_status check_process(const cnn_loader *loader)
{
    return cnn__prefetch_is_here(&loader->prefetch)
               ? CNN_OK
               : cnn__fail(loader->context, CNN_ERROR_STATE,
                           "loader: its %u workers stayed in the process that made it: after fork() a child makes a "
                           "loader of its own",
                           (unsigned)loader->options.workers);
}

cnn_status cnn_loader_next(cnn_loader *loader, cnn_batch *batch)
{
    if (loader == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (batch == NULL || batch->struct_size < offsetof(cnn_batch, shape)) {
        return cnn__fail(loader->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_loader_next: batch is NULL, or not set to CNN_BATCH_INIT");
    }
    CNN__RETURN_IF_ERROR(check_process(loader));
    for (;;) {
        if (loader->end_due) {
            loader->end_due = false;
            cnn__prefetch_release(&loader->prefetch);
            give(loader, NULL, batch);
            return CNN_OK;
        }
        cnn__slot *slot = cnn__prefetch_next(&loader->prefetch, &loader->wait_seconds);
        loader->position++;
        loader->end_due = cnn__sampler_ends(&loader->prefetch.sampler, loader->position);
        if (slot->failures > 0) {
            CNN__RETURN_IF_ERROR(handle_failures(loader, slot));
        } else {
            loader->skipped_in_row = 0;
        }
        if (slot->count > 0 || loader->options.shards > 1) { /* other shards may have samples */
            give(loader, slot, batch);
            return CNN_OK;
        }
    }
}

cnn_status cnn_loader_seek(cnn_loader *loader, uint64_t batches)
{
    if (loader == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(check_process(loader));
    if (batches > CNN__LAST_POSITION) {
        return cnn__fail(loader->context, CNN_ERROR_LIMIT, "cnn_loader_seek: %llu batches are over the limit of %llu",
                         (unsigned long long)batches, (unsigned long long)CNN__LAST_POSITION);
    }
    loader->end_due = false;
    if (batches != loader->position) {
        cnn__prefetch_seek(&loader->prefetch, batches);
        loader->position = batches;
    }
    return CNN_OK;
}

/* ---- what a loader says of itself ---- */

uint64_t cnn_loader_position(const cnn_loader *loader) { return loader != NULL ? loader->position : 0; }

size_t cnn_loader_batches(const cnn_loader *loader)
{
    return loader != NULL ? cnn__sampler_batches(&loader->prefetch.sampler) : 0;
}

size_t cnn_loader_batch_size(const cnn_loader *loader) { return loader != NULL ? loader->options.batch : 0; }

cnn_shape cnn_loader_sample_shape(const cnn_loader *loader)
{
    return loader != NULL ? loader->prefetch.collate.shape : (cnn_shape){0, 0, {0}};
}

const cnn_dataset *cnn_loader_dataset(const cnn_loader *loader) { return loader != NULL ? loader->dataset : NULL; }

const cnn_pipeline *cnn_loader_pipeline(const cnn_loader *loader)
{
    return loader != NULL && loader->has_pipeline ? loader->pipeline : NULL;
}

const cnn_loader_options *cnn__loader_options(const cnn_loader *loader) { return &loader->options; }

uint64_t cnn_loader_skipped(const cnn_loader *loader)
{
    return loader != NULL ? loader->skipped + loader->skipped_elsewhere : 0;
}

uint64_t cnn__loader_skipped_here(const cnn_loader *loader) { return loader->skipped; }

void cnn__loader_note_skipped(cnn_loader *loader, uint64_t elsewhere) { loader->skipped_elsewhere = elsewhere; }

size_t cnn__loader_share(const cnn_loader *loader) { return cnn__sampler_most(&loader->prefetch.sampler); }

double cnn_loader_wait_seconds(const cnn_loader *loader) { return loader != NULL ? loader->wait_seconds : 0.0; }

uint64_t cnn_loader_kept_bytes(const cnn_loader *loader) { return loader != NULL ? loader->keep.bytes : 0; }

uint32_t cnn__loader_views(const cnn_loader *loader) { return cnn__pipeline_views(loader->pipeline); }

bool cnn__loader_orients(const cnn_loader *loader)
{
    return cnn__pipeline_orients(loader->pipeline) || cnn__dataset_orients(loader->dataset);
}

cnn_status cnn__loader_preprocessing(const cnn_loader *loader, const cnn_pipeline *own, bool orient,
                                     cnn_pipeline **preprocessing)
{
    cnn_pipeline *steady = NULL;
    *preprocessing = NULL;
    if (own != NULL) {
        return orient && !cnn__pipeline_orients(own) ? cnn__pipeline_with_orient(own, preprocessing) : CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn_pipeline_for_evaluation(loader->pipeline, &steady));
    if (!orient) {
        *preprocessing = steady;
        return CNN_OK;
    }
    cnn_status status = cnn__pipeline_with_orient(steady, preprocessing);
    cnn_pipeline_free(steady);
    return status;
}

bool cnn__loader_at_epoch_start(const cnn_loader *loader)
{
    return !loader->end_due && loader->position % cnn_loader_batches(loader) == 0;
}

bool cnn__loader_at_epoch_end(const cnn_loader *loader)
{
    return cnn__sampler_ends(&loader->prefetch.sampler, loader->position);
}

/* The message of a loader's failure for a call that reports to another context. */
static cnn_status report(const cnn_context *context, const cnn_loader *loader, cnn_status status)
{
    return status == CNN_OK || loader->context == context
               ? status
               : cnn__fail(context, status, "%s", cnn_last_error(loader->context));
}

cnn_status cnn__loader_rewind(const cnn_context *context, cnn_loader *loader)
{
    return cnn__loader_at_epoch_start(loader) ? CNN_OK : report(context, loader, cnn_loader_seek(loader, 0));
}

cnn_status cnn__loader_begin_epoch(const cnn_context *context, cnn_loader *loader)
{
    const size_t batches = cnn_loader_batches(loader);
    if (loader->options.mode == CNN_BATCH_WRAP || cnn__loader_at_epoch_start(loader)) {
        return CNN_OK;
    }
    return report(context, loader, cnn_loader_seek(loader, (loader->position + batches - 1) / batches * batches));
}

cnn_status cnn__loader_next(const cnn_context *context, cnn_loader *loader, cnn_batch *batch)
{
    return report(context, loader, cnn_loader_next(loader, batch));
}

cnn_batch_mode cnn_loader_mode(const cnn_loader *loader)
{
    return loader != NULL ? (cnn_batch_mode)loader->options.mode : CNN_BATCH_EPOCH;
}
