/* SPDX-License-Identifier: MIT */
/* Models made of models: one used as a layer inside another, and the part of one up to a layer.
 *
 * Both copy nodes. Layers are shared by reference, since nothing writes to them; parameters are borrowed from the model
 * that has them, if it is built. So a network inside another is ordinary layers to whoever compiles, fuses, saves or
 * trains it, and only names tell where they came from. */
#include <stdio.h>
#include <string.h>

#include "model/model.h"

static void release(void *model) { cnn_model_free(model); }

cnn_layer *cnn_model_as_layer(cnn_context *context, cnn_model *model, const char *name)
{
    if (context == NULL) {
        return NULL;
    }
    if (model == NULL) {
        cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_as_layer: no model given");
        return NULL;
    }
    name = name != NULL ? name : model->name;
    if (model->status != CNN_OK) {
        cnn__fail(context, model->status, "%s", model->message != NULL ? model->message : "out of memory");
        return NULL;
    }
    if (model->context != context) {
        cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_as_layer: \"%s\" is of another context", name);
        return NULL;
    }
    if (cnn__check_name(context, "cnn_model_as_layer", name) != CNN_OK) {
        return NULL;
    }
    return cnn__layer_create_inner(context, cnn__model_retain(model), release, name);
}

/* A copy of part of a model's graph. */
typedef struct copying {
    cnn_model *to;
    cnn_model *from;
    const char *prefix; /* of names; NULL: none */
    bool *needed;       /* node of `from` -> the copy has it */
    uint32_t *nodes;    /* node of `from` -> node of `to` */
    uint32_t *inputs;   /* input of `from` -> reference in `to` */
    uint32_t first;     /* node of `to` with which the copy begins */
    uint32_t twin;      /* where an earlier copy of the same nodes begins in `to`; CNN__NO_NODE: there is none */
} copying;

static bool open_copy(copying *c)
{
    cnn_context *context = c->to->context;
    c->needed = cnn__alloc_zero(context, c->from->node_count * sizeof(bool));
    c->nodes = cnn__alloc_array(context, c->from->node_count, sizeof(*c->nodes));
    c->inputs = cnn__alloc_array(context, c->from->input_count, sizeof(*c->inputs));
    return c->needed != NULL && c->nodes != NULL && c->inputs != NULL;
}

static void close_copy(copying *c)
{
    cnn__free(c->to->context, c->needed);
    cnn__free(c->to->context, c->nodes);
    cnn__free(c->to->context, c->inputs);
}

static void need(copying *c, uint32_t reference)
{
    if ((reference & CNN__INPUT) == 0) {
        c->needed[reference] = true;
    }
}

/* A node needs what it reads, and the node that owns its layer's parameters. */
static void find_needed(copying *c)
{
    for (uint32_t i = c->from->node_count; i-- > 0;) {
        const cnn__node *node = &c->from->nodes[i];
        for (uint32_t k = 0; c->needed[i] && k < node->input_count; k++) {
            need(c, node->inputs[k]);
        }
        if (c->needed[i]) {
            need(c, node->owner);
        }
    }
}

static uint32_t copied(const copying *c, uint32_t reference)
{
    return (reference & CNN__INPUT) != 0 ? c->inputs[reference & ~CNN__INPUT] : c->nodes[reference];
}

static char *copied_name(const copying *c, const char *name)
{
    const size_t size = strlen(name) + (c->prefix != NULL ? strlen(c->prefix) : 0) + 2;
    char *text = cnn__alloc(c->to->context, size);
    if (text != NULL) {
        snprintf(text, size, "%s%s%s", c->prefix != NULL ? c->prefix : "", c->prefix != NULL ? "/" : "", name);
    }
    return text;
}

static cnn_status copy_node(copying *c, uint32_t index)
{
    const cnn__node *node = &c->from->nodes[index];
    const uint32_t number = c->to->node_count;
    const uint32_t owner = c->twin != CNN__NO_NODE ? c->to->nodes[c->twin + number - c->first].owner
                           : node->owner == index  ? CNN__NO_NODE
                                                   : c->nodes[node->owner];
    uint32_t inputs[CNN_LAYER_MAX_INPUTS];
    for (uint32_t i = 0; i < node->input_count; i++) {
        inputs[i] = copied(c, node->inputs[i]);
    }
    c->nodes[index] = number;
    cnn_status status = cnn__model_append(c->to, cnn__layer_retain(node->layer), copied_name(c, node->name), owner,
                                          inputs, node->input_count);
    if (status != CNN_OK) {
        cnn__layer_destroy(node->layer);
        return status;
    }
    c->to->nodes[number].lender = c->from->built ? c->from : node->lender;
    c->to->nodes[number].lender_node = c->from->built ? node->owner : node->lender_node;
    return CNN_OK;
}

static cnn_status add_lender(cnn_model *model, cnn_model *lender)
{
    for (uint32_t i = 0; i < model->lender_count; i++) {
        if (model->lenders[i] == lender) {
            return CNN_OK;
        }
    }
    cnn_model **grown = cnn__realloc(model->context, model->lenders, (model->lender_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->lenders = grown;
    model->lenders[model->lender_count++] = cnn__model_retain(lender);
    return CNN_OK;
}

/* A lender's own lenders are lenders too: what is borrowed may be theirs. */
static cnn_status copy_lenders(copying *c)
{
    for (uint32_t i = 0; i < c->from->lender_count; i++) {
        CNN__RETURN_IF_ERROR(add_lender(c->to, c->from->lenders[i]));
    }
    return c->from->built ? add_lender(c->to, c->from) : CNN_OK;
}

/* Names of models inside, as far as their values are here. */
static cnn_status copy_aliases(copying *c)
{
    for (uint32_t i = 0; i < c->from->alias_count; i++) {
        const cnn__alias *alias = &c->from->aliases[i];
        if ((alias->reference & CNN__INPUT) != 0 || c->needed[alias->reference]) {
            CNN__RETURN_IF_ERROR(cnn__model_alias(c->to, copied_name(c, alias->name), copied(c, alias->reference)));
        }
    }
    return CNN_OK;
}

static cnn_status copy_graph(copying *c)
{
    CNN__RETURN_IF_ERROR(copy_lenders(c));
    c->first = c->to->node_count;
    for (uint32_t i = 0; i < c->from->node_count; i++) {
        if (c->needed[i]) {
            CNN__RETURN_IF_ERROR(copy_node(c, i));
        }
    }
    return copy_aliases(c);
}

cnn_status cnn__model_alias(cnn_model *model, char *name, uint32_t reference)
{
    cnn_context *context = model->context;
    cnn__alias *grown = name == NULL ? NULL
                                     : cnn__realloc(context, model->aliases, (model->alias_count + 1) * sizeof(*grown));
    model->aliases = grown != NULL ? grown : model->aliases;
    if (grown == NULL || cnn__table_add(&model->names, name, reference) != CNN_OK) {
        cnn__free(context, name);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    model->aliases[model->alias_count++] = (cnn__alias){.name = name, .reference = reference};
    return CNN_OK;
}

cnn_layer *cnn__model_find_inner(const cnn_model *model, const char *name)
{
    for (uint32_t i = 0; i < model->alias_count; i++) {
        if (strcmp(model->aliases[i].name, name) == 0) {
            return model->aliases[i].layer;
        }
    }
    return NULL;
}

static const cnn__alias *find_twin(const cnn_model *model, const cnn_model *inner)
{
    for (uint32_t i = 0; i < model->alias_count; i++) {
        const cnn_layer *layer = model->aliases[i].layer;
        if (layer != NULL && layer->inner == inner) {
            return &model->aliases[i];
        }
    }
    return NULL;
}

/* Names the first output after the inner model itself, and makes it what the next layer reads. */
static cnn_status end_expansion(copying *c, cnn_layer *layer)
{
    const uint32_t output = copied(c, cnn__model_output(c->from, 0));
    CNN__RETURN_IF_ERROR(cnn__model_alias(c->to, cnn__strdup(c->to->context, c->prefix), output));
    cnn__alias *alias = &c->to->aliases[c->to->alias_count - 1];
    layer->added = true;
    alias->layer = layer;
    alias->first_node = c->first;
    alias->node_count = c->to->node_count - c->first;
    c->to->last = output;
    return CNN_OK;
}

static cnn_status check_expansion(const copying *c, uint32_t input_count)
{
    cnn_context *context = c->to->context;
    if (c->from->status != CNN_OK || c->from->node_count == 0) {
        return cnn__fail(context, CNN_ERROR_STATE, "%s: the model \"%s\" has no layers", c->to->name, c->prefix);
    }
    if (c->from == c->to) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: a model cannot be a layer of itself", c->to->name);
    }
    if (c->from->input_count != input_count) {
        return cnn__fail(context, CNN_ERROR_SHAPE, "%s: layer \"%s\" (Model) has %u inputs, not %u", c->to->name,
                         c->prefix, c->from->input_count, input_count);
    }
    return CNN_OK;
}

/* How many nodes will be copied. */
static uint32_t needed_count(const copying *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->from->node_count; i++) {
        count += c->needed[i];
    }
    return count;
}

static cnn_status expand(copying *c, cnn_layer *layer, const uint32_t *inputs, uint32_t input_count)
{
    const cnn__alias *twin = find_twin(c->to, c->from);
    memcpy(c->inputs, inputs, input_count * sizeof(*inputs));
    for (uint32_t i = 0; i < cnn__model_outputs(c->from); i++) {
        need(c, cnn__model_output(c->from, i));
    }
    find_needed(c);
    c->twin = twin != NULL ? twin->first_node : CNN__NO_NODE;
    if (twin != NULL && twin->node_count != needed_count(c)) {
        return cnn__fail(c->to->context, CNN_ERROR_STATE,
                         "%s: the model \"%s\" has changed since it was added as \"%s\"", c->to->name, c->from->name,
                         twin->name);
    }
    CNN__RETURN_IF_ERROR(copy_graph(c));
    return end_expansion(c, layer);
}

cnn_status cnn__model_expand(cnn_model *model, cnn_layer *layer, const char *name, const uint32_t *inputs,
                             uint32_t input_count)
{
    copying c = {.to = model, .from = layer->inner, .prefix = name};
    CNN__RETURN_IF_ERROR(check_expansion(&c, input_count));
    cnn_status status = open_copy(&c) ? expand(&c, layer, inputs, input_count) : CNN_ERROR_OUT_OF_MEMORY;
    close_copy(&c);
    return status;
}

/* Marks in c->inputs which of the model's inputs the part reads: 0, and UINT32_MAX for the others. Returns the
 * first. */
static uint32_t mark_inputs(copying *c)
{
    const cnn_model *from = c->from;
    uint32_t first = UINT32_MAX;
    memset(c->inputs, 0xff, from->input_count * sizeof(*c->inputs));
    for (uint32_t i = 0; i < from->node_count; i++) {
        for (uint32_t k = 0; c->needed[i] && k < from->nodes[i].input_count; k++) {
            const uint32_t reference = from->nodes[i].inputs[k], input = reference & ~CNN__INPUT;
            if ((reference & CNN__INPUT) != 0) {
                c->inputs[input] = 0;
                first = input < first ? input : first;
            }
        }
    }
    return first;
}

/* They keep their names; the first one is there already. */
static cnn_status copy_inputs(copying *c, uint32_t first)
{
    c->inputs[first] = CNN__INPUT;
    for (uint32_t i = first + 1; i < c->from->input_count; i++) {
        if (c->inputs[i] == 0) {
            c->inputs[i] = CNN__INPUT | c->to->input_count;
            CNN__RETURN_IF_ERROR(cnn_model_add_input(c->to, c->from->inputs[i].name, &c->from->inputs[i].shape));
        }
    }
    return CNN_OK;
}

static cnn_status create_cut(copying *c, uint32_t node)
{
    c->needed[node] = true;
    find_needed(c);
    const uint32_t first = mark_inputs(c);
    const cnn__input *input = &c->from->inputs[first];
    const cnn_model_options options = {
        .struct_size = sizeof(options), .name = c->from->name, .shape = input->shape, .input_name = input->name};
    cnn_context *context = c->from->context;
    CNN__RETURN_IF_ERROR(cnn_model_create(context, &options, &c->to));
    CNN__RETURN_IF_ERROR(copy_inputs(c, first));
    CNN__RETURN_IF_ERROR(copy_graph(c));
    c->to->last = c->nodes[node];
    return first == 0 && c->to->input_count == 1 ? cnn_model_set_pipeline(c->to, c->from->pipeline) : CNN_OK;
}

cnn_status cnn_model_cut(cnn_model *model, const char *layer, cnn_model **part)
{
    uint32_t node = 0;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (part == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no place for the new model", model->name);
    }
    *part = NULL;
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    if (layer == NULL || !cnn__model_find(model, layer, &node) || (node & CNN__INPUT) != 0) {
        return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"", model->name,
                         layer != NULL ? layer : "");
    }
    copying c = {.to = model, .from = model, .twin = CNN__NO_NODE};
    cnn_status status = open_copy(&c) ? create_cut(&c, node) : CNN_ERROR_OUT_OF_MEMORY;
    if (status != CNN_OK) {
        if (c.to != model) {
            cnn_model_free(c.to);
        }
        c.to = model;
    } else {
        *part = c.to;
    }
    close_copy(&c);
    return status;
}
