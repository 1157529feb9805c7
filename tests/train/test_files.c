/* SPDX-License-Identifier: MIT */
/* The files that a training leaves: the best model and the last checkpoint are there, and hold what they should,
 * whatever the training went on from and under which names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

static cnn_context *context;
static cnn_dataset *data;
static cnn_evaluator *evaluator;
static char best[512], last[512], other[512], other_last[512];
static double score_now; /* of every epoch to come */
static uint64_t trained; /* hash of the parameters after the last training */

static void reset(void *user) { (void)user; }

static cnn_status update(void *user, const cnn_evaluation *batch)
{
    (void)user;
    (void)batch;
    return CNN_OK;
}

static double score(void *user)
{
    (void)user;
    return score_now;
}

static void setup(void)
{
    static const cnn_evaluator_kind kind = {.struct_size = sizeof(kind),
                                            .name = "given",
                                            .mode = CNN_SCORE_MAX,
                                            .worst_score = 0,
                                            .reset = reset,
                                            .update = update,
                                            .score = score};
    char *const names[] = {best, last, other, other_last};
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof(name), "files%d.cnn", i);
        test_path(names[i], sizeof(best), name);
        unlink(names[i]);
    }
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 2), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 16, &data), CNN_OK);
    ck_assert_int_eq(cnn_evaluator_create_custom(context, &kind, NULL, &evaluator), CNN_OK);
}

static void teardown(void)
{
    const char *const names[] = {best, last, other, other_last};
    cnn_evaluator_free(evaluator);
    cnn_dataset_free(data);
    cnn_context_free(context);
    for (int i = 0; i < 4; i++) {
        unlink(names[i]);
    }
}

static bool stop_at_once(void *user, const cnn_progress *progress)
{
    (void)user;
    (void)progress;
    return true;
}

/* A training with a model, loader and optimizer of its own; every epoch of it gets the score. */
static cnn_status train(double value, cnn_fit_options options)
{
    cnn_model *model;
    cnn_loader *loader;
    cnn_optimizer *optimizer;
    score_now = value;
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 8, .shuffle = 1), &loader), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.05f), &optimizer), CNN_OK);
    options.struct_size = sizeof(options);
    options.train = loader;
    options.optimizer = optimizer;
    options.evaluators = &evaluator;
    options.evaluator_count = 1;
    cnn_status status = cnn_fit(model, &options, NULL);
    trained = test_model_hash(model);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    cnn_model_free(model);
    return status;
}

/* Hash of the parameters of a model file; 0 if it is not there. */
static uint64_t file_hash(const char *path)
{
    cnn_model *model = NULL;
    if (access(path, F_OK) != 0) {
        return 0;
    }
    ck_assert_msg(cnn_model_load(context, path, &model) == CNN_OK, "%s", cnn_last_error(context));
    uint64_t hash = test_model_hash(model);
    cnn_model_free(model);
    return hash;
}

START_TEST(no_later_epoch_is_better)
{
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 2, .best_path = best, .last_path = last}), CNN_OK);
    const uint64_t hash = file_hash(best);
    ck_assert_int_eq(
        train(0.1, (cnn_fit_options){.epochs = 4, .best_path = other, .last_path = other_last, .resume_path = last}),
        CNN_OK);
    ck_assert_uint_eq(file_hash(other), hash);
    ck_assert_uint_eq(trained, hash);
    ck_assert_uint_ne(file_hash(other_last), 0);
    ck_assert_uint_eq(file_hash(best), hash);
}
END_TEST

START_TEST(nothing_is_left_to_do)
{
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 2, .best_path = best, .last_path = last}), CNN_OK);
    ck_assert_int_eq(
        train(0.1, (cnn_fit_options){.epochs = 2, .best_path = other, .last_path = other_last, .resume_path = last}),
        CNN_OK);
    ck_assert_uint_eq(file_hash(other), file_hash(best));
    ck_assert_uint_eq(file_hash(other_last), file_hash(last));
}
END_TEST

START_TEST(a_file_of_another_training_is_replaced)
{
    cnn_model *untrained;
    ck_assert_int_eq(test_model(context, &untrained), CNN_OK);
    ck_assert_int_eq(cnn_model_save(untrained, other), CNN_OK);
    cnn_model_free(untrained);
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 3, .best_path = best, .last_path = last}), CNN_OK);
    ck_assert_uint_ne(file_hash(other), file_hash(best));
    ck_assert_int_eq(train(0.1, (cnn_fit_options){.epochs = 4, .best_path = other, .resume_path = last}), CNN_OK);
    ck_assert_uint_eq(file_hash(other), file_hash(best));
}
END_TEST

START_TEST(a_training_of_one_epoch_goes_on)
{
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 1, .best_path = best, .last_path = last}), CNN_OK);
    const uint64_t hash = file_hash(best);
    ck_assert_int_eq(
        train(0.1, (cnn_fit_options){.epochs = 3, .best_path = other, .last_path = other_last, .resume_path = last}),
        CNN_OK);
    ck_assert_uint_eq(file_hash(other), hash);
    ck_assert_uint_eq(trained, hash);
    /* and once more, from the checkpoint after it */
    unlink(best);
    ck_assert_int_eq(train(0.1, (cnn_fit_options){.epochs = 4, .best_path = best, .resume_path = other_last}), CNN_OK);
    ck_assert_uint_eq(file_hash(best), hash);
}
END_TEST

START_TEST(the_last_parameters_are_kept_beside_the_best)
{
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 2, .keep_last = 1, .best_path = best, .last_path = last}),
                     CNN_OK);
    const uint64_t hash = file_hash(best);
    ck_assert_int_eq(
        train(0.1,
              (cnn_fit_options){
                  .epochs = 3, .keep_last = 1, .best_path = other, .last_path = other_last, .resume_path = last}),
        CNN_OK);
    ck_assert_uint_eq(file_hash(other), hash);
    ck_assert_uint_eq(file_hash(other_last), trained);
    ck_assert_uint_ne(trained, hash);
}
END_TEST

START_TEST(a_stopped_training_has_its_best_model)
{
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 2, .best_path = best, .last_path = last}), CNN_OK);
    ck_assert_int_eq(train(0.1, (cnn_fit_options){.epochs = 4,
                                                  .best_path = other,
                                                  .last_path = other_last,
                                                  .resume_path = last,
                                                  .on_step = stop_at_once}),
                     CNN_ERROR_CANCELLED);
    ck_assert_uint_eq(file_hash(other), file_hash(best));
    ck_assert_uint_ne(file_hash(other_last), 0);
}
END_TEST

static bool stop_after_two(void *user, const cnn_progress *progress)
{
    (void)user;
    return progress->epoch == 1;
}

START_TEST(a_stop_after_the_last_epoch_changes_nothing)
{
    ck_assert_int_eq(
        train(0.9,
              (cnn_fit_options){
                  .epochs = 2, .keep_last = 1, .best_path = best, .last_path = last, .on_epoch = stop_after_two}),
        CNN_OK);
    ck_assert_uint_eq(file_hash(last), trained);
    ck_assert_uint_ne(file_hash(best), trained);
}
END_TEST

START_TEST(no_epoch_is_better_than_the_worst_score)
{
    ck_assert_int_eq(train(0, (cnn_fit_options){.epochs = 2, .best_path = best, .last_path = last}), CNN_OK);
    ck_assert_uint_eq(file_hash(best), trained);
    ck_assert_uint_eq(file_hash(last), trained);
}
END_TEST

START_TEST(files_that_cannot_be_written_are_an_error)
{
    ck_assert_int_eq(train(0.9, (cnn_fit_options){.epochs = 2, .best_path = best, .last_path = last}), CNN_OK);
    ck_assert_int_ne(train(0.1, (cnn_fit_options){.epochs = 2, .best_path = "/nowhere/best.cnn", .resume_path = last}),
                     CNN_OK);
    ck_assert_msg(strstr(cnn_last_error(context), "/nowhere/best.cnn") != NULL, "%s", cnn_last_error(context));
    ck_assert_int_ne(train(0.1,
                           (cnn_fit_options){
                               .epochs = 2, .best_path = other, .last_path = "/nowhere/last.cnn", .resume_path = last}),
                     CNN_OK);
    ck_assert_msg(strstr(cnn_last_error(context), "/nowhere/last.cnn") != NULL, "%s", cnn_last_error(context));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/files");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, no_later_epoch_is_better);
    tcase_add_test(tests, nothing_is_left_to_do);
    tcase_add_test(tests, a_file_of_another_training_is_replaced);
    tcase_add_test(tests, a_training_of_one_epoch_goes_on);
    tcase_add_test(tests, the_last_parameters_are_kept_beside_the_best);
    tcase_add_test(tests, a_stopped_training_has_its_best_model);
    tcase_add_test(tests, a_stop_after_the_last_epoch_changes_nothing);
    tcase_add_test(tests, no_epoch_is_better_than_the_worst_score);
    tcase_add_test(tests, files_that_cannot_be_written_are_an_error);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
