/* SPDX-License-Identifier: MIT */
/* Results that are stored past the caches: to the bit what their parts are, which are small enough to be stored in the
 * usual way, wherever they begin, for each instruction set and with two threads that read what the other one wrote. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/driver/task.h"
#include "backend/entries.h"
#include "backend/operations.h"
#include "common/suite.h"

enum { SIDE = 182, CHANNELS = 64, FEW = 8, IMAGES = 2, IMAGE = SIDE * SIDE * CHANNELS };

/* A pass over `shape`'s images from `from` to `to`: the gradient of the input where `to_input`. */
typedef struct conv_case {
    cnn_conv2d_shape shape;
    bool to_input;
    float *filters, *bias;
} conv_case;

static void run_conv(cnn_context *context, const conv_case *c, int64_t images, float *from, float *to)
{
    cnn_backend_call call;
    cnn_conv2d_shape shape = c->shape;
    shape.n = images;
    call_begin(&call, context,
               conv2d_workspace(&context->backend, &shape, c->to_input ? CNN_PASS_BACKWARD_DATA : CNN_PASS_FORWARD,
                                cnn_context_threads(context)));
    ck_assert_int_eq(c->to_input ? run_conv2d_backward_data(&call, &shape, from, NULL, c->filters, to)
                                 : run_conv2d_forward(&call, &shape, from, c->filters, c->bias, to, NULL),
                     CNN_OK);
    call_end(&call);
}

static void check_conv(cnn_context *context, cnn_conv2d_shape shape, bool to_input)
{
    generator g = generator_of("stream", 0);
    const size_t x = (size_t)(shape.in_h * shape.in_w * shape.in_c);
    const size_t y = (size_t)(shape.out_h * shape.out_w * shape.out_c);
    const size_t source = to_input ? y : x, result = to_input ? x : y;
    ck_assert(cnn__streams(IMAGES * result) && !cnn__streams(result));
    const size_t filters = (size_t)(shape.kernel_h * shape.kernel_w * (shape.in_c / shape.groups) * shape.out_c);
    const conv_case c = {shape, to_input, array_new(&g, filters), array_new(&g, (size_t)shape.out_c)};
    float *from = array_new(&g, IMAGES * source), *parts = array_new(NULL, IMAGES * result);
    float *whole = array_new(NULL, IMAGES * result + 1);
    for (size_t i = 0; i < IMAGES; i++) {
        run_conv(context, &c, 1, from + i * source, parts + i * result);
    }
    for (size_t offset = 0; offset < 2; offset++) {
        run_conv(context, &c, IMAGES, from, whole + offset);
        ck_assert_int_eq(memcmp(whole + offset, parts, IMAGES * result * sizeof(float)), 0);
    }
    array_free(c.filters);
    array_free(c.bias);
    array_free(from);
    array_free(parts);
    array_free(whole);
}

static cnn_conv2d_shape conv_shape(int32_t kernel, int32_t stride, int64_t in_c, int64_t out_c,
                                   cnn_activation activation)
{
    const bool windows = kernel > 1, depthwise = windows && in_c == out_c;
    return (cnn_conv2d_shape){.n = IMAGES,
                              .in_h = SIDE * (windows ? 1 : stride),
                              .in_w = SIDE * (windows ? 1 : stride),
                              .in_c = in_c,
                              .out_h = windows ? SIDE / stride : SIDE,
                              .out_w = windows ? SIDE / stride : SIDE,
                              .out_c = out_c,
                              .kernel_h = kernel,
                              .kernel_w = kernel,
                              .stride_h = stride,
                              .stride_w = stride,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .groups = depthwise ? (int32_t)in_c : 1,
                              .pad_top = kernel / 2,
                              .pad_left = kernel / 2,
                              .epilogue = {.activation = activation}};
}

/* NULL: this processor has fewer. */
static cnn_context *context_of(int index)
{
    const char *level = cpu_level_at((size_t)index);
    return level != NULL ? context_new(cnn_backend_name(0), level, 2) : NULL;
}

START_TEST(pointwise)
{
    cnn_context *context = context_of(_i);
    if (context == NULL) {
        return;
    }
    check_conv(context, conv_shape(1, 1, FEW, CHANNELS, CNN_LINEAR), false);
    check_conv(context, conv_shape(1, 2, FEW, CHANNELS, CNN_RELU6), false);
    check_conv(context, conv_shape(1, 1, FEW, CHANNELS, CNN_TANH), false);
    check_conv(context, conv_shape(1, 1, CHANNELS, FEW, CNN_LINEAR), true);
    cnn_context_free(context);
}
END_TEST

START_TEST(depthwise)
{
    cnn_context *context = context_of(_i);
    if (context == NULL) {
        return;
    }
    check_conv(context, conv_shape(3, 1, CHANNELS, CHANNELS, CNN_LINEAR), false);
    check_conv(context, conv_shape(3, 1, CHANNELS, CHANNELS, CNN_RELU), false);
    check_conv(context, conv_shape(3, 1, CHANNELS, CHANNELS, CNN_LINEAR), true);
    check_conv(context, conv_shape(3, 2, CHANNELS, CHANNELS, CNN_LINEAR), true);
    cnn_context_free(context);
}
END_TEST

/* First layers and strides read their windows in place, the others are transformed. */
START_TEST(windows)
{
    cnn_context *context = context_of(_i);
    if (context == NULL) {
        return;
    }
    check_conv(context, conv_shape(3, 1, 3, CHANNELS, CNN_LINEAR), false);
    check_conv(context, conv_shape(3, 1, 3, CHANNELS, CNN_TANH), false);
    check_conv(context, conv_shape(3, 2, CHANNELS, FEW, CNN_LINEAR), true);
    check_conv(context, conv_shape(3, 1, 2 * FEW, CHANNELS, CNN_RELU), false);
    check_conv(context, conv_shape(3, 1, CHANNELS, 2 * FEW, CNN_LINEAR), true);
    cnn_context_free(context);
}
END_TEST

typedef struct norm_arrays {
    float *x, *dy, *gamma, *beta, *mean, *variance, *inv_std, *d_gamma, *d_beta;
} norm_arrays;

/* Forward, and the gradient. With fixed statistics rows do not depend on one another. */
static void run_norm(cnn_context *context, cnn_activation activation, bool fixed, const norm_arrays *a, int64_t images,
                     size_t at, float *y, float *dx)
{
    cnn_backend_call call;
    const cnn_norm_shape shape = {.n = images,
                                  .h = SIDE,
                                  .w = SIDE,
                                  .c = CHANNELS,
                                  .epsilon = 1e-3f,
                                  .fixed = fixed,
                                  .epilogue = {.activation = activation}};
    call_begin(&call, context, norm_workspace(&context->backend, &shape, cnn_context_threads(context)));
    ck_assert_int_eq(
        run_norm_forward(&call, &shape, a->x + at, a->gamma, a->beta, y, NULL, a->mean, a->variance, a->inv_std),
        CNN_OK);
    ck_assert_int_eq(run_norm_backward(&call, &shape, a->x + at, activation == CNN_LINEAR ? NULL : y, a->dy + at, NULL,
                                       a->gamma, a->beta, a->mean, a->inv_std, dx, a->d_gamma, a->d_beta),
                     CNN_OK);
    call_end(&call);
}

static void check_norm(cnn_context *context, cnn_activation activation)
{
    generator g = generator_of("stream", 1);
    const size_t size = (size_t)IMAGES * IMAGE, c = CHANNELS;
    norm_arrays a = {array_new(&g, size), array_new(&g, size), array_new(&g, c),   array_new(&g, c),  array_new(&g, c),
                     array_new(&g, c),    array_new(NULL, c),  array_new(NULL, c), array_new(NULL, c)};
    float *y = array_new(NULL, size), *dx = array_new(NULL, size), *whole = array_new(NULL, 2 * (size + 16));
    for (size_t j = 0; j < c; j++) {
        a.variance[j] *= a.variance[j];
    }
    for (size_t at = 0; at < size; at += IMAGE) {
        run_norm(context, activation, true, &a, 1, at, y + at, dx + at);
    }
    for (size_t offset = 0; offset < 2; offset++) {
        float *whole_y = whole + offset, *whole_dx = whole + size + 16 + offset;
        run_norm(context, activation, true, &a, IMAGES, 0, whole_y, whole_dx);
        ck_assert_int_eq(memcmp(whole_y, y, size * sizeof(float)), 0);
        ck_assert_int_eq(memcmp(whole_dx, dx, size * sizeof(float)), 0);
    }
    run_norm(context, activation, false, &a, IMAGES, 0, y, dx);
    run_norm(context, activation, false, &a, IMAGES, 0, whole + 1, whole + size + 17); /* vectors are not aligned */
    ck_assert_int_eq(memcmp(whole + 1, y, size * sizeof(float)), 0);
    ck_assert_int_eq(memcmp(whole + size + 17, dx, size * sizeof(float)), 0);
    float *const arrays[] = {a.x,       a.dy,      a.gamma,  a.beta, a.mean, a.variance,
                             a.inv_std, a.d_gamma, a.d_beta, y,      dx,     whole};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        array_free(arrays[i]);
    }
}

START_TEST(norm)
{
    cnn_context *context = context_of(_i);
    if (context == NULL) {
        return;
    }
    check_norm(context, CNN_LINEAR);
    check_norm(context, CNN_RELU);
    check_norm(context, CNN_RELU6);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend/stream");
    TCase *tests = tcase_create("stream");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, pointwise, 0, 3);
    tcase_add_loop_test(tests, depthwise, 0, 3);
    tcase_add_loop_test(tests, windows, 0, 3);
    tcase_add_loop_test(tests, norm, 0, 3);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
