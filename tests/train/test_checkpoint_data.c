/* SPDX-License-Identifier: MIT */
/* Checkpoints and other data, other models' parts, damaged numbers, and trainings whose state is large: all that a
 * training makes can be saved, and read again. */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "core/memory.h"
#include "format/tensors.h"
#include "model/model.h"
#include "train/train.h"

static cnn_context *context;
static cnn_model *model;
static cnn_session *session;
static cnn_optimizer *optimizer;
static char path[512], warned[1024];

static void log_line(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING) {
        snprintf(warned, sizeof(warned), "%s", message);
    }
}

static cnn_model *make_model(uint32_t outputs)
{
    cnn_model *made = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "m", .input = {2, 2, 1}), &made), CNN_OK);
    cnn_model_add(made, cnn_flatten(context, NULL));
    cnn_model_add(made, cnn_dense(context, CNN_DENSE(.units = (int32_t)outputs)));
    ck_assert_int_eq(cnn_model_build(made), CNN_OK);
    return made;
}

static void setup(void)
{
    test_path(path, sizeof(path), "data.cnn");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .log = log_line), &context), CNN_OK);
    model = make_model(3);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 8, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f, .momentum = 0.9f), &optimizer), CNN_OK);
    warned[0] = '\0';
}

static void teardown(void)
{
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
    unlink(path);
}

/* `count` pictures of 2 x 2 with labels 0, 1, 2, 0, ... */
static cnn_loader *make_loader(size_t count, const char *const *classes, const cnn_loader_options *options)
{
    uint8_t *bytes = calloc(count, 4);
    int32_t *labels = calloc(count, sizeof(*labels));
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    for (size_t i = 0; i < count; i++) {
        labels[i] = (int32_t)(i % 3);
        bytes[4 * i + i % 3] = (uint8_t)(100 + i % 100);
    }
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = bytes, .labels = labels, .count = count, .height = 2,
                                                   .width = 2, .channels = 1, .classes = classes, .class_count = 3),
                                        &data),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, options, &loader), CNN_OK);
    cnn_dataset_free(data);
    free(bytes);
    free(labels);
    return loader;
}

static const char *const names[] = {"cat", "caf\xc3\xa9", "d\xe9j"};

static void advance(cnn_loader *loader, uint64_t batches)
{
    cnn_batch batch = CNN_BATCH_INIT;
    while (cnn_loader_position(loader) < batches) {
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    }
}

/* Loads into a loader like this one; returns the status, its place and the warning. */
static cnn_status load_into(size_t count, const char *const *classes, const cnn_loader_options *options,
                            uint64_t *position)
{
    cnn_loader *loader = make_loader(count, classes, options);
    warned[0] = '\0';
    cnn_status status = cnn_checkpoint_load(path, session, optimizer, loader, NULL);
    *position = cnn_loader_position(loader);
    cnn_loader_free(loader);
    return status;
}

START_TEST(other_data_are_refused_or_told)
{
    static const char *const order[] = {"caf\xc3\xa9", "cat", "d\xe9j"}, *const apart[] = {"cat", "cafe\xcc\x81",
                                                                                           "d\xe9j"};
    cnn_loader *loader = make_loader(24, names, CNN_LOADER(.batch = 4, .shuffle = 1));
    uint64_t position = 0;
    advance(loader, 8); /* two batches of the second epoch */
    ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, loader, NULL), CNN_OK);
    cnn_loader_free(loader);
    ck_assert_int_eq(load_into(24, names, CNN_LOADER(.batch = 4, .shuffle = 1), &position), CNN_OK);
    ck_assert_uint_eq(position, 8);
    ck_assert_str_eq(warned, "");
    /* What labels mean. */
    ck_assert_int_eq(load_into(24, order, CNN_LOADER(.batch = 4, .shuffle = 1), &position), CNN_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "class 0 was \"cat\" in training"));
    ck_assert_uint_eq(position, 0);
    ck_assert_int_eq(load_into(24, apart, CNN_LOADER(.batch = 4, .shuffle = 1), &position), CNN_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "U+00E9, not U+0065 U+0301"));
    /* What comes when: the third epoch begins whole, in batches of its own. */
    static const struct {
        size_t count;
        cnn_loader_options options;
        uint64_t position;
        const char *words;
    } cases[] = {
        {24, {.batch = 8, .shuffle = 1}, 6, "batches of 4, not 8: the epoch that was under way begins anew"},
        {21, {.batch = 4, .shuffle = 1}, 12, "images of 24, not 21"},
        {24, {.batch = 4, .shuffle = 0}, 12, "shuffle 1, not 0"},
        {24, {.batch = 4, .shuffle = 1, .seed = 77}, 12, "seed 0, not 77"},
        {24, {.batch = 4, .shuffle = 1, .mode = CNN_BATCH_WRAP}, 12, "mode \"epoch\", not \"wrap\""},
        {24, {.batch = 4, .shuffle = 1, .drop_last = 1}, 12, "drop_last 0, not 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cnn_loader_options options = cases[i].options;
        options.struct_size = sizeof(options);
        ck_assert_int_eq(load_into(cases[i].count, names, &options, &position), CNN_OK);
        ck_assert_uint_eq(position, cases[i].position);
        ck_assert_msg(strstr(warned, cases[i].words) != NULL, "\"%s\" lacks \"%s\"", warned, cases[i].words);
    }
    cnn_pipeline *pipeline = NULL;
    ck_assert_int_eq(cnn_pipeline_create(context, "flip", &pipeline), CNN_OK);
    ck_assert_int_eq(load_into(24, names, CNN_LOADER(.batch = 4, .shuffle = 1, .pipeline = pipeline), &position),
                     CNN_OK);
    ck_assert_uint_eq(position, 8); /* the images are the same, in the same order */
    ck_assert_ptr_nonnull(strstr(warned, "preprocessing \"\", not \"flip"));
    cnn_pipeline_free(pipeline);
}
END_TEST

START_TEST(an_epoch_under_way_begins_anew)
{
    cnn_loader *loader = make_loader(24, names, CNN_LOADER(.batch = 4));
    cnn_history *history = NULL, *before = NULL;
    advance(loader, 8);
    ck_assert_int_eq(cnn__history_create(context, &history), CNN_OK);
    ck_assert_int_eq(cnn__history_add_column(history, "loss"), CNN_OK);
    ck_assert_int_eq(cnn__history_add_row(history), CNN_OK);
    history->running = (cnn__running){.steps = 2, .samples = 8, .loss_sum = 3, .step_loss = 1, .step_score = 0.5};
    ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, loader, history), CNN_OK);
    cnn_loader_free(loader);
    cnn_history_free(history);
    loader = make_loader(24, names, CNN_LOADER(.batch = 12));
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, &before), CNN_OK);
    ck_assert_uint_eq(cnn_loader_position(loader), 4);
    ck_assert_uint_eq(before->running.steps, 0);
    ck_assert(before->running.loss_sum == 0 && before->running.samples == 0 && isnan(before->running.step_loss));
    ck_assert_uint_eq(before->epochs, 1);
    cnn_history_free(before);
    cnn_loader_free(loader);
}
END_TEST

/* Replaces the only `old` in the header, which may become longer or shorter. */
static void patch(const char *old, const char *new)
{
    static char bytes[1 << 16];
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    uint64_t header = 0;
    fclose(file);
    char *found = memmem(bytes, size, old, strlen(old));
    ck_assert_msg(found != NULL, "no %s in the file", old);
    memcpy(&header, bytes, sizeof(header));
    header += strlen(new) - strlen(old);
    memcpy(bytes, &header, sizeof(header));
    file = fopen(path, "wb");
    fwrite(bytes, 1, (size_t)(found - bytes), file);
    fwrite(new, 1, strlen(new), file);
    fwrite(found + strlen(old), 1, size - (size_t)(found - bytes) - strlen(old), file);
    fclose(file);
}

START_TEST(numbers_that_no_training_reaches_are_damage)
{
    static const char *const keys[] = {"steps", "passes", "position"};
    static const char *const values[] = {"18446744073709551615", "9223372036854775807", "-1", "", "1.0"};
    cnn_loader *loader = make_loader(24, names, CNN_LOADER(.batch = 4));
    for (size_t k = 0; k < 3; k++) {
        for (size_t v = 0; v < 5; v++) {
            char old[64], new[64], expected[64];
            ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, loader, NULL), CNN_OK);
            snprintf(old, sizeof(old), "\\\"%s\\\":\\\"0\\\"", keys[k]);
            snprintf(new, sizeof(new), "\\\"%s\\\":\\\"%s\\\"", keys[k], values[v]);
            snprintf(expected, sizeof(expected), "training: \"%s\" is missing or not", keys[k]);
            patch(old, new);
            ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, NULL), CNN_ERROR_FORMAT);
            ck_assert_msg(strstr(cnn_last_error(context), expected) != NULL, "%s", cnn_last_error(context));
        }
    }
    cnn_loader_free(loader);
}
END_TEST

START_TEST(files_without_data_are_not_compared)
{
    cnn_loader *loader = make_loader(24, names, CNN_LOADER(.batch = 4));
    advance(loader, 3);
    ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, loader, NULL), CNN_OK);
    cnn_loader_free(loader);
    patch("\\\"data\\\":", "\\\"dada\\\":");
    uint64_t position = 0;
    ck_assert_int_eq(load_into(24, names, CNN_LOADER(.batch = 8), &position), CNN_OK);
    ck_assert_uint_eq(position, 3);
    ck_assert_str_eq(warned, "");
}
END_TEST

START_TEST(parts_of_other_models_are_refused)
{
    cnn_model *large = make_model(2000);
    cnn_session *other = NULL;
    cnn_history *history = NULL;
    ck_assert_int_eq(cnn_session_create(large, CNN_SESSION(.batch = 8, .training = 1), &other), CNN_OK);
    ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, NULL, NULL), CNN_OK);
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, NULL, NULL), CNN_OK); /* it belongs to `model` now */
    ck_assert_int_eq(cnn_checkpoint_save(path, other, optimizer, NULL, NULL), CNN_ERROR_STATE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "belongs to another model"));
    ck_assert_int_eq(cnn_checkpoint_load(path, other, optimizer, NULL, NULL), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn__history_create(context, &history), CNN_OK);
    ck_assert_int_eq(cnn__history_keep_best(history, large->values, large->value_count), CNN_OK);
    ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, NULL, history), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_checkpoint_save(path, NULL, optimizer, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_checkpoint_save(path, session, NULL, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_checkpoint_save(NULL, session, optimizer, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_checkpoint_load(path, session, NULL, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_checkpoint_load(NULL, session, optimizer, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_history_free(history);
    cnn_session_free(other);
    cnn_model_free(large);
}
END_TEST

START_TEST(a_long_history_is_kept)
{
    enum { EPOCHS = 90000, COLUMNS = 12 };
    cnn_history *history = NULL, *back = NULL;
    ck_assert_int_eq(cnn__history_create(context, &history), CNN_OK);
    for (int i = 0; i < COLUMNS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "column%d", i);
        ck_assert_int_eq(cnn__history_add_column(history, name), CNN_OK);
    }
    for (int i = 0; i < EPOCHS; i++) {
        ck_assert_int_eq(cnn__history_add_row(history), CNN_OK);
        cnn__history_set(history, "column3", i / 7.0);
    }
    ck_assert_msg(cnn_checkpoint_save(path, session, optimizer, NULL, history) == CNN_OK, "%s",
                  cnn_last_error(context));
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, NULL, &back), CNN_OK);
    ck_assert_uint_eq(cnn_history_epochs(back), EPOCHS);
    for (int i = 0; i < EPOCHS; i++) {
        ck_assert(cnn_history_value(back, "column3", (size_t)i) == i / 7.0);
        ck_assert(isnan(cnn_history_value(back, "column4", (size_t)i)));
    }
    ck_assert_int_eq(cnn__history_add_row(back), CNN_OK);
    cnn_history_free(back);
    cnn_history_free(history);
}
END_TEST

START_TEST(no_history_is_one_without_columns)
{
    /* What is read of a file without one can be saved, and read again. */
    for (int i = 0; i < 3; i++) {
        cnn_history *history = NULL;
        ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, NULL, NULL), CNN_OK);
        ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, NULL, &history), CNN_OK);
        ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, NULL, history), CNN_OK);
        cnn_history_free(history);
        ck_assert_msg(cnn_checkpoint_load(path, session, optimizer, NULL, &history) == CNN_OK, "%s",
                      cnn_last_error(context));
        ck_assert_uint_eq(cnn_history_epochs(history), 0);
        cnn_history_free(history);
    }
}
END_TEST

static bool stop_at(void *user, const cnn_progress *progress) { return progress->total_steps == *(uint64_t *)user; }

START_TEST(a_large_evaluator_is_kept)
{
    enum { CLASSES = 1100 };
    uint64_t stop = 3, never = 0;
    const uint64_t *counts[2];
    cnn_evaluator *confusion[2];
    for (int stopped = 0; stopped < 2; stopped++) {
        cnn_model *wide = make_model(CLASSES);
        cnn_optimizer *sgd = NULL;
        cnn_loader *loader = make_loader(24, NULL, CNN_LOADER(.batch = 4, .shuffle = 1));
        ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f), &sgd), CNN_OK);
        ck_assert_int_eq(cnn_confusion_create(context, CLASSES, &confusion[stopped]), CNN_OK);
        cnn_fit_options options = {.struct_size = sizeof(options),
                                   .train = loader,
                                   .optimizer = sgd,
                                   .evaluators = &confusion[stopped],
                                   .evaluator_count = 1,
                                   .epochs = 1,
                                   .last_path = path,
                                   .on_step = stop_at,
                                   .user = stopped ? &stop : &never};
        cnn_status status = cnn_fit(wide, &options, NULL);
        ck_assert_msg(status == (stopped ? CNN_ERROR_CANCELLED : CNN_OK), "%s", cnn_last_error(context));
        if (stopped) {
            options.user = &never;
            options.resume_path = path;
            ck_assert_msg(cnn_fit(wide, &options, NULL) == CNN_OK, "%s", cnn_last_error(context));
        }
        counts[stopped] = cnn_confusion_counts(confusion[stopped], NULL);
        cnn_loader_free(loader);
        cnn_optimizer_free(sgd);
        cnn_model_free(wide);
    }
    ck_assert_mem_eq(counts[0], counts[1], sizeof(uint64_t) * CLASSES * CLASSES);
    cnn_evaluator_free(confusion[0]);
    cnn_evaluator_free(confusion[1]);
}
END_TEST

START_TEST(what_cannot_be_written_is_found_before_training)
{
    uint64_t never = 0;
    static const char *const paths[] = {"/dev/null", "/tmp", "/nowhere/at/all.cnn"};
    cnn_loader *loader = make_loader(24, names, CNN_LOADER(.batch = 4));
    for (size_t i = 0; i < 6; i++) {
        cnn_fit_options options = {.struct_size = sizeof(options),
                                   .train = loader,
                                   .optimizer = optimizer,
                                   .on_step = stop_at,
                                   .user = &never};
        *(i < 3 ? &options.best_path : &options.last_path) = paths[i % 3];
        ck_assert_int_eq(cnn_fit(model, &options, NULL), i % 3 == 2 ? CNN_ERROR_NOT_FOUND : CNN_ERROR_IO);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), paths[i % 3]));
        ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 0);
    }
    cnn_loader_free(loader);
}
END_TEST

START_TEST(the_rounding_mode_plays_no_part)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST};
    ck_assert_int_eq(cnn_checkpoint_save(path, session, optimizer, NULL, NULL), CNN_OK);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        fesetround(modes[i]);
        cnn_status status = cnn_checkpoint_load(path, session, optimizer, NULL, NULL);
        if (status == CNN_OK) {
            status = cnn_checkpoint_save(path, session, optimizer, NULL, NULL);
        }
        fesetround(FE_TONEAREST);
        ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/checkpoint_data");
    TCase *tests = tcase_create("data");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, other_data_are_refused_or_told);
    tcase_add_test(tests, an_epoch_under_way_begins_anew);
    tcase_add_test(tests, numbers_that_no_training_reaches_are_damage);
    tcase_add_test(tests, files_without_data_are_not_compared);
    tcase_add_test(tests, parts_of_other_models_are_refused);
    tcase_add_test(tests, a_long_history_is_kept);
    tcase_add_test(tests, no_history_is_one_without_columns);
    tcase_add_test(tests, a_large_evaluator_is_kept);
    tcase_add_test(tests, what_cannot_be_written_is_found_before_training);
    tcase_add_test(tests, the_rounding_mode_plays_no_part);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
