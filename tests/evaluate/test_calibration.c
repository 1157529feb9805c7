/* SPDX-License-Identifier: MIT */
/* Temperatures, Platt's scaling, thresholds and intervals against what SciPy finds for the published formulas. */
#include <math.h>
#include <stdint.h>

#include <cnn/evaluator.h>

#include "common/fixture.h"
#include "common/suite.h"

#include "golden_calibration.h"

#define COUNT 40
#define CLASSES 3

static cnn_context *context;

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context), CNN_OK);
}

static void teardown(void) { cnn_context_free(context); }

START_TEST(temperatures_are_those_of_the_least_loss)
{
    float temperature = 0;
    ck_assert_int_eq(
        cnn_calibrate_temperature(context, golden_logits, golden_labels, NULL, COUNT, CLASSES, &temperature), CNN_OK);
    ck_assert_float_eq_tol(temperature, (float)golden_temperature, 1e-4f);
    ck_assert_int_eq(cnn_calibrate_temperature(context, golden_binary, golden_truth, NULL, COUNT, 1, &temperature),
                     CNN_OK);
    ck_assert_float_eq_tol(temperature, (float)golden_binary_temperature, 1e-4f);
    ck_assert_int_eq(
        cnn_calibrate_temperature(context, golden_logits, NULL, golden_marks, COUNT, CLASSES, &temperature), CNN_OK);
    ck_assert_float_eq_tol(temperature, (float)golden_marks_temperature, 1e-4f);
}
END_TEST

START_TEST(platt)
{
    float slope = 0, offset = 0;
    ck_assert_int_eq(cnn_calibrate_platt(context, golden_binary, golden_truth, COUNT, &slope, &offset), CNN_OK);
    ck_assert_float_eq_tol(slope, (float)golden_slope, 1e-4f);
    ck_assert_float_eq_tol(offset, (float)golden_offset, 1e-4f);
    /* Separated samples have an answer too: the targets are not 0 and 1. */
    const float z[] = {-3, -2, 2, 3};
    const int32_t labels[] = {0, 0, 1, 1}, one[] = {1, 1, 1, 1};
    ck_assert_int_eq(cnn_calibrate_platt(context, z, labels, 4, &slope, &offset), CNN_OK);
    ck_assert(slope > 0 && slope < 10 && fabsf(offset) < 1e-4f);
    ck_assert_int_eq(cnn_calibrate_platt(context, z, one, 4, &slope, &offset), CNN_ERROR_FORMAT);
}
END_TEST

START_TEST(what_is_missing_is_refused)
{
    const float nan[] = {NAN, 0, 0};
    const int32_t high[] = {3}, none[] = {-1};
    float temperature = 7;
    ck_assert_int_eq(cnn_calibrate_temperature(context, nan, golden_labels, NULL, 1, 3, &temperature),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_calibrate_temperature(context, golden_logits, high, NULL, 1, 3, &temperature),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_calibrate_temperature(context, golden_logits, none, NULL, 1, 3, &temperature),
                     CNN_ERROR_FORMAT);
    ck_assert_int_eq(cnn_calibrate_temperature(context, golden_logits, NULL, NULL, 1, 3, &temperature),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_float_eq(temperature, 7);
}
END_TEST

static cnn_threshold choose(const float *scores, const uint8_t *marks, size_t count, cnn_threshold_goal goal,
                            double wanted)
{
    cnn_threshold found = CNN_THRESHOLD_INIT;
    ck_assert_msg(cnn_choose_threshold(context, scores, marks, count, goal, wanted, &found) == CNN_OK, "%s",
                  cnn_last_error(context));
    uint64_t right = 0, chosen = 0, positive = 0;
    for (size_t i = 0; i < count; i++) {
        right += scores[i] >= found.value && marks[i];
        chosen += scores[i] >= found.value;
        positive += marks[i];
    }
    ck_assert_double_eq_tol(found.precision, (double)right / (double)chosen, 1e-12);
    ck_assert_double_eq_tol(found.recall, (double)right / (double)positive, 1e-12);
    ck_assert_double_eq_tol(found.f1, 2 * (double)right / (double)(chosen + positive), 1e-12);
    return found;
}

START_TEST(thresholds_reach_what_is_wanted)
{
    const float scores[] = {0.95f, 0.9f, 0.9f, 0.8f, 0.6f, 0.5f, 0.4f, 0.1f};
    const uint8_t marks[] = {1, 1, 1, 0, 1, 0, 1, 0};
    ck_assert_float_eq(choose(scores, marks, 8, CNN_THRESHOLD_PRECISION, 1).value, 0.85f);
    ck_assert_float_eq_tol(choose(scores, marks, 8, CNN_THRESHOLD_PRECISION, 0.7).value, 0.25f, 1e-6f); /* 5 of 7 */
    ck_assert_float_eq_tol(choose(scores, marks, 8, CNN_THRESHOLD_RECALL, 0.8).value, 0.55f, 1e-6f);
    ck_assert_float_eq_tol(choose(scores, marks, 8, CNN_THRESHOLD_RECALL, 1).value, 0.25f, 1e-6f);
    ck_assert_double_eq_tol(choose(scores, marks, 8, CNN_THRESHOLD_F1, 0).f1, 10.0 / 12, 1e-12);
    const uint8_t last[] = {0, 1}, none[] = {0, 0};
    cnn_threshold found = CNN_THRESHOLD_INIT;
    ck_assert_int_eq(cnn_choose_threshold(context, scores, last, 2, CNN_THRESHOLD_PRECISION, 0.9, &found),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_choose_threshold(context, scores, none, 2, CNN_THRESHOLD_F1, 0, &found), CNN_ERROR_FORMAT);
    ck_assert_int_eq(cnn_choose_threshold(context, scores, last, 2, CNN_THRESHOLD_RECALL, 0, &found),
                     CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(wilsons_intervals)
{
    double low, high;
    ck_assert_int_eq(cnn_wilson_interval(80, 100, 0, &low, &high), CNN_OK);
    ck_assert_double_eq_tol(low, golden_low_a, 1e-9);
    ck_assert_double_eq_tol(high, golden_high_a, 1e-9);
    ck_assert_int_eq(cnn_wilson_interval(3, 7, 0.9, &low, &high), CNN_OK);
    ck_assert_double_eq_tol(low, golden_low_b, 1e-9);
    ck_assert_double_eq_tol(high, golden_high_b, 1e-9);
    ck_assert_int_eq(cnn_wilson_interval(9981, 10000, 0.99, &low, &high), CNN_OK);
    ck_assert_double_eq_tol(low, golden_low_c, 1e-9);
    ck_assert_double_eq_tol(high, golden_high_c, 1e-9);
    ck_assert_int_eq(cnn_wilson_interval(0, 0, 0, &low, &high), CNN_OK);
    ck_assert(low == 0 && high == 1);
    ck_assert_int_eq(cnn_wilson_interval(5, 5, 0, &low, &high), CNN_OK);
    ck_assert(low > 0.5 && high == 1);
    ck_assert_int_eq(cnn_wilson_interval(6, 5, 0, &low, &high), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_wilson_interval(1, 5, 1, &low, &high), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate/calibration");
    TCase *tests = tcase_create("calibration");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, temperatures_are_those_of_the_least_loss);
    tcase_add_test(tests, platt);
    tcase_add_test(tests, what_is_missing_is_refused);
    tcase_add_test(tests, thresholds_reach_what_is_wanted);
    tcase_add_test(tests, wilsons_intervals);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
