/* SPDX-License-Identifier: MIT */
#include "format/fields.h"

#include <math.h>
#include <string.h>

#include <cnn/version.h>

#include "core/options.h"
#include "core/text.h"

/* ---- writing ---- */

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

void cnn__fields_to_json(cnn__json_writer *writer, const cnn__layer_type *type, const void *state)
{
    for (const cnn__field *field = type->fields; field != NULL && field->name != NULL; field++) {
        field_to_json(writer, field, state);
    }
}

/* ---- reading ---- */

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

cnn_status cnn__fields_from_json(const cnn__json_place *place, const cnn__layer_type *type, const cnn__json *fields,
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
