/* SPDX-License-Identifier: MIT */
/* The innermost loops of normalisation. */
#include "backend/task.h"
#include "backend/vector/kernels.h"

/* Vectors of columns that go down the rows together: a cache line with the narrower instruction sets. */
#define TILE 2

/* Distances from the mean beyond 1e19 have no square in float32: their columns come out as beta.
 *
 * Rows whose sums are kept in float32 before they are added in double: short enough to lose nothing that counts, and
 * widening every value would take longer than reading it. */
#define RUN 16

/* Adds a vector of float32 sums, of which the first n count. */
VEC_INLINE void add_sums(double *to, vec_f sum, size_t n)
{
    vec_add_d(to, vec_low_d(sum), cnn__min_size(n, VEC_D));
    if (n > VEC_D) {
        vec_add_d(to + VEC_D, vec_high_d(sum), n - VEC_D);
    }
}

/* Adds the distances of columns of x to `center`, or their squares, to `sum`. `vectors` is a constant; the last vector
 * has `last` columns. */
VEC_INLINE void tile_moments(int64_t rows, int64_t c, const float *x, const float *center, bool squared, int vectors,
                             size_t last, double *sum)
{
    vec_f middle[TILE];
    for (int v = 0; v < vectors; v++) {
        middle[v] = vec_load_n(center + v * VEC_WIDTH, v + 1 < vectors ? VEC_WIDTH : last);
    }
    for (int64_t begin = 0; begin < rows; begin += RUN) {
        const int64_t end = cnn__min_i64(rows, begin + RUN);
        vec_f run[TILE] = {{0}};
        for (int64_t r = begin; r < end; r++) {
            for (int v = 0; v < vectors; v++) {
                const vec_f value = vec_load_n(x + r * c + v * VEC_WIDTH, v + 1 < vectors ? VEC_WIDTH : last);
                const vec_f distance = value - middle[v];
                run[v] += squared ? distance * distance : distance;
            }
        }
        for (int v = 0; v < vectors; v++) {
            add_sums(sum + v * VEC_WIDTH, run[v], v + 1 < vectors ? VEC_WIDTH : last);
        }
    }
}

/* The mean by way of distances to the first row, so that a large mean costs no accuracy. */
VEC_INLINE void columns_moments(int64_t rows, int64_t c, const float *x, int vectors, size_t last, double *mean,
                                double *deviation)
{
    const size_t columns = (size_t)(vectors - 1) * VEC_WIDTH + last;
    float center[TILE * VEC_WIDTH];
    double sum[TILE * VEC_WIDTH] = {0}, square[TILE * VEC_WIDTH] = {0};
    tile_moments(rows, c, x, x, false, vectors, last, sum);
    for (size_t i = 0; i < columns; i++) {
        mean[i] = (double)x[i] + sum[i] / (double)rows;
        center[i] = (float)mean[i];
    }
    tile_moments(rows, c, x, center, true, vectors, last, square);
    for (size_t i = 0; i < columns; i++) { /* about the mean itself, not its nearest float32 */
        const double shift = mean[i] - (double)center[i];
        deviation[i] = square[i] - shift * shift * (double)rows;
        deviation[i] = deviation[i] < 0 ? 0 : deviation[i];
    }
}

static void moments(int64_t rows, int64_t c, const float *x, double *mean, double *deviation)
{
    int64_t j = 0;
    for (; j + TILE * VEC_WIDTH <= c; j += TILE * VEC_WIDTH) {
        columns_moments(rows, c, x + j, TILE, VEC_WIDTH, mean + j, deviation + j);
    }
    for (; j < c; j += VEC_WIDTH) {
        columns_moments(rows, c, x + j, 1, cnn__min_size((size_t)(c - j), VEC_WIDTH), mean + j, deviation + j);
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
    vec_f center[TILE], scale[TILE];
    for (int v = 0; v < vectors; v++) {
        center[v] = vec_load_n(mean + v * VEC_WIDTH, v + 1 < vectors ? VEC_WIDTH : last);
        scale[v] = vec_load_n(inv_std + v * VEC_WIDTH, v + 1 < vectors ? VEC_WIDTH : last);
    }
    for (int64_t begin = 0; begin < rows; begin += RUN) {
        const int64_t end = cnn__min_i64(rows, begin + RUN);
        vec_f total[TILE] = {{0}}, dot[TILE] = {{0}};
        for (int64_t r = begin; r < end; r++) {
            for (int v = 0; v < vectors; v++) {
                const size_t n = v + 1 < vectors ? VEC_WIDTH : last;
                const vec_f gradient = vec_load_n(dy + r * c + v * VEC_WIDTH, n);
                total[v] += gradient;
                dot[v] += gradient * (vec_load_n(x + r * c + v * VEC_WIDTH, n) - center[v]);
            }
        }
        for (int v = 0; v < vectors; v++) {
            add_sums(sum_dy + v * VEC_WIDTH, total[v], v + 1 < vectors ? VEC_WIDTH : last);
            add_sums(sum_dot + v * VEC_WIDTH, dot[v] * scale[v], v + 1 < vectors ? VEC_WIDTH : last);
        }
    }
}

static void gradient_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, double *sum_dy, double *sum_dot)
{
    int64_t j = 0;
    for (; j + TILE * VEC_WIDTH <= c; j += TILE * VEC_WIDTH) {
        tile_sums(rows, c, x + j, dy + j, mean + j, inv_std + j, TILE, VEC_WIDTH, sum_dy + j, sum_dot + j);
    }
    for (; j < c; j += VEC_WIDTH) {
        tile_sums(rows, c, x + j, dy + j, mean + j, inv_std + j, 1, cnn__min_size((size_t)(c - j), VEC_WIDTH),
                  sum_dy + j, sum_dot + j);
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
