/* SPDX-License-Identifier: MIT */
/* A training session over frozen layers: what lies before the first trained parameter runs as in inference, keeps
 * nothing, and prepares its parameters once. */
#include <math.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "session/session.h"

enum { SIDE = 12, CHANNELS = 3, BATCH = 4, SAMPLE = SIDE * SIDE * CHANNELS, CLASSES = 3 };

static cnn_context *context;
static float images[BATCH * SAMPLE];
static const int32_t labels[BATCH] = {0, 1, 2, 1};

static void fill(float *values, size_t count, float low, float high, uint32_t state)
{
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = low + (high - low) * (float)(state >> 8) / 16777216.0f;
    }
}

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 5), &context), CNN_OK);
    fill(images, BATCH * SAMPLE, -1, 1, 1);
}

static void tear_down(void) { cnn_context_free(context); }

/* conv, norm, relu, pooling, conv, norm, relu; a dropout if asked for; a head. Statistics are made up. */
static cnn_model *make_model(bool dropout)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c1", .filters = 16)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "n1")));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c2", .filters = 20)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "n2")));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    if (dropout) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.5f)));
    }
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (p.value.shape.rank == 1) {
            const bool variance = strstr(p.name, "moving_variance") != NULL;
            fill(p.value.data, (size_t)p.value.shape.dims[0], variance ? 0.2f : -0.5f, 1.3f, (uint32_t)i);
        }
    }
    cnn_model_touch(model);
    return model;
}

static void freeze(cnn_model *model, const char *pattern, bool frozen)
{
    ck_assert_int_eq(cnn_model_set_trainable(model, pattern, !frozen), CNN_OK);
}

static cnn_session *open_session(cnn_model *model, bool training, bool whole)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(
                         model, CNN_SESSION(.batch = BATCH, .training = training, .keep_activations = whole), &session),
                     CNN_OK);
    return session;
}

static cnn_loss *make_loss(void)
{
    cnn_loss *loss = NULL;
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    return loss;
}

/* Forward and backward; the loss. */
static double go(cnn_session *session)
{
    double value = 0;
    cnn_loss *loss = make_loss();
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    cnn_loss_free(loss);
    return value;
}

static const float *gradient_of(cnn_session *session, cnn_model *model, const char *name, size_t *count)
{
    cnn_tensor gradient;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (strcmp(p.name, name) == 0) {
            ck_assert_int_eq(cnn_session_gradient(session, i, &gradient), CNN_OK);
            ck_assert(cnn__shape_values(&gradient.shape, count));
            return gradient.data;
        }
    }
    ck_abort_msg("no parameter %s", name);
    return NULL;
}

START_TEST(frozen_layers_run_as_in_inference)
{
    cnn_model *model = make_model(false);
    const uint64_t all = cnn_model_session_bytes(model, BATCH, true);
    freeze(model, "*", true);
    freeze(model, "fc", false);
    cnn_session *session = open_session(model, true, false), *whole = open_session(model, true, true);
    /* Two convolutions with all that follows them, flatten, dense, softmax. */
    ck_assert_uint_eq(session->program.op_count, 5);
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        const cnn__op *op = &session->program.ops[k];
        ck_assert_int_eq(op->settled, op->node + 1 < cnn_model_layer_count(model) || op->type == &cnn__activate_type);
        ck_assert(op->settled != op->has_backward);
        ck_assert(!op->settled || op->saved == CNN__NOWHERE);
        ck_assert_int_eq(session->prepared[k] != NULL, op->type == &cnn__conv2d_type);
    }
    ck_assert_uint_lt(cnn_model_session_bytes(model, BATCH, true), all);
    /* Statistics stay, gradients are those of the layers one by one, and there is no room for those of frozen ones. */
    const double loss = go(session);
    ck_assert_double_eq_tol(loss, go(whole), 1e-5);
    size_t count = 0;
    const float *fused = gradient_of(session, model, "fc/kernel", &count);
    const float *single = gradient_of(whole, model, "fc/kernel", &count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_float_eq_tol(fused[i], single[i], 2e-5f);
    }
    ck_assert_uint_lt(session->program.gradient_values, count + 64);
    ck_assert_double_eq(go(session), loss);
    cnn_session_free(whole);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* Inference of the same model shares what is prepared; steps leave it, all else makes it anew. */
START_TEST(what_is_prepared_stays_while_others_are_trained)
{
    cnn_model *model = make_model(false);
    cnn_optimizer *optimizer = NULL, *other = NULL;
    freeze(model, "*", true);
    freeze(model, "fc", false);
    cnn_session *session = open_session(model, true, false), *inference = open_session(model, false, false);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f), &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f), &other), CNN_OK);
    const cnn__op *first = &session->program.ops[0];
    ck_assert(!cnn__prepared_is_current(model, session->prepared[0], first));
    go(session);
    ck_assert_ptr_eq(session->prepared[0], inference->prepared[0]);
    for (int step = 0; step < 3; step++) {
        ck_assert(cnn__prepared_is_current(model, session->prepared[0], first));
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
        go(session);
    }
    /* The head that was trained is seen by inference all the same. */
    cnn_session *whole = open_session(model, false, true);
    ck_assert_int_eq(cnn_session_forward(inference, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(whole, images, BATCH), CNN_OK);
    for (size_t i = 0; i < (size_t)BATCH * CLASSES; i++) {
        ck_assert_float_eq_tol(cnn_session_output(inference)[i], cnn_session_output(whole)[i], 2e-5f);
    }
    /* Written to by the caller, or trained by another session. */
    cnn_model_touch(model);
    ck_assert(!cnn__prepared_is_current(model, session->prepared[0], first));
    go(session);
    ck_assert(cnn__prepared_is_current(model, session->prepared[0], first));
    freeze(model, "*", false);
    cnn_session *trains = open_session(model, true, false);
    go(trains); /* the normalisations learn what they see */
    ck_assert(!cnn__prepared_is_current(model, session->prepared[0], first));
    const double before = go(session);
    ck_assert_int_eq(cnn_optimizer_step(other, trains), CNN_OK);
    ck_assert(!cnn__prepared_is_current(model, session->prepared[0], first));
    ck_assert_double_ne(go(session), before);
    cnn_session_free(trains);
    cnn_session_free(whole);
    cnn_session_free(inference);
    cnn_session_free(session);
    cnn_optimizer_free(other);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
}
END_TEST

/* A model that borrows parameters and trains them is noticed by the one that lends them. */
START_TEST(changes_are_seen_across_models)
{
    cnn_model *model = make_model(false), *part = NULL;
    cnn_optimizer *optimizer = NULL;
    freeze(model, "*", true);
    freeze(model, "fc", false);
    cnn_session *session = open_session(model, true, false);
    go(session);
    ck_assert_int_eq(cnn_model_cut(model, "flatten_1", &part), CNN_OK);
    cnn_model_add(part, cnn_dense(context, CNN_DENSE(.units = CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(part) == CNN_OK, "%s", cnn_last_error(context));
    freeze(part, "c1", false);
    cnn_session *trains = open_session(part, true, false);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f), &optimizer), CNN_OK);
    go(trains);
    ck_assert(cnn__prepared_is_current(model, session->prepared[0], &session->program.ops[0]));
    ck_assert_int_eq(cnn_optimizer_step(optimizer, trains), CNN_OK);
    ck_assert(!cnn__prepared_is_current(model, session->prepared[0], &session->program.ops[0]));
    cnn_session_free(trains);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
    cnn_model_free(part);
    cnn_model_free(model);
}
END_TEST

START_TEST(dropout_drops_and_other_normalisations_learn)
{
    cnn_model *model = make_model(true);
    cnn_parameter mean = CNN_PARAMETER_INIT;
    freeze(model, "*", true);
    freeze(model, "fc", false);
    cnn_session *session = open_session(model, true, false);
    const double first = go(session);
    ck_assert_double_ne(go(session), first); /* other numbers in each pass */
    cnn_session_free(session);
    /* A normalisation that is trained uses the batch's statistics, and nothing is folded across it. */
    freeze(model, "n1", false);
    ck_assert_int_eq(cnn_model_find_parameter(model, "n1/moving_mean", &mean), CNN_OK);
    const float before = mean.value.data[0];
    session = open_session(model, true, false);
    ck_assert(session->program.ops[0].settled && session->program.ops[1].has_backward);
    go(session);
    ck_assert_float_ne(mean.value.data[0], before);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frozen layers");
    TCase *cases = tcase_create("training");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, frozen_layers_run_as_in_inference);
    tcase_add_test(cases, what_is_prepared_stays_while_others_are_trained);
    tcase_add_test(cases, changes_are_seen_across_models);
    tcase_add_test(cases, dropout_drops_and_other_normalisations_learn);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
