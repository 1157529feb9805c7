/* SPDX-License-Identifier: MIT */
/* Samples to batches. */
#include "loader/collate.h"

#include <stdio.h>
#include <string.h>

#include "dataset/dataset.h"

/* Samples that are read to learn what they are like, when the first ones cannot be read. */
#define MAX_PROBES 64

/* ---- the shape of samples ---- */

bool cnn__is_of_sample(cnn_status status)
{
    return status != CNN_ERROR_OUT_OF_MEMORY && status != CNN_ERROR_CANCELLED && status != CNN_ERROR_INTERNAL;
}

/* Channels of the first sample that can be read, and whether its values are floats. */
static cnn_status probe(const cnn__collate *collate, int64_t *channels, bool *floats)
{
    size_t count = cnn_dataset_count(collate->dataset);
    cnn_status status = CNN_OK;
    for (size_t i = 0; i < count && i < MAX_PROBES; i++) {
        cnn__sample sample;
        status = cnn__dataset_read(collate->dataset, i, &collate->decoding, &sample);
        if (status == CNN_OK) {
            *channels = sample.channels;
            *floats = sample.image == NULL;
            cnn__sample_free(&sample);
            return CNN_OK;
        }
        if (!cnn__is_of_sample(status)) {
            break; /* the next sample would only hide it */
        }
    }
    return status;
}

static cnn_status find_shape(const cnn__collate *collate, cnn_shape *shape)
{
    const cnn_shape source = cnn_dataset_shape(collate->dataset);
    int64_t dims[3] = {0, 0, 0};
    if (source.rank == 3) {
        memcpy(dims, source.dims, sizeof(dims));
    }
    bool floats = false;
    cnn__pipeline_dims(collate->pipeline, dims);
    if (dims[0] == 0 || dims[1] == 0) {
        return cnn__fail(collate->context, CNN_ERROR_SHAPE,
                         "loader: the images have no common size, and the pipeline \"%s\" does not give them one: add "
                         "resize=HxW or a crop",
                         cnn_pipeline_text(collate->pipeline));
    }
    if (source.rank == 3) {
        CNN__RETURN_IF_ERROR(
            cnn__pipeline_check_channels(collate->context, "loader", collate->pipeline, source.dims[2]));
    } else if (dims[2] == 0) {
        CNN__RETURN_IF_ERROR(probe(collate, &dims[2], &floats));
        CNN__RETURN_IF_ERROR(cnn__pipeline_check_channels(collate->context, "loader", collate->pipeline, dims[2]));
    }
    *shape = (cnn_shape){3, 0, {dims[0], dims[1], dims[2]}};
    return CNN_OK;
}

cnn_status cnn__collate_create(cnn__collate *collate, const cnn_dataset *dataset, const cnn_pipeline *pipeline,
                               uint64_t seed)
{
    collate->dataset = dataset;
    collate->pipeline = pipeline;
    collate->decoding = cnn__pipeline_decoding(pipeline);
    collate->seed = seed;
    collate->target_count = cnn_dataset_target_count(dataset);
    collate->weighted = cnn_dataset_weighted(dataset);
    CNN__RETURN_IF_ERROR(find_shape(collate, &collate->shape));
    if (!cnn__shape_values(&collate->shape, &collate->values) ||
        !cnn__mul_size(collate->values, cnn__pipeline_views(pipeline), &collate->values)) {
        return cnn__fail(collate->context, CNN_ERROR_LIMIT, "loader: the samples are too large");
    }
    return CNN_OK;
}

cnn_status cnn__collate_keep(cnn__collate *collate, cnn__keep *keep, uint64_t limit)
{
    const cnn_shape known = cnn_dataset_shape(collate->dataset);
    cnn__keep_source source = {{0, 0, 0}, false, 0, false};
    int64_t channels = 0;
    CNN__RETURN_IF_ERROR(probe(collate, &channels, &source.floats));
    if (known.rank == 3) {
        memcpy(source.dims, known.dims, sizeof(source.dims));
    } else {
        source.dims[2] = channels;
    }
    source.target_count = collate->target_count;
    source.weighted = collate->weighted;
    CNN__RETURN_IF_ERROR(cnn__keep_create(keep, collate->context, collate->pipeline, &source,
                                          cnn_dataset_count(collate->dataset), limit));
    collate->keep = keep;
    return CNN_OK;
}

/* ---- the arrays of a batch ---- */

cnn_status cnn__slot_create(const cnn__collate *collate, size_t samples, cnn__slot *slot)
{
    cnn_context *context = collate->context;
    size_t values, target_values;
    if (!cnn__mul_size(samples, collate->values, &values) ||
        !cnn__mul_size(samples, collate->target_count, &target_values)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "loader: a batch of %zu samples of %zu values is too large", samples,
                         collate->values);
    }
    /* The images first: where they are too large nothing else is asked for. */
    slot->images = cnn__alloc_array(context, values, sizeof(*slot->images));
    if (slot->images == NULL) {
        return cnn__last_status(context);
    }
    const bool targets = collate->target_count > 0;
    slot->labels = cnn__alloc_array(context, samples, sizeof(*slot->labels));
    slot->targets = targets ? cnn__alloc_array(context, target_values, sizeof(*slot->targets)) : NULL;
    slot->weights = collate->weighted ? cnn__alloc_array(context, samples, sizeof(*slot->weights)) : NULL;
    slot->groups = cnn__alloc_array(context, samples, sizeof(*slot->groups));
    slot->indices = cnn__alloc_array(context, samples, sizeof(*slot->indices));
    slot->draws = cnn__alloc_array(context, samples, sizeof(*slot->draws));
    slot->places = cnn__alloc_array(context, samples, sizeof(*slot->places));
    slot->failed = cnn__alloc_array(context, samples, sizeof(*slot->failed));
    bool complete = slot->labels != NULL && (slot->targets != NULL || !targets) &&
                    (slot->weights != NULL || !collate->weighted) && slot->groups != NULL && slot->indices != NULL &&
                    slot->draws != NULL && slot->places != NULL && slot->failed != NULL;
    return complete ? CNN_OK : cnn__last_status(context);
}

void cnn__slot_free(cnn_context *context, cnn__slot *slot)
{
    cnn__free(context, slot->images);
    cnn__free(context, slot->labels);
    cnn__free(context, slot->targets);
    cnn__free(context, slot->weights);
    cnn__free(context, slot->groups);
    cnn__free(context, slot->indices);
    cnn__free(context, slot->draws);
    cnn__free(context, slot->places);
    cnn__free(context, slot->failed);
}

void cnn__slot_close_gaps(const cnn__collate *collate, cnn__slot *slot)
{
    size_t kept = 0;
    for (size_t i = 0; i < slot->count; i++) {
        if (slot->failed[i] != 0) {
            continue;
        }
        if (kept != i) {
            memcpy(slot->images + kept * collate->values, slot->images + i * collate->values,
                   collate->values * sizeof(float));
            slot->labels[kept] = slot->labels[i];
            slot->groups[kept] = slot->groups[i];
            if (slot->weights != NULL) {
                slot->weights[kept] = slot->weights[i];
            }
            if (slot->targets != NULL) {
                memcpy(slot->targets + kept * collate->target_count, slot->targets + i * collate->target_count,
                       collate->target_count * sizeof(float));
            }
            slot->indices[kept] = slot->indices[i];
            slot->draws[kept] = slot->draws[i];
            slot->places[kept] = slot->places[i];
        }
        kept++;
    }
    slot->count = kept;
}

/* ---- one sample ---- */

static const char *name_sample(const cnn_dataset *dataset, uint64_t index, char *text, size_t size)
{
    char number[32];
    const char *path = cnn_dataset_path(dataset, (size_t)index);
    snprintf(number, sizeof(number), "sample %llu", (unsigned long long)index);
    return cnn__printable(path != NULL ? path : number, text, size);
}

/* Where what is attached to sample number `at` of the batch goes. */
static cnn__attached attached_to(const cnn__collate *collate, const cnn__slot *slot, size_t at)
{
    return (cnn__attached){
        .label = &slot->labels[at],
        .weight = slot->weights != NULL ? &slot->weights[at] : NULL,
        .targets = slot->targets != NULL ? slot->targets + at * collate->target_count : NULL,
    };
}

/* Runs the pipeline on a sample as it was read, and keeps it if that is wanted. */
static cnn_status apply_read(const cnn__collate *collate, const cnn__sample *sample, const cnn__attached *attached,
                             cnn__pipeline_run *run)
{
    run->bytes = sample->image != NULL ? sample->image->pixels : NULL;
    run->padded = sample->owned != NULL;
    run->floats = sample->image != NULL ? NULL : sample->floats;
    run->height = sample->height;
    run->width = sample->width;
    run->channels = sample->channels;
    if (collate->keep != NULL) {
        run->form = &collate->keep->form;
        run->keep = cnn__keep_begin(collate->keep, (size_t)run->sample);
    }
    cnn_status status = cnn__pipeline_apply(collate->pipeline, run);
    if (run->keep != NULL) {
        cnn__keep_end(collate->keep, (size_t)run->sample, attached, status == CNN_OK && run->kept);
    }
    return status;
}

/* Runs the rest of the pipeline on an image that was kept. */
static cnn_status apply_kept(const cnn__collate *collate, const void *image, cnn__pipeline_run *run)
{
    const cnn__kept_form *form = &collate->keep->form;
    run->bytes = form->floats ? NULL : image;
    run->floats = form->floats ? image : NULL;
    run->height = (uint32_t)form->shape.dims[0];
    run->width = (uint32_t)form->shape.dims[1];
    run->channels = (uint32_t)form->shape.dims[2];
    run->done = form->steps;
    return cnn__pipeline_apply(collate->pipeline, run);
}

cnn_status cnn__collate_sample(const cnn__collate *collate, cnn__slot *slot, size_t at, cnn__scratch *scratch,
                               const cnn_context **from)
{
    char name[512];
    const cnn__draw draw = slot->draws[at];
    cnn__pipeline_run run = {
        .scratch = scratch,
        .name = name_sample(collate->dataset, draw.index, name, sizeof(name)),
        .seed = collate->seed,
        .epoch = draw.turn,
        .sample = draw.index,
        .expected = &collate->shape,
        .values = slot->images + at * collate->values,
        .capacity = collate->values,
    };
    const cnn__attached attached = attached_to(collate, slot, at);
    slot->indices[at] = draw.index;
    slot->places[at] = draw.place;
    slot->groups[at] = cnn_dataset_group(collate->dataset, (size_t)draw.index);
    *from = collate->context;
    const void *kept = collate->keep != NULL ? cnn__keep_find(collate->keep, (size_t)draw.index, &attached) : NULL;
    if (kept != NULL) {
        return apply_kept(collate, kept, &run);
    }
    cnn__sample sample;
    *from = cnn__dataset_context(collate->dataset);
    CNN__RETURN_IF_ERROR(cnn__dataset_read(collate->dataset, (size_t)draw.index, &collate->decoding, &sample));
    *from = collate->context;
    *attached.label = sample.label;
    if (attached.weight != NULL) {
        *attached.weight = sample.weight;
    }
    if (attached.targets != NULL) {
        memcpy(attached.targets, sample.targets, collate->target_count * sizeof(float));
    }
    cnn_status status = apply_read(collate, &sample, &attached, &run);
    cnn__sample_free(&sample);
    return status;
}
