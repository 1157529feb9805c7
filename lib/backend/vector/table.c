/* SPDX-License-Identifier: MIT */
/* The table of one instruction set. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/kernels.h"

static cnn_status conv3d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv3d_args *args)
{
    return cnn__conv3d(&CNN__VECTOR(cnn__rows), call, pass, args);
}

static cnn_status pool2d(const cnn_backend_call *call, cnn_pass pass, const cnn_pool2d_args *args)
{
    return cnn__pool2d(&CNN__VECTOR(cnn__pools), call, pass, args);
}

static cnn_status norm(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *args)
{
    return args->shape.epilogue.pool != 0 && pass != CNN_PASS_INFERENCE
               ? CNN__VECTOR(cnn__norm_pool)(call, pass, args)
               : cnn__norm(&CNN__VECTOR(cnn__norms), call, pass, args);
}

static cnn_status lrn(const cnn_backend_call *call, cnn_pass pass, const cnn_lrn_args *args)
{
    return cnn__lrn(&CNN__VECTOR(cnn__lrn), call, pass, args);
}

static cnn_status elementwise(const cnn_backend_call *call, const cnn_elementwise_args *args)
{
    return cnn__elementwise(&CNN__VECTOR(cnn__elementwise_kernels), call, args);
}

static cnn_status reduce(const cnn_backend_call *call, const cnn_reduce_args *args)
{
    return cnn__reduce(&CNN__VECTOR(cnn__elementwise_kernels), call, args);
}

#define ENTRIES                                                                                                       \
    {                                                                                                                 \
        .gemm = CNN__VECTOR(cnn__gemm), .dense = CNN__VECTOR(cnn__dense), .pool2d = pool2d, .norm = norm, .lrn = lrn, \
        .activation = CNN__VECTOR(cnn__activation), .softmax = CNN__VECTOR(cnn__softmax),                             \
        .dropout = CNN__VECTOR(cnn__dropout), .elementwise = elementwise, .reduce = reduce,                           \
        .update = CNN__VECTOR(cnn__update), .conv3d = conv3d,                                                         \
    }

/* The same but for the choice among convolutions. */
#define KERNELS(is_strict)                                                                                         \
    {                                                                                                              \
        .entries = ENTRIES, .rows = &CNN__VECTOR(cnn__rows), .dense_workspace = CNN__VECTOR(cnn__dense_workspace), \
        .norm_pool_workspace = CNN__VECTOR(cnn__norm_pool_workspace), .conv2d = CNN__VECTOR(cnn__conv2d_table),    \
        .strict = is_strict, .peak = CNN__VECTOR(cnn__peak), .peak_flop = PEAK_CHAINS * VEC_WIDTH * 2,             \
    }

const cnn__vector_kernels CNN__VECTOR(cnn__vector) = KERNELS(false);
const cnn__vector_kernels CNN__VECTOR(cnn__vector_strict) = KERNELS(true);
