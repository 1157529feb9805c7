/* SPDX-License-Identifier: MIT */
/* Regularizers: what they add to losses and gradients, equal to PyTorch's autograd and to Keras's documentation. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "model/golden_penalties.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BATCH 4

static const int32_t labels[BATCH] = {0, 2, 1, 2};
static const char *const backends[] = {"reference", NULL}; /* NULL: the default */

static const struct {
    const char *name;
    const float *value, *gradient;
    size_t count;
} parameters[] = {
    {"conv/kernel", golden_conv_kernel, gradient_conv_kernel, COUNT(golden_conv_kernel)},
    {"conv/bias", golden_conv_bias, gradient_conv_bias, COUNT(golden_conv_bias)},
    {"norm/gamma", golden_norm_gamma, gradient_norm_gamma, COUNT(golden_norm_gamma)},
    {"norm/beta", golden_norm_beta, gradient_norm_beta, COUNT(golden_norm_beta)},
    {"hidden/kernel", golden_hidden_kernel, gradient_hidden_kernel, COUNT(golden_hidden_kernel)},
    {"hidden/bias", golden_hidden_bias, gradient_hidden_bias, COUNT(golden_hidden_bias)},
    {"main/kernel", golden_main_kernel, gradient_main_kernel, COUNT(golden_main_kernel)},
    {"main/bias", golden_main_bias, gradient_main_bias, COUNT(golden_main_bias)},
    {"side/kernel", golden_side_kernel, gradient_side_kernel, COUNT(golden_side_kernel)},
    {"side/bias", golden_side_bias, gradient_side_bias, COUNT(golden_side_bias)},
};

static cnn_model *make_model(cnn_context *c)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(c, CNN_MODEL(.input = {6, 4, 2}), &model), CNN_OK);
    cnn_model_add(
        model, cnn_conv2d(c, CNN_CONV2D(.name = "conv", .filters = 3, .padding = CNN_PADDING_SAME,
                                        .activation = CNN_RELU, .kernel_regularizer = {0.01f, 0.02f},
                                        .bias_regularizer = {.l2 = 0.03f}, .activity_regularizer = {0.004f, 0.006f})));
    cnn_model_add(model, cnn_max_pool2d(c, NULL));
    cnn_model_add(model, cnn_batch_norm(c, CNN_BATCH_NORM(.name = "norm", .convention = CNN_PYTORCH,
                                                          .gamma_regularizer = {.l2 = 0.05f},
                                                          .beta_regularizer = {.l1 = 0.02f})));
    cnn_model_add(model, cnn_flatten(c, NULL));
    cnn_model_add(model,
                  cnn_dense(c, CNN_DENSE(.name = "hidden", .units = 4, .activation = CNN_TANH,
                                         .kernel_regularizer = {.l2 = 0.01f}, .activity_regularizer = {.l2 = 0.02f})));
    cnn_model_add(model, cnn_dense(c, CNN_DENSE(.name = "main", .units = 3, .activation = CNN_SOFTMAX,
                                                .activity_regularizer = {.l2 = 0.3f})));
    cnn_model_add_after(
        model,
        cnn_dense(c, CNN_DENSE(.name = "side", .units = 2, .activation = CNN_SIGMOID, .bias_regularizer = {.l1 = 0.04f},
                               .activity_regularizer = {0.1f, 0.2f})),
        (const char *[]){"hidden"}, 1);
    cnn_model_set_outputs(model, (const char *[]){"main", "side"}, 2);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(c));
    for (size_t i = 0; i < COUNT(parameters); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_find_parameter(model, parameters[i].name, &parameter), CNN_OK);
        memcpy(parameter.value.data, parameters[i].value, parameters[i].count * sizeof(float));
    }
    cnn_model_touch(model);
    return model;
}

/* The loss after a forward pass. */
static double loss_of(cnn_context *context, cnn_session *session)
{
    cnn_loss *loss = NULL;
    double value = 0;
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, golden_input, BATCH), CNN_OK);
    ck_assert_msg(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value) == CNN_OK, "%s",
                  cnn_last_error(context));
    cnn_loss_free(loss);
    return value;
}

static void expect_gradients(cnn_model *model, cnn_session *session, bool trained_only)
{
    for (size_t i = 0; i < COUNT(parameters); i++) {
        for (size_t k = 0; k < cnn_model_parameter_count(model); k++) {
            cnn_parameter parameter = CNN_PARAMETER_INIT;
            cnn_tensor gradient;
            ck_assert_int_eq(cnn_model_parameter(model, k, &parameter), CNN_OK);
            if (strcmp(parameter.name, parameters[i].name) != 0 || (trained_only && !parameter.trainable)) {
                continue;
            }
            ck_assert_int_eq(cnn_session_gradient(session, k, &gradient), CNN_OK);
            for (size_t v = 0; v < parameters[i].count; v++) {
                ck_assert_msg(fabs((double)gradient.data[v] - parameters[i].gradient[v]) <= 2e-6,
                              "%s[%zu]: %.8g, PyTorch has %.8g", parameter.name, v, gradient.data[v],
                              parameters[i].gradient[v]);
            }
        }
    }
}

static cnn_context *open_context(const char *backend, uint32_t threads)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .seed = 5, .backend = backend), &context),
                     CNN_OK);
    return context;
}

START_TEST(test_autograd)
{
    /* Twice, since gradients are overwritten; in a session that keeps everything, and in one that fuses. */
    cnn_context *context = open_context(backends[_i / 2], 2);
    cnn_model *model = make_model(context);
    cnn_session *session = NULL;
    const double all = golden_data_loss + golden_parameter_penalty + golden_activity_penalty;
    double penalty = 0;
    ck_assert_int_eq(cnn_session_create(
                         model, CNN_SESSION(.batch = 6, .training = 1, .keep_activations = (uint32_t)_i % 2), &session),
                     CNN_OK);
    ck_assert_int_eq(cnn_session_penalty(session, &penalty), CNN_ERROR_STATE);
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_double_eq_tol(loss_of(context, session), all, 1e-6);
        ck_assert_int_eq(cnn_session_penalty(session, &penalty), CNN_OK);
        ck_assert_double_eq_tol(penalty, golden_parameter_penalty + golden_activity_penalty, 1e-6);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        expect_gradients(model, session, false);
    }
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_given_gradient)
{
    /* Penalties are in the gradients wherever these began: here from the loss's gradient by the probabilities. */
    cnn_context *context = open_context(NULL, 1);
    cnn_model *model = make_model(context);
    cnn_session *session = NULL;
    float gradient[BATCH * 3] = {0};
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, golden_input, BATCH), CNN_OK);
    for (size_t i = 0; i < BATCH; i++) {
        const size_t at = i * 3 + (size_t)labels[i];
        gradient[at] = -1.0f / (BATCH * cnn_session_output(session)[at]);
    }
    ck_assert_int_eq(cnn_session_backward_from(session, &(cnn_output_gradient){"main", gradient, 0, 0}, 1), CNN_OK);
    expect_gradients(model, session, false);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_frozen)
{
    /* The penalty of a frozen layer counts, and the gradients of the others are as they were. */
    cnn_context *context = open_context(NULL, 2);
    cnn_model *model = make_model(context);
    cnn_session *session = NULL;
    static const char *const frozen[] = {"hidden", "conv", "side", "main"};
    ck_assert_int_eq(cnn_model_set_trainable(model, frozen[_i], false), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_double_eq_tol(loss_of(context, session),
                            golden_data_loss + golden_parameter_penalty + golden_activity_penalty, 1e-6);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    expect_gradients(model, session, true);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_switch)
{
    /* Without penalties the loss is that of the data, and so are gradients; inference has none unless asked. */
    cnn_context *context = open_context(NULL, 2);
    cnn_model *model = make_model(context);
    cnn_session *session = NULL;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1, .penalties = CNN_NO), &session), CNN_OK);
    ck_assert_double_eq_tol(loss_of(context, session), golden_data_loss, 1e-6);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    for (size_t k = 0; k < cnn_model_parameter_count(model); k++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(model, k, &parameter), CNN_OK);
        if (strcmp(parameter.name, "side/kernel") == 0) { /* no loss depends on it */
            ck_assert_int_eq(cnn_session_gradient(session, k, &gradient), CNN_OK);
            ck_assert(gradient.data[0] == 0 && gradient.data[7] == 0);
        }
    }
    cnn_session_free(session);
    for (int asked = 0; asked < 2; asked++) {
        double plain = 0;
        ck_assert_int_eq(cnn_session_create(model,
                                            CNN_SESSION(.batch = BATCH, .training_behavior = CNN_YES,
                                                        .penalties = asked ? CNN_YES : CNN_BY_DEFAULT),
                                            &session),
                         CNN_OK);
        plain = loss_of(context, session);
        ck_assert_double_eq_tol(
            plain, golden_data_loss + (asked ? golden_parameter_penalty + golden_activity_penalty : 0), 1e-6);
        cnn_session_free(session);
    }
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.penalties = 3), &session), CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_keras_example)
{
    /* keras.regularizers: Dense(5, kernel of ones, L1(0.01), activity L2(0.01)) of 2 * ones((5, 5)) has 0.25 + 5. */
    cnn_context *context = open_context(NULL, 1);
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    float input[25];
    double penalty = 0;
    for (size_t i = 0; i < 25; i++) {
        input[i] = 2;
    }
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {5}), &model), CNN_OK);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 5, .kernel_init = {CNN_INIT_CONSTANT, 1},
                                                      .kernel_regularizer = {.l1 = 0.01f},
                                                      .activity_regularizer = {.l2 = 0.01f})));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 5, .penalties = CNN_YES), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, input, 5), CNN_OK);
    ck_assert_int_eq(cnn_session_penalty(session, &penalty), CNN_OK);
    ck_assert_double_eq_tol(penalty, 5.25, 1e-6);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_files)
{
    /* Regularizers and constraints come back from a file; a file of a model without them does not name them. */
    cnn_context *context = open_context(NULL, 1);
    cnn_model *model = make_model(context), *again = NULL;
    cnn_session *session = NULL;
    char path[256];
    double penalty = 0;
    test_path(path, sizeof(path), "penalties.cnn");
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
    remove(path);
    ck_assert_int_eq(cnn_session_create(again, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, golden_input, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_penalty(session, &penalty), CNN_OK);
    ck_assert_double_eq_tol(penalty, golden_parameter_penalty + golden_activity_penalty, 1e-6);
    cnn_session_free(session);
    cnn_model_free(again);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static const cnn_regularizer wrong[] = {{-1, 0}, {0, -0.5f}, {NAN, 0}, {0, INFINITY}};
    cnn_context *context = open_context(NULL, 1);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ck_assert_ptr_null(cnn_dense(context, CNN_DENSE(.units = 1, .bias_regularizer = wrong[i])));
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "Dense: bias_regularizer has the l"));
    }
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/penalties");
    TCase *tcase = tcase_create("regularizers");
    tcase_add_loop_test(tcase, test_autograd, 0, 4);
    tcase_add_test(tcase, test_given_gradient);
    tcase_add_loop_test(tcase, test_frozen, 0, 4);
    tcase_add_test(tcase, test_switch);
    tcase_add_test(tcase, test_keras_example);
    tcase_add_test(tcase, test_files);
    tcase_add_test(tcase, test_refused);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
