/* SPDX-License-Identifier: MIT */
/* Class names and preprocessing in the metadata of files that this library wrote. */
#ifndef CNN_ONNX_METADATA_H
#define CNN_ONNX_METADATA_H

#include <cnn/model.h>

#include "onnx/proto.h"

/* What such files say that they were made by. */
#define CNN__ONNX_PRODUCER "libcnn"

/* Whether this library wrote the file. */
bool cnn__onnx_is_own(const cnn__onnx_model *source);
/* Gives a built model what the metadata of its file has; `file` is the name for messages. CNN_ERROR_FORMAT or
 * CNN_ERROR_MISMATCH where it does not fit. */
cnn_status cnn__onnx_take_metadata(const cnn__onnx_model *source, const char *file, cnn_model *model);

#endif
