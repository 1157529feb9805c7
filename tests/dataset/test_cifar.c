/* SPDX-License-Identifier: MIT */
/* CIFAR-10's and CIFAR-100's binary files. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "dataset/cifar.h"
#include "dataset/tree.h"

/* Bytes of a record of CIFAR-10. */
#define RECORD (CNN__CIFAR_PIXELS + 1)
#define NAMES "a\nb\r\nc\nd\n\ne\nf\ng\nh\ni\nj"

/* Byte `position` of record `number`: the label, then planes of red, green and blue. */
static uint8_t byte_of(size_t number, size_t position)
{
    return position == 0 ? (uint8_t)(number % 10) : (uint8_t)(position * 7 + number * 13 + (position - 1) / 1024 * 31);
}

static void write_batch(const char *name, size_t first, size_t count, size_t size)
{
    uint8_t *bytes = malloc(count * RECORD);
    for (size_t i = 0; i < count * RECORD; i++) {
        bytes[i] = byte_of(first + i / RECORD, i % RECORD);
    }
    tree_write(name, bytes, size);
    free(bytes);
}

static cnn_status open_part(const char *part, cnn_dataset **dataset)
{
    return cnn_dataset_open_cifar(tree_context, tree_path("cifar"), CNN_FILES(.part = part), dataset);
}

START_TEST(planes_become_pixels)
{
    cnn_dataset *dataset;
    cnn__sample sample;
    write_batch("cifar/data_batch_1.bin", 0, 2, 2 * RECORD);
    write_batch("cifar/data_batch_10.bin", 3, 1, RECORD);
    write_batch("cifar/data_batch_2.bin", 2, 1, RECORD);
    write_batch("cifar/test_batch.bin", 4, 1, RECORD);
    tree_touch("cifar/readme.html");
    ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path("cifar"), NULL, &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 4);
    tree_expect_classes(dataset, "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                        "truck", NULL);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(cnn_dataset_label(dataset, i), (int32_t)i);
        ck_assert_int_eq(cnn__dataset_read(dataset, i, NULL, &sample), CNN_OK);
        ck_assert(sample.height == 32 && sample.width == 32 && sample.channels == 3);
        for (size_t p = 0; p < 1024; p++) {
            for (size_t c = 0; c < 3; c++) {
                ck_assert_uint_eq(sample.image->pixels[3 * p + c], byte_of(i, 1 + c * 1024 + p));
            }
        }
        cnn__sample_free(&sample);
    }
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_part("test", &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 1);
    ck_assert_int_eq(cnn_dataset_label(dataset, 0), 4);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(names_come_from_their_file)
{
    static const char *const three[] = {"x", "y", "z"};
    cnn_dataset *dataset;
    write_batch("cifar/test_batch.bin", 2, 1, RECORD);
    tree_write("cifar/batches.meta.txt", NAMES, sizeof(NAMES) - 1);
    ck_assert_int_eq(open_part("test", &dataset), CNN_OK);
    tree_expect_classes(dataset, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", NULL);
    cnn_dataset_free(dataset);
    tree_write("cifar/batches.meta.txt", NAMES, sizeof(NAMES) - 3);
    tree_expect_error(open_part("test", &dataset), CNN_ERROR_FORMAT, "batches.meta.txt: found 9 class names", NULL);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(remove(tree_path("cifar/batches.meta.txt")), 0);
    const char *path = tree_path("cifar");
    ck_assert_int_eq(cnn_dataset_open_cifar(tree_context, path,
                                            CNN_FILES(.part = "test", .classes = three, .class_count = 3), &dataset),
                     CNN_OK);
    tree_expect_classes(dataset, "x", "y", "z", NULL);
    cnn_dataset_free(dataset);
    tree_expect_error(cnn_dataset_open_cifar(tree_context, path,
                                             CNN_FILES(.part = "test", .classes = three, .class_count = 2), &dataset),
                      CNN_ERROR_MISMATCH, "sample 0: found label 2, expected below 2", NULL);
}
END_TEST

START_TEST(bad_files_are_named)
{
    cnn_dataset *dataset;
    tree_folder("cifar");
    tree_expect_error(open_part("train", &dataset), CNN_ERROR_NOT_FOUND, "expected data_batch_*.bin", NULL);
    write_batch("cifar/data_batch_1.bin", 0, 3, 3 * RECORD - 1);
    tree_expect_error(open_part("test", &dataset), CNN_ERROR_NOT_FOUND, "expected test_batch.bin", NULL);
    tree_expect_error(open_part("train", &dataset), CNN_ERROR_TRUNCATED,
                      "data_batch_1.bin: record 2 at offset 6146: found 9218 bytes, expected a multiple of 3073", NULL);
    tree_touch("cifar/data_batch_1.bin");
    tree_expect_error(open_part("train", &dataset), CNN_ERROR_TRUNCATED, "found 0 bytes", NULL);
    uint8_t records[2 * RECORD] = {0};
    records[RECORD] = 10;
    tree_write("cifar/data_batch_1.bin", records, sizeof(records));
    tree_expect_error(open_part("train", &dataset), CNN_ERROR_FORMAT,
                      "data_batch_1.bin: record 1 at offset 3073: found label 10, expected below 10", NULL);
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(names_of_files)
{
    const cnn__cifar_set *ten = &cnn__cifar_sets[0], *hundred = &cnn__cifar_sets[1];
    ck_assert(cnn__cifar_is_file(ten, "data_batch_1.bin", "train"));
    ck_assert(!cnn__cifar_is_file(ten, "data_batch_1.bin", "test"));
    ck_assert(cnn__cifar_is_file(ten, "test_batch.bin", "test"));
    ck_assert(cnn__cifar_is_file(ten, "test_batch.bin", NULL));
    ck_assert(cnn__cifar_is_file(hundred, "train.bin", "train"));
    ck_assert(cnn__cifar_is_file(hundred, "test.bin", NULL));
    ck_assert(!cnn__cifar_is_file(hundred, "test.bin", "train"));
    static const char *const others[] = {"data_batch_1",        "data_batch_.bin", "data_batch_x.bin",
                                         "data_batch_1.bin.gz", "data_batch_1bin", "",
                                         "test_batch",          "train",           "train.bin2"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_msg(!cnn__cifar_is_file(ten, others[i], NULL), "%s", others[i]);
        ck_assert_msg(!cnn__cifar_is_file(hundred, others[i], NULL), "%s", others[i]);
    }
}
END_TEST

/* Two records of CIFAR-100: superclass, class, pixels. */
static void write_hundred(const char *name, uint8_t superclass, uint8_t class)
{
    uint8_t *bytes = calloc(2, CNN__CIFAR_PIXELS + 2);
    bytes[0] = 3;
    bytes[1] = 99;
    bytes[2] = 200;
    bytes[CNN__CIFAR_PIXELS + 2] = superclass;
    bytes[CNN__CIFAR_PIXELS + 3] = class;
    tree_write(name, bytes, 2 * (CNN__CIFAR_PIXELS + 2));
    free(bytes);
}

static cnn_status open_hundred(const char *part, const char *prefix, cnn_dataset **dataset)
{
    return cnn_dataset_open(tree_context, tree_path("cifar"), CNN_FILES(.part = part, .prefix = prefix), dataset);
}

static void expect_label(cnn_dataset *dataset, size_t index, int32_t label, const char *name)
{
    ck_assert_int_eq(cnn_dataset_label(dataset, index), label);
    ck_assert_str_eq(cnn_dataset_class_name(dataset, (size_t)label), name);
}

START_TEST(fine_and_coarse_labels)
{
    cnn_dataset *dataset;
    cnn__sample sample;
    write_hundred("cifar/train.bin", 19, 1);
    write_hundred("cifar/test.bin", 0, 4);
    ck_assert_int_eq(open_hundred(NULL, NULL, &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 100);
    expect_label(dataset, 0, 99, "worm");
    expect_label(dataset, 1, 1, "aquarium_fish");
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert_uint_eq(sample.image->pixels[0], 200);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_hundred("train", "coarse", &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 20);
    expect_label(dataset, 0, 3, "food_containers");
    expect_label(dataset, 1, 19, "vehicles_2");
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_hundred("test", "fine", &dataset), CNN_OK);
    expect_label(dataset, 1, 4, "beaver");
    cnn_dataset_free(dataset);
    tree_expect_error(open_hundred("test", "middle", &dataset), CNN_ERROR_NOT_FOUND,
                      "prefix \"middle\": found no such labels, expected fine or coarse", NULL);
    write_hundred("cifar/test.bin", 20, 100);
    tree_expect_error(open_hundred("test", "coarse", &dataset), CNN_ERROR_FORMAT,
                      "record 1 at offset 3074: found label 20, expected below 20", NULL);
    tree_expect_error(open_hundred("test", NULL, &dataset), CNN_ERROR_FORMAT, "found label 100, expected below 100",
                      NULL);
    tree_write("cifar/test.bin", "short", 5);
    tree_expect_error(open_hundred("test", NULL, &dataset), CNN_ERROR_TRUNCATED, "expected a multiple of 3074", NULL);
}
END_TEST

static cnn_status open_in(cnn_context *context, cnn_dataset **dataset)
{
    return cnn_dataset_open(context, tree_path("data"), NULL, dataset);
}

START_TEST(every_allocation_may_fail)
{
    write_batch("data/data_batch_1.bin", 0, 1, RECORD);
    tree_write("data/batches.meta.txt", NAMES, sizeof(NAMES) - 1);
    ck_assert_uint_gt(tree_fail_allocations(open_in), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/cifar");
    TCase *cifar = tcase_create("cifar");
    tcase_add_checked_fixture(cifar, tree_setup, tree_teardown);
    tcase_add_test(cifar, planes_become_pixels);
    tcase_add_test(cifar, names_come_from_their_file);
    tcase_add_test(cifar, bad_files_are_named);
    tcase_add_test(cifar, names_of_files);
    tcase_add_test(cifar, fine_and_coarse_labels);
    tcase_add_test(cifar, every_allocation_may_fail);
    suite_add_tcase(suite, cifar);
    return cnn_test_run(suite);
}
