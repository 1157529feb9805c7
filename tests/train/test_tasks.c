/* SPDX-License-Identifier: MIT */
/* Models that tell several labels or values, and how outputs become decisions: training by what the data says, files,
 * predictions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT 24
#define TARGETS 3

static cnn_context *context;
static uint8_t pixels[COUNT * TEST_PIXELS];
static float targets[COUNT * TARGETS];
static char path[512], last[512];

static const char *const names[TARGETS] = {"bars", "rows", "block"};

static void setup(void)
{
    test_path(path, sizeof(path), "tasks.cnn");
    test_path(last, sizeof(last), "tasks.last.cnn");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        test_draw(i, pixels + i * TEST_PIXELS);
        for (size_t j = 0; j < TARGETS; j++) {
            targets[i * TARGETS + j] = (float)(i % TARGETS == j || (j == 2 && i % 2 == 0));
        }
    }
}

static void teardown(void)
{
    unlink(path);
    unlink(last);
    cnn_context_free(context);
}

static cnn_loader *open_loader(cnn_task task)
{
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    ck_assert_int_eq(
        cnn_dataset_create(context,
                           CNN_ARRAYS(.bytes = pixels, .count = COUNT, .height = TEST_SIDE, .width = TEST_SIDE,
                                      .channels = 1, .classes = names, .class_count = TARGETS, .targets = targets,
                                      .target_count = TARGETS, .task = (int32_t)task),
                           &dataset),
        CNN_OK);
    ck_assert_int_eq(cnn_dataset_task(dataset), task);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.batch = 8, .shuffle = 1), &loader), CNN_OK);
    cnn_dataset_free(dataset);
    return loader;
}

/* The fixture's network with a head for the task. */
static cnn_model *open_model(cnn_task task)
{
    cnn_model *plain = NULL, *model = NULL;
    ck_assert_int_eq(test_model(context, &plain), CNN_OK);
    ck_assert_msg(cnn_model_replace_head(plain, CNN_HEAD(.layers = "dense=8,relu", .classes = TARGETS, .task = task),
                                         &model) == CNN_OK,
                  "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_model_task(model), task);
    cnn_model_free(plain);
    return model;
}

static cnn_status train(cnn_model *model, cnn_loader *loader, uint32_t epochs, const char *resume,
                        cnn_history **history)
{
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_optimizer_create(context, "adam:learning_rate=0.02", &optimizer), CNN_OK);
    cnn_status status = cnn_fit(model,
                                CNN_FIT(.train = loader, .validation = loader, .optimizer = optimizer, .epochs = epochs,
                                        .best_path = path, .last_path = last, .resume_path = resume),
                                history);
    cnn_optimizer_free(optimizer);
    return status;
}

START_TEST(the_task_chooses_loss_and_score)
{
    static const char *const scores[] = {NULL, NULL, "val_map", "val_mae"};
    const cnn_task task = (cnn_task)_i;
    cnn_loader *loader = open_loader(task);
    cnn_model *model = open_model(task), *loaded = NULL;
    cnn_history *history = NULL;
    ck_assert_msg(train(model, loader, 20, NULL, &history) == CNN_OK, "%s", cnn_last_error(context));
    const double first = cnn_history_value(history, scores[task], 0), best = cnn_history_best_score(history);
    ck_assert(!isnan(best) && (task == CNN_TASK_LABELS ? best > 0.95 : best < first));
    ck_assert_int_eq(cnn_model_task(model), task);
    ck_assert_int_eq(cnn_model_load(context, path, &loaded), CNN_OK);
    ck_assert_int_eq(cnn_model_task(loaded), task);
    ck_assert_str_eq(cnn_model_class_name(loaded, 1), "rows");
    cnn_history_free(history);
    cnn_model_free(loaded);
    cnn_model_free(model);
    cnn_loader_free(loader);
}
END_TEST

START_TEST(a_resumed_training_has_the_same_bits)
{
    const cnn_task task = (cnn_task)_i;
    uint64_t hashes[2];
    for (int parts = 0; parts < 2; parts++) {
        cnn_loader *loader = open_loader(task);
        cnn_model *model = open_model(task);
        if (parts == 1) {
            ck_assert_int_eq(train(model, loader, 2, NULL, NULL), CNN_OK);
            cnn_loader_free(loader);
            cnn_model_free(model);
            loader = open_loader(task);
            model = open_model(task);
        }
        ck_assert_int_eq(train(model, loader, 5, parts == 1 ? last : NULL, NULL), CNN_OK);
        hashes[parts] = test_model_hash(model);
        cnn_model_free(model);
        cnn_loader_free(loader);
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
}
END_TEST

START_TEST(predictions_are_of_the_task)
{
    cnn_pipeline *pipeline = NULL;
    cnn_prediction found[8];
    ck_assert_int_eq(cnn_pipeline_create(context, "", &pipeline), CNN_OK);
    for (int task = CNN_TASK_LABELS; task <= CNN_TASK_VALUES; task++) {
        cnn_loader *loader = open_loader((cnn_task)task);
        cnn_model *model = open_model((cnn_task)task);
        cnn_session *session = NULL;
        cnn_image *image = NULL;
        float outputs[COUNT * TARGETS];
        size_t count = 8;
        ck_assert_int_eq(train(model, loader, 2, NULL, NULL), CNN_OK);
        cnn_loader_free(loader);
        ck_assert_int_eq(cnn_model_set_pipeline(model, pipeline), CNN_OK);
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1), &session), CNN_OK);
        ck_assert_int_eq(cnn_image_create(context, TEST_SIDE, TEST_SIDE, 1, &image), CNN_OK);
        memcpy(cnn_image_pixels(image), pixels, TEST_PIXELS);
        ck_assert_int_eq(cnn_session_predict_image(session, image, found, &count), CNN_OK);
        memcpy(outputs, cnn_session_output(session), TARGETS * sizeof(float));
        ck_assert_uint_eq(count, TARGETS);
        for (size_t i = 0; i < count; i++) {
            ck_assert_float_eq_tol(found[i].probability, outputs[found[i].label], 1e-6f);
            ck_assert_str_eq(found[i].name, names[found[i].label]);
            ck_assert(task == CNN_TASK_LABELS || found[i].label == (int32_t)i);
            ck_assert(task == CNN_TASK_VALUES || i == 0 || found[i].probability <= found[i - 1].probability);
        }
        cnn_image_free(image);
        cnn_session_free(session);
        cnn_model_free(model);
    }
    cnn_pipeline_free(pipeline);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    cnn_loader *loader = open_loader(CNN_TASK_LABELS);
    cnn_model *model = open_model(CNN_TASK_VALUES);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(train(model, loader, 1, NULL, NULL), CNN_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "tells values, the dataset has several labels"));
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &result), CNN_ERROR_MISMATCH);
    ck_assert_int_eq(cnn_model_set_task(model, (cnn_task)9), CNN_ERROR_INVALID_ARGUMENT);
    const float weights[TARGETS] = {1, 2, 3};
    cnn_model *labels = open_model(CNN_TASK_LABELS);
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_optimizer_create(context, "sgd", &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_fit(labels,
                             CNN_FIT(.train = loader, .optimizer = optimizer, .class_weights = weights,
                                     .class_weight_count = TARGETS),
                             NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    cnn_optimizer_free(optimizer);
    cnn_model_free(labels);
    cnn_model_free(model);
    cnn_loader_free(loader);
}
END_TEST

START_TEST(decisions_are_kept_and_followed)
{
    const float thresholds[TARGETS] = {0.25f, 0.5f, 0.75f}, outputs[TARGETS] = {0.3f, 0.5f, 0.7f};
    cnn_model *model = open_model(CNN_TASK_LABELS), *loaded = NULL;
    cnn_decision decision = {.struct_size = sizeof(decision)};
    uint8_t marks[TARGETS];
    int32_t label = 7;
    ck_assert(!cnn_model_decision(model, &decision));
    ck_assert_int_eq(cnn_model_decide(model, outputs, TARGETS, &label, marks), CNN_OK);
    ck_assert_int_eq(label, -1);
    ck_assert_mem_eq(marks, ((const uint8_t[]){0, 0, 1}), TARGETS); /* 0.5 itself is not there */
    ck_assert_int_eq(cnn_model_set_decision(
                         model, CNN_DECISION(.temperature = 2, .thresholds = thresholds, .threshold_count = TARGETS)),
                     CNN_OK);
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(context, path, &loaded), CNN_OK);
    ck_assert(cnn_model_decision(loaded, &decision));
    ck_assert_float_eq(decision.temperature, 2);
    ck_assert_uint_eq(decision.threshold_count, TARGETS);
    ck_assert_mem_eq(decision.thresholds, thresholds, sizeof(thresholds));
    ck_assert_int_eq(cnn_model_decide(loaded, outputs, TARGETS, NULL, marks), CNN_OK);
    ck_assert_mem_eq(marks, ((const uint8_t[]){1, 1, 0}), TARGETS);
    ck_assert_int_eq(cnn_model_decide(loaded, outputs, 2, NULL, marks), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_set_decision(model, CNN_DECISION(.thresholds = thresholds, .threshold_count = 2)),
                     CNN_ERROR_MISMATCH);
    ck_assert_int_eq(cnn_model_set_decision(model, CNN_DECISION(.temperature = -1)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_set_decision(model, CNN_DECISION(.slope = 1)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_set_decision(model, CNN_DECISION(.reject = 1.5f)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_set_decision(model, CNN_DECISION(.threshold_count = 3)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_model_set_decision(model, NULL), CNN_OK);
    ck_assert(!cnn_model_decision(model, &decision));
    ck_assert_ptr_null(decision.thresholds);
    cnn_model_free(loaded);
    cnn_model_free(model);
}
END_TEST

/* Of classes: a temperature leaves the order, and makes the probabilities those of the softmax of logits / T, in
 * predictions and evaluations; an uncertain image is of no class. A training forgets it. */
START_TEST(calibration_changes_probabilities)
{
    cnn_model *model = NULL;
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    cnn_decision decision = {.struct_size = sizeof(decision)};
    float plain[COUNT * TEST_CLASSES], heated[COUNT * TEST_CLASSES];
    int32_t label;
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, COUNT, &dataset), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.batch = 8), &loader), CNN_OK);
    ck_assert_int_eq(train(model, loader, 3, NULL, NULL), CNN_OK);
    cnn_model *headed = NULL; /* the fixture's model ends in logits */
    ck_assert_int_eq(cnn_model_replace_head(model, CNN_HEAD(.classes = TEST_CLASSES), &headed), CNN_OK);
    ck_assert_int_eq(cnn_predict(headed, loader, plain, COUNT * TEST_CLASSES), CNN_OK);
    ck_assert_int_eq(cnn_model_set_decision(headed, CNN_DECISION(.temperature = 3, .reject = 0.9f)), CNN_OK);
    ck_assert_int_eq(cnn_predict(headed, loader, heated, COUNT * TEST_CLASSES), CNN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        double sum = 0;
        for (size_t j = 0; j < TEST_CLASSES; j++) {
            sum += cbrt(plain[i * TEST_CLASSES + j]);
        }
        for (size_t j = 0; j < TEST_CLASSES; j++) {
            ck_assert_float_eq_tol(heated[i * TEST_CLASSES + j], (float)(cbrt(plain[i * TEST_CLASSES + j]) / sum),
                                   1e-4f);
        }
    }
    ck_assert_int_eq(cnn_model_decide(headed, (const float[]){0.2f, 0.7f, 0.1f}, 3, &label, NULL), CNN_OK);
    ck_assert_int_eq(label, -1);
    ck_assert_int_eq(cnn_model_decide(headed, (const float[]){0.04f, 0.95f, 0.01f}, 3, &label, NULL), CNN_OK);
    ck_assert_int_eq(label, 1);
    ck_assert_int_eq(train(headed, loader, 1, NULL, NULL), CNN_OK);
    ck_assert(!cnn_model_decision(headed, &decision));
    cnn_model_free(headed);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
}
END_TEST

/* A training on several labels, a decision, and the file and back, under a context of its own. */
static cnn_status go_through(cnn_context *own, cnn_loader **loader, cnn_model **model, cnn_model **loaded,
                             cnn_optimizer **optimizer)
{
    const float thresholds[TARGETS] = {0.25f, 0.5f, 0.75f};
    cnn_dataset *dataset = NULL;
    cnn_model *plain = NULL;
    float outputs[COUNT * TARGETS];
    cnn_status status = cnn_dataset_create(own,
                                           CNN_ARRAYS(.bytes = pixels, .count = COUNT, .height = TEST_SIDE,
                                                      .width = TEST_SIDE, .channels = 1, .classes = names,
                                                      .class_count = TARGETS, .targets = targets,
                                                      .target_count = TARGETS, .task = CNN_TASK_LABELS),
                                           &dataset);
    if (status == CNN_OK) {
        status = cnn_loader_create(own, dataset, CNN_LOADER(.batch = 12, .shuffle = 1), loader);
    }
    cnn_dataset_free(dataset);
    status = status == CNN_OK ? test_model(own, &plain) : status;
    if (status == CNN_OK) {
        status = cnn_model_replace_head(plain, CNN_HEAD(.classes = TARGETS, .task = CNN_TASK_LABELS), model);
    }
    cnn_model_free(plain);
    status = status == CNN_OK ? cnn_optimizer_create(own, "sgd:learning_rate=0.1", optimizer) : status;
    if (status == CNN_OK) {
        status = cnn_fit(*model, CNN_FIT(.train = *loader, .validation = *loader, .optimizer = *optimizer), NULL);
    }
    if (status == CNN_OK) {
        status = cnn_model_set_decision(
            *model, CNN_DECISION(.temperature = 2, .thresholds = thresholds, .threshold_count = TARGETS));
    }
    status = status == CNN_OK ? cnn_model_save(*model, path) : status;
    status = status == CNN_OK ? cnn_model_load(own, path, loaded) : status;
    return status == CNN_OK ? cnn_predict(*loaded, *loader, outputs, COUNT * TARGETS) : status;
}

START_TEST(every_allocation_may_fail)
{
    test_allocator memory = {0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    for (size_t k = 1;; k++) {
        cnn_context *own = NULL;
        cnn_loader *loader = NULL;
        cnn_model *model = NULL, *loaded = NULL;
        cnn_optimizer *optimizer = NULL;
        memory = (test_allocator){0};
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &own), CNN_OK);
        memory.calls = 0;
        memory.fail_at = k;
        const cnn_status status = go_through(own, &loader, &model, &loaded, &optimizer);
        const bool done = memory.calls < k;
        memory.fail_at = 0;
        ck_assert(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY);
        cnn_optimizer_free(optimizer);
        cnn_model_free(loaded);
        cnn_model_free(model);
        cnn_loader_free(loader);
        cnn_context_free(own);
        ck_assert_uint_eq(memory.blocks, 0);
        if (done) {
            ck_assert_int_eq(status, CNN_OK);
            ck_assert_uint_gt(k, 100);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/tasks");
    TCase *tests = tcase_create("tasks");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, the_task_chooses_loss_and_score, CNN_TASK_LABELS, CNN_TASK_VALUES + 1);
    tcase_add_loop_test(tests, a_resumed_training_has_the_same_bits, CNN_TASK_LABELS, CNN_TASK_VALUES + 1);
    tcase_add_test(tests, predictions_are_of_the_task);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    tcase_add_test(tests, decisions_are_kept_and_followed);
    tcase_add_test(tests, calibration_changes_probabilities);
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
