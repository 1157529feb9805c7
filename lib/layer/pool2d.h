/* SPDX-License-Identifier: MIT */
/* Pooling of images: what a convolution asks of the pooling after it, and what the other poolings are made of. */
#ifndef CNN_LAYER_POOL2D_H
#define CNN_LAYER_POOL2D_H

#include "layer/layer.h"

/* Whether the state of a pooling layer is a 2x2 window at stride 2 without padding, odd rows and columns dropped. */
bool cnn__pool2d_halves(const void *state);

/* Fills the defaults of the options and checks them, for a kind that is named `type` in messages. */
cnn_status cnn__pool2d_check(const cnn_context *context, const char *type, cnn_pool2d_options *options);

/* The backend's view for an input N, H, W, C; out_h or out_w is 0 where the window does not fit. */
cnn_pool2d_shape cnn__pool2d_shape_of(const cnn_pool2d_options *options, const cnn_shape *input, bool average);

/* Refuses, in `infer`, windows that overlap too much: see cnn__infer_reads(). */
cnn_status cnn__pool2d_check_reads(const cnn_pool2d_shape *shape, char *reason, size_t reason_size);

#endif
