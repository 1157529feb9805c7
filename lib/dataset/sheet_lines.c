/* SPDX-License-Identifier: MIT */
/* JSON lines: an object a line, its members the columns, of which any may be missing in any line. Each line is parsed
 * twice: the columns are known when all names are. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/table.h"
#include "dataset/sheet.h"

typedef struct lines {
    cnn__sheet *sheet;
    cnn__string text; /* the texts of names and cells, each with its NUL */
    cnn__table names; /* of the columns: their numbers; the texts are in `owned` */
    char *owned[CNN__SHEET_MAX_COLUMNS];
    size_t count;
    size_t most; /* cells, those that lines lack included */
} lines;

/* Adds a column for each member that has none yet. */
static cnn_status find_columns(lines *self, const cnn__json *row, size_t line)
{
    cnn__sheet *sheet = self->sheet;
    for (const cnn__json *key = cnn__json_first(row); key != NULL; key = cnn__json_next(row, key)) {
        if (cnn__table_find(&self->names, key->text, NULL)) {
            continue;
        }
        const size_t at = self->text.size;
        cnn__string_append(&self->text, key->text, key->size + 1);
        CNN__RETURN_IF_ERROR(self->text.status);
        CNN__RETURN_IF_ERROR(cnn__sheet_add_column(sheet, at, line));
        char *name = cnn__strdup(sheet->context, key->text);
        if (name == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        self->owned[self->count] = name;
        CNN__RETURN_IF_ERROR(cnn__table_add(&self->names, name, self->count++));
    }
    return CNN_OK;
}

/* Appends the text of a value that is no container. */
static bool append_value(lines *self, const cnn__json *value)
{
    switch ((cnn__json_kind)value->kind) {
    case CNN__JSON_NUMBER:
    case CNN__JSON_STRING:
        cnn__string_append(&self->text, value->text, value->size);
        return memchr(value->text, CNN__SHEET_ITEM, value->size) == NULL;
    case CNN__JSON_TRUE:
    case CNN__JSON_FALSE:
        cnn__string_append(&self->text, value->kind == CNN__JSON_TRUE ? "1" : "0", 1);
        return true;
    default:
        return value->kind == CNN__JSON_NULL;
    }
}

static bool append_cell(lines *self, const cnn__json *value)
{
    static const char item = CNN__SHEET_ITEM;
    if (!cnn__json_is(value, CNN__JSON_ARRAY)) {
        return append_value(self, value);
    }
    if (cnn__json_count(value) == 0) {
        cnn__string_append(&self->text, &item, 1);
    }
    bool fine = true;
    for (const cnn__json *one = cnn__json_first(value); one != NULL && fine; one = cnn__json_next(value, one)) {
        cnn__string_append(&self->text, &item, 1);
        fine = append_value(self, one);
    }
    return fine;
}

/* The cells of a row: those that the line has not are empty. */
static cnn_status add_cells(lines *self, const cnn__json *row, size_t line)
{
    cnn__sheet *sheet = self->sheet;
    const size_t first = sheet->rows, nothing = 0; /* the text begins with a NUL */
    if (sheet->column_count > self->most - first) {
        return cnn__fail(sheet->context, CNN_ERROR_LIMIT,
                         "%s: line %zu: of %zu columns too many are missing in most lines", sheet->name, line,
                         sheet->column_count);
    }
    for (size_t i = 0; i < sheet->column_count; i++) {
        CNN__RETURN_IF_ERROR(cnn__sheet_add_cell(sheet, nothing, line));
    }
    for (const cnn__json *key = cnn__json_first(row); key != NULL; key = cnn__json_next(row, key)) {
        size_t column = 0;
        const size_t at = self->text.size;
        (void)cnn__table_find(&self->names, key->text, &column);
        if (!append_cell(self, key + 1)) {
            char text[64];
            return cnn__fail(sheet->context, CNN_ERROR_FORMAT,
                             "%s: line %zu, column \"%s\": expected text, a number or a list of these", sheet->name,
                             line, cnn__printable(key->text, text, sizeof(text)));
        }
        cnn__string_append(&self->text, "", 1);
        CNN__RETURN_IF_ERROR(self->text.status);
        if (self->text.size > UINT32_MAX) {
            return cnn__fail(sheet->context, CNN_ERROR_LIMIT, "%s: line %zu: the table is too large", sheet->name,
                             line);
        }
        sheet->cells[first + column].at = (uint32_t)at;
    }
    return CNN_OK;
}

typedef cnn_status (*use_row)(lines *self, const cnn__json *row, size_t line);

static cnn_status for_each(lines *self, const char *text, size_t size, use_row use)
{
    cnn__sheet *sheet = self->sheet;
    const char *end = text + size;
    size_t line = 1;
    for (const char *begin = text; begin < end; line++) {
        const char *newline = memchr(begin, '\n', (size_t)(end - begin)), *stop = newline != NULL ? newline : end;
        const size_t length = (size_t)(stop - begin);
        if (strspn(begin, " \t\r") < length) {
            char part[32];
            cnn__json_document row;
            snprintf(part, sizeof(part), "line %zu", line);
            CNN__RETURN_IF_ERROR(cnn__json_parse(sheet->context, sheet->name, part, begin, length, &row));
            cnn_status status = use(self, row.root, line);
            cnn__json_free(&row);
            CNN__RETURN_IF_ERROR(status);
        }
        begin = newline != NULL ? newline + 1 : end;
    }
    return CNN_OK;
}

static cnn_status read_all(lines *self, const char *text, size_t size)
{
    cnn__sheet *sheet = self->sheet;
    self->most = CNN__SHEET_CELLS_PER_BYTE * size + CNN__SHEET_SMALL;
    cnn__string_append(&self->text, "", 1);
    CNN__RETURN_IF_ERROR(for_each(self, text, size, find_columns));
    if (sheet->column_count == 0) {
        return cnn__fail(sheet->context, CNN_ERROR_FORMAT, "%s: the table has no rows", sheet->name);
    }
    CNN__RETURN_IF_ERROR(for_each(self, text, size, add_cells));
    sheet->rows /= sheet->column_count;
    return CNN_OK;
}

cnn_status cnn__sheet_parse_lines(cnn_context *context, const char *name, char *text, size_t size, cnn__sheet *sheet)
{
    *sheet = (cnn__sheet){.context = context, .name = name, .lines = true};
    lines *self = cnn__alloc_zero(context, sizeof(*self));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (self != NULL) {
        const size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        self->sheet = sheet;
        self->text.context = context;
        cnn__table_init(&self->names, context);
        status = read_all(self, text + mark, size - mark);
        sheet->text = self->text.data;
        for (size_t i = 0; i < CNN__SHEET_MAX_COLUMNS; i++) {
            cnn__free(context, self->owned[i]);
        }
        cnn__table_free(&self->names);
        cnn__free(context, self);
    }
    cnn__free(context, text);
    if (status != CNN_OK) {
        cnn__sheet_free(sheet);
    }
    return status;
}
