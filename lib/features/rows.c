/* SPDX-License-Identifier: MIT */
/* Rows of features, and a dataset of them: each sample is an image of one row and one channel. */
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "features/features.h"

cnn_status cnn__rows_open(cnn_context *context, size_t capacity, size_t values, const cnn_dataset *like, bool in_file,
                          cnn__rows *rows)
{
    size_t all, targets;
    *rows = (cnn__rows){.context = context,
                        .capacity = capacity,
                        .values = values,
                        .target_count = cnn_dataset_target_count(like),
                        .weighted = cnn_dataset_weighted(like),
                        .descriptor = -1};
    if (!cnn__mul_size(capacity, values, &all) || !cnn__mul_size(capacity, rows->target_count, &targets)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "features: %zu rows of %zu values are too large", capacity, values);
    }
    if (in_file) {
        rows->sums = cnn__alloc_array(context, capacity, sizeof(*rows->sums));
    } else {
        rows->block = cnn__alloc_array(context, all, sizeof(*rows->block));
    }
    rows->labels = cnn__alloc_array(context, capacity, sizeof(*rows->labels));
    rows->groups = cnn__alloc_array(context, capacity, sizeof(*rows->groups));
    rows->weights = cnn__alloc_array(context, capacity, sizeof(*rows->weights));
    rows->targets = targets > 0 ? cnn__alloc_array(context, targets, sizeof(*rows->targets)) : NULL;
    const bool complete = (rows->block != NULL || rows->sums != NULL) && rows->labels != NULL && rows->groups != NULL &&
                          rows->weights != NULL && (rows->targets != NULL || targets == 0);
    return complete ? CNN_OK : cnn__last_status(context);
}

void cnn__rows_close(cnn__rows *rows)
{
    if (rows->context == NULL) {
        return;
    }
    cnn__free(rows->context, rows->block);
    cnn__free(rows->context, rows->labels);
    cnn__free(rows->context, rows->groups);
    cnn__free(rows->context, rows->weights);
    cnn__free(rows->context, rows->targets);
    cnn__free(rows->context, rows->sums);
    cnn__free(rows->context, rows->path);
    if (rows->descriptor >= 0) {
        close(rows->descriptor);
    }
    *rows = (cnn__rows){.descriptor = -1};
}

cnn_status cnn__rows_add(cnn__rows *rows, const cnn_batch *batch, const float *features, cnn__writer *writer)
{
    const size_t each = rows->values * sizeof(float), at = rows->count;
    if (batch->count > rows->capacity - at) {
        return cnn__fail(rows->context, CNN_ERROR_INTERNAL, "features: more than %zu samples came", rows->capacity);
    }
    for (size_t i = 0; i < batch->count && rows->sums != NULL; i++) {
        rows->sums[at + i] = (uint32_t)crc32_z(0, (const Bytef *)(features + i * rows->values), each);
    }
    if (rows->block != NULL) {
        memcpy(rows->block + at * rows->values, features, batch->count * each);
    }
    memcpy(rows->labels + at, batch->labels, batch->count * sizeof(*rows->labels));
    memcpy(rows->groups + at, batch->groups, batch->count * sizeof(*rows->groups));
    for (size_t i = 0; i < batch->count; i++) {
        rows->weights[at + i] = batch->weights != NULL ? batch->weights[i] : 1;
    }
    if (rows->targets != NULL) {
        memcpy(rows->targets + at * rows->target_count, batch->targets,
               batch->count * rows->target_count * sizeof(float));
    }
    rows->count += batch->count;
    return rows->block == NULL ? cnn__writer_write(writer, features, batch->count * each) : CNN_OK;
}

/* ---- the dataset ---- */

typedef struct rows_source {
    cnn__source base;
    cnn__rows rows;
} rows_source;

static const cnn__rows *rows_of(const cnn__source *source) { return &((const rows_source *)source)->rows; }

static cnn_status read_row(const cnn__source *source, size_t index, const cnn_decode_options *decode,
                           cnn__sample *sample)
{
    const cnn__rows *rows = rows_of(source);
    (void)decode;
    sample->label = rows->labels[index];
    sample->weight = rows->weights[index];
    sample->targets = rows->targets != NULL ? rows->targets + index * rows->target_count : NULL;
    sample->height = sample->channels = 1;
    sample->width = (uint32_t)rows->values;
    if (rows->block != NULL) {
        sample->floats = rows->block + index * rows->values;
        return CNN_OK;
    }
    float *values = cnn__alloc_array(source->context, rows->values, sizeof(*values));
    if (values == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    const cnn_status status = cnn__rows_read(rows, index, values);
    if (status != CNN_OK) {
        cnn__free(source->context, values);
        return status;
    }
    sample->floats = values;
    return CNN_OK;
}

static void release_row(const cnn__source *source, cnn__sample *sample)
{
    if (rows_of(source)->block == NULL) {
        cnn__free(source->context, (void *)sample->floats);
    }
}

static int32_t label_of(const cnn__source *source, size_t index) { return rows_of(source)->labels[index]; }

static int64_t group_of(const cnn__source *source, size_t index) { return rows_of(source)->groups[index]; }

static float weight_of(const cnn__source *source, size_t index) { return rows_of(source)->weights[index]; }

static bool targets_of(const cnn__source *source, size_t index, float *targets)
{
    const cnn__rows *rows = rows_of(source);
    memcpy(targets, rows->targets + index * rows->target_count, rows->target_count * sizeof(*targets));
    return true;
}

static void destroy(cnn__source *source) { cnn__rows_close(&((rows_source *)source)->rows); }

static const cnn__source_kind rows_kind = {
    .name = "features",
    .read = read_row,
    .release = release_row,
    .label = label_of,
    .group = group_of,
    .weight = weight_of,
    .targets = targets_of,
    .destroy = destroy,
};

static cnn_status copy_classes(const cnn_dataset *like, cnn__source *source)
{
    const size_t count = cnn_dataset_class_count(like);
    const char **names = cnn__alloc_array(source->context, count + 1, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn_dataset_class_name(like, i);
    }
    const cnn_status status = cnn__classes_init(source->context, names, count, &source->classes);
    cnn__free(source->context, names);
    return status;
}

cnn_status cnn__rows_dataset(cnn__rows *rows, const cnn_dataset *like, cnn_dataset **dataset)
{
    rows_source *source = cnn__source_create(rows->context, &rows_kind, sizeof(*source));
    if (source == NULL) {
        cnn__rows_close(rows);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    source->rows = *rows;
    *rows = (cnn__rows){.descriptor = -1};
    source->base.count = source->rows.count;
    source->base.target_count = source->rows.target_count;
    source->base.weighted = source->rows.weighted;
    source->base.task = cnn_dataset_target_count(like) > 0 ? cnn_dataset_task(like) : CNN_TASK_UNKNOWN;
    source->base.shape = (cnn_shape){3, 0, {1, (int64_t)source->rows.values, 1}};
    const cnn_status status = copy_classes(like, &source->base);
    if (status != CNN_OK) {
        cnn__source_release(&source->base);
        return status;
    }
    return cnn__dataset_wrap(&source->base, dataset);
}
