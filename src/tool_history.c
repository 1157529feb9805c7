/* SPDX-License-Identifier: MIT */
/* Histories as files. */
#include "tool_json.h"
#include "tool_train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void write_json(FILE *file, const cnn_history *history, size_t epoch)
{
    json_t *row = json_object();
    tool_json_count(row, "epoch", epoch + 1);
    for (size_t i = 0; i < cnn_history_columns(history); i++) {
        const char *column = cnn_history_column(history, i);
        tool_json_real(row, column, cnn_history_value(history, column, epoch));
    }
    char *text = json_text(row);
    json_decref(row);
    if (text != NULL) {
        fprintf(file, "%s\n", text);
    }
    free(text);
}

static void write_csv(FILE *file, const cnn_history *history, size_t epoch)
{
    fprintf(file, "%zu", epoch + 1);
    for (size_t i = 0; i < cnn_history_columns(history); i++) {
        double value = cnn_history_value(history, cnn_history_column(history, i), epoch);
        fprintf(file, isfinite(value) ? ",%.9g" : ",", value);
    }
    fputc('\n', file);
}

static void write_header(FILE *file, const cnn_history *history)
{
    fputs("epoch", file);
    for (size_t i = 0; i < cnn_history_columns(history); i++) {
        fprintf(file, ",%s", cnn_history_column(history, i));
    }
    fputc('\n', file);
}

int tool_log_history(tool *run, const char *path, const cnn_history *history, bool first)
{
    size_t epochs = cnn_history_epochs(history), size = 0;
    bool json = ends_with(path, ".json") || ends_with(path, ".jsonl");
    char *text = NULL;
    FILE *file = epochs > 0 ? open_memstream(&text, &size) : NULL;
    if (file == NULL) {
        return epochs > 0 ? tool_fail_memory(run) : TOOL_DONE;
    }
    if (first && !json) {
        write_header(file, history);
    }
    for (size_t epoch = first ? 0 : epochs - 1; epoch < epochs; epoch++) {
        (json ? write_json : write_csv)(file, history, epoch);
    }
    bool whole = fclose(file) == 0;
    int result = !whole  ? tool_fail_memory(run)
                 : first ? tool_save_bytes(run, path, text, size)
                         : tool_append_text(run, path, text);
    free(text);
    return result;
}
