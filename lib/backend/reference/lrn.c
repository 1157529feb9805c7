/* SPDX-License-Identifier: MIT */
/* The rows of local response normalisation. */
#include <math.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

/* bias + alpha times the squares in the window of channel j. */
static float scale_at(const cnn_lrn_shape *shape, const float *x, int64_t j)
{
    int64_t begin = cnn__max_i64(0, j - shape->before), end = cnn__min_i64(shape->c, j + shape->after + 1);
    double sum = 0;
    for (int64_t i = begin; i < end; i++) {
        sum += (double)x[i] * x[i];
    }
    return (float)(shape->bias + shape->alpha * sum);
}

static void forward_row(const cnn_lrn_shape *shape, const float *x, float *y)
{
    for (int64_t j = 0; j < shape->c; j++) {
        y[j] = x[j] * powf(scale_at(shape, x, j), -shape->beta);
    }
}

/* With s the scale and p = s^-beta: dx_j = dy_j p_j - 2 alpha beta x_j sum(dy_i x_i p_i / s_i) over the channels i in
 * whose window j lies. */
static void backward_row(const cnn_lrn_shape *shape, const float *x, const float *dy, float *scratch, float *dx)
{
    const double factor = 2.0 * shape->alpha * shape->beta;
    for (int64_t j = 0; j < shape->c; j++) {
        float scale = scale_at(shape, x, j);
        dx[j] = dy[j] * powf(scale, -shape->beta);
        scratch[j] = dx[j] * x[j] / scale;
    }
    for (int64_t j = 0; j < shape->c; j++) {
        int64_t begin = cnn__max_i64(0, j - shape->after), end = cnn__min_i64(shape->c, j + shape->before + 1);
        double sum = 0;
        for (int64_t i = begin; i < end; i++) {
            sum += scratch[i];
        }
        dx[j] = (float)(dx[j] - factor * x[j] * sum);
    }
}

const cnn__lrn_kernels cnn__reference_lrn = {forward_row, backward_row};
