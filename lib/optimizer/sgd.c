/* SPDX-License-Identifier: MIT */
/* Stochastic gradient descent, with momentum and Nesterov's form. */
#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

/* Variants of cnn_update_args: whether the learning rate scales the velocity, or what enters it. */
enum { RATE_OUTSIDE = 0, RATE_INSIDE = 1 };

static cnn_status update(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                         const cnn_update_args *args, float *const *slots)
{
    (void)optimizer;
    (void)step;
    (void)slots;
    return cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, args);
}

static const cnn__optimizer_rule rule = {.name = "sgd", .update = update};

static cnn_status check(const cnn_context *context, const cnn_sgd_options *options)
{
    const cnn__number_check momentum = {"momentum", options->momentum, 1};
    CNN__RETURN_IF_ERROR(cnn__optimizer_check(context, rule.name, &momentum, 1));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_switch(context, rule.name, "nesterov", options->nesterov));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_convention(context, rule.name, options->convention));
    if (options->nesterov != 0 && options->momentum == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: nesterov without momentum changes nothing",
                         rule.name);
    }
    return CNN_OK;
}

cnn_status cnn_sgd_create(cnn_context *context, const cnn_sgd_options *options, cnn_optimizer **optimizer)
{
    cnn_sgd_options given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, rule.name, optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_sgd_options", options, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(check(context, &given));
    const cnn__optimizer_common common = {
        .learning_rate = given.learning_rate != 0 ? given.learning_rate : 0.01f,
        .weight_decay = given.weight_decay,
        .decay_kernels_only = given.decay_kernels_only,
        .clip_norm = given.clip_norm,
        .clip_value = given.clip_value,
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, &rule, &common, optimizer));
    (*optimizer)->slots = given.momentum != 0 ? 1 : 0;
    (*optimizer)->args.rule = CNN_UPDATE_SGD;
    (*optimizer)->args.momentum = given.momentum;
    (*optimizer)->args.nesterov = given.nesterov;
    (*optimizer)->args.variant = given.convention == CNN_KERAS ? RATE_INSIDE : RATE_OUTSIDE;
    return CNN_OK;
}
