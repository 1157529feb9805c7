/* SPDX-License-Identifier: MIT */
/* An evaluator that keeps what it sees. */
#include "tool_predictions.h"

#include <math.h>
#include <stdlib.h>

static void reset(void *user) { ((tool_predictions *)user)->count = 0; }

static double score(void *user) { return (double)((const tool_predictions *)user)->count; }

static tool_prediction read_sample(const float *outputs, size_t count, int32_t label)
{
    tool_prediction p = {label, 0, outputs[0], NAN};
    if (count == 1) {
        const float second = outputs[0];
        p.best = second >= 0.5f;
        p.confidence = p.best == 1 ? second : 1 - second;
        p.truth = label == 1 ? second : label == 0 ? 1 - second : NAN;
    } else {
        for (size_t i = 1; i < count; i++) {
            if (outputs[i] > p.confidence) {
                p.best = (int32_t)i;
                p.confidence = outputs[i];
            }
        }
        p.truth = label >= 0 && (size_t)label < count ? outputs[label] : NAN;
    }
    for (size_t i = 0; i < count; i++) {
        p.best = isnan(outputs[i]) ? -1 : p.best;
    }
    return p;
}

static cnn_status update(void *user, const cnn_evaluation *batch)
{
    tool_predictions *p = user;
    if (p->count + batch->count > p->capacity) {
        const size_t capacity = 2 * p->capacity + batch->count;
        tool_prediction *items = reallocarray(p->items, capacity, sizeof(*items));
        if (items == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        p->items = items;
        p->capacity = capacity;
    }
    for (size_t i = 0; i < batch->count; i++) {
        p->items[p->count++] = read_sample(batch->outputs_data + i * batch->outputs, batch->outputs,
                                           batch->labels != NULL ? batch->labels[i] : -1);
    }
    return CNN_OK;
}

cnn_status tool_predictions_create(cnn_context *context, tool_predictions *predictions, cnn_evaluator **evaluator)
{
    const cnn_evaluator_kind kind = {
        .struct_size = sizeof(kind), .name = "predictions", .reset = reset, .update = update, .score = score};
    return cnn_evaluator_create_custom(context, &kind, predictions, evaluator);
}

void tool_predictions_free(tool_predictions *predictions)
{
    free(predictions->items);
    *predictions = (tool_predictions){0};
}
