/* SPDX-License-Identifier: MIT */
/* The innermost loops of normalisation. */
#include "backend/driver/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/kernels.h"
#include "backend/vector/norm_sums.h"

/* Distances from the mean beyond 1e19 have no square in float32: their columns come out as beta. */

/* Columns that are worked on together, their means on the stack. */
#define BLOCK 256

/* Adds the distances of up to NORM_RUN rows of x to `center`, or their squares, to `sum`. `vectors` is a constant; the
 * last vector has `last` columns. */
VEC_INLINE void tile_moments(int64_t rows, int64_t c, const float *x, const float *center, bool squared, int vectors,
                             size_t last, double *sum)
{
    vec_f middle[NORM_TILE], run[NORM_TILE] = {{0}};
    for (int v = 0; v < vectors; v++) {
        middle[v] = vec_load_n(center + v * VEC_WIDTH, v + 1 < vectors ? VEC_WIDTH : last);
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            const vec_f value = vec_load_n(x + r * c + v * VEC_WIDTH, v + 1 < vectors ? VEC_WIDTH : last);
            const vec_f distance = value - middle[v];
            run[v] += squared ? distance * distance : distance;
        }
    }
    for (int v = 0; v < vectors; v++) {
        norm_add_sums(sum + v * VEC_WIDTH, run[v], v + 1 < vectors ? VEC_WIDTH : last);
    }
}

VEC_INLINE void add_distances(int64_t rows, int64_t c, size_t columns, const float *x, const float *center,
                              bool squared, double *sum)
{
    for (int64_t begin = 0; begin < rows; begin += NORM_RUN) {
        const int64_t run = cnn__min_i64(rows - begin, NORM_RUN);
        const float *from = x + begin * c;
        size_t j = 0;
        for (; j + NORM_TILE * VEC_WIDTH <= columns; j += NORM_TILE * VEC_WIDTH) {
            tile_moments(run, c, from + j, center + j, squared, NORM_TILE, VEC_WIDTH, sum + j);
        }
        for (; j < columns; j += VEC_WIDTH) {
            tile_moments(run, c, from + j, center + j, squared, 1, cnn__min_size(columns - j, VEC_WIDTH), sum + j);
        }
    }
}

/* The mean by way of distances to the first row, so that a large mean costs no accuracy. */
static void block_moments(int64_t rows, int64_t c, size_t columns, const float *x, double *mean, double *deviation)
{
    float center[BLOCK];
    memset(mean, 0, columns * sizeof(*mean));
    memset(deviation, 0, columns * sizeof(*deviation));
    add_distances(rows, c, columns, x, x, false, mean);
    for (size_t i = 0; i < columns; i++) {
        mean[i] = (double)x[i] + mean[i] / (double)rows;
        center[i] = (float)mean[i];
    }
    add_distances(rows, c, columns, x, center, true, deviation);
    for (size_t i = 0; i < columns; i++) { /* about the mean itself, not its nearest float32 */
        const double shift = mean[i] - (double)center[i];
        deviation[i] -= shift * shift * (double)rows;
        deviation[i] = deviation[i] < 0 ? 0 : deviation[i];
    }
}

static void moments(int64_t rows, int64_t c, const float *x, double *mean, double *deviation)
{
    for (int64_t j = 0; j < c; j += BLOCK) {
        block_moments(rows, c, (size_t)cnn__min_i64(c - j, BLOCK), x + j, mean + j, deviation + j);
    }
}

/* `streams` is a constant. */
VEC_INLINE void put(float *p, vec_f v, size_t n, bool streams)
{
    if (streams) {
        vec_stream(p, v);
    } else {
        vec_store_n(p, v, n);
    }
}

/* Whether all vectors of rows of `columns` values, `stride` apart, are whole and aligned. */
static bool is_aligned(const float *y, int64_t columns, int64_t stride)
{
    return vec_begins_line(y) && columns % VEC_WIDTH == 0 && stride % VEC_WIDTH == 0;
}

VEC_INLINE void affine_rows(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *mean,
                            const float *scale, const float *beta, cnn_activation activation, float alpha, bool streams,
                            float *y)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j += VEC_WIDTH) {
            size_t n = (size_t)(columns - j);
            vec_f value = vec_load_n(x + r * stride + j, n) - vec_load_n(mean + j, n);
            value = vec_multiply_add(value, vec_load_n(scale + j, n), vec_load_n(beta + j, n));
            put(y + r * stride + j, vec_activate(activation, alpha, value), n, streams);
        }
    }
}

static void affine(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *mean, const float *scale,
                   const float *beta, const cnn_epilogue *epilogue, bool streams, float *y)
{
    if (streams && is_aligned(y, columns, stride)) {
#define AFFINE(constant) affine_rows(rows, columns, stride, x, mean, scale, beta, constant, epilogue->alpha, true, y)
        VEC_WITH_ACTIVATION(epilogue->activation, AFFINE)
#undef AFFINE
        vec_stream_end();
        return;
    }
#define AFFINE(constant) affine_rows(rows, columns, stride, x, mean, scale, beta, constant, epilogue->alpha, false, y)
    VEC_WITH_ACTIVATION(epilogue->activation, AFFINE)
#undef AFFINE
}

/* What relu, or relu6, lets through: dy where its argument, worked out as affine does, is above 0, and below 6, or no
 * number. */
VEC_INLINE vec_f before_relu(cnn_activation relu, vec_f dy, vec_f centered, vec_f scale, vec_f beta)
{
    return vec_activate_gradient(relu, 0, vec_multiply_add(centered, scale, beta), dy);
}

/* Adds up to NORM_RUN rows; as tile_moments. `relu`, a constant, is CNN_LINEAR where there is none: gamma and beta are
 * not read then. */
VEC_INLINE void tile_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *gamma,
                          const float *beta, const float *mean, const float *inv_std, cnn_activation relu, int vectors,
                          size_t last, double *sum_dy, double *sum_dot)
{
    vec_f center[NORM_TILE], total[NORM_TILE] = {{0}}, dot[NORM_TILE] = {{0}};
    vec_f scale[NORM_TILE] = {{0}}, shift[NORM_TILE] = {{0}};
    for (int v = 0; v < vectors; v++) {
        const size_t n = v + 1 < vectors ? VEC_WIDTH : last, j = (size_t)v * VEC_WIDTH;
        center[v] = vec_load_n(mean + j, n);
        if (relu != CNN_LINEAR) {
            scale[v] = vec_load_n(gamma + j, n) * vec_load_n(inv_std + j, n);
            shift[v] = vec_load_n(beta + j, n);
        }
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) {
            const size_t n = v + 1 < vectors ? VEC_WIDTH : last;
            const vec_f centered = vec_load_n(x + r * c + v * VEC_WIDTH, n) - center[v];
            vec_f gradient = vec_load_n(dy + r * c + v * VEC_WIDTH, n);
            gradient = before_relu(relu, gradient, centered, scale[v], shift[v]);
            total[v] += gradient;
            dot[v] += gradient * centered;
        }
    }
    for (int v = 0; v < vectors; v++) {
        const size_t n = v + 1 < vectors ? VEC_WIDTH : last;
        norm_add_sums(sum_dy + v * VEC_WIDTH, total[v], n);
        norm_add_sums(sum_dot + v * VEC_WIDTH, dot[v] * vec_load_n(inv_std + v * VEC_WIDTH, n), n);
    }
}

VEC_INLINE void add_gradients(int64_t rows, int64_t c, const float *x, const float *dy, const float *gamma,
                              const float *beta, const float *mean, const float *inv_std, cnn_activation relu,
                              double *sum_dy, double *sum_dot)
{
    const bool affine = relu != CNN_LINEAR;
    for (int64_t begin = 0; begin < rows; begin += NORM_RUN) {
        const int64_t run = cnn__min_i64(rows - begin, NORM_RUN), at = begin * c;
        int64_t j = 0;
        for (; j + NORM_TILE * VEC_WIDTH <= c; j += NORM_TILE * VEC_WIDTH) {
            tile_sums(run, c, x + at + j, dy + at + j, affine ? gamma + j : NULL, affine ? beta + j : NULL, mean + j,
                      inv_std + j, relu, NORM_TILE, VEC_WIDTH, sum_dy + j, sum_dot + j);
        }
        for (; j < c; j += VEC_WIDTH) {
            tile_sums(run, c, x + at + j, dy + at + j, affine ? gamma + j : NULL, affine ? beta + j : NULL, mean + j,
                      inv_std + j, relu, 1, cnn__min_size((size_t)(c - j), VEC_WIDTH), sum_dy + j, sum_dot + j);
        }
    }
}

static void gradient_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, double *sum_dy, double *sum_dot)
{
    add_gradients(rows, c, x, dy, NULL, NULL, mean, inv_std, CNN_LINEAR, sum_dy, sum_dot);
}

static void relu_gradient_sums(int64_t rows, int64_t c, const float *x, const float *dy, const float *gamma,
                               const float *beta, const float *mean, const float *inv_std, bool relu6, double *sum_dy,
                               double *sum_dot)
{
    if (relu6) {
        add_gradients(rows, c, x, dy, gamma, beta, mean, inv_std, CNN_RELU6, sum_dy, sum_dot);
    } else {
        add_gradients(rows, c, x, dy, gamma, beta, mean, inv_std, CNN_RELU, sum_dy, sum_dot);
    }
}

VEC_INLINE void gradient_of(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy,
                            const float *mean, const float *scale, const float *offset, const float *slope,
                            bool streams, float *dx)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j += VEC_WIDTH) {
            size_t n = (size_t)(columns - j);
            int64_t at = r * stride + j;
            vec_f value = vec_load_n(dy + at, n);
            if (x != NULL) {
                vec_f centered = vec_load_n(x + at, n) - vec_load_n(mean + j, n);
                value = vec_multiply_add(-vec_load_n(slope + j, n), centered, value - vec_load_n(offset + j, n));
            }
            put(dx + at, vec_load_n(scale + j, n) * value, n, streams);
        }
    }
}

static void gradient(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy, const float *mean,
                     const float *scale, const float *offset, const float *slope, bool streams, float *dx)
{
    if (streams && is_aligned(dx, columns, stride)) {
        gradient_of(rows, columns, stride, x, dy, mean, scale, offset, slope, true, dx);
        vec_stream_end();
    } else {
        gradient_of(rows, columns, stride, x, dy, mean, scale, offset, slope, false, dx);
    }
}

VEC_INLINE void relu_gradient_of(cnn_activation relu, int64_t rows, int64_t columns, int64_t stride, const float *x,
                                 const float *dy, const float *mean, const float *scale, const float *beta,
                                 const float *offset, const float *slope, bool streams, float *dx)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t j = 0; j < columns; j += VEC_WIDTH) {
            const size_t n = (size_t)(columns - j);
            const int64_t at = r * stride + j;
            const vec_f factor = vec_load_n(scale + j, n);
            const vec_f centered = vec_load_n(x + at, n) - vec_load_n(mean + j, n);
            vec_f value = before_relu(relu, vec_load_n(dy + at, n), centered, factor, vec_load_n(beta + j, n));
            if (offset != NULL) {
                value = vec_multiply_add(-vec_load_n(slope + j, n), centered, value - vec_load_n(offset + j, n));
            }
            put(dx + at, factor * value, n, streams);
        }
    }
}

static void relu_gradient(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy,
                          const float *mean, const float *scale, const float *beta, const float *offset,
                          const float *slope, bool relu6, bool streams, float *dx)
{
#define GRADIENT(relu, streaming) \
    relu_gradient_of(relu, rows, columns, stride, x, dy, mean, scale, beta, offset, slope, streaming, dx)
    if (!streams || !is_aligned(dx, columns, stride)) {
        if (relu6) {
            GRADIENT(CNN_RELU6, false);
        } else {
            GRADIENT(CNN_RELU, false);
        }
        return;
    }
    if (relu6) {
        GRADIENT(CNN_RELU6, true);
    } else {
        GRADIENT(CNN_RELU, true);
    }
    vec_stream_end();
#undef GRADIENT
}

const cnn__norm_kernels CNN__VECTOR(cnn__norms) = {moments,      affine, gradient_sums, gradient, relu_gradient_sums,
                                                   relu_gradient};
