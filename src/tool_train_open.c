/* SPDX-License-Identifier: MIT */
/* From the settings of `cnn train` to all that cnn_fit() needs. */
#include "tool_foreign.h"
#include "tool_table.h"
#include "tool_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int library(train_run *train, cnn_status status)
{
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(train->run, status);
}

/* Whether some images belong together: these are then in one part all of them. */
static bool has_groups(const cnn_dataset *data)
{
    for (size_t i = 0; i < cnn_dataset_count(data); i++) {
        if (cnn_dataset_group(data, i) >= 0) {
            return true;
        }
    }
    return false;
}

/* --folds: one fold is for validation, the others for training. */
static int open_fold(train_run *train)
{
    const bool values = tool_train_task(train) == CNN_TASK_VALUES;
    cnn_dataset *rest = NULL;
    const cnn_status status = cnn_dataset_fold(train->data,
                                               CNN_FOLDS(.folds = (uint32_t)train->settings->folds,
                                                         .grouped = has_groups(train->data),
                                                         .mode = values ? CNN_SPLIT_RANDOM : CNN_SPLIT_STRATIFIED),
                                               (uint32_t)train->settings->fold, &rest, &train->validation_data);
    if (status == CNN_ERROR_INVALID_ARGUMENT) {
        return tool_fail(train->run, "--folds: %s", cnn_last_error(train->run->context));
    }
    if (status == CNN_OK) {
        cnn_dataset_free(train->data);
        train->data = rest;
    }
    return library(train, status);
}

/* The images at --val; or, of a table with a column of splits, those that it has for validation. */
static int open_validation(train_run *train, const tool_data_options *like)
{
    const train_settings *settings = train->settings;
    if (settings->folds > 0) {
        return open_fold(train);
    }
    const bool own = isnan(settings->val_split) && cnn_dataset_has_part(train->data, "validation");
    const char *path = settings->val != NULL ? settings->val : own ? settings->data : NULL;
    if (path != NULL) {
        size_t count = cnn_dataset_class_count(train->data);
        const char **names = reallocarray(NULL, count, sizeof(*names));
        if (names == NULL) {
            return tool_fail_memory(train->run);
        }
        for (size_t i = 0; i < count; i++) {
            names[i] = cnn_dataset_class_name(train->data, i);
        }
        tool_data_options options = *like;
        options.part = "validation";
        options.task = options.task == CNN_TASK_UNKNOWN ? cnn_dataset_task(train->data) : options.task;
        options.classes = names;
        options.class_count = count;
        int result = tool_open_data(train->run, path, &options, &train->validation_data);
        free(names);
        return result;
    }
    if (isnan(settings->val_split)) {
        return TOOL_DONE;
    }
    cnn_dataset *rest = NULL;
    const bool values = tool_train_task(train) == CNN_TASK_VALUES;
    cnn_status status = cnn_dataset_split(train->data,
                                          CNN_SPLIT(.mode = values ? CNN_SPLIT_RANDOM : CNN_SPLIT_STRATIFIED,
                                                    .grouped = has_groups(train->data),
                                                    .fraction = (float)settings->val_split),
                                          &rest, &train->validation_data);
    if (status == CNN_ERROR_INVALID_ARGUMENT) {
        return tool_fail(train->run, "--val-split %g: %s", settings->val_split, cnn_last_error(train->run->context));
    }
    if (status == CNN_OK) {
        cnn_dataset_free(train->data);
        train->data = rest;
    }
    return library(train, status);
}

/* The training and validation images, with the class names of --classes or of the model file if there are any. */
static int open_data(train_run *train)
{
    const train_settings *settings = train->settings;
    tool_list classes = {0};
    tool_data_options options = {.part = "train",
                                 .prefix = settings->prefix,
                                 .on_error = tool_on_error(settings->on_error),
                                 .task = tool_task(settings->task),
                                 .label_columns = settings->label_columns,
                                 .group_column = settings->group};
    int result = TOOL_DONE;
    options.channels = settings->model.input[2] != 0 ? (uint32_t)settings->model.input[2] : train->recipe->channels;
    if (train->model != NULL) {
        options.channels = (uint32_t)cnn_model_input_shape(train->model).dims[2];
    }
    if (settings->classes != NULL && !tool_list_split(&classes, settings->classes)) {
        result = tool_fail_memory(train->run);
    }
    options.classes = (const char *const *)classes.items;
    options.class_count = classes.count;
    if (result == TOOL_DONE && train->model != NULL && settings->head == NULL &&
        cnn_model_class_count(train->model) > 0) {
        result = tool_open_data_of_model(train->run, settings->data, &options, train->model, &train->data);
    } else if (result == TOOL_DONE) {
        result = tool_open_data(train->run, settings->data, &options, &train->data);
    }
    tool_list_free(&classes);
    result = result == TOOL_DONE ? tool_train_check_task(train) : result;
    if (result == TOOL_DONE) {
        result = tool_limit_data(train->run, settings->limit, &train->data);
    }
    return result == TOOL_DONE ? open_validation(train, &options) : result;
}

/* A model of the zoo gets as many outputs as the data has classes. */
static int open_zoo_model(train_run *train)
{
    tool_model_options options = train->settings->model;
    const bool plain = train->settings->head == NULL && tool_train_task(train) == CNN_TASK_CLASSES;
    options.classes = plain ? cnn_dataset_class_count(train->data) : 0;
    return tool_open_model(train->run, train->run->operands[0], &options, &train->model);
}

static int set_classes(train_run *train)
{
    size_t count = cnn_dataset_class_count(train->data);
    const char **names = reallocarray(NULL, count, sizeof(*names));
    if (names == NULL) {
        return tool_fail_memory(train->run);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn_dataset_class_name(train->data, i);
    }
    cnn_status status = cnn_model_set_classes(train->model, names, count);
    free(names);
    return library(train, status);
}

static int load_weights(train_run *train)
{
    tool *run = train->run;
    const char *path = train->settings->init_from;
    if (path == NULL) {
        return TOOL_DONE;
    }
    cnn_weights_report report = {.struct_size = sizeof(report)};
    int result = tool_foreign_fill(run, path, train->model, &report);
    if (result != TOOL_DONE) {
        return result;
    }
    char *printable = tool_printable(path);
    if (report.loaded == 0) {
        result = tool_fail(run, "%s: none of its %u parameters fits this model", printable, (unsigned)report.unused);
    } else {
        tool_note(run, "weights     %u parameters from %s, %u begin anew, %u left unused", (unsigned)report.loaded,
                  printable, (unsigned)report.missing, (unsigned)report.unused);
    }
    free(printable);
    return result;
}

/* Weights are those of the network as it was; with a new head they are there before it. */
static int set_base(train_run *train)
{
    int result = train->settings->head != NULL ? load_weights(train) : TOOL_DONE;
    return result == TOOL_DONE ? tool_train_set_head(train) : result;
}

static int set_weights(train_run *train) { return train->settings->head == NULL ? load_weights(train) : TOOL_DONE; }

static int freeze(train_run *train)
{
    int result = tool_freeze(train->run, train->model, train->settings->freeze);
    if (result == TOOL_DONE && cnn_model_trainable_values(train->model) == 0) {
        result = tool_fail(train->run, "--freeze: nothing is left to train");
    }
    return result;
}

/* Says what --in-memory will take, before it is taken. */
static void tell_memory(const train_run *train)
{
    char text[24];
    if (train->settings->in_memory) {
        uint64_t bytes = cnn_loader_kept_bytes(train->loader) + cnn_loader_kept_bytes(train->validation_loader);
        tool_note(train->run, "in memory   %s for images, taken during the first epoch", tool_bytes(bytes, text));
    }
}

cnn_status tool_train_open_loader(train_run *train, const cnn_dataset *data, const cnn_pipeline *steps, bool training,
                                  cnn_loader **loader)
{
    const tool_ranks *ranks = &train->run->ranks;
    return tool_train_open_shard(train, data, steps, training, ranks->rank, ranks->size, loader);
}

cnn_status tool_train_open_shard(train_run *train, const cnn_dataset *data, const cnn_pipeline *steps, bool training,
                                 uint32_t shard, uint32_t shards, cnn_loader **loader)
{
    const train_settings *settings = train->settings;
    const char *last = settings->last_batch != NULL ? settings->last_batch : train->recipe->last_batch;
    const bool wrap = last != NULL && strcmp(last, "wrap") == 0, drop = last != NULL && strcmp(last, "drop") == 0;
    const bool several = !training && steps != NULL && tool_has_views(steps);
    uint64_t limit = settings->memory_limit << 20;
    if (!training && limit > 0) { /* what is left for the validation images; 0 would be any number */
        const uint64_t taken = cnn_loader_kept_bytes(train->loader);
        limit = limit > taken ? limit - taken : 1;
    }
    return cnn_loader_create(
        train->run->context, data,
        CNN_LOADER(.pipeline = steps, .batch = several ? (train->batch + 9) / 10 : train->batch,
                   .shuffle = training && !settings->no_shuffle, .balanced = training && settings->balanced,
                   .on_error = tool_on_error(settings->on_error),
                   .mode = training && wrap ? CNN_BATCH_WRAP : CNN_BATCH_EPOCH, .drop_last = training && drop,
                   .in_memory = settings->in_memory && steps != NULL, .memory_limit = limit, .shard = shard,
                   .shards = shards, .blocks = (uint32_t)settings->blocks),
        loader);
}

static cnn_status open_loaders(train_run *train)
{
    cnn_status status = tool_train_open_loader(train, train->data, train->training_steps, true, &train->loader);
    if (status == CNN_OK && train->validation_data != NULL) {
        status = tool_train_open_loader(train, train->validation_data, train->evaluation, false,
                                        &train->validation_loader);
    }
    if (status == CNN_OK) {
        tell_memory(train);
    }
    return status;
}

/* Takes the evaluator over; one that is there already is freed. */
void tool_train_add_evaluator(train_run *train, cnn_evaluator *evaluator)
{
    for (size_t i = 0; i < train->evaluator_count; i++) {
        if (strcmp(cnn_evaluator_name(train->evaluators[i]), cnn_evaluator_name(evaluator)) == 0) {
            cnn_evaluator_free(evaluator);
            return;
        }
    }
    train->evaluators[train->evaluator_count++] = evaluator;
}

/* Whether the optimizer is the recipe's, so that its groups are meant for it. */
static bool own_rule(const train_run *train)
{
    const size_t length = strcspn(train->rule.optimizer, ":+");
    const char *recipe = train->recipe->optimizer;
    return strcspn(recipe, ":+") == length && strncmp(recipe, train->rule.optimizer, length) == 0;
}

/* What is wrong with these texts is told before the data is looked for. */
static int open_texts(train_run *train)
{
    tool *run = train->run;
    const train_settings *settings = train->settings;
    const char *schedule = settings->schedule != NULL ? settings->schedule : train->recipe->schedule;
    cnn_evaluator *evaluator = NULL;
    if (schedule != NULL && cnn_schedule_create(run->context, schedule, &train->schedule) != CNN_OK) {
        return tool_fail_usage(run, "--schedule: %s", cnn_last_error(run->context));
    }
    if (tool_create_optimizer(run->context, &train->rule, &train->optimizer) != CNN_OK) {
        return tool_fail_usage(run, "--optimizer: %s", cnn_last_error(run->context));
    }
    const char *groups = settings->groups != NULL ? settings->groups : own_rule(train) ? train->recipe->groups : NULL;
    if (groups != NULL && cnn_optimizer_add_groups(train->optimizer, groups) != CNN_OK) {
        return tool_fail_usage(run, "--groups: %s", cnn_last_error(run->context));
    }
    if (settings->average != NULL && cnn_average_check(run->context, settings->average) != CNN_OK) {
        return tool_fail_usage(run, "--average: %s", cnn_last_error(run->context));
    }
    if (settings->loss != NULL && cnn_loss_create(run->context, settings->loss, &train->loss) != CNN_OK) {
        return tool_fail_usage(run, "--loss: %s", cnn_last_error(run->context));
    }
    if (settings->metric != NULL && cnn_evaluator_create(run->context, settings->metric, &evaluator) != CNN_OK) {
        return tool_fail_usage(run, "--metric: %s", cnn_last_error(run->context));
    }
    if (evaluator != NULL) {
        tool_train_add_evaluator(train, evaluator);
    }
    return TOOL_DONE;
}

/* --teacher: a model file whose outputs are the same classes. */
static int set_teacher(train_run *train)
{
    const tool_model_options none = {.dropout = NAN};
    const char *path = train->settings->teacher;
    tool *run = train->run;
    if (path == NULL) {
        return TOOL_DONE;
    }
    int result = tool_open_model(run, path, &none, &train->teacher);
    const size_t classes = result == TOOL_DONE ? cnn_model_class_count(train->teacher) : 0;
    for (size_t i = 0; i < classes && classes == cnn_dataset_class_count(train->data); i++) {
        const char *theirs = cnn_model_class_name(train->teacher, i), *ours = cnn_dataset_class_name(train->data, i);
        if (strcmp(theirs, ours) != 0) {
            return tool_fail(run, "--teacher: class %zu of %s is %s, of the data %s", i, path, theirs, ours);
        }
    }
    return result;
}

static int open_rules(train_run *train)
{
    cnn_context *context = train->run->context;
    const bool classes = tool_train_task(train) == CNN_TASK_CLASSES;
    size_t labels = tool_model_labels(train->model);
    cnn_evaluator *evaluator = NULL;
    cnn_status status = open_loaders(train);
    status = status == CNN_OK ? tool_train_default_loss(train) : status;
    status = status == CNN_OK ? tool_train_default_scores(train) : status;
    if (train->settings->topk >= labels) {
        tool_note(train->run, "topk        %llu is left out: of %zu classes it would always be 1",
                  (unsigned long long)train->settings->topk, labels);
    }
    if (status == CNN_OK && classes && train->settings->topk > 1 && train->settings->topk < labels &&
        (status = cnn_top_k_create(context, (uint32_t)train->settings->topk, &evaluator)) == CNN_OK) {
        tool_train_add_evaluator(train, evaluator);
    }
    return library(train, status);
}

int tool_train_open(train_run *train)
{
    bool zoo = tool_is_zoo(train->run->operands[0]);
    int result = tool_open_context(train->run);
    result = result == TOOL_DONE ? open_texts(train) : result;
    if (result == TOOL_DONE && !zoo) {
        result = tool_open_model(train->run, train->run->operands[0], &train->settings->model, &train->model);
    }
    if (result == TOOL_DONE && train->model != NULL && cnn_model_input_shape(train->model).rank != 3) {
        result = tool_fail(train->run, "%s: the model does not read images", train->run->operands[0]);
    }
    result = result == TOOL_DONE ? open_data(train) : result;
    if (result == TOOL_DONE && zoo) {
        result = open_zoo_model(train);
    }
    int (*const steps[])(train_run *) = {
        set_base,  set_teacher, set_classes, tool_train_set_steps, set_weights, freeze, tool_train_set_class_weights,
        open_rules};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result == TOOL_DONE; i++) {
        result = steps[i](train);
    }
    return result;
}

void tool_train_close(train_run *train)
{
    cnn_history_free(train->history);
    for (size_t i = 0; i < train->evaluator_count; i++) {
        cnn_evaluator_free(train->evaluators[i]);
    }
    cnn_schedule_free(train->schedule);
    cnn_optimizer_free(train->optimizer);
    cnn_loss_free(train->loss);
    cnn_loader_free(train->validation_loader);
    cnn_loader_free(train->loader);
    cnn_dataset_free(train->validation_features);
    cnn_dataset_free(train->features);
    if (train->training_steps != train->preprocess) {
        cnn_pipeline_free(train->training_steps);
    }
    if (train->evaluation != train->preprocess) {
        cnn_pipeline_free(train->evaluation);
    }
    cnn_pipeline_free(train->preprocess);
    cnn_model_free(train->model);
    cnn_model_free(train->teacher);
    cnn_dataset_free(train->validation_data);
    cnn_dataset_free(train->data);
    tool_curve_free(&train->curve);
    tool_log_close(&train->log);
    tool_train_report_close(&train->report);
    tool_keep_close(&train->kept_out);
    tool_keep_close(&train->kept_last);
    free(train->augment);
    free(train->class_weights);
    free(train->last_path);
}
