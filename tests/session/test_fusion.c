/* SPDX-License-Identifier: MIT */
/* The table of fusions: what is left of a model in a session, and that it computes what the layers compute one by one,
 * which a session with keep_activations does. */
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "session/session.h"

enum { SIDE = 8, CHANNELS = 6, BATCH = 3, SAMPLE = SIDE * SIDE * CHANNELS, MOST_OUTPUTS = 1024 };

static cnn_context *context;
static float images[BATCH * SAMPLE];

static void fill(float *values, size_t count, float low, float high, uint32_t state)
{
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = low + (high - low) * (float)(state >> 8) / 16777216.0f;
    }
}

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    fill(images, BATCH * SAMPLE, -1, 1, 1);
}

static void tear_down(void) { cnn_context_free(context); }

static cnn_layer *norm(void) { return cnn_batch_norm(context, NULL); }
static cnn_layer *act(int32_t kind) { return cnn_activate(context, CNN_ACTIVATE(.activation = kind)); }

static void add_conv(cnn_model *model, int32_t filters, int32_t kernel, int32_t groups)
{
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = filters, .kernel = {kernel}, .groups = groups,
                                                        .padding = CNN_PADDING_SAME)));
}

/* The cases, each with the operations that inference, and training, is left with. */
static void add_layers(cnn_model *model, int number)
{
    switch (number) {
    case 0: /* a dense layer takes the normalisation and the rectifier */
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 20, .no_bias = 1)));
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 5)));
        cnn_model_add(model, norm());
        break;
    case 1: /* depthwise, then pointwise */
        add_conv(model, CHANNELS, 3, CHANNELS);
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU));
        add_conv(model, 10, 1, 1);
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_LEAKY_RELU));
        break;
    case 2: /* the same with the activation of networks for telephones, and a pooling */
        add_conv(model, CHANNELS, 3, CHANNELS);
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU6));
        add_conv(model, 10, 1, 1);
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU6));
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        break;
    case 6: /* activations that are derived from their input: one operation in inference, their own in training */
        add_conv(model, 8, 3, 1);
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_HARD_SWISH));
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 5, .activation = CNN_SILU)));
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.activation = CNN_GELU)));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 4, .activation = CNN_GELU_TANH)));
        break;
    case 7: /* those that their output tells: in training, too, unless they are layers of their own */
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 5, .activation = CNN_ELU)));
        add_conv(model, 6, 3, 1);
        cnn_model_add(model, act(CNN_HARD_SIGMOID));
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.activation = CNN_SOFTPLUS)));
        break;
    case 8: /* the gate of a squeeze and excitation, and what it gates */
        add_conv(model, CHANNELS, 3, 1);
        cnn_model_add(model, norm());
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "whole", .activation = CNN_SILU)));
        cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        cnn_model_add(model, act(CNN_SILU));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = CHANNELS)));
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "gate", .activation = CNN_SIGMOID)));
        cnn_model_add_after(model, cnn_multiply(context, NULL), (const char *const[]){"whole", "gate"}, 2);
        break;
    case 3: /* a dropout between them does nothing in inference */
        add_conv(model, 8, 3, 1);
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.5f)));
        cnn_model_add(model, norm());
        break;
    case 4: /* an activation before the normalisation stays where it is */
        add_conv(model, 8, 3, 1);
        cnn_model_add(model, act(CNN_RELU));
        cnn_model_add(model, norm());
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        break;
    case 9: /* each of the convolutions that are made of others; that of groups is not folded, and takes nothing */
        cnn_model_add(model, cnn_depthwise_conv2d(context, CNN_DEPTHWISE_CONV2D(.padding = CNN_PADDING_SAME)));
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU6));
        cnn_model_add(model, cnn_separable_conv2d(context, CNN_SEPARABLE_CONV2D(.filters = 8, .no_bias = 1)));
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU));
        cnn_model_add(model, cnn_conv2d_transpose(context, CNN_CONV2D_TRANSPOSE(.filters = 4, .stride = {2})));
        cnn_model_add(model, norm());
        cnn_model_add(model, act(CNN_RELU));
        cnn_model_add(model, cnn_conv2d_transpose(context, CNN_CONV2D_TRANSPOSE(.filters = 4, .groups = 2)));
        cnn_model_add(model, norm());
        cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
        break;
    default: /* what several read, and a sigmoid that ends a model, stay too */
        add_conv(model, CHANNELS, 3, 1);
        cnn_model_add(model, norm());
        cnn_model_add_after(model, cnn_multiply(context, NULL),
                            (const char *const[]){"conv2d_1", "batch_normalization_1"}, 2);
        cnn_model_add(model, act(CNN_RELU));
        add_conv(model, 2, 1, 1);
        cnn_model_add(model, act(CNN_SIGMOID));
    }
}

static const uint32_t left_in_inference[] = {3, 2, 2, 1, 3, 5, 5, 3, 5, 6},
                      left_in_training[] = {5, 5, 4, 3, 2, 5, 10, 5, 9, 9};

static cnn_model *make_model(int number)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    add_layers(model, number);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (p.value.shape.rank == 1) {
            const bool variance = strstr(p.name, "moving_variance") != NULL;
            fill(p.value.data, (size_t)p.value.shape.dims[0], variance ? 0.1f : -0.7f, 1.3f, (uint32_t)i);
        }
    }
    cnn_model_touch(model);
    return model;
}

static cnn_session *open_session(cnn_model *model, bool training, bool whole)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(
                         model, CNN_SESSION(.batch = BATCH, .training = training, .keep_activations = whole), &session),
                     CNN_OK);
    return session;
}

START_TEST(fused_is_what_layers_give_one_by_one)
{
    cnn_model *model = make_model(_i);
    cnn_session *fused = open_session(model, false, false), *whole = open_session(model, false, true);
    cnn_session *training = open_session(model, true, false);
    ck_assert_uint_eq(fused->program.op_count, left_in_inference[_i]);
    ck_assert_uint_eq(training->program.op_count, left_in_training[_i]);
    ck_assert_uint_ge(whole->program.op_count, cnn_model_layer_count(model) - 1);
    ck_assert_int_eq(cnn_session_forward(fused, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(whole, images, BATCH), CNN_OK);
    const size_t count = cnn__session_values(fused, cnn__session_output(fused)->value);
    for (size_t i = 0; i < count; i++) {
        ck_assert_float_eq_tol(cnn_session_output(fused)[i], cnn_session_output(whole)[i], 2e-5f);
        ck_assert_float_eq_tol(cnn_session_logits(fused)[i], cnn_session_logits(whole)[i], 2e-5f);
    }
    cnn_session_free(training);
    cnn_session_free(whole);
    cnn_session_free(fused);
    cnn_model_free(model);
}
END_TEST

/* In inference behaviour, too, what gradients pass is not folded; what lies before the value they are asked by is. */
START_TEST(gradients_keep_what_they_pass)
{
    static const char *const by[] = {"conv2d_2"};
    cnn_model *model = make_model(1);
    cnn_session *session = NULL;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = BATCH, .gradients = by, .gradient_count = 1), &session), CNN_OK);
    ck_assert_uint_eq(session->program.op_count, 4); /* one, the second convolution, normalisation and rectifier */
    ck_assert_uint_gt(session->program.ops[0].preparation.size, 0);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fusion");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, fused_is_what_layers_give_one_by_one, 0, 10);
    tcase_add_test(cases, gradients_keep_what_they_pass);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
