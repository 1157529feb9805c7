/* SPDX-License-Identifier: MIT */
/* From bytes or a file to an image: which limits, which way up, what was odd. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/options.h"
#include "image/codec.h"

#define NAME_SIZE 512

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

bool cnn__size_fits(const cnn__decode_limits *limits, uint64_t width, uint64_t height)
{
    return width <= limits->max_side && height <= limits->max_side && width * height <= limits->max_pixels;
}

cnn_status cnn__check_size(const cnn__encoded *source, const cnn__decode_limits *limits, uint64_t width,
                           uint64_t height)
{
    uint64_t pixels = width * height;
    if (pixels > limits->max_pixels) {
        char found[40], most[40];
        return cnn__fail(
            source->context, CNN_ERROR_LIMIT, "%s: %llu x %llu: %s > %s, the limit max_pixels (--max-pixels raises it)",
            source->name, (unsigned long long)width, (unsigned long long)height,
            pixels_text(pixels, found, sizeof(found)), pixels_text(limits->max_pixels, most, sizeof(most)));
    }
    if (width > limits->max_side || height > limits->max_side) {
        return cnn__fail(
            source->context, CNN_ERROR_LIMIT,
            "%s: %llu x %llu: at most %u pixels along a side, the limit max_side (--allow image_side=N raises it, "
            "to 1048576)",
            source->name, (unsigned long long)width, (unsigned long long)height, limits->max_side);
    }
    return CNN_OK;
}

/* True if `line` is one of the lines of `text`. */
static bool has_line(const char *text, const char *line)
{
    const size_t size = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        if ((at == text || at[-1] == '\n') && (at[size] == '\n' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

void cnn__image_note(const cnn__encoded *source, const char *format, ...)
{
    char line[200];
    cnn__image_notes *notes = source->notes;
    if (notes == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    const size_t size = strlen(line);
    if (has_line(notes->text, line) || size + 2 > sizeof(notes->text) - notes->used) {
        return;
    }
    cnn__log(source->context, CNN_LOG_WARNING, "%s: %s", source->name, line);
    notes->used += (size_t)snprintf(notes->text + notes->used, sizeof(notes->text) - notes->used, "%s%s",
                                    notes->used > 0 ? "\n" : "", line);
}

/* `image` NULL: only `info` is wanted. */
static cnn_status decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                         cnn_image **image)
{
    cnn__decode_function run;
    CNN__RETURN_IF_ERROR(cnn__find_decoder(source, &run));
    return run(source, request, info, image);
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
    if (o.background != 0 && o.background >> 24 != 0xff) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_decode_options: background is 0x%08x, expected 0 or 0xFF000000 and a colour",
                         (unsigned)o.background);
    }
    *request = (cnn__decode_request){
        .limits = {.max_side = o.max_side != 0 ? o.max_side : (uint32_t)cnn__limit(context, CNN__LIMIT_IMAGE_SIDE),
                   .max_pixels = o.max_pixels != 0 ? o.max_pixels : cnn__context_max_pixels(context)},
        .channels = o.channels != 0 ? o.channels : 3,
        .background = o.background,
        .only_over_limit = o.only_over_limit != 0,
        .minimum_width = o.minimum_width,
        .minimum_height = o.minimum_height,
        .apply_orientation = o.apply_orientation != 0,
    };
    return CNN_OK;
}

/* Turns the image or says that it is not turned, and hands it the notes. */
static cnn_status finish(const cnn__encoded *source, const cnn__decode_request *request, const cnn_image_info *info,
                         cnn_image **image)
{
    if (info->orientation != 1) {
        if (request->apply_orientation) {
            CNN__RETURN_IF_ERROR(cnn__image_orient(image, info->orientation));
        } else {
            cnn__log(source->context, CNN_LOG_WARNING, "%s: has EXIF orientation %u, which is not applied",
                     source->name, info->orientation);
        }
    }
    if (source->notes->used > 0) {
        (*image)->notes = cnn__strdup(source->context, source->notes->text);
        return (*image)->notes != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    return CNN_OK;
}

cnn_status cnn__image_decode_named(cnn_context *context, const char *name, const void *data, size_t size,
                                   const cnn_decode_options *options, bool deep, cnn_image **image)
{
    char text[NAME_SIZE];
    cnn__decode_request request;
    cnn__image_notes notes = {"", 0};
    cnn__encoded source = {context, cnn__printable(name, text, sizeof(text)), data, size, &notes};
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    info.orientation = 1;
    *image = NULL;
    CNN__RETURN_IF_ERROR(read_options(context, options, &request));
    request.deep = deep;
    cnn_image *made = NULL;
    CNN__RETURN_IF_ERROR(decode(&source, &request, &info, &made));
    cnn_status status = finish(&source, &request, &info, &made);
    if (status != CNN_OK) {
        cnn_image_free(made);
        return status;
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
    return cnn__image_decode_named(context, "image in memory", data, size, options, false, image);
}

static cnn_status load(cnn_context *context, const char *path, const cnn_decode_options *options, bool deep,
                       cnn_image **image)
{
    void *data;
    size_t size;
    *image = NULL;
    CNN__RETURN_IF_ERROR(cnn__file_read(context, path, CNN__IMAGE_FILE, &data, &size));
    cnn_status status = cnn__image_decode_named(context, path, data, size, options, deep, image);
    cnn__free(context, data);
    return status;
}

cnn_status cnn_image_load(cnn_context *context, const char *path, const cnn_decode_options *options, cnn_image **image)
{
    if (context == NULL || path == NULL || image == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_load: context, path and image must not be NULL");
    }
    return load(context, path, options, false, image);
}

cnn_status cnn__image_load_deep(cnn_context *context, const char *path, const cnn_decode_options *options,
                                cnn_image **image)
{
    return load(context, path, options, true, image);
}

cnn_status cnn_image_probe(cnn_context *context, const char *path, cnn_image_info *info)
{
    if (context == NULL || path == NULL || info == NULL || info->struct_size < sizeof(info->struct_size)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_probe: context, path and info must not be NULL, struct_size must be set");
    }
    void *data;
    size_t size;
    CNN__RETURN_IF_ERROR(cnn__file_read(context, path, CNN__IMAGE_FILE, &data, &size));
    char text[NAME_SIZE];
    cnn__encoded source = {context, cnn__printable(path, text, sizeof(text)), data, size, NULL};
    cnn__decode_request request = {
        .limits = {(uint32_t)cnn__limit(context, CNN__LIMIT_IMAGE_SIDE), cnn__context_max_pixels(context)},
        .channels = 3};
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
