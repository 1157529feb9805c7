/* SPDX-License-Identifier: MIT */
/* The dataset handle: a counted reference to a source, and which of its samples in which order. */
#include <string.h>

#include "core/options.h"
#include "dataset/manifest.h"
#include "dataset/source.h"

struct cnn_dataset {
    atomic_size_t references;
    cnn__source *source;
    size_t count;
    uint64_t *indices; /* into the source; NULL: all of its samples in order */
};

void *cnn__source_create(cnn_context *context, const cnn__source_kind *kind, size_t size)
{
    cnn__source *source = cnn__alloc_zero(context, size);
    if (source != NULL) {
        source->kind = kind;
        source->context = context;
        atomic_init(&source->references, 1);
    }
    return source;
}

void cnn__source_release(cnn__source *source)
{
    if (source == NULL || atomic_fetch_sub(&source->references, 1) != 1) {
        return;
    }
    cnn_context *context = source->context;
    source->kind->destroy(source);
    cnn__classes_free(&source->classes);
    cnn__free(context, source);
}

/* Takes over the source's reference and the indices, also on failure. */
static cnn_status dataset_create(cnn__source *source, uint64_t *indices, size_t count, cnn_dataset **dataset)
{
    cnn_context *context = source->context;
    cnn_dataset *created = cnn__alloc_zero(context, sizeof(*created));
    if (created == NULL) {
        cnn__free(context, indices);
        cnn__source_release(source);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    atomic_init(&created->references, 1);
    created->source = source;
    created->indices = indices;
    created->count = count;
    *dataset = created;
    return CNN_OK;
}

cnn_status cnn__dataset_wrap(cnn__source *source, cnn_dataset **dataset)
{
    return dataset_create(source, NULL, source->count, dataset);
}

cnn__source *cnn__dataset_whole_source(const cnn_dataset *dataset)
{
    return dataset->indices == NULL ? dataset->source : NULL;
}

cnn_status cnn__dataset_begin(cnn_context *context, const void *argument, const char *name, cnn_dataset **dataset)
{
    if (dataset != NULL) {
        *dataset = NULL;
    }
    if (context == NULL || argument == NULL || dataset == NULL) {
        const char *missing = context == NULL ? "context" : argument == NULL ? name : "dataset";
        cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "dataset: %s is NULL", missing);
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    return CNN_OK;
}

cnn_status cnn__check_task(const cnn_context *context, const char *what, int32_t task)
{
    return task >= CNN_TASK_UNKNOWN && task <= CNN_TASK_VALUES
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: task %d is no cnn_task", what, (int)task);
}

cnn_status cnn__files_options_copy(cnn_context *context, const cnn_files_options *options, cnn_files_options *copy)
{
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_files_options", options, copy, sizeof(*copy)));
    if (copy->channels != 0 && copy->channels != 1 && copy->channels != 3) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_files_options: channels: found %u, expected 0, 1 or 3", copy->channels);
    }
    if ((copy->classes == NULL) != (copy->class_count == 0)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_files_options: classes and class_count are given together or not at all");
    }
    if (copy->part == NULL) {
        copy->part = "train";
    }
    if (strcmp(copy->part, "train") != 0 && strcmp(copy->part, "test") != 0 && strcmp(copy->part, "validation") != 0 &&
        strcmp(copy->part, "all") != 0) {
        char text[64];
        return cnn__fail(
            context, CNN_ERROR_INVALID_ARGUMENT,
            "cnn_files_options: part: found \"%s\", expected \"train\", \"validation\", \"test\" or \"all\"",
            cnn__printable(copy->part, text, sizeof(text)));
    }
    CNN__RETURN_IF_ERROR(cnn__check_task(context, "cnn_files_options", copy->task));
    if (copy->on_error != CNN_ON_ERROR_FAIL && copy->on_error != CNN_ON_ERROR_SKIP) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_files_options: on_error %d is no cnn_on_error",
                         copy->on_error);
    }
    return CNN_OK;
}

cnn_status cnn__files_two_parts(cnn_context *context, const char *path, cnn_files_options *options)
{
    if (strcmp(options->part, "all") == 0) {
        return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "%s: is opened by one of its parts, train or test", path);
    }
    options->part = strcmp(options->part, "train") == 0 ? "train" : "test";
    return CNN_OK;
}

cnn_dataset *cnn__dataset_retain(const cnn_dataset *dataset)
{
    /* The count is the one part of a dataset that changes. */
    cnn_dataset *shared = (cnn_dataset *)dataset;
    atomic_fetch_add(&shared->references, 1);
    return shared;
}

void cnn_dataset_free(cnn_dataset *dataset)
{
    if (dataset == NULL || atomic_fetch_sub(&dataset->references, 1) != 1) {
        return;
    }
    cnn_context *context = dataset->source->context;
    cnn__source_release(dataset->source);
    cnn__free(context, dataset->indices);
    cnn__free(context, dataset);
}

cnn_context *cnn__dataset_context(const cnn_dataset *dataset) { return dataset->source->context; }

static size_t source_index(const cnn_dataset *dataset, size_t index)
{
    return dataset->indices != NULL ? (size_t)dataset->indices[index] : index;
}

bool cnn__dataset_orients(const cnn_dataset *dataset) { return dataset->source->orients; }

cnn_status cnn__dataset_read(const cnn_dataset *dataset, size_t index, const cnn_decode_options *decode,
                             cnn__sample *sample)
{
    const cnn__source *source = dataset->source;
    const cnn_decode_options defaults = {.struct_size = sizeof(defaults)};
    memset(sample, 0, sizeof(*sample));
    if (index >= dataset->count) {
        return cnn__fail(source->context, CNN_ERROR_INVALID_ARGUMENT, "dataset: sample %zu of %zu does not exist",
                         index, dataset->count);
    }
    sample->label = -1;
    sample->weight = 1;
    sample->source = source;
    sample->deep = decode != NULL;
    cnn_status status = source->kind->read(source, source_index(dataset, index), decode != NULL ? decode : &defaults,
                                           sample);
    if (status != CNN_OK) {
        memset(sample, 0, sizeof(*sample));
    }
    return status;
}

void cnn__sample_free(cnn__sample *sample)
{
    if (sample->source == NULL) {
        return;
    }
    if (sample->source->kind->release != NULL) {
        sample->source->kind->release(sample->source, sample);
    }
    cnn_image_free(sample->owned);
    memset(sample, 0, sizeof(*sample));
}

void cnn__sample_view(cnn__sample *sample, cnn_context *context, const uint8_t *pixels, uint32_t height, uint32_t width,
                      uint32_t channels)
{
    sample->view = (cnn_image){
        .context = context, .width = width, .height = height, .channels = channels, .pixels = (uint8_t *)pixels};
    sample->image = &sample->view;
    sample->height = height;
    sample->width = width;
    sample->channels = channels;
}

void cnn__sample_own(cnn__sample *sample, cnn_image *image)
{
    sample->owned = image;
    sample->image = image->values == NULL ? image : NULL;
    sample->floats = image->values;
    sample->height = image->height;
    sample->width = image->width;
    sample->channels = image->channels;
}

cnn_status cnn__sample_load(const cnn__source *source, const char *path, const cnn_decode_options *options,
                            cnn__sample *sample)
{
    cnn_image *image;
    CNN__RETURN_IF_ERROR(sample->deep ? cnn__image_load_deep(source->context, path, options, &image)
                                      : cnn_image_load(source->context, path, options, &image));
    cnn__sample_own(sample, image);
    return CNN_OK;
}

cnn_status cnn_dataset_subset(const cnn_dataset *dataset, const uint64_t *indices, size_t count, cnn_dataset **subset)
{
    cnn_context *context = dataset != NULL ? dataset->source->context : NULL;
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, indices, "indices", subset));
    if (count == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "dataset: a subset of no samples");
    }
    uint64_t *mapped = cnn__alloc_array(context, count, sizeof(*mapped));
    if (mapped == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (indices[i] >= dataset->count) {
            cnn__free(context, mapped);
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "dataset: index %zu of the subset: found %llu, expected below %zu", i,
                             (unsigned long long)indices[i], dataset->count);
        }
        mapped[i] = source_index(dataset, (size_t)indices[i]);
    }
    atomic_fetch_add(&dataset->source->references, 1);
    return dataset_create(dataset->source, mapped, count, subset);
}

size_t cnn_dataset_count(const cnn_dataset *dataset) { return dataset != NULL ? dataset->count : 0; }

uint64_t cnn_dataset_left_out(const cnn_dataset *dataset)
{
    return dataset != NULL ? (uint64_t)dataset->source->left_out : 0;
}

size_t cnn_dataset_class_count(const cnn_dataset *dataset)
{
    return dataset != NULL ? dataset->source->classes.count : 0;
}

const char *cnn_dataset_class_name(const cnn_dataset *dataset, size_t label)
{
    return dataset != NULL ? cnn__classes_name(&dataset->source->classes, label) : NULL;
}

int32_t cnn_dataset_label(const cnn_dataset *dataset, size_t index)
{
    if (dataset == NULL || index >= dataset->count) {
        return -1;
    }
    return dataset->source->kind->label(dataset->source, source_index(dataset, index));
}

size_t cnn_dataset_target_count(const cnn_dataset *dataset)
{
    return dataset != NULL ? dataset->source->target_count : 0;
}

cnn_task cnn_dataset_task(const cnn_dataset *dataset)
{
    if (dataset == NULL) {
        return CNN_TASK_UNKNOWN;
    }
    return dataset->source->target_count == 0 ? CNN_TASK_CLASSES : dataset->source->task;
}

cnn_status cnn_dataset_targets(const cnn_dataset *dataset, size_t index, float *targets, size_t capacity)
{
    if (dataset == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const cnn__source *source = dataset->source;
    if (targets == NULL || index >= dataset->count) {
        return cnn__fail(source->context, CNN_ERROR_INVALID_ARGUMENT, "dataset: targets of sample %zu of %zu: %s",
                         index, dataset->count, targets == NULL ? "no place for them" : "it does not exist");
    }
    if (capacity < source->target_count) {
        return cnn__fail(source->context, CNN_ERROR_LIMIT, "dataset: room for %zu targets is too little for %zu",
                         capacity, source->target_count);
    }
    const bool known = source->target_count == 0 ||
                       (source->kind->targets != NULL &&
                        source->kind->targets(source, source_index(dataset, index), targets));
    return known ? CNN_OK
                 : cnn__fail(source->context, CNN_ERROR_UNSUPPORTED,
                             "dataset: the targets of sample %zu are not known before it is read", index);
}

float cnn_dataset_weight(const cnn_dataset *dataset, size_t index)
{
    if (dataset == NULL || index >= dataset->count || dataset->source->kind->weight == NULL) {
        return 1;
    }
    return dataset->source->kind->weight(dataset->source, source_index(dataset, index));
}

bool cnn_dataset_has_part(const cnn_dataset *dataset, const char *part)
{
    return dataset != NULL && part != NULL && (dataset->source->parts & cnn__part_of_word(part)) != 0;
}

bool cnn_dataset_weighted(const cnn_dataset *dataset) { return dataset != NULL && dataset->source->weighted; }

int64_t cnn_dataset_group(const cnn_dataset *dataset, size_t index)
{
    if (dataset == NULL || index >= dataset->count || dataset->source->kind->group == NULL) {
        return -1;
    }
    return dataset->source->kind->group(dataset->source, source_index(dataset, index));
}

const char *cnn_dataset_path(const cnn_dataset *dataset, size_t index)
{
    if (dataset == NULL || index >= dataset->count || dataset->source->kind->path == NULL) {
        return NULL;
    }
    return dataset->source->kind->path(dataset->source, source_index(dataset, index));
}

cnn_shape cnn_dataset_shape(const cnn_dataset *dataset)
{
    return dataset != NULL ? dataset->source->shape : (cnn_shape){0};
}
