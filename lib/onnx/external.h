/* SPDX-License-Identifier: MIT */
/* Tensors whose values lie in files beside the model. */
#ifndef CNN_ONNX_EXTERNAL_H
#define CNN_ONNX_EXTERNAL_H

#include "onnx/constant.h"

/* Where such files may lie: in a model's folder, for callers who allow it. */
struct cnn__onnx_folder {
    const char *path; /* of the folder; NULL: the model came from memory */
    bool allowed;
};

/* Reads `size` bytes of a tensor into the arena. Names lead below the folder and over no links: CNN_ERROR_DENIED. */
cnn_status cnn__onnx_external_read(cnn__arena *arena, const char *file, const cnn__onnx_folder *folder,
                                   const cnn__onnx_tensor *tensor, const char *name, size_t size,
                                   const unsigned char **bytes);

#endif
