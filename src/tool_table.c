/* SPDX-License-Identifier: MIT */
/* What samples are, as text. */
#include "tool_table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const tool_task_names[] = {"classes", "labels", "values", NULL};

const char *tool_task_name(cnn_task task)
{
    return tool_task_names[task == CNN_TASK_UNKNOWN ? 0 : task - CNN_TASK_CLASSES];
}

const char *const tool_part_names[] = {"train", "validation", "test", "all", NULL};

cnn_task tool_task(const char *name)
{
    cnn_task task = CNN_TASK_UNKNOWN;
    for (int i = 0; name != NULL && tool_task_names[i] != NULL; i++) {
        task = strcmp(name, tool_task_names[i]) == 0 ? (cnn_task)(CNN_TASK_CLASSES + i) : task;
    }
    return task;
}

bool tool_is_table(const char *path)
{
    static const char *const endings[] = {".csv", ".tsv", ".jsonl", ".ndjson"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *tool_task_text(cnn_task task)
{
    return task == CNN_TASK_LABELS ? "several labels" : task == CNN_TASK_VALUES ? "values" : "classes";
}

static char *join_targets(const cnn_dataset *dataset, const float *targets, size_t count, const char *separator)
{
    const bool values = cnn_dataset_task(dataset) == CNN_TASK_VALUES;
    char *text = strdup("");
    for (size_t i = 0; i < count && text != NULL; i++) {
        if (!values && targets[i] < 0.5f) {
            continue;
        }
        const char *name = cnn_dataset_class_name(dataset, i), *between = *text != '\0' ? separator : "";
        char *longer = values ? tool_format("%s%s%s %.6g", text, between, name != NULL ? name : "", (double)targets[i])
                              : tool_format("%s%s%s", text, between, name != NULL ? name : "");
        free(text);
        text = longer;
    }
    return text;
}

char *tool_sample_text(const cnn_dataset *dataset, size_t index, const char *separator)
{
    const size_t count = cnn_dataset_target_count(dataset);
    const int32_t label = cnn_dataset_label(dataset, index);
    if (count == 0 || label >= 0) {
        const char *name = label >= 0 ? cnn_dataset_class_name(dataset, (size_t)label) : "";
        return strdup(name != NULL ? name : "");
    }
    float *targets = calloc(count, sizeof(*targets));
    char *text = NULL;
    if (targets != NULL && cnn_dataset_targets(dataset, index, targets, count) == CNN_OK) {
        text = join_targets(dataset, targets, count, separator);
    } else if (targets != NULL) {
        text = strdup("");
    }
    free(targets);
    return text;
}

void tool_write_raw_field(FILE *file, const char *text)
{
    const size_t size = strlen(text);
    const bool spaces = text[0] == ' ' || (size > 0 && text[size - 1] == ' '); /* which readers leave out */
    const bool quoted = spaces || strpbrk(text, ",;\t\"\r\n") != NULL;
    fputs(quoted ? "\"" : "", file);
    for (const char *c = text; *c != '\0'; c++) {
        fputs(*c == '"' ? "\"\"" : (char[]){*c, '\0'}, file);
    }
    fputs(quoted ? "\"" : "", file);
}

void tool_write_field(FILE *file, const char *text)
{
    char *printable = tool_printable(text != NULL ? text : "");
    tool_write_raw_field(file, printable != NULL ? printable : "");
    free(printable);
}
