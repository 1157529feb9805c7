/* SPDX-License-Identifier: MIT */
/* cnn summary: the layer table, and what running the model takes. */
#include "tool.h"
#include "tool_json.h"
#include "tool_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct summary_settings {
    tool_common common;
    tool_model_options model;
    uint64_t batch;
    const char *freeze;
    bool config, parameters;
} summary_settings;

static json_t *shape_json(const cnn_shape *shape)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < shape->rank; i++) {
        json_array_append_new(array, json_integer(shape->dims[i]));
    }
    return array;
}

static uint64_t count_values(const cnn_shape *shape)
{
    uint64_t values = 1;
    for (uint32_t d = 0; d < shape->rank; d++) {
        values *= (uint64_t)shape->dims[d];
    }
    return values;
}

/* A layer's configuration; malloc'ed. */
static cnn_status append(void *user, const void *data, size_t size)
{
    char **text = user, *longer = tool_format("%s%.*s", *text != NULL ? *text : "", (int)size, (const char *)data);
    free(*text);
    *text = longer;
    return longer != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static char *configuration(const cnn_model *model, size_t layer)
{
    char *text = NULL;
    (void)cnn_model_layer_configuration(model, layer, append, &text);
    return text;
}

static json_t *parameters_json(cnn_model *model)
{
    json_t *list = json_array();
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        if (cnn_model_parameter(model, i, &parameter) == CNN_OK) {
            json_t *object = json_object();
            tool_json_text(object, "name", parameter.name);
            json_object_set_new(object, "shape", shape_json(&parameter.value.shape));
            json_object_set_new(object, "trained", json_boolean(parameter.trainable));
            json_array_append_new(list, object);
        }
    }
    return list;
}

static int print_json(tool *run, cnn_model *model, const summary_settings *settings, uint32_t batch)
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
        if (settings->config) {
            char *text = configuration(model, i);
            tool_json_text(layer, "configuration", text);
            free(text);
        }
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
    tool_json_count(object, "arrays", cnn_model_parameter_count(model));
    tool_json_count(object, "trainable_arrays", cnn_model_trainable_count(model));
    if (settings->parameters) {
        json_object_set_new(object, "parameter_list", parameters_json(model));
    }
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

/* Of a name, the part up to the end of the next model around the layer; 0: there is none from `at` on. */
static size_t model_length(const char *name, size_t at)
{
    const char *slash = strchr(name + at, '/');
    return slash != NULL ? (size_t)(slash - name) : 0;
}

static void print_indented(tool *run, size_t depth, const char *text)
{
    char *printable = tool_printable(text);
    tool_print(run, "%*s%s\n", (int)(2 * depth), "", printable != NULL ? printable : "");
    free(printable);
}

/* As print(model) of PyTorch: layers of models inside are indented below the name of that model. `around` is the length
 * of the name of the model whose layers these are; returns the first layer after them. */
static size_t print_layers(tool *run, const cnn_model *model, size_t layer, size_t around, size_t depth)
{
    const char *first = cnn_model_layer_name(model, layer), *name = first;
    const size_t at = around > 0 ? around + 1 : 0;
    while (name != NULL && (around == 0 || (strncmp(name, first, around) == 0 && name[around] == '/'))) {
        const size_t inner = model_length(name, at);
        char *config = inner > 0 ? NULL : configuration(model, layer);
        char *line = inner > 0 ? tool_format("(%.*s): Model(", (int)(inner - at), name + at)
                               : tool_format("(%s): %s", name + at, config != NULL ? config : "");
        print_indented(run, depth, line != NULL ? line : "");
        free(line);
        free(config);
        layer = inner > 0 ? print_layers(run, model, layer, inner, depth + 1) : layer + 1;
        if (inner > 0) {
            print_indented(run, depth, ")");
        }
        name = cnn_model_layer_name(model, layer);
    }
    return layer;
}

static void print_configuration(tool *run, const cnn_model *model)
{
    char *name = tool_printable(cnn_model_name(model));
    tool_print(run, "\n%s(\n", name != NULL ? name : "");
    free(name);
    (void)print_layers(run, model, 0, 0, 1);
    tool_print(run, ")\n");
}

static void print_parameters(tool *run, cnn_model *model)
{
    tool_print(run, "\n");
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        if (cnn_model_parameter(model, i, &parameter) != CNN_OK) {
            continue;
        }
        char *name = tool_printable(parameter.name), shape[160] = "";
        for (uint32_t d = 0; d < parameter.value.shape.rank; d++) {
            const size_t used = strlen(shape);
            snprintf(shape + used, sizeof(shape) - used, "%s%lld", d > 0 ? "x" : "",
                     (long long)parameter.value.shape.dims[d]);
        }
        tool_print(run, "%-11s %-40s %18s %12llu\n", parameter.trainable ? "trained" : "not trained",
                   name != NULL ? name : "", shape, (unsigned long long)count_values(&parameter.value.shape));
        free(name);
    }
}

/* What `cnn calibrate` put into the model. */
static void print_decision(tool *run, const cnn_model *model)
{
    cnn_decision decision = {.struct_size = sizeof(decision)};
    if (!cnn_model_decision(model, &decision)) {
        return;
    }
    tool_print(run, "\ndecisions  ");
    if (decision.temperature != 0) {
        tool_print(run, " temperature %.4g", (double)decision.temperature);
    }
    if (decision.slope != 0) {
        tool_print(run, " sigmoid of %.4g z %+.4g", (double)decision.slope, (double)decision.offset);
    }
    for (size_t i = 0; i < decision.threshold_count; i++) {
        tool_print(run, "%s%.4g", i == 0 ? " thresholds " : ", ", (double)decision.thresholds[i]);
    }
    if (decision.reject != 0) {
        tool_print(run, " reject below %.4g", (double)decision.reject);
    }
}

static void print_trained(tool *run, cnn_model *model)
{
    const size_t trained = cnn_model_trainable_count(model), all = cnn_model_parameter_count(model);
    char *names = trained < all ? tool_trained_names(model) : NULL;
    tool_print(run, "\ntrained     %zu of %zu arrays%s%s", trained, all, names != NULL && *names != '\0' ? ": " : "",
               names != NULL ? names : "");
    free(names);
}

static int print_text(tool *run, cnn_model *model, const summary_settings *settings, uint32_t batch)
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
    print_trained(run, model);
    if (cnn_model_class_count(model) > 0) {
        char *classes = tool_model_classes(model);
        tool_print(run, "\n%-11s %s", tool_task_name(cnn_model_task(model)), classes != NULL ? classes : "");
        free(classes);
    }
    print_decision(run, model);
    if (cnn_model_pipeline(model) != NULL) {
        tool_print(run, "\npreprocess  %s", cnn_pipeline_text(cnn_model_pipeline(model)));
    }
    tool_print(run, "\nmemory      parameters %s, training step of %u images %s, inference of one image %s\n",
               tool_bytes(cnn_model_values(model) * sizeof(float), parameters), (unsigned)batch,
               tool_bytes(cnn_model_session_bytes(model, batch, true), training),
               tool_bytes(cnn_model_session_bytes(model, 1, false), inference));
    if (settings->config) {
        print_configuration(run, model);
    }
    if (settings->parameters) {
        print_parameters(run, model);
    }
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
        result = tool_freeze(run, model, settings->freeze);
    }
    if (result == TOOL_DONE) {
        uint32_t batch = settings->batch > 0 ? (uint32_t)settings->batch : 32;
        result = run->common->json ? print_json(run, model, settings, batch) : print_text(run, model, settings, batch);
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
    {"freeze", "LIST", "shows the model as `cnn train --freeze LIST` trains it", TOOL_TEXT,
     offsetof(summary_settings, freeze), 0, 0, NULL},
    {"config", NULL, "lists the configuration of each layer too", TOOL_FLAG, offsetof(summary_settings, config), 0, 0,
     NULL},
    {"parameters", NULL, "lists each array of parameters too, with its shape, and whether it is trained", TOOL_FLAG,
     offsetof(summary_settings, parameters), 0, 0, NULL},
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
