/* SPDX-License-Identifier: MIT */
/* ResNet-18 (He et al. 2016) as torchvision builds it. Layers have torchvision's names, so that weights can be found
 * by name; those without parameters have what torchvision calls them in its code. */
#include <cnn/layer.h>
#include <stdio.h>

#include "zoo/zoo.h"

/* "layer1.0." with a layer's own name after it. */
enum { NAME_SIZE = 40 };

typedef struct builder {
    cnn_context *context;
    cnn_model *model;
} builder;

static void add_convolution(const builder *b, const char *name, const char *input, int32_t size, int32_t filters,
                            int32_t stride)
{
    /* Padding as in PyTorch, the same on all sides: "same" would put it at the end where the stride is 2. */
    const int32_t pad = size / 2;
    cnn_layer *layer = cnn_conv2d(b->context,
                                  CNN_CONV2D(.name = name, .filters = filters, .kernel = {size}, .stride = {stride},
                                             .padding = CNN_PADDING_EXPLICIT, .pads = {pad, pad, pad, pad},
                                             .no_bias = 1, .kernel_init = cnn__zoo_fan_out(size, filters)));
    cnn_model_add_after(b->model, layer, &input, 1);
}

static void add_norm(const builder *b, const char *name)
{
    cnn_model_add(b->model, cnn_batch_norm(b->context, CNN_BATCH_NORM(.name = name, .convention = CNN_PYTORCH)));
}

static void add_relu(const builder *b, const char *name)
{
    cnn_model_add(b->model, cnn_activate(b->context, CNN_ACTIVATE(.name = name, .activation = CNN_RELU)));
}

/* Two convolutions beside a shortcut, which is the input itself, or where the shape changes a 1x1 convolution of it.
 * `input` is the name of the layer before; that of the last layer takes its place. */
static void add_block(const builder *b, int stage, int number, int32_t filters, int32_t stride, char *input)
{
    char names[8][NAME_SIZE];
    static const char *const parts[] = {"conv1", "bn1", "relu1", "conv2", "bn2", "downsample.0", "downsample.1", "add"};
    for (int i = 0; i < 8; i++) {
        snprintf(names[i], NAME_SIZE, "layer%d.%d.%s", stage, number, parts[i]);
    }
    add_convolution(b, names[0], input, 3, filters, stride);
    add_norm(b, names[1]);
    add_relu(b, names[2]);
    add_convolution(b, names[3], names[2], 3, filters, 1);
    add_norm(b, names[4]);
    const char *shortcut = input;
    if (stride != 1) {
        add_convolution(b, names[5], input, 1, filters, stride);
        add_norm(b, names[6]);
        shortcut = names[6];
    }
    cnn_model_add_after(b->model, cnn_add(b->context, CNN_NAMED(.name = names[7])),
                        (const char *[]){names[4], shortcut}, 2);
    snprintf(input, NAME_SIZE, "layer%d.%d.relu2", stage, number);
    add_relu(b, input);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const builder b = {context, model};
    const bool small = request->choices[0] == 1;
    char last[NAME_SIZE] = "relu";
    add_convolution(&b, "conv1", "input", small ? 3 : 7, 64, small ? 1 : 2);
    add_norm(&b, "bn1");
    add_relu(&b, "relu");
    if (!small) {
        snprintf(last, sizeof(last), "maxpool");
        cnn_model_add(model,
                      cnn_max_pool2d(context, CNN_POOL2D(.name = last, .size = {3}, .stride = {2},
                                                         .padding = CNN_PADDING_EXPLICIT, .pads = {1, 1, 1, 1})));
    }
    for (int stage = 1; stage <= 4; stage++) {
        for (int number = 0; number < 2; number++) {
            add_block(&b, stage, number, 32 << stage, stage > 1 && number == 0 ? 2 : 1, last);
        }
    }
    cnn_model_add(model, cnn_global_average_pool2d(context, CNN_NAMED(.name = "avgpool")));
    cnn_model_add(
        model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = request->classes, .activation = CNN_SOFTMAX,
                                            .kernel_init = {CNN_INIT_PYTORCH, 0}, .bias_init = {CNN_INIT_PYTORCH, 0})));
}

/* How it begins: as in the paper, or with a 3x3 convolution at full size and no pooling, as for images of 32x32. */
static const char *const stem_words[] = {"imagenet", "cifar", NULL};
static const cnn__param params[] = {{.name = "stem", .words = stem_words}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_resnet18 = {
    .name = "resnet18",
    .description = "ResNet-18 of He et al. 2016 as torchvision has it: residual blocks, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .classes = 1000,
    .params = params,
    .add_layers = add_layers,
};
