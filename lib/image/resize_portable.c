/* SPDX-License-Identifier: MIT */
/* The kernels of resizing in plain C: what the vector kernels are tested against. */
#include "image/resize.h"

/* Sums are kept for this many bytes at a time, so that they stay in the first-level cache. */
#define BLOCK 256

static inline uint8_t to_byte(int32_t sum)
{
    int32_t value = sum >> CNN__RESIZE_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static const int32_t half = 1 << (CNN__RESIZE_BITS - 1);

static void row_grey(const cnn__resize_axis *axis, const uint8_t *input, uint8_t *output)
{
    for (uint32_t i = 0; i < axis->outputs; i++) {
        const int32_t *weights = axis->weights + (size_t)i * axis->stride;
        const uint8_t *pixel = input + axis->first[i];
        int32_t sum = half;
        for (uint32_t t = 0; t < axis->count[i]; t++) {
            sum += weights[t] * pixel[t];
        }
        output[i] = to_byte(sum);
    }
}

static void row_rgb(const cnn__resize_axis *axis, const uint8_t *input, uint8_t *output)
{
    for (uint32_t i = 0; i < axis->outputs; i++) {
        const int32_t *weights = axis->weights + (size_t)i * axis->stride;
        const uint8_t *pixel = input + (size_t)axis->first[i] * 3;
        int32_t red = half, green = half, blue = half;
        for (uint32_t t = 0; t < axis->count[i]; t++, pixel += 3) {
            red += weights[t] * pixel[0];
            green += weights[t] * pixel[1];
            blue += weights[t] * pixel[2];
        }
        output[3 * (size_t)i] = to_byte(red);
        output[3 * (size_t)i + 1] = to_byte(green);
        output[3 * (size_t)i + 2] = to_byte(blue);
    }
}

/* One channel of several, as a grey row with gaps. */
static void row_channel(const cnn__resize_axis *axis, uint32_t channels, const uint8_t *input, uint8_t *output)
{
    for (uint32_t i = 0; i < axis->outputs; i++, output += channels) {
        const int32_t *weights = axis->weights + (size_t)i * axis->stride;
        const uint8_t *pixel = input + (size_t)axis->first[i] * channels;
        int32_t sum = half;
        for (uint32_t t = 0; t < axis->count[i]; t++, pixel += channels) {
            sum += weights[t] * *pixel;
        }
        *output = to_byte(sum);
    }
}

static void row_portable(const cnn__resize_axis *axis, uint32_t channels, uint32_t rows, const uint8_t *input,
                         size_t input_stride, uint8_t *output, size_t output_stride)
{
    for (uint32_t r = 0; r < rows; r++) {
        const uint8_t *from = input + r * input_stride;
        uint8_t *to = output + r * output_stride;
        if (channels == 3) {
            row_rgb(axis, from, to);
        } else if (channels == 1) {
            row_grey(axis, from, to);
        } else {
            for (uint32_t c = 0; c < channels; c++) {
                row_channel(axis, channels, from + c, to + c);
            }
        }
    }
}

static void column_portable(const int32_t *weights, uint32_t count, const uint8_t *const *rows, size_t size,
                            uint8_t *output)
{
    int32_t sums[BLOCK];
    for (size_t at = 0; at < size; at += BLOCK) {
        const size_t block = size - at < BLOCK ? size - at : BLOCK;
        for (size_t i = 0; i < block; i++) {
            sums[i] = half;
        }
        for (uint32_t t = 0; t < count; t++) {
            const uint8_t *row = rows[t] + at;
            const int32_t weight = weights[t];
            for (size_t i = 0; i < block; i++) {
                sums[i] += weight * row[i];
            }
        }
        for (size_t i = 0; i < block; i++) {
            output[at + i] = to_byte(sums[i]);
        }
    }
}

const cnn__resize_kernels cnn__resize_portable = {row_portable, column_portable};

const cnn__resize_kernels *cnn__resize_kernels_best(const cnn_context *context)
{
#if defined(__x86_64__)
    if (context->cpu >= CNN__CPU_AVX2) {
        return &cnn__resize_avx2;
    }
#else
    (void)context;
#endif
    return &cnn__resize_portable;
}
