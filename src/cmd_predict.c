/* SPDX-License-Identifier: MIT */
/* cnn predict: class and probability of each image. */
#include "tool.h"
#include "tool_json.h"

#include <stdlib.h>

typedef struct predict_settings {
    tool_common common;
    uint64_t topk;
} predict_settings;

typedef struct predict_run {
    tool *run;
    cnn_session *session;
    cnn_prediction *predictions;
    size_t room; /* classes asked for */
    json_t *list; /* NULL without --json */
    size_t failures;
} predict_run;

static void print_row(predict_run *predictor, const char *path, size_t count)
{
    char *printable = tool_printable(path);
    tool_print(predictor->run, "%s", printable != NULL ? printable : "");
    free(printable);
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *prediction = &predictor->predictions[i];
        char *label = tool_label_text(prediction->name, (size_t)prediction->label);
        tool_print(predictor->run, "\t%s\t%.4f", label != NULL ? label : "", prediction->probability);
        free(label);
    }
    tool_print(predictor->run, "\n");
}

static void set_prediction(json_t *object, const cnn_prediction *prediction)
{
    char *label = tool_label_text(prediction->name, (size_t)prediction->label);
    tool_json_text(object, "label", label);
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

/* Predicts one image; a failure is told and counted, and the others go on. */
static void predict_image(predict_run *predictor, const char *path)
{
    size_t count = predictor->room;
    cnn_status status = cnn_session_predict_file(predictor->session, path, predictor->predictions, &count);
    if (status != CNN_OK) {
        tool_fail_library(predictor->run, status); /* names the file */
        predictor->failures++;
    } else if (predictor->list != NULL) {
        add_json(predictor, path, count);
    } else {
        print_row(predictor, path, count);
    }
}

static int print_list(tool *run, json_t *list)
{
    json_t *object = json_object();
    if (run->operand_count == 2 && json_array_size(list) == 1) {
        json_object_update(object, json_array_get(list, 0));
    }
    json_object_set(object, "predictions", list);
    return tool_json_print(run, object);
}

static int predict_all(predict_run *predictor)
{
    tool *run = predictor->run;
    for (size_t i = 1; i < run->operand_count && run->output_error == 0; i++) {
        predict_image(predictor, run->operands[i]);
    }
    if (predictor->list != NULL) {
        int result = print_list(run, predictor->list);
        if (result != TOOL_DONE) {
            return result;
        }
    }
    if (predictor->failures > 0 && run->operand_count > 2) {
        return tool_fail(run, "%zu of %zu images could not be predicted", predictor->failures, run->operand_count - 1);
    }
    return predictor->failures > 0 ? TOOL_FAILED : TOOL_DONE;
}

static int run_predict(tool *run, const void *given)
{
    const predict_settings *settings = given;
    cnn_model *model = NULL;
    predict_run predictor = {.run = run, .room = settings->topk > 0 ? settings->topk : 1};
    int result = tool_open_context(run);
    if (result == TOOL_DONE) {
        result = tool_open_trained(run, run->operands[0], &model);
    }
    if (result == TOOL_DONE) {
        predictor.room = predictor.room < tool_model_labels(model) ? predictor.room : tool_model_labels(model);
        predictor.predictions = calloc(predictor.room, sizeof(*predictor.predictions));
        predictor.list = run->common->json ? json_array() : NULL;
        cnn_status status = cnn_session_create(model, CNN_SESSION(.batch = 1), &predictor.session);
        result = predictor.predictions == NULL ? tool_fail_memory(run)
                 : status != CNN_OK            ? tool_fail_library(run, status)
                                               : predict_all(&predictor);
    }
    json_decref(predictor.list);
    free(predictor.predictions);
    cnn_session_free(predictor.session);
    cnn_model_free(model);
    return result;
}

static const tool_option predict_options[] = {
    {"topk", "K", "the K most probable classes of each image, best first; 1 if not given", TOOL_COUNT,
     offsetof(predict_settings, topk), 1, 1000000, NULL},
    {0},
};

const tool_command tool_command_predict = {
    .name = "predict",
    .synopsis = "FILE IMAGE...",
    .purpose = "Prints the class and its probability for each image.",
    .details = "FILE is a model that `cnn train` wrote; its own preprocessing and class names are used. One line for "
               "each image, in the order given: path, class and probability, separated by tabs. An image that cannot "
               "be read is told on stderr, the others go on, and the exit status is 1. With --json one object: "
               "predictions, a list of path, label, probability (and top, with --topk); of a single image these stand "
               "at the top too.",
    .options = predict_options,
    .settings_size = sizeof(predict_settings),
    .least_operands = 2,
    .most_operands = SIZE_MAX,
    .run = run_predict,
};
