/* SPDX-License-Identifier: MIT */
/* Contexts: creation in loops, backends by name, allocator, log, last error, and NULL where it is allowed. */
#include "common/fixture.h"
#include "common/suite.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(context_is_made_and_freed_many_times)
{
    for (uint32_t i = 0; i < 100; i++) {
        cnn_context *context = NULL;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1 + i % 4, .seed = i), &context), CNN_OK);
        ck_assert_uint_eq(cnn_context_threads(context), 1 + i % 4);
        ck_assert_uint_eq(cnn_context_seed(context), i);
        ck_assert_str_eq(cnn_last_error(context), "");
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(context_gives_back_all_memory)
{
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .allocator = &allocator), &context), CNN_OK);
    cnn_model *model = NULL;
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_uint_gt(counts.blocks, 0);
    cnn_model_free(model);
    cnn_layer_free(cnn_conv2d(context, CNN_CONV2D(.filters = 0))); /* fails, and its message is kept somewhere */
    cnn_context_free(context);
    ck_assert_uint_eq(counts.blocks, 0);
    ck_assert_uint_eq(counts.bytes, 0);
    ck_assert_uint_eq(counts.wrong_releases, 0);
}
END_TEST

static void keep_message(void *user, cnn_log_level level, const char *message)
{
    if (level == CNN_LOG_ERROR) {
        strncpy(user, message, 255);
    }
}

START_TEST(unknown_backend_is_an_error)
{
    char message[256] = "";
    cnn_context *context = (cnn_context *)message;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backend = "nosuch", .log = keep_message, .log_user = message),
                                        &context),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_null(context);
    ck_assert_ptr_nonnull(strstr(message, "nosuch"));
}
END_TEST

START_TEST(backend_is_chosen_by_variable)
{
    cnn_context *context = NULL;
    setenv("CNN_BACKEND", "reference", 1);
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_str_eq(cnn_context_backend(context), "reference");
    cnn_context_free(context);
    setenv("CNN_BACKEND", "nosuch", 1);
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backend = "reference"), &context), CNN_OK); /* the option wins */
    cnn_context_free(context);
    unsetenv("CNN_BACKEND");
}
END_TEST

START_TEST(every_built_in_backend_can_be_chosen)
{
    size_t count = 0;
    for (const char *name; (name = cnn_backend_name(count)) != NULL; count++) {
        cnn_context *context = NULL;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backend = name), &context), CNN_OK);
        ck_assert_str_eq(cnn_context_backend(context), name);
        cnn_context_free(context);
    }
    ck_assert_uint_ge(count, 1);
    ck_assert_str_eq(cnn_backend_name(count - 1), "reference");
    ck_assert_ptr_null(cnn_backend_name(SIZE_MAX));
}
END_TEST

static cnn_status failing_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call, (void)args;
    return CNN_ERROR_BACKEND;
}

START_TEST(failure_of_a_callers_backend_is_told)
{
    const cnn_backend backend = {
        .struct_size = sizeof(backend), .abi = CNN_BACKEND_ABI, .name = "failing", .gemm = failing_gemm};
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    float image[TEST_PIXELS] = {0};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backends = &backend, .backend_count = 1, .backend = "failing"),
                                        &context),
                     CNN_OK);
    ck_assert_str_eq(cnn_context_backend(context), "failing");
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_ERROR_BACKEND);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "conv2d_1"));
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(backend_of_another_abi_is_refused)
{
    const cnn_backend backend = {
        .struct_size = sizeof(backend), .abi = CNN_BACKEND_ABI + 1, .name = "future", .gemm = failing_gemm};
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.backends = &backend, .backend_count = 1, .backend = "future"),
                                        &context),
                     CNN_ERROR_VERSION);
    ck_assert_ptr_null(context);
}
END_TEST

typedef struct thread_error {
    cnn_context *context;
    const char *path;
    char message[512];
} thread_error;

static void *fail_to_load(void *argument)
{
    thread_error *error = argument;
    cnn_image *image = NULL;
    for (int i = 0; i < 50; i++) {
        cnn_image_load(error->context, error->path, NULL, &image);
    }
    strncpy(error->message, cnn_last_error(error->context), sizeof(error->message) - 1);
    return NULL;
}

START_TEST(last_error_belongs_to_the_thread)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    thread_error errors[4] = {{context, "/nowhere/a.jpg", ""}, {context, "/nowhere/b.jpg", ""},
                              {context, "/nowhere/c.jpg", ""}, {context, "/nowhere/d.jpg", ""}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_to_load, &errors[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_msg(strstr(errors[i].message, errors[i].path) != NULL, "\"%s\" does not name %s", errors[i].message,
                      errors[i].path);
    }
    ck_assert_str_eq(cnn_last_error(context), "");
    cnn_context_free(context);
}
END_TEST

START_TEST(last_error_outlives_success)
{
    cnn_context *context = NULL;
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_image_load(context, "/nowhere/photo.jpg", NULL, &image), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_image_create(context, 4, 4, 3, &image), CNN_OK);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "/nowhere/photo.jpg"));
    cnn_image_free(image);
    cnn_context_free(context);
}
END_TEST

START_TEST(every_free_takes_null)
{
    cnn_context_free(NULL);
    cnn_image_free(NULL);
    cnn_pipeline_free(NULL);
    cnn_dataset_free(NULL);
    cnn_loader_free(NULL);
    cnn_layer_free(NULL);
    cnn_model_free(NULL);
    cnn_session_free(NULL);
    cnn_loss_free(NULL);
    cnn_optimizer_free(NULL);
    cnn_schedule_free(NULL);
    cnn_evaluator_free(NULL);
    cnn_history_free(NULL);
}
END_TEST

START_TEST(handles_are_freed_in_any_order)
{
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    for (int order = 0; order < 2; order++) {
        cnn_context *context = NULL;
        cnn_dataset *data = NULL, *rest = NULL, *part = NULL;
        cnn_pipeline *pipeline = NULL;
        cnn_loader *loader = NULL;
        cnn_model *model = NULL;
        cnn_session *session = NULL;
        cnn_batch batch = CNN_BATCH_INIT;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .allocator = &allocator), &context), CNN_OK);
        ck_assert_int_eq(test_dataset(context, 0, 30, &data), CNN_OK);
        ck_assert_int_eq(cnn_dataset_split(data, NULL, &rest, &part), CNN_OK);
        ck_assert_int_eq(cnn_pipeline_create(context, "resize=12x12", &pipeline), CNN_OK);
        ck_assert_int_eq(cnn_loader_create(context, rest, CNN_LOADER(.pipeline = pipeline, .batch = 4), &loader),
                         CNN_OK);
        ck_assert_int_eq(test_model(context, &model), CNN_OK);
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4), &session), CNN_OK);
        if (order == 0) {
            cnn_dataset_free(data);
            cnn_dataset_free(rest);
            cnn_dataset_free(part);
            cnn_pipeline_free(pipeline);
            cnn_model_free(model);
        }
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
        ck_assert(isfinite(cnn_session_output(session)[0]));
        cnn_session_free(session);
        cnn_loader_free(loader);
        if (order == 1) {
            cnn_model_free(model);
            cnn_pipeline_free(pipeline);
            cnn_dataset_free(part);
            cnn_dataset_free(rest);
            cnn_dataset_free(data);
        }
        cnn_context_free(context);
        ck_assert_uint_eq(counts.blocks, 0);
    }
}
END_TEST

START_TEST(statuses_have_texts)
{
#define STATUS_TEXT(name, number, text)             \
    ck_assert_int_eq(CNN_##name, number);           \
    ck_assert_str_eq(cnn_status_string(CNN_##name), text);
    CNN_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    ck_assert_str_eq(cnn_status_string((cnn_status)9999), "unknown status");
    ck_assert_str_eq(cnn_status_string((cnn_status)-1), "unknown status");
}
END_TEST

START_TEST(version_is_that_of_the_header)
{
    ck_assert_uint_eq(cnn_version_number(), CNN_VERSION_NUMBER);
    char text[32];
    snprintf(text, sizeof(text), "%d.%d.%d", CNN_VERSION_MAJOR, CNN_VERSION_MINOR, CNN_VERSION_PATCH);
    ck_assert_str_eq(cnn_version_string(), text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("context");
    TCase *tests = tcase_create("context");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, context_is_made_and_freed_many_times);
    tcase_add_test(tests, context_gives_back_all_memory);
    tcase_add_test(tests, unknown_backend_is_an_error);
    tcase_add_test(tests, backend_is_chosen_by_variable);
    tcase_add_test(tests, every_built_in_backend_can_be_chosen);
    tcase_add_test(tests, failure_of_a_callers_backend_is_told);
    tcase_add_test(tests, backend_of_another_abi_is_refused);
    tcase_add_test(tests, last_error_belongs_to_the_thread);
    tcase_add_test(tests, last_error_outlives_success);
    tcase_add_test(tests, every_free_takes_null);
    tcase_add_test(tests, handles_are_freed_in_any_order);
    tcase_add_test(tests, statuses_have_texts);
    tcase_add_test(tests, version_is_that_of_the_header);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
