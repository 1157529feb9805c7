/* SPDX-License-Identifier: MIT */
/* What is known of activations wherever they are applied. */
#ifndef CNN_CORE_ACTIVATION_H
#define CNN_CORE_ACTIVATION_H

#include <cnn/backend.h>

/* GELU's tanh form, x (1 + tanh(FACTOR (x + CUBE x^3))) / 2 (Hendrycks and Gimpel 2016); FACTOR is sqrt(2 / pi). */
#define CNN__GELU_TANH_FACTOR 0.7978845608028654f
#define CNN__GELU_TANH_CUBE 0.044715f
/* 1 / sqrt(2 pi). */
#define CNN__NORMAL_FACTOR 0.3989422804014327f
/* Klambauer et al. 2017. */
#define CNN__SELU_ALPHA 1.6732632423543772f
#define CNN__SELU_SCALE 1.0507009873554805f
/* The slope of the hard sigmoid in PyTorch and Keras 3, and of the one in hard swish. */
#define CNN__SIXTH (1.0f / 6.0f)

/* The last number of cnn_activation. */
#define CNN__LAST_ACTIVATION CNN_CLIPPED_RELU

/* Over the last dimension, so that it is an operation of its own. */
static inline bool cnn__activation_is_over_rows(int32_t activation)
{
    return activation == CNN_SOFTMAX || activation == CNN_LOG_SOFTMAX;
}

static inline bool cnn__activation_is_elementwise(int32_t activation)
{
    return activation >= CNN_LINEAR && activation <= CNN__LAST_ACTIVATION && !cnn__activation_is_over_rows(activation);
}

/* Its output does not tell its derivative, which is computed from the input. */
static inline bool cnn__activation_reads_input(int32_t activation)
{
    return activation == CNN_SILU || activation == CNN_GELU || activation == CNN_GELU_TANH ||
           activation == CNN_HARD_SWISH;
}

static inline bool cnn__activation_reads_alpha(int32_t activation)
{
    return activation == CNN_LEAKY_RELU || activation == CNN_ELU || activation == CNN_HARD_SIGMOID ||
           activation == CNN_CLIPPED_RELU;
}

/* Turns logits into probabilities. */
static inline bool cnn__activation_is_head(int32_t activation)
{
    return activation == CNN_SIGMOID || cnn__activation_is_over_rows(activation);
}

#endif
