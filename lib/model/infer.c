/* SPDX-License-Identifier: MIT */
/* Shapes and parameters: inferred along the graph for one sample, without compiling anything. */
#include <stdio.h>
#include <string.h>

#include "model/model.h"

cnn_shape cnn__with_batch(const cnn_shape *sample, int64_t batch)
{
    cnn_shape shape = {sample->rank + 1, 0, {batch}};
    memcpy(shape.dims + 1, sample->dims, sizeof(sample->dims) - sizeof(sample->dims[0]));
    return shape;
}

cnn_shape cnn__without_batch(const cnn_shape *shape)
{
    cnn_shape sample = {shape->rank - 1, 0, {0}};
    memcpy(sample.dims, shape->dims + 1, sizeof(shape->dims) - sizeof(shape->dims[0]));
    return sample;
}

cnn_shape cnn__sample_of(const cnn_shape *shape, int64_t batch)
{
    cnn_shape sample = *shape;
    sample.dims[0] = shape->dims[0] / batch;
    return sample.dims[0] == 1 ? cnn__without_batch(shape) : sample;
}

int64_t cnn__value_rows(const cnn_model *model, uint32_t reference)
{
    return (reference & CNN__INPUT) != 0 ? 1 : model->nodes[reference].rows;
}

cnn_status cnn__check_one_row(const cnn_model *model, uint32_t reference, int64_t rows, const char *what)
{
    return rows == 1
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_SHAPE,
                           "%s: \"%s\" has %lld rows for each sample, where %s needs one: a reshape before it has "
                           "moved samples into rows",
                           model->name, cnn__value_name(model, reference), (long long)rows, what);
}

/* "(None, 8, 8, 4) and (None, 4)". */
static void inputs_text(const cnn_shape *inputs, uint32_t count, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && used + 64 < size; i++) {
        char one[64];
        cnn_shape sample = cnn__without_batch(&inputs[i]);
        cnn__shape_text(&sample, "None", one, sizeof(one));
        snprintf(text + used, size - used, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", one);
        used += strlen(text + used);
    }
}

static cnn_status fail_shape(const cnn_model *model, uint32_t index, const cnn_shape *inputs, uint32_t count,
                             cnn_status status, const char *reason)
{
    char text[512];
    const cnn__node *node = &model->nodes[index];
    inputs_text(inputs, count, text, sizeof(text));
    return cnn__fail(model->context, status, "%s: layer \"%s\" (%s), input%s %s: %s", model->name, node->name,
                     node->layer->kind.type, count > 1 ? "s" : "", text, reason);
}

/* No value, parameter or workspace is so large that sizes computed from it could wrap. */
static bool is_within_limits(const cnn_layer_spec *spec)
{
    size_t values = 0;
    bool sound = cnn__shape_values(&spec->output, &values) && values > 0 && spec->saved_size <= CNN__MAX_BYTES &&
                 spec->workspace_size <= CNN__MAX_BYTES;
    /* Sides of images are counted in 32 bits in places: windows, padding. */
    for (uint32_t i = 1; sound && i + 1 < spec->output.rank; i++) {
        sound = spec->output.dims[i] <= INT32_MAX;
    }
    for (uint32_t i = 0; sound && i < spec->parameter_count; i++) {
        sound = spec->parameters[i].shape.rank <= CNN_MAX_RANK &&
                cnn__shape_values(&spec->parameters[i].shape, &values);
    }
    return sound;
}

/* What an output or a parameter cannot be, whoever's layer it is. */
static cnn_status check_spec(const cnn_layer_spec *spec, const cnn_shape *inputs, char *reason, size_t size)
{
    const cnn_shape *output = &spec->output;
    if (output->rank < 1 || output->rank > CNN_MAX_RANK || output->dims[0] < 1 ||
        (output->dims[0] != inputs[0].dims[0] && !spec->changes_rows) ||
        spec->parameter_count > CNN_LAYER_MAX_PARAMETERS || !is_within_limits(spec)) {
        snprintf(reason, size, "its output is empty or too large");
        return CNN_ERROR_LIMIT;
    }
    for (uint32_t i = 0; i < spec->parameter_count; i++) {
        if (spec->parameters[i].type != CNN_FLOAT32) {
            snprintf(reason, size, "its parameter \"%s\" is not of float32", spec->parameters[i].name);
            return CNN_ERROR_UNSUPPORTED;
        }
        const uint32_t axes = spec->rules[i].constraint.axes;
        if (axes >> spec->parameters[i].shape.rank != 0) {
            snprintf(reason, size, "the constraint of \"%s\" is over axes (%#x) of which it has %u",
                     spec->parameters[i].name, axes, spec->parameters[i].shape.rank);
            return CNN_ERROR_SHAPE;
        }
    }
    return CNN_OK;
}

cnn_status cnn__infer_layer(const cnn_context *context, const cnn_layer_kind *kind, const void *user,
                            const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec, char *reason,
                            size_t reason_size)
{
    size_t values;
    memset(spec, 0, sizeof(*spec));
    spec->struct_size = sizeof(*spec);
    reason[0] = '\0';
    for (uint32_t i = 0; i < input_count; i++) { /* a layer multiplies sizes without a thought */
        if (!cnn__shape_values(&inputs[i], &values)) {
            snprintf(reason, reason_size, "its input is too large");
            return CNN_ERROR_LIMIT;
        }
    }
    CNN__RETURN_IF_ERROR(kind->infer(user, &context->backend, cnn_context_threads(context), inputs, input_count, spec,
                                     reason, reason_size));
    return check_spec(spec, inputs, reason, reason_size);
}

cnn_status cnn__infer_node(const cnn_model *model, uint32_t node, const cnn_layer_kind *kind, const void *user,
                           const cnn_shape *inputs, uint32_t input_count, cnn_layer_spec *spec)
{
    char reason[256];
    cnn_status status = cnn__infer_layer(model->context, kind, user, inputs, input_count, spec, reason, sizeof(reason));
    return status == CNN_OK ? CNN_OK : fail_shape(model, node, inputs, input_count, status, reason);
}

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
    const uint32_t capacity = model->parameter_capacity == 0 ? 32 : 2 * model->parameter_capacity;
    cnn__parameter *grown = cnn__realloc(model->context, model->parameters, capacity * sizeof(*grown));
    if (grown == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->parameters = grown;
    model->parameter_capacity = capacity;
    return CNN_OK;
}

/* Where the values of a new parameter go, in the layout of gradients and in this model's own array. */
static bool place_parameter(cnn_model *model, cnn__parameter *parameter, bool borrowed)
{
    size_t end, own_end;
    if (!cnn__shape_values(&parameter->shape, &parameter->values) ||
        !cnn__add_size(model->value_count, parameter->values, &end) || end > CNN__MAX_VALUES ||
        !cnn__add_size(model->storage_count, parameter->values, &own_end)) {
        return false;
    }
    parameter->offset = model->value_count;
    parameter->storage = borrowed ? SIZE_MAX : model->storage_count;
    model->value_count = cnn__align_size(end * sizeof(float)) / sizeof(float);
    model->storage_count = borrowed ? model->storage_count : cnn__align_size(own_end * sizeof(float)) / sizeof(float);
    return true;
}

/* What is borrowed comes with its values, and with whether it is frozen. */
static cnn_status borrow(const cnn_model *model, const cnn__node *node, uint32_t number, cnn__parameter *parameter)
{
    const cnn_model *lender = node->lender;
    const cnn__node *source = &lender->nodes[node->lender_node];
    const cnn__parameter *lent = &lender->parameters[source->first_parameter + number];
    if (number >= source->parameter_count || !cnn__shape_equal(&lent->shape, &parameter->shape)) {
        char wanted[128], given[128] = "none";
        cnn__shape_text(&parameter->shape, NULL, wanted, sizeof(wanted));
        if (number < source->parameter_count) {
            cnn__shape_text(&lent->shape, NULL, given, sizeof(given));
        }
        return cnn__fail(model->context, CNN_ERROR_SHAPE,
                         "%s: layer \"%s\" needs parameters of %s here, and has %s in the model \"%s\"", model->name,
                         node->name, wanted, given, lender->name);
    }
    parameter->data = lent->data;
    parameter->changes = lent->changes;
    parameter->frozen = lent->frozen;
    parameter->init = lent->init;
    return CNN_OK;
}

static cnn_status add_parameter(cnn_model *model, uint32_t index, const cnn_parameter_spec *spec,
                                const cnn_parameter_rules *rules)
{
    cnn_context *context = model->context;
    cnn__node *node = &model->nodes[index];
    cnn__parameter parameter = {
        .shape = spec->shape,
        .type = spec->type,
        .node = index,
        .trainable = spec->trainable != 0,
        .decay = spec->decay != 0,
        .init = spec->init,
        .fan_in = spec->fan_in,
        .fan_out = spec->fan_out,
    };
    if (parameter.trainable) {
        parameter.rules = *rules;
    }
    if (node->lender != NULL) {
        CNN__RETURN_IF_ERROR(borrow(model, node, node->parameter_count, &parameter));
        node->statistics = node->lender->nodes[node->lender_node].statistics;
    }
    if (!place_parameter(model, &parameter, node->lender != NULL)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: the parameter \"%s\" is too large", node->name, spec->name);
    }
    CNN__RETURN_IF_ERROR(grow_parameters(model));
    parameter.name = parameter_name(context, node->name, spec->name);
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
    node->parameter_count++;
    return CNN_OK;
}

/* A layer that is applied again needs the same parameters there. */
cnn_status cnn__infer_same_parameters(const cnn_model *model, uint32_t index, const cnn_shape *inputs,
                                      const cnn_layer_spec *spec)
{
    const cnn__node *node = &model->nodes[index];
    const cnn__node *owner = &model->nodes[node->owner];
    bool same = spec->parameter_count == owner->parameter_count;
    for (uint32_t i = 0; same && i < spec->parameter_count; i++) {
        same = cnn__shape_equal(&spec->parameters[i].shape, &model->parameters[owner->first_parameter + i].shape);
    }
    char reason[320];
    if (node->owner != index) {
        snprintf(reason, sizeof(reason), "needs other parameters here than \"%.200s\" has, whose layer it applies",
                 owner->name);
    } else {
        snprintf(reason, sizeof(reason), "needs other parameters at this size than it was built with");
    }
    return same ? CNN_OK : fail_shape(model, index, inputs, node->input_count, CNN_ERROR_SHAPE, reason);
}

/* Several inputs are of the same rows. */
static cnn_status check_rows(const cnn_model *model, uint32_t index, const cnn_shape *inputs)
{
    const cnn__node *node = &model->nodes[index];
    for (uint32_t i = 1; i < node->input_count; i++) {
        if (inputs[i].dims[0] != inputs[0].dims[0]) {
            char reason[96];
            snprintf(reason, sizeof(reason), "a sample has %lld rows in the first and %lld in another",
                     (long long)inputs[0].dims[0], (long long)inputs[i].dims[0]);
            return fail_shape(model, index, inputs, node->input_count, CNN_ERROR_SHAPE, reason);
        }
    }
    return CNN_OK;
}

static cnn_status infer_node(cnn_model *model, uint32_t index, cnn_layer_spec *spec)
{
    cnn__node *node = &model->nodes[index];
    cnn_shape inputs[CNN_LAYER_MAX_INPUTS];
    for (uint32_t i = 0; i < node->input_count; i++) {
        const cnn_shape *sample = cnn__value_shape(model, node->inputs[i]);
        inputs[i] = cnn__value_rows(model, node->inputs[i]) == 1 ? cnn__with_batch(sample, 1) : *sample;
    }
    CNN__RETURN_IF_ERROR(check_rows(model, index, inputs));
    CNN__RETURN_IF_ERROR(
        cnn__infer_node(model, index, &node->layer->kind, node->layer->user, inputs, node->input_count, spec));
    node->output = cnn__sample_of(&spec->output, 1);
    node->rows = spec->output.dims[0];
    node->activity = spec->activity_regularizer;
    if (node->owner != index) {
        return cnn__infer_same_parameters(model, index, inputs, spec);
    }
    node->first_parameter = model->parameter_count;
    for (uint32_t i = 0; i < spec->parameter_count; i++) {
        CNN__RETURN_IF_ERROR(add_parameter(model, index, &spec->parameters[i], &spec->rules[i]));
    }
    return CNN_OK;
}

void cnn__model_forget_parameters(cnn_model *model)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__free(model->context, model->parameters[i].name);
    }
    cnn__free(model->context, model->parameters);
    cnn__table_free(&model->parameter_names);
    for (uint32_t i = 0; i < model->node_count; i++) { /* a further attempt begins as the first did */
        model->nodes[i].first_parameter = model->nodes[i].parameter_count = 0;
    }
    model->parameters = NULL;
    model->parameter_count = model->parameter_capacity = 0;
    model->value_count = model->storage_count = 0;
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
    cnn_layer_spec spec;
    for (uint32_t i = 0; i < model->node_count; i++) {
        cnn_status status = infer_node(model, i, &spec);
        if (status != CNN_OK) {
            cnn__model_forget_parameters(model);
            return status;
        }
    }
    return CNN_OK;
}
