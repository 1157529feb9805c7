/* SPDX-License-Identifier: MIT */
/* The small cat/dog CNN of Chollet, Deep Learning with Python (2017), section 5.2: four convolutions with pooling and
 * two dense layers, as Keras initialises them. */
#include <cnn/layer.h>

#include "zoo/zoo.h"

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    static const int32_t filters[] = {32, 64, 128, 128};
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = filters[i], .activation = CNN_RELU)));
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
    }
    cnn_model_add(model, cnn_flatten(context, NULL));
    if (request->dropout > 0) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = request->dropout)));
    }
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 512, .activation = CNN_RELU)));
    if (request->classes == 2) {
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1, .activation = CNN_SIGMOID)));
    } else {
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = request->classes, .activation = CNN_SOFTMAX)));
    }
}

const cnn__zoo_kind cnn__zoo_catdog = {
    .name = "catdog",
    .description = "small Keras cat/dog CNN: 4 convolutions, 2 dense layers, 150x150x3, one sigmoid output",
    .input = {150, 150, 3},
    .classes = 2,
    .add_layers = add_layers,
};
