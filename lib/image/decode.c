/* SPDX-License-Identifier: MIT */
/* From bytes or a file to an image: which codec, which limits, which way up. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/options.h"
#include "image/codec.h"

#define MAX_FILE_SIZE ((size_t)2 << 30)
#define NAME_SIZE 512

static const uint8_t jpeg_signature[3] = {0xff, 0xd8, 0xff};
static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* "4.29 Gpx", "64 Mpx" or, where that would not be exact, "64000001 px". Integers only: no locale's comma. */
static const char *pixels_text(uint64_t pixels, char *text, size_t size)
{
    if (pixels >= UINT64_C(1000000000)) {
        snprintf(text, size, "%llu.%02llu Gpx", (unsigned long long)pixels / 1000000000,
                 (unsigned long long)pixels / 10000000 % 100);
    } else if (pixels % 1000000 == 0 && pixels > 0) {
        snprintf(text, size, "%llu Mpx", (unsigned long long)pixels / 1000000);
    } else {
        snprintf(text, size, "%llu px", (unsigned long long)pixels);
    }
    return text;
}

cnn_status cnn__check_size(const cnn__source *source, const cnn__decode_limits *limits, uint64_t width, uint64_t height)
{
    uint64_t pixels = width * height;
    if (pixels > limits->max_pixels) {
        char found[40], most[40];
        return cnn__fail(
            source->context, CNN_ERROR_LIMIT, "%s: %llu x %llu: %s > %s; max_pixels (--max-pixels) raises it",
            source->name, (unsigned long long)width, (unsigned long long)height,
            pixels_text(pixels, found, sizeof(found)), pixels_text(limits->max_pixels, most, sizeof(most)));
    }
    if (width > limits->max_side || height > limits->max_side) {
        return cnn__fail(source->context, CNN_ERROR_LIMIT, "%s: %llu x %llu: at most %u pixels along a side",
                         source->name, (unsigned long long)width, (unsigned long long)height, limits->max_side);
    }
    return CNN_OK;
}

/* True if the bytes are a signature, or the start of one that was cut off. */
static bool starts_with(const cnn__source *source, const uint8_t *signature, size_t size)
{
    return memcmp(source->data, signature, source->size < size ? source->size : size) == 0;
}

static cnn_status fail_unknown(const cnn__source *source)
{
    char bytes[3 * 8 + 1] = "";
    for (size_t i = 0; i < source->size && i < 8; i++) {
        snprintf(bytes + 3 * i, sizeof(bytes) - 3 * i, " %02x", source->data[i]);
    }
    return cnn__fail(source->context, CNN_ERROR_UNSUPPORTED, "%s: neither JPEG nor PNG: starts%s", source->name, bytes);
}

/* Chooses the codec by the first bytes. `image` NULL: only `info` is wanted. */
static cnn_status decode(const cnn__source *source, const cnn__decode_request *request, cnn_image_info *info,
                         cnn_image **image)
{
    if (source->size == 0) {
        return cnn__fail(source->context, CNN_ERROR_TRUNCATED, "%s: 0 bytes", source->name);
    }
    bool jpeg = starts_with(source, jpeg_signature, sizeof(jpeg_signature));
    bool png = starts_with(source, png_signature, sizeof(png_signature));
    if (!jpeg && !png) {
        return fail_unknown(source);
    }
    if (source->size < (jpeg ? sizeof(jpeg_signature) : sizeof(png_signature))) {
        return cnn__fail(source->context, CNN_ERROR_TRUNCATED, "%s: %zu bytes", source->name, source->size);
    }
    return jpeg ? cnn__jpeg_decode(source, request, info, image) : cnn__png_decode(source, request, info, image);
}

static cnn_status read_options(cnn_context *context, const cnn_decode_options *options, cnn__decode_request *request)
{
    cnn_decode_options o;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_decode_options", options, &o, sizeof(o)));
    if (o.channels != 0 && o.channels != 1 && o.channels != 3) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_decode_options: channels is %u, expected 1 or 3",
                         o.channels);
    }
    if (o.max_side > CNN__IMAGE_MAX_SIDE) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_decode_options: max_side is %u, at most %d",
                         o.max_side, CNN__IMAGE_MAX_SIDE);
    }
    *request = (cnn__decode_request){
        .limits = {.max_side = o.max_side != 0 ? o.max_side : CNN__IMAGE_MAX_SIDE,
                   .max_pixels = o.max_pixels != 0 ? o.max_pixels : cnn__context_max_pixels(context)},
        .channels = o.channels != 0 ? o.channels : 3,
        .minimum_width = o.minimum_width,
        .minimum_height = o.minimum_height,
        .prefer_full = o.prefer_full != 0,
        .apply_orientation = o.apply_orientation != 0,
    };
    return CNN_OK;
}

cnn_status cnn__image_decode_named(cnn_context *context, const char *name, const void *data, size_t size,
                                   const cnn_decode_options *options, cnn_image **image)
{
    char text[NAME_SIZE];
    cnn__decode_request request;
    cnn__source source = {context, cnn__printable(name, text, sizeof(text)), data, size};
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    *image = NULL;
    CNN__RETURN_IF_ERROR(read_options(context, options, &request));
    cnn_image *made = NULL;
    CNN__RETURN_IF_ERROR(decode(&source, &request, &info, &made));
    if (info.orientation != 1) {
        if (request.apply_orientation) {
            cnn_status status = cnn__image_orient(&made, info.orientation);
            if (status != CNN_OK) {
                cnn_image_free(made);
                return status;
            }
        } else {
            cnn__log(context, CNN_LOG_WARNING, "%s: has EXIF orientation %u, which is not applied", source.name,
                     info.orientation);
        }
    }
    *image = made;
    return CNN_OK;
}

cnn_status cnn_image_decode(cnn_context *context, const void *data, size_t size, const cnn_decode_options *options,
                            cnn_image **image)
{
    if (context == NULL || image == NULL || (data == NULL && size != 0)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_decode: context, data and image must not be NULL");
    }
    return cnn__image_decode_named(context, "image in memory", data, size, options, image);
}

cnn_status cnn_image_load(cnn_context *context, const char *path, const cnn_decode_options *options, cnn_image **image)
{
    if (context == NULL || path == NULL || image == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_load: context, path and image must not be NULL");
    }
    void *data;
    size_t size;
    *image = NULL;
    CNN__RETURN_IF_ERROR(cnn__file_read(context, path, MAX_FILE_SIZE, &data, &size));
    cnn_status status = cnn__image_decode_named(context, path, data, size, options, image);
    cnn__free(context, data);
    return status;
}

cnn_status cnn_image_probe(cnn_context *context, const char *path, cnn_image_info *info)
{
    if (context == NULL || path == NULL || info == NULL || info->struct_size < sizeof(info->struct_size)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_probe: context, path and info must not be NULL, struct_size must be set");
    }
    void *data;
    size_t size;
    CNN__RETURN_IF_ERROR(cnn__file_read(context, path, MAX_FILE_SIZE, &data, &size));
    char text[NAME_SIZE];
    cnn__source source = {context, cnn__printable(path, text, sizeof(text)), data, size};
    cnn__decode_request request = {.limits = {CNN__IMAGE_MAX_SIDE, cnn__context_max_pixels(context)}, .channels = 3};
    cnn_image_info found = CNN_IMAGE_INFO_INIT;
    found.orientation = 1;
    cnn_status status = decode(&source, &request, &found, NULL);
    cnn__free(context, data);
    if (status == CNN_OK) {
        found.struct_size = info->struct_size;
        memcpy(info, &found, info->struct_size < sizeof(found) ? info->struct_size : sizeof(found));
    }
    return status;
}
