/* SPDX-License-Identifier: MIT */
/* Which function writes which kind of layer: a new layer is a line here. */
#include "onnx/out.h"

const cnn__out_layer cnn__out_layers[] = {
    {&cnn__activate_type, cnn__out_activate, false},
    {&cnn__adaptive_average_pool2d_type, cnn__out_adaptive_average, false},
    {&cnn__adaptive_max_pool2d_type, cnn__out_adaptive_max, false},
    {&cnn__add_type, cnn__out_add, false},
    {&cnn__arithmetic_type, cnn__out_arithmetic, false},
    {&cnn__average_pool1d_type, cnn__out_average_pool, false},
    {&cnn__average_pool2d_type, cnn__out_average_pool, false},
    {&cnn__average_pool3d_type, cnn__out_average_pool, false},
    {&cnn__batch_norm_type, cnn__out_batch_norm, false},
    {&cnn__channel_shuffle_type, cnn__out_shuffle, false},
    {&cnn__concatenate_type, cnn__out_concatenate, false},
    {&cnn__conv1d_type, cnn__out_conv1d, false},
    {&cnn__conv2d_type, cnn__out_conv2d, false},
    {&cnn__conv2d_transpose_type, cnn__out_transpose, false},
    {&cnn__conv3d_type, cnn__out_conv3d, false},
    {&cnn__conv3d_transpose_type, cnn__out_transpose3d, false},
    {&cnn__cropping2d_type, cnn__out_crop, false},
    {&cnn__dense_type, cnn__out_dense, false},
    {&cnn__depth_to_space_type, cnn__out_depth_to_space, false},
    {&cnn__depthwise_conv2d_type, cnn__out_depthwise, false},
    {&cnn__dropout_type, cnn__out_identity, false},
    {&cnn__elementwise_type, cnn__out_elementwise, false},
    {&cnn__flatten_type, cnn__out_flatten, false},
    {&cnn__global_average_pool1d_type, cnn__out_global_average, false},
    {&cnn__global_average_pool2d_type, cnn__out_global_average, false},
    {&cnn__global_average_pool3d_type, cnn__out_global_average, false},
    {&cnn__global_max_pool1d_type, cnn__out_global_max, false},
    {&cnn__global_max_pool2d_type, cnn__out_global_max, false},
    {&cnn__global_max_pool3d_type, cnn__out_global_max, false},
    {&cnn__graph_conv_type, cnn__out_graph_conv, true},
    {&cnn__instance_norm_type, cnn__out_instance_norm, false},
    {&cnn__lrn_type, cnn__out_lrn, false},
    {&cnn__matmul_type, cnn__out_matmul, false},
    {&cnn__max_pool1d_type, cnn__out_max_pool, false},
    {&cnn__max_pool2d_type, cnn__out_max_pool, false},
    {&cnn__max_pool3d_type, cnn__out_max_pool, false},
    {&cnn__multiply_type, cnn__out_multiply, false},
    {&cnn__pad_type, cnn__out_pad, false},
    {&cnn__permute_type, cnn__out_permute, false},
    {&cnn__prelu_type, cnn__out_prelu, false},
    {&cnn__reduce_type, cnn__out_reduce, false},
    {&cnn__rescale_type, cnn__out_rescale, false},
    {&cnn__reshape_type, cnn__out_reshape, true},
    {&cnn__resize_type, cnn__out_resize, false},
    {&cnn__separable_conv2d_type, cnn__out_separable, false},
    {&cnn__slice_type, cnn__out_slice, false},
    {&cnn__space_to_depth_type, cnn__out_space_to_depth, false},
    {&cnn__subtract_type, cnn__out_subtract, false},
    {&cnn__up_sampling2d_type, cnn__out_up_sampling, false},
    {&cnn__zero_pad1d_type, cnn__out_zero_pad, false},
    {&cnn__zero_pad2d_type, cnn__out_zero_pad, false},
    {&cnn__zero_pad3d_type, cnn__out_zero_pad, false},
};

const cnn__out_layer *cnn__out_layer_find(const cnn__layer_type *type)
{
    for (size_t i = 0; i < sizeof(cnn__out_layers) / sizeof(cnn__out_layers[0]); i++) {
        if (cnn__out_layers[i].type == type) {
            return &cnn__out_layers[i];
        }
    }
    return NULL;
}
