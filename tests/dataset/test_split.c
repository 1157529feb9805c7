/* SPDX-License-Identifier: MIT */
/* Splits, subsets, samples, and how long datasets live. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "dataset/dataset.h"
#include "dataset/golden_split.h"
#include "dataset/tree.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_COUNT 2000

/* A dataset of 1 x 1 images; image i holds its number in two of three bytes, and has this label. */
static cnn_dataset *make(const int32_t *labels, size_t count, size_t class_count)
{
    static uint8_t bytes[3 * MAX_COUNT];
    cnn_dataset *dataset;
    for (size_t i = 0; i < count; i++) {
        bytes[3 * i] = (uint8_t)(i >> 8);
        bytes[3 * i + 1] = (uint8_t)i;
    }
    ck_assert_int_eq(cnn_dataset_create(tree_context,
                                        CNN_ARRAYS(.bytes = bytes, .labels = labels, .count = count, .height = 1,
                                                   .width = 1, .channels = 3, .class_count = class_count),
                                        &dataset),
                     CNN_OK);
    return dataset;
}

/* As make(), sample i being of class i % class_count. */
static cnn_dataset *make_cyclic(size_t count, size_t class_count)
{
    int32_t labels[MAX_COUNT];
    for (size_t i = 0; i < count; i++) {
        labels[i] = (int32_t)(i % class_count);
    }
    return make(labels, count, class_count);
}

/* The number that the sample had when it was made. */
static size_t number_of(const cnn_dataset *dataset, size_t index)
{
    cnn__sample sample;
    ck_assert_int_eq(cnn__dataset_read(dataset, index, NULL, &sample), CNN_OK);
    size_t number = (size_t)sample.image->pixels[0] << 8 | sample.image->pixels[1];
    ck_assert_int_eq(sample.label, cnn_dataset_label(dataset, index));
    cnn__sample_free(&sample);
    return number;
}

static void expect_numbers(const cnn_dataset *dataset, const size_t *numbers, size_t count)
{
    ck_assert_uint_eq(cnn_dataset_count(dataset), count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(number_of(dataset, i), numbers[i]);
    }
}

/* Checks that the two sides are in order and have each of `count` samples once. */
static void expect_partition(const cnn_dataset *rest, const cnn_dataset *part, size_t count)
{
    bool seen[MAX_COUNT] = {false};
    const cnn_dataset *sides[] = {rest, part};
    ck_assert_uint_eq(cnn_dataset_count(rest) + cnn_dataset_count(part), count);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < cnn_dataset_count(sides[side]); i++) {
            size_t number = number_of(sides[side], i);
            ck_assert(number < count && !seen[number]);
            ck_assert(i == 0 || number_of(sides[side], i - 1) < number);
            seen[number] = true;
        }
    }
}

START_TEST(keras_takes_the_first_of_each_class)
{
    /* Classes of 5, 4 and 3 samples: 40 % are 2, 1 and 1. */
    static const int32_t labels[] = {2, 0, 0, 1, 0, 2, 1, 1, 0, 2, 0, 1};
    static const size_t first[] = {0, 1, 2, 3}, others[] = {4, 5, 6, 7, 8, 9, 10, 11};
    cnn_dataset *dataset = make(labels, LENGTH(labels), 3), *rest, *part;
    ck_assert_int_eq(cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_KERAS, .fraction = 0.4F), &rest, &part),
                     CNN_OK);
    expect_numbers(part, first, LENGTH(first));
    expect_numbers(rest, others, LENGTH(others));
    tree_expect_classes(part, "0", "1", "2", NULL);
    tree_expect_classes(rest, "0", "1", "2", NULL);
    cnn_dataset_free(dataset);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
}
END_TEST

START_TEST(keras_counts_as_keras_does)
{
    for (size_t i = 0; i < LENGTH(golden_split); i++) {
        cnn_dataset *dataset = make_cyclic(golden_split[i].count, 1), *rest, *part;
        ck_assert_int_eq(cnn_dataset_split(dataset,
                                           CNN_SPLIT(.mode = CNN_SPLIT_KERAS, .fraction = golden_split[i].fraction),
                                           &rest, &part),
                         CNN_OK);
        ck_assert_uint_eq(cnn_dataset_count(part), golden_split[i].part);
        ck_assert_uint_eq(number_of(part, golden_split[i].part - 1), golden_split[i].part - 1);
        ck_assert_uint_eq(number_of(rest, 0), golden_split[i].part);
        cnn_dataset_free(dataset);
        cnn_dataset_free(rest);
        cnn_dataset_free(part);
    }
}
END_TEST

START_TEST(stratified_takes_the_same_share_of_each_class)
{
    int32_t labels[200];
    for (size_t i = 0; i < LENGTH(labels); i++) {
        labels[i] = i % 10 == 0 ? 0 : i % 2 == 0 ? 1 : 2; /* 20, 80, 100 */
    }
    static const size_t expected[] = {5, 20, 25};
    cnn_dataset *dataset = make(labels, LENGTH(labels), 4), *rest, *part;
    ck_assert_int_eq(
        cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED, .fraction = 0.25F), &rest, &part), CNN_OK);
    size_t counts[3] = {0};
    for (size_t i = 0; i < cnn_dataset_count(part); i++) {
        counts[cnn_dataset_label(part, i)]++;
    }
    ck_assert_mem_eq(counts, expected, sizeof(expected));
    ck_assert_uint_eq(cnn_dataset_class_count(part), 4);
    expect_partition(rest, part, LENGTH(labels));
    cnn_dataset_free(dataset);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
}
END_TEST

/* The first numbers of the part, folded into one. */
static uint64_t part_of(const cnn_dataset *dataset, int32_t mode, uint64_t seed)
{
    cnn_dataset *rest, *part;
    uint64_t hash = 0;
    ck_assert_int_eq(cnn_dataset_split(dataset, CNN_SPLIT(.mode = mode, .seed = seed), &rest, &part), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(part), 200); /* the default fraction is 0.2 */
    expect_partition(rest, part, 1000);
    for (size_t i = 0; i < 200; i++) {
        hash = hash * 31 + number_of(part, i);
    }
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    return hash;
}

START_TEST(random_choices_follow_the_seed)
{
    cnn_dataset *dataset = make_cyclic(1000, 4);
    for (int32_t mode = CNN_SPLIT_RANDOM; mode <= CNN_SPLIT_STRATIFIED; mode++) {
        uint64_t first = part_of(dataset, mode, 1);
        ck_assert(part_of(dataset, mode, 1) == first);
        ck_assert(part_of(dataset, mode, 2) != first);
        /* The context's seed is 7. */
        ck_assert(part_of(dataset, mode, 0) == part_of(dataset, mode, 7));
    }
    ck_assert(part_of(dataset, CNN_SPLIT_RANDOM, 1) != part_of(dataset, CNN_SPLIT_STRATIFIED, 1));
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(random_choices_are_fair)
{
    /* Each of 10 samples is in a part of 3 with probability 0.3: of 2000 seeds 600 +- 20.5. */
    size_t hits[10] = {0};
    cnn_dataset *dataset = make_cyclic(10, 2), *part;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        ck_assert_int_eq(cnn_dataset_sample(dataset, 3, seed, &part), CNN_OK);
        ck_assert_uint_eq(cnn_dataset_count(part), 3);
        for (size_t i = 0; i < 3; i++) {
            hits[number_of(part, i)]++;
        }
        cnn_dataset_free(part);
    }
    for (size_t i = 0; i < 10; i++) {
        ck_assert_msg(hits[i] > 500 && hits[i] < 700, "sample %zu: %zu", i, hits[i]);
    }
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(wrong_splits_are_refused)
{
    static const struct {
        int32_t mode;
        float fraction;
        const char *text;
    } wrong[] = {
        {3, 0.5F, "mode: found 3"},         {-1, 0.5F, "mode: found -1"}, {0, 1.0F, "fraction: found 1"},
        {0, -0.1F, "fraction: found -0.1"}, {0, NAN, "fraction: found"},  {0, 0.01F, "one part empty"},
        {1, 0.99F, "one part empty"},       {2, 0.1F, "one part empty"},
    };
    cnn_dataset *dataset = make_cyclic(10, 2), *rest, *part;
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        tree_expect_error(
            cnn_dataset_split(dataset, CNN_SPLIT(.mode = wrong[i].mode, .fraction = wrong[i].fraction), &rest, &part),
            CNN_ERROR_INVALID_ARGUMENT, wrong[i].text, NULL);
        ck_assert_ptr_null(rest);
        ck_assert_ptr_null(part);
    }
    ck_assert_int_eq(cnn_dataset_split(NULL, NULL, &rest, &part), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_split(dataset, NULL, NULL, &part), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_split(dataset, NULL, &rest, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_dataset_free(dataset);
    dataset = make(NULL, 10, 3);
    ck_assert_int_eq(cnn_dataset_label(dataset, 0), -1);
    tree_expect_error(cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_KERAS), &rest, &part),
                      CNN_ERROR_UNSUPPORTED, "sample 0 has no known label", NULL);
    ck_assert_int_eq(cnn_dataset_split(dataset, NULL, &rest, &part), CNN_OK);
    cnn_dataset_free(rest);
    cnn_dataset_free(part);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(subsets_of_subsets)
{
    static const uint64_t first[] = {9, 3, 3, 5}, second[] = {3, 0}, wrong[] = {0, 2};
    static const size_t of_first[] = {9, 3, 3, 5}, of_second[] = {5, 9};
    cnn_dataset *dataset = make_cyclic(10, 2), *subset, *inner, *none;
    ck_assert_int_eq(cnn_dataset_subset(dataset, first, 4, &subset), CNN_OK);
    cnn_dataset_free(dataset); /* the subset keeps the samples */
    ck_assert_int_eq(cnn_dataset_subset(subset, second, 2, &inner), CNN_OK);
    expect_numbers(subset, of_first, 4);
    tree_expect_error(cnn_dataset_subset(inner, wrong, 2, &none), CNN_ERROR_INVALID_ARGUMENT,
                      "index 1 of the subset: found 2, expected below 2", NULL);
    tree_expect_error(cnn_dataset_subset(inner, wrong, 0, &none), CNN_ERROR_INVALID_ARGUMENT, "no samples", NULL);
    tree_expect_error(cnn_dataset_subset(inner, NULL, 1, &none), CNN_ERROR_INVALID_ARGUMENT, "indices is NULL", NULL);
    cnn_dataset_free(subset);
    expect_numbers(inner, of_second, 2);
    ck_assert_uint_eq(cnn_dataset_shape(inner).rank, 3);
    cnn_dataset_free(inner);
}
END_TEST

START_TEST(samples_are_in_order_and_never_too_many)
{
    cnn_dataset *dataset = make_cyclic(100, 2), *some, *again, *all;
    ck_assert_int_eq(cnn_dataset_sample(dataset, 30, 5, &some), CNN_OK);
    ck_assert_int_eq(cnn_dataset_sample(dataset, 30, 5, &again), CNN_OK);
    ck_assert_int_eq(cnn_dataset_sample(dataset, 1000, 5, &all), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(some), 30);
    ck_assert_uint_eq(cnn_dataset_count(all), 100);
    for (size_t i = 0; i < 30; i++) {
        ck_assert_uint_eq(number_of(some, i), number_of(again, i));
        ck_assert(i == 0 || number_of(some, i) > number_of(some, i - 1));
    }
    cnn_dataset_free(again);
    tree_expect_error(cnn_dataset_sample(dataset, 0, 5, &again), CNN_ERROR_INVALID_ARGUMENT, "no samples", NULL);
    ck_assert_int_eq(cnn_dataset_sample(NULL, 1, 5, &again), CNN_ERROR_INVALID_ARGUMENT);
    cnn_dataset_free(dataset);
    cnn_dataset_free(some);
    cnn_dataset_free(all);
}
END_TEST

START_TEST(references_keep_a_dataset)
{
    cnn_dataset *dataset = make_cyclic(10, 2);
    cnn_dataset *kept = cnn__dataset_retain(dataset);
    cnn_dataset_free(dataset);
    ck_assert_uint_eq(number_of(kept, 9), 9);
    ck_assert_ptr_eq(cnn__dataset_context(kept), tree_context);
    cnn_dataset_free(kept);
    cnn_dataset_free(NULL);
    ck_assert_uint_eq(cnn_dataset_count(NULL), 0);
}
END_TEST

static cnn_status split_in(cnn_context *context, cnn_dataset **part)
{
    static const uint8_t bytes[10];
    static const int32_t labels[10] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
    cnn_dataset *dataset, *rest = NULL;
    *part = NULL;
    cnn_status status = cnn_dataset_create(
        context, CNN_ARRAYS(.bytes = bytes, .labels = labels, .count = 10, .height = 1, .width = 1, .channels = 1),
        &dataset);
    if (status == CNN_OK) {
        status = cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED), &rest, part);
    }
    ck_assert((rest == NULL) == (*part == NULL));
    cnn_dataset_free(rest);
    cnn_dataset_free(dataset);
    return status;
}

START_TEST(every_allocation_may_fail) { ck_assert_uint_gt(tree_fail_allocations(split_in), 12); }
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/split");
    TCase *split = tcase_create("split");
    tcase_add_checked_fixture(split, tree_setup, tree_teardown);
    tcase_add_test(split, keras_takes_the_first_of_each_class);
    tcase_add_test(split, keras_counts_as_keras_does);
    tcase_add_test(split, stratified_takes_the_same_share_of_each_class);
    tcase_add_test(split, random_choices_follow_the_seed);
    tcase_add_test(split, random_choices_are_fair);
    tcase_add_test(split, wrong_splits_are_refused);
    tcase_add_test(split, subsets_of_subsets);
    tcase_add_test(split, samples_are_in_order_and_never_too_many);
    tcase_add_test(split, references_keep_a_dataset);
    tcase_add_test(split, every_allocation_may_fail);
    suite_add_tcase(suite, split);
    return cnn_test_run(suite);
}
