/* SPDX-License-Identifier: MIT */
/* Where trainings and evaluations begin and end, whatever became of the loader before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT 32
#define BATCH 8
#define STEPS 4

static cnn_context *context;
static cnn_dataset *data;
static cnn_loader *loader;
static cnn_model *model;
static cnn_optimizer *optimizer;
static char path[512];

/* Image pixels, and samples that cannot be read. */
static uint8_t images[COUNT][TEST_PIXELS];
static bool broken[COUNT];

static cnn_status read_image(void *user, size_t index, cnn_sample *sample)
{
    (void)user;
    sample->width = sample->height = TEST_SIDE;
    sample->channels = 1;
    sample->pixels = images[index];
    sample->label = (int32_t)(index % TEST_CLASSES);
    return broken[index] ? CNN_ERROR_FORMAT : CNN_OK;
}

static void new_loader(const cnn_loader_options *options)
{
    cnn_loader_free(loader);
    loader = NULL;
    cnn_status status = cnn_loader_create(context, data, options, &loader);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
}

static void new_model(void)
{
    cnn_model_free(model);
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.01f, .momentum = 0.9f), &optimizer), CNN_OK);
}

static void setup(void)
{
    static const char *const names[TEST_CLASSES] = {"rows", "columns", "blocks"};
    test_path(path, sizeof(path), "begin.cnn");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 2), &context), CNN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        test_draw(i, images[i]);
        broken[i] = false;
    }
    ck_assert_int_eq(
        cnn_dataset_create_custom(context,
                                  CNN_DATASET(.count = COUNT, .classes = names, .class_count = TEST_CLASSES,
                                              .read = read_image, .shape = {3, 0, {TEST_SIDE, TEST_SIDE, 1}}),
                                  &data),
        CNN_OK);
    loader = NULL;
    model = NULL;
    optimizer = NULL;
    new_loader(CNN_LOADER(.batch = BATCH, .shuffle = 1));
    new_model();
}

static void teardown(void)
{
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
    unlink(path);
}

/* Counts steps, and stops after a number of them. */
typedef struct watch {
    size_t steps, stop_at; /* 0: never */
    double losses[64];
    double last_score; /* of the last step */
} watch;

static bool note_step(void *user, const cnn_progress *progress)
{
    watch *seen = user;
    if (progress->step == 0) {
        return false;
    }
    seen->losses[seen->steps++ % 64] = progress->step_loss;
    seen->last_score = progress->step_score;
    return seen->steps == seen->stop_at;
}

static cnn_status fit(watch *seen, uint32_t epochs, const char *resume)
{
    return cnn_fit(model,
                   CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = epochs, .on_step = note_step,
                           .user = seen, .last_path = path, .resume_path = resume, .keep_last = 1),
                   NULL);
}

/* Stopped after step _i of an epoch, the next training over the same loader has whole epochs. */
START_TEST(an_epoch_is_whole_wherever_the_loader_was_left)
{
    watch seen = {.stop_at = (size_t)_i};
    ck_assert_int_eq(fit(&seen, 2, NULL), CNN_ERROR_CANCELLED);
    for (int again = 0; again < 2; again++) {
        watch next = {0};
        cnn_history *history = NULL;
        ck_assert_int_eq(cnn_fit(model,
                                 CNN_FIT(.train = loader, .optimizer = optimizer, .on_step = note_step, .user = &next),
                                 &history),
                         CNN_OK);
        ck_assert_uint_eq(next.steps, STEPS);
        ck_assert(isfinite(cnn_history_value(history, "loss", 0)));
        cnn_history_free(history);
    }
}
END_TEST

/* The same after a loop of one's own, and in the other mode. */
START_TEST(an_epoch_is_whole_after_a_loop_of_ones_own)
{
    new_loader(CNN_LOADER(.batch = BATCH, .mode = _i == 1 ? CNN_BATCH_WRAP : CNN_BATCH_EPOCH));
    cnn_batch batch = CNN_BATCH_INIT;
    for (int step = 0; step < 3; step++) {
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    }
    watch seen = {0};
    ck_assert_int_eq(fit(&seen, 2, NULL), CNN_OK);
    ck_assert_uint_eq(seen.steps, 2 * STEPS);
}
END_TEST

/* A failing epoch, then the same call again on the same handles. */
START_TEST(a_training_that_failed_can_be_called_again)
{
    watch seen = {0};
    broken[5] = true;
    ck_assert_int_eq(fit(&seen, 1, NULL), CNN_ERROR_FORMAT);
    ck_assert_int_eq(fit(&seen, 1, NULL), CNN_ERROR_FORMAT);
    broken[5] = false;
    watch next = {0};
    ck_assert_int_eq(fit(&next, 1, NULL), CNN_OK);
    ck_assert_uint_eq(next.steps, STEPS);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = loader), &result), CNN_OK);
    ck_assert_uint_eq(result.count, COUNT);
}
END_TEST

/* Samples that are left out make batches that are no steps: stopped after each step in turn, the resumed training has
 * the losses of one that never stopped. */
START_TEST(skipped_batches_count_in_a_resumed_training)
{
    enum { EPOCHS = 3, LEFT = COUNT / 2 - 3 };
    broken[1] = broken[2] = broken[3] = broken[COUNT - 2] = broken[COUNT - 1] = true;
    const cnn_loader_options *options = CNN_LOADER(.batch = 2, .on_error = CNN_ON_ERROR_SKIP, .shuffle = _i == 1);
    watch whole = {0};
    new_loader(options);
    ck_assert_int_eq(fit(&whole, EPOCHS, NULL), CNN_OK);
    const uint64_t hash = test_model_hash(model);
    for (size_t stop = 1; stop < whole.steps; stop++) {
        new_model();
        new_loader(options);
        watch seen = {.stop_at = stop};
        ck_assert_int_eq(fit(&seen, EPOCHS, NULL), CNN_ERROR_CANCELLED);
        new_model();
        new_loader(options);
        seen.stop_at = 0;
        ck_assert_int_eq(fit(&seen, EPOCHS, path), CNN_OK);
        ck_assert_uint_eq(seen.steps, whole.steps);
        ck_assert_int_eq(memcmp(seen.losses, whole.losses, sizeof(seen.losses)), 0);
        ck_assert_uint_eq(test_model_hash(model), hash);
    }
}
END_TEST

/* Resumed with other batches, wherever it was stopped: epochs are whole. */
START_TEST(epochs_are_whole_with_other_batches)
{
    static const uint32_t sizes[] = {4, 16, 5, 32};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        for (size_t stop = 1; stop <= 2 * STEPS; stop++) {
            new_model();
            new_loader(CNN_LOADER(.batch = BATCH, .shuffle = 1));
            watch seen = {.stop_at = stop};
            ck_assert_int_eq(fit(&seen, 3, NULL), CNN_ERROR_CANCELLED);
            new_model();
            new_loader(CNN_LOADER(.batch = sizes[k], .shuffle = 1));
            watch rest = {0};
            cnn_status status = fit(&rest, 3, path);
            ck_assert_msg(status == CNN_OK, "batch %u, stopped at %zu: %s", sizes[k], stop, cnn_last_error(context));
            /* An epoch whose steps were all done counts as done. */
            const size_t epochs = 3 - stop / STEPS, each = (COUNT + sizes[k] - 1) / sizes[k];
            ck_assert_uint_eq(rest.steps, epochs * each);
        }
    }
}
END_TEST

/* The epoch's last batch is told as such though one before it was left out. */
START_TEST(the_last_batch_is_known_after_skipped_ones)
{
    for (size_t i = 0; i < BATCH; i++) {
        broken[i] = true;
    }
    watch seen = {0};
    new_loader(CNN_LOADER(.batch = BATCH, .on_error = CNN_ON_ERROR_SKIP));
    ck_assert_int_eq(fit(&seen, 1, NULL), CNN_OK);
    ck_assert_uint_eq(seen.steps, STEPS - 1);
    ck_assert(!isnan(seen.last_score));
}
END_TEST

START_TEST(an_epoch_without_steps_is_an_error)
{
    memset(broken, 1, sizeof(broken));
    watch seen = {0};
    new_loader(CNN_LOADER(.batch = BATCH, .on_error = CNN_ON_ERROR_SKIP));
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(fit(&seen, 1, NULL), CNN_ERROR_FORMAT);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "has no steps"));
    }
    ck_assert_uint_eq(seen.steps, 0);
}
END_TEST

static void check_message(const char *text)
{
    ck_assert_msg(strstr(cnn_last_error(context), text) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context), text);
}

/* They would never come to an end. */
START_TEST(evaluation_refuses_endless_loaders)
{
    cnn_loader *endless = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    static float outputs[COUNT * TEST_CLASSES];
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = BATCH, .mode = CNN_BATCH_WRAP), &endless),
                     CNN_OK);
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = endless), &result), CNN_ERROR_INVALID_ARGUMENT);
        check_message("CNN_BATCH_WRAP");
        ck_assert_int_eq(cnn_predict(model, endless, outputs, COUNT * TEST_CLASSES), CNN_ERROR_INVALID_ARGUMENT);
        check_message("CNN_BATCH_WRAP");
        ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .validation = endless, .optimizer = optimizer), NULL),
                         CNN_ERROR_INVALID_ARGUMENT);
        check_message("CNN_BATCH_WRAP");
    }
    cnn_loader_free(endless);
    ck_assert_int_eq(cnn_predict(model, loader, outputs, COUNT * TEST_CLASSES), CNN_OK);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_history *history = (cnn_history *)&result;
    float output = 0;
    cnn_evaluator *none[1] = {NULL};
    const cnn_status invalid = CNN_ERROR_INVALID_ARGUMENT;
    ck_assert_int_eq(cnn_fit(NULL, NULL, &history), invalid);
    ck_assert_ptr_null(history);
    ck_assert_int_eq(cnn_fit(model, NULL, NULL), invalid);
    ck_assert_int_eq(cnn_fit(model,
                             CNN_FIT(.train = loader, .optimizer = optimizer, .evaluators = none, .evaluator_count = 1),
                             NULL),
                     invalid);
    ck_assert_int_eq(cnn_evaluate(NULL, CNN_EVALUATE(.loader = loader), &result), invalid);
    ck_assert_int_eq(cnn_evaluate(model, NULL, &result), invalid);
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = loader), NULL), invalid);
    ck_assert_int_eq(
        cnn_evaluate(model, CNN_EVALUATE(.loader = loader, .evaluators = none, .evaluator_count = 1), &result),
        invalid);
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = loader, .evaluator_count = 1), &result), invalid);
    ck_assert_int_eq(cnn_predict(NULL, loader, &output, 1), invalid);
    ck_assert_int_eq(cnn_predict(model, NULL, &output, 1), invalid);
    ck_assert_int_eq(cnn_predict(model, loader, NULL, 1), invalid);
    ck_assert_uint_eq(cnn_history_epochs(NULL), 0);
    ck_assert_uint_eq(cnn_history_columns(NULL), 0);
    ck_assert_ptr_null(cnn_history_column(NULL, 0));
    ck_assert(isnan(cnn_history_value(NULL, "loss", 0)));
    ck_assert(cnn_history_best_epoch(NULL) == SIZE_MAX);
    ck_assert(isnan(cnn_history_best_score(NULL)));
    cnn_history_free(NULL);
}
END_TEST

/* A checkpoint that is refused leaves class names and preprocessing as they were. */
START_TEST(a_refused_checkpoint_changes_nothing)
{
    watch seen = {0};
    ck_assert_int_eq(fit(&seen, 1, NULL), CNN_OK);
    new_model();
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.01f, .momentum = 0.5f), &optimizer), CNN_OK);
    const uint64_t hash = test_model_hash(model);
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(fit(&seen, 2, path), CNN_ERROR_MISMATCH);
        ck_assert_uint_eq(cnn_model_class_count(model), 0);
        ck_assert_ptr_null(cnn_model_pipeline(model));
        ck_assert_uint_eq(test_model_hash(model), hash);
    }
}
END_TEST

/* A model whose input is a vector takes images of as many values in training as in evaluation. */
START_TEST(vectors_are_trained_on_images)
{
    cnn_pipeline *pipeline = NULL;
    cnn_model *dense = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_pipeline_create(context, "resize=4x4", &pipeline), CNN_OK);
    new_loader(CNN_LOADER(.batch = BATCH, .pipeline = pipeline));
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {16}), &dense), CNN_OK);
    ck_assert_int_eq(cnn_model_add(dense, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES))), CNN_OK);
    ck_assert_int_eq(cnn_model_build(dense), CNN_OK);
    cnn_status status = cnn_fit(dense, CNN_FIT(.train = loader, .optimizer = optimizer), NULL);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_evaluate(dense, CNN_EVALUATE(.loader = loader), &result), CNN_OK);
    cnn_model_free(dense);
    cnn_pipeline_free(pipeline);
}
END_TEST

/* The message is found in the context of the model, where the call's status came from. */
START_TEST(a_loader_of_another_context_is_told_of)
{
    cnn_context *other = NULL;
    cnn_loader *theirs = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 2), &other), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(other, data, CNN_LOADER(.batch = BATCH), &theirs), CNN_OK);
    broken[9] = true;
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = theirs, .optimizer = optimizer), NULL), CNN_ERROR_FORMAT);
    check_message("sample 9");
    broken[9] = false;
    broken[10] = true;
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = theirs), &result), CNN_ERROR_FORMAT);
    check_message("sample 10");
    broken[10] = false;
    ck_assert_int_eq(cnn_evaluate(model, CNN_EVALUATE(.loader = theirs), &result), CNN_OK);
    cnn_loader_free(theirs);
    cnn_context_free(other);
}
END_TEST

/* What a loop over one input and one loss would leave out is not left out without a word. */
START_TEST(several_inputs_and_outputs_are_refused)
{
    static float outputs[COUNT * 8];
    static const char *const both[] = {"one", "two"};
    cnn_model *several = NULL;
    cnn_optimizer *sgd = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_sgd_create(context, NULL, &sgd), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &several), CNN_OK);
    cnn_model_add(several, cnn_flatten(context, NULL));
    cnn_model_add(several, cnn_dense(context, CNN_DENSE(.name = "one", .units = TEST_CLASSES)));
    cnn_model_add_after(several, cnn_dense(context, CNN_DENSE(.name = "two", .units = 2)),
                        (const char *[]){"flatten_1"}, 1);
    ck_assert_int_eq(cnn_model_set_outputs(several, both, 2), CNN_OK);
    ck_assert_msg(cnn_model_build(several) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_fit(several, CNN_FIT(.train = loader, .optimizer = sgd), NULL), CNN_ERROR_UNSUPPORTED);
    check_message("has 2 outputs, and cnn_fit() has a loss for one");
    ck_assert_int_eq(cnn_evaluate(several, CNN_EVALUATE(.loader = loader), &result), CNN_OK); /* of the first */
    cnn_model_free(several);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &several), CNN_OK);
    cnn_model_add_input(several, "mask", &(cnn_shape){3, 0, {TEST_SIDE, TEST_SIDE, 1}});
    cnn_model_add_after(several, cnn_multiply(context, NULL), (const char *[]){"input", "mask"}, 2);
    cnn_model_add(several, cnn_flatten(context, NULL));
    cnn_model_add(several, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES)));
    ck_assert_msg(cnn_model_build(several) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_fit(several, CNN_FIT(.train = loader, .optimizer = sgd), NULL), CNN_ERROR_UNSUPPORTED);
    check_message("has 2 inputs, and a loader has samples for one");
    ck_assert_int_eq(cnn_evaluate(several, CNN_EVALUATE(.loader = loader), &result), CNN_ERROR_UNSUPPORTED);
    ck_assert_int_eq(cnn_predict(several, loader, outputs, COUNT * 8), CNN_ERROR_UNSUPPORTED);
    cnn_model_free(several);
    cnn_optimizer_free(sgd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/begin");
    TCase *tcase = tcase_create("begin");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, an_epoch_is_whole_wherever_the_loader_was_left, 1, 2 * STEPS + 1);
    tcase_add_loop_test(tcase, an_epoch_is_whole_after_a_loop_of_ones_own, 0, 2);
    tcase_add_test(tcase, a_training_that_failed_can_be_called_again);
    tcase_add_loop_test(tcase, skipped_batches_count_in_a_resumed_training, 0, 2);
    tcase_add_test(tcase, epochs_are_whole_with_other_batches);
    tcase_add_test(tcase, the_last_batch_is_known_after_skipped_ones);
    tcase_add_test(tcase, an_epoch_without_steps_is_an_error);
    tcase_add_test(tcase, evaluation_refuses_endless_loaders);
    tcase_add_test(tcase, null_arguments_are_refused);
    tcase_add_test(tcase, a_refused_checkpoint_changes_nothing);
    tcase_add_test(tcase, vectors_are_trained_on_images);
    tcase_add_test(tcase, a_loader_of_another_context_is_told_of);
    tcase_add_test(tcase, several_inputs_and_outputs_are_refused);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
