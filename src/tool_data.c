/* SPDX-License-Identifier: MIT */
/* Datasets as commands open them. */
#include "tool_table.h"

#include <stdlib.h>
#include <string.h>

const char *const tool_on_error_names[] = {"fail", "skip", NULL};

cnn_on_error tool_on_error(const char *name)
{
    return name != NULL && strcmp(name, "skip") == 0 ? CNN_ON_ERROR_SKIP : CNN_ON_ERROR_FAIL;
}

static cnn_status open_part(tool *run, const char *path, const tool_data_options *options, const char *part,
                            cnn_dataset **dataset)
{
    return cnn_dataset_open(run->context, path,
                            CNN_FILES(.classes = options->classes, .class_count = options->class_count,
                                      .channels = options->channels, .part = part, .prefix = options->prefix,
                                      .on_error = (int32_t)options->on_error, .task = (int32_t)options->task,
                                      .label_columns = options->label_columns, .group_column = options->group_column),
                            dataset);
}

/* The part of a table that stands in for one that it has no rows of; NULL if none does. */
static const char *other_part(tool *run, const char *path, const tool_data_options *options)
{
    const char *part = options->part, *other = NULL;
    cnn_dataset *whole = NULL;
    if (part == NULL || !tool_is_table(path) || (strcmp(part, "test") != 0 && strcmp(part, "validation") != 0)) {
        return NULL;
    }
    const bool told = run->log_is_told;
    run->log_is_told = true; /* of this attempt nothing is told */
    if (open_part(run, path, options, "all", &whole) == CNN_OK && !cnn_dataset_has_part(whole, part)) {
        const char *wanted = strcmp(part, "test") == 0 ? "validation" : "test";
        other = cnn_dataset_has_part(whole, wanted) ? wanted : NULL;
    }
    run->log_is_told = told;
    cnn_dataset_free(whole);
    return other;
}

static cnn_status open_local(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset)
{
    const char *other = other_part(run, path, options);
    const char *part = other != NULL ? other : options->part == NULL && tool_is_table(path) ? "all" : options->part;
    if (other != NULL) {
        char *printable = tool_printable(path);
        tool_note(run, "%s: has no rows of the part %s; those of %s are taken", printable, options->part, other);
        free(printable);
    }
    return open_part(run, path, options, part, dataset);
}

/* Of several ranks the first lists the files, and tells the others. */
static cnn_status open_data(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset)
{
    const cnn_communicator *ranks = run->ranks.communicator;
    const bool first = tool_ranks_first(&run->ranks);
    cnn_status status = first ? open_local(run, path, options, dataset) : CNN_OK;
    if (ranks == NULL) {
        return status;
    }
    status = cnn_communicator_agree(run->context, ranks, status);
    status = status == CNN_OK ? cnn_dataset_share(run->context, ranks, dataset) : status;
    if (status == CNN_ERROR_UNSUPPORTED) {
        status = first ? CNN_OK : open_local(run, path, options, dataset);
    }
    return status;
}

/* What the first rank has told already is not told again. */
static int end_open(tool *run, cnn_status status)
{
    return status == CNN_OK ? TOOL_DONE : status == CNN_ERROR_PEER ? TOOL_FAILED : tool_fail_library(run, status);
}

int tool_open_data(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset)
{
    return end_open(run, open_data(run, path, options, dataset));
}

/* With both lists of names, and what the library says of the first that differs: names may look alike. */
static int different_classes(tool *run, const char *path, const tool_data_options *options, const cnn_model *model)
{
    cnn_dataset *dataset = NULL;
    char *reason = tool_format("%s", cnn_last_error(run->context));
    tool_data_options own = *options;
    own.classes = NULL;
    own.class_count = 0;
    if (open_local(run, path, &own, &dataset) != CNN_OK || reason == NULL) {
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

/* Says that the data is of another task than the model, by its own text, if it is; else what was said already. */
static void tell_task(tool *run, const char *path, const tool_data_options *options, const cnn_model *model)
{
    cnn_dataset *dataset = NULL;
    tool_data_options own = *options;
    const cnn_task task = cnn_model_task(model);
    char *reason = tool_format("%s", cnn_last_error(run->context));
    own.classes = NULL;
    own.class_count = 0;
    own.task = CNN_TASK_UNKNOWN;
    const bool told = run->log_is_told;
    run->log_is_told = true;
    const bool opened = open_local(run, path, &own, &dataset) == CNN_OK;
    run->log_is_told = told;
    const cnn_task found = cnn_dataset_task(dataset);
    const bool other = opened && found != task && (found > CNN_TASK_CLASSES || task > CNN_TASK_CLASSES);
    if (other) {
        char *printable = tool_printable(path);
        tool_fail(run, "%s: its images have %s, the model was trained for %s", printable, tool_task_text(found),
                  tool_task_text(task));
        free(printable);
    } else if (reason != NULL) {
        tool_fail(run, "%s", reason);
    }
    free(reason);
    cnn_dataset_free(dataset);
}

int tool_open_data_of_model(tool *run, const char *path, const tool_data_options *options, const cnn_model *model,
                            cnn_dataset **dataset)
{
    cnn_shape input = cnn_model_input_shape(model);
    size_t count = cnn_model_class_count(model);
    tool_data_options with_names = *options;
    with_names.channels = input.rank == 3 ? (uint32_t)input.dims[2] : 0;
    with_names.task = with_names.task == CNN_TASK_UNKNOWN ? cnn_model_task(model) : with_names.task;
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
    if ((status == CNN_ERROR_FORMAT || status == CNN_ERROR_MISMATCH) && cnn_model_task(model) > CNN_TASK_CLASSES) {
        tell_task(run, path, options, model);
        return TOOL_FAILED;
    }
    if (status == CNN_ERROR_MISMATCH) {
        return different_classes(run, path, &with_names, model);
    }
    return end_open(run, status);
}

int tool_check_labelled(tool *run, const char *path, const cnn_dataset *dataset)
{
    const bool unknown = cnn_dataset_task(dataset) == CNN_TASK_CLASSES && cnn_dataset_label(dataset, 0) < 0;
    return unknown ? tool_fail(run, "%s: nothing says what its images are", path) : TOOL_DONE;
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
