/* SPDX-License-Identifier: MIT */
/* Arguments are read from left to right, so that the plus sign of a number's exponent ends nothing. */
#include "core/params.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"

#define MAX_TEXT 1024

cnn_status cnn__params_begin(cnn_context *context, const char *what, const char *text, cnn__param_reader *reader)
{
    if (text == NULL || strlen(text) > MAX_TEXT) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: %s", what,
                         text == NULL ? "no text given" : "the text is too long");
    }
    *reader = (cnn__param_reader){context, what, text, text, text + strlen(text)};
    return CNN_OK;
}

cnn_status cnn__params_refuse(const cnn__param_reader *reader, const char *format, ...)
{
    char reason[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return cnn__fail(reader->context, CNN_ERROR_INVALID_ARGUMENT, "%s: character %zu: %s", reader->what,
                     (size_t)(reader->at - reader->text) + 1, reason);
}

/* The next `length` bytes for a message, shortened; returns `buffer`. */
static const char *quote(const cnn__param_reader *reader, size_t length, char *buffer, size_t size)
{
    char copy[40];
    length = length < sizeof(copy) - 1 ? length : sizeof(copy) - 1;
    memcpy(copy, reader->at, length);
    copy[length] = '\0';
    return cnn__printable(copy, buffer, size);
}

size_t cnn__params_name_length(const cnn__param_reader *reader) { return strcspn(reader->at, ":,+"); }

/* Characters of the word here, which begins with a letter; 0: there is none. */
static size_t word_length(const cnn__param_reader *reader)
{
    return strspn(reader->at, "abcdefghijklmnopqrstuvwxyz") == 0
               ? 0
               : strspn(reader->at, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

bool cnn__params_same(const cnn__param_reader *reader, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(reader->at, word, length) == 0;
}

void cnn__params_append(char *list, size_t size, const char *item)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", item);
}

cnn_status cnn__params_fail_name(const cnn__param_reader *reader, size_t length, const char *list)
{
    char found[160];
    return cnn__params_refuse(reader, "expected one of %s, found \"%s\"", list,
                              quote(reader, length, found, sizeof(found)));
}

static int word_index(const cnn__param_reader *reader, size_t length, const char *const *words)
{
    for (int i = 0; words != NULL && words[i] != NULL; i++) {
        if (cnn__params_same(reader, length, words[i])) {
            return i;
        }
    }
    return -1;
}

static cnn_status read_value(cnn__param_reader *reader, const cnn__param *param, double *value)
{
    char found[160], list[64] = "";
    const char *rest = reader->at;
    if (param->words != NULL) {
        const size_t length = strcspn(reader->at, ",+"); /* a version may begin with a digit */
        const int index = word_index(reader, length, param->words);
        for (size_t i = 0; param->words[i] != NULL; i++) {
            cnn__params_append(list, sizeof(list), param->words[i]);
        }
        if (index < 0) {
            return cnn__params_refuse(reader, "expected %s as one of %s, found \"%s\"", param->name, list,
                                      quote(reader, length, found, sizeof(found)));
        }
        *value = index;
        rest += length;
    } else if (!cnn__parse_double(reader->at, reader->end, value, &rest)) {
        return cnn__params_refuse(reader, "expected %s as a number, found \"%s\"", param->name,
                                  quote(reader, strcspn(reader->at, ",+"), found, sizeof(found)));
    }
    reader->at = rest;
    return CNN_OK;
}

/* The parameter that the argument here is for; -1 with the error set. Leaves the reader at the value. */
static int find_param(cnn__param_reader *reader, const char *name, const cnn__param *params)
{
    const size_t length = word_length(reader);
    char found[160], list[256] = "";
    const bool named = reader->at[length] == '=';
    for (int i = 0; params != NULL && params[i].name != NULL; i++) {
        cnn__params_append(list, sizeof(list), params[i].name);
        if (named ? cnn__params_same(reader, length, params[i].name)
                  : word_index(reader, length, params[i].words) >= 0) {
            reader->at += named ? length + 1 : 0;
            return i;
        }
    }
    (void)cnn__params_refuse(reader, "%s has no \"%s\"; it has %s", name,
                             quote(reader, length > 0 ? length : strcspn(reader->at, ",+"), found, sizeof(found)),
                             list[0] != '\0' ? list : "no options");
    return -1;
}

cnn_status cnn__params_read(cnn__param_reader *reader, const char *name, const cnn__param *params, double *values)
{
    for (size_t i = 0; params != NULL && params[i].name != NULL; i++) {
        values[i] = NAN;
    }
    for (char before = ':'; *reader->at == before; before = ',') {
        reader->at++;
        const int index = find_param(reader, name, params);
        if (index < 0) {
            return CNN_ERROR_INVALID_ARGUMENT;
        }
        if (!isnan(values[index])) {
            return cnn__params_refuse(reader, "%s is given twice", params[index].name);
        }
        CNN__RETURN_IF_ERROR(read_value(reader, &params[index], &values[index]));
    }
    return *reader->at == '+' ? CNN_OK : cnn__params_end(reader);
}

cnn_status cnn__params_end(const cnn__param_reader *reader)
{
    char found[160];
    return *reader->at == '\0' ? CNN_OK
                               : cnn__params_refuse(reader, "unexpected \"%s\"",
                                                    quote(reader, strlen(reader->at), found, sizeof(found)));
}

cnn_status cnn__param_check(const cnn_context *context, const char *what, const char *name, const cnn__param *param,
                            double value)
{
    char low[32], high[32];
    const bool inside = value >= param->low && (param->below ? value < param->high : value <= param->high);
    if (inside && (!param->whole || value == floor(value))) {
        return CNN_OK;
    }
    return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s %s: %s is %g; expected a %snumber from %s %s %s", what,
                     name, param->name, value, param->whole ? "whole " : "",
                     cnn__format_double(param->low, low, sizeof(low)), param->below ? "to less than" : "to",
                     cnn__format_double(param->high, high, sizeof(high)));
}
