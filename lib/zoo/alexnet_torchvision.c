/* SPDX-License-Identifier: MIT */
/* AlexNet as torchvision builds it: the one-column network of Krizhevsky 2014, with torchvision's names. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

static void add_features(cnn__zoo_builder *b)
{
    static const struct {
        int32_t filters, size, stride, pad, pooled;
    } convolutions[] = {{64, 11, 4, 2, 1}, {192, 5, 1, 2, 1}, {384, 3, 1, 1, 0}, {256, 3, 1, 1, 0}, {256, 3, 1, 1, 1}};
    int number = 0;
    char name[12];
    cnn__zoo_scope(b, "features.");
    for (int i = 0; i < 5; i++) {
        const int32_t pad = convolutions[i].pad;
        snprintf(name, sizeof(name), "%d", number++);
        cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = convolutions[i].filters, .kernel = {convolutions[i].size},
                                    .stride = {convolutions[i].stride}, .padding = CNN_PADDING_EXPLICIT,
                                    .pads = {pad, pad, pad, pad}));
        snprintf(name, sizeof(name), "%d", number++);
        cnn__zoo_activate(b, name, CNN_RELU);
        if (convolutions[i].pooled != 0) {
            snprintf(name, sizeof(name), "%d", number++);
            cnn__zoo_max_pool(b, name, 3, 2, 0);
        }
    }
}

static void add_dense(cnn__zoo_builder *b, const char *name, int32_t units, cnn_activation activation)
{
    cnn__zoo_dense(b, CNN_DENSE(.name = name, .units = units, .activation = (int32_t)activation,
                                .kernel_init = {CNN_INIT_PYTORCH, 0}, .bias_init = {CNN_INIT_PYTORCH, 0}));
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    b.fan_out = false;
    b.bias = true;
    b.kernel_init = b.bias_init = (cnn_initializer){CNN_INIT_PYTORCH, 0};
    add_features(&b);
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_put(&b, cnn_adaptive_average_pool2d(
                         context, CNN_ADAPTIVE_POOL2D(.name = cnn__zoo_name(&b, "avgpool"), .size = {6})));
    cnn__zoo_flatten(&b, "flatten");
    cnn__zoo_scope(&b, "classifier.");
    cnn__zoo_dropout(&b, "0", request->dropout);
    add_dense(&b, "1", 4096, CNN_LINEAR);
    cnn__zoo_activate(&b, "2", CNN_RELU);
    cnn__zoo_dropout(&b, "3", request->dropout);
    add_dense(&b, "4", 4096, CNN_LINEAR);
    cnn__zoo_activate(&b, "5", CNN_RELU);
    add_dense(&b, "6", request->classes, CNN_SOFTMAX);
}

const cnn__zoo_kind cnn__zoo_alexnet_torchvision = {
    .name = "alexnet-torchvision",
    .description = "AlexNet of Krizhevsky 2014 in one column as torchvision has it, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .least = 63,
    .classes = 1000,
    .dropout = 0.5f,
    .add_layers = add_layers,
};
