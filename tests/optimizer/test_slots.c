/* SPDX-License-Identifier: MIT */
/* What an optimizer keeps: slots, their sizes, the slow weights of Lookahead among them; and without memory nothing is
 * changed. */
#include <string.h>

#include "common/suite.h"
#include "optimizer/steps.h"

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
    Suite *suite = suite_create("slots");
    TCase *tests = tcase_create("step");
    tcase_add_checked_fixture(tests, open_reference, close_context);
    tcase_add_test(tests, slots_begin_as_the_rule_says);
    tcase_add_test(tests, slots_change_their_size_only_before_the_first_step);
    tcase_add_test(tests, a_restored_optimizer_goes_on_as_the_first);
    tcase_add_test(tests, running_out_of_memory_changes_nothing);
    tcase_add_test(tests, lookahead_is_chosen_once_and_before_the_first_step);
    tcase_add_test(tests, slow_weights_are_no_slot_of_the_rule);
    tcase_add_test(tests, a_step_without_parameters_counts);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
