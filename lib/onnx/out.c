/* SPDX-License-Identifier: MIT */
/* Nodes, constants and names of a graph that is being made. */
#include "onnx/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *cnn__out_keep(cnn__out *out, size_t count, size_t size)
{
    void *memory = out->status == CNN_OK ? cnn__arena_array(&out->arena, count, size) : NULL;
    out->status = out->status == CNN_OK && memory == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
    return memory;
}

static void *append(cnn__out *out, cnn__onnx_list *list, size_t size)
{
    void *item = out->status == CNN_OK ? cnn__onnx_append(&out->arena, list, size) : NULL;
    out->status = out->status == CNN_OK && item == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
    return item;
}

void cnn__out_fail(cnn__out *out, cnn_status status, const char *format, ...)
{
    char reason[400];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof(reason), format, list);
    va_end(list);
    if (out->status == CNN_OK) {
        out->status = cnn__fail(out->context, status, "%s: \"%s\": %s", out->model->name, out->layer, reason);
    }
}

const char *cnn__out_name(cnn__out *out, const char *suffix)
{
    if (suffix == NULL || out->status != CNN_OK) {
        return out->layer;
    }
    const char *name = cnn__arena_printf(&out->arena, "%s:%s", out->layer, suffix);
    out->status = name == NULL ? CNN_ERROR_OUT_OF_MEMORY : CNN_OK;
    return name != NULL ? name : out->layer;
}

/* ---- nodes ---- */

static void add_name(cnn__out *out, cnn__onnx_list *list, const char *name)
{
    const char **item = append(out, list, sizeof(*item));
    if (item != NULL) {
        *item = name;
    }
}

void cnn__out_begin(cnn__out *out, const char *layer, bool named)
{
    out->layer = layer;
    out->named = named;
}

const char *cnn__out_emit(cnn__out *out, const char *op, const char *suffix, const char *const *inputs)
{
    const char *value = cnn__out_name(out, suffix);
    const char *name = out->named ? cnn__out_name(out, suffix != NULL ? suffix : "out") : out->layer;
    cnn__onnx_node *node = append(out, &out->graph.nodes, sizeof(*node));
    if (node == NULL) {
        return value;
    }
    out->named = true;
    node->name = name;
    node->type = op;
    for (; *inputs != NULL; inputs++) {
        add_name(out, &node->inputs, *inputs);
    }
    add_name(out, &node->outputs, value);
    return value;
}

static cnn__onnx_attribute *add_attribute(cnn__out *out, const char *name, cnn__onnx_attribute_type type)
{
    cnn__onnx_node *nodes = out->graph.nodes.items;
    cnn__onnx_attribute *attribute = out->status == CNN_OK ? append(out, &nodes[out->graph.nodes.count - 1].attributes,
                                                                    sizeof(*attribute))
                                                           : NULL;
    if (attribute != NULL) {
        attribute->name = name;
        attribute->type = (int32_t)type;
    }
    return attribute;
}

void cnn__out_whole(cnn__out *out, const char *name, int64_t value)
{
    cnn__onnx_attribute *attribute = add_attribute(out, name, CNN__ONNX_ATTRIBUTE_INT);
    if (attribute != NULL) {
        attribute->i = value;
    }
}

void cnn__out_real(cnn__out *out, const char *name, float value)
{
    cnn__onnx_attribute *attribute = add_attribute(out, name, CNN__ONNX_ATTRIBUTE_FLOAT);
    if (attribute != NULL) {
        attribute->f = value;
    }
}

void cnn__out_text(cnn__out *out, const char *name, const char *text)
{
    cnn__onnx_attribute *attribute = add_attribute(out, name, CNN__ONNX_ATTRIBUTE_STRING);
    if (attribute != NULL) {
        attribute->s = text;
    }
}

static void fill_list(cnn__out *out, cnn__onnx_list *list, const void *values, size_t count, size_t size)
{
    void *copy = cnn__out_keep(out, count, size);
    if (copy != NULL) {
        memcpy(copy, values, count * size);
        *list = (cnn__onnx_list){.items = copy, .count = count};
    }
}

void cnn__out_wholes(cnn__out *out, const char *name, const int64_t *values, size_t count)
{
    cnn__onnx_attribute *attribute = add_attribute(out, name, CNN__ONNX_ATTRIBUTE_INTS);
    if (attribute != NULL) {
        fill_list(out, &attribute->ints, values, count, sizeof(*values));
    }
}

/* ---- constants ---- */

/* The values of a tensor as ONNX has them; those that lie otherwise are put in order, one tensor at a time. */
static const void *values_of(void *user, const cnn__onnx_tensor *tensor)
{
    const cnn__out_source *source = user;
    cnn__out *out = source->out;
    if (cnn__order_is_plain(&source->order)) {
        return source->data;
    }
    float *scratch = cnn__realloc(out->context, out->scratch, tensor->raw.count);
    if (scratch != NULL) {
        out->scratch = scratch;
        cnn__reorder(&source->order, source->data, scratch);
    }
    return scratch;
}

static const char *add_tensor(cnn__out *out, const char *name, cnn__onnx_type type, const cnn_shape *shape,
                              const cnn__out_source *given)
{
    const size_t size = type == CNN__ONNX_INT64 ? sizeof(int64_t) : sizeof(float);
    cnn__onnx_tensor *tensor = append(out, &out->graph.initializers, sizeof(*tensor));
    cnn__out_source *source = cnn__out_keep(out, 1, sizeof(*source));
    if (tensor == NULL || source == NULL) {
        return name;
    }
    *source = *given;
    size_t count = 0;
    (void)cnn__shape_values(shape, &count);
    tensor->name = name;
    tensor->type = (int32_t)type;
    fill_list(out, &tensor->dims, shape->dims, shape->rank, sizeof(shape->dims[0]));
    tensor->raw.count = count * size;
    tensor->values = values_of;
    tensor->user = source;
    return name;
}

static const char *add_copy(cnn__out *out, const char *suffix, cnn__onnx_type type, const void *values, size_t size,
                            const cnn_shape *shape)
{
    size_t count = 0;
    (void)cnn__shape_values(shape, &count);
    void *copy = cnn__out_keep(out, count, size);
    if (copy == NULL) {
        return out->layer;
    }
    memcpy(copy, values, count * size);
    const cnn__out_source source = {.out = out, .data = copy, .parameter = CNN__NO_NODE};
    return add_tensor(out, cnn__out_name(out, suffix), type, shape, &source);
}

const char *cnn__out_floats(cnn__out *out, const char *suffix, const float *values, const cnn_shape *shape)
{
    return add_copy(out, suffix, CNN__ONNX_FLOAT, values, sizeof(*values), shape);
}

const char *cnn__out_number(cnn__out *out, const char *suffix, float value)
{
    const cnn_shape scalar = {0};
    return cnn__out_floats(out, suffix, &value, &scalar);
}

const char *cnn__out_indices(cnn__out *out, const char *suffix, const int64_t *values, size_t count)
{
    const cnn_shape shape = {.rank = 1, .dims = {(int64_t)count}};
    return add_copy(out, suffix, CNN__ONNX_INT64, values, sizeof(*values), &shape);
}

static bool is_same_order(const cnn__order *a, const cnn__order *b)
{
    return cnn__shape_equal(&a->from, &b->from) && memcmp(a->axes, b->axes, a->from.rank * sizeof(a->axes[0])) == 0;
}

/* The name of a parameter's tensor: its own, or with a number where it is there in another order or shape already; true
 * if it is there as it is wanted. */
static bool find_tensor(cnn__out *out, uint32_t parameter, const cnn__order *order, const cnn_shape *shape,
                        const char **name)
{
    const cnn__onnx_tensor *tensors = out->graph.initializers.items;
    int others = 0;
    for (size_t i = 0; i < out->graph.initializers.count; i++) {
        const cnn__out_source *source = tensors[i].user;
        cnn_shape there = {.rank = (uint32_t)tensors[i].dims.count};
        if (source->parameter != parameter) {
            continue;
        }
        memcpy(there.dims, tensors[i].dims.items, there.rank * sizeof(there.dims[0]));
        if (is_same_order(&source->order, order) && cnn__shape_equal(&there, shape)) {
            *name = tensors[i].name;
            return true;
        }
        others++;
    }
    *name = out->model->parameters[parameter].name;
    if (others > 0) {
        const char *numbered = cnn__arena_printf(&out->arena, "%s:%d", *name, others + 1);
        out->status = numbered == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
        *name = numbered != NULL ? numbered : *name;
    }
    return false;
}

const char *cnn__out_parameter(cnn__out *out, const cnn__node *node, uint32_t number, const cnn__order *order,
                               const cnn_shape *shape)
{
    const uint32_t index = out->model->nodes[node->owner].first_parameter + number;
    const cnn__parameter *parameter = &out->model->parameters[index];
    cnn__out_source source = {.out = out, .data = parameter->data, .parameter = index};
    cnn_shape own = parameter->shape;
    const char *name = parameter->name;
    if (order != NULL) {
        source.order = *order;
        own.rank = order->from.rank;
        for (uint32_t d = 0; d < own.rank; d++) {
            own.dims[d] = order->from.dims[order->axes[d]];
        }
    }
    shape = shape != NULL ? shape : &own;
    const bool again = out->status == CNN_OK && out->seen[index];
    if (out->status == CNN_OK) {
        out->seen[index] = true;
    }
    return out->status != CNN_OK || (again && find_tensor(out, index, &source.order, shape, &name))
               ? name
               : add_tensor(out, name, CNN__ONNX_FLOAT, shape, &source);
}

/* ---- the whole graph ---- */

static void rename_in(cnn__onnx_list *list, const char *from, const char *to)
{
    const char **names = list->items;
    for (size_t i = 0; i < list->count; i++) {
        names[i] = strcmp(names[i], from) == 0 ? to : names[i];
    }
}

void cnn__out_rename(cnn__out *out, const char *from, const char *to)
{
    cnn__onnx_node *nodes = out->graph.nodes.items;
    for (size_t i = 0; i < out->graph.nodes.count; i++) {
        rename_in(&nodes[i].inputs, from, to);
        rename_in(&nodes[i].outputs, from, to);
    }
}

static void need(cnn__table *needed, cnn__out *out, const char *name)
{
    if (out->status == CNN_OK && !cnn__table_find(needed, name, NULL)) {
        out->status = cnn__table_add(needed, name, 0);
    }
}

void cnn__out_sweep(cnn__out *out)
{
    cnn__table needed;
    cnn__onnx_node *nodes = out->graph.nodes.items;
    cnn__onnx_tensor *tensors = out->graph.initializers.items;
    const cnn__onnx_value *outputs = out->graph.outputs.items;
    cnn__table_init(&needed, out->context);
    for (size_t i = 0; i < out->graph.outputs.count; i++) {
        need(&needed, out, outputs[i].name);
    }
    size_t kept = out->graph.nodes.count; /* nodes are kept from the end of the list on, in their order */
    for (size_t i = out->graph.nodes.count; i-- > 0 && out->status == CNN_OK;) {
        const char *const *names = nodes[i].inputs.items;
        if (!cnn__table_find(&needed, *(const char *const *)nodes[i].outputs.items, NULL)) {
            continue;
        }
        for (size_t k = 0; k < nodes[i].inputs.count; k++) {
            need(&needed, out, names[k]);
        }
        nodes[--kept] = nodes[i];
    }
    size_t constants = 0;
    for (size_t i = 0; i < out->graph.initializers.count && out->status == CNN_OK; i++) {
        if (cnn__table_find(&needed, tensors[i].name, NULL)) {
            tensors[constants++] = tensors[i];
        }
    }
    if (out->status == CNN_OK) {
        out->graph.nodes.count -= kept;
        out->graph.nodes.items = nodes + kept;
        out->graph.initializers.count = constants;
    }
    cnn__table_free(&needed);
}
