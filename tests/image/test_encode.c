/* SPDX-License-Identifier: MIT */
/* Encoding: what was written is read again; failing writers; files that appear whole or not at all. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/suite.h"
#include "image/support.h"

static cnn_context *context;
static char folder[200];

static void setup(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/cnn-test-XXXXXX", parent != NULL ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
}

static void teardown(void)
{
    cnn_context_free(context);
    rmdir(folder);
}

/* Bytes that are kept until a limit, then refused. */
typedef struct store {
    bytes data;
    size_t limit;
} store;

static cnn_status keep(void *user, const void *data, size_t size)
{
    store *s = user;
    if (s->data.size + size > s->limit) {
        return CNN_ERROR_CALLBACK;
    }
    bytes_insert(&s->data, s->data.size, data, size);
    return CNN_OK;
}

static cnn_image *pattern(uint32_t width, uint32_t height, uint32_t channels)
{
    cnn_image *image;
    ck_assert_int_eq(cnn_image_create(context, width, height, channels, &image), CNN_OK);
    pattern_pixels(cnn_image_pixels(image), width, height, channels);
    return image;
}

/* A picture that JPEG keeps well. */
static cnn_image *gradient(uint32_t width, uint32_t height, uint32_t channels)
{
    cnn_image *image = pattern(width, height, channels);
    uint8_t *pixels = cnn_image_pixels(image);
    for (size_t i = 0; i < (size_t)width * height * channels; i++) {
        size_t pixel = i / channels;
        pixels[i] = (uint8_t)(40 + pixel % width * 100 / width + pixel / width * 100 / height);
    }
    return image;
}

/* Encodes, decodes and returns the largest difference. */
static int round_trip(const cnn_image *image, const cnn_encode_options *options, size_t *size)
{
    store s = {{NULL, 0}, SIZE_MAX};
    cnn_image *again;
    ck_assert_int_eq(cnn_image_encode(image, options, keep, &s), CNN_OK);
    const uint32_t channels = cnn_image_channels(image);
    ck_assert_int_eq(cnn_image_decode(context, s.data.data, s.data.size, CNN_DECODE(.channels = channels), &again),
                     CNN_OK);
    ck_assert_uint_eq(cnn_image_width(again), cnn_image_width(image));
    ck_assert_uint_eq(cnn_image_height(again), cnn_image_height(image));
    int difference = largest_difference(cnn_image_pixels(again), cnn_image_pixels((cnn_image *)image),
                                        (size_t)cnn_image_width(image) * cnn_image_height(image) * channels);
    *size = s.data.size;
    cnn_image_free(again);
    bytes_free(&s.data);
    return difference;
}

START_TEST(png_keeps_every_bit)
{
    const uint32_t sizes[][2] = {{1, 1}, {3, 5}, {64, 1}, {1, 64}, {300, 200}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (uint32_t channels = 1; channels <= 3; channels += 2) {
            size_t size;
            cnn_image *image = pattern(sizes[i][0], sizes[i][1], channels);
            ck_assert_int_eq(round_trip(image, NULL, &size), 0);
            cnn_image_free(image);
        }
    }
}
END_TEST

START_TEST(jpeg_keeps_the_picture)
{
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        size_t best_size, default_size, worst_size, size90;
        cnn_image *image = gradient(301, 203, channels);
        int best = round_trip(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG, .quality = 100), &best_size);
        int usual = round_trip(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG), &default_size);
        round_trip(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG, .quality = 90), &size90);
        round_trip(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG, .quality = 1), &worst_size);
        ck_assert_int_le(best, 3);
        ck_assert_int_le(usual, 8);
        ck_assert_uint_gt(best_size, default_size);
        ck_assert_uint_gt(default_size, worst_size);
        ck_assert_uint_eq(default_size, size90);
        cnn_image_free(image);
    }
}
END_TEST

START_TEST(a_failing_writer_ends_the_call)
{
    const int formats[] = {CNN_IMAGE_JPEG, CNN_IMAGE_PNG};
    cnn_image *image = pattern(200, 150, 3);
    for (size_t f = 0; f < COUNT(formats); f++) {
        const cnn_encode_options *options = CNN_ENCODE(.format = formats[f]);
        store whole = {{NULL, 0}, SIZE_MAX};
        ck_assert_int_eq(cnn_image_encode(image, options, keep, &whole), CNN_OK);
        ck_assert_uint_gt(whole.data.size, 20000);
        for (size_t limit = 0; limit < whole.data.size; limit += 1 + whole.data.size / 7) {
            store s = {{NULL, 0}, limit};
            check_failed(context, cnn_image_encode(image, options, keep, &s), CNN_ERROR_CALLBACK,
                         "write function returned 41: a callback failed");
            ck_assert_uint_le(s.data.size, limit);
            ck_assert(s.data.size == 0 || memcmp(s.data.data, whole.data.data, s.data.size) == 0);
            bytes_free(&s.data);
        }
        store exact = {{NULL, 0}, whole.data.size};
        ck_assert_int_eq(cnn_image_encode(image, options, keep, &exact), CNN_OK);
        bytes_free(&exact.data);
        bytes_free(&whole.data);
    }
    cnn_image_free(image);
}
END_TEST

static size_t entries(void)
{
    size_t count = 0;
    DIR *stream = opendir(folder);
    ck_assert_ptr_nonnull(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(stream);
    return count;
}

START_TEST(the_name_chooses_the_format)
{
    const struct {
        const char *name;
        int given, format;
    } cases[] = {{"a.png", 0, CNN_IMAGE_PNG}, {"a.jpg", 0, CNN_IMAGE_JPEG}, {"a.JPEG", 0, CNN_IMAGE_JPEG},
                 {"a", 0, CNN_IMAGE_PNG},     {"a.tiff", 0, CNN_IMAGE_PNG}, {"a.png", CNN_IMAGE_JPEG, CNN_IMAGE_JPEG},
                 {"jpg", 0, CNN_IMAGE_PNG},   {"a.jfif", 0, CNN_IMAGE_JPEG}};
    cnn_image *image = pattern(20, 10, 3);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[300];
        cnn_image_info info = CNN_IMAGE_INFO_INIT;
        snprintf(path, sizeof(path), "%s/%s", folder, cases[i].name);
        ck_assert_int_eq(cnn_image_save(image, path, CNN_ENCODE(.format = cases[i].given)), CNN_OK);
        ck_assert_int_eq(cnn_image_probe(context, path, &info), CNN_OK);
        ck_assert_int_eq(info.format, cases[i].format);
        ck_assert_uint_eq(entries(), 1);
        unlink(path);
    }
    cnn_image_free(image);
}
END_TEST

START_TEST(a_failed_save_leaves_nothing)
{
    char path[300];
    cnn_image *image = pattern(20, 10, 3);
    snprintf(path, sizeof(path), "%s/not/there.png", folder);
    ck_assert_int_ne(cnn_image_save(image, path, NULL), CNN_OK);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), path));
    /* Where a folder is, no file can be put. */
    snprintf(path, sizeof(path), "%s/folder.png", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    check_failed(context, cnn_image_save(image, path, NULL), CNN_ERROR_IO, path);
    ck_assert_uint_eq(entries(), 1);
    rmdir(path);
    cnn_image_free(image);
}
END_TEST

START_TEST(arguments_are_checked)
{
    store s = {{NULL, 0}, SIZE_MAX};
    cnn_image *image = pattern(2, 2, 1);
    check_failed(context, cnn_image_encode(image, CNN_ENCODE(.format = 99), keep, &s), CNN_ERROR_INVALID_ARGUMENT,
                 "format 99");
    check_failed(context, cnn_image_encode(image, CNN_ENCODE(.format = CNN_IMAGE_BMP), keep, &s),
                 CNN_ERROR_INVALID_ARGUMENT, "format 3 (BMP) for writing");
    check_failed(context, cnn_image_encode(image, CNN_ENCODE(.quality = 101), keep, &s), CNN_ERROR_INVALID_ARGUMENT,
                 "quality is 101");
    check_failed(context, cnn_image_encode(image, NULL, NULL, &s), CNN_ERROR_INVALID_ARGUMENT, "NULL");
    check_failed(context, cnn_image_save(image, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_int_eq(cnn_image_save(NULL, "x.png", NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_image_free(image);
    /* Arrays have more channels, files do not. */
    ck_assert_int_eq(cnn_image_create(context, 2, 2, 5, &image), CNN_OK);
    for (int format = CNN_IMAGE_JPEG; format <= CNN_IMAGE_PNG; format++) {
        check_failed(context, cnn_image_encode(image, CNN_ENCODE(.format = format), keep, &s), CNN_ERROR_UNSUPPORTED,
                     "5 channels cannot be written");
    }
    ck_assert_uint_eq(s.data.size, 0);
    cnn_image_free(image);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encode");
    TCase *tests = tcase_create("encode");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, png_keeps_every_bit);
    tcase_add_test(tests, jpeg_keeps_the_picture);
    tcase_add_test(tests, a_failing_writer_ends_the_call);
    tcase_add_test(tests, the_name_chooses_the_format);
    tcase_add_test(tests, a_failed_save_leaves_nothing);
    tcase_add_test(tests, arguments_are_checked);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
