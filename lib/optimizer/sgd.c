/* SPDX-License-Identifier: MIT */
/* Stochastic gradient descent, with momentum and Nesterov's form. */
#include <float.h>
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

/* Variants of cnn_update_args: whether the learning rate scales the velocity, or what enters it. */
enum { RATE_OUTSIDE = 0, RATE_INSIDE = 1 };

static const cnn__param params[] = {CNN__OPTIMIZER_SHARE(cnn_sgd_options, momentum, 0),
                                    CNN__OPTIMIZER_SWITCH(cnn_sgd_options, nesterov),
                                    CNN__OPTIMIZER_COMMON(cnn_sgd_options)};

static cnn_status create(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    return cnn_sgd_create(context, options, optimizer);
}

_Static_assert(sizeof(cnn_sgd_options) <= CNN__OPTIMIZER_OPTIONS, "text is read into that much room");

const cnn__optimizer_kind cnn__optimizer_sgd = {
    .name = "sgd",
    .usage = "sgd:momentum=X,nesterov=0|1," CNN__OPTIMIZER_COMMON_USAGE,
    .params = params,
    .options_size = sizeof(cnn_sgd_options),
    .create = create,
};

static const cnn__param momentum_params[] = {CNN__OPTIMIZER_SHARE(cnn_sgd_options, momentum, NAN),
                                             CNN__OPTIMIZER_COMMON(cnn_sgd_options)};

static cnn_status create_momentum(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    cnn_sgd_options given = *(const cnn_sgd_options *)options;
    given.momentum = cnn__number_or(given.momentum, 0.9f);
    return cnn_sgd_create(context, &given, optimizer);
}

static cnn_status create_nesterov(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    cnn_sgd_options given = *(const cnn_sgd_options *)options;
    given.nesterov = 1;
    return create_momentum(context, &given, optimizer);
}

const cnn__optimizer_kind cnn__optimizer_momentum = {
    .name = "momentum",
    .usage = "momentum:momentum=0.9," CNN__OPTIMIZER_COMMON_USAGE,
    .params = momentum_params,
    .options_size = sizeof(cnn_sgd_options),
    .create = create_momentum,
};

const cnn__optimizer_kind cnn__optimizer_nesterov = {
    .name = "nesterov",
    .usage = "nesterov:momentum=0.9," CNN__OPTIMIZER_COMMON_USAGE,
    .params = momentum_params,
    .options_size = sizeof(cnn_sgd_options),
    .create = create_nesterov,
};

static cnn_status check(const cnn_context *context, const cnn_sgd_options *options)
{
    const cnn__number_check momentum = {"momentum", options->momentum, 1};
    CNN__RETURN_IF_ERROR(cnn__optimizer_check(context, cnn__optimizer_sgd.name, &momentum, 1));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_switch(context, cnn__optimizer_sgd.name, "nesterov", options->nesterov));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_convention(context, cnn__optimizer_sgd.name, options->convention));
    if (options->nesterov != 0 && options->momentum == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: nesterov without momentum changes nothing",
                         cnn__optimizer_sgd.name);
    }
    return CNN_OK;
}

cnn_status cnn_sgd_create(cnn_context *context, const cnn_sgd_options *options, cnn_optimizer **optimizer)
{
    cnn_sgd_options given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, cnn__optimizer_sgd.name, optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_sgd_options", options, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(check(context, &given));
    const cnn__optimizer_common common = {
        .learning_rate = given.learning_rate != 0 ? given.learning_rate : 0.01f,
        .weight_decay = given.weight_decay,
        .decay_kernels_only = given.decay_kernels_only,
        .clip_norm = given.clip_norm,
        .clip_value = given.clip_value,
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, &cnn__optimizer_sgd, &common, optimizer));
    (*optimizer)->slots = given.momentum != 0 ? 1 : 0;
    (*optimizer)->args.rule = CNN_UPDATE_SGD;
    (*optimizer)->args.momentum = given.momentum;
    (*optimizer)->args.nesterov = given.nesterov;
    (*optimizer)->args.variant = given.convention == CNN_KERAS ? RATE_INSIDE : RATE_OUTSIDE;
    return CNN_OK;
}
