/* SPDX-License-Identifier: MIT */
/* Files of other programs: what is in them, as lists of tensors and configs. */
#ifndef CNN_TOOL_FOREIGN_H
#define CNN_TOOL_FOREIGN_H

#include "tool.h"

/* An opened file. Zero-initialised it holds nothing. */
typedef struct tool_foreign {
    cnn_weights *weights;
    char *config; /* Keras's architecture as JSON, malloc'ed; NULL: weights alone */
    size_t config_size;
    const char *program;    /* "Keras", "PyTorch", "libcnn"; static */
    struct tool_hdf5 *hdf5; /* NULL: it is none */
} tool_foreign;

/* True if the file is an ONNX file, which only its name tells. */
bool tool_is_onnx(const char *path);
/* True if the file is of another program and not told by its content elsewhere: HDF5, zip, or ONNX. */
bool tool_is_foreign(const char *path);

/* TOOL_DONE, or the exit status with the message printed; then there is nothing to close. */
int tool_foreign_open(tool *run, const char *path, tool_foreign *foreign);
void tool_foreign_close(tool_foreign *foreign);

/* A model that is in a file of another program: Keras's, or ONNX. */
int tool_foreign_load(tool *run, const char *path, cnn_model **model);
/* Fills the parameters of a model with what a file of any program has for them; counts what it found. */
int tool_foreign_fill(tool *run, const char *path, cnn_model *model, cnn_weights_report *report);

/* ---- HDF5, where it was built in ---- */

/* Opens a file, or with `data` one that lies in memory and is called `path`: fills weights, and config if it has
 * one. */
int tool_hdf5_open(tool *run, const char *path, const void *data, size_t size, tool_foreign *foreign);
void tool_hdf5_close(struct tool_hdf5 *file);
/* Writes a model as Keras 2 does. */
int tool_hdf5_save(tool *run, const cnn_model *model, const char *path);

#endif
