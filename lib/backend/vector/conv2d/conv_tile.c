/* SPDX-License-Identifier: MIT */
/* The register tile: one copy of its many numbers of rows for all convolutions. */
#include "backend/vector/conv2d/conv_tile.h"

/* Adds C to sums. */
VEC_INLINE void conv_tile_load(const conv_product *p, int rows, vec_f sum[CONV_ROWS][2])
{
    CONV_UNROLL
    for (int i = 0; i < rows; i++) {
        sum[i][0] += vec_load(p->c + (size_t)i * p->c_row);
        sum[i][1] += vec_load(p->c + (size_t)i * p->c_row + VEC_WIDTH);
    }
}

/* `rows`, `by_rows` (k is contiguous in A, otherwise i is) and `asks` (for p->next) are constants after inlining. */
VEC_INLINE void conv_tile_rows(const conv_product *p, int rows, int by_rows, int asks)
{
    vec_f sum[CONV_ROWS][2];
    const size_t a_row = by_rows ? p->a_row : 1;
    const size_t a_step = by_rows ? 1 : p->a_step;
    const float *next = p->next;
    CONV_UNROLL
    for (int i = 0; i < rows; i++) { /* wanted at the end: it comes from afar, and nothing waits for it here */
        __builtin_prefetch(p->c + (size_t)i * p->c_row, 1);
        sum[i][0] = sum[i][1] = vec_set1(0.0f);
    }
    if (p->sums == CONV_SUMS_CONTINUE) {
        conv_tile_load(p, rows, sum);
    }
    for (size_t s = 0; s < p->pieces; s++) {
        const float *a = p->a[s] + p->a_offset;
        const float *b = p->b[s] + p->b_offset;
        for (size_t k = p->length; k > 0; k--) {
            const vec_f b0 = vec_load(b);
            const vec_f b1 = vec_load(b + VEC_WIDTH);
            CONV_UNROLL
            for (int i = 0; i < rows; i++) {
                const vec_f value = vec_set1(a[(size_t)i * a_row]);
                sum[i][0] += value * b0;
                sum[i][1] += value * b1;
            }
            if (asks) {
                __builtin_prefetch(next);
                next += CONV_COLUMNS;
            }
            a += a_step;
            b += p->b_step;
        }
    }
    if (p->sums == CONV_SUMS_ADD) {
        conv_tile_load(p, rows, sum);
    }
    CONV_UNROLL
    for (int i = 0; i < rows; i++) {
        vec_store(p->c + (size_t)i * p->c_row, sum[i][0]);
        vec_store(p->c + (size_t)i * p->c_row + VEC_WIDTH, sum[i][1]);
    }
}

#define CONV_TILE_PLAIN(rows) conv_tile_rows(p, rows, by_rows, 0)
#define CONV_TILE_ASKING(rows) conv_tile_rows(p, rows, by_rows, 1)

/* The next tile of as many rows as are left: a whole one, or what is left in one or in two halves, as a low tile does
 * not fill the pipelines of the multiply-add units. */
VEC_INLINE size_t conv_tile_count(size_t rows)
{
    return rows >= 2 * CONV_ROWS || rows == CONV_ROWS ? CONV_ROWS : rows > CONV_ROWS ? (rows + 1) / 2 : rows;
}

VEC_INLINE void conv_tile_step(conv_product *p, size_t count, int by_rows)
{
    p->a_offset += count * (by_rows ? p->a_row : 1);
    p->c += count * p->c_row;
}

VEC_INLINE void conv_tile_all(const conv_product *all, size_t rows, int by_rows)
{
    conv_product part = *all;
    conv_product *p = &part;
    if (p->next != NULL && rows > 0) {
        const size_t count = conv_tile_count(rows);
        CONV_ROWS_DISPATCH(count, CONV_TILE_ASKING)
        conv_tile_step(p, count, by_rows);
        rows -= count;
    }
    for (; rows >= 2 * CONV_ROWS || rows == CONV_ROWS; rows -= CONV_ROWS) {
        conv_tile_rows(p, CONV_ROWS, by_rows, 0);
        conv_tile_step(p, CONV_ROWS, by_rows);
    }
    while (rows > 0) {
        const size_t count = conv_tile_count(rows);
        CONV_ROWS_DISPATCH(count, CONV_TILE_PLAIN)
        conv_tile_step(p, count, by_rows);
        rows -= count;
    }
}

void CNN__VECTOR(cnn__conv_tile_add_rows)(const conv_product *p, size_t rows) { conv_tile_all(p, rows, 1); }

void CNN__VECTOR(cnn__conv_tile_add)(const conv_product *p, size_t rows) { conv_tile_all(p, rows, 0); }
