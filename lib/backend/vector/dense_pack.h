/* SPDX-License-Identifier: MIT */
/* How a dense layer's operands are laid out for its register tile. */
#ifndef CNN_BACKEND_VECTOR_DENSE_PACK_H
#define CNN_BACKEND_VECTOR_DENSE_PACK_H

#include "backend/vector/conv2d/conv_tile.h"

#define DENSE_PACK_AHEAD 12 /* rows of B that are asked for before they are copied */

/* A panel: `depth` rows of B, `columns` <= CONV_COLUMNS of them, zeros beside them. */
static inline void pack_panel(const float *from, size_t b_row, size_t depth, size_t columns, float *to)
{
    for (size_t k = 0; k < depth; k++, from += b_row, to += CONV_COLUMNS) {
        __builtin_prefetch(from + DENSE_PACK_AHEAD * b_row);
        if (columns == CONV_COLUMNS) {
            vec_store(to, vec_load(from));
            vec_store(to + VEC_WIDTH, vec_load(from + VEC_WIDTH));
            continue;
        }
        for (size_t i = 0; i < CONV_COLUMNS; i += VEC_WIDTH) {
            vec_store(to + i, i < columns ? vec_load_n(from + i, columns - i) : vec_set1(0.0f));
        }
    }
}

/* VEC_WIDTH rows of as many values, turned: blocks of 4 x 4 within each 128 bits. */
VEC_INLINE void turn_block(const float *from, size_t row, float *to)
{
    CONV_UNROLL
    for (size_t i = 0; i < VEC_WIDTH; i += 4) {
        const vec_f a = vec_load_quads(from + i, 4 * row), b = vec_load_quads(from + i + row, 4 * row);
        const vec_f c = vec_load_quads(from + i + 2 * row, 4 * row), d = vec_load_quads(from + i + 3 * row, 4 * row);
        const vec_f even_low = VEC_ZIP_QUADS_LOW(a, c), even_high = VEC_ZIP_QUADS_HIGH(a, c);
        const vec_f odd_low = VEC_ZIP_QUADS_LOW(b, d), odd_high = VEC_ZIP_QUADS_HIGH(b, d);
        vec_store(to + i * CONV_COLUMNS, VEC_ZIP_QUADS_LOW(even_low, odd_low));
        vec_store(to + (i + 1) * CONV_COLUMNS, VEC_ZIP_QUADS_HIGH(even_low, odd_low));
        vec_store(to + (i + 2) * CONV_COLUMNS, VEC_ZIP_QUADS_LOW(even_high, odd_high));
        vec_store(to + (i + 3) * CONV_COLUMNS, VEC_ZIP_QUADS_HIGH(even_high, odd_high));
    }
}

/* The same from B's transpose: `columns` rows of `depth` values. */
static inline void turn_panel(const float *from, size_t b_row, size_t depth, size_t columns, float *to)
{
    for (size_t i = 0; i < CONV_COLUMNS; i += VEC_WIDTH, from += VEC_WIDTH * b_row) {
        size_t k = 0;
        for (; i + VEC_WIDTH <= columns && k + VEC_WIDTH <= depth; k += VEC_WIDTH) {
            turn_block(from + k, b_row, to + k * CONV_COLUMNS + i);
        }
        for (; k < depth; k++) {
            for (size_t j = 0; j < VEC_WIDTH; j++) {
                to[k * CONV_COLUMNS + i + j] = i + j < columns ? from[j * b_row + k] : 0;
            }
        }
    }
}

/* `depth` steps of `rows` <= CONV_ROWS rows of A that are side by side, CONV_ROWS values apart. */
static inline void pack_steps(const float *from, size_t a_step, size_t depth, size_t rows, float *to)
{
    for (size_t k = 0; k < depth; k++, from += a_step, to += CONV_ROWS) {
        if (rows == CONV_ROWS) { /* of known length: one or two moves */
            memcpy(to, from, CONV_ROWS * sizeof(float));
            continue;
        }
        for (size_t i = 0; i < rows; i++) {
            to[i] = from[i];
        }
    }
}

#endif
