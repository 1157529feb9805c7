/* SPDX-License-Identifier: MIT */
/* Precision, recall, F1, AUC, error rate and log loss: worked out by hand, AUC also against all pairs; names; no
 * memory. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cnn/evaluator.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static test_allocator memory;
static cnn_context *context;
static cnn_evaluator *evaluator;

static void setup(void)
{
    memory = (test_allocator){0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .allocator = &allocator), &context),
        CNN_OK);
    evaluator = NULL;
}

static void teardown(void)
{
    memory.fail_at = 0;
    cnn_evaluator_free(evaluator);
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
    ck_assert_uint_eq(memory.wrong_releases, 0);
}

static void make(const char *name)
{
    cnn_evaluator_free(evaluator);
    ck_assert_msg(cnn_evaluator_create(context, name, &evaluator) == CNN_OK, "%s", cnn_last_error(context));
}

static cnn_status update(const float *outputs, size_t width, const int32_t *labels, size_t samples)
{
    const cnn_evaluation *batch =
        CNN_EVALUATION(.count = samples, .outputs = width, .outputs_data = outputs, .labels = labels, .loss = NAN);
    return cnn_evaluator_update(evaluator, batch);
}

static void count(const float *outputs, size_t width, const int32_t *labels, size_t samples)
{
    ck_assert_int_eq(update(outputs, width, labels, samples), CNN_OK);
}

static void check_score(double expected)
{
    ck_assert_msg(fabs(cnn_evaluator_score(evaluator) - expected) <= 1e-15, "%s: %.17g; expected %.17g",
                  cnn_evaluator_name(evaluator), cnn_evaluator_score(evaluator), expected);
}

/* One-hot outputs for predictions; -1: NaN. */
static void predict(const int32_t *predictions, size_t samples, size_t classes, float *outputs)
{
    for (size_t i = 0; i < samples; i++) {
        for (size_t j = 0; j < classes; j++) {
            outputs[i * classes + j] = predictions[i] < 0 ? NAN : (int32_t)j == predictions[i];
        }
    }
}

START_TEST(precision_recall_and_f1_by_hand)
{
    /* Class: right, labelled, predicted. 0: 2, 3, 3. 1: 1, 2, 3. 2: 3, 4, 3. 3: none of both. */
    const int32_t labels[] = {0, 0, 0, 1, 1, 2, 2, 2, 2, -1}, predictions[] = {0, 0, 1, 1, 0, 2, 2, 1, 2, 3};
    const struct {
        const char *name;
        double score;
    } table[] = {
        {"precision", 2.0 / 3},        {"precision_micro", 6.0 / 9},  {"precision_class0", 2.0 / 3},
        {"precision_class1", 1.0 / 3}, {"precision_class2", 1},       {"precision_class3", 0},
        {"recall", 23.0 / 36},         {"recall_micro", 6.0 / 9},     {"recall_class0", 2.0 / 3},
        {"recall_class1", 0.5},        {"recall_class2", 0.75},       {"recall_class3", 0},
        {"f1", 202.0 / 315},           {"f1_micro", 6.0 / 9},         {"f1_class0", 2.0 / 3},
        {"f1_class1", 0.4},            {"f1_class2", 6.0 / 7},        {"f1_class3", 0},
    };
    float outputs[10 * 4];
    predict(predictions, 10, 4, outputs);
    for (size_t i = 0; i < COUNT(table); i++) {
        make(table[i].name);
        ck_assert_str_eq(cnn_evaluator_name(evaluator), table[i].name);
        ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MAX);
        check_score(0);
        count(outputs, 4, labels, 4);
        count(outputs + 16, 4, labels + 4, 6);
        check_score(table[i].score);
        cnn_evaluator_reset(evaluator);
        check_score(0);
        count(outputs, 4, labels, 10);
        check_score(table[i].score);
    }
}
END_TEST

START_TEST(a_share_of_nothing_is_0)
{
    /* Nothing is predicted as 1; NaN is predicted as nothing: precision 2/3 and 0, recall 1 and 0. */
    const int32_t labels[] = {0, 0, 1, 1}, predictions[] = {0, 0, 0, -1};
    float outputs[4 * 2];
    predict(predictions, 4, 2, outputs);
    make("precision");
    count(outputs, 2, labels, 4);
    check_score(1.0 / 3);
    make("recall");
    count(outputs, 2, labels, 4);
    check_score(0.5);
    make("f1");
    count(outputs, 2, labels, 4);
    check_score(0.4);
    make("precision_micro");
    count(outputs, 2, labels, 4);
    check_score(2.0 / 3);
    make("recall_micro");
    count(outputs, 2, labels, 4);
    check_score(0.5);
    make("f1_micro");
    count(outputs, 2, labels, 4);
    check_score(4.0 / 7);
    const int32_t none[] = {-1, -1};
    cnn_evaluator_reset(evaluator);
    count(outputs, 2, none, 2);
    check_score(0);
}
END_TEST

START_TEST(one_output_has_two_classes)
{
    const float outputs[] = {0.9f, 0.8f, 0.3f, 0.6f, 0.1f};
    const int32_t labels[] = {1, 1, 1, 0, 0};
    make("precision_class1");
    count(outputs, 1, labels, 5);
    check_score(2.0 / 3);
    make("recall_class0");
    count(outputs, 1, labels, 5);
    check_score(0.5);
    make("auc");
    count(outputs, 1, labels, 5);
    check_score(5.0 / 6);
    make("error_rate");
    ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MIN);
    check_score(1);
    count(outputs, 1, labels, 5);
    check_score(0.4);
}
END_TEST

START_TEST(rates_of_two_classes_by_hand)
{
    /* Of three of the second class one is missed and one is NaN; of four others, and one NaN, one is taken for it. */
    const int32_t labels[] = {1, 1, 1, 0, 0, 0, 0, -1, 0}, predictions[] = {1, 0, -1, 0, 1, 0, 0, 1, -1};
    const float one[] = {0.9f, 0.5f, NAN, 0.1f, 0.6f, 0.5f, 0.0f, 0.9f, NAN}; /* 0.5 itself is the first class */
    const struct {
        const char *name;
        double score;
    } table[] = {{"fnr", 2.0 / 3}, {"fpr", 1.0 / 5}};
    float outputs[9 * 2], three[9 * 3];
    predict(predictions, 9, 2, outputs);
    predict(predictions, 9, 3, three);
    for (size_t i = 0; i < COUNT(table); i++) {
        make(table[i].name);
        ck_assert_str_eq(cnn_evaluator_name(evaluator), table[i].name);
        ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MIN);
        check_score(1);
        count(outputs, 2, labels, 4);
        count(outputs + 8, 2, labels + 4, 5);
        check_score(table[i].score);
        make(table[i].name);
        count(one, 1, labels, 9);
        check_score(table[i].score);
        make(table[i].name);
        count(outputs, 2, &labels[i == 0 ? 3 : 0], 1); /* none of the class in question */
        check_score(1);
        ck_assert_int_eq(update(three, 3, labels, 9), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "is for two classes, not for 3"));
    }
}
END_TEST

START_TEST(a_class_that_is_not_there_is_refused)
{
    const float outputs[] = {0.9f, 0.1f, 0.0f};
    const int32_t label = 0;
    make("f1_class3");
    ck_assert_int_eq(update(outputs, 3, &label, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "f1_class3: there are 3 classes"));
    const char *const widths[] = {"f1", "auc"};
    for (size_t i = 0; i < 2; i++) {
        make(widths[i]);
        count(outputs, 3, &label, 1);
        ck_assert_int_eq(update(outputs, 2, &label, 1), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "found 2 outputs"));
        cnn_evaluator_reset(evaluator);
        count(outputs, 2, &label, 1);
        ck_assert_int_eq(update(outputs, 2, (const int32_t[]){2}, 1), CNN_ERROR_INVALID_ARGUMENT);
    }
    cnn_evaluator *none = evaluator;
    const cnn_classification_options *bad = CNN_CLASSIFICATION(.averaging = 3);
    ck_assert_int_eq(cnn_recall_create(context, bad, &none), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(none);
    const cnn_classification_options *unused = CNN_CLASSIFICATION(.averaging = CNN_AVERAGE_MICRO, .label = 1);
    ck_assert_int_eq(cnn_precision_create(context, unused, &none), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_f1_create(context, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(auc_by_hand)
{
    const float scores[] = {0.1f, 0.4f, 0.35f, 0.8f};
    const int32_t labels[] = {0, 0, 1, 1}, other[] = {1, 1, 0, 0}, same[] = {1, 1, 1, 1}, none[] = {-1, -1, -1, -1};
    make("auc");
    check_score(0);
    count(scores, 1, labels, 4);
    check_score(0.75);
    cnn_evaluator_reset(evaluator);
    count(scores, 1, other, 4);
    check_score(0.25);
    cnn_evaluator_reset(evaluator);
    count(scores, 1, same, 4);
    ck_assert(isnan(cnn_evaluator_score(evaluator)));
    count(scores, 1, none, 4);
    ck_assert(isnan(cnn_evaluator_score(evaluator)));
    /* .5, .5, .8 against .5, .2: 1.5 + 1.5 + 2 of 6. */
    const float ties[] = {0.5f, 0.5f, 0.5f, 0.2f, 0.8f};
    const int32_t tied[] = {1, 0, 1, 0, 1};
    cnn_evaluator_reset(evaluator);
    count(ties, 1, tied, 5);
    check_score(5.0 / 6);
    /* What is not a number loses on either side. */
    const float odd[] = {NAN, 0.5f, NAN, 0.4f};
    const int32_t odd_labels[] = {1, 1, 0, 0};
    cnn_evaluator_reset(evaluator);
    count(odd, 1, odd_labels, 4);
    check_score(0.25);
    /* Two outputs: that of class 1 counts. */
    const float pairs[] = {0.9f, 0.1f, 0.6f, 0.4f, 0.65f, 0.35f, 0.2f, 0.8f};
    cnn_evaluator_reset(evaluator);
    count(pairs, 2, labels, 4);
    check_score(0.75);
}
END_TEST

#define MANY 300
#define CLASSES 4

/* AUC of a class by looking at all pairs. */
static double all_pairs(const float *outputs, const int32_t *labels, size_t width, size_t column, int32_t positive)
{
    double wins = 0, pairs = 0;
    for (size_t i = 0; i < MANY; i++) {
        for (size_t j = 0; labels[i] == positive && j < MANY; j++) {
            if (labels[j] != positive && labels[j] >= 0) {
                const float a = outputs[i * width + column], b = outputs[j * width + column];
                wins += a > b ? 1 : a == b ? 0.5 : 0;
                pairs++;
            }
        }
    }
    return pairs > 0 ? wins / pairs : NAN;
}

/* Few different values, so that there are many ties; batches of many sizes; one class has no samples. */
START_TEST(auc_counts_all_pairs)
{
    static float outputs[MANY * CLASSES];
    static int32_t labels[MANY];
    uint32_t state = 7;
    for (size_t i = 0; i < MANY * CLASSES; i++) {
        state = state * 1664525u + 1013904223u;
        outputs[i] = (float)((state >> 16) % 23) / 23;
    }
    for (size_t i = 0; i < MANY; i++) {
        state = state * 1664525u + 1013904223u;
        labels[i] = (int32_t)((state >> 16) % CLASSES) - 1; /* -1 to 2: class 3 has none */
    }
    double expected = 0;
    for (int32_t c = 0; c < CLASSES - 1; c++) {
        expected += all_pairs(outputs, labels, CLASSES, (size_t)c, c) / (CLASSES - 1);
    }
    make("auc");
    for (size_t at = 0, size = 1; at < MANY; at += size, size = size % 60 + 7) {
        size = size < MANY - at ? size : MANY - at;
        count(outputs + at * CLASSES, CLASSES, labels + at, size);
    }
    ck_assert(expected > 0.3 && expected < 0.7);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluator), expected, 1e-14);
}
END_TEST

START_TEST(log_loss_by_hand)
{
    const float rows[] = {0.1f, 0.9f, 0.9f, 0.1f, 0.8f, 0.2f, 0.35f, 0.65f}, ones[] = {0.9f, 0.1f, 0.2f, 0.65f};
    const int32_t labels[] = {1, 0, 0, 1};
    make("log_loss");
    ck_assert(isinf(cnn_evaluator_score(evaluator)));
    ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MIN);
    count(rows, 2, labels, 4);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluator), 0.21616187468057912, 1e-7);
    cnn_evaluator_reset(evaluator);
    count(ones, 1, labels, 4);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluator), 0.21616187468057912, 1e-7);
    const float wrong[] = {0, 1, 0}, right[] = {1, 0, 0};
    cnn_evaluator_reset(evaluator);
    count(wrong, 3, (const int32_t[]){0}, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), -log((double)FLT_EPSILON));
    count(right, 3, (const int32_t[]){0}, 1);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluator),
                            -(log((double)FLT_EPSILON) + log(1 - (double)FLT_EPSILON)) / 2, 1e-15);
    count((const float[]){NAN, 0, 0}, 3, (const int32_t[]){0}, 1);
    ck_assert(isnan(cnn_evaluator_score(evaluator)));
}
END_TEST

START_TEST(evaluators_have_names)
{
    const char *const names[][2] = {
        {"accuracy", "accuracy"}, {"binary_accuracy", "binary_accuracy"}, {"top5", "top5"},     {"loss", "loss"},
        {"f1_macro", "f1"},       {"recall_class12", "recall_class12"},   {"auc", "auc"},       {"top1", "top1"},
        {"log_loss", "log_loss"}, {"error_rate", "error_rate"},           {"recall", "recall"},
        {"fnr", "fnr"},           {"fpr", "fpr"},
    };
    const char *const none[] = {"", "top", "top0", "top5x", "f2", "f1_", "f1_class", "f1_class4294967296", "f1_class-1",
                                "precisions", "AUC", "confusion", "fnr1", "top99999999999999999999"};
    for (size_t i = 0; i < COUNT(names); i++) {
        make(names[i][0]);
        ck_assert_str_eq(cnn_evaluator_name(evaluator), names[i][1]);
    }
    cnn_evaluator_free(evaluator);
    for (size_t i = 0; i < COUNT(none); i++) {
        evaluator = (cnn_evaluator *)&memory;
        ck_assert_msg(cnn_evaluator_create(context, none[i], &evaluator) == CNN_ERROR_NOT_FOUND, "%s", none[i]);
        ck_assert_ptr_null(evaluator);
    }
    ck_assert_int_eq(cnn_evaluator_create(context, NULL, &evaluator), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_evaluator_create(context, "auc", NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_evaluator_create(NULL, "auc", &evaluator), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* Each allocation of a batch fails in turn: then nothing of it is counted, and the next try counts it once. */
START_TEST(a_batch_without_memory_is_not_counted)
{
    const char *const names[] = {"auc", "f1"};
    const float outputs[] = {0.7f, 0.2f, 0.1f, 0.2f, 0.3f, 0.5f, 0.4f, 0.4f, 0.2f, 0.1f, 0.8f, 0.1f};
    const int32_t labels[] = {0, 1, 0, 1};
    make(names[_i]);
    count(outputs, 3, labels, 4);
    const double whole = cnn_evaluator_score(evaluator);
    make(names[_i]);
    size_t failures = 0;
    for (;; failures++) {
        memory.fail_at = memory.calls + 1 + failures;
        memory.persistent = true;
        cnn_status status = update(outputs, 3, labels, 4);
        memory.fail_at = 0;
        if (status == CNN_OK) {
            break;
        }
        ck_assert_int_eq(status, CNN_ERROR_OUT_OF_MEMORY);
        ck_assert_double_eq(cnn_evaluator_score(evaluator), 0);
        cnn_evaluator_free(evaluator);
        ck_assert_int_eq(cnn_evaluator_create(context, names[_i], &evaluator), CNN_OK);
    }
    ck_assert_uint_ge(failures, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate/measures");
    TCase *tests = tcase_create("measures");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, precision_recall_and_f1_by_hand);
    tcase_add_test(tests, a_share_of_nothing_is_0);
    tcase_add_test(tests, one_output_has_two_classes);
    tcase_add_test(tests, rates_of_two_classes_by_hand);
    tcase_add_test(tests, a_class_that_is_not_there_is_refused);
    tcase_add_test(tests, auc_by_hand);
    tcase_add_test(tests, auc_counts_all_pairs);
    tcase_add_test(tests, log_loss_by_hand);
    tcase_add_test(tests, evaluators_have_names);
    tcase_add_loop_test(tests, a_batch_without_memory_is_not_counted, 0, 2);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
