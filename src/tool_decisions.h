/* SPDX-License-Identifier: MIT */
/* What a model decides for the images of a dataset, by its thresholds and its reject class. */
#ifndef CNN_TOOL_DECISIONS_H
#define CNN_TOOL_DECISIONS_H

#include "tool.h"

typedef struct tool_decisions {
    const cnn_model *model;
    cnn_evaluator *evaluator; /* NULL: the model's decision has neither thresholds nor a reject class */
    uint64_t *counts;         /* classes x classes, as cnn_confusion_counts() */
    uint32_t classes;
    uint64_t right, decided, rejected;
} tool_decisions;

/* An evaluator that counts, if the model decides otherwise than by the largest output. */
cnn_status tool_decisions_create(cnn_context *context, const cnn_model *model, tool_decisions *decisions);
void tool_decisions_free(tool_decisions *decisions);

#endif
