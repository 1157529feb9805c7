/* SPDX-License-Identifier: MIT */
/* Direct convolution's entry points, compiled for each instruction set. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV2D_KERNELS_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV2D_KERNELS_H

#include <cnn/backend.h>

#include "backend/vector/vec.h"

bool CNN__VECTOR(cnn__direct_supports)(const cnn_conv2d_shape *shape, cnn_pass pass);
size_t CNN__VECTOR(cnn__direct_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status CNN__VECTOR(cnn__direct_forward)(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                            const float *filters, const float *bias, float *y, uint8_t *argmax);
cnn_status CNN__VECTOR(cnn__direct_backward_data)(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                                  const float *dy, const uint8_t *argmax, const float *filters,
                                                  float *dx);
size_t CNN__VECTOR(cnn__direct_prepared_size)(const cnn_conv2d_shape *shape);
cnn_status CNN__VECTOR(cnn__direct_prepare)(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                            const float *filters, void *prepared);
cnn_status CNN__VECTOR(cnn__direct_forward_prepared)(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                                     const float *x, const void *prepared, const float *bias, float *y,
                                                     uint8_t *argmax);
size_t CNN__VECTOR(cnn__direct_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads);
cnn_status CNN__VECTOR(cnn__direct_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                                    const float *x, const float *dy, const uint8_t *argmax,
                                                    float *d_filters, float *d_bias);

#endif
