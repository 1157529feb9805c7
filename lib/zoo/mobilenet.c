/* SPDX-License-Identifier: MIT */
/* MobileNet (Howard et al. 2017) as Keras builds it, with Keras's names: depthwise and 1x1 convolutions in turn. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

/* Filters of the 1x1 convolutions, and strides of the depthwise ones before them. */
static const struct {
    int32_t filters, stride;
} blocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
              {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

static void finish_unit(cnn__zoo_builder *b, const char *name)
{
    char text[40];
    snprintf(text, sizeof(text), "%s_bn", name);
    cnn__zoo_norm(b, text);
    snprintf(text, sizeof(text), "%s_relu", name);
    cnn__zoo_activate(b, text, CNN_RELU6);
}

static void add_unit(cnn__zoo_builder *b, const char *name, int32_t filters, int32_t size, int32_t stride)
{
    cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {size}, .stride = {stride}));
    finish_unit(b, name);
}

/* With stride 2 a row and a column of zeros are added at the end whether or not "same" would. */
static void add_depthwise(cnn__zoo_builder *b, int number, int32_t stride)
{
    char name[24];
    if (stride == 2) {
        snprintf(name, sizeof(name), "conv_pad_%d", number);
        cnn__zoo_put(b,
                     cnn_zero_pad2d(b->context, CNN_ZERO_PAD2D(.name = cnn__zoo_name(b, name), .pads = {0, 1, 0, 1})));
    }
    snprintf(name, sizeof(name), "conv_dw_%d", number);
    cnn__zoo_put(b, cnn_depthwise_conv2d(b->context, CNN_DEPTHWISE_CONV2D(.name = cnn__zoo_name(b, name), .kernel = {3},
                                                                          .stride = {stride}, .no_bias = 1,
                                                                          .padding = stride == 2 ? CNN_PADDING_VALID
                                                                                                 : CNN_PADDING_SAME)));
    finish_unit(b, name);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const double width = request->numbers[0];
    cnn__zoo_builder b = cnn__zoo_keras(context, model);
    char name[24];
    add_unit(&b, "conv1", (int32_t)(32 * width), 3, 2);
    for (int i = 0; i < (int)(sizeof(blocks) / sizeof(blocks[0])); i++) {
        add_depthwise(&b, i + 1, blocks[i].stride);
        snprintf(name, sizeof(name), "conv_pw_%d", i + 1);
        add_unit(&b, name, (int32_t)(blocks[i].filters * width), 1, 1);
    }
    cnn__zoo_global_average(&b, "global_average_pooling2d");
    cnn__zoo_put(&b, cnn_reshape(context, CNN_RESHAPE(.name = cnn__zoo_name(&b, "reshape_1"),
                                                      .shape = {1, 1, (int32_t)(1024 * width)})));
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    b.bias = true;
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "conv_preds", .filters = request->classes, .kernel = {1}));
    cnn__zoo_put(
        &b, cnn_reshape(context, CNN_RESHAPE(.name = cnn__zoo_name(&b, "reshape_2"), .shape = {request->classes})));
    cnn__zoo_activate(&b, "predictions", CNN_SOFTMAX);
}

/* Keras's alpha; published are 0.25, 0.5, 0.75 and 1. */
static const cnn__param params[] = {{.name = "alpha", .low = 0.1, .high = 4, .unset = 1}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_mobilenet = {
    .name = "mobilenet",
    .description = "MobileNet of Howard et al. 2017 as Keras has it: depthwise and 1x1 convolutions in turn, "
                   "224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .classes = 1000,
    .dropout = 1e-3f,
    .params = params,
    .add_layers = add_layers,
};
