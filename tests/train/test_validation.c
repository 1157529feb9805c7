/* SPDX-License-Identifier: MIT */
/* Validations as a training runs, dropout on and normalisations by the batch: other numbers, the same training, also
 * resumed. What weight decay stands for, step by step. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "common/values.h"
#include "train/bench.h"

#define COUNT 30
#define BATCH 10
#define STEPS 3 /* in an epoch */
#define EPOCHS 3
#define DECAY 0.02

static char path[256];

static void open_bench(bench *b, uint32_t threads, const char *rule)
{
    bench_open(b, BENCH(.threads = threads, .seed = 3, .samples = COUNT, .more = 24, .batch = BATCH, .rule = rule));
}

/* What a training gave. */
typedef struct outcome {
    double val_loss[EPOCHS], between[EPOCHS * STEPS];
    size_t evaluations;
    uint64_t hash;
} outcome;

static bool note_evaluation(void *user, const cnn_progress *progress)
{
    outcome *seen = user;
    ck_assert(isfinite(progress->step_loss));
    seen->between[seen->evaluations++] = progress->validation_loss;
    return false;
}

static outcome train(uint32_t threads, int32_t behavior, uint32_t epochs, const char *last, const char *resume)
{
    bench b;
    outcome seen = {.evaluations = 0};
    cnn_history *history = NULL;
    open_bench(&b, threads, "adam:learning_rate=0.01");
    ck_assert_msg(
        cnn_fit(b.model,
                CNN_FIT(.train = b.train, .validation = b.validation, .optimizer = b.optimizer, .epochs = epochs,
                        .keep_last = 1, .evaluate_every = 2, .user = &seen, .on_evaluation = note_evaluation,
                        .validation_behavior = behavior, .last_path = last, .resume_path = resume),
                &history) == CNN_OK,
        "%s", cnn_last_error(b.context));
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        seen.val_loss[epoch] = cnn_history_value(history, "val_loss", epoch);
    }
    seen.hash = test_model_hash(b.model);
    cnn_history_free(history);
    bench_close(&b);
    return seen;
}

START_TEST(validation_in_training_behavior_leaves_the_training_as_it_is)
{
    const outcome plain = train(2, CNN_BY_DEFAULT, EPOCHS, NULL, NULL), no = train(2, CNN_NO, EPOCHS, NULL, NULL),
                  yes = train(2, CNN_YES, EPOCHS, NULL, NULL);
    ck_assert_int_eq(memcmp(&plain, &no, sizeof(plain)), 0);
    ck_assert_uint_eq(yes.evaluations, plain.evaluations);
    ck_assert_uint_ge(yes.evaluations, 2);
    for (size_t i = 0; i < EPOCHS; i++) {
        ck_assert(isfinite(yes.val_loss[i]) && yes.val_loss[i] != plain.val_loss[i]);
    }
    for (size_t i = 0; i < yes.evaluations; i++) {
        ck_assert(isfinite(yes.between[i]) && yes.between[i] != plain.between[i]);
    }
    ck_assert_uint_eq(yes.hash, plain.hash); /* running statistics among the values */
}
END_TEST

START_TEST(its_numbers_depend_on_neither_threads_nor_a_resume)
{
    const outcome whole = train(1, CNN_YES, EPOCHS, NULL, NULL), other = train(4, CNN_YES, EPOCHS, NULL, NULL);
    ck_assert_int_eq(memcmp(&whole, &other, sizeof(whole)), 0);
    (void)train(2, CNN_YES, 1, path, NULL);
    const outcome rest = train(2, CNN_YES, EPOCHS, path, path);
    ck_assert_int_eq(memcmp(whole.val_loss, rest.val_loss, sizeof(whole.val_loss)), 0);
    ck_assert_uint_eq(whole.hash, rest.hash);
}
END_TEST

START_TEST(a_behavior_that_is_none_is_refused)
{
    bench b;
    open_bench(&b, 1, "adam");
    ck_assert_int_eq(cnn_fit(b.model,
                             CNN_FIT(.train = b.train, .validation = b.validation, .optimizer = b.optimizer,
                                     .validation_behavior = 7),
                             NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    bench_close(&b);
}
END_TEST

/* ---- weight decay ---- */

typedef struct watch {
    const cnn_optimizer *optimizer;
    double next; /* of the parameters as they are now, which are those before the next step */
    size_t steps, stop_at;
    double last;
} watch;

/* The squares of all that is trained, by a loop of its own. */
static double count_penalty(cnn_model *model)
{
    double sum = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        const size_t n = test_shape_values(p.value.shape);
        for (size_t k = 0; k < n && p.trainable; k++) {
            sum += (double)p.value.data[k] * (double)p.value.data[k];
        }
    }
    return DECAY / 2 * sum;
}

static bool note_step(void *user, const cnn_progress *progress)
{
    watch *seen = user;
    if (progress->step == 0) {
        return false;
    }
    ck_assert_double_eq_tol(progress->decay_penalty, seen->next, 1e-6 * seen->next);
    seen->next = count_penalty((cnn_model *)cnn_session_model(progress->session));
    ck_assert(seen->next != progress->decay_penalty);
    seen->last = progress->decay_penalty;
    return ++seen->steps == seen->stop_at;
}

static bool note_epoch(void *user, const cnn_progress *progress)
{
    const watch *seen = user;
    ck_assert_double_eq(progress->decay_penalty, seen->last);
    ck_assert_double_eq(cnn_history_value(progress->history, "decay_penalty", progress->epoch), seen->last);
    return false;
}

START_TEST(a_step_tells_the_penalty_before_it)
{
    bench b;
    open_bench(&b, 2, "momentum:learning_rate=0.05,weight_decay=0.02");
    watch seen = {.optimizer = b.optimizer, .next = count_penalty(b.model), .stop_at = 2 * STEPS};
    const cnn_fit_options *options = CNN_FIT(.train = b.train, .optimizer = b.optimizer, .epochs = EPOCHS,
                                             .keep_last = 1, .on_step = note_step, .on_epoch = note_epoch,
                                             .user = &seen, .last_path = path, .decay_penalty = 1);
    /* Stopped after the last step of an epoch, whose row is made when it goes on. */
    ck_assert_int_eq(cnn_fit(b.model, options, NULL), CNN_ERROR_CANCELLED);
    ck_assert_uint_eq(seen.steps, 2 * STEPS);
    seen.stop_at = 0;
    cnn_fit_options again = *options;
    again.resume_path = path;
    ck_assert_msg(cnn_fit(b.model, &again, NULL) == CNN_OK, "%s", cnn_last_error(b.context));
    ck_assert_uint_eq(seen.steps, EPOCHS * STEPS);
    bench_close(&b);
}
END_TEST

static bool expect_none(void *user, const cnn_progress *progress)
{
    (void)user;
    ck_assert_double_eq(progress->decay_penalty, 0);
    ck_assert(isnan(cnn_history_value(progress->history, "decay_penalty", progress->epoch)));
    return false;
}

START_TEST(it_is_not_told_unasked)
{
    bench b;
    open_bench(&b, 1, "sgd:weight_decay=0.02");
    ck_assert_int_eq(
        cnn_fit(b.model,
                CNN_FIT(.train = b.train, .optimizer = b.optimizer, .on_step = expect_none, .on_epoch = expect_none),
                NULL),
        CNN_OK);
    bench_close(&b);
}
END_TEST

static void setup(void) { test_path(path, sizeof(path), "validation.cnn"); }

static void teardown(void) { (void)unlink(path); }

int main(void)
{
    Suite *suite = suite_create("train/validation");
    TCase *tests = tcase_create("validation");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, validation_in_training_behavior_leaves_the_training_as_it_is);
    tcase_add_test(tests, its_numbers_depend_on_neither_threads_nor_a_resume);
    tcase_add_test(tests, a_behavior_that_is_none_is_refused);
    tcase_add_test(tests, a_step_tells_the_penalty_before_it);
    tcase_add_test(tests, it_is_not_told_unasked);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
