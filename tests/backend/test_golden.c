/* SPDX-License-Identifier: MIT */
/* Every built-in backend against numbers that PyTorch gave. */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/entries.h"
#include "backend/golden_kernels.h"
#include "backend/operations.h"
#include "common/suite.h"

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

/* float copies of the golden doubles, aligned and guarded. */
static float *copy(const double *values, size_t count)
{
    float *array = array_new(NULL, count);
    for (size_t i = 0; i < count; i++) {
        array[i] = (float)values[i];
    }
    return array;
}

#define COPY(values) copy(values, COUNT(values))

static void expect_near(const char *what, const float *got, const double *expected, size_t count, double bound)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabs(got[i] - expected[i]) <= bound * fmax(1, fabs(expected[i])), "%s[%zu]: %.9g, PyTorch %.9g",
                      what, i, got[i], expected[i]);
    }
}

#define EXPECT(got, expected) expect_near(#expected, got, expected, COUNT(expected), 2e-6)

static cnn_context *context;
static cnn_backend_call call;

static void begin(size_t backend)
{
    context = context_new(cnn_backend_name(backend), NULL, 1);
    call_begin(&call, context, 1 << 20);
}

static void finish(void)
{
    call_end(&call);
    cnn_context_free(context);
}

static void check_average(cnn_pool2d_shape shape, const double *y, const double *dx)
{
    size_t count = (size_t)(shape.out_h * shape.out_w * shape.c);
    float *x = COPY(pool_x), *got = array_new(NULL, count), *dy = array_new(NULL, count);
    float *got_dx = array_new(NULL, COUNT(pool_x));
    shape.n = 1;
    shape.average = 1;
    for (size_t i = 0; i < count; i++) {
        dy[i] = (float)(i + 1);
    }
    ck_assert_int_eq(run_pool2d_forward(&call, &shape, x, got, NULL), CNN_OK);
    ck_assert_int_eq(run_pool2d_backward(&call, &shape, dy, NULL, got_dx), CNN_OK);
    expect_near("average y", got, y, count, 1e-6);
    expect_near("average dx", got_dx, dx, COUNT(pool_x), 1e-6);
    array_free(x);
    array_free(got);
    array_free(dy);
    array_free(got_dx);
}

START_TEST(pooling)
{
    begin((size_t)_i);
    cnn_pool2d_shape shape = {.in_h = 6, .in_w = 7, .c = 2, .out_h = 4, .out_w = 4, .kernel_h = 3, .kernel_w = 3,
                              .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1,
                              .pad_right = 1, .count_include_pad = 1};
    ck_assert_uint_eq(COUNT(average_ceil_y), 32);
    check_average(shape, average_ceil_y, average_ceil_dx);
    shape.count_include_pad = 0;
    check_average(shape, average_ceil_inside_y, average_ceil_inside_dx);
    const cnn_pool2d_shape uneven = {.in_h = 6, .in_w = 7, .c = 2, .out_h = 4, .out_w = 5, .kernel_h = 2,
                                     .kernel_w = 3, .stride_h = 2, .stride_w = 1, .pad_top = 1, .pad_bottom = 1,
                                     .count_include_pad = 1};
    ck_assert_uint_eq(COUNT(average_uneven_y), 40);
    check_average(uneven, average_uneven_y, average_uneven_dx);
    finish();
}
END_TEST

START_TEST(ties_go_to_the_first)
{
    begin((size_t)_i);
    const cnn_pool2d_shape shape = {.n = 1, .in_h = 4, .in_w = 4, .c = 1, .out_h = 3,
                                    .out_w = 3, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2,
                                    .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1, .argmax_bytes = 1};
    float *x = COPY(ties_x), *y = array_new(NULL, 9), *dy = array_new(NULL, 9), *dx = array_new(NULL, 16);
    uint8_t *argmax = bytes_new(9);
    for (int i = 0; i < 9; i++) {
        dy[i] = (float)(i + 1);
    }
    ck_assert_int_eq(run_pool2d_forward(&call, &shape, x, y, argmax), CNN_OK);
    ck_assert_int_eq(run_pool2d_backward(&call, &shape, dy, argmax, dx), CNN_OK);
    EXPECT(y, ties_y);
    EXPECT(dx, ties_dx);
    array_free(x);
    array_free(y);
    array_free(dy);
    array_free(dx);
    array_free(argmax);
    finish();
}
END_TEST

START_TEST(normalisation)
{
    begin((size_t)_i);
    const cnn_norm_shape shape = {.n = 40, .h = 1, .w = 1, .c = 3, .epsilon = 1e-3f};
    float *x = COPY(norm_x), *gamma = COPY(norm_gamma), *beta = COPY(norm_beta), *dy = COPY(norm_dy);
    float *y = array_new(NULL, COUNT(norm_y)), *dx = array_new(NULL, COUNT(norm_dx)), *mean = array_new(NULL, 3);
    float *variance = array_new(NULL, 3), *inv_std = array_new(NULL, 3);
    float *d_gamma = array_new(NULL, 3), *d_beta = array_new(NULL, 3);
    ck_assert_int_eq(run_norm_forward(&call, &shape, x, gamma, beta, y, NULL, mean, variance, inv_std), CNN_OK);
    ck_assert_int_eq(
        run_norm_backward(&call, &shape, x, NULL, dy, NULL, gamma, beta, mean, inv_std, dx, d_gamma, d_beta), CNN_OK);
    EXPECT(y, norm_y);
    EXPECT(variance, norm_variance);
    EXPECT(dx, norm_dx);
    EXPECT(d_gamma, norm_d_gamma);
    EXPECT(d_beta, norm_d_beta);
    float *const arrays[] = {x, gamma, beta, dy, y, dx, mean, variance, inv_std, d_gamma, d_beta};
    for (size_t i = 0; i < COUNT(arrays); i++) {
        array_free(arrays[i]);
    }
    finish();
}
END_TEST

START_TEST(convolution)
{
    begin((size_t)_i);
    const cnn_conv2d_shape shape = {.n = 1, .in_h = 7, .in_w = 6, .in_c = 4, .out_h = 5,
                                    .out_w = 6, .out_c = 6, .kernel_h = 3, .kernel_w = 2, .stride_h = 2,
                                    .stride_w = 1, .dilation_h = 1, .dilation_w = 2, .groups = 2, .pad_top = 2,
                                    .pad_left = 1};
    float *x = COPY(conv_x), *w = COPY(conv_w), *b = COPY(conv_b), *dy = COPY(conv_dy);
    float *y = array_new(NULL, COUNT(conv_y)), *dx = array_new(NULL, COUNT(conv_dx));
    float *dw = array_new(NULL, COUNT(conv_dw)), *db = array_new(NULL, COUNT(conv_db));
    ck_assert_int_eq(run_conv2d_forward(&call, &shape, x, w, b, y, NULL), CNN_OK);
    ck_assert_int_eq(run_conv2d_backward_data(&call, &shape, dy, NULL, w, dx), CNN_OK);
    ck_assert_int_eq(run_conv2d_backward_filter(&call, &shape, x, dy, NULL, dw, db), CNN_OK);
    EXPECT(y, conv_y);
    EXPECT(dx, conv_dx);
    EXPECT(dw, conv_dw);
    EXPECT(db, conv_db);
    float *const arrays[] = {x, w, b, dy, y, dx, dw, db};
    for (size_t i = 0; i < COUNT(arrays); i++) {
        array_free(arrays[i]);
    }
    finish();
}
END_TEST

/* Three steps with falling rates, as golden_kernels.py takes them. */
static void check_update(cnn_update_rule rule, cnn_update_args args, int slots, const char *what,
                         const double *expected)
{
    static const float rates[] = {0.1f, 0.05f, 0.01f};
    float *w = COPY(optimizer_start), *g = COPY(optimizer_gradients);
    float *slot0 = array_new(NULL, 4), *slot1 = array_new(NULL, 4);
    memset(slot0, 0, 4 * sizeof(float));
    memset(slot1, 0, 4 * sizeof(float));
    args.struct_size = sizeof(args);
    args.rule = (int32_t)rule;
    args.n = 4;
    args.w = w;
    args.slot0 = slots > 0 ? slot0 : NULL;
    args.slot1 = slots > 1 ? slot1 : NULL;
    args.gradient_scale = 1;
    for (int step = 0; step < 3; step++) {
        float *aligned = array_new(NULL, 4);
        memcpy(aligned, g + 4 * step, 4 * sizeof(float));
        args.g = aligned;
        args.learning_rate = rates[step];
        args.correction1 = 1 - pow(args.beta1, step + 1);
        args.correction2 = 1 - pow(args.beta2, step + 1);
        ck_assert_int_eq(run_update(&call, &args), CNN_OK);
        array_free(aligned);
    }
    expect_near(what, w, expected, 4, 1e-6);
    array_free(w);
    array_free(g);
    array_free(slot0);
    array_free(slot1);
}

START_TEST(optimizers)
{
    begin((size_t)_i);
    check_update(CNN_UPDATE_SGD, (cnn_update_args){.weight_decay = 0.01f}, 0, "sgd", sgd_plain);
    check_update(CNN_UPDATE_SGD, (cnn_update_args){.momentum = 0.9f}, 1, "momentum", sgd_momentum);
    check_update(CNN_UPDATE_SGD, (cnn_update_args){.momentum = 0.9f, .nesterov = 1, .weight_decay = 0.01f}, 1,
                 "nesterov", sgd_nesterov);
    check_update(CNN_UPDATE_RMSPROP, (cnn_update_args){.beta2 = 0.9f, .epsilon = 1e-2f}, 1, "rmsprop", rmsprop);
    check_update(CNN_UPDATE_RMSPROP,
                 (cnn_update_args){.beta2 = 0.9f, .epsilon = 1e-2f, .momentum = 0.8f, .weight_decay = 0.02f}, 2,
                 "rmsprop momentum", rmsprop_momentum);
    check_update(CNN_UPDATE_ADAM,
                 (cnn_update_args){.beta1 = 0.8f, .beta2 = 0.95f, .epsilon = 1e-3f, .weight_decay = 0.01f}, 2, "adam",
                 adam);
    finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend golden numbers");
    TCase *tcase = tcase_create("golden");
    int backends = 0;
    while (cnn_backend_name((size_t)backends) != NULL) {
        backends++;
    }
    tcase_add_loop_test(tcase, pooling, 0, backends);
    tcase_add_loop_test(tcase, ties_go_to_the_first, 0, backends);
    tcase_add_loop_test(tcase, normalisation, 0, backends);
    tcase_add_loop_test(tcase, convolution, 0, backends);
    tcase_add_loop_test(tcase, optimizers, 0, backends);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
