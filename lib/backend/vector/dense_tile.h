/* SPDX-License-Identifier: MIT */
/* The register tile of dense layers: the same sums as conv_tile.h, of one piece, that also prefetches memory which is
 * needed later. A layer's weights are used a few times only: they come from afar while others are multiplied. */
#ifndef CNN_BACKEND_VECTOR_DENSE_TILE_H
#define CNN_BACKEND_VECTOR_DENSE_TILE_H

#include "backend/vector/conv2d/conv_tile.h"

/* Steps of the depth from one request to the next: at this pace a core's share of the memory can follow. */
#define DENSE_GROUP 2

/* Places to ask for: before each of `groups` groups of steps `count` of them, `apart` values from one another; then
 * the same `step` values further. Each is CONV_COLUMNS values long and may lie in two lines. */
typedef struct dense_ahead {
    const float *from;
    size_t groups, step, count, apart;
} dense_ahead;

/* C = A B or C += A B for one register tile; B is a panel of CONV_COLUMNS values for each step of the depth. */
typedef struct dense_tile {
    const float *a, *b;
    size_t a_row; /* values from row to row where the depth is contiguous; otherwise steps are CONV_ROWS values apart */
    size_t depth;
    float *c;
    size_t c_row;
    int adds; /* 1: C += */
    dense_ahead ahead;
} dense_tile;

/* `steps` of the depth; they, `rows` and `by_rows` are constants after inlining. */
VEC_INLINE void dense_steps(int steps, int rows, int by_rows, size_t a_row, const float *a, const float *b,
                            vec_f sum[CONV_ROWS][2])
{
    CONV_UNROLL
    for (int k = 0; k < steps; k++) {
        const vec_f b0 = vec_load(b + k * CONV_COLUMNS), b1 = vec_load(b + k * CONV_COLUMNS + VEC_WIDTH);
        CONV_UNROLL
        for (int i = 0; i < rows; i++) {
            const vec_f value = vec_set1(by_rows ? a[(size_t)i * a_row + (size_t)k] : a[i + k * CONV_ROWS]);
            sum[i][0] += value * b0;
            sum[i][1] += value * b1;
        }
    }
}

/* `rows` and `by_rows` are constants after inlining. */
VEC_INLINE void dense_tile_rows(const dense_tile *t, int rows, int by_rows)
{
    vec_f sum[CONV_ROWS][2];
    const size_t a_row = t->a_row, a_step = by_rows ? 1 : CONV_ROWS;
    const float *a = t->a, *b = t->b, *ahead = t->ahead.from;
    size_t k = t->depth;
    CONV_UNROLL
    for (int i = 0; i < rows; i++) { /* needed at the end; a row of C may begin in the middle of a line */
        __builtin_prefetch(t->c + (size_t)i * t->c_row, 1);
        __builtin_prefetch(t->c + (size_t)i * t->c_row + CONV_COLUMNS - 1, 1);
        sum[i][0] = sum[i][1] = vec_set1(0.0f);
    }
    CONV_ROLLED
    for (const size_t end = k - DENSE_GROUP * t->ahead.groups; k > end; k -= DENSE_GROUP, ahead += t->ahead.step) {
        const float *from = ahead;
        CONV_ROLLED
        for (size_t i = t->ahead.count; i > 0; i--, from += t->ahead.apart) {
            __builtin_prefetch(from, 0, 2); /* no nearer than the second-level cache */
            __builtin_prefetch(from + CONV_COLUMNS - 1, 0, 2);
        }
        dense_steps(DENSE_GROUP, rows, by_rows, a_row, a, b, sum);
        a += DENSE_GROUP * a_step;
        b += DENSE_GROUP * CONV_COLUMNS;
    }
    CONV_ROLLED
    for (; k > 0; k--, a += a_step, b += CONV_COLUMNS) {
        dense_steps(1, rows, by_rows, a_row, a, b, sum);
    }
    CONV_UNROLL
    for (int i = 0; i < rows; i++) {
        float *c = t->c + (size_t)i * t->c_row;
        if (t->adds) {
            sum[i][0] += vec_load(c);
            sum[i][1] += vec_load(c + VEC_WIDTH);
        }
        vec_store(c, sum[i][0]);
        vec_store(c + VEC_WIDTH, sum[i][1]);
    }
}

#define DENSE_BY_ROWS(rows) dense_tile_rows(t, rows, 1)
#define DENSE_BY_STEPS(rows) dense_tile_rows(t, rows, 0)

/* A's rows are `a_row` values apart. */
static __attribute__((noinline, unused)) void dense_tile_by_rows(const dense_tile *t, size_t rows)
{
    CONV_ROWS_DISPATCH(rows, DENSE_BY_ROWS)
}

/* A's rows are side by side. */
static __attribute__((noinline)) void dense_tile_by_steps(const dense_tile *t, size_t rows)
{
    CONV_ROWS_DISPATCH(rows, DENSE_BY_STEPS)
}

#endif
