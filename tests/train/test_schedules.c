/* SPDX-License-Identifier: MIT */
/* Trainings with a schedule of the learning rate and with an early end: rates by step, resuming to the same bits, what
 * a checkpoint is refused for, and what a step without its parts returns. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define TRAIN 60
#define BATCH 16
#define STEPS 4 /* in an epoch */
#define EPOCHS 6
#define EVALUATORS 4

typedef struct bench {
    cnn_context *context;
    cnn_dataset *train_data, *validation_data;
    cnn_loader *train, *validation;
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_evaluator *evaluators[EVALUATORS];
    cnn_schedule *schedule;
} bench;

static char path[512];

/* A custom rule with memory: the rate falls by step, and faster after epochs that are no better than the one before. */
static double custom_rate(void *user, const cnn_schedule_moment *moment)
{
    (void)user;
    double steps = (double)(moment->epoch * moment->steps_per_epoch + moment->step);
    return moment->base / (1 + 0.02 * steps) / (1 + moment->state[1]);
}

static void custom_epoch_end(void *user, const cnn_evaluator *evaluator, uint64_t epoch, double score, double *state)
{
    (void)user;
    state[1] += epoch > 0 && !cnn_evaluator_is_better(evaluator, score, state[0]);
    state[0] = score;
}

static const cnn_schedule_kind custom_kind = {.struct_size = sizeof(custom_kind), .name = "custom 0.02", .states = 2,
                                              .rate = custom_rate, .epoch_end = custom_epoch_end};

/* The first evaluator finds few epochs better than those before, so that plateaus come. */
static void set_bench(bench *b, uint32_t threads, const char *first, const char *schedule)
{
    const char *const names[EVALUATORS] = {first, "auc", "f1", "recall_micro"};
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .seed = 4), &b->context), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, TRAIN, &b->train_data), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, TRAIN, 30, &b->validation_data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->train_data, CNN_LOADER(.batch = BATCH, .shuffle = 1), &b->train),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->validation_data, CNN_LOADER(.batch = BATCH), &b->validation),
                     CNN_OK);
    ck_assert_int_eq(test_model(b->context, &b->model), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(b->context, CNN_SGD(.learning_rate = 0.05f, .momentum = 0.9f), &b->optimizer),
                     CNN_OK);
    for (size_t i = 0; i < EVALUATORS; i++) {
        ck_assert_int_eq(cnn_evaluator_create(b->context, names[i], &b->evaluators[i]), CNN_OK);
    }
    cnn_evaluator_set_threshold(b->evaluators[0], 0.4);
    if (schedule != NULL && strcmp(schedule, custom_kind.name) == 0) {
        ck_assert_int_eq(cnn_schedule_create_custom(b->context, &custom_kind, NULL, &b->schedule), CNN_OK);
    } else if (schedule != NULL) {
        ck_assert_int_eq(cnn_schedule_create(b->context, schedule, &b->schedule), CNN_OK);
    }
}

static void clear_bench(bench *b)
{
    cnn_schedule_free(b->schedule);
    for (size_t i = 0; i < EVALUATORS; i++) {
        cnn_evaluator_free(b->evaluators[i]);
    }
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->model);
    cnn_loader_free(b->validation);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->validation_data);
    cnn_dataset_free(b->train_data);
    cnn_context_free(b->context);
}

static bool stop_at(void *user, const cnn_progress *progress)
{
    return progress->step > 0 && progress->total_steps >= *(const uint64_t *)user;
}

/* cnn_fit() with everything of the bench; stopped after `steps` steps. */
static cnn_status fit(bench *b, bool validates, uint64_t steps, const char *last, const char *resume,
                      cnn_history **history)
{
    return cnn_fit(b->model,
                   CNN_FIT(.train = b->train, .validation = validates ? b->validation : NULL, .optimizer = b->optimizer,
                           .evaluators = b->evaluators, .evaluator_count = EVALUATORS, .epochs = EPOCHS, .keep_last = 1,
                           .on_step = stop_at, .user = &steps, .last_path = last, .resume_path = resume,
                           .schedule = b->schedule),
                   history);
}

static void check_same(const cnn_history *history, const cnn_history *expected)
{
    ck_assert_uint_eq(cnn_history_epochs(history), cnn_history_epochs(expected));
    ck_assert_uint_eq(cnn_history_best_epoch(history), cnn_history_best_epoch(expected));
    ck_assert_double_eq(cnn_history_best_score(history), cnn_history_best_score(expected));
    for (size_t c = 0; c < cnn_history_columns(expected); c++) {
        const char *name = cnn_history_column(expected, c);
        bool time = strcmp(name, "seconds") == 0 || strcmp(name, "images_per_second") == 0 ||
                    strcmp(name, "wait_seconds") == 0 || strcmp(name, "wait_share") == 0;
        for (size_t epoch = 0; epoch < cnn_history_epochs(expected) && !time; epoch++) {
            const double a = cnn_history_value(history, name, epoch), e = cnn_history_value(expected, name, epoch);
            ck_assert_msg(a == e || (isnan(a) && isnan(e)), "%s of epoch %zu: %.17g; expected %.17g", name, epoch, a,
                          e);
        }
    }
}

static const struct {
    const char *first, *schedule;
    bool validates;
} trainings[] = {
    {"accuracy", "plateau:patience=0,factor=0.5", true},
    {"f1_micro", "plateau:patience=0,factor=0.5", false},
    {"loss", "plateau:pytorch,patience=1,factor=0.5,threshold=0.9", true},
    {"log_loss", "plateau:keras,patience=1,factor=0.5,threshold=2,cooldown=1", false},
    {"precision", "warmup:steps=6+cosine:step,minimum=0.001", true},
    {"accuracy", "custom 0.02", true},
    {"accuracy", NULL, false},
};

/* Stopped within an epoch, at its end, in the first and in a later one: never a difference. */
START_TEST(a_resumed_training_has_the_same_bits)
{
    const uint64_t stops[] = {1, 6, 2 * STEPS, 3 * STEPS + 3};
    const char *first = trainings[_i].first, *schedule = trainings[_i].schedule;
    const bool validates = trainings[_i].validates;
    bench whole, b;
    cnn_history *expected, *history;
    set_bench(&whole, 2, first, schedule);
    ck_assert_int_eq(fit(&whole, validates, UINT64_MAX, NULL, NULL, &expected), CNN_OK);
    const uint64_t hash = test_model_hash(whole.model);
    const double rate = cnn_history_value(expected, "learning_rate", EPOCHS - 1);
    ck_assert_msg(schedule == NULL || rate < 0.04, "the rate never changed: %g", rate);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        set_bench(&b, 1, first, schedule);
        ck_assert_int_eq(fit(&b, validates, stops[i], path, NULL, NULL), CNN_ERROR_CANCELLED);
        ck_assert_uint_ne(test_model_hash(b.model), hash);
        clear_bench(&b);
        set_bench(&b, 2, first, schedule);
        ck_assert_msg(fit(&b, validates, UINT64_MAX, NULL, path, &history) == CNN_OK, "%s", cnn_last_error(b.context));
        ck_assert_uint_eq(test_model_hash(b.model), hash);
        check_same(history, expected);
        cnn_history_free(history);
        clear_bench(&b);
    }
    cnn_history_free(expected);
    clear_bench(&whole);
    unlink(path);
}
END_TEST

START_TEST(rates_change_by_step_and_by_epoch)
{
    bench b;
    cnn_history *history;
    set_bench(&b, 1, "accuracy", "warmup:steps=6+step:every=2,gamma=0.1");
    ck_assert_int_eq(fit(&b, false, UINT64_MAX, NULL, NULL, &history), CNN_OK);
    /* Epoch 1, in which the warm-up ends, is the first of what follows; a row holds the rate of its last step. */
    const double rates[EPOCHS] = {0.05 * 4 / 7, 0.05, 0.05, 0.005, 0.005, 0.0005};
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        ck_assert_double_eq_tol(cnn_history_value(history, "learning_rate", epoch), rates[epoch], 1e-8);
    }
    cnn_history_free(history);
    clear_bench(&b);
}
END_TEST

/* ---- early end ---- */

static cnn_status fit_patiently(bench *b, uint32_t patience, const char *last, const char *resume,
                                cnn_history **history)
{
    return cnn_fit(b->model,
                   CNN_FIT(.train = b->train, .validation = b->validation, .optimizer = b->optimizer,
                           .evaluators = b->evaluators, .evaluator_count = 1, .epochs = 20, .last_path = last,
                           .resume_path = resume, .patience = patience),
                   history);
}

START_TEST(patience_ends_a_training)
{
    bench b;
    cnn_history *history;
    set_bench(&b, 1, "accuracy", NULL);
    cnn_evaluator_set_threshold(b.evaluators[0], 100); /* no epoch is better than the first with a score */
    ck_assert_int_eq(fit_patiently(&b, 3, path, NULL, &history), CNN_OK);
    ck_assert_uint_eq(cnn_history_best_epoch(history), 0);
    ck_assert_uint_eq(cnn_history_epochs(history), 4);
    cnn_history_free(history);
    clear_bench(&b);

    set_bench(&b, 1, "accuracy", NULL);
    cnn_evaluator_set_threshold(b.evaluators[0], 100);
    ck_assert_int_eq(fit_patiently(&b, 3, NULL, path, &history), CNN_OK);
    ck_assert_uint_eq(cnn_history_epochs(history), 4);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 4 * STEPS);
    cnn_history_free(history);
    ck_assert_int_eq(fit_patiently(&b, 5, NULL, path, &history), CNN_OK);
    ck_assert_uint_eq(cnn_history_epochs(history), 6);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 6 * STEPS);
    cnn_history_free(history);
    clear_bench(&b);
    unlink(path);
}
END_TEST

static bool is_better_never(void *user, double current, double best)
{
    (void)user;
    (void)current;
    (void)best;
    return false;
}

static void forget(void *user) { (void)user; }

static cnn_status look(void *user, const cnn_evaluation *batch)
{
    (void)user;
    (void)batch;
    return CNN_OK;
}

static double nothing(void *user)
{
    (void)user;
    return 0;
}

START_TEST(patience_counts_from_the_start_where_nothing_is_better)
{
    const cnn_evaluator_kind kind = {.struct_size = sizeof(kind),
                                     .name = "nothing",
                                     .reset = forget,
                                     .update = look,
                                     .score = nothing,
                                     .is_better = is_better_never};
    bench b;
    cnn_history *history;
    set_bench(&b, 1, "accuracy", NULL);
    cnn_evaluator_free(b.evaluators[0]);
    ck_assert_int_eq(cnn_evaluator_create_custom(b.context, &kind, NULL, &b.evaluators[0]), CNN_OK);
    ck_assert_int_eq(fit_patiently(&b, 2, NULL, NULL, &history), CNN_OK);
    ck_assert_uint_eq(cnn_history_epochs(history), 2);
    ck_assert_uint_eq(cnn_history_best_epoch(history), SIZE_MAX);
    cnn_history_free(history);
    clear_bench(&b);
}
END_TEST

/* ---- schedules and checkpoints that do not fit ---- */

START_TEST(another_schedule_is_refused)
{
    const char *const others[] = {"plateau:patience=1,factor=0.5", "constant", NULL};
    bench b;
    set_bench(&b, 1, "accuracy", "plateau:patience=0,factor=0.5");
    ck_assert_int_eq(fit(&b, true, 6, path, NULL, NULL), CNN_ERROR_CANCELLED);
    clear_bench(&b);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        set_bench(&b, 1, "accuracy", others[i]);
        const uint64_t hash = test_model_hash(b.model);
        ck_assert_int_eq(fit(&b, true, UINT64_MAX, NULL, path, NULL), CNN_ERROR_MISMATCH);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "with the schedule \"plateau:patience=0,factor=0.5\""));
        ck_assert_uint_eq(test_model_hash(b.model), hash);
        ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 0);
        ck_assert_uint_eq(cnn_loader_position(b.train), 0);
        clear_bench(&b);
    }
    unlink(path);
}
END_TEST

/* The best score of a checkpoint says nothing about that of another evaluator. */
START_TEST(another_evaluator_is_refused)
{
    bench b;
    set_bench(&b, 1, "accuracy", NULL);
    ck_assert_int_eq(fit(&b, true, 6, path, NULL, NULL), CNN_ERROR_CANCELLED);
    clear_bench(&b);
    set_bench(&b, 1, "log_loss", NULL);
    const uint64_t hash = test_model_hash(b.model);
    ck_assert_int_eq(fit(&b, true, UINT64_MAX, NULL, path, NULL), CNN_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "with \"accuracy\" as the evaluator"));
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "not \"log_loss\""));
    ck_assert_uint_eq(test_model_hash(b.model), hash);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 0);
    ck_assert_uint_eq(cnn_loader_position(b.train), 0);
    clear_bench(&b);
    unlink(path);
}
END_TEST

/* A checkpoint without a schedule, as older ones are all: the schedule begins at its rate. */
START_TEST(a_checkpoint_without_schedule_takes_any)
{
    bench b;
    cnn_history *history;
    set_bench(&b, 1, "accuracy", NULL);
    ck_assert_int_eq(cnn_optimizer_set_learning_rate(b.optimizer, 0.02f), CNN_OK);
    ck_assert_int_eq(fit(&b, true, 6, path, NULL, NULL), CNN_ERROR_CANCELLED);
    clear_bench(&b);
    set_bench(&b, 1, "accuracy", "step:every=3,gamma=0.5");
    ck_assert_int_eq(fit(&b, true, UINT64_MAX, NULL, path, &history), CNN_OK);
    ck_assert_double_eq_tol(cnn_history_value(history, "learning_rate", 2), 0.02, 1e-8);
    ck_assert_double_eq_tol(cnn_history_value(history, "learning_rate", 3), 0.01, 1e-8);
    cnn_history_free(history);
    clear_bench(&b);
    unlink(path);
}
END_TEST

/* ---- a step without its parts ---- */

START_TEST(a_step_needs_its_parts)
{
    bench b;
    cnn_session *session;
    cnn_loss *loss;
    double value;
    const int32_t label = 0;
    const cnn_target *target = CNN_TARGET(.labels = &label);
    set_bench(&b, 1, "accuracy", NULL);
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = 1, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b.context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(NULL, loss, target, &value), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_loss(session, NULL, target, &value), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_loss(session, loss, NULL, &value), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_session_loss(session, loss, target, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_optimizer_step(NULL, session), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_optimizer_step(b.optimizer, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "sgd: no session"));
    ck_assert_int_eq(cnn_optimizer_step(NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_uint_eq(cnn_optimizer_steps(b.optimizer), 0);
    cnn_loss_free(loss);
    cnn_session_free(session);
    clear_bench(&b);
}
END_TEST

int main(void)
{
    test_path(path, sizeof(path), "schedules.cnn");
    Suite *suite = suite_create("train/schedules");
    TCase *tests = tcase_create("schedules");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_resumed_training_has_the_same_bits, 0,
                        (int)(sizeof(trainings) / sizeof(trainings[0])));
    tcase_add_test(tests, rates_change_by_step_and_by_epoch);
    tcase_add_test(tests, patience_ends_a_training);
    tcase_add_test(tests, patience_counts_from_the_start_where_nothing_is_better);
    tcase_add_test(tests, another_schedule_is_refused);
    tcase_add_test(tests, another_evaluator_is_refused);
    tcase_add_test(tests, a_checkpoint_without_schedule_takes_any);
    tcase_add_test(tests, a_step_needs_its_parts);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
