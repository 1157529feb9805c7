/* SPDX-License-Identifier: MIT */
/* Adam (Kingma and Ba 2015), and AdamW, whose decay is no part of the gradient (Loshchilov and Hutter 2019). */
#include <float.h>
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

/* Variants of cnn_update_args: the paper's Algorithm 1, or the form with epsilon-hat before its section 2.1. */
enum { EPSILON = 0, EPSILON_HAT = 1, DECOUPLED = 2 };

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

static const cnn__param params[] = {
    CNN__OPTIMIZER_SHARE(cnn_adam_options, beta1, NAN), CNN__OPTIMIZER_SHARE(cnn_adam_options, beta2, NAN),
    CNN__OPTIMIZER_DEFAULTED(cnn_adam_options, epsilon), CNN__OPTIMIZER_COMMON(cnn_adam_options)};

static cnn_status create(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    return cnn_adam_create(context, options, optimizer);
}

static const cnn__param adamw_params[] = {CNN__OPTIMIZER_SHARE(cnn_adam_options, beta1, NAN),
                                          CNN__OPTIMIZER_SHARE(cnn_adam_options, beta2, NAN),
                                          CNN__OPTIMIZER_DEFAULTED(cnn_adam_options, epsilon),
                                          CNN__OPTIMIZER_NUMBER(cnn_adam_options, learning_rate),
                                          {"convention", cnn__convention_names, true, CNN_KERAS, CNN_TENSORFLOW1,
                                           CNN_KERAS, offsetof(cnn_adam_options, convention), false},
                                          CNN__OPTIMIZER_DEFAULTED(cnn_adam_options, weight_decay),
                                          CNN__OPTIMIZER_SWITCH(cnn_adam_options, decay_kernels_only),
                                          CNN__OPTIMIZER_NUMBER(cnn_adam_options, clip_norm),
                                          CNN__OPTIMIZER_NUMBER(cnn_adam_options, clip_value),
                                          {.name = NULL}};

static cnn_status create_adamw(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    return cnn_adamw_create(context, options, optimizer);
}

_Static_assert(sizeof(cnn_adam_options) <= CNN__OPTIMIZER_OPTIONS, "text is read into that much room");

const cnn__optimizer_kind cnn__optimizer_adam = {
    .name = "adam",
    .prepare = prepare,
    .usage = "adam:beta1=X,beta2=X,epsilon=X," CNN__OPTIMIZER_COMMON_USAGE,
    .params = params,
    .options_size = sizeof(cnn_adam_options),
    .create = create,
};

const cnn__optimizer_kind cnn__optimizer_adamw = {
    .name = "adamw",
    .prepare = prepare,
    .usage = "adamw:beta1=X,beta2=X,epsilon=X," CNN__OPTIMIZER_COMMON_USAGE,
    .params = adamw_params,
    .options_size = sizeof(cnn_adam_options),
    .create = create_adamw,
};

static cnn_status check(const cnn_context *context, const char *name, const cnn_adam_options *options)
{
    const cnn__number_check checks[] = {
        {"beta1", options->beta1, 1},
        {"beta2", options->beta2, 1},
        {"epsilon", options->epsilon, 0},
    };
    return cnn__optimizer_check(context, name, checks, sizeof(checks) / sizeof(checks[0]));
}

static cnn_status make(cnn_context *context, const cnn__optimizer_kind *kind, const cnn_adam_options *options,
                       cnn_optimizer **optimizer)
{
    const bool decoupled = kind == &cnn__optimizer_adamw;
    cnn_adam_options given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, kind->name, optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_adam_options", options, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_convention(context, kind->name, given.convention));
    const preset *defaults = &presets[given.convention];
    given.beta1 = cnn__number_or(given.beta1, 0.9f);
    given.beta2 = cnn__number_or(given.beta2, 0.999f);
    given.epsilon = cnn__number_or(given.epsilon, defaults->epsilon);
    given.weight_decay = decoupled ? cnn__number_or(given.weight_decay, 0.01f) : given.weight_decay;
    CNN__RETURN_IF_ERROR(check(context, kind->name, &given));
    const cnn__optimizer_common common = {
        .learning_rate = given.learning_rate != 0 ? given.learning_rate : 0.001f,
        .weight_decay = given.weight_decay,
        .decay_kernels_only = given.decay_kernels_only,
        .clip_norm = given.clip_norm,
        .clip_value = given.clip_value,
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, kind, &common, optimizer));
    (*optimizer)->slots = 2;
    (*optimizer)->args.rule = CNN_UPDATE_ADAM;
    (*optimizer)->args.beta1 = given.beta1;
    (*optimizer)->args.beta2 = given.beta2;
    (*optimizer)->args.epsilon = given.epsilon;
    (*optimizer)->args.variant = defaults->variant | (decoupled ? DECOUPLED : 0);
    return CNN_OK;
}

cnn_status cnn_adam_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer)
{
    return make(context, &cnn__optimizer_adam, options, optimizer);
}

cnn_status cnn_adamw_create(cnn_context *context, const cnn_adam_options *options, cnn_optimizer **optimizer)
{
    return make(context, &cnn__optimizer_adamw, options, optimizer);
}
