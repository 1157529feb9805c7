/* SPDX-License-Identifier: MIT */
/* Graphs as programs write them: several inputs, a layer applied to several values, a model inside another, a model cut
 * at a layer. Gradients are compared with finite differences; test_values.c has those of any value. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "api/graph.h"
#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

enum { VECTOR = 5, MOST = 4096 };

/* ---- two inputs ---- */

static cnn_model *two_inputs(void)
{
    cnn_model *model = graph_model("two", SIDE, CHANNELS);
    const cnn_shape vector = {1, 0, {VECTOR}};
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_TANH)));
    ck_assert_int_eq(cnn_model_add_input(model, "table", &vector), CNN_OK);
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "scales", .units = 4, .activation = CNN_SIGMOID)));
    cnn_model_add_after(model, cnn_multiply(graph_context, CNN_NAMED(.name = "scaled")),
                        (const char *const[]){"conv", "scales"}, 2);
    graph_add(model, cnn_flatten(graph_context, CNN_NAMED(.name = "flat")));
    cnn_model_add_after(model, cnn_concatenate(graph_context, CNN_NAMED(.name = "both")),
                        (const char *const[]){"flat", "table"}, 2);
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "end", .units = CLASSES, .activation = CNN_SOFTMAX)));
    graph_build(model);
    return model;
}

static void compare_two_inputs(cnn_model *model)
{
    static float images[BATCH * IMAGE], tables[BATCH * VECTOR], weights[BATCH * CLASSES];
    static const char *const by[] = {"input", "table", "scaled", "conv:linear"};
    graph_fill(images, BATCH * IMAGE, 1);
    graph_fill(tables, BATCH * VECTOR, 2);
    graph_fill(weights, BATCH * CLASSES, 3);
    cnn_session *session = graph_open(
        model, CNN_SESSION(.batch = BATCH, .parameter_gradients = CNN_YES, .gradients = by, .gradient_count = 4));
    cnn_session *other = graph_open(model, CNN_SESSION(.batch = BATCH));
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "table"));
    ck_assert_int_eq(cnn_session_set_input(session, "table", tables), CNN_OK);
    ck_assert_int_eq(cnn_session_set_input(other, "table", tables), CNN_OK);
    ck_assert_int_eq(cnn_session_set_input(other, "input", images), CNN_OK);
    ck_assert_int_eq(cnn_session_set_input(other, "conv", images), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    const cnn_output_gradient start = {.output = "end", .values = weights};
    cnn_tensor gradient;
    ck_assert_int_eq(cnn_session_value_gradient(session, "table", &gradient), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_backward_from(session, &start, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_value_gradient(session, "table", &gradient), CNN_OK);
    graph_compare("table", other, tables, gradient.data, BATCH * VECTOR, weights, CLASSES, BATCH);
    ck_assert_int_eq(cnn_session_value_gradient(session, "input", &gradient), CNN_OK);
    ck_assert_int_eq(gradient.shape.rank, 4);
    graph_compare("input", other, images, gradient.data, BATCH * IMAGE, weights, CLASSES, BATCH);
    ck_assert_int_eq(cnn_session_value_gradient(session, "flat", &gradient), CNN_ERROR_STATE);
    graph_compare_parameters(session, other, weights, CLASSES);
    cnn_session_free(session);
    cnn_session_free(other);
}

START_TEST(two_inputs_are_scaled_and_joined)
{
    cnn_model *model = two_inputs();
    ck_assert_uint_eq(cnn_model_input_count(model), 2);
    ck_assert_str_eq(cnn_model_input_name(model, 1), "table");
    ck_assert_ptr_null(cnn_model_input_name(model, 2));
    ck_assert_int_eq(cnn_model_value_shape(model, "table").dims[0], VECTOR);
    ck_assert_int_eq(cnn_model_value_shape(model, "both").dims[0], 4 * 4 * 4 + VECTOR);
    compare_two_inputs(model);
    cnn_model_free(model);
}
END_TEST

/* ---- outputs ---- */

START_TEST(outputs_by_name_run_nothing_after_them)
{
    static float images[BATCH * IMAGE];
    cnn_model *model = graph_model("outputs", SIDE, CHANNELS);
    cnn_tensor first, second, kept;
    graph_fill(images, BATCH * IMAGE, 5);
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_RELU)));
    graph_add(model, cnn_global_average_pool2d(graph_context, CNN_NAMED(.name = "mean")));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "kind", .units = CLASSES, .activation = CNN_SOFTMAX)));
    cnn_model_add_after(model,
                        cnn_dense(graph_context, CNN_DENSE(.name = "yes", .units = 1, .activation = CNN_SIGMOID)),
                        (const char *const[]){"mean"}, 1);
    ck_assert_int_eq(cnn_model_set_outputs(model, (const char *const[]){"kind", "yes"}, 2), CNN_OK);
    graph_build(model);
    ck_assert_uint_eq(cnn_model_output_count(model), 2);
    ck_assert_str_eq(cnn_model_output_name(model, 1), "yes");
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], CLASSES);

    cnn_session *whole = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1));
    ck_assert_int_eq(cnn_session_forward(whole, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(whole, "kind", &first), CNN_OK);
    ck_assert_ptr_eq(first.data, cnn_session_output(whole));
    ck_assert_int_eq(cnn_session_activation(whole, "yes", &second), CNN_OK);
    ck_assert_int_eq(second.shape.dims[1], 1);
    ck_assert_int_eq(cnn_session_activation(whole, "mean", &kept), CNN_ERROR_STATE);

    /* Each output's gradient alone, and both together, which is their sum. */
    static const float ones[BATCH * CLASSES] = {1, 0, 0, 0, 1, 0};
    cnn_output_gradient starts[] = {{.output = "kind", .values = ones},
                                    {.output = "yes", .values = ones, .of_logits = 1}};
    float sums[3] = {0};
    for (int i = 0; i < 3; i++) {
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_session_forward(whole, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_backward_from(whole, i < 2 ? &starts[i] : starts, i < 2 ? 1 : 2), CNN_OK);
        ck_assert_int_eq(cnn_session_gradient(whole, 0, &gradient), CNN_OK);
        sums[i] = gradient.data[7];
    }
    ck_assert_float_ne(sums[0], 0);
    ck_assert_float_ne(sums[1], 0);
    ck_assert_float_eq_tol(sums[0] + sums[1], sums[2], 1e-6f);
    ck_assert_int_eq(cnn_session_forward(whole, images, BATCH), CNN_OK);
    starts[0].output = "mean";
    ck_assert_int_eq(cnn_session_backward_from(whole, starts, 1), CNN_ERROR_NOT_FOUND);

    cnn_session *part = graph_open(model, CNN_SESSION(.batch = BATCH, .outputs = (const char *const[]){"conv"},
                                                      .output_count = 1, .keep = (const char *const[]){"conv:linear"},
                                                      .keep_count = 1));
    ck_assert_int_eq(cnn_session_forward(part, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(part, "conv:linear", &kept), CNN_OK);
    for (size_t i = 0; i < test_shape_values(kept.shape); i++) {
        ck_assert_float_eq(cnn_session_output(part)[i], kept.data[i] > 0 ? kept.data[i] : 0);
    }
    ck_assert_int_eq(cnn_session_activation(part, "mean", &kept), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_activation(part, "nothing", &kept), CNN_ERROR_NOT_FOUND);
    cnn_session_free(part);
    cnn_session_free(whole);
    cnn_model_free(model);
}
END_TEST

/* ---- a layer applied to several values ---- */

START_TEST(siamese_branches_share_their_layers)
{
    static float images[2][BATCH * IMAGE], weights[BATCH];
    cnn_model *model = graph_model("siamese", SIDE, CHANNELS);
    const cnn_shape image = {3, 0, {SIDE, SIDE, CHANNELS}};
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_TANH)));
    graph_add(model, cnn_flatten(graph_context, CNN_NAMED(.name = "flat")));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "code", .units = 6)));
    ck_assert_int_eq(cnn_model_add_input(model, "other", &image), CNN_OK);
    ck_assert_int_eq(cnn_model_apply(model, "conv", "conv_b", NULL, 0), CNN_OK);
    ck_assert_int_eq(cnn_model_apply(model, "flat", NULL, NULL, 0), CNN_OK);
    ck_assert_int_eq(cnn_model_apply(model, "code", "code_b", NULL, 0), CNN_OK);
    cnn_model_add_after(model, cnn_subtract(graph_context, CNN_NAMED(.name = "difference")),
                        (const char *const[]){"code", "code_b"}, 2);
    cnn_model_add_after(model, cnn_multiply(graph_context, CNN_NAMED(.name = "squares")),
                        (const char *const[]){"difference", "difference"}, 2);
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "same", .units = 1)));
    graph_build(model);
    ck_assert_uint_eq(cnn_model_parameter_count(model), 6);
    graph_fill(images[0], BATCH * IMAGE, 1);
    graph_fill(images[1], BATCH * IMAGE, 2);
    graph_fill(weights, BATCH, 3);
    cnn_session *session = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1));
    cnn_session *other = graph_open(model, CNN_SESSION(.batch = BATCH));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_session_set_input(i == 0 ? session : other, "other", images[1]), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(i == 0 ? session : other, images[0], BATCH), CNN_OK);
    }
    ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, weights), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_forward(session, images[0], BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK); /* sums begin anew */
    graph_compare_parameters(session, other, weights, 1);
    /* The same image twice differs by nothing. */
    ck_assert_int_eq(cnn_session_set_input(other, "other", images[0]), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(other, images[0], BATCH), CNN_OK);
    ck_assert_float_eq(cnn_session_output(other)[0], cnn_session_output(other)[1]);
    cnn_session_free(session);
    cnn_session_free(other);
    cnn_model_free(model);
}
END_TEST

/* ---- a model inside another, and the part of one ---- */

static cnn_model *features(void)
{
    cnn_model *model = graph_model("vgg", SIDE, CHANNELS);
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "block1_conv1", .filters = 4,
                                                          .padding = CNN_PADDING_SAME, .activation = CNN_RELU)));
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "block1_conv2", .filters = 4,
                                                          .padding = CNN_PADDING_SAME, .activation = CNN_RELU)));
    graph_add(model, cnn_max_pool2d(graph_context, CNN_POOL2D(.name = "block1_pool")));
    graph_build(model);
    return model;
}

static cnn_status keep_text(void *user, const void *data, size_t size)
{
    strncat(user, data, size);
    return CNN_OK;
}

static const float *output_of(cnn_session *session, const float *images)
{
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    return cnn_session_output(session);
}

START_TEST(a_model_is_a_layer_of_another)
{
    static float images[BATCH * IMAGE], before[BATCH * CLASSES];
    static char text[8192];
    cnn_model *inner = features(), *model = graph_model("top", SIDE, CHANNELS), *loaded = NULL;
    cnn_parameter a = CNN_PARAMETER_INIT, b = CNN_PARAMETER_INIT;
    graph_fill(images, BATCH * IMAGE, 4);
    graph_add(model, cnn_model_as_layer(graph_context, inner, "vgg16"));
    graph_add(model, cnn_flatten(graph_context, NULL));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.units = CLASSES, .activation = CNN_SOFTMAX)));
    graph_build(model);
    ck_assert_int_eq(cnn_model_find_parameter(model, "vgg16/block1_conv1/kernel", &a), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(inner, "block1_conv1/kernel", &b), CNN_OK);
    ck_assert_ptr_eq(a.value.data, b.value.data);
    ck_assert_int_eq(cnn_model_value_shape(model, "vgg16").dims[2], 4);
    ck_assert_int_eq(cnn_model_summary(model, keep_text, text), CNN_OK);
    ck_assert_ptr_nonnull(strstr(text, "vgg16 (Model)"));
    ck_assert_ptr_null(strstr(text, "Connected"));
    ck_assert_ptr_null(strstr(text, "block1_conv1"));
    ck_assert_ptr_nonnull(strstr(text, "260"));

    /* One frozen name for all of it; training one model changes the other, and its sessions notice. */
    cnn_session *inside = graph_open(inner, CNN_SESSION(.batch = BATCH));
    const float first = output_of(inside, images)[5];
    ck_assert_int_eq(cnn_model_set_trainable(model, "vgg16", false), CNN_OK);
    ck_assert_uint_eq(cnn_model_trainable_values(model), cnn_model_values(model) - 112 - 148);
    ck_assert_int_eq(cnn_model_set_trainable(model, "vgg16", true), CNN_OK);
    cnn_session *session = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1));
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_sgd_create(graph_context, CNN_SGD(.learning_rate = 0.5f), &optimizer), CNN_OK);
    static const float start[BATCH * CLASSES] = {1, -1, 0, -1, 1, 0};
    (void)output_of(session, images);
    ck_assert_int_eq(cnn_session_backward(session, start), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    ck_assert_float_ne(output_of(inside, images)[5], first);

    /* A file of it has the graph, the names and all parameters. */
    cnn_session *plain = graph_open(model, CNN_SESSION(.batch = BATCH));
    memcpy(before, output_of(plain, images), sizeof(before));
    ck_assert_int_eq(cnn_model_save(model, "nested.cnn"), CNN_OK);
    cnn_model_free(inner); /* while its parameters are in use elsewhere */
    ck_assert_msg(cnn_model_load(graph_context, "nested.cnn", &loaded) == CNN_OK, "%s", cnn_last_error(graph_context));
    ck_assert_int_eq(cnn_model_value_shape(loaded, "vgg16").dims[2], 4);
    cnn_session *again = graph_open(loaded, CNN_SESSION(.batch = BATCH));
    ck_assert_mem_eq(output_of(again, images), before, sizeof(before));
    memset(text, 0, sizeof(text));
    ck_assert_int_eq(cnn_model_summary(loaded, keep_text, text), CNN_OK);
    ck_assert_ptr_nonnull(strstr(text, "vgg16 (Model)"));
    cnn_optimizer_free(optimizer);
    cnn_session_free(again);
    cnn_session_free(plain);
    cnn_session_free(session);
    cnn_session_free(inside);
    cnn_model_free(loaded);
    cnn_model_free(model);
    remove("nested.cnn");
}
END_TEST

START_TEST(a_model_twice_has_its_parameters_once)
{
    static float images[2][BATCH * IMAGE], weights[BATCH];
    cnn_model *inner = features(), *model = graph_model("pair", SIDE, CHANNELS), *loaded = NULL;
    const cnn_shape image = {3, 0, {SIDE, SIDE, CHANNELS}};
    graph_fill(images[0], BATCH * IMAGE, 1);
    graph_fill(images[1], BATCH * IMAGE, 2);
    graph_fill(weights, BATCH, 3);
    graph_add(model, cnn_model_as_layer(graph_context, inner, "left"));
    ck_assert_int_eq(cnn_model_add_input(model, "other", &image), CNN_OK);
    ck_assert_int_eq(cnn_model_apply(model, "left", "right", (const char *const[]){"other"}, 1), CNN_OK);
    cnn_model_add_after(model, cnn_multiply(graph_context, NULL), (const char *const[]){"left", "right"}, 2);
    graph_add(model, cnn_global_average_pool2d(graph_context, NULL));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.units = 1)));
    graph_build(model);
    ck_assert_uint_eq(cnn_model_parameter_count(model), 6);
    ck_assert_int_eq(cnn_model_save(model, "pair.cnn"), CNN_OK);
    ck_assert_msg(cnn_model_load(graph_context, "pair.cnn", &loaded) == CNN_OK, "%s", cnn_last_error(graph_context));
    ck_assert_uint_eq(cnn_model_parameter_count(loaded), 6);
    cnn_model *models[] = {model, loaded};
    for (int i = 0; i < 2; i++) {
        cnn_session *session = graph_open(models[i], CNN_SESSION(.batch = BATCH, .training = 1));
        cnn_session *other = graph_open(models[i], CNN_SESSION(.batch = BATCH));
        ck_assert_int_eq(cnn_session_set_input(session, "other", images[1]), CNN_OK);
        ck_assert_int_eq(cnn_session_set_input(other, "other", images[1]), CNN_OK);
        (void)output_of(session, images[0]);
        (void)output_of(other, images[0]);
        ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
        graph_compare_parameters(session, other, weights, 1);
        cnn_session_free(session);
        cnn_session_free(other);
    }
    cnn_model_free(loaded);
    cnn_model_free(model);
    cnn_model_free(inner);
    remove("pair.cnn");
}
END_TEST

START_TEST(a_model_is_cut_at_a_layer)
{
    static float images[BATCH * IMAGE];
    cnn_model *whole = features(), *part = NULL, *headed = NULL;
    cnn_tensor kept;
    graph_fill(images, BATCH * IMAGE, 4);
    ck_assert_int_eq(cnn_model_cut(whole, "nothing", &part), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_cut(whole, "block1_conv1", &part), CNN_OK);
    graph_build(part);
    ck_assert_uint_eq(cnn_model_layer_count(part), 1);
    ck_assert_int_eq(cnn_model_cut(whole, "block1_pool", &headed), CNN_OK);
    graph_add(headed, cnn_flatten(graph_context, NULL));
    graph_add(headed, cnn_dense(graph_context, CNN_DENSE(.units = 2)));
    graph_build(headed);
    ck_assert_uint_eq(cnn_model_parameter_count(headed), 6);
    cnn_session *session = graph_open(part, CNN_SESSION(.batch = BATCH));
    cnn_session *full = graph_open(
        whole, CNN_SESSION(.batch = BATCH, .keep = (const char *const[]){"block1_conv1"}, .keep_count = 1));
    for (int i = 0; i < 2; i++) {
        cnn_parameter kernel = CNN_PARAMETER_INIT;
        (void)output_of(full, images);
        ck_assert_int_eq(cnn_session_activation(full, "block1_conv1", &kept), CNN_OK);
        ck_assert_mem_eq(output_of(session, images), kept.data, test_shape_values(kept.shape) * sizeof(float));
        /* Writing to the parameters through one model is seen by all. */
        ck_assert_int_eq(cnn_model_find_parameter(headed, "block1_conv1/kernel", &kernel), CNN_OK);
        kernel.value.data[3] += 1;
        cnn_model_touch(headed);
    }
    cnn_model_free(whole);
    cnn_session_free(full);
    (void)output_of(session, images);
    cnn_session_free(session);
    cnn_model_free(part);
    cnn_model_free(headed);
}
END_TEST

/* ---- broadcasting ---- */

static double combine(int kind, double a, double b) { return kind == 0 ? a + b : kind == 1 ? a - b : a * b; }

START_TEST(values_are_broadcast)
{
    static const int32_t sides[][3] = {{3, 4, 5}, {1, 1, 5}, {5, 0, 0}, {3, 4, 1}, {1, 1, 1}, {1, 0, 0}};
    const int kind = _i % 3, other = _i / 3;
    static float images[BATCH * 60], others[BATCH * 60], weights[BATCH * 60];
    cnn_model *model = NULL;
    cnn_shape shape = {sides[other][1] == 0 ? 1 : 3, 0, {sides[other][0], sides[other][1], sides[other][2]}};
    const size_t count = test_shape_values(shape);
    ck_assert_int_eq(cnn_model_create(graph_context, CNN_MODEL(.input = {3, 4, 5}), &model), CNN_OK);
    ck_assert_int_eq(cnn_model_add_input(model, "b", &shape), CNN_OK);
    cnn_model_add_after(model,
                        kind == 0   ? cnn_add(graph_context, NULL)
                        : kind == 1 ? cnn_subtract(graph_context, NULL)
                                    : cnn_multiply(graph_context, NULL),
                        (const char *const[]){"input", "b"}, 2);
    graph_add(model, cnn_activate(graph_context, CNN_ACTIVATE(.activation = CNN_LEAKY_RELU, .alpha = 0.25f)));
    graph_build(model);
    graph_fill(images, BATCH * 60, 1);
    graph_fill(others, BATCH * count, 2);
    graph_fill(weights, BATCH * 60, 3);
    static const char *const by[] = {"input", "b"};
    cnn_session *session = graph_open(model, CNN_SESSION(.batch = BATCH, .gradients = by, .gradient_count = 2));
    ck_assert_int_eq(cnn_session_set_input(session, "b", others), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
    cnn_tensor by_a, by_b;
    ck_assert_int_eq(cnn_session_value_gradient(session, "input", &by_a), CNN_OK);
    ck_assert_int_eq(cnn_session_value_gradient(session, "b", &by_b), CNN_OK);
    double sums[BATCH * 60] = {0};
    for (size_t i = 0; i < BATCH * 60; i++) {
        const size_t sample = i / 60, at = i % 60;
        const size_t k = sample * count + (count == 60 ? at : count == 12 ? at / 5 : count == 5 ? at % 5 : 0);
        const double value = combine(kind, (double)images[i], (double)others[k]), slope = value > 0 ? 1 : 0.25;
        ck_assert_double_eq_tol((double)cnn_session_output(session)[i], value * slope, 1e-6);
        const double d = (double)weights[i] * slope;
        ck_assert_double_eq_tol((double)by_a.data[i], kind == 2 ? d * (double)others[k] : d, 1e-6);
        sums[k] += kind == 2 ? d * (double)images[i] : kind == 1 ? -d : d;
    }
    for (size_t k = 0; k < BATCH * count; k++) {
        ck_assert_double_eq_tol((double)by_b.data[k], sums[k], 1e-5);
    }
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* ---- errors ---- */

/* ---- one model at several sizes ---- */

/* A network that a size is nothing to, at this one. */
static cnn_model *any_size(int32_t side)
{
    cnn_model *model = graph_model("any", side, CHANNELS);
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv", .filters = 4, .stride = {2},
                                                          .padding = CNN_PADDING_SAME, .activation = CNN_RELU)));
    graph_add(model, cnn_batch_norm(graph_context, CNN_BATCH_NORM(.name = "norm")));
    graph_add(model, cnn_global_average_pool2d(graph_context, CNN_NAMED(.name = "gap")));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "end", .units = CLASSES, .activation = CNN_SOFTMAX)));
    graph_build(model);
    return model;
}

/* A session of another size computes what a model built at that size with the same parameters does. */
START_TEST(a_session_may_have_another_size)
{
    enum { LARGE = 11 };
    static float images[BATCH * LARGE * LARGE * CHANNELS];
    const cnn_shape large = {3, 0, {LARGE, LARGE, CHANNELS}};
    static const float start[BATCH * CLASSES] = {1, -1, 0, -1, 1, 0};
    cnn_model *model = any_size(SIDE), *other = any_size(LARGE);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter from = CNN_PARAMETER_INIT, to = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &from), CNN_OK);
        ck_assert_int_eq(cnn_model_parameter(other, i, &to), CNN_OK);
        memcpy(to.value.data, from.value.data, test_shape_values(to.value.shape) * sizeof(float));
    }
    cnn_model_touch(other);
    graph_fill(images, BATCH * LARGE * LARGE * CHANNELS, 5);
    for (uint32_t training = 0; training < 2; training++) {
        cnn_session *small = graph_open(model, CNN_SESSION(.batch = BATCH, .training = training));
        cnn_session *session = graph_open(
            model, CNN_SESSION(.batch = BATCH, .training = training, .input_shapes = &large, .input_shape_count = 1));
        cnn_session *expected = graph_open(other, CNN_SESSION(.batch = BATCH, .training = training));
        cnn_tensor conv;
        ck_assert_int_eq(cnn_session_forward(small, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(expected, images, BATCH), CNN_OK);
        ck_assert_mem_eq(cnn_session_output(session), cnn_session_output(expected), BATCH * CLASSES * sizeof(float));
        ck_assert_int_eq(cnn_session_activation(session, "input", &conv), CNN_OK);
        ck_assert_int_eq(conv.shape.dims[1], LARGE);
        if (training) {
            cnn_tensor a, b;
            ck_assert_int_eq(cnn_session_backward(session, start), CNN_OK);
            ck_assert_int_eq(cnn_session_backward(expected, start), CNN_OK);
            ck_assert_int_eq(cnn_session_gradient(session, 0, &a), CNN_OK);
            ck_assert_int_eq(cnn_session_gradient(expected, 0, &b), CNN_OK);
            ck_assert_mem_eq(a.data, b.data, test_shape_values(a.shape) * sizeof(float));
        }
        cnn_session_free(small);
        cnn_session_free(session);
        cnn_session_free(expected);
    }
    cnn_model_free(model);
    cnn_model_free(other);
}
END_TEST

static void expect_refused(cnn_model *model, const cnn_shape *shapes, size_t count, cnn_status status, const char *part)
{
    cnn_session *session;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.input_shapes = shapes, .input_shape_count = count), &session), status);
    ck_assert_ptr_null(session);
    ck_assert_msg(strstr(cnn_last_error(graph_context), part) != NULL, "%s", cnn_last_error(graph_context));
}

START_TEST(sizes_that_do_not_fit_are_refused)
{
    const cnn_shape large = {3, 0, {9, 9, CHANNELS}}, grey = {3, 0, {9, 9, 1}}, flat = {2, 0, {9, 9}};
    const cnn_shape none = {3, 0, {9, 0, CHANNELS}}, two[] = {large, large};
    cnn_model *model = graph_classifier(), *any = any_size(SIDE);
    expect_refused(model, &large, 1, CNN_ERROR_SHAPE, "hidden");
    expect_refused(any, &grey, 1, CNN_ERROR_SHAPE, "conv");
    expect_refused(any, &flat, 1, CNN_ERROR_SHAPE, "2 dimensions");
    expect_refused(any, &none, 1, CNN_ERROR_SHAPE, "input");
    expect_refused(any, two, 2, CNN_ERROR_INVALID_ARGUMENT, "2 shapes are given for 1 inputs");
    cnn_model_free(model);
    cnn_model_free(any);
}
END_TEST

START_TEST(errors_name_layers_and_shapes)
{
    cnn_model *model = graph_model("wrong", SIDE, CHANNELS);
    const cnn_shape vector = {1, 0, {VECTOR}}, odd = {2, 0, {3, 0}};
    ck_assert_int_eq(cnn_model_add_input(model, "table", &vector), CNN_OK);
    cnn_model_add_after(model, cnn_add(graph_context, CNN_NAMED(.name = "sum")),
                        (const char *const[]){"input", "table"}, 2);
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "sum"));
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "(None, 6, 6, 3)"));
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "(None, 5)"));
    cnn_model_free(model);

    static const char *const names[] = {"table", "sum", "no good", ""};
    for (int i = 0; i < 6; i++) {
        model = graph_model("wrong", SIDE, CHANNELS);
        graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "sum", .filters = 2)));
        ck_assert_int_eq(cnn_model_add_input(model, "table", &vector), CNN_OK);
        const cnn_status expected = CNN_ERROR_INVALID_ARGUMENT;
        const cnn_status found = i < 4    ? cnn_model_add_input(model, names[i], &vector)
                                 : i == 4 ? cnn_model_add_input(model, "odd", &odd)
                                          : cnn_model_set_outputs(model, names, 0);
        ck_assert_int_eq(found, expected);
        ck_assert_int_eq(cnn_model_build(model), expected);
        cnn_model_free(model);
    }
    model = graph_model("wrong", SIDE, CHANNELS);
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv", .filters = 2)));
    ck_assert_int_eq(cnn_model_apply(model, "later", NULL, NULL, 0), CNN_ERROR_NOT_FOUND);
    cnn_model_free(model);

    /* The layer that is applied again does not fit there. */
    model = graph_model("wrong", SIDE, CHANNELS);
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv", .filters = 2)));
    ck_assert_int_eq(cnn_model_apply(model, "conv", "again", NULL, 0), CNN_OK);
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "again"));
    cnn_model_free(model);

    model = graph_classifier();
    static const char *const unknown[] = {"nothing"}, *const output[] = {"scores"};
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.outputs = unknown, .output_count = 1), &session),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.gradients = output, .gradient_count = 1), &session),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "scores"));
    ck_assert_ptr_null(session);
    cnn_model_free(model);
}
END_TEST

/* All that this file does with models, by whichever allocation it fails. */
static cnn_status use_everything(cnn_context *c)
{
    static const char *const by[] = {"input", "left", "conv:linear"}, *const both[] = {"left", "right"};
    static const float images[IMAGE] = {1}, start[1] = {1};
    cnn_model *inner = NULL, *model = NULL, *part = NULL;
    cnn_session *session = NULL;
    const cnn_shape image = {3, 0, {SIDE, SIDE, CHANNELS}};
    cnn_status status = cnn_model_create(c, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &inner);
    if (status == CNN_OK) {
        cnn_model_add(inner, cnn_conv2d(c, CNN_CONV2D(.name = "first", .filters = 3)));
        cnn_model_add(inner, cnn_batch_norm(c, NULL));
        status = cnn_model_build(inner);
    }
    if (status == CNN_OK) {
        status = cnn_model_create(c, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model);
    }
    if (status == CNN_OK) {
        cnn_model_add(model, cnn_model_as_layer(c, inner, "left"));
        cnn_model_add_input(model, "other", &image);
        cnn_model_apply(model, "left", "right", NULL, 0);
        cnn_model_add_after(model, cnn_multiply(c, NULL), both, 2);
        cnn_model_add(model, cnn_conv2d(c, CNN_CONV2D(.name = "conv", .filters = 2, .activation = CNN_RELU)));
        cnn_model_apply(model, "left/first", "again", (const char *const[]){"input"}, 1);
        cnn_model_add_after(model, cnn_flatten(c, NULL), (const char *const[]){"conv"}, 1);
        cnn_model_add(model, cnn_dense(c, CNN_DENSE(.name = "end", .units = 1, .activation = CNN_SIGMOID)));
        cnn_model_set_outputs(model, (const char *const[]){"end", "again"}, 2);
        status = cnn_model_build(model);
    }
    if (status == CNN_OK) {
        status = cnn_model_cut(model, "conv", &part);
    }
    if (status == CNN_OK) {
        cnn_model_add(part, cnn_global_average_pool2d(c, NULL));
        status = cnn_model_build(part);
    }
    if (status == CNN_OK) {
        status = cnn_session_create(model, CNN_SESSION(.training = 1, .gradients = by, .gradient_count = 3), &session);
    }
    if (status == CNN_OK) {
        const cnn_output_gradient gradient = {.values = start};
        ck_assert_int_eq(cnn_session_set_input(session, "other", images), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, images, 1), CNN_OK);
        ck_assert_int_eq(cnn_session_backward_from(session, &gradient, 1), CNN_OK);
    }
    cnn_session_free(session);
    cnn_model_free(inner);
    cnn_model_free(model);
    cnn_model_free(part);
    return status;
}

START_TEST(every_failed_allocation_is_survived)
{
    test_allocator counting = {0};
    const cnn_allocator allocator = test_allocator_options(&counting);
    cnn_context *c = NULL;
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.allocator = &allocator, .threads = 1), &c), CNN_OK);
    size_t blocks = 0;
    for (size_t i = 1; status != CNN_OK; i++) {
        counting.fail_at = counting.calls + i;
        status = use_everything(c);
        counting.fail_at = 0;
        ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "allocation %zu: %s", i,
                      cnn_last_error(c));
        blocks = i == 1 ? counting.blocks : blocks; /* a place for the messages is made with the first */
        ck_assert_msg(counting.blocks == blocks, "allocation %zu leaves %zu blocks", i,
                      (size_t)counting.blocks - blocks);
        ck_assert_uint_lt(i, 5000);
    }
    cnn_context_free(c);
    ck_assert_uint_eq(counting.blocks, 0);
    ck_assert_uint_eq(counting.wrong_releases, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, graph_set_up, graph_tear_down);
    tcase_add_test(cases, two_inputs_are_scaled_and_joined);
    tcase_add_test(cases, outputs_by_name_run_nothing_after_them);
    tcase_add_test(cases, siamese_branches_share_their_layers);
    tcase_add_test(cases, a_model_is_a_layer_of_another);
    tcase_add_test(cases, a_model_twice_has_its_parameters_once);
    tcase_add_test(cases, a_model_is_cut_at_a_layer);
    tcase_add_loop_test(cases, values_are_broadcast, 0, 18);
    tcase_add_test(cases, a_session_may_have_another_size);
    tcase_add_test(cases, sizes_that_do_not_fit_are_refused);
    tcase_add_test(cases, errors_name_layers_and_shapes);
    tcase_add_test(cases, every_failed_allocation_is_survived);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
