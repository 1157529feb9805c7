/* SPDX-License-Identifier: MIT */
/* Where the axes of tensors lie in the model's values, and the layers that put them elsewhere. */
#include <stdio.h>
#include <string.h>

#include "onnx/import.h"

cnn__onnx_axes cnn__onnx_plain(uint32_t rank, const int64_t *dims)
{
    cnn__onnx_axes axes = {.rank = rank};
    for (uint32_t i = 0; i < rank; i++) {
        axes.dims[i] = dims[i];
        axes.order[i] = i;
    }
    return axes;
}

cnn__onnx_axes cnn__onnx_channels_last(uint32_t rank, const int64_t *dims)
{
    cnn__onnx_axes axes = cnn__onnx_plain(rank, dims);
    for (uint32_t i = 1; rank > 2 && i < rank; i++) {
        axes.order[i] = i + 1 < rank ? i + 1 : 1;
    }
    return axes;
}

cnn_shape cnn__onnx_stored(const cnn__onnx_import *import, const cnn__onnx_axes *axes)
{
    cnn_shape shape = {0};
    if (!import->batched) {
        shape.dims[shape.rank++] = 1;
    }
    for (uint32_t i = 0; i < axes->rank; i++) {
        shape.dims[shape.rank++] = axes->dims[axes->order[i]];
    }
    while (shape.rank < 2) {
        shape.dims[shape.rank++] = 1;
    }
    return shape;
}

/* Whether an axis has no say in the sequence of values. */
static bool is_idle(const cnn__onnx_import *import, const cnn__onnx_axes *axes, uint32_t axis)
{
    return axes->dims[axis] == 1 && !(import->batched && axis == 0);
}

/* Whether values in both orders come in the same sequence. */
static bool same_sequence(const cnn__onnx_import *import, const cnn__onnx_axes *axes, const uint32_t *order)
{
    uint32_t a = 0, b = 0;
    for (;;) {
        while (a < axes->rank && is_idle(import, axes, axes->order[a])) {
            a++;
        }
        while (b < axes->rank && is_idle(import, axes, order[b])) {
            b++;
        }
        if (a == axes->rank || b == axes->rank) {
            return a == axes->rank && b == axes->rank;
        }
        if (axes->order[a++] != order[b++]) {
            return false;
        }
    }
}

/* ---- layers that move values ---- */

static cnn_status reshape(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                          const cnn_shape *shape)
{
    const char *name = cnn__onnx_new_name(import, shape->rank == 2 ? "flatten" : "reshape");
    cnn_layer *layer = NULL;
    if (cnn__shape_equal(&wire->actual, shape)) {
        return CNN_OK;
    }
    if (name == NULL) {
        return cnn__last_status(import->context);
    }
    if (shape->rank == 2 && shape->dims[0] == wire->actual.dims[0]) {
        layer = cnn_flatten(import->context, CNN_NAMED(.name = name));
    } else {
        cnn_reshape_options options = {.struct_size = sizeof(options), .name = name};
        options.rows = shape->dims[0] != wire->actual.dims[0];
        for (uint32_t i = 1; i < shape->rank; i++) {
            if (shape->dims[i] > INT32_MAX) {
                return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "a tensor is too large");
            }
            options.shape[i - 1] = (int32_t)shape->dims[i];
        }
        layer = cnn_reshape(import->context, &options);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, layer, &wire->value, 1));
    wire->value = name;
    wire->actual = *shape;
    return CNN_OK;
}

/* Puts the axes into another order. */
static cnn_status permute(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                          const uint32_t *order)
{
    cnn__onnx_axes *axes = &wire->axes;
    cnn_permute_options options = {.struct_size = sizeof(options)};
    const uint32_t first = cnn__onnx_first_axis(import);
    uint32_t place[CNN_MAX_RANK] = {0}, given[CNN_MAX_RANK];
    memcpy(given, order, axes->rank * sizeof(*given)); /* perhaps the wire's own */
    if (import->batched && axes->rank > 0 && (axes->order[0] != 0 || given[0] != 0)) {
        return cnn__onnx_mixes(import, node, "the batch and another axis change places");
    }
    const cnn_shape stored = cnn__onnx_stored(import, axes);
    CNN__RETURN_IF_ERROR(reshape(import, node, wire, &stored));
    options.name = cnn__onnx_new_name(import, "permute");
    if (options.name == NULL) {
        return cnn__last_status(import->context);
    }
    for (uint32_t i = 0; i < axes->rank; i++) {
        place[axes->order[i]] = i;
    }
    for (uint32_t i = first; i < axes->rank; i++) {
        options.order[i - first] = (int32_t)(place[given[i]] + 1 - first);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, cnn_permute(import->context, &options), &wire->value, 1));
    wire->value = options.name;
    memcpy(axes->order, given, axes->rank * sizeof(*given));
    wire->actual = cnn__onnx_stored(import, axes);
    return CNN_OK;
}

static cnn_status put_in_order(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                               const uint32_t *order)
{
    if (!same_sequence(import, &wire->axes, order)) {
        return permute(import, node, wire, order);
    }
    if (wire->axes.order != order) {
        memcpy(wire->axes.order, order, wire->axes.rank * sizeof(*order));
    }
    return CNN_OK;
}

cnn_status cnn__onnx_settle(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire)
{
    if (!wire->flat) {
        return CNN_OK;
    }
    const cnn__onnx_axes features = wire->axes, plain = cnn__onnx_plain(wire->image.rank, wire->image.dims);
    wire->axes = wire->image;
    CNN__RETURN_IF_ERROR(put_in_order(import, node, wire, plain.order));
    wire->axes = features;
    wire->flat = false;
    return CNN_OK;
}

cnn_status cnn__onnx_require(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                             const uint32_t *order, const cnn_shape *shape)
{
    if (order != NULL) {
        CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
        CNN__RETURN_IF_ERROR(put_in_order(import, node, wire, order));
    }
    return shape != NULL ? reshape(import, node, wire, shape) : CNN_OK;
}

cnn_status cnn__onnx_require_image(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire)
{
    const cnn__onnx_axes axes = cnn__onnx_channels_last(wire->axes.rank, wire->axes.dims);
    cnn_shape shape = {.rank = axes.rank};
    for (uint32_t i = 0; i < axes.rank; i++) {
        shape.dims[i] = axes.dims[axes.order[i]];
    }
    return cnn__onnx_require(import, node, wire, axes.order, &shape);
}

/* ---- what operators make ---- */

/* No value is so large that sizes computed from it wrap. */
static cnn_status check_axes(const cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_axes *axes)
{
    size_t values = 1;
    for (uint32_t i = 0; i < axes->rank; i++) {
        if (axes->dims[i] < 1 || !cnn__mul_size(values, (size_t)axes->dims[i], &values) || values > CNN__MAX_VALUES) {
            return cnn__onnx_fail(import, node, axes->dims[i] < 1 ? CNN_ERROR_UNSUPPORTED : CNN_ERROR_LIMIT,
                                  "its output is empty or too large");
        }
    }
    return axes->rank <= CNN__ONNX_RANK
               ? CNN_OK
               : cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its output has more than %d axes", CNN__ONNX_RANK);
}

cnn_status cnn__onnx_set(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index, const char *value,
                         const cnn__onnx_axes *axes, const cnn_shape *actual)
{
    cnn__onnx_wire *wire = cnn__onnx_output(import, node, index);
    CNN__RETURN_IF_ERROR(check_axes(import, node, axes));
    if (import->batched && (axes->rank == 0 || axes->dims[0] % import->batch != 0)) {
        return cnn__onnx_mixes(import, node, "its output has no batch");
    }
    if (wire != NULL) {
        wire->value = value;
        wire->axes = *axes;
        wire->actual = *actual;
    }
    return CNN_OK;
}

cnn_status cnn__onnx_pass_on(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                             const cnn__onnx_wire *from)
{
    cnn__onnx_wire *wire = cnn__onnx_output(import, node, index);
    CNN__RETURN_IF_ERROR(cnn__onnx_set(import, node, index, from->value, &from->axes, &from->actual));
    if (wire != NULL) {
        wire->constant = from->constant;
        wire->flat = from->flat;
        wire->image = from->image;
    }
    return CNN_OK;
}

cnn_status cnn__onnx_unary(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name, cnn_layer *layer,
                           const cnn__onnx_wire *from)
{
    const cnn__onnx_wire copy = *from;
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, layer, &copy.value, 1));
    CNN__RETURN_IF_ERROR(cnn__onnx_pass_on(import, node, 0, &copy));
    cnn__onnx_wire *wire = cnn__onnx_output(import, node, 0);
    if (wire != NULL) {
        wire->value = name;
    }
    return CNN_OK;
}

/* ---- reshaping ---- */

/* Both shapes in the smallest groups of axes that have as many values: the numbers of the first axes after each. */
typedef struct groups {
    uint32_t count; /* 0: there are none */
    uint32_t from_ends[CNN_MAX_RANK + 1], to_ends[CNN_MAX_RANK + 1];
} groups;

static groups find_groups(const cnn__onnx_import *import, const cnn__onnx_axes *from, const cnn__onnx_axes *to)
{
    groups found = {.count = 0};
    uint32_t a = 0, b = 0;
    while (a < from->rank || b < to->rank) {
        int64_t left = a < from->rank ? from->dims[a++] : 1, right = b < to->rank ? to->dims[b++] : 1;
        const bool batch = import->batched && found.count == 0;
        while (left != right) {
            if (batch || (left < right ? a == from->rank : b == to->rank)) {
                return (groups){.count = 0};
            }
            if (left < right) {
                left *= from->dims[a++];
            } else {
                right *= to->dims[b++];
            }
        }
        found.from_ends[found.count] = a;
        found.to_ends[found.count++] = b;
    }
    return found;
}

static uint32_t begin_of(const uint32_t *ends, uint32_t group) { return group == 0 ? 0 : ends[group - 1]; }

/* Whether the axes of a group lie together and in order from place *at on, which moves behind them. */
static bool lies_together(const cnn__onnx_import *import, const cnn__onnx_axes *from, uint32_t begin, uint32_t end,
                          uint32_t *at)
{
    for (uint32_t axis = begin; axis < end; axis++) {
        while (*at < from->rank && from->order[*at] != axis && is_idle(import, from, from->order[*at])) {
            ++*at;
        }
        if (!is_idle(import, from, axis) && (*at == from->rank || from->order[(*at)++] != axis)) {
            return false;
        }
    }
    return true;
}

/* Puts the new axes of a group behind the `placed` ones before; how many there are then. */
static uint32_t place_group(const groups *found, uint32_t group, cnn__onnx_axes *to, uint32_t placed)
{
    for (uint32_t axis = begin_of(found->to_ends, group); axis < found->to_ends[group]; axis++) {
        to->order[placed++] = axis;
    }
    return placed;
}

/* The order of the new axes where each group lies together and in order; false if one does not. */
static bool map_order(const cnn__onnx_import *import, const cnn__onnx_axes *from, cnn__onnx_axes *to)
{
    const groups found = find_groups(import, from, to);
    bool done[CNN_MAX_RANK + 1] = {false};
    uint32_t placed = 0, at = 0;
    while (at < from->rank && found.count > 0) {
        uint32_t g = 0;
        if (is_idle(import, from, from->order[at])) { /* its group has others, or comes below */
            at++;
            continue;
        }
        while (from->order[at] >= found.from_ends[g]) {
            g++;
        }
        if (!lies_together(import, from, begin_of(found.from_ends, g), found.from_ends[g], &at)) {
            return false;
        }
        placed = place_group(&found, g, to, placed);
        done[g] = true;
    }
    for (uint32_t g = 0; g < found.count; g++) { /* groups of ones alone */
        placed = done[g] ? placed : place_group(&found, g, to, placed);
    }
    return found.count > 0 && placed == to->rank;
}

cnn_status cnn__onnx_reshape_to(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *from,
                                uint32_t rank, const int64_t *dims)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, from));
    cnn__onnx_axes to = cnn__onnx_plain(rank, dims);
    const cnn__onnx_axes plain = cnn__onnx_plain(from->axes.rank, from->axes.dims);
    const bool same_first = rank > 0 && from->axes.rank > 0 && dims[0] == from->axes.dims[0];
    CNN__RETURN_IF_ERROR(check_axes(import, node, &to));
    if (map_order(import, &from->axes, &to)) {
        return cnn__onnx_set(import, node, 0, from->value, &to, &from->actual);
    }
    to = cnn__onnx_plain(rank, dims);
    if (rank == 2 && same_first && from->axes.rank > 2 && from->axes.order[0] == 0) {
        cnn__onnx_wire *wire = cnn__onnx_output(import, node, 0);
        CNN__RETURN_IF_ERROR(cnn__onnx_set(import, node, 0, from->value, &to, &from->actual));
        if (wire != NULL) {
            wire->flat = true;
            wire->image = from->axes;
        }
        return CNN_OK;
    }
    cnn__onnx_wire moved = *from;
    CNN__RETURN_IF_ERROR(put_in_order(import, node, &moved, plain.order));
    return cnn__onnx_set(import, node, 0, moved.value, &to, &moved.actual);
}
