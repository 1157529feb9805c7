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
} tool_scores;

cnn_status tool_scores_create(cnn_context *context, tool_scores *scores);
void tool_scores_free(tool_scores *scores);

/* What is told beside them. */
typedef struct tool_scores_report {
    const cnn_model *model;
    double loss, seconds;
    uint64_t images, skipped;
} tool_scores_report;

/* A figure of all samples, by the name that JSON has for it. */
typedef struct tool_figure {
    const char *name;
    double value; /* NaN: there is none */
    bool least;   /* the smaller the better */
} tool_figure;

#define TOOL_MOST_FIGURES 5

/* The figures of all, of which the first is that by which models are compared, the last the loss. Unless `tell` is NULL
 * it is called with each but the loss, then with those of each label or value. Their number; 0 without memory. */
size_t tool_scores_figures(tool *run, const tool_scores *scores, const tool_scores_report *report,
                           tool_figure figures[TOOL_MOST_FIGURES],
                           void (*tell)(void *user, const char *name, const char *text), void *user);

/* TOOL_DONE, or the exit status with the message printed. `csv` may be NULL. */
int tool_scores_print(tool *run, const tool_scores *scores, const tool_scores_report *report, const char *csv);

#endif
