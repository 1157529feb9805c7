/* SPDX-License-Identifier: MIT */
/* What is wrong in a graph is named, and each allocation that a graph takes may fail. */
#include <check.h>
#include <string.h>

#include <cnn/cnn.h>

#include "api/graph.h"
#include "common/fixture.h"
#include "common/suite.h"

enum { VECTOR = 5 };

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
    Suite *suite = suite_create("graph errors");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, graph_set_up, graph_tear_down);
    tcase_add_test(cases, errors_name_layers_and_shapes);
    tcase_add_test(cases, every_failed_allocation_is_survived);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
