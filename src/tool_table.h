/* SPDX-License-Identifier: MIT */
/* Tables of files as datasets, and what samples are, as text. */
#ifndef CNN_TOOL_TABLE_H
#define CNN_TOOL_TABLE_H

#include "tool.h"

#include <stdio.h>

/* Values of --task, NULL-terminated, and the one that a name means; CNN_TASK_UNKNOWN for NULL. */
extern const char *const tool_task_names[];
cnn_task tool_task(const char *name);
/* The other way round; where nothing is said it is classes. */
const char *tool_task_name(cnn_task task);

/* "classes", "several labels", "values". */
const char *tool_task_text(cnn_task task);

/* Values of --part, NULL-terminated. */
extern const char *const tool_part_names[];

/* Whether a path is a table by its name. */
bool tool_is_table(const char *path);

/* Writes a text as a cell of a CSV file: printable, in quotes where it has to be. */
void tool_write_field(FILE *file, const char *text);
/* The same of a path or a name as it is, byte by byte. */
void tool_write_raw_field(FILE *file, const char *text);

/* What a sample is: its class, its labels joined by `separator`, or its numbers as "x 1.5"; malloc'ed, NULL without
 * memory. Names are as they are, to be made printable by the caller. */
char *tool_sample_text(const cnn_dataset *dataset, size_t index, const char *separator);

#endif
