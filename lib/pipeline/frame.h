/* SPDX-License-Identifier: MIT */
/* The image on its way through a pipeline. Resizing, cropping, mirroring, colour order and linear changes of
 * value are only noted, in that order, and done together by the last write: a photo's pixels are touched by the
 * decoder, by one resize of the part that is needed, and by one conversion to float. */
#ifndef CNN_PIPELINE_FRAME_H
#define CNN_PIPELINE_FRAME_H

#include <cnn/image.h>

#include "core/context.h"
#include "core/rng.h"

#define CNN__SCRATCH_BLOCKS 5

/* Memory of one thread, kept from image to image; blocks only grow. Zero-initialise with the context. */
typedef struct cnn__scratch {
    cnn_context *context;
    void *blocks[CNN__SCRATCH_BLOCKS]; /* 0 to 2: pixels; 3 and 4: working memory of resampling */
    size_t sizes[CNN__SCRATCH_BLOCKS];
    bool table_valid;
    uint32_t table_channels; /* that are filled */
    double table_gain[CNN_MAX_CHANNELS], table_bias[CNN_MAX_CHANNELS];
    float table[CNN_MAX_CHANNELS][256]; /* value of each byte in each channel, for this gain and bias */
} cnn__scratch;

cnn_status cnn__scratch_reserve(cnn__scratch *scratch, size_t block, size_t size);
void cnn__scratch_free(cnn__scratch *scratch);

typedef struct cnn__frame {
    cnn__scratch *scratch;
    cnn__rng rng;
    uint64_t seed, epoch, sample; /* what the random numbers are chosen by */
    const char *name; /* for messages */
    uint32_t view;    /* which of the views of ten_crop is made */

    size_t step; /* that is being done, and its name, for messages */
    const char *step_name;
    uint64_t limit; /* most pixels that a step may make */
    uint64_t work;  /* of the steps so far, in pixels of a resize */

    const uint8_t *bytes; /* the pixels: 8-bit or float, the other NULL */
    const float *floats;
    uint32_t height, width, channels;
    bool padded;      /* CNN__IMAGE_SLACK bytes after the 8-bit pixels may be read, as resizing does */
    int block;        /* scratch block that holds them; -1: none does */
    int held;         /* scratch block that must be left alone; -1: none */
    cnn_image *owned; /* image that holds them; NULL: none does */

    /* To be done, in this order. */
    uint32_t resize_height, resize_width; /* 0: not resized */
    cnn_resize_filter filter;
    int64_t top, left;   /* of the part that is kept; what lies outside of the image is black */
    uint32_t rows, cols; /* its size: the size that the next step sees */
    bool flip_rows, flip_cols;
    bool reversed; /* blue, green, red */
    bool mapped;   /* value * gain + bias */
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
} cnn__frame;

/* Starts with an image's pixels, which are borrowed; the other pointer is NULL. `padded` is of 8-bit ones. */
void cnn__frame_begin(cnn__frame *frame, cnn__scratch *scratch, const uint8_t *bytes, bool padded, const float *floats,
                      uint32_t height, uint32_t width, uint32_t channels);
void cnn__frame_end(cnn__frame *frame);

/* Says that step number `step` from 0 asks for too many pixels; CNN_ERROR_LIMIT. */
cnn_status cnn__frame_too_large(const cnn_context *context, const char *name, size_t step, const char *step_name,
                                uint64_t pixels, uint64_t limit);
/* CNN_ERROR_LIMIT if the size is above the limit. 8-bit images are resized as Pillow's modes L and RGB, float ones
 * as its mode F. */
cnn_status cnn__frame_resize(cnn__frame *frame, uint32_t height, uint32_t width, cnn_resize_filter filter);
/* The same, bilinear without antialiasing. */
cnn_status cnn__frame_resize_plain(cnn__frame *frame, uint32_t height, uint32_t width);
/* Keeps rows x cols from (top, left) on, which may reach outside. CNN_ERROR_LIMIT. */
cnn_status cnn__frame_crop(cnn__frame *frame, int64_t top, int64_t left, uint32_t rows, uint32_t cols);
void cnn__frame_flip(cnn__frame *frame, bool rows, bool cols);
/* Of three channels; one is left as it is. */
void cnn__frame_reverse(cnn__frame *frame);
/* The value of each channel becomes value * gain + bias, with a gain and a bias for each. */
void cnn__frame_map(cnn__frame *frame, const double *gain, const double *bias);

/* Whether the pixels are 8-bit and their values as they were: cnn__frame_bytes() can be called. */
bool cnn__frame_is_bytes(const cnn__frame *frame);
/* Does all that was noted, so that bytes or floats, rows x cols x channels, are the image. */
cnn_status cnn__frame_bytes(cnn__frame *frame);
cnn_status cnn__frame_floats(cnn__frame *frame);
/* Only the noted resize. */
cnn_status cnn__frame_settle(cnn__frame *frame);
/* Writes rows x cols x channels values; the frame stays as it is apart from a noted resize, which is done. */
cnn_status cnn__frame_write(cnn__frame *frame, float *values);

/* Copies rows x cols x channels bytes, as cnn__frame_write() without the change of values. */
void cnn__frame_copy_bytes(const cnn__frame *frame, uint8_t *bytes);
/* rows x cols x channels; CNN_ERROR_LIMIT if that many floats cannot be addressed. */
cnn_status cnn__frame_values(const cnn__frame *frame, size_t *values);

/* Replaces the pixels by those of a block got from here, rows x cols x channels with nothing to be done. */
cnn_status cnn__frame_block(cnn__frame *frame, size_t size, int *block);
void cnn__frame_put_bytes(cnn__frame *frame, int block, uint32_t channels);
void cnn__frame_put_floats(cnn__frame *frame, int block, uint32_t channels);

#endif
