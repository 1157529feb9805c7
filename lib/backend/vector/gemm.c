/* SPDX-License-Identifier: MIT */
/* The matrix product on the calling thread: blocks of A and B packed on the stack, register tiles of sums. */
#include "backend/driver/task.h"
#include "backend/vector/conv2d/conv_tile.h"
#include "backend/vector/kernels.h"

/* A register tile of C, and how much of A and B is packed at a time: 12 KB and 32 KB. */
enum { TILE_ROWS = 4, TILE_COLUMNS = 2 * VEC_WIDTH, BLOCK_DEPTH = 128, BLOCK_ROWS = 24, BLOCK_COLUMNS = 64 };

/* A matrix with any pair of strides, so that transposing costs nothing. */
typedef struct operand {
    const float *data;
    int64_t row, column;
} operand;

/* Packs rows x depth of `a` as [rows / TILE_ROWS][depth][TILE_ROWS], missing rows as 0. */
static void pack_a(const operand *a, int64_t rows, int64_t depth, float *packed)
{
    for (int64_t i = 0; i < rows; i += TILE_ROWS) {
        for (int64_t p = 0; p < depth; p++) {
            for (int64_t r = 0; r < TILE_ROWS; r++) {
                *packed++ = i + r < rows ? a->data[(i + r) * a->row + p * a->column] : 0;
            }
        }
    }
}

/* Packs depth x columns of `b` as [columns / TILE_COLUMNS][depth][TILE_COLUMNS], missing columns as 0. */
static void pack_b(const operand *b, int64_t depth, int64_t columns, float *packed)
{
    for (int64_t j = 0; j < columns; j += TILE_COLUMNS) {
        const size_t n = (size_t)cnn__min_i64(TILE_COLUMNS, columns - j);
        for (int64_t p = 0; p < depth; p++, packed += TILE_COLUMNS) {
            const float *from = b->data + p * b->row + j * b->column;
            if (b->column == 1) {
                vec_store(packed, vec_load_n(from, n));
                vec_store(packed + VEC_WIDTH,
                          n > VEC_WIDTH ? vec_load_n(from + VEC_WIDTH, n - VEC_WIDTH) : vec_set1(0));
                continue;
            }
            for (size_t c = 0; c < TILE_COLUMNS; c++) {
                packed[c] = c < n ? from[(int64_t)c * b->column] : 0;
            }
        }
    }
}

/* C tile = alpha sum + beta C; with beta 0, C is not read. */
VEC_INLINE void store(vec_f sum, float alpha, float beta, float *c, size_t n)
{
    const vec_f value = sum * alpha;
    vec_store_n(c, beta == 0 ? value : value + vec_load_n(c, n) * beta, n);
}

static void multiply_tile(const float *a, const float *b, int64_t depth, int64_t rows, size_t columns, float alpha,
                          float beta, float *c, int64_t ldc)
{
    vec_f sum[TILE_ROWS][2];
    for (int r = 0; r < TILE_ROWS; r++) {
        sum[r][0] = sum[r][1] = vec_set1(0);
    }
    for (int64_t p = 0; p < depth; p++, a += TILE_ROWS, b += TILE_COLUMNS) {
        const vec_f b0 = vec_load(b), b1 = vec_load(b + VEC_WIDTH);
        CONV_UNROLL
        for (int r = 0; r < TILE_ROWS; r++) {
            const vec_f value = vec_set1(a[r]);
            sum[r][0] += value * b0;
            sum[r][1] += value * b1;
        }
    }
    CONV_UNROLL
    for (int r = 0; r < TILE_ROWS; r++) {
        if (r < rows) {
            store(sum[r][0], alpha, beta, c + r * ldc, columns);
            if (columns > VEC_WIDTH) {
                store(sum[r][1], alpha, beta, c + r * ldc + VEC_WIDTH, columns - VEC_WIDTH);
            }
        }
    }
}

/* One packed block of A times one of B. */
static void multiply_block(const float *a, const float *b, int64_t rows, int64_t columns, int64_t depth, float alpha,
                           float beta, float *c, int64_t ldc)
{
    for (int64_t j = 0; j < columns; j += TILE_COLUMNS) {
        for (int64_t i = 0; i < rows; i += TILE_ROWS) {
            multiply_tile(a + i * depth, b + j * depth, depth, cnn__min_i64(TILE_ROWS, rows - i),
                          (size_t)cnn__min_i64(TILE_COLUMNS, columns - j), alpha, beta, c + i * ldc + j, ldc);
        }
    }
}

cnn_status CNN__VECTOR(cnn__gemm)(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    _Alignas(64) float packed_a[BLOCK_ROWS * BLOCK_DEPTH], packed_b[BLOCK_COLUMNS * BLOCK_DEPTH];
    const operand a = {args->a, args->transpose_a ? 1 : args->lda, args->transpose_a ? args->lda : 1};
    const operand b = {args->b, args->transpose_b ? 1 : args->ldb, args->transpose_b ? args->ldb : 1};
    for (int64_t j = 0; j < args->n; j += BLOCK_COLUMNS) {
        const int64_t columns = cnn__min_i64(BLOCK_COLUMNS, args->n - j);
        for (int64_t p = 0; p < args->k; p += BLOCK_DEPTH) {
            const int64_t depth = cnn__min_i64(BLOCK_DEPTH, args->k - p);
            const operand b_block = {b.data + p * b.row + j * b.column, b.row, b.column};
            pack_b(&b_block, depth, columns, packed_b);
            for (int64_t i = 0; i < args->m; i += BLOCK_ROWS) {
                const int64_t rows = cnn__min_i64(BLOCK_ROWS, args->m - i);
                const operand a_block = {a.data + i * a.row + p * a.column, a.row, a.column};
                pack_a(&a_block, rows, depth, packed_a);
                multiply_block(packed_a, packed_b, rows, columns, depth, args->alpha, p == 0 ? args->beta : 1,
                               args->c + i * args->ldc + j, args->ldc);
            }
        }
    }
    return CNN_OK;
}
