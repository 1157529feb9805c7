/* SPDX-License-Identifier: MIT */
/* Parts of tensors, values around them, and pixels that become channels. */
#include <string.h>

#include "onnx/fold.h"
#include "onnx/in.h"

int32_t cnn__onnx_word(const char *const *words, int32_t count, const char *text)
{
    int32_t i = 0;
    while (i < count && strcmp(words[i], text) != 0) {
        i++;
    }
    return i;
}

cnn_status cnn__onnx_stored_input(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire **wire)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, *wire));
    const cnn_shape shape = cnn__onnx_stored(import, &(*wire)->axes);
    return cnn__onnx_require(import, node, *wire, (*wire)->axes.order, &shape);
}

/* ---- parts ---- */

/* A layer for a part; sets output `index`. */
static cnn_status take(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                       const cnn__onnx_slices *s, size_t index)
{
    cnn__onnx_axes axes = wire->axes;
    cnn_slice_options o = {.struct_size = sizeof(o)};
    bool all = true;
    for (uint32_t i = 0; i < axes.rank; i++) {
        const uint32_t axis = axes.order[i];
        const bool whole = s->start[axis] == 0 && s->step[axis] == 1 && s->count[axis] == axes.dims[axis];
        if (import->batched && axis == 0 && !whole) {
            return cnn__onnx_mixes(import, node, "it takes samples out of a batch");
        }
        if (s->count[axis] < 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "a part without values");
        }
        all = all && whole;
        if (!import->batched || axis != 0) {
            const uint32_t at = cnn__onnx_option_axis(import, i);
            const int64_t step = s->count[axis] == 1 ? 1 : s->step[axis];
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, s->start[axis], "a start", &o.start[at]));
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, s->count[axis], "a size", &o.size[at]));
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, step, "a step", &o.step[at]));
        }
    }
    if (all) {
        return cnn__onnx_pass_on(import, node, index, wire);
    }
    for (uint32_t i = 0; i < axes.rank; i++) {
        axes.dims[i] = s->count[i];
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    o.name = name;
    const cnn_shape actual = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, cnn_slice(import->context, &o), &wire->value, 1));
    return cnn__onnx_set(import, node, index, name, &axes, &actual);
}

cnn_status cnn__onnx_in_slice(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_slices s;
    CNN__RETURN_IF_ERROR(cnn__onnx_stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_slices(import, node, wire->axes.rank, wire->axes.dims, &s));
    return take(import, node, wire, &s, 0);
}

static void whole_slices(const cnn__onnx_axes *axes, cnn__onnx_slices *s)
{
    for (uint32_t i = 0; i < axes->rank; i++) {
        s->start[i] = 0;
        s->step[i] = 1;
        s->count[i] = axes->dims[i];
    }
}

cnn_status cnn__onnx_in_split(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    int64_t sizes[CNN__ONNX_MOST_PARTS], start = 0;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_slices s;
    uint32_t axis = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_stored_input(import, node, &wire));
    const cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(cnn__onnx_split_sizes(import, node, axes.rank, axes.dims, &axis, sizes));
    whole_slices(&axes, &s);
    for (size_t i = 0; i < node->outputs.count; i++) {
        const cnn__onnx_wire *part = cnn__onnx_output(import, node, i);
        s.start[axis] = start;
        s.count[axis] = sizes[i];
        start += sizes[i];
        if (part != NULL && part->readers > 0) {
            CNN__RETURN_IF_ERROR(take(import, node, wire, &s, i));
        }
    }
    return CNN_OK;
}

/* One place of an axis, as `x[:, 3]` is written. */
cnn_status cnn__onnx_in_gather(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *index = NULL;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_slices s;
    uint32_t axis = 0, rank = 0;
    int64_t dims[CNN_MAX_RANK];
    CNN__RETURN_IF_ERROR(cnn__onnx_stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &index));
    CNN__RETURN_IF_ERROR(
        cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", 0), wire->axes.rank, &axis));
    if (index->count != 1 || index->rank > 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "%zu indices of a value", index->count);
    }
    int64_t at = cnn__onnx_int(index, 0);
    at = at < 0 ? at + wire->axes.dims[axis] : at;
    if (at < 0 || at >= wire->axes.dims[axis]) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "index %lld of %lld", (long long)at,
                              (long long)wire->axes.dims[axis]);
    }
    whole_slices(&wire->axes, &s);
    s.start[axis] = at;
    s.count[axis] = 1;
    CNN__RETURN_IF_ERROR(take(import, node, wire, &s, 0));
    cnn__onnx_wire *made = cnn__onnx_output(import, node, 0);
    if (index->rank == 1 || made == NULL) {
        return CNN_OK;
    }
    for (uint32_t i = 0; i < made->axes.rank; i++) {
        if (i != axis) {
            dims[rank++] = made->axes.dims[i];
        }
    }
    const cnn__onnx_wire part = *made;
    return cnn__onnx_reshape_to(
        import, node, &(cnn__onnx_wire){.value = part.value, .axes = part.axes, .actual = part.actual}, rank, dims);
}

/* ---- values around ---- */

/* What is put before and after each axis; false in *any: nothing. */
static cnn_status read_pads(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                            int32_t pads[2][CNN_MAX_RANK], bool *any)
{
    const char *name = cnn__onnx_attribute_find(node, "paddings") != NULL ? "paddings" : "pads";
    const int64_t *given = NULL, *axes = NULL;
    size_t count = 0, axis_count = 0;
    const uint32_t rank = wire->axes.rank;
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, name, 1, &given, &count));
    CNN__RETURN_IF_ERROR(cnn__onnx_numbers(import, node, "axes", 3, &axes, &axis_count));
    memset(pads, 0, 2 * sizeof(pads[0]));
    *any = false;
    const size_t named = axes != NULL ? axis_count : rank;
    if (given == NULL || count != 2 * named || named > rank) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "%zu numbers for %zu axes", count, named);
    }
    for (size_t i = 0; i < named; i++) {
        uint32_t axis = (uint32_t)i;
        if (axes != NULL) {
            CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, axes[i], rank, &axis));
        }
        CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, given[i], "a padding", &pads[0][axis]));
        CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, given[named + i], "a padding", &pads[1][axis]));
        *any = *any || given[i] != 0 || given[named + i] != 0;
    }
    return CNN_OK;
}

/* Options of a layer that pads so, and the axes that it makes. */
static cnn_status pad_options(cnn__onnx_import *import, const cnn__onnx_node *node, int32_t pads[2][CNN_MAX_RANK],
                              cnn_pad_options *o, cnn__onnx_axes *axes)
{
    const cnn__onnx_axes from = *axes;
    if (import->batched && (pads[0][0] != 0 || pads[1][0] != 0)) {
        return cnn__onnx_mixes(import, node, "it adds to the batch");
    }
    for (uint32_t i = cnn__onnx_first_axis(import); i < from.rank; i++) {
        const uint32_t axis = from.order[i];
        for (uint32_t end = 0; end < 2; end++) {
            o->pads[2 * cnn__onnx_option_axis(import, i) + end] = pads[end][axis];
            axes->dims[axis] += pads[end][axis];
            if (o->border == CNN_BORDER_REFLECT && pads[end][axis] >= from.dims[axis]) {
                return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "more is mirrored than axis %u has", axis);
            }
        }
    }
    return CNN_OK;
}

/* Rows and columns of zeros around images have a layer of their own. */
static cnn_layer *pad_layer(const cnn__onnx_import *import, const cnn__onnx_axes *axes, const cnn_pad_options *o)
{
    const int32_t *p = o->pads;
    const bool images = import->batched && axes->rank == 4 && axes->order[3] == 1;
    const bool outside = p[0] >= 0 && p[1] >= 0 && p[2] >= 0 && p[3] >= 0 && p[4] == 0 && p[5] == 0;
    return images && outside && o->border == CNN_BORDER_VALUE && o->value == 0
               ? cnn_zero_pad2d(import->context, CNN_ZERO_PAD2D(.name = o->name, .pads = {p[0], p[1], p[2], p[3]}))
               : cnn_pad(import->context, o);
}

cnn_status cnn__onnx_in_pad(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = cnn__onnx_attribute_text(node, "mode", "constant");
    const int32_t border = cnn__onnx_word(modes, 4, mode);
    const cnn__onnx_constant *value = NULL;
    cnn__onnx_wire *wire = NULL;
    int32_t pads[2][CNN_MAX_RANK];
    bool any = false;
    CNN__RETURN_IF_ERROR(cnn__onnx_stored_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(read_pads(import, node, wire, pads, &any));
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 2, &value));
    if (border == 4 || (value != NULL && value->count != 1)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "the mode \"%s\", or its value", mode);
    }
    if (!any) {
        return cnn__onnx_pass_on(import, node, 0, wire);
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    cnn_pad_options o = {.struct_size = sizeof(o), .name = name, .border = border};
    o.value = value != NULL ? (float)cnn__onnx_number(value, 0) : cnn__onnx_attribute_float(node, "value", 0);
    cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(pad_options(import, node, pads, &o, &axes));
    const cnn_shape actual = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, pad_layer(import, &axes, &o), &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}

/* ---- pixels and channels ---- */

cnn_status cnn__onnx_in_space(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const bool to_space = strcmp(node->type, "DepthToSpace") == 0;
    const char *mode = cnn__onnx_attribute_text(node, "mode", "DCR");
    cnn__onnx_wire *wire = NULL;
    int32_t block = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(
        cnn__onnx_small(import, node, cnn__onnx_attribute_int(node, "blocksize", 0), "blocksize", &block));
    if (wire->axes.rank != 4 || block < 1 || block > 1024) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "blocks of %d of an input with %u axes", block,
                              wire->axes.rank);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_require_image(import, node, wire));
    const int64_t *d = wire->axes.dims, b = block, area = b * b;
    if (to_space ? d[1] % area != 0 : d[2] % b != 0 || d[3] % b != 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "blocks of %d do not divide its input", block);
    }
    const int64_t dims[] = {d[0], to_space ? d[1] / area : d[1] * area, to_space ? d[2] * b : d[2] / b,
                            to_space ? d[3] * b : d[3] / b};
    const cnn__onnx_axes axes = cnn__onnx_channels_last(4, dims);
    const cnn_shape actual = cnn__shape4(dims[0], dims[2], dims[3], dims[1]);
    CNN__ONNX_NAME(name, import, node, NULL);
    const cnn_depth_space_options o = {
        .struct_size = sizeof(o), .name = name, .block = block, .channels_first = strcmp(mode, "CRD") == 0};
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, to_space ? cnn_depth_to_space(import->context, &o) : cnn_space_to_depth(import->context, &o),
        &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}
