/* SPDX-License-Identifier: MIT */
/* What model files and training checkpoints share. */
#ifndef CNN_FORMAT_MODEL_FILE_H
#define CNN_FORMAT_MODEL_FILE_H

#include "format/architecture.h"
#include "format/tensors.h"

/* Begins the metadata of a model: format, library, architecture, classes, preprocessing, frozen parameters. More can be
 * added; cnn__string_free(&metadata->text) ends it, also after a failure. */
cnn_status cnn__model_metadata(const cnn_model *model, cnn__json_writer *metadata);

/* Adds what there is of a model beside its architecture, and gives it to one whose parameters are there. Failures to
 * add stay in the status of metadata->text. */
void cnn__metadata_add(const cnn_model *model, cnn__json_writer *metadata);
cnn_status cnn__metadata_take(cnn_model *model, const cnn__tensors *file);

/* Parses a text of the metadata as an object; the document is empty, and the status CNN_OK, if there is none. */
cnn_status cnn__metadata_get(const cnn__tensors *file, const char *key, cnn__json_document *document);

/* CNN_ERROR_FORMAT if the file is no libcnn file, CNN_ERROR_VERSION if it is of a newer format. */
cnn_status cnn__check_format(const cnn__tensors *file);

/* Fills `sources` with the model's parameters, parameter_count of them. `values`, by cnn__parameter.offset, stand in
 * for the model's own; NULL: these. */
void cnn__model_sources(const cnn_model *model, const float *values, cnn__tensor_source *sources);

/* As cnn_model_save(), with other values for the parameters unless they are NULL. */
cnn_status cnn__model_save_values(const cnn_model *model, const float *values, const char *path);

#endif
