/* SPDX-License-Identifier: MIT */
/* Writing training checkpoints: the model file's content, and beside it optimizer, position and history. */
#include "train/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "format/model_file.h"
#include "session/session.h"
#include "train/train.h"

char *cnn__prefixed(cnn_context *context, const char *prefix, const char *name)
{
    size_t size = strlen(prefix) + strlen(name) + 1;
    char *text = cnn__alloc(context, size);
    if (text != NULL) {
        snprintf(text, size, "%s%s", prefix, name);
    }
    return text;
}

/* A copy of all parameters under other names: an optimizer's slot, or the best epoch's values. */
typedef struct part {
    char prefix[32];
    float *values; /* laid out as cnn_model.values */
} part;

#define MAX_PARTS (CNN__OPTIMIZER_MAX_SLOTS + 1)

static size_t list_parts(const cnn_optimizer *optimizer, const cnn_history *history, part parts[MAX_PARTS])
{
    size_t count = 0;
    for (uint32_t i = 0; i < cnn__optimizer_slots(optimizer) && cnn__optimizer_values(optimizer) > 0; i++) {
        snprintf(parts[count].prefix, sizeof(parts[count].prefix), "@slot%u/", i);
        parts[count++].values = cnn__optimizer_slot(optimizer, i);
    }
    if (history != NULL && history->best_values != NULL) {
        strcpy(parts[count].prefix, "@best/");
        parts[count++].values = history->best_values;
    }
    return count;
}

static json_t *history_to_json(const cnn_history *history)
{
    json_t *columns = json_array(), *rows = json_array();
    for (size_t i = 0; i < history->column_count; i++) {
        json_array_append_new(columns, json_string(history->columns[i]));
    }
    for (size_t i = 0; i < history->epochs * history->column_count; i++) {
        json_array_append_new(rows, cnn__json_from_real(history->values[i]));
    }
    return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:f, s:o, s:o, s:s, s:s*, s:s*, s:s*}", "columns", columns,
                     "values", rows, "best_epoch",
                     (json_int_t)(history->best_epoch == SIZE_MAX ? -1 : (json_int_t)history->best_epoch),
                     "best_score", cnn__json_from_real(history->best_score), "steps",
                     cnn__json_from_u64(history->running.steps), "samples",
                     cnn__json_from_u64(history->running.samples), "loss_sum", history->running.loss_sum, "step_loss",
                     cnn__json_from_real(history->running.step_loss), "step_score",
                     cnn__json_from_real(history->running.step_score), "scores",
                     history->running_scores != NULL ? history->running_scores : "", "schedule", history->schedule,
                     "schedule_state", history->schedule_state, "metric", history->metric);
}

static json_t *options_to_json(const cnn_optimizer *optimizer)
{
    cnn__optimizer_number numbers[CNN__OPTIMIZER_NUMBERS];
    json_t *object = json_object();
    cnn__optimizer_numbers(optimizer, numbers);
    for (size_t i = 0; i < CNN__OPTIMIZER_NUMBERS; i++) {
        json_object_set_new(object, numbers[i].name, json_real(numbers[i].value));
    }
    return object;
}

static json_t *training_to_json(const cnn_session *session, const cnn_optimizer *optimizer, const cnn_loader *loader)
{
    return json_pack("{s:s, s:f, s:o, s:o, s:o, s:o, s:i, s:s, s:o}", "optimizer", cnn_optimizer_name(optimizer),
                     "learning_rate", (double)cnn_optimizer_learning_rate(optimizer), "steps",
                     cnn__json_from_u64(cnn_optimizer_steps(optimizer)), "passes", cnn__json_from_u64(session->passes),
                     "position", cnn__json_from_u64(loader != NULL ? cnn_loader_position(loader) : 0), "seed",
                     cnn__json_from_u64(session->context->seed), "slots",
                     (int)(cnn__optimizer_values(optimizer) > 0 ? cnn__optimizer_slots(optimizer) : 0), "backend",
                     session->context->backend.name, "options", options_to_json(optimizer));
}

/* Writes the file from sources whose names behind the model's own are allocated; frees those. */
static cnn_status write_parts(const char *path, const cnn_model *model, const part *parts, size_t part_count,
                              json_t *metadata)
{
    cnn_context *context = model->context;
    const size_t own = model->parameter_count, total = own * (part_count + 1);
    cnn__tensor_source *sources = cnn__alloc_array(context, total + 1, sizeof(*sources));
    if (sources == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__model_sources(model, NULL, sources);
    size_t named = own;
    cnn_status status = CNN_OK;
    for (size_t p = 0; p < part_count; p++) {
        cnn__model_sources(model, parts[p].values, sources + own * (p + 1));
    }
    for (; named < total && status == CNN_OK; named++) {
        char *name = cnn__prefixed(context, parts[named / own - 1].prefix, sources[named].name);
        sources[named].name = name;
        status = name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        status = cnn__tensors_write(context, path, sources, total, metadata);
    }
    for (size_t i = own; i < named; i++) {
        cnn__free(context, (char *)sources[i].name);
    }
    cnn__free(context, sources);
    return status;
}

cnn_status cnn_checkpoint_save(const char *path, cnn_session *session, const cnn_optimizer *optimizer,
                               const cnn_loader *loader, const cnn_history *history)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const cnn_model *model = session->model;
    if (path == NULL || optimizer == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a checkpoint needs a path and an optimizer",
                         model->name);
    }
    part parts[MAX_PARTS];
    json_t *metadata = NULL;
    size_t part_count = list_parts(optimizer, history, parts);
    CNN__RETURN_IF_ERROR(cnn__optimizer_take_slots(optimizer));
    CNN__RETURN_IF_ERROR(cnn__model_metadata(model, &metadata));
    cnn_status status = cnn__metadata_set(model->context, metadata, "training",
                                          training_to_json(session, optimizer, loader));
    if (status == CNN_OK && history != NULL) {
        status = cnn__metadata_set(model->context, metadata, "history", history_to_json(history));
    }
    if (status == CNN_OK) {
        status = write_parts(path, model, parts, part_count, metadata);
    }
    json_decref(metadata);
    return status;
}
