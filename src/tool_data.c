/* SPDX-License-Identifier: MIT */
/* Datasets as commands open them. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

const char *const tool_on_error_names[] = {"fail", "skip", NULL};

cnn_on_error tool_on_error(const char *name)
{
    return name != NULL && strcmp(name, "skip") == 0 ? CNN_ON_ERROR_SKIP : CNN_ON_ERROR_FAIL;
}

int tool_open_data(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset)
{
    *dataset = NULL;
    cnn_status status = cnn_dataset_open(run->context, path,
                                         CNN_FILES(.classes = options->classes, .class_count = options->class_count,
                                                   .channels = options->channels, .part = options->part),
                                         dataset);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

static bool model_has_class(const cnn_model *model, const char *name)
{
    for (size_t i = 0; i < cnn_model_class_count(model); i++) {
        if (strcmp(cnn_model_class_name(model, i), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool same_classes(const cnn_model *model, const cnn_dataset *dataset, bool *same_order)
{
    size_t count = cnn_dataset_class_count(dataset);
    *same_order = true;
    if (count != cnn_model_class_count(model)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = cnn_dataset_class_name(dataset, i);
        if (!model_has_class(model, name)) {
            return false;
        }
        *same_order = *same_order && strcmp(name, cnn_model_class_name(model, i)) == 0;
    }
    return true;
}

static int different_classes(tool *run, const char *path, const cnn_model *model, const cnn_dataset *dataset)
{
    char *theirs = tool_dataset_classes(dataset), *ours = tool_model_classes(model);
    int result = tool_fail(run, "%s: its classes are not those of the model\ndataset: %s\nmodel:   %s", path,
                           theirs != NULL ? theirs : "", ours != NULL ? ours : "");
    free(theirs);
    free(ours);
    return result;
}

/* Opens the dataset again with its labels numbered as the model's. */
static int reopen_in_order(tool *run, const char *path, tool_data_options *options, const cnn_model *model,
                           cnn_dataset **dataset)
{
    size_t count = cnn_model_class_count(model);
    const char **names = reallocarray(NULL, count, sizeof(*names));
    cnn_dataset_free(*dataset);
    *dataset = NULL;
    if (names == NULL) {
        return tool_fail_memory(run);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn_model_class_name(model, i);
    }
    options->classes = names;
    options->class_count = count;
    int result = tool_open_data(run, path, options, dataset);
    free(names);
    return result;
}

int tool_open_data_of_model(tool *run, const char *path, const char *part, const cnn_model *model,
                            cnn_dataset **dataset)
{
    cnn_shape input = cnn_model_input_shape(model);
    tool_data_options options = {.part = part, .channels = input.rank == 3 ? (uint32_t)input.dims[2] : 0};
    int result = tool_open_data(run, path, &options, dataset);
    if (result != TOOL_DONE || cnn_model_class_count(model) == 0) {
        return result;
    }
    bool same_order = false;
    if (!same_classes(model, *dataset, &same_order)) {
        result = different_classes(run, path, model, *dataset);
        cnn_dataset_free(*dataset);
        *dataset = NULL;
        return result;
    }
    return same_order ? TOOL_DONE : reopen_in_order(run, path, &options, model, dataset);
}

int tool_limit_data(tool *run, uint64_t limit, cnn_dataset **dataset)
{
    cnn_dataset *sample = NULL;
    if (limit == 0 || limit >= cnn_dataset_count(*dataset)) {
        return TOOL_DONE;
    }
    cnn_status status = cnn_dataset_sample(*dataset, limit, cnn_context_seed(run->context), &sample);
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    cnn_dataset_free(*dataset);
    *dataset = sample;
    return TOOL_DONE;
}
