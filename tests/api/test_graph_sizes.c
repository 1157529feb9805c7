/* SPDX-License-Identifier: MIT */
/* One model at several sizes of its inputs. */
#include <check.h>
#include <string.h>

#include <cnn/cnn.h>

#include "api/graph.h"
#include "common/suite.h"
#include "common/values.h"

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

int main(void)
{
    Suite *suite = suite_create("graph sizes");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, graph_set_up, graph_tear_down);
    tcase_add_test(cases, a_session_may_have_another_size);
    tcase_add_test(cases, sizes_that_do_not_fit_are_refused);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
