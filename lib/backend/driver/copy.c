/* SPDX-License-Identifier: MIT */
/* Operations that move values and compute none: the same in every backend. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

typedef struct concat_work {
    const cnn_concat_args *args;
    size_t width; /* of the whole */
    bool split;   /* the whole to the parts, instead of the parts to the whole */
} concat_work;

static void concat_rows(const void *argument, size_t begin, size_t end)
{
    const concat_work *work = argument;
    const cnn_concat_args *args = work->args;
    float *whole = args->whole;
    for (uint32_t i = 0; i < args->count; i++) {
        const size_t width = (size_t)args->widths[i];
        float *part = args->parts[i];
        for (size_t row = begin; row < end && part != NULL; row++) {
            float *there = whole + row * work->width, *here = part + row * width;
            memcpy(work->split ? here : there, work->split ? there : here, width * sizeof(float));
        }
        whole += width;
    }
}

cnn_status cnn__concat(const cnn_backend_call *call, cnn_pass pass, const cnn_concat_args *args)
{
    concat_work work = {.args = args, .split = pass == CNN_PASS_BACKWARD};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    for (uint32_t i = 0; i < args->count; i++) {
        work.width += (size_t)args->widths[i];
    }
    cnn__for_spans(call, (size_t)args->rows, cnn__div_up(4 * CNN__SPAN, work.width), concat_rows, &work);
    return CNN_OK;
}

static void fill_span(const void *argument, size_t begin, size_t end)
{
    const cnn_fill_args *args = argument;
    for (size_t i = begin; i < end; i++) {
        args->y[i] = args->value;
    }
}

cnn_status cnn__fill(const cnn_backend_call *call, const cnn_fill_args *args)
{
    cnn__for_spans(call, args->n, CNN__SPAN, fill_span, args);
    return CNN_OK;
}
