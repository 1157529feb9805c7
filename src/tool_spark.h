/* SPDX-License-Identifier: MIT */
/* A curve of one line of text: the loss of a training beside its bar. */
#ifndef CNN_TOOL_SPARK_H
#define CNN_TOOL_SPARK_H

#include "tool.h"

#define TOOL_SPARK_CELLS 12

/* Means of equally many values, from the first one on: where there is no room for more, pairs become one. Zero-
 * initialised. */
typedef struct tool_spark {
    double sums[TOOL_SPARK_CELLS];
    uint64_t each, last; /* values in a cell; in the last one so far */
    size_t cells;
} tool_spark;

void tool_spark_add(tool_spark *spark, double value);

/* Blocks of eight heights between the least and the greatest mean; "" before there are two, and where the terminal does
 * not say that it shows UTF-8. */
const char *tool_spark_text(const tool_spark *spark, char text[3 * TOOL_SPARK_CELLS + 1]);

#endif
