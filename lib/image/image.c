/* SPDX-License-Identifier: MIT */
/* Images as such: create, free, look at, crop, change the number of channels. */
#include "image/image.h"

#include <string.h>

/* `deep`: float values in place of pixels. */
static cnn_status allocate(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels, bool deep,
                           cnn_image **image)
{
    *image = NULL;
    if (width == 0 || height == 0 || !cnn__channels_fit(channels)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "image: %u x %u pixels of %u channels: at least one pixel and 1 to %d channels are needed",
                         width, height, channels, CNN_MAX_CHANNELS);
    }
    if (width > CNN__IMAGE_MAX_SIDE || height > CNN__IMAGE_MAX_SIDE) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "image: %u x %u pixels: at most %d along a side", width, height,
                         CNN__IMAGE_MAX_SIDE);
    }
    size_t header = cnn__align_size(sizeof(cnn_image));
    size_t bytes, total;
    if (!cnn__mul_size((size_t)width * channels, height, &bytes) ||
        !cnn__mul_size(bytes, deep ? sizeof(float) : 1, &bytes) ||
        !cnn__add_size(bytes, header + CNN__IMAGE_SLACK, &total)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "image: %u x %u pixels: the size overflows", width, height);
    }
    cnn_image *made = cnn__alloc(context, total);
    if (made == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    uint8_t *block = (uint8_t *)made + header;
    *made = (cnn_image){
        .context = context,
        .width = width,
        .height = height,
        .channels = channels,
        .values = deep ? (float *)(void *)block : NULL,
        .pixels = deep ? NULL : block,
    };
    memset(block + bytes, 0, CNN__IMAGE_SLACK);
    *image = made;
    return CNN_OK;
}

cnn_status cnn__image_allocate(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels,
                               cnn_image **image)
{
    return allocate(context, width, height, channels, false, image);
}

cnn_status cnn__image_allocate_values(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels,
                                      cnn_image **image)
{
    return allocate(context, width, height, channels, true, image);
}

cnn_status cnn_image_create(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels, cnn_image **image)
{
    if (context == NULL || image == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_image_create: context and image must not be NULL");
    }
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, width, height, channels, image));
    memset((*image)->pixels, 0, (size_t)width * height * channels);
    return CNN_OK;
}

void cnn_image_free(cnn_image *image)
{
    if (image != NULL) {
        cnn__free(image->context, image->notes);
        cnn__free(image->context, image);
    }
}

const char *cnn_image_notes(const cnn_image *image)
{
    return image != NULL && image->notes != NULL ? image->notes : "";
}

uint32_t cnn_image_width(const cnn_image *image) { return image != NULL ? image->width : 0; }

uint32_t cnn_image_height(const cnn_image *image) { return image != NULL ? image->height : 0; }

uint32_t cnn_image_channels(const cnn_image *image) { return image != NULL ? image->channels : 0; }

uint8_t *cnn_image_pixels(cnn_image *image) { return image != NULL ? image->pixels : NULL; }

cnn_status cnn_image_crop(const cnn_image *image, uint32_t left, uint32_t top, uint32_t width, uint32_t height,
                          cnn_image **part)
{
    if (image == NULL || part == NULL) {
        return cnn__fail(image != NULL ? image->context : NULL, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_crop: image and part must not be NULL");
    }
    *part = NULL;
    if (width == 0 || height == 0 || left >= image->width || width > image->width - left || top >= image->height ||
        height > image->height - top) {
        return cnn__fail(image->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_crop: %u x %u pixels from (%u, %u) do not lie inside %u x %u", width, height, left,
                         top, image->width, image->height);
    }
    CNN__RETURN_IF_ERROR(cnn__image_allocate(image->context, width, height, image->channels, part));
    size_t stride = (size_t)image->width * image->channels;
    size_t bytes = (size_t)width * image->channels;
    const uint8_t *from = image->pixels + top * stride + (size_t)left * image->channels;
    for (uint32_t y = 0; y < height; y++) {
        memcpy((*part)->pixels + y * bytes, from + y * stride, bytes);
    }
    return CNN_OK;
}

void cnn__image_grey_row(const uint8_t *rgb, uint8_t *grey, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t sum = 19595u * rgb[3 * i] + 38470u * rgb[3 * i + 1] + 7471u * rgb[3 * i + 2];
        grey[i] = (uint8_t)((sum + 32768u) >> 16);
    }
}

void cnn__deep_row(const uint16_t *samples, uint32_t in, size_t count, uint32_t out, float *values)
{
    for (size_t i = 0; i < count; i++, samples += in, values += out) {
        if (in == 3) {
            const float rgb[3] = {cnn__deep_value(samples[0]), cnn__deep_value(samples[1]),
                                  cnn__deep_value(samples[2])};
            if (out == 3) {
                memcpy(values, rgb, sizeof(rgb));
            } else {
                *values = cnn__grey_value(rgb);
            }
        } else {
            for (uint32_t c = 0; c < out; c++) {
                values[c] = cnn__deep_value(*samples);
            }
        }
    }
}

static void convert_values(const cnn_image *from, cnn_image *to)
{
    const size_t count = (size_t)from->width * from->height;
    for (size_t i = 0; i < count; i++) {
        if (to->channels == 1) {
            to->values[i] = cnn__grey_value(from->values + 3 * i);
        } else {
            to->values[3 * i] = to->values[3 * i + 1] = to->values[3 * i + 2] = from->values[i];
        }
    }
}

static void convert_pixels(const cnn_image *from, cnn_image *to)
{
    const size_t count = (size_t)from->width * from->height;
    if (to->channels == 1) {
        cnn__image_grey_row(from->pixels, to->pixels, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        memset(to->pixels + 3 * i, from->pixels[i], 3);
    }
}

cnn_status cnn__image_converted(const cnn_image *image, uint32_t channels, cnn_image **converted)
{
    const bool deep = image->values != NULL;
    CNN__RETURN_IF_ERROR(allocate(image->context, image->width, image->height, channels, deep, converted));
    if (deep) {
        convert_values(image, *converted);
    } else {
        convert_pixels(image, *converted);
    }
    return CNN_OK;
}

cnn_status cnn__image_convert(cnn_image **image, uint32_t channels)
{
    cnn_image *to;
    if ((*image)->channels == channels) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__image_converted(*image, channels, &to));
    cnn_image_free(*image);
    *image = to;
    return CNN_OK;
}
