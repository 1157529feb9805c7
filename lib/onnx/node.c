/* SPDX-License-Identifier: MIT */
/* What operators read of their nodes, and what they add to the model. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "layer/layer.h"
#include "onnx/import.h"

/* ---- messages ---- */

/* 'node "x" (Conv)', or where it has no name 'node of output "y" (Conv)'. */
static void node_text(const cnn__onnx_node *node, char *text, size_t size)
{
    char name[128], type[64];
    const char *const *outputs = node->outputs.items;
    const bool named = node->name[0] != '\0' || node->outputs.count == 0;
    cnn__printable(named ? node->name : outputs[0], name, sizeof(name));
    cnn__printable(node->type, type, sizeof(type));
    snprintf(text, size, "%s\"%s\" (%s)", named ? "node " : "node of output ", name, type);
}

cnn_status cnn__onnx_fail(const cnn__onnx_import *import, const cnn__onnx_node *node, cnn_status status,
                          const char *format, ...)
{
    char what[256], reason[640];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof(reason), format, list);
    va_end(list);
    if (node == NULL) {
        return cnn__fail(import->context, status, "%s: %s", import->file, reason);
    }
    node_text(node, what, sizeof(what));
    return cnn__fail(import->context, status, "%s: %s: %s", import->file, what, reason);
}

cnn_status cnn__onnx_mixes(cnn__onnx_import *import, const cnn__onnx_node *node, const char *what)
{
    import->mixed = true;
    return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "%s", what);
}

/* ---- attributes ---- */

const cnn__onnx_attribute *cnn__onnx_attribute_find(const cnn__onnx_node *node, const char *name)
{
    const cnn__onnx_attribute *attributes = node->attributes.items;
    for (size_t i = 0; i < node->attributes.count; i++) {
        if (strcmp(attributes[i].name, name) == 0) {
            return &attributes[i];
        }
    }
    return NULL;
}

int64_t cnn__onnx_attribute_int(const cnn__onnx_node *node, const char *name, int64_t missing)
{
    const cnn__onnx_attribute *a = cnn__onnx_attribute_find(node, name);
    return a != NULL && (a->type == CNN__ONNX_ATTRIBUTE_INT || a->type == 0) ? a->i : missing;
}

float cnn__onnx_attribute_float(const cnn__onnx_node *node, const char *name, float missing)
{
    const cnn__onnx_attribute *a = cnn__onnx_attribute_find(node, name);
    return a != NULL && (a->type == CNN__ONNX_ATTRIBUTE_FLOAT || a->type == 0) ? a->f : missing;
}

const char *cnn__onnx_attribute_text(const cnn__onnx_node *node, const char *name, const char *missing)
{
    const cnn__onnx_attribute *a = cnn__onnx_attribute_find(node, name);
    return a != NULL && (a->type == CNN__ONNX_ATTRIBUTE_STRING || a->type == 0) ? a->s : missing;
}

const int64_t *cnn__onnx_attribute_ints(const cnn__onnx_node *node, const char *name, size_t *count)
{
    static const int64_t none[1];
    const cnn__onnx_attribute *a = cnn__onnx_attribute_find(node, name);
    if (a == NULL || (a->type != CNN__ONNX_ATTRIBUTE_INTS && a->type != 0)) {
        *count = 0;
        return NULL;
    }
    *count = a->ints.count;
    return a->ints.count > 0 ? a->ints.items : none;
}

/* ---- inputs and outputs ---- */

static cnn__onnx_wire *find_wire(const cnn__onnx_import *import, const cnn__onnx_list *names, size_t index)
{
    const char *const *items = names->items;
    size_t wire = 0;
    return index < names->count && items[index][0] != '\0' && cnn__table_find(&import->names, items[index], &wire)
               ? &import->wires[wire]
               : NULL;
}

cnn__onnx_wire *cnn__onnx_input(const cnn__onnx_import *import, const cnn__onnx_node *node, size_t index)
{
    return find_wire(import, &node->inputs, index);
}

cnn__onnx_wire *cnn__onnx_output(const cnn__onnx_import *import, const cnn__onnx_node *node, size_t index)
{
    return find_wire(import, &node->outputs, index);
}

cnn_status cnn__onnx_value_input(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                 cnn__onnx_wire **wire)
{
    *wire = cnn__onnx_input(import, node, index);
    if (*wire == NULL || (*wire)->value == NULL) {
        return cnn__onnx_fail(import, node, *wire == NULL ? CNN_ERROR_FORMAT : CNN_ERROR_UNSUPPORTED,
                              "its input %zu is %s", index, *wire == NULL ? "missing" : "a constant");
    }
    return CNN_OK;
}

cnn_status cnn__onnx_constant_input(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                    const cnn__onnx_constant **constant)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, index, constant));
    return *constant != NULL ? CNN_OK
                             : cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input %zu is missing", index);
}

cnn_status cnn__onnx_optional_constant(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                       const cnn__onnx_constant **constant)
{
    const cnn__onnx_wire *wire = cnn__onnx_input(import, node, index);
    *constant = wire != NULL ? wire->constant : NULL;
    return wire == NULL || wire->constant != NULL
               ? CNN_OK
               : cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED,
                                "its input %zu is computed, where only constants are read", index);
}

cnn_status cnn__onnx_numbers(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name, size_t index,
                             const int64_t **numbers, size_t *count)
{
    const cnn__onnx_constant *c = NULL;
    *numbers = cnn__onnx_attribute_ints(node, name, count);
    if (*numbers != NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, index, &c));
    if (c == NULL) {
        return CNN_OK;
    }
    if (c->ints == NULL || c->rank > 1 || c->count > 4096) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input %zu (%s) is no list of whole numbers", index,
                              name);
    }
    int64_t *copy = cnn__arena_array(import->arena, c->count + 1, sizeof(*copy));
    if (copy == NULL) {
        return cnn__last_status(import->context);
    }
    for (size_t i = 0; i < c->count; i++) {
        copy[i] = cnn__onnx_int(c, i);
    }
    *numbers = copy;
    *count = c->count;
    return CNN_OK;
}

cnn_status cnn__onnx_axis(cnn__onnx_import *import, const cnn__onnx_node *node, int64_t axis, uint32_t rank,
                          uint32_t *found)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "axis %lld of a tensor with %u", (long long)axis, rank);
    }
    *found = (uint32_t)(axis < 0 ? axis + rank : axis);
    return CNN_OK;
}

cnn_status cnn__onnx_only_outputs(cnn__onnx_import *import, const cnn__onnx_node *node, size_t count)
{
    for (size_t i = count; i < node->outputs.count; i++) {
        const cnn__onnx_wire *wire = cnn__onnx_output(import, node, i);
        if (wire != NULL && wire->readers > 0) {
            return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its output %zu is read", i);
        }
    }
    return CNN_OK;
}

/* ---- layers ---- */

const char *cnn__onnx_new_name(cnn__onnx_import *import, const char *text)
{
    char name[200];
    size_t length = 0;
    for (; *text != '\0' && length < 180; text++) {
        const bool plain = cnn__is_plain_name(text, 1);
        if (plain || length > 0) {
            name[length++] = plain ? *text : '.';
        }
    }
    while (length > 0 && name[length - 1] == '.') {
        length--;
    }
    name[length] = '\0';
    if (length == 0) {
        snprintf(name, sizeof(name), "layer");
        length = strlen(name);
    }
    for (unsigned number = 2; cnn__table_find(&import->layers, name, NULL) && number != 0; number++) {
        snprintf(name + length, sizeof(name) - length, "_%u", number);
    }
    const char *copy = cnn__arena_text(import->arena, name, strlen(name));
    return copy != NULL && cnn__table_add(&import->layers, copy, 0) == CNN_OK ? copy : NULL;
}

/* PyTorch names nodes by the modules around them, each of which may begin with the one before: of
 * "/layer1/layer1.0/conv1/Conv" the module is "layer1.0.conv1". In place; `type` that ends the path is left out. */
static void join_scopes(char *path, const char *type)
{
    char *end = strrchr(path, '/');
    size_t last = 0, length = 0; /* of what there is so far: where its last part begins, and all of it */
    if (end == NULL || end == path || path[0] != '/') {
        return;
    }
    if (type != NULL && strncmp(end + 1, type, strlen(type)) == 0) {
        *end = '\0';
    }
    for (const char *part = path + 1; *part != '\0';) {
        const size_t size = strcspn(part, "/"), before = length - last;
        const bool longer = before > 0 && size > before && strncmp(part, path + last, before) == 0 &&
                            part[before] == '.';
        const size_t to = longer ? last : length > 0 ? length + 1 : 0;
        const char *next = part + size + (part[size] == '/');
        if (!longer && length > 0) {
            path[length] = '.';
        }
        memmove(path + to, part, size);
        last = to;
        length = to + size;
        part = next;
    }
    path[length] = '\0';
}

const char *cnn__onnx_layer_name(cnn__onnx_import *import, const cnn__onnx_node *node,
                                 const cnn__onnx_constant *parameter)
{
    static const char *const roles[] = {"weight", "kernel", "gamma", "scale", "slope", "W"};
    const char *name = parameter != NULL ? parameter->name : "", *const *outputs = node->outputs.items;
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        const size_t length = strlen(name), role = strlen(roles[i]);
        if (length > role + 1 && strcmp(name + length - role, roles[i]) == 0 &&
            strchr("._/", name[length - role - 1]) != NULL) {
            char *module = cnn__arena_text(import->arena, name, length - role - 1);
            return module != NULL ? cnn__onnx_new_name(import, module) : NULL;
        }
    }
    if (node->name[0] != '\0') {
        char *path = cnn__arena_text(import->arena, node->name, strlen(node->name));
        if (path == NULL) {
            return NULL;
        }
        join_scopes(path, parameter != NULL ? node->type : NULL);
        return cnn__onnx_new_name(import, path);
    }
    return cnn__onnx_new_name(import, node->outputs.count > 0 && outputs[0][0] != '\0' ? outputs[0] : node->type);
}

cnn_status cnn__onnx_add(cnn__onnx_import *import, const cnn__onnx_node *node, cnn_layer *layer,
                         const char *const *values, size_t count)
{
    const cnn_status status = cnn_model_add_after(import->model, layer, values, count);
    if (status != CNN_OK && status != CNN_ERROR_OUT_OF_MEMORY) {
        char *reason = cnn__arena_printf(import->arena, "%s", cnn_last_error(import->context));
        return reason != NULL ? cnn__onnx_fail(import, node, status, "%s", reason) : cnn__last_status(import->context);
    }
    return status;
}

cnn__onnx_filling *cnn__onnx_fill(cnn__onnx_import *import, const char *layer, const char *parameter,
                                  const cnn__onnx_constant *constant, float value)
{
    cnn__onnx_filling *filling = cnn__arena_alloc(import->arena, sizeof(*filling));
    if (filling == NULL) {
        return NULL;
    }
    *filling = (cnn__onnx_filling){
        .layer = layer, .parameter = parameter, .constant = constant, .value = value, .scale = 1};
    if (constant != NULL) {
        filling->from.rank = constant->rank;
        memcpy(filling->from.dims, constant->dims, sizeof(constant->dims));
        if (constant->rank == 0) {
            filling->from = (cnn_shape){1, 0, {1}};
        }
    }
    for (uint32_t i = 0; i < CNN_MAX_RANK; i++) {
        filling->axes[i] = i;
    }
    *import->last_filling = filling;
    import->last_filling = &filling->next;
    return filling;
}
