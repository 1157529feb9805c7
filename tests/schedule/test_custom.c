/* SPDX-License-Identifier: MIT */
/* Schedules by a custom rule: what the rule is told, what it keeps, what is refused. */
#include <math.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"

static test_allocator memory;
static cnn_context *context;
static cnn_schedule *schedule;
static cnn_evaluator *evaluator;
static int destroyed;

static void setup(void)
{
    const cnn_allocator allocator = test_allocator_options(&memory);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.allocator = &allocator), &context), CNN_OK);
    ck_assert_int_eq(cnn_accuracy_create(context, &evaluator), CNN_OK);
    schedule = NULL;
    destroyed = 0;
}

static void teardown(void)
{
    cnn_schedule_free(schedule);
    cnn_evaluator_free(evaluator);
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
}

/* A number in which each thing that the rule is told has digits of its own. */
static double tell(void *user, const cnn_schedule_moment *moment)
{
    double first = moment->state != NULL ? moment->state[0] : 0;
    return *(double *)user + moment->base + 10 * (double)moment->step + 100 * (double)moment->epoch +
           1e3 * (double)moment->steps_per_epoch + 1e4 * (double)moment->epochs + 1e5 * first;
}

static void remember(void *user, const cnn_evaluator *given, uint64_t epoch, double score, double *state)
{
    (void)user, (void)epoch;
    ck_assert_ptr_eq(given, evaluator);
    state[0] += score;
    state[7] = INFINITY;
}

static double negative(void *user, const cnn_schedule_moment *moment) { return *(double *)user - 2 * moment->base; }

static void destroy(void *user)
{
    (void)user;
    destroyed++;
}

static const cnn_schedule_kind full = {
    .struct_size = sizeof(full), .name = "full", .states = 8, .rate = tell, .epoch_end = remember, .destroy = destroy};

START_TEST(the_rule_is_told_where_it_is)
{
    double user = 0.5;
    ck_assert_int_eq(cnn_schedule_create_custom(context, &full, &user, &schedule), CNN_OK);
    ck_assert_str_eq(cnn_schedule_text(schedule), "full");
    ck_assert(isnan(cnn_schedule_rate(schedule, 0, 0)));
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.25, 7, 9), CNN_OK);
    ck_assert_double_eq(cnn_schedule_rate(schedule, 2, 3), 97230.75);
    ck_assert_int_eq(cnn_schedule_epoch_end(schedule, evaluator, 0, 1), CNN_OK);
    ck_assert_int_eq(cnn_schedule_epoch_end(schedule, evaluator, 1, 2), CNN_OK);
    ck_assert_double_eq(cnn_schedule_rate(schedule, 2, 3), 397230.75);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.25, 7, 9), CNN_OK); /* forgets */
    ck_assert_double_eq(cnn_schedule_rate(schedule, 2, 3), 97230.75);
    cnn_schedule_free(schedule);
    schedule = NULL;
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(what_it_keeps_goes_round)
{
    double user = 0;
    char state[512];
    ck_assert_int_eq(cnn_schedule_create_custom(context, &full, &user, &schedule), CNN_OK);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.25, 7, 9), CNN_OK);
    ck_assert_int_eq(cnn_schedule_epoch_end(schedule, evaluator, 0, 1.0 / 3), CNN_OK);
    strcpy(state, cnn_schedule_state(schedule));
    double rate = cnn_schedule_rate(schedule, 1, 0);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.25, 7, 9), CNN_OK);
    ck_assert_double_ne(cnn_schedule_rate(schedule, 1, 0), rate);
    ck_assert_int_eq(cnn_schedule_set_state(schedule, state), CNN_OK);
    ck_assert_double_eq(cnn_schedule_rate(schedule, 1, 0), rate);
    ck_assert_str_eq(cnn_schedule_state(schedule), state);
    *strstr(state, ",s7=") = '\0'; /* one number too few */
    ck_assert_int_eq(cnn_schedule_set_state(schedule, state), CNN_ERROR_FORMAT);
    ck_assert_double_eq(cnn_schedule_rate(schedule, 1, 0), rate);
}
END_TEST

START_TEST(a_rate_that_is_none)
{
    double user = 0;
    cnn_schedule_kind kind = full;
    kind.rate = negative;
    ck_assert_int_eq(cnn_schedule_create_custom(context, &kind, &user, &schedule), CNN_OK);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 1, 1, 1), CNN_OK);
    ck_assert(isnan(cnn_schedule_rate(schedule, 0, 0)));
    user = INFINITY;
    ck_assert(isnan(cnn_schedule_rate(schedule, 0, 0)));
    user = 2;
    ck_assert_double_eq(cnn_schedule_rate(schedule, 0, 0), 0);
}
END_TEST

START_TEST(what_is_refused)
{
    char name[66];
    cnn_schedule_kind kinds[] = {full, full, full, full, full};
    kinds[0].name = NULL;
    kinds[1].name = "";
    kinds[2].rate = NULL;
    kinds[3].states = 9;
    kinds[4].name = memset(name, 'x', 65);
    name[65] = '\0';
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        ck_assert_int_eq(cnn_schedule_create_custom(context, &kinds[i], NULL, &schedule), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_null(schedule);
    }
    ck_assert_int_eq(cnn_schedule_create_custom(context, &full, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_create_custom(context, NULL, NULL, &schedule), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(destroyed, 0);
    cnn_schedule *warm = NULL;
    ck_assert_int_eq(cnn_schedule_create_custom(context, &full, NULL, &schedule), CNN_OK);
    ck_assert_int_eq(cnn_warmup_schedule_create(context, CNN_WARMUP_SCHEDULE(.steps = 3, .next = schedule), &warm),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(warm);
}
END_TEST

START_TEST(without_memory_nothing_is_left)
{
    for (size_t blocks = 0; blocks < 2; blocks++) {
        memory.fail_at = memory.calls + blocks + 1;
        ck_assert_int_eq(cnn_schedule_create_custom(context, &full, NULL, &schedule), CNN_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(schedule);
        ck_assert_int_eq(destroyed, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule/custom");
    TCase *tests = tcase_create("custom");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_rule_is_told_where_it_is);
    tcase_add_test(tests, what_it_keeps_goes_round);
    tcase_add_test(tests, a_rate_that_is_none);
    tcase_add_test(tests, what_is_refused);
    tcase_add_test(tests, without_memory_nothing_is_left);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
