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

static cnn_status open_data(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset)
{
    return cnn_dataset_open(run->context, path,
                            CNN_FILES(.classes = options->classes, .class_count = options->class_count,
                                      .channels = options->channels, .part = options->part, .prefix = options->prefix,
                                      .on_error = (int32_t)options->on_error),
                            dataset);
}

int tool_open_data(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset)
{
    cnn_status status = open_data(run, path, options, dataset);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* With both lists of names, and what the library says of the first that differs: names may look alike. */
static int different_classes(tool *run, const char *path, const tool_data_options *options, const cnn_model *model)
{
    cnn_dataset *dataset = NULL;
    char *reason = tool_format("%s", cnn_last_error(run->context));
    tool_data_options own = *options;
    own.classes = NULL;
    own.class_count = 0;
    if (open_data(run, path, &own, &dataset) != CNN_OK || reason == NULL) {
        /* The dataset has no list of its own to show. */
        int result = tool_fail(run, "%s", reason != NULL ? reason : "");
        free(reason);
        return result;
    }
    const bool alike = strstr(reason, "U+") != NULL;
    char *printable = tool_printable(path), *theirs = tool_dataset_classes(dataset), *ours = tool_model_classes(model);
    int result = tool_fail(run, "%s: its classes are not those of the model\ndataset: %s\nmodel:   %s%s%s", printable,
                           theirs != NULL ? theirs : "", ours != NULL ? ours : "", alike ? "\nUnicode: " : "",
                           alike ? reason : "");
    cnn_dataset_free(dataset);
    free(reason);
    free(printable);
    free(theirs);
    free(ours);
    return result;
}

int tool_open_data_of_model(tool *run, const char *path, const tool_data_options *options, const cnn_model *model,
                            cnn_dataset **dataset)
{
    cnn_shape input = cnn_model_input_shape(model);
    size_t count = cnn_model_class_count(model);
    tool_data_options with_names = *options;
    with_names.channels = input.rank == 3 ? (uint32_t)input.dims[2] : 0;
    if (count == 0) {
        return tool_open_data(run, path, &with_names, dataset);
    }
    *dataset = NULL;
    const char **names = reallocarray(NULL, count, sizeof(*names));
    if (names == NULL) {
        return tool_fail_memory(run);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn_model_class_name(model, i);
    }
    with_names.classes = names;
    with_names.class_count = count;
    cnn_status status = open_data(run, path, &with_names, dataset);
    free(names);
    if (status == CNN_ERROR_MISMATCH) {
        return different_classes(run, path, &with_names, model);
    }
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
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
