/* SPDX-License-Identifier: MIT */
/* A 2-D convolution as a layer: its state with what was fused into it, and its prepared form for inference. */
#ifndef CNN_LAYER_CONV2D_H
#define CNN_LAYER_CONV2D_H

#include "layer/layer.h"

typedef struct cnn__conv2d_state {
    cnn_conv2d_options options;
    cnn_epilogue epilogue;
    cnn__norm_fold fold; /* of a normalisation after it, before the activation */
    int32_t single;      /* 1: prepared for one image at a time */
    int32_t multiplier;  /* above 0: depthwise; groups and filters follow from the input, those of the options are not
                            used */
} cnn__conv2d_state;

/* Fills the defaults of the options and checks them, for a kind that is named `type` in messages. Kinds that are a 2-D
 * convolution in other words have such a state within their own, and call these with it. */
cnn_status cnn__conv2d_check(const cnn_context *context, const char *type, cnn__conv2d_state *state);
cnn_status cnn__conv2d_infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                             uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size);
cnn_status cnn__conv2d_forward(const void *user, const cnn_layer_call *call);
cnn_status cnn__conv2d_backward(const void *user, const cnn_layer_call *call);
cnn__layer_work cnn__conv2d_describe(const void *state, const cnn_op_answer *answer, cnn_pass pass,
                                     const cnn_shape *input);

/* The backend's view of this layer for an input; out_h or out_w is 0 where the window does not fit. */
cnn_conv2d_shape cnn__conv2d_shape_of(const cnn__conv2d_state *state, const cnn_shape *input);

/* As cnn__layer_type has them. */
void cnn__conv2d_plan_inference(void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                                cnn__preparation *preparation);
cnn_status cnn__conv2d_prepare(const void *user, const cnn_layer_call *call, void *scratch, void *prepared);
cnn_status cnn__conv2d_forward_prepared(const void *user, const cnn_layer_call *call, const void *prepared);

#endif
