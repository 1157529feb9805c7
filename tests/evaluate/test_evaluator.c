/* SPDX-License-Identifier: MIT */
/* Evaluators: scores counted by hand, ties, NaN, samples without labels, batches that are refused, no memory. */
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

/* The library gets `blocks` blocks more. */
static void allow(size_t blocks)
{
    memory.fail_at = memory.calls + blocks + 1;
    memory.persistent = true;
}

static void allow_all(void) { memory.fail_at = 0; }

static void setup(void)
{
    memory = (test_allocator){0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    const cnn_context_options *options =
        CNN_CONTEXT(.threads = 1, .backend = "reference", .allocator = &allocator);
    ck_assert_int_eq(cnn_context_create(options, &context), CNN_OK);
    evaluator = NULL;
}

static void teardown(void)
{
    allow_all();
    cnn_evaluator_free(evaluator);
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
    ck_assert_uint_eq(memory.wrong_releases, 0);
}

static void count(const float *outputs, size_t width, const int32_t *labels, size_t samples)
{
    const cnn_evaluation *batch =
        CNN_EVALUATION(.count = samples, .outputs = width, .outputs_data = outputs, .labels = labels, .loss = NAN);
    ck_assert_int_eq(cnn_evaluator_update(evaluator, batch), CNN_OK);
}

static void count_loss(double loss, const int32_t *labels, size_t samples)
{
    const cnn_evaluation *batch = CNN_EVALUATION(.count = samples, .outputs = 3, .labels = labels, .loss = loss);
    ck_assert_int_eq(cnn_evaluator_update(evaluator, batch), CNN_OK);
}

static void check_refused(const cnn_evaluation *batch, const char *message)
{
    double before = cnn_evaluator_score(evaluator);
    ck_assert_int_eq(cnn_evaluator_update(evaluator, batch), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_msg(strstr(cnn_last_error(context), message) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  message);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), before);
}

static const float three_classes[] = {0.7f, 0.2f, 0.1f,  0.2f, 0.3f, 0.5f,  0.4f, 0.4f, 0.2f,  0.1f, 0.8f, 0.1f};

START_TEST(accuracy_counts_right_classes_over_batches)
{
    const int32_t labels[] = {0, 1, 0, 1}, equal_is_the_first = 1;
    ck_assert_int_eq(cnn_accuracy_create(context, &evaluator), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "accuracy");
    ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MAX);
    ck_assert_double_eq(cnn_evaluator_worst_score(evaluator), 0);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0);
    count(three_classes, 3, labels, 4);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0.75);
    count(three_classes + 6, 3, &equal_is_the_first, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0.6);
    cnn_evaluator_reset(evaluator);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0);
    count(three_classes, 3, labels, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 1);
}
END_TEST

START_TEST(one_output_is_that_of_class_1_above_one_half)
{
    const float outputs[] = {0.6f, 0.5f, 0.5f, 0.4f, 0.500001f, 1, 0};
    const int32_t labels[] = {1, 1, 0, 1, 1, 0, 0};
    cnn_status (*const create[])(cnn_context *, cnn_evaluator **) = {cnn_accuracy_create,
                                                                     cnn_binary_accuracy_create};
    ck_assert_int_eq(create[_i](context, &evaluator), CNN_OK);
    count(outputs, 1, labels, COUNT(labels));
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluator), 4.0 / 7, 1e-15);
}
END_TEST

START_TEST(binary_accuracy_counts_each_output)
{
    const float outputs[] = {0.9f, 0.1f, 0.7f, 0.2f, 0.3f, 0.4f};
    const int32_t labels[] = {0, 2};
    ck_assert_int_eq(cnn_binary_accuracy_create(context, &evaluator), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "binary_accuracy");
    count(outputs, 3, labels, 2);
    ck_assert_double_eq_tol(cnn_evaluator_score(evaluator), 4.0 / 6, 1e-15);
}
END_TEST

START_TEST(top_k_breaks_ties_by_the_lower_label)
{
    const float outputs[] = {0.3f, 0.3f, 0.3f, 0.1f};
    const struct {
        uint32_t k;
        int32_t label;
        double score;
    } table[] = {{1, 0, 1}, {1, 1, 0}, {2, 1, 1}, {2, 2, 0}, {3, 2, 1}, {3, 3, 0}, {4, 3, 1}, {5, 3, 1}, {99, 3, 1}};
    for (size_t i = 0; i < COUNT(table); i++) {
        ck_assert_int_eq(cnn_top_k_create(context, table[i].k, &evaluator), CNN_OK);
        count(outputs, 4, &table[i].label, 1);
        ck_assert_msg(cnn_evaluator_score(evaluator) == table[i].score, "label %d in the best %u", table[i].label,
                      table[i].k);
        cnn_evaluator_free(evaluator);
        evaluator = NULL;
    }
}
END_TEST

START_TEST(top_k_has_k_in_its_name_and_keeps_it)
{
    const int32_t labels[] = {1, 2};
    ck_assert_int_eq(cnn_top_k_create(context, 2, &evaluator), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "top2");
    count(three_classes, 3, labels, 2);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 1);
    cnn_evaluator_reset(evaluator);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "top2");
    count(three_classes, 3, labels + 1, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0);
    cnn_evaluator_free(evaluator);
    ck_assert_int_eq(cnn_top_k_create(context, UINT32_MAX, &evaluator), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "top4294967295");
    cnn_evaluator_free(evaluator);
    ck_assert_int_eq(cnn_top_k_create(context, 0, &evaluator), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(evaluator);
    ck_assert_int_eq(cnn_top_k_create(context, 0, NULL), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(top_k_of_one_output_is_of_two_classes)
{
    const float outputs[] = {0.9f, 0.9f, 0.5f, NAN};
    const int32_t labels[] = {1, 0, 0, 1};
    const double scores[] = {0.5, 0.75, 0.75};
    for (uint32_t k = 1; k <= 3; k++) {
        ck_assert_int_eq(cnn_top_k_create(context, k, &evaluator), CNN_OK);
        count(outputs, 1, labels, 4);
        ck_assert_double_eq(cnn_evaluator_score(evaluator), scores[k - 1]);
        cnn_evaluator_free(evaluator);
    }
    evaluator = NULL;
}
END_TEST

START_TEST(confusion_counts_labels_and_predictions)
{
    const int32_t labels[] = {0, 1, 1, 1};
    const uint64_t expected[] = {1, 0, 0, 1, 1, 1, 0, 0, 0}, none[9] = {0};
    uint32_t classes;
    ck_assert_int_eq(cnn_confusion_create(context, 3, &evaluator), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "confusion");
    const uint64_t *counts = cnn_confusion_counts(evaluator, &classes);
    ck_assert_uint_eq(classes, 3);
    ck_assert_mem_eq(counts, none, sizeof(none));
    count(three_classes, 3, labels, 4);
    ck_assert_mem_eq(counts, expected, sizeof(expected));
    ck_assert_ptr_eq(counts, cnn_confusion_counts(evaluator, NULL));
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0.5);
    cnn_evaluator_reset(evaluator);
    ck_assert_mem_eq(counts, none, sizeof(none));
    const cnn_evaluation *narrow =
        CNN_EVALUATION(.count = 1, .outputs = 2, .outputs_data = three_classes, .labels = labels);
    check_refused(narrow, "made for 3 classes; found 2 outputs");
}
END_TEST

START_TEST(confusion_of_one_output_has_two_classes)
{
    const float outputs[] = {0.9f, 0.1f, 0.5f, 0.8f};
    const int32_t labels[] = {1, 0, 1, 0};
    const uint64_t expected[] = {1, 1, 1, 1};
    ck_assert_int_eq(cnn_confusion_create(context, 2, &evaluator), CNN_OK);
    count(outputs, 1, labels, 4);
    ck_assert_mem_eq(cnn_confusion_counts(evaluator, NULL), expected, sizeof(expected));
}
END_TEST

START_TEST(confusion_needs_classes)
{
    uint32_t classes = 7;
    evaluator = (cnn_evaluator *)&context;
    ck_assert_int_eq(cnn_confusion_create(context, 1, &evaluator), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(evaluator);
    ck_assert_int_eq(cnn_confusion_create(context, UINT32_MAX, &evaluator), CNN_ERROR_LIMIT);
    ck_assert_ptr_null(evaluator);
    ck_assert_int_eq(cnn_accuracy_create(context, &evaluator), CNN_OK);
    ck_assert_ptr_null(cnn_confusion_counts(evaluator, &classes));
    ck_assert_uint_eq(classes, 0);
    ck_assert_ptr_null(cnn_confusion_counts(NULL, NULL));
}
END_TEST

START_TEST(loss_is_weighted_by_labelled_samples)
{
    const int32_t labels[] = {0, -1, 2, 1}, none[] = {-1, -1};
    ck_assert_int_eq(cnn_loss_evaluator_create(context, &evaluator), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "loss");
    ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MIN);
    ck_assert_double_eq(cnn_evaluator_worst_score(evaluator), INFINITY);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), INFINITY);
    count_loss(NAN, none, 2);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), INFINITY);
    count_loss(2, labels, 4);
    count_loss(6, labels, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 3);
    count_loss(8, NULL, 4);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 5.5);
    count_loss(NAN, labels, 1);
    ck_assert_double_nan(cnn_evaluator_score(evaluator));
    cnn_evaluator_reset(evaluator);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), INFINITY);
}
END_TEST

/* The built-in evaluators that look at outputs, each made for three classes. */
static const char *const names[] = {"accuracy", "binary_accuracy", "top3", "confusion"};

static cnn_status try_create(const char *name)
{
    return strcmp(name, "accuracy") == 0          ? cnn_accuracy_create(context, &evaluator)
           : strcmp(name, "binary_accuracy") == 0 ? cnn_binary_accuracy_create(context, &evaluator)
           : strcmp(name, "top3") == 0            ? cnn_top_k_create(context, 3, &evaluator)
                                                  : cnn_confusion_create(context, 3, &evaluator);
}

static void create(const char *name)
{
    ck_assert_int_eq(try_create(name), CNN_OK);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), name);
}

START_TEST(samples_without_a_label_are_left_out)
{
    const int32_t labels[] = {0, -1, -1, 0}, none[] = {-1, -1, -1, -1}, first = 0;
    create(names[_i]);
    count(three_classes, 3, none, 4);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0);
    count(three_classes, 3, labels, 4);
    double score = cnn_evaluator_score(evaluator);
    cnn_evaluator_reset(evaluator);
    count(three_classes, 3, &first, 1);
    count(three_classes + 9, 3, &first, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), score);
    ck_assert(score > 0);
}
END_TEST

START_TEST(nan_is_never_right)
{
    const float outputs[] = {NAN, NAN, NAN, 0.9f, NAN, 0.1f, NAN, 0.9f, 0.1f};
    const int32_t labels[] = {0, 0, 0};
    const uint64_t no_counts[9] = {0};
    create(names[_i]);
    count(outputs, 3, labels, 3);
    /* Of binary accuracy's nine outputs three are right: 0.9 for the label, and 0.1 beside it twice. */
    double expected = strcmp(names[_i], "binary_accuracy") == 0 ? 3.0 / 9 : 0;
    ck_assert_double_eq(cnn_evaluator_score(evaluator), expected);
    if (strcmp(names[_i], "confusion") == 0) {
        ck_assert_mem_eq(cnn_confusion_counts(evaluator, NULL), no_counts, sizeof(no_counts));
    }
}
END_TEST

START_TEST(nan_of_one_output_is_never_right)
{
    const float outputs[] = {NAN, NAN};
    const int32_t labels[] = {0, 1};
    if (strcmp(names[_i], "confusion") == 0) {
        ck_assert_int_eq(cnn_confusion_create(context, 2, &evaluator), CNN_OK);
    } else {
        create(names[_i]);
    }
    count(outputs, 1, labels, 2);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 0);
}
END_TEST

START_TEST(infinite_outputs_are_compared_as_numbers)
{
    const float outputs[] = {-INFINITY, 0, INFINITY};
    const int32_t label = 2;
    create(names[_i]);
    count(outputs, 3, &label, 1);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 1);
}
END_TEST

START_TEST(batches_that_are_refused)
{
    const int32_t good[] = {0, 1}, high[] = {0, 3}, low[] = {-1, -2}, two[] = {0, 2};
    create(names[_i]);
    count(three_classes, 3, good, 2);
    check_refused(CNN_EVALUATION(.count = 2, .outputs = 3, .outputs_data = three_classes, .labels = high),
                  "label 3 of sample 1 is out of range: 3 outputs can tell the labels 0 to 2");
    check_refused(CNN_EVALUATION(.count = 2, .outputs = 3, .outputs_data = three_classes, .labels = low),
                  "label -2 of sample 1");
    check_refused(CNN_EVALUATION(.count = 2, .outputs = 1, .outputs_data = three_classes, .labels = two),
                  "label 2 of sample 1 is out of range: 1 output can tell the labels 0 to 1");
    check_refused(CNN_EVALUATION(.count = 2, .outputs = 3, .outputs_data = three_classes), "has no labels");
    check_refused(CNN_EVALUATION(.count = 2, .outputs = 3, .labels = good), "has no outputs");
    check_refused(CNN_EVALUATION(.count = 2, .outputs = 0, .outputs_data = three_classes, .labels = good),
                  "has no outputs");
    check_refused(NULL, "no batch");
    ck_assert_int_eq(cnn_evaluator_update(evaluator, CNN_EVALUATION(.count = 0)), CNN_OK);
}
END_TEST

/* Every allocation of a creation fails in turn. */
START_TEST(running_out_of_memory_gives_no_handle)
{
    const size_t blocks = strcmp(names[_i], "confusion") == 0 ? 2 : 1;
    for (size_t given = 0; given < blocks; given++) {
        allow(given);
        evaluator = (cnn_evaluator *)&context;
        ck_assert_int_eq(try_create(names[_i]), CNN_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(evaluator);
    }
    allow(blocks);
    create(names[_i]);
    allow(0);
    const int32_t labels[] = {0, 1, 2, 1};
    count(three_classes, 3, labels, 4);
    ck_assert(cnn_evaluator_score(evaluator) > 0);
}
END_TEST

START_TEST(usages_begin_with_names)
{
    size_t count = 0;
    for (const char *usage; (usage = cnn_evaluator_usage(count)) != NULL; count++) {
        char name[64];
        size_t length = strcspn(usage, " ");
        bool number = usage[length - 1] == 'K';
        snprintf(name, sizeof(name), "%.*s%s", (int)(length - number), usage, number ? "3" : "");
        ck_assert_int_eq(cnn_evaluator_create(context, name, &evaluator), CNN_OK);
        ck_assert_int_eq(strncmp(cnn_evaluator_name(evaluator), name, strlen(name)), 0);
        cnn_evaluator_free(evaluator);
        evaluator = NULL;
    }
    ck_assert_uint_gt(count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate");
    TCase *tests = tcase_create("evaluators");
    const int kinds = (int)COUNT(names);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, accuracy_counts_right_classes_over_batches);
    tcase_add_loop_test(tests, one_output_is_that_of_class_1_above_one_half, 0, 2);
    tcase_add_test(tests, binary_accuracy_counts_each_output);
    tcase_add_test(tests, top_k_breaks_ties_by_the_lower_label);
    tcase_add_test(tests, top_k_has_k_in_its_name_and_keeps_it);
    tcase_add_test(tests, top_k_of_one_output_is_of_two_classes);
    tcase_add_test(tests, confusion_counts_labels_and_predictions);
    tcase_add_test(tests, confusion_of_one_output_has_two_classes);
    tcase_add_test(tests, confusion_needs_classes);
    tcase_add_test(tests, loss_is_weighted_by_labelled_samples);
    tcase_add_loop_test(tests, samples_without_a_label_are_left_out, 0, kinds);
    tcase_add_loop_test(tests, nan_is_never_right, 0, kinds);
    tcase_add_loop_test(tests, nan_of_one_output_is_never_right, 0, kinds);
    tcase_add_loop_test(tests, infinite_outputs_are_compared_as_numbers, 0, kinds);
    tcase_add_loop_test(tests, batches_that_are_refused, 0, kinds);
    tcase_add_loop_test(tests, running_out_of_memory_gives_no_handle, 0, kinds);
    tcase_add_test(tests, usages_begin_with_names);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
