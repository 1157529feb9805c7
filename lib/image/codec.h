/* SPDX-License-Identifier: MIT */
/* What decode.c and encode.c share with the two codecs, which alone know libjpeg and libpng. */
#ifndef CNN_IMAGE_CODEC_H
#define CNN_IMAGE_CODEC_H

#include "image/image.h"

/* Bytes to decode, and what messages call them. */
typedef struct cnn__source {
    cnn_context *context;
    const char *name; /* printable */
    const uint8_t *data;
    size_t size;
} cnn__source;

/* How large an image may be. */
typedef struct cnn__decode_limits {
    uint32_t max_side;
    uint64_t max_pixels;
} cnn__decode_limits;

/* CNN_ERROR_LIMIT, with both numbers, if an image of this size is over the limits. */
cnn_status cnn__check_size(const cnn__source *source, const cnn__decode_limits *limits, uint64_t width,
                           uint64_t height);

/* What a decoder is asked for. The image comes as stored: decode.c turns it afterwards. */
typedef struct cnn__decode_request {
    cnn__decode_limits limits;
    uint32_t channels;                      /* 1 or 3 */
    uint32_t minimum_width, minimum_height; /* of the image as seen after turning; 0: no scaled decoding */
    bool prefer_full;                       /* the minimum counts only beyond limits.max_pixels */
    bool apply_orientation;                 /* the image will be turned if `info.orientation` says so */
} cnn__decode_request;

/* Both fill `info` (struct_size aside) as far as they get, and with `image` not NULL decode the pixels. */
cnn_status cnn__jpeg_decode(const cnn__source *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image);
cnn_status cnn__png_decode(const cnn__source *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image);

/* The orientation (1 to 8) that the TIFF structure inside an EXIF block holds; 1 if there is none that is valid. */
uint32_t cnn__exif_orientation(const uint8_t *tiff, size_t size);
/* Replaces *image by what a viewer shows for this orientation. On failure *image stays as it was. */
cnn_status cnn__image_orient(cnn_image **image, uint32_t orientation);

/* Where encoded bytes go. */
typedef struct cnn__sink {
    cnn_write_function write;
    void *user;
    cnn_status status; /* the first failure of `write` */
} cnn__sink;

/* Return the sink's status if it failed; only other failures set the last error. */
cnn_status cnn__jpeg_encode(const cnn_image *image, uint32_t quality, cnn__sink *sink);
cnn_status cnn__png_encode(const cnn_image *image, cnn__sink *sink);

#endif
