/* SPDX-License-Identifier: MIT */
/* What earlier calls on a model or session, failed ones too, change for later ones. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"

static float *parameter_of(cnn_model *model, const char *name)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(model, name, &parameter), CNN_OK);
    return parameter.value.data;
}

static void backward_once(cnn_session *session, const float *inputs, const float *gradients)
{
    ck_assert_int_eq(cnn_session_forward(session, inputs, 2), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, gradients), CNN_OK);
}

static cnn_model *norm_model(cnn_context *context, int32_t no_scale, int32_t no_shift)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm", .convention = CNN_PYTORCH,
                                                                .no_scale = no_scale, .no_shift = no_shift)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    return model;
}

/* Without scale and shift, too, a normalisation takes the batch's statistics and keeps running ones: only
 * cnn_model_set_trainable() freezes it. */
START_TEST(a_normalisation_without_parameters_to_train_is_not_frozen)
{
    static const float inputs[] = {1, 3}, gradients[] = {1, -1};
    cnn_context *context;
    cnn_session *session;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    for (int i = 0; i < 8; i++) {
        const bool freeze = i >= 4;
        cnn_model *model = norm_model(context, i & 1, i >> 1 & 1);
        if (freeze) {
            ck_assert_int_eq(cnn_model_set_trainable(model, "norm", false), CNN_OK);
        }
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .training = 1), &session), CNN_OK);
        backward_once(session, inputs, gradients);
        ck_assert_float_eq_tol(cnn_session_output(session)[0], freeze ? 1.0f : -1.0f, 1e-4f);
        ck_assert_float_eq_tol(cnn_session_output(session)[1], freeze ? 3.0f : 1.0f, 1e-4f);
        ck_assert_float_eq_tol(*parameter_of(model, "norm/moving_mean"), freeze ? 0.0f : 0.2f, 1e-6f);
        ck_assert_float_eq_tol(*parameter_of(model, "norm/moving_variance"), freeze ? 1.0f : 1.1f, 1e-6f);
        cnn_session_free(session);
        cnn_model_free(model);
    }
    cnn_context_free(context);
}
END_TEST

static cnn_model *dense_model(cnn_context *context)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2}), &model), CNN_OK);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "first", .units = 3)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm")));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "last", .units = 1)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    return model;
}

static void train_once(cnn_context *context, cnn_session *session)
{
    static const float inputs[] = {1, 3, -2, 0.5f}, gradients[] = {1, -2};
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f, .weight_decay = 0.1f), &optimizer), CNN_OK);
    backward_once(session, inputs, gradients);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    cnn_optimizer_free(optimizer);
}

/* "Sessions made before do not change." */
START_TEST(freezing_changes_no_session_made_before)
{
    cnn_context *context;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    for (int frozen = 0; frozen < 2; frozen++) {
        uint64_t hashes[2];
        for (int late = 0; late < 2; late++) {
            cnn_model *model = dense_model(context);
            cnn_session *session;
            cnn_tensor gradient;
            ck_assert_int_eq(cnn_model_set_trainable(model, "*", frozen == 0), CNN_OK);
            ck_assert_int_eq(cnn_model_set_trainable(model, "last/bias", true), CNN_OK);
            ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .training = 1), &session), CNN_OK);
            if (late) {
                ck_assert_int_eq(cnn_model_set_trainable(model, "*", frozen != 0), CNN_OK);
            }
            train_once(context, session);
            hashes[late] = test_model_hash(model);
            ck_assert_int_eq(cnn_session_gradient(session, 0, &gradient), frozen ? CNN_ERROR_STATE : CNN_OK);
            cnn_session_free(session);
            cnn_model_free(model);
        }
        ck_assert_uint_eq(hashes[0], hashes[1]);
    }
    cnn_context_free(context);
}
END_TEST

/* A build that failed for want of memory is repeated, whichever allocation it was. */
START_TEST(building_again_after_a_failure_works)
{
    test_allocator counting = {0};
    const cnn_allocator allocator = test_allocator_options(&counting);
    cnn_context *context;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.allocator = &allocator, .threads = 1), &context), CNN_OK);
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    for (size_t i = 1; status != CNN_OK; i++) {
        cnn_model *model;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2}), &model), CNN_OK);
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "first", .units = 3)));
        cnn_model_add(model, cnn_batch_norm(context, NULL));
        counting.fail_at = counting.calls + i;
        status = cnn_model_build(model);
        counting.fail_at = 0;
        ck_assert(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY);
        if (status != CNN_OK) {
            ck_assert_uint_eq(cnn_model_parameter_count(model), 0);
            ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        }
        ck_assert_uint_eq(cnn_model_parameter_count(model), 6);
        ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_STATE);
        cnn_model_free(model);
    }
    cnn_context_free(context);
    ck_assert_uint_eq(counting.blocks, 0);
}
END_TEST

START_TEST(building_again_after_a_limit_gives_the_same_error)
{
    cnn_context *context;
    cnn_model *model;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1 << 20, 1 << 20, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1 << 24)));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_LIMIT);
        ck_assert_uint_eq(cnn_model_parameter_count(model), 0);
    }
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

/* A layer belongs to the first model that it is added to, whether that went well or not. */
START_TEST(a_layer_is_added_once)
{
    cnn_context *context, *elsewhere;
    cnn_model *model, *other;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_context_create(NULL, &elsewhere), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2}), &model), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2}), &other), CNN_OK);
    cnn_layer *layer = cnn_dense(context, CNN_DENSE(.units = 3)), *refused = cnn_dense(context, CNN_DENSE(.units = 3));
    ck_assert_int_eq(cnn_model_add(model, layer), CNN_OK);
    ck_assert_int_eq(cnn_model_add(other, layer), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_add(other, refused), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_add(other, refused), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_build(other), CNN_ERROR_INVALID_ARGUMENT);
    cnn_layer_free(refused);
    cnn_layer_free(layer);
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    cnn_model_free(other);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2}), &other), CNN_OK);
    ck_assert_int_eq(cnn_model_add(other, cnn_dense(elsewhere, CNN_DENSE(.units = 3))), CNN_ERROR_INVALID_ARGUMENT);
    cnn_context_free(elsewhere);
    cnn_model_free(other);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

/* 0 means a default in most options; CNN_ZERO is 0 itself, also after the model was saved. */
START_TEST(zero_can_be_said)
{
    static const float inputs[] = {1, 3};
    char path[256];
    cnn_context *context;
    cnn_model *model, *loaded;
    cnn_session *session;
    test_path(path, sizeof(path), "zero.cnn");
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm", .keep = CNN_ZERO, .epsilon = CNN_ZERO,
                                                                .unbiased = 2)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(context, path, &loaded), CNN_OK);
    (void)remove(path);
    for (int i = 0; i < 2; i++) {
        cnn_model *each = i == 0 ? model : loaded;
        ck_assert_int_eq(cnn_session_create(each, CNN_SESSION(.batch = 2, .training = 1), &session), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, inputs, 2), CNN_OK);
        ck_assert_float_eq(cnn_session_output(session)[0], -1.0f);
        ck_assert_float_eq(*parameter_of(each, "norm/moving_mean"), 2.0f);
        ck_assert_float_eq(*parameter_of(each, "norm/moving_variance"), 1.0f);
        cnn_session_free(session);
        cnn_model_free(each);
    }
    ck_assert_ptr_null(cnn_batch_norm(context, CNN_BATCH_NORM(.epsilon = -0.5f)));
    cnn_context_free(context);
}
END_TEST

/* Adam without a first moment moves by the sign of each gradient; with 0.9 the second step would be smaller. */
START_TEST(adam_without_a_first_moment)
{
    static const float inputs[] = {1, 1}, up[] = {1, 0}, down[] = {-1, 0};
    cnn_context *context;
    cnn_model *model;
    cnn_session *session;
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "d", .units = 1, .no_bias = 1)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.learning_rate = 0.5f, .beta1 = CNN_ZERO), &optimizer), CNN_OK);
    const float before = *parameter_of(model, "d/kernel");
    backward_once(session, inputs, up);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    backward_once(session, inputs, down);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    ck_assert_float_eq_tol(*parameter_of(model, "d/kernel"), before, 1e-4f);
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_rmsprop_create(context, CNN_RMSPROP(.rho = CNN_ZERO, .epsilon = CNN_ZERO), &optimizer),
                     CNN_OK);
    backward_once(session, inputs, up);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK); /* by g / sqrt(g^2), at the rate 0.001 */
    ck_assert_float_eq_tol(*parameter_of(model, "d/kernel"), before - 0.001f, 1e-4f);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(log_likelihood_of_no_logarithms_is_refused)
{
    static const struct {
        int32_t activation;
        cnn_status status;
    } ends[] = {{CNN_SOFTMAX, CNN_ERROR_INVALID_ARGUMENT},
                {CNN_SIGMOID, CNN_ERROR_INVALID_ARGUMENT},
                {CNN_LOG_SOFTMAX, CNN_OK},
                {CNN_LINEAR, CNN_OK}};
    static const int32_t label = 0;
    const float input = 1;
    double value;
    cnn_context *context;
    cnn_loss *loss;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_negative_log_likelihood_create(context, &loss), CNN_OK);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        cnn_model *model;
        cnn_session *session;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = ends[i].activation)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, &input, 1), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = &label), &value), ends[i].status);
        cnn_session_free(session);
        cnn_model_free(model);
    }
    cnn_loss_free(loss);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("states of models and sessions");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, a_normalisation_without_parameters_to_train_is_not_frozen);
    tcase_add_test(cases, freezing_changes_no_session_made_before);
    tcase_add_test(cases, building_again_after_a_failure_works);
    tcase_add_test(cases, building_again_after_a_limit_gives_the_same_error);
    tcase_add_test(cases, a_layer_is_added_once);
    tcase_add_test(cases, zero_can_be_said);
    tcase_add_test(cases, adam_without_a_first_moment);
    tcase_add_test(cases, log_likelihood_of_no_logarithms_is_refused);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
