/* SPDX-License-Identifier: MIT */
/* Text: numbers, spelling, escapes, durations, lists. The command never calls setlocale(), so numbers have a point. */
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *tool_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    return size < 0 ? NULL : text;
}

/* Length of the UTF-8 sequence at `text` and its character, 0 if it is not valid. */
static size_t read_character(const unsigned char *text, uint32_t *code)
{
    if (text[0] < 0x80) {
        *code = text[0];
        return 1;
    }
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    *code = text[0] & (0xffu >> (length + 1));
    if (text[0] < 0xc2 || text[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (text[i] & 0x3fu);
    }
    bool overlong = (length == 3 && *code < 0x800) || (length == 4 && *code < 0x10000);
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return overlong || surrogate || *code > 0x10ffff ? 0 : length;
}

/* Controls, which terminals may obey, line and paragraph separators, and what turns the direction of writing. */
static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

size_t tool_read_character(const char *text, uint32_t *code, bool *hidden)
{
    size_t length = read_character((const unsigned char *)text, code);
    *hidden = length > 0 && is_hidden(*code);
    return length;
}

/* Length of the valid UTF-8 sequence of a printable character at `text`, 0 if there is none. */
static size_t printable_length(const unsigned char *text)
{
    uint32_t code = 0;
    size_t length = read_character(text, &code);
    return is_hidden(code) ? 0 : length;
}

char *tool_printable(const char *text)
{
    char *result = malloc(strlen(text) * 4 + 1);
    if (result == NULL) {
        return calloc(1, 1);
    }
    char *out = result;
    for (const unsigned char *in = (const unsigned char *)text; *in != '\0';) {
        size_t length = printable_length(in);
        if (length == 0) {
            out += sprintf(out, "\\x%02x", *in);
            in++;
        } else {
            memcpy(out, in, length);
            out += length;
            in += length;
        }
    }
    *out = '\0';
    return result;
}

/* Edits (insert, delete, replace, swap neighbours) that turn a into b, for words of up to 31 letters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][33];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > 31 || b_size > 31) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        before[j] = last[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            now[j] = swapped && before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b_size];
}

const char *tool_nearest(const char *word, const char *(*name)(const void *list, size_t index), const void *list)
{
    const char *nearest = NULL;
    size_t limit = strlen(word) / 3 + 1;
    for (size_t i = 0; name(list, i) != NULL; i++) {
        const char *candidate = name(list, i);
        bool begins = strlen(word) >= 3 && strncmp(candidate, word, strlen(word)) == 0;
        size_t distance = begins ? 1 : edit_distance(word, candidate);
        if (distance <= limit) {
            nearest = candidate;
            limit = distance > 0 ? distance - 1 : 0;
        }
    }
    return nearest;
}

const char *tool_list_name(const void *list, size_t index) { return ((const char *const *)list)[index]; }

bool tool_parse_count(const char *text, uint64_t *value)
{
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(text, NULL, 10);
    *value = number;
    return errno == 0;
}

bool tool_parse_scaled(const char *text, uint64_t *value)
{
    static const char suffixes[] = "kMG";
    char digits[24] = "";
    const size_t size = strlen(text);
    const char *suffix = size > 0 ? memchr(suffixes, text[size - 1], sizeof(suffixes) - 1) : NULL;
    const size_t length = suffix != NULL ? size - 1 : size;
    if (length >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, length);
    if (!tool_parse_count(digits, value)) {
        return false;
    }
    for (ptrdiff_t i = suffix != NULL ? suffix - suffixes : -1; i >= 0; i--) {
        if (*value > UINT64_MAX / 1000) {
            return false;
        }
        *value *= 1000;
    }
    return true;
}

bool tool_parse_real(const char *text, double *value)
{
    if (*text == '\0' || strspn(text, "+-.0123456789eE") != strlen(text)) {
        return false;
    }
    char *end = NULL;
    *value = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*value);
}

int tool_natural_compare(const char *a, const char *b)
{
    const char *whole_a = a, *whole_b = b;
    while (*a != '\0' && *b != '\0') {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t a_digits = strspn(a, "0123456789"), b_digits = strspn(b, "0123456789");
            int order = a_digits != b_digits ? (a_digits < b_digits ? -1 : 1) : memcmp(a, b, a_digits);
            if (order != 0) {
                return order;
            }
            a += a_digits;
            b += b_digits;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a != '\0' ? 1 : *b != '\0' ? -1 : strcmp(whole_a, whole_b);
}

const char *tool_duration(double seconds, char text[24])
{
    double whole = seconds < 0 || isnan(seconds) ? 0 : fmin(ceil(seconds), 359999999.0);
    unsigned long total = (unsigned long)whole;
    if (total >= 3600) {
        snprintf(text, 24, "%lu:%02lu:%02lu", total / 3600, total / 60 % 60, total % 60);
    } else {
        snprintf(text, 24, "%lu:%02lu", total / 60, total % 60);
    }
    return text;
}

const char *tool_bytes(uint64_t bytes, char text[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit < 6) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 24, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

size_t tool_columns(const char *text)
{
    size_t columns = 0;
    for (; *text != '\0'; text++) {
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return columns;
}

double tool_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

bool tool_list_add(tool_list *list, char *item)
{
    if (item != NULL && list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        char **items = reallocarray(list->items, capacity, sizeof(*items));
        if (items != NULL) {
            list->items = items;
            list->capacity = capacity;
        }
    }
    if (item == NULL || list->count == list->capacity) {
        free(item);
        return false;
    }
    list->items[list->count++] = item;
    return true;
}

bool tool_list_split(tool_list *list, const char *text)
{
    for (;;) {
        size_t size = strcspn(text, ",");
        if (!tool_list_add(list, strndup(text, size))) {
            return false;
        }
        if (text[size] == '\0') {
            return true;
        }
        text += size + 1;
    }
}

const char *tool_list_fault(const tool_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (*list->items[i] == '\0') {
            return "an empty name";
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(list->items[i], list->items[j]) == 0) {
                return "a name twice";
            }
        }
    }
    return NULL;
}

void tool_list_free(tool_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (tool_list){0};
}
