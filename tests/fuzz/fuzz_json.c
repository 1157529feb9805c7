/* SPDX-License-Identifier: MIT */
/* Fuzz target: JSON is parsed, written again, and parsed to the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(cnn__json_writer *writer, const char *key, const cnn__json *value)
{
    int64_t whole;
    double real;
    switch (value->kind) {
    case CNN__JSON_OBJECT:
    case CNN__JSON_ARRAY:
        cnn__json_open(writer, key, value->kind == CNN__JSON_OBJECT ? '{' : '[');
        for (const cnn__json *item = cnn__json_first(value); item != NULL; item = cnn__json_next(value, item)) {
            const bool member = value->kind == CNN__JSON_OBJECT;
            write_value(writer, member ? item->text : NULL, item + member);
        }
        cnn__json_close(writer, value->kind == CNN__JSON_OBJECT ? '}' : ']');
        break;
    case CNN__JSON_STRING:
        cnn__json_put_string(writer, key, value->text);
        break;
    case CNN__JSON_NUMBER:
        if (cnn__json_to_int(value, &whole)) {
            cnn__json_put_int(writer, key, whole);
        } else {
            cnn__json_put_real(writer, key, cnn__json_to_real(value, &real) ? real : 0);
        }
        break;
    default:
        cnn__json_put_real(writer, key, (double)INFINITY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cnn_context *context;
    cnn__json_document first, second;
    if (context == NULL && cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    if (cnn__json_parse(context, "fuzz", "input", (const char *)data, size, &first) != CNN_OK) {
        return 0;
    }
    cnn__json_writer one = {.text = {.context = context}}, two = {.text = {.context = context}};
    write_value(&one, NULL, first.root);
    if (one.text.status != CNN_OK ||
        cnn__json_parse(context, "fuzz", "output", one.text.data, one.text.size, &second) != CNN_OK) {
        abort();
    }
    write_value(&two, NULL, second.root);
    if (two.text.status != CNN_OK || strcmp(one.text.data, two.text.data) != 0) {
        abort();
    }
    cnn__string_free(&one.text);
    cnn__string_free(&two.text);
    cnn__json_free(&first);
    cnn__json_free(&second);
    return 0;
}
