/* SPDX-License-Identifier: MIT */
/* The innermost loops of normalisation. */
#include <string.h>

#include "backend/reference/reference.h"

static void moments(int64_t rows, int64_t c, const float *x, double *mean, double *deviation)
{
    memset(mean, 0, (size_t)c * sizeof(*mean));
    memset(deviation, 0, (size_t)c * sizeof(*deviation));
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < c; j++) {
            mean[j] += x[r * c + j];
        }
    }
    for (int64_t j = 0; j < c; j++) {
        mean[j] /= (double)rows;
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < c; j++) {
            double delta = x[r * c + j] - mean[j];
            deviation[j] += delta * delta;
        }
    }
}

static void affine(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *mean, const float *scale,
                   const float *beta, const cnn_epilogue *epilogue, bool streams, float *y)
{
    (void)streams;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j++) {
            float value = (x[r * stride + j] - mean[j]) * scale[j] + beta[j];
            y[r * stride + j] = cnn__activation_value((cnn_activation)epilogue->activation, epilogue->alpha, value);
        }
    }
}

static void gradient_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, double *sum_dy, double *sum_dot)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < c; j++) {
            double value = dy[r * c + j];
            sum_dy[j] += value;
            sum_dot[j] += value * (x[r * c + j] - mean[j]);
        }
    }
    for (int64_t j = 0; j < c; j++) {
        sum_dot[j] *= inv_std[j];
    }
}

static void gradient(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy, const float *mean,
                     const float *scale, const float *offset, const float *slope, bool streams, float *dx)
{
    (void)streams;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j++) {
            int64_t at = r * stride + j;
            dx[at] = x == NULL ? scale[j] * dy[at] : scale[j] * (dy[at] - offset[j] - slope[j] * (x[at] - mean[j]));
        }
    }
}

const cnn__norm_kernels cnn__reference_norms = {moments, affine, gradient_sums, gradient, NULL, NULL};
