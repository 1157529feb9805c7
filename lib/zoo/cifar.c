/* SPDX-License-Identifier: MIT */
/* A small Keras network for CIFAR, with Keras's names: two convolutions with pooling and two dense layers. */
#include "zoo/builder.h"
#include "zoo/zoo.h"

static void add_block(cnn__zoo_builder *b, const char *conv, const char *pool, int32_t filters)
{
    cnn__zoo_conv(b, CNN_CONV2D(.name = conv, .filters = filters, .kernel = {3}, .padding = CNN_PADDING_VALID,
                                .activation = CNN_RELU));
    cnn__zoo_max_pool(b, pool, 2, 2, 0);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_keras(context, model);
    b.bias = true;
    add_block(&b, "conv2d", "max_pooling2d", 16);
    add_block(&b, "conv2d_1", "max_pooling2d_1", 32);
    cnn__zoo_flatten(&b, "flatten");
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "dense", .units = 256, .activation = CNN_RELU));
    cnn__zoo_dense(&b, CNN_DENSE(.name = "dense_1", .units = request->classes, .activation = CNN_SOFTMAX));
}

const cnn__zoo_kind cnn__zoo_cifar_cnn = {
    .name = "cifar-cnn",
    .description = "small Keras CNN for CIFAR: 2 convolutions, 2 dense layers, 32x32x3, 100 classes",
    .input = {32, 32, 3},
    .input_name = "input_1",
    .least = 10,
    .classes = 100,
    .add_layers = add_layers,
};
