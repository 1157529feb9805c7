/* SPDX-License-Identifier: MIT */
/* Graphs as programs write them: several inputs and outputs, a layer applied to several values, broadcasting. Gradients
 * are compared with finite differences; test_values.c has those of any value. */
#include <check.h>
#include <string.h>

#include <cnn/cnn.h>

#include "api/graph.h"
#include "common/suite.h"
#include "common/values.h"

enum { VECTOR = 5 };

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

/* What each layer is connected to, as branches lie one after the other in the list. */
START_TEST(layers_say_what_they_read)
{
    static const char *const reads[][2] = {{"input", NULL},  {"table", NULL},   {"conv", "scales"},
                                           {"scaled", NULL}, {"flat", "table"}, {"both", NULL}};
    cnn_model *model = two_inputs();
    for (size_t i = 0; i < 6; i++) {
        ck_assert_str_eq(cnn_model_layer_reads(model, i, 0), reads[i][0]);
        ck_assert_pstr_eq(cnn_model_layer_reads(model, i, 1), reads[i][1]);
        ck_assert_ptr_null(cnn_model_layer_reads(model, i, 2));
    }
    ck_assert_ptr_null(cnn_model_layer_reads(model, 6, 0));
    cnn_model_free(model);
}
END_TEST

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

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, graph_set_up, graph_tear_down);
    tcase_add_test(cases, two_inputs_are_scaled_and_joined);
    tcase_add_test(cases, layers_say_what_they_read);
    tcase_add_test(cases, outputs_by_name_run_nothing_after_them);
    tcase_add_test(cases, siamese_branches_share_their_layers);
    tcase_add_loop_test(cases, values_are_broadcast, 0, 18);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
