/* SPDX-License-Identifier: MIT */
/* What can be asked of a model. */
#include <string.h>

#include "model/model.h"

const char *cnn_model_name(const cnn_model *model) { return model != NULL ? model->name : NULL; }

size_t cnn_model_layer_count(const cnn_model *model) { return model != NULL ? model->node_count : 0; }

const char *cnn_model_layer_name(const cnn_model *model, size_t layer)
{
    return model != NULL && layer < model->node_count ? model->nodes[layer].name : NULL;
}

const char *cnn_model_layer_type(const cnn_model *model, size_t layer)
{
    return model != NULL && layer < model->node_count ? model->nodes[layer].layer->kind.type : NULL;
}

const char *cnn_model_layer_reads(const cnn_model *model, size_t layer, size_t index)
{
    return model != NULL && layer < model->node_count && index < model->nodes[layer].input_count
               ? cnn__value_name(model, model->nodes[layer].inputs[index])
               : NULL;
}

cnn_shape cnn_model_layer_shape(const cnn_model *model, size_t layer)
{
    return model != NULL && model->built && layer < model->node_count ? model->nodes[layer].output : (cnn_shape){0};
}

size_t cnn_model_parameter_count(const cnn_model *model)
{
    return model != NULL && model->built ? model->parameter_count : 0;
}

cnn_status cnn_model_parameter(cnn_model *model, size_t index, cnn_parameter *parameter)
{
    cnn_parameter found = {.struct_size = sizeof(found)};
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    if (index >= model->parameter_count || parameter == NULL || parameter->struct_size < sizeof(size_t)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: parameter %zu of %u", model->name, index,
                         model->parameter_count);
    }
    const cnn__parameter *source = &model->parameters[index];
    found.name = source->name;
    found.value = (cnn_tensor){source->data, source->shape};
    found.layer = source->node;
    found.trainable = source->trainable && !source->frozen;
    size_t size = parameter->struct_size < sizeof(found) ? parameter->struct_size : sizeof(found);
    memcpy((char *)parameter + sizeof(size_t), (const char *)&found + sizeof(size_t), size - sizeof(size_t));
    return CNN_OK;
}

cnn_status cnn_model_find_parameter(cnn_model *model, const char *name, cnn_parameter *parameter)
{
    size_t index = 0;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (name == NULL || parameter == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no name or no place for a parameter",
                         model->name);
    }
    if (model->built && cnn__table_find(&model->parameter_names, name, &index)) {
        return cnn_model_parameter(model, index, parameter);
    }
    return cnn__fail(model->context, model->built ? CNN_ERROR_NOT_FOUND : CNN_ERROR_STATE,
                     "%s: there is no parameter \"%s\"", model->name, name);
}

static void count_version(cnn_model *model)
{
    atomic_fetch_add(&model->version, 1);
    for (uint32_t i = 0; i < model->lender_count; i++) {
        atomic_fetch_add(&model->lenders[i]->version, 1);
    }
}

void cnn_model_touch(cnn_model *model)
{
    if (model == NULL) {
        return;
    }
    count_version(model);
    atomic_fetch_add(&model->touched, 1);
    for (uint32_t i = 0; i < model->lender_count; i++) {
        atomic_fetch_add(&model->lenders[i]->touched, 1);
    }
}

void cnn__model_note_changes(cnn_model *model, const bool *changed)
{
    count_version(model);
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (changed[i]) {
            atomic_fetch_add(model->parameters[i].changes, 1);
        }
    }
}

/* Counts only grow: their sum is another one whenever one of them is. */
unsigned long cnn__model_version_of(const cnn_model *model, const uint32_t *parameters, uint32_t count)
{
    unsigned long version = atomic_load_explicit(&model->touched, memory_order_acquire);
    for (uint32_t i = 0; i < model->lender_count; i++) {
        version += atomic_load_explicit(&model->lenders[i]->touched, memory_order_acquire);
    }
    for (uint32_t i = 0; i < count; i++) {
        version += atomic_load_explicit(model->parameters[parameters[i]].changes, memory_order_acquire);
    }
    return version;
}

unsigned long cnn__model_version(const cnn_model *model)
{
    unsigned long version = atomic_load_explicit(&model->version, memory_order_acquire);
    for (uint32_t i = 0; i < model->lender_count; i++) {
        version += atomic_load_explicit(&model->lenders[i]->version, memory_order_acquire);
    }
    return version;
}

void cnn__model_get_values(const cnn_model *model, float *to)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        memcpy(to + parameter->offset, parameter->data, parameter->values * sizeof(float));
    }
}

void cnn__model_set_values(cnn_model *model, const float *from)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        memcpy(parameter->data, from + parameter->offset, parameter->values * sizeof(float));
    }
}

static uint64_t count_values(const cnn_model *model, bool all)
{
    uint64_t values = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        values += all || (parameter->trainable && !parameter->frozen) ? parameter->values : 0;
    }
    return values;
}

bool cnn__model_has_penalties(const cnn_model *model)
{
    bool any = false;
    for (uint32_t i = 0; i < model->parameter_count && !any; i++) {
        any = cnn__is_penalty(&model->parameters[i].rules.regularizer);
    }
    for (uint32_t i = 0; i < model->node_count && !any; i++) {
        any = cnn__is_penalty(&model->nodes[i].activity);
    }
    return any;
}

uint64_t cnn_model_values(const cnn_model *model) { return count_values(model, true); }

uint64_t cnn_model_trainable_values(const cnn_model *model) { return count_values(model, false); }

size_t cnn_model_class_count(const cnn_model *model) { return model != NULL ? model->class_count : 0; }

const char *cnn_model_class_name(const cnn_model *model, size_t label)
{
    return model != NULL && label < model->class_count ? model->classes[label] : NULL;
}

const cnn_pipeline *cnn_model_pipeline(const cnn_model *model) { return model != NULL ? model->pipeline : NULL; }
