/* SPDX-License-Identifier: MIT */
/* The graph of a Keras config: layers applied to what other layers made, models in models, in the three notations that
 * there have been, as the list of layers of an architecture, each after what it reads. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "exchange/keras.h"
#include "model/model.h"

/* Most values that a layer reads and a model makes. */
enum { MAX_VALUES = 64 };

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
    const char *prefix;    /* of our names: "vgg16/"; "" at the top */
    const char *shares;    /* of the first application of this model; NULL: this is it */
    cnn__keras_layer *layers;
    uint32_t *first_calls; /* of each layer; one more at the end */
    size_t layer_count;
    call *calls;
    size_t call_count;
    cnn__table names; /* of layers */
    const char *const *inputs; /* what stands for the inputs; NULL: they are the model's own */
    size_t input_count, next_input;
} graph;

/* Values that go in and come out of a model; names of our values. */
typedef struct ports {
    const char *const *inputs;
    size_t input_count;
    const char *outputs[MAX_VALUES];
    size_t output_count;
} ports;

static cnn_status add_model(cnn__keras *keras, const cnn__json *model, const char *prefix, const char *shares,
                            uint32_t depth, ports *p);

const char *cnn__keras_text(cnn__keras *keras, const char *format, ...)
{
    char text[CNN__MAX_NAME + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (keras->text_count == keras->text_capacity) {
        const size_t capacity = keras->text_capacity > 0 ? 2 * keras->text_capacity : 64;
        char **texts = cnn__realloc(keras->context, keras->texts, capacity * sizeof(*texts));
        if (texts == NULL) {
            return NULL;
        }
        keras->texts = texts;
        keras->text_capacity = capacity;
    }
    char *copy = cnn__strdup(keras->context, text);
    if (copy != NULL) {
        keras->texts[keras->text_count++] = copy;
    }
    return copy;
}

/* A name of plain characters, its slashes kept. */
static const char *plain_path(cnn__keras *keras, const char *prefix, const char *name)
{
    char text[CNN__MAX_NAME];
    size_t size = 0;
    for (; *name != '\0' && size < 255; name++) {
        const bool plain = isalnum((unsigned char)*name) || *name == '_' || *name == '-' || *name == '.' ||
                           (*name == '/' && size > 0 && text[size - 1] != '/' && name[1] != '\0');
        text[size++] = *name;
        text[size - 1] = plain ? *name : '_';
    }
    text[size] = '\0';
    return cnn__keras_text(keras, "%s%s", prefix, size > 0 ? text : "_");
}

/* Work is bounded, however often models inside models are applied. */
static cnn_status count_step(cnn__keras *keras)
{
    return ++keras->steps <= CNN__MAX_LAYERS ? CNN_OK
                                             : cnn__fail(keras->context, CNN_ERROR_LIMIT, "%s: more than %d layers",
                                                         keras->file, CNN__MAX_LAYERS);
}

static cnn_status read_layer(const cnn__keras *keras, const cnn__json *json, size_t number, cnn__keras_layer *layer)
{
    char part[48];
    const cnn__json_place place = {keras->context, keras->file, part};
    snprintf(part, sizeof(part), "layer %zu of the config", number + 1);
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, json, "class_name", &layer->class_name));
    layer->config = cnn__json_get(json, "config");
    layer->name = cnn__json_text(cnn__json_get(layer->config, "name"));
    layer->name = layer->name != NULL ? layer->name : cnn__json_text(cnn__json_get(json, "name"));
    if (layer->name == NULL && cnn__json_is(layer->config, CNN__JSON_ARRAY)) {
        layer->name = "sequential"; /* of Keras 1, whose models have no names */
    }
    return layer->name != NULL && layer->name[0] != '\0' ? CNN_OK : cnn__json_bad(&place, "name", "text");
}

static bool is_model(const cnn__keras_layer *layer)
{
    static const char *const names[] = {"Functional", "Sequential", "Model", NULL};
    return cnn__name_index(names, layer->class_name) >= 0;
}

/* ---- layers ---- */

static void put_inputs(cnn__json_writer *writer, const char *const *inputs, size_t count)
{
    cnn__json_open(writer, "inputs", '[');
    for (size_t i = 0; i < count; i++) {
        cnn__json_put_string(writer, NULL, inputs[i]);
    }
    cnn__json_close(writer, ']');
}

static void note_frozen(cnn__keras *keras, const cnn__keras_layer *layer)
{
    if (cnn__json_is(cnn__json_get(layer->config, "trainable"), CNN__JSON_FALSE)) {
        cnn__json_put_string(&keras->frozen, NULL, layer->path);
    }
}

/* Writes a layer that is no model; `shares` is the name of its first application. *value is that of what it makes. */
static cnn_status add_layer(cnn__keras *keras, const cnn__keras_layer *layer, const char *path, const char *shares,
                            const char *const *inputs, size_t count, const char **value)
{
    cnn__json_writer options = {.text = {.context = keras->context}};
    const char *type = NULL;
    cnn__json_open(&options, NULL, '{');
    cnn_status status = cnn__keras_options(keras, layer, &options, &type);
    cnn__json_close(&options, '}');
    if (status == CNN_OK) {
        status = options.text.status;
    }
    *value = inputs[0];
    if (status == CNN_OK && type != NULL) {
        cnn__json_writer *list = &keras->layers;
        cnn__json_open(list, NULL, '{');
        cnn__json_put_string(list, "type", type);
        cnn__json_put_string(list, "name", path);
        put_inputs(list, inputs, count);
        cnn__string_printf(&list->text, ",\"options\":");
        cnn__string_append(&list->text, options.text.data, options.text.size);
        if (shares != NULL) {
            cnn__json_put_string(list, "shares", shares);
        } else {
            note_frozen(keras, layer);
        }
        cnn__json_close(list, '}');
        keras->layer_count++;
        *value = path;
        status = list->text.status;
    }
    cnn__string_free(&options.text);
    return status;
}

/* The sizes of one sample as Keras writes them somewhere in a layer's config. */
static const cnn__json *find_shape(const cnn__json *config, bool *batch)
{
    static const char *const keys[] = {"batch_input_shape", "batch_shape", "input_shape", "shape"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const cnn__json *shape = cnn__json_get(config, keys[i]);
        const cnn__json *items = cnn__json_get(shape, "items");
        shape = items != NULL ? items : shape;
        if (cnn__json_is(shape, CNN__JSON_ARRAY)) {
            *batch = i < 2;
            return shape;
        }
    }
    return NULL;
}

/* Writes an input of the model: height, width, channels, or n. */
static cnn_status add_input(cnn__keras *keras, const cnn__keras_layer *layer, const char *name,
                            const cnn__json *shape, bool batch)
{
    int64_t sizes[CNN_MAX_RANK] = {0};
    size_t rank = 0, skip = batch;
    const bool first = keras->first_rank == 0;
    const cnn__json *item = cnn__json_first(shape);
    for (; item != NULL && rank < CNN_MAX_RANK; item = cnn__json_next(shape, item)) {
        if (skip > 0) {
            skip--;
        } else if (!cnn__json_to_int(item, &sizes[rank++])) {
            sizes[rank - 1] = 0;
        }
    }
    if (rank == 3 && keras->channels_first) {
        const int64_t channels = sizes[0];
        sizes[0] = sizes[1];
        sizes[1] = sizes[2];
        sizes[2] = channels;
    }
    cnn__json_open(&keras->inputs, NULL, '{');
    cnn__json_put_string(&keras->inputs, "name", name);
    cnn__json_open(&keras->inputs, "shape", '[');
    for (size_t i = 0; i < rank; i++) {
        const int64_t given = keras->input != NULL && rank == 3 ? keras->input[i] : 0;
        const int64_t size = given > 0 ? given : sizes[i];
        if (size < 1) {
            return cnn__keras_fail(keras, layer, CNN_ERROR_SHAPE, "leaves its size open: give the input's size");
        }
        cnn__json_put_int(&keras->inputs, NULL, size);
        if (keras->first_rank == i && first) {
            keras->first[keras->first_rank++] = size;
        }
    }
    cnn__json_close(&keras->inputs, ']');
    cnn__json_close(&keras->inputs, '}');
    return rank > 0 ? keras->inputs.text.status
                    : cnn__keras_fail(keras, layer, CNN_ERROR_SHAPE, "has no shape: give the input's size");
}

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
    reference list[MAX_VALUES];
    size_t count;
} references;

/* Keras 3's arguments: tensors, and lists of them; the depth is the document's. */
static bool add_tensors(const cnn__json *json, references *r)
{
    const char *class_name = cnn__json_text(cnn__json_get(json, "class_name"));
    if (class_name != NULL && strcmp(class_name, "__keras_tensor__") == 0) {
        const cnn__json *history = cnn__json_get(cnn__json_get(json, "config"), "keras_history");
        return r->count < MAX_VALUES && read_reference(history, &r->list[r->count++]);
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
            good = r->count < MAX_VALUES && read_reference(item, &r->list[r->count++]);
        }
    }
    return good && r->count > 0 ? CNN_OK
                                : cnn__keras_fail(g->keras, &g->layers[c->layer], CNN_ERROR_UNSUPPORTED,
                                                  "reads something other than 1 to %d outputs of layers", MAX_VALUES);
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
        const cnn__json *shape = find_shape(layer->config, &batch);
        CNN__RETURN_IF_ERROR(add_input(g->keras, layer, name, shape, batch));
    }
    c->values[0] = name;
    c->value_count = 1;
    return CNN_OK;
}

/* A model inside is known by its own name, too, as the first value that it makes. */
static cnn_status name_model(cnn__keras *keras, const char *path, const ports *p)
{
    if (strcmp(path, p->outputs[0]) != 0) {
        cnn__json_put_string(&keras->models, path, p->outputs[0]);
    }
    return keras->models.text.status;
}

static cnn_status apply_model(graph *g, call *c, size_t index, const char *path, const char *const *inputs,
                              size_t count, uint32_t depth)
{
    const bool again = index != g->first_calls[c->layer];
    const char *first = g->layers[c->layer].path;
    const char *prefix = cnn__keras_text(g->keras, "%s/", path);
    const char *shares = again ? cnn__keras_text(g->keras, "%s/", first) : NULL;
    ports p = {.inputs = inputs, .input_count = count};
    if (g->shares != NULL && !again) { /* what is inside is shared, too */
        shares = cnn__keras_text(g->keras, "%s%s/", g->shares, first + strlen(g->prefix));
    }
    if (prefix == NULL || (again && shares == NULL)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__keras_layer *layer = &g->layers[c->layer];
    CNN__RETURN_IF_ERROR(add_model(g->keras, layer->config, prefix, shares, depth + 1, &p));
    for (size_t i = 0; i < p.output_count; i++) {
        c->values[i] = p.outputs[i];
    }
    c->value_count = p.output_count;
    return name_model(g->keras, path, &p);
}

/* Writes the application: all that it reads is there. */
static cnn_status make_call(graph *g, size_t index, uint32_t depth)
{
    call *c = &g->calls[index];
    cnn__keras_layer *layer = &g->layers[c->layer];
    const char *inputs[MAX_VALUES], *path = call_path(g, c, index), *shares = NULL;
    references r = {.count = 0};
    CNN__RETURN_IF_ERROR(count_step(g->keras));
    c->values = cnn__alloc_zero(g->keras->context, MAX_VALUES * sizeof(*c->values));
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
    if (is_model(layer)) {
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
    return add_layer(g->keras, layer, path, shares, inputs, r.count, &c->values[0]);
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
        CNN__RETURN_IF_ERROR(read_layer(keras, json, g->layer_count, layer));
        const char *key = cnn__json_text(cnn__json_get(json, "name"));
        key = key != NULL ? key : layer->name;
        layer->path = plain_path(keras, g->prefix, key);
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
            good = r->count < MAX_VALUES && read_reference(item, &r->list[r->count++]);
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

static cnn_status make_graph(graph *g, const cnn__json *config, uint32_t *stack, uint32_t depth, ports *p)
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

static cnn_status add_functional(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                 uint32_t depth, ports *p)
{
    graph g = {.keras = keras,
               .prefix = prefix,
               .shares = shares,
               .inputs = p->inputs,
               .input_count = p->input_count};
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

/* ---- sequential models ---- */

/* The value that the first layer reads: what the model is applied to, or an input of its own, whose shape the input
 * layer, the first layer, a model inside or the model itself says. */
static cnn_status open_sequence(cnn__keras *keras, const cnn__json *layers, const cnn__json *config,
                                const char **value, const ports *p)
{
    const cnn__json *at = config, *first = cnn__json_first(layers);
    cnn__keras_layer layer = {"Sequential", "model", "model", config};
    bool batch = true;
    const cnn__json *shape = NULL;
    if (p->input_count > 0) {
        *value = p->inputs[0];
        return p->input_count == 1 ? CNN_OK
                                   : cnn__fail(keras->context, CNN_ERROR_FORMAT,
                                               "%s: a sequential model inside is applied to %zu values", keras->file,
                                               p->input_count);
    }
    for (int depth = 0; first != NULL && depth < CNN__KERAS_DEPTH && shape == NULL; depth++) {
        at = cnn__json_get(first, "config");
        shape = find_shape(at, &batch);
        const cnn__json *inner = cnn__json_is(at, CNN__JSON_ARRAY) ? at : cnn__json_get(at, "layers");
        first = cnn__json_first(inner);
    }
    if (shape == NULL) {
        shape = cnn__json_get(config, "build_input_shape");
        batch = true;
    }
    *value = "input";
    return add_input(keras, &layer, *value, shape, batch);
}

static cnn_status add_sequential(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                 uint32_t depth, ports *p)
{
    const cnn__json *layers = cnn__json_is(config, CNN__JSON_ARRAY) ? config : cnn__json_get(config, "layers");
    const char *value = NULL;
    size_t number = 0;
    CNN__RETURN_IF_ERROR(open_sequence(keras, layers, config, &value, p));
    const cnn__json *json = cnn__json_first(layers);
    for (; json != NULL; json = cnn__json_next(layers, json), number++) {
        cnn__keras_layer layer = {0};
        CNN__RETURN_IF_ERROR(count_step(keras));
        CNN__RETURN_IF_ERROR(read_layer(keras, json, number, &layer));
        if (strcmp(layer.class_name, "InputLayer") == 0) {
            continue;
        }
        layer.path = plain_path(keras, prefix, layer.name);
        const char *first = shares != NULL ? plain_path(keras, shares, layer.name) : NULL;
        if (layer.path == NULL || (shares != NULL && first == NULL)) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        if (!is_model(&layer)) {
            CNN__RETURN_IF_ERROR(add_layer(keras, &layer, layer.path, first, &value, 1, &value));
            continue;
        }
        ports inner = {.inputs = &value, .input_count = 1};
        const char *below = cnn__keras_text(keras, "%s/", layer.path);
        const char *shared = first != NULL ? cnn__keras_text(keras, "%s/", first) : NULL;
        if (below == NULL || (first != NULL && shared == NULL)) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        CNN__RETURN_IF_ERROR(add_model(keras, layer.config, below, shared, depth + 1, &inner));
        if (inner.output_count != 1) {
            return cnn__keras_fail(keras, &layer, CNN_ERROR_FORMAT, "has %zu outputs within a sequence",
                                   inner.output_count);
        }
        value = inner.outputs[0];
        CNN__RETURN_IF_ERROR(name_model(keras, layer.path, &inner));
    }
    p->outputs[0] = value;
    p->output_count = 1;
    return CNN_OK;
}

/* A config with a list of inputs is functional, whatever its class is called. */
static cnn_status add_model(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                            uint32_t depth, ports *p)
{
    if (depth > CNN__KERAS_DEPTH) {
        return cnn__fail(keras->context, CNN_ERROR_LIMIT, "%s: models inside one another more than %d deep",
                         keras->file, CNN__KERAS_DEPTH);
    }
    const bool list = cnn__json_is(config, CNN__JSON_ARRAY);
    if (!list && !cnn__json_is(cnn__json_get(config, "layers"), CNN__JSON_ARRAY)) {
        return cnn__fail(keras->context, CNN_ERROR_UNSUPPORTED,
                         "%s: the config has no list of layers: a model that is a class of a program cannot be read",
                         keras->file);
    }
    return list || cnn__json_get(config, "input_layers") == NULL
               ? add_sequential(keras, config, prefix, shares, depth, p)
               : add_functional(keras, config, prefix, shares, depth, p);
}

cnn_status cnn__keras_graph(cnn__keras *keras, const cnn__json *model, cnn__json_writer *architecture)
{
    ports p = {.inputs = NULL};
    const cnn__json *config = cnn__json_get(model, "config");
    cnn__json_open(&keras->layers, NULL, '[');
    cnn__json_open(&keras->inputs, NULL, '[');
    cnn__json_open(&keras->frozen, NULL, '[');
    cnn__json_open(&keras->models, NULL, '{');
    cnn_status status = add_model(keras, config, "", NULL, 0, &p);
    cnn__json_close(&keras->layers, ']');
    cnn__json_close(&keras->inputs, ']');
    cnn__json_close(&keras->frozen, ']');
    cnn__json_close(&keras->models, '}');
    if (status == CNN_OK) {
        cnn__json_open(architecture, "outputs", '[');
        for (size_t i = 0; i < p.output_count; i++) {
            cnn__json_put_string(architecture, NULL, p.outputs[i]);
        }
        cnn__json_close(architecture, ']');
    }
    return status;
}
