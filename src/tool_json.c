/* SPDX-License-Identifier: MIT */
/* Results as JSON: values in memory, and their text. */
#include "tool_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum json_kind {
    JSON_NULL,
    JSON_WORD,
    JSON_INTEGER,
    JSON_REAL,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_kind;

struct json_value {
    json_kind kind;
    unsigned references;
    bool broken; /* of a list or object: something did not fit into memory */
    bool truth;
    int64_t integer;
    double real;
    int digits; /* of a real number */
    char *text;
    size_t count, capacity;
    json_t **items;
    const char **keys; /* of an object, beside the items */
};

static json_t *make(json_kind kind)
{
    json_t *value = calloc(1, sizeof(*value));
    if (value != NULL) {
        value->kind = kind;
        value->references = 1;
    }
    return value;
}

json_t *json_object(void) { return make(JSON_OBJECT); }

json_t *json_array(void) { return make(JSON_ARRAY); }

json_t *json_null(void) { return make(JSON_NULL); }

json_t *json_string(const char *text)
{
    json_t *value = make(JSON_STRING);
    if (value != NULL && (value->text = strdup(text)) == NULL) {
        json_decref(value);
        return NULL;
    }
    return value;
}

json_t *json_integer(int64_t number)
{
    json_t *value = make(JSON_INTEGER);
    if (value != NULL) {
        value->integer = number;
    }
    return value;
}

json_t *json_real(double number)
{
    json_t *value = make(isfinite(number) ? JSON_REAL : JSON_NULL);
    if (value != NULL) {
        value->real = number;
        value->digits = 9; /* they hold every float32, which is what the library computes in */
    }
    return value;
}

json_t *json_boolean(bool truth)
{
    json_t *value = make(JSON_WORD);
    if (value != NULL) {
        value->truth = truth;
    }
    return value;
}

void json_decref(json_t *value)
{
    if (value == NULL || --value->references > 0) {
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        json_decref(value->items[i]); /* as deep as a result is */
    }
    free(value->items);
    free(value->keys);
    free(value->text);
    free(value);
}

static bool grow(json_t *container)
{
    const size_t capacity = container->capacity == 0 ? 8 : container->capacity * 2;
    json_t **items = realloc(container->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    container->items = items;
    const char **keys = realloc(container->keys, capacity * sizeof(*keys));
    if (keys == NULL) {
        return false;
    }
    container->keys = keys;
    container->capacity = capacity;
    return true;
}

static void put(json_t *container, const char *key, json_t *value)
{
    if (container == NULL || value == NULL || (container->count == container->capacity && !grow(container))) {
        if (container != NULL) {
            container->broken = true;
        }
        json_decref(value);
        return;
    }
    container->keys[container->count] = key;
    container->items[container->count++] = value;
}

void json_object_set_new(json_t *object, const char *key, json_t *value) { put(object, key, value); }

void json_object_set(json_t *object, const char *key, json_t *value)
{
    if (value != NULL) {
        value->references++;
    }
    put(object, key, value);
}

void json_object_update(json_t *object, json_t *from)
{
    for (size_t i = 0; from != NULL && i < from->count; i++) {
        json_object_set(object, from->keys[i], from->items[i]);
    }
    if (object != NULL && (from == NULL || from->broken)) {
        object->broken = true;
    }
}

void json_array_append_new(json_t *array, json_t *value) { put(array, NULL, value); }

size_t json_array_size(const json_t *array) { return array != NULL ? array->count : 0; }

json_t *json_array_get(const json_t *array, size_t index)
{
    return array != NULL && index < array->count ? array->items[index] : NULL;
}

/* The text that grows; `lost` without memory. */
typedef struct output {
    char *data;
    size_t size, capacity;
    bool lost;
} output;

static void append(output *out, const char *text)
{
    const size_t length = strlen(text);
    if (out->lost) {
        return;
    }
    if (out->capacity - out->size <= length) {
        const size_t capacity = (out->size + length + 1) * 2;
        char *data = realloc(out->data, capacity);
        if (data == NULL) {
            out->lost = true;
            return;
        }
        out->data = data;
        out->capacity = capacity;
    }
    memcpy(out->data + out->size, text, length + 1);
    out->size += length;
}

/* Bytes that are no UTF-8 become "\xNN" as in messages. JSON allows more in a text than a terminal should see: delete,
 * the C1 controls, and what turns the direction of writing become \u escapes, as the C0 controls have to. */
static void append_quoted(output *out, const char *text)
{
    append(out, "\"");
    while (*text != '\0') {
        uint32_t code = 0;
        bool hidden = false;
        char piece[16];
        const size_t length = tool_read_character(text, &code, &hidden);
        if (length == 0) {
            snprintf(piece, sizeof(piece), "\\\\x%02x", (unsigned)(unsigned char)*text);
        } else if (hidden) {
            snprintf(piece, sizeof(piece), "\\u%04x", (unsigned)code);
        } else {
            const bool special = *text == '"' || *text == '\\';
            snprintf(piece, sizeof(piece), "%s%.*s", special ? "\\" : "", (int)length, text);
        }
        append(out, piece);
        text += length > 0 ? length : 1;
    }
    append(out, "\"");
}

/* A real number looks like one. */
static void append_real(output *out, double value, int digits)
{
    char text[40];
    snprintf(text, sizeof(text), "%.*g", digits, value);
    char *exponent = strchr(text, 'e');
    if (exponent != NULL) {
        char *power = exponent + 1, *to = exponent + 1 + (*power == '-');
        power += 1 + strspn(power + 1, "0");
        memmove(to, power, strlen(power) + 1);
    }
    append(out, text);
    if (strpbrk(text, ".e") == NULL) {
        append(out, ".0");
    }
}

static void append_value(output *out, const json_t *value);

static void append_items(output *out, const json_t *value)
{
    append(out, value->kind == JSON_OBJECT ? "{" : "[");
    for (size_t i = 0; i < value->count; i++) {
        append(out, i > 0 ? ", " : "");
        if (value->kind == JSON_OBJECT) {
            append_quoted(out, value->keys[i]);
            append(out, ": ");
        }
        append_value(out, value->items[i]);
    }
    append(out, value->kind == JSON_OBJECT ? "}" : "]");
    out->lost = out->lost || value->broken;
}

static void append_value(output *out, const json_t *value)
{
    char number[24];
    switch (value->kind) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        append_items(out, value);
        break;
    case JSON_STRING:
        append_quoted(out, value->text);
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof(number), "%" PRId64, value->integer);
        append(out, number);
        break;
    case JSON_REAL:
        append_real(out, value->real, value->digits);
        break;
    case JSON_WORD:
        append(out, value->truth ? "true" : "false");
        break;
    default:
        append(out, "null");
    }
}

void tool_json_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, text != NULL ? json_string(text) : json_null());
}

void tool_json_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, json_real(value));
}

void tool_json_exact(json_t *object, const char *key, double value)
{
    json_t *real = json_real(value);
    if (real != NULL) {
        real->digits = 17;
    }
    json_object_set_new(object, key, real);
}

void tool_json_count(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((int64_t)value));
}

char *json_text(const json_t *value)
{
    output out = {NULL, 0, 0, value == NULL};
    if (value != NULL) {
        append_value(&out, value);
    }
    if (out.lost) {
        free(out.data);
        return NULL;
    }
    return out.data;
}

int tool_json_print(tool *run, json_t *object)
{
    char *text = json_text(object);
    json_decref(object);
    if (text == NULL) {
        return tool_fail_memory(run);
    }
    tool_print(run, "%s\n", text);
    tool_flush(run);
    free(text);
    return TOOL_DONE;
}
