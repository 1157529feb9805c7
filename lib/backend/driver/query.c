/* SPDX-License-Identifier: MIT */
/* What the drivers answer for a table that leaves its work to them. */
#include "backend/driver/driver.h"

/* All but those over rows. */
#define ELEMENTWISE_ACTIVATIONS (((2u << CNN__LAST_ACTIVATION) - 1) & ~(1u << CNN_SOFTMAX | 1u << CNN_LOG_SOFTMAX))

static bool has_epilogue(const cnn_epilogue *epilogue, cnn_op_answer *answer)
{
    answer->activations = ELEMENTWISE_ACTIVATIONS;
    return epilogue->pool == 0 && cnn__activation_is_elementwise(epilogue->activation);
}

static cnn_status query_conv2d(const cnn_conv2d_shape *shape, uint32_t threads, cnn_op_answer *answer)
{
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        answer->workspace[pass] = cnn__im2col_workspace(shape, (cnn_pass)pass, threads);
        answer->name[pass] = "im2col";
        answer->reason[pass] = "all that the reference has";
    }
    return has_epilogue(&shape->epilogue, answer) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
}

static cnn_status query_conv3d(const cnn_conv3d_shape *shape, uint32_t threads, cnn_op_answer *answer)
{
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        answer->workspace[pass] = cnn__conv3d_workspace(shape, (cnn_pass)pass, threads);
        answer->name[pass] = "im2col";
        answer->reason[pass] = "products of planes, all that there is for volumes";
    }
    return has_epilogue(&shape->epilogue, answer) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
}

static cnn_status query_dense(const cnn_dense_shape *shape, uint32_t threads, cnn_op_answer *answer)
{
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        answer->workspace[pass] = cnn__dense_workspace(shape, (cnn_pass)pass, threads);
    }
    return has_epilogue(&shape->epilogue, answer) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
}

/* Normalisation and pooling one after the other are plain enough. */
static cnn_status query_norm(const cnn_norm_shape *shape, cnn_op_answer *answer)
{
    const cnn_epilogue *epilogue = &shape->epilogue;
    answer->workspace[CNN_PASS_FORWARD] = answer->workspace[CNN_PASS_BACKWARD] = cnn__norm_workspace(shape);
    return has_epilogue(epilogue, answer) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
}

cnn_status cnn__driver_query(cnn_op op, const void *args, uint32_t threads, cnn_op_answer *answer)
{
    switch (op) {
    case CNN_OP_CONV2D:
        return query_conv2d(&((const cnn_conv2d_args *)args)->shape, threads, answer);
    case CNN_OP_CONV3D:
        return query_conv3d(&((const cnn_conv3d_args *)args)->shape, threads, answer);
    case CNN_OP_ADJACENCY:
        answer->workspace[CNN_PASS_FORWARD] = answer->workspace[CNN_PASS_BACKWARD] = cnn__adjacency_workspace(args,
                                                                                                              threads);
        return CNN_OK;
    case CNN_OP_DENSE:
        return query_dense(&((const cnn_dense_args *)args)->shape, threads, answer);
    case CNN_OP_POOL2D:
        return has_epilogue(&((const cnn_pool2d_args *)args)->shape.epilogue, answer) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
    case CNN_OP_NORM:
        return query_norm(&((const cnn_norm_args *)args)->shape, answer);
    case CNN_OP_LRN:
        answer->workspace[CNN_PASS_BACKWARD] = cnn__lrn_workspace(&((const cnn_lrn_args *)args)->shape, threads);
        return CNN_OK;
    case CNN_OP_PRELU:
        answer->workspace[CNN_PASS_BACKWARD] = cnn__prelu_workspace(args);
        return CNN_OK;
    case CNN_OP_ELEMENTWISE:
        return has_epilogue(&((const cnn_elementwise_args *)args)->epilogue, answer) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
    case CNN_OP_ACTIVATION:
        return cnn__activation_is_elementwise(((const cnn_activation_args *)args)->activation) ? CNN_OK
                                                                                               : CNN_ERROR_UNSUPPORTED;
    default:
        return CNN_OK;
    }
}
