/* SPDX-License-Identifier: MIT */
/* The reference backend's table: the drivers with the innermost loops in portable C. */
#include "backend/reference/reference.h"

static cnn_status query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                        cnn_op_answer *answer)
{
    (void)backend;
    return cnn__driver_query(op, args, threads, answer);
}

static cnn_status conv2d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args)
{
    return cnn__im2col_conv2d(&cnn__reference_rows, call, pass, args);
}

static cnn_status conv3d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv3d_args *args)
{
    return cnn__conv3d(&cnn__reference_rows, call, pass, args);
}

static cnn_status dense(const cnn_backend_call *call, cnn_pass pass, const cnn_dense_args *args)
{
    return cnn__dense(&cnn__reference_rows, call, pass, args);
}

static cnn_status pool2d(const cnn_backend_call *call, cnn_pass pass, const cnn_pool2d_args *args)
{
    return cnn__pool2d(&cnn__reference_pools, call, pass, args);
}

static cnn_status norm(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *args)
{
    return cnn__norm(&cnn__reference_norms, call, pass, args);
}

static cnn_status lrn(const cnn_backend_call *call, cnn_pass pass, const cnn_lrn_args *args)
{
    return cnn__lrn(&cnn__reference_lrn, call, pass, args);
}

static cnn_status elementwise(const cnn_backend_call *call, const cnn_elementwise_args *args)
{
    return cnn__elementwise(&cnn__reference_elementwise, call, args);
}

static cnn_status reduce(const cnn_backend_call *call, const cnn_reduce_args *args)
{
    return cnn__reduce(&cnn__reference_elementwise, call, args);
}

const cnn_backend cnn__backend_reference = {
    .struct_size = sizeof(cnn_backend),
    .abi = CNN_BACKEND_ABI,
    .name = "reference",
    .gemm = cnn__reference_gemm,
    .query = query,
    .conv2d = conv2d,
    .dense = dense,
    .pool2d = pool2d,
    .norm = norm,
    .lrn = lrn,
    .activation = cnn__reference_activation,
    .softmax = cnn__reference_softmax,
    .dropout = cnn__reference_dropout,
    .pad2d = cnn__pad2d,
    .resample = cnn__resample2d,
    .permute = cnn__permute_axes,
    .prelu = cnn__prelu,
    .map = cnn__map,
    .sample = cnn__sample_axis,
    .elementwise = elementwise,
    .reduce = reduce,
    .concat = cnn__concat,
    .fill = cnn__fill,
    .fold = cnn__fold,
    .constrain = cnn__constrain,
    .penalty = cnn__penalty,
    .update = cnn__reference_update,
    .conv3d = conv3d,
    .adjacency = cnn__adjacency,
};
