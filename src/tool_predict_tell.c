/* SPDX-License-Identifier: MIT */
/* What `cnn predict` tells of an image: lines of text, or JSON. */
#include "tool_names.h"
#include "tool_predict.h"

#include <stdlib.h>

/* Whether the most probable class is less probable than the model's decision asks for. */
static bool is_rejected(const predict_run *predictor, size_t count)
{
    cnn_decision decision = {.struct_size = sizeof(decision)};
    float most = 0;
    for (size_t i = 0; i < count; i++) {
        const float one = predictor->predictions[i].probability;
        most = one > most ? one : most;
    }
    if (predictor->outputs == 2 && count == 1) { /* the other class may be the more probable one, if not decided for */
        most = most < 0.5f ? 1 - most : most;
    }
    return predictor->task <= CNN_TASK_CLASSES && cnn_model_decision(predictor->model, &decision) &&
           most < decision.reject;
}

/* Whether number `index` of the list is told: values all, labels that are there or the first K. */
static bool is_shown(const predict_run *predictor, size_t index)
{
    return predictor->task == CNN_TASK_VALUES ||
           (predictor->topk > 0 ? index < predictor->topk : predictor->marks[predictor->predictions[index].label] != 0);
}

/* The probabilities of a whole list in the order of the outputs, and what the model decides by them. */
static void decide(predict_run *predictor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        predictor->probabilities[predictor->predictions[i].label] = predictor->predictions[i].probability;
    }
    (void)cnn_model_decide(predictor->model, predictor->probabilities, predictor->outputs, NULL, predictor->marks);
}

/* Labels and values: name and number, of labels those that the model decides for, or with --topk the K first. */
static void print_others(predict_run *predictor, const char *path, size_t count)
{
    tool *run = predictor->run;
    size_t shown = 0;
    char *printable = tool_printable(path);
    tool_print(run, "%s", printable != NULL ? printable : "");
    free(printable);
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *one = &predictor->predictions[i];
        if (!is_shown(predictor, i)) {
            continue;
        }
        char *name = tool_label_text(one->name, (size_t)one->label);
        tool_print(run, predictor->task == CNN_TASK_VALUES ? "\t%s\t%.6g" : "\t%s\t%.4f", name != NULL ? name : "",
                   (double)one->probability);
        free(name);
        shown++;
    }
    tool_print(run, shown > 0 ? "\n" : "\t-\n");
    tool_flush(run);
}

static void add_others(predict_run *predictor, const char *path, size_t count)
{
    const bool values = predictor->task == CNN_TASK_VALUES;
    json_t *row = json_object(), *list = json_array();
    tool_json_text(row, "path", path);
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *one = &predictor->predictions[i];
        if (is_shown(predictor, i)) {
            json_t *entry = json_object();
            char *name = tool_label_text(one->name, (size_t)one->label);
            tool_json_count(entry, "number", (uint64_t)one->label);
            tool_json_text(entry, values ? "name" : "label", name);
            tool_json_real(entry, values ? "value" : "probability", (double)one->probability);
            json_array_append_new(list, entry);
            free(name);
        }
    }
    json_object_set_new(row, values ? "values" : "labels", list);
    json_array_append_new(predictor->list, row);
}

static void print_row(predict_run *predictor, const char *path, size_t count)
{
    char *printable = tool_printable(path);
    tool_print(predictor->run, "%s", printable != NULL ? printable : "");
    free(printable);
    if (predictor->rejected) {
        tool_print(predictor->run, "\t-");
    }
    for (size_t i = 0; i < count; i++) {
        const cnn_prediction *prediction = &predictor->predictions[i];
        const size_t id = prediction->name != NULL ? tool_name_id(prediction->name) : 0;
        char *label = tool_label_text(prediction->name, (size_t)prediction->label);
        if (id > 0 && label != NULL) { /* a name with an id: number and id have columns of their own */
            tool_print(predictor->run, "\t%lld\t%.*s\t%s\t%.4f", (long long)prediction->label, (int)id, label,
                       label + id + 1, prediction->probability);
        } else {
            tool_print(predictor->run, "\t%s\t%.4f\t%lld", label != NULL ? label : "", prediction->probability,
                       (long long)prediction->label);
        }
        free(label);
    }
    tool_print(predictor->run, "\n");
    tool_flush(predictor->run); /* who writes the list may wait for it */
}

static void set_prediction(json_t *object, const cnn_prediction *prediction)
{
    const size_t id = prediction->name != NULL ? tool_name_id(prediction->name) : 0;
    char *label = tool_label_text(prediction->name, (size_t)prediction->label);
    tool_json_count(object, "number", (uint64_t)prediction->label);
    if (id > 0 && label != NULL) {
        label[id] = '\0';
        tool_json_text(object, "id", label);
        tool_json_text(object, "label", label + id + 1);
    } else {
        tool_json_text(object, "label", label);
    }
    tool_json_real(object, "probability", prediction->probability);
    free(label);
}

static void add_json(predict_run *predictor, const char *path, size_t count)
{
    json_t *row = json_object();
    tool_json_text(row, "path", path);
    if (count > 0) {
        set_prediction(row, &predictor->predictions[0]);
    }
    if (predictor->rejected) {
        json_object_set_new(row, "rejected", json_boolean(true));
    }
    if (predictor->room > 1) {
        json_t *top = json_array();
        for (size_t i = 0; i < count; i++) {
            json_t *entry = json_object();
            set_prediction(entry, &predictor->predictions[i]);
            json_array_append_new(top, entry);
        }
        json_object_set_new(row, "top", top);
    }
    json_array_append_new(predictor->list, row);
}

void tool_predict_tell(predict_run *predictor, const char *path, size_t count)
{
    predictor->images++;
    predictor->rejected = is_rejected(predictor, count);
    if (predictor->task > CNN_TASK_CLASSES) {
        decide(predictor, count);
        (predictor->list != NULL ? add_others : print_others)(predictor, path, count);
    } else if (predictor->list != NULL) {
        add_json(predictor, path, count);
    } else {
        print_row(predictor, path, count);
    }
}
