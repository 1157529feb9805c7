/* SPDX-License-Identifier: MIT */
/* The innermost loops of convolution and dense layers beside the product itself. */
#include "backend/reference/reference.h"

static void bias_activation(int64_t rows, int64_t columns, int64_t stride, const float *bias,
                            cnn_activation activation, float alpha, float *y)
{
    for (int64_t r = 0; r < rows; r++) {
        float *row = y + r * stride;
        for (int64_t c = 0; c < columns; c++) {
            row[c] = cnn__activation_value(activation, alpha, bias != NULL ? row[c] + bias[c] : row[c]);
        }
    }
}

static void accumulate(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

static void column_sums(int64_t rows, int64_t columns, const float *x, double *sum)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < columns; c++) {
            sum[c] += x[r * columns + c];
        }
    }
}

const cnn__row_kernels cnn__reference_rows = {bias_activation, accumulate, column_sums, NULL};
