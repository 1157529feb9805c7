/* SPDX-License-Identifier: MIT */
/* Every allocation fails in turn, once and for good: each call ends with CNN_ERROR_OUT_OF_MEMORY or succeeds, nothing
 * is left behind, and the same work done again gives the same bits. */
#include "common/fixture.h"
#include "common/suite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No scenario needs as many allocations as this. */
#define MOST_ALLOCATIONS 20000

static char path[512];

static void set_up(void) { test_path(path, sizeof(path), "alloc.cnn"); }

static void tear_down(void) { unlink(path); }

/* A scenario does its work under the context and gives a hash of what came out. */
typedef cnn_status (*scenario)(cnn_context *context, uint64_t *hash);

static cnn_status attempt(scenario run, test_allocator *counts, uint64_t *hash)
{
    cnn_allocator allocator = test_allocator_options(counts);
    cnn_context *context = NULL;
    cnn_status status = cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3, .allocator = &allocator), &context);
    if (status == CNN_OK) {
        status = run(context, hash);
    } else {
        ck_assert_ptr_null(context);
    }
    if (status != CNN_OK && context != NULL) {
        ck_assert_str_ne(cnn_last_error(context), "");
    }
    cnn_context_free(context);
    return status;
}

static void fail_everywhere(const char *name, scenario run)
{
    uint64_t expected = 0;
    test_allocator counts = {0};
    cnn_status status = attempt(run, &counts, &expected);
    ck_assert_msg(status == CNN_OK, "%s: %s", name, cnn_status_string(status));
    ck_assert_uint_eq(counts.blocks, 0);
    size_t calls = counts.calls;
    ck_assert_uint_gt(calls, 2);
    ck_assert_uint_lt(calls, MOST_ALLOCATIONS);
    for (int persistent = 0; persistent < 2; persistent++) {
        size_t refused = 0;
        for (size_t k = 1; k <= calls; k++) {
            uint64_t hash = 0;
            counts = (test_allocator){.fail_at = k, .persistent = persistent};
            status = attempt(run, &counts, &hash);
            ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "%s, allocation %zu of %zu%s: %s",
                          name, k, calls, persistent ? " and all later ones" : "", cnn_status_string(status));
            ck_assert_msg(counts.blocks == 0, "%s, allocation %zu of %zu%s: %zu blocks left", name, k, calls,
                          persistent ? " and all later ones" : "", (size_t)counts.blocks);
            ck_assert_uint_eq(counts.wrong_releases, 0);
            ck_assert_msg(status != CNN_OK || hash == expected, "%s, allocation %zu: success with other bits", name, k);
            refused += status == CNN_ERROR_OUT_OF_MEMORY;
        }
        ck_assert_uint_gt(refused, calls / 2);
        uint64_t again = 0;
        counts = (test_allocator){0};
        ck_assert_int_eq(attempt(run, &counts, &again), CNN_OK);
        ck_assert_uint_eq(again, expected);
    }
}

static cnn_status build(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

static cnn_status step(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    float images[4 * TEST_PIXELS];
    const int32_t labels[4] = {0, 1, 2, 0};
    double value = 0;
    for (size_t i = 0; i < 4 * TEST_PIXELS; i++) {
        images[i] = (float)(i * 37 % 256) / 255;
    }
    cnn_status status = test_model(context, &model);
    if (status == CNN_OK) {
        status = cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session);
    }
    if (status == CNN_OK) {
        status = cnn_categorical_cross_entropy_create(context, &loss);
    }
    if (status == CNN_OK) {
        status = cnn_adam_create(context, NULL, &optimizer);
    }
    if (status == CNN_OK) {
        status = cnn_session_forward(session, images, 4);
    }
    if (status == CNN_OK) {
        status = cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value);
    }
    if (status == CNN_OK) {
        status = cnn_session_backward(session, NULL);
    }
    if (status == CNN_OK) {
        status = cnn_optimizer_step(optimizer, session);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    return status;
}

static cnn_status save_and_load(cnn_context *context, uint64_t *hash)
{
    static const char *const classes[TEST_CLASSES] = {"rows", "columns", "block"};
    cnn_model *model = NULL, *loaded = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_status status = test_model(context, &model);
    if (status == CNN_OK) {
        status = cnn_pipeline_create(context, "resize=12x12:nearest", &pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_classes(model, classes, TEST_CLASSES);
    }
    if (status == CNN_OK) {
        status = cnn_model_save(model, path);
    }
    if (status == CNN_OK) {
        status = cnn_model_load(context, path, &loaded);
    }
    *hash = status == CNN_OK ? test_model_hash(loaded) : 0;
    cnn_model_free(loaded);
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    return status;
}

static cnn_status load_batches(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *rest = NULL, *part = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    *hash = 0;
    cnn_status status = test_dataset(context, 0, 20, &data);
    if (status == CNN_OK) {
        status = cnn_dataset_split(data, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED), &rest, &part);
    }
    if (status == CNN_OK) {
        status = cnn_pipeline_create(context, "resize=10x10,flip=0.5", &pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, rest, CNN_LOADER(.pipeline = pipeline, .batch = 6, .shuffle = 1), &loader);
    }
    while (status == CNN_OK && (status = cnn_loader_next(loader, &batch)) == CNN_OK && batch.count > 0) {
        *hash = *hash * 31 + test_hash(batch.images, batch.count * 100 * sizeof(float));
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(part);
    cnn_dataset_free(rest);
    cnn_dataset_free(data);
    return status;
}

static cnn_status fit_and_evaluate(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_history *history = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, data, CNN_LOADER(.batch = 6, .shuffle = 1), &loader);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, data, CNN_LOADER(.batch = 6), &validation);
    }
    if (status == CNN_OK) {
        status = test_model(context, &model);
    }
    if (status == CNN_OK) {
        status = cnn_rmsprop_create(context, NULL, &optimizer);
    }
    if (status == CNN_OK) {
        status = cnn_fit(
            model,
            CNN_FIT(.train = loader, .validation = validation, .optimizer = optimizer, .epochs = 2, .last_path = path),
            &history);
    }
    if (status == CNN_OK) {
        status = cnn_evaluate(model, CNN_EVALUATE(.loader = validation), &result);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_history_free(history);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

/* A new head, features of what is before it in memory and in a file, and a training on them. */
static cnn_status train_a_head(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *memory = NULL, *file = NULL;
    cnn_model *base = NULL, *model = NULL;
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    unlink(path);
    cnn_status status = test_dataset(context, 0, 12, &data);
    status = status == CNN_OK ? test_model(context, &base) : status;
    if (status == CNN_OK) {
        status = cnn_model_replace_head(base, CNN_HEAD(.layers = "dense=4,relu", .classes = TEST_CLASSES), &model);
    }
    status = status == CNN_OK ? cnn_model_set_trainable(model, "*", false) : status;
    status = status == CNN_OK ? cnn_model_set_trainable(model, "head_*", true) : status;
    if (status == CNN_OK) {
        status = cnn_features_create(model, CNN_FEATURES(.dataset = data), &memory);
    }
    if (status == CNN_OK) {
        status = cnn_features_create(model, CNN_FEATURES(.dataset = data, .path = path), &file);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, file, CNN_LOADER(.batch = 6, .shuffle = 1), &loader);
    }
    status = status == CNN_OK ? cnn_rmsprop_create(context, NULL, &optimizer) : status;
    if (status == CNN_OK) {
        const char *from = cnn_model_frozen_layer(model);
        status = from == NULL ? CNN_ERROR_OUT_OF_MEMORY
                              : cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .from = from), NULL);
    }
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    cnn_dataset_free(file);
    cnn_dataset_free(memory);
    cnn_model_free(model);
    cnn_model_free(base);
    cnn_dataset_free(data);
    return status;
}

typedef struct memory_file {
    unsigned char bytes[8192];
    size_t size;
} memory_file;

static cnn_status append(void *user, const void *bytes, size_t size)
{
    memory_file *file = user;
    if (size > sizeof(file->bytes) - file->size) {
        return CNN_ERROR_LIMIT;
    }
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
    return CNN_OK;
}

/* Encodes an image, decodes it from memory and predicts it. */
static cnn_status predict(cnn_context *context, uint64_t *hash, int32_t format)
{
    cnn_image *image = NULL, *decoded = NULL;
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_session *session = NULL;
    cnn_prediction predictions[TEST_CLASSES];
    size_t count = TEST_CLASSES;
    static memory_file file;
    file.size = 0;
    cnn_status status = cnn_image_create(context, 20, 16, 1, &image);
    if (status == CNN_OK) {
        memset(cnn_image_pixels(image), 77, 20 * 16 / 2);
        status = cnn_image_encode(image, CNN_ENCODE(.format = format), append, &file);
    }
    if (status == CNN_OK) {
        status = cnn_image_decode(context, file.bytes, file.size, CNN_DECODE(.channels = 1), &decoded);
    }
    if (status == CNN_OK) {
        status = cnn_pipeline_create(context, "resize=12x12:bicubic", &pipeline);
    }
    if (status == CNN_OK) {
        status = test_model(context, &model);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_pipeline(model, pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_session_create(model, NULL, &session);
    }
    if (status == CNN_OK) {
        status = cnn_session_predict_image(session, decoded, predictions, &count);
    }
    *hash = status == CNN_OK ? test_hash(&predictions[0].probability, sizeof(float)) + count : 0;
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_pipeline_free(pipeline);
    cnn_image_free(decoded);
    cnn_image_free(image);
    return status;
}

static cnn_status predict_png(cnn_context *context, uint64_t *hash) { return predict(context, hash, CNN_IMAGE_PNG); }

static cnn_status predict_jpeg(cnn_context *context, uint64_t *hash) { return predict(context, hash, CNN_IMAGE_JPEG); }

START_TEST(building_survives) { fail_everywhere("build", build); }
END_TEST

START_TEST(a_training_step_survives) { fail_everywhere("step", step); }
END_TEST

START_TEST(saving_and_loading_survive) { fail_everywhere("save and load", save_and_load); }
END_TEST

START_TEST(loading_batches_survives) { fail_everywhere("batches", load_batches); }
END_TEST

START_TEST(fitting_survives) { fail_everywhere("fit", fit_and_evaluate); }
END_TEST

START_TEST(training_a_head_survives) { fail_everywhere("head", train_a_head); }
END_TEST

START_TEST(prediction_survives)
{
    fail_everywhere("predict a PNG", predict_png);
    fail_everywhere("predict a JPEG", predict_jpeg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("allocation failure");
    TCase *tests = tcase_create("allocation failure");
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, building_survives);
    tcase_add_test(tests, a_training_step_survives);
    tcase_add_test(tests, saving_and_loading_survive);
    tcase_add_test(tests, loading_batches_survives);
    tcase_add_test(tests, fitting_survives);
    tcase_add_test(tests, training_a_head_survives);
    tcase_add_test(tests, prediction_survives);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
