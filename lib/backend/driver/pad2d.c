/* SPDX-License-Identifier: MIT */
/* Zero padding and its gradient: copies of rows, the same in every backend. */
#include <string.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

typedef struct pad_work {
    const cnn_pad2d_args *shape;
    const float *from;
    float *to;
} pad_work;

/* Rows of the padded image. */
static size_t padded_rows(const cnn_pad2d_args *shape) { return (size_t)(shape->in_h + shape->top + shape->bottom); }

/* [begin, end) counts rows of all padded images. */
static void pad_rows(const void *argument, size_t begin, size_t end)
{
    const pad_work *work = argument;
    const cnn_pad2d_args *shape = work->shape;
    size_t height = padded_rows(shape), c = (size_t)shape->c;
    size_t inside = (size_t)shape->in_w * c, left = (size_t)shape->left * c, right = (size_t)shape->right * c;
    for (size_t row = begin; row < end; row++) {
        float *to = work->to + row * (left + inside + right);
        int64_t y = (int64_t)(row % height) - shape->top;
        if (y < 0 || y >= shape->in_h) {
            memset(to, 0, (left + inside + right) * sizeof(float));
            continue;
        }
        memset(to, 0, left * sizeof(float));
        memcpy(to + left, work->from + (row / height * (size_t)shape->in_h + (size_t)y) * inside,
               inside * sizeof(float));
        memset(to + left + inside, 0, right * sizeof(float));
    }
}

/* [begin, end) counts rows of all images inside. */
static void crop_rows(const void *argument, size_t begin, size_t end)
{
    const pad_work *work = argument;
    const cnn_pad2d_args *shape = work->shape;
    size_t in_h = (size_t)shape->in_h, c = (size_t)shape->c, inside = (size_t)shape->in_w * c;
    size_t width = (size_t)(shape->in_w + shape->left + shape->right) * c;
    for (size_t row = begin; row < end; row++) {
        size_t padded = row / in_h * padded_rows(shape) + row % in_h + (size_t)shape->top;
        memcpy(work->to + row * inside, work->from + padded * width + (size_t)shape->left * c, inside * sizeof(float));
    }
}

static size_t rows_of_a_task(const cnn_pad2d_args *shape)
{
    return cnn__div_up(CNN__SPAN, (size_t)((shape->in_w + shape->left + shape->right) * shape->c));
}

cnn_status cnn__pad2d(const cnn_backend_call *call, cnn_pass pass, const cnn_pad2d_args *args)
{
    if (pass == CNN_PASS_FORWARD) {
        const pad_work work = {args, args->x, args->y};
        cnn__for_spans(call, (size_t)args->n * padded_rows(args), rows_of_a_task(args), pad_rows, &work);
        return CNN_OK;
    }
    const pad_work work = {args, args->dy, args->dx};
    if (pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    cnn__for_spans(call, (size_t)(args->n * args->in_h), rows_of_a_task(args), crop_rows, &work);
    return CNN_OK;
}
