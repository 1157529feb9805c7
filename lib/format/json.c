/* SPDX-License-Identifier: MIT */
/* JSON that is not trusted: depth is checked before parsing, kinds and ranges when members are read. */
#include "format/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

/* Nesting of brackets outside of strings; the parser itself recurses, so this comes first. */
static int nesting(const char *text, size_t size)
{
    int depth = 0, most = 0;
    bool inside = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (inside) {
            i += c == '\\';
            inside = c != '"';
        } else if (c == '"') {
            inside = true;
        } else if (c == '{' || c == '[') {
            most = ++depth > most ? depth : most;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return most;
}

cnn_status cnn__json_parse(cnn_context *context, const char *name, const char *part, const char *text, size_t size,
                           json_t **object)
{
    json_error_t error;
    char reason[300];
    int depth = nesting(text, size);
    if (depth > CNN__JSON_DEPTH) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: %s: depth %d, at most %d", name, part, depth, CNN__JSON_DEPTH);
    }
    *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (*object == NULL) {
        bool memory = json_error_code(&error) == json_error_out_of_memory;
        return cnn__fail(context, memory ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_FORMAT, "%s: %s at byte %d: %s", name,
                         part, error.position, cnn__printable(error.text, reason, sizeof(reason)));
    }
    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return cnn__fail(context, CNN_ERROR_FORMAT, "%s: %s is not an object", name, part);
    }
    return CNN_OK;
}

cnn_status cnn__json_bad(const cnn__json_place *place, const char *key, const char *expected)
{
    char text[128];
    return cnn__fail(place->context, CNN_ERROR_FORMAT, "%s: %s: \"%s\" is missing or not %s", place->name, place->part,
                     cnn__printable(key, text, sizeof(text)), expected);
}

cnn_status cnn__json_string(const cnn__json_place *place, const json_t *object, const char *key, const char **value)
{
    const json_t *member = json_object_get(object, key);
    *value = json_string_value(member);
    /* A NUL inside would end the text early. */
    bool whole = *value != NULL && strlen(*value) == json_string_length(member);
    return whole ? CNN_OK : cnn__json_bad(place, key, "text");
}

cnn_status cnn__json_array(const cnn__json_place *place, const json_t *object, const char *key, json_t **value)
{
    *value = json_object_get(object, key);
    return json_is_array(*value) ? CNN_OK : cnn__json_bad(place, key, "a list");
}

cnn_status cnn__json_object(const cnn__json_place *place, const json_t *object, const char *key, json_t **value)
{
    *value = json_object_get(object, key);
    return json_is_object(*value) ? CNN_OK : cnn__json_bad(place, key, "an object");
}

cnn_status cnn__json_int(const cnn__json_place *place, const json_t *object, const char *key, int64_t low, int64_t high,
                         int64_t *value)
{
    const json_t *member = json_object_get(object, key);
    char expected[80];
    if (json_is_integer(member) && json_integer_value(member) >= low && json_integer_value(member) <= high) {
        *value = json_integer_value(member);
        return CNN_OK;
    }
    snprintf(expected, sizeof(expected), "a whole number of %" PRId64 " to %" PRId64, low, high);
    return cnn__json_bad(place, key, expected);
}

cnn_status cnn__json_real(const cnn__json_place *place, const json_t *object, const char *key, double *value)
{
    const json_t *member = json_object_get(object, key);
    *value = json_is_number(member) ? json_number_value(member) : NAN;
    return json_is_number(member) || json_is_null(member) ? CNN_OK : cnn__json_bad(place, key, "a number");
}

cnn_status cnn__json_u64(const cnn__json_place *place, const json_t *object, const char *key, uint64_t *value)
{
    const char *text = NULL, *rest = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, key, &text));
    const char *end = text + strlen(text);
    return cnn__parse_u64(text, end, value, &rest) && rest == end ? CNN_OK : cnn__json_bad(place, key, "a number");
}

json_t *cnn__json_from_real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *cnn__json_from_u64(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    return json_string(text);
}
