/* SPDX-License-Identifier: MIT */
/* The register tile of all convolutions: up to CONV_ROWS x CONV_COLUMNS sums kept in registers over the whole inner
 * dimension, which may lie in several pieces (the rows of a kernel window, the rows of an image). */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV_TILE_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV_TILE_H

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

/* What becomes of the values of C. */
typedef enum conv_sums {
    CONV_SUMS_ADD,      /* the product is added to them, once it is whole */
    CONV_SUMS_REPLACE,  /* they are written */
    CONV_SUMS_CONTINUE, /* the sums go on from them: the bits of one product whose first steps these were */
} conv_sums;

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
    conv_sums sums;
    const float *next; /* what will be read as B after this: as many rows of CONV_COLUMNS values; or NULL */
} conv_product;

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

/* Any number of rows of C. What p->next names is asked for by the first tile: hardware prefetchers see
 * its beginning too late, and it would come while the sums wait. The first has k contiguous in A, the second i: the sum
 * over pixels of a filter gradient. */
void CNN__VECTOR(cnn__conv_tile_add_rows)(const conv_product *p, size_t rows);
void CNN__VECTOR(cnn__conv_tile_add)(const conv_product *p, size_t rows);

#endif
