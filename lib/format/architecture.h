/* SPDX-License-Identifier: MIT */
/* A model's architecture, classes and preprocessing as JSON. docs/file-format.md describes it. */
#ifndef CNN_FORMAT_ARCHITECTURE_H
#define CNN_FORMAT_ARCHITECTURE_H

#include "core/json.h"
#include "model/model.h"

/* The number of the format; a reader refuses higher ones. */
#define CNN__FORMAT_VERSION 1

/* Writes the architecture as an object; CNN_ERROR_UNSUPPORTED names a custom layer. What the writer lacks memory for
 * stays in its status. */
cnn_status cnn__architecture_to_json(const cnn_model *model, cnn__json_writer *writer);

/* Adds all layers of an architecture to a new model, which is not built yet. `name` is the file's. */
cnn_status cnn__architecture_from_json(cnn_context *context, const char *name, const cnn__json *object,
                                       cnn_model **model);

/* The last failure as that of a file's content: the message begins with the file's name, and a status that blames the
 * caller's arguments becomes CNN_ERROR_FORMAT. */
cnn_status cnn__fail_in_file(cnn_context *context, const char *name, const char *part, cnn_status status);

#endif
