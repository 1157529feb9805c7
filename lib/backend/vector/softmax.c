/* SPDX-License-Identifier: MIT */
/* Softmax and its logarithm over rows, shifted by the row's maximum, summed in double. */
#include "backend/driver/task.h"
#include "backend/vector/kernels.h"

typedef struct softmax_work {
    bool logarithm;
    size_t columns;
    const float *x; /* backward: the output y */
    const float *dy;
    float *out;
} softmax_work;

/* `fill` in the lanes from n on. */
VEC_INLINE vec_f load_filled(const float *p, size_t n, float fill)
{
    return n >= VEC_WIDTH ? vec_load(p) : vec_select(vec_lanes() < (int32_t)n, vec_load_partial(p, n), vec_set1(fill));
}

/* A NaN in the row makes the maximum NaN, and so the whole row. */
static float row_maximum(const float *x, size_t columns)
{
    vec_f best = vec_set1(-INFINITY);
    for (size_t j = 0; j < columns; j += VEC_WIDTH) {
        vec_f value = load_filled(x + j, columns - j, -INFINITY);
        best = vec_select((value > best) | (value != value), value, best);
    }
    float maximum = best[0];
    for (int i = 1; i < VEC_WIDTH; i++) {
        maximum = best[i] > maximum || best[i] != best[i] ? best[i] : maximum;
    }
    return maximum;
}

static void forward_row(const float *x, float *y, size_t columns, bool logarithm)
{
    float maximum = row_maximum(x, columns);
    vec_d low = {0}, high = {0};
    for (size_t j = 0; j < columns; j += VEC_WIDTH) {
        vec_f e = vec_exp(load_filled(x + j, columns - j, -INFINITY) - maximum);
        low += vec_low_d(e);
        high += vec_high_d(e);
        if (!logarithm) {
            vec_store_n(y + j, e, columns - j);
        }
    }
    double sum = vec_sum_d(low + high);
    float factor = (float)(1 / sum), shift = (float)log(sum);
    for (size_t j = 0; j < columns; j += VEC_WIDTH) {
        size_t n = columns - j;
        vec_store_n(y + j, logarithm ? vec_load_n(x + j, n) - maximum - shift : vec_load_n(y + j, n) * factor, n);
    }
}

static void backward_row(const float *y, const float *dy, float *dx, size_t columns, bool logarithm)
{
    vec_d low = {0}, high = {0};
    for (size_t j = 0; j < columns; j += VEC_WIDTH) {
        vec_f value = vec_load_n(dy + j, columns - j);
        value = logarithm ? value : value * vec_load_n(y + j, columns - j);
        low += vec_low_d(value);
        high += vec_high_d(value);
    }
    float sum = (float)vec_sum_d(low + high);
    for (size_t j = 0; j < columns; j += VEC_WIDTH) {
        size_t n = columns - j;
        vec_f out = vec_load_n(y + j, n), gradient = vec_load_n(dy + j, n);
        vec_store_n(dx + j, logarithm ? gradient - vec_exp(out) * sum : out * (gradient - sum), n);
    }
}

static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const softmax_work *work = argument;
    for (size_t r = begin; r < end; r++) {
        forward_row(work->x + r * work->columns, work->out + r * work->columns, work->columns, work->logarithm);
    }
}

static void backward_rows(const void *argument, size_t begin, size_t end)
{
    const softmax_work *work = argument;
    for (size_t r = begin; r < end; r++) {
        size_t at = r * work->columns;
        backward_row(work->x + at, work->dy + at, work->out + at, work->columns, work->logarithm);
    }
}

cnn_status CNN__VECTOR(cnn__softmax)(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *args)
{
    const softmax_work forward = {args->logarithm != 0, args->columns, args->x, NULL, args->y};
    const softmax_work backward = {args->logarithm != 0, args->columns, args->y, args->dy, args->dx};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const bool is_forward = pass == CNN_PASS_FORWARD;
    cnn__for_spans(call, args->rows, cnn__div_up(CNN__SPAN, args->columns), is_forward ? forward_rows : backward_rows,
                   is_forward ? &forward : &backward);
    return CNN_OK;
}
