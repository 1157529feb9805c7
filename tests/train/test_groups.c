/* SPDX-License-Identifier: MIT */
/* Groups of parameters: rates and decays of their own, by every rule and in resumed trainings; and trainings of a model
 * with regularizers, constraints and groups at once, which resume to the same bits with any number of threads. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "common/values.h"
#include "train/bench.h"

#define TRAIN 48
#define BATCH 12
#define STEPS (TRAIN / BATCH)
#define EPOCHS 3

static const char *const groups = "conv*:factor=0.25+fc:weight_decay=0.3+*/bias:weight_decay=0,factor=2";

static cnn_model *make_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 6, .activation = CNN_RELU,
                                                        .kernel_regularizer = {0.001f, 0.01f},
                                                        .activity_regularizer = {.l2 = 0.0001f},
                                                        .kernel_constraint = {CNN_CONSTRAINT_MAX_NORM, 7, 0, 1, 0})));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm", .gamma_regularizer = {.l2 = 0.01f})));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.3f)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = TEST_CLASSES, .activation = CNN_SOFTMAX,
                                                      .kernel_regularizer = {.l2 = 0.01f})));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void open_bench(bench *b, uint32_t threads, const char *rule)
{
    bench_open(b, BENCH(.threads = threads, .samples = TRAIN, .batch = BATCH, .model = make_model, .rule = rule));
}

/* ---- numbers ---- */

/* One step of plain descent of the first batch, from the same beginning; the parameters afterwards. */
static float *descend(const char *rule, const char *text, size_t *count)
{
    bench b;
    open_bench(&b, 1, rule);
    if (text != NULL) {
        ck_assert_msg(cnn_optimizer_add_groups(b.optimizer, text) == CNN_OK, "%s", cnn_last_error(b.context));
    }
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    double value = 0;
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b.context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_create(b.model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(b.train, &batch), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, batch.images, batch.count), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_step(b.optimizer, session), CNN_OK);
    float *values = malloc(100000 * sizeof(float));
    *count = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(b.model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(b.model, i, &p), CNN_OK);
        const size_t n = test_shape_values(p.value.shape);
        memcpy(values + *count, p.value.data, n * sizeof(float));
        *count += n;
    }
    cnn_session_free(session);
    cnn_loss_free(loss);
    bench_close(&b);
    return values;
}

static void expect_same(const char *rule, const char *text, const char *other_rule, const char *other_text)
{
    size_t count = 0, other = 0;
    float *a = descend(rule, text, &count), *b = descend(other_rule, other_text, &other);
    ck_assert_uint_eq(count, other);
    ck_assert_msg(memcmp(a, b, count * sizeof(float)) == 0, "%s with %s", rule, text);
    free(a);
    free(b);
}

START_TEST(test_numbers)
{
    /* What can be said in two ways is the same to the bit. */
    static const char *const rules[] = {"sgd", "momentum", "rmsprop", "adam"};
    char rule[2][80];
    for (size_t i = 0; i < 4; i++) {
        snprintf(rule[0], sizeof(rule[0]), "%s:learning_rate=0.5", rules[i]);
        snprintf(rule[1], sizeof(rule[1]), "%s:learning_rate=0.125", rules[i]);
        expect_same(rule[0], "*:factor=0.25", rule[1], NULL);
        expect_same(rule[0], "*:factor=2+*:factor=0.25", rule[1], NULL);
        expect_same(rule[0], "conv:factor=0.25+norm:factor=0.25+fc:factor=0.25", rule[1], NULL);
        snprintf(rule[1], sizeof(rule[1]), "%s:learning_rate=0.5,weight_decay=0.25", rules[i]);
        expect_same(rule[0], "*:weight_decay=0.25", rule[1], NULL);
        expect_same(rule[1], "*:weight_decay=0", rule[0], NULL);
        snprintf(rule[0], sizeof(rule[0]), "%s:learning_rate=0.5,weight_decay=0.25,decay_kernels_only=1", rules[i]);
        expect_same(rule[1], "*/bias:weight_decay=0+norm:weight_decay=0", rule[0], NULL);
    }
}
END_TEST

START_TEST(test_no_rate)
{
    /* A factor of 0 leaves its parameters where they are. */
    size_t count = 0, other = 0;
    float *before = descend("sgd:learning_rate=0", NULL, &count);
    float *after = descend("sgd:learning_rate=0.5", "conv/kernel:factor=0", &other);
    const size_t kernel = 9 * 6;
    ck_assert(memcmp(before, after, kernel * sizeof(float)) == 0);
    ck_assert(memcmp(before + kernel, after + kernel, 6 * sizeof(float)) != 0);
    free(before);
    free(after);
}
END_TEST

static cnn_status refuse(void *user, uint64_t step, float learning_rate, size_t n, float *weights,
                         const float *gradients, float *const *slots)
{
    (void)user, (void)step, (void)n, (void)weights, (void)gradients, (void)slots;
    return learning_rate == 0.5f ? CNN_OK : CNN_ERROR_CANCELLED;
}

START_TEST(test_refused)
{
    static const char *const wrong[] = {"",
                                        "conv",
                                        "conv:",
                                        "conv:rate=1",
                                        "conv:factor=-1",
                                        "conv:factor=x",
                                        "+",
                                        "conv:factor=1+",
                                        "conv:factor=1+fc",
                                        ":factor=2",
                                        "conv:factor=1,factor=2"};
    bench b;
    open_bench(&b, 1, "adam");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(cnn_optimizer_add_groups(b.optimizer, wrong[i]) == CNN_ERROR_INVALID_ARGUMENT, "%s", wrong[i]);
    }
    ck_assert_int_eq(cnn_optimizer_add_group(b.optimizer, CNN_GROUP(.factor = 2)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_optimizer_add_group(b.optimizer, CNN_GROUP(.pattern = "*", .factor = NAN)),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_optimizer_add_group(b.optimizer, CNN_GROUP(.pattern = "*", .weight_decay = -2)),
                     CNN_ERROR_INVALID_ARGUMENT);
    /* None of all that was added; one that means nothing is found when the training begins. */
    ck_assert_int_eq(cnn_optimizer_add_groups(b.optimizer, "nothing*:factor=2"), CNN_OK);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer), NULL), CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "no parameter matches \"nothing*\", a group"));
    cnn_optimizer_free(b.optimizer);
    /* A custom rule is handed the rate of the group, and decays weights itself. */
    const cnn_optimizer_kind kind = {.struct_size = sizeof(kind), .name = "own", .learning_rate = 2, .update = refuse};
    ck_assert_int_eq(cnn_optimizer_create_custom(b.context, &kind, NULL, &b.optimizer), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_add_groups(b.optimizer, "*:weight_decay=1"), CNN_ERROR_UNSUPPORTED);
    ck_assert_int_eq(cnn_optimizer_add_groups(b.optimizer, "*:factor=0.25"), CNN_OK);
    ck_assert_int_eq(cnn_fit(b.model, CNN_FIT(.train = b.train, .optimizer = b.optimizer), NULL), CNN_OK);
    bench_close(&b);
}
END_TEST

/* ---- trainings ---- */

typedef struct watcher {
    uint64_t stop_at;
} watcher;

static bool on_step(void *user, const cnn_progress *progress)
{
    const watcher *w = user;
    return progress->step > 0 && progress->total_steps == w->stop_at;
}

static cnn_status fit(bench *b, watcher *w, const char *last, const char *resume, int32_t penalties,
                      cnn_history **history)
{
    return cnn_fit(b->model,
                   CNN_FIT(.train = b->train, .validation = b->validation, .optimizer = b->optimizer, .epochs = EPOCHS,
                           .keep_last = 1, .on_step = on_step, .user = w, .last_path = last, .resume_path = resume,
                           .penalties = penalties),
                   history);
}

static void open_with_groups(bench *b, uint32_t threads)
{
    open_bench(b, threads, "adam:learning_rate=0.02,weight_decay=0.01");
    ck_assert_msg(cnn_optimizer_add_groups(b->optimizer, groups) == CNN_OK, "%s", cnn_last_error(b->context));
}

static uint64_t history_hash(const cnn_history *history)
{
    static const char *const columns[] = {"loss", "penalty", "val_loss", "val_penalty", "accuracy"};
    double values[5 * EPOCHS];
    for (size_t i = 0; i < 5 * EPOCHS; i++) {
        values[i] = cnn_history_value(history, columns[i % 5], i / 5);
        ck_assert_msg(!isnan(values[i]), "%s", columns[i % 5]);
    }
    return test_hash(values, sizeof(values));
}

START_TEST(test_resume)
{
    /* Stopped after any step, by one number of threads, and gone on with by another. */
    char path[256];
    bench b;
    watcher never = {0};
    cnn_history *history = NULL;
    test_path(path, sizeof(path), "groups.cnn");
    open_with_groups(&b, 1);
    ck_assert_msg(fit(&b, &never, NULL, NULL, 0, &history) == CNN_OK, "%s", cnn_last_error(b.context));
    const uint64_t parameters = test_model_hash(b.model), rows = history_hash(history);
    cnn_history_free(history);
    bench_close(&b);
    for (uint64_t stop = 1; stop <= STEPS * EPOCHS; stop += 3) {
        watcher w = {stop};
        open_with_groups(&b, 2);
        ck_assert_int_eq(fit(&b, &w, path, NULL, 0, NULL), CNN_ERROR_CANCELLED);
        bench_close(&b);
        open_with_groups(&b, 3);
        ck_assert_msg(fit(&b, &never, NULL, path, 0, &history) == CNN_OK, "%s", cnn_last_error(b.context));
        ck_assert_uint_eq(test_model_hash(b.model), parameters);
        ck_assert_uint_eq(history_hash(history), rows);
        cnn_history_free(history);
        bench_close(&b);
    }
    unlink(path);
}
END_TEST

START_TEST(test_resume_refused)
{
    /* With other groups, or none, or more. */
    static const char *const others[] = {NULL,
                                         "conv*:factor=0.25",
                                         "conv*:factor=0.5+fc:weight_decay=0.3+*/bias:weight_decay=0,factor=2",
                                         "conv*:factor=0.25+fc:weight_decay=0.3+*/bias:weight_decay=0.1,factor=2",
                                         "conv*:factor=0.25+fc:weight_decay=0.3+*/bias:factor=2",
                                         "conv*:factor=0.25+f*:weight_decay=0.3+*/bias:"
                                         "weight_decay=0,factor=2"};
    char path[256];
    bench b;
    watcher w = {2};
    test_path(path, sizeof(path), "groups.cnn");
    open_with_groups(&b, 1);
    ck_assert_int_eq(fit(&b, &w, path, NULL, 0, NULL), CNN_ERROR_CANCELLED);
    bench_close(&b);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        open_bench(&b, 1, "adam:learning_rate=0.02,weight_decay=0.01");
        ck_assert(others[i] == NULL || cnn_optimizer_add_groups(b.optimizer, others[i]) == CNN_OK);
        const uint64_t before = test_model_hash(b.model);
        ck_assert_int_eq(fit(&b, &w, NULL, path, 0, NULL), CNN_ERROR_MISMATCH);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "of parameters"));
        ck_assert_uint_eq(test_model_hash(b.model), before);
        bench_close(&b);
    }
    unlink(path);
}
END_TEST

static double evaluate(bench *b, int32_t penalties, int32_t behavior, double *penalty)
{
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_msg(
        cnn_evaluate(b->model,
                     CNN_EVALUATE(.loader = b->validation, .penalties = penalties, .training_behavior = behavior),
                     &result) == CNN_OK,
        "%s", cnn_last_error(b->context));
    *penalty = result.penalty;
    return result.loss;
}

START_TEST(test_reported)
{
    /* The reported losses have the penalties in them, and the history tells these apart. */
    bench b;
    watcher never = {0};
    cnn_history *history = NULL;
    double penalty = 0, none = 0;
    open_with_groups(&b, 2);
    ck_assert_int_eq(fit(&b, &never, NULL, NULL, 0, &history), CNN_OK);
    const double val_loss = cnn_history_value(history, "val_loss", EPOCHS - 1);
    const double val_penalty = cnn_history_value(history, "val_penalty", EPOCHS - 1);
    ck_assert(val_penalty > 0 && cnn_history_value(history, "penalty", 0) > 0);
    ck_assert(cnn_history_value(history, "loss", 0) > cnn_history_value(history, "penalty", 0));
    ck_assert_double_eq_tol(evaluate(&b, 0, 0, &penalty), val_loss, 1e-9);
    ck_assert_double_eq_tol(penalty, val_penalty, 1e-9);
    ck_assert_double_eq_tol(evaluate(&b, CNN_NO, 0, &none), val_loss - val_penalty, 1e-5);
    ck_assert(none == 0);
    cnn_history_free(history);
    bench_close(&b);
    /* Without them: no columns, and other parameters. */
    open_with_groups(&b, 2);
    ck_assert_int_eq(fit(&b, &never, NULL, NULL, CNN_NO, &history), CNN_OK);
    ck_assert(isnan(cnn_history_value(history, "penalty", 0)));
    cnn_history_free(history);
    bench_close(&b);
}
END_TEST

START_TEST(test_training_behavior)
{
    /* An evaluation in training behaviour drops values, and moves the statistics. */
    bench b;
    cnn_parameter mean = CNN_PARAMETER_INIT;
    double penalty = 0;
    open_with_groups(&b, 1);
    ck_assert_int_eq(cnn_model_find_parameter(b.model, "norm/moving_mean", &mean), CNN_OK);
    const double quiet = evaluate(&b, 0, 0, &penalty);
    ck_assert(mean.value.data[0] == 0);
    const double training = evaluate(&b, 0, CNN_YES, &penalty);
    ck_assert(mean.value.data[0] != 0 && quiet != training);
    bench_close(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/groups");
    TCase *tcase = tcase_create("groups");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_numbers);
    tcase_add_test(tcase, test_no_rate);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_resume);
    tcase_add_test(tcase, test_resume_refused);
    tcase_add_test(tcase, test_reported);
    tcase_add_test(tcase, test_training_behavior);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
