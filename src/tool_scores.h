/* SPDX-License-Identifier: MIT */
/* What an evaluation found of models that tell several labels or values: a row for each, and figures of all. */
#ifndef CNN_TOOL_SCORES_H
#define CNN_TOOL_SCORES_H

#include "tool.h"

/* Outputs and targets of all samples, gathered by an evaluator. */
typedef struct tool_scores {
    cnn_evaluator *evaluator; /* to be handed to cnn_evaluate() */
    float *outputs, *targets; /* [count, width] */
    size_t count, width, capacity;
    bool failed; /* without memory */
} tool_scores;

cnn_status tool_scores_create(cnn_context *context, tool_scores *scores);
void tool_scores_free(tool_scores *scores);

/* What is told beside them. */
typedef struct tool_scores_report {
    const cnn_model *model;
    double loss, seconds;
    uint64_t images, skipped;
} tool_scores_report;

/* TOOL_DONE, or the exit status with the message printed. `csv` may be NULL. */
int tool_scores_print(tool *run, const tool_scores *scores, const tool_scores_report *report, const char *csv);

#endif
