/* SPDX-License-Identifier: MIT */
/* What an evaluation found, for people, as JSON and as CSV. */
#ifndef CNN_TOOL_REPORT_H
#define CNN_TOOL_REPORT_H

#include "tool.h"

typedef struct tool_report {
    const cnn_model *model;
    const cnn_dataset *data; /* names the classes where the model does not */
    const uint64_t *counts;  /* classes x classes, row: true class, column: predicted */
    uint32_t classes;
    double accuracy, loss, seconds;
    double penalty;       /* of the loss: what regularizers add; 0: none */
    const char *top_name; /* "top5"; NULL if there are not that many classes */
    double top;
    double auc; /* with two classes; NaN: none */
    uint64_t images, skipped;
    uint64_t rejected; /* images that the model's decision leaves without a class; they are not in `counts` */
} tool_report;

/* TOOL_DONE, or the exit status with the message printed. */
int tool_report_print(tool *run, const tool_report *report);
int tool_report_print_json(tool *run, const tool_report *report);
int tool_report_save_csv(tool *run, const tool_report *report, const char *path);

#endif
