/* SPDX-License-Identifier: MIT */
/* The scalars of a training as event files, which TensorBoard shows. */
#ifndef CNN_TOOL_TENSORBOARD_H
#define CNN_TOOL_TENSORBOARD_H

#include "tool.h"

#include <stdio.h>

typedef struct tool_events {
    FILE *file; /* NULL: not open */
    char *path;
    uint32_t table[256]; /* of CRC-32C */
    double flushed;      /* tool_seconds() */
} tool_events;

/* Before any work: whether `folder` is one that can be written to, or can be made. */
int tool_events_check(tool *run, const char *folder);

/* Adds the scalars of a step, or those of the epoch that ends with it. The first call makes the folder and a file of
 * its own name in it; of a training that goes on, the file says that what older files hold from `step` on is no longer
 * true. TOOL_DONE, or TOOL_FAILED with the message printed. */
int tool_events_step(tool *run, tool_events *events, const char *folder, const cnn_progress *progress);
int tool_events_epoch(tool *run, tool_events *events, const char *folder, const cnn_progress *progress);

/* Writes out what is left and closes the file; nothing if none is open. */
int tool_events_close(tool *run, tool_events *events);

#endif
