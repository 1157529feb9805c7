/* SPDX-License-Identifier: MIT */
/* Images at another size, axes in another order, and rectifiers with slopes of their own. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

/* --- resampling --- */

typedef struct resampling {
    cnn_resample_args args;
    float *x, *dy;
    size_t x_size, y_size;
} resampling;

static resampling resampling_of(uint32_t variant)
{
    generator g = generator_of("resample", variant);
    resampling v = {.args = {.struct_size = sizeof(cnn_resample_args),
                             .n = draw(&g, 1, 3),
                             .in_h = draw(&g, 1, 9),
                             .in_w = draw(&g, 1, 9),
                             .c = draw(&g, 1, variant % 4 == 3 ? 70 : 9),
                             .out_h = draw(&g, 1, 25),
                             .out_w = draw(&g, 1, 25),
                             .mode = (int32_t)(variant % 2),
                             .align_corners = (int32_t)(variant / 2 % 2)}};
    const cnn_resample_args *a = &v.args;
    v.x_size = (size_t)(a->n * a->in_h * a->in_w * a->c);
    v.y_size = (size_t)(a->n * a->out_h * a->out_w * a->c);
    v.x = array_new(&g, v.x_size);
    v.dy = array_new(&g, v.y_size);
    return v;
}

static void resample_run(cnn_context *context, uint32_t variant, outcome *o)
{
    resampling v = resampling_of(variant);
    float *y = array_new(NULL, v.y_size), *dx = array_new(NULL, v.x_size);
    cnn_backend_call call;
    v.args.x = v.x;
    v.args.dy = v.dy;
    v.args.y = y;
    v.args.dx = dx;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_RESAMPLE, CNN_PASS_FORWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_RESAMPLE, CNN_PASS_BACKWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_RESAMPLE, CNN_PASS_INFERENCE, &v.args), CNN_ERROR_INVALID_ARGUMENT);
    call_end(&call);
    outcome_floats(o, y, v.y_size);
    outcome_floats(o, dx, v.x_size);
    array_free(y);
    array_free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* How much of input position `from` is in output position `at`: a hat of width one around the place of `at`. */
static double share(const cnn_resample_args *a, int64_t at, int64_t in, int64_t out, int64_t from)
{
    if (a->mode == CNN_RESAMPLE_NEAREST) {
        return floor((double)(at * in) / (double)out) == (double)from;
    }
    double place = ((double)at + 0.5) * (double)in / (double)out - 0.5;
    if (a->align_corners) {
        place = out == 1 ? 0 : (double)at * (double)(in - 1) / (double)(out - 1);
    }
    place = fmin(fmax(place, 0), (double)(in - 1));
    return fmax(0, 1 - fabs(place - (double)from));
}

static void resample_expect(uint32_t variant, outcome *o)
{
    resampling v = resampling_of(variant);
    const cnn_resample_args *a = &v.args;
    double *y = calloc(v.y_size, sizeof(double)), *dx = calloc(v.x_size, sizeof(double));
    for (int64_t i = 0; i < (int64_t)v.y_size; i++) {
        const int64_t c = i % a->c, ox = i / a->c % a->out_w, oy = i / a->c / a->out_w % a->out_h;
        const int64_t n = i / a->c / a->out_w / a->out_h;
        for (int64_t pixel = 0; pixel < a->in_h * a->in_w; pixel++) {
            const int64_t iy = pixel / a->in_w, ix = pixel % a->in_w;
            const int64_t at = ((n * a->in_h + iy) * a->in_w + ix) * a->c + c;
            const double part = share(a, oy, a->in_h, a->out_h, iy) * share(a, ox, a->in_w, a->out_w, ix);
            y[i] += part * v.x[at];
            dx[at] += part * v.dy[i];
        }
    }
    outcome_doubles(o, y, v.y_size);
    outcome_doubles(o, dx, v.x_size);
    free(y);
    free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* --- axes in another order --- */

typedef struct permutation {
    cnn_permute_args args;
    float *x, *dy;
    size_t n;
} permutation;

static permutation permutation_of(uint32_t variant)
{
    generator g = generator_of("permute", variant);
    permutation v = {.args = {.struct_size = sizeof(cnn_permute_args), .rank = draw(&g, 1, 5)}, .n = 1};
    for (uint32_t i = 0; i < v.args.rank; i++) {
        v.args.dims[i] = draw(&g, 1, variant % 5 == 4 ? 12 : 6);
        v.args.order[i] = (int32_t)i;
        v.n *= (size_t)v.args.dims[i];
    }
    for (uint32_t i = v.args.rank; i-- > 1;) {
        const uint32_t other = draw(&g, 0, i);
        const int32_t last = v.args.order[i];
        v.args.order[i] = v.args.order[other];
        v.args.order[other] = last;
    }
    v.x = array_new(&g, v.n);
    v.dy = array_new(&g, v.n);
    return v;
}

static void permute_run(cnn_context *context, uint32_t variant, outcome *o)
{
    permutation v = permutation_of(variant);
    float *y = array_new(NULL, v.n), *dx = array_new(NULL, v.n);
    cnn_backend_call call;
    v.args.x = v.x;
    v.args.dy = v.dy;
    v.args.y = y;
    v.args.dx = dx;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PERMUTE, CNN_PASS_FORWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PERMUTE, CNN_PASS_BACKWARD, &v.args), CNN_OK);
    v.args.order[0] = (int32_t)v.args.rank;
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PERMUTE, CNN_PASS_FORWARD, &v.args), CNN_ERROR_INVALID_ARGUMENT);
    call_end(&call);
    outcome_floats(o, y, v.n);
    outcome_floats(o, dx, v.n);
    array_free(y);
    array_free(dx);
    array_free(v.x);
    array_free(v.dy);
}

static void permute_expect(uint32_t variant, outcome *o)
{
    permutation v = permutation_of(variant);
    const cnn_permute_args *a = &v.args;
    double *y = calloc(v.n, sizeof(double)), *dx = calloc(v.n, sizeof(double));
    for (size_t i = 0; i < v.n; i++) { /* value i of y, by its index along each axis */
        int64_t index[CNN_MAX_RANK] = {0}, at = 0;
        size_t rest = i;
        for (uint32_t k = a->rank; k-- > 0;) {
            const size_t size = (size_t)a->dims[a->order[k]];
            index[a->order[k]] = (int64_t)(rest % size);
            rest /= size;
        }
        for (uint32_t k = 0; k < a->rank; k++) {
            at = at * a->dims[k] + index[k];
        }
        y[i] = v.x[at];
        dx[at] = v.dy[i];
    }
    outcome_doubles(o, y, v.n);
    outcome_doubles(o, dx, v.n);
    free(y);
    free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* --- slopes that are learnt --- */

typedef struct rectifier {
    cnn_prelu_args args;
    float *x, *slopes, *dy;
    size_t n, c;
} rectifier;

static rectifier rectifier_of(uint32_t variant)
{
    static const int64_t sizes[][2] = {{70000, 1}, {2000, 65}, {3, 1100}, {1, 1024}, {9, 7}};
    const int64_t *size = sizes[variant % 5];
    generator g = generator_of("prelu", variant);
    rectifier v = {.args = {.struct_size = sizeof(cnn_prelu_args), .rows = size[0], .c = size[1]}};
    v.c = (size_t)v.args.c;
    v.n = (size_t)v.args.rows * v.c;
    v.x = array_new(&g, v.n);
    v.slopes = array_new(&g, v.c);
    v.dy = array_new(&g, v.n);
    v.x[draw(&g, 0, (uint32_t)v.n - 1)] = 0;
    return v;
}

static void prelu_run(cnn_context *context, uint32_t variant, outcome *o)
{
    rectifier v = rectifier_of(variant);
    const bool in_place = variant % 2 == 1;
    float *y = array_new(NULL, v.n), *dx = in_place ? v.dy : array_new(NULL, v.n), *d_slopes = array_new(NULL, v.c);
    cnn_backend_call call;
    v.args.x = v.x;
    v.args.slopes = v.slopes;
    v.args.dy = v.dy;
    v.args.y = y;
    v.args.dx = dx;
    v.args.d_slopes = d_slopes;
    const cnn_op_answer answer = answer_to(&context->backend, CNN_OP_PRELU, &v.args, cnn_context_threads(context));
    call_begin(&call, context, answer.workspace[CNN_PASS_BACKWARD]);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PRELU, CNN_PASS_FORWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_PRELU, CNN_PASS_BACKWARD, &v.args), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.n);
    outcome_floats(o, dx, v.n);
    outcome_floats(o, d_slopes, v.c);
    array_free(y);
    array_free(in_place ? NULL : dx);
    array_free(d_slopes);
    array_free(v.x);
    array_free(v.slopes);
    array_free(v.dy);
}

static void prelu_expect(uint32_t variant, outcome *o)
{
    rectifier v = rectifier_of(variant);
    double *y = calloc(v.n, sizeof(double)), *dx = calloc(v.n, sizeof(double)), *d_slopes = calloc(v.c, sizeof(double));
    for (size_t i = 0; i < v.n; i++) {
        const double slope = v.x[i] > 0 ? 1 : v.slopes[i % v.c];
        y[i] = slope * v.x[i];
        dx[i] = slope * v.dy[i];
        d_slopes[i % v.c] += v.x[i] > 0 ? 0 : (double)v.dy[i] * v.x[i];
    }
    outcome_doubles(o, y, v.n);
    outcome_doubles(o, dx, v.n);
    outcome_doubles(o, d_slopes, v.c);
    free(y);
    free(dx);
    free(d_slopes);
    array_free(v.x);
    array_free(v.slopes);
    array_free(v.dy);
}

const operation move_operations[] = {
    {"resample", resample_run, resample_expect, 48, 1e-6, 0},
    {"permute", permute_run, permute_expect, 30, 0, 0},
    {"prelu", prelu_run, prelu_expect, 20, 2e-7, 0},
    {.name = NULL},
};
