/* SPDX-License-Identifier: MIT */
/* What is trained, and what normalisations do with their statistics meanwhile. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"

#define BATCH 4

static cnn_context *context;

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
}

static void tear_down(void) { cnn_context_free(context); }

static bool is_trained(cnn_model *model, const char *name)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    ck_assert_msg(cnn_model_find_parameter(model, name, &parameter) == CNN_OK, "%s", cnn_last_error(context));
    return parameter.trainable;
}

/* VGG-16 without its top, and a head of two dense layers: article 001's, by its own counts. */
static cnn_model *make_vgg_with_head(void)
{
    cnn_model *base = NULL, *model = NULL;
    ck_assert_int_eq(cnn_zoo_create(context, "vgg16-notop", CNN_ZOO(.input = {32, 32, 3}), &base), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {32, 32, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_model_as_layer(context, base, "vgg16"));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "head1", .units = 8, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "head2", .units = 1, .activation = CNN_SIGMOID)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    cnn_model_free(base);
    return model;
}

START_TEST(test_vgg)
{
    /* len(model.trainable_weights) of article 001: 30, and 4 with a frozen base; fine-tuning from block5_conv1 on. */
    cnn_model *model = make_vgg_with_head();
    ck_assert_uint_eq(cnn_model_trainable_count(model), 30);
    ck_assert_int_eq(cnn_model_set_trainable(model, "vgg16", false), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 4);
    ck_assert_int_eq(cnn_model_set_trainable(model, "*", true), CNN_OK);
    ck_assert_int_eq(cnn_model_train_head(model), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 4);
    static const char *const names[] = {"block5_conv1", "vgg16/block5_conv1"};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_model_set_trainable(model, "*", false), CNN_OK);
        ck_assert_int_eq(cnn_model_train_from(model, names[i]), CNN_OK);
        ck_assert_uint_eq(cnn_model_trainable_count(model), 10);
        ck_assert(!is_trained(model, "vgg16/block4_conv3/bias") && is_trained(model, "vgg16/block5_conv1/kernel"));
    }
    ck_assert_int_eq(cnn_model_train_from(model, "vgg16"), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 30);
    ck_assert_int_eq(cnn_model_train_from(model, "head2"), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 2);
    ck_assert_int_eq(cnn_model_train_from(model, "block5"), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_train_from(model, "vgg16/block5_conv1/kernel"), CNN_ERROR_NOT_FOUND);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 2);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_inner_names)
{
    cnn_model *model = make_vgg_with_head();
    ck_assert_int_eq(cnn_model_set_trainable(model, "block?_conv1", false), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_set_trainable(model, "block*", false), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 4);
    ck_assert_int_eq(cnn_model_set_trainable(model, "block2_conv1/kernel", true), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 5);
    /* A parameter's own name alone is no layer's. */
    ck_assert_int_eq(cnn_model_set_trainable(model, "kernel", true), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_set_trainable(model, "*/kernel", true), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), 17);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_heads)
{
    /* Networks of the zoo: what is their head, in arrays; what is nothing but vectors trains its last layer. */
    static const struct {
        const char *name;
        int32_t side; /* 0: its own */
        uint32_t classes;
        size_t all, head;
    } networks[] = {{"resnet18", 0, 2, 62, 2},
                    {"vgg16", 32, 2, 32, 6},
                    {"catdog", 0, 2, 12, 4},
                    {"fashion-dnn", 0, 10, 6, 2},
                    {"vgg16-notop", 32, 0, 26, 2}};
    const int32_t side = networks[_i].side, channels = side > 0 ? 3 : 0;
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_zoo_create(context, networks[_i].name,
                                    CNN_ZOO(.input = {side, side, channels}, .classes = networks[_i].classes), &model),
                     CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), networks[_i].all);
    ck_assert_int_eq(cnn_model_train_head(model), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_count(model), networks[_i].head);
    ck_assert_uint_gt(cnn_model_values(model), cnn_model_trainable_values(model));
    cnn_model_free(model);
}
END_TEST

/* ---- statistics ---- */

static cnn_model *make_normalised(void)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {5, 4, 2}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 3)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm", .convention = CNN_PYTORCH)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = 2)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void fill(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)sin(1 + (double)i * 2.3);
    }
}

/* Logits of a forward pass in training, and whether statistics and gradients of the scale are there. */
static void run(cnn_model *model, float logits[BATCH * 2], bool *moved, float scale_gradient[3])
{
    float inputs[BATCH * 40], given[BATCH * 2] = {1, -0.5f, 0.25f, 2, -1, 0.5f, 0, 1};
    cnn_parameter mean = CNN_PARAMETER_INIT;
    cnn_session *session = NULL;
    fill(inputs, BATCH * 40);
    ck_assert_int_eq(cnn_model_find_parameter(model, "norm/moving_mean", &mean), CNN_OK);
    const float before = mean.value.data[0];
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, inputs, BATCH), CNN_OK);
    memcpy(logits, cnn_session_logits(session), BATCH * 2 * sizeof(float));
    *moved = mean.value.data[0] != before;
    ck_assert_int_eq(cnn_session_backward(session, given), CNN_OK);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        if (strcmp(parameter.name, "norm/gamma") == 0 && parameter.trainable) {
            ck_assert_int_eq(cnn_session_gradient(session, i, &gradient), CNN_OK);
            memcpy(scale_gradient, gradient.data, 3 * sizeof(float));
        }
    }
    cnn_session_free(session);
}

static void infer(cnn_model *model, float logits[BATCH * 2])
{
    float inputs[BATCH * 40];
    cnn_session *session = NULL;
    fill(inputs, BATCH * 40);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, inputs, BATCH), CNN_OK);
    memcpy(logits, cnn_session_logits(session), BATCH * 2 * sizeof(float));
    cnn_session_free(session);
}

static bool close_to(const float *a, const float *b, size_t count)
{
    bool close = true;
    for (size_t i = 0; i < count; i++) {
        close = close && fabsf(a[i] - b[i]) <= 1e-5f;
    }
    return close;
}

START_TEST(test_statistics)
{
    /* By trained or frozen scale and shift, and by what is said: whose statistics are used, and which move. */
    static const struct {
        bool frozen;
        cnn_statistics statistics;
        bool by_batch;
    } cases[] = {
        {false, CNN_STATISTICS_BY_TRAINABLE, true}, {true, CNN_STATISTICS_BY_TRAINABLE, false},
        {false, CNN_STATISTICS_MOVE, true},         {true, CNN_STATISTICS_MOVE, true},
        {false, CNN_STATISTICS_KEEP, false},        {true, CNN_STATISTICS_KEEP, false},
    };
    cnn_model *model = make_normalised();
    float by_batch[BATCH * 2], by_own[BATCH * 2], got[BATCH * 2], scale[3];
    bool moved = false;
    infer(model, by_own);
    run(model, by_batch, &moved, scale);
    ck_assert(moved && !close_to(by_batch, by_own, BATCH * 2));
    cnn_model_free(model);
    model = make_normalised();
    ck_assert_int_eq(cnn_model_set_trainable(model, "norm", !cases[_i].frozen), CNN_OK);
    ck_assert_int_eq(cnn_model_set_statistics(model, "norm", cases[_i].statistics), CNN_OK);
    char path[256];
    test_path(path, sizeof(path), "statistics.cnn");
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    cnn_model_free(model);
    ck_assert_msg(cnn_model_load(context, path, &model) == CNN_OK, "%s", cnn_last_error(context));
    remove(path);
    run(model, got, &moved, scale);
    ck_assert(moved == cases[_i].by_batch);
    ck_assert(close_to(got, cases[_i].by_batch ? by_batch : by_own, BATCH * 2));
    cnn_model_free(model);
}
END_TEST

START_TEST(test_kept_gradients)
{
    /* Trained scales with statistics that stay: finite differences, in inference, which has the same ones. */
    cnn_model *model = make_normalised();
    cnn_parameter gamma = CNN_PARAMETER_INIT;
    const float given[BATCH * 2] = {1, -0.5f, 0.25f, 2, -1, 0.5f, 0, 1};
    float logits[BATCH * 2], scale[3];
    bool moved = true;
    ck_assert_int_eq(cnn_model_set_statistics(model, "*", CNN_STATISTICS_KEEP), CNN_OK);
    run(model, logits, &moved, scale);
    ck_assert(!moved);
    ck_assert_int_eq(cnn_model_find_parameter(model, "norm/gamma", &gamma), CNN_OK);
    for (size_t c = 0; c < 3; c++) {
        double sums[2] = {0, 0};
        const float before = gamma.value.data[c];
        for (int end = 0; end < 2; end++) {
            gamma.value.data[c] = before + (end == 0 ? -0.01f : 0.01f);
            cnn_model_touch(model);
            infer(model, logits);
            for (size_t i = 0; i < BATCH * 2; i++) {
                sums[end] += (double)given[i] * logits[i];
            }
        }
        gamma.value.data[c] = before;
        ck_assert_double_eq_tol((sums[1] - sums[0]) / 0.02, scale[c], 2e-3);
    }
    cnn_model_free(model);
}
END_TEST

START_TEST(test_refused)
{
    cnn_model *model = make_normalised();
    ck_assert_int_eq(cnn_model_set_statistics(model, "conv", CNN_STATISTICS_MOVE), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_set_statistics(model, "*", (cnn_statistics)3), CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {5}), &model), CNN_OK);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
    ck_assert_int_eq(cnn_model_train_head(model), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_train_head(model), CNN_ERROR_NOT_FOUND);
    cnn_model_free(model);
}
END_TEST

/* ---- configurations ---- */

static cnn_status append(void *user, const void *data, size_t size)
{
    strncat(user, data, size);
    return CNN_OK;
}

START_TEST(test_configuration)
{
    cnn_model *model = NULL;
    static const char *const expected[] = {
        "Conv2D(inputs=2, filters=4, kernel=(3, 2), stride=(1, 1), padding=same, activation=leaky_relu, alpha=0.3, "
        "no_bias=1, kernel_init=normal(0.1), kernel_regularizer=L1L2(0.01, 0.001), kernel_constraint=max_norm(2, axis "
        "0+1+2))",
        "BatchNormalization(keep=0.9, epsilon=1e-05, variance=unbiased, beta_regularizer=L1(0.5))",
        "Flatten()",
        "Dense(inputs=80, units=2, activation=softmax, kernel_init=glorot_uniform, bias_init=constant(0), "
        "activity_regularizer=L2(0.0001), bias_constraint=non_negative())",
    };
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {5, 4, 2}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .kernel = {3, 2}, .padding = CNN_PADDING_SAME,
                                                        .activation = CNN_LEAKY_RELU, .alpha = 0.3f, .no_bias = 1,
                                                        .kernel_init = {CNN_INIT_NORMAL, 0.1f},
                                                        .kernel_regularizer = {0.01f, 0.001f},
                                                        .kernel_constraint = {CNN_CONSTRAINT_MAX_NORM, 7, 0, 0, 0})));
    cnn_model_add(model,
                  cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH, .beta_regularizer = {.l1 = 0.5f})));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2, .activation = CNN_SOFTMAX,
                                                      .activity_regularizer = {.l2 = 1e-4f},
                                                      .bias_constraint = {CNN_CONSTRAINT_NON_NEGATIVE, 0, 0, 0, 0})));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    for (size_t i = 0; i < 4; i++) {
        char text[512] = "";
        ck_assert_int_eq(cnn_model_layer_configuration(model, i, append, text), CNN_OK);
        ck_assert_str_eq(text, expected[i]);
    }
    ck_assert_int_eq(cnn_model_layer_configuration(model, 4, append, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/trained");
    TCase *tcase = tcase_create("trained");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_vgg);
    tcase_add_test(tcase, test_inner_names);
    tcase_add_loop_test(tcase, test_heads, 0, 5);
    tcase_add_loop_test(tcase, test_statistics, 0, 6);
    tcase_add_test(tcase, test_kept_gradients);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_configuration);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
