/* SPDX-License-Identifier: MIT */
/* The report of a training: written when it begins, after each epoch, and when it ends in whatever way. */
#ifndef CNN_REPORT_TRAIN_H
#define CNN_REPORT_TRAIN_H

#include "report.h"

struct train_run;

typedef struct train_report {
    char *path; /* NULL: no --report */
    report_page page;
    tool_predictions recorded;    /* of the epoch that runs */
    tool_predictions shown;       /* of the best one so far */
    size_t shown_epoch;           /* from 1; 0: none */
    bool stale;                   /* `shown` is not on the page yet */
    double begin, spent, written; /* in seconds; all that the report took */
    int result;
} train_report;

/* Names the file of --report, and later makes its folder. TOOL_DONE, or the exit status with the message printed. */
int tool_train_report_name(struct train_run *train);
int tool_train_report_check(struct train_run *train);
/* Writes the page as far as it is known, and has predictions recorded from here on. */
int tool_train_report_begin(struct train_run *train);
void tool_train_report_epoch(struct train_run *train, const cnn_history *history, double seconds);
/* Writes the last page: with maps over the mistakes. TOOL_DONE, or the exit status of the first failure. */
int tool_train_report_end(struct train_run *train, const char *state);
void tool_train_report_close(train_report *report);

#endif
