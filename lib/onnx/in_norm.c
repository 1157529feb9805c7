/* SPDX-License-Identifier: MIT */
/* Normalisations. */
#include <string.h>

#include "onnx/in.h"

/* Axis 1 last, all sizes there: what a layer reads that has numbers for each channel. */
static cnn_status channel_input(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire **wire,
                                cnn_shape *shape)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, wire));
    if ((*wire)->axes.rank < 2) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its input has no channels");
    }
    const cnn__onnx_axes axes = cnn__onnx_channels_last((*wire)->axes.rank, (*wire)->axes.dims);
    *shape = cnn__onnx_stored(import, &axes);
    return cnn__onnx_require(import, node, *wire, axes.order, shape);
}

cnn_status cnn__onnx_in_batch_norm(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    static const char *const parameters[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const cnn__onnx_constant *constants[4] = {NULL};
    cnn__onnx_wire *wire = NULL;
    cnn_shape shape;
    CNN__RETURN_IF_ERROR(cnn__onnx_only_outputs(import, node, 1));
    CNN__RETURN_IF_ERROR(channel_input(import, node, &wire, &shape));
    if (cnn__onnx_attribute_int(node, "spatial", 1) == 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "a normalisation by each position");
    }
    for (size_t i = 0; i < 4; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, i + 1, &constants[i]));
        CNN__RETURN_IF_ERROR(
            cnn__onnx_check_count(import, node, constants[i], (size_t)wire->axes.dims[1], parameters[i]));
    }
    const float epsilon = cnn__onnx_attribute_float(node, "epsilon", 1e-5f);
    const float keep = cnn__onnx_attribute_float(node, "momentum", 0.9f);
    const bool pytorch = import->source->producer != NULL && strcmp(import->source->producer, "pytorch") == 0;
    CNN__ONNX_NAME(name, import, node, constants[0]);
    CNN__RETURN_IF_ERROR(cnn__onnx_unary(
        import, node, name,
        cnn_batch_norm(import->context, CNN_BATCH_NORM(.name = name, .convention = CNN_PYTORCH,
                                                       .unbiased = pytorch ? 1 : 2, .keep = keep == 0 ? CNN_ZERO : keep,
                                                       .epsilon = epsilon == 0 ? CNN_ZERO : epsilon)),
        wire));
    for (size_t i = 0; i < 4; i++) {
        if (cnn__onnx_fill(import, name, parameters[i], constants[i], 0) == NULL) {
            return cnn__last_status(import->context);
        }
    }
    return CNN_OK;
}

cnn_status cnn__onnx_in_lrn(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    cnn_shape shape;
    int32_t size = 0;
    CNN__RETURN_IF_ERROR(channel_input(import, node, &wire, &shape));
    CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, cnn__onnx_attribute_int(node, "size", 0), "size", &size));
    if (size < 1 || size % 2 == 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "a window of %d channels", size);
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    cnn_layer *layer = cnn_local_response_norm(import->context,
                                               CNN_LRN(.name = name, .convention = CNN_PYTORCH, .size = size,
                                                       .alpha = cnn__onnx_attribute_float(node, "alpha", 1e-4f),
                                                       .beta = cnn__onnx_attribute_float(node, "beta", 0.75f),
                                                       .bias = cnn__onnx_attribute_float(node, "bias", 1)));
    return cnn__onnx_unary(import, node, name, layer, wire);
}

cnn_status cnn__onnx_in_instance_norm(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    static const char *const parameters[] = {"gamma", "beta"};
    const cnn__onnx_constant *constants[2] = {NULL};
    cnn__onnx_wire *wire = NULL;
    cnn_shape shape;
    CNN__RETURN_IF_ERROR(channel_input(import, node, &wire, &shape));
    for (size_t i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, i + 1, &constants[i]));
        CNN__RETURN_IF_ERROR(
            cnn__onnx_check_count(import, node, constants[i], (size_t)wire->axes.dims[1], parameters[i]));
    }
    if (!import->batched && wire->axes.dims[0] != 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "samples within a sample");
    }
    CNN__ONNX_NAME(name, import, node, constants[0]);
    CNN__RETURN_IF_ERROR(cnn__onnx_unary(
        import, node, name,
        cnn_instance_norm(import->context, CNN_INSTANCE_NORM(.name = name, .epsilon = cnn__onnx_attribute_float(
                                                                               node, "epsilon", 1e-5f))),
        wire));
    for (size_t i = 0; i < 2; i++) {
        if (cnn__onnx_fill(import, name, parameters[i], constants[i], 0) == NULL) {
            return cnn__last_status(import->context);
        }
    }
    return CNN_OK;
}
