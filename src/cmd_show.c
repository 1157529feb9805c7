/* SPDX-License-Identifier: MIT */
/* cnn show: a sheet of pictures: of a dataset, of one photo augmented again and again, of what a model says. */
#include "tool_json.h"
#include "tool_path.h"
#include "tool_predictions.h"
#include "tool_sheet.h"
#include "tool_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct show_settings {
    tool_common common;
    const char *data, *augment, *out, *pick, *part, *prefix;
    uint64_t count;
} show_settings;

typedef struct show_run {
    tool *run;
    const show_settings *settings;
    cnn_dataset *data; /* the images to be shown, once they are chosen */
    cnn_model *model;
    tool_predictions predictions;
    tool_sheet sheet;
    json_t *list; /* NULL without --json */
} show_run;

static const plot_color ink = {51, 51, 51}, green = {0, 120, 40}, red = {196, 20, 20};

static uint64_t wanted(const show_run *show) { return show->settings->count > 0 ? show->settings->count : 40; }

static bool picks(const show_run *show, const char *what)
{
    return show->settings->pick != NULL && strcmp(show->settings->pick, what) == 0;
}

/* ---- choosing ---- */

static int set_data(show_run *show, cnn_status status, cnn_dataset *chosen)
{
    if (status != CNN_OK) {
        return tool_fail_library(show->run, status);
    }
    cnn_dataset_free(show->data);
    show->data = chosen;
    return TOOL_DONE;
}

/* Keeps the images of these numbers. */
static int keep(show_run *show, const uint64_t *numbers, size_t count)
{
    cnn_dataset *chosen = NULL;
    const cnn_status status = cnn_dataset_subset(show->data, numbers, count, &chosen);
    return set_data(show, status, chosen);
}

/* A random choice, or the first ones. */
static int choose(show_run *show)
{
    if (!picks(show, "first")) {
        return tool_limit_data(show->run, wanted(show), &show->data);
    }
    const size_t all = cnn_dataset_count(show->data), count = wanted(show) < all ? (size_t)wanted(show) : all;
    uint64_t *numbers = reallocarray(NULL, count + 1, sizeof(*numbers));
    for (size_t i = 0; numbers != NULL && i < count; i++) {
        numbers[i] = i;
    }
    const int result = numbers != NULL ? keep(show, numbers, count) : tool_fail_memory(show->run);
    free(numbers);
    return result;
}

/* ---- cells ---- */

static char *class_text(const show_run *show, int32_t label)
{
    const bool known = label >= 0 && (size_t)label < cnn_dataset_class_count(show->data);
    return label < 0 ? strdup("?")
                     : tool_label_text(known ? cnn_dataset_class_name(show->data, (size_t)label) : NULL, (size_t)label);
}

static void list_image(const show_run *show, size_t index, const tool_prediction *prediction, const char *names[2])
{
    if (show->list == NULL) {
        return;
    }
    json_t *row = json_object();
    if (cnn_dataset_path(show->data, index) != NULL) {
        tool_json_text(row, "path", cnn_dataset_path(show->data, index));
    }
    tool_json_text(row, "class", names[0]);
    if (prediction != NULL) {
        tool_json_text(row, "predicted", names[1]);
        tool_json_real(row, "probability", (double)prediction->confidence);
    }
    json_array_append_new(show->list, row);
}

/* Name, and what the model says with its probability: green where it is right, red where not. */
static cnn_status draw_image(show_run *show, size_t index, const tool_prediction *prediction)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_dataset_image(show->data, index, &image);
    if (status != CNN_OK) {
        return status;
    }
    const int32_t label = cnn_dataset_label(show->data, index);
    char *name = NULL;
    if (label < 0 && cnn_dataset_target_count(show->data) > 0) {
        char *text = tool_sample_text(show->data, index, ", ");
        name = text != NULL ? tool_printable(text) : NULL;
        free(text);
    } else {
        name = class_text(show, label);
    }
    char *said = prediction != NULL ? class_text(show, prediction->best) : NULL;
    char *line = said != NULL ? tool_format("%.3f %s", (double)prediction->confidence, said) : NULL;
    const bool right = prediction != NULL && prediction->best == label;
    const tool_caption captions[SHEET_LINES] = {{name, ink}, {line, right ? green : red}};
    status = tool_sheet_add(&show->sheet, image, captions);
    if (status == CNN_OK) {
        list_image(show, index, prediction, (const char *[2]){name, said});
    }
    free(line);
    free(said);
    free(name);
    cnn_image_free(image);
    return status;
}

/* `chosen` has a prediction for each image, or is NULL. */
static int draw_images(show_run *show, const tool_prediction *chosen)
{
    const size_t count = cnn_dataset_count(show->data);
    int result = tool_sheet_open(&show->sheet, show->run, show->settings->out, count, chosen != NULL ? 2 : 1);
    for (size_t i = 0; i < count && result == TOOL_DONE; i++) {
        const cnn_status status = draw_image(show, i, chosen != NULL ? &chosen[i] : NULL);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(show->run, status);
    }
    return result;
}

static int show_data(show_run *show)
{
    const tool_data_options options = {.part = show->settings->part, .prefix = show->settings->prefix};
    int result = tool_open_data(show->run, show->run->operands[1], &options, &show->data);
    result = result == TOOL_DONE ? choose(show) : result;
    return result == TOOL_DONE ? draw_images(show, NULL) : result;
}

/* ---- predictions ---- */

static cnn_status predict_all(show_run *show)
{
    cnn_context *context = show->run->context;
    const uint32_t batch = tool_has_views(cnn_model_pipeline(show->model)) ? 8 : 32;
    cnn_loader *loader = NULL;
    cnn_evaluator *evaluator = NULL;
    cnn_evaluate_result ignored = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = tool_predictions_create(context, &show->predictions, &evaluator);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, show->data,
                                   CNN_LOADER(.pipeline = cnn_model_pipeline(show->model), .batch = batch), &loader);
    }
    if (status == CNN_OK) {
        status = cnn_evaluate(show->model,
                              CNN_EVALUATE(.loader = loader, .evaluators = &evaluator, .evaluator_count = 1), &ignored);
    }
    cnn_loader_free(loader);
    cnn_evaluator_free(evaluator);
    return status;
}

/* A sample and how much it is wanted. */
typedef struct ranked {
    uint64_t number;
    double rank;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->rank != y->rank ? (x->rank < y->rank ? 1 : -1) : (x->number > y->number) - (x->number < y->number);
}

/* Sorts the predictions, and the data with them: the most confident mistakes, or the least confident of all. */
static int choose_by_prediction(show_run *show)
{
    const bool wrong = picks(show, "wrong");
    tool_predictions *p = &show->predictions;
    ranked *order = reallocarray(NULL, p->count + 1, sizeof(*order));
    uint64_t *numbers = reallocarray(NULL, p->count + 1, sizeof(*numbers));
    tool_prediction *sorted = reallocarray(NULL, p->count + 1, sizeof(*sorted));
    size_t count = 0;
    int result = order != NULL && numbers != NULL && sorted != NULL ? TOOL_DONE : tool_fail_memory(show->run);
    for (size_t i = 0; result == TOOL_DONE && i < p->count; i++) {
        const double confidence = (double)p->items[i].confidence;
        if (!wrong || p->items[i].best != p->items[i].label) {
            order[count++] = (ranked){i, isnan(confidence) ? 2 : wrong ? confidence : -confidence};
        }
    }
    if (result == TOOL_DONE) {
        qsort(order, count, sizeof(*order), compare_ranked);
        count = wanted(show) < count ? (size_t)wanted(show) : count;
        for (size_t i = 0; i < count; i++) {
            numbers[i] = order[i].number;
            sorted[i] = p->items[order[i].number];
        }
        result = count > 0 ? keep(show, numbers, count)
                           : tool_fail(show->run, "%s: the model is right about every image", show->settings->data);
    }
    if (result == TOOL_DONE) {
        memcpy(p->items, sorted, count * sizeof(*sorted));
        p->count = count;
    }
    free(sorted);
    free(numbers);
    free(order);
    return result;
}

static int show_predictions(show_run *show)
{
    tool *run = show->run;
    const show_settings *settings = show->settings;
    const bool by_prediction = picks(show, "wrong") || picks(show, "uncertain");
    int result = tool_open_trained(run, run->operands[1], &show->model);
    if (result == TOOL_DONE) {
        const tool_data_options options = {.part = settings->part, .prefix = settings->prefix};
        result = tool_open_data_of_model(run, settings->data, &options, show->model, &show->data);
    }
    result = result == TOOL_DONE && !by_prediction ? choose(show) : result;
    if (result == TOOL_DONE) {
        const cnn_status status = predict_all(show);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    result = result == TOOL_DONE && by_prediction ? choose_by_prediction(show) : result;
    return result == TOOL_DONE ? draw_images(show, show->predictions.items) : result;
}

/* ---- augmentation ---- */

/* The image of a path: a file, or any one of a dataset. */
static int open_photo(show_run *show, cnn_image **image)
{
    tool *run = show->run;
    const char *path = run->operands[1];
    if (cnn_image_name_format(path) != CNN_IMAGE_UNKNOWN) {
        const cnn_status status = cnn_image_load(run->context, path, NULL, image);
        return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    const tool_data_options options = {.part = show->settings->part, .prefix = show->settings->prefix};
    int result = tool_open_data(run, path, &options, &show->data);
    result = result == TOOL_DONE ? tool_limit_data(run, 1, &show->data) : result;
    if (result == TOOL_DONE) {
        const cnn_status status = cnn_dataset_image(show->data, 0, image);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    return result;
}

/* Adds one result of the pipeline, or of those that make several views each of them. */
static cnn_status add_values(show_run *show, const float *values, const cnn_shape *shape)
{
    const int64_t *dims = shape->dims + (shape->rank == 4);
    const size_t each = (size_t)(dims[0] * dims[1] * dims[2]), views = shape->rank == 4 ? (size_t)shape->dims[0] : 1;
    for (size_t v = 0; v < views && show->sheet.next < show->sheet.count; v++) {
        cnn_image *image = NULL;
        const tool_caption none[SHEET_LINES] = {{NULL, ink}, {NULL, ink}};
        cnn_status status = cnn_image_create(show->run->context, (uint32_t)dims[1], (uint32_t)dims[0],
                                             (uint32_t)dims[2], &image);
        for (size_t i = 0; status == CNN_OK && i < each; i++) {
            const float value = values[v * each + i];
            cnn_image_pixels(image)[i] = (uint8_t)lrintf(255 * fminf(fmaxf(value, 0), 1));
        }
        if (status == CNN_OK) {
            status = tool_sheet_add(&show->sheet, image, none);
        }
        cnn_image_free(image);
        if (status != CNN_OK) {
            return status;
        }
    }
    return CNN_OK;
}

/* Applies the pipeline with as much room as it turns out to need: a step may make an image larger. */
static cnn_status apply(show_run *show, const cnn_pipeline *steps, const cnn_image *image, uint64_t key)
{
    size_t room = (size_t)cnn_image_width(image) * cnn_image_height(image) * cnn_image_channels(image);
    cnn_status status = CNN_ERROR_LIMIT;
    for (int i = 0; i < 8 && status == CNN_ERROR_LIMIT; i++, room *= 4) {
        cnn_shape shape = {0};
        float *values = reallocarray(NULL, room, sizeof(*values));
        status = values != NULL ? cnn_pipeline_apply(steps, image, key, values, room, &shape) : CNN_ERROR_OUT_OF_MEMORY;
        if (status == CNN_OK) {
            status = add_values(show, values, &shape);
        }
        free(values);
    }
    return status;
}

static int show_augment(show_run *show)
{
    tool *run = show->run;
    cnn_pipeline *steps = NULL;
    cnn_image *image = NULL;
    if (cnn_pipeline_create(run->context, show->settings->augment, &steps) != CNN_OK) {
        return tool_fail_usage(run, "--augment: %s", cnn_last_error(run->context));
    }
    int result = open_photo(show, &image);
    if (result == TOOL_DONE) {
        result = tool_sheet_open(&show->sheet, run, show->settings->out, (size_t)wanted(show), 0);
    }
    if (result == TOOL_DONE) {
        const tool_caption none[SHEET_LINES] = {{NULL, ink}, {NULL, ink}};
        cnn_status status = tool_sheet_add(&show->sheet, image, none);
        for (uint64_t key = 0; status == CNN_OK && show->sheet.next < show->sheet.count; key++) {
            status = apply(show, steps, image, key);
        }
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    cnn_image_free(image);
    cnn_pipeline_free(steps);
    return result;
}

/* ---- the command ---- */

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
