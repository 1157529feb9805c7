/* SPDX-License-Identifier: MIT */
/* The parameters of a model from the tensors of a file. */
#include <stdio.h>

#include "exchange/weights.h"
#include "model/model.h"
#include "onnx/import.h"

/* Fills one parameter. */
static cnn_status fill(cnn__onnx_import *import, const cnn__onnx_filling *f, cnn__parameter *parameter)
{
    const cnn__onnx_constant *c = f->constant;
    cnn_shape to = {.rank = f->from.rank};
    cnn__order order = {.from = f->from};
    size_t values = 0;
    for (uint32_t i = 0; i < f->from.rank; i++) {
        to.dims[i] = f->from.dims[f->axes[i]];
        order.axes[i] = f->axes[i];
    }
    if (c == NULL || c->same) {
        const float value = (c == NULL ? f->value : (float)cnn__onnx_number(c, 0)) * f->scale;
        for (size_t i = 0; i < parameter->values; i++) {
            parameter->data[i] = value;
        }
    }
    if (c != NULL &&
        (!cnn__shape_values(&to, &values) || values != parameter->values || values != c->count || c->floats == NULL)) {
        return cnn__fail(import->context, CNN_ERROR_MISMATCH, "%s: \"%s\" has %zu values, a tensor for it %zu",
                         import->file, parameter->name, parameter->values, c->count);
    }
    if (c != NULL && !c->same) {
        cnn__reorder(&order, c->floats, parameter->data);
        for (size_t i = 0; f->scale != 1 && i < parameter->values; i++) {
            parameter->data[i] *= f->scale;
        }
    }
    parameter->frozen = f->fixed && parameter->trainable;
    return CNN_OK;
}

/* Every parameter must have its tensor before memory is asked for: so a small file cannot ask for much. */
cnn_status cnn__onnx_fill_all(cnn__onnx_import *import)
{
    cnn_model *model = import->model;
    char name[CNN__MAX_NAME];
    size_t index = 0;
    CNN__RETURN_IF_ERROR(cnn__model_infer(model));
    if (model->value_count > import->most_values) {
        return cnn__fail(import->context, CNN_ERROR_LIMIT, "%s: its parameters have %zu values", import->file,
                         model->value_count);
    }
    CNN__RETURN_IF_ERROR(cnn__model_allocate(model));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__initialize(&model->parameters[i], import->context->seed, i, model->parameters[i].data);
    }
    for (const cnn__onnx_filling *f = import->fillings; f != NULL; f = f->next) {
        snprintf(name, sizeof(name), "%s/%s", f->layer, f->parameter);
        if (!cnn__table_find(&model->parameter_names, name, &index)) {
            return cnn__fail(import->context, CNN_ERROR_MISMATCH, "%s: there is no parameter \"%s\"", import->file,
                             name);
        }
        CNN__RETURN_IF_ERROR(fill(import, f, &model->parameters[index]));
    }
    return CNN_OK;
}
