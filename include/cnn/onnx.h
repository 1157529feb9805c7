/* SPDX-License-Identifier: MIT */
/**
 * Models as ONNX files, which other programs run: https://onnx.ai. docs/onnx.md
 * says which operator stands for which layer.
 *
 * A library that was built without ONNX (`-Donnx=disabled`) has all of these
 * functions; they return CNN_ERROR_UNSUPPORTED.
 */
#ifndef CNN_ONNX_H
#define CNN_ONNX_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/model.h>

CNN_BEGIN_DECLS

/** Options of writing; write them with CNN_ONNX_SAVE(). */
typedef struct cnn_onnx_save_options {
    size_t struct_size;
    int32_t preprocessing; /**< 1: the model's preprocessing is a part of the graph, whose first input then is "image":
                                bytes N, height, width, channels, red first, as they are decoded. See
                                cnn_model_save_onnx() */
} cnn_onnx_save_options;

#define CNN_ONNX_SAVE(...) CNN_OPTIONS(cnn_onnx_save_options, __VA_ARGS__)

/**
 * Saves a built model as an ONNX file, written as by cnn_model_save(). The same
 * model gives the same bytes.
 *
 * Inputs and outputs have the model's names, float values, and a batch of any
 * size, "N". Images are N, C, H, W there, sequences N, C, L, volumes
 * N, C, D, H, W; what graph convolutions and reshapes read and make stays as it
 * is here. Vectors have the order of here: a flattened image that is an output
 * is H, W, C. Nodes and values have the names of layers; a layer of several
 * nodes has further ones as "conv1:linear". Tensors have the names of parameters,
 * "conv1/kernel", in ONNX's order of axes: convolutions out, in, H, W; dense
 * layers units, inputs.
 *
 * Layers behave as in inference: dropout is left out, normalisations use their
 * statistics. Metadata has the class names, "classes", as a JSON list, and the
 * preprocessing, "preprocessing", as text (cnn/pipeline.h).
 *
 * options  NULL: the model alone, in operators of version 13. With
 *          `preprocessing` files that make images smaller need version 18.
 *          What decoders do (which way up a photo is, transparency) is not in
 *          the graph; the random steps of a training pipeline are left out.
 *          Values then differ from those of cnn_session_predict_file() by what a
 *          runtime's resize differs from Pillow's, and where a large JPEG is
 *          decoded at a reduced size.
 *
 * Returns CNN_OK, CNN_ERROR_STATE (not built; no preprocessing set),
 * CNN_ERROR_UNSUPPORTED (layers without a counterpart, all of which are named;
 * a step of the preprocessing; built without ONNX), CNN_ERROR_LIMIT (more than
 * 2 GiB, the format's limit), CNN_ERROR_IO, CNN_ERROR_NOT_FOUND (no such
 * folder), CNN_ERROR_OUT_OF_MEMORY. Thread-safe as long as nothing changes the
 * model. Since 0.1.
 */
CNN_API cnn_status cnn_model_save_onnx(const cnn_model *model, const char *path, const cnn_onnx_save_options *options);

/** The same, handed to `write` piece by piece: to memory, or a socket. Returns as cnn_model_save_onnx(), or what
    `write` returned. Since 0.1. */
CNN_API cnn_status cnn_model_write_onnx(const cnn_model *model, const cnn_onnx_save_options *options,
                                        cnn_write_function write, void *user);

CNN_END_DECLS

#endif
