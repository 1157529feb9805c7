/* SPDX-License-Identifier: MIT */
/* Separable resampling of float images by Pillow's filters. */
#include "pipeline/resample.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

typedef struct filter_kind {
    double support; /* pixels on each side when enlarging */
    double (*weight)(double distance);
} filter_kind;

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double catmull_rom(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    }
    return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

static filter_kind filter_of(cnn_resize_filter filter)
{
    switch (filter) {
    case CNN_RESIZE_BICUBIC:
        return (filter_kind){2.0, catmull_rom};
    case CNN_RESIZE_AREA:
        return (filter_kind){0.5, box};
    default:
        return (filter_kind){1.0, triangle};
    }
}

/* Which input pixels an output pixel is made of: `count` from `first` on. Their weights follow in a table of
 * `taps` columns. */
typedef struct span {
    uint32_t first, count;
} span;

typedef struct tap_table {
    uint32_t taps;
    double *weights; /* [output][taps] */
    span *spans;     /* [output] */
} tap_table;

static void fill_taps(tap_table *table, filter_kind kind, uint32_t input, uint32_t output)
{
    double scale = (double)input / output, widen = scale < 1.0 ? 1.0 : scale;
    double support = kind.support * widen;
    for (uint32_t i = 0; i < output; i++) {
        double centre = (i + 0.5) * scale, sum = 0.0;
        int64_t first = (int64_t)(centre - support + 0.5), last = (int64_t)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        last = last > input ? input : last;
        double *weights = table->weights + (size_t)i * table->taps;
        uint32_t count = (uint32_t)(last - first);
        for (uint32_t k = 0; k < count; k++) {
            weights[k] = kind.weight(((double)(first + k) - centre + 0.5) / widen);
            sum += weights[k];
        }
        for (uint32_t k = 0; k < count && sum != 0.0; k++) {
            weights[k] /= sum;
        }
        table->spans[i] = (span){(uint32_t)first, count};
    }
}

/* The table lies in block 4: the weights, then the spans. */
static cnn_status make_taps(cnn__scratch *scratch, cnn_resize_filter filter, uint32_t input, uint32_t output,
                            tap_table *table)
{
    filter_kind kind = filter_of(filter);
    double scale = (double)input / output;
    table->taps = (uint32_t)ceil(kind.support * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
    size_t weights, size;
    if (!cnn__mul_size((size_t)output * table->taps, sizeof(double), &weights) ||
        !cnn__add_size(weights, output * sizeof(span), &size)) {
        return cnn__fail(scratch->context, CNN_ERROR_LIMIT, "resizing %u to %u pixels needs too many weights", input,
                         output);
    }
    CNN__RETURN_IF_ERROR(cnn__scratch_reserve(scratch, 4, size));
    table->weights = scratch->blocks[4];
    table->spans = (span *)((char *)scratch->blocks[4] + weights);
    fill_taps(table, kind, input, output);
    return CNN_OK;
}

static void across(const tap_table *table, const float *input, uint32_t height, uint32_t width, uint32_t channels,
                   float *output, uint32_t cols)
{
    for (uint32_t row = 0; row < height; row++, input += (size_t)width * channels) {
        for (uint32_t col = 0; col < cols; col++) {
            const double *weights = table->weights + (size_t)col * table->taps;
            const float *from = input + (size_t)table->spans[col].first * channels;
            for (uint32_t c = 0; c < channels; c++) {
                double sum = 0.0;
                for (uint32_t k = 0; k < table->spans[col].count; k++) {
                    sum += from[(size_t)k * channels + c] * weights[k];
                }
                *output++ = (float)sum;
            }
        }
    }
}

static void down(const tap_table *table, const float *input, size_t row_values, float *output, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        const double *weights = table->weights + (size_t)row * table->taps;
        const float *from = input + table->spans[row].first * row_values;
        for (size_t i = 0; i < row_values; i++) {
            double sum = 0.0;
            for (uint32_t k = 0; k < table->spans[row].count; k++) {
                sum += from[k * row_values + i] * weights[k];
            }
            *output++ = (float)sum;
        }
    }
}

static void nearest(const float *input, uint32_t height, uint32_t width, uint32_t channels, float *output,
                    uint32_t rows, uint32_t cols)
{
    double y_scale = (double)height / rows, x_scale = (double)width / cols;
    for (uint32_t row = 0; row < rows; row++) {
        const float *from = input + (size_t)((row + 0.5) * y_scale) * width * channels;
        for (uint32_t col = 0; col < cols; col++, output += channels) {
            memcpy(output, from + (size_t)((col + 0.5) * x_scale) * channels, channels * sizeof(float));
        }
    }
}

cnn_status cnn__resample(cnn__scratch *scratch, const float *input, uint32_t height, uint32_t width, uint32_t channels,
                         float *output, uint32_t rows, uint32_t cols, cnn_resize_filter filter)
{
    tap_table table;
    if (filter == CNN_RESIZE_NEAREST) {
        nearest(input, height, width, channels, output, rows, cols);
        return CNN_OK;
    }
    if (cols != width) {
        float *result = output;
        if (rows != height) {
            size_t size;
            if (!cnn__mul_size((size_t)height * cols, channels * sizeof(float), &size)) {
                return cnn__fail(scratch->context, CNN_ERROR_LIMIT, "resizing to %ux%u needs too many values", rows,
                                 cols);
            }
            CNN__RETURN_IF_ERROR(cnn__scratch_reserve(scratch, 3, size));
            result = scratch->blocks[3];
        }
        CNN__RETURN_IF_ERROR(make_taps(scratch, filter, width, cols, &table));
        across(&table, input, height, width, channels, result, cols);
        input = result;
    }
    if (rows != height) {
        CNN__RETURN_IF_ERROR(make_taps(scratch, filter, height, rows, &table));
        down(&table, input, (size_t)cols * channels, output, rows);
    }
    return CNN_OK;
}
