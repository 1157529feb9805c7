/* SPDX-License-Identifier: MIT */
/* Elementwise operations and sums of squares. */
#include "backend/driver/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/kernels.h"

/* `kind` is a constant after inlining. */
VEC_INLINE vec_f combined(int32_t kind, vec_f a, vec_f b)
{
    return kind == CNN_ELEMENTWISE_ADD ? a + b : kind == CNN_ELEMENTWISE_SUBTRACT ? a - b : a * b;
}

/* n values of a and b; the kind and the most common activations are constants after inlining. */
VEC_INLINE void combine_loop(int32_t kind, int32_t activation, float alpha, size_t n, const float *a, const float *b,
                             float *y)
{
    for (size_t i = 0; i < n; i += VEC_WIDTH) {
        const vec_f value = combined(kind, vec_load_n(a + i, n - i), vec_load_n(b + i, n - i));
        vec_store_n(y + i, vec_activate_one(activation, alpha, value), n - i);
    }
}

VEC_INLINE void combine_kind(int32_t kind, const cnn_epilogue *epilogue, size_t n, const float *a, const float *b,
                             float *y)
{
    if (epilogue->activation == CNN_LINEAR) {
        combine_loop(kind, CNN_LINEAR, 0, n, a, b, y);
    } else if (epilogue->activation == CNN_RELU) {
        combine_loop(kind, CNN_RELU, 0, n, a, b, y);
    } else if (epilogue->activation == CNN_RELU6) {
        combine_loop(kind, CNN_RELU6, 0, n, a, b, y);
    } else {
        combine_loop(kind, epilogue->activation, epilogue->alpha, n, a, b, y);
    }
}

static void combine_values(const cnn_elementwise_args *args, size_t n, const float *a, const float *b, float *y)
{
    switch (args->kind) {
    case CNN_ELEMENTWISE_SUBTRACT:
        combine_kind(CNN_ELEMENTWISE_SUBTRACT, &args->epilogue, n, a, b, y);
        break;
    case CNN_ELEMENTWISE_MULTIPLY:
        combine_kind(CNN_ELEMENTWISE_MULTIPLY, &args->epilogue, n, a, b, y);
        break;
    default:
        combine_kind(CNN_ELEMENTWISE_ADD, &args->epilogue, n, a, b, y);
        break;
    }
}

/* Values of b that are written out again and again where few repeat: one value, or the channels of an image. */
#define TILE 256

static void combine(const cnn_elementwise_args *args, size_t n, size_t period, const float *a, const float *b, float *y)
{
    float tile[TILE];
    size_t step = period == 0 ? n : period;
    if (step <= TILE / 4 && step < n) {
        step = cnn__min_size(TILE / period * period, n);
        for (size_t i = 0; i < step; i++) {
            tile[i] = i < period ? b[i] : tile[i - period];
        }
        b = tile;
    }
    for (size_t at = 0; at < n; at += step) {
        combine_values(args, cnn__min_size(step, n - at), a + at, b, y + at);
    }
}

static double sum_squares(size_t n, const float *x)
{
    vec_d low = {0}, high = {0};
    for (size_t i = 0; i < n; i += VEC_WIDTH) {
        vec_f value = vec_load_n(x + i, n - i);
        low += vec_low_d(value) * vec_low_d(value);
        high += vec_high_d(value) * vec_high_d(value);
    }
    return vec_sum_d(low + high);
}

const cnn__elementwise_kernels CNN__VECTOR(cnn__elementwise_kernels) = {combine, sum_squares};
