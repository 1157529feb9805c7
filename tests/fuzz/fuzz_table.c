/* SPDX-License-Identifier: MIT */
/* libFuzzer target: tables, comma-separated and JSON lines. The first byte says which. Files that they name are not
 * looked for: the cells are parsed, and what the samples are is found. */
#include <string.h>

#include "dataset/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void label_rows(cnn_context *context, const cnn__sheet *sheet)
{
    const cnn_files_options options = {.struct_size = sizeof(options), .part = "all"};
    cnn__manifest_columns columns;
    cnn__manifest manifest = {.base = {.context = context}};
    cnn__manifest_rows rows = {cnn__alloc_array(context, sheet->rows, sizeof(size_t)), sheet->rows};
    for (size_t i = 0; i < sheet->rows; i++) {
        rows.rows[i] = i;
    }
    if (cnn__manifest_find_columns(sheet, &options, &columns) == CNN_OK) {
        (void)cnn__manifest_label(&manifest, sheet, &columns, &options, &rows);
        cnn__free(context, columns.targets);
    }
    cnn__free(context, rows.rows);
    cnn__free(context, manifest.labels);
    cnn__free(context, manifest.first);
    cnn__free(context, manifest.ids);
    cnn__free(context, manifest.values);
    cnn__classes_free(&manifest.base.classes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_context *context;
    if (size == 0 || cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return 0;
    }
    char *text = cnn__alloc(context, size);
    cnn__sheet sheet;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    cnn_status status = (data[0] & 1) == 0 ? cnn__sheet_parse_values(context, "input", text, size - 1, &sheet)
                                           : cnn__sheet_parse_lines(context, "input", text, size - 1, &sheet);
    if (status == CNN_OK) {
        label_rows(context, &sheet);
        cnn__sheet_free(&sheet);
    }
    cnn_context_free(context);
    return 0;
}
