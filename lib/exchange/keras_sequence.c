/* SPDX-License-Identifier: MIT */
/* Sequential models, and models of either kind. */
#include <stdio.h>
#include <string.h>

#include "exchange/keras_graph.h"

/* The value that the first layer reads: what the model is applied to, or an input of its own, whose shape the input
 * layer, the first layer, a model inside or the model itself says. */
static cnn_status open_sequence(cnn__keras *keras, const cnn__json *layers, const cnn__json *config, const char **value,
                                const cnn__keras_ports *p)
{
    const cnn__json *at = config, *first = cnn__json_first(layers);
    cnn__keras_layer layer = {"Sequential", "model", "model", config};
    bool batch = true;
    const cnn__json *shape = NULL;
    if (p->input_count > 0) {
        *value = p->inputs[0];
        return p->input_count == 1
                   ? CNN_OK
                   : cnn__fail(keras->context, CNN_ERROR_FORMAT,
                               "%s: a sequential model inside is applied to %zu values", keras->file, p->input_count);
    }
    for (int depth = 0; first != NULL && depth < CNN__KERAS_DEPTH && shape == NULL; depth++) {
        at = cnn__json_get(first, "config");
        shape = cnn__keras_find_shape(at, &batch);
        const cnn__json *inner = cnn__json_is(at, CNN__JSON_ARRAY) ? at : cnn__json_get(at, "layers");
        first = cnn__json_first(inner);
    }
    if (shape == NULL) {
        shape = cnn__json_get(config, "build_input_shape");
        batch = true;
    }
    *value = "input";
    return cnn__keras_add_input(keras, &layer, *value, shape, batch);
}

static cnn_status add_sequential(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                 uint32_t depth, cnn__keras_ports *p)
{
    const cnn__json *layers = cnn__json_is(config, CNN__JSON_ARRAY) ? config : cnn__json_get(config, "layers");
    const char *value = NULL;
    size_t number = 0;
    CNN__RETURN_IF_ERROR(open_sequence(keras, layers, config, &value, p));
    const cnn__json *json = cnn__json_first(layers);
    for (; json != NULL; json = cnn__json_next(layers, json), number++) {
        cnn__keras_layer layer = {0};
        CNN__RETURN_IF_ERROR(cnn__keras_count_step(keras));
        CNN__RETURN_IF_ERROR(cnn__keras_read_layer(keras, json, number, &layer));
        if (strcmp(layer.class_name, "InputLayer") == 0) {
            continue;
        }
        layer.path = cnn__keras_path(keras, prefix, layer.name);
        const char *first = shares != NULL ? cnn__keras_path(keras, shares, layer.name) : NULL;
        if (layer.path == NULL || (shares != NULL && first == NULL)) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        if (!cnn__keras_is_model(&layer)) {
            CNN__RETURN_IF_ERROR(cnn__keras_add_layer(keras, &layer, layer.path, first, &value, 1, &value));
            continue;
        }
        cnn__keras_ports inner = {.inputs = &value, .input_count = 1};
        const char *below = cnn__keras_text(keras, "%s/", layer.path);
        const char *shared = first != NULL ? cnn__keras_text(keras, "%s/", first) : NULL;
        if (below == NULL || (first != NULL && shared == NULL)) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        CNN__RETURN_IF_ERROR(cnn__keras_add_model(keras, layer.config, below, shared, depth + 1, &inner));
        if (inner.output_count != 1) {
            return cnn__keras_fail(keras, &layer, CNN_ERROR_FORMAT, "has %zu outputs within a sequence",
                                   inner.output_count);
        }
        value = inner.outputs[0];
        CNN__RETURN_IF_ERROR(cnn__keras_name_model(keras, layer.path, &inner));
    }
    p->outputs[0] = value;
    p->output_count = 1;
    return CNN_OK;
}

/* A config with a list of inputs is functional, whatever its class is called. */
cnn_status cnn__keras_add_model(cnn__keras *keras, const cnn__json *config, const char *prefix, const char *shares,
                                uint32_t depth, cnn__keras_ports *p)
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
               : cnn__keras_add_functional(keras, config, prefix, shares, depth, p);
}

cnn_status cnn__keras_graph(cnn__keras *keras, const cnn__json *model, cnn__json_writer *architecture)
{
    cnn__keras_ports p = {.inputs = NULL};
    const cnn__json *config = cnn__json_get(model, "config");
    cnn__json_open(&keras->layers, NULL, '[');
    cnn__json_open(&keras->inputs, NULL, '[');
    cnn__json_open(&keras->frozen, NULL, '[');
    cnn__json_open(&keras->models, NULL, '{');
    cnn_status status = cnn__keras_add_model(keras, config, "", NULL, 0, &p);
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
