/* SPDX-License-Identifier: MIT */
/* Two networks for Fashion-MNIST with PyTorch's conventions: a convolutional one with batch normalisation, and a
 * dense one. Their dropout, of whole channels on N, C inputs, is one decision for each value. */
#include <cnn/layer.h>

#include "zoo/zoo.h"

#define PYTORCH .kernel_init = {CNN_INIT_PYTORCH, 0}, .bias_init = {CNN_INIT_PYTORCH, 0}

static void add_block(cnn_context *context, cnn_model *model, const cnn_conv2d_options *convolution)
{
    cnn_model_add(model, cnn_conv2d(context, convolution));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH)));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
}

static void add_dropout(cnn_context *context, cnn_model *model, float rate)
{
    if (rate > 0) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = rate, .channels = 1)));
    }
}

static void add_cnn_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    add_block(context, model, CNN_CONV2D(.filters = 32, .pads = {1, 1, 1, 1}, PYTORCH));
    add_block(context, model, CNN_CONV2D(.filters = 64, PYTORCH));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 600, PYTORCH)));
    add_dropout(context, model, request->dropout);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 120, PYTORCH)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = request->classes, .activation = CNN_SOFTMAX, PYTORCH)));
}

static void add_dnn_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 256, .activation = CNN_RELU, PYTORCH)));
    add_dropout(context, model, request->dropout);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 128, .activation = CNN_RELU, PYTORCH)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = request->classes, .activation = CNN_SOFTMAX, PYTORCH)));
}

const cnn__zoo_kind cnn__zoo_fashion_cnn = {
    .name = "fashion-cnn",
    .description = "2 convolutions with batch normalisation, 3 dense layers, 28x28x1, 10 classes",
    .input = {28, 28, 1},
    .classes = 10,
    .dropout = 0.25f,
    .add_layers = add_cnn_layers,
};

const cnn__zoo_kind cnn__zoo_fashion_dnn = {
    .name = "fashion-dnn",
    .description = "3 dense layers, 28x28x1, 10 classes",
    .input = {28, 28, 1},
    .classes = 10,
    .dropout = 0.25f,
    .add_layers = add_dnn_layers,
};
