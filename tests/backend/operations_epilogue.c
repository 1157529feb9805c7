/* SPDX-License-Identifier: MIT */
/* Backward passes that apply the derivative of their epilogue: against the same passes after an activation's own. */
#include <check.h>

#include "backend/comparison.h"
#include "backend/entries.h"
#include "backend/operations.h"
#include "core/context.h"

/* The gradient before the activation, by the activation's own pass. */
static void derive(const cnn_backend_call *call, const cnn_epilogue *epilogue, size_t n, const float *y, float *dy)
{
    ck_assert_int_eq(
        run_activation_backward(call, (cnn_activation)epilogue->activation, epilogue->alpha, n, y, dy, dy), CNN_OK);
}

static cnn_conv2d_shape draw_convolution(generator *g, uint32_t variant)
{
    cnn_conv2d_shape s = {.n = draw(g, 1, 3), .in_h = draw(g, 5, 14), .in_w = draw(g, 5, 14)};
    s.kernel_h = s.kernel_w = (int32_t[]){1, 3, 5}[variant % 3];
    s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = 1;
    s.groups = variant % 7 == 6 ? 2 : 1;
    s.in_c = s.groups * draw(g, 1, 20);
    s.out_c = s.groups * draw(g, 1, 20);
    s.out_h = s.in_h - s.kernel_h + 1;
    s.out_w = s.in_w - s.kernel_w + 1;
    s.epilogue = (cnn_epilogue){.activation = draw_activation(g, variant, true), .alpha = 0.3f};
    return s;
}

/* `apart`: the activation's derivative in a step of its own. */
static void convolution_passes(cnn_context *context, uint32_t variant, bool apart, outcome *o)
{
    generator g = generator_of("conv2d epilogue", variant);
    cnn_conv2d_shape s = draw_convolution(&g, variant);
    const bool pools = variant % 2 == 1 && s.out_h >= 2 && s.out_w >= 2 && conv2d_pools(&context->backend, &s);
    s.epilogue.pool = pools ? 2 : 0;
    const int64_t cell = pools ? 2 : 1;
    const size_t x_size = (size_t)(s.n * s.in_h * s.in_w * s.in_c);
    const size_t y_size = (size_t)(s.n * (s.out_h / cell) * (s.out_w / cell) * s.out_c);
    const size_t f_size = (size_t)(s.kernel_h * s.kernel_w * (s.in_c / s.groups) * s.out_c);
    float *x = array_new(&g, x_size), *filters = array_new(&g, f_size), *dy = array_new(&g, y_size);
    float *y = array_new(NULL, y_size), *dx = array_new(NULL, x_size), *d_filters = array_new(NULL, f_size);
    float *d_bias = array_new(NULL, (size_t)s.out_c);
    uint8_t *argmax = bytes_new(y_size);
    const cnn_op_answer answer = conv2d_answer(&context->backend, &s, cnn_context_threads(context));
    size_t most = answer.workspace[CNN_PASS_FORWARD];
    for (int pass = CNN_PASS_BACKWARD_DATA; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        most = answer.workspace[pass] > most ? answer.workspace[pass] : most;
    }
    cnn_conv2d_args args = {.struct_size = sizeof(args), .answer = &answer, .shape = s, .x = x, .filters = filters,
                            .y = y, .argmax = argmax, .dy = dy, .dx = dx, .d_filters = d_filters, .d_bias = d_bias};
    cnn_backend_call call;
    call_begin(&call, context, most);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONV2D, CNN_PASS_FORWARD, &args), CNN_OK);
    if (apart && s.epilogue.activation != CNN_LINEAR) {
        derive(&call, &s.epilogue, y_size, y, dy);
        args.y = NULL;
    }
    const cnn_pass first = variant % 4 < 2 ? CNN_PASS_BACKWARD_FILTER : CNN_PASS_BACKWARD_DATA;
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONV2D, first, &args), CNN_OK);
    args.y = NULL; /* the first pass has replaced dy */
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_CONV2D,
                                     first == CNN_PASS_BACKWARD_DATA ? CNN_PASS_BACKWARD_FILTER
                                                                     : CNN_PASS_BACKWARD_DATA,
                                     &args),
                     CNN_OK);
    call_end(&call);
    outcome_floats(o, dx, x_size);
    outcome_floats(o, d_filters, f_size);
    outcome_floats(o, d_bias, (size_t)s.out_c);
    float *const arrays[] = {x, filters, dy, y, dx, d_filters, d_bias};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        array_free(arrays[i]);
    }
    array_free(argmax);
}

static void dense_passes(cnn_context *context, uint32_t variant, bool apart, outcome *o)
{
    generator g = generator_of("dense epilogue", variant);
    const cnn_dense_shape s = {.n = draw(&g, 1, 30), .in = draw(&g, 1, 70), .out = draw(&g, 1, 70),
                               .epilogue = {.activation = draw_activation(&g, variant, true), .alpha = 0.3f}};
    const size_t n = (size_t)s.n, in = (size_t)s.in, out = (size_t)s.out;
    float *x = array_new(&g, n * in), *weights = array_new(&g, in * out), *dy = array_new(&g, n * out);
    float *y = array_new(NULL, n * out), *dx = array_new(NULL, n * in), *d_weights = array_new(NULL, in * out);
    float *d_bias = array_new(NULL, out);
    cnn_dense_args args = {.struct_size = sizeof(args), .shape = s, .x = x, .weights = weights, .y = y, .dy = dy,
                           .dx = dx, .d_weights = d_weights, .d_bias = d_bias};
    const cnn_op_answer answer = answer_to(&context->backend, CNN_OP_DENSE, &args, cnn_context_threads(context));
    size_t most = 0;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        most = answer.workspace[pass] > most ? answer.workspace[pass] : most;
    }
    cnn_backend_call call;
    call_begin(&call, context, most);
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_DENSE, CNN_PASS_FORWARD, &args), CNN_OK);
    if (apart && s.epilogue.activation != CNN_LINEAR) {
        derive(&call, &s.epilogue, n * out, y, dy);
        args.y = NULL;
    }
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_DENSE, CNN_PASS_BACKWARD_FILTER, &args), CNN_OK);
    args.y = NULL;
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_DENSE, CNN_PASS_BACKWARD_DATA, &args), CNN_OK);
    call_end(&call);
    outcome_floats(o, dx, n * in);
    outcome_floats(o, d_weights, in * out);
    outcome_floats(o, d_bias, out);
    float *const arrays[] = {x, weights, dy, y, dx, d_weights, d_bias};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        array_free(arrays[i]);
    }
}

static void pool_passes(cnn_context *context, uint32_t variant, bool apart, outcome *o)
{
    generator g = generator_of("pool epilogue", variant);
    cnn_pool2d_shape s = {.n = draw(&g, 1, 3), .in_h = draw(&g, 3, 20), .in_w = draw(&g, 3, 20), .c = draw(&g, 1, 40),
                          .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .argmax_bytes = 1,
                          .average = variant % 3 == 2};
    s.out_h = (s.in_h - 3) / 2 + 1;
    s.out_w = (s.in_w - 3) / 2 + 1;
    s.epilogue = (cnn_epilogue){.activation = draw_activation(&g, variant, true), .alpha = 0.3f};
    const size_t x_size = (size_t)(s.n * s.in_h * s.in_w * s.c), y_size = (size_t)(s.n * s.out_h * s.out_w * s.c);
    float *x = array_new(&g, x_size), *dy = array_new(&g, y_size), *y = array_new(NULL, y_size);
    float *dx = array_new(NULL, x_size);
    for (size_t i = 0; i < x_size && s.epilogue.activation == CNN_RELU6; i++) {
        x[i] *= 8; /* beyond 6 */
    }
    uint8_t *argmax = bytes_new(y_size);
    cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = s, .x = x, .y = y, .argmax = argmax, .dy = dy,
                            .dx = dx};
    cnn_backend_call call;
    call_begin(&call, context, 0);
    args.shape.epilogue.activation = apart ? CNN_LINEAR : s.epilogue.activation;
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_POOL2D, CNN_PASS_FORWARD, &args), CNN_OK);
    if (apart) {
        ck_assert_int_eq(run_activation_forward(&call, (cnn_activation)s.epilogue.activation, 0.3f, y_size, y, y),
                         CNN_OK);
        derive(&call, &s.epilogue, y_size, y, dy);
    }
    ck_assert_int_eq(cnn_backend_run(&call, CNN_OP_POOL2D, CNN_PASS_BACKWARD, &args), CNN_OK);
    call_end(&call);
    outcome_floats(o, y, y_size);
    outcome_floats(o, dx, x_size);
    array_free(x);
    array_free(dy);
    array_free(y);
    array_free(dx);
    array_free(argmax);
}

/* The double loop is the step apart, by the reference, which its own operations have compared with double loops. */
static void expect_apart(void (*run)(cnn_context *context, uint32_t variant, bool apart, outcome *o),
                         uint32_t variant, outcome *o)
{
    cnn_context *reference = context_new("reference", NULL, 1);
    run(reference, variant, true, o);
    cnn_context_free(reference);
}

static void convolution_run(cnn_context *context, uint32_t variant, outcome *o)
{
    outcome apart = {0};
    convolution_passes(context, variant, false, o);
    convolution_passes(context, variant, true, &apart);
    ck_assert_msg(outcome_same_bits(o, &apart), "convolution, variant %u: other bits than in two steps", variant);
    outcome_free(&apart);
}

static void dense_run(cnn_context *context, uint32_t variant, outcome *o)
{
    outcome apart = {0};
    dense_passes(context, variant, false, o);
    dense_passes(context, variant, true, &apart);
    ck_assert_msg(outcome_same_bits(o, &apart), "dense, variant %u: other bits than in two steps", variant);
    outcome_free(&apart);
}

static void pool_run(cnn_context *context, uint32_t variant, outcome *o)
{
    outcome apart = {0};
    pool_passes(context, variant, false, o);
    pool_passes(context, variant, true, &apart);
    ck_assert_msg(outcome_same_bits(o, &apart), "pooling, variant %u: other bits than in two steps", variant);
    outcome_free(&apart);
}

static void dense_expect(uint32_t variant, outcome *o) { expect_apart(dense_passes, variant, o); }
static void pool_expect(uint32_t variant, outcome *o) { expect_apart(pool_passes, variant, o); }

/* Without pooling, which the reference does not do. */
const operation epilogue_operations[] = {
    {"dense epilogue", dense_run, dense_expect, 30, 0, 1e-5},
    {"pool2d epilogue", pool_run, pool_expect, 30, 0, 5e-7},
    {.name = NULL},
};

void epilogue_of_convolutions(cnn_context *context)
{
    for (uint32_t variant = 0; variant < 48; variant++) {
        outcome o = {0};
        convolution_run(context, variant, &o);
        outcome_free(&o);
    }
}
