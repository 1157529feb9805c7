/* SPDX-License-Identifier: MIT */
/* Tables of labels and of values. */
#include "tool_scores.h"

#include "tool_json.h"
#include "tool_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- gathering ---- */

static void reset(void *user)
{
    tool_scores *scores = user;
    scores->count = 0;
}

static double score(void *user)
{
    const tool_scores *scores = user;
    return (double)scores->count;
}

static bool grow(tool_scores *scores, size_t more, size_t width)
{
    if (scores->count + more <= scores->capacity && scores->width == width) {
        return true;
    }
    const size_t capacity = 2 * scores->capacity + more;
    float *outputs = reallocarray(scores->outputs, capacity * width, sizeof(*outputs));
    scores->outputs = outputs != NULL ? outputs : scores->outputs;
    float *targets = reallocarray(scores->targets, capacity * width, sizeof(*targets));
    scores->targets = targets != NULL ? targets : scores->targets;
    if (outputs == NULL || targets == NULL) {
        return false;
    }
    scores->capacity = capacity;
    scores->width = width;
    return true;
}

static cnn_status update(void *user, const cnn_evaluation *batch)
{
    tool_scores *scores = user;
    const size_t values = batch->count * batch->outputs;
    if (batch->targets == NULL || batch->target_count != batch->outputs) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (!grow(scores, batch->count, batch->outputs)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(scores->outputs + scores->count * scores->width, batch->outputs_data, values * sizeof(float));
    memcpy(scores->targets + scores->count * scores->width, batch->targets, values * sizeof(float));
    scores->count += batch->count;
    return CNN_OK;
}

cnn_status tool_scores_create(cnn_context *context, tool_scores *scores)
{
    const cnn_evaluator_kind kind = {
        .struct_size = sizeof(kind), .name = "scores", .reset = reset, .update = update, .score = score};
    return cnn_evaluator_create_custom(context, &kind, scores, &scores->evaluator);
}

void tool_scores_free(tool_scores *scores)
{
    cnn_evaluator_free(scores->evaluator);
    free(scores->outputs);
    free(scores->targets);
    *scores = (tool_scores){0};
}

/* ---- figures ---- */

/* The score that the library's evaluator of that name gives to these outputs. */
static double measure(cnn_context *context, const char *name, const float *outputs, const float *targets, size_t count,
                      size_t width)
{
    cnn_evaluator *evaluator = NULL;
    int32_t *labels = malloc((count + 1) * sizeof(*labels));
    double found = NAN;
    for (size_t i = 0; labels != NULL && i < count; i++) {
        labels[i] = -1;
    }
    if (labels != NULL && count > 0 && cnn_evaluator_create(context, name, &evaluator) == CNN_OK &&
        cnn_evaluator_update(evaluator,
                             CNN_EVALUATION(.count = count, .outputs = width, .outputs_data = outputs, .labels = labels,
                                            .loss = NAN, .targets = targets, .target_count = width)) == CNN_OK) {
        found = cnn_evaluator_score(evaluator);
    }
    cnn_evaluator_free(evaluator);
    free(labels);
    return found;
}

typedef struct row {
    char *name;
    double figures[6];
    uint64_t support;
} row;

typedef struct table {
    tool *run;
    const tool_scores *scores;
    const tool_scores_report *report;
    bool labels;
    row *rows;
    uint8_t *marks; /* [count, width]: what the model decides */
    float *column;  /* [2, count]: outputs and targets of one row */
    uint64_t exact, wrong;
} table;

static const char *const label_titles[] = {"precision", "recall", "F1", "AP", "threshold"};
static const char *const label_keys[] = {"precision", "recall", "f1", "average_precision", "threshold"};
static const char *const value_titles[] = {"MAE", "RMSE", "R2", "mean", "predicted"};
static const char *const value_keys[] = {"mae", "rmse", "r2", "mean", "predicted_mean"};

#define FIGURES 5

static double ratio(uint64_t part, uint64_t whole) { return whole > 0 ? (double)part / (double)whole : NAN; }

/* Copies a column of outputs and of targets side by side. */
static void take_column(const table *self, size_t column)
{
    const tool_scores *scores = self->scores;
    for (size_t i = 0; i < scores->count; i++) {
        self->column[i] = scores->outputs[i * scores->width + column];
        self->column[scores->count + i] = scores->targets[i * scores->width + column];
    }
}

static void fill_label(table *self, size_t column)
{
    const tool_scores *scores = self->scores;
    row *one = &self->rows[column];
    uint64_t right = 0, predicted = 0;
    cnn_decision decision = {.struct_size = sizeof(decision)};
    (void)cnn_model_decision(self->report->model, &decision);
    for (size_t i = 0; i < scores->count; i++) {
        const bool there = scores->targets[i * scores->width + column] > 0.5f;
        const bool said = self->marks[i * scores->width + column] != 0;
        one->support += there;
        predicted += said;
        right += there && said;
        self->wrong += there != said;
    }
    one->figures[0] = ratio(right, predicted);
    one->figures[1] = ratio(right, one->support);
    one->figures[2] = ratio(2 * right, predicted + one->support);
    one->figures[3] = one->support > 0 ? measure(self->run->context, "map", self->column, self->column + scores->count,
                                                 scores->count, 1)
                                       : NAN;
    one->figures[4] = column < decision.threshold_count ? (double)decision.thresholds[column] : 0.5;
}

static void fill_value(table *self, size_t column)
{
    const size_t count = self->scores->count;
    row *one = &self->rows[column];
    double target = 0, output = 0;
    for (size_t i = 0; i < 3; i++) {
        one->figures[i] = measure(self->run->context, value_keys[i], self->column, self->column + count, count, 1);
    }
    for (size_t i = 0; i < count; i++) {
        output += (double)self->column[i];
        target += (double)self->column[count + i];
    }
    one->figures[3] = target / (double)count;
    one->figures[4] = output / (double)count;
    one->support = count;
}

static bool fill(table *self)
{
    const tool_scores *scores = self->scores;
    const size_t width = scores->width, values = scores->count * width;
    self->rows = calloc(width + 1, sizeof(*self->rows));
    self->marks = calloc(values + 1, 1);
    self->column = calloc(2 * scores->count + 1, sizeof(*self->column));
    if (self->rows == NULL || self->marks == NULL || self->column == NULL) {
        return false;
    }
    for (size_t i = 0; i < scores->count && self->labels; i++) {
        bool same = cnn_model_decide(self->report->model, scores->outputs + i * width, width, NULL,
                                     self->marks + i * width) == CNN_OK;
        for (size_t j = 0; j < width; j++) {
            same = same && (self->marks[i * width + j] != 0) == (scores->targets[i * width + j] > 0.5f);
        }
        self->exact += same;
    }
    for (size_t i = 0; i < width; i++) {
        self->rows[i].name = tool_label_text(cnn_model_class_name(self->report->model, i), i);
        take_column(self, i);
        (self->labels ? fill_label : fill_value)(self, i);
        if (self->rows[i].name == NULL) {
            return false;
        }
    }
    return true;
}

static void close_table(table *self)
{
    for (size_t i = 0; self->rows != NULL && i < self->scores->width; i++) {
        free(self->rows[i].name);
    }
    free(self->rows);
    free(self->marks);
    free(self->column);
}

/* The mean over the rows that have the figure. */
static double mean_of(const table *self, size_t figure)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < self->scores->width; i++) {
        const double value = self->rows[i].figures[figure];
        sum += isnan(value) ? 0 : value;
        count += !isnan(value);
    }
    return count > 0 ? sum / (double)count : NAN;
}

/* Figures of all rows together. */
static size_t overall(const table *self, tool_figure figures[TOOL_MOST_FIGURES])
{
    const tool_scores *scores = self->scores;
    const uint64_t values = (uint64_t)scores->count * scores->width;
    cnn_context *context = self->run->context;
    size_t count = 0;
    if (self->labels) {
        figures[count++] = (tool_figure){"map", mean_of(self, 3), false};
        figures[count++] = (tool_figure){"exact_match", ratio(self->exact, scores->count), false};
        figures[count++] = (tool_figure){"hamming", ratio(self->wrong, values), true};
        figures[count++] = (tool_figure){"f1", mean_of(self, 2), false};
    } else {
        for (size_t i = 0; i < 3; i++) {
            figures[count++] = (tool_figure){
                value_keys[i],
                measure(context, value_keys[i], scores->outputs, scores->targets, scores->count, scores->width), i < 2};
        }
    }
    figures[count++] = (tool_figure){"loss", self->report->loss, true};
    return count;
}

static int print_json(const table *self, const tool_figure *figures, size_t count)
{
    const char *const *keys = self->labels ? label_keys : value_keys;
    json_t *object = json_object(), *list = json_array();
    for (size_t i = 0; i < count; i++) {
        tool_json_real(object, figures[i].name, figures[i].value);
    }
    tool_json_count(object, "images", self->report->images);
    tool_json_count(object, "skipped", self->report->skipped);
    tool_json_real(object, "seconds", self->report->seconds);
    tool_json_real(object, "images_per_s", (double)self->report->images / self->report->seconds);
    for (size_t i = 0; i < self->scores->width; i++) {
        json_t *one = json_object();
        tool_json_text(one, self->labels ? "label" : "name", self->rows[i].name);
        for (size_t k = 0; k < FIGURES; k++) {
            tool_json_real(one, keys[k], self->rows[i].figures[k]);
        }
        if (self->labels) {
            tool_json_count(one, "support", self->rows[i].support);
        }
        json_array_append_new(list, one);
    }
    json_object_set_new(object, self->labels ? "labels" : "values", list);
    return tool_json_print(self->run, object);
}

static void print_number(tool *run, double value)
{
    if (isnan(value)) {
        tool_print(run, " %9s", "-");
    } else {
        tool_print(run, " %9.4f", value);
    }
}

static int print_text(const table *self, const tool_figure *figures, size_t count)
{
    tool *run = self->run;
    const char *const *titles = self->labels ? label_titles : value_titles;
    size_t width = strlen("label");
    for (size_t i = 0; i < count; i++) {
        tool_print(run, "%-12s", figures[i].name);
        tool_print(run, isnan(figures[i].value) ? "-\n" : "%.4f\n", figures[i].value);
    }
    tool_print(run, "%-12s%llu", "images", (unsigned long long)self->report->images);
    if (self->report->skipped > 0) {
        tool_print(run, ", %llu skipped", (unsigned long long)self->report->skipped);
    }
    for (size_t i = 0; i < self->scores->width; i++) {
        width = tool_columns(self->rows[i].name) > width ? tool_columns(self->rows[i].name) : width;
    }
    tool_print(run, "\n%-12s%.2f s\n\n%-*s", "time", self->report->seconds, (int)width,
               self->labels ? "label" : "value");
    for (size_t k = 0; k < FIGURES; k++) {
        tool_print(run, " %9s", titles[k]);
    }
    tool_print(run, self->labels ? " %9s\n" : "\n", "support");
    for (size_t i = 0; i < self->scores->width; i++) {
        const row *one = &self->rows[i];
        tool_print(run, "%s%*s", one->name, (int)(width - tool_columns(one->name)), "");
        for (size_t k = 0; k < FIGURES; k++) {
            print_number(run, one->figures[k]);
        }
        if (self->labels) {
            tool_print(run, " %9llu", (unsigned long long)one->support);
        }
        tool_print(run, "\n");
    }
    return TOOL_DONE;
}

/* A row for each label or value. */
static int save_csv(const table *self, const char *path)
{
    const char *const *keys = self->labels ? label_keys : value_keys;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return tool_fail_memory(self->run);
    }
    fputs(self->labels ? "label" : "value", file);
    for (size_t k = 0; k < FIGURES; k++) {
        fprintf(file, ",%s", keys[k]);
    }
    fputs(",support\n", file);
    for (size_t i = 0; i < self->scores->width; i++) {
        tool_write_field(file, self->rows[i].name);
        for (size_t k = 0; k < FIGURES; k++) {
            fprintf(file, isnan(self->rows[i].figures[k]) ? "," : ",%.6f", self->rows[i].figures[k]);
        }
        fprintf(file, ",%llu\n", (unsigned long long)self->rows[i].support);
    }
    const bool whole = fclose(file) == 0;
    int result = tool_save_bytes(self->run, path, whole ? text : NULL, size);
    free(text);
    return result;
}

/* "precision 0.5000, recall -": the figures of a row, and how many samples have the label. */
static char *row_text(const table *self, const row *one)
{
    const char *const *titles = self->labels ? label_titles : value_titles;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return NULL;
    }
    for (size_t k = 0; k < FIGURES; k++) {
        fprintf(file, isnan(one->figures[k]) ? "%s%s -" : "%s%s %.4f", k > 0 ? ", " : "", titles[k], one->figures[k]);
    }
    if (self->labels) {
        fprintf(file, ", support %llu", (unsigned long long)one->support);
    }
    return fclose(file) == 0 ? text : NULL;
}

size_t tool_scores_figures(tool *run, const tool_scores *scores, const tool_scores_report *report,
                           tool_figure figures[TOOL_MOST_FIGURES],
                           void (*tell)(void *user, const char *name, const char *text), void *user)
{
    table self = {.run = run, .scores = scores, .report = report};
    self.labels = cnn_model_task(report->model) != CNN_TASK_VALUES;
    size_t count = fill(&self) ? overall(&self, figures) : 0;
    for (size_t i = 0; tell != NULL && i + 1 < count; i++) {
        char text[32];
        snprintf(text, sizeof(text), isnan(figures[i].value) ? "-" : "%.4f", figures[i].value);
        tell(user, figures[i].name, text);
    }
    for (size_t i = 0; tell != NULL && count > 0 && i < scores->width; i++) {
        char *text = row_text(&self, &self.rows[i]);
        count = text != NULL ? count : 0;
        if (text != NULL) {
            tell(user, self.rows[i].name, text);
        }
        free(text);
    }
    close_table(&self);
    return count;
}

int tool_scores_print(tool *run, const tool_scores *scores, const tool_scores_report *report, const char *csv)
{
    table self = {.run = run, .scores = scores, .report = report};
    tool_figure figures[TOOL_MOST_FIGURES];
    self.labels = cnn_model_task(report->model) != CNN_TASK_VALUES;
    int result = fill(&self) ? TOOL_DONE : tool_fail_memory(run);
    if (result == TOOL_DONE) {
        const size_t count = overall(&self, figures);
        result = csv != NULL ? save_csv(&self, csv) : TOOL_DONE;
        if (result == TOOL_DONE) {
            result = (run->common->json ? print_json : print_text)(&self, figures, count);
        }
    }
    close_table(&self);
    return result;
}
