/* SPDX-License-Identifier: MIT */
/* The rows of local response normalisation. */
#include "backend/driver/task.h"
#include "backend/vector/kernels.h"

/* The vector of j..j + VEC_WIDTH - 1 moved by `by` channels; what lies outside the row counts as 0. */
VEC_INLINE vec_f load_moved(const float *x, int64_t c, int64_t j, int64_t by)
{
    int64_t at = j + by;
    if (at >= 0 && at + VEC_WIDTH <= c) {
        return vec_load(x + at);
    }
    float lanes[VEC_WIDTH] = {0};
    for (int64_t i = 0; i < VEC_WIDTH; i++) {
        lanes[i] = at + i >= 0 && at + i < c ? x[at + i] : 0;
    }
    return vec_load(lanes);
}

/* bias + alpha times the squares in the windows of VEC_WIDTH channels. */
VEC_INLINE vec_f scale_at(const cnn_lrn_shape *shape, const float *x, int64_t j)
{
    vec_f sum = {0};
    int64_t first = cnn__max_i64(-shape->before, -j - VEC_WIDTH), last = cnn__min_i64(shape->after, shape->c - j);
    for (int64_t by = first; by <= last; by++) {
        vec_f value = load_moved(x, shape->c, j, by);
        sum += value * value;
    }
    return sum * shape->alpha + shape->bias;
}

/* scale^-beta; AlexNet's 3/4, and 1/2, without a power. */
VEC_INLINE vec_f negative_power(vec_f scale, float beta)
{
    if (beta == 0.75f || beta == 0.5f) {
        vec_f root = vec_sqrt(scale);
        return 1.0f / (beta == 0.5f ? root : root * vec_sqrt(root));
    }
    for (int i = 0; i < VEC_WIDTH; i++) {
        scale[i] = powf(scale[i], -beta);
    }
    return scale;
}

static void forward_row(const cnn_lrn_shape *shape, const float *x, float *y)
{
    for (int64_t j = 0; j < shape->c; j += VEC_WIDTH) {
        size_t n = (size_t)(shape->c - j);
        vec_store_n(y + j, vec_load_n(x + j, n) * negative_power(scale_at(shape, x, j), shape->beta), n);
    }
}

static void backward_row(const cnn_lrn_shape *shape, const float *x, const float *dy, float *scratch, float *dx)
{
    const float factor = 2.0f * shape->alpha * shape->beta;
    for (int64_t j = 0; j < shape->c; j += VEC_WIDTH) {
        size_t n = (size_t)(shape->c - j);
        vec_f scale = scale_at(shape, x, j);
        vec_f direct = vec_load_n(dy + j, n) * negative_power(scale, shape->beta);
        vec_store_n(dx + j, direct, n);
        vec_store_n(scratch + j, direct * vec_load_n(x + j, n) / scale, n);
    }
    for (int64_t j = 0; j < shape->c; j += VEC_WIDTH) {
        size_t n = (size_t)(shape->c - j);
        vec_f sum = {0};
        int64_t first = cnn__max_i64(-shape->after, -j - VEC_WIDTH), last = cnn__min_i64(shape->before, shape->c - j);
        for (int64_t by = first; by <= last; by++) {
            sum += load_moved(scratch, shape->c, j, by);
        }
        vec_store_n(dx + j, vec_load_n(dx + j, n) - vec_load_n(x + j, n) * sum * factor, n);
    }
}

const cnn__lrn_kernels CNN__VECTOR(cnn__lrn) = {forward_row, backward_row};
