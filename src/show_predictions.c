/* SPDX-License-Identifier: MIT */
/* cnn show predictions: what a model says of images, the most confident mistakes or the least certain ones. */
#include "tool_show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static cnn_status predict_all(show_run *show)
{
    cnn_context *context = show->run->context;
    const uint32_t batch = tool_has_views(cnn_model_pipeline(show->model)) ? 8 : 32;
    cnn_loader *loader = NULL;
    cnn_evaluator *evaluator = NULL;
    cnn_evaluate_result ignored = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = tool_predictions_create(context, &show->predictions, &evaluator);
    if (status == CNN_OK) {
        status = cnn_loader_create(context, show->data,
                                   CNN_LOADER(.pipeline = cnn_model_pipeline(show->model), .batch = batch), &loader);
    }
    if (status == CNN_OK) {
        status = cnn_evaluate(show->model,
                              CNN_EVALUATE(.loader = loader, .evaluators = &evaluator, .evaluator_count = 1), &ignored);
    }
    cnn_loader_free(loader);
    cnn_evaluator_free(evaluator);
    return status;
}

/* A sample and how much it is wanted. */
typedef struct ranked {
    uint64_t number;
    double rank;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->rank != y->rank ? (x->rank < y->rank ? 1 : -1) : (x->number > y->number) - (x->number < y->number);
}

/* Sorts the predictions, and the data with them: the most confident mistakes, or the least confident of all. */
static int choose_by_prediction(show_run *show)
{
    const bool wrong = tool_show_picks(show, "wrong");
    tool_predictions *p = &show->predictions;
    ranked *order = reallocarray(NULL, p->count + 1, sizeof(*order));
    uint64_t *numbers = reallocarray(NULL, p->count + 1, sizeof(*numbers));
    tool_prediction *sorted = reallocarray(NULL, p->count + 1, sizeof(*sorted));
    size_t count = 0;
    int result = order != NULL && numbers != NULL && sorted != NULL ? TOOL_DONE : tool_fail_memory(show->run);
    for (size_t i = 0; result == TOOL_DONE && i < p->count; i++) {
        const double confidence = (double)p->items[i].confidence;
        if (!wrong || p->items[i].best != p->items[i].label) {
            order[count++] = (ranked){i, isnan(confidence) ? 2 : wrong ? confidence : -confidence};
        }
    }
    if (result == TOOL_DONE) {
        qsort(order, count, sizeof(*order), compare_ranked);
        count = tool_show_wanted(show) < count ? (size_t)tool_show_wanted(show) : count;
        for (size_t i = 0; i < count; i++) {
            numbers[i] = order[i].number;
            sorted[i] = p->items[order[i].number];
        }
        result = count > 0 ? tool_show_keep(show, numbers, count)
                           : tool_fail(show->run, "%s: the model is right about every image", show->settings->data);
    }
    if (result == TOOL_DONE) {
        memcpy(p->items, sorted, count * sizeof(*sorted));
        p->count = count;
    }
    free(sorted);
    free(numbers);
    free(order);
    return result;
}

int show_predictions(show_run *show)
{
    tool *run = show->run;
    const show_settings *settings = show->settings;
    const bool by_prediction = tool_show_picks(show, "wrong") || tool_show_picks(show, "uncertain");
    int result = tool_open_trained(run, run->operands[1], &show->model);
    if (result == TOOL_DONE) {
        const tool_data_options options = {.part = settings->part, .prefix = settings->prefix};
        result = tool_open_data_of_model(run, settings->data, &options, show->model, &show->data);
    }
    result = result == TOOL_DONE ? tool_check_prepared(run, run->operands[1], show->model, show->data) : result;
    result = result == TOOL_DONE && !by_prediction ? tool_show_choose(show) : result;
    if (result == TOOL_DONE) {
        const cnn_status status = predict_all(show);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    result = result == TOOL_DONE && by_prediction ? choose_by_prediction(show) : result;
    return result == TOOL_DONE ? tool_show_draw(show, show->predictions.items) : result;
}
