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
extern const cnn__conv2d_functions CNN__VECTOR(cnn__conv2d_table)[CNN__CONV2D_ALGORITHMS];

size_t CNN__VECTOR(cnn__dense_workspace)(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status CNN__VECTOR(cnn__dense_forward)(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                           const float *weights, const float *bias, float *y);
cnn_status CNN__VECTOR(cnn__dense_backward_data)(const cnn_backend_call *call, const cnn_dense_shape *shape,
                                                 const float *dy, const float *weights, float *dx);
cnn_status CNN__VECTOR(cnn__dense_backward_filter)(const cnn_backend_call *call, const cnn_dense_shape *shape,
                                                   const float *x, const float *dy, float *d_weights, float *d_bias);
size_t CNN__VECTOR(cnn__norm_pool_workspace)(const cnn_norm_pool_shape *shape);
cnn_status CNN__VECTOR(cnn__norm_pool_forward)(const cnn_backend_call *call, const cnn_norm_pool_shape *shape,
                                               int fixed, const float *x, const float *gamma, const float *beta,
                                               float *y, uint8_t *argmax, float *mean, float *variance,
                                               float *inv_std);
cnn_status CNN__VECTOR(cnn__norm_pool_backward)(const cnn_backend_call *call, const cnn_norm_pool_shape *shape,
                                                int fixed, const float *x, const float *dy, const uint8_t *argmax,
                                                const float *gamma, const float *mean, const float *inv_std, float *dx,
                                                float *d_gamma, float *d_beta);
cnn_status CNN__VECTOR(cnn__activation_forward)(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                             size_t n, const float *x, float *y);
cnn_status CNN__VECTOR(cnn__activation_backward)(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                              size_t n, const float *y, const float *dy, float *dx);
cnn_status CNN__VECTOR(cnn__softmax_forward)(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                          const float *x, float *y);
cnn_status CNN__VECTOR(cnn__softmax_backward)(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                           const float *y, const float *dy, float *dx);
cnn_status CNN__VECTOR(cnn__dropout)(const cnn_backend_call *call, const cnn_dropout_shape *shape, const float *x,
                                  float *y);
cnn_status CNN__VECTOR(cnn__add)(const cnn_backend_call *call, size_t n, const float *a, const float *b, float *y);
cnn_status CNN__VECTOR(cnn__add_activation)(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                            size_t n, const float *a, const float *b, float *y);
cnn_status CNN__VECTOR(cnn__sum_squares)(const cnn_backend_call *call, size_t n, const float *x, double *sum);
cnn_status CNN__VECTOR(cnn__sgd_update)(const cnn_backend_call *call, const cnn_update_args *args);
cnn_status CNN__VECTOR(cnn__rmsprop_update)(const cnn_backend_call *call, const cnn_update_args *args);
cnn_status CNN__VECTOR(cnn__adam_update)(const cnn_backend_call *call, const cnn_update_args *args);

#endif
