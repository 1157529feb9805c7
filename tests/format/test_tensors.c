/* SPDX-License-Identifier: MIT */
/* Tensors of other types and of other programs, many of them, and that writer and reader agree. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "format/model_file.h"

static cnn_context *context;
static cnn_model *model;
static char path[512];

static void setup(void)
{
    test_path(path, sizeof(path), "tensors.cnn");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "m", .input = {4}), &model), CNN_OK);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "d", .units = 1, .no_bias = 1)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
}

static void teardown(void)
{
    cnn_model_free(model);
    cnn_context_free(context);
    unlink(path);
}

static void put_file(const char *header, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    const uint64_t length = strlen(header);
    ck_assert_ptr_nonnull(file);
    fwrite(&length, 1, sizeof(length), file);
    fwrite(header, 1, length, file);
    fwrite(data, 1, size, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void put_kernel(const char *type, const void *data, size_t size)
{
    char header[200];
    snprintf(header, sizeof(header), "{\"d/kernel\":{\"dtype\":\"%s\",\"shape\":[4,1],\"data_offsets\":[0,%zu]}}", type,
             size);
    put_file(header, data, size);
}

static void check_kernel(float a, float b, float c, float d)
{
    const float expected[] = {a, b, c, d};
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    ck_assert_msg(cnn_model_load_weights(model, path, NULL) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_model_find_parameter(model, "d/kernel", &kernel), CNN_OK);
    ck_assert_mem_eq(kernel.value.data, expected, sizeof(expected));
}

START_TEST(test_types)
{
    static const uint16_t half[] = {0x3c00, 0xc500, 0x0001, 0x7bff}, half_more[] = {0x8000, 0x7c00, 0x03ff, 0x0400};
    static const uint16_t brain[] = {0x3f80, 0xc0a0, 0x0001, 0x7f80};
    static const double wide[] = {1, -0.1, 1e-50, 1e300};
    static const uint8_t bytes[32];
    put_kernel("F16", half, sizeof(half));
    check_kernel(1, -5, 0x1p-24f, 65504);
    put_kernel("F16", half_more, sizeof(half_more));
    check_kernel(-0.0f, INFINITY, 1023 * 0x1p-24f, 0x1p-14f);
    put_kernel("BF16", brain, sizeof(brain));
    check_kernel(1, -5, 0x1p-133f, INFINITY);
    put_kernel("F64", wide, sizeof(wide));
    check_kernel(1, -0.1f, 0, INFINITY);
    static const char *const others[] = {"I64", "U8", "BOOL", "F8_E4M3", "", "f32"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char expected[100];
        cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
        put_kernel(others[i], bytes, strcmp(others[i], "U8") == 0 ? 4 : 32);
        snprintf(expected, sizeof(expected), "tensor \"d/kernel\" is of type %s; F32", others[i]);
        ck_assert_int_eq(cnn_model_load_weights(model, path, NULL), CNN_ERROR_UNSUPPORTED);
        ck_assert_msg(strstr(cnn_last_error(context), expected) != NULL, "%s", cnn_last_error(context));
        ck_assert_int_eq(cnn_model_load_weights(model, path, &report), CNN_ERROR_UNSUPPORTED);
    }
    put_kernel("F16", half, 6);
    ck_assert_int_eq(cnn_model_load_weights(model, path, NULL), CNN_ERROR_FORMAT);
}
END_TEST

START_TEST(test_foreign)
{
    /* Metadata, types and shapes that are none of ours stand beside what is wanted. */
    static const float data[8] = {1, 2, 3, 4};
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    put_file("{\"__metadata__\":{\"format\":\"pt\",\"checksums\":\"none\",\"classes\":7,\"x\":{\"y\":[null]}},"
             "\"steps\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[16,24]},"
             "\"deep\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[24,28]},"
             "\"odd\":{\"dtype\":\"F4\",\"shape\":[8],\"data_offsets\":[28,32]},"
             "\"d/kernel\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]}}",
             data, 32);
    check_kernel(1, 2, 3, 4);
    ck_assert_int_eq(cnn_model_load_weights(model, path, &report), CNN_OK);
    ck_assert_uint_eq(report.loaded, 1);
    ck_assert_uint_eq(report.unused, 3);
    put_file("{\"__metadata__\":[1],\"d/kernel\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]}}", data,
             16);
    check_kernel(1, 2, 3, 4);
    /* A checksum of our own files is text, and fits. */
    static const char ours[] = "{\"__metadata__\":{\"format\":\"libcnn 1\",\"checksums\":\"{\\\"d/kernel\\\":%s}\"},"
                               "\"d/kernel\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]}}";
    static const char *const sums[] = {"7", "null", "[]", "\\\"00000000\\\""};
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        char header[300];
        snprintf(header, sizeof(header), ours, sums[i]);
        put_file(header, data, 16);
        ck_assert_int_eq(cnn_model_load_weights(model, path, NULL), CNN_ERROR_FORMAT);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "the checksum of tensor \"d/kernel\""));
    }
}
END_TEST

static cnn_status write_many(const char *const *names, size_t count, const char *text)
{
    static const float value[1] = {2.5f};
    cnn__tensor_source *sources = calloc(count, sizeof(*sources));
    cnn__json_writer metadata;
    for (size_t i = 0; i < count; i++) {
        sources[i] = (cnn__tensor_source){names[i], {1, 0, {1}}, value, CNN__TENSOR_F32};
    }
    cnn__metadata_begin(context, &metadata);
    cnn__json_put_string(&metadata, "format", "libcnn 1");
    cnn__json_put_string(&metadata, "more", text);
    cnn_status status = cnn__tensors_write(context, path, sources, count, &metadata);
    cnn__string_free(&metadata.text);
    free(sources);
    return status;
}

START_TEST(test_many)
{
    /* More than checkpoints once could have, in names that are written in no order; none of it takes long. */
    enum { COUNT = 100000 };
    char(*texts)[16] = malloc(COUNT * sizeof(*texts));
    const char **names = malloc(COUNT * sizeof(*names));
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "t%zu/kernel", i * 7919 % COUNT);
        names[i] = texts[i];
    }
    ck_assert_msg(write_many(names, COUNT, "x") == CNN_OK, "%s", cnn_last_error(context));
    cnn__tensors file;
    ck_assert_int_eq(cnn__tensors_open(context, path, &file), CNN_OK);
    ck_assert_uint_eq(file.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        float value = 0;
        const cnn_shape shape = {1, 0, {1}};
        ck_assert_int_eq(cnn__tensors_check(&file, names[i], &shape), CNN_OK);
        ck_assert_int_eq(cnn__tensors_read(&file, names[i], &value), CNN_OK);
        ck_assert(value == 2.5f);
    }
    ck_assert_ptr_null(cnn__tensors_find(&file, "t0"));
    cnn__tensors_close(&file);
    free(names);
    free(texts);
}
END_TEST

START_TEST(test_not_written)
{
    /* What could not be read is not written, and the old file stays. */
    static const char *const names[] = {"a", "b", "a"};
    ck_assert_int_eq(write_many(names, 2, "sound"), CNN_OK);
    ck_assert_int_eq(write_many(names, 3, "x"), CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "not written"));
    ck_assert_int_eq(write_many(names, 2, "{not JSON"), CNN_ERROR_FORMAT);
    char *deep = calloc(1, 600);
    memset(deep, '{', 1);
    strcpy(deep, "{\"a\":");
    memset(deep + 5, '[', 200);
    memset(deep + 205, ']', 200);
    strcpy(deep + 405, "}");
    ck_assert_int_eq(write_many(names, 2, deep), CNN_ERROR_LIMIT);
    free(deep);
    cnn__tensors file;
    ck_assert_int_eq(cnn__tensors_open(context, path, &file), CNN_OK);
    ck_assert_str_eq(cnn__json_text(cnn__json_get(file.metadata, "more")), "sound");
    cnn__tensors_close(&file);
}
END_TEST

START_TEST(test_unsorted)
{
    /* Tensors may stand in the header in any order; zeros of no bytes as well. */
    static const float data[4] = {1, 2, 3, 4};
    put_file("{\"z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
             "\"y\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]},"
             "\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},"
             "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
             data, sizeof(data));
    cnn__tensors file;
    float value = 0;
    ck_assert_msg(cnn__tensors_open(context, path, &file) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn__tensors_read(&file, "z", &value), CNN_OK);
    ck_assert(value == 4);
    cnn__tensors_close(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format/tensors");
    TCase *tcase = tcase_create("tensors");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_types);
    tcase_add_test(tcase, test_foreign);
    tcase_add_test(tcase, test_many);
    tcase_add_test(tcase, test_not_written);
    tcase_add_test(tcase, test_unsorted);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
