/* SPDX-License-Identifier: MIT */
/* Sums of arrays. */
#include "backend/reference/reference.h"
#include "backend/task.h"

typedef struct add_work {
    const float *a, *b;
    float *y;
} add_work;

typedef struct square_work {
    size_t n;
    const float *x;
    double part[CNN__REDUCTION_PARTS];
} square_work;

static void add_span(const void *argument, size_t begin, size_t end)
{
    const add_work *work = argument;
    for (size_t i = begin; i < end; i++) {
        work->y[i] = work->a[i] + work->b[i];
    }
}

static void square_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    square_work *work = argument;
    cnn__range range = cnn__part_range(work->n, CNN__REDUCTION_PARTS, index);
    double sum = 0;
    for (size_t i = range.begin; i < range.end; i++) {
        sum += (double)work->x[i] * work->x[i];
    }
    work->part[index] = sum;
}

cnn_status cnn__reference_add(const cnn_backend_call *call, size_t n, const float *a, const float *b, float *y)
{
    const add_work work = {a, b, y};
    cnn__for_spans(call, n, CNN__SPAN, add_span, &work);
    return CNN_OK;
}

/* By the two entries that it joins, which may be a caller's. */
cnn_status cnn__reference_add_activation(const cnn_backend_call *call, cnn_activation activation, float alpha, size_t n,
                                         const float *a, const float *b, float *y)
{
    cnn_status status = call->backend->add(call, n, a, b, y);
    return status != CNN_OK || activation == CNN_LINEAR
               ? status
               : call->backend->activation_forward(call, activation, alpha, n, y, y);
}

cnn_status cnn__reference_sum_squares(const cnn_backend_call *call, size_t n, const float *x, double *sum)
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
