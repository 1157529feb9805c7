/* SPDX-License-Identifier: MIT */
/* Counts of (label, predicted label). */
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "evaluate/evaluator.h"

typedef struct confusion {
    cnn__share share; /* counts samples with NaN too, which the table has no column for */
    uint32_t classes;
    uint64_t *counts; /* [classes, classes]: row is the label, column the prediction */
} confusion;

static size_t table_values(const confusion *state) { return (size_t)state->classes * state->classes; }

static void reset(cnn_evaluator *evaluator)
{
    confusion *state = evaluator->state;
    state->share = (cnn__share){0, 0};
    memset(state->counts, 0, table_values(state) * sizeof(*state->counts));
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    confusion *state = evaluator->state;
    if (cnn__evaluation_classes(batch->outputs) != state->classes) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator confusion: made for %u classes; found %zu outputs", state->classes, batch->outputs);
    }
    for (size_t i = 0; i < batch->count; i++) {
        int32_t label = batch->labels[i];
        if (label == CNN__NO_LABEL) {
            continue;
        }
        int32_t predicted = cnn__predicted_class(batch->outputs_data + i * batch->outputs, batch->outputs);
        if (predicted != CNN__NO_LABEL) {
            state->counts[(size_t)label * state->classes + (size_t)predicted]++;
        }
        state->share.right += predicted == label;
        state->share.counted++;
    }
    return CNN_OK;
}

static void pack(const cnn_evaluator *evaluator, cnn__string *bytes)
{
    const confusion *state = evaluator->state;
    cnn__string_append(bytes, &state->share, sizeof(state->share));
    cnn__string_append(bytes, state->counts, table_values(state) * sizeof(*state->counts));
}

static cnn_status unpack(cnn_evaluator *evaluator, const void *bytes, size_t size)
{
    confusion *state = evaluator->state;
    const size_t table = table_values(state) * sizeof(*state->counts);
    if (size != sizeof(state->share) + table) {
        return CNN_ERROR_FORMAT;
    }
    memcpy(&state->share, bytes, sizeof(state->share));
    memcpy(state->counts, (const char *)bytes + sizeof(state->share), table);
    return CNN_OK;
}

static void destroy(cnn_evaluator *evaluator)
{
    confusion *state = evaluator->state;
    cnn__free(evaluator->context, state->counts);
}

static const cnn__evaluator_kind rule = {
    .name = "confusion",
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(confusion),
    .reset = reset,
    .update = update,
    .score = cnn__share_score,
    .destroy = destroy,
    .pack = pack,
    .unpack = unpack,
};

static cnn_status table_allocate(cnn_evaluator *evaluator, uint32_t classes)
{
    confusion *state = evaluator->state;
    size_t values;
    if (!cnn__mul_size(classes, classes, &values)) {
        return cnn__fail(evaluator->context, CNN_ERROR_LIMIT, "evaluator confusion: %u x %u counts fit in no memory",
                         classes, classes);
    }
    state->classes = classes;
    state->counts = cnn__alloc_array(evaluator->context, values, sizeof(*state->counts));
    if (state->counts == NULL) {
        return cnn__last_status(evaluator->context);
    }
    reset(evaluator);
    return CNN_OK;
}

cnn_status cnn_confusion_create(cnn_context *context, uint32_t classes, cnn_evaluator **evaluator)
{
    if (classes < 2) {
        if (evaluator != NULL) {
            *evaluator = NULL;
        }
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator confusion: %u classes; expected at least 2 (one output tells two)", classes);
    }
    CNN__RETURN_IF_ERROR(cnn__evaluator_new(context, &rule, evaluator));
    cnn_status status = table_allocate(*evaluator, classes);
    if (status != CNN_OK) {
        cnn_evaluator_free(*evaluator);
        *evaluator = NULL;
    }
    return status;
}

const uint64_t *cnn_confusion_counts(const cnn_evaluator *evaluator, uint32_t *classes)
{
    const confusion *state = evaluator != NULL && evaluator->rule == &rule ? evaluator->state : NULL;
    if (classes != NULL) {
        *classes = state != NULL ? state->classes : 0;
    }
    return state != NULL ? state->counts : NULL;
}
