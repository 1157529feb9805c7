/* SPDX-License-Identifier: MIT */
/* Custom datasets. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "dataset/source.h"

typedef struct custom_source {
    cnn__source base;
    cnn_dataset_callbacks callbacks;
} custom_source;

/* "sample 12 (cats/7.jpg)", for messages. */
static const char *name_sample(size_t index, const cnn_sample *sample, char *text, size_t size)
{
    char name[256];
    if (sample->path != NULL) {
        snprintf(text, size, "sample %zu (%s)", index, cnn__printable(sample->path, name, sizeof(name)));
    } else {
        snprintf(text, size, "sample %zu", index);
    }
    return text;
}

static cnn_status check_sample(const cnn__source *source, const char *name, const cnn_sample *given)
{
    int forms = (given->encoded != NULL) + (given->pixels != NULL) + (given->floats != NULL);
    if (forms > 1 || (forms == 0 && given->path == NULL)) {
        return cnn__fail(source->context, CNN_ERROR_CALLBACK,
                         "%s: the dataset's read function gave %s of path, encoded, pixels and floats", name,
                         forms > 1 ? "more than one" : "none");
    }
    if (given->label < -1 || (given->label >= 0 && (size_t)given->label >= source->classes.count)) {
        return cnn__fail(source->context, CNN_ERROR_CALLBACK,
                         "%s: label of the dataset's read function: found %d, expected -1 or below %zu", name,
                         given->label, source->classes.count);
    }
    if (source->target_count > 0 && given->targets == NULL) {
        return cnn__fail(source->context, CNN_ERROR_CALLBACK, "%s: the dataset's read function gave no targets", name);
    }
    if (source->weighted && (!(given->weight >= 0) || !isfinite(given->weight))) {
        return cnn__fail(source->context, CNN_ERROR_CALLBACK,
                         "%s: weight of the dataset's read function: found %g, expected a finite number of 0 or more",
                         name, (double)given->weight);
    }
    bool plain = given->pixels != NULL || given->floats != NULL;
    if (plain && (given->width == 0 || given->height == 0 || !cnn__channels_fit(given->channels))) {
        return cnn__fail(source->context, CNN_ERROR_CALLBACK,
                         "%s: size of the dataset's read function: found %u x %u x %u (height, width, channels), "
                         "expected at least 1 x 1 with 1 to %d channels",
                         name, given->height, given->width, given->channels, CNN_MAX_CHANNELS);
    }
    return CNN_OK;
}

static cnn_status decode_sample(const cnn__source *source, const char *name, const cnn_decode_options *options,
                                cnn__sample *sample)
{
    const cnn_sample *given = &sample->custom;
    cnn_image *image;
    if (options->channels != 0 && !cnn__channels_are_colour(options->channels)) {
        return cnn__fail(source->context, CNN_ERROR_CALLBACK,
                         "%s: the dataset's read function gave a file, which is decoded to 1 or 3 channels; its shape "
                         "says %u",
                         name, options->channels);
    }
    if (given->encoded == NULL) {
        return cnn__sample_load(source, given->path, options, sample);
    }
    cnn_status status = cnn__image_decode_named(source->context, "image in memory", given->encoded, given->encoded_size,
                                                options, sample->deep, &image);
    if (status != CNN_OK) {
        /* The decoder knows no name; its message is kept after the sample's. */
        return cnn__fail(source->context, status, "%s: %s", name, cnn_last_error(source->context));
    }
    cnn__sample_own(sample, image);
    return CNN_OK;
}

static cnn_status use_sample(const cnn__source *source, size_t index, const cnn_decode_options *options,
                             cnn__sample *sample)
{
    const cnn_sample *given = &sample->custom;
    char name[320];
    name_sample(index, given, name, sizeof(name));
    CNN__RETURN_IF_ERROR(check_sample(source, name, given));
    sample->label = given->label;
    sample->targets = source->target_count > 0 ? given->targets : NULL;
    sample->weight = source->weighted ? given->weight : 1;
    if (given->pixels != NULL) {
        cnn__sample_view(sample, source->context, given->pixels, given->height, given->width, given->channels);
        return CNN_OK;
    }
    if (given->floats != NULL) {
        sample->floats = given->floats;
        sample->height = given->height;
        sample->width = given->width;
        sample->channels = given->channels;
        return CNN_OK;
    }
    return decode_sample(source, name, options, sample);
}

static void release_custom(const cnn__source *source, cnn__sample *sample)
{
    const cnn_dataset_callbacks *callbacks = &((const custom_source *)source)->callbacks;
    if (callbacks->release != NULL) {
        callbacks->release(callbacks->user, &sample->custom);
    }
}

static cnn_status read_custom(const cnn__source *source, size_t index, const cnn_decode_options *decode,
                              cnn__sample *sample)
{
    const cnn_dataset_callbacks *callbacks = &((const custom_source *)source)->callbacks;
    sample->custom = (cnn_sample){.struct_size = sizeof(cnn_sample), .weight = 1};
    cnn_status status = callbacks->read(callbacks->user, index, &sample->custom);
    if (status != CNN_OK) {
        return cnn__fail(source->context, status, "sample %zu: the dataset's read function failed: %s", index,
                         cnn_status_string(status));
    }
    cnn_decode_options options = *decode;
    options.channels = callbacks->shape.rank == 3 ? (uint32_t)callbacks->shape.dims[2] : 0;
    status = use_sample(source, index, &options, sample);
    if (status != CNN_OK) {
        release_custom(source, sample);
    }
    return status;
}

static int32_t label_of(const cnn__source *source, size_t index)
{
    const cnn_dataset_callbacks *callbacks = &((const custom_source *)source)->callbacks;
    int32_t label = callbacks->label != NULL ? callbacks->label(callbacks->user, index) : -1;
    return label >= 0 && (size_t)label < source->classes.count ? label : -1;
}

static int64_t group_of(const cnn__source *source, size_t index)
{
    const cnn_dataset_callbacks *callbacks = &((const custom_source *)source)->callbacks;
    int64_t group = callbacks->group != NULL ? callbacks->group(callbacks->user, index) : -1;
    return group >= 0 ? group : -1;
}

static void destroy_custom(cnn__source *source)
{
    const cnn_dataset_callbacks *callbacks = &((custom_source *)source)->callbacks;
    if (callbacks->destroy != NULL) {
        callbacks->destroy(callbacks->user);
    }
}

static const cnn__source_kind custom_kind = {
    .name = "custom",
    .read = read_custom,
    .release = release_custom,
    .label = label_of,
    .group = group_of,
    .destroy = destroy_custom,
};

static cnn_status check_callbacks(const cnn_context *context, const cnn_dataset_callbacks *callbacks)
{
    if (callbacks->read == NULL || callbacks->count == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_dataset_callbacks: %s",
                         callbacks->read == NULL ? "read is NULL" : "count is 0");
    }
    if (callbacks->classes != NULL && callbacks->class_count == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_dataset_callbacks: class_count is 0 though classes are given");
    }
    size_t values;
    const int64_t *dims = callbacks->shape.dims;
    const bool open = dims[0] == 0 && dims[1] == 0; /* channels alone */
    const bool known = callbacks->shape.rank == 3 && cnn__channels_fit(dims[2]) &&
                       (open || (cnn__shape_values(&callbacks->shape, &values) && values > 0));
    if (callbacks->shape.rank != 0 && !known) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_dataset_callbacks: shape must be height, width and 1 to %d channels", CNN_MAX_CHANNELS);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_create_custom(cnn_context *context, const cnn_dataset_callbacks *callbacks,
                                     cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, callbacks, "callbacks", dataset));
    cnn_dataset_callbacks copy;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_dataset_callbacks", callbacks, &copy, sizeof(copy)));
    CNN__RETURN_IF_ERROR(check_callbacks(context, &copy));
    CNN__RETURN_IF_ERROR(cnn__check_task(context, "cnn_dataset_callbacks", copy.task));
    custom_source *source = cnn__source_create(context, &custom_kind, sizeof(*source));
    if (source == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    source->callbacks = copy;
    source->callbacks.destroy = NULL; /* `user` stays the caller's if this call fails */
    source->base.count = copy.count;
    source->base.shape = copy.shape.dims[0] > 0 ? copy.shape : (cnn_shape){0};
    source->base.target_count = copy.target_count;
    source->base.weighted = copy.weighted != 0;
    source->base.task = (cnn_task)copy.task;
    cnn_status status = cnn__classes_init(context, copy.classes, copy.class_count, &source->base.classes);
    if (status != CNN_OK) {
        cnn__source_release(&source->base);
        return status;
    }
    CNN__RETURN_IF_ERROR(cnn__dataset_wrap(&source->base, dataset));
    source->callbacks.classes = NULL; /* borrowed for this call only */
    source->callbacks.destroy = copy.destroy;
    return CNN_OK;
}
