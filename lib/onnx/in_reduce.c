/* SPDX-License-Identifier: MIT */
/* Sums, means, largest and least values over axes. */
#include <string.h>

#include "onnx/in.h"

/* Which axes, as bits; *none: nothing is to be done. */
static cnn_status read_axes(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, uint32_t *bits,
                            bool *none)
{
    const int64_t *axes = NULL;
    size_t count = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 1, &axes, &count));
    *none = count == 0 && cnn__onnx_attribute_int(node, "noop_with_empty_axes", 0) != 0;
    *bits = count == 0 ? (1u << rank) - 1 : 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t axis = 0;
        CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, axes[i], rank, &axis));
        *bits |= 1u << axis;
    }
    return CNN_OK;
}

static cnn_reduction reduction_of(const cnn__onnx_node *node)
{
    return strcmp(node->type, "ReduceMean") == 0  ? CNN_REDUCE_TO_MEAN
           : strcmp(node->type, "ReduceMax") == 0 ? CNN_REDUCE_TO_MAX
           : strcmp(node->type, "ReduceMin") == 0 ? CNN_REDUCE_TO_MIN
                                                  : CNN_REDUCE_TO_SUM;
}

/* All of an image but its channels: a pooling, which is faster and fused. */
static bool is_global(const cnn__onnx_import *import, const cnn__onnx_axes *axes, uint32_t bits, cnn_reduction to)
{
    return import->batched && axes->rank == 4 && bits == 12 && axes->order[3] == 1 &&
           (to == CNN_REDUCE_TO_MEAN || to == CNN_REDUCE_TO_MAX);
}

/* The axes that are left. */
static cnn__onnx_axes left_axes(const cnn__onnx_axes *axes, uint32_t bits, bool keep)
{
    cnn__onnx_axes left = {0};
    uint32_t number[CNN_MAX_RANK] = {0};
    for (uint32_t i = 0; i < axes->rank; i++) {
        const bool gone = (bits >> i & 1) != 0;
        if (!gone || keep) {
            number[i] = left.rank;
            left.dims[left.rank++] = gone ? 1 : axes->dims[i];
        }
    }
    for (uint32_t i = 0, at = 0; i < axes->rank; i++) {
        const uint32_t axis = axes->order[i];
        if ((bits >> axis & 1) == 0 || keep) {
            left.order[at++] = number[axis];
        }
    }
    return left;
}

cnn_status cnn__onnx_in_reduce(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const bool keep = cnn__onnx_attribute_int(node, "keepdims", 1) != 0;
    const cnn_reduction to = reduction_of(node);
    cnn__onnx_wire *wire = NULL;
    uint32_t bits = 0, count = 0;
    bool none = false;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    const cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(read_axes(import, node, axes.rank, &bits, &none));
    if (none || axes.rank == 0) {
        return cnn__onnx_pass_on(import, node, 0, wire);
    }
    if (import->batched && (bits & 1) != 0) {
        return cnn__onnx_mixes(import, node, "it reduces over the batch");
    }
    const cnn_shape shape = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, axes.order, &shape));
    CNN__ONNX_NAME(name, import, node, NULL);
    const cnn__onnx_axes left = left_axes(&axes, bits, keep);
    cnn_shape actual = {.rank = 0};
    cnn_reduce_options o = {.struct_size = sizeof(o), .name = name, .reduction = (int32_t)to};
    if (!import->batched) {
        actual.dims[actual.rank++] = 1;
    }
    for (uint32_t i = 0; i < axes.rank; i++) {
        const uint32_t axis = axes.order[i];
        if ((bits >> axis & 1) != 0) {
            o.axes[count++] = (int32_t)(i + 1 - cnn__onnx_first_axis(import));
        } else {
            actual.dims[actual.rank++] = axes.dims[axis];
        }
    }
    if (actual.rank == 1) {
        actual.dims[actual.rank++] = 1;
    }
    const cnn_named_options named = {.struct_size = sizeof(named), .name = name};
    cnn_layer *layer = !is_global(import, &axes, bits, to) ? cnn_reduce(import->context, &o)
                       : to == CNN_REDUCE_TO_MEAN          ? cnn_global_average_pool2d(import->context, &named)
                                                           : cnn_global_max_pool2d(import->context, &named);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, layer, &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &left, &actual);
}
