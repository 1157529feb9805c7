/* SPDX-License-Identifier: MIT */
/* Small models that together hold every layer in every form that an ONNX file can give it. */
#ifndef CNN_TESTS_ONNX_MODELS_H
#define CNN_TESTS_ONNX_MODELS_H

#include <cnn/cnn.h>

/* A built model with random parameters, statistics included; number `index` of those below, NULL past the end. The
 * context's last error says why `*model` is NULL. Sizes of an input differ, so that its order of axes can be told. */
const char *onnx_case(cnn_context *context, size_t index, cnn_model **model);

/* Parameters of any model, moving variances between 0.5 and 1.5 and the like. */
void onnx_random_parameters(cnn_model *model);

/* Numbers from -1 to 1, the same for the same seed. */
void onnx_random_values(uint32_t seed, float *values, size_t count);

#endif
