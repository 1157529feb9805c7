/* SPDX-License-Identifier: MIT */
/* Activations against PyTorch: values and slopes, as layers, after a dense layer and after a normalisation, in training
 * and in inference; and their way through a model file. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "layer/golden_activation.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;

static void open_context(int backend)
{
    static const char *const backends[] = {"reference", NULL};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backends[backend]), &context), CNN_OK);
}

static void expect(const char *what, size_t kind, const float *found, const float *expected)
{
    for (size_t i = 0; i < GOLDEN_X; i++) {
        const float allowed = 3e-6f + 1e-6f * fabsf(expected[i]);
        ck_assert_msg(fabsf(found[i] - expected[i]) <= allowed, "%s of activation %d, alpha %g, at %g: %.8g, not %.8g",
                      what, golden[kind].activation, (double)golden[kind].alpha, (double)golden_x[i], (double)found[i],
                      (double)expected[i]);
    }
}

/* What the layer makes of the x, one by one through dense layers of weight 1 where it has weights. */
static cnn_model *make_model(cnn_layer *layer)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
    cnn_model_add(model, layer);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    if (cnn_model_parameter_count(model) == 2 && cnn_model_parameter(model, 0, &kernel) == CNN_OK) {
        kernel.value.data[0] = 1;
        cnn_model_touch(model);
    }
    return model;
}

/* `training`: what it does is the same then. */
static void check_layer(size_t kind, cnn_layer *layer, bool training)
{
    static const char *const by[] = {"input"};
    float ones[GOLDEN_X];
    cnn_model *model = make_model(layer);
    for (int behaviour = 0; behaviour <= (int)training; behaviour++) {
        cnn_session *plain = NULL, *derived = NULL;
        cnn_tensor gradient;
        for (size_t i = 0; i < GOLDEN_X; i++) {
            ones[i] = 1;
        }
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = GOLDEN_X, .training = behaviour), &plain),
                         CNN_OK);
        ck_assert_int_eq(
            cnn_session_create(model, CNN_SESSION(.batch = GOLDEN_X, .gradients = by, .gradient_count = 1), &derived),
            CNN_OK);
        ck_assert_int_eq(cnn_session_forward(plain, golden_x, GOLDEN_X), CNN_OK);
        expect("value", kind, cnn_session_output(plain), golden[kind].y);
        ck_assert_int_eq(cnn_session_forward(derived, golden_x, GOLDEN_X), CNN_OK);
        expect("value with a gradient", kind, cnn_session_output(derived), golden[kind].y);
        ck_assert_int_eq(cnn_session_backward(derived, ones), CNN_OK);
        ck_assert_int_eq(cnn_session_value_gradient(derived, "input", &gradient), CNN_OK);
        expect("slope", kind, gradient.data, golden[kind].slope);
        cnn_session_free(derived);
        cnn_session_free(plain);
    }
    cnn_model_free(model);
}

START_TEST(values_and_slopes)
{
    open_context(_i);
    for (size_t k = 0; k < COUNT(golden); k++) {
        const int32_t activation = golden[k].activation;
        const float alpha = golden[k].alpha;
        check_layer(k, cnn_activate(context, CNN_ACTIVATE(.activation = activation, .alpha = alpha)), true);
        check_layer(k, cnn_dense(context, CNN_DENSE(.units = 1, .activation = activation, .alpha = alpha)), true);
        check_layer(
            k, cnn_batch_norm(context, CNN_BATCH_NORM(.activation = activation, .alpha = alpha, .epsilon = CNN_ZERO)),
            false);
    }
    cnn_context_free(context);
}
END_TEST

/* Every activation of every layer that has one, with its slope where it has one. */
START_TEST(through_a_file)
{
    open_context(1);
    char path[] = "/tmp/libcnn-activation-XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    for (int32_t activation = CNN_LINEAR; activation <= CNN_SOFTPLUS; activation++) {
        cnn_model *model = NULL, *again = NULL;
        const float alpha = activation % 2 == 1 ? 0.375f : 0;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1, 1, 3}), &model), CNN_OK);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .kernel = {1}, .activation = activation,
                                                            .alpha = alpha)));
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.activation = activation, .alpha = alpha)));
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = activation, .alpha = alpha)));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = activation, .alpha = alpha)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
        ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
        cnn_session *sessions[2] = {NULL};
        ck_assert_int_eq(cnn_session_create(model, NULL, &sessions[0]), CNN_OK);
        ck_assert_int_eq(cnn_session_create(again, NULL, &sessions[1]), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(sessions[0], golden_x + 3, 1), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(sessions[1], golden_x + 3, 1), CNN_OK);
        ck_assert_mem_eq(cnn_session_output(sessions[0]), cnn_session_output(sessions[1]), 3 * sizeof(float));
        cnn_session_free(sessions[0]);
        cnn_session_free(sessions[1]);
        cnn_model_free(again);
        cnn_model_free(model);
    }
    unlink(path);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer/activation");
    TCase *cases = tcase_create("all");
    tcase_add_loop_test(cases, values_and_slopes, 0, 2);
    tcase_add_test(cases, through_a_file);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
