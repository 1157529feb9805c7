/* SPDX-License-Identifier: MIT */
/* --log: the steps and epochs of a training as files. JSON lines, if the name ends in .json or .jsonl, hold all of it
 * in the order in which it happened, told apart by "event": "step", "evaluation", "epoch", "end". CSV has a row for
 * each epoch, and the steps in a file beside it, unless it is written to a device or a pipe; there an evaluation is in
 * the row of its step.
 *
 * The files always hold what the training has done, each step and epoch once: where one goes on from a checkpoint, rows
 * of steps after it are dropped, and epochs are those of the checkpoint. */
#ifndef CNN_TOOL_LOG_H
#define CNN_TOOL_LOG_H

#include "tool.h"

#include <stdio.h>

typedef struct tool_log {
    const char *path;
    bool json, resumed;      /* resumed: what the files hold of steps before the first one stays */
    char *steps_path;        /* of the steps, if these have a file of their own; NULL: none */
    bool begun, steps_begun; /* the files are this run's */
    bool decays;             /* steps have the penalty of weight decay */
    uint64_t every;          /* steps are evaluated after every so many; 0: not */
    uint32_t open;           /* columns of a CSV row that wait for its evaluation */
    FILE *steps;             /* rows that are not written yet, as a stream into `text` */
    char *text;
    size_t size;
    double written; /* tool_seconds() of the last time */
} tool_log;

/* Before any work; `path` may be NULL: no log. TOOL_DONE, or the exit status with the message printed. The caller then
 * sets `decays` and `every`. */
int tool_log_open(tool *run, tool_log *log, const char *path, bool resumed);

/* Add a step, and the epoch that ended. The first of them writes what was before; later ones only add, steps not more
 * often than once a second. */
int tool_log_step(tool *run, tool_log *log, const cnn_progress *progress);
int tool_log_epoch(tool *run, tool_log *log, const cnn_progress *progress);
/* Adds the evaluation that followed the last step. */
int tool_log_evaluation(tool *run, tool_log *log, const cnn_progress *progress);

/* Writes what is left, and of JSON how it ended: `state` is finished, stopped or failed. A training that could not even
 * begin leaves the files alone. */
int tool_log_end(tool *run, tool_log *log, const cnn_history *history, const char *state);
void tool_log_close(tool_log *log);

#endif
