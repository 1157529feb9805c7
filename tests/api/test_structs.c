/* SPDX-License-Identifier: MIT */
/* Every public struct that a caller writes, by a table: an older, shorter one and a newer, longer one are taken, a
 * field that this library does not know is refused, and what lies behind the stated size is not read.
 * tests/rules/exports.sh finds structs that the tables, structs_*.c, lack. */
#include "api/structs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

cnn_context *structs_context;
cnn_model *structs_model;
cnn_dataset *structs_data;
cnn_image *structs_image;
cnn_session *structs_session;
char structs_folder[512], structs_tensors[600], structs_photo[600], structs_onnx[600];

static void try_row(const row *r)
{
    unsigned char *room = calloc(1, ROOM);
    ck_assert_ptr_nonnull(room);
    ck_assert_uint_lt(r->size + 64, ROOM);
    memcpy(room, r->given, r->size);
    const size_t sizes[] = {r->size, r->needed, r->size + sizeof(void *), ROOM};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        memcpy(room, &sizes[i], sizeof(size_t));
        const cnn_status status = r->call(room);
        ck_assert_msg(status == CNN_OK, "%s with struct_size %zu: %s (%s)", r->name, sizes[i],
                      cnn_status_string(status), cnn_last_error(structs_context));
    }
    const size_t unknown[] = {r->size, ROOM - 1}; /* a field that this library does not know */
    for (size_t i = 0; i < 2; i++) {
        room[unknown[i]] = 1;
        const cnn_status status = r->call(room);
        ck_assert_msg(status == CNN_ERROR_VERSION, "%s, byte %zu set: %s", r->name, unknown[i],
                      cnn_status_string(status));
        room[unknown[i]] = 0;
    }
    for (size_t small = 0; small < sizeof(size_t); small += 4) {
        memcpy(room, &small, sizeof(size_t));
        const cnn_status status = r->call(room);
        ck_assert_msg(status == CNN_ERROR_INVALID_ARGUMENT, "%s with struct_size %zu: %s", r->name, small,
                      cnn_status_string(status));
    }
    /* What lies behind an older struct is not the library's to read. */
    memset(room + r->needed, 0xFF, ROOM - r->needed);
    memcpy(room, &r->needed, sizeof(size_t));
    const cnn_status status = r->call(room);
    ck_assert_msg(status == CNN_OK, "%s was read behind struct_size %zu: %s (%s)", r->name, r->needed,
                  cnn_status_string(status), cnn_last_error(structs_context));
    free(room);
}

void structs_try(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        try_row(&rows[i]);
    }
}

void *structs_copy(const void *given)
{
    void *room = malloc(ROOM);
    ck_assert_ptr_nonnull(room);
    memcpy(room, given, ROOM);
    return room;
}

static void set_up(void)
{
    char path[1200];
    test_path(structs_folder, sizeof(structs_folder), "structs");
    ck_assert_int_eq(mkdir(structs_folder, 0700), 0);
    snprintf(structs_tensors, sizeof(structs_tensors), "%s/tensors.safetensors", structs_folder);
    snprintf(structs_onnx, sizeof(structs_onnx), "%s/model.onnx", structs_folder);
    snprintf(structs_photo, sizeof(structs_photo), "%s/photo.png", structs_folder);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &structs_context), CNN_OK);
    ck_assert_int_eq(cnn_image_create(structs_context, 5, 4, 3, &structs_image), CNN_OK);
    ck_assert_int_eq(cnn_image_save(structs_image, structs_photo, NULL), CNN_OK);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", structs_folder, i == 0 ? "cat" : "dog");
        ck_assert_int_eq(mkdir(path, 0700), 0);
        strcat(path, "/a.png");
        ck_assert_int_eq(cnn_image_save(structs_image, path, NULL), CNN_OK);
    }
    ck_assert_int_eq(test_dataset(structs_context, 0, 12, &structs_data), CNN_OK);
    ck_assert_int_eq(test_model(structs_context, &structs_model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(structs_model, NULL, &structs_session), CNN_OK);
    ck_assert_int_eq(cnn_model_save_tensors(structs_model, CNN_WEIGHTS_PYTORCH, structs_tensors), CNN_OK);
    ck_assert_int_eq(cnn_model_save_onnx(structs_model, structs_onnx, NULL),
                     TEST_ONNX ? CNN_OK : CNN_ERROR_UNSUPPORTED);
}

static void tear_down(void)
{
    char command[600];
    cnn_session_free(structs_session);
    cnn_model_free(structs_model);
    cnn_dataset_free(structs_data);
    cnn_image_free(structs_image);
    cnn_context_free(structs_context);
    snprintf(command, sizeof(command), "rm -rf '%s'", structs_folder);
    ck_assert_int_eq(system(command), 0);
}

int main(void)
{
    Suite *suite = suite_create("structs");
    TCase *tests = tcase_create("structs");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    structs_add_layers(tests);
    structs_add_data(tests);
    structs_add_models(tests);
    structs_add_training(tests);
    structs_add_filled(tests);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
