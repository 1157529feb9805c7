/* SPDX-License-Identifier: MIT */
/* Comma-separated values as RFC 4180 and spreadsheets have them, parsed in place: a cell's text is shorter than what
 * stands for it in the file, and what ends it becomes its NUL. */
#include "dataset/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "image/image.h"

void cnn__sheet_free(cnn__sheet *sheet)
{
    if (sheet->context != NULL) {
        cnn__free(sheet->context, sheet->text);
        cnn__free(sheet->context, sheet->columns);
        cnn__free(sheet->context, sheet->cells);
    }
    *sheet = (cnn__sheet){.context = NULL};
}

static cnn_status add(cnn__sheet *sheet, cnn__cell **cells, size_t count, size_t *capacity, cnn__cell cell)
{
    if (count == *capacity) {
        const size_t wanted = *capacity < 32 ? 64 : *capacity * 2;
        cnn__cell *grown = cnn__realloc(sheet->context, *cells, wanted * sizeof(*grown));
        if (grown == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        *cells = grown;
        *capacity = wanted;
    }
    (*cells)[count] = cell;
    return CNN_OK;
}

cnn_status cnn__sheet_add_column(cnn__sheet *sheet, size_t at, size_t line)
{
    if (sheet->column_count == CNN__SHEET_MAX_COLUMNS) {
        return cnn__fail(sheet->context, CNN_ERROR_LIMIT, "%s: line %zu: more than %d columns", sheet->name, line,
                         CNN__SHEET_MAX_COLUMNS);
    }
    CNN__RETURN_IF_ERROR(add(sheet, &sheet->columns, sheet->column_count, &sheet->column_capacity,
                             (cnn__cell){(uint32_t)at, (uint32_t)line}));
    sheet->column_count++;
    return CNN_OK;
}

cnn_status cnn__sheet_add_cell(cnn__sheet *sheet, size_t at, size_t line)
{
    const size_t count = sheet->rows; /* counts cells until the table is whole */
    if (count == CNN__SHEET_MAX_CELLS) {
        return cnn__fail(sheet->context, CNN_ERROR_LIMIT, "%s: line %zu: more than %zu cells", sheet->name, line,
                         CNN__SHEET_MAX_CELLS);
    }
    CNN__RETURN_IF_ERROR(
        add(sheet, &sheet->cells, count, &sheet->cell_capacity, (cnn__cell){(uint32_t)at, (uint32_t)line}));
    sheet->rows++;
    return CNN_OK;
}

cnn_status cnn__sheet_fail(const cnn__sheet *sheet, cnn_status status, size_t row, size_t column, const char *reason,
                           ...)
{
    char text[512], title[80] = "", name[64];
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(text, sizeof(text), reason, arguments);
    va_end(arguments);
    if (cnn__sheet_column(sheet, column)[0] != '\0') {
        snprintf(title, sizeof(title), " (%s)", cnn__printable(cnn__sheet_column(sheet, column), name, sizeof(name)));
    }
    return cnn__fail(sheet->context, status, "%s: line %u, column %zu%s: %s", sheet->name,
                     cnn__sheet_cell(sheet, row, column)->line, column + 1, title, text);
}

/* ---- comma-separated values ---- */

typedef struct reader {
    cnn__sheet *sheet;
    size_t at, size;    /* in the text */
    size_t line, begin; /* the line that `at` is in, and where that begins */
    char separator;
} reader;

static cnn_status refuse(const reader *self, size_t line, size_t place, const char *reason)
{
    return cnn__fail(self->sheet->context, CNN_ERROR_FORMAT, "%s: line %zu, character %zu: %s", self->sheet->name, line,
                     place, reason);
}

static bool is_space(const reader *self, char c) { return c == ' ' || (c == '\t' && self->separator != '\t'); }

static bool ends_line(char c) { return c == '\n' || c == '\r'; }

static void skip_spaces(reader *self)
{
    while (self->at < self->size && is_space(self, self->sheet->text[self->at])) {
        self->at++;
    }
}

/* Behind a line's end: "\n", "\r\n", or "\r" alone. */
static void next_line(reader *self)
{
    const char *text = self->sheet->text;
    self->at += self->at + 1 < self->size && text[self->at] == '\r' && text[self->at + 1] == '\n' ? 2 : 1;
    self->line++;
    self->begin = self->at;
}

/* The text within quotes, of which two stand for one. */
static cnn_status read_quoted(reader *self, size_t *end)
{
    char *text = self->sheet->text;
    const size_t line = self->line, place = self->at - self->begin + 1;
    size_t to = ++self->at;
    for (; self->at < self->size; self->at++) {
        const char c = text[self->at];
        if (c == '"' && (self->at + 1 == self->size || text[self->at + 1] != '"')) {
            break;
        }
        self->at += c == '"';
        if (c == '\n' || (c == '\r' && (self->at + 1 == self->size || text[self->at + 1] != '\n'))) {
            self->line++;
            self->begin = self->at + 1;
        }
        text[to++] = c;
    }
    if (self->at == self->size) {
        return refuse(self, line, place, "the quotes that begin here do not end");
    }
    self->at++;
    skip_spaces(self);
    if (self->at < self->size && text[self->at] != self->separator && !ends_line(text[self->at])) {
        return refuse(self, self->line, self->at - self->begin + 1, "text after the quotes that end a column");
    }
    *end = to;
    return CNN_OK;
}

/* Reads the cell at `at`; *last says whether it ends the line. What lies after it has been passed. */
static cnn_status read_cell(reader *self, size_t *start, size_t *line, bool *last)
{
    char *text = self->sheet->text;
    skip_spaces(self);
    *start = self->at;
    *line = self->line;
    size_t end = 0;
    if (self->at < self->size && text[self->at] == '"') {
        CNN__RETURN_IF_ERROR(read_quoted(self, &end));
        ++*start;
    } else {
        while (self->at < self->size && text[self->at] != self->separator && !ends_line(text[self->at])) {
            self->at++;
        }
        for (end = self->at; end > *start && is_space(self, text[end - 1]); end--) {
        }
    }
    *last = self->at == self->size || text[self->at] != self->separator;
    if (self->at < self->size && *last) {
        next_line(self);
    } else if (self->at < self->size) {
        self->at++;
    }
    text[end] = '\0';
    return CNN_OK;
}

/* Whether a line holds nothing; then it is passed. */
static bool skip_empty_line(reader *self)
{
    size_t at = self->at;
    while (at < self->size && is_space(self, self->sheet->text[at])) {
        at++;
    }
    if (at < self->size && !ends_line(self->sheet->text[at])) {
        return false;
    }
    self->at = at;
    if (at < self->size) {
        next_line(self);
    }
    return true;
}

/* The first of comma, tab and semicolon that lies outside quotes in the first line. */
static char find_separator(const char *text, size_t size)
{
    bool quoted = false;
    for (size_t i = 0; i < size && (quoted || !ends_line(text[i])); i++) {
        quoted = text[i] == '"' ? !quoted : quoted;
        if (!quoted && (text[i] == ',' || text[i] == '\t' || text[i] == ';')) {
            return text[i];
        }
    }
    return ',';
}

static cnn_status read_row(reader *self, bool first)
{
    cnn__sheet *sheet = self->sheet;
    size_t start, line = self->line, columns = 0;
    const size_t began = self->line;
    for (bool last = false; !last; columns++) {
        CNN__RETURN_IF_ERROR(read_cell(self, &start, &line, &last));
        if (first) {
            CNN__RETURN_IF_ERROR(cnn__sheet_add_column(sheet, start, line));
        } else if (columns < sheet->column_count) {
            CNN__RETURN_IF_ERROR(cnn__sheet_add_cell(sheet, start, line));
        }
    }
    return first || columns == sheet->column_count
               ? CNN_OK
               : cnn__fail(sheet->context, CNN_ERROR_FORMAT,
                           "%s: line %zu: found %zu columns, expected %zu as in the "
                           "first line",
                           sheet->name, began, columns, sheet->column_count);
}

/* A table whose first line is a row of images has no names: that line becomes the first row. */
static cnn_status take_first_line(cnn__sheet *sheet, size_t nothing)
{
    if (cnn_image_name_format(cnn__sheet_column(sheet, 0)) == CNN_IMAGE_UNKNOWN) {
        return CNN_OK;
    }
    for (size_t i = 0; i < sheet->column_count; i++) {
        CNN__RETURN_IF_ERROR(cnn__sheet_add_cell(sheet, sheet->columns[i].at, sheet->columns[i].line));
        sheet->columns[i].at = (uint32_t)nothing;
    }
    return CNN_OK;
}

static cnn_status read_all(reader *self)
{
    cnn__sheet *sheet = self->sheet;
    bool first = true;
    while (self->at < self->size) {
        if (skip_empty_line(self)) {
            continue;
        }
        CNN__RETURN_IF_ERROR(read_row(self, first));
        if (first) {
            CNN__RETURN_IF_ERROR(take_first_line(sheet, self->size));
        }
        first = false;
    }
    if (sheet->rows == 0) {
        return cnn__fail(sheet->context, CNN_ERROR_FORMAT, "%s: the table has no rows", sheet->name);
    }
    sheet->rows /= sheet->column_count;
    return CNN_OK;
}

/* What other encodings than UTF-8 begin with, and bytes that no text has. */
static cnn_status check_text(cnn_context *context, const char *name, const char *text, size_t size)
{
    if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        return cnn__fail(context, CNN_ERROR_FORMAT, "%s: is written in UTF-16, expected UTF-8", name);
    }
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL) {
        size_t line = 1;
        for (const char *c = text; c < nul; c++) {
            line += *c == '\n';
        }
        return cnn__fail(context, CNN_ERROR_FORMAT, "%s: line %zu: a NUL byte: it is no text", name, line);
    }
    return CNN_OK;
}

cnn_status cnn__sheet_parse_values(cnn_context *context, const char *name, char *text, size_t size, cnn__sheet *sheet)
{
    *sheet = (cnn__sheet){.context = context, .name = name, .text = text};
    cnn_status status = check_text(context, name, text, size);
    reader self = {.sheet = sheet, .size = size, .line = 1};
    if (status == CNN_OK) {
        self.at = self.begin = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        self.separator = find_separator(text + self.at, size - self.at);
        status = read_all(&self);
    }
    if (status != CNN_OK) {
        cnn__sheet_free(sheet);
    }
    return status;
}
