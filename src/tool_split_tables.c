/* SPDX-License-Identifier: MIT */
/* Writing tables of images. */
#include "tool_split_tables.h"

#include "tool_copy.h"
#include "tool_json.h"
#include "tool_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct writer {
    tool *run;
    const cnn_dataset *data;
    const char *path;
    char *folder; /* of the table: its real path, with a slash */
    FILE *file;
    const int32_t *parts;
    const char *const *names;
    bool grouped, weighted, lines;
    float *targets;
} writer;

static bool has_groups(const cnn_dataset *data)
{
    for (size_t i = 0; i < cnn_dataset_count(data); i++) {
        if (cnn_dataset_group(data, i) >= 0) {
            return true;
        }
    }
    return false;
}

/* The real path of the folder that the table lies in, or will; malloc'ed, NULL if it is not there. */
static char *real_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : tool_format("%.*s", (int)(slash == path ? 1 : slash - path), path);
    char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    char *made = real != NULL ? tool_format("%s%s", real, real[strlen(real) - 1] == '/' ? "" : "/") : NULL;
    free(folder);
    free(real);
    return made;
}

/* The path of an image as the table has it: relative where it lies below the table's folder. malloc'ed. */
static char *table_path(const writer *self, const char *image)
{
    char *real = realpath(image, NULL);
    const size_t size = strlen(self->folder);
    char *made = real != NULL ? strdup(strncmp(real, self->folder, size) == 0 ? real + size : real) : NULL;
    free(real);
    return made != NULL ? made : strdup(image);
}

static bool is_whole(const char *name) { return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0'; }

static bool is_number(const char *name)
{
    char *end = NULL;
    const double value = strtod(name, &end);
    return end != name && *end == '\0' && isfinite(value);
}

/* Says it where the names of the classes would be read as values: all are numbers, and not all are whole ones. */
static void tell_numbers(tool *run, const cnn_dataset *data)
{
    size_t numbers = 0, whole = 0;
    const size_t count = cnn_dataset_task(data) == CNN_TASK_CLASSES ? cnn_dataset_class_count(data) : 0;
    for (size_t i = 0; i < count; i++) {
        numbers += is_number(cnn_dataset_class_name(data, i));
        whole += is_whole(cnn_dataset_class_name(data, i));
    }
    if (numbers == count && whole < count) {
        tool_note(run, "the names of the classes are numbers: --task classes reads the table as it was meant");
    }
}

/* Whether a name would be read as several labels. */
static int check_names(const writer *self)
{
    const bool named = cnn_dataset_task(self->data) != CNN_TASK_VALUES && !self->lines;
    for (size_t i = 0; named && i < cnn_dataset_class_count(self->data); i++) {
        const char *name = cnn_dataset_class_name(self->data, i);
        if (strpbrk(name, "|;") != NULL) {
            return tool_fail(self->run, "%s: label \"%s\" has a separator of labels in it: write a .jsonl table",
                             self->path, name);
        }
    }
    return TOOL_DONE;
}

/* ---- CSV ---- */

static void write_header(const writer *self)
{
    const cnn_task task = cnn_dataset_task(self->data);
    fputs("path", self->file);
    for (size_t i = 0; task == CNN_TASK_VALUES && i < cnn_dataset_target_count(self->data); i++) {
        fputc(',', self->file);
        tool_write_raw_field(self->file, cnn_dataset_class_name(self->data, i));
    }
    if (task != CNN_TASK_VALUES && cnn_dataset_class_count(self->data) > 0) {
        fputs(task == CNN_TASK_LABELS ? ",labels" : ",label", self->file);
    }
    fputs(self->parts != NULL ? ",split" : "", self->file);
    fputs(self->weighted ? ",weight" : "", self->file);
    fputs(self->grouped ? ",group\n" : "\n", self->file);
}

static int write_row(const writer *self, size_t index)
{
    const cnn_task task = cnn_dataset_task(self->data);
    char *path = table_path(self, cnn_dataset_path(self->data, index));
    char *text = task != CNN_TASK_VALUES ? tool_sample_text(self->data, index, "|") : NULL;
    const bool fine = path != NULL && (text != NULL || task == CNN_TASK_VALUES);
    if (fine) {
        tool_write_raw_field(self->file, path);
        for (size_t i = 0; task == CNN_TASK_VALUES && i < cnn_dataset_target_count(self->data); i++) {
            const double value = (double)self->targets[i];
            /* With a point, so that it is read as a number and not as the name of a class. */
            fprintf(self->file, value == floor(value) && fabs(value) < 1e9 ? ",%.1f" : ",%.9g", value);
        }
        if (task != CNN_TASK_VALUES && cnn_dataset_class_count(self->data) > 0) {
            fputc(',', self->file);
            tool_write_raw_field(self->file, text);
        }
        if (self->parts != NULL) {
            fprintf(self->file, ",%s", self->names[self->parts[index]]);
        }
        if (self->weighted) {
            fprintf(self->file, ",%.9g", (double)cnn_dataset_weight(self->data, index));
        }
        if (self->grouped && cnn_dataset_group(self->data, index) >= 0) {
            fprintf(self->file, ",%lld", (long long)cnn_dataset_group(self->data, index));
        } else if (self->grouped) {
            fputc(',', self->file);
        }
        fputc('\n', self->file);
    }
    free(path);
    free(text);
    return fine ? TOOL_DONE : tool_fail_memory(self->run);
}

/* ---- JSON lines ---- */

static void add_label(const writer *self, size_t index, json_t *row)
{
    const cnn_task task = cnn_dataset_task(self->data);
    const int32_t label = cnn_dataset_label(self->data, index);
    json_t *list = task == CNN_TASK_LABELS ? json_array() : NULL;
    for (size_t i = 0; task > CNN_TASK_CLASSES && i < cnn_dataset_target_count(self->data); i++) {
        const char *name = cnn_dataset_class_name(self->data, i);
        if (task == CNN_TASK_VALUES) {
            tool_json_real(row, name, (double)self->targets[i]);
        } else if (self->targets[i] > 0.5f) {
            json_array_append_new(list, json_string(name));
        }
    }
    if (list != NULL) {
        json_object_set_new(row, "labels", list);
    } else if (label >= 0) {
        tool_json_text(row, "label", cnn_dataset_class_name(self->data, (size_t)label));
    }
}

/* Whether JSON, which is UTF-8, can hold a text as it is. */
static bool is_utf8(const char *text)
{
    for (size_t size = 1; *text != '\0' && size > 0; text += size) {
        uint32_t code;
        bool hidden;
        size = tool_read_character(text, &code, &hidden);
    }
    return *text == '\0';
}

static int write_line(const writer *self, size_t index)
{
    json_t *row = json_object();
    char *path = table_path(self, cnn_dataset_path(self->data, index));
    tool_json_text(row, "path", path);
    add_label(self, index, row);
    if (self->parts != NULL) {
        tool_json_text(row, "split", self->names[self->parts[index]]);
    }
    if (self->weighted) {
        tool_json_real(row, "weight", (double)cnn_dataset_weight(self->data, index));
    }
    if (self->grouped && cnn_dataset_group(self->data, index) >= 0) {
        tool_json_count(row, "group", (uint64_t)cnn_dataset_group(self->data, index));
    }
    char *text = json_text(row);
    if (text != NULL) {
        fprintf(self->file, "%s\n", text);
    }
    int result = path != NULL && text != NULL ? TOOL_DONE : tool_fail_memory(self->run);
    if (result == TOOL_DONE && !is_utf8(path)) {
        result = tool_fail(self->run, "%s: the path %s is not UTF-8, as JSON has to be: write a .csv table", self->path,
                           path);
    }
    free(text);
    free(path);
    json_decref(row);
    return result;
}

static int write_all(writer *self)
{
    int result = TOOL_DONE;
    const size_t targets = cnn_dataset_target_count(self->data);
    if (!self->lines) {
        write_header(self);
    }
    for (size_t i = 0; i < cnn_dataset_count(self->data) && result == TOOL_DONE; i++) {
        if (self->parts != NULL && self->parts[i] < 0) {
            continue;
        }
        if (cnn_dataset_path(self->data, i) == NULL) {
            return tool_fail(self->run, "its images are no files of their own: nothing to list");
        }
        if (targets > 0 && cnn_dataset_targets(self->data, i, self->targets, targets) != CNN_OK) {
            return tool_fail(self->run, "%s", cnn_last_error(self->run->context));
        }
        result = (self->lines ? write_line : write_row)(self, i);
    }
    return result;
}

static int write_table(tool *run, const cnn_dataset *data, const char *path, const int32_t *parts,
                       const char *const *names)
{
    char *text = NULL;
    size_t size = 0;
    const char *dot = strrchr(path, '.');
    writer self = {.run = run, .data = data, .path = path, .parts = parts, .names = names};
    self.lines = dot != NULL && (strcasecmp(dot, ".jsonl") == 0 || strcasecmp(dot, ".ndjson") == 0);
    self.grouped = has_groups(data);
    self.weighted = cnn_dataset_weighted(data);
    self.folder = real_folder(path);
    if (self.folder == NULL) {
        return tool_fail(run, "%s: its folder: %s", path, strerror(errno));
    }
    self.targets = calloc(cnn_dataset_target_count(data) + 1, sizeof(*self.targets));
    self.file = self.targets != NULL ? open_memstream(&text, &size) : NULL;
    int result = self.file != NULL ? check_names(&self) : tool_fail_memory(run);
    result = result == TOOL_DONE ? write_all(&self) : result;
    const bool whole = self.file != NULL && fclose(self.file) == 0;
    if (result == TOOL_DONE) {
        result = tool_save_bytes(run, path, whole ? text : NULL, size);
    }
    free(text);
    free(self.targets);
    free(self.folder);
    return result;
}

int tool_write_table(tool *run, const cnn_dataset *data, const char *path, const int32_t *parts,
                     const char *const *names)
{
    int result = write_table(run, data, path, parts, names);
    if (result == TOOL_DONE) {
        tell_numbers(run, data);
    }
    return result;
}

/* ---- folds ---- */

static int write_folds(tool *run, const cnn_dataset *data, const char *folder, uint32_t folds, const uint32_t *of)
{
    static const char *const names[] = {"train", "validation"};
    const size_t count = cnn_dataset_count(data);
    int32_t *parts = calloc(count + 1, sizeof(*parts));
    int result = parts != NULL ? TOOL_DONE : tool_fail_memory(run);
    for (uint32_t f = 0; f < folds && result == TOOL_DONE; f++) {
        size_t inside = 0;
        for (size_t i = 0; i < count; i++) {
            parts[i] = of[i] == f;
            inside += of[i] == f;
        }
        char *path = tool_format("%s/fold%u.csv", folder, (unsigned)f + 1);
        result = path != NULL ? write_table(run, data, path, parts, names) : tool_fail_memory(run);
        if (result == TOOL_DONE && !run->common->json) {
            tool_print(run, "%s  %zu for training, %zu for validation\n", path, count - inside, inside);
        }
        free(path);
    }
    free(parts);
    return result;
}

int tool_split_folds(tool *run, const cnn_dataset *data, const char *folder, uint32_t folds, bool random)
{
    const size_t count = cnn_dataset_count(data);
    uint32_t *of = calloc(count + 1, sizeof(*of));
    if (of == NULL) {
        return tool_fail_memory(run);
    }
    const bool values = cnn_dataset_task(data) == CNN_TASK_VALUES || cnn_dataset_class_count(data) == 0;
    const cnn_status status = cnn_dataset_folds(
        data,
        CNN_FOLDS(.folds = folds, .grouped = has_groups(data),
                  .mode = random || values ? CNN_SPLIT_RANDOM : CNN_SPLIT_STRATIFIED),
        of, count);
    int result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    const int error = result == TOOL_DONE ? tool_make_folder(folder) : 0;
    if (error != 0) {
        result = tool_fail(run, "%s: %s", folder, tool_copy_error(error));
    }
    result = result == TOOL_DONE ? write_folds(run, data, folder, folds, of) : result;
    free(of);
    if (result == TOOL_DONE) {
        tell_numbers(run, data);
    }
    if (result == TOOL_DONE && run->common->json) {
        json_t *object = json_object();
        tool_json_text(object, "path", folder);
        tool_json_count(object, "folds", folds);
        return tool_json_print(run, object);
    }
    return result;
}
