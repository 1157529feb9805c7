/* SPDX-License-Identifier: MIT */
/* Options of layers, and a layer of the caller's. */
#include "api/structs.h"

#define LAYER(function)                                                                              \
    static cnn_status call_##function(const void *given)                                             \
    {                                                                                                \
        cnn_layer *layer = cnn_##function(structs_context, given);                                   \
        cnn_model *made = NULL;                                                                      \
        cnn_status status = cnn_model_create(structs_context, CNN_MODEL(.input = {8, 8, 4}), &made); \
        status = status == CNN_OK ? cnn_model_add(made, layer) : status;                             \
        cnn_model_free(made);                                                                        \
        return status;                                                                               \
    }

LAYER(conv2d)
LAYER(conv1d)
LAYER(conv3d)
LAYER(depthwise_conv2d)
LAYER(separable_conv2d)
LAYER(conv2d_transpose)
LAYER(dense)
LAYER(max_pool2d)
LAYER(average_pool1d)
LAYER(max_pool3d)
LAYER(flatten)
LAYER(adaptive_max_pool2d)
LAYER(reshape)
LAYER(permute)
LAYER(channel_shuffle)
LAYER(up_sampling2d)
LAYER(prelu)
LAYER(rescale)
LAYER(cropping2d)
LAYER(dropout)
LAYER(batch_norm)
LAYER(activate)
LAYER(zero_pad1d)
LAYER(zero_pad2d)
LAYER(zero_pad3d)
LAYER(local_response_norm)
LAYER(graph_conv)
LAYER(arithmetic)
LAYER(conv3d_transpose)
LAYER(matmul)
LAYER(depth_to_space)
LAYER(elementwise)
LAYER(instance_norm)
LAYER(pad)
LAYER(reduce)
LAYER(resize)
LAYER(slice)
LAYER(space_to_depth)

static cnn_status call_custom_layer(const void *given)
{
    cnn_layer *layer = cnn_custom_layer(structs_context, given, NULL, "own");
    cnn_model *made = NULL;
    cnn_status status = cnn_model_create(structs_context, CNN_MODEL(.input = {8, 8, 4}), &made);
    status = status == CNN_OK ? cnn_model_add(made, layer) : status;
    cnn_model_free(made);
    return status;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    (void)input_count;
    (void)reason;
    (void)reason_size;
    spec->output = inputs[0];
    return CNN_OK;
}

static cnn_status pass(const void *user, const cnn_layer_call *call)
{
    (void)user;
    (void)call;
    return CNN_OK;
}

START_TEST(layers)
{
    const row rows[] = {
        ROW(conv2d, cnn_conv2d_options, filters, .filters = 2),
        ROW(conv1d, cnn_conv1d_options, filters, .filters = 2),
        ROW(conv3d, cnn_conv3d_options, filters, .filters = 2),
        ROW(depthwise_conv2d, cnn_depthwise_conv2d_options, name, .name = "d"),
        ROW(separable_conv2d, cnn_separable_conv2d_options, filters, .filters = 2),
        ROW(conv2d_transpose, cnn_conv2d_transpose_options, filters, .filters = 2),
        ROW(dense, cnn_dense_options, units, .units = 2),
        ROW(max_pool2d, cnn_pool2d_options, size, .size = {2, 2}),
        ROW(average_pool1d, cnn_pool1d_options, name, .name = "p"),
        ROW(max_pool3d, cnn_pool3d_options, name, .name = "p"),
        ROW(flatten, cnn_named_options, name, .name = "f"),
        ROW(adaptive_max_pool2d, cnn_adaptive_pool2d_options, size, .size = {2, 2}),
        ROW(reshape, cnn_reshape_options, shape, .shape = {256}),
        ROW(permute, cnn_permute_options, order, .order = {2, 1, 3}),
        ROW(channel_shuffle, cnn_channel_shuffle_options, groups, .groups = 2),
        ROW(up_sampling2d, cnn_up_sampling2d_options, name, .name = "u"),
        ROW(prelu, cnn_prelu_options, name, .name = "p"),
        ROW(rescale, cnn_rescale_options, scale, .scale = {0.5f}),
        ROW(cropping2d, cnn_cropping2d_options, name, .name = "c"),
        ROW(dropout, cnn_dropout_options, rate, .rate = 0.5f),
        ROW(batch_norm, cnn_batch_norm_options, convention, .convention = CNN_PYTORCH),
        ROW(activate, cnn_activate_options, activation, .activation = CNN_TANH),
        ROW(zero_pad1d, cnn_zero_pad1d_options, pads, .pads = {1, 1}),
        ROW(zero_pad2d, cnn_zero_pad2d_options, pads, .pads = {1, 1, 1, 1}),
        ROW(zero_pad3d, cnn_zero_pad3d_options, pads, .pads = {1, 1, 1, 1, 1, 1}),
        ROW(local_response_norm, cnn_lrn_options, name, .name = "l"),
        ROW(graph_conv, cnn_graph_conv_options, units, .units = 2),
        ROW(arithmetic, cnn_arithmetic_options, function, .function = CNN_MAP_ADD),
        ROW(conv3d_transpose, cnn_conv3d_transpose_options, filters, .filters = 2),
        ROW(matmul, cnn_matmul_options, name, .name = "m"),
        ROW(depth_to_space, cnn_depth_space_options, block, .block = 2),
        ROW(space_to_depth, cnn_depth_space_options, block, .block = 2),
        ROW(elementwise, cnn_elementwise_options, function, .function = CNN_MAP_ABS),
        ROW(instance_norm, cnn_instance_norm_options, name, .name = "i"),
        ROW(pad, cnn_pad_options, pads, .pads = {1, 1}),
        ROW(reduce, cnn_reduce_options, name, .name = "r"),
        ROW(resize, cnn_resize_options, size, .size = {4, 4, 4}),
        ROW(slice, cnn_slice_options, start, .start = {1}),
        ROW(custom_layer, cnn_layer_kind, backward, .type = "Own", .prefix = "own", .infer = infer, .forward = pass,
            .backward = pass),
    };
    TRY(rows);
}
END_TEST

void structs_add_layers(TCase *tests) { tcase_add_test(tests, layers); }
