/* SPDX-License-Identifier: MIT */
/* Folding a batch normalisation into weights. */
#include "layer/fold.h"

/* A normalisation's parameters, in the order of batch_norm.c. */
enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };

size_t cnn__fold_bias_bytes(int64_t channels) { return cnn__align_size((size_t)channels * sizeof(float)); }

cnn_status cnn__fold_norm(const cnn__norm_fold *fold, const cnn_layer_call *call, bool has_bias, int64_t rows,
                          int64_t channels, float *weights, float *bias)
{
    float *const *norm = call->parameters + (has_bias ? 2 : 1);
    const cnn_fold_args args = {
        .struct_size = sizeof(args),
        .rows = rows,
        .c = channels,
        .epsilon = fold->epsilon,
        .weights = call->parameters[0],
        .bias = has_bias ? call->parameters[1] : NULL,
        .gamma = norm[GAMMA],
        .beta = norm[BETA],
        .mean = norm[MOVING_MEAN],
        .variance = norm[MOVING_VARIANCE],
        .folded_weights = weights,
        .folded_bias = bias,
    };
    return cnn_backend_run(call->backend, CNN_OP_FOLD, CNN_PASS_FORWARD, &args);
}
