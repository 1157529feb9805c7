/* SPDX-License-Identifier: MIT */
/* Optimizers: several steps against PyTorch and written-out formulas, clipping, decay, slots, and what a failure
 * leaves behind. */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "common/fixture.h"
#include "common/suite.h"
#include "optimizer/optimizer.h"

typedef struct golden_run {
    const char *name;
    const cnn_sgd_options *sgd;
    const cnn_rmsprop_options *rmsprop;
    const cnn_adam_options *adam;
    const char *text;
    double weights[6][5]; /* after each step */
} golden_run;

#include "golden_optimizer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two parameters share the values, the second at an offset of its own in the slots. */
enum { FIRST = 2, OFFSET = 16, SLOT_VALUES = 32 };

static test_allocator memory;
static cnn_context *context;
static cnn_backend_call call;

/* The library gets `blocks` blocks more. */
static void allow(size_t blocks)
{
    memory.fail_at = memory.calls + blocks + 1;
    memory.persistent = true;
}

static void allow_all(void) { memory.fail_at = 0; }

static void open_context(const char *backend)
{
    memory = (test_allocator){0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    const cnn_context_options *options =
        CNN_CONTEXT(.threads = 1, .backend = backend, .allocator = &allocator);
    ck_assert_int_eq(cnn_context_create(options, &context), CNN_OK);
    cnn__backend_call_init(&call, context, 0, NULL, 0);
}

static void setup(void) { open_context("reference"); }

static void teardown(void)
{
    allow_all();
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
    ck_assert_uint_eq(memory.wrong_releases, 0);
}

/* The entries that vectors serve take arrays aligned as a model's are. */
static _Alignas(64) float weights[SLOT_VALUES];
static _Alignas(64) float gradients[SLOT_VALUES];

static const cnn__update_item items[] = {
    {.n = FIRST, .w = weights, .g = gradients, .decay_kernel = true, .factor = 1, .weight_decay = NAN, .offset = 0},
    {.n = VALUES - FIRST, .w = weights + OFFSET, .g = gradients + OFFSET, .factor = 1, .weight_decay = NAN,
     .offset = OFFSET},
};

static void place(float *values, const float *from)
{
    memcpy(values, from, FIRST * sizeof(float));
    memcpy(values + OFFSET, from + FIRST, (VALUES - FIRST) * sizeof(float));
}

static float at(const float *values, size_t i) { return i < FIRST ? values[i] : values[OFFSET + i - FIRST]; }

static cnn_status step(cnn_optimizer *optimizer)
{
    return cnn__optimizer_update(optimizer, &call, items, COUNT(items), SLOT_VALUES);
}

static cnn_optimizer *optimizer_of(const golden_run *golden)
{
    cnn_optimizer *optimizer;
    cnn_status status = golden->text != NULL ? cnn_optimizer_create(context, golden->text, &optimizer)
                        : golden->sgd != NULL       ? cnn_sgd_create(context, golden->sgd, &optimizer)
                        : golden->rmsprop != NULL ? cnn_rmsprop_create(context, golden->rmsprop, &optimizer)
                                                  : cnn_adam_create(context, golden->adam, &optimizer);
    ck_assert_int_eq(status, CNN_OK);
    return optimizer;
}

static void run_golden(const golden_run *golden, const char *backend)
{
    open_context(backend);
    cnn_optimizer *optimizer = optimizer_of(golden);
    const float rate = cnn_optimizer_learning_rate(optimizer);
    place(weights, golden_weights);
    for (int s = 0; s < STEPS; s++) {
        if (s == CUT) {
            ck_assert_int_eq(cnn_optimizer_set_learning_rate(optimizer, rate * 0.1f), CNN_OK);
        }
        place(gradients, golden_gradients[s]);
        ck_assert_int_eq(step(optimizer), CNN_OK);
        for (size_t i = 0; i < VALUES; i++) {
            double expected = golden->weights[s][i];
            double error = fabs(at(weights, i) - expected);
            double allowed = 1e-5 * fabs(expected - golden_weights[i]) + 4e-7 * fmax(0.5, fabs(expected));
            ck_assert_msg(error <= allowed, "%s, %s: weight %zu after step %d is %.9g, not %.9g", golden->name,
                          backend, i, s + 1, (double)at(weights, i), expected);
        }
    }
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), STEPS);
    cnn_optimizer_free(optimizer);
    teardown();
}

START_TEST(steps_are_those_of_the_framework)
{
    for (size_t i = 0; cnn_backend_name(i) != NULL; i++) {
        run_golden(&golden_runs[_i], cnn_backend_name(i));
    }
}
END_TEST

/* One weight, beginning at 1, after a step with each gradient. */
static double one_weight(cnn_optimizer *optimizer, const float *given, const float *rates, size_t steps)
{
    const cnn__update_item item = {.n = 1, .w = weights, .g = gradients, .factor = 1, .weight_decay = NAN};
    weights[0] = 1;
    for (size_t s = 0; s < steps; s++) {
        ck_assert_int_eq(cnn_optimizer_set_learning_rate(optimizer, rates[s]), CNN_OK);
        gradients[0] = given[s];
        ck_assert_int_eq(cnn__optimizer_update(optimizer, &call, &item, 1, 1), CNN_OK);
    }
    cnn_optimizer_free(optimizer);
    return weights[0];
}

START_TEST(momentum_forms_differ_once_the_rate_changes)
{
    const float given[] = {0.3f, 0.3f, 0.3f}, rates[] = {0.1f, 0.1f, 0.01f};
    const struct {
        int32_t convention;
        double expected;
    } table[] = {{CNN_PYTORCH, 0.91975}, {CNN_TENSORFLOW1, 0.91975}, {CNN_KERAS, 0.8995}};
    for (size_t i = 0; i < COUNT(table); i++) {
        cnn_optimizer *optimizer;
        const cnn_sgd_options *options = CNN_SGD(.momentum = 0.5f, .convention = table[i].convention);
        ck_assert_int_eq(cnn_sgd_create(context, options, &optimizer), CNN_OK);
        ck_assert_double_eq_tol(one_weight(optimizer, given, rates, 3), table[i].expected, 2e-7);
    }
}
END_TEST

START_TEST(adam_forms_differ_by_epsilon)
{
    const float given[] = {0.5f, -0.2f, 0.3f}, rates[] = {0.01f, 0.01f, 0.01f};
    const struct {
        int32_t convention;
        double expected;
    } table[] = {{CNN_PYTORCH, 0.98114}, {CNN_KERAS, 0.98215}, {CNN_TENSORFLOW1, 0.98215}};
    for (size_t i = 0; i < COUNT(table); i++) {
        cnn_optimizer *optimizer;
        const cnn_adam_options *options = CNN_ADAM(.epsilon = 1e-3f, .convention = table[i].convention);
        ck_assert_int_eq(cnn_adam_create(context, options, &optimizer), CNN_OK);
        ck_assert_double_eq_tol(one_weight(optimizer, given, rates, 3), table[i].expected, 5e-6);
    }
}
END_TEST

START_TEST(adam_is_exact_after_very_many_steps)
{
    const float given = 0.25f, rate = 0.125f;
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.convention = CNN_PYTORCH), &optimizer), CNN_OK);
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, 1), CNN_OK);
    cnn__optimizer_slot(optimizer, 0)[0] = given;
    cnn__optimizer_slot(optimizer, 1)[0] = given * given;
    cnn__optimizer_set_steps(optimizer, UINT64_C(5000000000));
    ck_assert_double_eq_tol(one_weight(optimizer, &given, &rate, 1), 0.875, 1e-6);
}
END_TEST

START_TEST(the_step_counter_does_not_wrap)
{
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    cnn__optimizer_set_steps(optimizer, UINT64_MAX);
    place(weights, golden_weights);
    place(gradients, golden_gradients[0]);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), UINT64_MAX);
    for (size_t i = 0; i < VALUES; i++) {
        ck_assert(isfinite(at(weights, i)));
    }
    cnn_optimizer_free(optimizer);
}
END_TEST

START_TEST(weight_decay_can_leave_all_but_kernels_alone)
{
    const float zero[VALUES] = {0}, ones[VALUES] = {1, 1, 1, 1, 1};
    for (int32_t kernels_only = 0; kernels_only <= 1; kernels_only++) {
        cnn_optimizer *optimizer;
        const cnn_sgd_options *options =
            CNN_SGD(.learning_rate = 0.5f, .weight_decay = 0.25f, .decay_kernels_only = kernels_only);
        ck_assert_int_eq(cnn_sgd_create(context, options, &optimizer), CNN_OK);
        place(weights, ones);
        place(gradients, zero);
        ck_assert_int_eq(step(optimizer), CNN_OK);
        ck_assert_float_eq(at(weights, 0), 0.875f);
        ck_assert_float_eq(at(weights, 1), 0.875f);
        ck_assert_float_eq(at(weights, 2), kernels_only ? 1 : 0.875f);
        ck_assert_float_eq(at(weights, 4), kernels_only ? 1 : 0.875f);
        cnn_optimizer_free(optimizer);
    }
}
END_TEST

START_TEST(the_norm_to_clip_by_is_that_of_all_gradients)
{
    const float zero[VALUES] = {0}, long_gradient[VALUES] = {0, 3, 0, 0, 4};
    const float short_gradient[VALUES] = {0, 0.3f, 0, 0, 0.4f};
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 1, .clip_norm = 1), &optimizer), CNN_OK);
    place(weights, zero);
    place(gradients, long_gradient);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_float_eq_tol(at(weights, 1), -0.6f, 1e-7f);
    ck_assert_float_eq_tol(at(weights, 4), -0.8f, 1e-7f);
    ck_assert_float_eq(at(gradients, 4), 4);
    place(weights, zero);
    place(gradients, short_gradient);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_float_eq(at(weights, 1), -0.3f);
    ck_assert_float_eq(at(weights, 4), -0.4f);
    cnn_optimizer_free(optimizer);
}
END_TEST

START_TEST(clipping_finds_a_gradient_that_is_not_finite)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};
    cnn_optimizer *optimizer;
    const cnn_adam_options *options = CNN_ADAM(.clip_norm = 1, .weight_decay = 0.1f);
    ck_assert_int_eq(cnn_adam_create(context, options, &optimizer), CNN_OK);
    place(weights, golden_weights);
    place(gradients, golden_gradients[0]);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    float before[SLOT_VALUES], slots[2][SLOT_VALUES];
    memcpy(before, weights, sizeof(weights));
    for (uint32_t i = 0; i < 2; i++) {
        memcpy(slots[i], cnn__optimizer_slot(optimizer, i), sizeof(slots[i]));
    }
    for (size_t b = 0; b < COUNT(bad); b++) {
        gradients[OFFSET + 2] = bad[b];
        ck_assert_int_eq(step(optimizer), CNN_ERROR_NUMERIC);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "adam: step 2"));
        ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 1);
        ck_assert_mem_eq(weights, before, sizeof(before));
        for (uint32_t i = 0; i < 2; i++) {
            ck_assert_mem_eq(cnn__optimizer_slot(optimizer, i), slots[i], sizeof(slots[i]));
        }
    }
    cnn_optimizer_free(optimizer);
}
END_TEST

/* Gradients whose squares are beyond float32 are clipped all the same. */
START_TEST(clipping_takes_very_large_gradients)
{
    const float zero[VALUES] = {0}, large[VALUES] = {3e30f, 0, 0, 4e30f, 0};
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.learning_rate = 1, .clip_norm = 1), &optimizer), CNN_OK);
    place(weights, zero);
    place(gradients, large);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_float_eq_tol(at(weights, 0), -0.6f, 1e-6f);
    ck_assert_float_eq_tol(at(weights, 3), -0.8f, 1e-6f);
    cnn_optimizer_free(optimizer);
}
END_TEST

START_TEST(slots_begin_as_the_rule_says)
{
    cnn_optimizer *optimizer;
    const cnn_rmsprop_options *options = CNN_RMSPROP(.convention = CNN_TENSORFLOW1, .momentum = 0.5f);
    ck_assert_int_eq(cnn_rmsprop_create(context, options, &optimizer), CNN_OK);
    ck_assert_uint_eq(cnn__optimizer_slots(optimizer), 2);
    ck_assert_uint_eq(cnn__optimizer_values(optimizer), 0);
    ck_assert_ptr_null(cnn__optimizer_slot(optimizer, 0));
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, 19), CNN_OK);
    ck_assert_uint_eq(cnn__optimizer_values(optimizer), 19);
    for (size_t i = 0; i < 19; i++) {
        ck_assert_float_eq(cnn__optimizer_slot(optimizer, 0)[i], 1);
        ck_assert_float_eq(cnn__optimizer_slot(optimizer, 1)[i], 0);
    }
    ck_assert_uint_eq((uintptr_t)cnn__optimizer_slot(optimizer, 0) % 64, 0);
    ck_assert_uint_eq((uintptr_t)cnn__optimizer_slot(optimizer, 1) % 64, 0);
    ck_assert_ptr_null(cnn__optimizer_owner(optimizer));
    cnn__optimizer_set_owner(optimizer, &memory);
    ck_assert_ptr_eq(cnn__optimizer_owner(optimizer), &memory);
    cnn_optimizer_free(optimizer);
}
END_TEST

START_TEST(slots_change_their_size_only_before_the_first_step)
{
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, 7), CNN_OK);
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, SIZE_MAX), CNN_ERROR_LIMIT);
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, SIZE_MAX / 4), CNN_ERROR_LIMIT);
    ck_assert_uint_eq(cnn__optimizer_values(optimizer), 7);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_uint_eq(cnn__optimizer_values(optimizer), SLOT_VALUES);
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, SLOT_VALUES), CNN_OK);
    ck_assert_int_eq(cnn__optimizer_reserve(optimizer, 7), CNN_ERROR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "32 values after 1 steps; found 7"));
    cnn_optimizer_free(optimizer);
}
END_TEST

/* Copying slots, step counter and learning rate to a new optimizer goes on with the same bits. */
START_TEST(a_restored_optimizer_goes_on_as_the_first)
{
    cnn_optimizer *first, *second;
    ck_assert_int_eq(cnn_adam_create(context, NULL, &first), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &second), CNN_OK);
    place(weights, golden_weights);
    for (int s = 0; s < 3; s++) {
        place(gradients, golden_gradients[s]);
        ck_assert_int_eq(step(first), CNN_OK);
    }
    ck_assert_int_eq(cnn__optimizer_reserve(second, SLOT_VALUES), CNN_OK);
    for (uint32_t i = 0; i < cnn__optimizer_slots(first); i++) {
        memcpy(cnn__optimizer_slot(second, i), cnn__optimizer_slot(first, i), SLOT_VALUES * sizeof(float));
    }
    cnn__optimizer_set_steps(second, cnn_optimizer_steps(first));
    float saved[SLOT_VALUES], expected[SLOT_VALUES];
    memcpy(saved, weights, sizeof(saved));
    ck_assert_int_eq(step(first), CNN_OK);
    memcpy(expected, weights, sizeof(expected));
    memcpy(weights, saved, sizeof(saved));
    ck_assert_int_eq(step(second), CNN_OK);
    ck_assert_mem_eq(weights, expected, sizeof(expected));
    ck_assert_uint_eq(cnn_optimizer_steps(second), 4);
    cnn_optimizer_free(first);
    cnn_optimizer_free(second);
}
END_TEST

/* Every allocation fails in turn: no handle, nothing changed, nothing leaked; then the same call succeeds. */
START_TEST(running_out_of_memory_changes_nothing)
{
    cnn_optimizer *optimizer = NULL;
    allow(0);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_ERROR_OUT_OF_MEMORY);
    ck_assert_ptr_null(optimizer);
    allow_all();
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    place(weights, golden_weights);
    place(gradients, golden_gradients[0]);
    allow(0);
    ck_assert_int_eq(step(optimizer), CNN_ERROR_OUT_OF_MEMORY);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 0);
    ck_assert_float_eq(at(weights, 0), golden_weights[0]);
    allow(1);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 2);
    cnn_optimizer_free(optimizer);
}
END_TEST

static cnn_status failing_update(const cnn_backend_call *given, const cnn_update_args *args)
{
    (void)given;
    (void)args;
    return CNN_ERROR_IO;
}

START_TEST(a_failing_backend_is_named)
{
    cnn_optimizer *optimizer;
    cnn_backend broken = *call.backend;
    broken.name = "broken";
    broken.update = failing_update;
    call.backend = &broken;
    ck_assert_int_eq(cnn_sgd_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(step(optimizer), CNN_ERROR_BACKEND);
    ck_assert_str_eq(cnn_last_error(context), "sgd: step 1: backend broken: input or output failed");
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 0);
    cnn_optimizer_free(optimizer);
}
END_TEST

/* ---- a rule of the caller's ---- */

typedef struct own_rule {
    int calls, destroyed;
    uint64_t step;
    size_t values;
    cnn_status status;
} own_rule;

/* w -= rate * (sum of all gradients so far); the last slot counts the steps. */
static cnn_status own_update(void *user, uint64_t own_step, float rate, size_t n, float *w, const float *g,
                             float *const *slots)
{
    own_rule *rule = user;
    rule->calls++;
    rule->step = own_step;
    rule->values += n;
    for (size_t i = 0; i < n && rule->status == CNN_OK; i++) {
        slots[0][i] += g[i];
        slots[3][i] += 1;
        w[i] -= rate * slots[0][i];
    }
    return rule->status;
}

static void own_destroy(void *user) { ((own_rule *)user)->destroyed++; }

START_TEST(a_rule_of_the_callers)
{
    own_rule rule = {0};
    cnn_optimizer_kind kind = {.struct_size = sizeof(kind), .name = "sum", .slots = 4, .learning_rate = 0.5f,
                               .update = own_update, .destroy = own_destroy};
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_optimizer_create_custom(context, &kind, &rule, &optimizer), CNN_OK);
    kind.update = NULL;
    ck_assert_str_eq(cnn_optimizer_name(optimizer), "sum");
    ck_assert_float_eq(cnn_optimizer_learning_rate(optimizer), 0.5f);
    const float zero[VALUES] = {0}, given[VALUES] = {1, 2, 3, 4, 5};
    place(weights, zero);
    place(gradients, given);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    for (size_t i = 0; i < VALUES; i++) {
        ck_assert_float_eq(at(weights, i), -1.5f * given[i]);
        ck_assert_float_eq(at(cnn__optimizer_slot(optimizer, 0), i), 2 * given[i]);
        ck_assert_float_eq(at(cnn__optimizer_slot(optimizer, 3), i), 2);
        ck_assert_float_eq(at(cnn__optimizer_slot(optimizer, 1), i), 0);
    }
    ck_assert_int_eq(rule.calls, 4);
    ck_assert_uint_eq(rule.values, 2 * VALUES);
    ck_assert_uint_eq(rule.step, 2);
    rule.status = CNN_ERROR_CALLBACK;
    ck_assert_int_eq(step(optimizer), CNN_ERROR_CALLBACK);
    ck_assert_str_eq(cnn_last_error(context), "optimizer sum: its update in step 3 returned: a callback failed");
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 2);
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(rule.destroyed, 1);
}
END_TEST

START_TEST(lookahead_is_chosen_once_and_before_the_first_step)
{
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_set_lookahead(optimizer, CNN_LOOKAHEAD(.alpha = 1.5f)), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "alpha 1.5"));
    ck_assert_uint_eq(cnn__optimizer_slots(optimizer), 2);
    ck_assert_int_eq(cnn_optimizer_set_lookahead(optimizer, NULL), CNN_OK);
    ck_assert_uint_eq(cnn__optimizer_slots(optimizer), 3);
    ck_assert_int_eq(cnn_optimizer_set_lookahead(optimizer, NULL), CNN_ERROR_STATE);
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_sgd_create(context, CNN_SGD(.momentum = 0.5f), &optimizer), CNN_OK);
    ck_assert_int_eq(step(optimizer), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_set_lookahead(optimizer, NULL), CNN_ERROR_STATE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "before the first step"));
    cnn_optimizer_free(optimizer);
}
END_TEST

/* RMSprop reads momentum's slot where it has one: the slow weights are none. */
START_TEST(slow_weights_are_no_slot_of_the_rule)
{
    cnn_optimizer *with, *without;
    float expected[SLOT_VALUES];
    ck_assert_int_eq(cnn_optimizer_create(context, "rmsprop", &without), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(context, "rmsprop+lookahead:every=9", &with), CNN_OK);
    for (int i = 0; i < 2; i++) {
        place(weights, golden_weights);
        place(gradients, golden_gradients[0]);
        ck_assert_int_eq(step(i == 0 ? without : with), CNN_OK);
        ck_assert_int_eq(step(i == 0 ? without : with), CNN_OK);
        if (i == 0) {
            memcpy(expected, weights, sizeof(expected));
        }
    }
    ck_assert_mem_eq(weights, expected, sizeof(expected));
    for (size_t i = 0; i < VALUES; i++) {
        ck_assert_float_eq(at(cnn__optimizer_slot(with, 1), i), golden_weights[i]);
    }
    cnn_optimizer_free(with);
    cnn_optimizer_free(without);
}
END_TEST

START_TEST(a_step_without_parameters_counts)
{
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.clip_norm = 1), &optimizer), CNN_OK);
    ck_assert_int_eq(cnn__optimizer_update(optimizer, &call, NULL, 0, 0), CNN_OK);
    const cnn__update_item empty = {.n = 0};
    ck_assert_int_eq(cnn__optimizer_update(optimizer, &call, &empty, 1, 0), CNN_OK);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 2);
    cnn_optimizer_free(optimizer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizer");
    TCase *golden = tcase_create("golden");
    tcase_add_loop_test(golden, steps_are_those_of_the_framework, 0, (int)COUNT(golden_runs));
    suite_add_tcase(suite, golden);
    TCase *tests = tcase_create("step");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, momentum_forms_differ_once_the_rate_changes);
    tcase_add_test(tests, adam_forms_differ_by_epsilon);
    tcase_add_test(tests, adam_is_exact_after_very_many_steps);
    tcase_add_test(tests, the_step_counter_does_not_wrap);
    tcase_add_test(tests, weight_decay_can_leave_all_but_kernels_alone);
    tcase_add_test(tests, the_norm_to_clip_by_is_that_of_all_gradients);
    tcase_add_test(tests, clipping_finds_a_gradient_that_is_not_finite);
    tcase_add_test(tests, clipping_takes_very_large_gradients);
    tcase_add_test(tests, slots_begin_as_the_rule_says);
    tcase_add_test(tests, slots_change_their_size_only_before_the_first_step);
    tcase_add_test(tests, a_restored_optimizer_goes_on_as_the_first);
    tcase_add_test(tests, running_out_of_memory_changes_nothing);
    tcase_add_test(tests, a_failing_backend_is_named);
    tcase_add_test(tests, a_rule_of_the_callers);
    tcase_add_test(tests, lookahead_is_chosen_once_and_before_the_first_step);
    tcase_add_test(tests, slow_weights_are_no_slot_of_the_rule);
    tcase_add_test(tests, a_step_without_parameters_counts);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
