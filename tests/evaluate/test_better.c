/* SPDX-License-Identifier: MIT */
/* What a better score is, and evaluators of the caller's. */
#include <math.h>
#include <string.h>

#include <cnn/evaluator.h>

#include "common/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context), CNN_OK);
}

static void teardown(void) { cnn_context_free(context); }

START_TEST(high_scores_are_better_by_more_than_the_threshold)
{
    const struct {
        double threshold, current, best;
        bool better;
    } table[] = {
        {1e-4, 0.50006, 0.5, true},  {1e-4, 0.50005, 0.5, false},      {1e-4, 0.5, 0.5, false},
        {1e-4, 1e-9, 0, true},       {1e-4, 0, 0, false},              {0, 0.5000001, 0.5, true},
        {0, 0.5, 0.5, false},        {0.5, 0.75, 0.5, false},          {0.5, 0.76, 0.5, true},
        {1e-4, NAN, 0.5, false},     {1e-4, 0.5, NAN, false},          {1e-4, 1, -INFINITY, true},
        {1e-4, INFINITY, 1, true},   {1e-4, INFINITY, INFINITY, false},
        {1e-4, -5, -5, false},       {1e-4, -4.9996, -5, false},       {1e-4, -4.9994, -5, true},
        {1e-4, -6, -5, false},       {1, -1, -INFINITY, true},         {2, -1, -INFINITY, true},
        {1, -INFINITY, -INFINITY, false}, {0, -4.9999, -5, true},      {2, 6, -5, true},
        {2, 4, -5, false},           {1e-4, 1e300, INFINITY, false},
    };
    cnn_evaluator *evaluator;
    ck_assert_int_eq(cnn_accuracy_create(context, &evaluator), CNN_OK);
    for (size_t i = 0; i < COUNT(table); i++) {
        cnn_evaluator_set_threshold(evaluator, table[i].threshold);
        ck_assert_msg(cnn_evaluator_is_better(evaluator, table[i].current, table[i].best) == table[i].better,
                      "%g against %g by %g", table[i].current, table[i].best, table[i].threshold);
    }
    cnn_evaluator_free(evaluator);
}
END_TEST

START_TEST(low_scores_are_better_by_more_than_the_threshold)
{
    const struct {
        double threshold, current, best;
        bool better;
    } table[] = {
        {1e-4, 0.49994, 0.5, true}, {1e-4, 0.49996, 0.5, false}, {1e-4, 1e300, INFINITY, true},
        {1e-4, 0.5, 0.5, false},    {0, 0.4999999, 0.5, true},   {0.5, 0.25, 0.5, false},
        {0.5, 0.24, 0.5, true},     {1e-4, NAN, INFINITY, false}, {1e-4, INFINITY, INFINITY, false},
        {1e-4, -1, 0, true},        {1e-4, 0, 0, false},         {1e-4, -5, -5, false},
        {1e-4, -5.0004, -5, false}, {1e-4, -5.0006, -5, true},   {1e-4, -4, -5, false},
        {1, 1e300, INFINITY, true}, {2, 1e300, INFINITY, true},  {1, INFINITY, INFINITY, false},
        {0, -5.0001, -5, true},     {1e-4, -INFINITY, -5, true}, {1e-4, -INFINITY, -INFINITY, false},
    };
    cnn_evaluator *evaluator;
    ck_assert_int_eq(cnn_loss_evaluator_create(context, &evaluator), CNN_OK);
    for (size_t i = 0; i < COUNT(table); i++) {
        cnn_evaluator_set_threshold(evaluator, table[i].threshold);
        ck_assert_msg(cnn_evaluator_is_better(evaluator, table[i].current, table[i].best) == table[i].better,
                      "%g against %g by %g", table[i].current, table[i].best, table[i].threshold);
    }
    cnn_evaluator_free(evaluator);
}
END_TEST

START_TEST(the_threshold_begins_at_one_in_ten_thousand)
{
    const double no_thresholds[] = {NAN, INFINITY, -0.5};
    cnn_evaluator *evaluator;
    ck_assert_int_eq(cnn_accuracy_create(context, &evaluator), CNN_OK);
    for (size_t i = 0; i <= COUNT(no_thresholds); i++) {
        ck_assert(cnn_evaluator_is_better(evaluator, 0.80009, 0.8));
        ck_assert(!cnn_evaluator_is_better(evaluator, 0.80007, 0.8));
        if (i < COUNT(no_thresholds)) {
            cnn_evaluator_set_threshold(evaluator, no_thresholds[i]);
        }
    }
    cnn_evaluator_free(evaluator);
}
END_TEST

/* ---- an evaluator of the caller's: the mean distance of the first output from the label ---- */

typedef struct distance {
    double sum;
    size_t samples;
    int resets, destroyed;
    cnn_status status;
} distance;

static void distance_reset(void *user)
{
    distance *state = user;
    state->sum = 0;
    state->samples = 0;
    state->resets++;
}

static cnn_status distance_update(void *user, const cnn_evaluation *batch)
{
    distance *state = user;
    for (size_t i = 0; i < batch->count; i++) {
        state->sum += fabs((double)batch->outputs_data[i * batch->outputs] - batch->labels[i]);
    }
    state->samples += batch->count;
    return state->status;
}

static double distance_score(void *user)
{
    const distance *state = user;
    return state->sum / (double)state->samples;
}

static bool distance_is_better(void *user, double current, double best)
{
    (void)user;
    return !(current + 1 > best); /* true for NaN, which never comes this far */
}

static void distance_destroy(void *user) { ((distance *)user)->destroyed++; }

static const cnn_evaluator_kind distance_kind = {
    .struct_size = sizeof(cnn_evaluator_kind),
    .name = "distance",
    .mode = CNN_SCORE_MIN,
    .worst_score = 100,
    .reset = distance_reset,
    .update = distance_update,
    .score = distance_score,
    .destroy = distance_destroy,
};

START_TEST(an_evaluator_of_the_callers)
{
    distance state = {.sum = 7};
    cnn_evaluator *evaluator;
    const float outputs[] = {1, 9, 5, 9, -2, 9};
    const int32_t labels[] = {3, 40, -1};
    ck_assert_int_eq(cnn_evaluator_create_custom(context, &distance_kind, &state, &evaluator), CNN_OK);
    ck_assert_int_eq(state.resets, 1);
    ck_assert_str_eq(cnn_evaluator_name(evaluator), "distance");
    ck_assert_int_eq(cnn_evaluator_mode(evaluator), CNN_SCORE_MIN);
    ck_assert_double_eq(cnn_evaluator_worst_score(evaluator), 100);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 100);
    /* The caller's labels are its own affair: 40 is passed on although there are two outputs. */
    const cnn_evaluation *batch =
        CNN_EVALUATION(.count = 3, .outputs = 2, .outputs_data = outputs, .labels = labels);
    ck_assert_int_eq(cnn_evaluator_update(evaluator, batch), CNN_OK);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 38.0 / 3);
    ck_assert(cnn_evaluator_is_better(evaluator, 0.9, 1));
    ck_assert(!cnn_evaluator_is_better(evaluator, 0.99999, 1));
    state.status = CNN_ERROR_IO;
    ck_assert_int_eq(cnn_evaluator_update(evaluator, batch), CNN_ERROR_IO);
    ck_assert_str_eq(cnn_last_error(context), "evaluator distance: its update returned: input or output failed");
    cnn_evaluator_reset(evaluator);
    ck_assert_int_eq(state.resets, 2);
    ck_assert_double_eq(cnn_evaluator_score(evaluator), 100);
    cnn_evaluator_free(evaluator);
    ck_assert_int_eq(state.destroyed, 1);
}
END_TEST

START_TEST(the_caller_can_decide_what_is_better)
{
    distance state = {0};
    cnn_evaluator_kind kind = distance_kind;
    cnn_evaluator *evaluator;
    kind.is_better = distance_is_better;
    kind.destroy = NULL;
    ck_assert_int_eq(cnn_evaluator_create_custom(context, &kind, &state, &evaluator), CNN_OK);
    ck_assert(cnn_evaluator_is_better(evaluator, 4, 5));
    ck_assert(!cnn_evaluator_is_better(evaluator, 4.5, 5));
    ck_assert(!cnn_evaluator_is_better(evaluator, NAN, 5));
    ck_assert(!cnn_evaluator_is_better(evaluator, 4, NAN));
    cnn_evaluator_free(evaluator);
}
END_TEST

static void check_kind_refused(const cnn_evaluator_kind *kind, const char *message)
{
    distance state = {0};
    cnn_evaluator *evaluator = (cnn_evaluator *)&context;
    ck_assert_int_eq(cnn_evaluator_create_custom(context, kind, &state, &evaluator), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(evaluator);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), message));
    ck_assert_int_eq(state.resets, 0);
    ck_assert_int_eq(state.destroyed, 0);
}

START_TEST(kinds_are_checked)
{
    cnn_evaluator_kind kind = distance_kind;
    check_kind_refused(NULL, "needs a name");
    kind.name = "";
    check_kind_refused(&kind, "needs a name");
    kind = distance_kind;
    kind.reset = NULL;
    check_kind_refused(&kind, "reset");
    kind = distance_kind;
    kind.update = NULL;
    check_kind_refused(&kind, "update");
    kind = distance_kind;
    kind.score = NULL;
    check_kind_refused(&kind, "score");
    kind = distance_kind;
    kind.mode = 2;
    check_kind_refused(&kind, "distance: mode 2");
    kind = distance_kind;
    kind.worst_score = NAN;
    check_kind_refused(&kind, "worst score");
}
END_TEST

START_TEST(handles_need_a_context_and_a_place)
{
    cnn_evaluator *evaluator = (cnn_evaluator *)&context;
    ck_assert_int_eq(cnn_accuracy_create(NULL, &evaluator), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(evaluator);
    ck_assert_int_eq(cnn_accuracy_create(context, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_confusion_create(context, 3, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_evaluator_create_custom(context, &distance_kind, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_evaluator_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evaluate better");
    TCase *tests = tcase_create("better");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, high_scores_are_better_by_more_than_the_threshold);
    tcase_add_test(tests, low_scores_are_better_by_more_than_the_threshold);
    tcase_add_test(tests, the_threshold_begins_at_one_in_ten_thousand);
    tcase_add_test(tests, an_evaluator_of_the_callers);
    tcase_add_test(tests, the_caller_can_decide_what_is_better);
    tcase_add_test(tests, kinds_are_checked);
    tcase_add_test(tests, handles_need_a_context_and_a_place);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
