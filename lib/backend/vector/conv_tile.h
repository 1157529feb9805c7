/* SPDX-License-Identifier: MIT */
/* The register tile of all convolutions: up to CONV_ROWS x CONV_COLUMNS sums kept in registers over the whole inner
 * dimension, which may lie in several pieces (the rows of a kernel window, the rows of an image). */
#ifndef CNN_BACKEND_VECTOR_CONV_TILE_H
#define CNN_BACKEND_VECTOR_CONV_TILE_H

#include <stddef.h>

#include "backend/vector/vec.h"

/* Loops over registers must be unrolled whole, or the sums live in memory; loops that
 * step through memory must not, or their addresses do. */
#if defined(__clang__)
#define CONV_UNROLL _Pragma("unroll")
#define CONV_ROLLED _Pragma("nounroll")
#else
#define CONV_UNROLL _Pragma("GCC unroll 64")
#define CONV_ROLLED _Pragma("GCC unroll 1")
#endif

/* Two vectors of columns. Rows: as many as leave registers for two columns vectors and one broadcast value. */
#define CONV_COLUMNS (2 * VEC_WIDTH)
#if VEC_WIDTH == 16
#define CONV_ROWS 14
#else
#define CONV_ROWS 6
#endif

/* A product of pieces: C[i][j] = sum over s and k of A_s[i][k] * B_s[k][j]. */
typedef struct conv_product {
    const float *const *a; /* one pointer for each piece */
    const float *const *b;
    size_t pieces;
    size_t length;   /* of k in each piece */
    size_t a_offset; /* values, added to each pointer */
    size_t b_offset;
    size_t a_row, a_step; /* values from i to i + 1 and from k to k + 1; one of them is 1 */
    size_t b_step;        /* values from k to k + 1 */
    float *c;             /* rows that begin with a cache line */
    size_t c_row;         /* values from i to i + 1 */
    int replaces;         /* 1: C is written, not added to */
    const float *next;    /* what will be read as B after this: as many rows of CONV_COLUMNS values; or NULL */
} conv_product;

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
    if (!p->replaces) {
        CONV_UNROLL
        for (int i = 0; i < rows; i++) {
            sum[i][0] += vec_load(p->c + (size_t)i * p->c_row);
            sum[i][1] += vec_load(p->c + (size_t)i * p->c_row + VEC_WIDTH);
        }
    }
    CONV_UNROLL
    for (int i = 0; i < rows; i++) {
        vec_store(p->c + (size_t)i * p->c_row, sum[i][0]);
        vec_store(p->c + (size_t)i * p->c_row + VEC_WIDTH, sum[i][1]);
    }
}

/* `tile(rows)`, a statement that wants a constant, with a number of rows known at run time only. */
#define CONV_ROWS_CASE(rows, tile) \
    case rows:                     \
        tile(rows);                \
        break;
#if VEC_WIDTH == 16
#define CONV_ROWS_MANY(tile) \
    CONV_ROWS_CASE(7, tile)  \
    CONV_ROWS_CASE(8, tile)  \
    CONV_ROWS_CASE(9, tile)  \
    CONV_ROWS_CASE(10, tile) \
    CONV_ROWS_CASE(11, tile) \
    CONV_ROWS_CASE(12, tile) \
    CONV_ROWS_CASE(13, tile) \
    CONV_ROWS_CASE(14, tile)
#else
#define CONV_ROWS_MANY(tile)
#endif
#define CONV_ROWS_DISPATCH(rows, tile) \
    switch (rows) {                    \
        CONV_ROWS_CASE(1, tile)        \
        CONV_ROWS_CASE(2, tile)        \
        CONV_ROWS_CASE(3, tile)        \
        CONV_ROWS_CASE(4, tile)        \
        CONV_ROWS_CASE(5, tile)        \
        CONV_ROWS_CASE(6, tile)        \
        CONV_ROWS_MANY(tile)           \
    default:                           \
        break;                         \
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

/* Any number of rows. What the next product reads is asked for by the first tile: hardware prefetchers see its
 * beginning too late, and it would come while the sums wait. */
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

/* C += A B or C = A B, k contiguous in A. */
static __attribute__((noinline, unused)) void conv_tile_add_rows(const conv_product *p, size_t rows)
{
    conv_tile_all(p, rows, 1);
}

/* C += A B or C = A B, i contiguous in A: the sum over pixels of a filter gradient. */
static __attribute__((noinline, unused)) void conv_tile_add(const conv_product *p, size_t rows)
{
    conv_tile_all(p, rows, 0);
}

#endif
