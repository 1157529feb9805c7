/* SPDX-License-Identifier: MIT */
/* Values in files beside that of the model, and those that would lead out of its folder. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "onnx/graphs.h"

static char folder[64];

static void write_file(const char *name, const void *data, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(data, 1, size, out), size);
    ck_assert_int_eq(fclose(out), 0);
}

/* Loads a model whose weights lie at a place; returns the status. */
static cnn_status load_rows(const char *location, const char *offset, bool allowed, int64_t rows)
{
    char path[256];
    file f = {0};
    cnn__string bytes;
    cnn_model *model = NULL;
    (void)add_node(&f, "Conv", "x", "w", "conv");
    cnn__onnx_tensor *w = add_tensor(&f, "w", 4, rows, 2, 3, 3);
    f.places[0][0] = (cnn__onnx_entry){"location", location};
    f.places[0][1] = (cnn__onnx_entry){"offset", offset};
    w->raw = (cnn__onnx_list){0};
    w->external = (cnn__onnx_list){f.places[0], 2, 0};
    w->location = 1;
    encode(&f, &bytes);
    write_file("model.onnx", bytes.data, bytes.size);
    cnn__string_free(&bytes);
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    const cnn_status status = cnn_model_load_onnx(context, path, CNN_ONNX_LOAD(.external_data = allowed), &model);
    cnn_model_free(model);
    return status;
}

static cnn_status load_from(const char *location, const char *offset, bool allowed)
{
    return load_rows(location, offset, allowed, 4);
}

START_TEST(test_external)
{
    char path[256], outside[] = "/tmp/cnn-onnx-outside-XXXXXX";
    snprintf(folder, sizeof(folder), "/tmp/cnn-onnx-folder-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    const int made = mkstemp(outside);
    ck_assert_int_ge(made, 0);
    ck_assert_int_eq((int)write(made, weights, sizeof(weights)), (int)sizeof(weights));
    close(made);
    write_file("values.bin", weights, sizeof(weights));
    snprintf(path, sizeof(path), "%s/link.bin", folder);
    ck_assert_int_eq(symlink(outside, path), 0);
    snprintf(path, sizeof(path), "%s/way", folder);
    ck_assert_int_eq(symlink("/tmp", path), 0);
    snprintf(path, sizeof(path), "%s/hard.bin", folder);
    ck_assert_int_eq(link(outside, path), 0);
    ck_assert_int_eq(load_from("values.bin", "0", true), CNN_OK);
    ck_assert_int_eq(load_from("values.bin", "0", false), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("values.bin", "4", true), CNN_ERROR_TRUNCATED);
    ck_assert_int_eq(load_from("values.bin", "-1", true), CNN_ERROR_FORMAT);
    ck_assert_int_eq(load_from("values.bin", "99999999999999999999", true), CNN_ERROR_FORMAT);
    ck_assert_int_eq(load_from("missing.bin", "0", true), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(load_from(outside, "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("../outside", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("a/../../outside", "0", true), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(load_from("link.bin", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("hard.bin", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("way/x", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("", "0", true), CNN_ERROR_FORMAT);
    /* What really lies there may be more than a small file could ask for else; what does not is never asked for. */
    const int64_t rows = 1000000, large = rows * 2 * 3 * 3 * (int64_t)sizeof(float);
    snprintf(path, sizeof(path), "%s/values.bin", folder);
    ck_assert_int_eq(load_rows("values.bin", "0", true, rows), CNN_ERROR_TRUNCATED);
    ck_assert_int_eq(truncate(path, large), 0);
    ck_assert_int_eq(load_rows("values.bin", "0", true, rows), CNN_OK);
    ck_assert_int_eq(cnn_context_set_limit(context, "model_bytes", (uint64_t)large - 1), CNN_OK);
    ck_assert_int_eq(load_rows("values.bin", "0", true, rows), CNN_ERROR_LIMIT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "--allow model_bytes=N"));
    static const char *const names[] = {"values.bin", "link.bin", "hard.bin", "way", "model.onnx"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
    unlink(outside);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/external");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, test_external);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
