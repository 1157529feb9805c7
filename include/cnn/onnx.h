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

/** Options of reading; write them with CNN_ONNX_LOAD(). */
typedef struct cnn_onnx_load_options {
    size_t struct_size;
    int32_t input[3];      /**< height, width and channels of images where the file leaves them open; 0: it does not */
    int32_t external_data; /**< 1: values may lie in other files, below the folder of the model's and reached over no
                                links; 0: they are refused */
} cnn_onnx_load_options;

#define CNN_ONNX_LOAD(...) CNN_OPTIONS(cnn_onnx_load_options, __VA_ARGS__)

/**
 * Makes a model of an ONNX file, of operator sets up to 26. It is an ordinary
 * model: it can be summarised, trained, frozen, cut, explained and saved.
 *
 * The file's operators become layers in the file's order; what is computed from
 * constants alone, such as shapes, is computed now. Layers have the names of the
 * modules of their weights ("layer1.0.conv1" of the tensor
 * "layer1.0.conv1.weight"), else those of their nodes, inputs those of the file;
 * characters that names here cannot have become dots.
 *
 * Images lie here as N, H, W, C, sequences as N, L, C, volumes as N, D, H, W, C,
 * whose channels ONNX has second: so do the model's inputs and outputs. Those of
 * three or five axes stay as they are if no operator of the graph reads images,
 * and so does an input that the graph itself begins by turning. The first axis
 * of all inputs is the batch, and may have any size afterwards. Where an operator
 * mixes the samples of a batch, or an input has none, tensors are samples as a
 * whole: their shapes are ONNX's then, the batch, if open, being 1.
 *
 * Convolutions, dense layers, normalisations and slopes are trained, and so are
 * stored tensors of more than one value that are added, multiplied or the like;
 * single numbers and what was computed from constants are not. Dropout is active
 * in training; a normalisation uses and moves statistics as elsewhere here. A
 * convolution and a normalisation that the file has apart stay two layers.
 * Class names and preprocessing are taken from files that this library has
 * written; else cnn_model_set_classes() and cnn_model_set_pipeline() give them.
 *
 * path     of the file, of at most 2 GiB, the format's limit. Not trusted.
 * options  NULL: none.
 * model    receives the built model, which the caller frees; NULL on failure.
 *
 * Returns CNN_OK; CNN_ERROR_NOT_FOUND (no such file); CNN_ERROR_IO; CNN_ERROR_TRUNCATED and CNN_ERROR_FORMAT (not such
 * a file, or a node that cannot be); CNN_ERROR_VERSION (another operator set); CNN_ERROR_UNSUPPORTED, listing all nodes
 * whose operators are not supported, or naming the node and what of it is not; CNN_ERROR_SHAPE (shapes that do not fit,
 * or open ones); CNN_ERROR_DENIED (values in other files that may not be read); CNN_ERROR_LIMIT;
 * CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_model_load_onnx(cnn_context *context, const char *path, const cnn_onnx_load_options *options,
                                       cnn_model **model);

/** The same for a file that lies in memory, whose values cannot lie elsewhere; `data` is needed only during the call.
    `name` is that of the file, for messages; NULL: "ONNX model". Returns as cnn_model_load_onnx(). Since 0.1. */
CNN_API cnn_status cnn_model_load_onnx_memory(cnn_context *context, const char *name, const void *data, size_t size,
                                              const cnn_onnx_load_options *options, cnn_model **model);

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
