/* SPDX-License-Identifier: MIT */
/* Folding a batch normalisation into the weights and the bias of the layer before it, for inference. */
#ifndef CNN_LAYER_FOLD_H
#define CNN_LAYER_FOLD_H

#include "layer/layer.h"

/* Bytes of the folded bias, and of the scratch that folding needs. */
size_t cnn__fold_bias_bytes(int64_t channels);
size_t cnn__fold_scratch_bytes(int64_t channels);

/* y = (w x + b - mean) f + beta with f = gamma / sqrt(variance + epsilon): the weights, [rows, channels], times f, and
 * another bias. `parameters` are the layer's weights, its bias unless it has none, and the normalisation's. */
void cnn__fold_norm(const cnn__fold *fold, float *const *parameters, bool has_bias, int64_t rows, int64_t channels,
                    void *scratch, float *weights, float *bias);

#endif
