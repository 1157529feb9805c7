/* SPDX-License-Identifier: MIT */
/* IDX files: every field, every prefix, gzip, and the pair of a folder. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/suite.h"
#include "dataset/idx.h"
#include "dataset/tree.h"

#define FASHION "/usr/share/datasets/fashion-mnist"

/* Three images of 2 x 2 pixels, and their labels. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 1};

/* Compresses into gzip form; the size is returned. */
static size_t gzip(const void *data, size_t size, uint8_t *out, size_t capacity)
{
    z_stream stream = {0};
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)capacity;
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return capacity - stream.avail_out;
}

/* Parses a copy that ends where its block ends, so that reading on is seen. */
static cnn_status parse(const void *data, size_t size, cnn__idx_kind kind, cnn__idx *idx, uint8_t **copy)
{
    *copy = malloc(size > 0 ? size : 1);
    memcpy(*copy, data, size);
    return cnn__idx_parse(tree_context, "file", *copy, size, kind, idx);
}

static void expect_parse_error(const void *data, size_t size, cnn__idx_kind kind, cnn_status expected, const char *text)
{
    cnn__idx idx;
    uint8_t *copy;
    cnn_status status = parse(data, size, kind, &idx, &copy);
    free(copy);
    tree_expect_error(status, expected, "file: ", text, NULL);
    ck_assert_ptr_null(idx.values);
}

/* The images with one byte changed. */
static void expect_byte_error(size_t offset, uint8_t value, cnn_status expected, const char *text)
{
    uint8_t changed[sizeof(images)];
    memcpy(changed, images, sizeof(images));
    changed[offset] = value;
    expect_parse_error(changed, sizeof(changed), CNN__IDX_IMAGES, expected, text);
}

START_TEST(every_field_is_checked)
{
    expect_parse_error("", 0, CNN__IDX_IMAGES, CNN_ERROR_TRUNCATED, "header at offset 0: found 0 bytes, expected 4");
    expect_byte_error(0, 0x89, CNN_ERROR_FORMAT, "magic at offset 0: found 89 00, expected 00 00");
    expect_byte_error(2, 0x0d, CNN_ERROR_MISMATCH,
                      "type at offset 2: found 0x0d (float), expected 0x08 (unsigned byte)");
    expect_byte_error(2, 0xff, CNN_ERROR_MISMATCH, "0xff (unknown)");
    expect_byte_error(3, 1, CNN_ERROR_MISMATCH, "rank at offset 3: found 1, expected 3 or 4");
    expect_byte_error(3, 255, CNN_ERROR_MISMATCH, "rank at offset 3: found 255, expected 3 or 4");
    expect_parse_error(images, sizeof(images), CNN__IDX_LABELS, CNN_ERROR_MISMATCH,
                       "rank at offset 3: found 3, expected 1");
    expect_byte_error(11, 0, CNN_ERROR_FORMAT, "sizes at offset 4: found 3 x 0 x 2, expected none to be 0");
    expect_byte_error(7, 4, CNN_ERROR_TRUNCATED, "values at offset 16: found 12 bytes, expected 16");
    expect_byte_error(7, 2, CNN_ERROR_FORMAT, "end at offset 24: found more data");
    expect_byte_error(4, 0x80, CNN_ERROR_LIMIT, "= 8589934604 bytes, limit 4294967295");
}
END_TEST

START_TEST(sizes_that_wrap_are_refused)
{
    uint8_t huge[16 + 4] = {0, 0, 8, 3};
    memset(huge + 4, 0xff, 12);
    expect_parse_error(huge, 20, CNN__IDX_IMAGES, CNN_ERROR_LIMIT,
                       "found 4294967295 x 4294967295 x 4294967295: the size overflows");
    /* 2^22 x 2^21 x 2^21 = 2^64 would be 0. */
    static const uint8_t wraps[20] = {0, 0, 8, 3, 0, 0x40, 0, 0, 0, 0x20, 0, 0, 0, 0x20, 0, 0};
    expect_parse_error(wraps, 20, CNN__IDX_IMAGES, CNN_ERROR_LIMIT, "the size overflows");
}
END_TEST

START_TEST(every_prefix_is_an_error)
{
    uint8_t packed[256];
    size_t size = gzip(images, sizeof(images), packed, sizeof(packed));
    cnn__idx idx;
    uint8_t *copy;
    for (size_t end = 0; end < sizeof(images); end++) {
        expect_parse_error(images, end, CNN__IDX_IMAGES, CNN_ERROR_TRUNCATED, "found ");
    }
    for (size_t end = 0; end < size; end++) {
        expect_parse_error(packed, end, CNN__IDX_IMAGES, CNN_ERROR_TRUNCATED, "found ");
    }
    ck_assert_int_eq(parse(packed, size, CNN__IDX_IMAGES, &idx, &copy), CNN_OK);
    ck_assert_mem_eq(idx.values, images + 16, 12);
    ck_assert_uint_eq(idx.rank, 3);
    ck_assert_uint_eq(idx.dims[0], 3);
    cnn__idx_free(tree_context, &idx);
    free(copy);
    ck_assert_int_eq(parse(images, sizeof(images), CNN__IDX_IMAGES, &idx, &copy), CNN_OK);
    ck_assert_ptr_null(idx.block);
    ck_assert_ptr_eq(idx.values, copy + 16);
    free(copy);
}
END_TEST

START_TEST(damaged_gzip_data_is_an_error)
{
    uint8_t packed[512];
    size_t size = gzip(images, sizeof(images), packed, sizeof(packed));
    cnn__idx idx;
    uint8_t *copy;
    /* Any bit behind the header may turn: only those that fill up the last byte of the data do not matter. */
    for (size_t i = 10; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            packed[i] ^= (uint8_t)(1 << bit);
            cnn_status status = parse(packed, size, CNN__IDX_IMAGES, &idx, &copy);
            ck_assert_msg(status != CNN_OK || i == size - 9, "byte %zu bit %d", i, bit);
            ck_assert(status != CNN_ERROR_OUT_OF_MEMORY && status != CNN_ERROR_INTERNAL);
            ck_assert(status != CNN_OK || memcmp(idx.values, images + 16, 12) == 0);
            cnn__idx_free(tree_context, &idx);
            packed[i] ^= (uint8_t)(1 << bit);
            free(copy);
        }
    }
    packed[size - 8] ^= 1; /* the checksum */
    expect_parse_error(packed, size, CNN__IDX_IMAGES, CNN_ERROR_FORMAT, "found incorrect data check");
    packed[size - 8] ^= 1;
    packed[size] = 'x';
    expect_parse_error(packed, size + 1, CNN__IDX_IMAGES, CNN_ERROR_FORMAT, "found 1 further bytes");
}
END_TEST

START_TEST(gzip_members_follow_one_another)
{
    uint8_t packed[512];
    size_t size = gzip(images, 9, packed, sizeof(packed));
    size += gzip(images + 9, sizeof(images) - 9, packed + size, sizeof(packed) - size);
    cnn__idx idx;
    uint8_t *copy;
    ck_assert_int_eq(parse(packed, size, CNN__IDX_IMAGES, &idx, &copy), CNN_OK);
    ck_assert_mem_eq(idx.values, images + 16, 12);
    cnn__idx_free(tree_context, &idx);
    free(copy);
    size += gzip("more", 4, packed + size, sizeof(packed) - size);
    expect_parse_error(packed, size, CNN__IDX_IMAGES, CNN_ERROR_FORMAT, "end at offset 28: found more data");
}
END_TEST

START_TEST(memory_is_not_asked_for_before_it_is_plausible)
{
    /* A gzip file of some dozen bytes that promises 4 GB less one. */
    static const uint8_t promise[] = {0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff};
    uint8_t packed[256];
    size_t size = gzip(promise, sizeof(promise), packed, sizeof(packed));
    expect_parse_error(packed, size, CNN__IDX_LABELS, CNN_ERROR_TRUNCATED, "found at most ");
    ck_assert_uint_lt(tree_allocator.bytes, 1 << 20);
}
END_TEST

START_TEST(the_best_compression_is_not_mistaken_for_a_lie)
{
    enum { COUNT = 4000000 };
    uint8_t *zeros = calloc(1, COUNT + 8), *packed = malloc(1 << 16);
    static const uint8_t header[] = {0, 0, 8, 1, 0x00, 0x3d, 0x09, 0x00};
    memcpy(zeros, header, sizeof(header));
    size_t size = gzip(zeros, COUNT + 8, packed, 1 << 16);
    cnn__idx idx;
    ck_assert_uint_lt(size, COUNT / 1000);
    ck_assert_int_eq(cnn__idx_parse(tree_context, "zeros", packed, size, CNN__IDX_LABELS, &idx), CNN_OK);
    ck_assert_uint_eq(idx.size, COUNT);
    cnn__idx_free(tree_context, &idx);
    free(zeros);
    free(packed);
}
END_TEST

static cnn_status open_pair(const cnn_files_options *options, cnn_dataset **dataset)
{
    return cnn_dataset_open_idx(tree_context, tree_path("images"), tree_path("labels"), options, dataset);
}

START_TEST(a_pair_is_a_dataset)
{
    cnn_dataset *dataset;
    cnn__sample sample;
    tree_write("images", images, sizeof(images));
    tree_write("labels", labels, sizeof(labels));
    ck_assert_int_eq(open_pair(NULL, &dataset), CNN_OK);
    tree_expect_classes(dataset, "0", "1", "2", NULL);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 3);
    ck_assert_int_eq(cnn_dataset_label(dataset, 0), 2);
    ck_assert_int_eq(cnn_dataset_label(dataset, 2), 1);
    ck_assert_ptr_null(cnn_dataset_path(dataset, 0));
    cnn_shape shape = cnn_dataset_shape(dataset);
    ck_assert(shape.rank == 3 && shape.dims[0] == 2 && shape.dims[1] == 2 && shape.dims[2] == 1);
    ck_assert_int_eq(cnn__dataset_read(dataset, 1, NULL, &sample), CNN_OK);
    ck_assert_int_eq(sample.label, 0);
    ck_assert(sample.height == 2 && sample.width == 2 && sample.channels == 1);
    ck_assert_mem_eq(sample.image->pixels, images + 20, 4);
    ck_assert_ptr_null(sample.owned);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_pair(CNN_FILES(.channels = 3), &dataset), CNN_OK);
    ck_assert_int_eq((int)cnn_dataset_shape(dataset).dims[2], 3);
    ck_assert_int_eq(cnn__dataset_read(dataset, 2, NULL, &sample), CNN_OK);
    static const uint8_t rgb[] = {9, 9, 9, 10, 10, 10, 11, 11, 11, 255, 255, 255};
    ck_assert_uint_eq(sample.channels, 3);
    ck_assert_mem_eq(sample.image->pixels, rgb, sizeof(rgb));
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(pairs_that_do_not_fit)
{
    static const char *const two[] = {"a", "b"};
    static const uint8_t fewer[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0};
    static const uint8_t wide[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0x80, 1, 0, 0, 0, 1};
    static const uint8_t four[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 7};
    uint8_t *large = calloc(1, sizeof(wide) + 0x8001);
    cnn_dataset *dataset;
    memcpy(large, wide, sizeof(wide));
    tree_write("images", images, sizeof(images));
    tree_expect_error(open_pair(NULL, &dataset), CNN_ERROR_NOT_FOUND, "/labels: ", NULL);
    tree_write("labels", fewer, sizeof(fewer));
    tree_expect_error(open_pair(NULL, &dataset), CNN_ERROR_MISMATCH, "/images: 3 images, but ", "/labels: 2 labels",
                      NULL);
    tree_write("labels", labels, sizeof(labels));
    tree_expect_error(open_pair(CNN_FILES(.classes = two, .class_count = 2), &dataset), CNN_ERROR_MISMATCH,
                      "/labels: label 0 at offset 8: found 2, expected below 2", NULL);
    tree_write("images", large, sizeof(wide) + 0x8001);
    tree_expect_error(open_pair(NULL, &dataset), CNN_ERROR_LIMIT, "32769 x 1, limit 32768 a side", NULL);
    tree_write("images", four, sizeof(four));
    tree_expect_error(open_pair(NULL, &dataset), CNN_ERROR_MISMATCH, "channels at offset 16: found 2, expected 1 or 3",
                      NULL);
    tree_expect_error(cnn_dataset_open_idx(tree_context, "x", NULL, NULL, &dataset), CNN_ERROR_INVALID_ARGUMENT,
                      "labels_path is NULL", NULL);
    ck_assert_ptr_null(dataset);
    free(large);
}
END_TEST

START_TEST(colour_images_have_rank_four)
{
    static const uint8_t colour[] = {0, 0, 8, 4, 0, 0, 0, 3, 0, 0, 0, 1,   0,   0,  0,
                                     1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 100, 150, 200};
    cnn_dataset *dataset;
    cnn__sample sample;
    tree_write("images", colour, sizeof(colour));
    tree_write("labels", labels, sizeof(labels));
    ck_assert_int_eq(open_pair(NULL, &dataset), CNN_OK);
    ck_assert_int_eq(cnn__dataset_read(dataset, 2, NULL, &sample), CNN_OK);
    ck_assert_uint_eq(sample.channels, 3);
    ck_assert_mem_eq(sample.image->pixels, colour + 26, 3);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_pair(CNN_FILES(.channels = 1), &dataset), CNN_OK);
    ck_assert_int_eq(cnn__dataset_read(dataset, 2, NULL, &sample), CNN_OK);
    ck_assert_uint_eq(sample.channels, 1);
    ck_assert_uint_eq(sample.image->pixels[0], 141); /* as Pillow's convert("L") */
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

static cnn_status open_folder(const char *name, const char *part, cnn_dataset **dataset)
{
    return cnn_dataset_open(tree_context, tree_path(name), CNN_FILES(.part = part), dataset);
}

START_TEST(a_folder_has_two_parts)
{
    uint8_t packed[256];
    size_t size = gzip(images, sizeof(images), packed, sizeof(packed));
    cnn_dataset *dataset;
    tree_write("fashion-mnist/train-images-idx3-ubyte.gz", packed, size);
    tree_write("fashion-mnist/train-labels-idx1-ubyte", labels, sizeof(labels));
    ck_assert_int_eq(open_folder("fashion-mnist", NULL, &dataset), CNN_OK);
    tree_expect_classes(dataset, "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
                        "Bag", "Ankle boot", NULL);
    ck_assert_uint_eq(cnn_dataset_count(dataset), 3);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(open_folder("fashion-mnist//", "train", &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 10);
    cnn_dataset_free(dataset);
    tree_link("fashion-mnist", "data");
    ck_assert_int_eq(open_folder("data", "train", &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 10);
    cnn_dataset_free(dataset);
    tree_expect_error(open_folder("data", "test", &dataset), CNN_ERROR_NOT_FOUND,
                      "images of part \"test\": found none, expected t10k-images-idx3-ubyte", NULL);
    tree_write("fashion-mnist/t10k-images.idx3-ubyte", images, sizeof(images));
    tree_write("fashion-mnist/t10k-labels.idx1-ubyte", labels, sizeof(labels));
    ck_assert_int_eq(open_folder("data", "test", &dataset), CNN_OK);
    cnn_dataset_free(dataset);
    /* A compressed file and what it holds are the same thing; two different files are not. */
    tree_write("fashion-mnist/train-images-idx3-ubyte", images, sizeof(images));
    ck_assert_int_eq(open_folder("data", "train", &dataset), CNN_OK);
    cnn_dataset_free(dataset);
    tree_write("fashion-mnist/small-train-images-idx3-ubyte", images, sizeof(images));
    tree_expect_error(open_folder("data", "train", &dataset), CNN_ERROR_FORMAT, "small-train-images",
                      "expected one file", NULL);
}
END_TEST

START_TEST(names_are_the_article_s_only_where_the_folder_says_so)
{
    static const uint8_t eleven[] = {0, 0, 8, 1, 0, 0, 0, 3, 10, 0, 1};
    cnn_dataset *dataset;
    tree_write("mnist/train-images-idx3-ubyte", images, sizeof(images));
    tree_write("mnist/train-labels-idx1-ubyte", labels, sizeof(labels));
    ck_assert_int_eq(open_folder("mnist", NULL, &dataset), CNN_OK);
    tree_expect_classes(dataset, "0", "1", "2", NULL);
    cnn_dataset_free(dataset);
    tree_write("fashion-mnist/train-images-idx3-ubyte", images, sizeof(images));
    tree_write("fashion-mnist/train-labels-idx1-ubyte", eleven, sizeof(eleven));
    ck_assert_int_eq(open_folder("fashion-mnist", NULL, &dataset), CNN_OK);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 11);
    ck_assert_str_eq(cnn_dataset_class_name(dataset, 10), "10");
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(fashion_mnist)
{
    static const size_t counts[] = {60000, 10000};
    static const char *const parts[] = {"train", "test"};
    if (access(FASHION, R_OK) != 0) {
        printf("skipped: %s is not there\n", FASHION);
        return;
    }
    for (int p = 0; p < 2; p++) {
        cnn_dataset *dataset;
        cnn__sample sample;
        size_t per_class[10] = {0};
        ck_assert_int_eq(cnn_dataset_open(tree_context, FASHION, CNN_FILES(.part = parts[p]), &dataset), CNN_OK);
        ck_assert_uint_eq(cnn_dataset_count(dataset), counts[p]);
        ck_assert_str_eq(cnn_dataset_class_name(dataset, 9), "Ankle boot");
        for (size_t i = 0; i < counts[p]; i++) {
            per_class[cnn_dataset_label(dataset, i)]++;
        }
        for (int c = 0; c < 10; c++) {
            ck_assert_uint_eq(per_class[c], counts[p] / 10);
        }
        ck_assert_int_eq(cnn__dataset_read(dataset, counts[p] - 1, NULL, &sample), CNN_OK);
        ck_assert(sample.width == 28 && sample.height == 28 && sample.channels == 1);
        cnn__sample_free(&sample);
        /* Both parts begin with an ankle boot. */
        ck_assert_int_eq(cnn_dataset_label(dataset, 0), 9);
        cnn_dataset_free(dataset);
    }
}
END_TEST

static cnn_status open_in(cnn_context *context, cnn_dataset **dataset)
{
    return cnn_dataset_open(context, tree_path("data"), NULL, dataset);
}

START_TEST(every_allocation_may_fail)
{
    uint8_t packed[256];
    size_t size = gzip(images, sizeof(images), packed, sizeof(packed));
    tree_write("data/train-images-idx3-ubyte.gz", packed, size);
    tree_write("data/train-labels-idx1-ubyte", labels, sizeof(labels));
    ck_assert_uint_gt(tree_fail_allocations(open_in), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/idx");
    TCase *idx = tcase_create("idx");
    tcase_set_timeout(idx, 60);
    tcase_add_checked_fixture(idx, tree_setup, tree_teardown);
    tcase_add_test(idx, every_field_is_checked);
    tcase_add_test(idx, sizes_that_wrap_are_refused);
    tcase_add_test(idx, every_prefix_is_an_error);
    tcase_add_test(idx, damaged_gzip_data_is_an_error);
    tcase_add_test(idx, gzip_members_follow_one_another);
    tcase_add_test(idx, memory_is_not_asked_for_before_it_is_plausible);
    tcase_add_test(idx, the_best_compression_is_not_mistaken_for_a_lie);
    tcase_add_test(idx, a_pair_is_a_dataset);
    tcase_add_test(idx, pairs_that_do_not_fit);
    tcase_add_test(idx, colour_images_have_rank_four);
    tcase_add_test(idx, a_folder_has_two_parts);
    tcase_add_test(idx, names_are_the_article_s_only_where_the_folder_says_so);
    tcase_add_test(idx, fashion_mnist);
    tcase_add_test(idx, every_allocation_may_fail);
    suite_add_tcase(suite, idx);
    return cnn_test_run(suite);
}
