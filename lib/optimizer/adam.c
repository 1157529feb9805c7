/* SPDX-License-Identifier: MIT */
/* Adam (Kingma and Ba 2015). */
#include <float.h>
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

/* Variants of cnn_update_args: the paper's Algorithm 1, or the form with epsilon-hat before its section 2.1. */
enum { EPSILON = 0, EPSILON_HAT = 1 };

typedef struct preset {
    float epsilon;
    int32_t variant;
} preset;

/* By cnn_convention. */
static const preset presets[] = {
    [CNN_KERAS] = {1e-7f, EPSILON_HAT},
    [CNN_PYTORCH] = {1e-8f, EPSILON},
    [CNN_TENSORFLOW1] = {1e-8f, EPSILON_HAT},
};

/* 1 - beta^t without losing digits where beta^t is near 1. */
static double correction(float beta, uint64_t step) { return -expm1((double)step * log((double)beta)); }

static void prepare(const cnn_optimizer *optimizer, uint64_t step, cnn_update_args *args)
{
    args->correction1 = correction(optimizer->args.beta1, step);
    args->correction2 = correction(optimizer->args.beta2, step);
}

static cnn_status update(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                         const cnn_update_args *args, float *const *slots)
{
    (void)optimizer;
    (void)step;
    (void)slots;
    return cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, args);
}

static const cnn__param params[] = {
    CNN__OPTIMIZER_SHARE(cnn_adam_options, beta1, NAN), CNN__OPTIMIZER_SHARE(cnn_adam_options, beta2, NAN),
    CNN__OPTIMIZER_DEFAULTED(cnn_adam_options, epsilon), CNN__OPTIMIZER_COMMON(cnn_adam_options)};

static cnn_status create(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    return cnn_adam_create(context, options, optimizer);
}

_Static_assert(sizeof(cnn_adam_options) <= CNN__OPTIMIZER_OPTIONS, "text is read into that much room");

const cnn__optimizer_kind cnn__optimizer_adam = {
    .name = "adam",
    .prepare = prepare,
    .update = update,
    .usage = "adam:beta1=X,beta2=X,epsilon=X," CNN__OPTIMIZER_COMMON_USAGE,
    .params = params,
    .options_size = sizeof(cnn_adam_options),
    .create = create,
};

static cnn_status check(const cnn_context *context, const cnn_adam_options *options)
{
    const cnn__number_check checks[] = {
        {"beta1", options->beta1, 1},
        {"beta2", options->beta2, 1},
        {"epsilon", options->epsilon, 0},
    };
    return cnn__optimizer_check(context, cnn__optimizer_adam.name, checks, sizeof(checks) / sizeof(checks[0]));
}

cnn_status cnn_adam_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer)
{
    cnn_adam_options given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, cnn__optimizer_adam.name, optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_adam_options", options, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_convention(context, cnn__optimizer_adam.name, given.convention));
    const preset *defaults = &presets[given.convention];
    given.beta1 = cnn__number_or(given.beta1, 0.9f);
    given.beta2 = cnn__number_or(given.beta2, 0.999f);
    given.epsilon = cnn__number_or(given.epsilon, defaults->epsilon);
    CNN__RETURN_IF_ERROR(check(context, &given));
    const cnn__optimizer_common common = {
        .learning_rate = given.learning_rate != 0 ? given.learning_rate : 0.001f,
        .weight_decay = given.weight_decay,
        .decay_kernels_only = given.decay_kernels_only,
        .clip_norm = given.clip_norm,
        .clip_value = given.clip_value,
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, &cnn__optimizer_adam, &common, optimizer));
    (*optimizer)->slots = 2;
    (*optimizer)->args.rule = CNN_UPDATE_ADAM;
    (*optimizer)->args.beta1 = given.beta1;
    (*optimizer)->args.beta2 = given.beta2;
    (*optimizer)->args.epsilon = given.epsilon;
    (*optimizer)->args.variant = defaults->variant;
    return CNN_OK;
}
