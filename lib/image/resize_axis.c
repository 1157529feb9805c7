/* SPDX-License-Identifier: MIT */
/* The weights of one direction, equal to those of Pillow's resampling. */
#include <math.h>

#include "image/resize.h"

static double triangle(double x) { return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0; }

/* Catmull-Rom: Keys' cubic with a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    }
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

typedef struct kernel {
    double (*value)(double x);
    double support; /* zero beyond this distance, at scale 1 */
} kernel;

static kernel kernel_of(cnn_resize_filter filter)
{
    switch (filter) {
    case CNN_RESIZE_BICUBIC:
        return (kernel){cubic, 2.0};
    case CNN_RESIZE_AREA:
        return (kernel){box, 0.5};
    default:
        return (kernel){triangle, 1.0};
    }
}

/* Shrinking widens the filter: that is the antialiasing. */
static double filter_scale(double length, uint32_t outputs)
{
    double scale = length / outputs;
    return scale < 1.0 ? 1.0 : scale;
}

size_t cnn__resize_axis_plan(cnn__resize_axis *axis, double length, uint32_t outputs, cnn_resize_filter filter)
{
    double support = kernel_of(filter).support * filter_scale(length, outputs);
    axis->outputs = outputs;
    axis->taps = (uint32_t)ceil(support) * 2 + 1;
    axis->stride = (axis->taps + 3) / 4 * 4;
    return (size_t)outputs * (axis->stride + 2) + 2 * (size_t)axis->stride;
}

static int32_t to_fixed(double weight)
{
    double scaled = weight * (1 << CNN__RESIZE_BITS);
    return (int32_t)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

void cnn__resize_axis_fill(cnn__resize_axis *axis, int32_t *memory, uint32_t inputs, double start, double length,
                           cnn_resize_filter filter)
{
    const kernel k = kernel_of(filter);
    const double scale = length / axis->outputs;
    const double widened = filter_scale(length, axis->outputs);
    const double narrowed = 1.0 / widened;
    const double support = k.support * widened;
    double *values = (double *)memory; /* of one output, before they are normalised */
    axis->weights = memory + 2 * (size_t)axis->stride;
    axis->first = (uint32_t *)axis->weights + (size_t)axis->outputs * axis->stride;
    axis->count = axis->first + axis->outputs;
    for (uint32_t i = 0; i < axis->outputs; i++) {
        const double center = start + (i + 0.5) * scale;
        const double low = center - support + 0.5, high = center + support + 0.5;
        const uint32_t first = low > 0.0 ? (uint32_t)low : 0;
        const uint32_t end = high < inputs ? (uint32_t)high : inputs;
        int32_t *weights = axis->weights + (size_t)i * axis->stride;
        double sum = 0.0;
        for (uint32_t t = 0; t < end - first; t++) {
            values[t] = k.value((t + first - center + 0.5) * narrowed);
            sum += values[t];
        }
        for (uint32_t t = 0; t < axis->stride; t++) {
            weights[t] = t < end - first ? to_fixed(sum != 0.0 ? values[t] / sum : values[t]) : 0;
        }
        axis->first[i] = first;
        axis->count[i] = end - first;
        while (axis->count[i] > 1 && weights[axis->count[i] - 1] == 0) {
            axis->count[i]--;
        }
    }
}
