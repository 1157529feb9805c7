/* SPDX-License-Identifier: MIT */
/* An architecture as Keras's model_config, in the form of Keras 2: a functional model, each layer with what it is
 * applied to. What Keras has no option for but a layer, a border around a convolution, becomes a layer before it. */
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "exchange/keras_border.h"
#include "exchange/keras_table.h"
#include "exchange/weights.h"
#include "format/architecture.h"
#include "model/model.h"

typedef struct saving {
    cnn_context *context;
    const cnn_model *model;
    const cnn__json *architecture;
    const bool *non_negative; /* which nodes */
    cnn__json_writer text;
} saving;

/* Keras has no slashes in names: those of models inside become underscores. */
static void plain_name(const char *name, char *text, size_t size)
{
    snprintf(text, size, "%s", name);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '/' ? '_' : *at;
    }
}

static const char *text_of(const cnn__json *layer, const char *key)
{
    return cnn__json_text(cnn__json_get(layer, key));
}

/* The layer that a value comes from, and which of its applications made it. */
static void find_value(const saving *s, const char *value, const char **layer, int64_t *number)
{
    const cnn__json *layers = cnn__json_get(s->architecture, "layers");
    *layer = value;
    *number = 0;
    for (const cnn__json *at = cnn__json_first(layers); at != NULL; at = cnn__json_next(layers, at)) {
        const char *shares = text_of(at, "shares");
        if (strcmp(text_of(at, "name"), value) == 0 && shares != NULL) {
            *layer = shares;
            *number = 1;
            for (const cnn__json *other = cnn__json_first(layers); other != at; other = cnn__json_next(layers, other)) {
                const char *same = text_of(other, "shares");
                *number += same != NULL && strcmp(same, shares) == 0;
            }
            return;
        }
    }
}

static void put_application(saving *s, const char *layer, int64_t number, bool arguments)
{
    cnn__json_open(&s->text, NULL, '[');
    cnn__json_put_string(&s->text, NULL, layer);
    cnn__json_put_int(&s->text, NULL, number);
    cnn__json_put_int(&s->text, NULL, 0);
    if (arguments) {
        cnn__json_open(&s->text, NULL, '{');
        cnn__json_close(&s->text, '}');
    }
    cnn__json_close(&s->text, ']');
}

static void put_reference(saving *s, const char *value, bool arguments)
{
    char name[CNN__MAX_NAME];
    const char *layer = NULL;
    int64_t number = 0;
    find_value(s, value, &layer, &number);
    plain_name(layer, name, sizeof(name));
    put_application(s, name, number, arguments);
}

/* One application: all that it reads. */
static void put_node(saving *s, const cnn__json *layer)
{
    const cnn__json *inputs = cnn__json_get(layer, "inputs");
    cnn__json_open(&s->text, NULL, '[');
    for (const cnn__json *input = cnn__json_first(inputs); input != NULL; input = cnn__json_next(inputs, input)) {
        put_reference(s, input->text, true);
    }
    cnn__json_close(&s->text, ']');
}

/* All applications of a layer: they read what the model says, or the border in front of each. */
static void put_nodes(saving *s, const cnn__json *layer, const char *border)
{
    const char *own = text_of(layer, "name");
    const cnn__json *layers = cnn__json_get(s->architecture, "layers");
    int64_t number = 0;
    cnn__json_open(&s->text, "inbound_nodes", '[');
    for (const cnn__json *at = layer; at != NULL; at = cnn__json_next(layers, at)) {
        const char *shares = text_of(at, "shares");
        if (at != layer && (shares == NULL || strcmp(shares, own) != 0)) {
            continue;
        }
        if (border == NULL) {
            put_node(s, at);
        } else {
            cnn__json_open(&s->text, NULL, '[');
            put_application(s, border, number++, true);
            cnn__json_close(&s->text, ']');
        }
    }
    cnn__json_close(&s->text, ']');
}

static void open_layer(saving *s, const char *class_name, const char *name)
{
    cnn__json_open(&s->text, NULL, '{');
    cnn__json_put_string(&s->text, "class_name", class_name);
    cnn__json_put_string(&s->text, "name", name);
}

/* The layer in the model that an architecture's is. */
static const cnn__node *find_node(const saving *s, const char *name)
{
    for (uint32_t i = 0; i < s->model->node_count; i++) {
        if (strcmp(s->model->nodes[i].name, name) == 0) {
            return &s->model->nodes[i];
        }
    }
    return NULL; /* the architecture is the model's: it is there */
}

static bool is_frozen(const cnn_model *model, const cnn__node *node)
{
    bool frozen = node->parameter_count > 0;
    for (uint32_t i = 0; i < node->parameter_count; i++) {
        frozen = frozen && model->parameters[node->first_parameter + i].frozen;
    }
    return frozen;
}

/* A layer's class and config. A convolution with a group for each channel is another class in Keras, which trains it on
 * more devices. */
static cnn_status write_layer(const saving *s, const cnn__json *layer, const char *name, const cnn__json *options,
                              cnn__json_writer *config, const char **class_name)
{
    const cnn__node *node = find_node(s, text_of(layer, "name"));
    const cnn_shape *input = cnn__value_shape(s->model, node->inputs[0]);
    const bool has_any = node->parameter_count > 0; /* a model without parameters has no list of them */
    const cnn_shape *kernel = has_any ? &s->model->parameters[node->first_parameter].shape : NULL;
    const bool depthwise = has_any && cnn__is_depthwise(s->model, node, kernel);
    const cnn__keras_out out = {.type = depthwise ? "DepthwiseConv2D" : text_of(layer, "type"),
                                .name = name,
                                .options = options,
                                .input = input,
                                .frozen = is_frozen(s->model, node)};
    cnn__json_open(config, NULL, '{');
    cnn_status status = cnn__keras_layer_out(s->context, &out, config, class_name);
    if (depthwise) {
        cnn__json_put_int(config, "depth_multiplier", kernel->dims[3] / input->dims[2]);
    }
    cnn__json_close(config, '}');
    return status == CNN_OK ? config->text.status : status;
}

/* A layer with its config, applied as often as the model applies it. */
static cnn_status put_layer(saving *s, const cnn__json *layer, const char *name, const cnn__json *options,
                            const char *border)
{
    const char *class_name = NULL;
    cnn__json_writer config = {.text = {.context = s->context}};
    cnn_status status = write_layer(s, layer, name, options, &config, &class_name);
    if (status == CNN_OK) {
        open_layer(s, class_name, name);
        cnn__string_printf(&s->text.text, ",\"config\":");
        cnn__string_append(&s->text.text, config.text.data, config.text.size);
        put_nodes(s, layer, border);
        cnn__json_close(&s->text, '}');
        status = s->text.text.status;
    }
    cnn__string_free(&config.text);
    return status;
}

/* The border that a layer has wherever it is applied. */
static cnn__keras_border find_border(const saving *s, const cnn__json *layer, const cnn__json *options)
{
    const uint32_t own = (uint32_t)(find_node(s, text_of(layer, "name")) - s->model->nodes);
    cnn__keras_border border = cnn__keras_find_border(s->model, own, options, s->non_negative);
    for (uint32_t i = own + 1; i < s->model->node_count && border.lacking == NULL; i++) {
        if (s->model->nodes[i].owner == own) {
            const cnn__keras_border other = cnn__keras_find_border(s->model, i, options, s->non_negative);
            border.lacking = memcmp(other.pads, border.pads, sizeof(border.pads)) != 0
                                 ? "another padding for each value that it reads"
                                 : other.lacking;
        }
    }
    return border;
}

/* The options with valid padding; *document is to be freed. */
static cnn_status without_border(saving *s, const cnn__json *options, cnn__json_document *document)
{
    cnn__json_writer text = {.text = {.context = s->context}};
    cnn__json_open(&text, NULL, '{');
    for (const cnn__json *k = cnn__json_first(options); k != NULL; k = cnn__json_next(options, k)) {
        if (strcmp(k->text, "padding") == 0) {
            cnn__json_put_string(&text, k->text, "valid");
        } else if (strcmp(k->text, "ceil") != 0 && strcmp(k->text, "count_include_pad") != 0) {
            cnn__keras_copy(&text, k->text, k + 1);
        }
    }
    cnn__json_close(&text, '}');
    cnn_status status = text.text.status;
    if (status == CNN_OK) {
        status = cnn__json_parse(s->context, s->model->name, "options", text.text.data, text.text.size, document);
    }
    cnn__string_free(&text.text);
    return status;
}

static cnn_status put_border(saving *s, const cnn__json *layer, const cnn__keras_border *border, const char *name)
{
    char class_name[] = "ZeroPadding2D";
    class_name[sizeof(class_name) - 3] = (char)('0' + border->sides);
    open_layer(s, class_name, name);
    cnn__json_open(&s->text, "config", '{');
    cnn__json_put_string(&s->text, "name", name);
    cnn__keras_put_borders(&s->text, "padding", border->pads, border->sides);
    cnn__json_close(&s->text, '}');
    put_nodes(s, layer, NULL);
    cnn__json_close(&s->text, '}');
    return s->text.text.status;
}

static bool has_layer(const saving *s, const char *name)
{
    char other[CNN__MAX_NAME];
    bool found = false;
    for (uint32_t i = 0; i < s->model->node_count && !found; i++) {
        plain_name(s->model->nodes[i].name, other, sizeof(other));
        found = strcmp(other, name) == 0;
    }
    for (uint32_t i = 0; i < s->model->input_count && !found; i++) {
        found = strcmp(s->model->inputs[i].name, name) == 0;
    }
    return found;
}

/* The name of a border: "conv_pad", or with the first number from 2 on that no layer of the model has. */
static void name_border(const saving *s, const char *layer, char *name, size_t size)
{
    snprintf(name, size, "%s_pad", layer);
    for (int i = 2; has_layer(s, name); i++) {
        snprintf(name, size, "%s_pad_%d", layer, i);
    }
}

static cnn_status add_layer(saving *s, const cnn__json *layer)
{
    char name[CNN__MAX_NAME], before[CNN__MAX_NAME + 24];
    const cnn__json *options = cnn__json_get(layer, "options");
    const cnn__keras_border border = find_border(s, layer, options);
    plain_name(text_of(layer, "name"), name, sizeof(name));
    if (border.lacking != NULL) {
        return cnn__fail(s->context, CNN_ERROR_UNSUPPORTED, "layer \"%s\" (%s) has %s, which Keras lacks", name,
                         text_of(layer, "type"), border.lacking);
    }
    if (!border.valid) {
        return put_layer(s, layer, name, options, NULL);
    }
    cnn__json_document valid = {.context = s->context};
    name_border(s, name, before, sizeof(before));
    cnn_status status = border.any ? put_border(s, layer, &border, before) : CNN_OK;
    if (status == CNN_OK) {
        status = without_border(s, options, &valid);
    }
    if (status == CNN_OK) {
        status = put_layer(s, layer, name, valid.root, border.any ? before : NULL);
    }
    cnn__json_free(&valid);
    return status;
}

static void add_input(saving *s, const cnn__input *input)
{
    open_layer(s, "InputLayer", input->name);
    cnn__json_open(&s->text, "config", '{');
    cnn__json_put_string(&s->text, "name", input->name);
    cnn__json_put_string(&s->text, "dtype", "float32");
    cnn__json_open(&s->text, "batch_input_shape", '[');
    cnn__string_printf(&s->text.text, "null");
    for (uint32_t d = 0; d < input->shape.rank; d++) {
        cnn__string_printf(&s->text.text, ",%lld", (long long)input->shape.dims[d]);
    }
    cnn__json_close(&s->text, ']');
    cnn__json_close(&s->text, '}');
    cnn__json_open(&s->text, "inbound_nodes", '[');
    cnn__json_close(&s->text, ']');
    cnn__json_close(&s->text, '}');
}

static cnn_status write_config(saving *s)
{
    const cnn_model *model = s->model;
    const cnn__json *layers = cnn__json_get(s->architecture, "layers");
    cnn__json_open(&s->text, NULL, '{');
    cnn__json_put_string(&s->text, "class_name", "Model");
    cnn__json_open(&s->text, "config", '{');
    cnn__json_put_string(&s->text, "name", model->name);
    cnn__json_open(&s->text, "layers", '[');
    for (uint32_t i = 0; i < model->input_count; i++) {
        add_input(s, &model->inputs[i]);
    }
    for (const cnn__json *layer = cnn__json_first(layers); layer != NULL; layer = cnn__json_next(layers, layer)) {
        if (text_of(layer, "shares") == NULL) {
            CNN__RETURN_IF_ERROR(add_layer(s, layer));
        }
    }
    cnn__json_close(&s->text, ']');
    cnn__json_open(&s->text, "input_layers", '[');
    for (uint32_t i = 0; i < model->input_count; i++) {
        put_reference(s, model->inputs[i].name, false);
    }
    cnn__json_close(&s->text, ']');
    cnn__json_open(&s->text, "output_layers", '[');
    for (uint32_t i = 0; i < cnn__model_outputs(model); i++) {
        put_reference(s, cnn__value_name(model, cnn__model_output(model, i)), false);
    }
    cnn__json_close(&s->text, ']');
    cnn__json_close(&s->text, '}');
    cnn__json_close(&s->text, '}');
    return s->text.text.status;
}

cnn_status cnn_keras_config(const cnn_model *model, cnn_write_function write, void *user)
{
    if (model == NULL || write == NULL) {
        return model == NULL ? CNN_ERROR_INVALID_ARGUMENT
                             : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no function to write with",
                                         model->name);
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    cnn_context *context = model->context;
    cnn__json_writer own = {.text = {.context = context}};
    cnn__json_document architecture = {.context = context};
    saving s = {.context = context, .model = model, .text = {.text = {.context = context}}};
    cnn_status status = cnn__architecture_to_json(model, &own);
    status = status == CNN_OK ? own.text.status : status;
    if (status == CNN_OK) {
        status = cnn__json_parse(context, model->name, "architecture", own.text.data, own.text.size, &architecture);
    }
    if (status == CNN_OK) {
        s.architecture = architecture.root;
        bool *non_negative = cnn__keras_non_negative(model, cnn__json_get(s.architecture, "layers"));
        s.non_negative = non_negative;
        status = non_negative != NULL ? write_config(&s) : CNN_ERROR_OUT_OF_MEMORY;
        cnn__free(context, non_negative);
    }
    if (status == CNN_OK) {
        status = write(user, s.text.text.data, s.text.text.size);
    }
    cnn__json_free(&architecture);
    cnn__string_free(&own.text);
    cnn__string_free(&s.text.text);
    return status;
}
