/* SPDX-License-Identifier: MIT */
/* Local response normalisation across channels: how its work is divided, and its rows in portable C. */
#include <math.h>

#include "backend/reference/reference.h"
#include "backend/task.h"

/* ---- drivers ---- */

typedef struct lrn_work {
    const cnn__lrn_kernels *kernels;
    const cnn_lrn_shape *shape;
    const float *x, *dy;
    float *out;
    float *scratch; /* backward: a row for each worker */
    size_t grain;   /* rows of a task */
} lrn_work;

static void row_task(void *argument, size_t index, uint32_t worker)
{
    const lrn_work *work = argument;
    const size_t c = (size_t)work->shape->c;
    cnn__range rows = cnn__grain_range((size_t)work->shape->rows, work->grain, index);
    for (size_t at = rows.begin * c; at < rows.end * c; at += c) {
        if (work->dy == NULL) {
            work->kernels->forward_row(work->shape, work->x + at, work->out + at);
        } else {
            work->kernels->backward_row(work->shape, work->x + at, work->dy + at, work->scratch + worker * c,
                                        work->out + at);
        }
    }
}

static void run(const cnn_backend_call *call, lrn_work *work)
{
    work->grain = cnn__div_up(CNN__SPAN, (size_t)work->shape->c);
    call->parallel(call, cnn__div_up((size_t)work->shape->rows, work->grain), row_task, work);
}

size_t cnn__lrn_workspace(const cnn_lrn_shape *shape, uint32_t threads)
{
    return (size_t)shape->c * threads * sizeof(float);
}

cnn_status cnn__lrn_forward(const cnn__lrn_kernels *kernels, const cnn_backend_call *call, const cnn_lrn_shape *shape,
                            const float *x, float *y)
{
    lrn_work work = {.kernels = kernels, .shape = shape, .x = x, .out = y};
    run(call, &work);
    return CNN_OK;
}

cnn_status cnn__lrn_backward(const cnn__lrn_kernels *kernels, const cnn_backend_call *call,
                             const cnn_lrn_shape *shape, const float *x, const float *dy, float *dx)
{
    lrn_work work = {.kernels = kernels, .shape = shape, .x = x, .dy = dy, .out = dx, .scratch = call->workspace};
    if (!cnn__has_workspace(call, cnn__lrn_workspace(shape, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    run(call, &work);
    return CNN_OK;
}

/* ---- rows ---- */

/* bias + alpha times the squares in the window of channel j. */
static float scale_at(const cnn_lrn_shape *shape, const float *x, int64_t j)
{
    int64_t begin = cnn__max_i64(0, j - shape->before), end = cnn__min_i64(shape->c, j + shape->after + 1);
    double sum = 0;
    for (int64_t i = begin; i < end; i++) {
        sum += (double)x[i] * x[i];
    }
    return (float)(shape->bias + shape->alpha * sum);
}

static void forward_row(const cnn_lrn_shape *shape, const float *x, float *y)
{
    for (int64_t j = 0; j < shape->c; j++) {
        y[j] = x[j] * powf(scale_at(shape, x, j), -shape->beta);
    }
}

/* With s the scale and p = s^-beta: dx_j = dy_j p_j - 2 alpha beta x_j sum(dy_i x_i p_i / s_i) over the channels i in
 * whose window j lies. */
static void backward_row(const cnn_lrn_shape *shape, const float *x, const float *dy, float *scratch, float *dx)
{
    const double factor = 2.0 * shape->alpha * shape->beta;
    for (int64_t j = 0; j < shape->c; j++) {
        float scale = scale_at(shape, x, j);
        dx[j] = dy[j] * powf(scale, -shape->beta);
        scratch[j] = dx[j] * x[j] / scale;
    }
    for (int64_t j = 0; j < shape->c; j++) {
        int64_t begin = cnn__max_i64(0, j - shape->after), end = cnn__min_i64(shape->c, j + shape->before + 1);
        double sum = 0;
        for (int64_t i = begin; i < end; i++) {
            sum += scratch[i];
        }
        dx[j] = (float)(dx[j] - factor * x[j] * sum);
    }
}

const cnn__lrn_kernels cnn__reference_lrn = {forward_row, backward_row};
