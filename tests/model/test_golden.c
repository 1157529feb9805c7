/* SPDX-License-Identifier: MIT */
/* Three training steps and an evaluation of a small network, equal to PyTorch's. */
#include <check.h>
#include <math.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "model/golden_step.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *name;
    const float *before, *after;
    size_t count;
} parameters[] = {
    {"c1/kernel", before_c1_weight, after_c1_weight, COUNT(before_c1_weight)},
    {"c1/bias", before_c1_bias, after_c1_bias, COUNT(before_c1_bias)},
    {"bn/gamma", before_bn_weight, after_bn_weight, COUNT(before_bn_weight)},
    {"bn/beta", before_bn_bias, after_bn_bias, COUNT(before_bn_bias)},
    {"bn/moving_mean", before_bn_running_mean, after_bn_running_mean, COUNT(before_bn_running_mean)},
    {"bn/moving_variance", before_bn_running_var, after_bn_running_var, COUNT(before_bn_running_var)},
    {"c2/kernel", before_c2_weight, after_c2_weight, COUNT(before_c2_weight)},
    {"c2/bias", before_c2_bias, after_c2_bias, COUNT(before_c2_bias)},
    {"d1/kernel", before_d1_weight, after_d1_weight, COUNT(before_d1_weight)},
    {"d1/bias", before_d1_bias, after_d1_bias, COUNT(before_d1_bias)},
    {"d2/kernel", before_d2_weight, after_d2_weight, COUNT(before_d2_weight)},
    {"d2/bias", before_d2_bias, after_d2_bias, COUNT(before_d2_bias)},
};

static cnn_model *make_model(cnn_context *c)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(c, CNN_MODEL(.input = {15, 13, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(c, CNN_CONV2D(.name = "c1", .filters = 4, .stride = {2}, .pads = {1, 1, 1, 1},
                                                  .activation = CNN_LEAKY_RELU)));
    cnn_model_add(model, cnn_batch_norm(c, CNN_BATCH_NORM(.name = "bn", .convention = CNN_PYTORCH)));
    cnn_model_add(model, cnn_activate(c, CNN_ACTIVATE(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(c, CNN_POOL2D(.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1})));
    cnn_model_add(model, cnn_conv2d(c, CNN_CONV2D(.name = "c2", .filters = 6, .groups = 2, .pads = {1, 1, 1, 1},
                                                  .activation = CNN_SIGMOID)));
    cnn_model_add(model, cnn_average_pool2d(c, NULL));
    cnn_model_add(model, cnn_flatten(c, NULL));
    cnn_model_add(model, cnn_dense(c, CNN_DENSE(.name = "d1", .units = 5, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_dense(c, CNN_DENSE(.name = "d2", .units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(c));
    for (size_t i = 0; i < COUNT(parameters); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_find_parameter(model, parameters[i].name, &parameter), CNN_OK);
        memcpy(parameter.value.data, parameters[i].before, parameters[i].count * sizeof(float));
    }
    return model;
}

static void expect_close(const char *what, const float *found, const float *expected, size_t count, double tolerance)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabs((double)found[i] - expected[i]) <= tolerance, "%s[%zu]: %.8g, PyTorch has %.8g", what, i,
                      found[i], expected[i]);
    }
}

static void train(cnn_context *context, cnn_model *model)
{
    static const int32_t labels[] = {0, 2, 1, 2};
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context,
                                    CNN_SGD(.learning_rate = 0.1f, .momentum = 0.9f, .convention = CNN_PYTORCH,
                                            .weight_decay = 0.01f),
                                    &optimizer),
                     CNN_OK);
    for (size_t step = 0; step < COUNT(golden_losses); step++) {
        double value = 0;
        ck_assert_int_eq(cnn_session_forward(session, golden_input, 4), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
        if (step == 0) {
            expect_close("logits", cnn_session_logits(session), golden_logits, COUNT(golden_logits), 2e-6);
        }
        ck_assert_msg(fabs(value - golden_losses[step]) < 5e-6, "loss %zu: %.8g, PyTorch has %.8g", step, value,
                      golden_losses[step]);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    }
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
}

START_TEST(test_golden)
{
    static const char *const backends[] = {"reference", NULL};
    cnn_context *context = NULL;
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backends[_i]), &context), CNN_OK);
    cnn_model *model = make_model(context);
    train(context, model);
    for (size_t i = 0; i < COUNT(parameters); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_find_parameter(model, parameters[i].name, &parameter), CNN_OK);
        expect_close(parameters[i].name, parameter.value.data, parameters[i].after, parameters[i].count, 5e-6);
    }
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, golden_input, 4), CNN_OK);
    expect_close("evaluation", cnn_session_output(session), golden_evaluation, COUNT(golden_evaluation), 5e-6);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/golden");
    TCase *tcase = tcase_create("PyTorch");
    tcase_add_loop_test(tcase, test_golden, 0, 2);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
