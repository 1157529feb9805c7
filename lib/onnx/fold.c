/* SPDX-License-Identifier: MIT */
/* Operators on constants, by name: shapes that are put together from others, and parameters that are put in order.
 * Arithmetic is in fold_values.c. */
#include <string.h>

#include "onnx/fold.h"

cnn_status cnn__onnx_set_constant(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                  const cnn__onnx_constant *c)
{
    cnn__onnx_wire *wire = cnn__onnx_output(import, node, index);
    if (c == NULL) {
        const cnn_status status = cnn__last_status(import->context);
        return status == CNN_ERROR_OUT_OF_MEMORY
                   ? status
                   : cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its constants are too large");
    }
    if (wire != NULL) {
        wire->constant = c;
    }
    return CNN_OK;
}

static cnn_status fold_identity(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    return cnn__onnx_set_constant(import, node, 0, cnn__onnx_input(import, node, 0)->constant);
}

static cnn_status fold_constant(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_attribute *value = cnn__onnx_attribute_find(node, "value");
    const cnn__onnx_attribute *all = node->attributes.items;
    cnn__onnx_constant *c = NULL;
    int64_t dims[1];
    if (value != NULL && value->t != NULL) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_read(import->arena, import->file, import->folder, value->t, &c));
        c->name = "";
        return cnn__onnx_set_constant(import, node, 0, c);
    }
    if (node->attributes.count != 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "it has no value");
    }
    dims[0] = (int64_t)(strcmp(all->name, "value_ints") == 0 ? all->ints.count : all->floats.count);
    if (strcmp(all->name, "value_int") == 0 || strcmp(all->name, "value_float") == 0) {
        const bool whole = strcmp(all->name, "value_int") == 0;
        c = cnn__onnx_constant_new(import->arena, whole ? CNN__ONNX_INT64 : CNN__ONNX_FLOAT, 0, dims);
        if (c != NULL && whole) {
            cnn__onnx_ints(c)[0] = all->i;
        } else if (c != NULL) {
            cnn__onnx_floats(c)[0] = all->f;
        }
    } else if (strcmp(all->name, "value_ints") == 0) {
        c = cnn__onnx_constant_new(import->arena, CNN__ONNX_INT64, 1, dims);
        if (c != NULL && c->count > 0) {
            memcpy(cnn__onnx_ints(c), all->ints.items, c->count * sizeof(int64_t));
        }
    } else if (strcmp(all->name, "value_floats") == 0) {
        c = cnn__onnx_constant_new(import->arena, CNN__ONNX_FLOAT, 1, dims);
        if (c != NULL && c->count > 0) {
            memcpy(cnn__onnx_floats(c), all->floats.items, c->count * sizeof(float));
        }
    } else {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its value is of another kind than numbers");
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

/* A list of sizes, each from 0 on. */
static cnn_status read_shape(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index, int64_t least,
                             int64_t *dims, uint32_t *rank)
{
    const cnn__onnx_constant *c = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, index, &c));
    if (c->count > CNN_MAX_RANK) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its shape has %zu axes", c->count);
    }
    *rank = (uint32_t)c->count;
    for (uint32_t i = 0; i < *rank; i++) {
        dims[i] = cnn__onnx_int(c, i);
        if (dims[i] < least) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its shape has a size of %lld", (long long)dims[i]);
        }
    }
    return CNN_OK;
}

static cnn_status fold_constant_of_shape(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_attribute *value = cnn__onnx_attribute_find(node, "value");
    const cnn__onnx_wire *output = cnn__onnx_output(import, node, 0);
    cnn__onnx_constant *c = NULL;
    int64_t dims[CNN_MAX_RANK];
    uint32_t rank = 0;
    CNN__RETURN_IF_ERROR(read_shape(import, node, 0, 0, dims, &rank));
    if (value != NULL && value->t != NULL) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_read(import->arena, import->file, import->folder, value->t, &c));
        if (c->count != 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its value is not one number");
        }
    }
    cnn__onnx_constant *made = cnn__onnx_constant_same(import->arena, c != NULL ? c->type : CNN__ONNX_FLOAT, rank, dims,
                                                       0);
    if (made != NULL && c != NULL) { /* not by way of a double, which has not every int64_t */
        cnn__onnx_copy_value(c, 0, made, 0);
    }
    if (made != NULL && output != NULL) {
        made->trained = made->floats != NULL && made->count > 1;
        made->name = output->name;
    }
    return cnn__onnx_set_constant(import, node, 0, made);
}

static cnn_status fold_gather(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *data = NULL, *indices = NULL;
    int64_t dims[2 * CNN_MAX_RANK], outer = 1, inner = 1;
    uint32_t axis = 0, rank = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &data));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &indices));
    CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", 0), data->rank, &axis));
    for (uint32_t i = 0; i < data->rank; i++) {
        outer *= i < axis ? data->dims[i] : 1;
        inner *= i > axis ? data->dims[i] : 1;
        if (i != axis) {
            dims[rank++] = data->dims[i];
        }
        for (uint32_t k = 0; i == axis && k < indices->rank; k++) {
            dims[rank++] = indices->dims[k];
        }
    }
    cnn__onnx_constant *c = rank <= CNN_MAX_RANK ? cnn__onnx_constant_new(import->arena, data->type, rank, dims) : NULL;
    if (rank > CNN_MAX_RANK) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its output has %u axes", rank);
    }
    for (int64_t o = 0; c != NULL && o < outer; o++) {
        for (size_t k = 0; k < indices->count; k++) {
            int64_t at = cnn__onnx_int(indices, k);
            at = at < 0 ? at + data->dims[axis] : at;
            if (at < 0 || at >= data->dims[axis]) {
                return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "index %lld of %lld", (long long)at,
                                      (long long)data->dims[axis]);
            }
            for (int64_t i = 0; i < inner; i++) {
                cnn__onnx_copy_value(data, (o * data->dims[axis] + at) * inner + i, c,
                                     ((size_t)o * indices->count + k) * (size_t)inner + (size_t)i);
            }
        }
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

static cnn_status fold_cast(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *from = NULL;
    const int64_t type = cnn__onnx_attribute_int(node, "to", CNN__ONNX_FLOAT);
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &from));
    if (type < CNN__ONNX_FLOAT || type > CNN__ONNX_BFLOAT16 || type == CNN__ONNX_STRING) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "it makes elements of type %lld", (long long)type);
    }
    cnn__onnx_constant *c = from->same
                                ? cnn__onnx_constant_same(import->arena, (int32_t)type, from->rank, from->dims, 0)
                                : cnn__onnx_constant_new(import->arena, (int32_t)type, from->rank, from->dims);
    for (size_t i = 0; c != NULL && i < (c->same ? 1 : c->count); i++) {
        cnn__onnx_copy_value(from, (int64_t)i, c, i);
        if (type == CNN__ONNX_BOOL) {
            cnn__onnx_ints(c)[i] = cnn__onnx_number(from, i) != 0;
        }
    }
    if (c != NULL) {
        c->trained = from->trained && c->floats != NULL;
        c->name = from->name;
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

static cnn_status fold_concat(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *part = NULL;
    int64_t dims[CNN_MAX_RANK] = {0}, outer = 1, whole = 0, begin = 0;
    uint32_t axis = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &part));
    const cnn__onnx_constant *first = part;
    CNN__RETURN_IF_ERROR(cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", 0), first->rank, &axis));
    memcpy(dims, first->dims, sizeof(dims));
    for (size_t i = 0; i < node->inputs.count; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, i, &part));
        for (uint32_t d = 0; d < first->rank; d++) {
            if (part->rank != first->rank || (d != axis && part->dims[d] != dims[d])) {
                return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its inputs differ in more than one axis");
            }
        }
        whole += part->dims[axis];
    }
    dims[axis] = whole;
    for (uint32_t d = 0; d < axis; d++) {
        outer *= dims[d];
    }
    cnn__onnx_constant *c = cnn__onnx_constant_new(import->arena, first->type, first->rank, dims);
    for (size_t i = 0; c != NULL && i < node->inputs.count; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, i, &part));
        const int64_t run = outer > 0 ? (int64_t)part->count / outer : 0;
        const int64_t line = outer > 0 ? (int64_t)c->count / outer : 0;
        for (int64_t o = 0; o < outer; o++) {
            for (int64_t k = 0; k < run; k++) {
                cnn__onnx_copy_value(part, o * run + k, c, (size_t)(o * line + begin + k));
            }
        }
        begin += run;
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

static cnn_status fold_slice(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *from = NULL;
    cnn__onnx_slices s;
    int64_t dims[CNN_MAX_RANK], steps[CNN_MAX_RANK], strides[CNN_MAX_RANK], first = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &from));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_slices(import, node, from->rank, from->dims, &s));
    cnn__onnx_strides(from, strides);
    for (uint32_t i = 0; i < from->rank; i++) {
        dims[i] = s.count[i];
        steps[i] = strides[i] * s.step[i];
        first += strides[i] * s.start[i];
    }
    return cnn__onnx_set_constant(import, node, 0, cnn__onnx_view(import->arena, from, from->rank, dims, first, steps));
}

static cnn_status fold_reshape(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *from = NULL;
    int64_t dims[CNN_MAX_RANK];
    uint32_t rank = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &from));
    CNN__RETURN_IF_ERROR(cnn__onnx_new_shape(import, node, from->rank, from->dims, dims, &rank));
    return cnn__onnx_set_constant(import, node, 0, cnn__onnx_reshaped(import->arena, from, rank, dims));
}

static cnn_status fold_transpose(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *from = NULL;
    int64_t dims[CNN_MAX_RANK], steps[CNN_MAX_RANK], strides[CNN_MAX_RANK];
    uint32_t order[CNN_MAX_RANK];
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &from));
    CNN__RETURN_IF_ERROR(cnn__onnx_permutation(import, node, from->rank, order));
    cnn__onnx_strides(from, strides);
    for (uint32_t i = 0; i < from->rank; i++) {
        dims[i] = from->dims[order[i]];
        steps[i] = strides[order[i]];
    }
    cnn__onnx_constant *c = cnn__onnx_view(import->arena, from, from->rank, dims, 0, steps);
    if (c != NULL) {
        c->trained = from->trained;
        c->name = from->name;
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

static cnn_status fold_expand(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *from = NULL;
    int64_t wanted[CNN_MAX_RANK], dims[CNN_MAX_RANK], steps[CNN_MAX_RANK];
    uint32_t rank = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &from));
    CNN__RETURN_IF_ERROR(read_shape(import, node, 1, 0, wanted, &rank));
    const uint32_t all = rank > from->rank ? rank : from->rank;
    cnn__onnx_align(from, all, dims, steps);
    for (uint32_t i = 0; i < rank; i++) {
        const uint32_t d = all - rank + i;
        if (dims[d] != 1 && wanted[i] != 1 && dims[d] != wanted[i]) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "%lld values are not repeated %lld times",
                                  (long long)dims[d], (long long)wanted[i]);
        }
        dims[d] = dims[d] == 1 ? wanted[i] : dims[d];
    }
    return cnn__onnx_set_constant(import, node, 0, cnn__onnx_view(import->arena, from, all, dims, 0, steps));
}

static cnn_status fold_split(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *from = NULL;
    int64_t sizes[CNN__ONNX_MOST_PARTS], strides[CNN_MAX_RANK], dims[CNN_MAX_RANK] = {0}, first = 0;
    uint32_t axis = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 0, &from));
    CNN__RETURN_IF_ERROR(cnn__onnx_split_sizes(import, node, from->rank, from->dims, &axis, sizes));
    cnn__onnx_strides(from, strides);
    memcpy(dims, from->dims, sizeof(dims));
    for (size_t i = 0; i < node->outputs.count; i++) {
        dims[axis] = sizes[i];
        CNN__RETURN_IF_ERROR(cnn__onnx_set_constant(
            import, node, i, cnn__onnx_view(import->arena, from, from->rank, dims, first, strides)));
        first += sizes[i] * strides[axis];
    }
    return CNN_OK;
}

static cnn_status fold_range(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *parts[3] = {NULL};
    for (size_t i = 0; i < 3; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, i, &parts[i]));
        if (parts[i]->count != 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input %zu is not one number", i);
        }
    }
    const double start = cnn__onnx_number(parts[0], 0), limit = cnn__onnx_number(parts[1], 0);
    const double step = cnn__onnx_number(parts[2], 0), steps = step != 0 ? (limit - start) / step : -1;
    if (!(steps >= 0) || steps > 1 << 20) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "its range is empty or too long");
    }
    const int64_t whole = (int64_t)steps, dims[1] = {(double)whole < steps ? whole + 1 : whole};
    cnn__onnx_constant *c = cnn__onnx_constant_new(import->arena, parts[0]->type, 1, dims);
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        if (c->floats != NULL) {
            cnn__onnx_floats(c)[i] = (float)(start + (double)i * step);
        } else {
            cnn__onnx_ints(c)[i] = cnn__onnx_whole(start + (double)i * step);
        }
    }
    return cnn__onnx_set_constant(import, node, 0, c);
}

typedef struct folder {
    const char *type;
    cnn_status (*fold)(cnn__onnx_import *import, const cnn__onnx_node *node);
} folder;

static const folder folders[] = {
    {"Cast", fold_cast},           {"Concat", fold_concat},
    {"Constant", fold_constant},   {"ConstantOfShape", fold_constant_of_shape},
    {"Dropout", fold_identity},    {"Expand", fold_expand},
    {"Flatten", fold_reshape},     {"Gather", fold_gather},
    {"Identity", fold_identity},   {"Range", fold_range},
    {"Reshape", fold_reshape},     {"Slice", fold_slice},
    {"Split", fold_split},         {"Squeeze", fold_reshape},
    {"Transpose", fold_transpose}, {"Unsqueeze", fold_reshape},
};

bool cnn__onnx_folds(const char *type)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (strcmp(folders[i].type, type) == 0) {
            return true;
        }
    }
    return cnn__onnx_folds_values(type);
}

cnn_status cnn__onnx_fold(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (strcmp(folders[i].type, node->type) == 0) {
            return folders[i].fold(import, node);
        }
    }
    return cnn__onnx_fold_by_value(import, node);
}
