/* SPDX-License-Identifier: MIT */
/* Arrays in NumPy's format. */
#ifndef CNN_TOOL_NPY_H
#define CNN_TOOL_NPY_H

#include "tool.h"

#include <stdio.h>

/* The beginning of a file of float32 values; `shape` as Python writes it: "(2, 3)", "(3,)". */
void tool_npy_header(FILE *file, const char *shape);
void tool_npy_values(FILE *file, const float *values, size_t count);
/* Reads an array of up to `most` float32 or float64 values, whatever its shape. How many there are; 0 if the file is
 * none, is cut off, or has more. */
size_t tool_npy_read(FILE *file, double *values, size_t most);

#endif
