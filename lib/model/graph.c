/* SPDX-License-Identifier: MIT */
/* Making and freeing a model, and building its graph: layers by name, added after the last one or after named ones. */
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "model/model.h"
#include "session/prepared.h"

/* Bytes of a model's name. */
#define MAX_NAME 255

static cnn_status take_input(cnn_context *context, cnn_model_options *options, cnn_shape *input)
{
    const int32_t *dims = options->input;
    const bool vector = dims[1] == 0 && dims[2] == 0;
    *input = dims[0] == 0 && options->shape.rank >= 1 && options->shape.rank < CNN_MAX_RANK
                 ? options->shape
                 : (cnn_shape){vector ? 1 : 3, 0, {dims[0], dims[1], dims[2]}};
    for (uint32_t i = 0; i < input->rank; i++) {
        if (input->dims[i] < 1 || input->dims[i] > (1 << 24)) {
            char text[128];
            cnn__shape_text(input, NULL, text, sizeof(text));
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "cnn_model_create: input is %s: height, width, channels or {n} are required, or 1 to %d "
                             "sizes as a shape",
                             text, CNN_MAX_RANK - 1);
        }
    }
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
    CNN__RETURN_IF_ERROR(take_input(context, &options, &input));
    cnn_model *model = cnn__alloc_zero(context, sizeof(*model));
    if (model == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->context = context;
    cnn__table_init(&model->names, context);
    cnn__table_init(&model->parameter_names, context);
    atomic_init(&model->references, 1);
    atomic_init(&model->version, 1);
    atomic_init(&model->touched, 1);
    pthread_mutex_init(&model->prepare_lock, NULL); /* with default attributes this cannot fail on Linux */
    model->name = cnn__name_text(context, options.name != NULL ? options.name : "model");
    cnn_status status = model->name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && strlen(model->name) > MAX_NAME) {
        status = cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_create: a name of %zu bytes, at most %d",
                           strlen(model->name), MAX_NAME); /* messages begin with it and have to end, too */
    }
    if (status == CNN_OK) {
        status = cnn_model_add_input(model, options.input_name != NULL ? options.input_name : CNN__INPUT_NAME, &input);
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

static void free_graph(cnn_model *model)
{
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
    for (uint32_t i = 0; i < model->input_count; i++) {
        cnn__free(context, model->inputs[i].name);
    }
    for (uint32_t i = 0; i < model->alias_count; i++) {
        if (model->aliases[i].layer != NULL) {
            cnn__layer_destroy(model->aliases[i].layer);
        }
        cnn__free(context, model->aliases[i].name);
    }
    cnn__table_free(&model->names);
    cnn__free(context, model->prefixes);
    cnn__free(context, model->nodes);
    cnn__free(context, model->inputs);
    cnn__free(context, model->aliases);
    cnn__free(context, model->outputs);
}

void cnn_model_free(cnn_model *model)
{
    if (model == NULL || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    cnn_context *context = model->context;
    free_graph(model);
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__free(context, model->parameters[i].name);
    }
    for (uint32_t i = 0; i < model->lender_count; i++) {
        cnn_model_free(model->lenders[i]);
    }
    cnn__model_free_classes(model);
    cnn__model_free_decision(model);
    cnn_pipeline_free(model->pipeline);
    pthread_mutex_destroy(&model->prepare_lock);
    cnn__prepared_free_scratch(model);
    cnn__table_free(&model->parameter_names);
    cnn__free(context, model->lenders);
    cnn__free(context, model->parameters);
    cnn__free(context, model->values);
    cnn__free(context, model->changes);
    cnn__free(context, model->message);
    cnn__free(context, model->name);
    cnn__free(context, model);
}

cnn_status cnn__model_remember(cnn_model *model, cnn_status status)
{
    if (model->status == CNN_OK) {
        model->status = status;
        model->message = cnn__strdup(model->context, cnn_last_error(model->context));
    }
    return model->status;
}

bool cnn__model_find(const cnn_model *model, const char *name, uint32_t *reference)
{
    size_t number = 0;
    const bool found = cnn__table_find(&model->names, name, &number);
    *reference = found ? (uint32_t)number : *reference;
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
static char *automatic_name(cnn_model *model, const cnn_layer *layer)
{
    cnn__prefix *prefix = find_prefix(model, layer->kind.prefix);
    const size_t size = strlen(layer->kind.prefix) + 12;
    char *name = prefix != NULL ? cnn__alloc(model->context, size) : NULL;
    if (name == NULL) {
        return NULL;
    }
    /* Numbers from the one after its kind's layers to the last one given are taken. */
    uint32_t number = prefix->layers < prefix->given ? prefix->given : prefix->layers, reference = 0;
    do {
        snprintf(name, size, "%s_%u", prefix->prefix, ++number);
    } while (cnn__model_find(model, name, &reference)); /* a caller may have given that name */
    prefix->given = number;
    return name;
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

cnn_status cnn__model_append(cnn_model *model, cnn_layer *layer, char *name, uint32_t owner, const uint32_t *inputs,
                             uint32_t input_count)
{
    const uint32_t number = model->node_count;
    cnn__prefix *prefix = find_prefix(model, layer->kind.prefix);
    cnn_status status = name != NULL && prefix != NULL ? grow_nodes(model) : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = cnn__table_add(&model->names, name, number);
    }
    if (status != CNN_OK) {
        cnn__free(model->context, name);
        return status;
    }
    cnn__node *node = &model->nodes[model->node_count++];
    *node = (cnn__node){.layer = layer, .name = name, .input_count = input_count};
    layer->added = true;
    prefix->layers += strchr(name, '/') == NULL; /* those of a model inside have numbers of their own */
    node->owner = owner == CNN__NO_NODE ? number : owner;
    memcpy(node->inputs, inputs, input_count * sizeof(*inputs));
    model->last = number;
    return CNN_OK;
}

/* Whether a model can have a further layer of that name, which may be NULL. */
static cnn_status check_open(const cnn_model *model, const char *name)
{
    uint32_t reference;
    if (model->status != CNN_OK) {
        return model->status;
    }
    if (model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: a layer is added to a built model", model->name);
    }
    if (name != NULL && cnn__model_find(model, name, &reference)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: two layers are named \"%s\"", model->name,
                         name);
    }
    return CNN_OK;
}

static cnn_status check_addable(const cnn_model *model, const cnn_layer *layer)
{
    if (model->status != CNN_OK) {
        return model->status;
    }
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
    return check_open(model, layer->name);
}

/* The references that a new layer reads: those named, or the value added last. */
static cnn_status resolve_inputs(const cnn_model *model, const char *const *names, size_t count, uint32_t *references)
{
    references[0] = model->last;
    if (names == NULL) {
        return CNN_OK;
    }
    if (count < 1 || count > CNN_LAYER_MAX_INPUTS) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a layer has 1 to %d inputs, not %zu",
                         model->name, CNN_LAYER_MAX_INPUTS, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL) {
            return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: the name of input %zu is NULL",
                             model->name, i);
        }
        if (!cnn__model_find(model, names[i], &references[i])) {
            return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\" to add one after",
                             model->name, names[i]);
        }
    }
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

static cnn_status add_after(cnn_model *model, cnn_layer *layer, const char *const *inputs, size_t input_count)
{
    uint32_t references[CNN_LAYER_MAX_INPUTS];
    const uint32_t count = inputs == NULL ? 1 : (uint32_t)input_count;
    CNN__RETURN_IF_ERROR(check_addable(model, layer));
    CNN__RETURN_IF_ERROR(resolve_inputs(model, inputs, input_count, references));
    if (layer->inner != NULL) {
        return cnn__model_expand(model, layer, layer->name, references, count);
    }
    char *name = layer->name != NULL ? cnn__strdup(model->context, layer->name) : automatic_name(model, layer);
    return cnn__model_append(model, layer, name, CNN__NO_NODE, references, count);
}

cnn_status cnn_model_add_after(cnn_model *model, cnn_layer *layer, const char *const *inputs, size_t input_count)
{
    if (model == NULL) {
        cnn_layer_free(layer); /* it belongs to this call as always */
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_status status = add_after(model, layer, inputs, input_count);
    if (status != CNN_OK) {
        (void)cnn__model_remember(model, status); /* which is told already */
        refuse(model, layer);
        return model->status;
    }
    return CNN_OK;
}

cnn_status cnn_model_add(cnn_model *model, cnn_layer *layer) { return cnn_model_add_after(model, layer, NULL, 0); }

/* What is to be applied again: a layer that stands for a model, or *node. */
static cnn_status find_layer(const cnn_model *model, const char *name, cnn_layer **layer, uint32_t *node)
{
    *layer = name != NULL ? cnn__model_find_inner(model, name) : NULL;
    if (*layer != NULL) {
        return CNN_OK;
    }
    if (name == NULL || !cnn__model_find(model, name, node) || (*node & CNN__INPUT) != 0) {
        return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\" to apply again",
                         model->name, name != NULL ? name : "");
    }
    *layer = model->nodes[*node].layer;
    return CNN_OK;
}

/* Appends a node that applies a layer which is there already. */
static cnn_status append_shared(cnn_model *model, cnn_layer *layer, char *name, uint32_t owner,
                                const uint32_t *references, uint32_t count)
{
    cnn_status status = cnn__model_append(model, cnn__layer_retain(layer), name, owner, references, count);
    if (status != CNN_OK) {
        cnn__layer_destroy(layer);
    }
    return status;
}

static cnn_status apply(cnn_model *model, const char *layer_name, const char *name, const char *const *inputs,
                        size_t input_count)
{
    uint32_t references[CNN_LAYER_MAX_INPUTS], node = 0;
    const uint32_t count = inputs == NULL ? 1 : (uint32_t)input_count;
    cnn_layer *layer = NULL;
    CNN__RETURN_IF_ERROR(check_open(model, name));
    CNN__RETURN_IF_ERROR(find_layer(model, layer_name, &layer, &node));
    CNN__RETURN_IF_ERROR(cnn__check_name(model->context, "cnn_model_apply", name));
    CNN__RETURN_IF_ERROR(resolve_inputs(model, inputs, input_count, references));
    if (layer->inner != NULL) {
        if (name == NULL) {
            return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a model applied again needs a name",
                             model->name);
        }
        cnn_status status = cnn__model_expand(model, cnn__layer_retain(layer), name, references, count);
        if (status != CNN_OK) {
            cnn__layer_destroy(layer);
        }
        return status;
    }
    char *copy = name != NULL ? cnn__strdup(model->context, name) : automatic_name(model, layer);
    return append_shared(model, layer, copy, model->nodes[node].owner, references, count);
}

cnn_status cnn_model_apply(cnn_model *model, const char *layer, const char *name, const char *const *inputs,
                           size_t input_count)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_status status = apply(model, layer, name, inputs, input_count);
    return status == CNN_OK ? CNN_OK : cnn__model_remember(model, status);
}

/* Names of layers inside other models have those models' names before them. */
bool cnn__model_is_path(const char *name)
{
    const char *end = strchr(name, '/');
    bool plain = strlen(name) < CNN__MAX_NAME;
    while (plain && end != NULL) {
        plain = cnn__is_plain_name(name, (size_t)(end - name));
        name = end + 1;
        end = strchr(name, '/');
    }
    return plain && cnn__is_plain_name(name, strlen(name));
}

static cnn_status check_named(const cnn_model *model, const char *name, const char *const *inputs, size_t input_count,
                              uint32_t *references)
{
    CNN__RETURN_IF_ERROR(check_open(model, name));
    if (!cnn__model_is_path(name)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: the name of a layer is not of plain parts",
                         model->name);
    }
    return resolve_inputs(model, inputs, input_count, references);
}

static cnn_status add_named(cnn_model *model, cnn_layer *layer, const char *name, const char *shares,
                            const char *const *inputs, size_t input_count)
{
    uint32_t references[CNN_LAYER_MAX_INPUTS], node = 0;
    CNN__RETURN_IF_ERROR(check_named(model, name, inputs, input_count, references));
    char *copy = cnn__strdup(model->context, name);
    if (shares == NULL) {
        return cnn__model_append(model, layer, copy, CNN__NO_NODE, references, (uint32_t)input_count);
    }
    cnn_status status = find_layer(model, shares, &layer, &node);
    if (status != CNN_OK) {
        cnn__free(model->context, copy);
        return status;
    }
    return append_shared(model, layer, copy, model->nodes[node].owner, references, (uint32_t)input_count);
}

cnn_status cnn__model_add_named(cnn_model *model, cnn_layer *layer, const char *name, const char *shares,
                                const char *const *inputs, size_t input_count)
{
    cnn_status status = add_named(model, layer, name, shares, inputs, input_count);
    if (status != CNN_OK) {
        (void)cnn__model_remember(model, status); /* which is told already */
        refuse(model, layer);
    }
    return status == CNN_OK ? CNN_OK : model->status;
}
