/* SPDX-License-Identifier: MIT */
/* Layers to JSON and back: the field tables of the layer kinds say what there is. */
#include "format/architecture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cnn/version.h>

#include "core/options.h"

static void ints_to_json(cnn__json_writer *writer, const char *key, const int32_t *values, uint32_t count)
{
    if (count == 1) {
        cnn__json_put_int(writer, key, values[0]);
        return;
    }
    cnn__json_open(writer, key, '[');
    for (uint32_t i = 0; i < count; i++) {
        cnn__json_put_int(writer, NULL, values[i]);
    }
    cnn__json_close(writer, ']');
}

static bool all_zeros(const int32_t *values, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && values[i] == 0) {
        i++;
    }
    return i == count;
}

static void floats_to_json(cnn__json_writer *writer, const char *key, const float *values, uint32_t count)
{
    uint32_t used = count;
    while (used > 0 && values[used - 1] == 0) {
        used--;
    }
    if (count == 1 && used == 1) {
        cnn__json_put_real(writer, key, (double)values[0]);
    } else if (used > 0) {
        cnn__json_open(writer, key, '[');
        for (uint32_t i = 0; i < used; i++) {
            cnn__json_put_real(writer, NULL, (double)values[i]);
        }
        cnn__json_close(writer, ']');
    }
}

/* What most layers do not have is left out, so that their files are as they always were. */
void cnn__regularizer_to_json(cnn__json_writer *writer, const char *key, const cnn_regularizer *regularizer)
{
    if (regularizer->l1 != 0 || regularizer->l2 != 0) {
        cnn__json_open(writer, key, '{');
        cnn__json_put_real(writer, "l1", (double)regularizer->l1);
        cnn__json_put_real(writer, "l2", (double)regularizer->l2);
        cnn__json_close(writer, '}');
    }
}

void cnn__constraint_to_json(cnn__json_writer *writer, const char *key, const cnn_constraint *constraint)
{
    if (constraint->kind != CNN_CONSTRAINT_NONE) {
        cnn__json_open(writer, key, '{');
        cnn__json_put_string(writer, "kind", cnn__constraint_names[constraint->kind]);
        cnn__json_put_int(writer, "axes", constraint->axes);
        cnn__json_put_real(writer, "low", (double)constraint->low);
        cnn__json_put_real(writer, "high", (double)constraint->high);
        cnn__json_put_real(writer, "rate", (double)constraint->rate);
        cnn__json_close(writer, '}');
    }
}

static void field_to_json(cnn__json_writer *writer, const cnn__field *field, const void *state)
{
    const void *place = (const char *)state + field->offset;
    switch (field->type) {
    case CNN__FIELD_INT:
        ints_to_json(writer, field->name, place, field->count);
        break;
    case CNN__FIELD_MORE_INTS:
        if (!all_zeros(place, field->count)) {
            ints_to_json(writer, field->name, place, field->count);
        }
        break;
    case CNN__FIELD_FLOAT:
        cnn__json_put_real(writer, field->name, (double)*(const float *)place);
        break;
    case CNN__FIELD_FLOATS:
        floats_to_json(writer, field->name, place, field->count);
        break;
    case CNN__FIELD_ENUM:
        cnn__json_put_string(writer, field->name, field->names[*(const int32_t *)place]);
        break;
    case CNN__FIELD_REGULARIZER:
        cnn__regularizer_to_json(writer, field->name, place);
        break;
    case CNN__FIELD_CONSTRAINT:
        cnn__constraint_to_json(writer, field->name, place);
        break;
    default: {
        const cnn_initializer *init = place;
        cnn__json_open(writer, field->name, '{');
        cnn__json_put_string(writer, "kind", cnn__initializer_names[init->kind]);
        cnn__json_put_real(writer, "value", (double)init->value);
        cnn__json_close(writer, '}');
    }
    }
}

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
    for (const cnn__field *field = type->fields; field != NULL && field->name != NULL; field++) {
        field_to_json(writer, field, node->layer->user);
    }
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

static bool int_from_json(const cnn__json *json, int32_t *value)
{
    int64_t number = 0;
    if (!cnn__json_to_int(json, &number) || number < INT32_MIN || number > INT32_MAX) {
        return false;
    }
    *value = (int32_t)number;
    return true;
}

static bool ints_from_json(const cnn__json *json, int32_t *values, uint32_t count)
{
    if (count == 1) {
        return int_from_json(json, values);
    }
    bool good = cnn__json_is(json, CNN__JSON_ARRAY) && cnn__json_count(json) == count;
    const cnn__json *item = good ? cnn__json_first(json) : NULL;
    for (uint32_t i = 0; good && i < count; i++, item = cnn__json_next(json, item)) {
        good = int_from_json(item, &values[i]);
    }
    return good;
}

static bool float_from_json(const cnn__json *json, float *value)
{
    double number = 0;
    if (!cnn__json_to_real(json, &number)) {
        return false;
    }
    *value = (float)number;
    return isfinite(*value);
}

/* Those that the list does not have stay 0. */
static bool floats_from_json(const cnn__json *json, float *values, uint32_t count)
{
    const size_t given = cnn__json_count(json);
    if (count == 1) {
        return float_from_json(json, values);
    }
    bool good = given >= 1 && given <= count;
    const cnn__json *item = good ? cnn__json_first(json) : NULL;
    for (size_t i = 0; i < given && good; i++, item = cnn__json_next(json, item)) {
        good = float_from_json(item, &values[i]);
    }
    return good;
}

static bool name_from_json(const char *const *names, const cnn__json *json, int32_t *value)
{
    const char *text = cnn__json_text(json);
    *value = text != NULL ? cnn__name_index(names, text) : -1;
    return *value >= 0;
}

/* Bytes of an option struct that a field takes. */
static size_t field_size(const cnn__field *field)
{
    switch (field->type) {
    case CNN__FIELD_INT:
    case CNN__FIELD_MORE_INTS:
        return (size_t)field->count * sizeof(int32_t);
    case CNN__FIELD_FLOATS:
        return (size_t)field->count * sizeof(float);
    case CNN__FIELD_FLOAT:
        return sizeof(float);
    case CNN__FIELD_ENUM:
        return sizeof(int32_t);
    case CNN__FIELD_REGULARIZER:
        return sizeof(cnn_regularizer);
    case CNN__FIELD_CONSTRAINT:
        return sizeof(cnn_constraint);
    default:
        return sizeof(cnn_initializer);
    }
}

/* What a field of this type has to be, for messages. */
static const char *expected_value(const cnn__field *field)
{
    switch (field->type) {
    case CNN__FIELD_INT:
    case CNN__FIELD_MORE_INTS:
        return field->count == 1 ? "a whole number" : "a list of as many whole numbers as it has";
    case CNN__FIELD_FLOAT:
        return "a finite number";
    case CNN__FIELD_FLOATS:
        return field->count == 1 ? "a finite number" : "a list of at most as many finite numbers as it has";
    case CNN__FIELD_ENUM:
        return "one of its words";
    case CNN__FIELD_REGULARIZER:
        return "a regularizer";
    case CNN__FIELD_CONSTRAINT:
        return "a constraint";
    default:
        return "an initializer";
    }
}

static bool regularizer_from_json(const cnn__json *json, cnn_regularizer *regularizer)
{
    return float_from_json(cnn__json_get(json, "l1"), &regularizer->l1) &&
           float_from_json(cnn__json_get(json, "l2"), &regularizer->l2);
}

static bool constraint_from_json(const cnn__json *json, cnn_constraint *constraint)
{
    int32_t axes = 0;
    const bool good = name_from_json(cnn__constraint_names, cnn__json_get(json, "kind"), &constraint->kind) &&
                      int_from_json(cnn__json_get(json, "axes"), &axes) && axes >= 0 &&
                      float_from_json(cnn__json_get(json, "low"), &constraint->low) &&
                      float_from_json(cnn__json_get(json, "high"), &constraint->high) &&
                      float_from_json(cnn__json_get(json, "rate"), &constraint->rate);
    constraint->axes = good ? (uint32_t)axes : 0;
    return good;
}

static bool field_from_json(const cnn__field *field, const cnn__json *json, void *options)
{
    void *place = (char *)options + field->offset;
    switch (field->type) {
    case CNN__FIELD_INT:
    case CNN__FIELD_MORE_INTS:
        return ints_from_json(json, place, field->count);
    case CNN__FIELD_FLOAT:
        return float_from_json(json, place);
    case CNN__FIELD_FLOATS:
        return floats_from_json(json, place, field->count);
    case CNN__FIELD_ENUM:
        return name_from_json(field->names, json, place);
    case CNN__FIELD_REGULARIZER:
        return regularizer_from_json(json, place);
    case CNN__FIELD_CONSTRAINT:
        return constraint_from_json(json, place);
    default: {
        cnn_initializer *init = place;
        return name_from_json(cnn__initializer_names, cnn__json_get(json, "kind"), &init->kind) &&
               float_from_json(cnn__json_get(json, "value"), &init->value);
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

static cnn_status fill_options(const cnn__json_place *place, const cnn__layer_type *type, const cnn__json *fields,
                               void *options)
{
    for (const cnn__json *key = cnn__json_first(fields); key != NULL; key = cnn__json_next(fields, key)) {
        const cnn__field *field = find_field(type, key->text);
        if (field == NULL) {
            char text[80];
            return cnn__fail(place->context, CNN_ERROR_VERSION, "%s: %s has the option \"%s\", unknown to version %s",
                             place->name, place->part, cnn__printable(key->text, text, sizeof(text)),
                             cnn_version_string());
        }
        /* The tables are the library's own, and yet what a file says is written only where there is room for it. */
        if (field->offset > type->options_size || field_size(field) > type->options_size - field->offset) {
            return cnn__fail(place->context, CNN_ERROR_UNSUPPORTED, "%s: %s: the option \"%s\" cannot be read",
                             place->name, place->part, field->name);
        }
        if (!field_from_json(field, key + 1, options)) {
            return cnn__json_bad(place, key->text, expected_value(field));
        }
    }
    return CNN_OK;
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
    cnn_status status = fill_options(place, type, fields, options);
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
        int32_t size = 0;
        good = int_from_json(item, &size) && size >= 1;
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
