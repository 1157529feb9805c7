/* SPDX-License-Identifier: MIT */
/* cnn predict: class and probability of each image, whether named, in a folder, in a list or on standard input. */
#include "tool_predict.h"

#include <stdlib.h>
#include <string.h>

typedef struct predict_settings {
    tool_common common;
    uint64_t topk;
    const char *tta;
} predict_settings;

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
        tool_predict_operand(predictor, run->operands[i]);
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
    result = result == TOOL_DONE ? tool_check_prepared(run, run->operands[0], model, NULL) : result;
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
