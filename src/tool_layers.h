/* SPDX-License-Identifier: MIT */
/* The time of each layer over several steps, and its table. */
#ifndef CNN_TOOL_LAYERS_H
#define CNN_TOOL_LAYERS_H

#include "tool.h"

#include "tool_json.h"

typedef struct tool_layers tool_layers;

/* Room for the times of `steps` steps; NULL: no memory. */
tool_layers *tool_layers_new(uint64_t steps);
void tool_layers_free(tool_layers *layers);

/* A cnn_trace_function, with the tool_layers as user: adds an operation. Each comes once in a step. */
void tool_layers_add(void *layers, const cnn_trace_record *record);

/* The table with medians; `peak` in GFLOP/s, 0: not known. TOOL_DONE, or the exit status with the message printed. */
int tool_layers_print(tool *run, tool_layers *layers, double peak);
/* The same as a list; NULL: no memory. */
json_t *tool_layers_json(tool_layers *layers, double peak);

/* The median; sorts the times. */
double tool_median(double *times, size_t count);

#endif
