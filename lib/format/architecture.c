/* SPDX-License-Identifier: MIT */
/* A graph to JSON and back; the options of its layers are in fields.c. */
#include "format/architecture.h"

#include <stdio.h>
#include <string.h>

#include <cnn/version.h>

#include "core/text.h"
#include "format/fields.h"

static void layer_to_json(cnn__json_writer *writer, const cnn_model *model, const cnn__node *node)
{
    const cnn__layer_type *type = node->layer->type;
    cnn__json_open(writer, NULL, '{');
    cnn__json_put_string(writer, "type", type->kind.type);
    cnn__json_put_string(writer, "name", node->name);
    cnn__json_open(writer, "inputs", '[');
    for (uint32_t i = 0; i < node->input_count; i++) {
        cnn__json_put_string(writer, NULL, cnn__value_name(model, node->inputs[i]));
    }
    cnn__json_close(writer, ']');
    cnn__json_open(writer, "options", '{');
    cnn__fields_to_json(writer, type, node->layer->user);
    cnn__json_close(writer, '}');
    if (node->owner != (uint32_t)(node - model->nodes)) {
        cnn__json_put_string(writer, "shares", model->nodes[node->owner].name);
    }
    cnn__json_close(writer, '}');
}

static void shape_to_json(cnn__json_writer *writer, const char *key, const cnn_shape *shape)
{
    cnn__json_open(writer, key, '[');
    for (uint32_t i = 0; i < shape->rank; i++) {
        cnn__json_put_int(writer, NULL, shape->dims[i]);
    }
    cnn__json_close(writer, ']');
}

static void inputs_to_json(cnn__json_writer *writer, const cnn_model *model)
{
    cnn__json_open(writer, "inputs", '[');
    for (uint32_t i = 0; i < model->input_count; i++) {
        cnn__json_open(writer, NULL, '{');
        cnn__json_put_string(writer, "name", model->inputs[i].name);
        shape_to_json(writer, "shape", &model->inputs[i].shape);
        cnn__json_close(writer, '}');
    }
    cnn__json_close(writer, ']');
}

/* What most models do not have: several inputs or one of another name, outputs that are named, models inside. */
static void ports_to_json(cnn__json_writer *writer, const cnn_model *model)
{
    if (model->input_count > 1 || strcmp(model->inputs[0].name, CNN__INPUT_NAME) != 0) {
        inputs_to_json(writer, model);
    }
    if (model->outputs != NULL || model->last != model->node_count - 1) {
        cnn__json_open(writer, "outputs", '[');
        for (uint32_t i = 0; i < cnn__model_outputs(model); i++) {
            cnn__json_put_string(writer, NULL, cnn__value_name(model, cnn__model_output(model, i)));
        }
        cnn__json_close(writer, ']');
    }
    if (model->alias_count > 0) {
        cnn__json_open(writer, "models", '{');
        for (uint32_t i = 0; i < model->alias_count; i++) {
            cnn__json_put_string(writer, model->aliases[i].name, cnn__value_name(model, model->aliases[i].reference));
        }
        cnn__json_close(writer, '}');
    }
}

cnn_status cnn__architecture_to_json(const cnn_model *model, cnn__json_writer *writer)
{
    cnn__json_open(writer, NULL, '{');
    cnn__json_put_string(writer, "name", model->name);
    shape_to_json(writer, "input", cnn__model_input(model));
    cnn__json_open(writer, "layers", '[');
    for (uint32_t i = 0; i < model->node_count; i++) {
        const cnn__node *node = &model->nodes[i];
        if (node->layer->type == NULL) {
            return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                             "%s: layer \"%s\" (%s) is a custom layer: a file cannot describe it", model->name,
                             node->name, node->layer->kind.type);
        }
        layer_to_json(writer, model, node);
    }
    cnn__json_close(writer, ']');
    ports_to_json(writer, model);
    cnn__json_close(writer, '}');
    return CNN_OK;
}

cnn_status cnn__fail_in_file(cnn_context *context, const char *name, const char *part, cnn_status status)
{
    char reason[CNN__MESSAGE_SIZE];
    if (status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY) {
        return status;
    }
    const bool blames_caller = status == CNN_ERROR_INVALID_ARGUMENT || status == CNN_ERROR_NOT_FOUND ||
                               status == CNN_ERROR_STATE || status == CNN_ERROR_SHAPE;
    snprintf(reason, sizeof(reason), "%s", cnn_last_error(context));
    return cnn__fail(context, blames_caller ? CNN_ERROR_FORMAT : status, "%s: %s: %s", name, part, reason);
}

static cnn_status make_layer(const cnn__json_place *place, const cnn__layer_type *type, const cnn__json *fields,
                             cnn_layer **layer)
{
    /* All option structs begin as this one does. */
    const size_t size = type->options_size > sizeof(cnn_named_options) ? type->options_size : sizeof(cnn_named_options);
    cnn_named_options *options = cnn__alloc_zero(place->context, size);
    if (options == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    options->struct_size = type->options_size;
    cnn_status status = cnn__fields_from_json(place, type, fields, options);
    if (status == CNN_OK) {
        *layer = cnn__layer_create(place->context, type, type->kind.type, options);
        status = *layer != NULL
                     ? CNN_OK
                     : cnn__fail_in_file(place->context, place->name, place->part, cnn__last_status(place->context));
    }
    cnn__free(place->context, options);
    return status;
}

static cnn_status read_inputs(const cnn__json_place *place, const cnn__json *list, const char **inputs)
{
    size_t count = 0;
    for (const cnn__json *item = cnn__json_first(list); item != NULL; item = cnn__json_next(list, item)) {
        inputs[count] = cnn__json_text(item);
        if (inputs[count++] == NULL) {
            return cnn__json_bad(place, "inputs", "a list of names");
        }
    }
    return CNN_OK;
}

static cnn_status add_layer(cnn_model *model, const char *file, size_t index, const cnn__json *json)
{
    char part[48];
    const cnn__json_place place = {model->context, file, part};
    const char *type_name = NULL, *name = NULL, *inputs[CNN_LAYER_MAX_INPUTS];
    const cnn__json *list = NULL, *options = NULL;
    snprintf(part, sizeof(part), "layer %zu", index + 1);
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, json, "type", &type_name));
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, json, "name", &name));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, json, "inputs", &list));
    CNN__RETURN_IF_ERROR(cnn__json_object(&place, json, "options", &options));
    const cnn__layer_type *type = cnn__layer_type_find(type_name);
    if (type == NULL) {
        char text[80];
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED, "%s: %s is of the kind \"%s\", unknown to version %s",
                         file, part, cnn__printable(type_name, text, sizeof(text)), cnn_version_string());
    }
    if (cnn__json_count(list) < 1 || cnn__json_count(list) > CNN_LAYER_MAX_INPUTS) {
        return cnn__json_bad(&place, "inputs", "a list of 1 to 16 names");
    }
    CNN__RETURN_IF_ERROR(read_inputs(&place, list, inputs));
    cnn_layer *layer = NULL;
    const char *shares = cnn__json_text(cnn__json_get(json, "shares"));
    if (shares == NULL) {
        CNN__RETURN_IF_ERROR(make_layer(&place, type, options, &layer));
    }
    return cnn__fail_in_file(model->context, file, part,
                             cnn__model_add_named(model, layer, name, shares, inputs, cnn__json_count(list)));
}

/* A list of sizes, such as H, W, C or n. */
static cnn_status read_shape(const cnn__json_place *place, const char *key, const cnn__json *list, cnn_shape *shape)
{
    const size_t rank = cnn__json_count(list);
    bool good = rank >= 1 && rank < CNN_MAX_RANK;
    const cnn__json *item = good ? cnn__json_first(list) : NULL;
    *shape = (cnn_shape){.rank = (uint32_t)rank};
    for (size_t i = 0; i < rank && good; i++, item = cnn__json_next(list, item)) {
        int64_t size = 0;
        good = cnn__json_to_int(item, &size) && size >= 1 && size <= INT32_MAX;
        shape->dims[i] = size;
    }
    return good ? CNN_OK : cnn__json_bad(place, key, "a list of 1 to 7 sizes");
}

/* Inputs after the first, which the model was created with. */
static cnn_status add_inputs(const cnn__json_place *place, cnn_model *model, const cnn__json *inputs)
{
    const cnn__json *input = cnn__json_first(inputs);
    while (input != NULL && (input = cnn__json_next(inputs, input)) != NULL) {
        const char *name = NULL;
        const cnn__json *list = NULL;
        cnn_shape shape;
        CNN__RETURN_IF_ERROR(cnn__json_string(place, input, "name", &name));
        CNN__RETURN_IF_ERROR(cnn__json_array(place, input, "shape", &list));
        CNN__RETURN_IF_ERROR(read_shape(place, "shape", list, &shape));
        CNN__RETURN_IF_ERROR(
            cnn__fail_in_file(place->context, place->name, place->part, cnn_model_add_input(model, name, &shape)));
    }
    return CNN_OK;
}

static cnn_status set_outputs(const cnn__json_place *place, cnn_model *model, const cnn__json *outputs)
{
    const char *names[CNN_MODEL_MAX_PORTS];
    size_t count = 0;
    if (cnn__json_count(outputs) < 1 || cnn__json_count(outputs) > CNN_MODEL_MAX_PORTS) {
        return cnn__json_bad(place, "outputs", "a list of 1 to 64 names");
    }
    for (const cnn__json *item = cnn__json_first(outputs); item != NULL; item = cnn__json_next(outputs, item)) {
        names[count] = cnn__json_text(item);
        if (names[count++] == NULL) {
            return cnn__json_bad(place, "outputs", "a list of 1 to 64 names");
        }
    }
    return cnn__fail_in_file(place->context, place->name, place->part, cnn_model_set_outputs(model, names, count));
}

/* Names of models inside, each for one of their layers. */
static cnn_status add_models(const cnn__json_place *place, cnn_model *model, const cnn__json *models)
{
    if (!cnn__json_is(models, CNN__JSON_OBJECT)) {
        return models == NULL ? CNN_OK : cnn__json_bad(place, "models", "an object of names");
    }
    for (const cnn__json *key = cnn__json_first(models); key != NULL; key = cnn__json_next(models, key)) {
        uint32_t reference, taken;
        const char *output = cnn__json_text(key + 1);
        if (output == NULL || !cnn__model_find(model, output, &reference) ||
            cnn__model_find(model, key->text, &taken) || !cnn__model_is_path(key->text)) {
            return cnn__json_bad(place, "models", "an object of names of models and of their layers");
        }
        CNN__RETURN_IF_ERROR(cnn__model_alias(model, cnn__strdup(place->context, key->text), reference));
    }
    return CNN_OK;
}

static cnn_status add_graph(const cnn__json_place *place, cnn_model *model, const cnn__json *object,
                            const cnn__json *layers)
{
    const cnn__json *outputs = cnn__json_get(object, "outputs");
    const cnn__json *layer = cnn__json_first(layers);
    CNN__RETURN_IF_ERROR(add_inputs(place, model, cnn__json_get(object, "inputs")));
    for (size_t i = 0; layer != NULL; i++, layer = cnn__json_next(layers, layer)) {
        CNN__RETURN_IF_ERROR(add_layer(model, place->name, i, layer));
    }
    CNN__RETURN_IF_ERROR(add_models(place, model, cnn__json_get(object, "models")));
    return outputs != NULL ? set_outputs(place, model, outputs) : CNN_OK;
}

cnn_status cnn__architecture_from_json(cnn_context *context, const char *file, const cnn__json *object,
                                       cnn_model **model)
{
    const cnn__json_place place = {context, file, "architecture"};
    const cnn__json *input = NULL, *layers = NULL;
    cnn_model_options options = {.struct_size = sizeof(options)};
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, object, "name", &options.name));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, object, "input", &input));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, object, "layers", &layers));
    CNN__RETURN_IF_ERROR(read_shape(&place, "input", input, &options.shape));
    const cnn__json *inputs = cnn__json_get(object, "inputs");
    if (inputs != NULL) {
        CNN__RETURN_IF_ERROR(cnn__json_string(&place, cnn__json_first(inputs), "name", &options.input_name));
    }
    if (cnn__json_count(layers) > CNN__MAX_LAYERS) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: %zu layers, at most %d", file, cnn__json_count(layers),
                         CNN__MAX_LAYERS);
    }
    cnn_status status = cnn__fail_in_file(context, file, "architecture", cnn_model_create(context, &options, model));
    if (status == CNN_OK) {
        status = add_graph(&place, *model, object, layers);
    }
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
