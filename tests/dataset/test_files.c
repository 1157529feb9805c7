/* SPDX-License-Identifier: MIT */
/* Class folders, flat folders, and what cnn_dataset_open() makes of a path. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/suite.h"
#include "dataset/dataset.h"
#include "dataset/golden_images.h"
#include "dataset/golden_split.h"
#include "dataset/listing.h"
#include "dataset/tree.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static cnn_status open_folders(cnn_dataset **dataset)
{
    return cnn_dataset_open_folders(tree_context, tree_path(""), NULL, dataset);
}

static cnn_status open_flat(cnn_dataset **dataset)
{
    return cnn_dataset_open_flat(tree_context, tree_path(""), NULL, dataset);
}

static cnn_status open_any(cnn_dataset **dataset)
{
    return cnn_dataset_open(tree_context, tree_path(""), NULL, dataset);
}

START_TEST(folders_are_classes_in_byte_order)
{
    cnn_dataset *dataset;
    for (size_t i = LENGTH(golden_order); i-- > 0;) {
        tree_touch(golden_order[i]);
    }
    ck_assert_int_eq(open_folders(&dataset), CNN_OK);
    tree_expect_classes(dataset, "10", "2", "Dog", "cat", NULL);
    ck_assert_uint_eq(cnn_dataset_count(dataset), LENGTH(golden_order));
    for (size_t i = 0; i < LENGTH(golden_order); i++) {
        ck_assert_str_eq(cnn_dataset_path(dataset, i), tree_path(golden_order[i]));
        ck_assert_int_eq(cnn_dataset_label(dataset, i), i == 0 ? 0 : i == 1 ? 1 : i == 9 ? 3 : 2);
    }
    ck_assert_int_eq(cnn_dataset_label(dataset, LENGTH(golden_order)), -1);
    ck_assert_ptr_null(cnn_dataset_path(dataset, LENGTH(golden_order)));
    ck_assert_uint_eq(cnn_dataset_shape(dataset).rank, 0);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, ""), 0);
    ck_assert_uint_eq(tree_logged(CNN_LOG_INFO, "10 images of 4 classes"), 1);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(odd_entries_are_passed_over_with_one_message)
{
    cnn_dataset *dataset;
    tree_touch("cats/1.jpg");
    tree_touch("cats/.1.jpg.swp");
    tree_touch("cats/.DS_Store");
    tree_touch(".git/HEAD");
    tree_touch("cats/notes.txt");
    tree_touch("cats/jpg");
    tree_touch("cats/deep/more.JPEG");
    tree_touch("cats/deep/Thumbs.db");
    tree_touch("stray.png");
    ck_assert_int_eq(mkfifo(tree_path("cats/pipe.jpg"), 0666), 0);
    tree_touch("dogs/1.PNG");
    ck_assert_int_eq(open_folders(&dataset), CNN_OK);
    tree_expect_paths(dataset, "cats/1.jpg", "cats/deep/more.JPEG", "dogs/1.PNG", NULL);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "passed over 3 names that begin with a dot, the first: \".git\""),
                      1);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "passed over 5 entries"), 1);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, ""), 2);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(links_are_followed_and_loops_end)
{
    cnn_dataset *dataset;
    tree_touch("real/photos/1.jpg");
    tree_touch("real/photos/2.jpg");
    tree_link("../real/photos", "data/cats");
    tree_link("../../real/photos/1.jpg", "data/dogs/1.jpg");
    tree_link(".", "data/dogs/self");
    tree_link("..", "data/dogs/up");
    tree_link("self", "data/dogs/self2");
    ck_assert_int_eq(cnn_dataset_open_folders(tree_context, tree_path("data"), NULL, &dataset), CNN_OK);
    tree_expect_paths(dataset, "data/cats/1.jpg", "data/cats/2.jpg", "data/dogs/1.jpg", NULL);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "leads back"), 3);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    cnn_dataset *dataset;
    char name[256] = "c";
    for (int depth = 1; depth < 16; depth++) {
        strcat(name, "/d");
    }
    size_t end = strlen(name);
    strcpy(name + end, "/1.jpg");
    tree_touch(name);
    ck_assert_int_eq(open_folders(&dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 1);
    cnn_dataset_free(dataset);
    strcpy(name + end, "/d/1.jpg");
    tree_touch(name);
    tree_expect_error(open_folders(&dataset), CNN_ERROR_LIMIT, "nested deeper than 16", "d/d/d", NULL);
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(folder_errors_name_what_is_wrong)
{
    static const char *const cats_dogs[] = {"dog", "cat"};
    cnn_dataset *dataset = NULL;
    tree_expect_error(cnn_dataset_open_folders(tree_context, tree_path("none"), NULL, &dataset), CNN_ERROR_NOT_FOUND,
                      "/none: ", NULL);
    tree_expect_error(open_folders(&dataset), CNN_ERROR_FORMAT, "found no folders", NULL);
    tree_touch("cat/1.jpg");
    tree_touch("bird/notes.txt");
    tree_expect_error(cnn_dataset_open_folders(tree_context, tree_path("cat/1.jpg"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "cat/1.jpg: ", NULL);
    tree_expect_error(open_folders(&dataset), CNN_ERROR_FORMAT, "class \"bird\" has no", NULL);
    tree_expect_error(cnn_dataset_open_folders(tree_context, tree_path(""),
                                               CNN_FILES(.classes = cats_dogs, .class_count = 2), &dataset),
                      CNN_ERROR_MISMATCH, "folder \"bird\" is none of the 2 classes", NULL);
    ck_assert_int_eq(remove(tree_path("bird/notes.txt")), 0);
    ck_assert_int_eq(remove(tree_path("bird")), 0);
    tree_expect_error(cnn_dataset_open_folders(tree_context, tree_path(""),
                                               CNN_FILES(.classes = cats_dogs, .class_count = 1), &dataset),
                      CNN_ERROR_MISMATCH, "folder \"cat\" is none of the 1 classes", NULL);
    tree_link("nowhere.jpg", "cat/2.jpg");
    tree_expect_error(open_folders(&dataset), CNN_ERROR_IO, "/cat: entry \"2.jpg\" cannot be examined", NULL);
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(control_bytes_in_names_are_escaped_in_messages)
{
    cnn_dataset *dataset;
    tree_touch("a/1.jpg");
    tree_folder("b\n\033[2J");
    tree_expect_error(open_folders(&dataset), CNN_ERROR_FORMAT, "class \"b\\x0a\\x1b[2J\"", NULL);
}
END_TEST

START_TEST(a_class_list_sets_the_order)
{
    static const char *const names[] = {"dog", "cat"}, *const twice[] = {"dog", "dog"}, *const empty[] = {"dog", ""};
    cnn_dataset *dataset;
    tree_touch("cat/1.jpg");
    tree_touch("dog/1.jpg");
    const char *path = tree_path("");
    ck_assert_int_eq(
        cnn_dataset_open_folders(tree_context, path, CNN_FILES(.classes = names, .class_count = 2), &dataset), CNN_OK);
    tree_expect_classes(dataset, "dog", "cat", NULL);
    tree_expect_paths(dataset, "dog/1.jpg", "cat/1.jpg", NULL);
    ck_assert_int_eq(cnn_dataset_label(dataset, 0), 0);
    cnn_dataset_free(dataset);
    tree_expect_error(
        cnn_dataset_open_folders(tree_context, path, CNN_FILES(.classes = twice, .class_count = 2), &dataset),
        CNN_ERROR_INVALID_ARGUMENT, "\"dog\": the name is there twice", NULL);
    tree_expect_error(
        cnn_dataset_open_folders(tree_context, path, CNN_FILES(.classes = empty, .class_count = 2), &dataset),
        CNN_ERROR_INVALID_ARGUMENT, "class 1", NULL);
    tree_expect_error(cnn_dataset_open_folders(tree_context, path, CNN_FILES(.classes = names), &dataset),
                      CNN_ERROR_INVALID_ARGUMENT, "class_count", NULL);
    tree_expect_error(cnn_dataset_open_folders(tree_context, path, CNN_FILES(.channels = 2), &dataset),
                      CNN_ERROR_INVALID_ARGUMENT, "channels: found 2", NULL);
    tree_expect_error(cnn_dataset_open_folders(tree_context, path, CNN_FILES(.part = "val"), &dataset),
                      CNN_ERROR_INVALID_ARGUMENT, "part: found \"val\"", NULL);
    tree_expect_error(cnn_dataset_open_folders(tree_context, NULL, NULL, &dataset), CNN_ERROR_INVALID_ARGUMENT,
                      "path is NULL", NULL);
    ck_assert_int_eq(cnn_dataset_open_folders(NULL, path, NULL, &dataset), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_open_folders(tree_context, path, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(flat_names_are_in_natural_order)
{
    cnn_dataset *dataset;
    tree_touch("dog.1.jpg");
    tree_touch("cat.10.jpg");
    tree_touch("cat.9.png");
    tree_touch("cat.2.jpg");
    tree_touch("cat.02.jpg");
    tree_touch("Ant.1.b.jpg");
    tree_touch("cat-x.3.jpg");
    tree_touch("readme.txt");
    tree_touch(".cat.4.jpg");
    tree_folder("sub");
    ck_assert_int_eq(open_flat(&dataset), CNN_OK);
    tree_expect_classes(dataset, "Ant", "cat", "cat-x", "dog", NULL);
    tree_expect_paths(dataset, "Ant.1.b.jpg", "cat-x.3.jpg", "cat.02.jpg", "cat.2.jpg", "cat.9.png", "cat.10.jpg",
                      "dog.1.jpg", NULL);
    ck_assert_int_eq(cnn_dataset_label(dataset, 1), 2);
    ck_assert_int_eq(cnn_dataset_label(dataset, 2), 1);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "passed over 1 names"), 1);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "passed over 2 entries"), 1);
    cnn_dataset_free(dataset);
}
END_TEST

static cnn_status open_unlabelled(cnn_dataset **dataset)
{
    return cnn_dataset_open_unlabelled(tree_context, tree_path(""), NULL, dataset);
}

START_TEST(images_without_labels_are_all_there)
{
    static const char *const names[] = {"cat", "dog"};
    cnn_dataset *dataset;
    tree_expect_error(open_unlabelled(&dataset), CNN_ERROR_FORMAT, "found no .jpg", NULL);
    tree_touch("more/3.jpg");
    tree_touch("10.jpg");
    tree_touch("2.png");
    tree_touch("notes.txt");
    tree_link("..", "more/up");
    tree_link("more", "same");
    ck_assert_int_eq(open_unlabelled(&dataset), CNN_OK);
    tree_expect_paths(dataset, "2.png", "10.jpg", "more/3.jpg", NULL);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 0);
    ck_assert_ptr_null(cnn_dataset_class_name(dataset, 0));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn_dataset_label(dataset, i), -1);
    }
    cnn_dataset_free(dataset);
    ck_assert_int_eq(cnn_dataset_open_unlabelled(tree_context, tree_path(""),
                                                 CNN_FILES(.classes = names, .class_count = 2), &dataset),
                     CNN_OK);
    ck_assert_str_eq(cnn_dataset_class_name(dataset, 1), "dog");
    ck_assert_int_eq(cnn_dataset_label(dataset, 2), -1);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(flat_errors_name_what_is_wrong)
{
    static const char *const cat[] = {"cat"};
    cnn_dataset *dataset;
    tree_expect_error(open_flat(&dataset), CNN_ERROR_FORMAT, "found no .jpg", NULL);
    tree_touch("cat.1.jpg");
    tree_touch("dog.1.jpg");
    tree_expect_error(
        cnn_dataset_open_flat(tree_context, tree_path(""), CNN_FILES(.classes = cat, .class_count = 1), &dataset),
        CNN_ERROR_MISMATCH, "\"dog.1.jpg\"", NULL);
}
END_TEST

START_TEST(natural_order)
{
    static const char *const sorted[] = {"",      "0",     "00", "1",  "2",   "10", "10a1",
                                         "10a02", "10a10", "a",  "a0", "a1b", "a2", "b"};
    ck_assert_int_lt(cnn__natural_compare("a18446744073709551616", "a18446744073709551617"), 0);
    ck_assert_int_lt(cnn__natural_compare("02", "2"), 0);
    for (size_t i = 0; i < LENGTH(sorted); i++) {
        for (size_t j = 0; j < LENGTH(sorted); j++) {
            int order = cnn__natural_compare(sorted[i], sorted[j]);
            ck_assert_msg((order < 0) == (i < j) && (order > 0) == (i > j), "\"%s\" \"%s\"", sorted[i], sorted[j]);
        }
    }
}
END_TEST

START_TEST(open_tells_the_forms_apart)
{
    cnn_dataset *dataset;
    tree_touch("flat/cat.1.jpg");
    tree_touch("folders/cat/1.jpg");
    ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path("flat"), NULL, &dataset), CNN_OK);
    tree_expect_paths(dataset, "flat/cat.1.jpg", NULL);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path("folders/"), NULL, &dataset), CNN_OK);
    tree_expect_paths(dataset, "folders/cat/1.jpg", NULL);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(open_says_what_it_found)
{
    cnn_dataset *dataset;
    tree_expect_error(open_any(&dataset), CNN_ERROR_FORMAT, "found 0 other entries", NULL);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("none"), NULL, &dataset), CNN_ERROR_NOT_FOUND, "none",
                      NULL);
    tree_touch("1.jpg");
    tree_expect_error(open_any(&dataset), CNN_ERROR_FORMAT, "found 1 images such as \"1.jpg\"", NULL);
    tree_touch("cat/1.jpg");
    tree_expect_error(open_any(&dataset), CNN_ERROR_FORMAT, "found 1 images beside 1 folders", NULL);
    tree_touch("split/train/cat/1.jpg");
    tree_touch("split/val/cat/1.jpg");
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("split"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "open one of them, as ", "split/train", NULL);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("split/"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "/split/train", NULL);
    tree_touch("other/a.csv");
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("other"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "found 1 other entries", NULL);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("other/a.csv"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "a.csv", NULL);
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(files_are_decoded_when_read)
{
    cnn_dataset *dataset;
    cnn__sample sample;
    static const uint8_t pixels[] = {10, 20, 30, 200, 100, 50};
    tree_write("a/1.png", golden_png, sizeof(golden_png));
    tree_write("b/1.jpg", golden_jpeg, sizeof(golden_jpeg));
    tree_write("b/2.jpg", golden_jpeg, sizeof(golden_jpeg) / 2);
    ck_assert_int_eq(open_any(&dataset), CNN_OK);
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert_int_eq(sample.label, 0);
    ck_assert_ptr_null(sample.floats);
    ck_assert_uint_eq(sample.width, 2);
    ck_assert_uint_eq(sample.height, 1);
    ck_assert_uint_eq(sample.channels, 3);
    ck_assert_mem_eq(sample.image->pixels, pixels, sizeof(pixels));
    cnn__sample_free(&sample);
    ck_assert_int_eq(cnn__dataset_read(dataset, 1, NULL, &sample), CNN_OK);
    ck_assert_int_eq(sample.label, 1);
    ck_assert_uint_eq(sample.channels, 3);
    ck_assert_int_le(abs(sample.image->pixels[0] - 100), 1);
    cnn__sample_free(&sample);
    cnn__sample_free(&sample); /* the second one has nothing to free */
    tree_expect_error(cnn__dataset_read(dataset, 2, NULL, &sample), CNN_ERROR_TRUNCATED, "b/2.jpg", NULL);
    ck_assert_ptr_null(sample.image);
    cnn__sample_free(&sample);
    tree_expect_error(cnn__dataset_read(dataset, 3, NULL, &sample), CNN_ERROR_INVALID_ARGUMENT, "sample 3 of 3", NULL);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path(""), CNN_FILES(.channels = 1), &dataset), CNN_OK);
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert_uint_eq(sample.channels, 1);
    ck_assert_uint_eq(sample.image->pixels[0], (10 * 19595 + 20 * 38470 + 30 * 7471 + 32768) >> 16);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(many_files_take_little_memory)
{
    enum { COUNT = 3000 };
    cnn_dataset *dataset;
    char name[64];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "%s.%d.jpg", i % 2 == 0 ? "cat" : "dog", i);
        tree_touch(name);
    }
    size_t before = tree_allocator.bytes;
    ck_assert_int_eq(open_any(&dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), COUNT);
    ck_assert_str_eq(cnn_dataset_path(dataset, COUNT / 2 - 1), tree_path("cat.2998.jpg"));
    ck_assert_str_eq(cnn_dataset_path(dataset, COUNT / 2), tree_path("dog.1.jpg"));
    /* A path, its offset and label, and what growing by half or doubling leaves unused. */
    size_t path = strlen(tree_path("cat.2998.jpg")) + 1;
    ck_assert_uint_lt(tree_allocator.bytes - before, COUNT * (path * 3 / 2 + 32) + 4096);
    ck_assert_uint_le(tree_allocator.blocks, 20);
    cnn_dataset_free(dataset);
}
END_TEST

static cnn_status open_in(cnn_context *context, cnn_dataset **dataset)
{
    return cnn_dataset_open(context, tree_path("data"), NULL, dataset);
}

START_TEST(every_allocation_may_fail)
{
    tree_touch("data/cat/1.jpg");
    tree_touch("data/dog/sub/1.jpg");
    tree_touch("data/dog/.hidden");
    ck_assert_uint_gt(tree_fail_allocations(open_in), 15);
}
END_TEST

START_TEST(every_allocation_of_a_flat_folder_may_fail)
{
    tree_touch("data/cat.1.jpg");
    tree_touch("data/dog.1.jpg");
    ck_assert_uint_gt(tree_fail_allocations(open_in), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/files");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, tree_setup, tree_teardown);
    tcase_add_test(files, folders_are_classes_in_byte_order);
    tcase_add_test(files, odd_entries_are_passed_over_with_one_message);
    tcase_add_test(files, links_are_followed_and_loops_end);
    tcase_add_test(files, nesting_has_a_limit);
    tcase_add_test(files, folder_errors_name_what_is_wrong);
    tcase_add_test(files, control_bytes_in_names_are_escaped_in_messages);
    tcase_add_test(files, a_class_list_sets_the_order);
    tcase_add_test(files, flat_names_are_in_natural_order);
    tcase_add_test(files, images_without_labels_are_all_there);
    tcase_add_test(files, flat_errors_name_what_is_wrong);
    tcase_add_test(files, natural_order);
    tcase_add_test(files, open_tells_the_forms_apart);
    tcase_add_test(files, open_says_what_it_found);
    tcase_add_test(files, files_are_decoded_when_read);
    tcase_add_test(files, many_files_take_little_memory);
    tcase_add_test(files, every_allocation_may_fail);
    tcase_add_test(files, every_allocation_of_a_flat_folder_may_fail);
    suite_add_tcase(suite, files);
    return cnn_test_run(suite);
}
