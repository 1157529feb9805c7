/* SPDX-License-Identifier: MIT */
/* Elementwise operations and sums of squares. */
#include "backend/reference/reference.h"

static float combined(int32_t kind, float a, float b)
{
    switch (kind) {
    case CNN_ELEMENTWISE_SUBTRACT:
        return a - b;
    case CNN_ELEMENTWISE_MULTIPLY:
        return a * b;
    default:
        return a + b;
    }
}

static void combine(const cnn_elementwise_args *args, size_t n, size_t period, const float *a, const float *b, float *y)
{
    const cnn_epilogue *epilogue = &args->epilogue;
    for (size_t i = 0; i < n; i++) {
        const float value = combined(args->kind, a[i], b[period == 0 ? i : i % period]);
        y[i] = cnn__activation_value((cnn_activation)epilogue->activation, epilogue->alpha, value);
    }
}

static double sum_squares(size_t n, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * x[i];
    }
    return sum;
}

const cnn__elementwise_kernels cnn__reference_elementwise = {combine, sum_squares};
