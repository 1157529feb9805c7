/* SPDX-License-Identifier: MIT */
/* Pooling: any window, stride, padding and overhang; ties and NaN. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

typedef struct pooling {
    cnn_pool2d_shape shape;
    float *x, *dy;
    size_t x_size, y_size;
} pooling;

/* The output size with the last window cut off if it would begin outside; `ceil` 1 lets the others hang over. */
static int64_t pooled(int64_t size, int64_t kernel, int64_t stride, int64_t before, int64_t after, int64_t ceil)
{
    int64_t room = size + before + after - kernel;
    int64_t out = (room + (ceil ? stride - 1 : 0)) / stride + 1;
    return (out - 1) * stride >= size + before ? out - 1 : out;
}

static void draw_windows(generator *g, uint32_t variant, cnn_pool2d_shape *s)
{
    s->kernel_h = (int32_t)draw(g, 1, 5);
    s->kernel_w = (int32_t)draw(g, 1, 5);
    s->stride_h = (int32_t)draw(g, 1, 4);
    s->stride_w = (int32_t)draw(g, 1, 4);
    if (variant % 4 == 0) { /* the common ones */
        s->kernel_h = s->kernel_w = variant % 8 == 0 ? 2 : 3;
        s->stride_h = s->stride_w = 2;
    }
    if (variant % 16 == 13) { /* argmax of four bytes */
        s->kernel_h = 16;
        s->kernel_w = 17;
    }
    s->pad_top = (int32_t)draw(g, 0, (uint32_t)s->kernel_h / 2);
    s->pad_left = (int32_t)draw(g, 0, (uint32_t)s->kernel_w / 2);
    s->pad_bottom = (int32_t)draw(g, 0, (uint32_t)s->kernel_h / 2);
    s->pad_right = (int32_t)draw(g, 0, (uint32_t)s->kernel_w / 2);
    if (variant % 5 == 1) { /* cells that lie apart */
        s->dilation_h = (int32_t)draw(g, 1, 3);
        s->dilation_w = (int32_t)draw(g, 0, 3);
    }
}

static int64_t step_of(int32_t dilation) { return dilation > 1 ? dilation : 1; }
static int64_t extent_of(int32_t kernel, int32_t dilation) { return (kernel - 1) * step_of(dilation) + 1; }

/* To an output of any size, also a larger one. */
static void adapt(generator *g, cnn_pool2d_shape *s)
{
    s->adaptive = 1;
    s->pad_top = s->pad_left = s->pad_bottom = s->pad_right = 0;
    s->out_h = draw(g, 1, (uint32_t)s->in_h + 3);
    s->out_w = draw(g, 1, (uint32_t)s->in_w + 3);
    s->kernel_h = (int32_t)(s->in_h % s->out_h == 0 ? s->in_h / s->out_h : s->in_h / s->out_h + 2);
    s->kernel_w = (int32_t)(s->in_w % s->out_w == 0 ? s->in_w / s->out_w : s->in_w / s->out_w + 2);
    s->stride_h = (int32_t)(s->in_h / s->out_h > 0 ? s->in_h / s->out_h : 1);
    s->stride_w = (int32_t)(s->in_w / s->out_w > 0 ? s->in_w / s->out_w : 1);
    s->argmax_bytes = s->kernel_h * s->kernel_w <= 255 ? 1 : 4;
}

static pooling pooling_of(uint32_t variant, bool average)
{
    generator g = generator_of("pool", variant);
    pooling p = {.shape = {.average = average}};
    cnn_pool2d_shape *s = &p.shape;
    draw_windows(&g, variant, s);
    s->argmax_bytes = s->kernel_h * s->kernel_w <= 255 ? 1 : 4;
    s->count_include_pad = (int32_t)draw(&g, 0, 1);
    s->n = draw(&g, 1, 3);
    s->in_h = extent_of(s->kernel_h, s->dilation_h) + draw(&g, 0, 14);
    s->in_w = extent_of(s->kernel_w, s->dilation_w) + draw(&g, 0, 14);
    s->c = variant % 3 == 0 ? draw(&g, 1, 70) : draw(&g, 1, 9);
    if (variant % 16 == 8) { /* several bands of rows */
        s->in_h = 90;
        s->in_w = 40;
        s->c = 32;
    }
    if (variant % 16 == 5) { /* global */
        s->kernel_h = (int32_t)s->in_h;
        s->kernel_w = (int32_t)s->in_w;
        s->dilation_h = s->dilation_w = 0;
        s->argmax_bytes = 4;
    }
    if (variant % 5 == 3) { /* windows of their own sizes */
        adapt(&g, s);
    }
    int64_t ceil = draw(&g, 0, 1);
    const int64_t rows = extent_of(s->kernel_h, s->dilation_h), columns = extent_of(s->kernel_w, s->dilation_w);
    s->out_h = s->adaptive ? s->out_h : pooled(s->in_h, rows, s->stride_h, s->pad_top, s->pad_bottom, ceil);
    s->out_w = s->adaptive ? s->out_w : pooled(s->in_w, columns, s->stride_w, s->pad_left, s->pad_right, ceil);
    p.x_size = (size_t)(s->n * s->in_h * s->in_w * s->c);
    p.y_size = (size_t)(s->n * s->out_h * s->out_w * s->c);
    p.x = array_new(&g, p.x_size);
    p.dy = array_new(&g, p.y_size);
    for (size_t i = 0; variant % 2 == 1 && i < p.x_size; i++) {
        p.x[i] = (float)(int)(p.x[i] * 3); /* ties */
    }
    if (!average && variant % 7 == 6) {
        p.x[draw(&g, 0, (uint32_t)p.x_size - 1)] = NAN;
        p.x[draw(&g, 0, (uint32_t)p.x_size - 1)] = INFINITY;
        p.x[draw(&g, 0, (uint32_t)p.x_size - 1)] = -INFINITY;
    }
    return p;
}

static void pooling_free(pooling *p)
{
    array_free(p->x);
    array_free(p->dy);
}

/* Forward, backward, and forward without argmax. */
static void run(cnn_context *context, uint32_t variant, bool average, outcome *o)
{
    pooling p = pooling_of(variant, average);
    cnn_backend_call call;
    float *y = array_new(NULL, p.y_size), *dx = array_new(NULL, p.x_size);
    uint8_t *argmax = average ? NULL : bytes_new(p.y_size * (size_t)p.shape.argmax_bytes);
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_pool2d_forward(&call, &p.shape, p.x, y, argmax), CNN_OK);
    outcome_floats(o, y, p.y_size);
    ck_assert_int_eq(run_pool2d_backward(&call, &p.shape, p.dy, argmax, dx), CNN_OK);
    outcome_floats(o, dx, p.x_size);
    if (!average) {
        float *again = array_new(NULL, p.y_size);
        ck_assert_int_eq(run_pool2d_forward(&call, &p.shape, p.x, again, NULL), CNN_OK);
        outcome_floats(o, again, p.y_size);
        array_free(again);
        if (p.shape.argmax_bytes == 1) {
            outcome_bytes(o, argmax, p.y_size);
        } else {
            outcome_words(o, (const uint32_t *)argmax, p.y_size);
        }
    }
    call_end(&call);
    array_free(y);
    array_free(dx);
    array_free(argmax);
    pooling_free(&p);
}

/* One output of the definition. `share` is what each cell gets of the gradient of a mean. */
typedef struct result {
    double value, share;
    int64_t cell;
} result;

/* Where a window begins along a side, and what it ends before of the input. */
static int64_t first_of(int32_t adaptive, int64_t at, int32_t stride, int32_t before, int64_t in, int64_t out)
{
    return adaptive ? (int64_t)floor((double)(at * in) / (double)out) : at * stride - before;
}

static int64_t end_of(int32_t adaptive, int64_t at, int64_t in, int64_t out)
{
    return adaptive ? (int64_t)ceil((double)((at + 1) * in) / (double)out) : in;
}

static result pool_one(const pooling *p, int64_t n, int64_t oy, int64_t ox, int64_t c)
{
    const cnn_pool2d_shape *s = &p->shape;
    result r = {NAN, 0, -1};
    double sum = 0;
    int64_t counted = 0;
    for (int64_t cell = 0; cell < s->kernel_h * s->kernel_w; cell++) {
        int64_t y = first_of(s->adaptive, oy, s->stride_h, s->pad_top, s->in_h, s->out_h) +
                    cell / s->kernel_w * step_of(s->dilation_h);
        int64_t x = first_of(s->adaptive, ox, s->stride_w, s->pad_left, s->in_w, s->out_w) +
                    cell % s->kernel_w * step_of(s->dilation_w);
        bool inside = y >= 0 && y < end_of(s->adaptive, oy, s->in_h, s->out_h) && x >= 0 &&
                      x < end_of(s->adaptive, ox, s->in_w, s->out_w);
        bool padding = !s->adaptive && y < s->in_h + s->pad_bottom && x < s->in_w + s->pad_right;
        counted += inside || (s->count_include_pad && padding);
        if (inside) {
            double value = p->x[((n * s->in_h + y) * s->in_w + x) * s->c + c];
            sum += value;
            if (r.cell < 0 || value > r.value || (isnan(value) && !isnan(r.value))) {
                r.value = value;
                r.cell = cell;
            }
        }
    }
    if (s->average) {
        r.value = sum / (double)counted;
        r.share = 1 / (double)counted;
    }
    return r;
}

static void send_back(const pooling *p, int64_t at, int64_t n, int64_t oy, int64_t ox, int64_t c, result r, double *dx)
{
    const cnn_pool2d_shape *s = &p->shape;
    for (int64_t cell = 0; cell < s->kernel_h * s->kernel_w; cell++) {
        int64_t y = first_of(s->adaptive, oy, s->stride_h, s->pad_top, s->in_h, s->out_h) +
                    cell / s->kernel_w * step_of(s->dilation_h);
        int64_t x = first_of(s->adaptive, ox, s->stride_w, s->pad_left, s->in_w, s->out_w) +
                    cell % s->kernel_w * step_of(s->dilation_w);
        if (y >= 0 && y < end_of(s->adaptive, oy, s->in_h, s->out_h) && x >= 0 &&
            x < end_of(s->adaptive, ox, s->in_w, s->out_w) && (s->average || cell == r.cell)) {
            dx[((n * s->in_h + y) * s->in_w + x) * s->c + c] += p->dy[at] * (s->average ? r.share : 1);
        }
    }
}

static void expect(uint32_t variant, bool average, outcome *o)
{
    pooling p = pooling_of(variant, average);
    const cnn_pool2d_shape *s = &p.shape;
    double *y = calloc(p.y_size, sizeof(double)), *dx = calloc(p.x_size, sizeof(double));
    double *argmax = calloc(p.y_size, sizeof(double));
    for (size_t i = 0; i < p.y_size; i++) {
        int64_t at = (int64_t)i, c = at % s->c, ox = at / s->c % s->out_w, oy = at / s->c / s->out_w % s->out_h;
        int64_t n = at / s->c / s->out_w / s->out_h;
        result r = pool_one(&p, n, oy, ox, c);
        y[i] = r.value;
        argmax[i] = (double)r.cell;
        send_back(&p, at, n, oy, ox, c, r, dx);
    }
    outcome_doubles(o, y, p.y_size);
    outcome_doubles(o, dx, p.x_size);
    if (!average) {
        outcome_doubles(o, y, p.y_size);
        outcome_doubles(o, argmax, p.y_size);
    }
    free(y);
    free(dx);
    free(argmax);
    pooling_free(&p);
}

static void max_run(cnn_context *context, uint32_t variant, outcome *o) { run(context, variant, false, o); }
static void max_expect(uint32_t variant, outcome *o) { expect(variant, false, o); }
static void average_run(cnn_context *context, uint32_t variant, outcome *o) { run(context, variant, true, o); }
static void average_expect(uint32_t variant, outcome *o) { expect(variant, true, o); }

const operation pool_operations[] = {
    {"max pool", max_run, max_expect, 96, 2e-7, 2e-7},
    {"average pool", average_run, average_expect, 96, 5e-7, 5e-7},
    {.name = NULL},
};
