/* SPDX-License-Identifier: MIT */
/* Building: shapes are inferred along the graph, parameters allocated in one array and initialised. */
#include <stdio.h>
#include <string.h>

#include "model/model.h"
#include "session/program.h"

static char *parameter_name(cnn_context *context, const char *node, const char *parameter)
{
    size_t size = strlen(node) + strlen(parameter) + 2;
    char *name = cnn__alloc(context, size);
    if (name != NULL) {
        snprintf(name, size, "%s/%s", node, parameter);
    }
    return name;
}

static cnn_status grow_parameters(cnn_model *model)
{
    if (model->parameter_count < model->parameter_capacity) {
        return CNN_OK;
    }
    const uint32_t capacity = model->parameter_capacity == 0 ? 16 : 2 * model->parameter_capacity;
    cnn__parameter *grown = cnn__realloc(model->context, model->parameters, capacity * sizeof(*grown));
    if (grown == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->parameters = grown;
    model->parameter_capacity = capacity;
    return CNN_OK;
}

static cnn_status add_parameter(cnn_model *model, uint32_t node, const cnn_parameter_spec *spec)
{
    cnn_context *context = model->context;
    cnn__parameter parameter = {
        .shape = spec->shape,
        .offset = model->value_count,
        .node = node,
        .trainable = spec->trainable != 0,
        .decay = spec->decay != 0,
        .init = spec->init,
        .fan_in = spec->fan_in,
        .fan_out = spec->fan_out,
    };
    size_t end;
    if (!cnn__shape_values(&spec->shape, &parameter.values) ||
        !cnn__add_size(model->value_count, parameter.values, &end) || end > CNN__MAX_VALUES) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: the parameter \"%s\" is too large", model->nodes[node].name,
                         spec->name);
    }
    CNN__RETURN_IF_ERROR(grow_parameters(model));
    parameter.name = parameter_name(context, model->nodes[node].name, spec->name);
    if (parameter.name == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = cnn__table_add(&model->parameter_names, parameter.name, model->parameter_count);
    if (status != CNN_OK) {
        status = status == CNN_ERROR_OUT_OF_MEMORY
                     ? status
                     : cnn__fail(context, status, "%s: two parameters are named \"%s\"", model->name, parameter.name);
        cnn__free(context, parameter.name);
        return status;
    }
    model->parameters[model->parameter_count++] = parameter;
    model->value_count = cnn__align_size(end * sizeof(float)) / sizeof(float);
    return CNN_OK;
}

/* Infers the graph for one sample: the program's ops tell the outputs and parameters of their nodes. */
static cnn_status infer_nodes(cnn_model *model)
{
    cnn__program program;
    CNN__RETURN_IF_ERROR(cnn__program_compile(model, CNN__PROGRAM_WHOLE, 1, &program));
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < program.op_count && status == CNN_OK; i++) {
        const cnn__op *op = &program.ops[i];
        cnn__node *node = &model->nodes[op->node];
        node->output = cnn__without_batch(&program.shapes[op->output]);
        if (op->spec.parameter_count == 0) {
            continue;
        }
        node->first_parameter = model->parameter_count;
        node->parameter_count = op->spec.parameter_count;
        for (uint32_t p = 0; p < op->spec.parameter_count && status == CNN_OK; p++) {
            status = add_parameter(model, op->node, &op->spec.parameters[p]);
        }
    }
    cnn__program_free(model->context, &program);
    return status;
}

static void forget_parameters(cnn_model *model)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__free(model->context, model->parameters[i].name);
    }
    cnn__free(model->context, model->parameters);
    for (uint32_t i = 0; i < model->node_count; i++) { /* a further attempt begins as the first did */
        model->nodes[i].first_parameter = model->nodes[i].parameter_count = 0;
    }
    cnn__table_free(&model->parameter_names);
    model->parameters = NULL;
    model->parameter_count = model->parameter_capacity = 0;
    model->value_count = 0;
}

cnn_status cnn__model_infer(cnn_model *model)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (model->status != CNN_OK) {
        return cnn__fail(model->context, model->status, "%s",
                         model->message != NULL ? model->message : "out of memory");
    }
    if (model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is built already", model->name);
    }
    if (model->node_count == 0) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: has no layers", model->name);
    }
    cnn_status status = infer_nodes(model);
    if (status != CNN_OK) {
        forget_parameters(model);
    }
    return status;
}

cnn_status cnn__model_allocate(cnn_model *model)
{
    model->values = cnn__alloc_zero(model->context, model->value_count * sizeof(float));
    if (model->values == NULL) {
        forget_parameters(model);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->built = true;
    return CNN_OK;
}

static void initialize(cnn_model *model, uint32_t index)
{
    const cnn__parameter *parameter = &model->parameters[index];
    const uint32_t number = index - model->nodes[parameter->node].first_parameter;
    cnn__initialize(parameter, model->context->seed, number, model->values + parameter->offset);
}

cnn_status cnn_model_build(cnn_model *model)
{
    CNN__RETURN_IF_ERROR(cnn__model_infer(model));
    CNN__RETURN_IF_ERROR(cnn__model_allocate(model));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        initialize(model, i);
    }
    return CNN_OK;
}

/* Whether `text` matches a pattern in which "*" stands for any text. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

/* A layer's name stands for all of its parameters. */
static bool is_meant(const cnn_model *model, const cnn__parameter *parameter, const char *pattern)
{
    return matches(pattern, parameter->name) || matches(pattern, model->nodes[parameter->node].name);
}

static cnn_status no_match(const cnn_model *model, const char *pattern)
{
    return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: no parameter matches \"%s\"", model->name, pattern);
}

static cnn_status check_pattern(const cnn_model *model, const char *pattern)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    return pattern != NULL ? CNN_OK
                           : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no pattern", model->name);
}

cnn_status cnn_model_initialize(cnn_model *model, const char *pattern, const cnn_initializer *initializer)
{
    bool any = false;
    CNN__RETURN_IF_ERROR(check_pattern(model, pattern));
    if (initializer == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no initializer", model->name);
    }
    cnn_initializer init = *initializer;
    CNN__RETURN_IF_ERROR(
        cnn__check_initializer(model->context, model->name, "initializer", &init, CNN_INIT_GLOROT_UNIFORM));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (model->parameters[i].trainable && is_meant(model, &model->parameters[i], pattern)) {
            model->parameters[i].init = init;
            initialize(model, i);
            any = true;
        }
    }
    cnn_model_touch(model);
    return any ? CNN_OK : no_match(model, pattern);
}

cnn_status cnn_model_set_trainable(cnn_model *model, const char *pattern, bool trainable)
{
    bool any = false;
    CNN__RETURN_IF_ERROR(check_pattern(model, pattern));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__parameter *parameter = &model->parameters[i];
        if (is_meant(model, parameter, pattern)) {
            parameter->frozen = !trainable;
            any = true;
        }
    }
    return any ? CNN_OK : no_match(model, pattern);
}
