/* SPDX-License-Identifier: MIT */
/* The limits on what files may ask for: each holds to the unit, can be lowered and raised again, and says in its
 * message which one it is and how to raise it. */
#include "common/fixture.h"
#include "common/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static cnn_context *context;
static char paths[3][512]; /* a PNG, a model, a folder of IDX and more */
static size_t table_size;

static void put(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void)
{
    static const uint8_t images[16 + 8] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 9, 8, 7, 6, 5, 4, 3, 2};
    static const uint8_t labels[8 + 2] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
    char path[600], table[1100];
    cnn_image *image = NULL;
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "limits-%d", i);
        test_path(paths[i], sizeof(paths[i]), path);
    }
    ck_assert_int_eq(cnn_image_create(context, 20, 10, 3, &image), CNN_OK);
    memset(cnn_image_pixels(image), 7, 20 * 10 * 3);
    ck_assert_int_eq(cnn_image_save(image, paths[0], CNN_ENCODE(.format = CNN_IMAGE_PNG)), CNN_OK);
    cnn_image_free(image);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_model_save(model, paths[1]), CNN_OK);
    ck_assert_int_eq(mkdir(paths[2], 0700), 0);
    snprintf(path, sizeof(path), "%s/model.onnx", paths[2]);
    ck_assert_int_eq(cnn_model_save_onnx(model, path, NULL), TEST_ONNX ? CNN_OK : CNN_ERROR_UNSUPPORTED);
    cnn_model_free(model);
    snprintf(path, sizeof(path), "%s/train-images-idx3-ubyte", paths[2]);
    put(path, images, sizeof(images));
    snprintf(path, sizeof(path), "%s/train-labels-idx1-ubyte", paths[2]);
    put(path, labels, sizeof(labels));
    snprintf(path, sizeof(path), "%s/table.csv", paths[2]);
    table_size = (size_t)snprintf(table, sizeof(table), "path,label\n%s,0\n%s,1\n", paths[0], paths[0]);
    put(path, (const uint8_t *)table, table_size);
}

static void tear_down(void)
{
    char command[600];
    cnn_context_free(context);
    unlink(paths[0]);
    unlink(paths[1]);
    snprintf(command, sizeof(command), "rm -rf '%s'", paths[2]);
    ck_assert_int_eq(system(command), 0);
}

static cnn_status decode(void)
{
    cnn_image *image = NULL;
    const cnn_status status = cnn_image_load(context, paths[0], NULL, &image);
    cnn_image_free(image);
    return status;
}

static cnn_status load(void)
{
    cnn_model *model = NULL;
    const cnn_status status = cnn_model_load(context, paths[1], &model);
    cnn_model_free(model);
    return status;
}

static cnn_status load_onnx(void)
{
    cnn_model *model = NULL;
    char path[600];
    snprintf(path, sizeof(path), "%s/model.onnx", paths[2]);
    const cnn_status status = cnn_model_load_onnx(context, path, NULL, &model);
    cnn_model_free(model);
    return status;
}

static cnn_status open_idx(void)
{
    cnn_dataset *data = NULL;
    const cnn_status status = cnn_dataset_open(context, paths[2], NULL, &data);
    cnn_dataset_free(data);
    return status;
}

static cnn_status open_table(void)
{
    cnn_dataset *data = NULL;
    char path[600];
    snprintf(path, sizeof(path), "%s/table.csv", paths[2]);
    const cnn_status status = cnn_dataset_open(context, path, NULL, &data);
    cnn_dataset_free(data);
    return status;
}

static cnn_status save(void)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    status = status == CNN_OK ? cnn_model_save(model, paths[1]) : status;
    cnn_model_free(model);
    return status;
}

static cnn_status take(void *user, const void *data, size_t size)
{
    (void)data;
    *(size_t *)user += size;
    return CNN_OK;
}

static cnn_status expand(void)
{
    char path[600];
    size_t taken = 0;
    snprintf(path, sizeof(path), "%s/tests/exchange/files.zip", getenv("CNN_SOURCE"));
    const cnn_status status = cnn_archive_read(context, path, "list.txt", 1000, take, &taken);
    ck_assert_uint_eq(taken, status == CNN_OK ? 355 : 0);
    return status;
}

/* Of the model's parameters: how many, and the bytes of the longest name. */
static void count_tensors(uint64_t *count, uint64_t *longest)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    *count = cnn_model_parameter_count(model);
    *longest = 0;
    for (size_t i = 0; i < *count; i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        *longest = strlen(parameter.name) > *longest ? strlen(parameter.name) : *longest;
    }
    cnn_model_free(model);
}

static cnn_status run(void)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_status status = test_model(context, &model);
    status = status == CNN_OK ? cnn_session_create(model, NULL, &session) : status;
    cnn_session_free(session);
    cnn_model_free(model);
    return status;
}

static uint64_t size_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return (uint64_t)info.st_size;
}

/* The least value with which the call goes well: between 1 and what is known to be enough. */
static uint64_t least(const char *name, cnn_status (*call)(void), uint64_t enough)
{
    uint64_t low = 0;
    while (enough - low > 1) {
        const uint64_t middle = low + (enough - low) / 2;
        ck_assert_int_eq(cnn_context_set_limit(context, name, middle), CNN_OK);
        const cnn_status status = call();
        ck_assert_msg(status == CNN_OK || status == CNN_ERROR_LIMIT, "%s = %" PRIu64 ": %s", name, middle,
                      cnn_last_error(context));
        *(status == CNN_OK ? &enough : &low) = middle;
    }
    return enough;
}

/* `wanted`: the least value, 0 if it is not known. */
static void check(const char *name, cnn_status (*call)(void), uint64_t wanted, const char *raise)
{
    const uint64_t standard = cnn_context_limit(context, name);
    ck_assert_uint_gt(standard, 0);
    ck_assert_int_eq(call(), CNN_OK);
    const uint64_t found = least(name, call, standard);
    ck_assert_msg(wanted == 0 || found == wanted, "%s: %" PRIu64 ", expected %" PRIu64, name, found, wanted);
    if (found > 1) {
        ck_assert_int_eq(cnn_context_set_limit(context, name, found - 1), CNN_OK);
        ck_assert_int_eq(call(), CNN_ERROR_LIMIT);
        ck_assert_msg(strstr(cnn_last_error(context), raise) != NULL, "%s: \"%s\" lacks \"%s\"", name,
                      cnn_last_error(context), raise);
    }
    ck_assert_int_eq(cnn_context_set_limit(context, name, found), CNN_OK);
    ck_assert_int_eq(call(), CNN_OK);
    ck_assert_int_eq(cnn_context_set_limit(context, name, standard), CNN_OK);
    ck_assert_int_eq(call(), CNN_OK);
}

START_TEST(limits_hold_and_can_be_set)
{
    check("pixels", decode, 200, "--max-pixels raises it");
    check("image_side", decode, 20, "--allow image_side=N raises it");
    check("image_bytes", decode, size_of(paths[0]), "--allow image_bytes=N raises it");
    check("model_bytes", load, size_of(paths[1]), "--allow model_bytes=N raises it");
    if (TEST_ONNX) {
        check("onnx_bytes", load_onnx, 0, "--allow onnx_bytes=N raises it");
    }
    check("header_bytes", load, 0, "--allow header_bytes=N raises it");
    check("json_values", load, 0, "--allow json_values=N raises it");
    check("json_depth", load, 0, "--allow json_depth=N raises it");
    check("data_bytes", open_idx, 24, "--allow data_bytes=N raises it");
    check("session_bytes", run, 0, "--allow session_bytes=N raises it");
    check("table_bytes", open_table, table_size, "--allow table_bytes=N raises it");
    check("expanded_bytes", expand, 43656, "--allow expanded_bytes=N raises it");
}
END_TEST

/* Nor is written what could not be read again, and what is there stays. */
START_TEST(limits_of_tensors)
{
    uint64_t count, longest;
    count_tensors(&count, &longest);
    ck_assert_uint_eq(count, 10);
    check("tensors", load, count, "--allow tensors=N raises it");
    check("tensors", save, count, "--allow tensors=N raises it");
    check("name_bytes", load, longest, "--allow name_bytes=N raises it");
    check("name_bytes", save, longest, "--allow name_bytes=N raises it");
    if (TEST_ONNX) {
        check("tensors", load_onnx, 0, "--allow tensors=N raises it");
        check("name_bytes", load_onnx, 0, "--allow name_bytes=N raises it");
    }
    ck_assert_int_eq(cnn_context_set_limit(context, "tensors", 3), CNN_OK);
    ck_assert_int_eq(save(), CNN_ERROR_LIMIT);
    ck_assert_int_eq(cnn_context_set_limit(context, "tensors", 1000), CNN_OK);
    ck_assert_int_eq(load(), CNN_OK);
}
END_TEST

START_TEST(names_and_ranges)
{
    size_t count = 0;
    for (const char *usage; (usage = cnn_limit_usage(count)) != NULL; count++) {
        char name[64];
        ck_assert_int_eq(sscanf(usage, "%63[^:]:", name), 1);
        const uint64_t standard = cnn_context_limit(context, name);
        ck_assert_msg(standard > 0, "%s", name);
        ck_assert_int_eq(cnn_context_set_limit(context, name, 0), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), name));
        ck_assert_int_eq(cnn_context_set_limit(context, name, 1), CNN_OK);
        ck_assert_uint_eq(cnn_context_limit(context, name), 1);
        ck_assert_int_eq(cnn_context_set_limit(context, name, standard), CNN_OK);
    }
    ck_assert_uint_ge(count, 16);
    ck_assert_int_eq(cnn_context_set_limit(context, "json_depth", 513), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(cnn_last_error(context), "the limit json_depth is 1 to 512, not 513");
    ck_assert_int_eq(cnn_context_set_limit(context, "depth", 3), CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "no limit \"depth\", but pixels, image_side"));
    ck_assert_int_eq(cnn_context_set_limit(context, NULL, 3), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_context_set_limit(NULL, "pixels", 3), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_uint_eq(cnn_context_limit(context, "depth"), 0);
}
END_TEST

/* Brackets as deep as may be allowed are read without trouble. */
START_TEST(the_deepest_json)
{
    char header[4096], *at = header;
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_context_set_limit(context, "json_depth", 512), CNN_OK);
    at += sprintf(at, "{\"x\":");
    for (int i = 0; i < 511; i++) {
        *at++ = '[';
    }
    for (int i = 0; i < 511; i++) {
        *at++ = ']';
    }
    *at++ = '}';
    unsigned char file[4200] = {0};
    const size_t size = (size_t)(at - header);
    file[0] = (unsigned char)size;
    file[1] = (unsigned char)(size >> 8);
    memcpy(file + 8, header, size);
    ck_assert_int_eq(cnn_model_load_memory(context, file, size + 8, &model), CNN_ERROR_FORMAT);
    ck_assert_int_eq(cnn_context_set_limit(context, "json_depth", 511), CNN_OK);
    ck_assert_int_eq(cnn_model_load_memory(context, file, size + 8, &model), CNN_ERROR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tests = tcase_create("limits");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, limits_hold_and_can_be_set);
    tcase_add_test(tests, limits_of_tensors);
    tcase_add_test(tests, names_and_ranges);
    tcase_add_test(tests, the_deepest_json);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
