/* SPDX-License-Identifier: MIT */
/* From an image to bytes or a file. */
#include <string.h>

#include "core/file.h"
#include "core/options.h"
#include "image/codec.h"

#define DEFAULT_QUALITY 90

/* Options with their defaults; `path` may be NULL. */
static cnn_status read_options(cnn_context *context, const cnn_encode_options *options, const char *path,
                               cnn_encode_options *o)
{
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_encode_options", options, o, sizeof(*o)));
    if (o->format == CNN_IMAGE_UNKNOWN) {
        const bool jpeg = path != NULL && cnn_image_name_format(path) == CNN_IMAGE_JPEG;
        o->format = jpeg ? CNN_IMAGE_JPEG : CNN_IMAGE_PNG;
    }
    if (o->format != CNN_IMAGE_JPEG && o->format != CNN_IMAGE_PNG) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_encode_options: there is no format %d (%s) for writing, JPEG and PNG are", (int)o->format,
                         cnn_image_format_name((cnn_image_format)o->format));
    }
    if (o->quality > 100) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_encode_options: quality is %u, expected 1 to 100",
                         o->quality);
    }
    if (o->quality == 0) {
        o->quality = DEFAULT_QUALITY;
    }
    return CNN_OK;
}

static cnn_status encode(const cnn_image *image, const cnn_encode_options *o, cnn__sink *sink)
{
    if (!cnn__channels_are_colour(image->channels)) {
        return cnn__fail(image->context, CNN_ERROR_UNSUPPORTED, "image: %u channels cannot be written: %s has 1 or 3",
                         image->channels, cnn_image_format_name((cnn_image_format)o->format));
    }
    return o->format == CNN_IMAGE_JPEG ? cnn__jpeg_encode(image, o->quality, sink) : cnn__png_encode(image, sink);
}

cnn_status cnn_image_encode(const cnn_image *image, const cnn_encode_options *options, cnn_write_function write,
                            void *user)
{
    if (image == NULL || write == NULL) {
        return cnn__fail(image != NULL ? image->context : NULL, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_encode: image and write must not be NULL");
    }
    cnn_encode_options o;
    CNN__RETURN_IF_ERROR(read_options(image->context, options, NULL, &o));
    cnn__sink sink = {write, user, CNN_OK};
    cnn_status status = encode(image, &o, &sink);
    if (sink.status != CNN_OK) {
        return cnn__fail(image->context, status, "cnn_image_encode: the write function returned %d: %s", (int)status,
                         cnn_status_string(status));
    }
    return status;
}

cnn_status cnn_image_save(const cnn_image *image, const char *path, const cnn_encode_options *options)
{
    if (image == NULL || path == NULL) {
        return cnn__fail(image != NULL ? image->context : NULL, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_save: image and path must not be NULL");
    }
    cnn_encode_options o;
    cnn__writer writer;
    CNN__RETURN_IF_ERROR(read_options(image->context, options, path, &o));
    CNN__RETURN_IF_ERROR(cnn__writer_open(image->context, path, &writer));
    cnn__sink sink = {cnn__writer_write, &writer, CNN_OK};
    cnn_status status = encode(image, &o, &sink);
    if (status != CNN_OK) {
        cnn__writer_abandon(&writer);
        return status;
    }
    return cnn__writer_commit(&writer);
}
