/* SPDX-License-Identifier: MIT */
/* Functions of single values that are repeated along axes, and values picked along one. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

/* --- functions --- */

typedef struct mapping {
    cnn_map_args args;
    float *a, *b;
    size_t a_size, b_size, n;
} mapping;

/* An array with some of the axes, the others repeated; its size. */
static size_t some_axes(generator *g, const cnn_map_args *args, int64_t *steps)
{
    int64_t size = 1;
    for (uint32_t i = args->rank; i-- > 0;) {
        const bool repeated = draw(g, 0, 3) == 0;
        steps[i] = repeated ? 0 : size;
        size *= repeated ? 1 : args->dims[i];
    }
    return (size_t)size;
}

static mapping mapping_of(uint32_t variant)
{
    generator g = generator_of("map", variant);
    mapping v = {.args = {.struct_size = sizeof(cnn_map_args),
                          .function = (int32_t)(variant % (CNN_MAP_POW_EXPONENT + 1)),
                          .rank = draw(&g, 1, 4),
                          .p = 0.75f,
                          .q = 1.5f},
                 .n = 1};
    for (uint32_t i = 0; i < v.args.rank; i++) {
        v.args.dims[i] = draw(&g, 1, variant % 5 == 4 ? 20 : 6);
        v.n *= (size_t)v.args.dims[i];
    }
    v.a_size = some_axes(&g, &v.args, v.args.a_steps);
    v.b_size = some_axes(&g, &v.args, v.args.b_steps);
    v.a = array_new(&g, v.a_size);
    v.b = array_new(&g, v.b_size);
    const bool positive = v.args.function >= CNN_MAP_EXP; /* roots, logarithms, powers, what is divided by */
    for (size_t i = 0; i < v.a_size && positive; i++) {
        v.a[i] = fabsf(v.a[i]) + 0.5f;
    }
    for (size_t i = 0; i < v.b_size && positive; i++) {
        v.b[i] = i == 0 ? v.a[0] : fabsf(v.b[i]) + 0.5f;
    }
    return v;
}

static void map_run(cnn_context *context, uint32_t variant, outcome *o)
{
    mapping v = mapping_of(variant);
    float *y = array_new(NULL, v.n);
    cnn_backend_call call;
    v.args.a = v.a;
    v.args.b = v.b;
    v.args.y = y;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_MAP, CNN_PASS_FORWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_MAP, CNN_PASS_BACKWARD, &v.args), CNN_ERROR_INVALID_ARGUMENT);
    call_end(&call);
    outcome_floats(o, y, v.n);
    array_free(y);
    array_free(v.a);
    array_free(v.b);
}

static double value_of(const cnn_map_args *args, double a, double b)
{
    const double p = (double)args->p, q = (double)args->q;
    const double values[] = {a,
                             p * a,
                             fabs(a),
                             exp(a),
                             log(a),
                             sqrt(a),
                             pow(a, p),
                             fmin(fmax(a, p), q),
                             erf(a),
                             a + b,
                             a - b,
                             a * b,
                             a / b,
                             pow(a, b),
                             fmin(a, b),
                             fmax(a, b),
                             a == b,
                             a < b    ? 1
                             : a == b ? 0.5
                                      : 0,
                             a > 0 ? b : -b,
                             b / (2 * a),
                             p * pow(a, p - 1) * b,
                             a >= p && a <= q ? b : 0,
                             b * 2 / sqrt(acos(-1)) * exp(-a * a),
                             b * pow(a, b - 1),
                             pow(a, b) * log(a)};
    return values[args->function];
}

static void map_expect(uint32_t variant, outcome *o)
{
    mapping v = mapping_of(variant);
    const cnn_map_args *args = &v.args;
    double *y = calloc(v.n, sizeof(double));
    for (size_t i = 0; i < v.n; i++) {
        int64_t rest = (int64_t)i, a = 0, b = 0;
        for (uint32_t d = args->rank; d-- > 0;) {
            a += rest % args->dims[d] * args->a_steps[d];
            b += rest % args->dims[d] * args->b_steps[d];
            rest /= args->dims[d];
        }
        y[i] = value_of(args, (double)v.a[a], (double)v.b[b]);
    }
    outcome_doubles(o, y, v.n);
    free(y);
    array_free(v.a);
    array_free(v.b);
}

/* --- values along an axis --- */

typedef struct sampling {
    cnn_sample_args args;
    float *x, *dy;
    size_t x_size, y_size;
} sampling;

static sampling sampling_of(uint32_t variant)
{
    generator g = generator_of("sample", variant);
    sampling v = {.args = {.struct_size = sizeof(cnn_sample_args),
                           .outer = draw(&g, 1, 3),
                           .in = draw(&g, 1, 9),
                           .out = draw(&g, 1, 20),
                           .inner = draw(&g, 1, variant % 4 == 3 ? 300 : 5),
                           .mode = (int32_t)(variant % 4),
                           .border = (int32_t)(variant / 4 % 4),
                           .rounding = (int32_t)(variant / 4 % 4),
                           .exclude = (int32_t)(variant / 8 % 2),
                           .extrapolate = variant % 7 == 6,
                           .cubic = -0.75f,
                           .value = 3,
                           .start = (int64_t)draw(&g, 0, 20) - 10,
                           .step = (int64_t)draw(&g, 0, 6) - 3,
                           .shift = 0.5,
                           .offset = -0.5}};
    v.args.factor = (double)v.args.out / (double)v.args.in;
    v.x_size = (size_t)(v.args.outer * v.args.in * v.args.inner);
    v.y_size = (size_t)(v.args.outer * v.args.out * v.args.inner);
    v.x = array_new(&g, v.x_size);
    v.dy = array_new(&g, v.y_size);
    return v;
}

static void sample_run(cnn_context *context, uint32_t variant, outcome *o)
{
    sampling v = sampling_of(variant);
    float *y = array_new(NULL, v.y_size), *dx = array_new(NULL, v.x_size);
    cnn_backend_call call;
    v.args.x = v.x;
    v.args.dy = v.dy;
    v.args.y = y;
    v.args.dx = dx;
    call_begin(&call, context, 0);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_SAMPLE, CNN_PASS_FORWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_SAMPLE, CNN_PASS_BACKWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_SAMPLE, CNN_PASS_PREPARE, &v.args), CNN_ERROR_INVALID_ARGUMENT);
    call_end(&call);
    outcome_floats(o, y, v.y_size);
    outcome_floats(o, dx, v.x_size);
    array_free(y);
    array_free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* Where a place outside is inside, step by step. */
static int64_t fold_back(const cnn_sample_args *a, int64_t at)
{
    while (at < 0 || at >= a->in) {
        if (a->border == CNN_BORDER_VALUE) {
            return -1;
        }
        if (a->border == CNN_BORDER_EDGE || a->in == 1) {
            return at < 0 ? 0 : a->in - 1;
        }
        at = a->border == CNN_BORDER_WRAP ? at + (at < 0 ? a->in : -a->in) : at < 0 ? -at : 2 * (a->in - 1) - at;
    }
    return at;
}

static double keys(double a, double x)
{
    x = fabs(x);
    return x <= 1 ? (a + 2) * x * x * x - (a + 3) * x * x + 1 : x < 2 ? a * (x * x * x - 5 * x * x + 8 * x - 4) : 0;
}

/* How much input `from` (which may be outside) is in output `i`. */
static double weight_of(const cnn_sample_args *a, double place, int64_t from)
{
    const double distance = fabs(place - (double)from);
    if (a->mode == CNN_SAMPLE_LINEAR) {
        return fmax(0, 1 - distance);
    }
    if (a->mode == CNN_SAMPLE_CUBIC) {
        return keys((double)a->cubic, distance);
    }
    const double nearest = a->rounding == CNN_ROUND_DOWN      ? floor(place)
                           : a->rounding == CNN_ROUND_UP      ? ceil(place)
                           : a->rounding == CNN_ROUND_HALF_UP ? floor(place + 0.5)
                                                              : ceil(place - 0.5);
    return (double)from == nearest;
}

/* The weights of all inputs of output `i`; what else there is. */
static double weights_of(const cnn_sample_args *a, int64_t i, double *weights)
{
    const double place = ((double)i + a->shift) / a->factor + a->offset;
    const bool exclude = a->mode == CNN_SAMPLE_CUBIC && a->exclude;
    double sum = 0;
    for (int64_t k = 0; k < a->in; k++) {
        weights[k] = 0;
    }
    if (a->mode == CNN_SAMPLE_STEP) {
        const int64_t at = fold_back(a, a->start + i * a->step);
        if (at >= 0) {
            weights[at] = 1;
        }
        return at >= 0 ? 0 : (double)a->value;
    }
    if (a->extrapolate && (place < 0 || place > (double)(a->in - 1))) {
        return (double)a->value;
    }
    for (int64_t k = -30; k < a->in + 30; k++) {
        const int64_t at = k < 0 ? 0 : k >= a->in ? a->in - 1 : k;
        const double weight = exclude && at != k ? 0 : weight_of(a, place, k);
        weights[at] += weight;
        sum += weight;
    }
    for (int64_t k = 0; k < a->in && exclude; k++) {
        weights[k] /= sum;
    }
    return 0;
}

static void sample_expect(uint32_t variant, outcome *o)
{
    sampling v = sampling_of(variant);
    const cnn_sample_args *a = &v.args;
    double *y = calloc(v.y_size, sizeof(double)), *dx = calloc(v.x_size, sizeof(double)), weights[16];
    for (int64_t i = 0; i < (int64_t)v.y_size; i++) {
        const int64_t j = i % a->inner, outer = i / a->inner / a->out;
        y[i] = weights_of(a, i / a->inner % a->out, weights);
        for (int64_t k = 0; k < a->in; k++) {
            const int64_t at = (outer * a->in + k) * a->inner + j;
            y[i] += weights[k] * (double)v.x[at];
            dx[at] += weights[k] * (double)v.dy[i];
        }
    }
    outcome_doubles(o, y, v.y_size);
    outcome_doubles(o, dx, v.x_size);
    free(y);
    free(dx);
    array_free(v.x);
    array_free(v.dy);
}

const operation value_operations[] = {
    {"map", map_run, map_expect, 4 * (CNN_MAP_POW_EXPONENT + 1), 1e-6, 0},
    {"sample", sample_run, sample_expect, 64, 1e-6, 0},
    {.name = NULL},
};
