/* SPDX-License-Identifier: MIT */
/* The reference backend's table: the drivers with the innermost loops in portable C. */
#include "backend/reference/reference.h"
#include "core/error.h"

static size_t conv2d_workspace(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                               uint32_t threads)
{
    (void)backend;
    return cnn__conv2d_workspace(shape, pass, threads);
}

static int conv2d_pools(const cnn_backend *backend, const cnn_conv2d_shape *shape)
{
    (void)backend;
    (void)shape;
    return 0;
}

static cnn_status conv2d_forward(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                 const float *filters, const float *bias, float *y, uint8_t *argmax)
{
    (void)argmax;
    return cnn__conv2d_forward(&cnn__reference_rows, call, shape, x, filters, bias, y);
}

static const char *conv2d_algorithm(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                    const char **reason)
{
    (void)backend;
    (void)shape;
    (void)pass;
    *reason = "all that the reference has";
    return "im2col";
}

/* The filters are a matrix as they are: there is nothing to prepare. */
static size_t conv2d_prepared_size(const cnn_backend *backend, const cnn_conv2d_shape *shape)
{
    (void)backend;
    (void)shape;
    return 0;
}

static cnn_status conv2d_prepare(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *filters,
                                 void *prepared)
{
    (void)call;
    (void)shape;
    (void)filters;
    (void)prepared;
    return CNN_ERROR_UNSUPPORTED;
}

static cnn_status conv2d_forward_prepared(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                          const void *prepared, const float *bias, float *y, uint8_t *argmax)
{
    (void)call;
    (void)shape;
    (void)x;
    (void)prepared;
    (void)bias;
    (void)y;
    (void)argmax;
    return CNN_ERROR_UNSUPPORTED;
}

static cnn_status conv2d_backward_data(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *dy,
                                       const uint8_t *argmax, const float *filters, float *dx)
{
    (void)argmax;
    return cnn__conv2d_backward_data(&cnn__reference_rows, call, shape, dy, filters, dx);
}

static cnn_status conv2d_backward_filter(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                         const float *dy, const uint8_t *argmax, float *d_filters, float *d_bias)
{
    (void)argmax;
    return cnn__conv2d_backward_filter(&cnn__reference_rows, call, shape, x, dy, d_filters, d_bias);
}

static size_t dense_workspace(const cnn_backend *backend, const cnn_dense_shape *shape, cnn_pass pass,
                              uint32_t threads)
{
    (void)backend;
    return cnn__dense_workspace(shape, pass, threads);
}

static cnn_status dense_forward(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                const float *weights, const float *bias, float *y)
{
    return cnn__dense_forward(&cnn__reference_rows, call, shape, x, weights, bias, y);
}

static cnn_status dense_backward_filter(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                        const float *dy, float *d_weights, float *d_bias)
{
    return cnn__dense_backward_filter(&cnn__reference_rows, call, shape, x, dy, d_weights, d_bias);
}

static cnn_status pool2d_forward(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *x,
                                 float *y, void *argmax)
{
    return cnn__pool2d_forward(&cnn__reference_pools, call, shape, x, y, argmax);
}

static cnn_status pool2d_backward(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *dy,
                                  const void *argmax, float *dx)
{
    return cnn__pool2d_backward(&cnn__reference_pools, call, shape, dy, argmax, dx);
}

static cnn_status norm_forward(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                               const float *gamma, const float *beta, float *y, float *mean, float *variance,
                               float *inv_std)
{
    return cnn__norm_forward(&cnn__reference_norms, call, shape, x, gamma, beta, y, mean, variance, inv_std);
}

static cnn_status norm_inference(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                                 const float *gamma, const float *beta, const float *mean, const float *variance,
                                 float *y)
{
    return cnn__norm_inference(&cnn__reference_norms, call, shape, x, gamma, beta, mean, variance, y);
}

static cnn_status norm_backward(const cnn_backend_call *call, const cnn_norm_shape *shape, int fixed, const float *x,
                                const float *dy, const float *gamma, const float *mean, const float *inv_std,
                                float *dx, float *d_gamma, float *d_beta)
{
    return cnn__norm_backward(&cnn__reference_norms, call, shape, fixed, x, dy, gamma, mean, inv_std, dx, d_gamma,
                              d_beta);
}

static size_t norm_workspace(const cnn_backend *backend, const cnn_norm_shape *shape, uint32_t threads)
{
    (void)backend;
    (void)threads;
    return cnn__norm_workspace(shape);
}

/* By two other entries, which may be another backend's. */
static cnn_status norm_activation_backward(const cnn_backend_call *call, const cnn_norm_shape *shape, int fixed,
                                           const float *x, const float *y, float *dy, const float *gamma,
                                           const float *beta, const float *mean, const float *inv_std, float *dx,
                                           float *d_gamma, float *d_beta)
{
    (void)beta;
    if (shape->activation != CNN_LINEAR) {
        CNN__RETURN_IF_ERROR(call->backend->activation_backward(call, (cnn_activation)shape->activation, 0,
                                                                (size_t)(shape->rows * shape->c), y, dy, dy));
    }
    return call->backend->norm_backward(call, shape, fixed, x, dy, gamma, mean, inv_std, dx, d_gamma, d_beta);
}

/* Normalisation and pooling one after the other are plain enough. */
static int norm_pools(const cnn_backend *backend, const cnn_norm_pool_shape *shape)
{
    (void)backend;
    (void)shape;
    return 0;
}

static size_t norm_pool_workspace(const cnn_backend *backend, const cnn_norm_pool_shape *shape, uint32_t threads)
{
    (void)backend;
    (void)shape;
    (void)threads;
    return 0;
}

static cnn_status norm_pool_forward(const cnn_backend_call *call, const cnn_norm_pool_shape *shape, int fixed,
                                    const float *x, const float *gamma, const float *beta, float *y, uint8_t *argmax,
                                    float *mean, float *variance, float *inv_std)
{
    (void)call;
    (void)shape;
    (void)fixed;
    (void)x;
    (void)gamma;
    (void)beta;
    (void)y;
    (void)argmax;
    (void)mean;
    (void)variance;
    (void)inv_std;
    return CNN_ERROR_UNSUPPORTED;
}

static cnn_status norm_pool_backward(const cnn_backend_call *call, const cnn_norm_pool_shape *shape, int fixed,
                                     const float *x, const float *dy, const uint8_t *argmax, const float *gamma,
                                     const float *mean, const float *inv_std, float *dx, float *d_gamma,
                                     float *d_beta)
{
    (void)call;
    (void)shape;
    (void)fixed;
    (void)x;
    (void)dy;
    (void)argmax;
    (void)gamma;
    (void)mean;
    (void)inv_std;
    (void)dx;
    (void)d_gamma;
    (void)d_beta;
    return CNN_ERROR_UNSUPPORTED;
}

static size_t lrn_workspace(const cnn_backend *backend, const cnn_lrn_shape *shape, uint32_t threads)
{
    (void)backend;
    return cnn__lrn_workspace(shape, threads);
}

static cnn_status lrn_forward(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x, float *y)
{
    return cnn__lrn_forward(&cnn__reference_lrn, call, shape, x, y);
}

static cnn_status lrn_backward(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x,
                               const float *dy, float *dx)
{
    return cnn__lrn_backward(&cnn__reference_lrn, call, shape, x, dy, dx);
}

const cnn_backend cnn__backend_reference = {
    .struct_size = sizeof(cnn_backend),
    .abi = CNN_BACKEND_ABI,
    .name = "reference",
    .gemm = cnn__reference_gemm,
    .conv2d_workspace = conv2d_workspace,
    .conv2d_pools = conv2d_pools,
    .conv2d_forward = conv2d_forward,
    .conv2d_backward_data = conv2d_backward_data,
    .conv2d_backward_filter = conv2d_backward_filter,
    .dense_workspace = dense_workspace,
    .dense_forward = dense_forward,
    .dense_backward_data = cnn__dense_backward_data,
    .dense_backward_filter = dense_backward_filter,
    .pool2d_forward = pool2d_forward,
    .pool2d_backward = pool2d_backward,
    .norm_forward = norm_forward,
    .norm_inference = norm_inference,
    .norm_backward = norm_backward,
    .norm_workspace = norm_workspace,
    .activation_forward = cnn__reference_activation_forward,
    .activation_backward = cnn__reference_activation_backward,
    .softmax_forward = cnn__reference_softmax_forward,
    .softmax_backward = cnn__reference_softmax_backward,
    .dropout = cnn__reference_dropout,
    .pad2d_forward = cnn__reference_pad2d_forward,
    .pad2d_backward = cnn__reference_pad2d_backward,
    .add = cnn__reference_add,
    .sum_squares = cnn__reference_sum_squares,
    .sgd_update = cnn__reference_sgd_update,
    .rmsprop_update = cnn__reference_rmsprop_update,
    .adam_update = cnn__reference_adam_update,
    .lrn_workspace = lrn_workspace,
    .lrn_forward = lrn_forward,
    .lrn_backward = lrn_backward,
    .conv2d_prepared_size = conv2d_prepared_size,
    .conv2d_prepare = conv2d_prepare,
    .conv2d_forward_prepared = conv2d_forward_prepared,
    .add_activation = cnn__reference_add_activation,
    .conv2d_algorithm = conv2d_algorithm,
    .norm_pools = norm_pools,
    .norm_pool_workspace = norm_pool_workspace,
    .norm_pool_forward = norm_pool_forward,
    .norm_pool_backward = norm_pool_backward,
    .norm_activation_backward = norm_activation_backward,
};
