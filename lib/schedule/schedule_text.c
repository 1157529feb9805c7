/* SPDX-License-Identifier: MIT */
/* Text to schedules and back. The grammar:
 *
 *     schedule = [ "warmup" ":" arguments "+" ] part        part = kind [ ":" arguments ]
 *     arguments = argument { "," argument }                 argument = name "=" value | word
 *
 * It is read from left to right, so that the plus sign of a number's exponent is none between parts. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "schedule/schedule.h"

#define MAX_TEXT 1024

static const cnn__schedule_kind *const kinds[] = {
    &cnn__schedule_constant, &cnn__schedule_step,   &cnn__schedule_exponential,
    &cnn__schedule_cosine,   &cnn__schedule_warmup, &cnn__schedule_plateau,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

typedef struct parse_state {
    cnn_context *context;
    const char *text, *at, *end;
} parse_state;

static cnn_status refuse(const parse_state *parser, const char *format, ...) CNN_PRINTF(2, 3);

static cnn_status refuse(const parse_state *parser, const char *format, ...)
{
    char reason[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return cnn__fail(parser->context, CNN_ERROR_INVALID_ARGUMENT, "schedule: character %zu: %s",
                     (size_t)(parser->at - parser->text) + 1, reason);
}

/* The next `length` bytes for a message, shortened; returns `buffer`. */
static const char *quote(const parse_state *parser, size_t length, char *buffer, size_t size)
{
    char copy[40];
    length = length < sizeof(copy) - 1 ? length : sizeof(copy) - 1;
    memcpy(copy, parser->at, length);
    copy[length] = '\0';
    return cnn__printable(copy, buffer, size);
}

static size_t word_length(const parse_state *parser) { return strspn(parser->at, "abcdefghijklmnopqrstuvwxyz_"); }

static bool same(const parse_state *parser, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(parser->at, word, length) == 0;
}

static void append(char *list, size_t size, const char *item)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", item);
}

static int word_index(const parse_state *parser, size_t length, const char *const *words)
{
    for (int i = 0; words != NULL && words[i] != NULL; i++) {
        if (same(parser, length, words[i])) {
            return i;
        }
    }
    return -1;
}

/* ---- arguments ---- */

static cnn_status read_value(parse_state *parser, const cnn__schedule_param *param, double *value)
{
    char found[160], list[64] = "";
    const char *rest = parser->at;
    if (param->words != NULL) {
        const size_t length = word_length(parser);
        const int index = word_index(parser, length, param->words);
        for (size_t i = 0; param->words[i] != NULL; i++) {
            append(list, sizeof(list), param->words[i]);
        }
        if (index < 0) {
            return refuse(parser, "expected %s as one of %s, found \"%s\"", param->name, list,
                          quote(parser, length, found, sizeof(found)));
        }
        *value = index;
        rest += length;
    } else if (!cnn__parse_double(parser->at, parser->end, value, &rest)) {
        return refuse(parser, "expected %s as a number, found \"%s\"", param->name,
                      quote(parser, strcspn(parser->at, ",+"), found, sizeof(found)));
    }
    parser->at = rest;
    return CNN_OK;
}

/* The parameter that the argument here is for; -1 with the error set. Leaves the parser at the value. */
static int find_param(parse_state *parser, const cnn__schedule_kind *kind)
{
    const size_t length = word_length(parser);
    char found[160], list[128] = "";
    const bool named = parser->at[length] == '=';
    for (int i = 0; kind->params[i].name != NULL; i++) {
        append(list, sizeof(list), kind->params[i].name);
        if (named ? same(parser, length, kind->params[i].name)
                  : word_index(parser, length, kind->params[i].words) >= 0) {
            parser->at += named ? length + 1 : 0;
            return i;
        }
    }
    (void)refuse(parser, "%s has no \"%s\"; it has %s", kind->name,
                 quote(parser, length > 0 ? length : strcspn(parser->at, ",+"), found, sizeof(found)),
                 list[0] != '\0' ? list : "no options");
    return -1;
}

static cnn_status read_part(parse_state *parser, cnn__schedule_part *part)
{
    char found[160], list[128] = "";
    const size_t length = word_length(parser);
    part->kind = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        append(list, sizeof(list), kinds[i]->name);
        part->kind = same(parser, length, kinds[i]->name) ? kinds[i] : part->kind;
    }
    if (part->kind == NULL) {
        return refuse(parser, "expected one of %s, found \"%s\"", list,
                      quote(parser, strcspn(parser->at, ":,+"), found, sizeof(found)));
    }
    for (size_t i = 0; i < CNN__SCHEDULE_PARAMS; i++) {
        part->values[i] = NAN;
    }
    parser->at += length;
    for (char before = ':'; *parser->at == before; before = ',') {
        parser->at++;
        const int index = find_param(parser, part->kind);
        if (index < 0) {
            return CNN_ERROR_INVALID_ARGUMENT;
        }
        if (!isnan(part->values[index])) {
            return refuse(parser, "%s is given twice", part->kind->params[index].name);
        }
        CNN__RETURN_IF_ERROR(read_value(parser, &part->kind->params[index], &part->values[index]));
    }
    if (*parser->at != '+' && *parser->at != '\0') {
        return refuse(parser, "unexpected \"%s\"", quote(parser, strlen(parser->at), found, sizeof(found)));
    }
    return cnn__schedule_part_check(parser->context, part);
}

cnn_status cnn_schedule_create(cnn_context *context, const char *text, cnn_schedule **schedule)
{
    cnn__schedule_part warmup = {NULL, {0}}, main = {&cnn__schedule_constant, {0}};
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    if (text == NULL || strlen(text) > MAX_TEXT) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "schedule: %s",
                         text == NULL ? "no text given" : "the text is too long");
    }
    parse_state parser = {context, text, text, text + strlen(text)};
    CNN__RETURN_IF_ERROR(read_part(&parser, &main));
    if (main.kind == &cnn__schedule_warmup) {
        warmup = main;
        main = (cnn__schedule_part){&cnn__schedule_constant, {0}};
        if (*parser.at == '+') {
            parser.at++;
            CNN__RETURN_IF_ERROR(read_part(&parser, &main));
        }
    }
    if (*parser.at == '+' || main.kind == &cnn__schedule_warmup) {
        return refuse(&parser, "only a warm-up, and only one, goes before another schedule");
    }
    return cnn__schedule_new(context, &warmup, &main, schedule);
}

/* ---- to text ---- */

static void format_part(cnn__string *text, const cnn__schedule_part *part)
{
    char number[32];
    const char *before = ":";
    cnn__string_printf(text, "%s", part->kind->name);
    for (size_t i = 0; part->kind->params[i].name != NULL; i++) {
        const cnn__schedule_param *param = &part->kind->params[i];
        if (part->values[i] != param->unset) {
            cnn__string_printf(text, "%s%s=%s", before, param->name,
                               param->words != NULL ? param->words[(size_t)part->values[i]]
                                                    : cnn__format_double(part->values[i], number, sizeof(number)));
            before = ",";
        }
    }
}

char *cnn__schedule_format(const cnn_schedule *schedule)
{
    cnn__string text = {.context = schedule->context};
    if (schedule->warmup.kind != NULL) {
        format_part(&text, &schedule->warmup);
    }
    if (schedule->warmup.kind == NULL || schedule->main.kind != &cnn__schedule_constant) {
        cnn__string_printf(&text, "%s", schedule->warmup.kind != NULL ? "+" : "");
        format_part(&text, &schedule->main);
    }
    if (text.status != CNN_OK) {
        cnn__string_free(&text);
        return NULL;
    }
    return text.data;
}

bool cnn__schedule_find(const char *text, const char *name, const char **value, const char **end)
{
    const size_t length = strlen(name);
    for (const char *at = text; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            *value = at + length + 1;
            *end = *value + strcspn(*value, ",");
            return true;
        }
    }
    return false;
}
