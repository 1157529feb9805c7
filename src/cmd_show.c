/* SPDX-License-Identifier: MIT */
/* cnn show: a sheet of pictures: of a dataset, of one photo augmented again and again, of what a model says. */
#include "tool_path.h"
#include "tool_show.h"
#include "tool_table.h"

#include <stdlib.h>
#include <string.h>

static int show_data(show_run *show)
{
    const tool_data_options options = {.part = show->settings->part, .prefix = show->settings->prefix};
    int result = tool_open_data(show->run, show->run->operands[1], &options, &show->data);
    result = result == TOOL_DONE ? tool_show_choose(show) : result;
    return result == TOOL_DONE ? tool_show_draw(show, NULL) : result;
}

static const struct kind {
    const char *name;
    int (*show)(show_run *show);
    bool needs_data, needs_augment;
} kinds[] = {
    {"data", show_data, false, false},
    {"augment", show_augment, false, true},
    {"predictions", show_predictions, true, false},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const char *kind_name(const void *list, size_t index)
{
    return ((void)list, index < KINDS ? kinds[index].name : NULL);
}

static int find_kind(tool *run, const struct kind **kind)
{
    const char *name = run->operands[0];
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = &kinds[i];
            return TOOL_DONE;
        }
    }
    const char *near = tool_nearest(name, kind_name, NULL);
    return tool_fail_usage(run, "%s: expected data, augment or predictions%s%s%s", name,
                           near != NULL ? "; did you mean " : "", near != NULL ? near : "", near != NULL ? "?" : "");
}

/* Options that a kind has not, or needs. */
static int check_options(tool *run, const struct kind *kind, const show_settings *settings)
{
    if (settings->out == NULL) {
        return tool_fail_usage(run, "--out FILE is missing");
    }
    if (kind->needs_data != (settings->data != NULL)) {
        return tool_fail_usage(run,
                               kind->needs_data ? "show %s: --data PATH is missing"
                                                : "show %s: --data is for predictions: the path comes after the "
                                                  "first word",
                               kind->name);
    }
    if (kind->needs_augment != (settings->augment != NULL)) {
        return tool_fail_usage(run, "show %s: --augment STEPS %s", kind->name,
                               kind->needs_augment ? "is missing" : "is for show augment");
    }
    const char *pick = settings->pick;
    if (pick != NULL && !kind->needs_data &&
        (kind->needs_augment || (strcmp(pick, "random") != 0 && strcmp(pick, "first") != 0))) {
        return tool_fail_usage(run, "show %s: --pick %s is for predictions", kind->name, pick);
    }
    const tool_path paths[] = {{"the path", run->operands[1], false}, {"--out", settings->out, true}};
    int result = plot_check(run, "out", settings->out);
    result = result == TOOL_DONE ? tool_path_check_distinct(run, paths, 2) : result;
    return result == TOOL_DONE ? tool_check_writable(run, settings->out) : result;
}

static int finish(show_run *show)
{
    tool *run = show->run;
    int result = tool_sheet_save(&show->sheet);
    if (result != TOOL_DONE) {
        return result;
    }
    if (show->list != NULL) {
        json_t *object = json_object();
        tool_json_text(object, "picture", show->settings->out);
        json_object_set(object, "images", show->list);
        return tool_json_print(run, object);
    }
    char *printable = tool_printable(show->settings->out);
    tool_print(run, "picture     %s, %zu images\n", printable, show->sheet.next);
    free(printable);
    return TOOL_DONE;
}

static int run_show(tool *run, const void *given)
{
    const show_settings *settings = given;
    show_run show = {.run = run, .settings = settings, .list = run->common->json ? json_array() : NULL};
    const struct kind *kind = NULL;
    int result = find_kind(run, &kind);
    result = result == TOOL_DONE ? check_options(run, kind, settings) : result;
    result = result == TOOL_DONE ? tool_open_context(run) : result;
    result = result == TOOL_DONE ? kind->show(&show) : result;
    if (result == TOOL_DONE && show.data != NULL) {
        const tool_path out = {"--out", settings->out, true};
        result = tool_path_check_data(run, &out, 1, show.data, kind->needs_data ? settings->data : run->operands[1]);
    }
    result = result == TOOL_DONE ? finish(&show) : result;
    json_decref(show.list);
    tool_sheet_close(&show.sheet);
    tool_predictions_free(&show.predictions);
    cnn_dataset_free(show.data);
    cnn_model_free(show.model);
    return result;
}

static const char *const pick_names[] = {"random", "first", "wrong", "uncertain", NULL};
static const tool_option options[] = {
    {"out", "FILE", "the picture: PNG, JPEG or SVG by its ending; required", TOOL_TEXT, offsetof(show_settings, out), 0,
     0, NULL},
    {"count", "N", "how many images; 40 if not given", TOOL_COUNT, offsetof(show_settings, count), 1, SHEET_MOST, NULL},
    {"pick", "WHICH",
     "random, which it is if not given (--seed chooses others), or first, in the order of the dataset; of predictions "
     "also wrong: the most confident mistakes; and uncertain: those of which the model is least certain",
     TOOL_CHOICE, offsetof(show_settings, pick), 0, 0, pick_names},
    {"augment", "STEPS", "of augment: what is done to the photo, as --augment of cnn train takes it", TOOL_TEXT,
     offsetof(show_settings, augment), 0, 0, NULL},
    {"data", "PATH", "of predictions: the images", TOOL_TEXT, offsetof(show_settings, data), 0, 0, NULL},
    {"part", "WHICH",
     "of an IDX or CIFAR folder: train, which it is if not given, or test; of a table with a column of splits all of "
     "it, which it is if not given, or one of them",
     TOOL_CHOICE, offsetof(show_settings, part), 0, 0, tool_part_names},
    {"prefix", "TEXT", "of a folder with several sets of IDX files or of CIFAR-100, as in cnn train", TOOL_TEXT,
     offsetof(show_settings, prefix), 0, 0, NULL},
    {NULL, NULL, NULL, TOOL_FLAG, 0, 0, 0, NULL},
};

const tool_command tool_command_show = {
    .name = "show",
    .synopsis = "data PATH | augment PHOTO --augment STEPS | predictions MODEL --data PATH",
    .purpose = "Draws photos with their classes, one photo augmented, or predictions.",
    .details = "Draws one sheet of pictures. data: images of a dataset with the names of their classes. augment: one "
               "photo, as it is and then as the steps change it, each time with other random numbers; of a dataset "
               "some photo. predictions: images with the class they have and, below it, the one that the model sees "
               "with its probability, green where it is right and red where not.",
    .options = options,
    .settings_size = sizeof(show_settings),
    .least_operands = 2,
    .most_operands = 2,
    .run = run_show,
};
