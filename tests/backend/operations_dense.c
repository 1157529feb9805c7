/* SPDX-License-Identifier: MIT */
/* The passes of a dense layer: few and many rows, narrow and wide. */
#include <check.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

typedef struct dense {
    cnn_dense_shape shape;
    float *x, *weights, *bias, *dy;
    size_t in, out, n;
} dense;

static dense dense_of(uint32_t variant)
{
    /* Those that are cut along the inputs, into many tiles, some rows at a time, or with an odd rest in all directions,
     * then small ones at random. */
    static const int64_t large[][3] = {{1, 3000, 70},  {2, 700, 300}, {3, 70001, 3},  {20, 40000, 5},
                                       {300, 40, 200}, {9, 300, 513}, {7, 300, 1500}, {220, 5000, 3},
                                       {101, 531, 75}, {23, 701, 47}, {4, 301, 1501}};
    const uint32_t larges = sizeof(large) / sizeof(large[0]);
    generator g = generator_of("dense", variant);
    dense d = {.shape = {0}};
    d.shape.n = draw(&g, 1, 20);
    d.shape.in = draw(&g, 1, 60);
    d.shape.out = draw(&g, 1, 90);
    if (variant < larges) {
        d.shape.n = large[variant][0];
        d.shape.in = large[variant][1];
        d.shape.out = large[variant][2];
    }
    d.shape.epilogue.activation = draw_activation(&g, variant, true);
    d.shape.epilogue.alpha = 0.1f;
    d.n = (size_t)d.shape.n;
    d.in = (size_t)d.shape.in;
    d.out = (size_t)d.shape.out;
    d.x = array_new(&g, d.n * d.in);
    d.weights = array_new(&g, d.in * d.out);
    d.dy = array_new(&g, d.n * d.out);
    d.bias = draw(&g, 0, 3) > 0 ? array_new(&g, d.out) : NULL;
    return d;
}

static void dense_free(dense *d)
{
    array_free(d->x);
    array_free(d->weights);
    array_free(d->dy);
    array_free(d->bias);
}

static void begin(cnn_backend_call *call, cnn_context *context, const dense *d, cnn_pass pass)
{
    call_begin(call, context, dense_workspace(&context->backend, &d->shape, pass, cnn_context_threads(context)));
}

static void forward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    dense d = dense_of(variant);
    cnn_backend_call call;
    float *y = array_new(NULL, d.n * d.out);
    begin(&call, context, &d, CNN_PASS_FORWARD);
    ck_assert_int_eq(run_dense_forward(&call, &d.shape, d.x, d.weights, d.bias, y), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, d.n * d.out);
    array_free(y);
    dense_free(&d);
}

static void backward_data_run(cnn_context *context, uint32_t variant, outcome *o)
{
    dense d = dense_of(variant);
    cnn_backend_call call;
    float *dx = array_new(NULL, d.n * d.in);
    begin(&call, context, &d, CNN_PASS_BACKWARD_DATA);
    ck_assert_int_eq(run_dense_backward_data(&call, &d.shape, d.dy, d.weights, dx), CNN_OK);
    call_end(&call);
    outcome_floats(o, dx, d.n * d.in);
    array_free(dx);
    dense_free(&d);
}

static void backward_filter_run(cnn_context *context, uint32_t variant, outcome *o)
{
    dense d = dense_of(variant);
    cnn_backend_call call;
    float *d_weights = array_new(NULL, d.in * d.out), *d_bias = d.bias != NULL ? array_new(NULL, d.out) : NULL;
    begin(&call, context, &d, CNN_PASS_BACKWARD_FILTER);
    ck_assert_int_eq(run_dense_backward_filter(&call, &d.shape, d.x, d.dy, d_weights, d_bias), CNN_OK);
    call_end(&call);
    outcome_floats(o, d_weights, d.in * d.out);
    if (d_bias != NULL) {
        outcome_floats(o, d_bias, d.out);
    }
    array_free(d_weights);
    array_free(d_bias);
    dense_free(&d);
}

static void forward_expect(uint32_t variant, outcome *o)
{
    dense d = dense_of(variant);
    double *y = calloc(d.n * d.out, sizeof(double));
    for (size_t i = 0; i < d.n; i++) {
        for (size_t k = 0; k < d.in; k++) {
            for (size_t j = 0; j < d.out; j++) {
                y[i * d.out + j] += (double)d.x[i * d.in + k] * d.weights[k * d.out + j];
            }
        }
        for (size_t j = 0; j < d.out; j++) {
            double sum = y[i * d.out + j] + (d.bias != NULL ? d.bias[j] : 0);
            y[i * d.out + j] = expect_activation(d.shape.epilogue.activation, d.shape.epilogue.alpha, sum);
        }
    }
    outcome_doubles(o, y, d.n * d.out);
    free(y);
    dense_free(&d);
}

static void backward_data_expect(uint32_t variant, outcome *o)
{
    dense d = dense_of(variant);
    double *dx = calloc(d.n * d.in, sizeof(double));
    for (size_t i = 0; i < d.n; i++) {
        for (size_t k = 0; k < d.in; k++) {
            for (size_t j = 0; j < d.out; j++) {
                dx[i * d.in + k] += (double)d.dy[i * d.out + j] * d.weights[k * d.out + j];
            }
        }
    }
    outcome_doubles(o, dx, d.n * d.in);
    free(dx);
    dense_free(&d);
}

static void backward_filter_expect(uint32_t variant, outcome *o)
{
    dense d = dense_of(variant);
    double *d_weights = calloc(d.in * d.out, sizeof(double)), *d_bias = calloc(d.out, sizeof(double));
    for (size_t i = 0; i < d.n; i++) {
        for (size_t k = 0; k < d.in; k++) {
            for (size_t j = 0; j < d.out; j++) {
                d_weights[k * d.out + j] += (double)d.x[i * d.in + k] * d.dy[i * d.out + j];
            }
        }
        for (size_t j = 0; j < d.out; j++) {
            d_bias[j] += d.dy[i * d.out + j];
        }
    }
    outcome_doubles(o, d_weights, d.in * d.out);
    if (d.bias != NULL) {
        outcome_doubles(o, d_bias, d.out);
    }
    free(d_weights);
    free(d_bias);
    dense_free(&d);
}

const operation dense_operations[] = {
    {"dense forward", forward_run, forward_expect, 44, 8e-6, 8e-6},
    {"dense backward data", backward_data_run, backward_data_expect, 44, 2e-6, 2e-6},
    {"dense backward filter", backward_filter_run, backward_filter_expect, 44, 2e-6, 2e-6},
    {.name = NULL},
};
