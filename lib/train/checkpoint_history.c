/* SPDX-License-Identifier: MIT */
/* What a checkpoint keeps of the history, the best epoch's parameters and averages with it, and how it is read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/model_file.h"
#include "train/checkpoint.h"
#include "train/train.h"

/* More values of a history, or bytes of text, are kept in a tensor: they would fill the header. */
#define MOST_TEXT 65536
/* What is too much for the text of the header lies in tensors of these names: the rows as F64, and what the evaluators
 * have counted as U8, that is the bytes of the text. */
#define ROWS "@history"
#define SCORES "@scores"

/* ---- writing ---- */

size_t cnn__checkpoint_history_tensors(const cnn_history *history, cnn__tensor_source sources[2])
{
    size_t count = 0;
    if (history != NULL && history->epochs * history->column_count > MOST_TEXT) {
        const cnn_shape shape = {2, 0, {(int64_t)history->epochs, (int64_t)history->column_count}};
        sources[count++] = (cnn__tensor_source){ROWS, shape, history->values, CNN__TENSOR_F64};
    }
    if (history != NULL && history->running_scores != NULL && strlen(history->running_scores) > MOST_TEXT) {
        const cnn_shape shape = {1, 0, {(int64_t)strlen(history->running_scores)}};
        sources[count++] = (cnn__tensor_source){SCORES, shape, history->running_scores, CNN__TENSOR_U8};
    }
    return count;
}

static void put_optional(cnn__json_writer *writer, const char *key, const char *text)
{
    if (text != NULL) {
        cnn__json_put_string(writer, key, text);
    }
}

void cnn__checkpoint_put_history(cnn__json_writer *metadata, const cnn_history *history)
{
    cnn__json_writer object = {.text = {.context = history->context}};
    const size_t values = history->epochs * history->column_count;
    const char *scores = history->running_scores != NULL ? history->running_scores : "";
    cnn__json_open(&object, NULL, '{');
    cnn__json_open(&object, "columns", '[');
    for (size_t i = 0; i < history->column_count; i++) {
        cnn__json_put_string(&object, NULL, history->columns[i]);
    }
    cnn__json_close(&object, ']');
    cnn__json_open(&object, "values", '[');
    for (size_t i = 0; i < values && values <= MOST_TEXT; i++) {
        cnn__json_put_real(&object, NULL, history->values[i]);
    }
    cnn__json_close(&object, ']');
    cnn__json_put_int(&object, "best_epoch", history->best_epoch == SIZE_MAX ? -1 : (int64_t)history->best_epoch);
    cnn__json_put_real(&object, "best_score", history->best_score);
    cnn__json_put_u64(&object, "steps", history->running.steps);
    cnn__json_put_u64(&object, "samples", history->running.samples);
    cnn__json_put_real(&object, "loss_sum", history->running.loss_sum);
    if (history->running.penalty_sum != 0) {
        cnn__json_put_real(&object, "penalty_sum", history->running.penalty_sum);
    }
    cnn__json_put_real(&object, "step_loss", history->running.step_loss);
    cnn__json_put_real(&object, "step_score", history->running.step_score);
    if (!isnan(history->running.decay_penalty)) {
        cnn__json_put_real(&object, "decay_penalty", history->running.decay_penalty);
    }
    cnn__json_put_string(&object, "scores", strlen(scores) > MOST_TEXT ? "" : scores);
    put_optional(&object, "schedule", history->schedule);
    put_optional(&object, "schedule_state", history->schedule_state);
    put_optional(&object, "metric", history->metric);
    if (history->epoch_steps > 0) {
        cnn__json_put_u64(&object, "epoch_steps", history->epoch_steps);
    }
    if (history->accumulate > 0) {
        cnn__json_put_u64(&object, "accumulate", history->accumulate);
    }
    put_optional(&object, "average", history->average.text);
    if (history->average.text != NULL) {
        cnn__json_put_u64(&object, "average_taken", history->average.taken);
    }
    put_optional(&object, "class_weights", history->class_weights[0] != '\0' ? history->class_weights : NULL);
    cnn__json_close(&object, '}');
    cnn__metadata_set(metadata, "history", &object);
}

/* ---- reading ---- */

static cnn_status history_columns(const cnn__json_place *place, const cnn__json *object, cnn_history *history)
{
    const cnn__json *columns = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_array(place, object, "columns", &columns));
    for (const cnn__json *item = cnn__json_first(columns); item != NULL; item = cnn__json_next(columns, item)) {
        const char *name = cnn__json_text(item);
        if (name == NULL) {
            return cnn__json_bad(place, "columns", "a list of names");
        }
        CNN__RETURN_IF_ERROR(cnn__history_add_column(history, name));
    }
    return CNN_OK;
}

/* The rows of a long history lie in a tensor. */
static cnn_status history_rows(const cnn__tensors *file, const cnn__tensor_entry *entry, cnn_history *history)
{
    if (entry->type != CNN__TENSOR_F64 || entry->shape.rank != 2 || history->column_count == 0 ||
        (uint64_t)entry->shape.dims[1] != history->column_count) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: tensor \"%s\" is not the history's rows", file->name,
                         ROWS);
    }
    history->values = cnn__alloc(file->context, (size_t)(entry->end - entry->begin));
    if (history->values == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    history->epochs = history->row_capacity = (size_t)entry->shape.dims[0];
    return cnn__tensors_read_bytes(file, entry, history->values);
}

static cnn_status history_values(const cnn__json_place *place, const cnn__tensors *file, const cnn__json *object,
                                 cnn_history *history)
{
    const cnn__json *values = NULL;
    CNN__RETURN_IF_ERROR(history_columns(place, object, history));
    CNN__RETURN_IF_ERROR(cnn__json_array(place, object, "values", &values));
    const cnn__tensor_entry *rows = cnn__tensors_find(file, ROWS);
    if (rows != NULL) {
        return history_rows(file, rows, history);
    }
    const size_t width = history->column_count;
    if (width == 0 ? cnn__json_count(values) > 0 : cnn__json_count(values) % width != 0) {
        return cnn__json_bad(place, "values", "whole rows");
    }
    size_t i = 0;
    for (const cnn__json *item = cnn__json_first(values); item != NULL; item = cnn__json_next(values, item), i++) {
        if (i % width == 0) {
            CNN__RETURN_IF_ERROR(cnn__history_add_row(history)); /* of NaN, which null stands for */
        }
        if (!cnn__json_to_real(item, &history->values[i]) && !cnn__json_is(item, CNN__JSON_NULL)) {
            return cnn__json_bad(place, "values", "a list of numbers");
        }
    }
    return CNN_OK;
}

/* What the evaluators have counted in the epoch under way; much of it lies in a tensor. */
static cnn_status history_scores(const cnn__json_place *place, const cnn__tensors *file, const cnn__json *object,
                                 cnn_history *history)
{
    const char *scores = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "scores", &scores));
    const cnn__tensor_entry *entry = cnn__tensors_find(file, SCORES);
    if (entry == NULL) {
        history->running_scores = cnn__strdup(history->context, scores);
        return history->running_scores != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (entry->type != CNN__TENSOR_U8) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: tensor \"%s\" is no text", file->name, entry->name);
    }
    const size_t size = (size_t)(entry->end - entry->begin);
    history->running_scores = cnn__alloc(history->context, size + 1);
    if (history->running_scores == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    history->running_scores[size] = '\0';
    return cnn__tensors_read_bytes(file, entry, history->running_scores);
}

/* The numbers beside the rows: the best epoch, and an epoch that was under way. */
static cnn_status history_numbers(const cnn__json_place *place, const cnn__json *object, cnn_history *history)
{
    int64_t best = -1;
    const char *metric = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "best_epoch", -1, (int64_t)history->epochs - 1, &best));
    CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "best_score", &history->best_score));
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "steps", &history->running.steps));
    CNN__RETURN_IF_ERROR(cnn__json_u64(place, object, "samples", &history->running.samples));
    CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "loss_sum", &history->running.loss_sum));
    if (cnn__json_get(object, "penalty_sum") != NULL) { /* of models with regularizers */
        CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "penalty_sum", &history->running.penalty_sum));
    }
    if (cnn__json_get(object, "step_loss") != NULL) { /* checkpoints did not always hold them */
        CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "step_loss", &history->running.step_loss));
        CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "step_score", &history->running.step_score));
    }
    if (cnn__json_get(object, "decay_penalty") != NULL) { /* of trainings that ask for it */
        CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "decay_penalty", &history->running.decay_penalty));
    }
    if (cnn__json_get(object, "epoch_steps") != NULL) {
        CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "epoch_steps", &history->epoch_steps));
    }
    if (cnn__json_get(object, "accumulate") != NULL) {
        CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "accumulate", &history->accumulate));
    }
    if (cnn__json_get(object, "metric") != NULL) {
        CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "metric", &metric));
        CNN__RETURN_IF_ERROR(cnn__history_set_metric(history, metric));
    }
    if (cnn__json_get(object, "class_weights") != NULL) {
        const char *weights = "";
        CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "class_weights", &weights));
        snprintf(history->class_weights, sizeof(history->class_weights), "%s", weights);
    }
    history->best_epoch = best < 0 ? SIZE_MAX : (size_t)best;
    return CNN_OK;
}

/* The schedule of the learning rate and where it stands; trainings without one have neither. */
static cnn_status history_schedule(const cnn__json_place *place, const cnn__json *object, cnn_history *history)
{
    const char *text = NULL, *state = NULL;
    if (cnn__json_get(object, "schedule") == NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "schedule", &text));
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "schedule_state", &state));
    return cnn__history_set_schedule(history, text, state);
}

static cnn_status read_best(const cnn__tensors *file, const cnn_model *model, cnn_history *history)
{
    if (model->parameter_count == 0) {
        return CNN_OK;
    }
    char *name = cnn__prefixed(file->context, "@best/", model->parameters[0].name);
    if (name == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    bool kept = cnn__tensors_find(file, name) != NULL;
    cnn__free(file->context, name);
    history->best_count = kept ? model->value_count : 0;
    return kept ? cnn__checkpoint_read_values(file, model, "@best/", &history->best_values) : CNN_OK;
}

/* Averages of the parameters, of a training that has some. */
static cnn_status read_average(const cnn__json_place *place, const cnn__tensors *file, const cnn__json *object,
                               cnn_model *model, cnn_history *history)
{
    const char *text = NULL;
    uint64_t taken = 0;
    if (cnn__json_get(object, "average") == NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "average", &text));
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "average_taken", &taken));
    CNN__RETURN_IF_ERROR(cnn__average_create(&history->average, model, text, 0));
    history->average.taken = taken;
    if (taken == 0) {
        return CNN_OK;
    }
    cnn__free(file->context, history->average.values);
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_values(file, model, "@average/", &history->average.values));
    for (uint64_t i = 0; i < cnn__average_kept(&history->average); i++) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "@last%llu/", (unsigned long long)i);
        cnn__free(file->context, history->average.last[i]);
        CNN__RETURN_IF_ERROR(cnn__checkpoint_read_values(file, model, prefix, &history->average.last[i]));
    }
    return CNN_OK;
}

cnn_status cnn__checkpoint_read_history(const cnn__tensors *file, cnn_model *model, cnn_history **history)
{
    const cnn__json_place place = {file->context, file->name, "history"};
    cnn__json_document document;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "history", &document));
    cnn_status status = cnn__history_create(file->context, history);
    if (document.root != NULL && status == CNN_OK) {
        status = history_values(&place, file, document.root, *history);
    }
    if (document.root != NULL && status == CNN_OK) {
        status = history_numbers(&place, document.root, *history);
    }
    if (document.root != NULL && status == CNN_OK) {
        status = history_scores(&place, file, document.root, *history);
    }
    if (document.root != NULL && status == CNN_OK) {
        status = history_schedule(&place, document.root, *history);
    }
    if (document.root != NULL && status == CNN_OK) {
        status = read_average(&place, file, document.root, model, *history);
    }
    cnn__json_free(&document);
    return status == CNN_OK ? read_best(file, model, *history) : status;
}
