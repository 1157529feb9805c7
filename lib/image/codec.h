/* SPDX-License-Identifier: MIT */
/* What decode.c and encode.c share with the codecs, each of which alone knows its library. */
#ifndef CNN_IMAGE_CODEC_H
#define CNN_IMAGE_CODEC_H

#include "image/image.h"

/* What was odd about a file although no pixel is lost: lines, each of them once. More than fit are not kept. */
typedef struct cnn__image_notes {
    char text[512];
    size_t used;
} cnn__image_notes;

/* Bytes to decode, and what messages call them. */
typedef struct cnn__encoded {
    cnn_context *context;
    const char *name; /* printable */
    const uint8_t *data;
    size_t size;
    cnn__image_notes *notes; /* NULL: nobody wants them */
} cnn__encoded;

/* Logs a note as a warning, and keeps it, unless the same was said of this file before. */
void cnn__image_note(const cnn__encoded *source, const char *format, ...) CNN_PRINTF(2, 3);

/* How large an image may be. */
typedef struct cnn__decode_limits {
    uint32_t max_side;
    uint64_t max_pixels;
} cnn__decode_limits;

/* Whether an image of this size is within the limits. Sides are below 2^32. */
bool cnn__size_fits(const cnn__decode_limits *limits, uint64_t width, uint64_t height);
/* CNN_ERROR_LIMIT, with both numbers, if it is not. */
cnn_status cnn__check_size(const cnn__encoded *source, const cnn__decode_limits *limits, uint64_t width,
                           uint64_t height);

/* What a decoder is asked for. The image comes as stored: decode.c turns it afterwards. */
typedef struct cnn__decode_request {
    cnn__decode_limits limits;
    uint32_t channels;                      /* 1 or 3 */
    bool deep;                              /* samples of 16 bits become values, where the decoder can */
    uint32_t background;                    /* 0xFFRRGGBB, or 0: alpha is dropped */
    uint32_t minimum_width, minimum_height; /* of the image as seen after turning; 0: no scaled decoding */
    bool only_over_limit;                   /* scaled decoding only for what would be over the limits */
    bool apply_orientation;                 /* the image will be turned if `info.orientation` says so */
} cnn__decode_request;

/* Fills `info` (struct_size aside) as far as it gets, and with `image` not NULL decodes the pixels. */
typedef cnn_status (*cnn__decode_function)(const cnn__encoded *source, const cnn__decode_request *request,
                                           cnn_image_info *info, cnn_image **image);

cnn_status cnn__jpeg_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image);
cnn_status cnn__png_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image);
cnn_status cnn__bmp_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image);
cnn_status cnn__gif_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image);
cnn_status cnn__webp_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image);
cnn_status cnn__tiff_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image);

/* The decoder for these bytes, by their first ones alone. CNN_ERROR_TRUNCATED if they are the start of a signature,
 * CNN_ERROR_UNSUPPORTED if they are of a format that this build does not read: the message names it. */
cnn_status cnn__find_decoder(const cnn__encoded *source, cnn__decode_function *decode);

/* Turns rows of RGBA into an image of 1 or 3 channels: the alpha is dropped, or the colours are put on a background.
 * Zero-initialise; cnn__alpha_free() at the end, whatever happened. */
typedef struct cnn__alpha {
    const cnn__encoded *source;
    cnn_image *image;
    uint32_t background; /* as in the request */
    uint8_t *kept;       /* the alpha of every pixel, as long as all colours were the same */
    uint8_t color[3];    /* that one */
    bool begun;          /* `color` is known */
} cnn__alpha;

/* `has_alpha` false: the fourth byte of a pixel means nothing. */
cnn_status cnn__alpha_begin(cnn__alpha *alpha, const cnn__encoded *source, const cnn__decode_request *request,
                            bool has_alpha, cnn_image *image);
/* `count` pixels from (x, y) on. Every pixel is given once. */
void cnn__alpha_pixels(cnn__alpha *alpha, uint32_t x, uint32_t y, const uint8_t *rgba, size_t count);
/* After the last pixel. */
void cnn__alpha_end(cnn__alpha *alpha);
void cnn__alpha_free(cnn__alpha *alpha);

/* Pillow's CMYK to RGB. `inverted`: 255 is no ink, as in Adobe's files. */
void cnn__cmyk_row_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count, bool inverted);

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
