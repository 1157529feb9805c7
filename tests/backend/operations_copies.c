/* SPDX-License-Identifier: MIT */
/* Elementwise operations with broadcasting, sums, concatenation, fills, folded normalisations and moving statistics. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

/* --- a op b --- */

typedef struct combination {
    cnn_elementwise_args args;
    float *a, *b;
    size_t n, partners;
} combination;

static combination combination_of(uint32_t variant)
{
    generator g = generator_of("elementwise", variant);
    combination v = {.args = {.struct_size = sizeof(cnn_elementwise_args)}};
    cnn_elementwise_args *args = &v.args;
    args->kind = (int32_t)(variant % 3);
    args->broadcast = (int32_t)(variant / 3 % 3);
    args->outer = draw(&g, 1, 4);
    args->inner = draw(&g, 1, variant % 5 == 4 ? 900 : 9);
    args->c = draw(&g, 1, variant % 4 == 3 ? 90 : 20);
    args->epilogue.activation = draw_activation(&g, variant, false);
    args->epilogue.alpha = 0.2f;
    v.n = (size_t)(args->outer * args->inner * args->c);
    v.partners = args->broadcast == CNN_BROADCAST_NONE     ? v.n
                 : args->broadcast == CNN_BROADCAST_SAMPLE ? (size_t)(args->outer * args->c)
                                                           : (size_t)args->c;
    v.a = array_new(&g, v.n);
    v.b = array_new(&g, v.partners);
    for (size_t i = 0; i < v.n && args->epilogue.activation == CNN_RELU6; i++) {
        v.a[i] *= 8; /* beyond 6 */
    }
    return v;
}

static void elementwise_run(cnn_context *context, uint32_t variant, outcome *o)
{
    combination v = combination_of(variant);
    const bool in_place = variant % 2 == 1;
    float *y = in_place ? v.a : array_new(NULL, v.n);
    cnn_backend_call call;
    v.args.a = v.a;
    v.args.b = v.b;
    v.args.y = y;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &v.args), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.n);
    array_free(in_place ? NULL : y);
    array_free(v.a);
    array_free(v.b);
}

static void elementwise_expect(uint32_t variant, outcome *o)
{
    combination v = combination_of(variant);
    const size_t inner = (size_t)v.args.inner, c = (size_t)v.args.c;
    double *y = calloc(v.n, sizeof(double));
    for (size_t i = 0; i < v.n; i++) {
        const size_t partner = v.args.broadcast == CNN_BROADCAST_NONE     ? i
                               : v.args.broadcast == CNN_BROADCAST_SAMPLE ? i / c / inner * c + i % c
                                                                          : i % c;
        const double a = v.a[i], b = v.b[partner];
        const double value = v.args.kind == CNN_ELEMENTWISE_ADD        ? a + b
                             : v.args.kind == CNN_ELEMENTWISE_SUBTRACT ? a - b
                                                                       : a * b;
        y[i] = expect_activation(v.args.epilogue.activation, v.args.epilogue.alpha, value);
    }
    outcome_doubles(o, y, v.n);
    free(y);
    array_free(v.a);
    array_free(v.b);
}

/* --- sums over the inner dimension, copies and fills --- */

static void sums_run(cnn_context *context, uint32_t variant, outcome *o)
{
    generator g = generator_of("sums", variant);
    cnn_reduce_args sum = {.struct_size = sizeof(sum), .kind = CNN_REDUCE_SUM_INNER, .outer = draw(&g, 1, 4)};
    sum.inner = draw(&g, 1, variant % 5 == 4 ? 900 : 9);
    sum.c = draw(&g, 1, variant % 4 == 3 ? 600 : 20);
    const size_t n = (size_t)(sum.outer * sum.inner * sum.c), sums = (size_t)(sum.outer * sum.c);
    float *x = array_new(&g, n), *y = array_new(NULL, sums), *copy = array_new(NULL, n), *filled = array_new(NULL, n);
    sum.x = x;
    sum.y = y;
    const cnn_elementwise_args copied = {.struct_size = sizeof(copied), .kind = CNN_ELEMENTWISE_COPY, .outer = 1,
                                         .inner = 1, .c = (int64_t)n, .a = x, .y = copy};
    const cnn_fill_args fill = {.struct_size = sizeof(fill), .n = n, .value = draw_float(&g), .y = filled};
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_REDUCE, CNN_PASS_FORWARD, &sum), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &copied), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_FILL, CNN_PASS_FORWARD, &fill), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, sums);
    outcome_floats(o, copy, n);
    outcome_floats(o, filled, n);
    array_free(x);
    array_free(y);
    array_free(copy);
    array_free(filled);
}

static void sums_expect(uint32_t variant, outcome *o)
{
    generator g = generator_of("sums", variant);
    const size_t outer = draw(&g, 1, 4), inner = draw(&g, 1, variant % 5 == 4 ? 900 : 9);
    const size_t c = draw(&g, 1, variant % 4 == 3 ? 600 : 20), n = outer * inner * c;
    float *x = array_new(&g, n);
    const double value = draw_float(&g);
    double *y = calloc(outer * c, sizeof(double)), *filled = calloc(n, sizeof(double));
    double *copy = calloc(n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        y[i / c / inner * c + i % c] += x[i];
        copy[i] = x[i];
        filled[i] = value;
    }
    outcome_doubles(o, y, outer * c);
    outcome_doubles(o, copy, n);
    outcome_doubles(o, filled, n);
    free(y);
    free(copy);
    free(filled);
    array_free(x);
}

/* --- concatenation: parts to the whole, another whole to parts, one of which is not wanted --- */

enum { MOST_PARTS = 5 };

typedef struct joined {
    int64_t rows, widths[MOST_PARTS];
    uint32_t count, unwanted;
    float *parts[MOST_PARTS], *whole;
    size_t width;
} joined;

static joined joined_of(uint32_t variant)
{
    generator g = generator_of("concat", variant);
    joined v = {.rows = draw(&g, 1, variant % 4 == 3 ? 3000 : 9), .count = draw(&g, 1, MOST_PARTS)};
    for (uint32_t i = 0; i < v.count; i++) {
        v.widths[i] = draw(&g, 1, 40);
        v.width += (size_t)v.widths[i];
        v.parts[i] = array_new(&g, (size_t)(v.rows * v.widths[i]));
    }
    v.whole = array_new(&g, (size_t)v.rows * v.width);
    v.unwanted = draw(&g, 0, v.count); /* `count`: none */
    return v;
}

static void joined_free(joined *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        array_free(v->parts[i]);
    }
    array_free(v->whole);
}

static void concat_run(cnn_context *context, uint32_t variant, outcome *o)
{
    joined v = joined_of(variant);
    float *whole = array_new(NULL, (size_t)v.rows * v.width), *parts[MOST_PARTS];
    cnn_concat_args args = {.struct_size = sizeof(args), .rows = v.rows, .count = v.count, .widths = v.widths,
                            .parts = v.parts, .whole = whole};
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONCAT, CNN_PASS_FORWARD, &args), CNN_OK);
    for (uint32_t i = 0; i < v.count; i++) {
        parts[i] = i == v.unwanted ? NULL : array_new(NULL, (size_t)(v.rows * v.widths[i]));
    }
    args.parts = parts;
    args.whole = v.whole;
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONCAT, CNN_PASS_BACKWARD, &args), CNN_OK);
    call_end(&call);
    outcome_floats(o, whole, (size_t)v.rows * v.width);
    for (uint32_t i = 0; i < v.count; i++) {
        if (parts[i] != NULL) {
            outcome_floats(o, parts[i], (size_t)(v.rows * v.widths[i]));
            array_free(parts[i]);
        }
    }
    array_free(whole);
    joined_free(&v);
}

static void concat_expect(uint32_t variant, outcome *o)
{
    joined v = joined_of(variant);
    const size_t rows = (size_t)v.rows;
    double *whole = calloc(rows * v.width, sizeof(double)), *split = calloc(rows * v.width, sizeof(double));
    size_t ends[MOST_PARTS], end = 0;
    for (size_t i = 0, first = 0; i < v.count; i++) {
        const size_t width = (size_t)v.widths[i];
        for (size_t k = 0; k < rows * width; k++) {
            const size_t at = k / width * v.width + first + k % width;
            whole[at] = v.parts[i][k];
            split[end + k] = v.whole[at];
        }
        first += width;
        end = ends[i] = end + rows * width;
    }
    outcome_doubles(o, whole, rows * v.width);
    for (size_t i = 0, begin = 0; i < v.count; begin = ends[i++]) {
        if (i != v.unwanted) {
            outcome_doubles(o, split + begin, ends[i] - begin);
        }
    }
    free(whole);
    free(split);
    joined_free(&v);
}

/* --- a normalisation folded into weights --- */

typedef struct folding {
    size_t rows, c;
    float *weights, *bias, *gamma, *beta, *mean, *variance;
} folding;

static folding folding_of(uint32_t variant)
{
    generator g = generator_of("fold", variant);
    folding v = {draw(&g, 1, variant % 4 == 1 ? 700 : 30), draw(&g, 1, variant % 3 == 2 ? 600 : 40),
                 NULL, NULL, NULL, NULL, NULL, NULL};
    v.weights = array_new(&g, v.rows * v.c);
    v.bias = draw(&g, 0, 1) ? array_new(&g, v.c) : NULL;
    v.gamma = array_new(&g, v.c);
    v.beta = array_new(&g, v.c);
    v.mean = array_new(&g, v.c);
    v.variance = array_new(&g, v.c);
    for (size_t j = 0; j < v.c; j++) {
        v.variance[j] *= v.variance[j];
    }
    return v;
}

static void folding_free(folding *v)
{
    array_free(v->weights);
    array_free(v->bias);
    array_free(v->gamma);
    array_free(v->beta);
    array_free(v->mean);
    array_free(v->variance);
}

static void fold_run(cnn_context *context, uint32_t variant, outcome *o)
{
    folding v = folding_of(variant);
    float *weights = array_new(NULL, v.rows * v.c), *bias = array_new(NULL, v.c);
    const cnn_fold_args args = {.struct_size = sizeof(args), .rows = (int64_t)v.rows, .c = (int64_t)v.c,
                                .epsilon = 1e-3f, .weights = v.weights, .bias = v.bias, .gamma = v.gamma,
                                .beta = v.beta, .mean = v.mean, .variance = v.variance, .folded_weights = weights,
                                .folded_bias = bias};
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_FOLD, CNN_PASS_FORWARD, &args), CNN_OK);
    call_end(&call);
    outcome_floats(o, weights, v.rows * v.c);
    outcome_floats(o, bias, v.c);
    array_free(weights);
    array_free(bias);
    folding_free(&v);
}

static void fold_expect(uint32_t variant, outcome *o)
{
    folding v = folding_of(variant);
    double *weights = calloc(v.rows * v.c, sizeof(double)), *bias = calloc(v.c, sizeof(double));
    for (size_t i = 0; i < v.rows * v.c; i++) {
        const size_t j = i % v.c;
        const double factor = v.gamma[j] / sqrt(v.variance[j] + (double)1e-3f);
        weights[i] = v.weights[i] * factor;
        bias[j] = ((v.bias != NULL ? v.bias[j] : 0) - v.mean[j]) * factor + v.beta[j];
    }
    outcome_doubles(o, weights, v.rows * v.c);
    outcome_doubles(o, bias, v.c);
    free(weights);
    free(bias);
    folding_free(&v);
}

/* --- moving statistics, with and without pooling --- */

typedef struct moving {
    cnn_norm_args args;
    float *x, *one, *zero, *mean, *variance;
    size_t rows, c;
} moving;

static moving moving_of(uint32_t variant)
{
    generator g = generator_of("moving", variant);
    moving v = {.args = {.struct_size = sizeof(cnn_norm_args), .keep = 0.9f, .correction = variant % 2 ? 1.25f : 1}};
    cnn_norm_shape *s = &v.args.shape;
    *s = (cnn_norm_shape){.n = draw(&g, 1, 4), .h = draw(&g, 2, 7), .w = draw(&g, 2, 7), .c = draw(&g, 1, 40)};
    s->epsilon = 1e-3f;
    v.rows = (size_t)(s->n * s->h * s->w);
    v.c = (size_t)s->c;
    v.x = array_new(&g, v.rows * v.c);
    v.mean = array_new(&g, v.c);
    v.variance = array_new(&g, v.c);
    v.one = array_new(&g, v.c);
    v.zero = array_new(&g, v.c);
    return v;
}

static void moving_free(moving *v)
{
    array_free(v->x);
    array_free(v->mean);
    array_free(v->variance);
    array_free(v->one);
    array_free(v->zero);
}

static void moving_run(cnn_context *context, uint32_t variant, outcome *o)
{
    moving v = moving_of(variant);
    const bool pools = variant % 3 == 0 && norm_pools(&context->backend, &v.args.shape);
    float *y = array_new(NULL, v.rows * v.c), *stored = array_new(NULL, 3 * v.c + 48);
    uint8_t *argmax = bytes_new(v.rows * v.c);
    v.args.shape.epilogue.pool = pools ? 2 : 0;
    v.args.x = v.x;
    v.args.gamma = v.one;
    v.args.beta = v.zero;
    v.args.y = y;
    v.args.argmax = argmax;
    v.args.mean = stored;
    v.args.variance = stored + (v.c + 15) / 16 * 16;
    v.args.inv_std = stored + (v.c + 15) / 16 * 32;
    v.args.moving_mean = v.mean;
    v.args.moving_variance = v.variance;
    cnn_backend_call call;
    call_begin(&call, context,
               norm_workspace(&context->backend, &v.args.shape, cnn_context_threads(context)));
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_NORM, CNN_PASS_FORWARD, &v.args), CNN_OK);
    call_end(&call);
    outcome_floats(o, v.mean, v.c);
    outcome_floats(o, v.variance, v.c);
    array_free(y);
    array_free(stored);
    array_free(argmax);
    moving_free(&v);
}

static void moving_expect(uint32_t variant, outcome *o)
{
    moving v = moving_of(variant);
    double *mean = calloc(v.c, sizeof(double)), *variance = calloc(v.c, sizeof(double));
    for (size_t j = 0; j < v.c; j++) {
        double sum = 0, square = 0;
        for (size_t r = 0; r < v.rows; r++) {
            sum += v.x[r * v.c + j];
        }
        for (size_t r = 0; r < v.rows; r++) {
            square += pow(v.x[r * v.c + j] - sum / (double)v.rows, 2);
        }
        mean[j] = 0.9 * v.mean[j] + 0.1 * sum / (double)v.rows;
        variance[j] = 0.9 * v.variance[j] + 0.1 * square / (double)v.rows * (double)v.args.correction;
    }
    outcome_doubles(o, mean, v.c);
    outcome_doubles(o, variance, v.c);
    free(mean);
    free(variance);
    moving_free(&v);
}

const operation copy_operations[] = {
    {"elementwise", elementwise_run, elementwise_expect, 90, 2e-7, 3e-7},
    {"sums, copies, fills", sums_run, sums_expect, 40, 1e-6, 1e-6},
    {"concat", concat_run, concat_expect, 30, 0, 0},
    {"fold", fold_run, fold_expect, 24, 2e-7, 2e-7},
    {"moving statistics", moving_run, moving_expect, 24, 2e-6, 2e-6},
    {.name = NULL},
};
