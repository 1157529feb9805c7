/* SPDX-License-Identifier: MIT */
/* Products of matrices: with constant ones dense layers, and over more axes convolutions of single cells. */
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
                            const cnn__onnx_constant *bias, float bias_scale, cnn__onnx_wire *made)
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
    *made = (cnn__onnx_wire){.value = name, .axes = axes, .actual = cnn__shape2(dims[0], dims[1])};
    return CNN_OK;
}

/* The last axis of a value of several, by a convolution of one cell. */
static cnn_status multiply_last(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                                const cnn__onnx_constant *weights, cnn__onnx_wire *made)
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
    *made = (cnn__onnx_wire){.value = name, .axes = axes, .actual = cells};
    return CNN_OK;
}

/* ---- two values ---- */

/* The last two axes change places: what a wire says of a value, not where it lies. */
static cnn__onnx_axes exchanged(const cnn__onnx_axes *axes)
{
    cnn__onnx_axes turned = *axes;
    const uint32_t last = axes->rank - 1;
    turned.dims[last] = axes->dims[last - 1];
    turned.dims[last - 1] = axes->dims[last];
    for (uint32_t i = 0; i < axes->rank; i++) {
        turned.order[i] = axes->order[i] == last ? last - 1 : axes->order[i] == last - 1 ? last : axes->order[i];
    }
    return turned;
}

/* Matrices one after the other, rows first, or columns where they lie so: *turned. */
static cnn_status require_matrices(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                                   int32_t *turned)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    const uint32_t rank = wire->axes.rank;
    const cnn__onnx_axes plain = cnn__onnx_plain(rank, wire->axes.dims), columns = exchanged(&plain);
    *turned = memcmp(wire->axes.order, columns.order, rank * sizeof(columns.order[0])) == 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, *turned ? columns.order : plain.order, NULL));
    const cnn_shape shape = cnn__onnx_stored(import, &wire->axes);
    return cnn__onnx_require(import, node, wire, NULL, &shape);
}

/* The axes of the product. */
static cnn_status product_axes(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_axes *a,
                               const cnn__onnx_axes *b, cnn__onnx_axes *axes)
{
    const uint32_t rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t dims[CNN_MAX_RANK];
    if (a->dims[a->rank - 1] != b->dims[b->rank - 2]) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "matrices of %lld columns and %lld rows have no product",
                              (long long)a->dims[a->rank - 1], (long long)b->dims[b->rank - 2]);
    }
    for (uint32_t i = 0; i + 2 < rank; i++) {
        const uint32_t less_a = rank - a->rank, less_b = rank - b->rank;
        const int64_t left = i < less_a ? 1 : a->dims[i - less_a], right = i < less_b ? 1 : b->dims[i - less_b];
        if (left != right && left != 1 && right != 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "axis %u has %lld values and %lld", i, (long long)left,
                                  (long long)right);
        }
        dims[i] = left > right ? left : right;
    }
    dims[rank - 2] = a->dims[a->rank - 2];
    dims[rank - 1] = b->dims[b->rank - 1];
    *axes = cnn__onnx_plain(rank, dims);
    return CNN_OK;
}

/* Both have at least two axes; what their wires say is changed. */
static cnn_status multiply_values(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *a,
                                  cnn__onnx_wire *b, cnn__onnx_wire *made)
{
    cnn_matmul_options o = {.struct_size = sizeof(o)};
    cnn__onnx_axes axes;
    CNN__RETURN_IF_ERROR(product_axes(import, node, &a->axes, &b->axes, &axes));
    if (import->batched && (a->axes.rank != b->axes.rank || axes.rank < 3 || a->axes.dims[0] != b->axes.dims[0])) {
        return cnn__onnx_mixes(import, node, "a product over the batch");
    }
    CNN__RETURN_IF_ERROR(require_matrices(import, node, a, &o.transpose_a));
    CNN__RETURN_IF_ERROR(require_matrices(import, node, b, &o.transpose_b));
    CNN__ONNX_NAME(name, import, node, NULL);
    o.name = name;
    const char *values[] = {a->value, b->value};
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, cnn_matmul(import->context, &o), values, 2));
    *made = (cnn__onnx_wire){.value = name, .axes = axes, .actual = cnn__onnx_stored(import, &axes)};
    return CNN_OK;
}

/* A vector as a matrix of one row or one column. */
static void widen(cnn__onnx_wire *wire, bool column)
{
    const int64_t size = wire->axes.dims[0], dims[] = {column ? size : 1, column ? 1 : size};
    wire->axes = cnn__onnx_plain(2, dims);
}

static cnn_status matmul_values(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *first,
                                const cnn__onnx_wire *second)
{
    cnn__onnx_wire a = *first, b = *second, made;
    const bool row = a.axes.rank == 1, column = b.axes.rank == 1;
    int64_t dims[CNN_MAX_RANK];
    uint32_t rank = 0;
    if (a.axes.rank == 0 || b.axes.rank == 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "an input is a single number");
    }
    if (row) {
        widen(&a, false);
    }
    if (column) {
        widen(&b, true);
    }
    CNN__RETURN_IF_ERROR(multiply_values(import, node, &a, &b, &made));
    for (uint32_t i = 0; i < made.axes.rank; i++) { /* what was added to vectors goes again */
        if (!(row && i + 2 == made.axes.rank) && !(column && i + 1 == made.axes.rank)) {
            dims[rank++] = made.axes.dims[i];
        }
    }
    return row || column ? cnn__onnx_reshape_to(import, node, &made, rank, dims)
                         : cnn__onnx_pass_on(import, node, 0, &made);
}

/* ---- operators ---- */

/* A constant that is a matrix but for ones in front, or `column` a vector: as a matrix. */
static cnn_status as_matrix(cnn__onnx_import *import, const cnn__onnx_node *node, bool column,
                            const cnn__onnx_constant **c)
{
    const uint32_t rank = (*c)->rank, lead = rank > 2 ? rank - 2 : 0;
    int64_t dims[2] = {column && rank == 1 ? (*c)->dims[0] : 1,
                       column && rank == 1 ? 1 : (*c)->dims[rank == 1 ? 0 : 1]};
    bool fits = rank > 0 && (*c)->count > 0 && (*c)->floats != NULL;
    for (uint32_t i = 0; i < lead; i++) {
        fits = fits && (*c)->dims[i] == 1;
    }
    if (!fits) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its weights are no matrix of floats");
    }
    if (rank == 2) {
        return CNN_OK;
    }
    if (rank > 2) {
        dims[0] = (*c)->dims[rank - 2];
        dims[1] = (*c)->dims[rank - 1];
    }
    *c = cnn__onnx_reshaped(import->arena, *c, 2, dims);
    return *c != NULL ? CNN_OK : cnn__last_status(import->context);
}

/* Whether the bias of a Gemm is one number, or one for each of `units` outputs. */
static bool is_bias(const cnn__onnx_wire *bias, int64_t units)
{
    if (bias == NULL) {
        return true;
    }
    const cnn__onnx_constant *c = bias->constant;
    return c != NULL && c->floats != NULL && c->rank <= 2 && (c->rank < 2 || c->dims[0] == 1) &&
           (c->count == 1 || (int64_t)c->count == units);
}

/* Products that are no dense layer, as layers of their own. */
static cnn_status add_product(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *first,
                              float alpha, float beta)
{
    cnn__onnx_wire *second = cnn__onnx_input(import, node, 1), a = *first, made;
    const bool turned = cnn__onnx_attribute_int(node, "transB", 0) != 0;
    if (second == NULL) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input 1 is missing");
    }
    if (second->constant != NULL) {
        const cnn__onnx_constant *weights = second->constant;
        CNN__RETURN_IF_ERROR(as_matrix(import, node, false, &weights));
        CNN__RETURN_IF_ERROR(add_dense(import, node, &a, weights, turned, alpha, NULL, 1, &made));
    } else {
        cnn__onnx_wire b = *second;
        if (b.axes.rank != 2) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its input 1 has %u axes", b.axes.rank);
        }
        CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, &b));
        b.axes = turned ? exchanged(&b.axes) : b.axes;
        CNN__RETURN_IF_ERROR(multiply_values(import, node, &a, &b, &made));
        CNN__RETURN_IF_ERROR(cnn__onnx_rescale(import, node, alpha, &made));
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add_input(import, node, 2, beta, &made));
    return cnn__onnx_pass_on(import, node, 0, &made);
}

cnn_status cnn__onnx_in_gemm(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const float alpha = cnn__onnx_attribute_float(node, "alpha", 1), beta = cnn__onnx_attribute_float(node, "beta", 1);
    const bool turned = cnn__onnx_attribute_int(node, "transB", 0) != 0;
    const cnn__onnx_wire *second = cnn__onnx_input(import, node, 1), *bias = cnn__onnx_input(import, node, 2);
    cnn__onnx_wire *wire = NULL, across, made;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    if (wire->axes.rank != 2 || (bias != NULL && bias->constant != NULL && bias->constant->count == 0)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its input has %u axes", wire->axes.rank);
    }
    if (cnn__onnx_attribute_int(node, "transA", 0) != 0) {
        if (import->batched) {
            return cnn__onnx_mixes(import, node, "its input is transposed, batch and all");
        }
        CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
        across = *wire; /* others read it as it is */
        across.axes = exchanged(&wire->axes);
        wire = &across;
    }
    const cnn__onnx_constant *weights = second != NULL ? second->constant : NULL;
    if (weights == NULL || weights->rank != 2 || !is_bias(bias, weights->dims[!turned])) {
        return add_product(import, node, wire, alpha, beta);
    }
    CNN__RETURN_IF_ERROR(as_matrix(import, node, false, &weights));
    CNN__RETURN_IF_ERROR(
        add_dense(import, node, wire, weights, turned, alpha, bias != NULL ? bias->constant : NULL, beta, &made));
    return cnn__onnx_pass_on(import, node, 0, &made);
}

/* A value times a constant. */
static cnn_status matmul_constant(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire,
                                  const cnn__onnx_constant *weights, cnn__onnx_wire *made)
{
    const bool vector = weights->rank == 1;
    int64_t dims[CNN_MAX_RANK];
    CNN__RETURN_IF_ERROR(as_matrix(import, node, true, &weights));
    if (wire->axes.rank < 2) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its input has %u axes", wire->axes.rank);
    }
    CNN__RETURN_IF_ERROR(wire->axes.rank == 2 ? add_dense(import, node, wire, weights, false, 1, NULL, 1, made)
                                              : multiply_last(import, node, wire, weights, made));
    if (vector) {
        memcpy(dims, made->axes.dims, sizeof(dims));
        CNN__RETURN_IF_ERROR(cnn__onnx_reshape_to(import, node, made, made->axes.rank - 1, dims));
        const cnn__onnx_wire *output = cnn__onnx_output(import, node, 0);
        *made = output != NULL ? *output : *made;
    }
    return CNN_OK;
}

/* A constant times a value: the same turned, C X = (X' C')'. */
static cnn_status constant_matmul(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                                  const cnn__onnx_constant *weights, cnn__onnx_wire *made)
{
    cnn__onnx_wire turned = *wire;
    if (wire->axes.rank < 2 || weights->rank < 2) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "a product with a vector");
    }
    CNN__RETURN_IF_ERROR(as_matrix(import, node, false, &weights));
    if (import->batched && wire->axes.rank == 2) {
        return cnn__onnx_mixes(import, node, "a product over the batch");
    }
    const int64_t dims[] = {weights->dims[1], weights->dims[0]}, steps[] = {1, weights->dims[1]};
    cnn__onnx_constant *across = cnn__onnx_view(import->arena, weights, 2, dims, 0, steps);
    if (across == NULL) {
        return cnn__last_status(import->context);
    }
    across->trained = weights->trained;
    across->name = weights->name;
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, &turned));
    turned.axes = exchanged(&turned.axes);
    CNN__RETURN_IF_ERROR(matmul_constant(import, node, &turned, across, made));
    made->axes = exchanged(&made->axes);
    return CNN_OK;
}

cnn_status cnn__onnx_in_matmul(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *a = cnn__onnx_input(import, node, 0), *b = cnn__onnx_input(import, node, 1), made;
    if (a == NULL || b == NULL || (a->value == NULL && b->value == NULL)) {
        return cnn__onnx_fail(import, node, a == NULL || b == NULL ? CNN_ERROR_FORMAT : CNN_ERROR_UNSUPPORTED,
                              "its inputs are constants, or missing");
    }
    if (a->constant == NULL && b->constant == NULL) {
        return matmul_values(import, node, a, b);
    }
    CNN__RETURN_IF_ERROR(a->constant != NULL ? constant_matmul(import, node, b, a->constant, &made)
                                             : matmul_constant(import, node, a, b->constant, &made));
    return cnn__onnx_pass_on(import, node, 0, &made);
}
