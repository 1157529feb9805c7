/* SPDX-License-Identifier: MIT */
/* Where data enters and leaves a model: its inputs and outputs, by name, and what can be asked of any value. */
#include <string.h>

#include "model/model.h"

static cnn_status check_input(const cnn_model *model, const char *name, const cnn_shape *shape)
{
    uint32_t reference;
    CNN__RETURN_IF_ERROR(cnn__check_name(model->context, "cnn_model_add_input", name));
    if (model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: an input is added to a built model", model->name);
    }
    if (name == NULL || shape == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: an input needs a name and a shape",
                         model->name);
    }
    bool sound = shape->rank >= 1 && shape->rank < CNN_MAX_RANK; /* the batch is one more */
    for (uint32_t i = 0; sound && i < shape->rank; i++) {
        sound = shape->dims[i] >= 1 && shape->dims[i] <= 1 << 24;
    }
    if (!sound) {
        char text[128] = "()";
        if (shape->rank >= 1 && shape->rank <= CNN_MAX_RANK) {
            cnn__shape_text(shape, NULL, text, sizeof(text));
        }
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: input \"%s\" is %s: 1 to %d sizes of at least 1 are required", model->name, name, text,
                         CNN_MAX_RANK - 1);
    }
    if (cnn__model_find(model, name, &reference)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: two values are named \"%s\"", model->name,
                         name);
    }
    return CNN_OK;
}

static cnn_status append_input(cnn_model *model, const char *name, const cnn_shape *shape)
{
    cnn__input *grown = cnn__realloc(model->context, model->inputs, (model->input_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->inputs = grown;
    cnn__input *input = &grown[model->input_count];
    *input = (cnn__input){cnn__strdup(model->context, name), {shape->rank, 0, {0}}};
    memcpy(input->shape.dims, shape->dims, shape->rank * sizeof(shape->dims[0]));
    if (input->name == NULL || cnn__table_add(&model->names, input->name, CNN__INPUT | model->input_count) != CNN_OK) {
        cnn__free(model->context, input->name);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->last = CNN__INPUT | model->input_count++;
    return CNN_OK;
}

cnn_status cnn_model_add_input(cnn_model *model, const char *name, const cnn_shape *shape)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_status status = model->status;
    if (status == CNN_OK) {
        status = check_input(model, name, shape);
    }
    if (status == CNN_OK && model->input_count >= CNN_MODEL_MAX_PORTS) {
        status = cnn__fail(model->context, CNN_ERROR_LIMIT, "%s: more than %d inputs", model->name,
                           CNN_MODEL_MAX_PORTS);
    }
    if (status == CNN_OK) {
        status = append_input(model, name, shape);
    }
    return status == CNN_OK ? CNN_OK : cnn__model_remember(model, status);
}

static cnn_status find_outputs(const cnn_model *model, const char *const *names, size_t count, uint32_t *references)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || !cnn__model_find(model, names[i], &references[i])) {
            return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\" to be an output",
                             model->name, names[i] != NULL ? names[i] : "");
        }
        for (size_t k = 0; k < i; k++) {
            if (references[k] == references[i]) {
                return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: output \"%s\" is given twice",
                                 model->name, names[i]);
            }
        }
    }
    return CNN_OK;
}

static cnn_status set_outputs(cnn_model *model, const char *const *names, size_t count)
{
    cnn_context *context = model->context;
    if (model->status != CNN_OK) {
        return model->status;
    }
    if (model->built) {
        return cnn__fail(context, CNN_ERROR_STATE, "%s: outputs are set on a built model", model->name);
    }
    if (names == NULL || count < 1 || count > CNN_MODEL_MAX_PORTS) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: a model has 1 to %d outputs, not %zu", model->name,
                         CNN_MODEL_MAX_PORTS, names != NULL ? count : 0);
    }
    uint32_t *references = cnn__alloc_array(context, count, sizeof(*references));
    if (references == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = find_outputs(model, names, count, references);
    if (status != CNN_OK) {
        cnn__free(context, references);
        return status;
    }
    cnn__free(context, model->outputs);
    model->outputs = references;
    model->output_count = (uint32_t)count;
    return CNN_OK;
}

cnn_status cnn_model_set_outputs(cnn_model *model, const char *const *names, size_t count)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_status status = set_outputs(model, names, count);
    return status == CNN_OK ? CNN_OK : cnn__model_remember(model, status);
}

uint32_t cnn__model_outputs(const cnn_model *model) { return model->outputs != NULL ? model->output_count : 1; }

uint32_t cnn__model_output(const cnn_model *model, uint32_t index)
{
    return model->outputs != NULL ? model->outputs[index] : model->last;
}

const char *cnn__value_name(const cnn_model *model, uint32_t reference)
{
    return (reference & CNN__INPUT) != 0 ? model->inputs[reference & ~CNN__INPUT].name : model->nodes[reference].name;
}

const cnn_shape *cnn__value_shape(const cnn_model *model, uint32_t reference)
{
    return (reference & CNN__INPUT) != 0 ? &model->inputs[reference & ~CNN__INPUT].shape
                                         : &model->nodes[reference].output;
}

size_t cnn_model_input_count(const cnn_model *model) { return model != NULL ? model->input_count : 0; }

const char *cnn_model_input_name(const cnn_model *model, size_t input)
{
    return model != NULL && input < model->input_count ? model->inputs[input].name : NULL;
}

size_t cnn_model_output_count(const cnn_model *model)
{
    return model != NULL && model->node_count > 0 ? cnn__model_outputs(model) : 0;
}

const char *cnn_model_output_name(const cnn_model *model, size_t output)
{
    return output < cnn_model_output_count(model) ? cnn__value_name(model, cnn__model_output(model, (uint32_t)output))
                                                  : NULL;
}

cnn_shape cnn_model_value_shape(const cnn_model *model, const char *name)
{
    uint32_t reference;
    bool known = model != NULL && name != NULL && cnn__model_find(model, name, &reference);
    return known && (model->built || (reference & CNN__INPUT) != 0) ? *cnn__value_shape(model, reference)
                                                                    : (cnn_shape){0};
}

cnn_shape cnn_model_input_shape(const cnn_model *model)
{
    return model != NULL ? *cnn__model_input(model) : (cnn_shape){0};
}

cnn_shape cnn_model_output_shape(const cnn_model *model)
{
    return model != NULL && model->built ? *cnn__value_shape(model, cnn__model_output(model, 0)) : (cnn_shape){0};
}
