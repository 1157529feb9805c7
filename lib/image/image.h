/* SPDX-License-Identifier: MIT */
/* The image struct, and what the pipeline uses beyond the public calls. */
#ifndef CNN_IMAGE_IMAGE_H
#define CNN_IMAGE_IMAGE_H

#include <cnn/image.h>

#include "core/context.h"

/* Most pixels along a side of any image. Numbers of pixels stay exact as floats, and a strip of this length has 64 Mpx
 * when it is 61 pixels wide. */
#define CNN__IMAGE_MAX_SIDE 1048576

struct cnn_image {
    cnn_context *context;
    uint32_t width, height, channels;
    char *notes;     /* lines for cnn_image_notes(), a block of their own; NULL: none */
    float *values;   /* in place of the pixels, which are NULL then: as many in [0, 1], of a file with 16 bits that was
                        decoded for a pipeline; such images stay inside of the library */
    uint8_t *pixels; /* height * width * channels, rows without gaps; in the same block as the struct, followed by
                        CNN__IMAGE_SLACK zero bytes so that vector loads may run past the last pixel */
};

#define CNN__IMAGE_SLACK 32

/* Channels that an image may have. */
static inline bool cnn__channels_fit(int64_t channels) { return channels >= 1 && channels <= CNN_MAX_CHANNELS; }

/* Grey or RGB: what files hold, and what one is turned into the other. */
static inline bool cnn__channels_are_colour(int64_t channels) { return channels == 1 || channels == 3; }

/* cnn_image_create() without the zeros: for callers that fill every pixel. */
cnn_status cnn__image_allocate(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels,
                               cnn_image **image);

/* cnn__image_allocate() of an image that has `values` in place of pixels. */
cnn_status cnn__image_allocate_values(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels,
                                      cnn_image **image);

/* cnn_image_decode() of bytes that have a name: a path, or whatever messages shall call them. `deep`: of a file with 16
 * bits all of them are kept where the decoder can, and the image has `values`. */
cnn_status cnn__image_decode_named(cnn_context *context, const char *name, const void *data, size_t size,
                                   const cnn_decode_options *options, bool deep, cnn_image **image);
/* cnn_image_load() likewise. */
cnn_status cnn__image_load_deep(cnn_context *context, const char *path, const cnn_decode_options *options,
                                cnn_image **image);

/* A sample of 16 bits as a value in [0, 1]. */
static inline float cnn__deep_value(uint32_t sample) { return (float)sample / 65535.0f; }

/* ITU-R 601 of float values. */
static inline float cnn__grey_value(const float *rgb) { return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; }

/* Writes `count` pixels of 1 or 3 native 16-bit samples, `in` channels, as values of 1 or 3 channels, `out`. */
void cnn__deep_row(const uint16_t *samples, uint32_t in, size_t count, uint32_t out, float *values);

/* ITU-R 601 as Pillow's convert("L"): `count` RGB pixels to grey ones. */
void cnn__image_grey_row(const uint8_t *rgb, uint8_t *grey, size_t count);

/* Replaces *image by one of `channels` channels unless it has that many: RGB to grey, grey to three equal channels.
 * On failure *image stays as it was. */
cnn_status cnn__image_convert(cnn_image **image, uint32_t channels);
/* The same as an image of its own, from one that has the other number. */
cnn_status cnn__image_converted(const cnn_image *image, uint32_t channels, cnn_image **converted);

/* Pillow's resize(size, filter, box): the part [left, left + box_width) x [top, top + box_height) of `image`, in
 * pixels and fractions of them, to width x height. */
cnn_status cnn__image_resize_box(const cnn_image *image, double left, double top, double box_width, double box_height,
                                 uint32_t width, uint32_t height, cnn_resize_filter filter, cnn_image **resized);

typedef enum cnn__fill_mode {
    CNN__FILL_NEAREST = 0,
    CNN__FILL_CONSTANT = 1,
    CNN__FILL_REFLECT = 2, /* (d c b a | a b c d | d c b a) */
    CNN__FILL_WRAP = 3
} cnn__fill_mode;

/* out(row, column) = image(matrix * (row, column, 1)) with bilinear interpolation of float values, as
 * scipy.ndimage.affine_transform(order=1) does; `values` are height x width x channels floats of any scale. */
typedef struct cnn__warp {
    double matrix[6]; /* input row = m0 r + m1 c + m2, input column = m3 r + m4 c + m5 */
    cnn__fill_mode fill;
    float constant;
} cnn__warp;

void cnn__warp_apply(const cnn__warp *warp, const float *input, uint32_t height, uint32_t width, uint32_t channels,
                     float *output);

#endif
