/* SPDX-License-Identifier: MIT */
/* An update that is not the library's: a rule of the caller's, and a backend that fails. */
#include "common/suite.h"
#include "optimizer/steps.h"

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
    cnn_optimizer_kind kind = {.struct_size = sizeof(kind),
                               .name = "sum",
                               .slots = 4,
                               .learning_rate = 0.5f,
                               .update = own_update,
                               .destroy = own_destroy};
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

int main(void)
{
    Suite *suite = suite_create("own rule");
    TCase *tests = tcase_create("step");
    tcase_add_checked_fixture(tests, open_reference, close_context);
    tcase_add_test(tests, a_failing_backend_is_named);
    tcase_add_test(tests, a_rule_of_the_callers);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
