/* SPDX-License-Identifier: MIT */
/* Resizing in two passes, as Pillow does: the weights of one direction, and the kernels that apply them. */
#ifndef CNN_IMAGE_RESIZE_H
#define CNN_IMAGE_RESIZE_H

#include "image/image.h"

/* Weights are integers, 1.0 being this many bits: Pillow's precision for 8-bit images. */
#define CNN__RESIZE_BITS 22

/* Rows that one call of the row kernel takes at most: they share the weights. */
#define CNN__RESIZE_ROWS 4

/* What one direction needs: output i is the sum over t < count[i] of weights[i * stride + t] * input[first[i] + t]. */
typedef struct cnn__resize_axis {
    uint32_t outputs;
    uint32_t taps;   /* the largest count */
    uint32_t stride; /* of weights: taps rounded up to 4; weights beyond a count are 0 */
    uint32_t *first;
    uint32_t *count;
    int32_t *weights;
} cnn__resize_axis;

/* Fills outputs, taps and stride for resizing the part [start, start + length) of `inputs` values; returns how many
 * int32 of memory, aligned for double, cnn__resize_axis_fill() needs. */
size_t cnn__resize_axis_plan(cnn__resize_axis *axis, double length, uint32_t outputs, cnn_resize_filter filter);
void cnn__resize_axis_fill(cnn__resize_axis *axis, int32_t *memory, uint32_t inputs, double start, double length,
                           cnn_resize_filter filter);

typedef struct cnn__resize_kernels {
    /* Applies the axis along `rows` (at most CNN__RESIZE_ROWS) rows of interleaved pixels. May read 16 bytes beyond
     * the last pixel of an input row and write one byte beyond an output row. */
    void (*row)(const cnn__resize_axis *axis, uint32_t channels, uint32_t rows, const uint8_t *input,
                size_t input_stride, uint8_t *output, size_t output_stride);
    /* output[i] = sum over t of weights[t] * rows[t][i] for i < size. May read 16 bytes beyond a row. */
    void (*column)(const int32_t *weights, uint32_t count, const uint8_t *const *rows, size_t size, uint8_t *output);
} cnn__resize_kernels;

extern const cnn__resize_kernels cnn__resize_portable;
#if defined(__x86_64__)
extern const cnn__resize_kernels cnn__resize_avx2;
#endif

/* The fastest that this processor runs, and CNN_CPU allows; all give the same bytes. */
const cnn__resize_kernels *cnn__resize_kernels_best(const cnn_context *context);

#endif
