/* SPDX-License-Identifier: MIT */
/* Losses: values and gradients against PyTorch and finite differences, extreme logits, targets that are refused. */
#include <math.h>
#include <string.h>

#include <cnn/loss.h>

#include "common/suite.h"
#include "loss/loss.h"

typedef struct golden_loss {
    const char *name, *loss;
    size_t count, outputs;
    const float *z;
    const int32_t *labels;
    const float *values;
    double value;
    const double *gradient;
} golden_loss;

#include "golden_loss.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MOST 64

static const char *const names[] = {"binary_crossentropy",
                                    "categorical_crossentropy",
                                    "nll",
                                    "mse",
                                    "mae",
                                    "huber:delta=0.7",
                                    "binary_focal",
                                    "binary_focal:gamma=0.5,alpha=0.75",
                                    "categorical_focal",
                                    "categorical_focal:gamma=1,alpha=0.25"};

static cnn_context *context;

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context), CNN_OK);
}

static void teardown(void) { cnn_context_free(context); }

static cnn_loss *loss_of(const char *name)
{
    cnn_loss *loss;
    ck_assert_int_eq(cnn_loss_create(context, name, &loss), CNN_OK);
    return loss;
}

static double value_of(const char *name, const float *z, const cnn_target *target, size_t count, size_t outputs,
                       float *gradient)
{
    double value;
    cnn_loss *loss = loss_of(name);
    ck_assert_int_eq(cnn_loss_compute(loss, z, target, count, outputs, gradient, &value), CNN_OK);
    cnn_loss_free(loss);
    return value;
}

START_TEST(values_and_gradients_are_those_of_pytorch)
{
    const golden_loss *golden = &golden_losses[_i];
    float gradient[MOST];
    const cnn_target *target = CNN_TARGET(.labels = golden->labels, .values = golden->values);
    double value = value_of(golden->loss, golden->z, target, golden->count, golden->outputs, gradient);
    ck_assert_msg(fabs(value - golden->value) <= 1e-13 * fmax(1, fabs(golden->value)), "%s: %.17g, not %.17g",
                  golden->name, value, golden->value);
    for (size_t i = 0; i < golden->count * golden->outputs; i++) {
        double error = fabs(gradient[i] - golden->gradient[i]);
        ck_assert_msg(error <= 2e-7 * fabs(golden->gradient[i]) + 2e-8, "%s: gradient %zu is %.9g, not %.9g",
                      golden->name, i, (double)gradient[i], golden->gradient[i]);
    }
    double without = value_of(golden->loss, golden->z, target, golden->count, golden->outputs, NULL);
    ck_assert_double_eq(without, value);
}
END_TEST

/* The value is summed in double, so differences over steps of 1/256 leave about nine digits. */
START_TEST(gradients_agree_with_finite_differences)
{
    enum { SAMPLES = 3, OUTPUTS = 4, VALUES = SAMPLES * OUTPUTS };
    float z[VALUES], target[VALUES], gradient[VALUES];
    for (size_t i = 0; i < VALUES; i++) {
        z[i] = (float)((int)(i * 37 % 23) - 11) / 4;
        target[i] = (float)(i * 29 % 17) / 16;
    }
    const cnn_target *wanted = CNN_TARGET(.values = target);
    value_of(names[_i], z, wanted, SAMPLES, OUTPUTS, gradient);
    for (size_t i = 0; i < VALUES; i++) {
        const float h = 1.0f / 256;
        double difference[2];
        for (int order = 1; order <= 2; order++) {
            float saved = z[i];
            z[i] = saved + (float)order * h;
            double above = value_of(names[_i], z, wanted, SAMPLES, OUTPUTS, NULL);
            z[i] = saved - (float)order * h;
            double below = value_of(names[_i], z, wanted, SAMPLES, OUTPUTS, NULL);
            z[i] = saved;
            difference[order - 1] = (above - below) / (2.0 * order * h);
        }
        double slope = (4 * difference[0] - difference[1]) / 3;
        ck_assert_msg(fabs(gradient[i] - slope) <= 1e-7 + 1e-6 * fabs(slope), "%s: gradient %zu is %.9g, not %.9g",
                      names[_i], i, (double)gradient[i], slope);
    }
}
END_TEST

START_TEST(labels_and_one_hot_rows_are_the_same)
{
    const float z[] = {0.5f, -1, 2, 0.25f, 0, -3};
    const int32_t labels[] = {2, 0};
    const float rows[] = {0, 0, 1, 1, 0, 0};
    float by_labels[6], by_rows[6];
    double a = value_of(names[_i], z, CNN_TARGET(.labels = labels), 2, 3, by_labels);
    double b = value_of(names[_i], z, CNN_TARGET(.values = rows), 2, 3, by_rows);
    ck_assert_double_eq(a, b);
    ck_assert_mem_eq(by_labels, by_rows, sizeof(by_rows));
}
END_TEST

START_TEST(one_output_takes_labels_0_and_1)
{
    const float z[] = {0, 2};
    const int32_t labels[] = {1, 0};
    float gradient[2];
    double value = value_of("binary_crossentropy", z, CNN_TARGET(.labels = labels), 2, 1, gradient);
    ck_assert_double_eq_tol(value, (log(2) + log1p(exp(2))) / 2, 1e-15);
    ck_assert_float_eq(gradient[0], -0.25f);
    ck_assert_float_eq_tol(gradient[1], 0.44039854f, 1e-7f);
    value = value_of("mse", z, CNN_TARGET(.labels = labels), 2, 1, gradient);
    ck_assert_double_eq(value, 2.5);
    ck_assert_float_eq(gradient[0], -1);
    ck_assert_float_eq(gradient[1], 2);
}
END_TEST

START_TEST(log_softmax_and_nll_are_categorical_crossentropy)
{
    const float z[] = {1.5f, -0.5f, 0.25f};
    const int32_t label = 1;
    double total = 0;
    float log_probabilities[3];
    for (size_t j = 0; j < 3; j++) {
        total += exp(z[j]);
    }
    for (size_t j = 0; j < 3; j++) {
        log_probabilities[j] = (float)(z[j] - log(total));
    }
    double fused = value_of("categorical_crossentropy", z, CNN_TARGET(.labels = &label), 1, 3, NULL);
    double split = value_of("nll", log_probabilities, CNN_TARGET(.labels = &label), 1, 3, NULL);
    ck_assert_double_eq_tol(fused, split, 1e-6);
}
END_TEST

START_TEST(infinite_logits_on_the_right_side_cost_nothing)
{
    const float z[] = {INFINITY, -INFINITY};
    const int32_t right[] = {1, 0}, wrong[] = {0, 1};
    float gradient[2];
    ck_assert_double_eq(value_of("binary_crossentropy", z, CNN_TARGET(.labels = right), 2, 1, gradient), 0);
    ck_assert_float_eq(gradient[0], 0);
    ck_assert_float_eq(gradient[1], 0);
    ck_assert_double_eq(value_of("binary_crossentropy", z, CNN_TARGET(.labels = wrong), 2, 1, gradient), INFINITY);
    ck_assert_float_eq(gradient[0], 0.5f);
    ck_assert_float_eq(gradient[1], -0.5f);
}
END_TEST

START_TEST(a_class_with_logit_minus_infinity_has_probability_0)
{
    const float z[] = {0, -INFINITY, 0};
    const int32_t possible = 2, impossible = 1;
    float gradient[3];
    double value = value_of("categorical_crossentropy", z, CNN_TARGET(.labels = &possible), 1, 3, gradient);
    ck_assert_double_eq_tol(value, log(2), 1e-15);
    ck_assert_float_eq(gradient[0], 0.5f);
    ck_assert_float_eq(gradient[1], 0);
    ck_assert_float_eq(gradient[2], -0.5f);
    value = value_of("categorical_crossentropy", z, CNN_TARGET(.labels = &impossible), 1, 3, gradient);
    ck_assert_double_eq(value, INFINITY);
    ck_assert_float_eq(gradient[1], -1);
    ck_assert_double_eq(value_of("nll", z, CNN_TARGET(.labels = &possible), 1, 3, gradient), 0);
    ck_assert_double_eq(value_of("nll", z, CNN_TARGET(.labels = &impossible), 1, 3, gradient), INFINITY);
}
END_TEST

START_TEST(nan_in_any_logit_shows_in_the_value)
{
    float z[] = {0.5f, NAN, 0.25f, 1};
    const float ones[] = {1, 1, 1, 1};
    ck_assert_double_nan(value_of(names[_i], z, CNN_TARGET(.values = ones), 2, 2, NULL));
    z[1] = INFINITY;
    if (strcmp(names[_i], "categorical_crossentropy") == 0) {
        const float zeros[] = {0, 0, 0, 0};
        ck_assert_double_nan(value_of(names[_i], z, CNN_TARGET(.values = zeros), 2, 2, NULL));
        ck_assert_double_nan(value_of(names[_i], z, CNN_TARGET(.values = ones), 2, 2, NULL));
    }
}
END_TEST

/* Computes what must be refused, and checks that nothing was written. */
static void refused(const char *name, const cnn_target *target, size_t count, size_t outputs, const char *message)
{
    const float z[MOST] = {0};
    float gradient[MOST] = {42};
    double value = 42;
    cnn_loss *loss = loss_of(name);
    cnn_status status = cnn_loss_compute(loss, z, target, count, outputs, gradient, &value);
    ck_assert_int_eq(status, CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_msg(strstr(cnn_last_error(context), message) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  message);
    ck_assert_double_eq(value, 42);
    ck_assert_float_eq(gradient[0], 42);
    cnn_loss_free(loss);
}

START_TEST(labels_out_of_range_are_named)
{
    const int32_t high[] = {0, 3}, low[] = {0, -1}, two = 2;
    refused(names[_i], CNN_TARGET(.labels = high), 2, 3, "label 3 of sample 1");
    refused(names[_i], CNN_TARGET(.labels = high), 2, 3, "labels 0 to 2");
    refused(names[_i], CNN_TARGET(.labels = low), 2, 3, "label -1 of sample 1");
    cnn_loss *loss = loss_of(names[_i]);
    const size_t least = loss->kind->least_outputs;
    cnn_loss_free(loss);
    if (least == 1) {
        refused(names[_i], CNN_TARGET(.labels = &two), 1, 1, "labels 0 to 1");
    } else {
        const int32_t zero = 0;
        refused(names[_i], CNN_TARGET(.labels = &zero), 1, 1, "with one output use binary_crossentropy");
    }
}
END_TEST

START_TEST(targets_need_labels_or_values)
{
    const int32_t labels[] = {0, 1};
    const float values[] = {0, 1, 1, 0};
    refused(names[_i], NULL, 2, 2, "labels or values");
    refused(names[_i], CNN_TARGET(.labels = NULL), 2, 2, "labels or values");
    refused(names[_i], CNN_TARGET(.labels = labels, .values = values), 2, 2, "not both");
    refused(names[_i], CNN_TARGET(.labels = labels), 0, 2, "have no mean");
    refused(names[_i], CNN_TARGET(.labels = labels), 2, 0, "have no mean");
    refused(names[_i], CNN_TARGET(.labels = labels), SIZE_MAX / 4, 8, "fit in no memory");
}
END_TEST

START_TEST(values_are_probabilities_but_for_regression)
{
    const float large[] = {0, 1, 1.5f, 0}, negative[] = {0, -0.5f}, missing[] = {NAN, 0};
    const float rounded[] = {1.000001f, 0};
    const float z[] = {0, 0, 0, 0};
    if (strcmp(names[_i], "mse") == 0) {
        ck_assert_double_eq(value_of("mse", z, CNN_TARGET(.values = large), 2, 2, NULL), 3.25 / 4);
        return;
    }
    if (strcmp(names[_i], "mae") == 0 || strncmp(names[_i], "huber", 5) == 0) {
        ck_assert(isfinite(value_of(names[_i], z, CNN_TARGET(.values = large), 2, 2, NULL)));
        return;
    }
    refused(names[_i], CNN_TARGET(.values = large), 2, 2, "target 1.5 of sample 1, output 0");
    refused(names[_i], CNN_TARGET(.values = negative), 1, 2, "target -0.5 of sample 0, output 1");
    refused(names[_i], CNN_TARGET(.values = missing), 1, 2, "target nan");
    ck_assert(isfinite(value_of(names[_i], z, CNN_TARGET(.values = rounded), 1, 2, NULL)));
}
END_TEST

START_TEST(the_gradient_cannot_overwrite_the_logits)
{
    float z[] = {1, 2};
    const int32_t label = 1;
    double value;
    cnn_loss *loss = loss_of(names[_i]);
    const cnn_target *target = CNN_TARGET(.labels = &label);
    ck_assert_int_eq(cnn_loss_compute(loss, z, target, 1, 2, z, &value), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loss_compute(loss, NULL, target, 1, 2, z, &value), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loss_compute(loss, z, target, 1, 2, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loss_compute(NULL, z, target, 1, 2, NULL, &value), CNN_ERROR_INVALID_ARGUMENT);
    cnn_loss_free(loss);
}
END_TEST

START_TEST(unlabelled_samples_can_be_left_out)
{
    const float all[] = {1, 2, 5, 5, 0.5f, -1}, labelled_ones[] = {1, 2, 0.5f, -1};
    const int32_t labels[] = {1, -1, 0}, labels_alone[] = {1, 0}, none[] = {-1, -1, -1}, wrong[] = {1, -2, 0};
    cnn_loss *loss = loss_of(names[_i]);
    float gradient[6], expected[4];
    double value;
    size_t counted;
    ck_assert_int_eq(
        cnn__loss_compute(context, loss, all, CNN_TARGET(.labels = labels), 3, 2, gradient, &value, &counted), CNN_OK);
    ck_assert_uint_eq(counted, 2);
    double alone = value_of(names[_i], labelled_ones, CNN_TARGET(.labels = labels_alone), 2, 2, expected);
    ck_assert_double_eq(value, alone);
    ck_assert_mem_eq(gradient, expected, 2 * sizeof(float));
    ck_assert_mem_eq(gradient + 4, expected + 2, 2 * sizeof(float));
    ck_assert_float_eq(gradient[2], 0);
    ck_assert_float_eq(gradient[3], 0);
    ck_assert_int_eq(
        cnn__loss_compute(context, loss, all, CNN_TARGET(.labels = none), 3, 2, gradient, &value, &counted), CNN_OK);
    ck_assert_uint_eq(counted, 0);
    ck_assert_double_nan(value);
    ck_assert_float_eq(gradient[0], 0);
    ck_assert_int_eq(
        cnn__loss_compute(context, loss, all, CNN_TARGET(.labels = wrong), 3, 2, gradient, &value, &counted),
        CNN_ERROR_INVALID_ARGUMENT);
    cnn_loss_free(loss);
}
END_TEST

START_TEST(losses_have_names)
{
    cnn_loss *loss;
    cnn_status (*const create[])(cnn_context *,
                                 cnn_loss **) = {cnn_binary_cross_entropy_create, cnn_categorical_cross_entropy_create,
                                                 cnn_negative_log_likelihood_create, cnn_mean_squared_error_create};
    const bool on_output[] = {false, false, true, true};
    for (size_t i = 0; i < COUNT(create); i++) {
        ck_assert_int_eq(create[i](context, &loss), CNN_OK);
        ck_assert_str_eq(cnn_loss_name(loss), names[i]);
        ck_assert_int_eq(cnn__loss_on_output(loss), on_output[i]);
        cnn_loss_free(loss);
        ck_assert_int_eq(create[i](context, NULL), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_int_eq(create[i](NULL, &loss), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_null(loss);
    }
    loss = (cnn_loss *)&loss;
    ck_assert_int_eq(cnn_loss_create(context, "hinge\n", &loss), CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_null(loss);
    ck_assert_str_eq(cnn_last_error(context), "loss: there is no \"hinge\\x0a\"");
    ck_assert_int_eq(cnn_loss_create(context, NULL, &loss), CNN_ERROR_INVALID_ARGUMENT);
    for (size_t i = 0; cnn_loss_usage(i) != NULL; i++) {
        ck_assert_int_eq(cnn_loss_create(context, cnn_loss_usage(i), &loss), CNN_OK);
        ck_assert_int_eq(strncmp(cnn_loss_name(loss), cnn_loss_usage(i), strlen(cnn_loss_name(loss))), 0);
        cnn_loss_free(loss);
    }
    cnn_loss_free(NULL);
}
END_TEST

/* A focal loss without its exponent and weight is the cross-entropy, to the last bits. */
START_TEST(focal_losses_begin_at_cross_entropy)
{
    const float z[] = {0.5f, -1, 2, 0.25f, 30, -3};
    const int32_t labels[] = {2, 0};
    float gradient[6], plain[6];
    cnn_loss *loss = NULL;
    double value = 0;
    ck_assert_int_eq(cnn_categorical_focal_create(context, CNN_FOCAL(.gamma = CNN_ZERO), &loss), CNN_OK);
    ck_assert_int_eq(cnn_loss_compute(loss, z, CNN_TARGET(.labels = labels), 2, 3, gradient, &value), CNN_OK);
    ck_assert_double_eq_tol(value, value_of("categorical_crossentropy", z, CNN_TARGET(.labels = labels), 2, 3, plain),
                            1e-12);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_float_eq_tol(gradient[i], plain[i], 1e-6f);
    }
    cnn_loss_free(loss);
    ck_assert_int_eq(cnn_binary_focal_create(context, CNN_FOCAL(.gamma = CNN_ZERO, .alpha = CNN_ZERO), &loss), CNN_OK);
    ck_assert_int_eq(cnn_loss_compute(loss, z, CNN_TARGET(.labels = labels), 2, 3, gradient, &value), CNN_OK);
    ck_assert_double_eq_tol(value, value_of("binary_crossentropy", z, CNN_TARGET(.labels = labels), 2, 3, plain),
                            1e-12);
    cnn_loss_free(loss);
}
END_TEST

/* What is certain has no loss and no slope, and what is infinitely wrong an infinite one, without a NaN. */
START_TEST(focal_losses_stay_numbers_at_the_ends)
{
    static const char *const focal[] = {"binary_focal", "binary_focal:gamma=0.5", "categorical_focal",
                                        "categorical_focal:gamma=0.5"};
    const float z[] = {200, -200, -INFINITY, 300};
    const int32_t right[] = {0, 1};
    float gradient[4];
    for (size_t k = 0; k < COUNT(focal); k++) {
        ck_assert_double_eq_tol(value_of(focal[k], z, CNN_TARGET(.labels = right), 2, 2, gradient), 0, 1e-30);
        for (size_t i = 0; i < 4; i++) {
            ck_assert_float_eq_tol(gradient[i], 0, 1e-30f);
        }
    }
    const int32_t wrong[] = {1, 0};
    ck_assert_double_eq(value_of("binary_focal", z, CNN_TARGET(.labels = wrong), 2, 2, gradient), INFINITY);
    for (size_t i = 0; i < 4; i++) {
        ck_assert(!isnan(gradient[i]));
    }
}
END_TEST

START_TEST(options_of_losses_are_checked)
{
    cnn_loss *loss = NULL;
    ck_assert_int_eq(cnn_loss_create(context, "huber:delta=0", &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(loss);
    ck_assert_int_eq(cnn_loss_create(context, "binary_focal:alpha=2", &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_loss_create(context, "mse:delta=1", &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_huber_create(context, -1, &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_huber_create(context, NAN, &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_binary_focal_create(context, CNN_FOCAL(.gamma = NAN), &loss), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_huber_create(context, 0, &loss), CNN_OK);
    ck_assert_str_eq(cnn_loss_name(loss), "huber");
    cnn_loss_free(loss);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loss");
    TCase *tests = tcase_create("losses");
    const int kinds = (int)COUNT(names);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, values_and_gradients_are_those_of_pytorch, 0, (int)COUNT(golden_losses));
    tcase_add_loop_test(tests, gradients_agree_with_finite_differences, 0, kinds);
    tcase_add_loop_test(tests, labels_and_one_hot_rows_are_the_same, 0, kinds);
    tcase_add_test(tests, one_output_takes_labels_0_and_1);
    tcase_add_test(tests, log_softmax_and_nll_are_categorical_crossentropy);
    tcase_add_test(tests, infinite_logits_on_the_right_side_cost_nothing);
    tcase_add_test(tests, a_class_with_logit_minus_infinity_has_probability_0);
    tcase_add_loop_test(tests, nan_in_any_logit_shows_in_the_value, 0, kinds);
    tcase_add_loop_test(tests, labels_out_of_range_are_named, 0, kinds);
    tcase_add_loop_test(tests, targets_need_labels_or_values, 0, kinds);
    tcase_add_loop_test(tests, values_are_probabilities_but_for_regression, 0, kinds);
    tcase_add_loop_test(tests, the_gradient_cannot_overwrite_the_logits, 0, kinds);
    tcase_add_loop_test(tests, unlabelled_samples_can_be_left_out, 0, kinds);
    tcase_add_test(tests, losses_have_names);
    tcase_add_test(tests, focal_losses_begin_at_cross_entropy);
    tcase_add_test(tests, focal_losses_stay_numbers_at_the_ends);
    tcase_add_test(tests, options_of_losses_are_checked);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
