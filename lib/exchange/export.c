/* SPDX-License-Identifier: MIT */
/* Parameters in another program's names and order of axes. */
#include <stdio.h>
#include <string.h>

#include "exchange/weights.h"
#include "format/tensors.h"
#include "model/model.h"

/* The order that brings values back: axis by axis the inverse. */
static cnn__order inverse(const cnn__order *order)
{
    cnn__order back = {.from = {.rank = order->from.rank}};
    for (uint32_t d = 0; d < order->from.rank; d++) {
        back.from.dims[d] = order->from.dims[order->axes[d]];
        back.axes[order->axes[d]] = d;
    }
    return back;
}

/* The name of a parameter elsewhere: "layer1.0.conv1.weight", or "conv1/kernel:0" with the layer as its group. */
static void make_name(int32_t layout, const cnn_model *model, uint32_t node, const char *role, char *name, size_t size)
{
    char other[CNN__TORCH_NAME];
    const char *layer = model->nodes[node].name;
    const char *torch = layout == CNN_WEIGHTS_PYTORCH ? cnn__torch_name(model, node, layer, other) : NULL;
    snprintf(name, size,
             layout == CNN_WEIGHTS_KERAS     ? "%s/%s:0"
             : layout == CNN_WEIGHTS_PYTORCH ? "%s.%s"
                                             : "%s/%s",
             torch != NULL ? torch : layer, role);
    for (char *at = name; layout == CNN_WEIGHTS_PYTORCH && *at != '\0'; at++) {
        *at = *at == '/' ? '.' : *at;
    }
}

bool cnn__is_depthwise(const cnn_model *model, const cnn__node *node, const cnn_shape *kernel)
{
    const cnn_shape *input = cnn__value_shape(model, node->inputs[0]);
    return strcmp(node->layer->kind.type, "Conv2D") == 0 && kernel->rank == 4 && kernel->dims[2] == 1 &&
           input->rank == 3 && input->dims[2] > 1 && kernel->dims[3] % input->dims[2] == 0;
}

/* The row of the table by which a parameter is written. */
static const cnn__role *find_role(const char *type, const char *parameter, int32_t layout, bool depthwise)
{
    const cnn__role *role = cnn__role_find(type, parameter, NULL);
    while (role != NULL && (role->names[layout] == NULL || (depthwise && strcmp(role->axes, "hwcm") != 0))) {
        role = cnn__role_find(type, parameter, role);
    }
    return role;
}

/* A slope for each channel lies behind an axis of 1 for each other one in Keras; PyTorch has no other slopes. */
static cnn_status shape_slopes(const cnn_model *model, const cnn__parameter *parameter, int32_t layout,
                               cnn_shape *shape)
{
    const cnn_shape *input = cnn__value_shape(model, model->nodes[parameter->node].inputs[0]);
    if (layout == CNN_WEIGHTS_PYTORCH && shape->rank != 1) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                         "%s: \"%s\" has a slope for each place, and PyTorch has one for each channel", model->name,
                         parameter->name);
    }
    if (layout == CNN_WEIGHTS_KERAS && shape->rank == 1) {
        const int64_t slopes = shape->dims[0];
        shape->rank = input->rank;
        for (uint32_t d = 0; d < shape->rank; d++) {
            shape->dims[d] = d + 1 < shape->rank ? 1 : slopes;
        }
    }
    return CNN_OK;
}

/* Numbers along one axis are the same in any order of axes; others have none that is sure to be PyTorch's. */
static cnn_status check_values(const cnn_model *model, const cnn__parameter *parameter)
{
    uint32_t axes = 0;
    for (uint32_t d = 0; d < parameter->shape.rank; d++) {
        axes += parameter->shape.dims[d] != 1;
    }
    return axes <= 1
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                           "%s: \"%s\" has a value for each place, and not one for each channel, which alone has a "
                           "name in the other layout",
                           model->name, parameter->name);
}

static cnn_status export_one(const cnn_model *model, const cnn__parameter *parameter, const cnn_shape *flat,
                             int32_t layout, float *scratch, cnn_export_function write, void *user)
{
    const cnn__node *node = &model->nodes[parameter->node];
    const char *type = node->layer->kind.type, *own = strrchr(parameter->name, '/') + 1;
    const bool depthwise = layout == CNN_WEIGHTS_KERAS && cnn__is_depthwise(model, node, &parameter->shape);
    const cnn__role *role = find_role(type, own, layout, depthwise);
    char name[CNN__MAX_NAME + 32], axes[40];
    cnn_weight weight = {sizeof(weight), name, NULL, "F32", parameter->shape};
    const float *values = parameter->data;
    if (role == NULL && layout != CNN_WEIGHTS_OWN) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                         "%s: there is no name for \"%s\" (%s) in the other layout", model->name, parameter->name,
                         type);
    }
    if (layout != CNN_WEIGHTS_OWN) {
        cnn__order order;
        cnn__match_order(role, layout, &parameter->shape, flat, &order, axes);
        if (!cnn__order_is_plain(&order)) {
            const cnn__order back = inverse(&order);
            cnn__reorder(&back, parameter->data, scratch);
            values = scratch;
        }
        weight.shape = cnn__foreign_shape(role, layout, &parameter->shape);
        if (strcmp(role->axes, "hwcm") == 0) { /* one axis here, two there */
            const cnn_shape *input = cnn__value_shape(model, node->inputs[0]);
            weight.shape.dims[2] = input->dims[input->rank - 1];
            weight.shape.dims[3] = parameter->shape.dims[3] / weight.shape.dims[2];
        }
        if (strcmp(type, "Arithmetic") == 0) {
            CNN__RETURN_IF_ERROR(check_values(model, parameter));
        }
        if (strcmp(type, "PReLU") == 0) {
            CNN__RETURN_IF_ERROR(shape_slopes(model, parameter, layout, &weight.shape));
        }
        weight.group = layout == CNN_WEIGHTS_KERAS ? node->name : NULL;
    }
    make_name(layout, model, parameter->node, role != NULL ? role->names[layout] : own, name, sizeof(name));
    return write(user, &weight, values);
}

cnn_status cnn_model_export(const cnn_model *model, cnn_weights_layout layout, cnn_export_function write, void *user)
{
    const cnn_shape none = {0};
    size_t most = 1;
    if (model == NULL || write == NULL || (unsigned)layout > CNN_WEIGHTS_PYTORCH) {
        return model == NULL ? CNN_ERROR_INVALID_ARGUMENT
                             : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                                         "%s: no function to export to, or no such layout", model->name);
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        most = model->parameters[i].values > most ? model->parameters[i].values : most;
    }
    float *scratch = cnn__alloc_array(model->context, most, sizeof(float));
    cnn_shape *flattened = cnn__flattened(model);
    cnn_status status = scratch != NULL && flattened != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        const uint32_t input = model->nodes[parameter->node].inputs[0];
        const bool image = layout == CNN_WEIGHTS_PYTORCH && (input & CNN__INPUT) == 0;
        /* Keras has no scale or shift where a normalisation is without. */
        if (layout != CNN_WEIGHTS_KERAS || !cnn__is_fixed(parameter)) {
            status = export_one(model, parameter, image ? &flattened[input] : &none, layout, scratch, write, user);
        }
    }
    cnn__free(model->context, scratch);
    cnn__free(model->context, flattened);
    return status;
}

/* ---- as a file ---- */

/* Tensors until they are written, all copied. */
typedef struct copies {
    cnn_context *context;
    cnn__tensor_source *sources;
    size_t count;
} copies;

static cnn_status copy(void *user, const cnn_weight *weight, const float *values)
{
    copies *c = user;
    size_t count = 0;
    (void)cnn__shape_values(&weight->shape, &count);
    cnn__tensor_source *source = &c->sources[c->count++];
    float *data = cnn__alloc_array(c->context, count, sizeof(float));
    *source = (cnn__tensor_source){cnn__strdup(c->context, weight->name), weight->shape, data, CNN__TENSOR_F32};
    if (data == NULL || source->name == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(data, values, count * sizeof(float));
    return CNN_OK;
}

cnn_status cnn_model_save_tensors(const cnn_model *model, cnn_weights_layout layout, const char *path)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (path == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no path to save to", model->name);
    }
    cnn__json_writer metadata;
    copies c = {.context = model->context};
    c.sources = cnn__alloc_zero(model->context, ((size_t)model->parameter_count + 1) * sizeof(*c.sources));
    cnn_status status = c.sources != NULL ? cnn_model_export(model, layout, copy, &c) : CNN_ERROR_OUT_OF_MEMORY;
    cnn__metadata_begin(model->context, &metadata);
    cnn__json_put_string(&metadata, "format", layout == CNN_WEIGHTS_PYTORCH ? "pt" : "tensors");
    if (status == CNN_OK) {
        status = cnn__tensors_write(model->context, path, c.sources, c.count, &metadata);
    }
    cnn__string_free(&metadata.text);
    for (size_t i = 0; i < c.count; i++) {
        cnn__free(model->context, (void *)(uintptr_t)c.sources[i].name);
        cnn__free(model->context, (void *)(uintptr_t)c.sources[i].data);
    }
    cnn__free(model->context, c.sources);
    return status;
}
