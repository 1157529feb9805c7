/* SPDX-License-Identifier: MIT */
/* A model's architecture, classes and preprocessing as JSON. docs/file-format.md describes it. */
#ifndef CNN_FORMAT_ARCHITECTURE_H
#define CNN_FORMAT_ARCHITECTURE_H

#include "format/json.h"
#include "model/model.h"

/* The number of the format; a reader refuses higher ones. */
#define CNN__FORMAT_VERSION 1

/* The architecture as an object; CNN_ERROR_UNSUPPORTED names a layer of the caller's. */
cnn_status cnn__architecture_to_json(const cnn_model *model, json_t **object);

/* Adds all layers of an architecture to a new model, which is not built yet. `name` is the file's. */
cnn_status cnn__architecture_from_json(cnn_context *context, const char *name, const json_t *object, cnn_model **model);

#endif
