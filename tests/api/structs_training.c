/* SPDX-License-Identifier: MIT */
/* Options of optimizers, schedules, losses, evaluators and trainings, and those of the caller's making. */
#include "api/structs.h"

#include <stdlib.h>

OBJECT(sgd_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(rmsprop_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(adam_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(step_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(exponential_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(cosine_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(plateau_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(linear_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(triangular_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(onecycle_schedule_create, cnn_schedule, cnn_schedule_free)
OBJECT(muon_create, cnn_optimizer, cnn_optimizer_free)
OBJECT(precision_create, cnn_evaluator, cnn_evaluator_free)
OBJECT(binary_focal_create, cnn_loss, cnn_loss_free)
OBJECT(categorical_focal_create, cnn_loss, cnn_loss_free)

/* Kinds: a caller's own parts. */
#define KIND(function, type, release)                                            \
    static cnn_status call_##function(const void *given)                         \
    {                                                                            \
        type *made = NULL;                                                       \
        cnn_status status = cnn_##function(structs_context, given, NULL, &made); \
        release(made);                                                           \
        return status;                                                           \
    }

KIND(loss_create_custom, cnn_loss, cnn_loss_free)
KIND(optimizer_create_custom, cnn_optimizer, cnn_optimizer_free)
KIND(schedule_create_custom, cnn_schedule, cnn_schedule_free)
KIND(evaluator_create_custom, cnn_evaluator, cnn_evaluator_free)

static cnn_status call_communicator(const void *given)
{
    double value = 1;
    return cnn_communicator_sum(structs_context, given, &value, 1);
}

static cnn_status call_group(const void *given)
{
    cnn_optimizer *optimizer = NULL;
    cnn_status status = cnn_sgd_create(structs_context, NULL, &optimizer);
    status = status == CNN_OK ? cnn_optimizer_add_group(optimizer, given) : status;
    cnn_optimizer_free(optimizer);
    return status;
}

static cnn_status call_search(const void *given)
{
    cnn_rate_search_options *options = structs_copy(given);
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    double found;
    ck_assert_int_eq(cnn_loader_create(structs_context, structs_data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(structs_context, NULL, &optimizer), CNN_OK);
    options->train = loader;
    options->optimizer = optimizer;
    const cnn_status status = cnn_find_learning_rate(structs_model, options, &found, NULL);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    free(options);
    return status == CNN_ERROR_NUMERIC || status == CNN_ERROR_NOT_FOUND ? CNN_OK : status; /* no rate is the best */
}

static cnn_status call_lookahead(const void *given)
{
    cnn_optimizer *optimizer = NULL;
    cnn_status status = cnn_sgd_create(structs_context, NULL, &optimizer);
    status = status == CNN_OK ? cnn_optimizer_set_lookahead(optimizer, given) : status;
    cnn_optimizer_free(optimizer);
    return status;
}

static cnn_status call_warmup(const void *given)
{
    cnn_schedule *made = NULL;
    cnn_status status = cnn_warmup_schedule_create(structs_context, given, &made);
    cnn_schedule_free(made);
    return status;
}

static cnn_status call_target(const void *given)
{
    static const float logits[TEST_CLASSES] = {0.5f};
    cnn_loss *loss = NULL;
    double mean;
    float gradient[TEST_CLASSES];
    cnn_status status = cnn_loss_create(structs_context, "categorical_crossentropy", &loss);
    status = status == CNN_OK ? cnn_loss_compute(loss, logits, given, 1, TEST_CLASSES, gradient, &mean) : status;
    cnn_loss_free(loss);
    return status;
}

static cnn_status call_evaluation(const void *given)
{
    cnn_evaluator *evaluator = NULL;
    cnn_status status = cnn_accuracy_create(structs_context, &evaluator);
    status = status == CNN_OK ? cnn_evaluator_update(evaluator, given) : status;
    cnn_evaluator_free(evaluator);
    return status;
}

static cnn_status call_fit(const void *given)
{
    cnn_fit_options *options = structs_copy(given);
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_loader_create(structs_context, structs_data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(structs_context, NULL, &optimizer), CNN_OK);
    options->train = loader;
    options->optimizer = optimizer;
    cnn_status status = cnn_fit(structs_model, options, NULL);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    free(options);
    return status;
}

static cnn_status call_evaluate(const void *given)
{
    cnn_evaluate_options *options = structs_copy(given);
    cnn_loader *loader = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_loader_create(structs_context, structs_data, CNN_LOADER(.batch = 4), &loader), CNN_OK);
    options->loader = loader;
    cnn_status status = cnn_evaluate(structs_model, options, &result);
    cnn_loader_free(loader);
    free(options);
    return status;
}

/* ---- what the structs point to ---- */

static cnn_status sample_loss(void *user, const cnn_loss_sample *sample, double *loss)
{
    (void)user;
    (void)sample;
    *loss = 0;
    return CNN_OK;
}

static cnn_status update(void *user, uint64_t step, float rate, size_t n, float *weights, const float *gradients,
                         float *const *slots)
{
    (void)user;
    (void)step;
    (void)rate;
    (void)n;
    (void)weights;
    (void)gradients;
    (void)slots;
    return CNN_OK;
}

static double rate(void *user, const cnn_schedule_moment *moment)
{
    (void)user;
    (void)moment;
    return 0.1;
}

static void reset(void *user) { (void)user; }

static cnn_status count(void *user, const cnn_evaluation *batch)
{
    (void)user;
    (void)batch;
    return CNN_OK;
}

static double score(void *user)
{
    (void)user;
    return 1;
}

START_TEST(training)
{
    static const int32_t labels[1] = {1};
    static const float outputs[3] = {0.25f, 0.5f, 0.25f};
    const row rows[] = {
        ROW(target, cnn_target, labels, .labels = labels),
        ROW(evaluation, cnn_evaluation, labels, .count = 1, .outputs = 3, .outputs_data = outputs, .labels = labels),
        ROW(precision_create, cnn_classification_options, averaging, .averaging = 0),
        ROW(sgd_create, cnn_sgd_options, learning_rate, .learning_rate = 0.1f),
        ROW(rmsprop_create, cnn_rmsprop_options, learning_rate, .learning_rate = 0.1f),
        ROW(adam_create, cnn_adam_options, learning_rate, .learning_rate = 0.1f),
        ROW(group, cnn_group_options, pattern, .pattern = "conv*"),
        ROW(step_schedule_create, cnn_step_schedule_options, every, .every = 2),
        ROW(exponential_schedule_create, cnn_exponential_schedule_options, gamma, .gamma = 0.5),
        ROW(cosine_schedule_create, cnn_cosine_schedule_options, epochs, .epochs = 2),
        ROW(search, cnn_rate_search_options, steps, .low = 1e-6, .high = 1e-3, .steps = 40),
        ROW(triangular_schedule_create, cnn_triangular_schedule_options, peak, .peak = 0.5),
        ROW(lookahead, cnn_lookahead_options, every, .every = 2),
        ROW(muon_create, cnn_muon_options, learning_rate, .learning_rate = 0.1f),
        ROW(linear_schedule_create, cnn_linear_schedule_options, epochs, .epochs = 2),
        ROW(onecycle_schedule_create, cnn_onecycle_schedule_options, peak, .peak = 0.5),
        ROW(warmup, cnn_warmup_schedule_options, steps, .steps = 2),
        ROW(plateau_schedule_create, cnn_plateau_schedule_options, factor, .factor = 0.5f),
        ROW(loss_create_custom, cnn_loss_kind, sample, .name = "own", .sample = sample_loss),
        ROW(optimizer_create_custom, cnn_optimizer_kind, update, .name = "own", .update = update),
        ROW(schedule_create_custom, cnn_schedule_kind, rate, .name = "own", .rate = rate),
        ROW(evaluator_create_custom, cnn_evaluator_kind, score, .name = "own", .reset = reset, .update = count,
            .score = score),
        ROW(binary_focal_create, cnn_focal_options, gamma, .gamma = 1),
        ROW(categorical_focal_create, cnn_focal_options, gamma, .gamma = 1),
        ROW(fit, cnn_fit_options, optimizer, .epochs = 0),
        ROW(evaluate, cnn_evaluate_options, loader, .loader = NULL),
        ROW(communicator, cnn_communicator, size, .size = 1),
    };
    TRY(rows);
}
END_TEST

void structs_add_training(TCase *tests) { tcase_add_test(tests, training); }
