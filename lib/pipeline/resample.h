/* SPDX-License-Identifier: MIT */
/* Resizing of float images; 8-bit ones are resized by image/. */
#ifndef CNN_PIPELINE_RESAMPLE_H
#define CNN_PIPELINE_RESAMPLE_H

#include "pipeline/frame.h"

/* Resizes height x width x channels floats to rows x cols as Pillow's mode F does: the horizontal pass first, each
 * pass summed in double and rounded to float. Uses the scratch's working memory. */
cnn_status cnn__resample(cnn__scratch *scratch, const float *input, uint32_t height, uint32_t width, uint32_t channels,
                         float *output, uint32_t rows, uint32_t cols, cnn_resize_filter filter);

/* From height x width to rows x cols. */
typedef struct cnn__plain_resize {
    uint32_t height, width, channels, rows, cols;
} cnn__plain_resize;

/* Bilinear without antialiasing, of bytes as OpenCV to the bit, or of floats; the other is NULL. `out` is of the same
 * kind. Uses the scratch's working memory. */
cnn_status cnn__resize_plain(cnn__scratch *scratch, const cnn__plain_resize *r, const uint8_t *bytes,
                             const float *floats, void *out);

#endif
