/* SPDX-License-Identifier: MIT */
/* Steps of optimizers against PyTorch and written-out formulas, weight decay, and clipping. */
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "optimizer/steps.h"

static cnn_optimizer *optimizer_of(const golden_run *golden)
{
    cnn_optimizer *optimizer;
    cnn_status status = golden->text != NULL      ? cnn_optimizer_create(context, golden->text, &optimizer)
                        : golden->sgd != NULL     ? cnn_sgd_create(context, golden->sgd, &optimizer)
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
            ck_assert_msg(error <= allowed, "%s, %s: weight %zu after step %d is %.9g, not %.9g", golden->name, backend,
                          i, s + 1, (double)at(weights, i), expected);
        }
    }
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), STEPS);
    cnn_optimizer_free(optimizer);
    close_context();
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
        const cnn_sgd_options *options = CNN_SGD(.learning_rate = 0.5f, .weight_decay = 0.25f,
                                                 .decay_kernels_only = kernels_only);
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

int main(void)
{
    Suite *suite = suite_create("optimizer");
    TCase *golden = tcase_create("golden");
    tcase_add_loop_test(golden, steps_are_those_of_the_framework, 0, (int)COUNT(golden_runs));
    suite_add_tcase(suite, golden);
    TCase *tests = tcase_create("step");
    tcase_add_checked_fixture(tests, open_reference, close_context);
    tcase_add_test(tests, momentum_forms_differ_once_the_rate_changes);
    tcase_add_test(tests, adam_forms_differ_by_epsilon);
    tcase_add_test(tests, adam_is_exact_after_very_many_steps);
    tcase_add_test(tests, the_step_counter_does_not_wrap);
    tcase_add_test(tests, weight_decay_can_leave_all_but_kernels_alone);
    tcase_add_test(tests, the_norm_to_clip_by_is_that_of_all_gradients);
    tcase_add_test(tests, clipping_finds_a_gradient_that_is_not_finite);
    tcase_add_test(tests, clipping_takes_very_large_gradients);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
