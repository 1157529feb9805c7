/* SPDX-License-Identifier: MIT */
/* Samples in memory, read without a copy where no channels have to be converted. */
#include "dataset/pixels.h"

#include <string.h>

typedef struct pixels_source {
    cnn__source base;
    cnn__pixels pixels;
} pixels_source;

/* Grey to RGB by repetition, RGB to grey by the weights of ITU-R 601 in 16 bits, as Pillow. */
static void convert_channels(const uint8_t *input, uint32_t channels, size_t count, uint8_t *output)
{
    for (size_t i = 0; i < count; i++) {
        if (channels == 1) {
            output[3 * i] = output[3 * i + 1] = output[3 * i + 2] = input[i];
        } else {
            const uint8_t *rgb = input + 3 * i;
            output[i] = (uint8_t)((rgb[0] * 19595U + rgb[1] * 38470U + rgb[2] * 7471U + 0x8000U) >> 16);
        }
    }
}

static int32_t label_of(const cnn__source *source, size_t index)
{
    const cnn__pixels *pixels = &((const pixels_source *)source)->pixels;
    return pixels->labels != NULL        ? pixels->labels[index]
           : pixels->byte_labels != NULL ? pixels->byte_labels[index]
                                         : -1;
}

static int64_t group_of(const cnn__source *source, size_t index)
{
    const cnn__pixels *pixels = &((const pixels_source *)source)->pixels;
    return pixels->groups != NULL ? pixels->groups[index] : -1;
}

static float weight_of(const cnn__source *source, size_t index)
{
    const cnn__pixels *pixels = &((const pixels_source *)source)->pixels;
    return pixels->weights != NULL ? pixels->weights[index] : 1;
}

static bool targets_of(const cnn__source *source, size_t index, float *targets)
{
    const cnn__pixels *pixels = &((const pixels_source *)source)->pixels;
    memcpy(targets, pixels->targets + index * pixels->target_count, pixels->target_count * sizeof(*targets));
    return true;
}

static cnn_status read_pixels(const cnn__source *source, size_t index, const cnn_decode_options *decode,
                              cnn__sample *sample)
{
    (void)decode;
    const cnn__pixels *pixels = &((const pixels_source *)source)->pixels;
    size_t area = (size_t)pixels->height * pixels->width, first = index * area * pixels->channels;
    sample->label = label_of(source, index);
    sample->targets = pixels->targets != NULL ? pixels->targets + index * pixels->target_count : NULL;
    sample->weight = pixels->weights != NULL ? pixels->weights[index] : 1;
    if (pixels->floats != NULL) {
        sample->floats = pixels->floats + first;
        sample->height = pixels->height;
        sample->width = pixels->width;
        sample->channels = pixels->channels;
        return CNN_OK;
    }
    if (pixels->output_channels == pixels->channels) {
        cnn__sample_view(sample, source->context, pixels->bytes + first, pixels->height, pixels->width,
                         pixels->channels);
        return CNN_OK;
    }
    cnn_image *image;
    CNN__RETURN_IF_ERROR(
        cnn_image_create(source->context, pixels->width, pixels->height, pixels->output_channels, &image));
    convert_channels(pixels->bytes + first, pixels->channels, area, image->pixels);
    cnn__sample_own(sample, image);
    return CNN_OK;
}

void cnn__pixels_free(cnn_context *context, const cnn__pixels *pixels)
{
    cnn__free(context, pixels->block);
    cnn__free(context, pixels->labels);
    cnn__free(context, pixels->label_block);
    cnn__free(context, pixels->targets);
    cnn__free(context, pixels->weights);
    cnn__free(context, pixels->groups);
}

static void destroy_pixels(cnn__source *source)
{
    cnn__pixels_free(source->context, &((pixels_source *)source)->pixels);
}

static const cnn__source_kind pixels_kind = {
    .name = "pixels",
    .read = read_pixels,
    .label = label_of,
    .group = group_of,
    .weight = weight_of,
    .targets = targets_of,
    .destroy = destroy_pixels,
};

cnn_status cnn__dataset_of_pixels(cnn_context *context, const cnn__pixels *pixels, const char *const *classes,
                                  size_t class_count, cnn_dataset **dataset)
{
    pixels_source *source = cnn__source_create(context, &pixels_kind, sizeof(*source));
    if (source == NULL) {
        cnn__pixels_free(context, pixels);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    source->pixels = *pixels;
    if (pixels->output_channels == 0) {
        source->pixels.output_channels = pixels->channels;
    }
    source->base.count = pixels->count;
    source->base.target_count = pixels->targets != NULL ? pixels->target_count : 0;
    source->base.weighted = pixels->weights != NULL;
    source->base.task = pixels->task;
    source->base.shape.rank = 3;
    source->base.shape.dims[0] = pixels->height;
    source->base.shape.dims[1] = pixels->width;
    source->base.shape.dims[2] = source->pixels.output_channels;
    cnn_status status = cnn__classes_init(context, classes, class_count, &source->base.classes);
    if (status != CNN_OK) {
        cnn__source_release(&source->base);
        return status;
    }
    return cnn__dataset_wrap(&source->base, dataset);
}
