/* SPDX-License-Identifier: MIT */
/* The article's loss and update, step by step: softmax cross-entropy plus 0.0005 times half the squared norm of ALL
 * variables, biases included, and TensorFlow 1's momentum, whose velocity does not hold the learning rate. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

#define COUNT 24
#define STEPS 5
#define DECAY 0.0005
#define LARGE_DECAY 0.05 /* so that the decay's part is seen beside rounding */
#define MOMENTUM 0.9

typedef struct bench {
    cnn_context *context;
    cnn_dataset *data;
    cnn_loader *loader;
    cnn_model *model;
    cnn_session *session;
    cnn_loss *loss;
    cnn_optimizer *optimizer;
    cnn_batch batch;
} bench;

/* A convolution and two dense layers with biases of 0.1, as in the article, on 12 x 12 pixels. */
static void set_bench(bench *b, double decay)
{
    *b = (bench){.batch = CNN_BATCH_INIT};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 5), &b->context), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, COUNT, &b->data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->data, CNN_LOADER(.batch = COUNT), &b->loader), CNN_OK);
    ck_assert_int_eq(cnn_model_create(b->context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &b->model), CNN_OK);
    cnn_model_add(b->model, cnn_conv2d(b->context, CNN_CONV2D(.filters = 4, .kernel = {3}, .activation = CNN_RELU,
                                                              .bias_init = {CNN_INIT_CONSTANT, 0.1f})));
    cnn_model_add(b->model, cnn_flatten(b->context, NULL));
    cnn_model_add(b->model, cnn_dense(b->context, CNN_DENSE(.units = 8, .activation = CNN_RELU,
                                                            .bias_init = {CNN_INIT_CONSTANT, 0.1f})));
    cnn_model_add(b->model, cnn_dense(b->context, CNN_DENSE(.units = TEST_CLASSES, .activation = CNN_SOFTMAX,
                                                            .bias_init = {CNN_INIT_CONSTANT, 0.1f})));
    ck_assert_msg(cnn_model_build(b->model) == CNN_OK, "%s", cnn_last_error(b->context));
    ck_assert_int_eq(cnn_session_create(b->model, CNN_SESSION(.batch = COUNT, .training = 1), &b->session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b->context, &b->loss), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(b->context,
                                    CNN_SGD(.learning_rate = 0.1f, .momentum = (float)MOMENTUM,
                                            .convention = CNN_TENSORFLOW1, .weight_decay = (float)decay),
                                    &b->optimizer),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_next(b->loader, &b->batch), CNN_OK);
    ck_assert_uint_eq(b->batch.count, COUNT);
}

static void clear_bench(bench *b)
{
    cnn_optimizer_free(b->optimizer);
    cnn_loss_free(b->loss);
    cnn_session_free(b->session);
    cnn_model_free(b->model);
    cnn_loader_free(b->loader);
    cnn_dataset_free(b->data);
    cnn_context_free(b->context);
}

static double find_loss(bench *b)
{
    double value;
    ck_assert_int_eq(cnn_session_forward(b->session, b->batch.images, COUNT), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(b->session, b->loss, CNN_TARGET(.labels = b->batch.labels), &value), CNN_OK);
    return value;
}

/* Half the squared norm of all variables: tf.nn.l2_loss() summed over tf.trainable_variables(). */
static double half_norm(cnn_model *model)
{
    double sum = 0;
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    for (size_t p = 0; cnn_model_parameter(model, p, &parameter) == CNN_OK; p++) {
        for (size_t i = 0; i < test_shape_values(parameter.value.shape); i++) {
            sum += (double)parameter.value.data[i] * parameter.value.data[i] / 2;
        }
    }
    return sum;
}

/* TensorFlow 1: accumulation = momentum * accumulation + gradient; variable -= rate * accumulation. */
START_TEST(the_update_is_tensorflows)
{
    bench b;
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    set_bench(&b, LARGE_DECAY);
    const size_t parameters = cnn_model_parameter_count(b.model);
    ck_assert_uint_eq(parameters, 6);
    double *variables[6], *velocities[6];
    for (size_t p = 0; p < parameters; p++) {
        ck_assert_int_eq(cnn_model_parameter(b.model, p, &parameter), CNN_OK);
        const size_t count = test_shape_values(parameter.value.shape);
        variables[p] = malloc(count * sizeof(double));
        velocities[p] = calloc(count, sizeof(double));
        for (size_t i = 0; i < count; i++) {
            variables[p][i] = parameter.value.data[i];
        }
    }
    for (int step = 0; step < STEPS; step++) {
        const double rate = step < 3 ? 0.1 : 0.01; /* where the conventions differ */
        ck_assert_int_eq(cnn_optimizer_set_learning_rate(b.optimizer, (float)rate), CNN_OK);
        find_loss(&b);
        ck_assert_int_eq(cnn_session_backward(b.session, NULL), CNN_OK);
        for (size_t p = 0; p < parameters; p++) {
            cnn_tensor gradient;
            ck_assert_int_eq(cnn_session_gradient(b.session, p, &gradient), CNN_OK);
            for (size_t i = 0; i < test_shape_values(gradient.shape); i++) {
                velocities[p][i] = MOMENTUM * velocities[p][i] + gradient.data[i] + LARGE_DECAY * variables[p][i];
                variables[p][i] -= rate * velocities[p][i];
            }
        }
        ck_assert_int_eq(cnn_optimizer_step(b.optimizer, b.session), CNN_OK);
        for (size_t p = 0; p < parameters; p++) {
            ck_assert_int_eq(cnn_model_parameter(b.model, p, &parameter), CNN_OK);
            for (size_t i = 0; i < test_shape_values(parameter.value.shape); i++) {
                ck_assert_msg(fabs(parameter.value.data[i] - variables[p][i]) < 2e-6,
                              "step %d, %s[%zu]: %.9g, expected %.9g", step, parameter.name, i, parameter.value.data[i],
                              variables[p][i]);
                variables[p][i] = parameter.value.data[i]; /* rounding does not add up */
            }
        }
    }
    for (size_t p = 0; p < parameters; p++) {
        free(variables[p]);
        free(velocities[p]);
    }
    clear_bench(&b);
}
END_TEST

/* One step along the negative gradient lowers the whole loss by rate times the squared length of the whole gradient;
 * with the decay of kernels alone, or of twice the weights, it would be another number. */
START_TEST(the_gradient_is_that_of_the_whole_loss)
{
    const double rate = 1e-3;
    bench b;
    set_bench(&b, LARGE_DECAY);
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    double before = find_loss(&b) + LARGE_DECAY * half_norm(b.model), square = 0;
    ck_assert_int_eq(cnn_session_backward(b.session, NULL), CNN_OK);
    for (size_t p = 0; p < cnn_model_parameter_count(b.model); p++) {
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(b.model, p, &parameter), CNN_OK);
        ck_assert_int_eq(cnn_session_gradient(b.session, p, &gradient), CNN_OK);
        for (size_t i = 0; i < test_shape_values(gradient.shape); i++) {
            double whole = gradient.data[i] + LARGE_DECAY * parameter.value.data[i];
            square += whole * whole;
        }
    }
    ck_assert_int_eq(cnn_optimizer_set_learning_rate(b.optimizer, (float)rate), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_step(b.optimizer, b.session), CNN_OK);
    double after = find_loss(&b) + LARGE_DECAY * half_norm(b.model);
    ck_assert_msg(fabs((before - after) / (rate * square) - 1) < 0.02, "fell by %g, expected %g", before - after,
                  rate * square);
    clear_bench(&b);
}
END_TEST

/* Biases decay as kernels do unless the caller says otherwise: a bias without gradient shrinks by rate * decay. */
START_TEST(biases_decay_too)
{
    bench b;
    set_bench(&b, DECAY);
    cnn_parameter bias = CNN_PARAMETER_INIT;
    cnn_tensor gradient;
    size_t index = 0;
    ck_assert_int_eq(cnn_optimizer_set_learning_rate(b.optimizer, 1), CNN_OK);
    find_loss(&b);
    ck_assert_int_eq(cnn_session_backward(b.session, NULL), CNN_OK);
    while (cnn_model_parameter(b.model, index, &bias) == CNN_OK && strstr(bias.name, "/bias") == NULL) {
        index++;
    }
    ck_assert_int_eq(cnn_session_gradient(b.session, index, &gradient), CNN_OK);
    double before = bias.value.data[0], expected = before - (gradient.data[0] + DECAY * before);
    ck_assert_double_eq_tol(before, 0.1, 1e-7);
    ck_assert_int_eq(cnn_optimizer_step(b.optimizer, b.session), CNN_OK);
    ck_assert_double_eq_tol(bias.value.data[0], expected, 1e-8);
    ck_assert(fabs(DECAY * before) > 1e-6); /* what the tolerance must not hide */
    clear_bench(&b);
}
END_TEST

/* The loss that the article reports has this term. */
START_TEST(the_penalty_of_decay_is_known)
{
    bench b;
    double penalty = 0;
    cnn_session *inference = NULL;
    set_bench(&b, LARGE_DECAY);
    ck_assert_int_eq(cnn_optimizer_decay_penalty(b.optimizer, b.session, &penalty), CNN_OK);
    ck_assert_double_gt(penalty, 0.01);
    ck_assert_double_eq_tol(penalty, LARGE_DECAY * half_norm(b.model), 1e-6 * penalty);
    ck_assert_int_eq(cnn_model_set_trainable(b.model, "conv2d*", 0), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_add_groups(b.optimizer, "dense_2/bias:weight_decay=0+dense_2/kernel:weight_decay=3"),
                     CNN_OK);
    cnn_session_free(b.session);
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = COUNT, .training = 1), &b.session), CNN_OK);
    double expected = 0;
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    for (size_t p = 0; cnn_model_parameter(b.model, p, &parameter) == CNN_OK; p++) {
        const double decay = strcmp(parameter.name, "dense_2/kernel") == 0 ? 3
                             : strncmp(parameter.name, "dense_1/", 8) == 0 ? (double)(float)LARGE_DECAY
                                                                           : 0;
        for (size_t i = 0; i < test_shape_values(parameter.value.shape); i++) {
            expected += decay / 2 * (double)parameter.value.data[i] * (double)parameter.value.data[i];
        }
    }
    ck_assert_int_eq(cnn_optimizer_decay_penalty(b.optimizer, b.session, &penalty), CNN_OK);
    ck_assert_double_eq_tol(penalty, expected, 1e-6 * expected);
    ck_assert_int_eq(cnn_optimizer_decay_penalty(b.optimizer, b.session, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = COUNT), &inference), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_decay_penalty(b.optimizer, inference, &penalty), CNN_ERROR_STATE);
    cnn_session_free(inference);
    clear_bench(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/article");
    TCase *tests = tcase_create("article");
    tcase_add_test(tests, the_update_is_tensorflows);
    tcase_add_test(tests, the_gradient_is_that_of_the_whole_loss);
    tcase_add_test(tests, biases_decay_too);
    tcase_add_test(tests, the_penalty_of_decay_is_known);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
