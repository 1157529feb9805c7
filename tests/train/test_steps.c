/* SPDX-License-Identifier: MIT */
/* What a step and an epoch are: gradients accumulated as those of one batch, epochs of so many steps, parts of
 * validations, validations in between. */
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "train/bench.h"

/* ---- accumulation ---- */

/* 44 samples in batches of 4 by 3, and in batches of 12: both have a last step of 8. */
START_TEST(accumulated_gradients_are_those_of_one_batch)
{
    static float one[MOST_VALUES], several[MOST_VALUES];
    const char *rule = "momentum:pytorch,learning_rate=0.1";
    bench b;
    cnn_history *history = NULL;
    bench_open(&b, BENCH(.batch = 12, .model = bench_plain, .rule = rule, .schedule = "cosine:step"));
    ck_assert_int_eq(bench_fit(&b, &(cnn_fit_options){.epochs = 3, .keep_last = 1}, NULL), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 12);
    const size_t count = bench_values(b.model, one);
    bench_close(&b);
    bench_open(&b, BENCH(.threads = 2, .batch = 4, .model = bench_plain, .rule = rule, .schedule = "cosine:step"));
    ck_assert_int_eq(bench_fit(&b, &(cnn_fit_options){.epochs = 3, .keep_last = 1, .accumulate = 3}, &history), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 12);
    ck_assert_uint_eq(bench_values(b.model, several), count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_float_eq_tol(several[i], one[i], 2e-5f);
    }
    ck_assert(isfinite(cnn_history_value(history, "step_loss", 2)));
    cnn_history_free(history);
    bench_close(&b);
}
END_TEST

/* ---- steps and validations ---- */

typedef struct counts {
    uint64_t steps, evaluations;
    uint64_t most; /* steps of an epoch as told */
} counts;

static bool count_step(void *user, const cnn_progress *progress)
{
    counts *c = user;
    if (progress->step > 0) {
        c->steps++;
        c->most = progress->steps;
        ck_assert_uint_le(progress->step, progress->steps);
    }
    return false;
}

static bool count_evaluation(void *user, const cnn_progress *progress)
{
    counts *c = user;
    c->evaluations++;
    ck_assert_uint_gt(progress->step, 0);
    ck_assert(isfinite(progress->validation_loss) && isfinite(progress->validation_score));
    return false;
}

START_TEST(an_epoch_can_be_so_many_steps)
{
    bench b;
    counts c = {0};
    cnn_history *history = NULL;
    bench_open(&b, BENCH(.model = bench_plain, .rule = "sgd",
                         .schedule = "step:every=1,gamma=0.5")); /* a pass has 6 batches, the last of 4 */
    ck_assert_int_eq(bench_fit(&b,
                               &(cnn_fit_options){.epochs = 4, .steps_per_epoch = 4, .on_step = count_step, .user = &c},
                               &history),
                     CNN_OK);
    ck_assert_uint_eq(c.steps, 16);
    ck_assert_uint_eq(c.most, 4);
    ck_assert_uint_eq(cnn_loader_position(b.train), 16);
    ck_assert_uint_eq(cnn_history_epochs(history), 4);
    ck_assert_double_eq_tol(cnn_history_value(history, "learning_rate", 3), 0.01 / 8, 1e-9);
    cnn_history_free(history);
    /* More steps than a pass has batches. */
    ck_assert_int_eq(bench_fit(&b, &(cnn_fit_options){.epochs = 2, .steps_per_epoch = 9, .accumulate = 2}, NULL),
                     CNN_OK);
    ck_assert_uint_eq(cnn_loader_position(b.train), 16 + 36);
    bench_close(&b);
}
END_TEST

START_TEST(a_validation_can_be_so_many_batches)
{
    bench b;
    cnn_history *history = NULL;
    double loss[3];
    const uint32_t steps[] = {2, 3, 4}; /* of 8, 8 and 4 samples: two batches, all, and the first again */
    for (int i = 0; i < 3; i++) {
        bench_open(&b, BENCH(.model = bench_plain, .rule = "sgd:learning_rate=0"));
        ck_assert_int_eq(bench_fit(&b, &(cnn_fit_options){.epochs = 1, .validation_steps = steps[i]}, &history),
                         CNN_OK);
        loss[i] = cnn_history_value(history, "val_loss", 0);
        cnn_history_free(history);
        bench_close(&b);
    }
    bench_open(&b, BENCH(.model = bench_plain, .rule = "sgd:learning_rate=0"));
    cnn_evaluate_result all = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(b.model, CNN_EVALUATE(.loader = b.validation), &all), CNN_OK);
    ck_assert_double_eq_tol(loss[1], all.loss, 1e-12);
    /* Sums over 16, 20 and 28 samples: the last has the first 8 twice. */
    cnn_session *session;
    cnn_loss *rule;
    cnn_batch batch = CNN_BATCH_INIT;
    double sums[3];
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = 8), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b.context, &rule), CNN_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn_loader_next(b.validation, &batch), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, rule, CNN_TARGET(.labels = batch.labels), &sums[i]), CNN_OK);
        sums[i] *= (double)batch.count;
    }
    ck_assert_double_eq_tol(loss[0], (sums[0] + sums[1]) / 16, 1e-6);
    ck_assert_double_eq_tol(loss[2], (2 * sums[0] + sums[1] + sums[2]) / 28, 1e-6);
    cnn_loss_free(rule);
    cnn_session_free(session);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer, .validation_steps = 1), NULL),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "validation_steps without a validation loader"));
    bench_close(&b);
}
END_TEST

START_TEST(validations_in_between_change_nothing)
{
    static float with[MOST_VALUES], without[MOST_VALUES];
    double running[2];
    counts c = {0};
    for (int i = 0; i < 2; i++) {
        bench b;
        cnn_history *history = NULL;
        bench_open(&b, BENCH(.threads = 2, .model = bench_noisy, .rule = "adam"));
        cnn_fit_options options = {.epochs = 3,
                                   .keep_last = 1,
                                   .user = &c,
                                   .average = "ema",
                                   .on_evaluation = count_evaluation,
                                   .evaluate_every = i == 0 ? 0 : 4};
        ck_assert_int_eq(bench_fit(&b, &options, &history), CNN_OK);
        (void)bench_values(b.model, i == 0 ? without : with);
        running[i] = cnn_history_value(history, "accuracy", 2);
        cnn_history_free(history);
        bench_close(&b);
    }
    ck_assert_uint_eq(c.evaluations, 3); /* after 4, 8 and 16 steps: 12 is an epoch's end */
    ck_assert_mem_eq(with, without, sizeof(with));
    ck_assert_double_eq(running[0], running[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/steps");
    TCase *tests = tcase_create("steps");
    tcase_add_test(tests, accumulated_gradients_are_those_of_one_batch);
    tcase_add_test(tests, an_epoch_can_be_so_many_steps);
    tcase_add_test(tests, a_validation_can_be_so_many_batches);
    tcase_add_test(tests, validations_in_between_change_nothing);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
