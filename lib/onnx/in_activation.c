/* SPDX-License-Identifier: MIT */
/* Functions of single values, and of rows. */
#include <math.h>
#include <string.h>

#include "onnx/in.h"

/* ---- those that are an activation here ---- */

typedef struct activation {
    const char *type;
    cnn_activation kind;
    float alpha;         /* of the attribute where it is not given; 0: there is none */
    const char *variant; /* value of the attribute "approximate"; NULL: there is none */
} activation;

static const activation activations[] = {
    {"Elu", CNN_ELU, 1, NULL},
    {"Gelu", CNN_GELU, 0, "none"},
    {"Gelu", CNN_GELU_TANH, 0, "tanh"},
    {"HardSwish", CNN_HARD_SWISH, 0, NULL},
    {"LeakyRelu", CNN_LEAKY_RELU, 0.01f, NULL},
    {"Relu", CNN_RELU, 0, NULL},
    {"Selu", CNN_SELU, 0, NULL},
    {"Sigmoid", CNN_SIGMOID, 0, NULL},
    {"Softplus", CNN_SOFTPLUS, 0, NULL},
    {"Tanh", CNN_TANH, 0, NULL},
};

/* An activation as a layer. */
static cnn_status activate(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                           cnn_activation kind, float alpha)
{
    CNN__ONNX_NAME(name, import, node, NULL);
    return cnn__onnx_unary(import, node, name,
                           cnn_activate(import->context, CNN_ACTIVATE(.name = name, .activation = kind,
                                                                      .alpha = alpha == 0 ? CNN_ZERO : alpha)),
                           wire);
}

/* ELU times a number, which is an activation of its own for one pair of numbers. */
static cnn_status selu(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire)
{
    const float alpha = cnn__onnx_attribute_float(node, "alpha", 1.67326319f);
    const float gamma = cnn__onnx_attribute_float(node, "gamma", 1.05070102f);
    const char *name = NULL;
    if (fabsf(alpha - 1.67326319f) < 1e-3f && fabsf(gamma - 1.05070102f) < 1e-3f) {
        return activate(import, node, wire, CNN_SELU, 1);
    }
    CNN__RETURN_IF_ERROR(activate(import, node, wire, CNN_ELU, alpha));
    cnn__onnx_wire *made = cnn__onnx_output(import, node, 0);
    name = cnn__onnx_new_name(import, "rescaling");
    if (name == NULL || made == NULL) {
        return made == NULL ? CNN_OK : cnn__last_status(import->context);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, cnn_rescale(import->context, CNN_RESCALE(.name = name, .scale = {gamma})), &made->value, 1));
    made->value = name;
    return CNN_OK;
}

/* Whether what the node makes is read by one node alone, which multiplies it by the node's own input: together they are
 * one activation, x sigmoid(x) or the like. Exporters write the two one soon after the other. */
static bool is_gate(const cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_node *nodes = graph->nodes.items;
    const cnn__onnx_wire *input = cnn__onnx_input(import, node, 0), *output = cnn__onnx_output(import, node, 0);
    const size_t begin = (size_t)(node - nodes) + 1;
    if (output == NULL || output->readers != 1) {
        return false;
    }
    for (size_t i = begin; i < graph->nodes.count && i < begin + 8; i++) {
        const cnn__onnx_wire *a = cnn__onnx_input(import, &nodes[i], 0), *b = cnn__onnx_input(import, &nodes[i], 1);
        if (strcmp(nodes[i].type, "Mul") == 0 && ((a == input && b == output) || (a == output && b == input))) {
            return true;
        }
    }
    return false;
}

/* Leaves the activation to the product. */
static cnn_status open_gate(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *wire,
                            cnn_activation kind)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_pass_on(import, node, 0, wire));
    cnn__onnx_output(import, node, 0)->gate = (int32_t)kind;
    return CNN_OK;
}

cnn_status cnn__onnx_gated(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *gate)
{
    return activate(import, node, gate, (cnn_activation)gate->gate, 1);
}

cnn_status cnn__onnx_in_activation(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const char *variant = cnn__onnx_attribute_text(node, "approximate", "none");
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
        const activation *a = &activations[i];
        if (strcmp(a->type, node->type) == 0 && (a->variant == NULL || strcmp(a->variant, variant) == 0)) {
            if (a->kind == CNN_SIGMOID && is_gate(import, node)) {
                return open_gate(import, node, wire, CNN_SILU);
            }
            if (a->kind == CNN_SELU) {
                return selu(import, node, wire);
            }
            const float alpha = a->alpha != 0 ? cnn__onnx_attribute_float(node, "alpha", a->alpha) : 1;
            if (a->kind == CNN_LEAKY_RELU && alpha == 0) {
                return activate(import, node, wire, CNN_RELU, 1);
            }
            return activate(import, node, wire, a->kind, alpha);
        }
    }
    return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "the variant \"%s\"", variant);
}

/* x * scale + offset. */
static cnn_status rescale(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire *wire, float scale,
                          float offset)
{
    const char *name = cnn__onnx_new_name(import, "rescaling");
    if (name == NULL) {
        return cnn__last_status(import->context);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, cnn_rescale(import->context, CNN_RESCALE(.name = name, .scale = {scale}, .offset = {offset})),
        &wire->value, 1));
    wire->value = name;
    return CNN_OK;
}

cnn_status cnn__onnx_in_hard_sigmoid(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const float alpha = cnn__onnx_attribute_float(node, "alpha", 0.2f);
    const float beta = cnn__onnx_attribute_float(node, "beta", 0.5f);
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    if (!(alpha > 0)) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its alpha is %g", (double)alpha);
    }
    if (beta == 0.5f && fabsf(alpha - 1.0f / 6) < 1e-6f && is_gate(import, node)) {
        return open_gate(import, node, wire, CNN_HARD_SWISH);
    }
    cnn__onnx_wire moved = *wire;
    if (beta != 0.5f) {
        CNN__RETURN_IF_ERROR(rescale(import, node, &moved, 1, (beta - 0.5f) / alpha));
    }
    return activate(import, node, &moved, CNN_HARD_SIGMOID, alpha);
}

/* The least and the most of Clip: attributes, and from operator set 11 on inputs. */
static cnn_status read_bound(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name, size_t index,
                             float missing, float *bound)
{
    const cnn__onnx_constant *c = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, index, &c));
    if (c != NULL && c->count != 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its %s is not one number", name);
    }
    *bound = c != NULL ? (float)cnn__onnx_number(c, 0) : cnn__onnx_attribute_float(node, name, missing);
    return CNN_OK;
}

cnn_status cnn__onnx_in_clip(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    cnn__onnx_wire *wire = NULL;
    float low = 0, high = 0;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(read_bound(import, node, "min", 1, -INFINITY, &low));
    CNN__RETURN_IF_ERROR(read_bound(import, node, "max", 2, INFINITY, &high));
    if (low == 0 && (high == 6 || high >= 3.4e38f)) {
        return activate(import, node, wire, high == 6 ? CNN_RELU6 : CNN_RELU, 1);
    }
    if (low == 0 && high > 0 && high <= 1e6f) {
        return activate(import, node, wire, CNN_CLIPPED_RELU, high);
    }
    CNN__ONNX_NAME(name, import, node, NULL);
    return cnn__onnx_unary(
        import, node, name,
        cnn_elementwise(import->context, CNN_ELEMENTWISE(.name = name, .function = CNN_MAP_CLIP, .p = low, .q = high)),
        wire);
}

/* ---- rows ---- */

cnn_status cnn__onnx_in_softmax(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const bool joint = import->opset < 13; /* all axes from the given one on are one row */
    const cnn_activation kind = strcmp(node->type, "Softmax") == 0 ? CNN_SOFTMAX : CNN_LOG_SOFTMAX;
    cnn__onnx_wire *wire = NULL;
    uint32_t axis = 0, last = 0;
    int64_t row = 1;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    cnn__onnx_axes axes = wire->axes;
    CNN__RETURN_IF_ERROR(
        cnn__onnx_axis(import, node, cnn__onnx_attribute_int(node, "axis", joint ? 1 : -1), axes.rank, &axis));
    for (uint32_t i = axis; i < axes.rank; i++) {
        row *= joint || i == axis ? axes.dims[i] : 1;
        last += axes.dims[i] > 1; /* axes that a joint row has */
    }
    if (import->batched && axis == 0) {
        return cnn__onnx_mixes(import, node, "rows over the batch");
    }
    if (joint && last > 1) {
        axes = cnn__onnx_plain(axes.rank, axes.dims);
    } else if (axes.order[axes.rank - 1] != axis) { /* the axis goes to the end */
        uint32_t at = 0;
        for (uint32_t i = 0; i < axes.rank; i++) {
            if (wire->axes.order[i] != axis) {
                axes.order[at++] = wire->axes.order[i];
            }
        }
        axes.order[at] = axis;
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, axes.order, NULL));
    cnn_shape shape = cnn__onnx_stored(import, &axes);
    if (shape.dims[shape.rank - 1] != row) { /* ones, or several axes: as many rows as there are */
        const int64_t values = (int64_t)cnn__layer_values(&shape) / shape.dims[0];
        shape = cnn__shape3(shape.dims[0], values / row, row);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, NULL, &shape));
    return activate(import, node, wire, kind, 1);
}

/* ---- rectifiers with slopes of their own ---- */

/* Whether there is one for each channel, which is axis 1 of `axes`. */
static bool is_by_channel(const cnn__onnx_import *import, const cnn__onnx_constant *slopes, const cnn__onnx_axes *axes)
{
    const uint32_t lead = axes->rank - slopes->rank;
    bool by_channel = true;
    for (uint32_t i = 0; i < slopes->rank; i++) {
        by_channel = by_channel && slopes->dims[i] == (i + lead == 1 ? axes->dims[1] : 1);
    }
    return by_channel || (import->opset < 7 && slopes->rank == 1 && slopes->dims[0] == axes->dims[1]);
}

cnn_status cnn__onnx_in_prelu(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *slopes = NULL;
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, &slopes));
    CNN__RETURN_IF_ERROR(cnn__onnx_settle(import, node, wire));
    if (slopes->count == 0 || slopes->floats == NULL || slopes->rank > wire->axes.rank || wire->axes.rank < 2) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its slopes do not fit its input");
    }
    if (import->batched && slopes->rank == wire->axes.rank && slopes->dims[0] != 1) {
        return cnn__onnx_mixes(import, node, "slopes for each sample of a batch");
    }
    const bool one = slopes->count == 1, by_channel = is_by_channel(import, slopes, &wire->axes);
    CNN__ONNX_NAME(name, import, node, slopes);
    cnn_prelu_options o = {.struct_size = sizeof(o), .name = name};
    const cnn__onnx_axes axes = cnn__onnx_channels_last(wire->axes.rank, wire->axes.dims);
    const cnn_shape shape = cnn__onnx_stored(import, &axes);
    const cnn__onnx_constant *values = slopes;
    o.slopes = one ? CNN_PRELU_ONE : by_channel ? CNN_PRELU_CHANNEL : CNN_PRELU_POSITION;
    if (!one) {
        CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, axes.order, &shape));
    }
    if (o.slopes == CNN_PRELU_POSITION) { /* a slope for each value of a sample */
        values = cnn__onnx_expanded(import, slopes, &axes);
        if (values == NULL) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its slopes are not those of a sample");
        }
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_unary(import, node, name, cnn_prelu(import->context, &o), wire));
    cnn__onnx_filling *filling = cnn__onnx_fill(import, name, "alpha", values, 0);
    if (filling == NULL) {
        return cnn__last_status(import->context);
    }
    if (one || by_channel) {
        filling->from = (cnn_shape){1, 0, {one ? 1 : axes.dims[1]}};
    }
    return CNN_OK;
}
