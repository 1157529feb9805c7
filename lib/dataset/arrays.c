/* SPDX-License-Identifier: MIT */
/* Datasets of the caller's arrays. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "dataset/pixels.h"

/* As for decoded images. */
#define MAX_SIDE 32768U

static cnn_status check_arrays(const cnn_context *context, const cnn_arrays_options *arrays)
{
    const cnn_status invalid = CNN_ERROR_INVALID_ARGUMENT;
    if ((arrays->bytes == NULL) == (arrays->floats == NULL)) {
        return cnn__fail(context, invalid, "arrays: exactly one of bytes and floats is needed, found %s",
                         arrays->bytes == NULL ? "neither" : "both");
    }
    if (arrays->count == 0 || arrays->height == 0 || arrays->width == 0) {
        return cnn__fail(context, invalid, "arrays: %zu images of height %u and width %u: none of them may be 0",
                         arrays->count, arrays->height, arrays->width);
    }
    if (!cnn__channels_fit(arrays->channels)) {
        return cnn__fail(context, invalid, "arrays: channels: found %u, expected 1 to %d", arrays->channels,
                         CNN_MAX_CHANNELS);
    }
    if (arrays->height > MAX_SIDE || arrays->width > MAX_SIDE) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "arrays: height %u and width %u: the limit is %u", arrays->height,
                         arrays->width, MAX_SIDE);
    }
    if (arrays->classes != NULL && arrays->class_count == 0) {
        return cnn__fail(context, invalid, "arrays: class_count is 0 though classes are given");
    }
    return CNN_OK;
}

/* Checks the labels and finds the number of classes, which is not set where the caller gave one. */
static cnn_status check_labels(const cnn_context *context, const cnn_arrays_options *arrays, size_t *class_count)
{
    *class_count = arrays->class_count;
    for (size_t i = 0; arrays->labels != NULL && i < arrays->count; i++) {
        int32_t label = arrays->labels[i];
        if (label < 0 || (arrays->class_count > 0 && (size_t)label >= arrays->class_count)) {
            char expected[48] = "0 or more";
            if (arrays->class_count > 0) {
                snprintf(expected, sizeof(expected), "0 to %zu", arrays->class_count - 1);
            }
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "arrays: label of image %zu: found %d, expected %s",
                             i, label, expected);
        }
        if ((size_t)label >= *class_count) {
            *class_count = (size_t)label + 1;
        }
    }
    return CNN_OK;
}

static cnn_status check_targets(const cnn_context *context, const cnn_arrays_options *arrays)
{
    if ((arrays->targets == NULL) != (arrays->target_count == 0)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "arrays: targets and target_count are given together or not at all");
    }
    for (size_t i = 0; arrays->weights != NULL && i < arrays->count; i++) {
        if (!(arrays->weights[i] >= 0) || !isfinite(arrays->weights[i])) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "arrays: weight of image %zu: found %g, expected a finite number of 0 or more", i,
                             (double)arrays->weights[i]);
        }
    }
    for (size_t i = 0; arrays->groups != NULL && i < arrays->count; i++) {
        if (arrays->groups[i] < -1) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "arrays: group of image %zu: found %lld, expected -1 or more", i,
                             (long long)arrays->groups[i]);
        }
    }
    return CNN_OK;
}

/* Puts a copy of count x each values of `size` bytes into *copy, which stays NULL where there are none. */
static cnn_status copy_array(cnn_context *context, const void *values, size_t count, size_t each, size_t size,
                             void *copy)
{
    size_t bytes;
    if (values == NULL) {
        return CNN_OK;
    }
    if (!cnn__mul_size(count, each, &bytes) || !cnn__mul_size(bytes, size, &bytes)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "arrays: %zu x %zu values: the size overflows", count, each);
    }
    void *made = cnn__alloc(context, bytes);
    if (made == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(made, values, bytes);
    memcpy(copy, &made, sizeof(made));
    return CNN_OK;
}

/* Copies values where they are not borrowed. */
static cnn_status copy_values(cnn_context *context, const cnn_arrays_options *arrays, cnn__pixels *pixels)
{
    const size_t each = (size_t)arrays->height * arrays->width * arrays->channels;
    size_t values, bytes;
    if (!cnn__mul_size(each, arrays->count, &values) ||
        !cnn__mul_size(values, arrays->floats != NULL ? sizeof(float) : 1, &bytes)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "arrays: %zu x %u x %u x %u: the size overflows", arrays->count,
                         arrays->height, arrays->width, arrays->channels);
    }
    if (arrays->borrow) {
        return CNN_OK;
    }
    const void *from = arrays->bytes != NULL ? (const void *)arrays->bytes : arrays->floats;
    CNN__RETURN_IF_ERROR(
        copy_array(context, from, arrays->count, each, arrays->floats != NULL ? sizeof(float) : 1, &pixels->block));
    pixels->bytes = arrays->bytes != NULL ? pixels->block : NULL;
    pixels->floats = arrays->floats != NULL ? pixels->block : NULL;
    return CNN_OK;
}

/* What is attached to samples is copied always. */
static cnn_status copy_arrays(cnn_context *context, const cnn_arrays_options *arrays, cnn__pixels *pixels)
{
    const size_t count = arrays->count;
    CNN__RETURN_IF_ERROR(copy_values(context, arrays, pixels));
    CNN__RETURN_IF_ERROR(copy_array(context, arrays->labels, count, 1, sizeof(*pixels->labels), &pixels->labels));
    CNN__RETURN_IF_ERROR(
        copy_array(context, arrays->targets, count, arrays->target_count, sizeof(*pixels->targets), &pixels->targets));
    CNN__RETURN_IF_ERROR(copy_array(context, arrays->weights, count, 1, sizeof(*pixels->weights), &pixels->weights));
    return copy_array(context, arrays->groups, count, 1, sizeof(*pixels->groups), &pixels->groups);
}

cnn_status cnn_dataset_create(cnn_context *context, const cnn_arrays_options *arrays, cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, arrays, "arrays", dataset));
    cnn_arrays_options copy;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_arrays_options", arrays, &copy, sizeof(copy)));
    CNN__RETURN_IF_ERROR(check_arrays(context, &copy));
    size_t class_count;
    CNN__RETURN_IF_ERROR(check_labels(context, &copy, &class_count));
    CNN__RETURN_IF_ERROR(check_targets(context, &copy));
    CNN__RETURN_IF_ERROR(cnn__check_task(context, "arrays", copy.task));
    cnn__pixels pixels = {
        .bytes = copy.bytes,
        .floats = copy.floats,
        .count = copy.count,
        .height = copy.height,
        .width = copy.width,
        .channels = copy.channels,
        .target_count = copy.target_count,
        .task = (cnn_task)copy.task,
    };
    cnn_status status = copy_arrays(context, &copy, &pixels);
    if (status != CNN_OK) {
        cnn__pixels_free(context, &pixels);
        return status;
    }
    return cnn__dataset_of_pixels(context, &pixels, copy.classes, class_count, dataset);
}
