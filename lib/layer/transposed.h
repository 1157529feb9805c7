/* SPDX-License-Identifier: MIT */
/* What transposed convolutions of images and of volumes share. Each is a convolution's gradient by its input: the
 * passes of that convolution, which has this layer's output as its input, change places. Bias and activation follow as
 * operations of their own. */
#ifndef CNN_LAYER_TRANSPOSED_H
#define CNN_LAYER_TRANSPOSED_H

#include "layer/layer.h"

/* Options of one side. */
typedef struct cnn__transposed_side {
    int32_t kernel, stride, dilation, output_padding, padding, pad_before, pad_after;
} cnn__transposed_side;

/* CNN_ERROR_INVALID_ARGUMENT for what cannot be asked of a side. */
cnn_status cnn__transposed_check(const cnn_context *context, const char *type, const cnn__transposed_side *side);
/* Whether the padding is one that fixes the size. */
bool cnn__transposed_keeps_size(int32_t padding);
/* Output size, and what the convolution pads before it. */
int64_t cnn__transposed_output(const cnn__transposed_side *side, int64_t input, int32_t *before);

/* The output: samples, values of a channel in each, channels; and what ends the layer. */
typedef struct cnn__transposed {
    int64_t n, positions, c;
    const cnn_epilogue *epilogue;
} cnn__transposed;

/* Bytes of workspace that are the layer's own, in front of the backend's. */
size_t cnn__transposed_own_bytes(const cnn__transposed *t);
/* Asks the backend about bias and activation. */
cnn_status cnn__transposed_ask(const cnn__transposed *t, const cnn_backend *backend, uint32_t threads,
                               cnn_layer_spec *spec, char *reason, size_t reason_size);
/* Adds the bias, which may be NULL, to the call's output, and applies the activation. */
cnn_status cnn__transposed_finish(const cnn__transposed *t, const cnn_layer_call *call, const float *bias);
/* Makes the output's gradient that before the activation, unless it is so. */
cnn_status cnn__transposed_derive(const cnn__transposed *t, const cnn_layer_call *call,
                                  const cnn_backend_call *backend);
/* The gradient of the bias from that. */
cnn_status cnn__transposed_bias_gradient(const cnn__transposed *t, const cnn_layer_call *call,
                                         const cnn_backend_call *backend, float *d_bias);

#endif
