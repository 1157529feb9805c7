/* SPDX-License-Identifier: MIT */
/* Reading the command line by the command's option table. */
#include "tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const tool_option tool_common_options[] = {
    {"threads", "N", "threads that compute and decode; as many as there are processors if not given", TOOL_COUNT,
     offsetof(tool_common, threads), 1, 1024, NULL},
    {"backend", "NAME", "what computes, see `cnn version`; without it the variable CNN_BACKEND, else the best",
     TOOL_TEXT, offsetof(tool_common, backend), 0, 0, NULL},
    {"seed", "N", "of every random choice; 0 if not given", TOOL_COUNT, offsetof(tool_common, seed), 0,
     18446744073709551615.0, NULL},
    {"max-pixels", "N",
     "most pixels of an image, as it is decoded and after each step of preprocessing; 64M if not given", TOOL_SCALED,
     offsetof(tool_common, max_pixels), 1, 1e12, NULL},
    {"allow", "NAME=N",
     "what files may ask for, one or more such as jpeg_scans=200,json_depth=100; a message that refuses a file names "
     "the "
     "limit, and a name that is none of them lists them",
     TOOL_TEXT, offsetof(tool_common, limits), 0, 0, NULL},
    {"json", NULL, "results as JSON", TOOL_FLAG, offsetof(tool_common, json), 0, 0, NULL},
    {"quiet", NULL, "no progress, no notes and no warnings, only results and errors", TOOL_FLAG,
     offsetof(tool_common, quiet), 0, 0, NULL},
    {"help", NULL, "this text", TOOL_FLAG, offsetof(tool_common, help), 0, 0, NULL},
    {0},
};

/* More than any command has, those of every command included. */
#define MOST_OPTIONS 96

/* The option of that index in both tables put together; NULL past the end. */
static const tool_option *option_at(const tool_command *command, size_t index)
{
    for (const tool_option *option = command->options; option->name != NULL; option++) {
        if (index-- == 0) {
            return option;
        }
    }
    for (const tool_option *option = tool_common_options; option->name != NULL; option++) {
        if (index-- == 0) {
            return option;
        }
    }
    return NULL;
}

static const char *option_name(const void *command, size_t index)
{
    const tool_option *option = option_at(command, index);
    return option != NULL ? option->name : NULL;
}

/* Index of the option of that name, SIZE_MAX if there is none. */
static size_t find_option(const tool_command *command, const char *name, size_t size)
{
    for (size_t i = 0; i < MOST_OPTIONS && option_at(command, i) != NULL; i++) {
        const char *candidate = option_at(command, i)->name;
        if (strncmp(candidate, name, size) == 0 && candidate[size] == '\0') {
            return i;
        }
    }
    return SIZE_MAX;
}

/* "HxW" or "HxWxC"; one number is a square. */
static bool parse_size(const char *text, size_t most, int32_t size[3])
{
    size_t count = 0;
    size[0] = size[1] = size[2] = 0;
    for (;;) {
        char part[8] = "";
        size_t length = strcspn(text, "x");
        uint64_t value = 0;
        if (count == most || length >= sizeof(part)) {
            return false;
        }
        memcpy(part, text, length);
        if (!tool_parse_count(part, &value) || value < 1 || value > 32768) {
            return false;
        }
        size[count++] = (int32_t)value;
        if (text[length] == '\0') {
            break;
        }
        text += length + 1;
    }
    if (count == 1) {
        size[1] = size[0];
    }
    return most == 2 || count != 2 || size[2] == 0;
}

static int wrong_number(tool *run, const tool_option *option, const char *kind, const char *text)
{
    const bool any = option->maximum > 1e19; /* as much as a count can be */
    char most[32];
    snprintf(most, sizeof(most), any ? "2^64-1" : "%.15g", option->maximum);
    return tool_fail_usage(run, "--%s takes %s from %g to %s, not \"%s\"", option->name, kind, option->minimum, most,
                           text);
}

static int set_choice(tool *run, const tool_option *option, const char *text, const char **target)
{
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *target = option->choices[i];
            return TOOL_DONE;
        }
    }
    char list[512] = "";
    for (size_t i = 0, used = 0; option->choices[i] != NULL && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", option->choices[i]);
    }
    const char *nearest = tool_nearest(text, tool_list_name, option->choices);
    return tool_fail_usage(run, "--%s takes one of %s, not \"%s\"%s%s%s", option->name, list, text,
                           nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                           nearest != NULL ? "?" : "");
}

static int set_option(tool *run, const tool_option *option, const char *text, void *settings)
{
    char *target = (char *)settings + option->offset;
    switch (option->type) {
    case TOOL_FLAG:
        *(bool *)target = true;
        return TOOL_DONE;
    case TOOL_TEXT:
        *(const char **)target = text;
        return *text != '\0' ? TOOL_DONE : tool_fail_usage(run, "--%s is empty", option->name);
    case TOOL_COUNT:
    case TOOL_SCALED: {
        uint64_t value = 0;
        bool fine = option->type == TOOL_SCALED ? tool_parse_scaled(text, &value) : tool_parse_count(text, &value);
        if (!fine || (double)value < option->minimum || (double)value > option->maximum) {
            return wrong_number(run, option, "a whole number", text);
        }
        *(uint64_t *)target = value;
        return TOOL_DONE;
    }
    case TOOL_REAL: {
        double value = 0;
        if (!tool_parse_real(text, &value) || value < option->minimum || value > option->maximum) {
            return wrong_number(run, option, "a number", text);
        }
        *(double *)target = value;
        return TOOL_DONE;
    }
    case TOOL_SIZE:
        if (!parse_size(text, option->maximum > 2 ? 3 : 2, (int32_t *)target)) {
            return tool_fail_usage(run, "--%s takes a size of 1 to 32768 such as %s, not \"%s\"", option->name,
                                   option->maximum > 2 ? "150x150x3" : "150x150", text);
        }
        return TOOL_DONE;
    case TOOL_CHOICE:
        return set_choice(run, option, text, (const char **)target);
    }
    return TOOL_DONE;
}

static int unknown_option(tool *run, const char *word)
{
    char name[32] = "";
    const char *begin = word + strspn(word, "-");
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(begin, "="), begin);
    const char *nearest = tool_nearest(name, option_name, run->command);
    return tool_fail_usage(run, nearest != NULL ? "unknown option %s; did you mean --%s?" : "unknown option %s", word,
                           nearest);
}

/* Takes one option at arguments[*index], and its value, which may be the next word; counts it in `times`. */
static int take_option(tool *run, int count, char **arguments, int *index, void *settings, uint32_t *times)
{
    const char *word = arguments[*index];
    if (strcmp(word, "-h") == 0) {
        word = "--help";
    }
    size_t size = strcspn(word, "=");
    size_t found = size > 2 && word[1] == '-' ? find_option(run->command, word + 2, size - 2) : SIZE_MAX;
    if (found == SIZE_MAX) {
        return unknown_option(run, word);
    }
    const tool_option *option = option_at(run->command, found);
    times[found]++;
    const char *value = word[size] == '=' ? word + size + 1 : NULL;
    if (option->type == TOOL_FLAG) {
        return value == NULL ? set_option(run, option, NULL, settings)
                             : tool_fail_usage(run, "--%s takes no value", option->name);
    }
    if (value == NULL) {
        if (*index + 1 >= count) {
            return tool_fail_usage(run, "--%s needs a value: %s", option->name, option->argument);
        }
        value = arguments[++*index];
    }
    return set_option(run, option, value, settings);
}

/* Whoever repeats an option may have meant both values: the last one counts, and that is said. */
static void tell_repetitions(tool *run, const uint32_t times[MOST_OPTIONS])
{
    for (size_t i = 0; i < MOST_OPTIONS && option_at(run->command, i) != NULL; i++) {
        const tool_option *option = option_at(run->command, i);
        if (times[i] > 1 && option->type != TOOL_FLAG) {
            tool_note(run, "warning: --%s is given more than once; the last one counts", option->name);
        }
    }
}

int tool_parse(tool *run, int count, char **arguments, void *settings)
{
    const tool_command *command = run->command;
    memset(settings, 0, command->settings_size);
    for (const tool_option *option = command->options; option->name != NULL; option++) {
        if (option->type == TOOL_REAL) {
            *(double *)((char *)settings + option->offset) = NAN;
        }
    }
    run->common = settings;
    uint32_t times[MOST_OPTIONS] = {0};
    size_t operands = 0;
    bool only_operands = false;
    for (int i = 0; i < count; i++) {
        if (!only_operands && strcmp(arguments[i], "--") == 0) {
            only_operands = true;
        } else if (only_operands || arguments[i][0] != '-' || arguments[i][1] == '\0') {
            arguments[operands++] = arguments[i];
        } else {
            int result = take_option(run, count, arguments, &i, settings, times);
            if (result != TOOL_DONE) {
                return result;
            }
        }
    }
    run->operands = (const char *const *)arguments;
    run->operand_count = operands;
    if (run->common->help) {
        return TOOL_DONE;
    }
    tell_repetitions(run, times);
    for (size_t i = 0; i < operands; i++) {
        if (*arguments[i] == '\0') {
            return tool_fail_usage(run, "an argument is empty; usage: cnn %s %s", command->name, command->synopsis);
        }
    }
    if (operands < command->least_operands) {
        return tool_fail_usage(run, "too few arguments; usage: cnn %s %s", command->name, command->synopsis);
    }
    if (operands > command->most_operands) {
        return tool_fail_usage(run, "\"%s\" is one argument too many; usage: cnn %s %s",
                               arguments[command->most_operands], command->name, command->synopsis);
    }
    return TOOL_DONE;
}
