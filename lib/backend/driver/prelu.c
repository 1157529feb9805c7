/* SPDX-License-Identifier: MIT */
/* Rectifiers whose slopes are learnt: the same in every backend. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"
#include "core/error.h"

/* Columns whose sums a task keeps on the stack, where there are so many columns that these are tasks enough. */
enum { TILE = 256, MANY = 4 * TILE };

typedef struct prelu_work {
    const cnn_prelu_args *args;
    double *partial; /* [parts, c] */
} prelu_work;

static size_t rows_of_a_part(const cnn_prelu_args *args)
{
    return cnn__max_size(cnn__div_up(CNN__SPAN, (size_t)args->c),
                         cnn__div_up((size_t)args->rows, CNN__REDUCTION_PARTS));
}

/* As many parts as any number of rows up to these has: a session is also used for fewer. */
size_t cnn__prelu_workspace(const cnn_prelu_args *args)
{
    const size_t parts = cnn__div_up((size_t)args->rows, cnn__div_up(CNN__SPAN, (size_t)args->c));
    return args->c >= MANY ? 0 : cnn__min_size(parts, CNN__REDUCTION_PARTS) * (size_t)args->c * sizeof(double);
}

static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const cnn_prelu_args *args = argument;
    const size_t c = (size_t)args->c;
    for (size_t row = begin; row < end; row++) {
        const float *x = args->x + row * c;
        float *y = args->y + row * c;
        for (size_t j = 0; j < c; j++) {
            y[j] = x[j] > 0 ? x[j] : args->slopes[j] * x[j];
        }
    }
}

static void backward_rows(const void *argument, size_t begin, size_t end)
{
    const cnn_prelu_args *args = argument;
    const size_t c = (size_t)args->c;
    for (size_t row = begin; row < end; row++) {
        const float *x = args->x + row * c, *dy = args->dy + row * c;
        float *dx = args->dx + row * c;
        for (size_t j = 0; j < c; j++) {
            dx[j] = x[j] > 0 ? dy[j] : args->slopes[j] * dy[j];
        }
    }
}

/* sums[j - columns.begin] += dy x where x is not above 0. */
static void add_slopes(const cnn_prelu_args *args, cnn__range rows, cnn__range columns, double *sums)
{
    const size_t c = (size_t)args->c;
    for (size_t row = rows.begin; row < rows.end; row++) {
        const float *x = args->x + row * c, *dy = args->dy + row * c;
        for (size_t j = columns.begin; j < columns.end; j++) {
            sums[j - columns.begin] += x[j] > 0 ? 0 : (double)dy[j] * x[j];
        }
    }
}

static void sum_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const cnn_prelu_args *args = ((const prelu_work *)argument)->args;
    const cnn__range columns = cnn__grain_range((size_t)args->c, TILE, index);
    double sums[TILE] = {0};
    add_slopes(args, (cnn__range){0, (size_t)args->rows}, columns, sums);
    for (size_t j = columns.begin; j < columns.end; j++) {
        args->d_slopes[j] = (float)sums[j - columns.begin];
    }
}

static void sum_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const prelu_work *work = argument;
    const size_t c = (size_t)work->args->c;
    double *sums = work->partial + index * c;
    memset(sums, 0, c * sizeof(double));
    add_slopes(work->args, cnn__grain_range((size_t)work->args->rows, rows_of_a_part(work->args), index),
               (cnn__range){0, c}, sums);
}

static cnn_status slope_gradient(const cnn_backend_call *call, const cnn_prelu_args *args)
{
    const size_t c = (size_t)args->c;
    prelu_work work = {args, call->workspace};
    if (c >= MANY) {
        call->parallel(call, cnn__div_up(c, TILE), sum_tile, &work);
        return CNN_OK;
    }
    if (!cnn__has_workspace(call, cnn__prelu_workspace(args))) {
        return CNN_ERROR_BACKEND;
    }
    const size_t parts = cnn__div_up((size_t)args->rows, rows_of_a_part(args));
    call->parallel(call, parts, sum_part, &work);
    for (size_t j = 0; j < c; j++) {
        double sum = 0;
        for (size_t part = 0; part < parts; part++) {
            sum += work.partial[part * c + j];
        }
        args->d_slopes[j] = (float)sum;
    }
    return CNN_OK;
}

cnn_status cnn__prelu(const cnn_backend_call *call, cnn_pass pass, const cnn_prelu_args *args)
{
    const size_t grain = cnn__div_up(CNN__SPAN, (size_t)args->c);
    if (pass == CNN_PASS_FORWARD) {
        cnn__for_spans(call, (size_t)args->rows, grain, forward_rows, args);
        return CNN_OK;
    }
    if (pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (args->d_slopes != NULL) {
        CNN__RETURN_IF_ERROR(slope_gradient(call, args)); /* before dx, which may be dy */
    }
    if (args->dx != NULL) {
        cnn__for_spans(call, (size_t)args->rows, grain, backward_rows, args);
    }
    return CNN_OK;
}
