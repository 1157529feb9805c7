/* SPDX-License-Identifier: MIT */
/* gemm and the passes of convolution: any kernel, stride, dilation, groups and padding. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

/* --- gemm --- */

typedef struct product {
    cnn_gemm_args args;
    size_t a_size, b_size, c_size, offset;
    generator data;
} product;

static product product_of(uint32_t variant)
{
    generator g = generator_of("gemm", variant);
    product p = {.args = {.struct_size = sizeof(cnn_gemm_args)}};
    uint32_t large = variant % 8 == 7 ? 300 : 40;
    p.args.m = draw(&g, 1, large);
    p.args.n = draw(&g, 1, large);
    p.args.k = draw(&g, 1, large);
    p.args.transpose_a = draw(&g, 0, 1);
    p.args.transpose_b = draw(&g, 0, 1);
    p.args.lda = (p.args.transpose_a ? p.args.m : p.args.k) + draw(&g, 0, 5);
    p.args.ldb = (p.args.transpose_b ? p.args.k : p.args.n) + draw(&g, 0, 5);
    p.args.ldc = p.args.n + draw(&g, 0, 5);
    p.args.alpha = draw(&g, 0, 1) ? 1 : draw_float(&g);
    p.args.beta = draw(&g, 0, 1) ? draw_float(&g) : (float)draw(&g, 0, 1);
    p.offset = draw(&g, 0, 3);
    p.a_size = (size_t)(p.args.lda * (p.args.transpose_a ? p.args.k : p.args.m));
    p.b_size = (size_t)(p.args.ldb * (p.args.transpose_b ? p.args.n : p.args.k));
    p.c_size = (size_t)(p.args.ldc * p.args.m);
    p.data = g;
    return p;
}

/* The arrays begin `offset` values behind an aligned address. With beta 0, C begins as NaN. */
static void product_arrays(product *p, float *arrays[3])
{
    arrays[0] = array_new(&p->data, p->offset + p->a_size);
    arrays[1] = array_new(&p->data, p->offset + p->b_size);
    arrays[2] = array_new(p->args.beta == 0 ? NULL : &p->data, p->offset + p->c_size);
    p->args.a = arrays[0] + p->offset;
    p->args.b = arrays[1] + p->offset;
    p->args.c = arrays[2] + p->offset;
}

/* Only what the product defines: what lies between its rows must be as before, which the caller checks. */
static void product_outcome(const product *p, outcome *o)
{
    double *values = malloc((size_t)(p->args.m * p->args.n) * sizeof(double));
    for (int64_t i = 0; i < p->args.m * p->args.n; i++) {
        values[i] = p->args.c[i / p->args.n * p->args.ldc + i % p->args.n];
    }
    outcome_doubles(o, values, (size_t)(p->args.m * p->args.n));
    free(values);
}

static void gemm_run(cnn_context *context, uint32_t variant, outcome *o)
{
    product p = product_of(variant);
    float *arrays[3];
    cnn_backend_call call;
    product_arrays(&p, arrays);
    float *before = malloc(p.c_size * sizeof(float));
    for (size_t i = 0; i < p.c_size; i++) {
        before[i] = p.args.c[i];
    }
    call_begin(&call, context, 0);
    ck_assert_int_eq(run_gemm(&call, &p.args), CNN_OK);
    call_end(&call);
    bool kept = true;
    for (int64_t i = 0; i < (int64_t)p.c_size; i++) {
        bool between = i % p.args.ldc >= p.args.n;
        kept = kept && (!between || p.args.c[i] == before[i] || (isnan(p.args.c[i]) && isnan(before[i])));
    }
    ck_assert_msg(kept, "written between the rows of C");
    product_outcome(&p, o);
    free(before);
    for (int i = 0; i < 3; i++) {
        array_free(arrays[i]);
    }
}

static void gemm_expect(uint32_t variant, outcome *o)
{
    product p = product_of(variant);
    float *arrays[3];
    product_arrays(&p, arrays);
    double *values = malloc((size_t)(p.args.m * p.args.n) * sizeof(double));
    for (int64_t i = 0; i < p.args.m; i++) {
        for (int64_t j = 0; j < p.args.n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < p.args.k; k++) {
                sum += (double)p.args.a[p.args.transpose_a ? k * p.args.lda + i : i * p.args.lda + k] *
                       p.args.b[p.args.transpose_b ? j * p.args.ldb + k : k * p.args.ldb + j];
            }
            values[i * p.args.n + j] = p.args.alpha * sum +
                                       (p.args.beta == 0 ? 0 : p.args.beta * (double)p.args.c[i * p.args.ldc + j]);
        }
    }
    outcome_doubles(o, values, (size_t)(p.args.m * p.args.n));
    free(values);
    for (int i = 0; i < 3; i++) {
        array_free(arrays[i]);
    }
}

/* --- convolution --- */

typedef struct convolution {
    cnn_conv2d_shape shape;
    size_t x_size, f_size, y_size;
    float *x, *filters, *bias, *dy;
} convolution;

static void draw_kernel(generator *g, uint32_t variant, cnn_conv2d_shape *s)
{
    s->kernel_h = (int32_t)draw(g, 1, 5);
    s->kernel_w = (int32_t)draw(g, 1, 5);
    s->stride_h = (int32_t)draw(g, 1, 3);
    s->stride_w = (int32_t)draw(g, 1, 3);
    s->dilation_h = (int32_t)draw(g, 1, 2);
    s->dilation_w = (int32_t)draw(g, 1, 2);
    if (variant % 4 == 0) { /* the common ones: 3x3 and 1x1 at stride 1 */
        s->kernel_h = s->kernel_w = variant % 8 == 0 ? 3 : 1;
        s->stride_h = s->stride_w = s->dilation_h = s->dilation_w = 1;
    }
    s->groups = variant % 5 == 4 ? (int32_t)draw(g, 2, 4) : 1;
}

static convolution convolution_of(uint32_t variant)
{
    generator g = generator_of("conv2d", variant);
    convolution v = {.shape = {0}};
    cnn_conv2d_shape *s = &v.shape;
    draw_kernel(&g, variant, s);
    bool depthwise = variant % 10 == 9;
    int64_t group_in = depthwise ? 1 : draw(&g, 1, variant % 3 == 0 ? 33 : 9);
    int64_t group_out = depthwise ? 1 : draw(&g, 1, variant % 3 == 0 ? 35 : 9);
    s->n = draw(&g, 1, 3);
    s->in_c = group_in * s->groups;
    s->out_c = group_out * s->groups;
    int64_t reach_h = (s->kernel_h - 1) * s->dilation_h + 1, reach_w = (s->kernel_w - 1) * s->dilation_w + 1;
    s->pad_top = variant % 8 == 4 ? 0 : (int32_t)draw(&g, 0, (uint32_t)reach_h - 1);
    s->pad_left = variant % 8 == 4 ? 0 : (int32_t)draw(&g, 0, (uint32_t)reach_w - 1);
    s->in_h = reach_h + draw(&g, 0, 12);
    s->in_w = reach_w + draw(&g, 0, 20);
    int64_t below = variant % 8 == 4 ? 0 : draw(&g, 0, (uint32_t)reach_h - 1);
    int64_t right = variant % 8 == 4 ? 0 : draw(&g, 0, (uint32_t)reach_w - 1);
    s->out_h = (s->in_h + s->pad_top + below - reach_h) / s->stride_h + 1;
    s->out_w = (s->in_w + s->pad_left + right - reach_w) / s->stride_w + 1;
    s->epilogue.activation = draw_activation(&g, variant, true);
    s->epilogue.alpha = 0.25f;
    v.x_size = (size_t)(s->n * s->in_h * s->in_w * s->in_c);
    v.f_size = (size_t)(s->kernel_h * s->kernel_w * group_in * s->out_c);
    v.y_size = (size_t)(s->n * s->out_h * s->out_w * s->out_c);
    v.x = array_new(&g, v.x_size);
    v.filters = array_new(&g, v.f_size);
    v.dy = array_new(&g, v.y_size);
    v.bias = draw(&g, 0, 3) > 0 ? array_new(&g, (size_t)s->out_c) : NULL;
    return v;
}

static void convolution_free(convolution *v)
{
    array_free(v->x);
    array_free(v->filters);
    array_free(v->dy);
    array_free(v->bias);
}

static size_t convolution_workspace(cnn_context *context, const convolution *v, cnn_pass pass)
{
    return conv2d_workspace(&context->backend, &v->shape, pass, cnn_context_threads(context));
}

static void forward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    convolution v = convolution_of(variant);
    cnn_backend_call call;
    float *y = array_new(NULL, v.y_size);
    call_begin(&call, context, convolution_workspace(context, &v, CNN_PASS_FORWARD));
    ck_assert_int_eq(run_conv2d_forward(&call, &v.shape, v.x, v.filters, v.bias, y, NULL), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.y_size);
    array_free(y);
    convolution_free(&v);
}

static void backward_data_run(cnn_context *context, uint32_t variant, outcome *o)
{
    convolution v = convolution_of(variant);
    cnn_backend_call call;
    float *dx = array_new(NULL, v.x_size);
    call_begin(&call, context, convolution_workspace(context, &v, CNN_PASS_BACKWARD_DATA));
    ck_assert_int_eq(run_conv2d_backward_data(&call, &v.shape, v.dy, NULL, v.filters, dx), CNN_OK);
    call_end(&call);
    outcome_floats(o, dx, v.x_size);
    array_free(dx);
    convolution_free(&v);
}

static void backward_filter_run(cnn_context *context, uint32_t variant, outcome *o)
{
    convolution v = convolution_of(variant);
    cnn_backend_call call;
    float *d_filters = array_new(NULL, v.f_size);
    float *d_bias = v.bias != NULL ? array_new(NULL, (size_t)v.shape.out_c) : NULL;
    call_begin(&call, context, convolution_workspace(context, &v, CNN_PASS_BACKWARD_FILTER));
    ck_assert_int_eq(run_conv2d_backward_filter(&call, &v.shape, v.x, v.dy, NULL, d_filters, d_bias), CNN_OK);
    call_end(&call);
    outcome_floats(o, d_filters, v.f_size);
    if (d_bias != NULL) {
        outcome_floats(o, d_bias, (size_t)v.shape.out_c);
    }
    array_free(d_filters);
    array_free(d_bias);
    convolution_free(&v);
}

double expect_activation(int32_t activation, double alpha, double x)
{
    switch (activation) {
    case CNN_RELU:
        return x > 0 ? x : 0;
    case CNN_LEAKY_RELU:
        return x > 0 ? x : alpha * x;
    case CNN_SIGMOID:
        return 1 / (1 + exp(-x));
    case CNN_TANH:
        return tanh(x);
    case CNN_RELU6:
        return fmin(fmax(x, 0), 6);
    case CNN_SILU:
        return x / (1 + exp(-x));
    case CNN_GELU:
        return x * erfc(-x / sqrt(2)) / 2;
    case CNN_GELU_TANH:
        return x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))) / 2;
    case CNN_ELU:
        return x > 0 ? x : alpha * expm1(x);
    case CNN_SELU:
        return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
    case CNN_HARD_SIGMOID:
        return fmin(fmax(alpha * x + 0.5, 0), 1);
    case CNN_HARD_SWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case CNN_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case CNN_CLIPPED_RELU:
        return fmin(fmax(x, 0), alpha);
    default:
        return x;
    }
}

/* Calls visit(argument, index of x, index of filter, index of y) for each product that the definition has. */
static void for_each_product(const cnn_conv2d_shape *s, void (*visit)(void *argument, int64_t x, int64_t f, int64_t y),
                             void *argument)
{
    int64_t group_in = s->in_c / s->groups, group_out = s->out_c / s->groups;
    int64_t outputs = s->n * s->out_h * s->out_w * s->out_c, taps = s->kernel_h * s->kernel_w * group_in;
    for (int64_t y = 0; y < outputs; y++) {
        int64_t oc = y % s->out_c, ox = y / s->out_c % s->out_w, oy = y / s->out_c / s->out_w % s->out_h;
        int64_t n = y / s->out_c / s->out_w / s->out_h;
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t ic = tap % group_in, kx = tap / group_in % s->kernel_w, ky = tap / group_in / s->kernel_w;
            int64_t iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
            int64_t ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w) {
                visit(argument, ((n * s->in_h + iy) * s->in_w + ix) * s->in_c + oc / group_out * group_in + ic,
                      tap * s->out_c + oc, y);
            }
        }
    }
}

typedef struct sums {
    const convolution *v;
    double *to;
} sums;

static void add_to_y(void *argument, int64_t x, int64_t f, int64_t y)
{
    sums *s = argument;
    s->to[y] += (double)s->v->x[x] * s->v->filters[f];
}

static void add_to_dx(void *argument, int64_t x, int64_t f, int64_t y)
{
    sums *s = argument;
    s->to[x] += (double)s->v->dy[y] * s->v->filters[f];
}

static void add_to_filters(void *argument, int64_t x, int64_t f, int64_t y)
{
    sums *s = argument;
    s->to[f] += (double)s->v->dy[y] * s->v->x[x];
}

static void forward_expect(uint32_t variant, outcome *o)
{
    convolution v = convolution_of(variant);
    sums s = {&v, calloc(v.y_size, sizeof(double))};
    for_each_product(&v.shape, add_to_y, &s);
    for (size_t i = 0; i < v.y_size; i++) {
        double bias = v.bias != NULL ? v.bias[i % (size_t)v.shape.out_c] : 0;
        s.to[i] = expect_activation(v.shape.epilogue.activation, v.shape.epilogue.alpha, s.to[i] + bias);
    }
    outcome_doubles(o, s.to, v.y_size);
    free(s.to);
    convolution_free(&v);
}

static void backward_data_expect(uint32_t variant, outcome *o)
{
    convolution v = convolution_of(variant);
    sums s = {&v, calloc(v.x_size, sizeof(double))};
    for_each_product(&v.shape, add_to_dx, &s);
    outcome_doubles(o, s.to, v.x_size);
    free(s.to);
    convolution_free(&v);
}

static void backward_filter_expect(uint32_t variant, outcome *o)
{
    convolution v = convolution_of(variant);
    sums s = {&v, calloc(v.f_size, sizeof(double))};
    for_each_product(&v.shape, add_to_filters, &s);
    outcome_doubles(o, s.to, v.f_size);
    if (v.bias != NULL) {
        double *d_bias = calloc((size_t)v.shape.out_c, sizeof(double));
        for (size_t i = 0; i < v.y_size; i++) {
            d_bias[i % (size_t)v.shape.out_c] += v.dy[i];
        }
        outcome_doubles(o, d_bias, (size_t)v.shape.out_c);
        free(d_bias);
    }
    free(s.to);
    convolution_free(&v);
}

/* Vector bounds leave room for Winograd: in its largest tiles (8x8) sums pass through factors of up to 32. */
const operation conv2d_operations[] = {
    {"gemm", gemm_run, gemm_expect, 64, 1e-6, 2e-6},
    {"conv2d forward", forward_run, forward_expect, 60, 2e-6, 1e-4},
    {"conv2d backward data", backward_data_run, backward_data_expect, 60, 2e-6, 1e-4},
    {"conv2d backward filter", backward_filter_run, backward_filter_expect, 60, 2e-6, 1e-4},
    {.name = NULL},
};
