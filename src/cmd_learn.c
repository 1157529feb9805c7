/* SPDX-License-Identifier: MIT */
/* cnn learn: classes by the nearest centroid of features, from a few images and without training. */
#include "tool_json.h"
#include "tool_path.h"
#include "tool_table.h"

#include <stdlib.h>
#include <string.h>

typedef struct learn_settings {
    tool_common common;
    const char *data, *part, *prefix, *layer, *out, *on_error, *label_columns;
} learn_settings;

typedef struct learn_run {
    tool *run;
    double begin;
} learn_run;

static bool on_batch(void *user, uint64_t done, uint64_t total)
{
    learn_run *self = user;
    tool_progress_count(self->run, "learn", done, total, self->begin, "images");
    return false;
}

static int print_result(tool *run, const cnn_model *made, const cnn_dataset *data, size_t before)
{
    const char *out = ((const learn_settings *)run->common)->out;
    if (run->common->json) {
        json_t *object = json_object(), *names = json_array();
        for (size_t i = 0; i < cnn_model_class_count(made); i++) {
            json_array_append_new(names, json_string(cnn_model_class_name(made, i)));
        }
        tool_json_text(object, "model", out);
        tool_json_count(object, "images", cnn_dataset_count(data));
        tool_json_count(object, "before", before);
        json_object_set_new(object, "classes", names);
        return tool_json_print(run, object);
    }
    char *classes = tool_model_classes(made), *printable = tool_printable(out);
    tool_print(run, "classes     %s\nimages      %zu\nmodel       %s\n", classes != NULL ? classes : "",
               cnn_dataset_count(data), printable);
    free(classes);
    free(printable);
    return TOOL_DONE;
}

/* A model of other classes learns these in their place; one that was made here keeps its own beside them. */
static int learn(tool *run, const learn_settings *settings, cnn_model *model, const cnn_dataset *data)
{
    learn_run self = {run, tool_seconds()};
    cnn_model *made = NULL;
    const size_t before = strcmp(cnn_model_layer_name(model, cnn_model_layer_count(model) - 1), "head_centroids") == 0
                              ? cnn_model_class_count(model)
                              : 0;
    cnn_status status = cnn_centroids_create(model,
                                             CNN_CENTROIDS(.dataset = data, .layer = settings->layer,
                                                           .on_error = tool_on_error(settings->on_error),
                                                           .on_batch = on_batch, .user = &self),
                                             &made);
    tool_progress_end(run);
    if (status == CNN_ERROR_NOT_FOUND) {
        return tool_fail_usage(run, "--layer: %s (`cnn summary` lists the layers)", cnn_last_error(run->context));
    }
    if (status == CNN_OK) {
        status = cnn_model_save(made, settings->out);
    }
    int result = status == CNN_OK ? print_result(run, made, data, before) : tool_fail_library(run, status);
    cnn_model_free(made);
    return result;
}

static int run_learn(tool *run, const void *given)
{
    const learn_settings *settings = given;
    cnn_model *model = NULL;
    cnn_dataset *data = NULL;
    if (settings->data == NULL || settings->out == NULL) {
        return tool_fail_usage(run, "--%s is missing", settings->data == NULL ? "data PATH" : "out FILE");
    }
    int result = tool_check_model_name(run, "--out", settings->out);
    result = result == TOOL_DONE ? tool_check_model_writable(run, settings->out) : result;
    result = result == TOOL_DONE ? tool_open_context(run) : result;
    result = result == TOOL_DONE ? tool_open_trained(run, run->operands[0], &model) : result;
    result = result == TOOL_DONE ? tool_check_prepared(run, run->operands[0], model, NULL) : result;
    result = result == TOOL_DONE ? tool_set_one_view(run, model) : result;
    if (result == TOOL_DONE) {
        const cnn_shape input = cnn_model_input_shape(model);
        const tool_data_options options = {.part = settings->part != NULL ? settings->part : "train",
                                           .prefix = settings->prefix,
                                           .label_columns = settings->label_columns,
                                           .channels = input.rank == 3 ? (uint32_t)input.dims[2] : 0,
                                           .on_error = tool_on_error(settings->on_error),
                                           .task = CNN_TASK_CLASSES};
        result = tool_open_data(run, settings->data, &options, &data);
        result = result == TOOL_DONE ? tool_check_labelled(run, settings->data, data) : result;
    }
    result = result == TOOL_DONE ? learn(run, settings, model, data) : result;
    cnn_dataset_free(data);
    cnn_model_free(model);
    return result;
}

#define AT(field) offsetof(learn_settings, field)

static const tool_option learn_options[] = {
    {"data", "PATH", "images of each class, ten are enough: a folder with one folder for each, or a table; required",
     TOOL_TEXT, AT(data), 0, 0, NULL},
    {"out", "FILE", "where the model goes, which may be FILE itself; required", TOOL_TEXT, AT(out), 0, 0, NULL},
    {"part", "NAME", "of IDX and CIFAR folders, and of tables with a column of splits; train if not given", TOOL_CHOICE,
     AT(part), 0, 0, tool_part_names},
    {"prefix", "TEXT", "of a folder with several sets of IDX files, or of CIFAR-100", TOOL_TEXT, AT(prefix), 0, 0,
     NULL},
    {"label-columns", "A,B,...", "of a table: the columns that say what an image is, if not by their names", TOOL_TEXT,
     AT(label_columns), 0, 0, NULL},
    {"layer", "NAME", "whose outputs are compared; if not given those before the last dense layer", TOOL_TEXT,
     AT(layer), 0, 0, NULL},
    {"on-error", "WHAT", "of an image that cannot be read: fail, which it is if not given, or skip", TOOL_CHOICE,
     AT(on_error), 0, 0, tool_on_error_names},
    {0},
};

const tool_command tool_command_learn = {
    .name = "learn",
    .synopsis = "FILE --data PATH --out FILE",
    .purpose =
        "Learns classes from a few images each, without training: an image is of the class whose mean features are "
        "nearest.",
    .details =
        "FILE is a trained model, whose features are used and whose classes are forgotten; or one that this command "
        "wrote, which keeps its classes and learns those of --data too, by the same features. Images are seen by one "
        "view. A class that is there already is learned anew.",
    .options = learn_options,
    .settings_size = sizeof(learn_settings),
    .least_operands = 1,
    .most_operands = 1,
    .run = run_learn,
};
