/* SPDX-License-Identifier: MIT */
/* Names, layers and inputs of a Keras config, written into an architecture. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "exchange/keras_graph.h"
#include "model/model.h"

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

const char *cnn__keras_path(cnn__keras *keras, const char *prefix, const char *name)
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

cnn_status cnn__keras_count_step(cnn__keras *keras)
{
    return ++keras->steps <= CNN__MAX_LAYERS
               ? CNN_OK
               : cnn__fail(keras->context, CNN_ERROR_LIMIT, "%s: more than %d layers", keras->file, CNN__MAX_LAYERS);
}

cnn_status cnn__keras_read_layer(const cnn__keras *keras, const cnn__json *json, size_t number, cnn__keras_layer *layer)
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

bool cnn__keras_is_model(const cnn__keras_layer *layer)
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

cnn_status cnn__keras_add_layer(cnn__keras *keras, const cnn__keras_layer *layer, const char *path, const char *shares,
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

const cnn__json *cnn__keras_find_shape(const cnn__json *config, bool *batch)
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

cnn_status cnn__keras_add_input(cnn__keras *keras, const cnn__keras_layer *layer, const char *name,
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

cnn_status cnn__keras_name_model(cnn__keras *keras, const char *path, const cnn__keras_ports *p)
{
    if (strcmp(path, p->outputs[0]) != 0) {
        cnn__json_put_string(&keras->models, path, p->outputs[0]);
    }
    return keras->models.text.status;
}
