/* SPDX-License-Identifier: MIT */
/* The report in the browser: one page that holds its data, its style and its script. Its parts are made apart, as JSON
 * for what the script draws and as HTML for pictures, and put together by report_save(). */
#ifndef CNN_REPORT_H
#define CNN_REPORT_H

#include "tool.h"
#include "tool_json.h"
#include "tool_predictions.h"

#include <stdio.h>

/* The parts of src/report/, as the build embeds them. */
extern const char report_css[], report_js[];

typedef struct report_page {
    const char *kind;  /* "train" or "eval" */
    const char *state; /* "running", "finished", "stopped" or "failed" */
    const char *title;
    double wait; /* while it runs: seconds until it may be written again */
    /* What the script draws; NULL: nothing of it is known yet. */
    json_t *facts; /* list of [name, text] */
    json_t *history, *steps, *layers, *operations, *evaluation;
    size_t best_epoch; /* from 1; 0: none */
    /* Sections of pictures in HTML; NULL: none. */
    char *augmented, *wrong;
} report_page;

/* FOLDER/report.html, malloc'ed; NULL without memory. */
char *report_path(const char *folder);
/* Makes the folder, and finds out whether the file can be written. TOOL_DONE, or the exit status with the message
 * printed. */
int report_open(tool *run, const char *folder, const char *path);
/* Replaces the file, which is whole at any time. TOOL_DONE, or TOOL_FAILED with the message printed. */
int report_save(tool *run, const char *path, const report_page *page);
/* A page around data that is JSON already. */
int report_save_data(tool *run, const char *path, const report_page *page, const char *data);
void report_close(report_page *page);

/* Text as HTML, also in attributes: controls and marks of direction made visible, then escaped. */
void report_write_text(FILE *out, const char *text);
/* JSON as a script element may hold it: without "<", ">" and "&". */
void report_write_json(FILE *out, const char *json);

/* Appends [name, text]; formats like printf. */
void report_fact(json_t *facts, const char *name, const char *format, ...) CNN_PRINTF(3, 4);
/* Facts that every report has: version, processor, seed, model, preprocessing. */
void report_add_run(json_t *facts, const tool *run, const cnn_model *model);
/* A number with five digits, which no picture shows more of. */
json_t *report_number(double value);

/* The layers with their shapes and memory, and what the session's trace says of predicting one image, and of the way
 * back from it; a model that cannot be timed, such as one of several inputs, has no times. */
void report_layers(cnn_model *model, bool backward, report_page *page);
json_t *report_history(const cnn_history *history);
/* The loss of each step, or of as many steps together as make a few hundred points. */
json_t *report_steps(const double *losses, size_t count, uint64_t first);

/* What a model said of samples: counts, figures of classes, curves, calibration. `of` says of what. NULL: no memory. */
json_t *report_evaluation(const tool_predictions *predictions, const cnn_model *model, const char *of);
/* ROC and precision-recall curves of class `label` against the rest, thinned; their areas are exact. NULL: the class,
 * or the rest, has no samples, or no memory. */
json_t *report_curves(const tool_predictions *predictions, uint32_t label, double *auc, double *average_precision);

/* The most confident mistakes as a section of pictures; with `explains` with class activation maps of the model, if it
 * has a layer for them. `predictions` are those of the dataset, in order. NULL: none, or no memory. */
char *report_wrong(tool *run, cnn_model *model, const cnn_dataset *data, const tool_predictions *predictions,
                   bool explains);
/* A few images as the training sees them. */
char *report_augmented(tool *run, const cnn_dataset *data, const cnn_pipeline *steps);

#endif
