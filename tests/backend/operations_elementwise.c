/* SPDX-License-Identifier: MIT */
/* Activations, softmax, dropout, padding and sums. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"
#include "core/rng.h"

/* Every tail of two vectors of any width, then several spans. */
static size_t length_of(uint32_t variant) { return variant < 40 ? variant + 1 : 16384 * (size_t)(variant - 38) + 21; }

typedef struct pair {
    size_t n;
    float *x, *dy;
} pair;

static pair pair_of(const char *name, uint32_t variant, float scale)
{
    generator g = generator_of(name, variant);
    pair p = {.n = length_of(variant)};
    p.x = array_new(&g, p.n);
    p.dy = array_new(&g, p.n);
    for (size_t i = 0; i < p.n; i++) {
        p.x[i] *= scale;
    }
    if (p.n > 12) {
        p.x[3] = NAN;
        p.x[5] = INFINITY;
        p.x[7] = -INFINITY;
        p.x[9] = 0;
        p.x[11] = 1e-41f;
    }
    return p;
}

static void pair_free(pair *p)
{
    array_free(p->x);
    array_free(p->dy);
}

static cnn_activation activation_of(uint32_t variant)
{
    static const cnn_activation all[] = {CNN_LINEAR, CNN_RELU,         CNN_LEAKY_RELU, CNN_SIGMOID,   CNN_TANH,
                                         CNN_RELU6,  CNN_SILU,         CNN_GELU,       CNN_GELU_TANH, CNN_ELU,
                                         CNN_SELU,   CNN_HARD_SIGMOID, CNN_HARD_SWISH, CNN_SOFTPLUS,  CNN_CLIPPED_RELU};
    return all[(variant + variant / 15) % 15]; /* each with all kinds of lengths */
}

/* The slope at an output, or at an input where the output does not tell it, by the definitions. */
static double expect_slope(int32_t activation, double alpha, double v)
{
    if (isinf(v) && activation >= CNN_SILU && activation <= CNN_GELU_TANH) {
        return v > 0 ? 1 : 0; /* the limits */
    }
    const double gate = 1 / (1 + exp(-v)),
                 tanh_argument = sqrt(2 / 3.14159265358979323846) * (v + 0.044715 * v * v * v);
    switch (activation) {
    case CNN_SILU:
        return gate * (1 + v * (1 - gate));
    case CNN_GELU:
        return erfc(-v / sqrt(2)) / 2 + v * exp(-v * v / 2) / sqrt(2 * 3.14159265358979323846);
    case CNN_GELU_TANH:
        return (1 + tanh(tanh_argument)) / 2 +
               v / 2 / pow(cosh(tanh_argument), 2) * sqrt(2 / 3.14159265358979323846) * (1 + 0.134145 * v * v);
    case CNN_ELU:
        return v > 0 ? 1 : v + alpha;
    case CNN_SELU:
        return v > 0 ? 1.0507009873554805 : v + 1.0507009873554805 * 1.6732632423543772;
    case CNN_HARD_SIGMOID:
        return v <= 0 || v >= 1 ? 0 : alpha;
    case CNN_HARD_SWISH:
        return v < -3 ? 0 : v >= 3 ? 1 : v / 3 + 0.5;
    case CNN_SOFTPLUS:
        return -expm1(-v);
    case CNN_CLIPPED_RELU:
        return v <= 0 || v >= alpha ? 0 : 1;
    default:
        return 1;
    }
}

static void activation_forward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    pair p = pair_of("activation", variant, 20);
    bool in_place = variant % 2 == 1;
    float *y = in_place ? p.x : array_new(NULL, p.n);
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_activation_forward(&call, activation_of(variant), 0.3f, p.n, p.x, y), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, p.n);
    array_free(in_place ? NULL : y);
    pair_free(&p);
}

static void activation_forward_expect(uint32_t variant, outcome *o)
{
    pair p = pair_of("activation", variant, 20);
    double *y = calloc(p.n, sizeof(double));
    for (size_t i = 0; i < p.n; i++) {
        y[i] = isnan(p.x[i]) ? (double)NAN : expect_activation((int32_t)activation_of(variant), 0.3f, p.x[i]);
    }
    outcome_doubles(o, y, p.n);
    free(y);
    pair_free(&p);
}

/* Softplus has no outputs below 0. */
static pair outputs_of(uint32_t variant)
{
    pair p = pair_of("gradient", variant, 1);
    for (size_t i = 0; i < p.n && activation_of(variant) == CNN_SOFTPLUS; i++) {
        p.x[i] = fabsf(p.x[i]);
    }
    return p;
}

static void activation_backward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    pair p = outputs_of(variant);
    bool in_place = variant % 2 == 1;
    float *dx = in_place ? p.dy : array_new(NULL, p.n);
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_activation_backward(&call, activation_of(variant), 0.3f, p.n, p.x, p.dy, dx), CNN_OK);
    call_end(&call);
    outcome_floats(o, dx, p.n);
    array_free(in_place ? NULL : dx);
    pair_free(&p);
}

static void activation_backward_expect(uint32_t variant, outcome *o)
{
    pair p = outputs_of(variant);
    double *dx = calloc(p.n, sizeof(double));
    for (size_t i = 0; i < p.n; i++) {
        double y = p.x[i], dy = p.dy[i];
        switch (activation_of(variant)) {
        case CNN_RELU:
            dx[i] = y <= 0 ? 0 : dy;
            break;
        case CNN_LEAKY_RELU:
            dx[i] = y > 0 ? dy : 0.3f * dy;
            break;
        case CNN_SIGMOID:
            dx[i] = dy * (y * (1 - y));
            break;
        case CNN_TANH:
            dx[i] = dy * (1 - y * y);
            break;
        case CNN_RELU6:
            dx[i] = y <= 0 || y >= 6 ? 0 : dy;
            break;
        default:
            dx[i] = dy * expect_slope((int32_t)activation_of(variant), 0.3f, y);
        }
    }
    outcome_doubles(o, dx, p.n);
    free(dx);
    pair_free(&p);
}

typedef struct rows {
    size_t rows, columns;
    bool logarithm;
    float *x, *dy;
} rows;

static rows rows_of(uint32_t variant)
{
    generator g = generator_of("softmax", variant);
    rows r = {draw(&g, 1, 9), variant < 40 ? variant + 1 : 1000, variant % 2 == 1, NULL, NULL};
    if (variant % 8 == 6) {
        r.rows = 3000;
    }
    r.x = array_new(&g, r.rows * r.columns);
    r.dy = array_new(&g, r.rows * r.columns);
    for (size_t i = 0; i < r.rows * r.columns; i++) {
        r.x[i] = r.x[i] * 20 + (variant % 4 < 2 ? 1000 : 0); /* e^1000 overflows unless shifted */
    }
    if (r.columns > 2) {
        r.x[1] = -INFINITY;
    }
    if (r.rows > 1 && variant % 5 == 1) {
        r.x[r.columns] = NAN; /* one row, and that one alone */
    }
    return r;
}

static void rows_free(rows *r)
{
    array_free(r->x);
    array_free(r->dy);
}

static void softmax_run(cnn_context *context, uint32_t variant, outcome *o)
{
    rows r = rows_of(variant);
    bool in_place = variant % 3 == 1;
    size_t n = r.rows * r.columns;
    float *y = in_place ? r.x : array_new(NULL, n), *dx = array_new(NULL, n);
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_softmax_forward(&call, r.logarithm, r.rows, r.columns, r.x, y), CNN_OK);
    ck_assert_int_eq(run_softmax_backward(&call, r.logarithm, r.rows, r.columns, y, r.dy, dx), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, n);
    outcome_floats(o, dx, n);
    array_free(dx);
    array_free(in_place ? NULL : y);
    rows_free(&r);
}

static void softmax_expect(uint32_t variant, outcome *o)
{
    rows r = rows_of(variant);
    size_t n = r.rows * r.columns;
    double *y = calloc(n, sizeof(double)), *dx = calloc(n, sizeof(double));
    for (size_t first = 0; first < n; first += r.columns) {
        double maximum = -INFINITY, sum = 0, dot = 0;
        for (size_t i = first; i < first + r.columns; i++) {
            maximum = fmax(maximum, r.x[i]);
        }
        for (size_t i = first; i < first + r.columns; i++) {
            sum += exp(r.x[i] - maximum);
        }
        for (size_t i = first; i < first + r.columns; i++) {
            double logarithm = r.x[i] - maximum - log(sum);
            y[i] = r.logarithm ? logarithm : exp(logarithm);
            dot += r.logarithm ? r.dy[i] : r.dy[i] * y[i];
        }
        for (size_t i = first; i < first + r.columns; i++) {
            dx[i] = r.logarithm ? r.dy[i] - exp(y[i]) * dot : y[i] * (r.dy[i] - dot);
        }
    }
    outcome_doubles(o, y, n);
    outcome_doubles(o, dx, n);
    free(y);
    free(dx);
    rows_free(&r);
}

typedef struct drops {
    cnn_dropout_args shape;
    float *x;
    size_t size;
} drops;

static drops drops_of(uint32_t variant)
{
    static const float rates[] = {0.5f, 0.25f, 0.1f, 0.001f, 0, 0.99f};
    generator g = generator_of("dropout", variant);
    drops d = {.shape = {.struct_size = sizeof(cnn_dropout_args), .n = draw(&g, 1, 4)}};
    d.shape.positions = draw(&g, 1, variant % 8 == 7 ? 300 : 9);
    d.shape.c = draw(&g, 1, variant % 4 == 3 ? 400 : 40);
    d.shape.rate = rates[variant % 6];
    d.shape.channels = variant % 5 == 2;
    d.shape.key[0] = 0x0123456789ABCDEFu * (variant + 1);
    d.shape.key[1] = 0xFEDCBA9876543210u ^ ((uint64_t)variant << 40);
    d.size = (size_t)(d.shape.n * d.shape.positions * d.shape.c);
    d.x = array_new(&g, d.size);
    return d;
}

static void dropout_run(cnn_context *context, uint32_t variant, outcome *o)
{
    drops d = drops_of(variant);
    bool in_place = variant % 2 == 1;
    float *y = in_place ? d.x : array_new(NULL, d.size);
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_dropout(&call, &d.shape, d.x, y), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, d.size);
    array_free(in_place ? NULL : y);
    array_free(d.x);
}

static void dropout_expect(uint32_t variant, outcome *o)
{
    drops d = drops_of(variant);
    double *y = calloc(d.size, sizeof(double));
    const uint32_t key[2] = {(uint32_t)d.shape.key[0], (uint32_t)(d.shape.key[0] >> 32)};
    const double limit = d.shape.rate * 4294967296.0;
    for (size_t i = 0; i < d.size; i++) {
        size_t c = (size_t)d.shape.c, image = i / c / (size_t)d.shape.positions;
        uint64_t decision = d.shape.channels ? image * c + i % c : i;
        const uint32_t counter[4] = {(uint32_t)(decision / 4), (uint32_t)(decision / 4 >> 32), (uint32_t)d.shape.key[1],
                                     (uint32_t)(d.shape.key[1] >> 32)};
        uint32_t words[4];
        cnn__philox(key, counter, words);
        float scale = (float)(1 / (1 - (double)d.shape.rate));
        y[i] = words[decision % 4] < limit ? 0 : d.x[i] * scale;
    }
    outcome_doubles(o, y, d.size);
    free(y);
    array_free(d.x);
}

static cnn_pad2d_args padding_of(uint32_t variant, generator *g)
{
    *g = generator_of("pad", variant);
    cnn_pad2d_args s = {.struct_size = sizeof(s), .n = draw(g, 1, 3), .in_h = draw(g, 1, 20), .in_w = draw(g, 1, 20)};
    s.c = draw(g, 1, 40);
    s.top = (int32_t)draw(g, 0, 3);
    s.bottom = (int32_t)draw(g, 0, 3);
    s.left = (int32_t)draw(g, 0, 3);
    s.right = (int32_t)draw(g, 0, 3);
    return s;
}

static size_t padded_size(const cnn_pad2d_args *s)
{
    return (size_t)(s->n * (s->in_h + s->top + s->bottom) * (s->in_w + s->left + s->right) * s->c);
}

static void pad_run(cnn_context *context, uint32_t variant, outcome *o)
{
    generator g;
    cnn_pad2d_args s = padding_of(variant, &g);
    size_t inside = (size_t)(s.n * s.in_h * s.in_w * s.c), outside = padded_size(&s);
    float *x = array_new(&g, inside), *y = array_new(NULL, outside);
    float *dy = array_new(&g, outside), *dx = array_new(NULL, inside);
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_pad2d_forward(&call, &s, x, y), CNN_OK);
    ck_assert_int_eq(run_pad2d_backward(&call, &s, dy, dx), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, outside);
    outcome_floats(o, dx, inside);
    array_free(x);
    array_free(y);
    array_free(dx);
    array_free(dy);
}

static void pad_expect(uint32_t variant, outcome *o)
{
    generator g;
    cnn_pad2d_args s = padding_of(variant, &g);
    size_t inside = (size_t)(s.n * s.in_h * s.in_w * s.c), outside = padded_size(&s);
    float *x = array_new(&g, inside), *dy = array_new(&g, outside);
    double *y = calloc(outside, sizeof(double)), *dx = calloc(inside, sizeof(double));
    int64_t width = s.in_w + s.left + s.right, height = s.in_h + s.top + s.bottom;
    for (int64_t i = 0; i < (int64_t)inside; i++) {
        int64_t c = i % s.c, column = i / s.c % s.in_w, row = i / s.c / s.in_w % s.in_h, n = i / s.c / s.in_w / s.in_h;
        int64_t at = ((n * height + row + s.top) * width + column + s.left) * s.c + c;
        y[at] = x[i];
        dx[i] = dy[at];
    }
    outcome_doubles(o, y, outside);
    outcome_doubles(o, dx, inside);
    free(y);
    free(dx);
    array_free(x);
    array_free(dy);
}

static void sums_run(cnn_context *context, uint32_t variant, outcome *o)
{
    generator g = generator_of("sums", variant);
    size_t n = length_of(variant);
    float *a = array_new(&g, n), *b = array_new(&g, n), *y = variant % 2 ? a : array_new(NULL, n);
    double square = -1;
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_sum_squares(&call, n, a, &square), CNN_OK);
    ck_assert_int_eq(run_add(&call, n, a, b, y), CNN_OK);
    call_end(&call);
    outcome_doubles(o, &square, 1);
    outcome_floats(o, y, n);
    array_free(variant % 2 ? NULL : y);
    array_free(a);
    array_free(b);
}

static void add_activation_run(cnn_context *context, uint32_t variant, outcome *o)
{
    pair p = pair_of("add", variant, 3);
    bool in_place = variant % 2 == 1;
    float *y = in_place ? p.x : array_new(NULL, p.n);
    cnn_backend_call call;
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_add_activation(&call, activation_of(variant / 2), 0.3f, p.n, p.x, p.dy, y), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, p.n);
    array_free(in_place ? NULL : y);
    pair_free(&p);
}

static void add_activation_expect(uint32_t variant, outcome *o)
{
    pair p = pair_of("add", variant, 3);
    double *y = calloc(p.n, sizeof(double));
    for (size_t i = 0; i < p.n; i++) {
        float sum = p.x[i] + p.dy[i];
        y[i] = isnan(sum) ? (double)NAN : expect_activation((int32_t)activation_of(variant / 2), 0.3f, sum);
    }
    outcome_doubles(o, y, p.n);
    free(y);
    pair_free(&p);
}

static void sums_expect(uint32_t variant, outcome *o)
{
    generator g = generator_of("sums", variant);
    size_t n = length_of(variant);
    float *a = array_new(&g, n), *b = array_new(&g, n);
    double *y = calloc(n, sizeof(double)), square = 0;
    for (size_t i = 0; i < n; i++) {
        square += (double)a[i] * a[i];
        y[i] = a[i] + b[i];
    }
    outcome_doubles(o, &square, 1);
    outcome_doubles(o, y, n);
    free(y);
    array_free(a);
    array_free(b);
}

const operation elementwise_operations[] = {
    {"activation forward", activation_forward_run, activation_forward_expect, 45, 1e-7, 2e-7},
    {"activation backward", activation_backward_run, activation_backward_expect, 45, 2e-7, 5e-7},
    {"softmax", softmax_run, softmax_expect, 48, 2e-6, 5e-6},
    {"dropout", dropout_run, dropout_expect, 60, 0, 0},
    {"pad2d", pad_run, pad_expect, 20, 0, 0},
    {"add, sum_squares", sums_run, sums_expect, 45, 1e-12, 1e-12},
    {"add_activation", add_activation_run, add_activation_expect, 45, 1e-7, 2e-7},
    {.name = NULL},
};
