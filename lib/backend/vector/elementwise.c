/* SPDX-License-Identifier: MIT */
/* Sums of arrays. */
#include "backend/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/kernels.h"

typedef struct add_work {
    const float *a, *b;
    float *y;
    cnn_activation activation;
    float alpha;
} add_work;

typedef struct square_work {
    size_t n;
    const float *x;
    double part[CNN__REDUCTION_PARTS];
} square_work;

VEC_INLINE void add_loop(const add_work *work, cnn_activation activation, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        const vec_f sum = vec_load_n(work->a + i, end - i) + vec_load_n(work->b + i, end - i);
        vec_store_n(work->y + i, vec_activate(activation, work->alpha, sum), end - i);
    }
}

static void add_span(const void *argument, size_t begin, size_t end)
{
    const add_work *work = argument;
    if (work->activation == CNN_LINEAR) {
        add_loop(work, CNN_LINEAR, begin, end);
    } else if (work->activation == CNN_RELU) {
        add_loop(work, CNN_RELU, begin, end);
    } else {
        add_loop(work, work->activation, begin, end);
    }
}

static void square_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    square_work *work = argument;
    cnn__range range = cnn__part_range(work->n, CNN__REDUCTION_PARTS, index);
    vec_d low = {0}, high = {0};
    for (size_t i = range.begin; i < range.end; i += VEC_WIDTH) {
        vec_f value = vec_load_n(work->x + i, range.end - i);
        low += vec_low_d(value) * vec_low_d(value);
        high += vec_high_d(value) * vec_high_d(value);
    }
    work->part[index] = vec_sum_d(low + high);
}

cnn_status CNN__VECTOR(cnn__add)(const cnn_backend_call *call, size_t n, const float *a, const float *b, float *y)
{
    return CNN__VECTOR(cnn__add_activation)(call, CNN_LINEAR, 0, n, a, b, y);
}

cnn_status CNN__VECTOR(cnn__add_activation)(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                            size_t n, const float *a, const float *b, float *y)
{
    const add_work work = {a, b, y, activation, alpha};
    cnn__for_spans(call, n, CNN__SPAN, add_span, &work);
    return CNN_OK;
}

cnn_status CNN__VECTOR(cnn__sum_squares)(const cnn_backend_call *call, size_t n, const float *x, double *sum)
{
    square_work work = {.n = n, .x = x};
    call->parallel(call, CNN__REDUCTION_PARTS, square_part, &work);
    double total = 0;
    for (size_t i = 0; i < CNN__REDUCTION_PARTS; i++) {
        total += work.part[i];
    }
    *sum = total;
    return CNN_OK;
}
