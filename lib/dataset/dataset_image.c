/* SPDX-License-Identifier: MIT */
/* One sample of a dataset as an image. */
#include <string.h>

#include "dataset/dataset.h"
#include "image/image.h"

static uint8_t to_byte(float value)
{
    float scaled = value * 255.0f + 0.5f;
    /* Written so that what is no number becomes 0: it has no value as a byte. */
    return !(scaled > 0.0f) ? 0 : scaled >= 255.0f ? 255 : (uint8_t)scaled;
}

/* A copy that belongs to the caller. */
static cnn_status copy_sample(cnn_context *context, const cnn__sample *sample, cnn_image **image)
{
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, sample->width, sample->height, sample->channels, image));
    const size_t values = (size_t)sample->width * sample->height * sample->channels;
    if (sample->image != NULL) {
        memcpy((*image)->pixels, sample->image->pixels, values);
        return CNN_OK;
    }
    for (size_t i = 0; i < values; i++) {
        (*image)->pixels[i] = to_byte(sample->floats[i]);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_image(const cnn_dataset *dataset, size_t index, cnn_image **image)
{
    cnn__sample sample;
    if (image != NULL) {
        *image = NULL;
    }
    if (dataset == NULL || image == NULL) {
        return cnn__fail(dataset != NULL ? cnn__dataset_context(dataset) : NULL, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_dataset_image: %s is NULL", dataset == NULL ? "dataset" : "image");
    }
    CNN__RETURN_IF_ERROR(cnn__dataset_read(dataset, index, NULL, &sample));
    cnn_status status = copy_sample(cnn__dataset_context(dataset), &sample, image);
    cnn__sample_free(&sample);
    return status;
}
