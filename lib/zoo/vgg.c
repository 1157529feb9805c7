/* SPDX-License-Identifier: MIT */
/* VGG (Simonyan and Zisserman 2015, configurations A, B, D and E), whole and as its convolutions alone. Layers are
 * named as in Keras, so that weights can be found by name; they begin as in torchvision. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

/* Convolutions in each block. */
static const int depth11[] = {1, 1, 2, 2, 2}, depth13[] = {2, 2, 2, 2, 2}, depth16[] = {2, 2, 3, 3, 3},
                 depth19[] = {2, 2, 4, 4, 4};

/* Five blocks of 3x3 convolutions, each block with a pooling after it. */
static cnn__zoo_builder add_convolutions(cnn_context *context, cnn_model *model, const int *depths)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    char name[24];
    b.bias = true;
    b.padding = CNN_PADDING_SAME;
    for (int block = 0; block < 5; block++) {
        for (int i = 0; i < depths[block]; i++) {
            snprintf(name, sizeof(name), "block%d_conv%d", block + 1, i + 1);
            cnn__zoo_conv(&b, CNN_CONV2D(.name = name, .filters = block < 4 ? 64 << block : 512, .kernel = {3},
                                         .activation = CNN_RELU));
        }
        snprintf(name, sizeof(name), "block%d_pool", block + 1);
        cnn__zoo_put(&b, cnn_max_pool2d(context, CNN_POOL2D(.name = cnn__zoo_name(&b, name))));
    }
    return b;
}

static void add_dense(cnn__zoo_builder *b, const char *name, int32_t units, cnn_activation activation)
{
    cnn__zoo_dense(b, CNN_DENSE(.name = name, .units = units, .activation = (int32_t)activation,
                                .kernel_init = {CNN_INIT_NORMAL, 0.01f}));
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = add_convolutions(context, model, request->variant);
    cnn__zoo_flatten(&b, "flatten");
    add_dense(&b, "fc1", 4096, CNN_RELU);
    cnn__zoo_dropout(&b, "drop1", request->dropout);
    add_dense(&b, "fc2", 4096, CNN_RELU);
    cnn__zoo_dropout(&b, "drop2", request->dropout);
    add_dense(&b, "predictions", request->classes, CNN_SOFTMAX);
}

static void add_features(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    (void)add_convolutions(context, model, request->variant);
}

/* A small network for cats and dogs on top of VGG-16, which is one layer of it: Chollet, Deep Learning with Python
 * (2017), section 5.3. */
static void add_composition(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn_model *features = NULL;
    cnn_layer *layer = NULL;
    cnn__zoo_builder b = cnn__zoo_keras(context, model);
    if (cnn_model_create(context, CNN_MODEL(.name = "vgg16", .shape = request->input), &features) == CNN_OK) {
        (void)add_convolutions(context, features, depth16);
        layer = cnn_model_as_layer(context, features, NULL);
    }
    cnn_model_free(features);
    cnn__zoo_name(&b, "vgg16");
    cnn__zoo_put(&b, layer);
    cnn__zoo_flatten(&b, "flatten");
    cnn__zoo_dense(&b, CNN_DENSE(.name = "dense", .units = 256, .activation = CNN_RELU));
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "dense_1", .units = request->classes == 2 ? 1 : request->classes,
                                 .activation = request->classes == 2 ? CNN_SIGMOID : CNN_SOFTMAX));
}

#define VGG(n, convolutions)                                                                            \
    const cnn__zoo_kind cnn__zoo_vgg##n = {                                                             \
        .name = "vgg" #n,                                                                               \
        .description = "VGG-" #n " of Simonyan and Zisserman 2015: " #convolutions                      \
                       " convolutions, 3 dense layers, 224x224x3, 1000 classes",                        \
        .input = {224, 224, 3},                                                                         \
        .input_name = "input_1",                                                                        \
        .least = 32,                                                                                    \
        .classes = 1000,                                                                                \
        .dropout = 0.5f,                                                                                \
        .variant = depth##n,                                                                            \
        .add_layers = add_layers,                                                                       \
    };                                                                                                  \
    const cnn__zoo_kind cnn__zoo_vgg##n##_notop = {                                                     \
        .name = "vgg" #n "-notop",                                                                      \
        .description = "the convolutions of VGG-" #n " alone, 150x150x3; features 4x4x512, no classes", \
        .input = {150, 150, 3},                                                                         \
        .input_name = "input_1",                                                                        \
        .least = 32,                                                                                    \
        .variant = depth##n,                                                                            \
        .add_layers = add_features,                                                                     \
    }

VGG(11, 8);
VGG(13, 10);
VGG(16, 13);
VGG(19, 16);

const cnn__zoo_kind cnn__zoo_catdog_vgg16 = {
    .name = "catdog-vgg16",
    .description = "VGG-16's convolutions as one layer and 2 dense layers on top, 150x150x3, one sigmoid output",
    .input = {150, 150, 3},
    .least = 32,
    .classes = 2,
    .add_layers = add_composition,
};
