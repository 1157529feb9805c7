/* SPDX-License-Identifier: MIT */
/* One function for each operation and pass, in the words of a test: arrays as parameters in place of structs. All go by
 * way of cnn_backend_run(). */
#ifndef CNN_TESTS_BACKEND_ENTRIES_H
#define CNN_TESTS_BACKEND_ENTRIES_H

#include <check.h>

#include "backend/backend.h"

static inline cnn_status run_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    return cnn_backend_run(call, CNN_OP_GEMM, CNN_PASS_FORWARD, args);
}

static inline cnn_op_answer answer_to(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads)
{
    cnn_op_answer answer;
    ck_assert_int_eq(cnn_backend_query(backend, op, args, threads, &answer), CNN_OK);
    return answer;
}

/* --- convolution --- */

static inline cnn_op_answer conv2d_answer(const cnn_backend *backend, const cnn_conv2d_shape *shape, uint32_t threads)
{
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *shape};
    return answer_to(backend, CNN_OP_CONV2D, &args, threads);
}

static inline bool conv2d_pools(const cnn_backend *backend, const cnn_conv2d_shape *shape)
{
    cnn_op_answer answer;
    cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *shape};
    args.shape.epilogue.pool = 2;
    return cnn_backend_query(backend, CNN_OP_CONV2D, &args, 1, &answer) == CNN_OK;
}

static inline size_t conv2d_workspace(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                      uint32_t threads)
{
    return conv2d_answer(backend, shape, threads).workspace[pass];
}

static inline cnn_status run_conv2d_forward(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                            const float *x, const float *filters, const float *bias, float *y,
                                            uint8_t *argmax)
{
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .filters = filters,
                                  .bias = bias, .y = y, .argmax = argmax};
    return cnn_backend_run(call, CNN_OP_CONV2D, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_conv2d_backward_data(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                                  const float *dy, const uint8_t *argmax, const float *filters,
                                                  float *dx)
{
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *shape, .dy = (float *)dy,
                                  .argmax = (uint8_t *)argmax, .filters = filters, .dx = dx};
    return cnn_backend_run(call, CNN_OP_CONV2D, CNN_PASS_BACKWARD_DATA, &args);
}

static inline cnn_status run_conv2d_backward_filter(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                                    const float *x, const float *dy, const uint8_t *argmax,
                                                    float *d_filters, float *d_bias)
{
    const cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .dy = (float *)dy,
                                  .argmax = (uint8_t *)argmax, .d_filters = d_filters, .d_bias = d_bias};
    return cnn_backend_run(call, CNN_OP_CONV2D, CNN_PASS_BACKWARD_FILTER, &args);
}

/* --- dense layers --- */

static inline size_t dense_workspace(const cnn_backend *backend, const cnn_dense_shape *shape, cnn_pass pass,
                                     uint32_t threads)
{
    const cnn_dense_args args = {.struct_size = sizeof(args), .shape = *shape};
    return answer_to(backend, CNN_OP_DENSE, &args, threads).workspace[pass];
}

static inline cnn_status run_dense_forward(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                           const float *weights, const float *bias, float *y)
{
    const cnn_dense_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .weights = weights,
                                 .bias = bias, .y = y};
    return cnn_backend_run(call, CNN_OP_DENSE, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_dense_backward_data(const cnn_backend_call *call, const cnn_dense_shape *shape,
                                                 const float *dy, const float *weights, float *dx)
{
    const cnn_dense_args args = {.struct_size = sizeof(args), .shape = *shape, .dy = (float *)dy, .weights = weights,
                                 .dx = dx};
    return cnn_backend_run(call, CNN_OP_DENSE, CNN_PASS_BACKWARD_DATA, &args);
}

static inline cnn_status run_dense_backward_filter(const cnn_backend_call *call, const cnn_dense_shape *shape,
                                                   const float *x, const float *dy, float *d_weights, float *d_bias)
{
    const cnn_dense_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .dy = (float *)dy,
                                 .d_weights = d_weights, .d_bias = d_bias};
    return cnn_backend_run(call, CNN_OP_DENSE, CNN_PASS_BACKWARD_FILTER, &args);
}

/* --- pooling --- */

static inline cnn_status run_pool2d_forward(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *x,
                                            float *y, void *argmax)
{
    const cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .y = y, .argmax = argmax};
    return cnn_backend_run(call, CNN_OP_POOL2D, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_pool2d_backward(const cnn_backend_call *call, const cnn_pool2d_shape *shape,
                                             const float *dy, const void *argmax, float *dx)
{
    const cnn_pool2d_args args = {.struct_size = sizeof(args), .shape = *shape, .dy = (float *)dy,
                                  .argmax = (void *)argmax, .dx = dx};
    return cnn_backend_run(call, CNN_OP_POOL2D, CNN_PASS_BACKWARD, &args);
}

/* --- normalisation; of vectors or with pooling of images, as the shape says --- */

static inline size_t norm_workspace(const cnn_backend *backend, const cnn_norm_shape *shape, uint32_t threads)
{
    const cnn_norm_args args = {.struct_size = sizeof(args), .shape = *shape};
    const cnn_op_answer answer = answer_to(backend, CNN_OP_NORM, &args, threads);
    ck_assert_uint_eq(answer.workspace[CNN_PASS_FORWARD], answer.workspace[CNN_PASS_BACKWARD]);
    return answer.workspace[CNN_PASS_FORWARD];
}

static inline bool norm_pools(const cnn_backend *backend, const cnn_norm_shape *shape)
{
    cnn_op_answer answer;
    cnn_norm_args args = {.struct_size = sizeof(args), .shape = *shape};
    args.shape.epilogue.pool = 2;
    return cnn_backend_query(backend, CNN_OP_NORM, &args, 1, &answer) == CNN_OK;
}

static inline cnn_status run_norm_forward(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                                          const float *gamma, const float *beta, float *y, uint8_t *argmax,
                                          float *mean, float *variance, float *inv_std)
{
    const cnn_norm_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .gamma = gamma, .beta = beta,
                                .y = y, .argmax = argmax, .mean = mean, .variance = variance, .inv_std = inv_std};
    return cnn_backend_run(call, CNN_OP_NORM, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_norm_inference(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                                            const float *gamma, const float *beta, const float *mean,
                                            const float *variance, float *y)
{
    const cnn_norm_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .gamma = gamma, .beta = beta,
                                .y = y, .mean = (float *)mean, .variance = (float *)variance};
    return cnn_backend_run(call, CNN_OP_NORM, CNN_PASS_INFERENCE, &args);
}

/* y is NULL where there is no activation, or it was pooled. */
static inline cnn_status run_norm_backward(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                                           const float *y, const float *dy, const uint8_t *argmax, const float *gamma,
                                           const float *beta, const float *mean, const float *inv_std, float *dx,
                                           float *d_gamma, float *d_beta)
{
    const cnn_norm_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .y = (float *)y,
                                .dy = (float *)dy, .argmax = (uint8_t *)argmax, .gamma = gamma, .beta = beta,
                                .mean = (float *)mean, .inv_std = (float *)inv_std, .dx = dx, .d_gamma = d_gamma,
                                .d_beta = d_beta};
    return cnn_backend_run(call, CNN_OP_NORM, CNN_PASS_BACKWARD, &args);
}

/* --- local response normalisation --- */

static inline size_t lrn_workspace(const cnn_backend *backend, const cnn_lrn_shape *shape, uint32_t threads)
{
    const cnn_lrn_args args = {.struct_size = sizeof(args), .shape = *shape};
    return answer_to(backend, CNN_OP_LRN, &args, threads).workspace[CNN_PASS_BACKWARD];
}

static inline cnn_status run_lrn_forward(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x,
                                         float *y)
{
    const cnn_lrn_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .y = y};
    return cnn_backend_run(call, CNN_OP_LRN, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_lrn_backward(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x,
                                          const float *dy, float *dx)
{
    const cnn_lrn_args args = {.struct_size = sizeof(args), .shape = *shape, .x = x, .dy = dy, .dx = dx};
    return cnn_backend_run(call, CNN_OP_LRN, CNN_PASS_BACKWARD, &args);
}

/* --- elementwise --- */

static inline cnn_status run_activation_forward(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                                size_t n, const float *x, float *y)
{
    const cnn_activation_args args = {.struct_size = sizeof(args), .n = n, .activation = (int32_t)activation,
                                      .alpha = alpha, .x = x, .y = y};
    return cnn_backend_run(call, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_activation_backward(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                                 size_t n, const float *y, const float *dy, float *dx)
{
    const cnn_activation_args args = {.struct_size = sizeof(args), .n = n, .activation = (int32_t)activation,
                                      .alpha = alpha, .x = y, .y = (float *)y, .dy = dy, .dx = dx};
    return cnn_backend_run(call, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args);
}

static inline cnn_status run_softmax_forward(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                             const float *x, float *y)
{
    const cnn_softmax_args args = {.struct_size = sizeof(args), .rows = rows, .columns = columns,
                                   .logarithm = logarithm, .x = x, .y = y};
    return cnn_backend_run(call, CNN_OP_SOFTMAX, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_softmax_backward(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                              const float *y, const float *dy, float *dx)
{
    const cnn_softmax_args args = {.struct_size = sizeof(args), .rows = rows, .columns = columns,
                                   .logarithm = logarithm, .y = (float *)y, .dy = dy, .dx = dx};
    return cnn_backend_run(call, CNN_OP_SOFTMAX, CNN_PASS_BACKWARD, &args);
}

static inline cnn_status run_dropout(const cnn_backend_call *call, const cnn_dropout_args *given, const float *x,
                                     float *y)
{
    cnn_dropout_args args = *given;
    args.x = x;
    args.y = y;
    return cnn_backend_run(call, CNN_OP_DROPOUT, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_pad2d_forward(const cnn_backend_call *call, const cnn_pad2d_args *given, const float *x,
                                           float *y)
{
    cnn_pad2d_args args = *given;
    args.x = x;
    args.y = y;
    return cnn_backend_run(call, CNN_OP_PAD2D, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_pad2d_backward(const cnn_backend_call *call, const cnn_pad2d_args *given, const float *dy,
                                            float *dx)
{
    cnn_pad2d_args args = *given;
    args.dy = dy;
    args.dx = dx;
    return cnn_backend_run(call, CNN_OP_PAD2D, CNN_PASS_BACKWARD, &args);
}

static inline cnn_status run_add_activation(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                            size_t n, const float *a, const float *b, float *y)
{
    const cnn_elementwise_args args = {.struct_size = sizeof(args), .kind = CNN_ELEMENTWISE_ADD, .outer = 1,
                                       .inner = 1, .c = (int64_t)n, .a = a, .b = b, .y = y,
                                       .epilogue = {.activation = (int32_t)activation, .alpha = alpha}};
    return cnn_backend_run(call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_add(const cnn_backend_call *call, size_t n, const float *a, const float *b, float *y)
{
    return run_add_activation(call, CNN_LINEAR, 0, n, a, b, y);
}

static inline cnn_status run_sum_squares(const cnn_backend_call *call, size_t n, const float *x, double *sum)
{
    const cnn_reduce_args args = {.struct_size = sizeof(args), .kind = CNN_REDUCE_SUM_SQUARES, .outer = 1, .inner = 1,
                                  .c = (int64_t)n, .x = x, .result = sum};
    return cnn_backend_run(call, CNN_OP_REDUCE, CNN_PASS_FORWARD, &args);
}

static inline cnn_status run_update(const cnn_backend_call *call, const cnn_update_args *args)
{
    return cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, args);
}

#endif
