/* SPDX-License-Identifier: MIT */
/* The table of built-in layers: a new one is one file, one line here and one in meson.build. */
#include <string.h>

#include "layer/layer.h"

const cnn__layer_type *const cnn__layer_types[] = {
    &cnn__activate_type,
    &cnn__adaptive_average_pool2d_type,
    &cnn__adaptive_max_pool2d_type,
    &cnn__add_type,
    &cnn__arithmetic_type,
    &cnn__average_pool1d_type,
    &cnn__average_pool2d_type,
    &cnn__average_pool3d_type,
    &cnn__batch_norm_type,
    &cnn__channel_shuffle_type,
    &cnn__concatenate_type,
    &cnn__conv1d_type,
    &cnn__conv2d_type,
    &cnn__conv2d_transpose_type,
    &cnn__conv3d_type,
    &cnn__conv3d_transpose_type,
    &cnn__cropping2d_type,
    &cnn__dense_type,
    &cnn__depth_to_space_type,
    &cnn__depthwise_conv2d_type,
    &cnn__dropout_type,
    &cnn__elementwise_type,
    &cnn__flatten_type,
    &cnn__global_average_pool1d_type,
    &cnn__global_average_pool2d_type,
    &cnn__global_average_pool3d_type,
    &cnn__global_max_pool1d_type,
    &cnn__global_max_pool2d_type,
    &cnn__global_max_pool3d_type,
    &cnn__graph_conv_type,
    &cnn__instance_norm_type,
    &cnn__lrn_type,
    &cnn__matmul_type,
    &cnn__max_pool1d_type,
    &cnn__max_pool2d_type,
    &cnn__max_pool3d_type,
    &cnn__multiply_type,
    &cnn__pad_type,
    &cnn__permute_type,
    &cnn__prelu_type,
    &cnn__reduce_type,
    &cnn__rescale_type,
    &cnn__reshape_type,
    &cnn__resize_type,
    &cnn__separable_conv2d_type,
    &cnn__slice_type,
    &cnn__space_to_depth_type,
    &cnn__subtract_type,
    &cnn__up_sampling2d_type,
    &cnn__zero_pad1d_type,
    &cnn__zero_pad2d_type,
    &cnn__zero_pad3d_type,
    NULL,
};

const cnn__layer_type *cnn__layer_type_find(const char *name)
{
    for (size_t i = 0; cnn__layer_types[i] != NULL; i++) {
        if (strcmp(cnn__layer_types[i]->kind.type, name) == 0) {
            return cnn__layer_types[i];
        }
    }
    return NULL;
}
