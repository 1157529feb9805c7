/* SPDX-License-Identifier: MIT */
/* The part of `cnn bench` that times the data pipeline on a folder of photos. */
#ifndef CNN_TOOL_BENCH_DATA_H
#define CNN_TOOL_BENCH_DATA_H

#include "tool.h"

/* True if `name` is a pipeline that is timed with --data. */
bool tool_bench_is_data(const char *name);
/* Their names for tool_nearest() and the help; NULL past the end. */
const char *tool_bench_data_name(const void *unused, size_t index);
void tool_bench_data_help(tool *run);

/* Times the pipelines named by the operands, or all, on the images at `path`: `steps` batches of each, 0 for those of
 * one epoch. */
int tool_bench_data(tool *run, const char *path, uint64_t steps);

#endif
