/* SPDX-License-Identifier: MIT */
/* cnn summary: the layer table, and what running the model takes. */
#include "tool.h"
#include "tool_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct summary_settings {
    tool_common common;
    tool_model_options model;
    uint64_t batch;
} summary_settings;

static json_t *shape_json(const cnn_shape *shape)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < shape->rank; i++) {
        json_array_append_new(array, json_integer(shape->dims[i]));
    }
    return array;
}

static int print_json(tool *run, cnn_model *model, uint32_t batch)
{
    json_t *object = json_object(), *layers = json_array(), *classes = json_array();
    cnn_shape input = cnn_model_input_shape(model), output = cnn_model_output_shape(model);
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        cnn_shape shape = cnn_model_layer_shape(model, i);
        json_t *layer = json_object();
        tool_json_text(layer, "name", cnn_model_layer_name(model, i));
        tool_json_text(layer, "type", cnn_model_layer_type(model, i));
        json_object_set_new(layer, "output", shape_json(&shape));
        tool_json_count(layer, "parameters", tool_layer_values(model, i));
        json_array_append_new(layers, layer);
    }
    for (size_t i = 0; i < cnn_model_class_count(model); i++) {
        char *name = tool_printable(cnn_model_class_name(model, i));
        json_array_append_new(classes, json_string(name != NULL ? name : ""));
        free(name);
    }
    tool_json_text(object, "model", run->operands[0]);
    json_object_set_new(object, "input", shape_json(&input));
    json_object_set_new(object, "output", shape_json(&output));
    json_object_set_new(object, "layers", layers);
    tool_json_count(object, "parameters", cnn_model_values(model));
    tool_json_count(object, "trainable", cnn_model_trainable_values(model));
    json_object_set_new(object, "classes", classes);
    tool_json_text(object, "preprocess",
                   cnn_model_pipeline(model) != NULL ? cnn_pipeline_text(cnn_model_pipeline(model)) : NULL);
    tool_json_count(object, "batch", batch);
    tool_json_count(object, "training_bytes", cnn_model_session_bytes(model, batch, true));
    tool_json_count(object, "inference_bytes", cnn_model_session_bytes(model, 1, false));
    return tool_json_print(run, object);
}

/* The names of layers come from a file: what is in them is made harmless, line by line. */
static cnn_status write_printable(void *user, const void *data, size_t size)
{
    tool *run = user;
    for (const char *at = data, *end = at + size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        char *line = strndup(at, (size_t)((newline != NULL ? newline : end) - at));
        char *printable = line != NULL ? tool_printable(line) : NULL;
        tool_print(run, "%s%s", printable != NULL ? printable : "", newline != NULL ? "\n" : "");
        free(printable);
        free(line);
        at = newline != NULL ? newline + 1 : end;
    }
    return run->output_error == 0 ? CNN_OK : CNN_ERROR_IO;
}

static int print_text(tool *run, cnn_model *model, uint32_t batch)
{
    char training[24], inference[24], parameters[24];
    cnn_shape input = cnn_model_input_shape(model);
    cnn_status status = cnn_model_summary(model, write_printable, run);
    if (status != CNN_OK) {
        return run->output_error != 0 ? TOOL_FAILED : tool_fail_library(run, status);
    }
    tool_print(run, "\ninput       ");
    for (uint32_t i = 0; i < input.rank; i++) {
        tool_print(run, "%s%lld", i > 0 ? "x" : "", (long long)input.dims[i]);
    }
    if (cnn_model_class_count(model) > 0) {
        char *classes = tool_model_classes(model);
        tool_print(run, "\nclasses     %s", classes != NULL ? classes : "");
        free(classes);
    }
    if (cnn_model_pipeline(model) != NULL) {
        tool_print(run, "\npreprocess  %s", cnn_pipeline_text(cnn_model_pipeline(model)));
    }
    tool_print(run, "\nmemory      parameters %s, training step of %u images %s, inference of one image %s\n",
               tool_bytes(cnn_model_values(model) * sizeof(float), parameters), (unsigned)batch,
               tool_bytes(cnn_model_session_bytes(model, batch, true), training),
               tool_bytes(cnn_model_session_bytes(model, 1, false), inference));
    return TOOL_DONE;
}

static int run_summary(tool *run, const void *given)
{
    const summary_settings *settings = given;
    cnn_model *model = NULL;
    int result = tool_open_context(run);
    if (result == TOOL_DONE) {
        result = tool_open_model(run, run->operands[0], &settings->model, &model);
    }
    if (result == TOOL_DONE) {
        uint32_t batch = settings->batch > 0 ? (uint32_t)settings->batch : 32;
        result = run->common->json ? print_json(run, model, batch) : print_text(run, model, batch);
    }
    cnn_model_free(model);
    return result;
}

static const tool_option summary_options[] = {
    {"input", "HxWxC", "input of a model by name, if not its own", TOOL_SIZE, offsetof(summary_settings, model.input),
     1, 3, NULL},
    {"classes", "N", "classes of a model by name, if not its own", TOOL_COUNT,
     offsetof(summary_settings, model.classes), 2, 1000000, NULL},
    {"dropout", "RATE", "of the dropout layers of a model by name; 0: none", TOOL_REAL,
     offsetof(summary_settings, model.dropout), 0, 0.99, NULL},
    {"batch", "N", "images in the training step whose memory is stated; 32 if not given", TOOL_COUNT,
     offsetof(summary_settings, batch), 1, 1000000, NULL},
    {0},
};

const tool_command tool_command_summary = {
    .name = "summary",
    .synopsis = "MODEL",
    .purpose = "Prints the layer table of a model, by name or from a file.",
    .options = summary_options,
    .settings_size = sizeof(summary_settings),
    .least_operands = 1,
    .most_operands = 1,
    .run = run_summary,
};
