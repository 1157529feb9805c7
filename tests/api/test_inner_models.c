/* SPDX-License-Identifier: MIT */
/* A model as a layer of another, and a model cut at a layer: parameters that several models share. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include <cnn/cnn.h>

#include "api/graph.h"
#include "common/suite.h"
#include "common/values.h"

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

int main(void)
{
    Suite *suite = suite_create("inner models");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, graph_set_up, graph_tear_down);
    tcase_add_test(cases, a_model_is_a_layer_of_another);
    tcase_add_test(cases, a_model_twice_has_its_parameters_once);
    tcase_add_test(cases, a_model_is_cut_at_a_layer);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
