/* SPDX-License-Identifier: MIT */
/* Folding a batch normalisation into the weights and the bias of the layer before it, for inference. */
#ifndef CNN_LAYER_FOLD_H
#define CNN_LAYER_FOLD_H

#include "layer/layer.h"

/* Parameters of a normalisation, which follow the layer's own in a call. */
enum { CNN__FOLD_PARAMETERS = 4 };

/* Bytes of the folded bias, at which the folded weights begin. */
size_t cnn__fold_bias_bytes(int64_t channels);

/* y = (w x + b - mean) f + beta with f = gamma / sqrt(variance + epsilon): the weights, [rows, channels], times f, and
 * another bias. The call's parameters are the layer's weights, its bias if it has one, and the normalisation's. */
cnn_status cnn__fold_norm(const cnn__norm_fold *fold, const cnn_layer_call *call, bool has_bias, int64_t rows,
                          int64_t channels, float *weights, float *bias);

#endif
