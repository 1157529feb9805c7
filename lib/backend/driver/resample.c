/* SPDX-License-Identifier: MIT */
/* Images at another size, and the gradient: the same in every backend. */
#include <math.h>
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

typedef struct resample_work {
    const cnn_resample_args *args;
    const float *from;
    float *to;
} resample_work;

/* What an output position is made of: the input positions `first` and `second`, of which the second has the weight. */
typedef struct source {
    size_t first, second;
    float weight;
} source;

static source source_of(const cnn_resample_args *args, int64_t at, int64_t in, int64_t out)
{
    if (args->mode == CNN_RESAMPLE_NEAREST) {
        const size_t nearest = (size_t)(at * in / out);
        return (source){nearest, nearest, 0};
    }
    const double scale = args->align_corners ? (out > 1 ? (double)(in - 1) / (double)(out - 1) : 0)
                                             : (double)in / (double)out;
    const double place = args->align_corners ? (double)at * scale : fmax(((double)at + 0.5) * scale - 0.5, 0);
    const int64_t first = cnn__min_i64((int64_t)place, in - 1);
    return (source){(size_t)first, (size_t)cnn__min_i64(first + 1, in - 1), (float)(place - (double)first)};
}

/* to += weight * from, or without `add` to = weight * from. */
static void add_pixel(size_t c, float weight, const float *from, bool add, float *to)
{
    for (size_t i = 0; i < c; i++) {
        to[i] = add ? to[i] + weight * from[i] : weight * from[i];
    }
}

/* [begin, end) counts output rows of all images. */
static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const resample_work *work = argument;
    const cnn_resample_args *a = work->args;
    const size_t c = (size_t)a->c, line = (size_t)a->in_w * c, out_line = (size_t)a->out_w * c;
    for (size_t row = begin; row < end; row++) {
        const source y = source_of(a, (int64_t)(row % (size_t)a->out_h), a->in_h, a->out_h);
        const float *image = work->from + row / (size_t)a->out_h * (size_t)a->in_h * line;
        const float *above = image + y.first * line, *below = image + y.second * line;
        for (int64_t ox = 0; ox < a->out_w; ox++) {
            const source x = source_of(a, ox, a->in_w, a->out_w);
            float *to = work->to + row * out_line + (size_t)ox * c;
            if (a->mode == CNN_RESAMPLE_NEAREST) {
                memcpy(to, above + x.first * c, c * sizeof(float));
                continue;
            }
            add_pixel(c, (1 - y.weight) * (1 - x.weight), above + x.first * c, false, to);
            add_pixel(c, (1 - y.weight) * x.weight, above + x.second * c, true, to);
            add_pixel(c, y.weight * (1 - x.weight), below + x.first * c, true, to);
            add_pixel(c, y.weight * x.weight, below + x.second * c, true, to);
        }
    }
}

/* One output row's part of the gradient of an input row, which has `share` of it. */
static void take_row(const cnn_resample_args *a, float share, const float *dy, float *dx)
{
    const size_t c = (size_t)a->c;
    for (int64_t ox = 0; ox < a->out_w; ox++, dy += c) {
        const source x = source_of(a, ox, a->in_w, a->out_w);
        add_pixel(c, share * (1 - x.weight), dy, true, dx + x.first * c);
        if (x.weight != 0) {
            add_pixel(c, share * x.weight, dy, true, dx + x.second * c);
        }
    }
}

/* [begin, end) counts input rows of all images: each gathers from the output rows that it is part of, so that no two
 * tasks write to one place. */
static void backward_rows(const void *argument, size_t begin, size_t end)
{
    const resample_work *work = argument;
    const cnn_resample_args *a = work->args;
    const size_t line = (size_t)(a->in_w * a->c), out_line = (size_t)(a->out_w * a->c);
    for (size_t row = begin; row < end; row++) {
        const size_t image = row / (size_t)a->in_h, in_y = row % (size_t)a->in_h;
        float *dx = work->to + row * line;
        memset(dx, 0, line * sizeof(float));
        for (int64_t oy = 0; oy < a->out_h; oy++) {
            const source y = source_of(a, oy, a->in_h, a->out_h);
            const float share = (y.first == in_y ? 1 - y.weight : 0) + (y.second == in_y ? y.weight : 0);
            if (share != 0) {
                take_row(a, share, work->from + (image * (size_t)a->out_h + (size_t)oy) * out_line, dx);
            }
        }
    }
}

cnn_status cnn__resample2d(const cnn_backend_call *call, cnn_pass pass, const cnn_resample_args *args)
{
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const bool is_forward = pass == CNN_PASS_FORWARD;
    const resample_work work = {args, is_forward ? args->x : args->dy, is_forward ? args->y : args->dx};
    const size_t rows = (size_t)(args->n * (is_forward ? args->out_h : args->in_h));
    cnn__for_spans(call, rows, cnn__div_up(CNN__SPAN, (size_t)(args->out_w * args->c)),
                   is_forward ? forward_rows : backward_rows, &work);
    return CNN_OK;
}
