/* SPDX-License-Identifier: MIT */
/* Gradients of any value of a graph, and losses of several outputs. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/graph.h"
#include "common/suite.h"
#include "common/values.h"

/* ---- gradients of values, in inference behaviour ---- */

/* By the input directly; by hidden layers by way of the biases that are added to them: the gradient by a bias is the
 * sum of those by the values before the activation. */
START_TEST(a_class_score_has_gradients_by_any_value)
{
    static const char *const by[] = {"conv1", "input", "conv1:linear", "hidden:linear", "norm", "pool", "drop"};
    static float images[BATCH * IMAGE], score[BATCH * CLASSES];
    cnn_model *model = graph_classifier();
    graph_fill(images, BATCH * IMAGE, 9);
    for (int logits = 0; logits < 2; logits++) {
        cnn_session *session = graph_open(model, CNN_SESSION(.batch = BATCH, .gradients = by, .gradient_count = 7));
        cnn_session *other = logits ? graph_open(model, CNN_SESSION(.batch = BATCH,
                                                                    .outputs = (const char *const[]){"scores:linear"},
                                                                    .output_count = 1))
                                    : graph_open(model, CNN_SESSION(.batch = BATCH));
        for (int i = 0; i < BATCH; i++) {
            score[i * CLASSES + 1] = 1;
        }
        ck_assert_int_eq(cnn_session_set_input(other, "input", images), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        const cnn_output_gradient start = {.values = score, .of_logits = logits};
        for (int again = 0; again < 2; again++) {
            ck_assert_int_eq(cnn_session_backward_from(session, &start, 1), CNN_OK);
        }
        cnn_tensor gradient, linear, pool, drop;
        ck_assert_int_eq(cnn_session_gradient(session, 0, &gradient), CNN_ERROR_STATE);
        ck_assert_int_eq(cnn_session_value_gradient(session, "input", &gradient), CNN_OK);
        graph_compare("input", other, images, gradient.data, BATCH * IMAGE, score, CLASSES, BATCH);
        ck_assert_int_eq(cnn_session_value_gradient(session, "pool", &pool), CNN_OK);
        ck_assert_int_eq(cnn_session_value_gradient(session, "drop", &drop), CNN_OK);
        ck_assert_ptr_eq(pool.data, drop.data); /* dropout does nothing here */
        static const char *const layers[] = {"conv1", "hidden"};
        for (int i = 0; i < 2; i++) {
            char name[32];
            float sums[8] = {0};
            cnn_parameter bias = CNN_PARAMETER_INIT;
            snprintf(name, sizeof(name), "%s:linear", layers[i]);
            ck_assert_int_eq(cnn_session_value_gradient(session, name, &linear), CNN_OK);
            const size_t channels = (size_t)linear.shape.dims[linear.shape.rank - 1];
            for (size_t k = 0; k < test_shape_values(linear.shape); k++) {
                sums[k % channels] += linear.data[k];
            }
            snprintf(name, sizeof(name), "%s/bias", layers[i]);
            ck_assert_int_eq(cnn_model_find_parameter(model, name, &bias), CNN_OK);
            graph_compare(name, other, bias.value.data, sums, channels, score, CLASSES, BATCH);
        }
        /* Leaky relu's derivative lies between a layer's output and the value before. */
        cnn_tensor value;
        ck_assert_int_eq(cnn_session_value_gradient(session, "conv1", &gradient), CNN_OK);
        ck_assert_int_eq(cnn_session_value_gradient(session, "conv1:linear", &linear), CNN_OK);
        ck_assert_int_eq(cnn_session_activation(session, "conv1:linear", &value), CNN_OK);
        for (size_t i = 0; i < test_shape_values(linear.shape); i++) {
            ck_assert_float_eq_tol(linear.data[i], gradient.data[i] * (value.data[i] > 0 ? 1 : 0.3f), 1e-6f);
        }
        cnn_session_free(other);
        cnn_session_free(session);
    }
    cnn_model_free(model);
}
END_TEST

/* What is asked for changes nothing in what a training computes. */
START_TEST(training_with_gradients_of_values_is_the_same)
{
    static float images[BATCH * IMAGE];
    static const char *const by[] = {"input", "conv1", "act", "conv1:linear"};
    static const float start[BATCH * CLASSES] = {1, -1, 0, -1, 1, 0};
    cnn_model *model = graph_classifier();
    cnn_session *sessions[2];
    graph_fill(images, BATCH * IMAGE, 9);
    sessions[0] = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1));
    sessions[1] = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1, .gradients = by, .gradient_count = 4));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_session_forward(sessions[i], images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(sessions[i], start), CNN_OK);
    }
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_tensor a, b;
        const cnn_status status = cnn_session_gradient(sessions[0], i, &a);
        ck_assert_int_eq(cnn_session_gradient(sessions[1], i, &b), status);
        for (size_t k = 0; status == CNN_OK && k < test_shape_values(a.shape); k++) {
            ck_assert_float_eq_tol(a.data[k], b.data[k], 1e-6f);
        }
    }
    cnn_session_free(sessions[0]);
    cnn_session_free(sessions[1]);
    cnn_model_free(model);
}
END_TEST

/* ---- losses of several outputs ---- */

/* A trunk with two heads, as networks with auxiliary classifiers have. */
static cnn_model *two_heads(void)
{
    cnn_model *model = graph_model("heads", SIDE, CHANNELS);
    graph_add(model, cnn_flatten(graph_context, CNN_NAMED(.name = "flat")));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "trunk", .units = 8, .activation = CNN_TANH)));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "main", .units = CLASSES, .activation = CNN_SOFTMAX)));
    cnn_model_add_after(model, cnn_dense(graph_context, CNN_DENSE(.name = "side", .units = 1)),
                        (const char *const[]){"trunk"}, 1);
    ck_assert_int_eq(cnn_model_set_outputs(model, (const char *const[]){"main", "side"}, 2), CNN_OK);
    graph_build(model);
    return model;
}

/* Both losses' gradients together are what going back from both by hand gives; one loss alone leaves the other head
 * without. */
START_TEST(each_output_has_a_loss)
{
    static const int32_t labels[BATCH] = {2, 0};
    static const float heights[BATCH] = {0.5f, -1};
    static float images[BATCH * IMAGE];
    cnn_model *model = two_heads();
    cnn_session *session = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1));
    cnn_session *other = graph_open(model, CNN_SESSION(.batch = BATCH, .training = 1));
    cnn_loss *class_loss, *height_loss;
    double first, second;
    float logit[BATCH * CLASSES], height[BATCH];
    ck_assert_int_eq(cnn_loss_create(graph_context, "categorical_crossentropy", &class_loss), CNN_OK);
    ck_assert_int_eq(cnn_loss_create(graph_context, "mse", &height_loss), CNN_OK);
    graph_fill(images, BATCH * IMAGE, 3);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, class_loss, CNN_TARGET(.labels = labels), &first), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, height_loss, CNN_TARGET(.values = heights, .output = "side"), &second),
                     CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_ERROR_STATE); /* losses count once */

    ck_assert_int_eq(cnn_session_forward(other, images, BATCH), CNN_OK);
    double value;
    cnn_tensor side;
    ck_assert_int_eq(cnn_loss_compute(class_loss, cnn_session_logits(other), CNN_TARGET(.labels = labels), BATCH,
                                      CLASSES, logit, &value),
                     CNN_OK);
    ck_assert_double_eq(value, first);
    ck_assert_int_eq(cnn_session_activation(other, "side", &side), CNN_OK);
    ck_assert_int_eq(cnn_loss_compute(height_loss, side.data, CNN_TARGET(.values = heights), BATCH, 1, height, &value),
                     CNN_OK);
    ck_assert_double_eq(value, second);
    const cnn_output_gradient both[] = {{.values = logit, .of_logits = 1}, {.output = "side", .values = height}};
    ck_assert_int_eq(cnn_session_backward_from(other, both, 2), CNN_OK);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_tensor a, b;
        ck_assert_int_eq(cnn_session_gradient(session, i, &a), CNN_OK);
        ck_assert_int_eq(cnn_session_gradient(other, i, &b), CNN_OK);
        ck_assert_mem_eq(a.data, b.data, test_shape_values(a.shape) * sizeof(float));
    }

    /* Of the second alone. */
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, height_loss, CNN_TARGET(.values = heights, .output = "side"), &second),
                     CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(other, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_backward_from(other, &both[1], 1), CNN_OK);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_tensor a, b;
        ck_assert_int_eq(cnn_session_gradient(session, i, &a), CNN_OK);
        ck_assert_int_eq(cnn_session_gradient(other, i, &b), CNN_OK);
        ck_assert_mem_eq(a.data, b.data, test_shape_values(a.shape) * sizeof(float));
    }

    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, height_loss, CNN_TARGET(.values = heights, .output = "top"), &second),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(graph_context), "top"));
    cnn_loss_free(class_loss);
    cnn_loss_free(height_loss);
    cnn_session_free(other);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* A second loss would overwrite the first's gradient where two outputs end in the same values. */
START_TEST(one_loss_for_the_same_logits)
{
    static const char *const outputs[] = {"main", "main:linear"};
    static const int32_t labels[BATCH] = {2, 0};
    static const float images[BATCH * IMAGE] = {1};
    cnn_model *model = two_heads();
    cnn_session *session = graph_open(
        model, CNN_SESSION(.batch = BATCH, .outputs = outputs, .output_count = 2, .parameter_gradients = 1));
    cnn_loss *loss;
    double value;
    ck_assert_int_eq(cnn_loss_create(graph_context, "categorical_crossentropy", &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels, .output = "main:linear"), &value),
                     CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* A network of the zoo has an input of its article's name; "input" means it all the same, but not where a layer has
 * that name. */
START_TEST(the_only_input_is_input)
{
    static const char *const by[] = {"input"};
    static float values[4] = {1, -2, 3, -4}, weights[2] = {1, 1};
    cnn_tensor gradient, own, layer;
    for (int taken = 0; taken < 2; taken++) {
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(graph_context, CNN_MODEL(.input = {4}, .input_name = "input_1"), &model),
                         CNN_OK);
        cnn_model_add(model, cnn_dense(graph_context, CNN_DENSE(.name = taken ? "input" : "first", .units = 3)));
        cnn_model_add(model, cnn_dense(graph_context, CNN_DENSE(.units = 2)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        cnn_session *session = NULL;
        ck_assert_int_eq(
            cnn_session_create(model, CNN_SESSION(.batch = 1, .gradients = by, .gradient_count = 1), &session), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, values, 1), CNN_OK);
        const cnn_output_gradient start = {.values = weights};
        ck_assert_int_eq(cnn_session_backward_from(session, &start, 1), CNN_OK);
        ck_assert_int_eq(cnn_session_value_gradient(session, "input", &gradient), CNN_OK);
        ck_assert_int_eq(gradient.shape.dims[1], taken ? 3 : 4);
        ck_assert_int_eq(cnn_session_value_gradient(session, "input_1", &own), taken ? CNN_ERROR_STATE : CNN_OK);
        ck_assert_int_eq(cnn_session_set_input(session, "input", values), taken ? CNN_ERROR_NOT_FOUND : CNN_OK);
        ck_assert_int_eq(cnn_session_value_gradient(session, "second", &layer), CNN_ERROR_NOT_FOUND);
        cnn_session_free(session);
        cnn_model_free(model);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, graph_set_up, graph_tear_down);
    tcase_add_test(cases, a_class_score_has_gradients_by_any_value);
    tcase_add_test(cases, training_with_gradients_of_values_is_the_same);
    tcase_add_test(cases, each_output_has_a_loss);
    tcase_add_test(cases, one_loss_for_the_same_logits);
    tcase_add_test(cases, the_only_input_is_input);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
