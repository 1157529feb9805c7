/* SPDX-License-Identifier: MIT */
/* Biases that are trained while their kernels are frozen: the same gradients, without the product that the kernels'
 * take. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"

enum { SIDE = 12, COUNT = 5, CLASSES = 4, MOST = 64 };

static void add_layers(cnn_context *context, cnn_model *model)
{
    cnn_model_add(model,
                  cnn_conv2d(context, CNN_CONV2D(.name = "relu", .filters = 8, .kernel = {3}, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "pooled", .filters = 8, .kernel = {3},
                                                        .padding = CNN_PADDING_SAME, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
    cnn_model_add(model, cnn_depthwise_conv2d(context, CNN_DEPTHWISE_CONV2D(.name = "depthwise", .kernel = {3},
                                                                            .padding = CNN_PADDING_SAME)));
    cnn_model_add(model,
                  cnn_conv2d(context, CNN_CONV2D(.name = "silu", .filters = 6, .kernel = {1}, .activation = CNN_SILU)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "tanh", .units = 10, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "last", .units = CLASSES, .activation = CNN_SOFTMAX)));
}

static cnn_model *make_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, 3}), &model), CNN_OK);
    add_layers(context, model);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static cnn_session *go_back(cnn_context *context, cnn_model *model)
{
    static float images[COUNT * SIDE * SIDE * 3];
    static const int32_t labels[COUNT] = {0, 3, 1, 2, 3};
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    double value = 0;
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        images[i] = (float)(i * 37 % 101) / 101 - 0.5f;
    }
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = COUNT, .training = 1), &session), CNN_OK);
    for (int pass = 0; pass < 2; pass++) { /* what is left of the first may not show */
        ck_assert_int_eq(cnn_session_forward(session, images, COUNT), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
        ck_assert_msg(cnn_session_backward(session, NULL) == CNN_OK, "%s", cnn_last_error(context));
    }
    cnn_loss_free(loss);
    return session;
}

/* Of a bias, or what is trained of that name. */
static size_t read_gradient(cnn_model *model, cnn_session *session, const char *name, float values[MOST])
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    cnn_tensor gradient;
    size_t i = 0;
    while (cnn_model_parameter(model, i, &parameter) == CNN_OK && strcmp(parameter.name, name) != 0) {
        i++;
    }
    ck_assert_int_eq(cnn_session_gradient(session, i, &gradient), CNN_OK);
    ck_assert_uint_eq(gradient.shape.rank, 1);
    memcpy(values, gradient.data, (size_t)gradient.shape.dims[0] * sizeof(float));
    return (size_t)gradient.shape.dims[0];
}

START_TEST(gradients_are_the_same)
{
    static const char *const names[] = {"relu/bias", "pooled/bias", "depthwise/bias",
                                        "silu/bias", "tanh/bias",   "last/bias"};
    cnn_context *context = NULL;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3, .backend = _i == 0 ? "reference" : NULL), &context),
        CNN_OK);
    cnn_model *model = make_model(context);
    cnn_session *all = go_back(context, model);
    ck_assert_int_eq(cnn_model_set_trainable(model, "*/kernel", 0), CNN_OK);
    cnn_session *biases = go_back(context, model);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        float expected[MOST], found[MOST], largest = 0;
        const size_t n = read_gradient(model, all, names[i], expected);
        ck_assert_uint_eq(read_gradient(model, biases, names[i], found), n);
        for (size_t k = 0; k < n; k++) {
            largest = fmaxf(largest, fabsf(expected[k]));
        }
        ck_assert_float_gt(largest, 0);
        for (size_t k = 0; k < n; k++) {
            ck_assert_msg(fabsf(found[k] - expected[k]) <= 2e-5f * largest, "%s[%zu]: %.9g, expected %.9g", names[i], k,
                          (double)found[k], (double)expected[k]);
        }
    }
    cnn_session_free(biases);
    cnn_session_free(all);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(kernels_alone_and_biases_alone_train)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
    cnn_model *model = make_model(context);
    ck_assert_int_eq(cnn_model_set_trainable(model, _i == 0 ? "*/kernel" : "*/bias", 0), CNN_OK);
    cnn_session *session = go_back(context, model);
    cnn_optimizer *sgd = NULL;
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.5f), &sgd), CNN_OK);
    cnn_parameter kernel = CNN_PARAMETER_INIT, bias = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_parameter(model, 0, &kernel), CNN_OK);
    ck_assert_int_eq(cnn_model_parameter(model, 1, &bias), CNN_OK);
    const float before[2] = {kernel.value.data[0], bias.value.data[0]};
    ck_assert_int_eq(cnn_optimizer_step(sgd, session), CNN_OK);
    ck_assert((kernel.value.data[0] != before[0]) == (_i == 1));
    ck_assert((bias.value.data[0] != before[1]) == (_i == 0));
    cnn_optimizer_free(sgd);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session/bias_alone");
    TCase *tcase = tcase_create("biases");
    tcase_add_loop_test(tcase, gradients_are_the_same, 0, 2);
    tcase_add_loop_test(tcase, kernels_alone_and_biases_alone_train, 0, 2);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
