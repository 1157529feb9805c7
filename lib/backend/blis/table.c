/* SPDX-License-Identifier: MIT */
/* The blis backend's table for one instruction set. */
#include "backend/blis/blis.h"

static cnn_status dense_forward(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                const float *weights, const float *bias, float *y)
{
    const cnn__vector_kernels *kernels = call->user;
    return cnn__dense_forward(kernels->rows, call, shape, x, weights, bias, y);
}

static cnn_status dense_backward_filter(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                        const float *dy, float *d_weights, float *d_bias)
{
    const cnn__vector_kernels *kernels = call->user;
    return cnn__dense_backward_filter(kernels->rows, call, shape, x, dy, d_weights, d_bias);
}

void cnn__blis_fill(cnn__cpu_level level, bool strict, cnn_backend *backend)
{
    cnn__blis_fill_with(cnn__vector_select(level, strict), backend);
}

void cnn__blis_fill_with(const cnn__vector_kernels *kernels, cnn_backend *backend)
{
    *backend = kernels->entries;
    backend->struct_size = sizeof(*backend);
    backend->abi = CNN_BACKEND_ABI;
    backend->name = "blis";
    backend->user = (void *)kernels;
    backend->gemm = cnn__blis_gemm;
    backend->conv2d_workspace = cnn__vector_conv2d_workspace;
    backend->conv2d_pools = cnn__vector_conv2d_pools;
    backend->conv2d_forward = cnn__vector_conv2d_forward;
    backend->conv2d_backward_data = cnn__vector_conv2d_backward_data;
    backend->conv2d_backward_filter = cnn__vector_conv2d_backward_filter;
    backend->conv2d_algorithm = cnn__vector_conv2d_algorithm;
    backend->conv2d_prepared_size = cnn__vector_conv2d_prepared_size;
    backend->conv2d_prepare = cnn__vector_conv2d_prepare;
    backend->conv2d_forward_prepared = cnn__vector_conv2d_forward_prepared;
    backend->dense_forward = dense_forward;
    backend->dense_backward_filter = dense_backward_filter;
}
