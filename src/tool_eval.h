/* SPDX-License-Identifier: MIT */
/* What the parts of `cnn eval` share. */
#ifndef CNN_TOOL_EVAL_H
#define CNN_TOOL_EVAL_H

#include "tool_decisions.h"
#include "tool_predictions.h"
#include "tool_scores.h"

typedef struct eval_settings {
    tool_common common;
    const char *data, *part, *csv, *report, *on_error, *prefix, *label_columns;
    uint64_t limit, batch, topk;
    const char *tta;
    bool ten_crop, training_mode, no_penalties;
} eval_settings;

typedef struct eval_run {
    tool *run;
    const eval_settings *settings;
    const char *path; /* of the model */
    cnn_model *model;
    cnn_dataset *data;
    cnn_pipeline *ten_crop; /* NULL: the model's own preprocessing */
    cnn_loader *loader;
    cnn_evaluator *evaluators[3]; /* confusion; then AUC of two classes, or top k of more; predictions for --report */
    tool_predictions predictions;
    tool_decisions decisions; /* in place of the confusion counts, where the model decides by more than the largest */
    tool_scores scores;       /* of labels and values, in place of the evaluators above */
    char *report_path;        /* NULL: no --report */
    cnn_evaluate_result result;
    double begin;
    uint64_t batches;
} eval_run;

/* Evaluates one model on the data, whose classes are found by the model's, and tells what came out if it is the only
 * one. To be closed, also after a failure. */
int tool_eval_run(eval_run *eval);
void tool_eval_close(eval_run *eval);

/* Whether the model tells several labels or values, no classes. */
bool tool_eval_tells_others(const eval_run *eval);
/* What is told of labels and values. */
tool_scores_report tool_eval_scores_report(const eval_run *eval);
/* The result on stdout, and at --csv. */
int tool_eval_print(const eval_run *eval);
/* --report */
int tool_eval_save_report(const eval_run *eval);

/* Evaluates several models, such as those of each epoch: a line for each, and the best one. */
int tool_eval_compare(tool *run, const eval_settings *settings);

#endif
