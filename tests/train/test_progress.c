/* SPDX-License-Identifier: MIT */
/* What a training tells of single batches, counted again here, and which epoch is the best without validation. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define COUNT 60
#define BATCH 16
#define STEPS 4 /* in an epoch; the last has 12 samples */
#define EPOCHS 8

/* An evaluator of the caller's that remembers the last batch's accuracy and loss. */
typedef struct watch {
    double accuracy, loss;
    size_t epochs, steps;
    double accuracies[EPOCHS], losses[EPOCHS];
    uint64_t hashes[EPOCHS];
} watch;

static void forget(void *user) { (void)user; }

static cnn_status look(void *user, const cnn_evaluation *batch)
{
    watch *seen = user;
    size_t right = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const float *outputs = batch->outputs_data + i * batch->outputs;
        int32_t best = 0;
        for (size_t c = 1; c < batch->outputs; c++) {
            best = outputs[c] > outputs[best] ? (int32_t)c : best;
        }
        right += best == batch->labels[i];
    }
    seen->accuracy = (double)right / (double)batch->count;
    seen->loss = batch->loss;
    return CNN_OK;
}

static double nothing(void *user)
{
    (void)user;
    return 0;
}

static bool note_step(void *user, const cnn_progress *progress)
{
    watch *seen = user;
    if (progress->step > 0) { /* after the evaluators */
        seen->steps++;
        ck_assert_double_eq(progress->step_loss, seen->loss);
        ck_assert(progress->step == STEPS ? progress->step_score == seen->accuracy : isnan(progress->step_score));
        if (progress->step == STEPS) {
            seen->accuracies[progress->epoch] = seen->accuracy;
            seen->losses[progress->epoch] = seen->loss;
        }
    }
    return false;
}

static bool note_epoch(void *user, const cnn_progress *progress)
{
    watch *seen = user;
    ck_assert_double_eq(progress->step_loss, seen->losses[progress->epoch]);
    ck_assert_double_eq(progress->step_score, seen->accuracies[progress->epoch]);
    const double share = cnn_history_value(progress->history, "wait_share", progress->epoch);
    ck_assert(share >= 0 && share <= 1);
    ck_assert_double_eq(cnn_history_value(progress->history, "step_loss", progress->epoch), progress->step_loss);
    ck_assert_double_eq(cnn_history_value(progress->history, "step_score", progress->epoch), progress->step_score);
    seen->hashes[progress->epoch] = test_model_hash(cnn_session_model(progress->session));
    seen->epochs++;
    return false;
}

typedef struct bench {
    cnn_context *context;
    cnn_dataset *data, *validation_data;
    cnn_loader *train, *validation;
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_evaluator *evaluators[2];
} bench;

static const cnn_evaluator_kind watch_kind = {
    .struct_size = sizeof(watch_kind), .name = "watch", .reset = forget, .update = look, .score = nothing};

static void set_bench(bench *b, watch *seen, const char *metric)
{
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 4), &b->context), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, COUNT, &b->data), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, COUNT, 30, &b->validation_data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->data, CNN_LOADER(.batch = BATCH, .shuffle = 1), &b->train),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->validation_data, CNN_LOADER(.batch = BATCH), &b->validation),
                     CNN_OK);
    ck_assert_int_eq(test_model(b->context, &b->model), CNN_OK);
    /* So fast that the score goes up and down. */
    ck_assert_int_eq(cnn_sgd_create(b->context, CNN_SGD(.learning_rate = 0.2f, .momentum = 0.9f), &b->optimizer),
                     CNN_OK);
    ck_assert_int_eq(cnn_evaluator_create(b->context, metric, &b->evaluators[0]), CNN_OK);
    ck_assert_int_eq(cnn_evaluator_create_custom(b->context, &watch_kind, seen, &b->evaluators[1]), CNN_OK);
}

static void clear_bench(bench *b)
{
    cnn_evaluator_free(b->evaluators[0]);
    cnn_evaluator_free(b->evaluators[1]);
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->model);
    cnn_loader_free(b->validation);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->validation_data);
    cnn_dataset_free(b->data);
    cnn_context_free(b->context);
}

/* With validation (_i 1), whose outputs the evaluators see too, and without. */
START_TEST(the_last_batch_is_told)
{
    bench b;
    watch seen = {0};
    set_bench(&b, &seen, "accuracy");
    ck_assert_int_eq(cnn_fit(b.model,
                             CNN_FIT(.train = b.train, .validation = _i == 1 ? b.validation : NULL,
                                     .optimizer = b.optimizer, .evaluators = b.evaluators, .evaluator_count = 2,
                                     .epochs = EPOCHS, .on_step = note_step, .on_epoch = note_epoch, .user = &seen),
                             NULL), CNN_OK);
    ck_assert_uint_eq(seen.epochs, EPOCHS);
    ck_assert_uint_eq(seen.steps, EPOCHS * STEPS);
    clear_bench(&b);
}
END_TEST

/* By the score of all of the epoch, or (_i 1) by that of its last batch, as the article keeps the best model where
 * there is no validation set. */
START_TEST(without_validation_the_training_score_decides)
{
    bench b;
    watch seen = {0};
    cnn_history *history;
    size_t best = SIZE_MAX;
    double score = 0;
    set_bench(&b, &seen, "accuracy");
    ck_assert_int_eq(cnn_fit(b.model,
                             CNN_FIT(.train = b.train, .optimizer = b.optimizer, .evaluators = b.evaluators,
                                     .evaluator_count = 2, .epochs = EPOCHS, .on_step = note_step,
                                     .on_epoch = note_epoch, .user = &seen, .last_batch_scores = (uint32_t)_i),
                             &history), CNN_OK);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        double value = cnn_history_value(history, _i == 1 ? "step_score" : "accuracy", epoch);
        if (value > score * (1 + 1e-4)) {
            score = value;
            best = epoch;
        }
    }
    ck_assert_msg(best < EPOCHS - 1, "the last epoch is the best: this shows nothing");
    ck_assert_uint_eq(cnn_history_best_epoch(history), best);
    ck_assert_double_eq(cnn_history_best_score(history), score);
    ck_assert_uint_eq(test_model_hash(b.model), seen.hashes[best]);
    cnn_history_free(history);
    clear_bench(&b);
}
END_TEST

/* Evaluators whose state is more than numbers are set aside and go on as if nothing had been. */
START_TEST(running_scores_do_not_change)
{
    static const char *const names[] = {"auc", "f1", "log_loss", "loss", "top2"};
    bench b;
    watch seen = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cnn_history *history;
        set_bench(&b, &seen, names[i]);
        ck_assert_int_eq(cnn_fit(b.model,
                                 CNN_FIT(.train = b.train, .optimizer = b.optimizer, .evaluators = b.evaluators,
                                         .evaluator_count = 1, .epochs = 2),
                                 &history), CNN_OK);
        const double score = cnn_history_value(history, names[i], 1);
        ck_assert(!isnan(cnn_history_value(history, "step_score", 1)));
        cnn_history_free(history);
        clear_bench(&b);
        /* As the second evaluator it is not asked for single batches. */
        set_bench(&b, &seen, names[i]);
        cnn_evaluator *swapped[] = {b.evaluators[1], b.evaluators[0]};
        ck_assert_int_eq(cnn_fit(b.model,
                                 CNN_FIT(.train = b.train, .optimizer = b.optimizer, .evaluators = swapped,
                                         .evaluator_count = 2, .epochs = 2),
                                 &history), CNN_OK);
        ck_assert_double_eq(cnn_history_value(history, names[i], 1), score);
        ck_assert(isnan(cnn_history_value(history, "step_score", 1)));
        cnn_history_free(history);
        clear_bench(&b);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/progress");
    TCase *tests = tcase_create("progress");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_last_batch_is_told, 0, 2);
    tcase_add_loop_test(tests, without_validation_the_training_score_decides, 0, 2);
    tcase_add_test(tests, running_scores_do_not_change);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
