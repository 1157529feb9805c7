/* SPDX-License-Identifier: MIT */
/* Penalties with their gradients, and constraints: what keeps parameters small. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/operations.h"
#include "core/context.h"

/* --- penalties and their gradients --- */

static void penalty_numbers(uint32_t variant, cnn_penalty_args *args, float **x, float **dx)
{
    generator g = generator_of("penalty", variant);
    args->struct_size = sizeof(*args);
    args->n = draw(&g, 1, variant % 3 == 1 ? 70000 : 300);
    args->l1 = variant % 4 == 1 ? 0 : 0.3f;
    args->l2 = variant % 4 == 2 ? 0 : 0.7f;
    args->scale = variant % 2 == 0 ? 1 : 0.25f;
    args->accumulate = (int32_t)(variant / 2 % 2);
    *x = array_new(&g, args->n);
    *dx = args->accumulate ? array_new(&g, args->n) : array_new(NULL, args->n);
    (*x)[draw(&g, 0, (uint32_t)args->n - 1)] = 0; /* whose sign is 0 */
    args->x = *x;
    args->dx = *dx;
}

static void penalty_run(cnn_context *context, uint32_t variant, outcome *o)
{
    cnn_penalty_args args = {0};
    float *x, *dx;
    double sum = 0;
    cnn_backend_call call;
    penalty_numbers(variant, &args, &x, &dx);
    args.result = &sum;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PENALTY, CNN_PASS_FORWARD, &args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PENALTY, CNN_PASS_BACKWARD, &args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PENALTY, CNN_PASS_INFERENCE, &args), CNN_ERROR_INVALID_ARGUMENT);
    call_end(&call);
    outcome_doubles(o, &sum, 1);
    outcome_floats(o, dx, args.n);
    array_free(x);
    array_free(dx);
}

static void penalty_expect(uint32_t variant, outcome *o)
{
    cnn_penalty_args args = {0};
    float *x, *dx;
    double sum = 0;
    penalty_numbers(variant, &args, &x, &dx);
    double *gradient = calloc(args.n, sizeof(double));
    for (size_t i = 0; i < args.n; i++) {
        const double sign = x[i] > 0 ? 1 : x[i] < 0 ? -1 : 0;
        sum += args.l1 * fabs((double)x[i]) + (double)args.l2 * x[i] * x[i];
        gradient[i] = (args.accumulate ? dx[i] : 0) + args.scale * (args.l1 * sign + 2.0 * args.l2 * x[i]);
    }
    outcome_doubles(o, &sum, 1);
    outcome_doubles(o, gradient, args.n);
    free(gradient);
    array_free(x);
    array_free(dx);
}

/* --- constraints, over every choice of axes --- */

static size_t constraint_of(uint32_t variant, cnn_constrain_args *args, float **w)
{
    static const uint32_t largest[] = {3, 90, 7, 130};
    generator g = generator_of("constraint", variant);
    size_t values = 1;
    *args = (cnn_constrain_args){.struct_size = sizeof(*args), .kind = (int32_t)draw(&g, 1, 4)};
    args->shape.rank = draw(&g, 1, 4);
    args->axes = draw(&g, 1, (1u << args->shape.rank) - 1);
    args->low = 0.5f;
    args->high = 1.25f;
    args->rate = variant % 2 == 0 ? 1 : 0.3f;
    for (uint32_t i = 0; i < args->shape.rank; i++) {
        args->shape.dims[i] = draw(&g, 1, largest[(i + variant) % 4]);
        values *= (size_t)args->shape.dims[i];
    }
    *w = array_new(&g, values);
    args->w = *w;
    return values;
}

static void constrain_run(cnn_context *context, uint32_t variant, outcome *o)
{
    cnn_constrain_args args;
    float *w;
    cnn_backend_call call;
    const size_t values = constraint_of(variant, &args, &w);
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONSTRAIN, CNN_PASS_FORWARD, &args), CNN_OK);
    args.axes = 1u << args.shape.rank;
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONSTRAIN, CNN_PASS_FORWARD, &args), CNN_ERROR_INVALID_ARGUMENT);
    call_end(&call);
    outcome_floats(o, w, values);
    array_free(w);
}

/* The number of a value's place along the axes that are not summed over. */
static size_t place_of(const cnn_constrain_args *args, size_t value)
{
    size_t place = 0, unit = 1;
    for (uint32_t i = args->shape.rank; i-- > 0;) {
        const size_t size = (size_t)args->shape.dims[i];
        if ((args->axes >> i & 1u) == 0) {
            place += value % size * unit;
            unit *= size;
        }
        value /= size;
    }
    return place;
}

static double constrained_norm(const cnn_constrain_args *args, double norm)
{
    double to = norm < args->low ? args->low : norm > args->high ? args->high : norm;
    return args->kind == CNN_CONSTRAINT_MAX_NORM    ? fmin(norm, args->high)
           : args->kind == CNN_CONSTRAINT_UNIT_NORM ? 1
                                                    : (double)args->rate * to + (1 - (double)args->rate) * norm;
}

static void constrain_expect(uint32_t variant, outcome *o)
{
    cnn_constrain_args args;
    float *w;
    const size_t values = constraint_of(variant, &args, &w);
    double *squares = calloc(values, sizeof(double)), *results = calloc(values, sizeof(double));
    for (size_t i = 0; i < values; i++) {
        squares[place_of(&args, i)] += (double)w[i] * w[i];
    }
    for (size_t i = 0; i < values; i++) {
        const double norm = sqrt(squares[place_of(&args, i)]);
        results[i] = args.kind == CNN_CONSTRAINT_NON_NEGATIVE ? fmax(w[i], 0)
                                                              : w[i] * constrained_norm(&args, norm) / (1e-7 + norm);
    }
    outcome_doubles(o, results, values);
    free(squares);
    free(results);
    array_free(w);
}

const operation rule_operations[] = {
    {"penalty", penalty_run, penalty_expect, 24, 2e-7, 2e-7},
    {"constrain", constrain_run, constrain_expect, 120, 3e-7, 0},
    {.name = NULL},
};
