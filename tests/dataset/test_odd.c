/* SPDX-License-Identifier: MIT */
/* Folders as people have them: links to nowhere and everywhere, classes without images, names in odd bytes, several
 * data sets of IDX files; and how many samples the classes have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/suite.h"
#include "tree.h"

#define SKIP .on_error = CNN_ON_ERROR_SKIP

static cnn_status open_with(const cnn_files_options *options, cnn_dataset **dataset)
{
    return cnn_dataset_open(tree_context, tree_path(""), options, dataset);
}

/* ---- what cannot be examined ---- */

START_TEST(links_to_nowhere_can_be_left_out)
{
    cnn_dataset *dataset;
    tree_touch("cat/1.jpg");
    tree_touch("dog/1.jpg");
    tree_touch("dog/deep/2.jpg");
    tree_link("../gone/2.jpg", "cat/2.jpg");
    tree_link("3.jpg", "dog/deep/3.jpg"); /* to itself */
    tree_link("/nowhere", "bird");
    for (int again = 0; again < 2; again++) {
        tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_IO, "entry \"bird\" cannot be examined", NULL);
    }
    ck_assert_int_eq(open_with(CNN_FILES(SKIP), &dataset), CNN_OK);
    tree_expect_classes(dataset, "cat", "dog", NULL);
    tree_expect_paths(dataset, "cat/1.jpg", "dog/1.jpg", "dog/deep/2.jpg", NULL);
    ck_assert_uint_eq(cnn_dataset_left_out(dataset), 3);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "left out 3 entries that cannot be read, the first: \"bird\""), 1);
    static const uint64_t first[1] = {0};
    cnn_dataset *part;
    ck_assert_int_eq(cnn_dataset_subset(dataset, first, 1, &part), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_left_out(part), 3);
    cnn_dataset_free(part);
    cnn_dataset_free(dataset);
    ck_assert_uint_eq(cnn_dataset_left_out(NULL), 0);
    tree_expect_error(open_with(CNN_FILES(.on_error = 2), &dataset), CNN_ERROR_INVALID_ARGUMENT, "on_error 2", NULL);
}
END_TEST

START_TEST(links_to_nowhere_in_a_flat_folder)
{
    cnn_dataset *dataset;
    tree_touch("cat.1.jpg");
    tree_link("gone.jpg", "cat.2.jpg");
    tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_IO, "entry \"cat.2.jpg\" cannot be examined", NULL);
    ck_assert_int_eq(open_with(CNN_FILES(SKIP), &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 1);
    ck_assert_uint_eq(cnn_dataset_left_out(dataset), 1);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(folders_that_cannot_be_listed_can_be_left_out)
{
    cnn_dataset *dataset;
    if (geteuid() == 0) {
        return; /* the superuser lists everything */
    }
    tree_touch("cat/1.jpg");
    tree_touch("cat/locked/2.jpg");
    ck_assert_int_eq(chmod(tree_path("cat/locked"), 0), 0);
    tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_IO, "cat/locked", NULL);
    ck_assert_int_eq(open_with(CNN_FILES(SKIP), &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 1);
    ck_assert_uint_eq(cnn_dataset_left_out(dataset), 1);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(chmod(tree_path("cat/locked"), 0700), 0);
}
END_TEST

/* Forty folders, each with links to all of them: more paths than anyone could walk. */
START_TEST(links_that_fan_out_end)
{
    enum { FOLDERS = 40 };
    cnn_dataset *dataset;
    char name[64], target[64];
    for (int i = 0; i < FOLDERS; i++) {
        snprintf(name, sizeof(name), "store/%02d/x.jpg", i);
        tree_touch(name);
        for (int k = 0; k < FOLDERS; k++) {
            snprintf(name, sizeof(name), "store/%02d/to%02d", i, k);
            snprintf(target, sizeof(target), "../%02d", k);
            tree_link(target, name);
        }
    }
    tree_touch("data/a/1.jpg");
    tree_link("../../store/00", "data/a/store");
    tree_touch("data/b/1.jpg");
    tree_link("../../store/00", "data/b/store");
    alarm(60);
    /* As deep as each folder is met first: deeper than the limit for so many. */
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("data"), NULL, &dataset), CNN_ERROR_LIMIT,
                      "nested deeper", NULL);
    for (int i = 10; i < FOLDERS; i++) {
        for (int k = 0; k < FOLDERS; k++) {
            snprintf(name, sizeof(name), "store/%02d/to%02d", i, k);
            ck_assert_int_eq(unlink(tree_path(name)), 0);
        }
    }
    ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path("data"), NULL, &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 2 * (FOLDERS + 1)); /* each once in each class */
    cnn_dataset_free(dataset);
}
END_TEST

/* ---- classes ---- */

START_TEST(a_class_of_a_list_may_have_no_images)
{
    static const char *const three[] = {"bird", "cat", "dog"};
    cnn_dataset *dataset;
    tree_touch("folders/dog/1.jpg");
    tree_folder("folders/cat");
    tree_touch("flat/dog.1.jpg");
    const char *const forms[] = {"folders", "flat"};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path(forms[i]),
                                          CNN_FILES(.classes = three, .class_count = 3), &dataset),
                         CNN_OK);
        tree_expect_classes(dataset, "bird", "cat", "dog", NULL);
        ck_assert_int_eq(cnn_dataset_label(dataset, 0), 2);
        cnn_dataset_free(dataset);
    }
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "no images of 2 of the 3 classes, the first: \"bird\""), 2);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("folders"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "class \"cat\" has no", NULL);
    tree_expect_error(
        cnn_dataset_open(tree_context, tree_path("folders"), CNN_FILES(.classes = three, .class_count = 2), &dataset),
        CNN_ERROR_MISMATCH, "folder \"dog\" is none of the 2 classes", NULL);
}
END_TEST

/* Opened again with the names that it gave, the folder is the same. */
START_TEST(names_in_odd_bytes_are_text)
{
    cnn_dataset *dataset;
    tree_touch("caf\xe9/1.jpg");
    tree_touch("t\x1bh\xe9/1.jpg");
    tree_touch("caf\xc3\xa9/1.jpg");
    const char *names[3];
    ck_assert_int_eq(open_with(NULL, &dataset), CNN_OK);
    tree_expect_classes(dataset, "caf\xc3\xa9", "caf\\xe9", "t\\x1bh\\xe9", NULL);
    for (size_t i = 0; i < 3; i++) {
        names[i] = cnn_dataset_class_name(dataset, 2 - i);
    }
    cnn_dataset *again;
    ck_assert_int_eq(open_with(CNN_FILES(.classes = names, .class_count = 3), &again), CNN_OK);
    tree_expect_classes(again, "t\\x1bh\\xe9", "caf\\xe9", "caf\xc3\xa9", NULL);
    ck_assert_uint_eq(cnn_dataset_count(again), 3);
    cnn_dataset_free(again);
    cnn_dataset_free(dataset);
    static const char *const raw[] = {"t\x1bh\xe9", "caf\xe9", "caf\xc3\xa9"};
    ck_assert_int_eq(open_with(CNN_FILES(.classes = raw, .class_count = 3), &again), CNN_OK);
    tree_expect_classes(again, "t\\x1bh\\xe9", "caf\\xe9", "caf\xc3\xa9", NULL);
    cnn_dataset_free(again);
    tree_touch("caf\\xe9/1.jpg"); /* the same as text */
    tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_INVALID_ARGUMENT, "the name is there twice", NULL);
}
END_TEST

START_TEST(names_that_look_alike_are_told_apart)
{
    static const char *const composed[] = {"apfel", "caf\xc3\xa9", "tee"};
    cnn_dataset *dataset;
    tree_touch("cafe\xcc\x81/1.jpg");
    tree_expect_error(open_with(CNN_FILES(.classes = composed, .class_count = 3), &dataset), CNN_ERROR_MISMATCH,
                      "U+0301", "U+00E9", NULL);
}
END_TEST

START_TEST(parts_are_known_in_any_case)
{
    static const char *const parts[] = {"Training", "TEST", "Val", "validation", "Train_Set", "testset"};
    cnn_dataset *dataset;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s/cat/1.jpg", parts[i]);
        tree_touch(name);
        tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_FORMAT, "found folders of parts", NULL);
    }
    tree_touch("cat/1.jpg"); /* beside a class they may be classes */
    ck_assert_int_eq(open_with(NULL, &dataset), CNN_OK);
    cnn_dataset_free(dataset);
}
END_TEST

/* ---- IDX ---- */

static void write_idx(const char *prefix, size_t count, uint8_t first)
{
    uint8_t bytes[64] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)count, 0, 0, 0, 1, 0, 0, 0, 1};
    char name[160];
    memset(bytes + 16, first, count);
    snprintf(name, sizeof(name), "%strain-images-idx3-ubyte", prefix);
    tree_write(name, bytes, 16 + count);
    memcpy(bytes, (uint8_t[8]){0, 0, 8, 1, 0, 0, 0, (uint8_t)count}, 8);
    memset(bytes + 8, 1, count);
    snprintf(name, sizeof(name), "%strain-labels-idx1-ubyte", prefix);
    tree_write(name, bytes, 8 + count);
}

START_TEST(one_of_several_idx_sets_is_chosen)
{
    cnn_dataset *dataset;
    write_idx("emnist-digits-", 3, 7);
    write_idx("emnist-letters-", 4, 9);
    for (int again = 0; again < 2; again++) {
        tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_FORMAT, "emnist-digits-train-images",
                          "emnist-letters-train-images", "a prefix of the names, such as \"emnist-letters\"", NULL);
    }
    ck_assert_int_eq(open_with(CNN_FILES(.prefix = "emnist-letters"), &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 4);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_with(CNN_FILES(.prefix = "emnist-d"), &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 3);
    cnn_dataset_free(dataset);
    tree_expect_error(open_with(CNN_FILES(.prefix = "mnist"), &dataset), CNN_ERROR_NOT_FOUND, "found none",
                      "after the prefix \"mnist\"", NULL);
}
END_TEST

START_TEST(idx_files_in_folders_of_their_names)
{
    cnn_dataset *dataset;
    write_idx("train-images-idx3-ubyte/", 3, 7);
    write_idx("train-labels-idx1-ubyte/", 3, 7);
    ck_assert_int_eq(open_with(NULL, &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 3);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(unlink(tree_path("train-labels-idx1-ubyte/train-labels-idx1-ubyte")), 0);
    tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_NOT_FOUND, "train-labels-idx1-ubyte/train-labels-idx1-ubyte",
                      NULL);
}
END_TEST

START_TEST(a_web_page_is_no_idx_file)
{
    cnn_dataset *dataset;
    static const char page[] = "<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n";
    write_idx("", 2, 0);
    tree_write("train-images-idx3-ubyte", page, sizeof(page) - 1);
    tree_expect_error(open_with(NULL, &dataset), CNN_ERROR_FORMAT, "train-images-idx3-ubyte: magic", "IDX", "gzip",
                      "web page", NULL);
}
END_TEST

/* The labels of a data set take as much memory as their file. */
START_TEST(idx_labels_take_their_bytes)
{
    enum { COUNT = 1 << 20 };
    uint8_t *bytes = calloc(1, COUNT + 16);
    cnn_dataset *dataset;
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, (uint8_t[16]){0, 0, 8, 3, 0, COUNT >> 16, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, 16);
    tree_write("train-images-idx3-ubyte", bytes, COUNT + 16);
    memcpy(bytes, (uint8_t[8]){0, 0, 8, 1, 0, COUNT >> 16, 0, 0}, 8);
    bytes[8 + COUNT - 1] = 200;
    tree_write("train-labels-idx1-ubyte", bytes, COUNT + 8);
    free(bytes);
    const size_t before = atomic_load(&tree_allocator.bytes);
    ck_assert_int_eq(open_with(NULL, &dataset), CNN_OK);
    ck_assert_uint_lt(atomic_load(&tree_allocator.bytes) - before, 2 * COUNT + COUNT / 8);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 201);
    ck_assert_int_eq(cnn_dataset_label(dataset, COUNT - 1), 200);
    ck_assert_int_eq(cnn_dataset_label(dataset, 0), 0);
    cnn_dataset_free(dataset);
}
END_TEST

/* ---- counts ---- */

START_TEST(classes_are_counted)
{
    static const uint8_t pixels[8] = {0};
    static const int32_t labels[8] = {0, 2, 2, 0, 2, 2, 2, 2};
    static const char *const names[4] = {"a", "b", "c", "d"};
    cnn_dataset *dataset;
    uint64_t counts[4] = {9, 9, 9, 9};
    float weights[4] = {9, 9, 9, 9};
    ck_assert_int_eq(cnn_dataset_create(tree_context,
                                        CNN_ARRAYS(.bytes = pixels, .labels = labels, .count = 8, .height = 1,
                                                   .width = 1, .channels = 1, .classes = names, .class_count = 4),
                                        &dataset),
                     CNN_OK);
    ck_assert_int_eq(cnn_dataset_class_counts(dataset, counts, 3), CNN_ERROR_LIMIT);
    ck_assert_int_eq(cnn_dataset_class_counts(dataset, NULL, 4), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_class_counts(NULL, counts, 4), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_balanced_weights(dataset, weights, 3), CNN_ERROR_LIMIT);
    ck_assert_int_eq(cnn_dataset_balanced_weights(NULL, weights, 4), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert(counts[0] == 9 && weights[0] == 9);
    ck_assert_int_eq(cnn_dataset_class_counts(dataset, counts, 4), CNN_OK);
    ck_assert(counts[0] == 2 && counts[1] == 0 && counts[2] == 6 && counts[3] == 0);
    /* compute_class_weight("balanced", classes=[0, 2], y=labels) of scikit-learn: 2 and 0.6667 */
    ck_assert_int_eq(cnn_dataset_balanced_weights(dataset, weights, 4), CNN_OK);
    ck_assert(weights[0] == 2.0f && weights[1] == 1.0f && weights[2] == (float)(2.0 / 3.0) && weights[3] == 1.0f);
    static const uint64_t some[3] = {0, 3, 1};
    cnn_dataset *part;
    ck_assert_int_eq(cnn_dataset_subset(dataset, some, 3, &part), CNN_OK);
    ck_assert_int_eq(cnn_dataset_class_counts(part, counts, 4), CNN_OK);
    ck_assert(counts[0] == 2 && counts[1] == 0 && counts[2] == 1);
    cnn_dataset_free(part);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(cnn_dataset_create(tree_context,
                                        CNN_ARRAYS(.bytes = pixels, .count = 8, .height = 1, .width = 1, .channels = 1),
                                        &dataset),
                     CNN_OK);
    tree_expect_error(cnn_dataset_class_counts(dataset, counts, 4), CNN_ERROR_UNSUPPORTED, "no known label", NULL);
    cnn_dataset_free(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/odd");
    TCase *tcase = tcase_create("odd");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, tree_setup, tree_teardown);
    tcase_add_test(tcase, links_to_nowhere_can_be_left_out);
    tcase_add_test(tcase, links_to_nowhere_in_a_flat_folder);
    tcase_add_test(tcase, folders_that_cannot_be_listed_can_be_left_out);
    tcase_add_test(tcase, links_that_fan_out_end);
    tcase_add_test(tcase, a_class_of_a_list_may_have_no_images);
    tcase_add_test(tcase, names_in_odd_bytes_are_text);
    tcase_add_test(tcase, names_that_look_alike_are_told_apart);
    tcase_add_test(tcase, parts_are_known_in_any_case);
    tcase_add_test(tcase, one_of_several_idx_sets_is_chosen);
    tcase_add_test(tcase, idx_files_in_folders_of_their_names);
    tcase_add_test(tcase, a_web_page_is_no_idx_file);
    tcase_add_test(tcase, idx_labels_take_their_bytes);
    tcase_add_test(tcase, classes_are_counted);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
