/* SPDX-License-Identifier: MIT */
/* The reference backend: each operation in plain loops of portable C, the oracle that other backends are tested
 * against. */
#ifndef CNN_BACKEND_REFERENCE_REFERENCE_H
#define CNN_BACKEND_REFERENCE_REFERENCE_H

#include "backend/driver/driver.h"

/* The complete table. */
extern const cnn_backend cnn__backend_reference;

float cnn__activation_value(cnn_activation activation, float alpha, float x);

extern const cnn__row_kernels cnn__reference_rows;
extern const cnn__pool_kernels cnn__reference_pools;
extern const cnn__norm_kernels cnn__reference_norms;
extern const cnn__lrn_kernels cnn__reference_lrn;
extern const cnn__elementwise_kernels cnn__reference_elementwise;

cnn_status cnn__reference_gemm(const cnn_backend_call *call, const cnn_gemm_args *args);
cnn_status cnn__reference_activation(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args);
cnn_status cnn__reference_softmax(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *args);
cnn_status cnn__reference_dropout(const cnn_backend_call *call, const cnn_dropout_args *args);
cnn_status cnn__reference_update(const cnn_backend_call *call, const cnn_update_args *args);

#endif
