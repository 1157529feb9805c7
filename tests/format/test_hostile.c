/* SPDX-License-Identifier: MIT */
/* Model files that are not what they should be: each gives its status, and none gives a model. */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "core/file.h"
#include "core/memory.h"

static cnn_context *context;
static char folder[64], path[96];
static char *good; /* a sound file */
static size_t good_size;

static void make_good_file(void)
{
    static const char *const classes[] = {"a cat", "dög"};
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    void *data = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "m", .input = {6, 6, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_batch_norm(context, NULL));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1, .activation = CNN_SIGMOID)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, "resize=6x6:bilinear,normalize=mean=0.5:std=0.25", &pipeline),
                     CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(model, pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_classes(model, classes, 2), CNN_OK);
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_int_eq(cnn__file_read(context, path, CNN__MODEL_FILE, &data, &good_size), CNN_OK);
    good = data;
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
}

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    strcpy(folder, "/tmp/cnn-hostile-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/model.cnn", folder);
    make_good_file();
}

static void teardown(void)
{
    cnn__free(context, good);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left */
    cnn_context_free(context);
}

/* Whatever is wrong, the status is one of those that cnn_model_load() names for content, and the message begins with
 * the file's name. */
static cnn_status load(const void *data, size_t size)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_model_load_memory(context, data, size, &model);
    ck_assert_int_eq(model != NULL, status == CNN_OK);
    if (status != CNN_OK) {
        ck_assert_msg(status == CNN_ERROR_TRUNCATED || status == CNN_ERROR_FORMAT || status == CNN_ERROR_LIMIT ||
                          status == CNN_ERROR_MISMATCH || status == CNN_ERROR_UNSUPPORTED ||
                          status == CNN_ERROR_VERSION,
                      "status %d: %s", status, cnn_last_error(context));
        ck_assert_msg(strncmp(cnn_last_error(context), "model in memory: ", 17) == 0, "%s", cnn_last_error(context));
        for (const char *p = cnn_last_error(context); *p != '\0'; p++) {
            ck_assert((unsigned char)*p >= 0x20);
        }
    }
    cnn_model_free(model);
    return status;
}

/* A file with this header and `data` zero bytes behind it. */
static cnn_status load_header(const char *header, size_t data)
{
    size_t length = strlen(header);
    char *file = calloc(1, 8 + length + data);
    for (size_t i = 0; i < 8; i++) {
        file[i] = (char)(length >> (8 * i));
    }
    memcpy(file + 8, header, length);
    cnn_status status = load(file, 8 + length + data);
    free(file);
    return status;
}

static void expect(cnn_status found, cnn_status expected, const char *words)
{
    ck_assert_msg(found == expected, "status %d, expected %d: %s", found, expected, cnn_last_error(context));
    ck_assert_msg(strstr(cnn_last_error(context), words) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  words);
}

START_TEST(test_good)
{
    cnn_model *model = NULL;
    ck_assert_msg(load(good, good_size) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_model_load(context, path, &model), CNN_OK);
    ck_assert_str_eq(cnn_model_class_name(model, 1), "dög");
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(model)), "resize=6x6:bilinear,normalize=mean=0.5:std=0.25");
    cnn_model_free(model);
    expect(cnn_model_load(context, "/nowhere/model.cnn", &model), CNN_ERROR_NOT_FOUND, "/nowhere/model.cnn");
    expect(cnn_model_load(context, folder, &model), CNN_ERROR_IO, "not a regular file");
}
END_TEST

START_TEST(test_every_prefix)
{
    for (size_t size = 0; size < good_size; size++) {
        ck_assert_int_ne(load(good, size), CNN_OK);
    }
    expect(load(good, 0), CNN_ERROR_TRUNCATED, "0 bytes");
    expect(load(good, good_size - 1), CNN_ERROR_TRUNCATED, "bytes of data");
    char *longer = calloc(1, good_size + 4);
    memcpy(longer, good, good_size);
    expect(load(longer, good_size + 4), CNN_ERROR_FORMAT, "bytes of data");
    free(longer);
}
END_TEST

START_TEST(test_every_flipped_byte)
{
    /* In the data the checksum finds it; in the header it may also still be a sound file (another name, say), which is
     * fine as long as nothing breaks. */
    uint64_t header = 0;
    char *copy = malloc(good_size);
    for (size_t i = 0; i < 8; i++) {
        header |= (uint64_t)(unsigned char)good[i] << (8 * i);
    }
    for (size_t i = 0; i < good_size; i++) {
        memcpy(copy, good, good_size);
        copy[i] = (char)(copy[i] ^ (1 << i % 8));
        cnn_status status = load(copy, good_size);
        if (i >= 8 + header) {
            ck_assert_msg(status == CNN_ERROR_FORMAT, "byte %zu: status %d", i, status);
        }
    }
    expect(load(copy, good_size), CNN_ERROR_FORMAT, "checksum");
    free(copy);
}
END_TEST

START_TEST(test_headers)
{
    static const unsigned char huge[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    expect(load(huge, sizeof(huge)), CNN_ERROR_LIMIT, "header of 18446744073709551615 bytes");
    expect(load_header("{}", 0), CNN_ERROR_FORMAT, "not a libcnn model");
    expect(load_header("[]", 0), CNN_ERROR_FORMAT, "not an object");
    expect(load_header("{\"a\":1", 0), CNN_ERROR_FORMAT, "header at byte");
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":1}", 4), CNN_ERROR_FORMAT,
           "duplicate");
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4), CNN_ERROR_FORMAT,
           "its shape needs 8");
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                       "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
                       6),
           CNN_ERROR_FORMAT, "overlap");
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                       "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
                       12),
           CNN_ERROR_FORMAT, "hole");
    /* 2^62 x 4 + 4 values wrap around to few. */
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905,4],\"data_offsets\":[0,16]}}", 16),
           CNN_ERROR_LIMIT, "overflows");
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4), CNN_ERROR_FORMAT,
           "shape");
    expect(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,0]}}", 4), CNN_ERROR_FORMAT,
           "data_offsets");
    expect(load_header("{\"__metadata__\":{\"format\":\"libcnn 2\"}}", 0), CNN_ERROR_VERSION, "format 2");
    expect(load_header("{\"__metadata__\":{\"format\":\"libcnn 1\"}}", 0), CNN_ERROR_FORMAT, "no architecture");
}
END_TEST

START_TEST(test_depth)
{
    char *deep = malloc(300000);
    size_t used = (size_t)sprintf(deep, "{\"a\":");
    memset(deep + used, '[', 100000);
    memset(deep + used + 100000, ']', 100000);
    strcpy(deep + used + 200000, "}");
    expect(load_header(deep, 0), CNN_ERROR_LIMIT, "depth 100001");
    free(deep);
}
END_TEST

/* A file whose architecture is this JSON (its quotes are escaped here). */
static cnn_status load_architecture(const char *json)
{
    char header[4096],
        *out = header + sprintf(header, "{\"__metadata__\":{\"format\":\"libcnn 1\",\"architecture\":\"");
    for (const char *p = json; *p != '\0'; p++) {
        out += sprintf(out, *p == '\'' ? "\\\"" : "%c", *p);
    }
    strcpy(out, "\"}}");
    return load_header(header, 0);
}

#define LAYER(type, options)                                                                                           \
    "{'name':'m','input':[8,8,1],'layers':[{'type':'" type "','name':'l','inputs':['input'],'options':{" options "}}]" \
    "}"

START_TEST(test_architectures)
{
    expect(load_architecture("{}"), CNN_ERROR_FORMAT, "\"name\"");
    expect(load_architecture("{'name':'m','input':[1,2,3,4,5,6,7,8],'layers':[]}"), CNN_ERROR_FORMAT, "1 to 7 sizes");
    expect(load_architecture("{'name':'m','input':[8,8,1],'layers':[]}"), CNN_ERROR_FORMAT, "no layers");
    expect(load_architecture("{'name':'m','input':[8,8,99999999999],'layers':[]}"), CNN_ERROR_FORMAT, "input");
    expect(load_architecture(LAYER("Lambda", "")), CNN_ERROR_UNSUPPORTED, "Lambda");
    expect(load_architecture(LAYER("Conv2D", "'filters':4,'groups':0,'stride':[0,0]")), CNN_ERROR_MISMATCH, "l/kernel");
    expect(load_architecture(LAYER("Conv2D", "'filters':4,'stride':[-2,1]")), CNN_ERROR_FORMAT, "layer 1");
    expect(load_architecture(LAYER("Conv2D", "'filters':4,'kernel':[3,3,3]")), CNN_ERROR_FORMAT, "kernel");
    expect(load_architecture(LAYER("Conv2D", "'filters':4,'activation':'wobble'")), CNN_ERROR_FORMAT, "activation");
    expect(load_architecture(LAYER("Conv2D", "'filters':4,'colour':'red'")), CNN_ERROR_VERSION, "colour");
    expect(load_architecture(LAYER("Conv2D", "'filters':4,'kernel':[9,9]")), CNN_ERROR_FORMAT, "does not fit");
    expect(load_architecture(LAYER("Flatten", "},'inputs':['later'],'x':{")), CNN_ERROR_FORMAT, "duplicate");
    /* A small file that asks for 2^39 values: refused for what it lacks, before memory is asked for. */
    expect(
        load_architecture("{'name':'m','input':[4096,4096,8],'layers':[{'type':'Flatten','name':'f','inputs':['input'],"
                          "'options':{}},{'type':'Dense','name':'d','inputs':['f'],'options':{'units':4096}}]}"),
        CNN_ERROR_MISMATCH, "d/kernel");
}
END_TEST

START_TEST(test_tensor_in_another_shape)
{
    static const char architecture[] =
        "{\"__metadata__\":{\"format\":\"libcnn "
        "1\",\"architecture\":\"{\\\"name\\\":\\\"m\\\",\\\"input\\\":[2],\\\"layers\\\":"
        "[{\\\"type\\\":\\\"Dense\\\",\\\"name\\\":\\\"d\\\",\\\"inputs\\\":[\\\"input\\\"],\\\"options\\\":{"
        "\\\"units\\\":2,"
        "\\\"no_bias\\\":1}}]}\"},\"d/kernel\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[0,%d]}}";
    char header[1024];
    snprintf(header, sizeof(header), architecture, "2,3", 24);
    expect(load_header(header, 24), CNN_ERROR_MISMATCH, "\"d/kernel\" is (2, 3), expected (2, 2)");
    snprintf(header, sizeof(header), architecture, "2,2", 16);
    ck_assert_int_eq(load_header(header, 16), CNN_OK);
}
END_TEST

START_TEST(test_blame)
{
    /* What the graph or a layer says of the caller's arguments is a damaged file's fault; what it said is kept. */
    expect(load_architecture("{'name':'m','input':[8,8,1],'layers':[{'type':'Flatten','name':'f','inputs':['none'],"
                             "'options':{}}]}"),
           CNN_ERROR_FORMAT, "layer 1: m: there is no layer \"none\"");
    expect(load_architecture("{'name':'m','input':[8,8,1],'layers':[{'type':'Flatten','name':'f','inputs':['input'],"
                             "'options':{}},{'type':'Flatten','name':'f','inputs':['input'],'options':{}}]}"),
           CNN_ERROR_FORMAT, "layer 2: m: two layers are named \"f\"");
    expect(load_architecture("{'name':'m','input':[99999999,8,1],'layers':[]}"), CNN_ERROR_FORMAT, "99999999");
    expect(load_architecture(LAYER("Dropout", "'rate':7.0")), CNN_ERROR_FORMAT, "rate");
    expect(load_architecture(LAYER("Conv2D", "'filters':1.0")), CNN_ERROR_FORMAT,
           "\"filters\" is missing or not a whole");
    expect(load_architecture("{'name':'m\\\\u001b[2J\\\\n','input':[8,8,1],'layers':[{'type':'Flatten','name':'f',"
                             "'inputs':['none'],'options':{}}]}"),
           CNN_ERROR_FORMAT, "m\\x1b[2J\\x0a: there is no layer");
    char json[2400] = "{'input':[8,8,1],'layers':[],'name':'";
    memset(json + strlen(json), 'n', 2000);
    strcpy(strchr(json, '\0'), "'}");
    expect(load_architecture(json), CNN_ERROR_FORMAT, "a name of 2000 bytes, at most 255");
}
END_TEST

START_TEST(test_names)
{
    /* Names of any bytes are saved, and are the same when they are read again. */
    static const char *const classes[] = {"caf\xe9", "a\nb\x1b[2J", "", "d\xc3\xb6g", "caf\\xe9"};
    cnn_model *model = NULL, *again = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "m\xff\n", .input = {4}), &model), CNN_OK);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 5)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_set_classes(model, classes, 5), CNN_OK);
    ck_assert_msg(cnn_model_save(model, path) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_str_eq(cnn_model_name(again), "m\\xff\\x0a");
    ck_assert_str_eq(cnn_model_class_name(again, 0), "caf\\xe9");
    ck_assert_str_eq(cnn_model_class_name(again, 1), "a\\x0ab\\x1b[2J");
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(cnn_model_class_name(again, i), cnn_model_class_name(model, i));
    }
    cnn_model_free(model);
    cnn_model_free(again);
    char longest[300];
    memset(longest, 'n', sizeof(longest));
    longest[256] = '\0';
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = longest, .input = {4}), &model),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(model);
}
END_TEST

START_TEST(test_weights)
{
    cnn_model *model = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {6, 6, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2, .kernel_init = {CNN_INIT_CONSTANT, 7})));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 5)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv2d_1/kernel", &kernel), CNN_OK);
    expect(cnn_model_load_weights(model, path, NULL), CNN_ERROR_MISMATCH, "dense_1/kernel");
    ck_assert_float_eq(kernel.value.data[3], 7); /* nothing was changed */
    ck_assert_int_eq(cnn_model_load_weights(model, path, &report), CNN_OK);
    ck_assert_uint_eq(report.loaded, 2);
    ck_assert_uint_eq(report.missing, 2);
    ck_assert_uint_eq(report.unused, 6);
    ck_assert_float_ne(kernel.value.data[3], 7);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format/hostile");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_good);
    tcase_add_test(tcase, test_every_prefix);
    tcase_add_test(tcase, test_every_flipped_byte);
    tcase_add_test(tcase, test_headers);
    tcase_add_test(tcase, test_depth);
    tcase_add_test(tcase, test_architectures);
    tcase_add_test(tcase, test_tensor_in_another_shape);
    tcase_add_test(tcase, test_blame);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_weights);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
