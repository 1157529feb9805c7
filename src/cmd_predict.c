/* SPDX-License-Identifier: MIT */
/* cnn predict: class and probability of each image, whether named, in a folder, in a list or on standard input. */
#include "tool_inspect.h"
#include "tool_json.h"
#include "tool_lines.h"
#include "tool_names.h"
#include "tool_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Most bytes of an image on standard input, as of a file. */
#define MOST_INPUT ((size_t)2 << 30)

typedef struct predict_settings {
    tool_common common;
    uint64_t topk;
    const char *tta;
} predict_settings;

typedef struct predict_run {
    tool *run;
    cnn_session *session;
    cnn_prediction *predictions;
    size_t room;  /* classes asked for */
    json_t *list; /* NULL without --json */
    size_t images, failures;
    bool several; /* more than one image could be meant */
    cnn_task task;
    const cnn_model *model;
    uint64_t topk; /* 0: not given */
    bool rejected; /* the image at hand is of no class, by the model's decision */
    size_t outputs;
    float *probabilities; /* [outputs]: of the image at hand, in their order */
    uint8_t *marks;       /* [outputs]: its labels */
} predict_run;

/* Whether the most probable class is less probable than the model's decision asks for. */
static bool is_rejected(const predict_run *predictor, size_t count)
{
    cnn_decision decision = {.struct_size = sizeof(decision)};
    float most = 0;
    for (size_t i = 0; i < count; i++) {
        const float one = predictor->predictions[i].probability;
        most = one > most ? one : most;
    }
    if (predictor->outputs == 2 && count == 1) { /* the other class may be the more probable one, if not decided for */
        most = most < 0.5f ? 1 - most : most;
    }
    return predictor->task <= CNN_TASK_CLASSES && cnn_model_decision(predictor->model, &decision) &&
           most < decision.reject;
}

/* Whether number `index` of the list is told: values all, labels that are there or the first K. */
static bool is_shown(const predict_run *predictor, size_t index)
{
    return predictor->task == CNN_TASK_VALUES ||
           (predictor->topk > 0 ? index < predictor->topk : predictor->marks[predictor->predictions[index].label] != 0);
}

/* The probabilities of a whole list in the order of the outputs, and what the model decides by them. */
static void decide(predict_run *predictor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        predictor->probabilities[predictor->predictions[i].label] = predictor->predictions[i].probability;
    }
    (void)cnn_model_decide(predictor->model, predictor->probabilities, predictor->outputs, NULL, predictor->marks);
}

/* Labels and values: name and number, of labels those that the model decides for, or with --topk the K first. */
static void print_others(predict_run *predictor, const char *path, size_t count)
{
    tool *run = predictor->run;
    size_t shown = 0;
    char *printable = tool_printable(path);
    tool_print(run, "%s", printable != NULL ? printable : "");
    free(printable);
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *one = &predictor->predictions[i];
        if (!is_shown(predictor, i)) {
            continue;
        }
        char *name = tool_label_text(one->name, (size_t)one->label);
        tool_print(run, predictor->task == CNN_TASK_VALUES ? "\t%s\t%.6g" : "\t%s\t%.4f", name != NULL ? name : "",
                   (double)one->probability);
        free(name);
        shown++;
    }
    tool_print(run, shown > 0 ? "\n" : "\t-\n");
    tool_flush(run);
}

static void add_others(predict_run *predictor, const char *path, size_t count)
{
    const bool values = predictor->task == CNN_TASK_VALUES;
    json_t *row = json_object(), *list = json_array();
    tool_json_text(row, "path", path);
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *one = &predictor->predictions[i];
        if (is_shown(predictor, i)) {
            json_t *entry = json_object();
            char *name = tool_label_text(one->name, (size_t)one->label);
            tool_json_count(entry, "number", (uint64_t)one->label);
            tool_json_text(entry, values ? "name" : "label", name);
            tool_json_real(entry, values ? "value" : "probability", (double)one->probability);
            json_array_append_new(list, entry);
            free(name);
        }
    }
    json_object_set_new(row, values ? "values" : "labels", list);
    json_array_append_new(predictor->list, row);
}

static void print_row(predict_run *predictor, const char *path, size_t count)
{
    char *printable = tool_printable(path);
    tool_print(predictor->run, "%s", printable != NULL ? printable : "");
    free(printable);
    if (predictor->rejected) {
        tool_print(predictor->run, "\t-");
    }
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *prediction = &predictor->predictions[i];
        const size_t id = prediction->name != NULL ? tool_name_id(prediction->name) : 0;
        char *label = tool_label_text(prediction->name, (size_t)prediction->label);
        if (id > 0 && label != NULL) { /* a name with an id: number and id have columns of their own */
            tool_print(predictor->run, "\t%lld\t%.*s\t%s\t%.4f", (long long)prediction->label, (int)id, label,
                       label + id + 1, prediction->probability);
        } else {
            tool_print(predictor->run, "\t%s\t%.4f\t%lld", label != NULL ? label : "", prediction->probability,
                       (long long)prediction->label);
        }
        free(label);
    }
    tool_print(predictor->run, "\n");
    tool_flush(predictor->run); /* who writes the list may wait for it */
}

static void set_prediction(json_t *object, const cnn_prediction *prediction)
{
    const size_t id = prediction->name != NULL ? tool_name_id(prediction->name) : 0;
    char *label = tool_label_text(prediction->name, (size_t)prediction->label);
    tool_json_count(object, "number", (uint64_t)prediction->label);
    if (id > 0 && label != NULL) {
        label[id] = '\0';
        tool_json_text(object, "id", label);
        tool_json_text(object, "label", label + id + 1);
    } else {
        tool_json_text(object, "label", label);
    }
    tool_json_real(object, "probability", prediction->probability);
    free(label);
}

static void add_json(predict_run *predictor, const char *path, size_t count)
{
    json_t *row = json_object();
    tool_json_text(row, "path", path);
    if (count > 0) {
        set_prediction(row, &predictor->predictions[0]);
    }
    if (predictor->rejected) {
        json_object_set_new(row, "rejected", json_boolean(true));
    }
    if (predictor->room > 1) {
        json_t *top = json_array();
        for (size_t i = 0; i < count; i++) {
            json_t *entry = json_object();
            set_prediction(entry, &predictor->predictions[i]);
            json_array_append_new(top, entry);
        }
        json_object_set_new(row, "top", top);
    }
    json_array_append_new(predictor->list, row);
}

/* A failure has been told. */
static void count_failure(predict_run *predictor)
{
    predictor->images++;
    predictor->failures++;
}

static void report(predict_run *predictor, const char *path, size_t count)
{
    predictor->images++;
    predictor->rejected = is_rejected(predictor, count);
    if (predictor->task > CNN_TASK_CLASSES) {
        decide(predictor, count);
        (predictor->list != NULL ? add_others : print_others)(predictor, path, count);
    } else if (predictor->list != NULL) {
        add_json(predictor, path, count);
    } else {
        print_row(predictor, path, count);
    }
}

/* Predicts one image; a failure is told and counted, and the others go on. */
static void predict_image(predict_run *predictor, const char *path)
{
    size_t count = predictor->room;
    cnn_status status = cnn_session_predict_file(predictor->session, path, predictor->predictions, &count);
    if (status != CNN_OK) {
        tool_fail_library(predictor->run, status); /* names the file */
        count_failure(predictor);
    } else {
        report(predictor, path, count);
    }
}

/* ---- standard input ---- */

/* All of it, malloc'ed; NULL with the message printed. */
static char *read_input(tool *run, size_t *size)
{
    size_t room = 0;
    char *data = NULL;
    *size = 0;
    for (size_t got = 1; got > 0; *size += got) {
        if (*size == room) {
            room = room == 0 ? 65536 : room * 2;
            char *larger = room <= MOST_INPUT ? realloc(data, room) : NULL;
            if (larger == NULL) {
                free(data);
                room <= MOST_INPUT ? tool_fail_memory(run) : tool_fail(run, "standard input: more than 2 GiB");
                return NULL;
            }
            data = larger;
        }
        got = fread(data + *size, 1, room - *size, stdin);
    }
    if (ferror(stdin)) {
        tool_fail(run, "standard input: %s", strerror(errno));
        free(data);
        return NULL;
    }
    return data;
}

static void predict_input(predict_run *predictor)
{
    size_t size = 0, count = predictor->room;
    char *data = read_input(predictor->run, &size);
    if (data == NULL) {
        count_failure(predictor);
        return;
    }
    cnn_status status = cnn_session_predict_memory(predictor->session, data, size, predictor->predictions, &count);
    free(data);
    if (status != CNN_OK) {
        tool_fail(predictor->run, "standard input: %s", cnn_last_error(predictor->run->context));
        count_failure(predictor);
    } else {
        report(predictor, "-", count);
    }
}

/* ---- folders and lists ---- */

static void predict_folder(predict_run *predictor, const char *path)
{
    tool *run = predictor->run;
    tool_tree tree = {0};
    predictor->several = true;
    if (!tool_tree_read(path, &tree)) {
        tool_fail_memory(run);
        count_failure(predictor);
    } else if (tree.images.count + tree.failed.count == 0) {
        tool_fail(run, "%s: there is no image in this folder", path);
        count_failure(predictor);
    }
    for (size_t i = 0; i < tree.failed.count; i++) {
        tool_fail(run, "%s: %s", tree.failed.items[i], tree.reasons.items[i]);
        count_failure(predictor);
    }
    for (size_t i = 0; i < tree.images.count && run->output_error == 0; i++) {
        predict_image(predictor, tree.images.items[i]);
    }
    tool_tree_free(&tree);
}

/* The images that a table lists, in its order; what it says of them does not count. */
static void predict_table(predict_run *predictor, const char *path)
{
    cnn_dataset *dataset = NULL;
    predictor->several = true;
    const cnn_status status = cnn_dataset_open(predictor->run->context, path, CNN_FILES(.part = "all"), &dataset);
    if (status != CNN_OK) {
        tool_fail_library(predictor->run, status);
        count_failure(predictor);
    }
    for (size_t i = 0; i < cnn_dataset_count(dataset) && predictor->run->output_error == 0; i++) {
        predict_image(predictor, cnn_dataset_path(dataset, i));
    }
    cnn_dataset_free(dataset);
}

/* A file, a folder or a table. What is none of these is left to the library to refuse. */
static void predict_path(predict_run *predictor, const char *path)
{
    struct stat there;
    if (stat(path, &there) == 0 && S_ISDIR(there.st_mode)) {
        predict_folder(predictor, path);
    } else if (tool_is_table(path)) {
        predict_table(predictor, path);
    } else {
        predict_image(predictor, path);
    }
}

static bool predict_line(void *user, const char *path)
{
    predict_run *predictor = user;
    predict_path(predictor, path);
    return predictor->run->output_error == 0;
}

/* Each image is predicted when its line has been read. */
static void predict_list(predict_run *predictor, const char *path)
{
    predictor->several = true;
    for (size_t faults = tool_each_line(predictor->run, path, predict_line, predictor); faults > 0; faults--) {
        count_failure(predictor);
    }
}

/* ---- the command ---- */

static void predict_operand(predict_run *predictor, const char *operand)
{
    if (strcmp(operand, "-") == 0) {
        predict_input(predictor);
    } else if (operand[0] == '@') {
        predict_list(predictor, operand + 1);
    } else {
        predict_path(predictor, operand);
    }
}

/* What single operands cannot know of each other. */
static int check_operands(tool *run)
{
    size_t inputs = 0;
    for (size_t i = 1; i < run->operand_count; i++) {
        const char *operand = run->operands[i];
        inputs += strcmp(operand, "-") == 0 || strcmp(operand, "@-") == 0;
        if (operand[0] == '\0' || strcmp(operand, "@") == 0) {
            return tool_fail_usage(run, operand[0] == '\0' ? "the name of an image is empty"
                                                           : "@ is followed by the file that lists images: @FILE");
        }
    }
    return inputs > 1 ? tool_fail_usage(run, "standard input can be read once: - or @-") : TOOL_DONE;
}

static int print_list(predict_run *predictor)
{
    json_t *object = json_object();
    if (!predictor->several && json_array_size(predictor->list) == 1) {
        json_object_update(object, json_array_get(predictor->list, 0));
    }
    json_object_set(object, "predictions", predictor->list);
    return tool_json_print(predictor->run, object);
}

static int predict_all(predict_run *predictor)
{
    tool *run = predictor->run;
    predictor->several = run->operand_count > 2;
    for (size_t i = 1; i < run->operand_count && run->output_error == 0; i++) {
        predict_operand(predictor, run->operands[i]);
    }
    if (predictor->list != NULL) {
        int result = print_list(predictor);
        if (result != TOOL_DONE) {
            return result;
        }
    }
    if (predictor->failures > 0 && predictor->several) {
        return tool_fail(run, "%zu of %zu images could not be predicted", predictor->failures, predictor->images);
    }
    return predictor->failures > 0 ? TOOL_FAILED : TOOL_DONE;
}

/* --tta: the model in memory gets other views than its file has. */
static int set_views(tool *run, cnn_model *model, const char *views)
{
    cnn_pipeline *changed = NULL;
    int result = views != NULL ? tool_choose_views(run, cnn_model_pipeline(model), views, &changed) : TOOL_DONE;
    const cnn_status status = changed != NULL ? cnn_model_set_pipeline(model, changed) : CNN_OK;
    cnn_pipeline_free(changed);
    return status == CNN_OK ? result : tool_fail_library(run, status);
}

static int run_predict(tool *run, const void *given)
{
    const predict_settings *settings = given;
    cnn_model *model = NULL;
    predict_run predictor = {.run = run, .room = settings->topk > 0 ? settings->topk : 1};
    int result = check_operands(run);
    if (result == TOOL_DONE) {
        result = tool_open_context(run);
    }
    if (result == TOOL_DONE) {
        result = tool_open_trained(run, run->operands[0], &model);
    }
    if (result == TOOL_DONE && cnn_model_pipeline(model) == NULL) {
        char *file = tool_printable(run->operands[0]);
        result = tool_fail(run,
                           "%s: does not say how images are prepared for it: `cnn convert %s NEW --preprocess STEPS` "
                           "gives it preprocessing, such as torchvision or keras-tf",
                           file, file);
        free(file);
    }
    result = result == TOOL_DONE ? set_views(run, model, settings->tta) : result;
    if (result == TOOL_DONE) {
        const size_t labels = tool_model_labels(model);
        predictor.model = model;
        predictor.task = cnn_model_task(model);
        predictor.topk = settings->topk;
        predictor.outputs = labels;
        predictor.room = predictor.room < labels && predictor.task <= CNN_TASK_CLASSES ? predictor.room : labels;
        predictor.predictions = calloc(predictor.room, sizeof(*predictor.predictions));
        predictor.probabilities = calloc(labels, sizeof(*predictor.probabilities));
        predictor.marks = calloc(labels, 1);
        predictor.list = run->common->json ? json_array() : NULL;
        cnn_status status = cnn_session_create(model, CNN_SESSION(.batch = 1), &predictor.session);
        const bool room = predictor.predictions != NULL && predictor.probabilities != NULL && predictor.marks != NULL;
        result = !room              ? tool_fail_memory(run)
                 : status != CNN_OK ? tool_fail_library(run, status)
                                    : predict_all(&predictor);
    }
    json_decref(predictor.list);
    free(predictor.predictions);
    free(predictor.probabilities);
    free(predictor.marks);
    cnn_session_free(predictor.session);
    cnn_model_free(model);
    return result;
}

static const tool_option predict_options[] = {
    {"topk", "K", "the K most probable classes of each image, best first; 1 if not given", TOOL_COUNT,
     offsetof(predict_settings, topk), 1, 1000000, NULL},
    {"tta", "VIEWS",
     "predicts by the mean over several views of each image, as `cnn eval` takes them; or none: by one view, also with "
     "a model that has several",
     TOOL_TEXT, offsetof(predict_settings, tta), 0, 0, NULL},
    {0},
};

const tool_command tool_command_predict = {
    .name = "predict",
    .synopsis = "FILE IMAGE...",
    .purpose = "Prints the class and its probability for each image.",
    .details =
        "FILE is a model that `cnn train` wrote; its own preprocessing and class names are used. IMAGE is a file; "
        "a folder, of which all images in it and below it are taken in byte order, names that begin with a dot "
        "left out; a table (CSV or JSON lines) of images; @LIST, a text file with one path a line, files or folders; - "
        "for an image on standard input; "
        "or @- for a list there. A file whose name begins with @ is ./@NAME. One line for each image, in that "
        "order: path, class, probability and the class's number, separated by tabs; of classes with WordNet ids, as "
        "`cnn convert --names imagenet` sets them, number, id, name and probability. A model of several labels has "
        "name and probability of each label that it decides for, or - for none; one of values name and number of each. "
        "An image that cannot be read is told on stderr, the others go on, and the exit status is 1. With --json one "
        "object: predictions, a list of path, number, label, probability, id where there is one (and top, with "
        "--topk); of a single image these stand at the top too.",
    .options = predict_options,
    .settings_size = sizeof(predict_settings),
    .least_operands = 2,
    .most_operands = SIZE_MAX,
    .run = run_predict,
};
