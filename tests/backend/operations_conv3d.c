/* SPDX-License-Identifier: MIT */
/* The passes of 3-D convolution: any kernel, stride, dilation, groups and padding, planes of the kernel in the padding
 * among them; and normalised adjacency matrices with their gradients. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

/* --- convolution --- */

typedef struct volume {
    cnn_conv3d_shape shape;
    size_t x_size, f_size, y_size;
    float *x, *filters, *bias, *dy;
} volume;

/* One side: kernel, stride, dilation, padding and sizes. */
static void draw_side(generator *g, uint32_t variant, int32_t window[3], int32_t *pad, int64_t *in, int64_t *out)
{
    const bool plain = variant % 4 == 0; /* 3x3x3 and 1x1x1 at stride 1 */
    window[0] = plain ? (variant % 8 == 0 ? 3 : 1) : (int32_t)draw(g, 1, 4);
    window[1] = plain ? 1 : (int32_t)draw(g, 1, 3);
    window[2] = plain ? 1 : (int32_t)draw(g, 1, 2);
    const int64_t reach = (window[0] - 1) * window[2] + 1;
    const int64_t after = variant % 8 == 4 ? 0 : draw(g, 0, (uint32_t)reach + 1); /* more than the kernel, too */
    *pad = variant % 8 == 4 ? 0 : (int32_t)draw(g, 0, (uint32_t)reach + 1);
    *in = reach + draw(g, 0, 6);
    *out = (*in + *pad + after - reach) / window[1] + 1;
}

static volume volume_of(uint32_t variant)
{
    generator g = generator_of("conv3d", variant);
    volume v = {.shape = {0}};
    cnn_conv3d_shape *s = &v.shape;
    int32_t d[3], h[3], w[3];
    draw_side(&g, variant, d, &s->pad_front, &s->in_d, &s->out_d);
    draw_side(&g, variant, h, &s->pad_top, &s->in_h, &s->out_h);
    draw_side(&g, variant, w, &s->pad_left, &s->in_w, &s->out_w);
    s->kernel_d = d[0], s->kernel_h = h[0], s->kernel_w = w[0];
    s->stride_d = d[1], s->stride_h = h[1], s->stride_w = w[1];
    s->dilation_d = d[2], s->dilation_h = h[2], s->dilation_w = w[2];
    s->groups = variant % 5 == 4 ? (int32_t)draw(&g, 2, 4) : 1;
    const int64_t group_in = draw(&g, 1, variant % 3 == 0 ? 17 : 5), group_out = draw(&g, 1, variant % 3 == 0 ? 19 : 5);
    s->n = draw(&g, 1, 3);
    s->in_c = group_in * s->groups;
    s->out_c = group_out * s->groups;
    s->epilogue.activation = draw_activation(&g, variant, true);
    s->epilogue.alpha = 0.25f;
    v.x_size = (size_t)(s->n * s->in_d * s->in_h * s->in_w * s->in_c);
    v.f_size = (size_t)(s->kernel_d * s->kernel_h * s->kernel_w * group_in * s->out_c);
    v.y_size = (size_t)(s->n * s->out_d * s->out_h * s->out_w * s->out_c);
    v.x = array_new(&g, v.x_size);
    v.filters = array_new(&g, v.f_size);
    v.dy = array_new(&g, v.y_size);
    v.bias = draw(&g, 0, 3) > 0 ? array_new(&g, (size_t)s->out_c) : NULL;
    return v;
}

static void volume_free(volume *v)
{
    array_free(v->x);
    array_free(v->filters);
    array_free(v->dy);
    array_free(v->bias);
}

/* Runs a pass with exactly the workspace that was said; the gradient is that before the activation. */
static void run_pass(cnn_context *context, cnn_pass pass, cnn_conv3d_args *args)
{
    cnn_backend_call call;
    const cnn_op_answer answer = answer_to(&context->backend, CNN_OP_CONV3D, args, cnn_context_threads(context));
    args->answer = &answer;
    call_begin(&call, context, answer.workspace[pass]);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONV3D, pass, args), CNN_OK);
    call_end(&call);
}

static void forward_run(cnn_context *context, uint32_t variant, outcome *o)
{
    volume v = volume_of(variant);
    float *y = array_new(NULL, v.y_size);
    cnn_conv3d_args args = {
        .struct_size = sizeof(args), .shape = v.shape, .x = v.x, .filters = v.filters, .bias = v.bias, .y = y};
    run_pass(context, CNN_PASS_FORWARD, &args);
    outcome_floats(o, y, v.y_size);
    array_free(y);
    volume_free(&v);
}

static void backward_data_run(cnn_context *context, uint32_t variant, outcome *o)
{
    volume v = volume_of(variant);
    float *dx = array_new(NULL, v.x_size);
    cnn_conv3d_args args = {.struct_size = sizeof(args), .shape = v.shape, .filters = v.filters, .dy = v.dy, .dx = dx};
    run_pass(context, CNN_PASS_BACKWARD_DATA, &args);
    outcome_floats(o, dx, v.x_size);
    array_free(dx);
    volume_free(&v);
}

static void backward_filter_run(cnn_context *context, uint32_t variant, outcome *o)
{
    volume v = volume_of(variant);
    const size_t channels = (size_t)v.shape.out_c;
    float *d_filters = array_new(NULL, v.f_size), *d_bias = v.bias != NULL ? array_new(NULL, channels) : NULL;
    cnn_conv3d_args args = {
        .struct_size = sizeof(args), .shape = v.shape, .x = v.x, .dy = v.dy, .d_filters = d_filters, .d_bias = d_bias};
    run_pass(context, CNN_PASS_BACKWARD_FILTER, &args);
    outcome_floats(o, d_filters, v.f_size);
    if (d_bias != NULL) {
        outcome_floats(o, d_bias, channels);
    }
    array_free(d_filters);
    array_free(d_bias);
    volume_free(&v);
}

/* Calls visit(argument, x, f, y) with the indices of each product of the definition. */
typedef void (*visitor)(const volume *v, double *to, int64_t x, int64_t f, int64_t y);

static void visit_channels(const volume *v, double *to, int64_t pixel, int64_t tap, int64_t place, visitor visit)
{
    const cnn_conv3d_shape *s = &v->shape;
    const int64_t group_in = s->in_c / s->groups, group_out = s->out_c / s->groups;
    for (int64_t o = 0; o < s->out_c; o++) {
        for (int64_t i = 0; i < group_in; i++) {
            visit(v, to, pixel * s->in_c + o / group_out * group_in + i, (tap * group_in + i) * s->out_c + o,
                  place * s->out_c + o);
        }
    }
}

static void visit_window(const volume *v, double *to, int64_t image, const int64_t at[3], int64_t place, visitor visit)
{
    const cnn_conv3d_shape *s = &v->shape;
    for (int64_t tap = 0; tap < (int64_t)s->kernel_d * s->kernel_h * s->kernel_w; tap++) {
        const int64_t kw = tap % s->kernel_w, kh = tap / s->kernel_w % s->kernel_h,
                      kd = tap / s->kernel_w / s->kernel_h;
        const int64_t z = at[0] * s->stride_d - s->pad_front + kd * s->dilation_d;
        const int64_t y = at[1] * s->stride_h - s->pad_top + kh * s->dilation_h;
        const int64_t x = at[2] * s->stride_w - s->pad_left + kw * s->dilation_w;
        if (z >= 0 && z < s->in_d && y >= 0 && y < s->in_h && x >= 0 && x < s->in_w) {
            visit_channels(v, to, ((image * s->in_d + z) * s->in_h + y) * s->in_w + x, tap, place, visit);
        }
    }
}

static void for_each_product(const volume *v, double *to, visitor visit)
{
    const cnn_conv3d_shape *s = &v->shape;
    const int64_t places = s->out_d * s->out_h * s->out_w;
    for (int64_t place = 0; place < s->n * places; place++) {
        const int64_t inside = place % places;
        const int64_t at[3] = {inside / s->out_w / s->out_h, inside / s->out_w % s->out_h, inside % s->out_w};
        visit_window(v, to, place / places, at, place, visit);
    }
}

static void add_to_y(const volume *v, double *to, int64_t x, int64_t f, int64_t y)
{
    to[y] += (double)v->x[x] * v->filters[f];
}

/* Of a gradient that is as forward gave it: the activation's derivative is not asked for without y. */
static void add_to_dx(const volume *v, double *to, int64_t x, int64_t f, int64_t y)
{
    to[x] += (double)v->dy[y] * v->filters[f];
}

static void add_to_filters(const volume *v, double *to, int64_t x, int64_t f, int64_t y)
{
    to[f] += (double)v->dy[y] * v->x[x];
}

static void forward_expect(uint32_t variant, outcome *o)
{
    volume v = volume_of(variant);
    double *y = calloc(v.y_size, sizeof(double));
    for_each_product(&v, y, add_to_y);
    for (size_t i = 0; i < v.y_size; i++) {
        const double bias = v.bias != NULL ? v.bias[i % (size_t)v.shape.out_c] : 0;
        y[i] = expect_activation(v.shape.epilogue.activation, v.shape.epilogue.alpha, y[i] + bias);
    }
    outcome_doubles(o, y, v.y_size);
    free(y);
    volume_free(&v);
}

static void backward_data_expect(uint32_t variant, outcome *o)
{
    volume v = volume_of(variant);
    double *dx = calloc(v.x_size, sizeof(double));
    for_each_product(&v, dx, add_to_dx);
    outcome_doubles(o, dx, v.x_size);
    free(dx);
    volume_free(&v);
}

static void backward_filter_expect(uint32_t variant, outcome *o)
{
    volume v = volume_of(variant);
    const size_t channels = (size_t)v.shape.out_c;
    double *d_filters = calloc(v.f_size, sizeof(double)), *d_bias = calloc(channels, sizeof(double));
    for_each_product(&v, d_filters, add_to_filters);
    outcome_doubles(o, d_filters, v.f_size);
    for (size_t i = 0; i < v.y_size; i++) {
        d_bias[i % channels] += v.dy[i];
    }
    if (v.bias != NULL) {
        outcome_doubles(o, d_bias, channels);
    }
    free(d_filters);
    free(d_bias);
    volume_free(&v);
}

/* --- adjacency --- */

typedef struct graphs {
    cnn_adjacency_args args;
    size_t size;
    float *x, *dy;
} graphs;

/* Some graphs have nodes without edges; some rows have a sum below 0. */
static graphs graphs_of(uint32_t variant)
{
    generator g = generator_of("adjacency", variant);
    graphs v = {.args = {.struct_size = sizeof(v.args)}};
    v.args.n = draw(&g, 1, 4);
    v.args.nodes = draw(&g, 1, 20);
    v.args.directed = (int32_t)(variant % 2);
    v.size = (size_t)(v.args.n * v.args.nodes * v.args.nodes);
    v.x = array_new(&g, v.size);
    v.dy = array_new(&g, v.size);
    const uint32_t nodes = (uint32_t)v.args.nodes;
    const uint32_t lonely = draw(&g, 0, nodes - 1), negative = draw(&g, 0, nodes - 1);
    for (size_t i = 0; i < v.size; i++) {
        const uint32_t row = (uint32_t)(i / nodes % nodes);
        v.x[i] = row == lonely ? 0 : (row == negative && variant % 3 == 0 ? -1 : 1) * (0.2f + fabsf(v.x[i]));
    }
    return v;
}

static void adjacency_run(cnn_context *context, uint32_t variant, outcome *o)
{
    graphs v = graphs_of(variant);
    float *y = array_new(NULL, v.size), *dx = array_new(NULL, v.size);
    cnn_backend_call call;
    const cnn_op_answer answer = answer_to(&context->backend, CNN_OP_ADJACENCY, &v.args, cnn_context_threads(context));
    v.args.x = v.x;
    v.args.y = y;
    v.args.dy = v.dy;
    v.args.dx = dx;
    call_begin(&call, context, answer.workspace[CNN_PASS_FORWARD]);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ADJACENCY, CNN_PASS_FORWARD, &v.args), CNN_OK);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_ADJACENCY, CNN_PASS_BACKWARD, &v.args), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, v.size);
    outcome_floats(o, dx, v.size);
    array_free(y);
    array_free(dx);
    array_free(v.x);
    array_free(v.dy);
}

/* The normalised matrix by the formula; entries of x as doubles. */
static void normalise(const cnn_adjacency_args *args, const double *x, double *y)
{
    const size_t nodes = (size_t)args->nodes;
    double sums[32];
    for (size_t i = 0; i < nodes; i++) {
        sums[i] = args->directed ? 0 : 1;
        for (size_t j = 0; j < nodes; j++) {
            sums[i] += x[i * nodes + j];
        }
    }
    for (size_t i = 0; i < nodes * nodes; i++) {
        const size_t row = i / nodes, column = i % nodes;
        const double a = x[i] + (!args->directed && row == column ? 1 : 0);
        const bool lost = sums[row] <= 0 || (!args->directed && sums[column] <= 0);
        y[i] = lost ? 0 : args->directed ? a / sums[row] : a / sqrt(sums[row] * sums[column]);
    }
}

/* The gradient by central differences of the formula, in double. */
static void adjacency_expect(uint32_t variant, outcome *o)
{
    graphs v = graphs_of(variant);
    const size_t cells = (size_t)(v.args.nodes * v.args.nodes);
    double *y = malloc(v.size * sizeof(double)), *dx = malloc(v.size * sizeof(double));
    double *x = malloc(cells * sizeof(double)), *moved = malloc(cells * sizeof(double));
    for (size_t at = 0; at < v.size; at += cells) {
        for (size_t i = 0; i < cells; i++) {
            x[i] = v.x[at + i];
        }
        normalise(&v.args, x, y + at);
        for (size_t i = 0; i < cells; i++) {
            double ends[2];
            for (int end = 0; end < 2; end++) {
                const double before = x[i];
                x[i] += end == 0 ? -1e-5 : 1e-5;
                normalise(&v.args, x, moved);
                x[i] = before;
                ends[end] = 0;
                for (size_t k = 0; k < cells; k++) {
                    ends[end] += moved[k] * v.dy[at + k];
                }
            }
            dx[at + i] = (ends[1] - ends[0]) / 2e-5;
        }
        /* A row without a sum is 0 whatever its entries are, though the formula has no derivative there. */
        for (size_t i = 0; v.args.directed && i < cells; i++) {
            double sum = 0;
            for (size_t j = 0; j < (size_t)v.args.nodes; j++) {
                sum += x[i / (size_t)v.args.nodes * (size_t)v.args.nodes + j];
            }
            dx[at + i] = sum <= 0 ? 0 : dx[at + i];
        }
    }
    outcome_doubles(o, y, v.size);
    outcome_doubles(o, dx, v.size);
    free(y);
    free(dx);
    free(x);
    free(moved);
    array_free(v.x);
    array_free(v.dy);
}

const operation conv3d_operations[] = {
    {"conv3d forward", forward_run, forward_expect, 60, 2e-6, 4e-6},
    {"conv3d backward data", backward_data_run, backward_data_expect, 60, 2e-6, 4e-6},
    {"conv3d backward filter", backward_filter_run, backward_filter_expect, 60, 2e-6, 4e-6},
    {"adjacency", adjacency_run, adjacency_expect, 40, 1e-6, 0},
    {.name = NULL},
};
