/* SPDX-License-Identifier: MIT */
/* Datasets of the caller's arrays. */
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
    if (arrays->channels != 1 && arrays->channels != 3) {
        return cnn__fail(context, invalid, "arrays: channels: found %u, expected 1 or 3", arrays->channels);
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

/* Copies labels always, values where they are not borrowed. */
static cnn_status copy_arrays(cnn_context *context, const cnn_arrays_options *arrays, cnn__pixels *pixels)
{
    size_t values, size;
    if (!cnn__mul_size((size_t)arrays->height * arrays->width * arrays->channels, arrays->count, &values) ||
        !cnn__mul_size(values, arrays->floats != NULL ? sizeof(float) : 1, &size)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "arrays: %zu x %u x %u x %u: the size overflows", arrays->count,
                         arrays->height, arrays->width, arrays->channels);
    }
    if (arrays->labels != NULL) {
        pixels->labels = cnn__alloc_array(context, arrays->count, sizeof(*pixels->labels));
        if (pixels->labels == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        memcpy(pixels->labels, arrays->labels, arrays->count * sizeof(*pixels->labels));
    }
    if (!arrays->borrow) {
        pixels->block = cnn__alloc(context, size);
        if (pixels->block == NULL) {
            cnn__free(context, pixels->labels);
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        memcpy(pixels->block, arrays->bytes != NULL ? (const void *)arrays->bytes : arrays->floats, size);
        pixels->bytes = arrays->bytes != NULL ? pixels->block : NULL;
        pixels->floats = arrays->floats != NULL ? pixels->block : NULL;
    }
    return CNN_OK;
}

cnn_status cnn_dataset_create(cnn_context *context, const cnn_arrays_options *arrays, cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, arrays, "arrays", dataset));
    cnn_arrays_options copy;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_arrays_options", arrays, &copy, sizeof(copy)));
    CNN__RETURN_IF_ERROR(check_arrays(context, &copy));
    size_t class_count;
    CNN__RETURN_IF_ERROR(check_labels(context, &copy, &class_count));
    cnn__pixels pixels = {
        .bytes = copy.bytes,
        .floats = copy.floats,
        .count = copy.count,
        .height = copy.height,
        .width = copy.width,
        .channels = copy.channels,
    };
    CNN__RETURN_IF_ERROR(copy_arrays(context, &copy, &pixels));
    return cnn__dataset_of_pixels(context, &pixels, copy.classes, class_count, dataset);
}
