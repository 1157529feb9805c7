/* SPDX-License-Identifier: MIT */
/* The cells of a table in a file: comma-separated values, or a JSON object a line. */
#ifndef CNN_DATASET_SHEET_H
#define CNN_DATASET_SHEET_H

#include <cnn/context.h>

#include "core/memory.h"

/* Most columns of a file, and cells in all. Memory is a small multiple of the file's size, of which there is a limit
 * (CNN__LIMIT_TABLE_BYTES): a cell of comma-separated values takes a byte or more of it, and of JSON lines, where most
 * cells may be missing, there are no more than CNN__SHEET_CELLS_PER_BYTE, beside as many as a small table may have. */
#define CNN__SHEET_MAX_COLUMNS 4096
#define CNN__SHEET_MAX_CELLS ((size_t)1 << 27)
#define CNN__SHEET_CELLS_PER_BYTE 4
#define CNN__SHEET_SMALL ((size_t)1 << 16)

/* What a cell that is a JSON array begins with, and what stands before each of its items. */
#define CNN__SHEET_ITEM '\x1f'

typedef struct cnn__cell {
    uint32_t at;   /* where its text begins, ended by a NUL */
    uint32_t line; /* of the file, from 1 */
} cnn__cell;

typedef struct cnn__sheet {
    cnn_context *context;
    const char *name; /* of the file, for messages; borrowed */
    char *text;
    cnn__cell *columns; /* their names; of a table without a line of names empty ones */
    cnn__cell *cells;   /* rows x column_count */
    size_t column_count, rows;
    size_t column_capacity, cell_capacity;
    bool lines; /* JSON lines: a cell is a list by its brackets, never by separators within it */
} cnn__sheet;

/* Each takes `text`, a block of cnn__alloc() of size + 1 bytes whose last is NUL, over, also on failure; then nothing
 * is left to free. `name` is borrowed. A table without rows, or without a column, is CNN_ERROR_FORMAT. The second is
 * told by the first line what separates columns: commas, semicolons or tabs. */
cnn_status cnn__sheet_parse_lines(cnn_context *context, const char *name, char *text, size_t size, cnn__sheet *sheet);
cnn_status cnn__sheet_parse_values(cnn_context *context, const char *name, char *text, size_t size, cnn__sheet *sheet);
void cnn__sheet_free(cnn__sheet *sheet);

/* For both: room for a name or a cell more. */
cnn_status cnn__sheet_add_column(cnn__sheet *sheet, size_t at, size_t line);
cnn_status cnn__sheet_add_cell(cnn__sheet *sheet, size_t at, size_t line);

static inline const char *cnn__sheet_column(const cnn__sheet *sheet, size_t column)
{
    return sheet->text + sheet->columns[column].at;
}

static inline const cnn__cell *cnn__sheet_cell(const cnn__sheet *sheet, size_t row, size_t column)
{
    return &sheet->cells[row * sheet->column_count + column];
}

static inline const char *cnn__sheet_text(const cnn__sheet *sheet, size_t row, size_t column)
{
    return sheet->text + cnn__sheet_cell(sheet, row, column)->at;
}

/* Fails with `reason`, naming file, line and column. */
cnn_status cnn__sheet_fail(const cnn__sheet *sheet, cnn_status status, size_t row, size_t column, const char *reason,
                           ...) CNN_PRINTF(5, 6);

#endif
