/* SPDX-License-Identifier: MIT */
/* RMSprop (Tieleman and Hinton 2012). */
#include <float.h>
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

/* Variants of cnn_update_args: epsilon added outside the root and the learning rate outside the momentum, or both
 * inside. */
enum { OUTSIDE = 0, INSIDE = 1 };

typedef struct preset {
    float learning_rate, rho, epsilon;
    int32_t variant, momentum_variant; /* without and with momentum */
    float initial;                     /* of the square average */
} preset;

/* By cnn_convention. Keras 2 leaves momentum to the kernel that TensorFlow 1 has, so epsilon moves into the root. */
static const preset presets[] = {
    [CNN_KERAS] = {0.001f, 0.9f, 1e-7f, OUTSIDE, INSIDE, 0},
    [CNN_PYTORCH] = {0.01f, 0.99f, 1e-8f, OUTSIDE, OUTSIDE, 0},
    [CNN_TENSORFLOW1] = {0.001f, 0.9f, 1e-10f, INSIDE, INSIDE, 1},
};

static const cnn__param params[] = {
    CNN__OPTIMIZER_SHARE(cnn_rmsprop_options, rho, NAN), CNN__OPTIMIZER_DEFAULTED(cnn_rmsprop_options, epsilon),
    CNN__OPTIMIZER_SHARE(cnn_rmsprop_options, momentum, 0), CNN__OPTIMIZER_COMMON(cnn_rmsprop_options)};

static cnn_status create(cnn_context *context, const void *options, cnn_optimizer **optimizer)
{
    return cnn_rmsprop_create(context, options, optimizer);
}

_Static_assert(sizeof(cnn_rmsprop_options) <= CNN__OPTIMIZER_OPTIONS, "text is read into that much room");

const cnn__optimizer_kind cnn__optimizer_rmsprop = {
    .name = "rmsprop",
    .beta2_name = "rho",
    .usage = "rmsprop:rho=X,epsilon=X,momentum=X," CNN__OPTIMIZER_COMMON_USAGE,
    .params = params,
    .options_size = sizeof(cnn_rmsprop_options),
    .create = create,
};

static cnn_status check(const cnn_context *context, const cnn_rmsprop_options *options)
{
    const cnn__number_check checks[] = {
        {"rho", options->rho, 1},
        {"epsilon", options->epsilon, 0},
        {"momentum", options->momentum, 1},
    };
    return cnn__optimizer_check(context, cnn__optimizer_rmsprop.name, checks, sizeof(checks) / sizeof(checks[0]));
}

cnn_status cnn_rmsprop_create(cnn_context *context, const cnn_rmsprop_options *options, cnn_optimizer **optimizer)
{
    cnn_rmsprop_options given;
    CNN__RETURN_IF_ERROR(cnn__optimizer_begin(context, cnn__optimizer_rmsprop.name, optimizer));
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_rmsprop_options", options, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(cnn__optimizer_check_convention(context, cnn__optimizer_rmsprop.name, given.convention));
    const preset *defaults = &presets[given.convention];
    given.rho = cnn__number_or(given.rho, defaults->rho);
    given.epsilon = cnn__number_or(given.epsilon, defaults->epsilon);
    CNN__RETURN_IF_ERROR(check(context, &given));
    const cnn__optimizer_common common = {
        .learning_rate = given.learning_rate != 0 ? given.learning_rate : defaults->learning_rate,
        .weight_decay = given.weight_decay,
        .decay_kernels_only = given.decay_kernels_only,
        .clip_norm = given.clip_norm,
        .clip_value = given.clip_value,
    };
    CNN__RETURN_IF_ERROR(cnn__optimizer_new(context, &cnn__optimizer_rmsprop, &common, optimizer));
    (*optimizer)->slots = given.momentum != 0 ? 2 : 1;
    (*optimizer)->initial[0] = defaults->initial;
    (*optimizer)->args.rule = CNN_UPDATE_RMSPROP;
    (*optimizer)->args.beta2 = given.rho;
    (*optimizer)->args.epsilon = given.epsilon;
    (*optimizer)->args.momentum = given.momentum;
    (*optimizer)->args.variant = given.momentum != 0 ? defaults->momentum_variant : defaults->variant;
    return CNN_OK;
}
