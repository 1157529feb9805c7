/* SPDX-License-Identifier: MIT */
/* Folds: stratified, grouped, of several labels; splits that keep groups together. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "dataset/dataset.h"
#include "dataset/tree.h"

#define COUNT 103
#define CLASSES 3
#define GROUPS 20

static int32_t labels[COUNT];
static int64_t groups[COUNT];
static float marks[COUNT * CLASSES];

static void set_up(void)
{
    tree_setup();
    for (size_t i = 0; i < COUNT; i++) {
        labels[i] = i < 60 ? 0 : i < 93 ? 1 : 2;
        groups[i] = i % 10 == 9 ? -1 : (int64_t)((i * i) % GROUPS); /* of several sizes; some have none */
        for (size_t c = 0; c < CLASSES; c++) {
            marks[i * CLASSES + c] = (float)(i % (c + 2) == 0);
        }
    }
}

static cnn_dataset *make(bool targets)
{
    static uint8_t bytes[3 * COUNT];
    cnn_dataset *dataset = NULL;
    ck_assert_int_eq(
        cnn_dataset_create(tree_context,
                           CNN_ARRAYS(.bytes = bytes, .labels = targets ? NULL : labels, .count = COUNT, .height = 1,
                                      .width = 1, .channels = 3, .class_count = CLASSES, .groups = groups,
                                      .targets = targets ? marks : NULL, .target_count = targets ? CLASSES : 0,
                                      .task = targets ? CNN_TASK_LABELS : 0),
                           &dataset),
        CNN_OK);
    return dataset;
}

static void fold(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t folds[COUNT])
{
    ck_assert_msg(cnn_dataset_folds(dataset, options, folds, COUNT) == CNN_OK, "%s", cnn_last_error(tree_context));
}

/* Samples in each fold that `counts` is 1 for differ by at most `most`. */
static void expect_even(const uint32_t *folds, uint32_t number, const float *counts, size_t step, double most)
{
    double sizes[16] = {0}, least = COUNT, largest = 0;
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_uint_lt(folds[i], number);
        sizes[folds[i]] += counts != NULL ? (double)counts[i * step] : 1;
    }
    for (uint32_t f = 0; f < number; f++) {
        least = fmin(least, sizes[f]);
        largest = fmax(largest, sizes[f]);
    }
    ck_assert_msg(largest - least <= most, "%g to %g", least, largest);
}

START_TEST(samples_are_dealt_evenly)
{
    cnn_dataset *dataset = make(false);
    uint32_t folds[COUNT], again[COUNT], other[COUNT];
    float of_class[COUNT];
    for (uint32_t k = 2; k <= 10; k++) {
        fold(dataset, CNN_FOLDS(.folds = k, .mode = CNN_SPLIT_STRATIFIED, .seed = 4), folds);
        expect_even(folds, k, NULL, 1, 1);
        for (int32_t c = 0; c < CLASSES; c++) {
            for (size_t i = 0; i < COUNT; i++) {
                of_class[i] = (float)(labels[i] == c);
            }
            expect_even(folds, k, of_class, 1, 1);
        }
        fold(dataset, CNN_FOLDS(.folds = k, .seed = 4), other);
        expect_even(other, k, NULL, 1, 1);
    }
    fold(dataset, CNN_FOLDS(.seed = 4), folds); /* 5 folds */
    expect_even(folds, 5, NULL, 1, 1);
    fold(dataset, CNN_FOLDS(.seed = 4), again);
    ck_assert_mem_eq(folds, again, sizeof(folds));
    fold(dataset, CNN_FOLDS(.seed = 5), again);
    ck_assert_mem_ne(folds, again, sizeof(folds));
    cnn_dataset_free(dataset);
}
END_TEST

static void expect_groups_whole(const uint32_t *folds)
{
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < i; j++) {
            ck_assert(groups[i] < 0 || groups[i] != groups[j] || folds[i] == folds[j]);
        }
    }
}

START_TEST(groups_stay_together)
{
    cnn_dataset *dataset = make(false);
    uint32_t folds[COUNT];
    float of_class[COUNT];
    for (int mode = CNN_SPLIT_RANDOM; mode <= CNN_SPLIT_STRATIFIED; mode++) {
        fold(dataset, CNN_FOLDS(.folds = 4, .grouped = 1, .mode = mode), folds);
        expect_groups_whole(folds);
        expect_even(folds, 4, NULL, 1, 12);
    }
    for (int32_t c = 0; c < CLASSES; c++) {
        for (size_t i = 0; i < COUNT; i++) {
            of_class[i] = (float)(labels[i] == c);
        }
        expect_even(folds, 4, of_class, 1, 8);
    }
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(several_labels_are_spread)
{
    cnn_dataset *dataset = make(true);
    uint32_t folds[COUNT];
    fold(dataset, CNN_FOLDS(.folds = 5, .mode = CNN_SPLIT_STRATIFIED), folds);
    expect_even(folds, 5, NULL, 1, 2);
    for (size_t c = 0; c < CLASSES; c++) {
        expect_even(folds, 5, marks + c, CLASSES, 2);
    }
    cnn_dataset *rest = NULL, *part = NULL;
    float of_rest[CLASSES], of_part[CLASSES];
    size_t counts[2][CLASSES] = {{0}};
    ck_assert_int_eq(
        cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED, .fraction = 0.5F), &rest, &part), CNN_OK);
    for (size_t i = 0; i < cnn_dataset_count(part); i++) {
        ck_assert_int_eq(cnn_dataset_targets(part, i, of_part, CLASSES), CNN_OK);
        for (size_t c = 0; c < CLASSES; c++) {
            counts[0][c] += of_part[c] > 0;
        }
    }
    for (size_t i = 0; i < cnn_dataset_count(rest); i++) {
        ck_assert_int_eq(cnn_dataset_targets(rest, i, of_rest, CLASSES), CNN_OK);
        for (size_t c = 0; c < CLASSES; c++) {
            counts[1][c] += of_rest[c] > 0;
        }
    }
    for (size_t c = 0; c < CLASSES; c++) {
        ck_assert_uint_le(counts[0][c], counts[1][c] + 2);
        ck_assert_uint_le(counts[1][c], counts[0][c] + 2);
    }
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(a_fold_and_the_rest_are_all)
{
    cnn_dataset *dataset = make(false), *rest = NULL, *part = NULL;
    size_t sum = 0;
    for (uint32_t f = 0; f < 3; f++) {
        ck_assert_int_eq(cnn_dataset_fold(dataset, CNN_FOLDS(.folds = 3), f, &rest, &part), CNN_OK);
        ck_assert_uint_eq(cnn_dataset_count(rest) + cnn_dataset_count(part), COUNT);
        ck_assert_uint_eq(cnn_dataset_class_count(part), CLASSES);
        sum += cnn_dataset_count(part);
        cnn_dataset_free(rest);
        cnn_dataset_free(part);
    }
    ck_assert_uint_eq(sum, COUNT);
    ck_assert_int_eq(cnn_dataset_fold(dataset, CNN_FOLDS(.folds = 3), 3, &rest, &part), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(part);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(a_split_may_keep_groups)
{
    cnn_dataset *dataset = make(false), *rest = NULL, *part = NULL;
    bool in_rest[GROUPS] = {false};
    ck_assert_int_eq(cnn_dataset_split(dataset,
                                       CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED, .fraction = 0.25F, .grouped = 1), &rest,
                                       &part),
                     CNN_OK);
    for (size_t i = 0; i < cnn_dataset_count(rest); i++) {
        const int64_t group = cnn_dataset_group(rest, i);
        if (group >= 0) {
            in_rest[group] = true;
        }
    }
    for (size_t i = 0; i < cnn_dataset_count(part); i++) {
        const int64_t group = cnn_dataset_group(part, i);
        ck_assert(group < 0 || !in_rest[group]);
    }
    ck_assert_uint_ge(cnn_dataset_count(part), 18);
    ck_assert_uint_le(cnn_dataset_count(part), 34);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    ck_assert_int_eq(cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_KERAS, .grouped = 1), &rest, &part),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    cnn_dataset *dataset = make(false);
    uint32_t folds[COUNT];
    tree_expect_error(cnn_dataset_folds(dataset, CNN_FOLDS(.folds = 1), folds, COUNT), CNN_ERROR_INVALID_ARGUMENT,
                      "folds: found 1", NULL);
    tree_expect_error(cnn_dataset_folds(dataset, CNN_FOLDS(.folds = COUNT + 1), folds, COUNT),
                      CNN_ERROR_INVALID_ARGUMENT, "too few for 104 parts", NULL);
    tree_expect_error(cnn_dataset_folds(dataset, CNN_FOLDS(.mode = CNN_SPLIT_KERAS), folds, COUNT),
                      CNN_ERROR_INVALID_ARGUMENT, "mode 2", NULL);
    tree_expect_error(cnn_dataset_folds(dataset, NULL, folds, COUNT - 1), CNN_ERROR_LIMIT, "room for 102", NULL);
    cnn_dataset_free(dataset);
}
END_TEST

static cnn_status fold_it(cnn_context *context, cnn_dataset **dataset)
{
    static uint8_t bytes[3 * COUNT];
    cnn_dataset *whole = NULL, *rest = NULL;
    *dataset = NULL;
    cnn_status status = cnn_dataset_create(context,
                                           CNN_ARRAYS(.bytes = bytes, .labels = labels, .count = COUNT, .height = 1,
                                                      .width = 1, .channels = 3, .class_count = CLASSES,
                                                      .groups = groups),
                                           &whole);
    if (status == CNN_OK) {
        status = cnn_dataset_fold(whole, CNN_FOLDS(.grouped = 1, .mode = CNN_SPLIT_STRATIFIED), 1, &rest, dataset);
    }
    cnn_dataset_free(rest);
    cnn_dataset_free(whole);
    return status;
}

START_TEST(every_allocation_may_fail) { ck_assert_uint_gt(tree_fail_allocations(fold_it), 10); }
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/folds");
    TCase *tests = tcase_create("folds");
    tcase_add_checked_fixture(tests, set_up, tree_teardown);
    tcase_add_test(tests, samples_are_dealt_evenly);
    tcase_add_test(tests, groups_stay_together);
    tcase_add_test(tests, several_labels_are_spread);
    tcase_add_test(tests, a_fold_and_the_rest_are_all);
    tcase_add_test(tests, a_split_may_keep_groups);
    tcase_add_test(tests, what_cannot_be_is_refused);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
