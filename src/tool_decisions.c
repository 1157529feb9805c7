/* SPDX-License-Identifier: MIT */
/* Counting decisions. */
#include "tool_decisions.h"

#include <stdlib.h>
#include <string.h>

static void reset(void *user)
{
    tool_decisions *self = user;
    memset(self->counts, 0, (size_t)self->classes * self->classes * sizeof(*self->counts));
    self->right = self->decided = self->rejected = 0;
}

static double score(void *user)
{
    const tool_decisions *self = user;
    return self->decided > 0 ? (double)self->right / (double)self->decided : 0;
}

static cnn_status update(void *user, const cnn_evaluation *batch)
{
    tool_decisions *self = user;
    for (size_t i = 0; i < batch->count; i++) {
        const int32_t label = batch->labels != NULL ? batch->labels[i] : -1;
        int32_t said = -1;
        if (label < 0 || (uint32_t)label >= self->classes) {
            continue;
        }
        const cnn_status status = cnn_model_decide(self->model, batch->outputs_data + i * batch->outputs,
                                                   batch->outputs, &said, NULL);
        if (status != CNN_OK) {
            return status;
        }
        if (said < 0) {
            self->rejected++;
            continue;
        }
        self->counts[(size_t)label * self->classes + (size_t)said]++;
        self->right += said == label;
        self->decided++;
    }
    return CNN_OK;
}

cnn_status tool_decisions_create(cnn_context *context, const cnn_model *model, tool_decisions *decisions)
{
    cnn_decision decision = {.struct_size = sizeof(decision)};
    const cnn_evaluator_kind kind = {
        .struct_size = sizeof(kind), .name = "decisions", .reset = reset, .update = update, .score = score};
    if (!cnn_model_decision(model, &decision) || (decision.threshold_count == 0 && decision.reject == 0)) {
        return CNN_OK;
    }
    decisions->model = model;
    decisions->classes = (uint32_t)tool_model_labels(model);
    decisions->counts = calloc((size_t)decisions->classes * decisions->classes, sizeof(*decisions->counts));
    return decisions->counts != NULL ? cnn_evaluator_create_custom(context, &kind, decisions, &decisions->evaluator)
                                     : CNN_ERROR_OUT_OF_MEMORY;
}

void tool_decisions_free(tool_decisions *decisions)
{
    cnn_evaluator_free(decisions->evaluator);
    free(decisions->counts);
    *decisions = (tool_decisions){0};
}
