/* SPDX-License-Identifier: MIT */
/* What model files and training checkpoints share. */
#ifndef CNN_FORMAT_MODEL_FILE_H
#define CNN_FORMAT_MODEL_FILE_H

#include "format/architecture.h"
#include "format/tensors.h"

/* The metadata of a model: format, library, architecture, classes, preprocessing, frozen parameters. */
cnn_status cnn__model_metadata(const cnn_model *model, json_t **metadata);

/* Puts `object` into the metadata as text. Takes the object over. */
cnn_status cnn__metadata_set(cnn_context *context, json_t *metadata, const char *key, json_t *object);

/* Parses a text of the metadata as an object; *object is NULL, and the status CNN_OK, if there is none. */
cnn_status cnn__metadata_get(const cnn__tensors *file, const char *key, json_t **object);

/* CNN_ERROR_FORMAT if the file is no libcnn file, CNN_ERROR_VERSION if it is of a newer format. */
cnn_status cnn__check_format(const cnn__tensors *file);

/* Fills `sources` with the model's parameters, parameter_count of them. `values` stands in for the model's array. */
void cnn__model_sources(const cnn_model *model, const float *values, cnn__tensor_source *sources);

#endif
