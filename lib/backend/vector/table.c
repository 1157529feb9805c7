/* SPDX-License-Identifier: MIT */
/* The table of one instruction set. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/kernels.h"

static size_t dense_workspace(const cnn_backend *backend, const cnn_dense_shape *shape, cnn_pass pass,
                              uint32_t threads)
{
    (void)backend;
    return CNN__VECTOR(cnn__dense_workspace)(shape, pass, threads);
}

static cnn_status pool2d_forward(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *x,
                                 float *y, void *argmax)
{
    return cnn__pool2d_forward(&CNN__VECTOR(cnn__pools), call, shape, x, y, argmax);
}

static cnn_status pool2d_backward(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *dy,
                                  const void *argmax, float *dx)
{
    return cnn__pool2d_backward(&CNN__VECTOR(cnn__pools), call, shape, dy, argmax, dx);
}

static cnn_status norm_forward(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                               const float *gamma, const float *beta, float *y, float *mean, float *variance,
                               float *inv_std)
{
    return cnn__norm_forward(&CNN__VECTOR(cnn__norms), call, shape, x, gamma, beta, y, mean, variance, inv_std);
}

static cnn_status norm_inference(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                                 const float *gamma, const float *beta, const float *mean, const float *variance,
                                 float *y)
{
    return cnn__norm_inference(&CNN__VECTOR(cnn__norms), call, shape, x, gamma, beta, mean, variance, y);
}

static cnn_status norm_backward(const cnn_backend_call *call, const cnn_norm_shape *shape, int fixed, const float *x,
                                const float *dy, const float *gamma, const float *mean, const float *inv_std,
                                float *dx, float *d_gamma, float *d_beta)
{
    return cnn__norm_backward(&CNN__VECTOR(cnn__norms), call, shape, fixed, x, dy, gamma, mean, inv_std, dx, d_gamma,
                              d_beta);
}

static int norm_pools(const cnn_backend *backend, const cnn_norm_pool_shape *shape)
{
    (void)backend;
    (void)shape;
    return 1;
}

static size_t norm_pool_workspace(const cnn_backend *backend, const cnn_norm_pool_shape *shape, uint32_t threads)
{
    (void)backend;
    (void)threads;
    return CNN__VECTOR(cnn__norm_pool_workspace)(shape);
}

/* The relu's derivative is found again from x: one array less to read, and dy is read as it is. */
static cnn_status norm_activation_backward(const cnn_backend_call *call, const cnn_norm_shape *shape, int fixed,
                                           const float *x, const float *y, float *dy, const float *gamma,
                                           const float *beta, const float *mean, const float *inv_std, float *dx,
                                           float *d_gamma, float *d_beta)
{
    (void)y;
    if (shape->activation == CNN_LINEAR) {
        return norm_backward(call, shape, fixed, x, dy, gamma, mean, inv_std, dx, d_gamma, d_beta);
    }
    return cnn__norm_relu_backward(&CNN__VECTOR(cnn__norms), call, shape, fixed, x, dy, gamma, beta, mean, inv_std, dx,
                                   d_gamma, d_beta);
}

static cnn_status lrn_forward(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x, float *y)
{
    return cnn__lrn_forward(&CNN__VECTOR(cnn__lrn), call, shape, x, y);
}

static cnn_status lrn_backward(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x,
                               const float *dy, float *dx)
{
    return cnn__lrn_backward(&CNN__VECTOR(cnn__lrn), call, shape, x, dy, dx);
}

#define ENTRIES                                                                                                        \
    {                                                                                                                  \
        .dense_workspace = dense_workspace,                                                                            \
        .dense_forward = CNN__VECTOR(cnn__dense_forward),                                                              \
        .dense_backward_data = CNN__VECTOR(cnn__dense_backward_data),                                                  \
        .dense_backward_filter = CNN__VECTOR(cnn__dense_backward_filter),                                              \
        .pool2d_forward = pool2d_forward,                                                                              \
        .pool2d_backward = pool2d_backward,                                                                            \
        .norm_forward = norm_forward,                                                                                  \
        .norm_inference = norm_inference,                                                                              \
        .norm_backward = norm_backward,                                                                                \
        .activation_forward = CNN__VECTOR(cnn__activation_forward),                                                    \
        .activation_backward = CNN__VECTOR(cnn__activation_backward),                                                  \
        .softmax_forward = CNN__VECTOR(cnn__softmax_forward),                                                          \
        .softmax_backward = CNN__VECTOR(cnn__softmax_backward),                                                        \
        .dropout = CNN__VECTOR(cnn__dropout),                                                                          \
        .add = CNN__VECTOR(cnn__add),                                                                                  \
        .add_activation = CNN__VECTOR(cnn__add_activation),                                                            \
        .sum_squares = CNN__VECTOR(cnn__sum_squares),                                                                  \
        .sgd_update = CNN__VECTOR(cnn__sgd_update),                                                                    \
        .rmsprop_update = CNN__VECTOR(cnn__rmsprop_update),                                                            \
        .adam_update = CNN__VECTOR(cnn__adam_update),                                                                  \
        .lrn_forward = lrn_forward,                                                                                    \
        .lrn_backward = lrn_backward,                                                                                  \
        .norm_pools = norm_pools,                                                                                      \
        .norm_pool_workspace = norm_pool_workspace,                                                                    \
        .norm_pool_forward = CNN__VECTOR(cnn__norm_pool_forward),                                                      \
        .norm_pool_backward = CNN__VECTOR(cnn__norm_pool_backward),                                                    \
        .norm_activation_backward = norm_activation_backward,                                                          \
    }

/* The same but for the choice among convolutions. */
#define KERNELS(is_strict)                                                                                             \
    {                                                                                                                  \
        .entries = ENTRIES, .rows = &CNN__VECTOR(cnn__rows), .conv2d = CNN__VECTOR(cnn__conv2d_table),                 \
        .strict = is_strict, .peak = CNN__VECTOR(cnn__peak), .peak_flop = PEAK_CHAINS * VEC_WIDTH * 2,                 \
    }

const cnn__vector_kernels CNN__VECTOR(cnn__vector) = KERNELS(false);
const cnn__vector_kernels CNN__VECTOR(cnn__vector_strict) = KERNELS(true);
