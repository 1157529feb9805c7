/* SPDX-License-Identifier: MIT */
/* Products with constant matrices: dense layers, and over more axes convolutions of single cells. */
#include <string.h>

#include "onnx/fold.h"
#include "onnx/in.h"

/* The rows of a dense kernel in the order in which a flattened image lies: the axes of the image in place of the one
 * that is `features` of the constant's two. */
static void order_rows(const cnn__onnx_wire *wire, uint32_t features, cnn__onnx_filling *kernel)
{
    const cnn__onnx_axes *image = &wire->image;
    const cnn_shape matrix = kernel->from;
    const uint32_t sides = image->rank - 1;
    uint32_t at = 0;
    kernel->from.rank = sides + 1;
    if (features == 1) {
        kernel->from.dims[at++] = matrix.dims[0];
    }
    for (uint32_t i = 0; i < sides; i++) {
        kernel->from.dims[at + i] = image->dims[i + 1];
        kernel->axes[i] = at + image->order[i + 1] - 1;
    }
    if (features == 0) {
        kernel->from.dims[sides] = matrix.dims[1];
    }
    kernel->axes[sides] = features == 0 ? sides : 0;
}

/* A dense layer of a value N, K. `transposed`: the constant is units, K. */
static cnn_status add_dense(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                            const cnn__onnx_constant *weights, bool transposed, float scale,
                            const cnn__onnx_constant *bias, float bias_scale)
{
    const int64_t inputs = weights->dims[transposed], outputs = weights->dims[!transposed];
    const cnn_shape shape = cnn__shape2(wire->axes.dims[0], wire->axes.dims[1]);
    int32_t units = 0;
    if (inputs != wire->axes.dims[1]) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "weights for %lld inputs, its input has %lld",
                              (long long)inputs, (long long)wire->axes.dims[1]);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, outputs, "number of outputs", &units));
    CNN__ONNX_NAME(name, import, node, weights);
    if (!wire->flat) {
        const uint32_t order[] = {0, 1};
        CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, order, NULL));
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, NULL, &shape));
    cnn_layer *layer = cnn_dense(import->context, CNN_DENSE(.name = name, .units = units, .no_bias = bias == NULL));
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, layer, &wire->value, 1));
    cnn__onnx_filling *kernel = cnn__onnx_fill(import, name, "kernel", weights, 0);
    if (kernel == NULL) {
        return cnn__last_status(import->context);
    }
    kernel->scale = scale;
    if (wire->flat) {
        order_rows(wire, transposed, kernel);
    } else {
        kernel->axes[0] = transposed;
        kernel->axes[1] = !transposed;
    }
    if (bias != NULL) {
        const bool one = bias->count == 1;
        if (!one) {
            CNN__RETURN_IF_ERROR(cnn__onnx_check_count(import, node, bias, (size_t)units, "bias"));
        }
        cnn__onnx_filling *filling = cnn__onnx_fill(import, name, "bias", one ? NULL : bias,
                                                    (float)cnn__onnx_number(bias, 0));
        if (filling == NULL) {
            return cnn__last_status(import->context);
        }
        filling->from = (cnn_shape){1, 0, {units}};
        filling->scale = bias_scale;
    }
    const int64_t dims[] = {wire->axes.dims[0], units};
    const cnn__onnx_axes axes = cnn__onnx_plain(2, dims);
    const cnn_shape actual = cnn__shape2(dims[0], dims[1]);
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}

static cnn_status check_matrix(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_constant *c)
{
    return c->rank == 2 && c->count > 0 && c->floats != NULL
               ? CNN_OK
               : cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its weights are no matrix of floats");
}

cnn_status cnn__onnx_in_gemm(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *weights = NULL, *bias = NULL;
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &weights));
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 2, &bias));
    CNN__RETURN_IF_ERROR(check_matrix(import, node, weights));
    if (wire->axes.rank != 2 || (bias != NULL && bias->count == 0)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its input has %u axes", wire->axes.rank);
    }
    if (cnn__onnx_attribute_int(node, "transA", 0) != 0) {
        const cnn__onnx_axes turned = {.rank = 2,
                                       .dims = {wire->axes.dims[1], wire->axes.dims[0]},
                                       .order = {!wire->axes.order[0], !wire->axes.order[1]}};
        if (import->batched) {
            return cnn__onnx_mixes(import, node, "its input is transposed, batch and all");
        }
        CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
        wire->axes = turned;
    }
    return add_dense(import, node, wire, weights, cnn__onnx_attribute_int(node, "transB", 0) != 0,
                     cnn__onnx_attribute_float(node, "alpha", 1), bias, cnn__onnx_attribute_float(node, "beta", 1));
}

/* The last axis of a value of several, by a convolution of one cell. */
static cnn_status multiply_last(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                                const cnn__onnx_constant *weights)
{
    cnn__onnx_axes axes = wire->axes;
    const uint32_t rank = axes.rank;
    int32_t units = 0;
    if (weights->dims[0] != axes.dims[rank - 1]) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "a matrix of %lld rows, its input has %lld columns",
                              (long long)weights->dims[0], (long long)axes.dims[rank - 1]);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, weights->dims[1], "number of outputs", &units));
    if (axes.order[rank - 1] != rank - 1) {
        axes = cnn__onnx_plain(rank, axes.dims);
    }
    cnn_shape shape = cnn__onnx_stored(import, &axes);
    cnn_shape cells = {3, 0, {shape.dims[0], 1, shape.dims[shape.rank - 1]}};
    for (uint32_t i = 1; i + 1 < shape.rank; i++) {
        cells.dims[1] *= shape.dims[i];
    }
    if (shape.rank == 4) { /* pixels */
        cells = shape;
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, axes.order, &cells));
    CNN__ONNX_NAME(name, import, node, weights);
    cnn_layer *layer = cells.rank == 4
                           ? cnn_conv2d(import->context,
                                        CNN_CONV2D(.name = name, .filters = units, .kernel = {1, 1}, .no_bias = 1))
                           : cnn_conv1d(import->context,
                                        CNN_CONV1D(.name = name, .filters = units, .kernel = 1, .no_bias = 1));
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, layer, &wire->value, 1));
    cnn__onnx_filling *kernel = cnn__onnx_fill(import, name, "kernel", weights, 0);
    if (kernel == NULL) {
        return cnn__last_status(import->context);
    }
    axes.dims[rank - 1] = units;
    cells.dims[cells.rank - 1] = units;
    return cnn__onnx_set(import, node, 0, name, &axes, &cells);
}

cnn_status cnn__onnx_in_matmul(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *weights = NULL;
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &weights));
    CNN__RETURN_IF_ERROR(check_matrix(import, node, weights));
    if (wire->axes.rank == 2) {
        return add_dense(import, node, wire, weights, false, 1, NULL, 1);
    }
    return wire->axes.rank > 2
               ? multiply_last(import, node, wire, weights)
               : cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its input has %u axes", wire->axes.rank);
}
