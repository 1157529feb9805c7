/* SPDX-License-Identifier: MIT */
/* Training checkpoints that do not fit what they are loaded into: refused with the reason, and nothing is changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

static cnn_context *context;
static cnn_dataset *data;
static cnn_loader *loader;
static cnn_model *model;
static cnn_session *session;
static cnn_optimizer *optimizer;
static char path[512];

static void setup(void)
{
    test_path(path, sizeof(path), "training.cnn");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 2), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 32, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 8, .shuffle = 1), &loader), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 8, .training = 1), &session), CNN_OK);
    optimizer = NULL;
}

static void teardown(void)
{
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
    unlink(path);
}

static void take_steps(int steps)
{
    cnn_loss *loss;
    double value;
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    for (int step = 0; step < steps; step++) {
        cnn_batch batch = CNN_BATCH_INIT;
        ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    }
    cnn_loss_free(loss);
}

static void save(void)
{
    ck_assert_msg(cnn_checkpoint_save(path, session, optimizer, loader, NULL) == CNN_OK, "%s", cnn_last_error(context));
}

/* Loads, expects to be refused with `message`, and checks that nothing was changed. */
static void check_refused(cnn_status status, const char *message)
{
    const uint64_t hash = test_model_hash(model), steps = cnn_optimizer_steps(optimizer);
    const uint64_t position = cnn_loader_position(loader);
    const float rate = cnn_optimizer_learning_rate(optimizer);
    cnn_history *history = NULL;
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, &history), status);
    ck_assert_msg(strstr(cnn_last_error(context), message) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  message);
    ck_assert_ptr_null(history);
    ck_assert_uint_eq(test_model_hash(model), hash);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), steps);
    ck_assert_uint_eq(cnn_loader_position(loader), position);
    ck_assert(cnn_optimizer_learning_rate(optimizer) == rate);
}

/* Replaces the only `old` in the file by `new` of the same length. */
static void patch(const char *old, const char *new)
{
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    static char bytes[1 << 20];
    const size_t size = fread(bytes, 1, sizeof(bytes), file), length = strlen(old);
    char *found = memmem(bytes, size, old, length);
    ck_assert_msg(found != NULL, "no %s in the file", old);
    ck_assert_uint_eq(strlen(new), length);
    ck_assert_ptr_null(memmem(found + 1, size - (size_t)(found + 1 - bytes), old, length));
    ck_assert_int_eq(fseek(file, found - bytes, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(new, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void new_sgd(const cnn_sgd_options *options)
{
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_sgd_create(context, options, &optimizer), CNN_OK);
}

START_TEST(other_options_of_sgd_are_refused)
{
    new_sgd(CNN_SGD(.learning_rate = 0.05f, .momentum = 0.5f, .weight_decay = 0.25f));
    take_steps(3);
    save();
    const uint64_t hash = test_model_hash(model);
    take_steps(1);
    new_sgd(CNN_SGD(.momentum = 0.75f, .weight_decay = 0.25f));
    check_refused(CNN_ERROR_MISMATCH, "was trained with the momentum 0.5 of sgd, not 0.75");
    new_sgd(CNN_SGD(.momentum = 0.5f, .nesterov = 1, .weight_decay = 0.25f));
    check_refused(CNN_ERROR_MISMATCH, "nesterov 0 of sgd, not 1");
    new_sgd(CNN_SGD(.momentum = 0.5f, .convention = CNN_PYTORCH, .weight_decay = 0.25f));
    check_refused(CNN_ERROR_MISMATCH, "variant 1 of sgd, not 0");
    new_sgd(CNN_SGD(.momentum = 0.5f));
    check_refused(CNN_ERROR_MISMATCH, "weight_decay 0.25 of sgd, not 0");
    new_sgd(CNN_SGD(.momentum = 0.5f, .weight_decay = 0.25f, .decay_kernels_only = 1));
    check_refused(CNN_ERROR_MISMATCH, "decay_kernels_only 0 of sgd, not 1");
    new_sgd(CNN_SGD(.momentum = 0.5f, .weight_decay = 0.25f, .clip_norm = 1));
    check_refused(CNN_ERROR_MISMATCH, "clip_norm 0 of sgd, not 1");
    new_sgd(CNN_SGD(.momentum = 0.5f, .weight_decay = 0.25f, .clip_value = 2));
    check_refused(CNN_ERROR_MISMATCH, "clip_value 0 of sgd, not 2");
    new_sgd(CNN_SGD(.learning_rate = 0.125f, .momentum = 0.5f, .weight_decay = 0.25f));
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, NULL), CNN_OK);
    ck_assert_uint_eq(test_model_hash(model), hash);
    ck_assert(cnn_optimizer_learning_rate(optimizer) == 0.05f);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 3);
    ck_assert_uint_eq(cnn_loader_position(loader), 3);
}
END_TEST

START_TEST(other_options_of_rmsprop_and_adam_are_refused)
{
    ck_assert_int_eq(cnn_rmsprop_create(context, CNN_RMSPROP(.rho = 0.5f, .epsilon = 0.25f), &optimizer), CNN_OK);
    take_steps(1);
    save();
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_rmsprop_create(context, CNN_RMSPROP(.rho = 0.75f, .epsilon = 0.25f), &optimizer), CNN_OK);
    check_refused(CNN_ERROR_MISMATCH, "rho 0.5 of rmsprop, not 0.75");
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_rmsprop_create(context, CNN_RMSPROP(.rho = 0.5f, .epsilon = 0.5f), &optimizer), CNN_OK);
    check_refused(CNN_ERROR_MISMATCH, "epsilon 0.25 of rmsprop, not 0.5");
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.beta1 = 0.5f), &optimizer), CNN_OK);
    check_refused(CNN_ERROR_MISMATCH, "optimizer \"rmsprop\", not \"adam\"");
    save();
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.beta1 = 0.75f), &optimizer), CNN_OK);
    check_refused(CNN_ERROR_MISMATCH, "beta1 0.5 of adam, not 0.75");
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.beta1 = 0.5f, .beta2 = 0.5f), &optimizer), CNN_OK);
    check_refused(CNN_ERROR_MISMATCH, "beta2 0.999 of adam, not 0.5");
}
END_TEST

START_TEST(files_without_options_are_not_compared)
{
    new_sgd(CNN_SGD(.momentum = 0.5f));
    take_steps(2);
    save();
    patch("\\\"options\\\":{\\\"momentum\\\"", "\\\"0ptions\\\":{\\\"momentum\\\"");
    new_sgd(CNN_SGD(.momentum = 0.75f));
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, NULL), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 2);
}
END_TEST

START_TEST(an_option_that_is_not_in_the_file_was_0)
{
    new_sgd(CNN_SGD(.momentum = 0.5f));
    take_steps(1);
    save();
    patch("\\\"clip_norm\\\"", "\\\"clip_n0rm\\\"");
    new_sgd(CNN_SGD(.momentum = 0.5f, .clip_norm = 1));
    check_refused(CNN_ERROR_MISMATCH, "clip_norm 0 of sgd, not 1");
    new_sgd(CNN_SGD(.momentum = 0.5f));
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, NULL), CNN_OK);
}
END_TEST

START_TEST(a_file_before_the_first_step_is_for_a_new_optimizer)
{
    new_sgd(CNN_SGD(.momentum = 0.5f));
    save();
    take_steps(2);
    check_refused(CNN_ERROR_STATE, "the optimizer has taken 2");
    new_sgd(CNN_SGD(.momentum = 0.5f));
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, NULL), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 0);
    /* Without momentum there is nothing that could be stale. */
    new_sgd(NULL);
    save();
    take_steps(2);
    ck_assert_int_eq(cnn_checkpoint_load(path, session, optimizer, loader, NULL), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 0);
}
END_TEST

START_TEST(steps_without_slots_are_refused)
{
    new_sgd(CNN_SGD(.momentum = 0.5f));
    take_steps(2);
    save();
    patch("\\\"slots\\\":1", "\\\"slots\\\":0");
    check_refused(CNN_ERROR_MISMATCH, "has no slots after 2 steps");
    new_sgd(CNN_SGD(.momentum = 0.5f));
    check_refused(CNN_ERROR_MISMATCH, "has no slots after 2 steps");
}
END_TEST

START_TEST(a_rate_that_is_none_is_refused)
{
    new_sgd(CNN_SGD(.learning_rate = 25, .momentum = 0.5f));
    save();
    patch("\\\"learning_rate\\\":25.0", "\\\"learning_rate\\\":-5.0");
    check_refused(CNN_ERROR_FORMAT, "\"learning_rate\" is missing or not a finite number from 0 on");
}
END_TEST

START_TEST(another_seed_is_refused)
{
    new_sgd(NULL);
    save();
    patch("\\\"seed\\\":\\\"2\\\"", "\\\"seed\\\":\\\"3\\\"");
    check_refused(CNN_ERROR_MISMATCH, "trained with the seed 3, this context has 2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/checkpoint");
    TCase *tests = tcase_create("training");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, other_options_of_sgd_are_refused);
    tcase_add_test(tests, other_options_of_rmsprop_and_adam_are_refused);
    tcase_add_test(tests, files_without_options_are_not_compared);
    tcase_add_test(tests, an_option_that_is_not_in_the_file_was_0);
    tcase_add_test(tests, a_file_before_the_first_step_is_for_a_new_optimizer);
    tcase_add_test(tests, steps_without_slots_are_refused);
    tcase_add_test(tests, a_rate_that_is_none_is_refused);
    tcase_add_test(tests, another_seed_is_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
