/* SPDX-License-Identifier: MIT */
/* What the files compiled for one instruction set share, for their table. */
#ifndef CNN_BACKEND_VECTOR_KERNELS_H
#define CNN_BACKEND_VECTOR_KERNELS_H

#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/vec.h"
#include "backend/vector/vector.h"

/* Chains of multiply-adds that do not wait for each other: enough for any latency, few enough for 16 registers. */
#define PEAK_CHAINS 12

float CNN__VECTOR(cnn__peak)(size_t rounds);
extern const cnn__row_kernels CNN__VECTOR(cnn__rows);
extern const cnn__pool_kernels CNN__VECTOR(cnn__pools);
extern const cnn__norm_kernels CNN__VECTOR(cnn__norms);
extern const cnn__lrn_kernels CNN__VECTOR(cnn__lrn);
extern const cnn__elementwise_kernels CNN__VECTOR(cnn__elementwise_kernels);
extern const cnn__conv2d_functions CNN__VECTOR(cnn__conv2d_table)[CNN__CONV2D_ALGORITHMS];

cnn_status CNN__VECTOR(cnn__gemm)(const cnn_backend_call *call, const cnn_gemm_args *args);
size_t CNN__VECTOR(cnn__dense_workspace)(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status CNN__VECTOR(cnn__dense)(const cnn_backend_call *call, cnn_pass pass, const cnn_dense_args *args);
/* Normalisation with pooling. */
size_t CNN__VECTOR(cnn__norm_pool_workspace)(const cnn_norm_shape *shape);
cnn_status CNN__VECTOR(cnn__norm_pool)(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *args);
cnn_status CNN__VECTOR(cnn__activation)(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args);
cnn_status CNN__VECTOR(cnn__softmax)(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *args);
cnn_status CNN__VECTOR(cnn__dropout)(const cnn_backend_call *call, const cnn_dropout_args *args);
cnn_status CNN__VECTOR(cnn__update)(const cnn_backend_call *call, const cnn_update_args *args);

#endif
