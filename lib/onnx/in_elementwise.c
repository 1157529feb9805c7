/* SPDX-License-Identifier: MIT */
/* Sums, products and their like: of values, and of values and constants. */
#include <math.h>
#include <string.h>

#include "onnx/fold.h"
#include "onnx/in.h"

/* ---- two values ---- */

/* Gives a value with fewer axes ones in front, as broadcasting has it. */
static cnn_status add_axes(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire, uint32_t rank)
{
    const uint32_t more = rank - wire->axes.rank;
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    if (more == 0) {
        return CNN_OK;
    }
    if (import->batched) {
        return cnn__onnx_mixes(import, node, "the batch of one input meets another axis of the other");
    }
    for (uint32_t i = rank; i-- > 0;) {
        wire->axes.dims[i] = i < more ? 1 : wire->axes.dims[i - more];
        wire->axes.order[i] = i < more ? i : wire->axes.order[i - more] + more;
    }
    wire->axes.rank = rank;
    return CNN_OK;
}

/* The shape of both together. */
static cnn_status join(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *a,
                       const cnn__onnx_wire *b, cnn__onnx_axes *axes)
{
    *axes = a->axes;
    for (uint32_t i = 0; i < axes->rank; i++) {
        const int64_t left = a->axes.dims[i], right = b->axes.dims[i];
        if (left != right && left != 1 && right != 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "axis %u has %lld values and %lld", i, (long long)left,
                                  (long long)right);
        }
        if (import->batched && i == 0 && left != right) {
            return cnn__onnx_mixes(import, node, "one input has a batch and the other has none");
        }
        axes->dims[i] = left == 1 ? right : left;
    }
    return CNN_OK;
}

/* Whether the layers that networks are made of take an input of this shape beside one of the whole. */
static bool is_usual(const cnn_shape *whole, const cnn_shape *part)
{
    bool one = true, positions = true;
    for (uint32_t i = 1; i + 1 < whole->rank; i++) {
        one = one && part->dims[i] == 1;
        positions = positions && part->dims[i] == whole->dims[i];
    }
    const int64_t last = part->dims[part->rank - 1];
    return (one && (last == 1 || last == whole->dims[whole->rank - 1])) || (positions && last == 1) ||
           cnn__shape_equal(whole, part);
}

static bool is_type(const cnn__onnx_node *node, const char *type) { return strcmp(node->type, type) == 0; }

static cnn_layer *usual_layer(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name)
{
    const cnn_named_options options = {.struct_size = sizeof(options), .name = name};
    return is_type(node, "Add") || is_type(node, "Sum") ? cnn_add(import->context, &options)
           : is_type(node, "Sub")                       ? cnn_subtract(import->context, &options)
                                                        : cnn_multiply(import->context, &options);
}

/* Two values, which keep their wires: what is changed is a copy. Sets *made to what comes of them. */
static cnn_status combine_values(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *a,
                                 cnn__onnx_wire *b, cnn__onnx_wire *made)
{
    cnn__onnx_wire left = *a, right = *b;
    cnn__onnx_axes axes;
    const uint32_t rank = a->axes.rank > b->axes.rank ? a->axes.rank : b->axes.rank;
    CNN__RETURN_IF_ERROR(add_axes(import, node, &left, rank));
    CNN__RETURN_IF_ERROR(add_axes(import, node, &right, rank));
    CNN__RETURN_IF_ERROR(join(import, node, &left, &right, &axes));
    const bool left_whole = memcmp(axes.dims, left.axes.dims, rank * sizeof(axes.dims[0])) == 0;
    memcpy(axes.order, left_whole ? left.axes.order : right.axes.order, sizeof(axes.order));
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &left, axes.order, NULL));
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &right, axes.order, NULL));
    const bool alike = memcmp(left.axes.dims, right.axes.dims, rank * sizeof(axes.dims[0])) == 0;
    cnn_shape whole = alike ? left.actual : cnn__onnx_stored(import, &axes);
    cnn_shape shape = alike ? whole : cnn__onnx_stored(import, &left.axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &left, NULL, &shape));
    bool usual = is_usual(&whole, &shape) && (!is_type(node, "Sub") || left_whole);
    shape = alike ? whole : cnn__onnx_stored(import, &right.axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, &right, NULL, &shape));
    usual = usual && is_usual(&whole, &shape) &&
            (is_type(node, "Add") || is_type(node, "Sum") || is_type(node, "Sub") || is_type(node, "Mul"));
    const char *values[] = {left.value, right.value};
    CNN__ONNX_NAME(name, import, node, NULL);
    if (!usual) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "values of these shapes together");
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, usual_layer(import, node, name), values, 2));
    *made = (cnn__onnx_wire){.value = name, .axes = axes, .actual = whole};
    return CNN_OK;
}

cnn_status cnn__onnx_in_combine(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *a = NULL, *b = NULL, made = {0};
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &a));
    for (size_t i = 1; i < node->inputs.count; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, i, &b));
        CNN__RETURN_IF_ERROR(combine_values(import, node, a, b, &made));
        a = &made;
    }
    return node->inputs.count > 1 ? cnn__onnx_set(import, node, 0, made.value, &made.axes, &made.actual)
                                  : cnn__onnx_pass_on(import, node, 0, a);
}
