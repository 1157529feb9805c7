/* SPDX-License-Identifier: MIT */
/* VGG-16 (Simonyan and Zisserman 2015, configuration D), whole and as its convolutions alone. Layers are named as in
 * Keras, so that weights can be found by name; they begin as in torchvision. */
#include <cnn/layer.h>
#include <stdio.h>

#include "zoo/zoo.h"

/* Five blocks of two or three 3x3 convolutions, each block with a pooling after it. */
static void add_convolutions(cnn_context *context, cnn_model *model)
{
    static const int32_t filters[] = {64, 128, 256, 512, 512}, depths[] = {2, 2, 3, 3, 3};
    char name[24];
    for (int block = 0; block < 5; block++) {
        for (int i = 0; i < depths[block]; i++) {
            snprintf(name, sizeof(name), "block%d_conv%d", block + 1, i + 1);
            cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = name, .filters = filters[block],
                                                                .padding = CNN_PADDING_SAME, .activation = CNN_RELU,
                                                                .kernel_init = cnn__zoo_fan_out(3, filters[block]))));
        }
        snprintf(name, sizeof(name), "block%d_pool", block + 1);
        cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = name)));
    }
}

static void add_dense(cnn_context *context, cnn_model *model, const char *name, int32_t units,
                      cnn_activation activation)
{
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = name, .units = units, .activation = (int32_t)activation,
                                                      .kernel_init = {CNN_INIT_NORMAL, 0.01f})));
}

static void add_dropout(cnn_context *context, cnn_model *model, const char *name, float rate)
{
    if (rate > 0) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.name = name, .rate = rate)));
    }
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    add_convolutions(context, model);
    cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flatten")));
    add_dense(context, model, "fc1", 4096, CNN_RELU);
    add_dropout(context, model, "drop1", request->dropout);
    add_dense(context, model, "fc2", 4096, CNN_RELU);
    add_dropout(context, model, "drop2", request->dropout);
    add_dense(context, model, "predictions", request->classes, CNN_SOFTMAX);
}

static void add_features(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    (void)request;
    add_convolutions(context, model);
}

const cnn__zoo_kind cnn__zoo_vgg16 = {
    .name = "vgg16",
    .description = "VGG-16 of Simonyan and Zisserman 2015: 13 convolutions, 3 dense layers, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .classes = 1000,
    .dropout = 0.5f,
    .add_layers = add_layers,
};

const cnn__zoo_kind cnn__zoo_vgg16_notop = {
    .name = "vgg16-notop",
    .description = "the convolutions of VGG-16 alone, 150x150x3; features 4x4x512, no classes",
    .input = {150, 150, 3},
    .add_layers = add_features,
};
