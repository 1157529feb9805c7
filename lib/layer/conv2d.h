/* SPDX-License-Identifier: MIT */
/* A convolution as a layer: its state with what was fused into it, and its prepared form for inference. */
#ifndef CNN_LAYER_CONV2D_H
#define CNN_LAYER_CONV2D_H

#include "layer/layer.h"

typedef struct cnn__conv2d_state {
    cnn_conv2d_options options;
    cnn_epilogue epilogue;
    cnn__norm_fold fold; /* of a normalisation after it, before the activation */
    int32_t single;      /* 1: prepared for one image at a time */
} cnn__conv2d_state;

/* Where a normalisation is folded in. */
static inline cnn__norm_fold *cnn__conv2d_fold(void *state) { return &((cnn__conv2d_state *)state)->fold; }

/* The backend's view of this layer for an input; out_h or out_w is 0 where the window does not fit. */
cnn_conv2d_shape cnn__conv2d_shape_of(const cnn__conv2d_state *state, const cnn_shape *input);

/* As cnn__layer_type has them. */
void cnn__conv2d_plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                                cnn__preparation *preparation);
cnn_status cnn__conv2d_prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared);
cnn_status cnn__conv2d_forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared);

#endif
