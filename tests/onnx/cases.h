/* SPDX-License-Identifier: MIT */
/* Cases of ONNX's own tests: a folder with a model, its inputs and its right outputs. */
#ifndef CNN_TESTS_ONNX_CASES_H
#define CNN_TESTS_ONNX_CASES_H

#include "onnx/import.h"

typedef struct case_result {
    bool passed;
    cnn_status status; /* of loading */
    double difference; /* largest, of the largest value of the output */
    char message[600]; /* why it did not pass */
} case_result;

/* Reads a whole file; NULL if it is not there. The caller frees it. */
void *case_read(const char *path, size_t *size);

/* Loads the model of a folder, feeds it the inputs of data set 0 and compares its outputs as ONNX does: within 1e-3 of
 * each value and 1e-7. Inputs that are not floats are constants; if the model cannot be loaded so, all but the first
 * are. */
case_result case_run(cnn_context *context, const char *folder);

/* The same for a model with one input, of values i / n, and its output in a file. */
case_result case_run_file(cnn_context *context, const char *model, const char *output);

#endif
