/* SPDX-License-Identifier: MIT */
/* A dense layer's state, with what was fused into it. */
#ifndef CNN_LAYER_DENSE_H
#define CNN_LAYER_DENSE_H

#include "layer/layer.h"

typedef struct cnn__dense_state {
    cnn_dense_options options;
    cnn_epilogue epilogue;
    cnn__norm_fold fold; /* of a normalisation after it, before the activation */
} cnn__dense_state;

#endif
