/* SPDX-License-Identifier: MIT */
/* An evaluator that keeps what it sees. */
#include "tool_predictions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void reset(void *user)
{
    tool_predictions *p = user;
    p->count = 0;
    if (p->inner != NULL) {
        cnn_evaluator_reset(p->inner);
    }
}

static double score(void *user)
{
    const tool_predictions *p = user;
    return p->inner != NULL ? cnn_evaluator_score(p->inner) : (double)p->count;
}

static void destroy(void *user)
{
    tool_predictions *p = user;
    cnn_evaluator_free(p->inner);
    p->inner = NULL;
}

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

/* Room for `count` more samples. Values that would become too many are given up. */
static bool grow(tool_predictions *p, size_t count, size_t outputs)
{
    const size_t capacity = 2 * p->capacity + count;
    if (p->count + count <= p->capacity) {
        return true;
    }
    tool_prediction *items = reallocarray(p->items, capacity, sizeof(*items));
    if (items == NULL) {
        return false;
    }
    p->items = items;
    if (p->keeps_values) {
        float *values = capacity <= TOOL_MOST_VALUES / outputs
                            ? reallocarray(p->values, capacity * outputs, sizeof(*values))
                            : NULL;
        p->keeps_values = values != NULL;
        if (values == NULL) {
            free(p->values);
        }
        p->values = values;
        p->outputs = outputs;
    }
    p->capacity = capacity;
    return true;
}

static cnn_status update(void *user, const cnn_evaluation *batch)
{
    tool_predictions *p = user;
    if (!grow(p, batch->count, batch->outputs)) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    if (p->values != NULL) {
        memcpy(p->values + p->count * p->outputs, batch->outputs_data,
               batch->count * batch->outputs * sizeof(*p->values));
    }
    for (size_t i = 0; i < batch->count; i++) {
        p->items[p->count++] = read_sample(batch->outputs_data + i * batch->outputs, batch->outputs,
                                           batch->labels != NULL ? batch->labels[i] : -1);
    }
    return p->inner != NULL ? cnn_evaluator_update(p->inner, batch) : CNN_OK;
}

cnn_status tool_predictions_wrap(cnn_context *context, tool_predictions *predictions, cnn_evaluator **evaluator)
{
    cnn_evaluator *made = NULL;
    const cnn_evaluator_kind kind = {.struct_size = sizeof(kind),
                                     .name = cnn_evaluator_name(*evaluator),
                                     .mode = (int32_t)cnn_evaluator_mode(*evaluator),
                                     .worst_score = cnn_evaluator_worst_score(*evaluator),
                                     .reset = reset,
                                     .update = update,
                                     .score = score,
                                     .destroy = destroy};
    const cnn_status status = cnn_evaluator_create_custom(context, &kind, predictions, &made);
    if (status == CNN_OK) {
        predictions->inner = *evaluator;
        *evaluator = made;
    }
    return status;
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
    free(predictions->values);
    *predictions = (tool_predictions){0};
}
