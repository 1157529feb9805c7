/* SPDX-License-Identifier: MIT */
/* cnn split: the first images of each class for training, the next for validation, the next for testing. */
#include "tool.h"
#include "tool_copy.h"
#include "tool_json.h"
#include "tool_split_tables.h"
#include "tool_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 3

static const char *const part_names[PARTS] = {"train", "validation", "test"};

typedef struct split_settings {
    tool_common common;
    uint64_t counts[PARTS];
    uint64_t folds;
    const char *group, *label_columns, *task;
    bool link, random;
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

/* Fisher and Yates's shuffle, by the generator of Steele, Lea and Flood (SplitMix64) seeded with --seed. */
static void shuffle(const char **paths, size_t count, uint64_t seed, uint64_t class_number)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + class_number;
    for (size_t i = count; i > 1; i--) {
        state += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = (state ^ state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        const size_t k = (size_t)((z ^ z >> 31) % i);
        const char *path = paths[i - 1];
        paths[i - 1] = paths[k];
        paths[k] = path;
    }
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
        if (split->settings->random) {
            shuffle(split->paths + split->firsts[c], size, cnn_context_seed(split->run->context), c);
        }
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

static int compare_numbered(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A table in place of folders: the paths of each part are looked up among those of the dataset. */
static int make_table(split_run *split)
{
    const size_t count = cnn_dataset_count(split->data);
    const uint64_t *counts = split->settings->counts;
    int32_t *parts = reallocarray(NULL, count + 1, sizeof(*parts));
    const char **chosen = reallocarray(NULL, count + 1, sizeof(*chosen));
    int result = parts != NULL && chosen != NULL ? TOOL_DONE : tool_fail_memory(split->run);
    for (size_t i = 0; result == TOOL_DONE && i < count; i++) {
        parts[i] = -1;
    }
    for (int32_t part = 0, before = 0; result == TOOL_DONE && part < PARTS; before += (int32_t)counts[part], part++) {
        size_t many = 0;
        for (size_t c = 0; c < cnn_dataset_class_count(split->data); c++) {
            memcpy(chosen + many, split->paths + split->firsts[c] + before, (size_t)counts[part] * sizeof(*chosen));
            many += (size_t)counts[part];
        }
        qsort(chosen, many, sizeof(*chosen), compare_numbered);
        for (size_t i = 0; i < count; i++) {
            const char *path = cnn_dataset_path(split->data, i);
            const bool in = bsearch(&path, chosen, many, sizeof(*chosen), compare_numbered) != NULL;
            parts[i] = in ? part : parts[i];
        }
    }
    result = result == TOOL_DONE ? tool_write_table(split->run, split->data, split->run->operands[1], parts, part_names)
                                 : result;
    free(parts);
    free(chosen);
    return result;
}

static int check_settings(tool *run, const split_settings *settings)
{
    const bool counted = settings->counts[0] + settings->counts[1] + settings->counts[2] > 0;
    if (settings->folds > 0 && (counted || settings->link)) {
        return tool_fail_usage(run, "--folds and --%s exclude each other", counted ? "train" : "link");
    }
    if (settings->folds == 0 && settings->group != NULL) {
        return tool_fail_usage(run, "--group goes with --folds");
    }
    return settings->folds == 0 && settings->counts[0] == 0 ? tool_fail_usage(run, "--train N is missing") : TOOL_DONE;
}

static int run_split(tool *run, const void *given)
{
    const split_settings *settings = given;
    split_run split = {.run = run, .settings = settings};
    const bool table = tool_is_table(run->operands[1]);
    int result = check_settings(run, settings);
    result = result == TOOL_DONE ? tool_open_context(run) : result;
    if (result == TOOL_DONE) {
        result = tool_open_data(run, run->operands[0],
                                &(tool_data_options){.task = tool_task(settings->task),
                                                     .label_columns = settings->label_columns,
                                                     .group_column = settings->group},
                                &split.data);
    }
    if (result == TOOL_DONE && settings->folds > 0) {
        result = tool_split_folds(run, split.data, run->operands[1], (uint32_t)settings->folds, settings->random);
        cnn_dataset_free(split.data);
        return result;
    }
    if (result == TOOL_DONE && cnn_dataset_task(split.data) != CNN_TASK_CLASSES) {
        result = tool_fail_usage(run, "%s: its images are not of one class each: --folds K takes them",
                                 run->operands[0]);
    }
    if (result == TOOL_DONE) {
        result = list_classes(&split);
    }
    if (result == TOOL_DONE) {
        result = check_counts(&split);
    }
    if (result == TOOL_DONE) {
        result = table ? make_table(&split) : make_folders(&split);
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
    {"random", NULL, "chooses by --seed, not the first images by name; with --folds without regard to classes",
     TOOL_FLAG, offsetof(split_settings, random), 0, 0, NULL},
    {"folds", "K",
     "writes K tables for cross-validation into the folder DST, fold1.csv and so on: in each, another K-th of the "
     "images "
     "is for validation. Folds have the same share of each class",
     TOOL_COUNT, offsetof(split_settings, folds), 2, 1000, NULL},
    {"group", "COLUMN",
     "of a table, with --folds: the column that says what belongs together, such as a person, and stays in one fold; "
     "if "
     "not given the column group, if there is one",
     TOOL_TEXT, offsetof(split_settings, group), 0, 0, NULL},
    {"label-columns", "A,B,...", "of a table: the columns that say what an image is, if not by their names", TOOL_TEXT,
     offsetof(split_settings, label_columns), 0, 0, NULL},
    {"task", "NAME", "of a table: classes, labels or values, if not what its text says", TOOL_CHOICE,
     offsetof(split_settings, task), 0, 0, tool_task_names},
    {"link", NULL, "hard links in place of copies", TOOL_FLAG, offsetof(split_settings, link), 0, 0, NULL},
    {0},
};

const tool_command tool_command_split = {
    .name = "split",
    .synopsis = "SRC DST --train N",
    .purpose =
        "Copies images into folders for training, validation and testing, or writes tables that say which is for "
        "what.",
    .details =
        "SRC is a flat folder of label.N.jpg, a folder with one folder for each class, or a table. If DST ends in "
        ".csv or .jsonl it becomes a table of the images with a column of splits, and nothing is copied; so with "
        "--folds. Of each class the "
        "first N images by name (cat.2.jpg before cat.10.jpg) go to DST/train/CLASS, the next ones to "
        "DST/validation/CLASS and DST/test/CLASS. DST must not be there yet; it appears when it is whole.",
    .options = split_options,
    .settings_size = sizeof(split_settings),
    .least_operands = 2,
    .most_operands = 2,
    .run = run_split,
};
