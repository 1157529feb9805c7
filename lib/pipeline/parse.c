/* SPDX-License-Identifier: MIT */
/* Pipeline text to steps. The grammar:
 *
 *     pipeline = [ step { "," step } ]        step  = name [ "=" argument { ":" argument } ]
 *     argument = [ name "=" ] value           value = word | HxW | number { "/" number }
 *
 * An argument without a name is the first parameter not yet given; a word is the first one that knows it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "pipeline/pipeline.h"

#define MAX_STEPS 64
#define MAX_TEXT 65536

typedef struct parse_state {
    cnn_context *context;
    const char *text; /* all of it */
    size_t number;    /* of the step, from 1 */
    const char *name; /* of the step; NULL while it is not known */
    bool given[CNN__STEP_PARAMS];
} parse_state;

static cnn_status refuse(const parse_state *parser, const char *at, const char *format, ...) CNN_PRINTF(3, 4);

static cnn_status refuse(const parse_state *parser, const char *at, const char *format, ...)
{
    char reason[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return cnn__fail(parser->context, CNN_ERROR_INVALID_ARGUMENT, "pipeline: step %zu%s%s%s, character %zu: %s",
                     parser->number, parser->name != NULL ? " (" : "", parser->name != NULL ? parser->name : "",
                     parser->name != NULL ? ")" : "", (size_t)(at - parser->text) + 1, reason);
}

/* The text [begin, end) for a message, shortened, with control bytes escaped; returns `buffer`. */
static const char *quote(const char *begin, const char *end, char *buffer, size_t size)
{
    char copy[48];
    size_t length = (size_t)(end - begin) < sizeof(copy) - 1 ? (size_t)(end - begin) : sizeof(copy) - 1;
    memcpy(copy, begin, length);
    copy[length] = '\0';
    return cnn__printable(copy, buffer, size);
}

static void append(char *list, size_t size, const char *item)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", item);
}

static const char *join_words(const char *const *words, char *list, size_t size)
{
    list[0] = '\0';
    for (size_t i = 0; words[i] != NULL; i++) {
        append(list, size, words[i]);
    }
    return list;
}

static bool same(const char *begin, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - begin) == length && memcmp(begin, word, length) == 0;
}

static int word_index(const char *const *words, const char *begin, const char *end)
{
    for (int i = 0; words != NULL && words[i] != NULL; i++) {
        if (same(begin, end, words[i])) {
            return i;
        }
    }
    return -1;
}

static const char *find_char(const char *begin, const char *end, char c)
{
    const char *found = memchr(begin, c, (size_t)(end - begin));
    return found != NULL ? found : end;
}

/* ---- values ---- */

static cnn_status check_bounds(const parse_state *parser, const char *at, const cnn__param *param, double value)
{
    char low[32], high[32];
    if (value >= param->low && value <= param->high) {
        return CNN_OK;
    }
    return refuse(parser, at, "%s is %s to %s", param->name, cnn__format_double(param->low, low, sizeof(low)),
                  cnn__format_double(param->high, high, sizeof(high)));
}

static cnn_status read_size(const parse_state *parser, const cnn__param *param, const char *begin, const char *end,
                            cnn__argument *argument)
{
    uint64_t sides[2];
    const char *rest = begin;
    bool fine = cnn__parse_u64(begin, end, &sides[0], &rest);
    sides[1] = sides[0];
    if (fine && rest < end && *rest == 'x') {
        fine = cnn__parse_u64(rest + 1, end, &sides[1], &rest);
    }
    if (!fine || rest != end) {
        char found[160];
        return refuse(parser, begin, "expected %s as HEIGHTxWIDTH, found \"%s\"", param->name,
                      quote(begin, end, found, sizeof(found)));
    }
    argument->count = 2;
    for (int i = 0; i < 2; i++) {
        argument->values[i] = (double)sides[i];
        CNN__RETURN_IF_ERROR(check_bounds(parser, begin, param, argument->values[i]));
    }
    return CNN_OK;
}

static cnn_status read_word(const parse_state *parser, const cnn__param *param, const char *begin, const char *end,
                            cnn__argument *argument)
{
    int index = word_index(param->words, begin, end);
    if (index < 0) {
        char found[160], list[128];
        return refuse(parser, begin, "expected %s as one of %s, found \"%s\"", param->name,
                      join_words(param->words, list, sizeof(list)), quote(begin, end, found, sizeof(found)));
    }
    argument->count = 1;
    argument->values[0] = index;
    return CNN_OK;
}

static cnn_status count_refused(const parse_state *parser, const cnn__param *param, const char *begin)
{
    if (param->min_count == param->max_count) {
        return refuse(parser, begin, "expected %s as %u number%s separated by \"/\"", param->name, param->min_count,
                      param->min_count == 1 ? "" : "s");
    }
    return refuse(parser, begin, "expected %s as %u to %u numbers separated by \"/\"", param->name, param->min_count,
                  param->max_count);
}

static cnn_status read_numbers(const parse_state *parser, const cnn__param *param, const char *begin, const char *end,
                               cnn__argument *argument)
{
    bool whole = param->type == CNN__PARAM_INT;
    const uint32_t least = whole ? 1 : param->min_count, most = whole ? 1 : param->max_count;
    argument->count = 0;
    for (const char *at = begin;; at++) {
        const char *rest, *stop = find_char(at, end, '/');
        double value;
        if (!cnn__parse_double(at, stop, &value, &rest) || rest != stop || (whole && value != floor(value))) {
            char found[160];
            return refuse(parser, at, "expected %s as a %snumber, found \"%s\"", param->name, whole ? "whole " : "",
                          quote(at, stop, found, sizeof(found)));
        }
        if (argument->count == most) {
            return count_refused(parser, param, begin);
        }
        CNN__RETURN_IF_ERROR(check_bounds(parser, at, param, value));
        argument->values[argument->count++] = value + 0.0; /* -0 becomes 0 */
        at = stop;
        if (at == end) {
            break;
        }
    }
    return argument->count < least ? count_refused(parser, param, begin) : CNN_OK;
}

static cnn_status read_value(const parse_state *parser, const cnn__param *param, const char *begin, const char *end,
                             cnn__argument *argument)
{
    switch (param->type) {
    case CNN__PARAM_SIZE:
        return read_size(parser, param, begin, end, argument);
    case CNN__PARAM_WORD:
        return read_word(parser, param, begin, end, argument);
    default:
        return read_numbers(parser, param, begin, end, argument);
    }
}

/* ---- arguments ---- */

static const char *join_params(const cnn__param *params, char *list, size_t size)
{
    list[0] = '\0';
    for (; params->name != NULL; params++) {
        append(list, size, params->name);
    }
    return list;
}

/* The parameter that an argument without a name is for; -1 if there is none. */
static int choose_param(const parse_state *parser, const cnn__param *params, const char *begin, const char *end)
{
    int first = -1;
    for (int i = 0; params[i].name != NULL; i++) {
        if (parser->given[i]) {
            continue;
        }
        if (word_index(params[i].words, begin, end) >= 0) {
            return i;
        }
        first = first < 0 ? i : first;
    }
    return first;
}

static cnn_status read_argument(parse_state *parser, const char *begin, const char *end, cnn__step *step)
{
    const cnn__param *params = step->kind->params;
    const char *equals = find_char(begin, end, '=');
    char found[160], list[160];
    int index = -1;
    if (equals == end) {
        index = choose_param(parser, params, begin, end);
        equals = begin - 1;
        if (index < 0) {
            return refuse(parser, begin, "one argument too many: \"%s\"", quote(begin, end, found, sizeof(found)));
        }
    } else {
        for (int i = 0; params[i].name != NULL; i++) {
            index = same(begin, equals, params[i].name) ? i : index;
        }
        if (index < 0) {
            bool none = params[0].name == NULL;
            return refuse(parser, begin, "unknown argument \"%s\"; there %s %s",
                          quote(begin, equals, found, sizeof(found)), none ? "are" : "is",
                          none ? "none" : join_params(params, list, sizeof(list)));
        }
    }
    if (parser->given[index]) {
        return refuse(parser, begin, "%s is given twice", params[index].name);
    }
    parser->given[index] = true;
    return read_value(parser, &params[index], equals + 1, end, &step->arguments[index]);
}

static cnn_status fill_defaults(const parse_state *parser, const char *end, cnn__step *step)
{
    for (int i = 0; step->kind->params[i].name != NULL; i++) {
        const cnn__param *param = &step->kind->params[i];
        if (parser->given[i]) {
            continue;
        }
        if (param->required) {
            return refuse(parser, end, "expected %s", param->name);
        }
        step->arguments[i].count = param->default_count;
        memcpy(step->arguments[i].values, param->defaults, sizeof(param->defaults));
    }
    return CNN_OK;
}

/* ---- steps ---- */

static const cnn__step_kind *find_kind(const char *begin, const char *end)
{
    for (size_t i = 0; cnn__step_kinds[i] != NULL; i++) {
        if (same(begin, end, cnn__step_kinds[i]->name)) {
            return cnn__step_kinds[i];
        }
    }
    return NULL;
}

static cnn_status refuse_name(const parse_state *parser, const char *begin, const char *end)
{
    char found[160], list[512] = "";
    for (size_t i = 0; cnn__step_kinds[i] != NULL; i++) {
        append(list, sizeof(list), cnn__step_kinds[i]->name);
    }
    if (begin == end) {
        return refuse(parser, begin, "expected a step, one of %s", list);
    }
    return refuse(parser, begin, "unknown step \"%s\"; steps are %s", quote(begin, end, found, sizeof(found)), list);
}

static cnn_status read_step(parse_state *parser, const char *begin, const char *end, cnn__step *step)
{
    const char *equals = find_char(begin, end, '=');
    memset(step, 0, sizeof(*step));
    memset(parser->given, 0, sizeof(parser->given));
    parser->name = NULL;
    step->kind = find_kind(begin, equals);
    if (step->kind == NULL) {
        return refuse_name(parser, begin, equals);
    }
    parser->name = step->kind->name;
    for (const char *at = equals; at < end;) {
        const char *stop = find_char(at + 1, end, ':');
        CNN__RETURN_IF_ERROR(read_argument(parser, at + 1, stop, step));
        at = stop;
    }
    CNN__RETURN_IF_ERROR(fill_defaults(parser, end, step));
    const char *wrong = step->kind->check != NULL ? step->kind->check(step) : NULL;
    return wrong != NULL ? refuse(parser, begin, "%s", wrong) : CNN_OK;
}

/* What a step's neighbours forbid. `run` is the first step of the affine run that this one continues. */
static cnn_status check_place(const parse_state *parser, const char *at, cnn__step *steps, size_t count, cnn__step *run)
{
    const cnn__step_kind *kind = steps[count].kind;
    for (size_t i = 0; i < count; i++) {
        const bool once = kind->views > 1 || kind->kind_class == CNN__STEP_DECODE;
        if (once && (steps[i].kind == kind || (kind->views > 1 && steps[i].kind->views > 1))) {
            return refuse(parser, at, "it can be there once");
        }
        if (kind->kind_class == CNN__STEP_DECODE && steps[i].kind->kind_class != CNN__STEP_DECODE) {
            return refuse(parser, at, "it says how files are decoded and comes before %s", steps[i].kind->name);
        }
        if (kind->unit && steps[i].kind->kind_class == CNN__STEP_VALUE) {
            return refuse(parser, at, "%s needs values in [0, 1] and comes before %s", kind->name,
                          steps[i].kind->name);
        }
    }
    for (cnn__step *other = run; other != NULL && other < steps + count; other++) {
        if (other->kind == kind) {
            return refuse(parser, at, "it is there twice among neighbours that become one warp");
        }
    }
    return CNN_OK;
}

/* Counts an affine step into its run, or begins one. */
static cnn__step *extend_run(cnn__step *step, cnn__step *run)
{
    if (step->kind->kind_class != CNN__STEP_AFFINE) {
        return NULL;
    }
    run = run != NULL ? run : step;
    run->run++;
    return run;
}

/* A run that has ended is more than a fill. */
static cnn_status check_run(parse_state *parser, const char *begin, const cnn__step *steps, const cnn__step *run)
{
    if (run != NULL && run->run == 1 && run->kind == &cnn__step_fill) {
        parser->number = (size_t)(run - steps) + 1;
        parser->name = run->kind->name;
        return refuse(parser, begin, "it stands beside rotate, shift, shear or zoom");
    }
    return CNN_OK;
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && *p == ' ') {
        p++;
    }
    return p;
}

static cnn_status read_steps(parse_state *parser, cnn__step *steps, size_t *count)
{
    const char *end = parser->text + strlen(parser->text), *run_begin = parser->text;
    cnn__step *run = NULL;
    for (const char *at = parser->text;; at++) {
        const char *stop = find_char(at, end, ','), *last = stop;
        at = skip_blanks(at, stop);
        while (last > at && last[-1] == ' ') {
            last--;
        }
        parser->number = *count + 1;
        CNN__RETURN_IF_ERROR(read_step(parser, at, last, &steps[*count]));
        CNN__RETURN_IF_ERROR(check_place(parser, at, steps, *count, run));
        cnn__step *next = extend_run(&steps[*count], run);
        if (next == NULL) {
            CNN__RETURN_IF_ERROR(check_run(parser, run_begin, steps, run));
        }
        run_begin = run == NULL ? at : run_begin;
        run = next;
        ++*count;
        at = stop;
        if (at == end) {
            return check_run(parser, run_begin, steps, run);
        }
    }
}

cnn_status cnn__pipeline_parse(cnn_context *context, const char *text, cnn__step **steps, size_t *count)
{
    parse_state parser = {.context = context, .text = text};
    const char *end = text + strnlen(text, MAX_TEXT + 1);
    size_t most = 1;
    *steps = NULL;
    *count = 0;
    for (const char *p = text; p < end; p++) {
        most += *p == ',';
    }
    if (most > MAX_STEPS || (size_t)(end - text) > MAX_TEXT) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "pipeline: more than %d steps or %d characters",
                         MAX_STEPS, MAX_TEXT);
    }
    cnn__step *made = cnn__alloc_array(context, most, sizeof(*made));
    if (made == NULL) {
        return cnn__last_status(context);
    }
    cnn_status status = skip_blanks(text, end) == end ? CNN_OK : read_steps(&parser, made, count);
    if (status != CNN_OK) {
        cnn__free(context, made);
        return status;
    }
    *steps = made;
    return CNN_OK;
}
