/* SPDX-License-Identifier: MIT */
/* Activations, normalisations, and what else changes values one by one. Functions that the set of operators has no
 * operator for are made of others, as PyTorch's exporter makes them. */
#include <math.h>

#include "core/activation.h"
#include "onnx/out.h"

/* ---- activations ---- */

static const char *one_input(cnn__out *out, const char *op, const char *suffix, const char *x)
{
    return cnn__out_emit(out, op, suffix, CNN__OUT_INPUTS(x));
}

static const char *two_inputs(cnn__out *out, const char *op, const char *suffix, const char *a, const char *b)
{
    return cnn__out_emit(out, op, suffix, CNN__OUT_INPUTS(a, b));
}

/* x (1 + f) / 2 of GELU, where f is given. */
static const char *half(cnn__out *out, const char *x, const char *f)
{
    const char *sum = two_inputs(out, "Add", "sum", f, cnn__out_number(out, "one", 1));
    const char *product = two_inputs(out, "Mul", "product", x, sum);
    return two_inputs(out, "Mul", NULL, product, cnn__out_number(out, "half", 0.5f));
}

static const char *gelu(cnn__out *out, const char *x)
{
    const char *scaled = two_inputs(out, "Div", "scaled", x, cnn__out_number(out, "root", (float)sqrt(2)));
    return half(out, x, one_input(out, "Erf", "erf", scaled));
}

static const char *gelu_tanh(cnn__out *out, const char *x)
{
    const char *square = two_inputs(out, "Mul", "square", x, x);
    const char *cube = two_inputs(out, "Mul", "cube", square, x);
    const char *part = two_inputs(out, "Mul", "part", cube, cnn__out_number(out, "factor", CNN__GELU_TANH_CUBE));
    const char *inner = two_inputs(out, "Add", "inner", x, part);
    const char *scaled = two_inputs(out, "Mul", "scaled", inner, cnn__out_number(out, "root", CNN__GELU_TANH_FACTOR));
    return half(out, x, one_input(out, "Tanh", "tanh", scaled));
}

static const char *hard_sigmoid(cnn__out *out, const char *suffix, const char *x, float slope)
{
    const char *value = one_input(out, "HardSigmoid", suffix, x);
    cnn__out_real(out, "alpha", slope);
    cnn__out_real(out, "beta", 0.5f);
    return value;
}

static const char *over_axis(cnn__out *out, const char *op, const char *x, int64_t axis)
{
    const char *value = one_input(out, op, NULL, x);
    cnn__out_whole(out, "axis", axis);
    return value;
}

static const char *with_alpha(cnn__out *out, const char *op, const char *x, float alpha)
{
    const char *value = one_input(out, op, NULL, x);
    cnn__out_real(out, "alpha", alpha);
    return value;
}

static const char *selu(cnn__out *out, const char *x)
{
    const char *value = with_alpha(out, "Selu", x, CNN__SELU_ALPHA);
    cnn__out_real(out, "gamma", CNN__SELU_SCALE);
    return value;
}

static const char *clipped_relu(cnn__out *out, const char *x, float most)
{
    const char *low = cnn__out_number(out, "low", 0), *high = cnn__out_number(out, "high", most);
    return cnn__out_emit(out, "Clip", NULL, CNN__OUT_INPUTS(x, low, high));
}

const char *cnn__out_linear(int32_t activation) { return activation == CNN_LINEAR ? NULL : "linear"; }

const char *cnn__out_activation(cnn__out *out, const char *x, int32_t activation, float alpha, int64_t axis)
{
    switch (activation) {
    case CNN_LINEAR:
        return x;
    case CNN_RELU:
        return one_input(out, "Relu", NULL, x);
    case CNN_LEAKY_RELU:
        return with_alpha(out, "LeakyRelu", x, alpha);
    case CNN_SIGMOID:
        return one_input(out, "Sigmoid", NULL, x);
    case CNN_TANH:
        return one_input(out, "Tanh", NULL, x);
    case CNN_SOFTMAX:
        return over_axis(out, "Softmax", x, axis);
    case CNN_LOG_SOFTMAX:
        return over_axis(out, "LogSoftmax", x, axis);
    case CNN_RELU6:
        return clipped_relu(out, x, 6);
    case CNN_CLIPPED_RELU:
        return clipped_relu(out, x, alpha);
    case CNN_SILU:
        return two_inputs(out, "Mul", NULL, x, one_input(out, "Sigmoid", "sigmoid", x));
    case CNN_GELU:
        return gelu(out, x);
    case CNN_GELU_TANH:
        return gelu_tanh(out, x);
    case CNN_ELU:
        return with_alpha(out, "Elu", x, alpha);
    case CNN_SELU:
        return selu(out, x);
    case CNN_HARD_SIGMOID:
        return hard_sigmoid(out, NULL, x, alpha);
    case CNN_HARD_SWISH:
        return two_inputs(out, "Mul", NULL, x, hard_sigmoid(out, "gate", x, CNN__SIXTH));
    case CNN_SOFTPLUS:
        return one_input(out, "Softplus", NULL, x);
    default:
        cnn__out_fail(out, CNN_ERROR_UNSUPPORTED, "ONNX has no %s", cnn__activation_names[activation]);
        return x;
    }
}

void cnn__out_activate(cnn__out *out, const cnn__node *node)
{
    const cnn_activate_options *o = node->layer->user;
    const cnn__out_value *input = cnn__out_input(out, node, 0);
    if (o->activation == CNN_LINEAR) {
        cnn__out_set_same(out, node, 0);
        return;
    }
    const int64_t axis = input->form == CNN__OUT_LAST ? (int64_t)input->shape.rank : 1;
    cnn__out_set_like(out, node, cnn__out_activation(out, input->name, o->activation, o->alpha, axis), input);
}

void cnn__out_identity(cnn__out *out, const cnn__node *node) { cnn__out_set_same(out, node, 0); }

/* ---- normalisations ---- */

/* The axis of channels has to be 1; the values of a flattened image take their factors in its order. */
void cnn__out_batch_norm(cnn__out *out, const cnn__node *node)
{
    const cnn_batch_norm_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const bool flat = input->form == CNN__OUT_FLAT;
    const cnn__order order = cnn__out_channels_first(&input->image);
    const cnn_shape shape = {.rank = 1, .dims = {input->shape.dims[input->shape.rank - 1]}};
    const char *from = flat ? input->name : cnn__out_first(out, input), *parts[4];
    for (uint32_t i = 0; i < 4; i++) {
        parts[i] = cnn__out_parameter(out, node, i, flat ? &order : NULL, flat ? &shape : NULL);
    }
    const char *value = cnn__out_emit(out, "BatchNormalization", cnn__out_linear(o->activation),
                                      CNN__OUT_INPUTS(from, parts[0], parts[1], parts[2], parts[3]));
    cnn__out_real(out, "epsilon", cnn__option_number(o->epsilon));
    cnn__out_real(out, "momentum", cnn__option_number(o->keep));
    value = cnn__out_activation(out, value, o->activation, o->alpha, 1);
    if (flat) {
        cnn__out_set_like(out, node, value, input);
    } else {
        cnn__out_set(out, node, value, CNN__OUT_FIRST);
    }
}

static float lrn_alpha(const cnn_lrn_options *o)
{
    return o->convention == CNN_PYTORCH ? o->alpha : o->alpha * (float)o->size;
}

/* An even window reaches one channel further down here and one further up in ONNX, where runtimes refuse it besides:
 * the means of squares are a pooling, over channels as the rows of a picture, as PyTorch's exporter writes it. */
static const char *even_lrn(cnn__out *out, const cnn_lrn_options *o, const char *x, const cnn_shape *shape)
{
    const int64_t picture[] = {0, 1, shape->dims[1], -1}, kernel[] = {o->size, 1}, strides[] = {1, 1};
    const int64_t pads[] = {o->size / 2, 0, (o->size - 1) / 2, 0};
    const char *rows = cnn__out_indices(out, "rows", picture, 4);
    const char *value = two_inputs(out, "Mul", "squares", x, x);
    value = two_inputs(out, "Reshape", "picture", value, rows);
    value = one_input(out, "AveragePool", "means", value);
    cnn__out_whole(out, "count_include_pad", 1);
    cnn__out_wholes(out, "kernel_shape", kernel, 2);
    cnn__out_wholes(out, "pads", pads, 4);
    cnn__out_wholes(out, "strides", strides, 2);
    const char *whole = cnn__out_indices(out, "shape", shape->dims, shape->rank);
    value = two_inputs(out, "Reshape", "channels", value, whole);
    value = two_inputs(out, "Mul", "scaled", value, cnn__out_number(out, "alpha", lrn_alpha(o)));
    value = two_inputs(out, "Add", "moved", value, cnn__out_number(out, "bias", o->bias));
    value = two_inputs(out, "Pow", "divisor", value, cnn__out_number(out, "beta", o->beta));
    return two_inputs(out, "Div", NULL, x, value);
}

/* Runtimes want images: others become some and are themselves again. */
static const char *odd_lrn(cnn__out *out, const cnn_lrn_options *o, const char *x, const cnn_shape *shape)
{
    int64_t sizes[CNN_MAX_RANK] = {0, 0, 1, 1};
    const bool image = shape->rank == 4;
    for (uint32_t d = 0; d < shape->rank; d++) {
        const uint32_t to = d < 4 ? d : 3; /* what a volume has more is one side with the last */
        sizes[to] = d == to ? shape->dims[d] : sizes[to] * shape->dims[d];
    }
    x = image ? x : two_inputs(out, "Reshape", "image", x, cnn__out_indices(out, "image_shape", sizes, 4));
    const char *value = one_input(out, "LRN", image ? NULL : "normalized", x);
    cnn__out_real(out, "alpha", lrn_alpha(o));
    cnn__out_real(out, "beta", o->beta);
    cnn__out_real(out, "bias", o->bias);
    cnn__out_whole(out, "size", o->size);
    return image ? value
                 : two_inputs(out, "Reshape", NULL, value, cnn__out_indices(out, "shape", shape->dims, shape->rank));
}

void cnn__out_lrn(cnn__out *out, const cnn__node *node)
{
    const cnn_lrn_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *x = cnn__out_first(out, input);
    const cnn_shape shape = cnn__out_shape(&input->shape, CNN__OUT_FIRST, 0);
    cnn__out_set(out, node, (o->size % 2 == 0 ? even_lrn : odd_lrn)(out, o, x, &shape), CNN__OUT_FIRST);
}

/* ---- slopes and factors ---- */

void cnn__out_prelu(cnn__out *out, const cnn__node *node)
{
    const cnn_prelu_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const bool flat = input->form == CNN__OUT_FLAT && o->slopes != CNN_PRELU_ONE;
    const cnn__order order = cnn__out_channels_first(flat ? &input->image : &input->shape);
    cnn_shape shape = cnn__out_channel_shape(input, input->shape.dims[input->shape.rank - 1]);
    const char *slopes = NULL;
    if (flat) {
        slopes = cnn__out_parameter(out, node, 0, &order, &shape);
    } else if (o->slopes == CNN_PRELU_POSITION) {
        slopes = cnn__out_parameter(out, node, 0, input->form == CNN__OUT_FIRST ? &order : NULL, NULL);
    } else {
        shape.dims[0] = o->slopes == CNN_PRELU_ONE ? 1 : shape.dims[0];
        shape.rank = o->slopes == CNN_PRELU_ONE ? 1 : shape.rank;
        slopes = cnn__out_parameter(out, node, 0, NULL, &shape);
    }
    cnn__out_set_like(out, node, cnn__out_emit(out, "PRelu", NULL, CNN__OUT_INPUTS(input->name, slopes)), input);
}

static bool are_all(const float *values, int64_t count, float number)
{
    bool all = true;
    for (int64_t i = 0; i < count; i++) {
        all = all && values[i] == number;
    }
    return all;
}

void cnn__out_rescale(cnn__out *out, const cnn__node *node)
{
    const cnn_rescale_options *o = node->layer->user;
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const int64_t count = o->channels == 0 ? 1 : o->channels;
    const bool scaled = !are_all(o->scale, count, 1), moved = !are_all(o->offset, count, 0);
    const bool turned = input->form == CNN__OUT_FLAT && count > 1;
    const char *value = turned ? cnn__out_last(out, input) : input->name;
    const cnn_shape shape = o->channels == 0 ? (cnn_shape){0} : cnn__out_channel_shape(input, count);
    if (scaled) {
        const char *scale = cnn__out_floats(out, "scale", o->scale, &shape);
        value = two_inputs(out, "Mul", moved ? "scaled" : NULL, value, scale);
    }
    if (moved) {
        value = two_inputs(out, "Add", NULL, value, cnn__out_floats(out, "offset", o->offset, &shape));
    }
    if (!scaled && !moved) {
        cnn__out_set_same(out, node, 0);
    } else if (turned) {
        cnn__out_set(out, node, value, CNN__OUT_LAST);
    } else {
        cnn__out_set_like(out, node, value, input);
    }
}
