/* SPDX-License-Identifier: MIT */
/* Convolutions of sequences, images and volumes, and transposed ones. */
#include <string.h>

#include "onnx/in.h"

cnn_status cnn__onnx_small(cnn__onnx_import *import, const cnn__onnx_node *node, int64_t number, const char *what,
                           int32_t *small)
{
    if (number < -(1 << 24) || number > 1 << 24) {
        return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "%s is %lld", what, (long long)number);
    }
    *small = (int32_t)number;
    return CNN_OK;
}

cnn_status cnn__onnx_check_count(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_constant *c,
                                 size_t count, const char *what)
{
    return c->count == count && c->floats != NULL
               ? CNN_OK
               : cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its %s has %zu values%s, not %zu", what, c->count,
                                c->floats != NULL ? "" : " that are no floats", count);
}

/* ---- windows ---- */

/* Numbers of an attribute for each side, or `missing`. */
static cnn_status read_sides(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name, uint32_t count,
                             int64_t low, int32_t missing, int32_t *sides)
{
    size_t given = 0;
    const int64_t *numbers = cnn__onnx_attribute_ints(node, name, &given);
    if (numbers != NULL && given != count) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "%s has %zu numbers, not %u", name, given, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        sides[i] = missing;
        if (numbers != NULL) {
            CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, numbers[i], name, &sides[i]));
        }
        if (sides[i] < low) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "%s has a %d", name, sides[i]);
        }
    }
    return CNN_OK;
}

cnn_status cnn__onnx_read_windows(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t sides,
                                  const int64_t *kernel, cnn__onnx_windows *w)
{
    const char *automatic = cnn__onnx_attribute_text(node, "auto_pad", "NOTSET");
    int32_t size[3], stride[3], dilation[3], pads[6];
    *w = (cnn__onnx_windows){.sides = sides};
    CNN__RETURN_IF_ERROR(read_sides(import, node, "kernel_shape", sides, 0, 0, size));
    CNN__RETURN_IF_ERROR(read_sides(import, node, "strides", sides, 1, 1, stride));
    CNN__RETURN_IF_ERROR(read_sides(import, node, "dilations", sides, 1, 1, dilation));
    CNN__RETURN_IF_ERROR(read_sides(import, node, "pads", 2 * sides, 0, 0, pads));
    const int32_t padding = strcmp(automatic, "SAME_UPPER") == 0   ? CNN_PADDING_SAME
                            : strcmp(automatic, "SAME_LOWER") == 0 ? CNN_PADDING_SAME_LOWER
                            : strcmp(automatic, "VALID") == 0      ? CNN_PADDING_VALID
                                                                   : CNN_PADDING_EXPLICIT;
    for (uint32_t i = 0; i < sides; i++) {
        if (kernel != NULL && ((size[i] != 0 && size[i] != kernel[i]) || kernel[i] < 1 || kernel[i] > 1 << 24)) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its kernel has %lld cells along side %u",
                                  (long long)kernel[i], i);
        }
        w->side[i] = (cnn__window){.kernel = kernel != NULL ? (int32_t)kernel[i] : size[i],
                                   .stride = stride[i],
                                   .dilation = dilation[i],
                                   .padding = padding,
                                   .pad_before = pads[i],
                                   .pad_after = pads[sides + i],
                                   .ceil = cnn__onnx_attribute_int(node, "ceil_mode", 0) != 0};
        if (w->side[i].kernel < 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "it has no kernel_shape");
        }
    }
    return CNN_OK;
}

cnn_status cnn__onnx_window_outputs(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_windows *w,
                                    const cnn__onnx_wire *wire, int64_t channels, cnn__onnx_axes *axes,
                                    cnn_shape *actual)
{
    int64_t dims[CNN_MAX_RANK] = {wire->axes.dims[0], channels};
    for (uint32_t i = 0; i < w->sides; i++) {
        if (wire->axes.dims[i + 2] > INT32_MAX) {
            return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "a side of its input is too large");
        }
        dims[i + 2] = cnn__window_output(&w->side[i], wire->axes.dims[i + 2]);
        if (dims[i + 2] < 1) {
            return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "a window of %d does not fit into side %u of %lld",
                                  w->side[i].kernel, i, (long long)wire->axes.dims[i + 2]);
        }
    }
    *axes = cnn__onnx_channels_last(w->sides + 2, dims);
    *actual = (cnn_shape){.rank = axes->rank};
    for (uint32_t i = 0; i < axes->rank; i++) {
        actual->dims[i] = axes->dims[axes->order[i]];
    }
    return CNN_OK;
}

void cnn__onnx_window_options(const cnn__onnx_windows *w, int32_t *kernel, int32_t *stride, int32_t *dilation,
                              int32_t *pads)
{
    for (uint32_t i = 0; i < w->sides; i++) {
        kernel[i] = w->side[i].kernel;
        stride[i] = w->side[i].stride;
        dilation[i] = w->side[i].dilation;
        if (w->side[i].padding == CNN_PADDING_EXPLICIT) {
            pads[2 * i] = w->side[i].pad_before;
            pads[2 * i + 1] = w->side[i].pad_after;
        }
    }
}

/* ---- convolutions ---- */

/* Input and weights of both kinds: an image of 1 to 3 sides, with channels, and a kernel of as many. */
static cnn_status read_inputs(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire **wire,
                              const cnn__onnx_constant **weights, const cnn__onnx_constant **bias, int32_t *groups)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_constant_input(import, node, 1, weights));
    CNN__RETURN_IF_ERROR(cnn__onnx_optional_constant(import, node, 2, bias));
    CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, cnn__onnx_attribute_int(node, "group", 1), "group", groups));
    const uint32_t rank = (*weights)->rank;
    if (rank < 3 || rank > 5 || (*wire)->axes.rank != rank || (*weights)->floats == NULL || (*weights)->count == 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its input has %u axes and its weights have %u",
                              (*wire)->axes.rank, rank);
    }
    if (*groups < 1) {
        return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its group is %d", *groups);
    }
    return CNN_OK;
}

/* Kernel and bias of a layer: axes of the kernel that come first in ONNX go behind the others, in the order given. */
static cnn_status fill_kernel(cnn__onnx_import *import, const cnn__onnx_node *node, const char *name,
                              const cnn__onnx_constant *weights, uint32_t last, uint32_t next_to_last,
                              const cnn__onnx_constant *bias, size_t outputs)
{
    cnn__onnx_filling *kernel = cnn__onnx_fill(import, name, "kernel", weights, 0);
    if (kernel == NULL) {
        return cnn__last_status(import->context);
    }
    for (uint32_t i = 0; i + 2 < weights->rank; i++) {
        kernel->axes[i] = i + 2;
    }
    kernel->axes[weights->rank - 2] = next_to_last;
    kernel->axes[weights->rank - 1] = last;
    if (bias != NULL) {
        CNN__RETURN_IF_ERROR(cnn__onnx_check_count(import, node, bias, outputs, "bias"));
        return cnn__onnx_fill(import, name, "bias", bias, 0) != NULL ? CNN_OK : cnn__last_status(import->context);
    }
    return CNN_OK;
}

/* The layer, by the number of sides. */
static cnn_layer *make_conv(cnn_context *context, const char *name, const cnn__onnx_windows *w, int32_t filters,
                            int32_t groups, bool no_bias)
{
    const int32_t padding = w->side[0].padding;
    if (w->sides == 1) {
        cnn_conv1d_options o = {.struct_size = sizeof(o),
                                .name = name,
                                .filters = filters,
                                .groups = groups,
                                .padding = padding,
                                .no_bias = no_bias};
        cnn__onnx_window_options(w, &o.kernel, &o.stride, &o.dilation, o.pads);
        return cnn_conv1d(context, &o);
    }
    if (w->sides == 2) {
        cnn_conv2d_options o = {.struct_size = sizeof(o),
                                .name = name,
                                .filters = filters,
                                .groups = groups,
                                .padding = padding,
                                .no_bias = no_bias};
        cnn__onnx_window_options(w, o.kernel, o.stride, o.dilation, o.pads);
        return cnn_conv2d(context, &o);
    }
    cnn_conv3d_options o = {.struct_size = sizeof(o),
                            .name = name,
                            .filters = filters,
                            .groups = groups,
                            .padding = padding,
                            .no_bias = no_bias};
    cnn__onnx_window_options(w, o.kernel, o.stride, o.dilation, o.pads);
    return cnn_conv3d(context, &o);
}

cnn_status cnn__onnx_in_conv(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *weights = NULL, *bias = NULL;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_windows windows;
    cnn__onnx_axes axes;
    cnn_shape actual;
    int32_t groups = 1, filters = 0;
    CNN__RETURN_IF_ERROR(read_inputs(import, node, &wire, &weights, &bias, &groups));
    if (weights->dims[1] * groups != wire->axes.dims[1] || weights->dims[0] % groups != 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE,
                              "weights for %lld channels in %d groups, its input has %lld", (long long)weights->dims[1],
                              groups, (long long)wire->axes.dims[1]);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, weights->dims[0], "number of filters", &filters));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_windows(import, node, weights->rank - 2, weights->dims + 2, &windows));
    CNN__RETURN_IF_ERROR(cnn__onnx_require_image(import, node, wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_window_outputs(import, node, &windows, wire, filters, &axes, &actual));
    CNN__ONNX_NAME(name, import, node, weights);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, make_conv(import->context, name, &windows, filters, groups, bias == NULL), &wire->value, 1));
    CNN__RETURN_IF_ERROR(fill_kernel(import, node, name, weights, 0, 1, bias, (size_t)filters));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}

/* ---- transposed convolutions ---- */

/* What is cut off and added so that a side has the size that is asked for, or that "same" says. */
static cnn_status fit_side(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__window *side, int64_t input,
                           int64_t asked, int32_t *more, int64_t *output)
{
    const int64_t extent = (int64_t)(side->kernel - 1) * side->dilation + 1;
    const int64_t whole = (input - 1) * side->stride + extent;
    const bool lower = side->padding != CNN_PADDING_SAME;
    asked = asked == 0 && (side->padding == CNN_PADDING_SAME || side->padding == CNN_PADDING_SAME_LOWER)
                ? input * side->stride
                : asked;
    if (asked > 0) {
        int64_t total = whole + *more - asked;
        if (total < 0) {
            *more -= (int32_t)(total > -(1 << 24) ? total : -(1 << 24));
            total = 0;
        }
        side->pad_before = (int32_t)(lower ? total - total / 2 : total / 2);
        side->pad_after = (int32_t)(total - side->pad_before);
    }
    *output = whole - side->pad_before - side->pad_after + *more;
    side->padding = CNN_PADDING_EXPLICIT;
    return *output >= 1 ? CNN_OK : cnn__onnx_fail(import, node, CNN_ERROR_SHAPE, "its output is empty");
}

static cnn_status fit_sides(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_windows *w,
                            const cnn__onnx_wire *wire, int64_t *dims, int32_t *more)
{
    size_t count = 0;
    const int64_t *asked = cnn__onnx_attribute_ints(node, "output_shape", &count);
    const size_t skip = count == w->sides + 2 ? 2 : 0; /* of the whole output */
    CNN__RETURN_IF_ERROR(read_sides(import, node, "output_padding", w->sides, 0, 0, more));
    for (uint32_t i = 0; i < w->sides; i++) {
        const int64_t wanted = asked != NULL && i + skip < count ? asked[i + skip] : 0;
        if (wanted < 0 || wanted > INT32_MAX || wire->axes.dims[i + 2] > 1 << 24) {
            return cnn__onnx_fail(import, node, CNN_ERROR_LIMIT, "a side of %lld", (long long)wanted);
        }
        CNN__RETURN_IF_ERROR(
            fit_side(import, node, &w->side[i], wire->axes.dims[i + 2], wanted, &more[i], &dims[i + 2]));
    }
    return CNN_OK;
}

/* The layer, by the number of sides: a sequence is an image of one row. */
static cnn_layer *make_transpose(cnn_context *context, const char *name, const cnn__onnx_windows *w,
                                 const int32_t *more, int32_t filters, int32_t groups, bool no_bias)
{
    if (w->sides == 3) {
        cnn_conv3d_transpose_options o = {.struct_size = sizeof(o),
                                          .name = name,
                                          .filters = filters,
                                          .groups = groups,
                                          .padding = CNN_PADDING_EXPLICIT,
                                          .no_bias = no_bias};
        cnn__onnx_window_options(w, o.kernel, o.stride, o.dilation, o.pads);
        memcpy(o.output_padding, more, sizeof(o.output_padding));
        return cnn_conv3d_transpose(context, &o);
    }
    cnn_conv2d_transpose_options o = {.struct_size = sizeof(o),
                                      .name = name,
                                      .kernel = {1, 1},
                                      .stride = {1, 1},
                                      .dilation = {1, 1},
                                      .filters = filters,
                                      .groups = groups,
                                      .padding = CNN_PADDING_EXPLICIT,
                                      .no_bias = no_bias};
    const uint32_t first = 2 - w->sides;
    cnn__onnx_window_options(w, o.kernel + first, o.stride + first, o.dilation + first, o.pads + 2 * (size_t)first);
    memcpy(o.output_padding + first, more, w->sides * sizeof(*more));
    return cnn_conv2d_transpose(context, &o);
}

cnn_status cnn__onnx_in_conv_transpose(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_constant *weights = NULL, *bias = NULL;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_windows windows;
    int64_t dims[CNN_MAX_RANK] = {0};
    int32_t more[3] = {0}, groups = 1, filters = 0;
    CNN__RETURN_IF_ERROR(read_inputs(import, node, &wire, &weights, &bias, &groups));
    if (weights->dims[0] != wire->axes.dims[1] || weights->dims[0] % groups != 0) {
        return cnn__onnx_fail(import, node, CNN_ERROR_SHAPE,
                              "weights of %lld channels in %d groups, its input has %lld", (long long)weights->dims[0],
                              groups, (long long)wire->axes.dims[1]);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_small(import, node, weights->dims[1] * groups, "number of filters", &filters));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_windows(import, node, weights->rank - 2, weights->dims + 2, &windows));
    CNN__RETURN_IF_ERROR(cnn__onnx_require_image(import, node, wire));
    CNN__RETURN_IF_ERROR(fit_sides(import, node, &windows, wire, dims, more));
    dims[0] = wire->axes.dims[0];
    dims[1] = filters;
    const cnn__onnx_axes axes = cnn__onnx_channels_last(weights->rank, dims);
    cnn_shape actual = {.rank = axes.rank};
    for (uint32_t i = 0; i < axes.rank; i++) {
        actual.dims[i] = axes.dims[axes.order[i]];
    }
    if (weights->rank == 3) {
        const cnn_shape row = cnn__one_row(&wire->actual);
        CNN__RETURN_IF_ERROR(cnn__onnx_require(import, node, wire, NULL, &row));
        actual = cnn__one_row(&actual);
    }
    CNN__ONNX_NAME(name, import, node, weights);
    CNN__RETURN_IF_ERROR(cnn__onnx_add(
        import, node, make_transpose(import->context, name, &windows, more, filters, groups, bias == NULL),
        &wire->value, 1));
    CNN__RETURN_IF_ERROR(fill_kernel(import, node, name, weights, 0, 1, bias, (size_t)filters));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}
