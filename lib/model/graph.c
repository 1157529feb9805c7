/* SPDX-License-Identifier: MIT */
/* Building the graph: layers by name, added one behind the other or behind named ones. */
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "model/model.h"
#include "pipeline/pipeline.h"

/* Bytes of a model's name. */
#define MAX_NAME 255

static cnn_status set_input(cnn_context *context, cnn_model_options *options, cnn_shape *input)
{
    int32_t *dims = options->input;
    bool by_shape = dims[0] == 0 && options->shape.rank <= 3;
    for (uint32_t i = 0; by_shape && i < options->shape.rank; i++) {
        int64_t size = options->shape.dims[i];
        dims[i] = size > 0 && size <= INT32_MAX ? (int32_t)size : -1;
    }
    bool vector = dims[1] == 0 && dims[2] == 0;
    for (int i = 0; i < (vector ? 1 : 3); i++) {
        if (dims[i] < 1 || dims[i] > (1 << 24)) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "cnn_model_create: input is {%d, %d, %d}: height, width, channels or {n} are required",
                             dims[0], dims[1], dims[2]);
        }
    }
    *input = (cnn_shape){vector ? 1 : 3, 0, {dims[0], dims[1], dims[2]}};
    return CNN_OK;
}

cnn_status cnn_model_create(cnn_context *context, const cnn_model_options *given, cnn_model **out)
{
    cnn_model_options options;
    cnn_shape input = {0};
    if (out == NULL || context == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_create: no place for the model");
    }
    *out = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_model_create", given, &options, sizeof(options)));
    CNN__RETURN_IF_ERROR(set_input(context, &options, &input));
    cnn_model *model = cnn__alloc_zero(context, sizeof(*model));
    if (model == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->context = context;
    model->input = input;
    cnn__table_init(&model->names, context);
    cnn__table_init(&model->parameter_names, context);
    atomic_init(&model->references, 1);
    atomic_init(&model->version, 1);
    pthread_mutex_init(&model->prepare_lock, NULL); /* with default attributes this cannot fail on Linux */
    model->name = cnn__name_text(context, options.name != NULL ? options.name : "model");
    cnn_status status = model->name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && strlen(model->name) > MAX_NAME) {
        status = cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_create: a name of %zu bytes, at most %d",
                           strlen(model->name), MAX_NAME); /* messages begin with it and have to end, too */
    }
    if (status != CNN_OK) {
        cnn_model_free(model);
        return status;
    }
    *out = model;
    return CNN_OK;
}

cnn_model *cnn__model_retain(cnn_model *model)
{
    atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

static void free_classes(cnn_model *model)
{
    for (size_t i = 0; i < model->class_count; i++) {
        cnn__free(model->context, model->classes[i]);
    }
    cnn__free(model->context, model->classes);
    model->classes = NULL;
    model->class_count = 0;
}

void cnn_model_free(cnn_model *model)
{
    if (model == NULL || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cnn_context *context = model->context;
    while (model->refused != NULL) {
        cnn_layer *next = model->refused->next;
        cnn__layer_destroy(model->refused);
        model->refused = next;
    }
    for (uint32_t i = 0; i < model->node_count; i++) {
        cnn__layer_destroy(model->nodes[i].layer);
        cnn__free(context, model->nodes[i].name);
    }
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__free(context, model->parameters[i].name);
    }
    cnn__table_free(&model->names);
    cnn__table_free(&model->parameter_names);
    cnn__free(context, model->prefixes);
    free_classes(model);
    cnn_pipeline_free(model->pipeline);
    pthread_mutex_destroy(&model->prepare_lock);
    cnn__free(context, model->prepare_scratch);
    cnn__free(context, model->nodes);
    cnn__free(context, model->parameters);
    cnn__free(context, model->values);
    cnn__free(context, model->message);
    cnn__free(context, model->name);
    cnn__free(context, model);
}

/* Keeps the first error with the message that the failing call left. */
static cnn_status remember(cnn_model *model, cnn_status status)
{
    if (model->status == CNN_OK) {
        model->status = status;
        model->message = cnn__strdup(model->context, cnn_last_error(model->context));
    }
    return model->status;
}

static bool find_node(const cnn_model *model, const char *name, uint32_t *value)
{
    if (strcmp(name, "input") == 0) {
        *value = 0;
        return true;
    }
    size_t number = 0;
    const bool found = cnn__table_find(&model->names, name, &number);
    *value = (uint32_t)number;
    return found;
}

/* What is known of the names of this kind; kinds are few. NULL without memory. */
static cnn__prefix *find_prefix(cnn_model *model, const char *prefix)
{
    for (uint32_t i = 0; i < model->prefix_count; i++) {
        if (strcmp(model->prefixes[i].prefix, prefix) == 0) {
            return &model->prefixes[i];
        }
    }
    cnn__prefix *grown = cnn__realloc(model->context, model->prefixes, (model->prefix_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return NULL;
    }
    model->prefixes = grown;
    grown[model->prefix_count] = (cnn__prefix){prefix, 0, 0};
    return &grown[model->prefix_count++];
}

/* "conv2d_3": the layer's kind and its number among those of its kind in this model. */
static char *automatic_name(cnn_model *model, cnn__prefix *prefix)
{
    /* Numbers from the one after its kind's layers to the last one given are taken. */
    uint32_t number = prefix->layers < prefix->given ? prefix->given : prefix->layers, value;
    size_t size = strlen(prefix->prefix) + 12;
    char *name = cnn__alloc(model->context, size);
    if (name == NULL) {
        return NULL;
    }
    do {
        snprintf(name, size, "%s_%u", prefix->prefix, ++number);
    } while (find_node(model, name, &value)); /* a caller may have given that name */
    prefix->given = number;
    return name;
}

/* Names a node, and enters the name as that of the next value. */
static cnn_status name_node(cnn_model *model, cnn__node *node)
{
    const cnn_layer *layer = node->layer;
    cnn__prefix *prefix = find_prefix(model, layer->kind.prefix);
    if (prefix == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    node->name = layer->name != NULL ? cnn__strdup(model->context, layer->name) : automatic_name(model, prefix);
    if (node->name == NULL || cnn__table_add(&model->names, node->name, (size_t)model->node_count + 1) != CNN_OK) {
        cnn__free(model->context, node->name);
        return CNN_ERROR_OUT_OF_MEMORY; /* the name is new */
    }
    prefix->layers++;
    return CNN_OK;
}

static cnn_status grow_nodes(cnn_model *model)
{
    if (model->node_count < model->node_capacity) {
        return CNN_OK;
    }
    if (model->node_count >= CNN__MAX_LAYERS) {
        return cnn__fail(model->context, CNN_ERROR_LIMIT, "%s: more than %d layers", model->name, CNN__MAX_LAYERS);
    }
    uint32_t capacity = model->node_capacity == 0 ? 16 : 2 * model->node_capacity;
    cnn__node *nodes = cnn__realloc(model->context, model->nodes, capacity * sizeof(*nodes));
    if (nodes == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->nodes = nodes;
    model->node_capacity = capacity;
    return CNN_OK;
}

static cnn_status check_addable(const cnn_model *model, const cnn_layer *layer)
{
    uint32_t value;
    if (layer == NULL) {
        /* The constructor's own message is already the last error. */
        cnn_status status = cnn__last_status(model->context);
        return status != CNN_OK
                   ? status
                   : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a layer is NULL", model->name);
    }
    if (layer->added) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a layer (%s) is added that was added before",
                         model->name, layer->kind.type);
    }
    if (layer->context != model->context) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a layer (%s) of another context", model->name,
                         layer->kind.type);
    }
    if (model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: a layer is added to a built model", model->name);
    }
    if (layer->name != NULL && find_node(model, layer->name, &value)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: two layers are named \"%s\"", model->name,
                         layer->name);
    }
    return CNN_OK;
}

static cnn_status resolve_inputs(const cnn_model *model, const char *const *inputs, size_t count, cnn__node *node)
{
    if (count < 1 || count > CNN_LAYER_MAX_INPUTS) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a layer has 1 to %d inputs, not %zu",
                         model->name, CNN_LAYER_MAX_INPUTS, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (inputs[i] == NULL) {
            return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: the name of input %zu is NULL",
                             model->name, i);
        }
        if (!find_node(model, inputs[i], &node->inputs[i])) {
            return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\" to add one behind",
                             model->name, inputs[i]);
        }
    }
    node->input_count = (uint32_t)count;
    return CNN_OK;
}

/* Takes a layer over that cannot be added. One of another context goes at once: it may not outlive that. */
static void refuse(cnn_model *model, cnn_layer *layer)
{
    if (layer != NULL && !layer->added && layer->context != model->context) {
        cnn__layer_destroy(layer);
    } else if (layer != NULL && !layer->added) {
        layer->added = true;
        layer->next = model->refused;
        model->refused = layer;
    }
}

cnn_status cnn_model_add_after(cnn_model *model, cnn_layer *layer, const char *const *inputs, size_t input_count)
{
    if (model == NULL) {
        cnn_layer_free(layer); /* it belongs to this call as always */
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn__node node = {.layer = layer, .input_count = 1, .inputs = {model->node_count}};
    cnn_status status = model->status != CNN_OK ? model->status : check_addable(model, layer);
    if (status == CNN_OK && inputs != NULL) {
        status = resolve_inputs(model, inputs, input_count, &node);
    }
    if (status == CNN_OK) {
        status = grow_nodes(model);
    }
    if (status == CNN_OK) {
        status = name_node(model, &node);
    }
    if (status != CNN_OK) {
        remember(model, status);
        refuse(model, layer);
        return model->status;
    }
    layer->added = true;
    model->nodes[model->node_count++] = node;
    return CNN_OK;
}

cnn_status cnn_model_add(cnn_model *model, cnn_layer *layer) { return cnn_model_add_after(model, layer, NULL, 0); }

cnn_status cnn_model_set_classes(cnn_model *model, const char *const *classes, size_t count)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_context *context = model->context;
    cnn_shape output = cnn_model_output_shape(model);
    size_t outputs = 0;
    for (size_t i = 0; i < count; i++) {
        if (classes == NULL || classes[i] == NULL) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: the name of class %zu is NULL", model->name, i);
        }
    }
    if (model->built && cnn__shape_values(&output, &outputs) && outputs != count && !(outputs == 1 && count == 2)) {
        return cnn__fail(context, CNN_ERROR_MISMATCH, "%s: %zu class names for %zu outputs", model->name, count,
                         outputs);
    }
    char **copies = cnn__alloc_array(context, count, sizeof(*copies));
    size_t done = 0;
    while (copies != NULL && done < count && (copies[done] = cnn__name_text(context, classes[done])) != NULL) {
        done++;
    }
    if (copies == NULL || done < count) {
        while (copies != NULL && done > 0) {
            cnn__free(context, copies[--done]);
        }
        cnn__free(context, copies);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    free_classes(model);
    model->classes = copies;
    model->class_count = count;
    return CNN_OK;
}

/* Whether an input that is a vector can take such images value by value; `shape` is of one channel. */
static bool gives_vector(const cnn_shape *shape, const cnn_shape *input)
{
    size_t values = 0;
    return input->rank == 1 && cnn__shape_values(shape, &values) &&
           ((uint64_t)input->dims[0] == values || (uint64_t)input->dims[0] == 3 * (uint64_t)values);
}

cnn_status cnn_model_set_pipeline(cnn_model *model, const cnn_pipeline *pipeline)
{
    cnn_pipeline *copy = NULL;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (pipeline != NULL) {
        cnn_shape shape = cnn_pipeline_output_shape(pipeline,
                                                    model->input.rank == 3 ? (uint32_t)model->input.dims[2] : 1);
        if (cnn__pipeline_views(pipeline) > 1 && shape.rank > 0) {
            shape = cnn__without_batch(&shape); /* of one view */
        }
        if (shape.rank != 0 && !cnn__shape_equal(&shape, &model->input) && !gives_vector(&shape, &model->input)) {
            char given[64], wanted[64];
            cnn__shape_text(&shape, NULL, given, sizeof(given));
            cnn__shape_text(&model->input, NULL, wanted, sizeof(wanted));
            return cnn__fail(model->context, CNN_ERROR_SHAPE, "%s: the pipeline gives %s, the input is %s", model->name,
                             given, wanted);
        }
        CNN__RETURN_IF_ERROR(cnn_pipeline_create(model->context, cnn_pipeline_text(pipeline), &copy));
    }
    cnn_pipeline_free(model->pipeline);
    model->pipeline = copy;
    return CNN_OK;
}
