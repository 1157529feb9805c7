/* SPDX-License-Identifier: MIT */
/* Layers to JSON and back: the field tables of the layer kinds say what there is. */
#include "format/architecture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cnn/version.h>

#include "core/options.h"

static json_t *ints_to_json(const int32_t *values, uint32_t count)
{
    if (count == 1) {
        return json_integer(values[0]);
    }
    json_t *list = json_array();
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        json_array_append_new(list, json_integer(values[i]));
    }
    return list;
}

static json_t *field_to_json(const cnn__field *field, const void *state)
{
    const void *place = (const char *)state + field->offset;
    switch (field->type) {
    case CNN__FIELD_INT:
        return ints_to_json(place, field->count);
    case CNN__FIELD_FLOAT:
        return json_real(*(const float *)place);
    case CNN__FIELD_ENUM:
        return json_string(field->names[*(const int32_t *)place]);
    default: {
        const cnn_initializer *init = place;
        return json_pack("{s:s, s:f}", "kind", cnn__initializer_names[init->kind], "value", (double)init->value);
    }
    }
}

static json_t *layer_to_json(const cnn_model *model, const cnn__node *node)
{
    json_t *options = json_object(), *inputs = json_array();
    const cnn__layer_type *type = node->layer->type;
    for (const cnn__field *field = type->fields; field != NULL && field->name != NULL; field++) {
        json_object_set_new(options, field->name, field_to_json(field, node->layer->user));
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        json_array_append_new(inputs, json_string(cnn__value_name(model, node->inputs[i])));
    }
    const char *owner = model->nodes[node->owner].name;
    return json_pack("{s:s, s:s, s:o, s:o, s:s*}", "type", type->kind.type, "name", node->name, "inputs", inputs,
                     "options", options, "shares", owner != node->name ? owner : NULL);
}

static json_t *shape_to_json(const cnn_shape *shape)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list != NULL && i < shape->rank; i++) {
        json_array_append_new(list, json_integer(shape->dims[i]));
    }
    return list;
}

/* What most models do not have: several inputs or one of another name, outputs that are named, models inside. */
static bool add_ports(const cnn_model *model, json_t *object)
{
    json_t *inputs = json_array(), *outputs = json_array(), *models = json_object();
    bool good = inputs != NULL && outputs != NULL && models != NULL;
    for (uint32_t i = 0; i < model->input_count && good; i++) {
        good = json_array_append_new(inputs, json_pack("{s:s, s:o}", "name", model->inputs[i].name, "shape",
                                                       shape_to_json(&model->inputs[i].shape))) == 0;
    }
    for (uint32_t i = 0; i < cnn__model_outputs(model) && good; i++) {
        good = json_array_append_new(outputs, json_string(cnn_model_output_name(model, i))) == 0;
    }
    for (uint32_t i = 0; i < model->alias_count && good; i++) {
        const char *output = cnn__value_name(model, model->aliases[i].reference);
        good = json_object_set_new(models, model->aliases[i].name, json_string(output)) == 0;
    }
    const bool plain = model->input_count == 1 && strcmp(model->inputs[0].name, "input") == 0;
    const bool last = model->outputs == NULL && model->last == model->node_count - 1;
    good = good && (plain || json_object_set(object, "inputs", inputs) == 0) &&
           (last || json_object_set(object, "outputs", outputs) == 0) &&
           (model->alias_count == 0 || json_object_set(object, "models", models) == 0);
    json_decref(inputs);
    json_decref(outputs);
    json_decref(models);
    return good;
}

cnn_status cnn__architecture_to_json(const cnn_model *model, json_t **object)
{
    json_t *layers = json_array(), *input = shape_to_json(cnn__model_input(model));
    cnn_status status = layers != NULL && input != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < model->node_count && status == CNN_OK; i++) {
        const cnn__node *node = &model->nodes[i];
        if (node->layer->type == NULL) {
            status = cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                               "%s: layer \"%s\" (%s) is the caller's own: a file cannot describe it", model->name,
                               node->name, node->layer->kind.type);
        } else if (json_array_append_new(layers, layer_to_json(model, node)) != 0) {
            status = CNN_ERROR_OUT_OF_MEMORY;
        }
    }
    if (status != CNN_OK) {
        json_decref(layers);
        json_decref(input);
        return status;
    }
    *object = json_pack("{s:s, s:o, s:o}", "name", model->name, "input", input, "layers", layers);
    if (*object == NULL || !add_ports(model, *object)) {
        json_decref(*object);
        *object = NULL;
        return cnn__fail(model->context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory", model->name);
    }
    return CNN_OK;
}

static bool int_from_json(const json_t *json, int32_t *value)
{
    if (!json_is_integer(json) || json_integer_value(json) < INT32_MIN || json_integer_value(json) > INT32_MAX) {
        return false;
    }
    *value = (int32_t)json_integer_value(json);
    return true;
}

static bool ints_from_json(const json_t *json, int32_t *values, uint32_t count)
{
    if (count == 1) {
        return int_from_json(json, values);
    }
    bool good = json_is_array(json) && json_array_size(json) == count;
    for (uint32_t i = 0; good && i < count; i++) {
        good = int_from_json(json_array_get(json, i), &values[i]);
    }
    return good;
}

static bool float_from_json(const json_t *json, float *value)
{
    *value = (float)json_number_value(json);
    return json_is_number(json) && isfinite(*value);
}

static bool name_from_json(const char *const *names, const json_t *json, int32_t *value)
{
    *value = json_is_string(json) ? cnn__name_index(names, json_string_value(json)) : -1;
    return *value >= 0;
}

static bool field_from_json(const cnn__field *field, const json_t *json, void *options)
{
    void *place = (char *)options + field->offset;
    switch (field->type) {
    case CNN__FIELD_INT:
        return ints_from_json(json, place, field->count);
    case CNN__FIELD_FLOAT:
        return float_from_json(json, place);
    case CNN__FIELD_ENUM:
        return name_from_json(field->names, json, place);
    default: {
        cnn_initializer *init = place;
        return name_from_json(cnn__initializer_names, json_object_get(json, "kind"), &init->kind) &&
               float_from_json(json_object_get(json, "value"), &init->value);
    }
    }
}

static const cnn__field *find_field(const cnn__layer_type *type, const char *name)
{
    const cnn__field *field = type->fields;
    while (field != NULL && field->name != NULL && strcmp(field->name, name) != 0) {
        field++;
    }
    return field != NULL && field->name != NULL ? field : NULL;
}

/* Room for any kind's option struct. */
typedef union any_options {
    size_t struct_size;
    cnn_named_options named;
    cnn_conv2d_options conv2d;
    cnn_dense_options dense;
    cnn_pool2d_options pool2d;
    cnn_dropout_options dropout;
    cnn_batch_norm_options batch_norm;
    cnn_activate_options activate;
    cnn_zero_pad2d_options zero_pad2d;
    cnn_lrn_options lrn;
} any_options;

static cnn_status make_layer(const cnn__json_place *place, const cnn__layer_type *type, const json_t *fields,
                             cnn_layer **layer)
{
    any_options options;
    const char *key;
    json_t *value;
    memset(&options, 0, sizeof(options));
    options.struct_size = type->options_size;
    json_object_foreach((json_t *)fields, key, value)
    {
        const cnn__field *field = find_field(type, key);
        if (field == NULL) {
            char text[80];
            return cnn__fail(place->context, CNN_ERROR_VERSION, "%s: %s has the option \"%s\", unknown to version %s",
                             place->name, place->part, cnn__printable(key, text, sizeof(text)), cnn_version_string());
        }
        if (!field_from_json(field, value, &options)) {
            return cnn__json_bad(place, key, "a value of its kind");
        }
    }
    *layer = cnn__layer_create(place->context, type, place->part, &options);
    if (*layer == NULL) {
        cnn_status status = cnn__last_status(place->context);
        return status == CNN_ERROR_OUT_OF_MEMORY
                   ? status
                   : cnn__fail(place->context, CNN_ERROR_FORMAT, "%s: %s: options that cannot be", place->name,
                               place->part);
    }
    return CNN_OK;
}

static cnn_status read_inputs(const cnn__json_place *place, const json_t *list, const char **inputs)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        inputs[i] = json_string_value(json_array_get(list, i));
        if (inputs[i] == NULL) {
            return cnn__json_bad(place, "inputs", "a list of names");
        }
    }
    return CNN_OK;
}

static cnn_status add_layer(cnn_model *model, const char *file, size_t index, const json_t *json)
{
    char part[48];
    const cnn__json_place place = {model->context, file, part};
    const char *type_name = NULL, *name = NULL, *inputs[CNN_LAYER_MAX_INPUTS];
    json_t *list = NULL, *options = NULL;
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
    if (json_array_size(list) < 1 || json_array_size(list) > CNN_LAYER_MAX_INPUTS) {
        return cnn__json_bad(&place, "inputs", "a list of 1 to 16 names");
    }
    CNN__RETURN_IF_ERROR(read_inputs(&place, list, inputs));
    cnn_layer *layer = NULL;
    const char *shares = json_string_value(json_object_get(json, "shares"));
    if (shares == NULL) {
        CNN__RETURN_IF_ERROR(make_layer(&place, type, options, &layer));
    }
    return cnn__model_add_named(model, layer, name, shares, inputs, json_array_size(list));
}

/* A list of sizes: H, W, C or n. */
static cnn_status read_shape(const cnn__json_place *place, const char *key, const json_t *list, cnn_shape *shape)
{
    const size_t rank = json_array_size(list);
    *shape = (cnn_shape){.rank = (uint32_t)rank};
    if (rank != 1 && rank != 3) {
        return cnn__json_bad(place, key, "a list of a sound size");
    }
    for (size_t i = 0; i < rank; i++) {
        int32_t size = 0;
        if (!int_from_json(json_array_get(list, i), &size) || size < 1) {
            return cnn__json_bad(place, key, "a list of sizes");
        }
        shape->dims[i] = size;
    }
    return CNN_OK;
}

/* Inputs after the first, which the model is created with. */
static cnn_status add_inputs(const cnn__json_place *place, cnn_model *model, const json_t *inputs)
{
    for (size_t i = 1; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        const char *name = NULL;
        json_t *list = NULL;
        cnn_shape shape;
        CNN__RETURN_IF_ERROR(cnn__json_string(place, input, "name", &name));
        CNN__RETURN_IF_ERROR(cnn__json_array(place, input, "shape", &list));
        CNN__RETURN_IF_ERROR(read_shape(place, "shape", list, &shape));
        CNN__RETURN_IF_ERROR(cnn_model_add_input(model, name, &shape));
    }
    return CNN_OK;
}

static cnn_status set_outputs(const cnn__json_place *place, cnn_model *model, const json_t *outputs)
{
    const char *names[CNN_MODEL_MAX_PORTS];
    const size_t count = json_array_size(outputs);
    if (count == 0 || count > CNN_MODEL_MAX_PORTS) {
        return cnn__json_bad(place, "outputs", "a list of 1 to 64 names");
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = json_string_value(json_array_get(outputs, i));
        if (names[i] == NULL) {
            return cnn__json_bad(place, "outputs", "a list of names");
        }
    }
    return cnn_model_set_outputs(model, names, count);
}

/* Names of models inside, each for one of their layers. */
static cnn_status add_models(const cnn__json_place *place, cnn_model *model, const json_t *models)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)models, key, value)
    {
        uint32_t reference, taken;
        const char *output = json_string_value(value);
        if (output == NULL || !cnn__model_find(model, output, &reference) || cnn__model_find(model, key, &taken) ||
            strlen(key) >= CNN__MAX_NAME) {
            return cnn__json_bad(place, "models", "a list of names of models and of their layers");
        }
        CNN__RETURN_IF_ERROR(cnn__model_alias(model, cnn__strdup(model->context, key), reference));
    }
    return CNN_OK;
}

static cnn_status add_graph(const cnn__json_place *place, cnn_model *model, const char *file, const json_t *object,
                            const json_t *layers)
{
    const json_t *inputs = json_object_get(object, "inputs"), *outputs = json_object_get(object, "outputs");
    CNN__RETURN_IF_ERROR(add_inputs(place, model, inputs));
    for (size_t i = 0; i < json_array_size(layers); i++) {
        CNN__RETURN_IF_ERROR(add_layer(model, file, i, json_array_get(layers, i)));
    }
    CNN__RETURN_IF_ERROR(add_models(place, model, json_object_get(object, "models")));
    return outputs != NULL ? set_outputs(place, model, outputs) : CNN_OK;
}

cnn_status cnn__architecture_from_json(cnn_context *context, const char *file, const json_t *object, cnn_model **model)
{
    const cnn__json_place place = {context, file, "architecture"};
    const char *name = NULL;
    json_t *input = NULL, *layers = NULL;
    cnn_model_options options = {.struct_size = sizeof(options)};
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, object, "name", &name));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, object, "input", &input));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, object, "layers", &layers));
    options.name = name;
    if (json_array_size(layers) > CNN__MAX_LAYERS) {
        return cnn__json_bad(&place, "layers", "a list of a sound size");
    }
    CNN__RETURN_IF_ERROR(read_shape(&place, "input", input, &options.shape));
    const json_t *inputs = json_object_get(object, "inputs");
    if (inputs != NULL) {
        CNN__RETURN_IF_ERROR(cnn__json_string(&place, json_array_get(inputs, 0), "name", &options.input_name));
    }
    CNN__RETURN_IF_ERROR(cnn_model_create(context, &options, model));
    cnn_status status = add_graph(&place, *model, file, object, layers);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
