/* SPDX-License-Identifier: MIT */
/* Muon: kernels against the update as published, on every backend; the other parameters against SGD; options; nothing
 * where there is no gradient. */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "common/suite.h"
#include "optimizer/optimizer.h"

enum { STEPS = 3, MOST = 48 };

typedef struct golden_muon {
    const char *text;
    size_t rows, filters;
    float weights[MOST], gradients[STEPS][MOST], after[MOST];
} golden_muon;

#include "golden_muon.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;
static cnn_backend_call call;

static void open_context(const char *backend)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = backend), &context), CNN_OK);
    cnn__backend_call_init(&call, context, 0, NULL, 0);
}

static cnn_optimizer *optimizer_of(const char *text)
{
    cnn_optimizer *optimizer;
    ck_assert_msg(cnn_optimizer_create(context, text, &optimizer) == CNN_OK, "%s", cnn_last_error(context));
    return optimizer;
}

static void run_golden(const golden_muon *golden, const char *backend)
{
    static _Alignas(64) float weights[MOST], gradients[MOST];
    const size_t n = golden->rows * golden->filters;
    open_context(backend);
    cnn_optimizer *optimizer = optimizer_of(golden->text);
    const cnn__update_item item = {.n = n,
                                   .w = weights,
                                   .g = gradients,
                                   .decay_kernel = true,
                                   .factor = 1,
                                   .weight_decay = NAN,
                                   .filters = golden->filters};
    memcpy(weights, golden->weights, sizeof(weights));
    for (int s = 0; s < STEPS; s++) {
        memcpy(gradients, golden->gradients[s], sizeof(gradients));
        ck_assert_int_eq(cnn__optimizer_update(optimizer, &call, &item, 1, MOST), CNN_OK);
    }
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(fabs((double)weights[i] - (double)golden->after[i]) <= 2e-5,
                      "%s, %s: weight %zu of %zu x %zu is %.9g, not %.9g", golden->text, backend, i, golden->rows,
                      golden->filters, (double)weights[i], (double)golden->after[i]);
    }
    for (size_t i = n; i < MOST; i++) {
        ck_assert_float_eq(weights[i], golden->weights[i]);
    }
    cnn_optimizer_free(optimizer);
    cnn_context_free(context);
}

START_TEST(kernels_follow_the_published_update)
{
    for (size_t i = 0; cnn_backend_name(i) != NULL; i++) {
        run_golden(&golden_muons[_i], cnn_backend_name(i));
    }
}
END_TEST

/* What is no kernel of a convolution. */
static void run_other(const char *text, float after[16])
{
    static _Alignas(64) float weights[16], gradients[16];
    cnn_optimizer *optimizer = optimizer_of(text);
    const cnn__update_item item = {.n = 16, .w = weights, .g = gradients, .factor = 1, .weight_decay = NAN};
    memcpy(weights, golden_muons[0].weights, sizeof(weights));
    for (int s = 0; s < STEPS; s++) {
        memcpy(gradients, golden_muons[0].gradients[s], sizeof(gradients));
        ck_assert_int_eq(cnn__optimizer_update(optimizer, &call, &item, 1, 16), CNN_OK);
    }
    memcpy(after, weights, sizeof(weights));
    cnn_optimizer_free(optimizer);
}

START_TEST(other_parameters_follow_sgd)
{
    static const char *const same[][2] = {
        {"muon:pytorch,learning_rate=0.5,other_factor=0.25,other_momentum=0.9",
         "nesterov:pytorch,learning_rate=0.125,momentum=0.9"},
        {"muon:pytorch,learning_rate=0.5,momentum=0.5,plain=1,weight_decay=0.1",
         "momentum:pytorch,learning_rate=0.5,momentum=0.5,weight_decay=0.1"},
        {"muon:learning_rate=0.5,other_factor=0", "sgd:learning_rate=0"},
    };
    open_context("reference");
    for (size_t i = 0; i < COUNT(same); i++) {
        float muon[16], sgd[16];
        run_other(same[i][0], muon);
        run_other(same[i][1], sgd);
        for (size_t k = 0; k < 16; k++) {
            ck_assert_float_eq_tol(muon[k], sgd[k], 1e-6f * fabsf(sgd[k]) + 1e-12f);
        }
    }
    cnn_context_free(context);
}
END_TEST

START_TEST(options_are_checked)
{
    static const char *const wrong[] = {"muon:momentum=1",    "muon:iterations=0",    "muon:iterations=1.5",
                                        "muon:normalize=2",   "muon:other_factor=-1", "muon:nesterov=1",
                                        "muon+lookahead:a=1", "muon+lookback",        "muon+lookahead:every=0"};
    cnn_optimizer *optimizer;
    open_context("reference");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ck_assert_int_eq(cnn_optimizer_create(context, wrong[i], &optimizer), CNN_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_null(optimizer);
    }
    ck_assert_int_eq(cnn_muon_create(context, CNN_MUON(.plain = 2), &optimizer), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "muon: plain is 2"));
    ck_assert_int_eq(cnn_muon_create(context, CNN_MUON(.iterations = 101), &optimizer), CNN_ERROR_INVALID_ARGUMENT);
    cnn_context_free(context);
}
END_TEST

START_TEST(no_gradient_is_no_step)
{
    static _Alignas(64) float weights[16], zeros[16];
    open_context("reference");
    cnn_optimizer *optimizer = optimizer_of("muon");
    const cnn__update_item item = {.n = 16, .w = weights, .g = zeros, .factor = 1, .weight_decay = NAN, .filters = 4};
    memcpy(weights, golden_muons[0].weights, sizeof(weights));
    ck_assert_int_eq(cnn__optimizer_update(optimizer, &call, &item, 1, 16), CNN_OK);
    ck_assert_mem_eq(weights, golden_muons[0].weights, sizeof(weights));
    cnn_optimizer_free(optimizer);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("muon");
    TCase *tests = tcase_create("muon");
    tcase_add_loop_test(tests, kernels_follow_the_published_update, 0, (int)COUNT(golden_muons));
    tcase_add_test(tests, other_parameters_follow_sgd);
    tcase_add_test(tests, options_are_checked);
    tcase_add_test(tests, no_gradient_is_no_step);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
