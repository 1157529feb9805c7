/* SPDX-License-Identifier: MIT */
/* Convolutions and products of matrices. Padding is written out: ONNX's words for it are deprecated. */
#include "onnx/out.h"

/* A convolution over 1 to 3 axes. */
typedef struct conv {
    uint32_t sides;
    const int32_t *kernel, *stride, *dilation, *pads; /* pads: before and after of each side */
    int32_t padding;
    int64_t groups;
} conv;

/* [before of all sides, after of all sides], as ONNX has them. */
static void find_pads(const conv *c, const cnn_shape *sample, int64_t pads[6])
{
    for (uint32_t d = 0; d < c->sides; d++) {
        cnn__window window = {
            c->kernel[d], c->stride[d], c->dilation[d], c->padding, c->pads[2 * d], c->pads[2 * d + 1], 0};
        (void)cnn__window_output(&window, sample->dims[d]);
        pads[d] = window.pad_before;
        pads[c->sides + d] = window.pad_after;
    }
}

static void put_sides(cnn__out *out, const char *name, const int32_t *values, uint32_t sides)
{
    int64_t wide[3] = {0};
    for (uint32_t d = 0; d < sides; d++) {
        wide[d] = values[d];
    }
    cnn__out_wholes(out, name, wide, sides);
}

/* From H, W, in, out to out, in, H, W; of a transposed one, whose filters are H, W, out, in, to in, out, H, W. */
static cnn__order filter_order(const cnn_shape *filters)
{
    cnn__order order = {.from = *filters};
    for (uint32_t d = 0; d < filters->rank; d++) {
        order.axes[d] = d < 2 ? filters->rank - 1 - d : d - 2;
    }
    return order;
}

static const cnn_shape *parameter_shape(const cnn__out *out, const cnn__node *node, uint32_t number)
{
    return &out->model->parameters[out->model->nodes[node->owner].first_parameter + number].shape;
}

/* Parameters `kernel` and `bias` by their numbers; without a bias it is that of the kernel. */
static const char *emit_conv(cnn__out *out, const cnn__node *node, const conv *c, const char *input,
                             const cnn_shape *sample, const char *suffix, uint32_t kernel, uint32_t bias)
{
    int64_t pads[6] = {0};
    const cnn__order order = filter_order(parameter_shape(out, node, kernel));
    const char *filters = cnn__out_parameter(out, node, kernel, &order, NULL);
    const char *added = bias != kernel ? cnn__out_parameter(out, node, bias, NULL, NULL) : NULL;
    const char *value = cnn__out_emit(out, "Conv", suffix, CNN__OUT_INPUTS(input, filters, added));
    find_pads(c, sample, pads);
    put_sides(out, "dilations", c->dilation, c->sides);
    cnn__out_whole(out, "group", c->groups);
    put_sides(out, "kernel_shape", c->kernel, c->sides);
    cnn__out_wholes(out, "pads", pads, 2 * (size_t)c->sides);
    put_sides(out, "strides", c->stride, c->sides);
    return value;
}

/* With the activation that ends the layer. */
static void write_conv(cnn__out *out, const cnn__node *node, const conv *c, bool no_bias, int32_t activation,
                       float alpha)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *value = emit_conv(out, node, c, cnn__out_first(out, input), &input->shape, cnn__out_linear(activation),
                                  0, no_bias ? 0 : 1);
    cnn__out_set(out, node, cnn__out_activation(out, value, activation, alpha, 1), CNN__OUT_FIRST);
}

void cnn__out_conv1d(cnn__out *out, const cnn__node *node)
{
    const cnn_conv1d_options *o = node->layer->user;
    const conv c = {1, &o->kernel, &o->stride, &o->dilation, o->pads, o->padding, o->groups};
    write_conv(out, node, &c, o->no_bias != 0, o->activation, o->alpha);
}

void cnn__out_conv2d(cnn__out *out, const cnn__node *node)
{
    const cnn_conv2d_options *o = node->layer->user;
    const conv c = {2, o->kernel, o->stride, o->dilation, o->pads, o->padding, o->groups};
    write_conv(out, node, &c, o->no_bias != 0, o->activation, o->alpha);
}

void cnn__out_conv3d(cnn__out *out, const cnn__node *node)
{
    const cnn_conv3d_options *o = node->layer->user;
    const conv c = {3, o->kernel, o->stride, o->dilation, o->pads, o->padding, o->groups};
    write_conv(out, node, &c, o->no_bias != 0, o->activation, o->alpha);
}

static int64_t channels_of(cnn__out *out, const cnn__node *node)
{
    const cnn_shape *shape = &cnn__out_input(out, node, 0)->shape;
    return shape->dims[shape->rank - 1];
}

void cnn__out_depthwise(cnn__out *out, const cnn__node *node)
{
    const cnn_depthwise_conv2d_options *o = node->layer->user;
    const conv c = {2, o->kernel, o->stride, o->dilation, o->pads, o->padding, channels_of(out, node)};
    write_conv(out, node, &c, o->no_bias != 0, o->activation, o->alpha);
}

void cnn__out_separable(cnn__out *out, const cnn__node *node)
{
    static const int32_t one[] = {1, 1}, none[4] = {0};
    const cnn_separable_conv2d_options *o = node->layer->user;
    const conv depthwise = {2, o->kernel, o->stride, o->dilation, o->pads, o->padding, channels_of(out, node)};
    const conv pointwise = {2, one, one, one, none, CNN_PADDING_VALID, 1};
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *between = emit_conv(out, node, &depthwise, cnn__out_first(out, input), &input->shape, "depthwise", 0,
                                    0);
    const char *value = emit_conv(out, node, &pointwise, between, &node->output, cnn__out_linear(o->activation), 1,
                                  o->no_bias ? 1 : 2);
    cnn__out_set(out, node, cnn__out_activation(out, value, o->activation, o->alpha, 1), CNN__OUT_FIRST);
}

/* What is cut off a transposed convolution's output before and after it, and what is added at its end, so that it has
 * the size that it has here: "same" and Keras's sizes are no words of ONNX's. */
static void find_cuts(const conv *c, const int32_t *output_padding, uint32_t side, int64_t input, int64_t output,
                      int64_t pads[6], int64_t more[3])
{
    const int64_t extent = (int64_t)(c->kernel[side] - 1) * c->dilation[side] + 1;
    const int64_t too_long = (input - 1) * c->stride[side] + extent - output;
    int64_t before = c->padding == CNN_PADDING_EXPLICIT ? c->pads[2 * side] : 0;
    if (c->padding == CNN_PADDING_EXPLICIT) {
        more[side] = output_padding[side];
    } else {
        more[side] = too_long < 0 ? -too_long : 0;
        before = too_long <= 0 || c->padding == CNN_PADDING_VALID ? 0
                 : c->padding == CNN_PADDING_SAME                 ? too_long / 2
                                                                  : too_long - too_long / 2;
    }
    pads[side] = before;
    pads[c->sides + side] = too_long + more[side] - before;
}

static void write_transpose(cnn__out *out, const cnn__node *node, const conv *c, const int32_t *output_padding,
                            bool no_bias, int32_t activation, float alpha)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const cnn__order order = filter_order(parameter_shape(out, node, 0));
    int64_t pads[6] = {0}, more[3] = {0};
    for (uint32_t side = 0; side < c->sides; side++) {
        find_cuts(c, output_padding, side, input->shape.dims[side], node->output.dims[side], pads, more);
    }
    const char *from = cnn__out_first(out, input), *filters = cnn__out_parameter(out, node, 0, &order, NULL);
    const char *bias = no_bias ? NULL : cnn__out_parameter(out, node, 1, NULL, NULL);
    const char *value = cnn__out_emit(out, "ConvTranspose", cnn__out_linear(activation),
                                      CNN__OUT_INPUTS(from, filters, bias));
    put_sides(out, "dilations", c->dilation, c->sides);
    cnn__out_whole(out, "group", c->groups);
    put_sides(out, "kernel_shape", c->kernel, c->sides);
    cnn__out_wholes(out, "output_padding", more, c->sides);
    cnn__out_wholes(out, "pads", pads, 2 * (size_t)c->sides);
    put_sides(out, "strides", c->stride, c->sides);
    cnn__out_set(out, node, cnn__out_activation(out, value, activation, alpha, 1), CNN__OUT_FIRST);
}

void cnn__out_transpose(cnn__out *out, const cnn__node *node)
{
    const cnn_conv2d_transpose_options *o = node->layer->user;
    const conv c = {2, o->kernel, o->stride, o->dilation, o->pads, o->padding, o->groups};
    write_transpose(out, node, &c, o->output_padding, o->no_bias != 0, o->activation, o->alpha);
}

void cnn__out_transpose3d(cnn__out *out, const cnn__node *node)
{
    const cnn_conv3d_transpose_options *o = node->layer->user;
    const conv c = {3, o->kernel, o->stride, o->dilation, o->pads, o->padding, o->groups};
    write_transpose(out, node, &c, o->output_padding, o->no_bias != 0, o->activation, o->alpha);
}

/* The weights are units, inputs, as PyTorch writes them; behind a flattened image the inputs are channels first. */
void cnn__out_dense(cnn__out *out, const cnn__node *node)
{
    const cnn_dense_options *o = node->layer->user;
    const cnn__out_value *input = cnn__out_input(out, node, 0);
    const cnn_shape *kernel = parameter_shape(out, node, 0);
    cnn__order order = {.from = *kernel, .axes = {1, 0}};
    if (input->form == CNN__OUT_FLAT) {
        order = cnn__out_channels_first(&input->image);
        for (uint32_t d = order.from.rank; d > 0; d--) {
            order.axes[d] = order.axes[d - 1];
        }
        order.axes[0] = order.from.rank;
        order.from.dims[order.from.rank++] = kernel->dims[1];
    }
    const cnn_shape shape = {.rank = 2, .dims = {kernel->dims[1], kernel->dims[0]}};
    const char *weights = cnn__out_parameter(out, node, 0, &order, &shape);
    const char *bias = o->no_bias ? NULL : cnn__out_parameter(out, node, 1, NULL, NULL);
    const char *value = cnn__out_emit(out, "Gemm", cnn__out_linear(o->activation),
                                      CNN__OUT_INPUTS(input->name, weights, bias));
    cnn__out_real(out, "alpha", 1);
    cnn__out_real(out, "beta", 1);
    cnn__out_whole(out, "transB", 1);
    cnn__out_set(out, node, cnn__out_activation(out, value, o->activation, o->alpha, 1), CNN__OUT_LAST);
}

/* ---- graph convolution ---- */

/* 1/d of the sums d of the rows, or undirected d^-1/2; 0 where d is not above 0. [N, V, 1]. */
static const char *emit_scale(cnn__out *out, const char *adjacency, bool directed)
{
    const int64_t last[] = {2};
    const char *axis = cnn__out_indices(out, "axis", last, 1), *one = cnn__out_number(out, "one", 1);
    const char *zero = cnn__out_number(out, "zero", 0);
    const char *sum = cnn__out_emit(out, "ReduceSum", "sum", CNN__OUT_INPUTS(adjacency, axis));
    cnn__out_whole(out, "keepdims", 1);
    const char *above = cnn__out_emit(out, "Greater", "above", CNN__OUT_INPUTS(sum, zero));
    const char *safe = cnn__out_emit(out, "Where", "safe", CNN__OUT_INPUTS(above, sum, one));
    const char *power = cnn__out_number(out, "power", directed ? -1 : -0.5f);
    const char *scale = cnn__out_emit(out, "Pow", "inverse", CNN__OUT_INPUTS(safe, power));
    return cnn__out_emit(out, "Where", "scale", CNN__OUT_INPUTS(above, scale, zero));
}

static const char *emit_adjacency(cnn__out *out, const char *adjacency, int64_t nodes, int32_t normalization)
{
    if (normalization == CNN_GRAPH_GIVEN) {
        return adjacency;
    }
    const cnn_shape square = {.rank = 2, .dims = {nodes, nodes}};
    if (normalization == CNN_GRAPH_UNDIRECTED) {
        float *one = cnn__out_keep(out, (size_t)(nodes * nodes), sizeof(*one));
        for (int64_t i = 0; i < nodes && one != NULL; i++) {
            one[i * nodes + i] = 1;
        }
        const char *own = one != NULL ? cnn__out_floats(out, "identity", one, &square) : "";
        adjacency = cnn__out_emit(out, "Add", "self", CNN__OUT_INPUTS(adjacency, own));
    }
    const bool directed = normalization == CNN_GRAPH_DIRECTED;
    const char *scale = emit_scale(out, adjacency, directed);
    const char *rows = cnn__out_emit(out, "Mul", "rows", CNN__OUT_INPUTS(adjacency, scale));
    if (directed) {
        return rows;
    }
    static const int64_t axes[] = {0, 2, 1};
    const char *across = cnn__out_emit(out, "Transpose", "across", CNN__OUT_INPUTS(scale));
    cnn__out_wholes(out, "perm", axes, 3);
    return cnn__out_emit(out, "Mul", "normalized", CNN__OUT_INPUTS(rows, across));
}

void cnn__out_graph_conv(cnn__out *out, const cnn__node *node)
{
    const cnn_graph_conv_options *o = node->layer->user;
    const char *features = cnn__out_last(out, cnn__out_input(out, node, 0));
    const char *adjacency = cnn__out_last(out, cnn__out_input(out, node, 1));
    const char *linear = cnn__out_linear(o->activation);
    const char *weights = cnn__out_parameter(out, node, 0, NULL, NULL);
    const char *edges = emit_adjacency(out, adjacency, node->output.dims[0], o->normalization);
    const char *product = cnn__out_emit(out, "MatMul", "product", CNN__OUT_INPUTS(features, weights));
    const char *value = cnn__out_emit(out, "MatMul", o->no_bias ? linear : "neighbours",
                                      CNN__OUT_INPUTS(edges, product));
    if (!o->no_bias) {
        value = cnn__out_emit(out, "Add", linear, CNN__OUT_INPUTS(value, cnn__out_parameter(out, node, 1, NULL, NULL)));
    }
    cnn__out_set(out, node, cnn__out_activation(out, value, o->activation, o->alpha, 2), CNN__OUT_LAST);
}
