/* SPDX-License-Identifier: MIT */
/* Operators that change what shape a tensor has and where its axes are, but no values: most of them add no layer. */
#include <string.h>

#include "onnx/fold.h"
#include "onnx/in.h"

/* ---- what attributes and inputs say ---- */

/* Reshape: 0 is as it was, -1 what is left. */
static cnn_status reshaped(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *dims,
                           int64_t *new_dims, uint32_t *new_rank)
{
    const int64_t *sizes = NULL;
    int64_t values = 1, given = 1;
    size_t count = 0;
    int open = -1;
    const bool zero = cnn__onnx_attribute_int(node, "allowzero", 0) != 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "shape", 1, &sizes, &count));
    if (sizes == NULL || count > CNN_MAX_RANK) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its shape has %zu axes", count);
    }
    for (uint32_t i = 0; i < rank; i++) {
        values *= dims[i];
    }
    *new_rank = (uint32_t)count;
    for (uint32_t i = 0; i < *new_rank; i++) {
        new_dims[i] = sizes[i] == 0 && !zero && i < rank ? dims[i] : sizes[i];
        if (sizes[i] == -1 && open < 0) {
            open = (int)i;
            continue;
        }
        if (new_dims[i] < 0 || __builtin_mul_overflow(given, new_dims[i], &given)) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its shape has a size of %lld",
                                  (long long)new_dims[i]);
        }
    }
    if (open >= 0 && given > 0) {
        new_dims[open] = values / given;
        given *= new_dims[open];
    }
    return given == values && (open < 0 || new_dims[open] >= 0) /* beside a 0 the open one may be anything */
               ? CNN_OK
               : cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "%lld values do not fill its shape", (long long)values);
}

static cnn_status flattened(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *dims,
                            int64_t *new_dims, uint32_t *new_rank)
{
    const int64_t given = cnn__onnx_attribute_int(node, "axis", 1);
    uint32_t axis = rank;
    if (given != (int64_t)rank) {
        CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, given, rank, &axis));
    }
    new_dims[0] = new_dims[1] = 1;
    for (uint32_t i = 0; i < rank; i++) {
        new_dims[i < axis ? 0 : 1] *= dims[i];
    }
    *new_rank = 2;
    return CNN_OK;
}

/* Which axes a list names, as bits. */
static cnn_status named_axes(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *axes,
                             size_t count, uint32_t *bits)
{
    *bits = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t axis = 0;
        CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, axes[i], rank, &axis));
        if ((*bits & 1u << axis) != 0) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "axis %u is named twice", axis);
        }
        *bits |= 1u << axis;
    }
    return CNN_OK;
}

static cnn_status squeezed(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *dims,
                           int64_t *new_dims, uint32_t *new_rank)
{
    const int64_t *axes = NULL;
    size_t count = 0;
    uint32_t bits = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 1, &axes, &count));
    CNN__RETURN_IF_ERROR(named_axes(import, node, rank, axes, count, &bits));
    *new_rank = 0;
    for (uint32_t i = 0; i < rank; i++) {
        const bool gone = axes != NULL ? (bits & 1u << i) != 0 : dims[i] == 1;
        if (gone && dims[i] != 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "axis %u has %lld values", i, (long long)dims[i]);
        }
        if (!gone) {
            new_dims[(*new_rank)++] = dims[i];
        }
    }
    return CNN_OK;
}

static cnn_status unsqueezed(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *dims,
                             int64_t *new_dims, uint32_t *new_rank)
{
    const int64_t *axes = NULL;
    size_t count = 0;
    uint32_t bits = 0, from = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 1, &axes, &count));
    if (rank + count > CNN_MAX_RANK) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its output has %zu axes", rank + count);
    }
    *new_rank = rank + (uint32_t)count;
    CNN__RETURN_IF_ERROR(named_axes(import, node, *new_rank, axes, count, &bits));
    for (uint32_t i = 0; i < *new_rank; i++) {
        new_dims[i] = (bits & 1u << i) != 0 ? 1 : dims[from++];
    }
    return CNN_OK;
}

cnn_status cnn__onnx_new_shape(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *dims,
                               int64_t *new_dims, uint32_t *new_rank)
{
    return strcmp(node->type, "Reshape") == 0   ? reshaped(import, node, rank, dims, new_dims, new_rank)
           : strcmp(node->type, "Flatten") == 0 ? flattened(import, node, rank, dims, new_dims, new_rank)
           : strcmp(node->type, "Squeeze") == 0 ? squeezed(import, node, rank, dims, new_dims, new_rank)
                                                : unsqueezed(import, node, rank, dims, new_dims, new_rank);
}

/* Start and end within an axis, as the format clamps them. */
static void clamp_slice(int64_t size, int64_t start, int64_t end, int64_t step, cnn__onnx_slices *s, uint32_t axis)
{
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    start = start < 0 ? (start < -size ? -1 : start + size) : start;
    end = end < 0 ? (end < -size ? -1 : end + size) : end;
    start = start < 0 ? 0 : start > high ? high : start;
    end = end < low ? low : end > size ? size : end;
    const int64_t length = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    s->start[axis] = start;
    s->step[axis] = step;
    s->count[axis] = length <= 0 ? 0 : (length - 1) / stride + 1;
}

cnn_status cnn__onnx_read_slices(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank,
                                 const int64_t *dims, cnn__onnx_slices *slices)
{
    const int64_t *starts = NULL, *ends = NULL, *axes = NULL, *steps = NULL;
    size_t count = 0, end_count = 0, axis_count = 0, step_count = 0;
    uint32_t bits = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "starts", 1, &starts, &count));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "ends", 2, &ends, &end_count));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 3, &axes, &axis_count));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "steps", 4, &steps, &step_count));
    if (starts == NULL || end_count != count || count > rank || (axes != NULL && axis_count != count) ||
        (steps != NULL && step_count != count)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its starts, ends, axes and steps are not as many");
    }
    CNN__RETURN_IF_ERROR(named_axes(import, node, rank, axes, axis_count, &bits));
    for (uint32_t i = 0; i < rank; i++) {
        slices->start[i] = 0;
        slices->step[i] = 1;
        slices->count[i] = dims[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        const int64_t given = axes != NULL ? axes[i] : (int64_t)i, step = steps != NULL ? steps[i] : 1;
        const uint32_t axis = (uint32_t)(given < 0 ? given + rank : given);
        if (step == 0 || step == INT64_MIN) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "a step is %lld", (long long)step);
        }
        clamp_slice(dims[axis], starts[i], ends[i], step, slices, axis);
    }
    return CNN_OK;
}

cnn_status cnn__onnx_permutation(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, uint32_t *order)
{
    size_t count = 0;
    uint32_t bits = 0;
    const int64_t *given = cnn__onnx_attribute_ints(node, "perm", &count);
    if (given == NULL) {
        for (uint32_t i = 0; i < rank; i++) {
            order[i] = rank - 1 - i;
        }
        return CNN_OK;
    }
    if (count != rank) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its order is of %zu axes, its input has %u", count,
                              rank);
    }
    CNN__RETURN_IF_ERROR(named_axes(import, node, rank, given, count, &bits));
    for (uint32_t i = 0; i < rank; i++) {
        order[i] = (uint32_t)(given[i] < 0 ? given[i] + rank : given[i]);
    }
    return CNN_OK;
}

cnn_status cnn__onnx_split_sizes(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank,
                                 const int64_t *dims, uint32_t *axis, int64_t *sizes)
{
    const int64_t *given = NULL;
    const size_t parts = node->outputs.count;
    size_t count = 0;
    int64_t sum = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", 0), rank, axis));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "split", 1, &given, &count));
    if (parts == 0 || parts > CNN__ONNX_MOST_PARTS || (given != NULL && count != parts)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "it has %zu outputs for %zu parts", parts, count);
    }
    const int64_t whole = dims[*axis], each = (whole + (int64_t)parts - 1) / (int64_t)parts;
    for (size_t i = 0; i < parts; i++) { /* the last one may be smaller, from opset 18 on */
        sizes[i] = given != NULL ? given[i] : i + 1 < parts ? each : whole - each * ((int64_t)parts - 1);
        if (sizes[i] < 0 || sizes[i] > whole) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "a part has %lld of %lld values", (long long)sizes[i],
                                  (long long)whole);
        }
        sum += sizes[i];
    }
    return sum == whole ? CNN_OK
                        : cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its parts have %lld of %lld values",
                                         (long long)sum, (long long)whole);
}

/* ---- operators ---- */

cnn_status cnn__onnx_in_reshape(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    int64_t dims[CNN_MAX_RANK];
    uint32_t rank = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_new_shape(import, node, wire->axes.rank, wire->axes.dims, dims, &rank));
    return cnn__onnx_reshape_to(import, node, wire, rank, dims);
}

cnn_status cnn__onnx_in_transpose(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    uint32_t order[CNN_MAX_RANK], place[CNN_MAX_RANK] = {0};
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    const uint32_t rank = wire->axes.rank;
    CNN__RETURN_IF_ERROR(cnn__onnx_permutation(import, node, rank, order));
    if (import->batched && rank > 0 && order[0] != 0) {
        return cnn__onnx_mixes(import, node, "the batch and another axis change places");
    }
    cnn__onnx_axes axes = {.rank = rank};
    for (uint32_t i = 0; i < rank; i++) {
        axes.dims[i] = wire->axes.dims[order[i]];
        place[order[i]] = i;
    }
    for (uint32_t i = 0; i < rank; i++) {
        axes.order[i] = place[wire->axes.order[i]];
    }
    return cnn__onnx_set(import, node, 0, wire->value, &axes, &wire->actual);
}

cnn_status cnn__onnx_in_shape(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_wire *wire = cnn__onnx_input(import, node, 0);
    if (wire == NULL) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input is missing");
    }
    const int64_t *dims = wire->constant != NULL ? wire->constant->dims : wire->axes.dims;
    const int64_t rank = wire->constant != NULL ? wire->constant->rank : wire->axes.rank;
    int64_t start = cnn__onnx_attribute_int(node, "start", 0), end = cnn__onnx_attribute_int(node, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    cnn__onnx_constant *c = cnn__onnx_constant_new(import->arena, CNN__ONNX_INT64, 1, (int64_t[]){end - start});
    for (int64_t i = start; c != NULL && i < end; i++) {
        cnn__onnx_ints(c)[i - start] = dims[i];
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

cnn_status cnn__onnx_in_size(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_wire *wire = cnn__onnx_input(import, node, 0);
    int64_t values = 1;
    if (wire == NULL) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input is missing");
    }
    for (uint32_t i = 0; wire->constant == NULL && i < wire->axes.rank; i++) {
        values *= wire->axes.dims[i];
    }
    cnn__onnx_constant *c = cnn__onnx_constant_new(import->arena, CNN__ONNX_INT64, 0, (int64_t[]){0});
    if (c != NULL) {
        cnn__onnx_ints(c)[0] = wire->constant != NULL ? (int64_t)wire->constant->count : values;
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

cnn_status cnn__onnx_in_identity(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    return cnn__onnx_pass_on(import, node, 0, wire);
}

cnn_status cnn__onnx_in_cast(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const int64_t type = cnn__onnx_attribute_int(node, "to", CNN__ONNX_FLOAT);
    return cnn__onnx_is_float((int32_t)type)
               ? cnn__onnx_in_identity(import, node)
               : cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED,
                                "a value of the model becomes one of type %lld; all are floats here", (long long)type);
}

cnn_status cnn__onnx_in_dropout(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *ratio = NULL, *training = NULL;
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 1, &ratio));
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 2, &training));
    CNN__RETURN_IF_ERROR(cnn__onnx_only_outputs(import, node, 1));
    const float rate = ratio != NULL ? (float)cnn__onnx_number(ratio, 0)
                                     : cnn__onnx_attribute_float(node, "ratio", 0.5f);
    const char *name = cnn__onnx_layer_name(import, node, NULL);
    if (name == NULL) {
        return cnn__last_status(import->context);
    }
    return cnn__onnx_unary(import, node, name, cnn_dropout(import->context, CNN_DROPOUT(.name = name, .rate = rate)),
                           wire);
}

/* Inputs with the same order of axes: along the axis and all behind it, the values of a sample lie side by side. */
static cnn_status concatenate(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t axis, const char **value,
                              cnn__onnx_axes *axes, cnn_shape *actual)
{
    const char *values[CNN_LAYER_MAX_INPUTS], *name = NULL;
    size_t waiting = 0;
    uint32_t place = 0;
    while (axes->order[place] != axis) {
        place++;
    }
    for (size_t i = 0; i < node->inputs.count; i++) {
        cnn__onnx_wire *wire = cnn__onnx_input(import, node, i);
        const uint32_t at = place + 1 - cnn__onnx_first_axis(import);
        CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, axes->order, NULL));
        cnn_shape flat = cnn__onnx_stored(import, &wire->axes);
        for (uint32_t d = at + 1; d < flat.rank; d++) {
            flat.dims[at] *= flat.dims[d];
        }
        flat.rank = at + 1;
        CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, NULL, &flat));
        *actual = flat;
        values[waiting++] = wire->value;
        if (waiting < CNN_LAYER_MAX_INPUTS && i + 1 < node->inputs.count) {
            continue;
        }
        if (waiting > 1 || name == NULL) { /* as many as a layer takes; what it makes is the first of the next */
            name = cnn__onnx_layer_name(import, node, NULL);
            if (name == NULL) {
                return cnn__last_status(import->context);
            }
            CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, cnn_concatenate(import->context, CNN_NAMED(.name = name)),
                                               values, waiting));
        }
        values[0] = name;
        waiting = 1;
    }
    actual->dims[actual->rank - 1] = 1;
    for (uint32_t i = place; i < axes->rank; i++) {
        actual->dims[actual->rank - 1] *= axes->dims[axes->order[i]];
    }
    *value = name;
    return CNN_OK;
}

cnn_status cnn__onnx_in_concat(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    cnn_shape actual = {0};
    const char *value = NULL;
    uint32_t axis = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", 1), axes.rank, &axis));
    if (import->batched && axis == 0) {
        return cnn__onnx_mixes(import, node, "it joins batches");
    }
    if (node->inputs.count == 1) {
        return cnn__onnx_in_identity(import, node);
    }
    for (size_t i = 1; i < node->inputs.count; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, i, &wire));
        for (uint32_t d = 0; d < axes.rank; d++) {
            if (wire->axes.rank != axes.rank || (d != axis && wire->axes.dims[d] != axes.dims[d])) {
                return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its inputs differ in more than axis %u", axis);
            }
        }
        axes.dims[axis] += wire->axes.dims[axis];
    }
    CNN__RETURN_IF_ERROR(concatenate(import, node, axis, &value, &axes, &actual));
    return cnn__onnx_set(import, node, 0, value, &axes, &actual);
}
