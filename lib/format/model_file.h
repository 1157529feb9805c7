/* SPDX-License-Identifier: MIT */
/* What model files and training checkpoints share. */
#ifndef CNN_FORMAT_MODEL_FILE_H
#define CNN_FORMAT_MODEL_FILE_H

#include "format/architecture.h"
#include "format/tensors.h"

/* Begins the metadata of a model: format, library, architecture, classes, preprocessing, frozen parameters. More can be
 * added; cnn__string_free(&metadata->text) ends it, also after a failure. */
cnn_status cnn__model_metadata(const cnn_model *model, cnn__json_writer *metadata);

/* Parses a text of the metadata as an object; the document is empty, and the status CNN_OK, if there is none. */
cnn_status cnn__metadata_get(const cnn__tensors *file, const char *key, cnn__json_document *document);

/* CNN_ERROR_FORMAT if the file is no libcnn file, CNN_ERROR_VERSION if it is of a newer format. */
cnn_status cnn__check_format(const cnn__tensors *file);

/* Fills `sources` with the model's parameters, parameter_count of them. `values` stands in for the model's array. */
void cnn__model_sources(const cnn_model *model, const float *values, cnn__tensor_source *sources);

#endif
