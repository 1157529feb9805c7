/* SPDX-License-Identifier: MIT */
/* Optimizers: defaults by convention, and options that are refused by name. */
#include <math.h>
#include <string.h>

#include <cnn/optimizer.h>

#include "common/suite.h"
#include "optimizer/optimizer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context), CNN_OK);
}

static void teardown(void) { cnn_context_free(context); }

static void check_refused(cnn_status status, const cnn_optimizer *optimizer, const char *message)
{
    ck_assert_int_eq(status, CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(optimizer);
    ck_assert_msg(strstr(cnn_last_error(context), message) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  message);
}

#define REFUSED(create, options, message)                               \
    do {                                                                \
        cnn_optimizer *refused = (cnn_optimizer *)&context;             \
        cnn_status refused_status = create(context, options, &refused); \
        check_refused(refused_status, refused, message);                \
    } while (0)

static void expect_momentum(const char *text, float momentum, int nesterov)
{
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_optimizer_create(context, text, &optimizer), CNN_OK);
    ck_assert_float_eq(optimizer->args.momentum, momentum);
    ck_assert_int_eq(optimizer->args.nesterov, nesterov);
    cnn_optimizer_free(optimizer);
}

START_TEST(names_of_sgd_with_momentum)
{
    cnn_optimizer *optimizer;
    expect_momentum("sgd", 0, 0);
    expect_momentum("momentum", 0.9f, 0);
    expect_momentum("momentum:momentum=0.5", 0.5f, 0);
    expect_momentum("momentum:momentum=0", 0, 0);
    expect_momentum("nesterov:weight_decay=0.1", 0.9f, 1);
    ck_assert_int_eq(cnn_optimizer_create(context, "nesterov:momentum=0", &optimizer), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_optimizer_create(context, "momentum:nesterov=1", &optimizer), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(sgd_options_are_checked)
{
    REFUSED(cnn_sgd_create, CNN_SGD(.learning_rate = -1), "sgd: learning_rate is -1");
    REFUSED(cnn_sgd_create, CNN_SGD(.learning_rate = NAN), "sgd: learning_rate is nan");
    REFUSED(cnn_sgd_create, CNN_SGD(.learning_rate = INFINITY), "sgd: learning_rate is inf");
    REFUSED(cnn_sgd_create, CNN_SGD(.momentum = 1), "sgd: momentum is 1; expected less than 1");
    REFUSED(cnn_sgd_create, CNN_SGD(.momentum = -0.5f), "sgd: momentum is -0.5");
    REFUSED(cnn_sgd_create, CNN_SGD(.nesterov = 1), "nesterov without momentum");
    REFUSED(cnn_sgd_create, CNN_SGD(.momentum = 0.9f, .nesterov = 2), "nesterov is 2");
    REFUSED(cnn_sgd_create, CNN_SGD(.convention = 3), "convention 3");
    REFUSED(cnn_sgd_create, CNN_SGD(.convention = -1), "convention -1");
    REFUSED(cnn_sgd_create, CNN_SGD(.weight_decay = -0.1f), "weight_decay is -0.1");
    REFUSED(cnn_sgd_create, CNN_SGD(.decay_kernels_only = 7), "decay_kernels_only is 7");
    REFUSED(cnn_sgd_create, CNN_SGD(.clip_norm = NAN), "clip_norm is nan");
    REFUSED(cnn_sgd_create, CNN_SGD(.clip_value = -1), "clip_value is -1");
}
END_TEST

START_TEST(rmsprop_options_are_checked)
{
    REFUSED(cnn_rmsprop_create, CNN_RMSPROP(.learning_rate = -1), "rmsprop: learning_rate is -1");
    REFUSED(cnn_rmsprop_create, CNN_RMSPROP(.rho = 1), "rmsprop: rho is 1; expected less than 1");
    REFUSED(cnn_rmsprop_create, CNN_RMSPROP(.epsilon = -1e-7f), "epsilon is -1e-07");
    REFUSED(cnn_rmsprop_create, CNN_RMSPROP(.momentum = 1.5f), "momentum is 1.5");
    REFUSED(cnn_rmsprop_create, CNN_RMSPROP(.convention = 9), "convention 9");
    REFUSED(cnn_rmsprop_create, CNN_RMSPROP(.clip_norm = -2), "clip_norm is -2");
}
END_TEST

START_TEST(adam_options_are_checked)
{
    REFUSED(cnn_adam_create, CNN_ADAM(.learning_rate = -1), "adam: learning_rate is -1");
    REFUSED(cnn_adam_create, CNN_ADAM(.beta1 = 1), "adam: beta1 is 1; expected less than 1");
    REFUSED(cnn_adam_create, CNN_ADAM(.beta2 = 1.1f), "adam: beta2 is 1.1; expected less than 1");
    REFUSED(cnn_adam_create, CNN_ADAM(.beta2 = NAN), "adam: beta2 is nan");
    REFUSED(cnn_adam_create, CNN_ADAM(.epsilon = INFINITY), "epsilon is inf");
    REFUSED(cnn_adam_create, CNN_ADAM(.weight_decay = NAN), "weight_decay is nan");
    REFUSED(cnn_adam_create, CNN_ADAM(.convention = 3), "convention 3");
}
END_TEST

static cnn_status no_update(void *user, uint64_t step, float rate, size_t n, float *w, const float *g,
                            float *const *slots)
{
    (void)user, (void)step, (void)rate, (void)n, (void)w, (void)g, (void)slots;
    return CNN_OK;
}

static cnn_status create_own(cnn_context *under, const cnn_optimizer_kind *kind, cnn_optimizer **optimizer)
{
    return cnn_optimizer_create_custom(under, kind, NULL, optimizer);
}

#define KIND(...) (&(const cnn_optimizer_kind){.struct_size = sizeof(cnn_optimizer_kind), __VA_ARGS__})

START_TEST(own_rules_are_checked)
{
    REFUSED(create_own, NULL, "a kind needs a name and an update function");
    REFUSED(create_own, KIND(.name = "own"), "a kind needs a name and an update function");
    REFUSED(create_own, KIND(.update = no_update), "a kind needs a name and an update function");
    REFUSED(create_own, KIND(.name = "own", .update = no_update, .slots = 5), "optimizer own: 5 slots");
    REFUSED(create_own, KIND(.name = "own", .update = no_update, .learning_rate = -1), "learning_rate is -1");
    cnn_optimizer *optimizer;
    ck_assert_int_eq(create_own(context, KIND(.name = "own", .update = no_update), &optimizer), CNN_OK);
    ck_assert_uint_eq(cnn__optimizer_slots(optimizer), 0);
    cnn_optimizer_free(optimizer);
}
END_TEST

static float learning_rate_of(cnn_status status, cnn_optimizer *const *made, const char *name, uint32_t slots)
{
    cnn_optimizer *optimizer = *made;
    ck_assert_int_eq(status, CNN_OK);
    ck_assert_str_eq(cnn_optimizer_name(optimizer), name);
    ck_assert_uint_eq(cnn_optimizer_steps(optimizer), 0);
    ck_assert_uint_eq(cnn__optimizer_slots(optimizer), slots);
    float rate = cnn_optimizer_learning_rate(optimizer);
    cnn_optimizer_free(optimizer);
    return rate;
}

START_TEST(zero_means_the_default_of_the_convention)
{
    cnn_optimizer *o;
    ck_assert_float_eq(learning_rate_of(cnn_sgd_create(context, NULL, &o), &o, "sgd", 0), 0.01f);
    ck_assert_float_eq(learning_rate_of(cnn_sgd_create(context, CNN_SGD(.momentum = 0.9f), &o), &o, "sgd", 1), 0.01f);
    const cnn_rmsprop_options *torch = CNN_RMSPROP(.convention = CNN_PYTORCH);
    const cnn_rmsprop_options *tensorflow = CNN_RMSPROP(.convention = CNN_TENSORFLOW1, .momentum = 0.5f);
    ck_assert_float_eq(learning_rate_of(cnn_rmsprop_create(context, NULL, &o), &o, "rmsprop", 1), 0.001f);
    ck_assert_float_eq(learning_rate_of(cnn_rmsprop_create(context, torch, &o), &o, "rmsprop", 1), 0.01f);
    ck_assert_float_eq(learning_rate_of(cnn_rmsprop_create(context, tensorflow, &o), &o, "rmsprop", 2), 0.001f);
    ck_assert_float_eq(learning_rate_of(cnn_adam_create(context, NULL, &o), &o, "adam", 2), 0.001f);
}
END_TEST

START_TEST(the_learning_rate_can_be_set_to_any_finite_rate)
{
    const float wrong[] = {-0.1f, NAN, INFINITY, -INFINITY};
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ck_assert_int_eq(cnn_optimizer_set_learning_rate(optimizer, wrong[i]), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_float_eq(cnn_optimizer_learning_rate(optimizer), 0.001f);
    }
    ck_assert_int_eq(cnn_optimizer_set_learning_rate(optimizer, 0), CNN_OK);
    ck_assert_float_eq(cnn_optimizer_learning_rate(optimizer), 0);
    cnn_optimizer_free(optimizer);
    cnn_optimizer_free(NULL);
}
END_TEST

START_TEST(structs_of_other_versions)
{
    struct {
        cnn_adam_options known;
        uint64_t later;
    } newer = {.known = {.struct_size = sizeof(newer), .beta1 = 0.5f}};
    cnn_optimizer *optimizer;
    ck_assert_int_eq(cnn_adam_create(context, &newer.known, &optimizer), CNN_OK);
    cnn_optimizer_free(optimizer);
    newer.later = 1;
    ck_assert_int_eq(cnn_adam_create(context, &newer.known, &optimizer), CNN_ERROR_VERSION);
    ck_assert_ptr_null(optimizer);
    cnn_adam_options unsized = {0};
    ck_assert_int_eq(cnn_adam_create(context, &unsized, &optimizer), CNN_ERROR_INVALID_ARGUMENT);
    /* A caller that knows the learning rate alone: what follows in memory is not read. */
    cnn_adam_options older = {.struct_size = offsetof(cnn_adam_options, convention), .learning_rate = 0.5f, .beta1 = 7};
    ck_assert_int_eq(cnn_adam_create(context, &older, &optimizer), CNN_OK);
    ck_assert_float_eq(cnn_optimizer_learning_rate(optimizer), 0.5f);
    cnn_optimizer_free(optimizer);
}
END_TEST

START_TEST(handles_need_a_context_and_a_place)
{
    cnn_optimizer *optimizer = (cnn_optimizer *)&context;
    ck_assert_int_eq(cnn_sgd_create(NULL, NULL, &optimizer), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(optimizer);
    ck_assert_int_eq(cnn_rmsprop_create(context, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(cnn_last_error(context), "rmsprop: no place for the handle");
}
END_TEST

START_TEST(text_makes_optimizers)
{
    static const char *const wrong[][2] = {
        {"", "character 1: expected one of sgd, momentum, nesterov, rmsprop, adam"},
        {"adan", "expected one of sgd"},
        {"adam:momentum=0.5", "adam has no \"momentum\""},
        {"adam:beta1=1", "adam: beta1 is 1; expected a number from 0 to less than 1"},
        {"adam:beta1=-1", "beta1 is -1;"},
        {"adam:learning_rate=1e39", "learning_rate is 1e+39;"},
        {"sgd:nesterov=2,momentum=0.5", "nesterov is 2;"},
        {"sgd:convention=caffe", "expected convention as one of keras, pytorch, tensorflow1"},
        {"sgd:momentum=0.5,momentum=0.5", "given twice"},
        {"sgd+adam", "expected one of lookahead, found \"adam\""},
    };
    cnn_optimizer *optimizer = (cnn_optimizer *)&context;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(cnn_optimizer_create(context, wrong[i][0], &optimizer), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_null(optimizer);
        ck_assert_msg(strstr(cnn_last_error(context), wrong[i][1]) != NULL, "%s", cnn_last_error(context));
    }
    ck_assert_int_eq(cnn_optimizer_create(context, "adam:beta1=0,learning_rate=0", &optimizer), CNN_OK);
    ck_assert_float_eq(optimizer->args.beta1, 0);
    ck_assert_float_eq(optimizer->args.beta2, 0.999f);
    ck_assert_float_eq(cnn_optimizer_learning_rate(optimizer), 0);
    cnn_optimizer_free(optimizer);
    ck_assert_int_eq(cnn_optimizer_create(context, "rmsprop:convention=pytorch,clip_norm=2", &optimizer), CNN_OK);
    ck_assert_float_eq(optimizer->args.beta2, 0.99f);
    ck_assert_float_eq(optimizer->clip_norm, 2);
    cnn_optimizer_free(optimizer);
    for (size_t i = 0; cnn_optimizer_usage(i) != NULL; i++) { /* each name alone is an optimizer */
        char name[16] = "";
        memcpy(name, cnn_optimizer_usage(i), strcspn(cnn_optimizer_usage(i), ":"));
        ck_assert_int_eq(cnn_optimizer_create(context, name, &optimizer), CNN_OK);
        const bool other = strcmp(name, "momentum") == 0 || strcmp(name, "nesterov") == 0;
        ck_assert_str_eq(cnn_optimizer_name(optimizer), other ? "sgd" : name);
        cnn_optimizer_free(optimizer);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizer options");
    TCase *tests = tcase_create("options");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, names_of_sgd_with_momentum);
    tcase_add_test(tests, sgd_options_are_checked);
    tcase_add_test(tests, rmsprop_options_are_checked);
    tcase_add_test(tests, adam_options_are_checked);
    tcase_add_test(tests, own_rules_are_checked);
    tcase_add_test(tests, zero_means_the_default_of_the_convention);
    tcase_add_test(tests, the_learning_rate_can_be_set_to_any_finite_rate);
    tcase_add_test(tests, structs_of_other_versions);
    tcase_add_test(tests, text_makes_optimizers);
    tcase_add_test(tests, handles_need_a_context_and_a_place);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
