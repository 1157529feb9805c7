/* SPDX-License-Identifier: MIT */
/* cnn split: the first images of each class for training, the next for validation, the next for testing. */
#include "tool.h"
#include "tool_copy.h"
#include "tool_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 3

static const char *const part_names[PARTS] = {"train", "validation", "test"};

typedef struct split_settings {
    tool_common common;
    uint64_t counts[PARTS];
    bool link;
} split_settings;

typedef struct split_run {
    tool *run;
    const split_settings *settings;
    cnn_dataset *data;
    const char **paths; /* class after class, in natural order */
    size_t *firsts;     /* where each class begins; one more at the end */
    char *building;     /* the folder beside DST in which all is made */
    uint64_t done, total;
    double begin;
} split_run;

static int compare_paths(const void *a, const void *b)
{
    return tool_natural_compare(*(const char *const *)a, *(const char *const *)b);
}

/* Fills `paths` and `firsts`. */
static int list_classes(split_run *split)
{
    size_t count = cnn_dataset_count(split->data), classes = cnn_dataset_class_count(split->data);
    split->paths = reallocarray(NULL, count + 1, sizeof(*split->paths));
    split->firsts = calloc(classes + 2, sizeof(*split->firsts));
    if (split->paths == NULL || split->firsts == NULL) {
        return tool_fail_memory(split->run);
    }
    /* Sorting by counting: firsts[c + 1] is first where class c begins, then, filled up, where it ends. */
    for (size_t i = 0; i < count; i++) {
        split->firsts[cnn_dataset_label(split->data, i) + 2]++;
    }
    for (size_t c = 0; c < classes; c++) {
        split->firsts[c + 2] += split->firsts[c + 1];
    }
    for (size_t i = 0; i < count; i++) {
        const char *path = cnn_dataset_path(split->data, i);
        if (path == NULL) {
            return tool_fail(split->run, "%s: its images are no files of their own: nothing to copy",
                             split->run->operands[0]);
        }
        split->paths[split->firsts[cnn_dataset_label(split->data, i) + 1]++] = path;
    }
    for (size_t c = 0; c < classes; c++) {
        size_t size = split->firsts[c + 1] - split->firsts[c];
        qsort(split->paths + split->firsts[c], size, sizeof(*split->paths), compare_paths);
    }
    return TOOL_DONE;
}

static int check_counts(const split_run *split)
{
    const uint64_t *counts = split->settings->counts;
    uint64_t wanted = counts[0] + counts[1] + counts[2];
    int result = TOOL_DONE;
    for (size_t c = 0; c < cnn_dataset_class_count(split->data); c++) {
        uint64_t there = split->firsts[c + 1] - split->firsts[c];
        if (there < wanted) {
            char *name = tool_label_text(cnn_dataset_class_name(split->data, c), c);
            result = tool_fail(split->run, "%s: class %s has %llu images, and %llu are asked for",
                               split->run->operands[0], name != NULL ? name : "", (unsigned long long)there,
                               (unsigned long long)wanted);
            free(name);
        }
    }
    return result;
}

/* Copies one image into `folder`. 0 or an errno. */
static int copy_image(split_run *split, const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    char *target = tool_format("%s/%s", folder, slash != NULL ? slash + 1 : path);
    int error = ENOMEM;
    if (target != NULL) {
        error = split->settings->link ? tool_link_file(path, target) : tool_copy_file(path, target, 0666, false);
    }
    free(target);
    split->done++;
    tool_progress_count(split->run, "split", split->done, split->total, split->begin, "images");
    return error != 0 ? error : tool_signal() != 0 ? EINTR : 0;
}

static int split_failure(split_run *split, const char *path, int error)
{
    if (error == EINTR && tool_signal() != 0) {
        return tool_fail(split->run, "stopped; nothing was kept");
    }
    char *printable = tool_printable(path);
    int result = tool_fail(split->run, "%s: %s", printable, tool_copy_error(error));
    free(printable);
    return result;
}

/* The path that a folder is being made for, as the user knows it: below DST, not below the folder that becomes DST. */
static char *final_path(const split_run *split, size_t part, const char *name)
{
    return tool_format("%s/%s%s%s", split->run->operands[1], part_names[part], name != NULL ? "/" : "",
                       name != NULL ? name : "");
}

static int make_folder(split_run *split, const char *folder, size_t part, const char *name)
{
    int error = folder != NULL ? tool_make_folder(folder) : ENOMEM;
    if (error == 0) {
        return TOOL_DONE;
    }
    char *path = final_path(split, part, name);
    int result = path != NULL ? split_failure(split, path, error) : tool_fail_memory(split->run);
    free(path);
    return result;
}

/* Makes building/<part>/<class> and fills it with paths [first, first + count). */
static int fill_folder(split_run *split, size_t part, size_t label, size_t first)
{
    const char *name = cnn_dataset_class_name(split->data, label);
    char *outer = tool_format("%s/%s", split->building, part_names[part]);
    char *folder = tool_format("%s/%s/%s", split->building, part_names[part], name);
    int result = make_folder(split, outer, part, NULL);
    result = result == TOOL_DONE ? make_folder(split, folder, part, name) : result;
    for (size_t i = 0; i < split->settings->counts[part] && result == TOOL_DONE; i++) {
        const char *path = split->paths[first + i];
        int error = copy_image(split, path, folder);
        if (error == EEXIST) {
            char *printable = tool_printable(path), *class_name = tool_label_text(name, label);
            result = tool_fail(split->run, "%s: class %s has two files of this name", printable, class_name);
            free(printable);
            free(class_name);
        } else if (error != 0) {
            result = split_failure(split, path, error);
        }
    }
    free(outer);
    free(folder);
    return result;
}

static int fill_all(split_run *split)
{
    int result = TOOL_DONE;
    size_t classes = cnn_dataset_class_count(split->data);
    const uint64_t *counts = split->settings->counts;
    split->total = (counts[0] + counts[1] + counts[2]) * classes;
    split->begin = tool_seconds();
    size_t before = 0;
    for (size_t part = 0; part < PARTS; part++) {
        for (size_t c = 0; c < classes && result == TOOL_DONE && counts[part] > 0; c++) {
            result = fill_folder(split, part, c, split->firsts[c] + before);
        }
        before += counts[part];
    }
    tool_progress_end(split->run);
    return result;
}

/* Everything is made in a folder beside DST that takes its name at the end: DST is whole or not there. */
static int make_folders(split_run *split)
{
    const char *target = split->run->operands[1];
    size_t size = strlen(target);
    while (size > 1 && target[size - 1] == '/') {
        size--;
    }
    char *final = tool_format("%.*s", (int)size, target);
    split->building = tool_format("%.*s.partial-XXXXXX", (int)size, target);
    int error = final == NULL || split->building == NULL ? ENOMEM : tool_check_absent(final);
    tool_catch_signals(false); /* from here on there is something to take away */
    if (error == 0) {
        error = tool_make_temporary_folder(split->building);
    }
    int result = TOOL_DONE;
    if (error == 0) {
        result = fill_all(split);
        error = result == TOOL_DONE && rename(split->building, final) != 0 ? errno : 0;
        if (error != 0 || result != TOOL_DONE) {
            tool_remove_tree(split->building);
        }
    }
    if (error != 0) {
        bool there = error == EEXIST || error == ENOTEMPTY;
        result = tool_fail(split->run, "%s: %s", target,
                           there ? "is there already, and nothing is overwritten" : strerror(error));
    }
    free(final);
    return result;
}

static int print_table(const split_run *split)
{
    tool *run = split->run;
    size_t width = strlen("class");
    json_t *object = json_object(), *classes = json_array();
    for (size_t c = 0; c < cnn_dataset_class_count(split->data); c++) {
        size_t columns = tool_columns(cnn_dataset_class_name(split->data, c));
        width = columns > width ? columns : width;
    }
    if (!run->common->json) {
        tool_print(run, "%-*s  %10s  %10s  %10s  %10s\n", (int)width, "class", part_names[0], part_names[1],
                   part_names[2], "left out");
    }
    for (size_t c = 0; c < cnn_dataset_class_count(split->data); c++) {
        const uint64_t *counts = split->settings->counts;
        uint64_t left = split->firsts[c + 1] - split->firsts[c] - counts[0] - counts[1] - counts[2];
        char *name = tool_label_text(cnn_dataset_class_name(split->data, c), c);
        json_t *row = json_object();
        tool_json_text(row, "label", name);
        for (size_t part = 0; part < PARTS; part++) {
            tool_json_count(row, part_names[part], counts[part]);
        }
        tool_json_count(row, "left_out", left);
        json_array_append_new(classes, row);
        if (!run->common->json) {
            tool_print(run, "%s%*s  %10llu  %10llu  %10llu  %10llu\n", name, (int)(width - tool_columns(name)), "",
                       (unsigned long long)counts[0], (unsigned long long)counts[1], (unsigned long long)counts[2],
                       (unsigned long long)left);
        }
        free(name);
    }
    tool_json_text(object, "path", run->operands[1]);
    json_object_set_new(object, "classes", classes);
    if (run->common->json) {
        return tool_json_print(run, object);
    }
    json_decref(object);
    return TOOL_DONE;
}

static int run_split(tool *run, const void *given)
{
    const split_settings *settings = given;
    split_run split = {.run = run, .settings = settings};
    if (settings->counts[0] == 0) {
        return tool_fail_usage(run, "--train N is missing");
    }
    int result = tool_open_context(run);
    if (result == TOOL_DONE) {
        result = tool_open_data(run, run->operands[0], &(tool_data_options){0}, &split.data);
    }
    if (result == TOOL_DONE) {
        result = list_classes(&split);
    }
    if (result == TOOL_DONE) {
        result = check_counts(&split);
    }
    if (result == TOOL_DONE) {
        result = make_folders(&split);
    }
    if (result == TOOL_DONE) {
        result = print_table(&split);
    }
    free(split.paths);
    free(split.firsts);
    free(split.building);
    cnn_dataset_free(split.data);
    return result;
}

static const tool_option split_options[] = {
    {"train", "N", "images of each class in DST/train; required", TOOL_COUNT, offsetof(split_settings, counts[0]), 1,
     1e9, NULL},
    {"val", "N", "images of each class in DST/validation; none if not given", TOOL_COUNT,
     offsetof(split_settings, counts[1]), 0, 1e9, NULL},
    {"test", "N", "images of each class in DST/test; none if not given", TOOL_COUNT,
     offsetof(split_settings, counts[2]), 0, 1e9, NULL},
    {"link", NULL, "hard links in place of copies", TOOL_FLAG, offsetof(split_settings, link), 0, 0, NULL},
    {0},
};

const tool_command tool_command_split = {
    .name = "split",
    .synopsis = "SRC DST --train N",
    .purpose = "Copies images into folders for training, validation and testing, one folder for each class.",
    .details = "SRC is a flat folder of label.N.jpg or a folder with one folder for each class. Of each class the "
               "first N images by name (cat.2.jpg before cat.10.jpg) go to DST/train/CLASS, the next ones to "
               "DST/validation/CLASS and DST/test/CLASS. DST must not be there yet; it appears when it is whole.",
    .options = split_options,
    .settings_size = sizeof(split_settings),
    .least_operands = 2,
    .most_operands = 2,
    .run = run_split,
};
