/* SPDX-License-Identifier: MIT */
/* The entry points of convolutions without transforms, compiled for each instruction set. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV2D_KERNELS_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV2D_KERNELS_H

#include <cnn/backend.h>

#include "backend/vector/vec.h"

bool CNN__VECTOR(cnn__direct_supports)(const cnn_conv2d_shape *shape, cnn_pass pass);
size_t CNN__VECTOR(cnn__direct_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads);
size_t CNN__VECTOR(cnn__direct_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads);
size_t CNN__VECTOR(cnn__direct_prepared_size)(const cnn_conv2d_shape *shape);
/* Every pass. */
cnn_status CNN__VECTOR(cnn__direct_conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);
cnn_status CNN__VECTOR(cnn__direct_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_args *args);

/* 1x1 as a product: every pass, any stride and groups, no padding or pooling. */
bool CNN__VECTOR(cnn__pointwise_supports)(const cnn_conv2d_shape *shape);
size_t CNN__VECTOR(cnn__pointwise_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads);
size_t CNN__VECTOR(cnn__pointwise_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads);
size_t CNN__VECTOR(cnn__pointwise_prepared_size)(const cnn_conv2d_shape *shape);
cnn_status CNN__VECTOR(cnn__pointwise_conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);
cnn_status CNN__VECTOR(cnn__pointwise_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_args *args);

/* One channel at a time: every pass, any kernel, stride, dilation and depth multiplier, no pooling. */
bool CNN__VECTOR(cnn__depthwise_supports)(const cnn_conv2d_shape *shape);
size_t CNN__VECTOR(cnn__depthwise_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads);
size_t CNN__VECTOR(cnn__depthwise_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads);
size_t CNN__VECTOR(cnn__depthwise_prepared_size)(const cnn_conv2d_shape *shape);
cnn_status CNN__VECTOR(cnn__depthwise_conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);
cnn_status CNN__VECTOR(cnn__depthwise_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_args *args);

#endif
