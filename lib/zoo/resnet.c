/* SPDX-License-Identifier: MIT */
/* ResNets (He et al. 2016) as torchvision builds them. Layers have torchvision's names, so that weights can be found
 * by name; those without parameters have what torchvision calls them in its code. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

/* What tells the networks apart: blocks in each stage, and whether these are of two 3x3 convolutions or bottlenecks of
 * 1x1, 3x3 and 1x1, the last with four times the filters. */
typedef struct variant {
    int blocks[4];
    bool bottleneck;
} variant;

static const variant depth18 = {{2, 2, 2, 2}, false}, depth34 = {{3, 4, 6, 3}, false}, depth50 = {{3, 4, 6, 3}, true},
                     depth101 = {{3, 4, 23, 3}, true}, depth152 = {{3, 8, 36, 3}, true};

enum { STEM_IMAGENET, STEM_CIFAR };

static void add_unit(cnn__zoo_builder *b, int number, int32_t size, int32_t filters, int32_t stride, bool relu)
{
    char name[16];
    snprintf(name, sizeof(name), "conv%d", number);
    cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {size}, .stride = {stride}));
    snprintf(name, sizeof(name), "bn%d", number);
    cnn__zoo_norm(b, name);
    if (relu) {
        snprintf(name, sizeof(name), "relu%d", number);
        cnn__zoo_activate(b, name, CNN_RELU);
    }
}

/* Two or three convolutions beside a shortcut, which is the input itself, or where the shape changes a 1x1 convolution
 * of it. The stride is that of the first 3x3 convolution, as in torchvision; in the paper a bottleneck's first. */
static void add_block(cnn__zoo_builder *b, bool bottleneck, int32_t filters, int32_t stride, bool reshaped)
{
    char input[CNN__ZOO_NAME], main_path[CNN__ZOO_NAME];
    cnn__zoo_mark(b, input);
    if (bottleneck) {
        add_unit(b, 1, 1, filters, 1, true);
        add_unit(b, 2, 3, filters, stride, true);
        add_unit(b, 3, 1, 4 * filters, 1, false);
    } else {
        add_unit(b, 1, 3, filters, stride, true);
        add_unit(b, 2, 3, filters, 1, false);
    }
    cnn__zoo_mark(b, main_path);
    cnn__zoo_return(b, input);
    if (reshaped) {
        cnn__zoo_conv(b, CNN_CONV2D(.name = "downsample.0", .filters = bottleneck ? 4 * filters : filters,
                                    .kernel = {1}, .stride = {stride}));
        cnn__zoo_norm(b, "downsample.1");
    }
    cnn__zoo_mark(b, input);
    cnn__zoo_return(b, main_path);
    cnn__zoo_add(b, "add", input);
    cnn__zoo_activate(b, bottleneck ? "relu3" : "relu2", CNN_RELU);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const variant *v = request->variant;
    const bool small = request->choices[0] == STEM_CIFAR;
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "conv1", .filters = 64, .kernel = {small ? 3 : 7}, .stride = {small ? 1 : 2}));
    cnn__zoo_norm(&b, "bn1");
    cnn__zoo_activate(&b, "relu", CNN_RELU);
    if (!small) {
        cnn__zoo_max_pool(&b, "maxpool", 3, 2, 1);
    }
    for (int stage = 0; stage < 4; stage++) {
        for (int number = 0; number < v->blocks[stage]; number++) {
            const int32_t stride = stage > 0 && number == 0 ? 2 : 1;
            cnn__zoo_scope(&b, "layer%d.%d.", stage + 1, number);
            add_block(&b, v->bottleneck, 64 << stage, stride, stride != 1 || (v->bottleneck && number == 0));
        }
    }
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dense(&b, CNN_DENSE(.name = "fc", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_PYTORCH, 0}, .bias_init = {CNN_INIT_PYTORCH, 0}));
}

/* How it begins: as in the paper, or with a 3x3 convolution at full size and no pooling, as for images of 32x32. */
static const char *const stem_words[] = {[STEM_IMAGENET] = "imagenet", [STEM_CIFAR] = "cifar", NULL};
static const cnn__param params[] = {{.name = "stem", .words = stem_words}, {.name = NULL}};

#define RESNET(n)                                                                                            \
    const cnn__zoo_kind cnn__zoo_resnet##n = {                                                               \
        .name = "resnet" #n,                                                                                 \
        .description = "ResNet-" #n                                                                          \
                       " of He et al. 2016 as torchvision has it: residual blocks, 224x224x3, 1000 classes", \
        .input = {224, 224, 3},                                                                              \
        .chosen_input = {32, 32, 3},                                                                         \
        .classes = 1000,                                                                                     \
        .params = params,                                                                                    \
        .variant = &depth##n,                                                                                \
        .add_layers = add_layers,                                                                            \
    }

RESNET(18);
RESNET(34);
RESNET(50);
RESNET(101);
RESNET(152);
