/* SPDX-License-Identifier: MIT */
/* The graph of a functional model: layers applied to what other layers made, in the three notations that there have
 * been, in an order in which each comes after what it reads. */
#include <stdio.h>
#include <string.h>

#include "exchange/keras_graph.h"
#include "model/model.h"

/* One application of a layer. */
typedef struct call {
    uint32_t layer;
    const cnn__json *inputs; /* what it reads, in the file's notation; NULL: nothing, it is an input */
    const char **values;     /* what it made, by our names; NULL: not yet */
    size_t value_count;
    bool open; /* being worked on: met again it closes a cycle */
} call;

/* A functional model, or a part of one. */
typedef struct graph {
    cnn__keras *keras;
    const char *prefix; /* of our names: "vgg16/"; "" at the top */
    const char *shares; /* of the first application of this model; NULL: this is it */
    cnn__keras_layer *layers;
    uint32_t *first_calls; /* of each layer; one more at the end */
    size_t layer_count;
    call *calls;
    size_t call_count;
    cnn__table names;          /* of layers */
    const char *const *inputs; /* what stands for the inputs; NULL: they are the model's own */
    size_t input_count, next_input;
} graph;

/* ---- what a layer reads ---- */

typedef struct reference {
    const char *layer;
    int64_t call, value;
} reference;

/* ["conv1", 0, 0] with or without further arguments. */
static bool read_reference(const cnn__json *list, reference *r)
{
    const cnn__json *name = cnn__json_first(list);
    const cnn__json *number = name != NULL && cnn__json_count(list) >= 3 ? cnn__json_next(list, name) : NULL;
    r->layer = cnn__json_text(name);
    return r->layer != NULL && number != NULL && cnn__json_to_int(number, &r->call) &&
           cnn__json_to_int(cnn__json_next(list, number), &r->value);
}

typedef struct references {
    reference list[CNN__KERAS_VALUES];
    size_t count;
} references;

/* Keras 3's arguments: tensors, and lists of them; the depth is the document's. */
static bool add_tensors(const cnn__json *json, references *r)
{
    const char *class_name = cnn__json_text(cnn__json_get(json, "class_name"));
    if (class_name != NULL && strcmp(class_name, "__keras_tensor__") == 0) {
        const cnn__json *history = cnn__json_get(cnn__json_get(json, "config"), "keras_history");
        return r->count < CNN__KERAS_VALUES && read_reference(history, &r->list[r->count++]);
    }
    bool good = cnn__json_is(json, CNN__JSON_ARRAY) || cnn__json_is(json, CNN__JSON_NULL);
    for (const cnn__json *item = cnn__json_first(json); item != NULL && good; item = cnn__json_next(json, item)) {
        good = add_tensors(item, r);
    }
    return good;
}

/* All that one application reads. */
static cnn_status read_references(const graph *g, const call *c, references *r)
{
    const cnn__json *inputs = c->inputs;
    bool good = true;
    r->count = 0;
    if (cnn__json_is(inputs, CNN__JSON_OBJECT)) {
        good = add_tensors(cnn__json_get(inputs, "args"), r);
    } else {
        for (const cnn__json *item = cnn__json_first(inputs); item != NULL && good;
             item = cnn__json_next(inputs, item)) {
            good = r->count < CNN__KERAS_VALUES && read_reference(item, &r->list[r->count++]);
        }
    }
    return good && r->count > 0
               ? CNN_OK
               : cnn__keras_fail(g->keras, &g->layers[c->layer], CNN_ERROR_UNSUPPORTED,
                                 "reads something other than 1 to %d outputs of layers", CNN__KERAS_VALUES);
}

/* The call that a reference means. */
static cnn_status find_call(const graph *g, const cnn__keras_layer *layer, const reference *r, size_t *index)
{
    size_t number = 0;
    if (!cnn__table_find(&g->names, r->layer, &number) || r->call < 0 ||
        r->call >= (int64_t)(g->first_calls[number + 1] - g->first_calls[number])) {
        char text[128];
        return cnn__keras_fail(g->keras, layer, CNN_ERROR_FORMAT, "reads \"%s\", which is not there",
                               cnn__printable(r->layer, text, sizeof(text)));
    }
    *index = g->first_calls[number] + (size_t)r->call;
    return CNN_OK;
}

/* ---- applications ---- */

/* The name of the application: that of the layer, with a number if it is applied again. */
static const char *call_path(const graph *g, const call *c, size_t index)
{
    const size_t number = index - g->first_calls[c->layer];
    const char *path = g->layers[c->layer].path;
    return number == 0 ? path : cnn__keras_text(g->keras, "%s_call%zu", path, number);
}

static cnn_status take_input(graph *g, call *c, const char *path)
{
    const cnn__keras_layer *layer = &g->layers[c->layer];
    const char *name = path;
    if (g->inputs != NULL) {
        if (g->next_input == g->input_count) {
            return cnn__keras_fail(g->keras, layer, CNN_ERROR_FORMAT, "is one input more than the model is applied to");
        }
        name = g->inputs[g->next_input++];
    } else {
        bool batch = false;
        const cnn__json *shape = cnn__keras_find_shape(layer->config, &batch);
        CNN__RETURN_IF_ERROR(cnn__keras_add_input(g->keras, layer, name, shape, batch));
    }
    c->values[0] = name;
    c->value_count = 1;
    return CNN_OK;
}

static cnn_status apply_model(graph *g, call *c, size_t index, const char *path, const char *const *inputs,
                              size_t count, uint32_t depth)
{
    const bool again = index != g->first_calls[c->layer];
    const char *first = g->layers[c->layer].path;
    const char *prefix = cnn__keras_text(g->keras, "%s/", path);
    const char *shares = again ? cnn__keras_text(g->keras, "%s/", first) : NULL;
    cnn__keras_ports p = {.inputs = inputs, .input_count = count};
    if (g->shares != NULL && !again) { /* what is inside is shared, too */
        shares = cnn__keras_text(g->keras, "%s%s/", g->shares, first + strlen(g->prefix));
    }
    if (prefix == NULL || (again && shares == NULL)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__keras_layer *layer = &g->layers[c->layer];
    CNN__RETURN_IF_ERROR(cnn__keras_add_model(g->keras, layer->config, prefix, shares, depth + 1, &p));
    for (size_t i = 0; i < p.output_count; i++) {
        c->values[i] = p.outputs[i];
    }
    c->value_count = p.output_count;
    return cnn__keras_name_model(g->keras, path, &p);
}

/* Writes the application: all that it reads is there. */
static cnn_status make_call(graph *g, size_t index, uint32_t depth)
{
    call *c = &g->calls[index];
    cnn__keras_layer *layer = &g->layers[c->layer];
    const char *inputs[CNN__KERAS_VALUES], *path = call_path(g, c, index), *shares = NULL;
    references r = {.count = 0};
    CNN__RETURN_IF_ERROR(cnn__keras_count_step(g->keras));
    c->values = cnn__alloc_zero(g->keras->context, CNN__KERAS_VALUES * sizeof(*c->values));
    if (c->values == NULL || path == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    if (c->inputs == NULL) {
        return take_input(g, c, path);
    }
    CNN__RETURN_IF_ERROR(read_references(g, c, &r));
    for (size_t i = 0; i < r.count; i++) {
        size_t other = 0;
        CNN__RETURN_IF_ERROR(find_call(g, layer, &r.list[i], &other));
        if (r.list[i].value < 0 || r.list[i].value >= (int64_t)g->calls[other].value_count) {
            return cnn__keras_fail(g->keras, layer, CNN_ERROR_FORMAT, "reads an output that \"%s\" does not have",
                                   g->layers[g->calls[other].layer].path);
        }
        inputs[i] = g->calls[other].values[r.list[i].value];
    }
    if (cnn__keras_is_model(layer)) {
        return apply_model(g, c, index, path, inputs, r.count, depth);
    }
    if (r.count > CNN_LAYER_MAX_INPUTS) {
        return cnn__keras_fail(g->keras, layer, CNN_ERROR_LIMIT, "has more than %d inputs", CNN_LAYER_MAX_INPUTS);
    }
    if (index != g->first_calls[c->layer]) {
        shares = layer->path;
    } else if (g->shares != NULL) {
        shares = cnn__keras_text(g->keras, "%s%s", g->shares, layer->path + strlen(g->prefix));
    }
    c->value_count = 1;
    return cnn__keras_add_layer(g->keras, layer, path, shares, inputs, r.count, &c->values[0]);
}

/* The next call that call `index` needs first: one that it reads, or the first application of its layer. *needed is
 * CNN__NO_NODE if there is none. */
static cnn_status find_needed(graph *g, size_t index, uint32_t *needed)
{
    call *c = &g->calls[index];
    references r = {.count = 0};
    const uint32_t first = g->first_calls[c->layer];
    *needed = index != first && g->calls[first].values == NULL ? first : CNN__NO_NODE;
    if (c->inputs == NULL || *needed != CNN__NO_NODE) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(read_references(g, c, &r));
    for (size_t i = 0; i < r.count && *needed == CNN__NO_NODE; i++) {
        size_t other = 0;
        CNN__RETURN_IF_ERROR(find_call(g, &g->layers[c->layer], &r.list[i], &other));
        *needed = g->calls[other].values == NULL ? (uint32_t)other : CNN__NO_NODE;
    }
    return CNN_OK;
}

/* Makes a call and before it all that it needs; `stack` has room for all calls. */
static cnn_status make_calls(graph *g, size_t index, uint32_t *stack, uint32_t depth)
{
    size_t size = 0;
    stack[size++] = (uint32_t)index;
    g->calls[index].open = true;
    while (size > 0) {
        uint32_t needed = CNN__NO_NODE;
        const uint32_t top = stack[size - 1];
        CNN__RETURN_IF_ERROR(find_needed(g, top, &needed));
        if (needed == CNN__NO_NODE) {
            CNN__RETURN_IF_ERROR(make_call(g, top, depth));
            g->calls[top].open = false;
            size--;
            continue;
        }
        if (g->calls[needed].open) {
            return cnn__keras_fail(g->keras, &g->layers[g->calls[needed].layer], CNN_ERROR_FORMAT,
                                   "depends on its own output");
        }
        g->calls[needed].open = true;
        stack[size++] = needed;
    }
    return CNN_OK;
}

/* ---- functional models ---- */

static bool has_no_inputs(const cnn__json *nodes) { return cnn__json_count(nodes) == 0; }

/* Reads all layers and what each is applied to. */
static cnn_status read_graph(graph *g, const cnn__json *layers)
{
    cnn__keras *keras = g->keras;
    size_t calls = 0;
    const cnn__json *json = cnn__json_first(layers);
    for (; json != NULL; json = cnn__json_next(layers, json)) {
        const size_t nodes = cnn__json_count(cnn__json_get(json, "inbound_nodes"));
        calls += nodes > 0 ? nodes : 1;
    }
    g->layers = cnn__alloc_array(keras->context, cnn__json_count(layers) + 1, sizeof(*g->layers));
    g->first_calls = cnn__alloc_array(keras->context, cnn__json_count(layers) + 1, sizeof(*g->first_calls));
    g->calls = cnn__alloc_array(keras->context, calls + 1, sizeof(*g->calls));
    if (g->layers == NULL || g->first_calls == NULL || g->calls == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    json = cnn__json_first(layers);
    for (; json != NULL; json = cnn__json_next(layers, json)) {
        cnn__keras_layer *layer = &g->layers[g->layer_count];
        const cnn__json *nodes = cnn__json_get(json, "inbound_nodes");
        CNN__RETURN_IF_ERROR(cnn__keras_read_layer(keras, json, g->layer_count, layer));
        const char *key = cnn__json_text(cnn__json_get(json, "name"));
        key = key != NULL ? key : layer->name;
        layer->path = cnn__keras_path(keras, g->prefix, key);
        if (layer->path == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        cnn_status status = cnn__table_add(&g->names, key, g->layer_count);
        if (status != CNN_OK) {
            return status == CNN_ERROR_OUT_OF_MEMORY
                       ? status
                       : cnn__keras_fail(keras, layer, CNN_ERROR_FORMAT, "is there twice");
        }
        g->first_calls[g->layer_count] = (uint32_t)g->call_count;
        if (has_no_inputs(nodes)) {
            g->calls[g->call_count++] = (call){.layer = (uint32_t)g->layer_count};
        }
        for (const cnn__json *node = cnn__json_first(nodes); node != NULL; node = cnn__json_next(nodes, node)) {
            g->calls[g->call_count++] = (call){.layer = (uint32_t)g->layer_count, .inputs = node};
        }
        g->first_calls[++g->layer_count] = (uint32_t)g->call_count;
    }
    return CNN_OK;
}

/* [["a", 0, 0], ["b", 0, 0]], or of one alone ["a", 0, 0]. */
static cnn_status read_ports(const graph *g, const cnn__json *config, const char *key, references *r)
{
    const cnn__json *list = cnn__json_get(config, key);
    const cnn__json_place place = {g->keras->context, g->keras->file, "config"};
    bool good = true;
    r->count = 0;
    if (cnn__json_is(cnn__json_first(list), CNN__JSON_STRING)) {
        r->count = 1;
        good = read_reference(list, &r->list[0]);
    } else {
        for (const cnn__json *item = cnn__json_first(list); item != NULL && good; item = cnn__json_next(list, item)) {
            good = r->count < CNN__KERAS_VALUES && read_reference(item, &r->list[r->count++]);
        }
    }
    return good && r->count > 0 ? CNN_OK : cnn__json_bad(&place, key, "a list of layers");
}

/* Inputs come in the order in which the model says that it is applied to them, and only they have no inputs. */
static cnn_status make_inputs(graph *g, const cnn__json *config, uint32_t *stack, uint32_t depth)
{
    references r = {.count = 0};
    const cnn__keras_layer self = {"Functional", "model", "model", config};
    CNN__RETURN_IF_ERROR(read_ports(g, config, "input_layers", &r));
    if (g->inputs != NULL && r.count != g->input_count) {
        return cnn__fail(g->keras->context, CNN_ERROR_FORMAT, "%s: a model of %zu inputs inside is applied to %zu",
                         g->keras->file, r.count, g->input_count);
    }
    for (size_t i = 0; i < r.count; i++) {
        size_t index = 0;
        CNN__RETURN_IF_ERROR(find_call(g, &self, &r.list[i], &index));
        if (g->calls[index].inputs != NULL || g->calls[index].values != NULL) {
            return cnn__keras_fail(g->keras, &g->layers[g->calls[index].layer], CNN_ERROR_FORMAT,
                                   "is named as an input and is none, or is one twice");
        }
        /* The one input of an image is called as everywhere in this library. */
        if (g->inputs == NULL && r.count == 1 && !cnn__table_find(&g->names, "input", NULL)) {
            g->layers[g->calls[index].layer].path = "input";
        }
        CNN__RETURN_IF_ERROR(make_calls(g, index, stack, depth));
    }
    for (size_t i = 0; i < g->call_count; i++) {
        if (g->calls[i].inputs == NULL && g->calls[i].values == NULL) {
            return cnn__keras_fail(g->keras, &g->layers[g->calls[i].layer], CNN_ERROR_FORMAT, "reads nothing");
        }
    }
    return CNN_OK;
}

static cnn_status make_graph(graph *g, const cnn__json *config, uint32_t *stack, uint32_t depth, cnn__keras_ports *p)
{
    references outputs = {.count = 0};
    const cnn__keras_layer self = {"Functional", "model", "model", config};
    CNN__RETURN_IF_ERROR(make_inputs(g, config, stack, depth));
    for (size_t i = 0; i < g->call_count; i++) {
        if (g->calls[i].values == NULL) {
            CNN__RETURN_IF_ERROR(make_calls(g, i, stack, depth));
        }
    }
    CNN__RETURN_IF_ERROR(read_ports(g, config, "output_layers", &outputs));
    for (size_t i = 0; i < outputs.count; i++) {
        size_t index = 0;
        CNN__RETURN_IF_ERROR(find_call(g, &self, &outputs.list[i], &index));
        if (outputs.list[i].value < 0 || outputs.list[i].value >= (int64_t)g->calls[index].value_count) {
            return cnn__fail(g->keras->context, CNN_ERROR_FORMAT, "%s: an output of the model is not there",
                             g->keras->file);
        }
        p->outputs[p->output_count++] = g->calls[index].values[outputs.list[i].value];
    }
    return CNN_OK;
}

cnn_status cnn__keras_add_functional(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                     uint32_t depth, cnn__keras_ports *p)
{
    graph g = {.keras = keras, .prefix = prefix, .shares = shares, .inputs = p->inputs, .input_count = p->input_count};
    uint32_t *stack = NULL;
    cnn__table_init(&g.names, keras->context);
    cnn_status status = read_graph(&g, cnn__json_get(config, "layers"));
    if (status == CNN_OK) {
        stack = cnn__alloc_array(keras->context, g.call_count + 1, sizeof(*stack));
        status = stack != NULL ? make_graph(&g, config, stack, depth, p) : CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < g.call_count; i++) {
        cnn__free(keras->context, g.calls[i].values);
    }
    cnn__free(keras->context, stack);
    cnn__free(keras->context, g.calls);
    cnn__free(keras->context, g.first_calls);
    cnn__free(keras->context, g.layers);
    cnn__table_free(&g.names);
    return status;
}
