/* SPDX-License-Identifier: MIT */
/* The reference matrix product: packed tiles of fixed size on the stack, accumulated in float. */
#include <string.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

/* A register tile of C, and how much of A and B is packed at a time: 8 KB and 32 KB. */
enum { TILE_M = 4, TILE_N = 16, BLOCK_K = 128, BLOCK_M = 16, BLOCK_N = 64 };

/* A matrix with any pair of strides, so that transposing costs nothing. */
typedef struct operand {
    const float *data;
    int64_t row, column;
} operand;

typedef float tile[TILE_M][TILE_N];

/* Packs rows x depth of `a` as [rows / TILE_M][depth][TILE_M], missing rows as 0. */
static void pack_a(const operand *a, int64_t rows, int64_t depth, float *packed)
{
    for (int64_t i = 0; i < rows; i += TILE_M) {
        for (int64_t p = 0; p < depth; p++) {
            for (int64_t r = 0; r < TILE_M; r++) {
                *packed++ = i + r < rows ? a->data[(i + r) * a->row + p * a->column] : 0;
            }
        }
    }
}

/* Packs depth x columns of `b` as [columns / TILE_N][depth][TILE_N], missing columns as 0. */
static void pack_b(const operand *b, int64_t depth, int64_t columns, float *packed)
{
    for (int64_t j = 0; j < columns; j += TILE_N) {
        for (int64_t p = 0; p < depth; p++) {
            for (int64_t c = 0; c < TILE_N; c++) {
                *packed++ = j + c < columns ? b->data[p * b->row + (j + c) * b->column] : 0;
            }
        }
    }
}

static void multiply_tile(const float *a, const float *b, int64_t depth, tile sum)
{
    float total[TILE_M][TILE_N] = {{0}};
    for (int64_t p = 0; p < depth; p++) {
        for (int r = 0; r < TILE_M; r++) {
            for (int c = 0; c < TILE_N; c++) {
                total[r][c] += a[p * TILE_M + r] * b[p * TILE_N + c];
            }
        }
    }
    memcpy(sum, total, sizeof(total));
}

/* C tile = alpha sum + beta C; with beta 0, C is not read. */
static void store_tile(tile sum, int64_t rows, int64_t columns, float alpha, float beta, float *c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            float value = alpha * sum[i][j];
            c[i * ldc + j] = beta == 0 ? value : value + beta * c[i * ldc + j];
        }
    }
}

/* One packed block of A times one of B. */
static void multiply_block(const float *a, const float *b, int64_t rows, int64_t columns, int64_t depth, float alpha,
                           float beta, float *c, int64_t ldc)
{
    tile sum;
    for (int64_t j = 0; j < columns; j += TILE_N) {
        for (int64_t i = 0; i < rows; i += TILE_M) {
            multiply_tile(a + i * depth, b + j * depth, depth, sum);
            store_tile(sum, cnn__min_i64(TILE_M, rows - i), cnn__min_i64(TILE_N, columns - j), alpha, beta,
                       c + i * ldc + j, ldc);
        }
    }
}

cnn_status cnn__reference_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    float packed_a[BLOCK_M * BLOCK_K], packed_b[BLOCK_N * BLOCK_K];
    const operand a = {args->a, args->transpose_a ? 1 : args->lda, args->transpose_a ? args->lda : 1};
    const operand b = {args->b, args->transpose_b ? 1 : args->ldb, args->transpose_b ? args->ldb : 1};
    for (int64_t j = 0; j < args->n; j += BLOCK_N) {
        int64_t columns = cnn__min_i64(BLOCK_N, args->n - j);
        for (int64_t p = 0; p < args->k; p += BLOCK_K) {
            int64_t depth = cnn__min_i64(BLOCK_K, args->k - p);
            float beta = p == 0 ? args->beta : 1;
            const operand b_block = {b.data + p * b.row + j * b.column, b.row, b.column};
            pack_b(&b_block, depth, columns, packed_b);
            for (int64_t i = 0; i < args->m; i += BLOCK_M) {
                int64_t rows = cnn__min_i64(BLOCK_M, args->m - i);
                const operand a_block = {a.data + i * a.row + p * a.column, a.row, a.column};
                pack_a(&a_block, rows, depth, packed_a);
                multiply_block(packed_a, packed_b, rows, columns, depth, args->alpha, beta, args->c + i * args->ldc + j,
                               args->ldc);
            }
        }
    }
    return CNN_OK;
}
