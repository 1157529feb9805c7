/* SPDX-License-Identifier: MIT */
/* Numbers of JSON, and members of objects with their kinds and ranges checked. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/number.h"

bool cnn__json_to_int(const cnn__json *value, int64_t *number)
{
    if (!cnn__json_is(value, CNN__JSON_NUMBER)) {
        return false;
    }
    const char *end = value->text + value->size, *rest = NULL;
    const bool negative = value->text[0] == '-';
    uint64_t size = 0;
    if (!cnn__parse_u64(value->text + negative, end, &size, &rest) || rest != end ||
        size > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *number = negative ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

bool cnn__json_to_real(const cnn__json *value, double *number)
{
    const char *rest = NULL;
    return cnn__json_is(value, CNN__JSON_NUMBER) &&
           cnn__parse_double(value->text, value->text + value->size, number, &rest);
}

cnn_status cnn__json_bad(const cnn__json_place *place, const char *key, const char *expected)
{
    char text[128];
    return cnn__fail(place->context, CNN_ERROR_FORMAT, "%s: %s: \"%s\" is missing or not %s", place->name, place->part,
                     cnn__printable(key, text, sizeof(text)), expected);
}

cnn_status cnn__json_string(const cnn__json_place *place, const cnn__json *object, const char *key, const char **value)
{
    *value = cnn__json_text(cnn__json_get(object, key));
    return *value != NULL ? CNN_OK : cnn__json_bad(place, key, "text");
}

cnn_status cnn__json_array(const cnn__json_place *place, const cnn__json *object, const char *key,
                           const cnn__json **value)
{
    *value = cnn__json_get(object, key);
    return cnn__json_is(*value, CNN__JSON_ARRAY) ? CNN_OK : cnn__json_bad(place, key, "a list");
}

cnn_status cnn__json_object(const cnn__json_place *place, const cnn__json *object, const char *key,
                            const cnn__json **value)
{
    *value = cnn__json_get(object, key);
    return cnn__json_is(*value, CNN__JSON_OBJECT) ? CNN_OK : cnn__json_bad(place, key, "an object");
}

cnn_status cnn__json_int(const cnn__json_place *place, const cnn__json *object, const char *key, int64_t low,
                         int64_t high, int64_t *value)
{
    int64_t number;
    char expected[80];
    if (cnn__json_to_int(cnn__json_get(object, key), &number) && number >= low && number <= high) {
        *value = number;
        return CNN_OK;
    }
    snprintf(expected, sizeof(expected), "a whole number of %" PRId64 " to %" PRId64, low, high);
    return cnn__json_bad(place, key, expected);
}

cnn_status cnn__json_real(const cnn__json_place *place, const cnn__json *object, const char *key, double *value)
{
    const cnn__json *member = cnn__json_get(object, key);
    *value = NAN;
    return cnn__json_to_real(member, value) || cnn__json_is(member, CNN__JSON_NULL)
               ? CNN_OK
               : cnn__json_bad(place, key, "a number");
}

cnn_status cnn__json_u64(const cnn__json_place *place, const cnn__json *object, const char *key, uint64_t *value)
{
    const char *text = NULL, *rest = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, key, &text));
    const char *end = text + strlen(text);
    return cnn__parse_u64(text, end, value, &rest) && rest == end ? CNN_OK : cnn__json_bad(place, key, "a number");
}
