/* SPDX-License-Identifier: MIT */
/* The history of a training: named columns, one row for each epoch. */
#include <math.h>
#include <string.h>

#include "model/model.h"
#include "train/train.h"

cnn_status cnn__history_create(cnn_context *context, cnn_history **out)
{
    cnn_history *history = cnn__alloc_zero(context, sizeof(*history));
    *out = history;
    if (history == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    history->context = context;
    history->best_epoch = SIZE_MAX;
    history->best_score = NAN;
    history->running = CNN__RUNNING_INIT;
    return CNN_OK;
}

void cnn_history_free(cnn_history *history)
{
    if (history == NULL) {
        return;
    }
    cnn_context *context = history->context;
    for (size_t i = 0; i < history->column_count; i++) {
        cnn__free(context, history->columns[i]);
    }
    cnn__free(context, history->columns);
    cnn__free(context, history->values);
    cnn__free(context, history->best_values);
    cnn__average_free(&history->average, context);
    cnn__free(context, history->metric);
    cnn__free(context, history->running_scores);
    cnn__free(context, history->schedule);
    cnn__free(context, history->schedule_state);
    cnn__free(context, history);
}

/* Room for one more of `count` things of `size` bytes: twice as much as there is, so that many take no time with the
 * square. */
static cnn_status grow(cnn_context *context, void **memory, size_t count, size_t size, size_t *capacity)
{
    if (count < *capacity) {
        return CNN_OK;
    }
    size_t wanted, bytes;
    if (!cnn__mul_size(count + 8, 2, &wanted) || !cnn__mul_size(wanted, size, &bytes)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "a history's size overflows");
    }
    void *more = cnn__realloc(context, *memory, bytes);
    if (more == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    *memory = more;
    *capacity = wanted;
    return CNN_OK;
}

cnn_status cnn__history_add_column(cnn_history *history, const char *name)
{
    void *columns = history->columns;
    CNN__RETURN_IF_ERROR(
        grow(history->context, &columns, history->column_count, sizeof(char *), &history->column_capacity));
    history->columns = columns;
    char *copy = cnn__strdup(history->context, name);
    if (copy == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    history->columns[history->column_count++] = copy;
    return CNN_OK;
}

cnn_status cnn__history_add_row(cnn_history *history)
{
    const size_t width = history->column_count;
    void *values = history->values;
    CNN__RETURN_IF_ERROR(
        grow(history->context, &values, history->epochs, width * sizeof(double), &history->row_capacity));
    history->values = values;
    for (size_t i = 0; i < width; i++) {
        history->values[history->epochs * width + i] = NAN;
    }
    history->epochs++;
    return CNN_OK;
}

static size_t find_column(const cnn_history *history, const char *column)
{
    size_t i = 0;
    while (i < history->column_count && strcmp(history->columns[i], column) != 0) {
        i++;
    }
    return i;
}

void cnn__history_set(cnn_history *history, const char *column, double value)
{
    size_t i = find_column(history, column);
    if (i < history->column_count && history->epochs > 0) {
        history->values[(history->epochs - 1) * history->column_count + i] = value;
    }
}

static cnn_status reserve_best(cnn_history *history, size_t count)
{
    if (history->best_values == NULL) {
        history->best_values = cnn__alloc_array(history->context, count, sizeof(float));
        if (history->best_values == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        history->best_count = count;
    }
    return CNN_OK;
}

cnn_status cnn__history_keep_best(cnn_history *history, const float *values, size_t count)
{
    CNN__RETURN_IF_ERROR(reserve_best(history, count));
    memcpy(history->best_values, values, count * sizeof(float));
    return CNN_OK;
}

cnn_status cnn__history_keep_model(cnn_history *history, const cnn_model *model)
{
    CNN__RETURN_IF_ERROR(reserve_best(history, model->value_count));
    cnn__model_get_values(model, history->best_values);
    return CNN_OK;
}

cnn_status cnn__history_set_metric(cnn_history *history, const char *name)
{
    char *copy = cnn__strdup(history->context, name);
    if (copy == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__free(history->context, history->metric);
    history->metric = copy;
    return CNN_OK;
}

cnn_status cnn__history_set_schedule(cnn_history *history, const char *text, const char *state)
{
    char *copies[2] = {cnn__strdup(history->context, text), cnn__strdup(history->context, state)};
    if (copies[0] == NULL || copies[1] == NULL) {
        cnn__free(history->context, copies[0]);
        cnn__free(history->context, copies[1]);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__free(history->context, history->schedule);
    cnn__free(history->context, history->schedule_state);
    history->schedule = copies[0];
    history->schedule_state = copies[1];
    return CNN_OK;
}

size_t cnn_history_epochs(const cnn_history *history) { return history != NULL ? history->epochs : 0; }

size_t cnn_history_columns(const cnn_history *history) { return history != NULL ? history->column_count : 0; }

const char *cnn_history_column(const cnn_history *history, size_t column)
{
    return history != NULL && column < history->column_count ? history->columns[column] : NULL;
}

double cnn_history_value(const cnn_history *history, const char *column, size_t epoch)
{
    if (history == NULL || column == NULL) {
        return NAN;
    }
    size_t i = find_column(history, column);
    return i < history->column_count && epoch < history->epochs ? history->values[epoch * history->column_count + i]
                                                                : NAN;
}

size_t cnn_history_best_epoch(const cnn_history *history) { return history != NULL ? history->best_epoch : SIZE_MAX; }

double cnn_history_best_score(const cnn_history *history) { return history != NULL ? history->best_score : NAN; }
