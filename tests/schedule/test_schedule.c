/* SPDX-License-Identifier: MIT */
/* Schedules of the learning rate: against PyTorch's numbers, Keras's rule and the simple one worked out by hand, text
 * in and out, state in and out, options that are refused, no memory. */
#include <math.h>
#include <string.h>

#include <cnn/optimizer.h>
#include <cnn/schedule.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "golden_schedule.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static test_allocator memory;
static cnn_context *context;
static cnn_schedule *schedule;
static cnn_evaluator *high, *low;

static void setup(void)
{
    memory = (test_allocator){0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .allocator = &allocator), &context),
        CNN_OK);
    ck_assert_int_eq(cnn_accuracy_create(context, &high), CNN_OK);
    ck_assert_int_eq(cnn_loss_evaluator_create(context, &low), CNN_OK);
    schedule = NULL;
}

static void teardown(void)
{
    memory.fail_at = 0;
    cnn_schedule_free(schedule);
    cnn_evaluator_free(high);
    cnn_evaluator_free(low);
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
    ck_assert_uint_eq(memory.wrong_releases, 0);
}

static void make(const char *text)
{
    cnn_schedule_free(schedule);
    ck_assert_msg(cnn_schedule_create(context, text, &schedule) == CNN_OK, "%s: %s", text, cnn_last_error(context));
}

static void check_rate(double rate, double expected, const char *text, size_t at)
{
    ck_assert_msg(fabs(rate - expected) <= 1e-13 * fabs(expected) + 1e-18, "%s: %.17g at %zu; expected %.17g", text,
                  rate, at, expected);
}

START_TEST(curves_are_those_of_pytorch)
{
    const struct golden_curve *golden = &golden_curves[_i];
    make(golden->text);
    ck_assert_int_eq(cnn_schedule_begin(schedule, golden->base, (uint64_t)golden->steps, (uint64_t)golden->epochs),
                     CNN_OK);
    for (int epoch = 0; epoch < golden->epochs; epoch++) {
        for (int step = 0; step < golden->steps; step++) {
            const size_t at = (size_t)(golden->by_step ? epoch * golden->steps + step : epoch);
            check_rate(cnn_schedule_rate(schedule, (uint64_t)epoch, (uint64_t)step), golden->rates[at], golden->text,
                       at);
        }
    }
}
END_TEST

START_TEST(plateaus_are_those_of_pytorch)
{
    const struct golden_plateau *golden = &golden_plateaus[_i];
    make(golden->text);
    ck_assert_int_eq(cnn_schedule_begin(schedule, golden->base, 10, 0), CNN_OK);
    for (size_t epoch = 0; epoch < golden->epochs; epoch++) {
        ck_assert_int_eq(cnn_schedule_epoch_end(schedule, golden->high ? high : low, epoch, golden->scores[epoch]),
                         CNN_OK);
        check_rate(cnn_schedule_rate(schedule, epoch + 1, 3), golden->rates[epoch], golden->text, epoch);
    }
}
END_TEST

/* Each epoch with a new handle that knows no more than the state of the one before. */
START_TEST(a_state_goes_on_with_the_same_bits)
{
    const struct golden_plateau *golden = &golden_plateaus[_i];
    cnn_schedule *whole;
    ck_assert_int_eq(cnn_schedule_create(context, golden->text, &whole), CNN_OK);
    ck_assert_int_eq(cnn_schedule_begin(whole, golden->base, 10, 0), CNN_OK);
    char state[256];
    strcpy(state, cnn_schedule_state(whole));
    for (size_t epoch = 0; epoch < golden->epochs; epoch++) {
        make(golden->text);
        ck_assert_str_eq(cnn_schedule_state(schedule), "");
        ck_assert_int_eq(cnn_schedule_begin(schedule, 123, 10, 0), CNN_OK);
        ck_assert_int_eq(cnn_schedule_set_state(schedule, state), CNN_OK);
        ck_assert_int_eq(cnn_schedule_epoch_end(schedule, golden->high ? high : low, epoch, golden->scores[epoch]),
                         CNN_OK);
        ck_assert_int_eq(cnn_schedule_epoch_end(whole, golden->high ? high : low, epoch, golden->scores[epoch]),
                         CNN_OK);
        strcpy(state, cnn_schedule_state(schedule));
        ck_assert_str_eq(state, cnn_schedule_state(whole));
        ck_assert(cnn_schedule_rate(schedule, epoch + 1, 0) == cnn_schedule_rate(whole, epoch + 1, 0));
    }
    cnn_schedule_free(whole);
}
END_TEST

static void check_table(const char *text, const cnn_evaluator *evaluator, double base, const double (*table)[2],
                        size_t epochs)
{
    make(text);
    ck_assert_int_eq(cnn_schedule_begin(schedule, base, 4, epochs), CNN_OK);
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        ck_assert_int_eq(cnn_schedule_epoch_end(schedule, evaluator, epoch, table[epoch][0]), CNN_OK);
        check_rate(cnn_schedule_rate(schedule, epoch + 1, 0), table[epoch][1], text, epoch);
    }
}

/* Score, and the rate after it. Keras: wait counts epochs that are not better by 0.1, cuts at 2, waits 2 epochs
 * more. */
START_TEST(the_form_keras_by_hand)
{
    const double falling[][2] = {
        {1, 0.1},      {0.95, 0.1},   {0.91, 0.05}, /* wait 1, 2: cut */
        {0.92, 0.05},  {0.93, 0.05},                /* cooldown 1; 0, and wait 1 */
        {0.94, 0.025},                              /* wait 2: cut */
        {0.5, 0.025},  {0.45, 0.025},               /* cooldown 1, the best; cooldown 0, wait 1 */
        {0.45, 0.02},                               /* wait 2: cut to the minimum */
        {0.45, 0.02},  {0.45, 0.02},  {0.45, 0.02}, {0.45, 0.02},
    };
    check_table("plateau:keras,patience=2,factor=0.5,threshold=0.1,cooldown=2,minimum=0.02", low, 0.1, falling,
                COUNT(falling));
    const double rising[][2] = {
        {0.5, 0.1}, {0.50005, 0.01}, {0.50011, 0.01}, {0.5, 0.001}, {NAN, 0.0001}, {0.6, 0.0001},
    };
    check_table("plateau:keras,patience=1", high, 0.1, rising, COUNT(rising));
    check_table("plateau:keras,patience=0", high, 0.1, rising, COUNT(rising));
}
END_TEST

START_TEST(the_simple_form_by_hand)
{
    const double table[][2] = {
        {0.5, 0.1},    {0.5, 0.1},    {0.50004, 0.1}, {0.5, 0.01}, /* three bad ones are more than 2 */
        {0.4, 0.01},   {0.4, 0.01},   {0.6, 0.01},                 /* a better one in time */
        {0.6, 0.01},   {0.6, 0.01},   {NAN, 0.001},   {0.61, 0.001},
        {0.61, 0.001}, {0.61, 0.001}, {0.61, 0.001}, /* 0.0009 is no change of more than eps */
    };
    check_table("plateau:patience=2,eps=0.001", high, 0.1, table, COUNT(table));
    ck_assert_ptr_nonnull(strstr(cnn_schedule_state(schedule), ",bad=0,"));
    const double worst[][2] = {{0, 0.01}, {0, 0.001}}; /* the worst score is not better than itself */
    check_table("plateau:patience=0", high, 0.1, worst, COUNT(worst));
    const double negative[][2] = {{-4.9, 0.1}, {-4.9004, 0.01}, {-4.9006, 0.01}, {-4.9006, 0.001}};
    check_table("plateau:patience=0", low, 0.1, negative, COUNT(negative));
}
END_TEST

START_TEST(a_cosine_stays_at_its_minimum)
{
    make("cosine:epochs=4,minimum=0.001");
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.1, 5, 20), CNN_OK);
    for (uint64_t epoch = 4; epoch < 20; epoch += 3) {
        ck_assert_double_eq(cnn_schedule_rate(schedule, epoch, 0), 0.001);
    }
    ck_assert_double_eq(cnn_schedule_rate(schedule, UINT64_MAX, UINT64_MAX), 0.001);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.0001, 5, 20), CNN_OK);
    ck_assert_double_eq(cnn_schedule_rate(schedule, 2, 0), 0.0001);
    make("cosine");
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.1, 5, 0), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* 5 steps of warm-up end in the second epoch of 4 steps: that is epoch 0 of what follows, or its step 0. */
START_TEST(what_follows_a_warm_up_begins_at_its_end)
{
    make("warmup:steps=5+step:every=2,gamma=0.5");
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.6, 4, 8), CNN_OK);
    for (uint64_t step = 0; step < 4; step++) {
        check_rate(cnn_schedule_rate(schedule, 0, step), 0.1 * (double)(step + 1), "warm-up", step);
    }
    check_rate(cnn_schedule_rate(schedule, 1, 0), 0.5, "its last step", 4);
    check_rate(cnn_schedule_rate(schedule, 1, 1), 0.6, "behind it", 5);
    check_rate(cnn_schedule_rate(schedule, 2, 3), 0.6, "epoch 1", 11);
    check_rate(cnn_schedule_rate(schedule, 3, 0), 0.3, "epoch 2", 12);
    make("warmup:steps=5+exponential:gamma=0.5,pace=step");
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.6, 4, 8), CNN_OK);
    check_rate(cnn_schedule_rate(schedule, 1, 1), 0.6, "step 0", 5);
    check_rate(cnn_schedule_rate(schedule, 2, 1), 0.3, "step 4", 9);
    check_rate(cnn_schedule_rate(schedule, 1, 3), 0.6 * sqrt(0.5), "step 2", 7);
    make("warmup:epochs=2+plateau:patience=0");
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.6, 4, 8), CNN_OK);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        ck_assert_int_eq(cnn_schedule_epoch_end(schedule, high, epoch, 0), CNN_OK);
    }
    check_rate(cnn_schedule_rate(schedule, 3, 0), 0.06, "one bad epoch, the two of the warm-up do not count", 3);
}
END_TEST

START_TEST(options_and_text_make_the_same)
{
    cnn_schedule *next;
    ck_assert_int_eq(cnn_step_schedule_create(context, CNN_STEP_SCHEDULE(.every = 10, .gamma = 0.5), &schedule),
                     CNN_OK);
    ck_assert_str_eq(cnn_schedule_text(schedule), "step:every=10,gamma=0.5");
    cnn_schedule_free(schedule);
    ck_assert_int_eq(cnn_exponential_schedule_create(
                         context, CNN_EXPONENTIAL_SCHEDULE(.gamma = 0.9, .every = 1, .pace = CNN_PER_STEP), &schedule),
                     CNN_OK);
    ck_assert_str_eq(cnn_schedule_text(schedule), "exponential:gamma=0.9,pace=step");
    cnn_schedule_free(schedule);
    ck_assert_int_eq(cnn_plateau_schedule_create(context,
                                                 CNN_PLATEAU_SCHEDULE(.form = CNN_PLATEAU_PYTORCH, .patience = -1,
                                                                      .threshold = -1, .cooldown = 3, .minimum = 1e-6),
                                                 &schedule),
                     CNN_OK);
    ck_assert_str_eq(cnn_schedule_text(schedule),
                     "plateau:form=pytorch,patience=0,threshold=0,cooldown=3,minimum=1e-06");
    cnn_schedule_free(schedule);
    ck_assert_int_eq(cnn_plateau_schedule_create(context, NULL, &schedule), CNN_OK);
    ck_assert_str_eq(cnn_schedule_text(schedule), "plateau");
    cnn_schedule_free(schedule);
    ck_assert_int_eq(
        cnn_cosine_schedule_create(context, CNN_COSINE_SCHEDULE(.minimum = 0.25, .pace = CNN_PER_STEP), &next), CNN_OK);
    ck_assert_int_eq(cnn_warmup_schedule_create(context, CNN_WARMUP_SCHEDULE(.steps = 500, .next = next), &schedule),
                     CNN_OK);
    cnn_schedule_free(next);
    ck_assert_str_eq(cnn_schedule_text(schedule), "warmup:steps=500+cosine:minimum=0.25,pace=step");
    ck_assert_int_eq(cnn_warmup_schedule_create(context, CNN_WARMUP_SCHEDULE(.steps = 500, .next = schedule), &next),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(next);
    /* A plateau is taken over with its defaults filled in. */
    cnn_schedule_free(schedule);
    ck_assert_int_eq(cnn_plateau_schedule_create(context, NULL, &next), CNN_OK);
    ck_assert_int_eq(cnn_warmup_schedule_create(context, CNN_WARMUP_SCHEDULE(.epochs = 2, .next = next), &schedule),
                     CNN_OK);
    cnn_schedule_free(next);
    ck_assert_str_eq(cnn_schedule_text(schedule), "warmup:epochs=2+plateau");
}
END_TEST

START_TEST(text_goes_round)
{
    const char *const table[][2] = {
        {"constant", "constant"},
        {"warmup:steps=1e+2", "warmup:steps=100"},
        {"warmup:start=0,epochs=3", "warmup:epochs=3,start=0"},
        {"warmup:steps=1e+2+cosine:pace=epoch,epochs=7", "warmup:steps=100+cosine:epochs=7"},
        {"plateau:form=simple,patience=10,factor=0.1,eps=1e-8", "plateau"},
        {"plateau:keras,threshold=0.1,patience=30", "plateau:form=keras,patience=30,threshold=0.1"},
        {"step:gamma=1e-3,every=2", "step:every=2,gamma=0.001"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        make(table[i][0]);
        ck_assert_str_eq(cnn_schedule_text(schedule), table[i][1]);
        make(table[i][1]);
        ck_assert_str_eq(cnn_schedule_text(schedule), table[i][1]);
    }
}
END_TEST

START_TEST(bad_text_is_refused_where_it_is_bad)
{
    const char *const table[][2] = {
        {"", "character 1: expected one of constant, step"},
        {"stop", "expected one of constant"},
        {"step", "every is missing"},
        {"step:", "character 6: step has no \"\"; it has every, gamma"},
        {"step:every=", "character 12: expected every as a number"},
        {"step:every=2,", "character 14: step has no \"\""},
        {"step:every=2.5", "every is 2.5; expected a whole number from 1 to"},
        {"step:every=0", "every is 0;"},
        {"step:every=nan", "expected every as a number, found \"nan\""},
        {"step:every=2,every=3", "every is given twice"},
        {"step:every=2 ", "character 13: unexpected \" \""},
        {"step:every=2,gamme=1", "step has no \"gamme\""},
        {"exponential", "gamma is missing"},
        {"cosine:sometimes", "cosine has no \"sometimes\""},
        {"cosine:pace=sometimes", "expected pace as one of epoch, step, found \"sometimes\""},
        {"constant:x=1", "constant has no \"x\"; it has no options"},
        {"warmup", "expected either steps or epochs"},
        {"warmup:steps=3,epochs=2", "expected either steps or epochs"},
        {"warmup:steps=3+", "expected one of"},
        {"warmup:steps=3+warmup:steps=3", "only a warm-up, and only one"},
        {"cosine+step:every=2", "only a warm-up, and only one"},
        {"warmup:steps=3+cosine+cosine", "only a warm-up, and only one"},
        {"plateau:factor=1", "factor is 1; expected a number from 0 to"},
        {"plateau:patience=-1", "patience is -1"},
        {"plateau:threshold=0.1", "the simple form has no threshold"},
        {"plateau:keras,eps=1", "the form keras has no eps"},
        {"plateau:pytorch,keras", "form is given twice"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        schedule = (cnn_schedule *)&memory;
        ck_assert_msg(cnn_schedule_create(context, table[i][0], &schedule) == CNN_ERROR_INVALID_ARGUMENT, "%s",
                      table[i][0]);
        ck_assert_ptr_null(schedule);
        ck_assert_msg(strstr(cnn_last_error(context), table[i][1]) != NULL, "%s: %s", table[i][0],
                      cnn_last_error(context));
    }
    char large[5000];
    memset(large, 'a', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    ck_assert_int_eq(cnn_schedule_create(context, large, &schedule), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_create(context, NULL, &schedule), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_create(context, "constant", NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_create(NULL, "constant", &schedule), CNN_ERROR_INVALID_ARGUMENT);
    const cnn_step_schedule_options *no_number = CNN_STEP_SCHEDULE(.every = 1, .gamma = NAN);
    ck_assert_int_eq(cnn_step_schedule_create(context, no_number, &schedule), CNN_ERROR_INVALID_ARGUMENT);
    const cnn_cosine_schedule_options *no_pace = CNN_COSINE_SCHEDULE(.pace = 2);
    ck_assert_int_eq(cnn_cosine_schedule_create(context, no_pace, &schedule), CNN_ERROR_INVALID_ARGUMENT);
    const cnn_plateau_schedule_options *no_patience = CNN_PLATEAU_SCHEDULE(.patience = -2);
    ck_assert_int_eq(cnn_plateau_schedule_create(context, no_patience, &schedule), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(schedule);
}
END_TEST

START_TEST(a_schedule_has_to_begin)
{
    const char *const no_states[] = {
        "",
        "base=1",
        "base=1,rate=1,bad=0,cooldown=0",
        "base=1,rate=1,bad=0,cooldown=0,best=1.5",
        "base=-1,rate=1,bad=0,cooldown=0,best=none",
        "base=1,rate=x,bad=0,cooldown=0,best=none",
        "base=1,rate=1,bad=0,cooldown=0,best=18446744073709551615", /* the bits of a NaN */
    };
    make("plateau");
    ck_assert(isnan(cnn_schedule_rate(schedule, 0, 0)));
    ck_assert(isnan(cnn_schedule_rate(NULL, 0, 0)));
    ck_assert_int_eq(cnn_schedule_epoch_end(schedule, high, 0, 1), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_schedule_set_state(schedule, "base=1,rate=1,bad=0,cooldown=0,best=none"), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_schedule_begin(schedule, NAN, 1, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_begin(schedule, -1, 1, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 1, 0, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_begin(NULL, 1, 1, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_schedule_begin(schedule, 0.1, 1, 1), CNN_OK);
    ck_assert_int_eq(cnn_schedule_epoch_end(schedule, NULL, 0, 1), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(cnn_schedule_state(schedule), "base=0.1,rate=0.1,bad=0,cooldown=0,best=none");
    for (size_t i = 0; i < COUNT(no_states); i++) {
        ck_assert_int_eq(cnn_schedule_set_state(schedule, no_states[i]), CNN_ERROR_FORMAT);
    }
    ck_assert_int_eq(cnn_schedule_set_state(schedule, NULL), CNN_ERROR_FORMAT);
    ck_assert_str_eq(cnn_schedule_state(schedule), "base=0.1,rate=0.1,bad=0,cooldown=0,best=none");
}
END_TEST

START_TEST(without_memory_nothing_is_left)
{
    for (size_t blocks = 0; blocks < 2; blocks++) {
        memory.fail_at = memory.calls + blocks + 1;
        memory.persistent = true;
        ck_assert_int_eq(cnn_schedule_create(context, "warmup:steps=5+cosine", &schedule), CNN_ERROR_OUT_OF_MEMORY);
        ck_assert_ptr_null(schedule);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule/schedule");
    TCase *tests = tcase_create("schedules");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, curves_are_those_of_pytorch, 0, (int)COUNT(golden_curves));
    tcase_add_loop_test(tests, plateaus_are_those_of_pytorch, 0, (int)COUNT(golden_plateaus));
    tcase_add_loop_test(tests, a_state_goes_on_with_the_same_bits, 0, (int)COUNT(golden_plateaus));
    tcase_add_test(tests, the_form_keras_by_hand);
    tcase_add_test(tests, the_simple_form_by_hand);
    tcase_add_test(tests, a_cosine_stays_at_its_minimum);
    tcase_add_test(tests, what_follows_a_warm_up_begins_at_its_end);
    tcase_add_test(tests, options_and_text_make_the_same);
    tcase_add_test(tests, text_goes_round);
    tcase_add_test(tests, bad_text_is_refused_where_it_is_bad);
    tcase_add_test(tests, a_schedule_has_to_begin);
    tcase_add_test(tests, without_memory_nothing_is_left);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
