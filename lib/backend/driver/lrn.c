/* SPDX-License-Identifier: MIT */
/* Local response normalisation across channels, some rows to a task. */
#include "backend/driver/driver.h"
#include "backend/driver/task.h"

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

cnn_status cnn__lrn(const cnn__lrn_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                    const cnn_lrn_args *args)
{
    lrn_work work = {.kernels = kernels, .shape = &args->shape, .x = args->x, .out = args->y};
    if (pass == CNN_PASS_BACKWARD) {
        work.dy = args->dy;
        work.out = args->dx;
        work.scratch = call->workspace;
        if (!cnn__has_workspace(call, cnn__lrn_workspace(work.shape, call->threads))) {
            return CNN_ERROR_BACKEND;
        }
    } else if (pass != CNN_PASS_FORWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    run(call, &work);
    return CNN_OK;
}
