/* SPDX-License-Identifier: MIT */
/* Normalisation: statistics, both forward passes, both gradients; and local response normalisation. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "backend/entries.h"
#include "backend/operations.h"

typedef struct norm {
    cnn_norm_shape shape;
    float *x, *dy, *gamma, *beta, *mean, *variance;
    size_t rows, c, size;
} norm;

static norm norm_of(uint32_t variant)
{
    generator g = generator_of("norm", variant);
    norm v = {.shape = {.h = 1, .w = 1, .epsilon = 1e-3f}};
    v.shape.n = draw(&g, 1, 60);
    v.shape.c = draw(&g, 1, variant % 2 ? 9 : 80);
    if (variant % 8 == 4) { /* several parts; one variant with several blocks in each */
        v.shape.n = variant == 4 ? 9001 : 1001;
        v.shape.c = 130;
    }
    if (variant % 8 == 5) { /* more columns than a tile of factors */
        v.shape.n = 40;
        v.shape.c = 517;
    }
    v.shape.epilogue.activation = variant % 6 == 3   ? CNN_RELU6
                                  : variant % 3 == 0 ? CNN_RELU
                                  : variant % 7 == 1 ? CNN_SILU
                                                     : CNN_LINEAR;
    v.rows = (size_t)v.shape.n;
    v.c = (size_t)v.shape.c;
    v.size = v.rows * v.c;
    v.x = array_new(&g, v.size);
    v.dy = array_new(&g, v.size);
    v.gamma = array_new(&g, v.c);
    v.beta = array_new(&g, v.c);
    v.mean = array_new(&g, v.c);
    v.variance = array_new(&g, v.c);
    for (size_t i = 0; i < v.size; i++) {
        v.x[i] = v.x[i] + (float)(i % v.c % 7) * 20; /* means far from 0: sums must not cancel */
    }
    for (size_t j = 0; j < v.c; j++) {
        v.variance[j] = v.variance[j] * v.variance[j];
        v.gamma[j] *= v.shape.epilogue.activation == CNN_RELU6 ? 4 : 1; /* beyond 6 */
    }
    return v;
}

static void norm_free(norm *v)
{
    array_free(v->x);
    array_free(v->dy);
    array_free(v->gamma);
    array_free(v->beta);
    array_free(v->mean);
    array_free(v->variance);
}

static void begin(cnn_backend_call *call, cnn_context *context, const norm *v)
{
    call_begin(call, context,
               norm_workspace(&context->backend, &v->shape, cnn_context_threads(context)));
}

static void forward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    norm v = norm_of(variant);
    cnn_backend_call call;
    bool in_place = variant % 4 == 1;
    float *y = in_place ? v.x : array_new(NULL, v.size), *inv_std = array_new(NULL, v.c);
    begin(&call, context, &v);
    ck_assert_int_eq(
        run_norm_forward(&call, &v.shape, v.x, v.gamma, v.beta, y, NULL, v.mean, v.variance, inv_std), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.size);
    outcome_floats(o, v.mean, v.c);
    outcome_floats(o, v.variance, v.c);
    outcome_floats(o, inv_std, v.c);
    array_free(inv_std);
    array_free(in_place ? NULL : y);
    norm_free(&v);
}

static void inference_run(cnn_context *context, uint32_t variant, outcome *o)
{
    norm v = norm_of(variant);
    cnn_backend_call call;
    float *y = array_new(NULL, v.size);
    call_begin(&call, context, 0);
    ck_assert_int_eq(
        run_norm_inference(&call, &v.shape, v.x, v.gamma, v.beta, v.mean, v.variance, y), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.size);
    array_free(y);
    norm_free(&v);
}

/* Mean and deviation from which both sides begin: those of the data, or with `fixed` any. */
static void statistics(norm *v, bool fixed, float *inv_std)
{
    for (size_t j = 0; j < v->c; j++) {
        double sum = 0, square = 0;
        for (size_t r = 0; r < v->rows; r++) {
            sum += v->x[r * v->c + j];
        }
        for (size_t r = 0; r < v->rows; r++) {
            double delta = v->x[r * v->c + j] - sum / (double)v->rows;
            square += delta * delta;
        }
        if (!fixed) {
            v->mean[j] = (float)(sum / (double)v->rows);
            v->variance[j] = (float)(square / (double)v->rows);
        }
        inv_std[j] = (float)(1 / sqrt(v->variance[j] + (double)v->shape.epsilon));
    }
}

static void backward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    norm v = norm_of(variant);
    cnn_backend_call call;
    bool fixed = variant % 5 == 2, in_place = variant % 4 == 1;
    float *dx = in_place ? v.dy : array_new(NULL, v.size), *inv_std = array_new(NULL, v.c);
    float *d_gamma = array_new(NULL, v.c), *d_beta = array_new(NULL, v.c);
    statistics(&v, fixed, inv_std);
    v.shape.epilogue.activation = CNN_LINEAR;
    v.shape.fixed = fixed;
    begin(&call, context, &v);
    ck_assert_int_eq(run_norm_backward(&call, &v.shape, v.x, NULL, v.dy, NULL, v.gamma, v.beta, v.mean, inv_std, NULL,
                                                    d_gamma, d_beta),
                     CNN_OK);
    ck_assert_int_eq(run_norm_backward(&call, &v.shape, v.x, NULL, v.dy, NULL, v.gamma, v.beta, v.mean, inv_std, dx,
                                                    d_gamma, d_beta),
                     CNN_OK);
    call_end(&call);
    outcome_floats(o, dx, v.size);
    outcome_floats(o, d_gamma, v.c);
    outcome_floats(o, d_beta, v.c);
    array_free(in_place ? NULL : dx);
    array_free(inv_std);
    array_free(d_gamma);
    array_free(d_beta);
    norm_free(&v);
}

/* The forward pass of the same context, then its gradients behind the activation. Pixels are multiples of 1/64. */
static norm activated_of(uint32_t variant)
{
    norm v = norm_of(variant);
    v.shape.epilogue.activation = variant % 6 == 5 ? CNN_LINEAR : variant % 6 == 3 ? CNN_RELU6 : CNN_RELU;
    for (size_t i = 0; i < v.size; i++) {
        v.x[i] = rintf(v.x[i] * 64) / 64;
    }
    return v;
}

static void activation_backward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    norm v = activated_of(variant);
    cnn_backend_call call;
    bool fixed = variant % 5 == 2, in_place = variant % 4 == 1;
    float *y = array_new(NULL, v.size), *dy = array_new(NULL, v.size), *inv_std = array_new(NULL, v.c);
    float *dx = in_place ? dy : array_new(NULL, v.size);
    float *d_gamma = array_new(NULL, v.c), *d_beta = array_new(NULL, v.c);
    statistics(&v, fixed, inv_std);
    v.shape.fixed = fixed;
    begin(&call, context, &v);
    if (fixed) {
        ck_assert_int_eq(
            run_norm_inference(&call, &v.shape, v.x, v.gamma, v.beta, v.mean, v.variance, y), CNN_OK);
    } else {
        ck_assert_int_eq(run_norm_forward(&call, &v.shape, v.x, v.gamma, v.beta, y, NULL, v.mean, v.variance,
                                                       inv_std),
                         CNN_OK);
    }
    for (int wants_dx = 0; wants_dx < 2; wants_dx++) {
        memcpy(dy, v.dy, v.size * sizeof(float)); /* a call may overwrite it */
        ck_assert_int_eq(run_norm_backward(&call, &v.shape, v.x, y, dy, NULL, v.gamma, v.beta,
                                                                   v.mean, inv_std, wants_dx ? dx : NULL, d_gamma,
                                                                   d_beta),
                         CNN_OK);
        outcome_floats(o, d_gamma, v.c);
        outcome_floats(o, d_beta, v.c);
    }
    call_end(&call);
    outcome_floats(o, dx, v.size);
    array_free(in_place ? NULL : dx);
    array_free(y);
    array_free(dy);
    array_free(inv_std);
    array_free(d_gamma);
    array_free(d_beta);
    norm_free(&v);
}

static void expect_affine(const norm *v, size_t j, double mean, double variance, double *y)
{
    double inv_std = 1 / sqrt(variance + (double)v->shape.epsilon);
    for (size_t i = j; i < v->size; i += v->c) {
        double value = (v->x[i] - mean) * inv_std * v->gamma[j] + v->beta[j];
        y[i] = expect_activation(v->shape.epilogue.activation, 0, value);
    }
}

static void forward_expect(uint32_t variant, outcome *o)
{
    norm v = norm_of(variant);
    double *y = calloc(v.size, sizeof(double)), *stored = calloc(3 * v.c, sizeof(double));
    for (size_t j = 0; j < v.c; j++) {
        double sum = 0, square = 0;
        for (size_t i = j; i < v.size; i += v.c) {
            sum += v.x[i];
        }
        double mean = sum / (double)v.rows;
        for (size_t i = j; i < v.size; i += v.c) {
            square += (v.x[i] - mean) * (v.x[i] - mean);
        }
        stored[j] = mean;
        stored[v.c + j] = square / (double)v.rows;
        stored[2 * v.c + j] = 1 / sqrt(stored[v.c + j] + (double)v.shape.epsilon);
        expect_affine(&v, j, mean, stored[v.c + j], y);
    }
    outcome_doubles(o, y, v.size);
    for (size_t i = 0; i < 3; i++) {
        outcome_doubles(o, stored + i * v.c, v.c);
    }
    free(y);
    free(stored);
    norm_free(&v);
}

static void inference_expect(uint32_t variant, outcome *o)
{
    norm v = norm_of(variant);
    double *y = calloc(v.size, sizeof(double));
    for (size_t j = 0; j < v.c; j++) {
        expect_affine(&v, j, v.mean[j], v.variance[j], y);
    }
    outcome_doubles(o, y, v.size);
    free(y);
    norm_free(&v);
}

/* Gradients from v->dy, added to zeros. */
static void expect_gradients(norm *v, bool fixed, double *dx, double *d_gamma, double *d_beta)
{
    float *inv_std = calloc(v->c, sizeof(float));
    statistics(v, fixed, inv_std);
    for (size_t j = 0; j < v->c; j++) {
        for (size_t i = j; i < v->size; i += v->c) {
            d_beta[j] += v->dy[i];
            d_gamma[j] += v->dy[i] * ((double)v->x[i] - v->mean[j]) * inv_std[j];
        }
        for (size_t i = j; i < v->size; i += v->c) {
            double normal = ((double)v->x[i] - v->mean[j]) * inv_std[j];
            double shift = fixed ? 0 : (d_beta[j] + normal * d_gamma[j]) / (double)v->rows;
            dx[i] = v->gamma[j] * (double)inv_std[j] * (v->dy[i] - shift);
        }
    }
    free(inv_std);
}

static void backward_expect(uint32_t variant, outcome *o)
{
    norm v = norm_of(variant);
    double *dx = calloc(v.size, sizeof(double)), *d_gamma = calloc(v.c, sizeof(double));
    double *d_beta = calloc(v.c, sizeof(double));
    expect_gradients(&v, variant % 5 == 2, dx, d_gamma, d_beta);
    outcome_doubles(o, dx, v.size);
    outcome_doubles(o, d_gamma, v.c);
    outcome_doubles(o, d_beta, v.c);
    free(dx);
    free(d_gamma);
    free(d_beta);
    norm_free(&v);
}

static void activation_backward_expect(uint32_t variant, outcome *o)
{
    norm v = activated_of(variant);
    bool fixed = variant % 5 == 2;
    double *dx = calloc(v.size, sizeof(double)), *d_gamma = calloc(v.c, sizeof(double));
    double *d_beta = calloc(v.c, sizeof(double));
    float *inv_std = calloc(v.c, sizeof(float));
    statistics(&v, fixed, inv_std);
    for (size_t i = 0; i < v.size && v.shape.epilogue.activation != CNN_LINEAR; i++) {
        const size_t j = i % v.c;
        const double value = ((double)v.x[i] - v.mean[j]) * inv_std[j] * v.gamma[j] + v.beta[j];
        v.dy[i] = value <= 0 || (value >= 6 && v.shape.epilogue.activation == CNN_RELU6) ? 0 : v.dy[i];
    }
    expect_gradients(&v, fixed, dx, d_gamma, d_beta);
    for (int i = 0; i < 2; i++) {
        outcome_doubles(o, d_gamma, v.c);
        outcome_doubles(o, d_beta, v.c);
    }
    outcome_doubles(o, dx, v.size);
    free(dx);
    free(d_gamma);
    free(d_beta);
    free(inv_std);
    norm_free(&v);
}

typedef struct lrn {
    cnn_lrn_shape shape;
    float *x, *dy;
    size_t size;
} lrn;

static lrn lrn_of(uint32_t variant)
{
    static const float powers[] = {0.75f, 0.5f, 1, 0.3f};
    generator g = generator_of("lrn", variant);
    lrn v = {.shape = {.beta = powers[variant % 4]}};
    v.shape.rows = variant % 16 == 4 ? 3001 : draw(&g, 1, 9);
    v.shape.c = variant % 8 == 5 ? 300 : draw(&g, 1, 40);
    v.shape.before = draw(&g, 0, variant % 3 == 0 ? 60 : 4); /* also wider than a row */
    v.shape.after = draw(&g, 0, variant % 3 == 0 ? 60 : 4);
    v.shape.alpha = variant % 5 == 0 ? 1e-4f : 0.7f;
    v.shape.bias = variant % 2 == 0 ? 1 : 0.1f;
    v.size = (size_t)(v.shape.rows * v.shape.c);
    v.x = array_new(&g, v.size);
    v.dy = array_new(&g, v.size);
    for (size_t i = 0; i < v.size; i++) {
        v.x[i] *= 4;
    }
    return v;
}

static void lrn_run(cnn_context *context, uint32_t variant, outcome *o)
{
    lrn v = lrn_of(variant);
    cnn_backend_call call;
    float *y = array_new(NULL, v.size), *dx = array_new(NULL, v.size);
    call_begin(&call, context,
               lrn_workspace(&context->backend, &v.shape, cnn_context_threads(context)));
    ck_assert_int_eq(run_lrn_forward(&call, &v.shape, v.x, y), CNN_OK);
    ck_assert_int_eq(run_lrn_backward(&call, &v.shape, v.x, v.dy, dx), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.size);
    outcome_floats(o, dx, v.size);
    array_free(y);
    array_free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* Every pair of channels, from the definition of the derivative. */
static void lrn_expect(uint32_t variant, outcome *o)
{
    lrn v = lrn_of(variant);
    const cnn_lrn_shape *s = &v.shape;
    double *y = calloc(v.size, sizeof(double)), *dx = calloc(v.size, sizeof(double));
    for (int64_t at = 0; at < s->rows * s->c; at += s->c) {
        for (int64_t j = 0; j < s->c; j++) {
            double sum = 0;
            for (int64_t i = 0; i < s->c; i++) {
                sum += i >= j - s->before && i <= j + s->after ? (double)v.x[at + i] * v.x[at + i] : 0;
            }
            double scale = s->bias + s->alpha * sum, factor = pow(scale, -s->beta);
            y[at + j] = v.x[at + j] * factor;
            for (int64_t i = 0; i < s->c; i++) {
                double inner = i >= j - s->before && i <= j + s->after ? 2.0 * s->alpha * v.x[at + i] : 0;
                double derivative = (i == j ? factor : 0) - v.x[at + j] * s->beta * factor / scale * inner;
                dx[at + i] += v.dy[at + j] * derivative;
            }
        }
    }
    outcome_doubles(o, y, v.size);
    outcome_doubles(o, dx, v.size);
    free(y);
    free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* The forward pass of the reference subtracts a mean that was rounded to float: 120 * 2^-24 of a deviation. */
const operation norm_operations[] = {
    {"norm forward", forward_run, forward_expect, 32, 2e-5, 2e-6},
    {"norm inference", inference_run, inference_expect, 32, 2e-6, 2e-6},
    {"norm backward", backward_run, backward_expect, 32, 1e-5, 2e-6},
    {"norm activation backward", activation_backward_run, activation_backward_expect, 32, 1e-5, 2e-6},
    {"lrn", lrn_run, lrn_expect, 48, 2e-6, 2e-6},
    {.name = NULL},
};
