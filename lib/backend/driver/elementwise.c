/* SPDX-License-Identifier: MIT */
/* Elementwise operations with broadcasting, and reductions. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

/* Columns that a task sums at a time, on the stack. */
enum { TILE = 256 };

typedef struct combine_work {
    const cnn__elementwise_kernels *kernels;
    const cnn_elementwise_args *args;
} combine_work;

static void combine_span(const void *argument, size_t begin, size_t end)
{
    const combine_work *work = argument;
    const cnn_elementwise_args *args = work->args;
    work->kernels->combine(args, end - begin, 0, args->a + begin, args->b + begin, args->y + begin);
}

/* [begin, end) counts rows of c values, of all images. */
static void combine_rows(const void *argument, size_t begin, size_t end)
{
    const combine_work *work = argument;
    const cnn_elementwise_args *args = work->args;
    const size_t c = (size_t)args->c, inner = (size_t)args->inner;
    const bool by_sample = args->broadcast == CNN_BROADCAST_SAMPLE;
    while (begin < end) {
        const size_t image = begin / inner, stop = by_sample ? cnn__min_size(end, (image + 1) * inner) : end;
        work->kernels->combine(args, (stop - begin) * c, c, args->a + begin * c, args->b + (by_sample ? image * c : 0),
                               args->y + begin * c);
        begin = stop;
    }
}

static void copy_span(const void *argument, size_t begin, size_t end)
{
    const cnn_elementwise_args *args = argument;
    memcpy(args->y + begin, args->a + begin, (end - begin) * sizeof(float));
}

cnn_status cnn__elementwise(const cnn__elementwise_kernels *kernels, const cnn_backend_call *call,
                            const cnn_elementwise_args *args)
{
    const combine_work work = {kernels, args};
    const size_t rows = (size_t)(args->outer * args->inner), c = (size_t)args->c;
    if (args->kind == CNN_ELEMENTWISE_COPY) {
        if (args->y != args->a) {
            cnn__for_spans(call, rows * c, CNN__SPAN, copy_span, args);
        }
        return cnn__epilogue_forward(call, &args->epilogue, rows * c, args->y);
    }
    if (args->broadcast == CNN_BROADCAST_NONE) {
        cnn__for_spans(call, rows * c, CNN__SPAN, combine_span, &work);
    } else {
        cnn__for_spans(call, rows, cnn__div_up(CNN__SPAN, c), combine_rows, &work);
    }
    return CNN_OK;
}

typedef struct square_work {
    const cnn__elementwise_kernels *kernels;
    size_t n;
    const float *x;
    double part[CNN__REDUCTION_PARTS];
} square_work;

static void square_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    square_work *work = argument;
    cnn__range range = cnn__part_range(work->n, CNN__REDUCTION_PARTS, index);
    work->part[index] = work->kernels->sum_squares(range.end - range.begin, work->x + range.begin);
}

/* Some columns of one image. */
static void sum_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const cnn_reduce_args *args = argument;
    const size_t c = (size_t)args->c, tiles = cnn__div_up(c, TILE), inner = (size_t)args->inner;
    const size_t image = index / tiles;
    const cnn__range columns = cnn__grain_range(c, TILE, index % tiles);
    const float *x = args->x + image * inner * c;
    double sums[TILE] = {0};
    for (size_t row = 0; row < inner; row++) {
        for (size_t j = columns.begin; j < columns.end; j++) {
            sums[j - columns.begin] += x[row * c + j];
        }
    }
    for (size_t j = columns.begin; j < columns.end; j++) {
        args->y[image * c + j] = (float)sums[j - columns.begin];
    }
}

/* The largest or the least of some columns of one image. */
static void pick_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const cnn_reduce_args *args = argument;
    const size_t c = (size_t)args->c, tiles = cnn__div_up(c, TILE), inner = (size_t)args->inner;
    const size_t image = index / tiles;
    const cnn__range columns = cnn__grain_range(c, TILE, index % tiles);
    const float *x = args->x + image * inner * c;
    float *y = args->y + image * c;
    const bool largest = args->kind == CNN_REDUCE_MAX_INNER;
    memcpy(y + columns.begin, x + columns.begin, (columns.end - columns.begin) * sizeof(float));
    for (size_t row = 1; row < inner; row++) {
        for (size_t j = columns.begin; j < columns.end; j++) {
            const float value = x[row * c + j];
            y[j] = (largest ? value > y[j] : value < y[j]) || value != value ? value : y[j];
        }
    }
}

cnn_status cnn__reduce(const cnn__elementwise_kernels *kernels, const cnn_backend_call *call,
                       const cnn_reduce_args *args)
{
    if (args->kind != CNN_REDUCE_SUM_SQUARES) {
        call->parallel(call, (size_t)args->outer * cnn__div_up((size_t)args->c, TILE),
                       args->kind == CNN_REDUCE_SUM_INNER ? sum_tile : pick_tile, (void *)args);
        return CNN_OK;
    }
    square_work work = {.kernels = kernels, .n = (size_t)(args->outer * args->inner * args->c), .x = args->x};
    call->parallel(call, CNN__REDUCTION_PARTS, square_part, &work);
    *args->result = 0;
    for (size_t i = 0; i < CNN__REDUCTION_PARTS; i++) {
        *args->result += work.part[i];
    }
    return CNN_OK;
}
