/* SPDX-License-Identifier: MIT */
/* What layers refuse, what shapes they give, and how they begin. */
#include <check.h>
#include <math.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

static cnn_context *context;

static void open_context(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
}

static void close_context(void) { cnn_context_free(context); }

static void expect_refusal(cnn_layer *layer, const char *words)
{
    ck_assert_ptr_null(layer);
    ck_assert_msg(strstr(cnn_last_error(context), words) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  words);
}

START_TEST(test_refusals)
{
    expect_refusal(cnn_conv2d(context, NULL), "filters is 0");
    expect_refusal(cnn_conv2d(context, CNN_CONV2D(.filters = 4, .groups = 3)), "4 filters cannot be divided into 3");
    expect_refusal(cnn_conv2d(context, CNN_CONV2D(.filters = 4, .stride = {-1})), "stride is -1");
    expect_refusal(cnn_conv2d(context, CNN_CONV2D(.filters = 4, .padding = CNN_PADDING_SAME, .pads = {1})),
                   "pads are given, but padding is \"same\"");
    expect_refusal(cnn_conv2d(context, CNN_CONV2D(.filters = 4, .kernel_init = {CNN_INIT_NORMAL, NAN})), "kernel_init");
    expect_refusal(cnn_conv2d(context, CNN_CONV2D(.filters = 4, .activation = 99)), "activation is 99");
    expect_refusal(cnn_dense(context, CNN_DENSE(.units = -5)), "units is -5");
    expect_refusal(cnn_dense(context, CNN_DENSE(.units = 5, .activation = CNN_LEAKY_RELU, .alpha = -1)), "alpha is -1");
    expect_refusal(cnn_dropout(context, CNN_DROPOUT(.rate = 1.0f)), "rate is 1");
    expect_refusal(cnn_dropout(context, CNN_DROPOUT(.rate = NAN)), "rate is nan");
    expect_refusal(cnn_dropout(context, CNN_DROPOUT(.rate = 0.5f, .channels = 3)), "channels is 3");
    expect_refusal(cnn_max_pool2d(context, CNN_POOL2D(.size = {2}, .pads = {2})), "a window would lie outside");
    expect_refusal(cnn_batch_norm(context, CNN_BATCH_NORM(.activation = 99)), "activation");
    expect_refusal(cnn_batch_norm(context, CNN_BATCH_NORM(.keep = 2)), "keep is 2");
    expect_refusal(cnn_zero_pad2d(context, CNN_ZERO_PAD2D(.pads = {-1})), "pads is -1");
    expect_refusal(cnn_dense(context, CNN_DENSE(.name = "a/b", .units = 1)), "the name \"a/b\"");
    expect_refusal(cnn_dense(context, CNN_DENSE(.name = "", .units = 1)), "the name \"\"");
}
END_TEST

/* Output height and width of one layer for an image of 1 channel. */
static void expect_size(int32_t height, int32_t width, cnn_layer *layer, int64_t out_height, int64_t out_width)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {height, width, 1}), &model), CNN_OK);
    cnn_model_add(model, layer);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    cnn_shape shape = cnn_model_output_shape(model);
    ck_assert_int_eq(shape.dims[0], out_height);
    ck_assert_int_eq(shape.dims[1], out_width);
    cnn_model_free(model);
}

START_TEST(test_sizes)
{
    expect_size(150, 150, cnn_conv2d(context, CNN_CONV2D(.filters = 1)), 148, 148);
    expect_size(227, 227, cnn_conv2d(context, CNN_CONV2D(.filters = 1, .kernel = {11}, .stride = {4})), 55, 55);
    expect_size(224, 223, cnn_conv2d(context, CNN_CONV2D(.filters = 1, .stride = {2}, .padding = CNN_PADDING_SAME)),
                112, 112);
    expect_size(7, 7, cnn_conv2d(context, CNN_CONV2D(.filters = 1, .dilation = {3})), 1, 1);
    /* A stride larger than the window: nothing is padded, never a negative amount. */
    expect_size(
        5, 10, cnn_conv2d(context, CNN_CONV2D(.filters = 1, .kernel = {1}, .stride = {3}, .padding = CNN_PADDING_SAME)),
        2, 4);
    /* Caffe rounds up, PyTorch and Keras down. */
    expect_size(112, 112, cnn_max_pool2d(context, CNN_POOL2D(.size = {3}, .stride = {2})), 55, 55);
    expect_size(112, 112, cnn_max_pool2d(context, CNN_POOL2D(.size = {3}, .stride = {2}, .ceil = 1)), 56, 56);
    /* torch: MaxPool2d(2, 2, padding=1, ceil_mode=True) on 5 gives 3, its fourth window would begin outside. */
    expect_size(5, 5, cnn_max_pool2d(context, CNN_POOL2D(.size = {2}, .pads = {1, 1, 1, 1}, .ceil = 1)), 3, 3);
    expect_size(4, 5, cnn_average_pool2d(context, CNN_POOL2D(.size = {3, 2}, .padding = CNN_PADDING_SAME)), 2, 3);
    expect_size(3, 3, cnn_zero_pad2d(context, CNN_ZERO_PAD2D(.pads = {1, 2, 3, 4})), 6, 10);
}
END_TEST

START_TEST(test_shape_errors)
{
    static const char *const words[] = {"conv2d_1", "expects images", "does not fit", "(None, 4, 4, 3)", "dense_1"};
    for (int i = 0; i < 3; i++) {
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {4, 4, 3}), &model), CNN_OK);
        if (i == 0) {
            cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2, .kernel = {5})));
        } else if (i == 1) {
            cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2)));
        } else {
            cnn_model_add(model, cnn_flatten(context, NULL));
            cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2)));
        }
        ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
        const char *message = cnn_last_error(context);
        ck_assert_msg(strstr(message, i == 1 ? words[4] : words[0]) != NULL, "%s", message);
        ck_assert_msg(strstr(message, i == 0 ? words[2] : i == 1 ? words[3] : words[1]) != NULL, "%s", message);
        cnn_model_free(model);
    }
}
END_TEST

/* Mean and deviation of a dense kernel of 300 x 200. */
static void expect_statistics(cnn_initializer init, double deviation, double bound)
{
    cnn_model *model = NULL;
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {300}), &model), CNN_OK);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "d", .units = 200, .kernel_init = init)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "d/kernel", &kernel), CNN_OK);
    double sum = 0, squares = 0, most = 0;
    const double n = 300 * 200;
    for (int i = 0; i < 300 * 200; i++) {
        double value = kernel.value.data[i];
        sum += value;
        squares += value * value;
        most = fabs(value) > most ? fabs(value) : most;
    }
    double found = sqrt(squares / n - sum / n * (sum / n));
    ck_assert_msg(fabs(sum / n) < 4 * deviation / sqrt(n), "mean %g", sum / n);
    ck_assert_msg(fabs(found - deviation) < 0.015 * deviation, "deviation %g, expected %g", found, deviation);
    ck_assert_msg(most <= bound * 1.000001 && most > 0.97 * bound, "largest %g, bound %g", most, bound);
    cnn_model_free(model);
}

START_TEST(test_initializers)
{
    const double in = 300, out = 200;
    double glorot = sqrt(6 / (in + out)), he = sqrt(6 / in), torch = 1 / sqrt(in);
    double glorot_deviation = sqrt(2 / (in + out)), he_deviation = sqrt(2 / in);
    expect_statistics((cnn_initializer){CNN_INIT_DEFAULT, 0}, glorot / sqrt(3), glorot);
    expect_statistics((cnn_initializer){CNN_INIT_GLOROT_UNIFORM, 0}, glorot / sqrt(3), glorot);
    expect_statistics((cnn_initializer){CNN_INIT_HE_UNIFORM, 0}, he / sqrt(3), he);
    expect_statistics((cnn_initializer){CNN_INIT_PYTORCH, 0}, torch / sqrt(3), torch);
    expect_statistics((cnn_initializer){CNN_INIT_UNIFORM, 0.25f}, 0.25 / sqrt(3), 0.25);
    /* Cut at two deviations of the wider normal, the deviation behind the cut is the stated one (Keras). */
    expect_statistics((cnn_initializer){CNN_INIT_GLOROT_NORMAL, 0}, glorot_deviation,
                      2 * glorot_deviation / 0.87962566103423978);
    expect_statistics((cnn_initializer){CNN_INIT_HE_NORMAL, 0}, he_deviation, 2 * he_deviation / 0.87962566103423978);
}
END_TEST

START_TEST(test_fans_with_groups)
{
    /* 3x3 kernel, 8 channels, 4 groups, 16 filters: fan_in 3*3*2, PyTorch's bound 1/sqrt(18), the bias likewise. */
    cnn_model *model = NULL;
    cnn_parameter kernel = CNN_PARAMETER_INIT, bias = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {5, 5, 8}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c", .filters = 16, .groups = 4,
                                                        .kernel_init = {CNN_INIT_PYTORCH, 0},
                                                        .bias_init = {CNN_INIT_PYTORCH, 0})));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "c/kernel", &kernel), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "c/bias", &bias), CNN_OK);
    ck_assert_int_eq(kernel.value.shape.dims[2], 2);
    const double bound = 1 / sqrt(18.0);
    double most = 0, most_bias = 0;
    for (int i = 0; i < 3 * 3 * 2 * 16; i++) {
        most = fmax(most, fabs(kernel.value.data[i]));
    }
    for (int i = 0; i < 16; i++) {
        most_bias = fmax(most_bias, fabs(bias.value.data[i]));
    }
    ck_assert(most <= bound * 1.000001 && most > 0.95 * bound);
    ck_assert(most_bias <= bound * 1.000001 && most_bias > 0.5 * bound);
    cnn_model_free(model);
}
END_TEST

/* Each sample is kept whole and scaled, or dropped whole. */
START_TEST(test_stochastic_depth)
{
    enum { SAMPLES = 400, VALUES = 3 * 2 * 5 };
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    static float ones[SAMPLES * VALUES];
    int kept = 0;
    for (size_t i = 0; i < SAMPLES * VALUES; i++) {
        ones[i] = 1;
    }
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {3, 2, 5}), &model), CNN_OK);
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.25f, .channels = 2)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = SAMPLES, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, ones, SAMPLES), CNN_OK);
    const float *output = cnn_session_output(session);
    for (size_t n = 0; n < SAMPLES; n++) {
        const float first = output[n * VALUES];
        ck_assert(first == 0 || fabsf(first - 4.0f / 3.0f) < 1e-6f);
        kept += first != 0;
        for (size_t i = 0; i < VALUES; i++) {
            ck_assert_float_eq(output[n * VALUES + i], first);
        }
    }
    ck_assert_int_gt(kept, 260);
    ck_assert_int_lt(kept, 340);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer/layers");
    TCase *tcase = tcase_create("layers");
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_refusals);
    tcase_add_test(tcase, test_stochastic_depth);
    tcase_add_test(tcase, test_sizes);
    tcase_add_test(tcase, test_shape_errors);
    tcase_add_test(tcase, test_initializers);
    tcase_add_test(tcase, test_fans_with_groups);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
