/* SPDX-License-Identifier: MIT */
/* Direct convolution's entry points, compiled for each instruction set. */
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

#endif
