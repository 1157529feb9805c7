/* SPDX-License-Identifier: MIT */
/* Poolings over windows and over all of an image. */
#include <string.h>

#include "onnx/in.h"

static cnn_layer *make_pool(cnn_context *context, const char *name, const cnn__onnx_windows *w, bool average,
                            bool include)
{
    const int32_t padding = w->side[0].padding, ceil = w->side[0].ceil;
    if (w->sides == 1) {
        cnn_pool1d_options o = {.struct_size = sizeof(o), .name = name, .padding = padding, .ceil = ceil};
        o.count_include_pad = include;
        cnn__onnx_window_options(w, &o.size, &o.stride, &o.dilation, o.pads);
        return average ? cnn_average_pool1d(context, &o) : cnn_max_pool1d(context, &o);
    }
    if (w->sides == 2) {
        cnn_pool2d_options o = {.struct_size = sizeof(o), .name = name, .padding = padding, .ceil = ceil};
        o.count_include_pad = include;
        cnn__onnx_window_options(w, o.size, o.stride, o.dilation, o.pads);
        return average ? cnn_average_pool2d(context, &o) : cnn_max_pool2d(context, &o);
    }
    cnn_pool3d_options o = {.struct_size = sizeof(o), .name = name, .padding = padding, .ceil = ceil};
    o.count_include_pad = include;
    cnn__onnx_window_options(w, o.size, o.stride, o.dilation, o.pads);
    return average ? cnn_average_pool3d(context, &o) : cnn_max_pool3d(context, &o);
}

static cnn_status image_input(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire **wire)
{
    CNN__RETURN_IF_ERROR(cnn__onnx_value_input(import, node, 0, wire));
    if ((*wire)->axes.rank < 3 || (*wire)->axes.rank > 5) {
        return cnn__onnx_fail(import, node, CNN_ERROR_UNSUPPORTED, "its input has %u axes", (*wire)->axes.rank);
    }
    return cnn__onnx_require_image(import, node, *wire);
}

cnn_status cnn__onnx_in_pool(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const bool average = strcmp(node->type, "AveragePool") == 0;
    cnn__onnx_wire *wire = NULL;
    cnn__onnx_windows windows;
    cnn__onnx_axes axes;
    cnn_shape actual;
    CNN__RETURN_IF_ERROR(cnn__onnx_only_outputs(import, node, 1));
    CNN__RETURN_IF_ERROR(image_input(import, node, &wire));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_windows(import, node, wire->axes.rank - 2, NULL, &windows));
    CNN__RETURN_IF_ERROR(cnn__onnx_window_outputs(import, node, &windows, wire, wire->axes.dims[1], &axes, &actual));
    const bool include = cnn__onnx_attribute_int(node, "count_include_pad", 0) != 0;
    CNN__ONNX_NAME(name, import, node, NULL);
    CNN__RETURN_IF_ERROR(
        cnn__onnx_add(import, node, make_pool(import->context, name, &windows, average, include), &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}

cnn_status cnn__onnx_in_global_pool(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    typedef cnn_layer *(*constructor)(cnn_context *, const cnn_named_options *);
    static const constructor pools[2][3] = {
        {cnn_global_max_pool1d, cnn_global_max_pool2d, cnn_global_max_pool3d},
        {cnn_global_average_pool1d, cnn_global_average_pool2d, cnn_global_average_pool3d}};
    cnn__onnx_wire *wire = NULL;
    CNN__RETURN_IF_ERROR(image_input(import, node, &wire));
    const uint32_t rank = wire->axes.rank;
    int64_t dims[CNN_MAX_RANK] = {wire->axes.dims[0], wire->axes.dims[1], 1, 1, 1};
    const cnn__onnx_axes axes = cnn__onnx_channels_last(rank, dims);
    const cnn_shape actual = {2, 0, {dims[0], dims[1]}};
    CNN__ONNX_NAME(name, import, node, NULL);
    const constructor make = pools[strcmp(node->type, "GlobalAveragePool") == 0][rank - 3];
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, node, make(import->context, CNN_NAMED(.name = name)), &wire->value, 1));
    return cnn__onnx_set(import, node, 0, name, &axes, &actual);
}
