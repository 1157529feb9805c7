/* SPDX-License-Identifier: MIT */
/* MODEL: a name from the zoo or a file. */
#include "tool_foreign.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *zoo_name(const void *unused, size_t index)
{
    (void)unused;
    return cnn_zoo_name(index);
}

bool tool_is_zoo(const char *name)
{
    for (size_t i = 0; cnn_zoo_name(i) != NULL; i++) {
        if (tool_names_zoo(name, cnn_zoo_name(i))) {
            return true;
        }
    }
    return false;
}

bool tool_names_zoo(const char *text, const char *name)
{
    size_t length = strcspn(text, ":");
    return strlen(name) == length && memcmp(text, name, length) == 0;
}

static int unknown_model(tool *run, const char *name)
{
    char *text = strdup("");
    for (size_t i = 0; cnn_zoo_name(i) != NULL && text != NULL; i++) {
        char *longer = tool_format("%s%s%s", text, i > 0 ? ", " : "", cnn_zoo_name(i));
        free(text);
        text = longer;
    }
    const char *nearest = tool_nearest(name, zoo_name, NULL);
    char *printable = tool_printable(name);
    int result = tool_fail_usage(run, "there is no model \"%s\"%s%s%s\nmodels by name: %s; else give a model file",
                                 printable, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                                 nearest != NULL ? "?" : "", text != NULL ? text : "");
    free(printable);
    free(text);
    return result;
}

const char *const tool_init_names[] = {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "pytorch", NULL};

/* Kernels by the named rule, and biases as it has them: 0, or with PyTorch's drawn like the kernels. */
static cnn_status initialize(cnn_model *model, const char *name)
{
    static const cnn_initializer_kind kinds[] = {CNN_INIT_GLOROT_UNIFORM, CNN_INIT_GLOROT_NORMAL, CNN_INIT_HE_UNIFORM,
                                                 CNN_INIT_HE_NORMAL, CNN_INIT_PYTORCH};
    size_t i = 0;
    while (strcmp(tool_init_names[i], name) != 0) {
        i++;
    }
    const cnn_initializer kernels = {kinds[i], 0};
    const cnn_initializer biases = {kinds[i] == CNN_INIT_PYTORCH ? CNN_INIT_PYTORCH : CNN_INIT_CONSTANT, 0};
    cnn_status status = cnn_model_initialize(model, "*/kernel", &kernels);
    if (status == CNN_OK) {
        status = cnn_model_initialize(model, "*/bias", &biases);
    }
    return status == CNN_ERROR_NOT_FOUND ? CNN_OK : status; /* a network without biases */
}

static int open_zoo(tool *run, const char *name, const tool_model_options *options, cnn_model **model)
{
    cnn_zoo_options zoo = {.struct_size = sizeof(zoo)};
    if (options != NULL) {
        memcpy(zoo.input, options->input, sizeof(zoo.input));
        zoo.classes = (uint32_t)options->classes;
        /* The library's 0 is the model's own rate, ours is none. */
        zoo.dropout = isnan(options->dropout) ? 0 : options->dropout == 0 ? -1 : (float)options->dropout;
    }
    cnn_status status = cnn_zoo_create(run->context, name, &zoo, model);
    if (status == CNN_OK && options != NULL && options->init != NULL) {
        status = initialize(*model, options->init);
    }
    if (status == CNN_ERROR_INVALID_ARGUMENT && strchr(name, ':') != NULL) {
        return tool_fail_usage(run, "%s", cnn_last_error(run->context));
    }
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* A file says everything itself; an option that contradicts it would be ignored in silence otherwise. */
static int check_file_options(tool *run, const char *name, const tool_model_options *options, const cnn_model *model)
{
    cnn_shape input = cnn_model_input_shape(model);
    for (uint32_t i = 0; i < 3; i++) {
        int64_t own = i < input.rank ? input.dims[i] : 0;
        if (options->input[i] != 0 && options->input[i] != own) {
            return tool_fail(run, "%s: the input is %dx%dx%d and cannot be changed; only models by name take a size",
                             name, (int)input.dims[0], (int)input.dims[1], (int)input.dims[2]);
        }
    }
    if (options->classes != 0 && options->classes != tool_model_labels(model)) {
        return tool_fail(run, "%s: the model tells %zu classes apart, not %llu", name, tool_model_labels(model),
                         (unsigned long long)options->classes);
    }
    if (options->init != NULL) {
        return tool_fail(run, "%s: a model file has its parameters; --init is for models by name", name);
    }
    return isnan(options->dropout) ? TOOL_DONE
                                   : tool_fail(run, "%s: dropout can be chosen only for models by name", name);
}

int tool_open_model(tool *run, const char *name, const tool_model_options *options, cnn_model **model)
{
    *model = NULL;
    if (tool_is_zoo(name)) {
        return open_zoo(run, name, options, model);
    }
    int result = TOOL_DONE;
    cnn_status status = CNN_OK;
    if (tool_is_foreign(name)) {
        result = tool_foreign_load(run, name, model);
    } else {
        status = cnn_model_load(run->context, name, model);
    }
    if (status != CNN_OK) {
        /* A bare word under which nothing lies was meant as a name. */
        bool word = strpbrk(name, "./") == NULL && status == CNN_ERROR_NOT_FOUND && access(name, F_OK) != 0;
        return word ? unknown_model(run, name) : tool_fail_library(run, status);
    }
    if (result == TOOL_DONE && options != NULL) {
        result = check_file_options(run, name, options, *model);
    }
    if (result != TOOL_DONE) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return result;
}

int tool_open_trained(tool *run, const char *name, cnn_model **model)
{
    *model = NULL;
    if (tool_is_zoo(name)) {
        return tool_fail_usage(run, "%s is a model without training; give a file that `cnn train` wrote", name);
    }
    return tool_open_model(run, name, NULL, model);
}

size_t tool_model_labels(const cnn_model *model)
{
    cnn_shape output = cnn_model_output_shape(model);
    int64_t values = 1;
    for (uint32_t i = 0; i < output.rank; i++) {
        values *= output.dims[i];
    }
    return values == 1 && cnn_model_task(model) <= CNN_TASK_CLASSES ? 2 : (size_t)values;
}

char *tool_label_text(const char *class_name, size_t label)
{
    return class_name != NULL ? tool_printable(class_name) : tool_format("%zu", label);
}

/* Classes that a line lists; results in JSON have all. */
#define MOST_CLASSES 20

static char *join_classes(const char *(*name)(const void *source, size_t label), const void *source, size_t count)
{
    const size_t listed = count > MOST_CLASSES ? MOST_CLASSES : count;
    char *text = strdup("");
    for (size_t i = 0; i < listed && text != NULL; i++) {
        char *printable = tool_printable(name(source, i));
        char *longer = tool_format("%s%s%zu %s", text, i > 0 ? ", " : "", i, printable != NULL ? printable : "");
        free(printable);
        free(text);
        text = longer;
    }
    if (text != NULL && listed < count) {
        char *longer = tool_format("%s and %zu more", text, count - listed);
        free(text);
        text = longer;
    }
    return text != NULL ? text : calloc(1, 1);
}

static const char *name_in_model(const void *model, size_t label) { return cnn_model_class_name(model, label); }

static const char *name_in_dataset(const void *dataset, size_t label) { return cnn_dataset_class_name(dataset, label); }

char *tool_model_classes(const cnn_model *model)
{
    return join_classes(name_in_model, model, cnn_model_class_count(model));
}

char *tool_dataset_classes(const cnn_dataset *dataset)
{
    return join_classes(name_in_dataset, dataset, cnn_dataset_class_count(dataset));
}

uint64_t tool_layer_values(cnn_model *model, size_t layer)
{
    uint64_t total = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        if (cnn_model_parameter(model, i, &parameter) == CNN_OK && parameter.layer == layer) {
            uint64_t values = 1;
            for (uint32_t d = 0; d < parameter.value.shape.rank; d++) {
                values *= (uint64_t)parameter.value.shape.dims[d];
            }
            total += values;
        }
    }
    return total;
}

int tool_check_prepared(tool *run, const char *name, const cnn_model *model, const cnn_dataset *data)
{
    if (cnn_model_pipeline(model) != NULL || (data != NULL && cnn_dataset_shape(data).rank > 0)) {
        return TOOL_DONE;
    }
    char *file = tool_printable(name);
    const int result = tool_fail(run,
                                 "%s: does not say how images are prepared for it: `cnn convert %s NEW --preprocess "
                                 "STEPS` gives it preprocessing, such as torchvision or keras-tf",
                                 file, file);
    free(file);
    return result;
}

/* What can follow the last dense layer and learns nothing. */
static bool is_after_dense(const char *type)
{
    static const char *const types[] = {"Activation", "Dropout", "Rescaling"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return false;
}

static size_t find_layer(const cnn_model *model, const char *name)
{
    size_t layer = cnn_model_layer_count(model);
    for (size_t i = 0; i < cnn_model_layer_count(model) && name != NULL; i++) {
        layer = strcmp(cnn_model_layer_name(model, i), name) == 0 ? i : layer;
    }
    return layer;
}

/* From the first output back, as layers lie in any order where a network has branches. */
const char *tool_before_dense(const cnn_model *model)
{
    const size_t none = cnn_model_layer_count(model);
    size_t at = find_layer(model, cnn_model_output_name(model, 0));
    while (at < none && strcmp(cnn_model_layer_type(model, at), "Dense") != 0) {
        if (!is_after_dense(cnn_model_layer_type(model, at))) {
            return NULL;
        }
        at = find_layer(model, cnn_model_layer_reads(model, at, 0));
    }
    const char *before = at < none ? cnn_model_layer_reads(model, at, 0) : NULL;
    return find_layer(model, before) < none ? before : NULL;
}
