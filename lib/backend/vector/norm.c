/* SPDX-License-Identifier: MIT */
/* The innermost loops of normalisation. */
#include "backend/task.h"
#include "backend/vector/kernels.h"

/* Vectors of doubles kept in registers down the rows: about a cache line of columns. */
#define TILE 4

/* Means and squared deviations of `vectors` * VEC_D columns, of which the last vector has `last`. */
VEC_INLINE void tile_moments(int64_t rows, int64_t c, const float *x, int vectors, size_t last, double *mean,
                             double *deviation)
{
    vec_d sum[TILE] = {{0}}, square[TILE] = {{0}};
    for (int64_t r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            sum[v] += vec_widen_n(x + r * c + v * VEC_D, v + 1 < vectors ? VEC_D : last);
        }
    }
    for (int v = 0; v < vectors; v++) {
        sum[v] /= (double)rows;
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            vec_d delta = vec_widen_n(x + r * c + v * VEC_D, v + 1 < vectors ? VEC_D : last) - sum[v];
            square[v] += delta * delta;
        }
    }
    for (int v = 0; v < vectors; v++) {
        size_t n = v + 1 < vectors ? VEC_D : last;
        memcpy(mean + v * VEC_D, &sum[v], n * sizeof(double));
        memcpy(deviation + v * VEC_D, &square[v], n * sizeof(double));
    }
}

static void moments(int64_t rows, int64_t c, const float *x, double *mean, double *deviation)
{
    int64_t j = 0;
    for (; j + TILE * VEC_D <= c; j += TILE * VEC_D) {
        tile_moments(rows, c, x + j, TILE, VEC_D, mean + j, deviation + j);
    }
    for (; j < c; j += VEC_D) {
        tile_moments(rows, c, x + j, 1, cnn__min_size((size_t)(c - j), VEC_D), mean + j, deviation + j);
    }
}

static void affine(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *mean,
                   const float *scale, const float *beta, bool relu, float *y)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j += VEC_WIDTH) {
            size_t n = (size_t)(columns - j);
            vec_f value = vec_load_n(x + r * stride + j, n) - vec_load_n(mean + j, n);
            value = value * vec_load_n(scale + j, n) + vec_load_n(beta + j, n);
            vec_store_n(y + r * stride + j, relu ? vec_relu(value) : value, n);
        }
    }
}

VEC_INLINE void tile_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, int vectors, size_t last, double *sum_dy, double *sum_dot)
{
    vec_d total[TILE] = {{0}}, dot[TILE] = {{0}}, center[TILE];
    for (int v = 0; v < vectors; v++) {
        center[v] = vec_widen_n(mean + v * VEC_D, v + 1 < vectors ? VEC_D : last);
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            size_t n = v + 1 < vectors ? VEC_D : last;
            vec_d gradient = vec_widen_n(dy + r * c + v * VEC_D, n);
            total[v] += gradient;
            dot[v] += gradient * (vec_widen_n(x + r * c + v * VEC_D, n) - center[v]);
        }
    }
    for (int v = 0; v < vectors; v++) {
        size_t n = v + 1 < vectors ? VEC_D : last;
        vec_add_d(sum_dy + v * VEC_D, total[v], n);
        vec_add_d(sum_dot + v * VEC_D, dot[v] * vec_widen_n(inv_std + v * VEC_D, n), n);
    }
}

static void gradient_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, double *sum_dy, double *sum_dot)
{
    int64_t j = 0;
    for (; j + TILE * VEC_D <= c; j += TILE * VEC_D) {
        tile_sums(rows, c, x + j, dy + j, mean + j, inv_std + j, TILE, VEC_D, sum_dy + j, sum_dot + j);
    }
    for (; j < c; j += VEC_D) {
        tile_sums(rows, c, x + j, dy + j, mean + j, inv_std + j, 1, cnn__min_size((size_t)(c - j), VEC_D), sum_dy + j,
                  sum_dot + j);
    }
}

static void gradient(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy,
                     const float *mean, const float *scale, const float *offset, const float *slope, float *dx)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j += VEC_WIDTH) {
            size_t n = (size_t)(columns - j);
            int64_t at = r * stride + j;
            vec_f value = vec_load_n(dy + at, n);
            if (x != NULL) {
                vec_f centered = vec_load_n(x + at, n) - vec_load_n(mean + j, n);
                value = value - vec_load_n(offset + j, n) - vec_load_n(slope + j, n) * centered;
            }
            vec_store_n(dx + at, vec_load_n(scale + j, n) * value, n);
        }
    }
}

const cnn__norm_kernels CNN__VECTOR(cnn__norms) = {moments, affine, gradient_sums, gradient};
