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
        const char *name = node->inputs[i] == 0 ? "input" : model->nodes[node->inputs[i] - 1].name;
        json_array_append_new(inputs, json_string(name));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "type", type->kind.type, "name", node->name, "inputs", inputs, "options",
                     options);
}

cnn_status cnn__architecture_to_json(const cnn_model *model, json_t **object)
{
    json_t *layers = json_array(), *input = json_array();
    cnn_status status = layers != NULL && input != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < cnn__model_input(model)->rank; i++) {
        json_array_append_new(input, json_integer(cnn__model_input(model)->dims[i]));
    }
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
    return *object != NULL ? CNN_OK
                           : cnn__fail(model->context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory", model->name);
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

static cnn_status make_layer(const cnn__json_place *place, const cnn__layer_type *type, const char *name,
                             const json_t *fields, cnn_layer **layer)
{
    any_options options;
    const char *key;
    json_t *value;
    memset(&options, 0, sizeof(options));
    options.struct_size = type->options_size;
    options.named.name = name;
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
    CNN__RETURN_IF_ERROR(make_layer(&place, type, name, options, &layer));
    return cnn_model_add_after(model, layer, inputs, json_array_size(list));
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
    size_t rank = json_array_size(input);
    if ((rank != 1 && rank != 3) || json_array_size(layers) > CNN__MAX_LAYERS) {
        return cnn__json_bad(&place, rank != 1 && rank != 3 ? "input" : "layers", "a list of a sound size");
    }
    for (size_t i = 0; i < rank; i++) {
        if (!int_from_json(json_array_get(input, i), &options.input[i]) || options.input[i] < 1) {
            return cnn__json_bad(&place, "input", "a list of sizes");
        }
    }
    CNN__RETURN_IF_ERROR(cnn_model_create(context, &options, model));
    cnn_status status = CNN_OK;
    for (size_t i = 0; i < json_array_size(layers) && status == CNN_OK; i++) {
        status = add_layer(*model, file, i, json_array_get(layers, i));
    }
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
