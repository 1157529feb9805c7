/* SPDX-License-Identifier: MIT */
/* Normalisation with the 2x2 maxima behind it; where a backend does not pool, by its entries one after the other. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

typedef struct pooled {
    cnn_norm_shape shape;
    bool fixed;
    float *x, *dy, *gamma, *beta, *mean, *variance, *inv_std;
    uint8_t *argmax; /* of backward */
    size_t c, rows, x_size, y_size;
} pooled;

static void draw_sizes(generator *g, uint32_t variant, cnn_norm_shape *s)
{
    s->n = draw(g, 1, 3);
    s->h = draw(g, 2, 9);
    s->w = draw(g, 2, variant % 4 == 2 ? 45 : 9); /* several runs of cells */
    s->c = draw(g, 1, variant % 2 ? 9 : 80);
    if (variant % 8 == 4) { /* several parts; one variant with several spans in each */
        s->n = variant == 4 ? 5 : 2;
        s->h = variant == 4 ? 131 : 31;
        s->w = 27;
        s->c = variant == 4 ? 150 : 66;
    }
    if (variant % 8 == 5) { /* a row of cells is more than a span */
        s->w = 21;
        s->c = 517;
    }
}

/* Pixels are multiples of 1/64 or 1/2, with ties, and factors are not small: what differs before rounding does so
 * behind it. */
static void draw_values(generator *g, uint32_t variant, pooled *v)
{
    for (size_t i = 0; i < v->x_size; i++) {
        const float value = variant % 4 == 1 ? rintf(v->x[i] * 3) / 2 : rintf(v->x[i] * 64) / 64;
        v->x[i] = value + (float)(i % v->c % 7) * 20;
    }
    for (size_t j = 0; j < v->c; j++) {
        v->gamma[j] += v->gamma[j] < 0 ? -0.25f : 0.25f;
        v->gamma[j] *= v->shape.epilogue.activation == CNN_RELU6 ? 8 : 1; /* beyond 6 */
        v->variance[j] = v->variance[j] * v->variance[j];
        v->mean[j] += (float)(j % 7) * 20;
        v->inv_std[j] = 0;
    }
    for (size_t i = 0; i < v->y_size; i++) {
        v->argmax[i] = (uint8_t)draw(g, 0, v->shape.epilogue.activation != CNN_LINEAR ? 4 : 3);
    }
    if (variant % 7 == 6) { /* a maximum of the first cell, in its first or last place */
        const size_t j = draw(g, 0, (uint32_t)v->c - 1);
        v->argmax[j] = variant % 2 == 0 ? 0 : 3;
        v->x[variant % 2 == 0 ? j : ((size_t)v->shape.w + 1) * v->c + j] = NAN;
    }
}

static pooled pooled_of(uint32_t variant)
{
    generator g = generator_of("norm pool", variant);
    pooled v = {.shape = {.epsilon = 1e-3f}, .fixed = variant % 5 == 2};
    cnn_norm_shape *s = &v.shape;
    s->fixed = v.fixed;
    draw_sizes(&g, variant, s);
    s->epilogue.activation = variant % 3 == 0 ? CNN_LINEAR : variant % 4 == 1 ? CNN_RELU6 : CNN_RELU;
    v.c = (size_t)s->c;
    v.rows = (size_t)(s->n * s->h * s->w);
    v.x_size = v.rows * v.c;
    v.y_size = (size_t)(s->n * (s->h / 2) * (s->w / 2)) * v.c;
    v.x = array_new(&g, v.x_size);
    v.dy = array_new(&g, v.y_size);
    v.gamma = array_new(&g, v.c);
    v.beta = array_new(&g, v.c);
    v.mean = array_new(&g, v.c);
    v.variance = array_new(&g, v.c);
    v.inv_std = array_new(NULL, v.c);
    v.argmax = bytes_new(v.y_size);
    draw_values(&g, variant, &v);
    return v;
}

static void pooled_free(pooled *v)
{
    array_free(v->x);
    array_free(v->dy);
    array_free(v->gamma);
    array_free(v->beta);
    array_free(v->mean);
    array_free(v->variance);
    array_free(v->inv_std);
    array_free(v->argmax);
}

static cnn_norm_shape plain_shape(const pooled *v)
{
    cnn_norm_shape plain = v->shape;
    plain.epilogue.pool = 0;
    return plain;
}

static cnn_pool2d_shape pool_shape(const cnn_norm_shape *s)
{
    return (cnn_pool2d_shape){.n = s->n,
                              .in_h = s->h,
                              .in_w = s->w,
                              .c = s->c,
                              .out_h = s->h / 2,
                              .out_w = s->w / 2,
                              .kernel_h = 2,
                              .kernel_w = 2,
                              .stride_h = 2,
                              .stride_w = 2,
                              .argmax_bytes = 1};
}

/* Where in x the pixel `place` of value `at` of y lies. */
static size_t pixel_of(const pooled *v, size_t at, size_t place)
{
    const size_t width = (size_t)v->shape.w, cells = width / 2, rows = (size_t)v->shape.h / 2;
    const size_t c = at % v->c, x = at / v->c % cells * 2, y = at / v->c / cells % rows * 2;
    const size_t image = at / v->c / cells / rows;
    return ((image * (size_t)v->shape.h + y + place / 2) * width + x + place % 2) * v->c + c;
}

static void begin(cnn_backend_call *call, cnn_context *context, pooled *v)
{
    v->shape.epilogue.pool = norm_pools(&context->backend, &v->shape) ? 2 : 0;
    const cnn_norm_shape plain = plain_shape(v), *shape = v->shape.epilogue.pool != 0 ? &v->shape : &plain;
    call_begin(call, context, norm_workspace(&context->backend, shape, cnn_context_threads(context)));
}

static void forward_in_steps(cnn_backend_call *call, pooled *v, float *y, uint8_t *argmax)
{
    const cnn_norm_shape plain = plain_shape(v);
    const cnn_pool2d_shape pool = pool_shape(&v->shape);
    float *whole = array_new(NULL, v->x_size);
    if (v->fixed) {
        ck_assert_int_eq(
            run_norm_inference(call, &plain, v->x, v->gamma, v->beta, v->mean, v->variance, whole), CNN_OK);
        for (size_t j = 0; j < v->c; j++) {
            v->inv_std[j] = (float)(1 / sqrt(v->variance[j] + (double)v->shape.epsilon));
        }
    } else {
        ck_assert_int_eq(
            run_norm_forward(call, &plain, v->x, v->gamma, v->beta, whole, NULL, v->mean, v->variance, v->inv_std),
            CNN_OK);
    }
    ck_assert_int_eq(run_pool2d_forward(call, &pool, whole, y, argmax), CNN_OK);
    for (size_t i = 0; i < v->y_size && v->shape.epilogue.activation != CNN_LINEAR; i++) {
        argmax[i] = y[i] <= 0 || (y[i] >= 6 && v->shape.epilogue.activation == CNN_RELU6) ? 4 : argmax[i];
    }
    array_free(whole);
}

static void forward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    pooled v = pooled_of(variant);
    cnn_backend_call call;
    float *y = array_new(NULL, v.y_size);
    uint8_t *argmax = bytes_new(v.y_size);
    begin(&call, context, &v);
    if (v.shape.epilogue.pool != 0) {
        ck_assert_int_eq(run_norm_forward(&call, &v.shape, v.x, v.gamma, v.beta, y, argmax,
                                                            v.mean, v.variance, v.inv_std),
                         CNN_OK);
    } else {
        forward_in_steps(&call, &v, y, argmax);
    }
    call_end(&call);
    outcome_floats(o, y, v.y_size);
    outcome_bytes(o, argmax, v.y_size);
    outcome_floats(o, v.mean, v.c);
    outcome_floats(o, v.variance, v.c);
    outcome_floats(o, v.inv_std, v.c);
    array_free(y);
    array_free(argmax);
    pooled_free(&v);
}

/* Mean and deviation: those of the data, or with `fixed` any. */
static void statistics(pooled *v, double *mean, double *variance)
{
    for (size_t j = 0; j < v->c; j++) {
        double sum = 0, square = 0;
        for (size_t i = j; i < v->x_size; i += v->c) {
            sum += v->x[i];
        }
        for (size_t i = j; i < v->x_size; i += v->c) {
            square += (v->x[i] - sum / (double)v->rows) * (v->x[i] - sum / (double)v->rows);
        }
        mean[j] = v->fixed ? (double)v->mean[j] : sum / (double)v->rows;
        variance[j] = v->fixed ? (double)v->variance[j] : square / (double)v->rows;
        v->mean[j] = (float)mean[j];
        v->inv_std[j] = (float)(1 / sqrt(variance[j] + (double)v->shape.epsilon));
    }
}

static void forward_expect(uint32_t variant, outcome *o)
{
    pooled v = pooled_of(variant);
    double *y = calloc(v.y_size, sizeof(double)), *argmax = calloc(v.y_size, sizeof(double));
    double *stored = calloc(3 * v.c, sizeof(double));
    statistics(&v, stored, stored + v.c);
    for (size_t j = 0; j < v.c; j++) {
        stored[2 * v.c + j] = 1 / sqrt(stored[v.c + j] + (double)v.shape.epsilon);
    }
    for (size_t i = 0; i < v.y_size; i++) {
        const size_t j = i % v.c;
        y[i] = -INFINITY;
        for (size_t place = 0; place < 4; place++) {
            const double x = v.x[pixel_of(&v, i, place)];
            const double value = (x - stored[j]) * stored[2 * v.c + j] * v.gamma[j] + v.beta[j];
            if (value > y[i] || (isnan(value) && !isnan(y[i]))) {
                y[i] = value;
                argmax[i] = (double)place;
            }
        }
        const bool relu6 = v.shape.epilogue.activation == CNN_RELU6;
        if ((v.shape.epilogue.activation != CNN_LINEAR && y[i] <= 0) || (relu6 && y[i] >= 6)) {
            y[i] = y[i] <= 0 ? 0 : 6;
            argmax[i] = 4;
        }
    }
    outcome_doubles(o, y, v.y_size);
    outcome_doubles(o, argmax, v.y_size);
    for (size_t i = 0; i < 3; i++) {
        outcome_doubles(o, stored + i * v.c, v.c);
    }
    free(y);
    free(argmax);
    free(stored);
    pooled_free(&v);
}

static void backward_in_steps(cnn_backend_call *call, const pooled *v, float *dx, float *d_gamma, float *d_beta)
{
    cnn_norm_shape plain = plain_shape(v);
    plain.epilogue.activation = CNN_LINEAR; /* the places say where relu stops it */
    float *whole = array_new(NULL, v->x_size);
    memset(whole, 0, v->x_size * sizeof(float));
    for (size_t i = 0; i < v->y_size; i++) {
        if (v->argmax[i] < 4) {
            whole[pixel_of(v, i, v->argmax[i])] = v->dy[i];
        }
    }
    ck_assert_int_eq(run_norm_backward(call, &plain, v->x, NULL, whole, NULL, v->gamma, v->beta, v->mean, v->inv_std,
                                                  dx, d_gamma, d_beta),
                     CNN_OK);
    array_free(whole);
}

/* The places are any, not those of maxima. */
static void backward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    pooled v = pooled_of(variant);
    cnn_backend_call call;
    double *ignored = calloc(2 * v.c, sizeof(double));
    float *dx = array_new(NULL, v.x_size), *d_gamma = array_new(NULL, v.c), *d_beta = array_new(NULL, v.c);
    statistics(&v, ignored, ignored + v.c);
    begin(&call, context, &v);
    for (int wants_dx = 0; wants_dx < 2; wants_dx++) {
        float *to = wants_dx ? dx : NULL;
        if (v.shape.epilogue.pool != 0) {
            ck_assert_int_eq(run_norm_backward(&call, &v.shape, v.x, NULL, v.dy, v.argmax, v.gamma, v.beta,
                                                                 v.mean, v.inv_std, to, d_gamma, d_beta),
                             CNN_OK);
        } else {
            backward_in_steps(&call, &v, to, d_gamma, d_beta);
        }
        outcome_floats(o, d_gamma, v.c);
        outcome_floats(o, d_beta, v.c);
    }
    call_end(&call);
    outcome_floats(o, dx, v.x_size);
    array_free(dx);
    array_free(d_gamma);
    array_free(d_beta);
    free(ignored);
    pooled_free(&v);
}

static void backward_expect(uint32_t variant, outcome *o)
{
    pooled v = pooled_of(variant);
    double *dx = calloc(v.x_size, sizeof(double)), *dy = calloc(v.x_size, sizeof(double));
    double *d_gamma = calloc(2 * v.c, sizeof(double)), *d_beta = calloc(2 * v.c, sizeof(double));
    statistics(&v, d_gamma, d_gamma + v.c);
    memset(d_gamma, 0, 2 * v.c * sizeof(double));
    for (size_t i = 0; i < v.y_size; i++) {
        if (v.argmax[i] < 4) {
            dy[pixel_of(&v, i, v.argmax[i])] = v.dy[i];
        }
    }
    for (size_t i = 0; i < v.x_size; i++) {
        const size_t j = i % v.c;
        d_beta[j] += dy[i];
        d_gamma[j] += dy[i] * ((double)v.x[i] - v.mean[j]) * v.inv_std[j];
    }
    for (size_t i = 0; i < v.x_size; i++) {
        const size_t j = i % v.c;
        const double normal = ((double)v.x[i] - v.mean[j]) * v.inv_std[j];
        const double shift = v.fixed ? 0 : (d_beta[j] + normal * d_gamma[j]) / (double)v.rows;
        dx[i] = v.gamma[j] * (double)v.inv_std[j] * (dy[i] - shift);
    }
    for (int i = 0; i < 2; i++) {
        outcome_doubles(o, d_gamma, v.c);
        outcome_doubles(o, d_beta, v.c);
    }
    outcome_doubles(o, dx, v.x_size);
    free(dx);
    free(dy);
    free(d_gamma);
    free(d_beta);
    pooled_free(&v);
}

/* As those of normalisation. */
const operation norm_pool_operations[] = {
    {"norm pool forward", forward_run, forward_expect, 48, 2e-5, 2e-6},
    {"norm pool backward", backward_run, backward_expect, 48, 1e-5, 2e-6},
    {.name = NULL},
};
