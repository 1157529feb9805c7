/* SPDX-License-Identifier: MIT */
/* The innermost loops of convolution and dense layers beside the product itself. */
#include "backend/driver/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/kernels.h"

VEC_INLINE void activate_rows(int64_t rows, int64_t columns, int64_t stride, const float *bias,
                              cnn_activation activation, float alpha, float *y)
{
    for (int64_t r = 0; r < rows; r++) {
        float *row = y + r * stride;
        for (int64_t c = 0; c < columns; c += VEC_WIDTH) {
            size_t n = (size_t)(columns - c);
            vec_f value = vec_load_n(row + c, n);
            if (bias != NULL) {
                value += vec_load_n(bias + c, n);
            }
            vec_store_n(row + c, vec_activate(activation, alpha, value), n);
        }
    }
}

static void bias_activation(int64_t rows, int64_t columns, int64_t stride, const float *bias, cnn_activation activation,
                            float alpha, float *y)
{
#define ACTIVATE(constant) activate_rows(rows, columns, stride, bias, constant, alpha, y)
    VEC_WITH_ACTIVATION(activation, ACTIVATE)
#undef ACTIVATE
}

static void accumulate(int64_t n, const float *x, float *y)
{
    int64_t i = 0;
    for (; i + VEC_WIDTH <= n; i += VEC_WIDTH) {
        vec_store(y + i, vec_load(y + i) + vec_load(x + i));
    }
    for (; i < n; i++) {
        y[i] += x[i];
    }
}

/* Columns whose sums are kept in registers down the rows: about a cache line. */
#define TILE 4

VEC_INLINE void sum_columns(int64_t rows, int64_t stride, const float *x, int vectors, size_t last, double *sum)
{
    vec_d total[TILE] = {{0}};
    for (int64_t r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            total[v] += vec_widen_n(x + r * stride + v * VEC_D, v + 1 < vectors ? VEC_D : last);
        }
    }
    for (int v = 0; v < vectors; v++) {
        vec_add_d(sum + v * VEC_D, total[v], v + 1 < vectors ? VEC_D : last);
    }
}

static void column_sums(int64_t rows, int64_t columns, const float *x, double *sum)
{
    int64_t c = 0;
    for (; c + TILE * VEC_D <= columns; c += TILE * VEC_D) {
        sum_columns(rows, columns, x + c, TILE, VEC_D, sum + c);
    }
    for (; c < columns; c += VEC_D) {
        sum_columns(rows, columns, x + c, 1, cnn__min_size((size_t)(columns - c), VEC_D), sum + c);
    }
}

/* Rows of w that one sweep over y takes: y goes through the first-level cache once for all of them. */
#define SWEEP 4

/* The processor follows a row by itself, but not from one short row to the next: up to this many columns it is asked
 * for what comes this many values later, 8 KB. For wider rows that order is not the one they are read in. */
#define NARROW 768
#define AHEAD 2048
#define LINE 16 /* floats of a cache line */

/* y += x w for `rows` rows (a constant) and `depth` (another, at most SWEEP) rows of w; or y = x w. `asks` (a third):
 * whether memory is asked for ahead. */
VEC_INLINE void sweep(int rows, int depth, int asks, size_t columns, size_t stride, const float *x, const float *w,
                      int first, float *y)
{
    for (size_t c = 0; c < columns; c += VEC_WIDTH) {
        const size_t lanes = columns - c;
        vec_f weight[SWEEP];
        for (size_t i = 0; asks && i < SWEEP * VEC_WIDTH; i += LINE) {
            __builtin_prefetch(w + AHEAD + SWEEP * c + i);
        }
        for (int k = 0; k < depth; k++) {
            weight[k] = vec_load_n(w + (size_t)k * columns + c, lanes);
        }
        for (int r = 0; r < rows; r++) {
            float *to = y + (size_t)r * columns + c;
            vec_f sum = first ? vec_set1(0.0f) : vec_load_n(to, lanes);
            for (int k = 0; k < depth; k++) {
                sum += vec_set1(x[(size_t)r * stride + (size_t)k]) * weight[k];
            }
            vec_store_n(to, sum, lanes);
        }
    }
}

VEC_INLINE void sweep_all(int rows, size_t depth, size_t columns, size_t stride, const float *x, const float *w,
                          float *y)
{
    size_t k = 0;
    for (; columns <= NARROW && k + SWEEP <= depth; k += SWEEP) {
        sweep(rows, SWEEP, 1, columns, stride, x + k, w + k * columns, k == 0, y);
    }
    for (; k + SWEEP <= depth; k += SWEEP) {
        sweep(rows, SWEEP, 0, columns, stride, x + k, w + k * columns, k == 0, y);
    }
    for (; k < depth; k++) {
        sweep(rows, 1, 0, columns, stride, x + k, w + k * columns, k == 0, y);
    }
}

static void few_rows(int64_t rows, int64_t depth, int64_t columns, int64_t stride, const float *x, const float *w,
                     float *y)
{
    switch (rows) {
    case 1:
        sweep_all(1, (size_t)depth, (size_t)columns, (size_t)stride, x, w, y);
        break;
    case 2:
        sweep_all(2, (size_t)depth, (size_t)columns, (size_t)stride, x, w, y);
        break;
    case 3:
        sweep_all(3, (size_t)depth, (size_t)columns, (size_t)stride, x, w, y);
        break;
    default:
        sweep_all(CNN__FEW_ROWS, (size_t)depth, (size_t)columns, (size_t)stride, x, w, y);
        break;
    }
}

const cnn__row_kernels CNN__VECTOR(cnn__rows) = {bias_activation, accumulate, column_sums, few_rows};
