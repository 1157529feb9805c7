/* SPDX-License-Identifier: MIT */
/* SqueezeNet (Iandola et al. 2016), versions 1.1 and 1.0, as torchvision builds them, with torchvision's names. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

enum { VERSION_1_1, VERSION_1_0, STEPS = 11 };

/* Behind the first convolution and its relu: filters of the squeezing convolution, of which each half of the expansion
 * has four times as many; 0 is a pooling. */
static const int32_t steps[][STEPS] = {
    [VERSION_1_1] = {0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64},
    [VERSION_1_0] = {0, 16, 16, 32, 0, 32, 48, 48, 64, 0, 64},
};

static void add_convolution(cnn__zoo_builder *b, const char *name, int32_t filters, int32_t size)
{
    char relu[40];
    snprintf(relu, sizeof(relu), "%s_activation", name);
    cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {size}));
    cnn__zoo_activate(b, relu, CNN_RELU);
}

static void add_fire(cnn__zoo_builder *b, int32_t squeeze, int32_t expand)
{
    add_convolution(b, "squeeze", squeeze, 1);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_convolution(b, "expand1x1", expand, 1);
    cnn__zoo_end_branch(b, &fork);
    add_convolution(b, "expand3x3", expand, 3);
    cnn__zoo_end_branch(b, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const int version = request->choices[0];
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    b.fan_out = false;
    b.bias = true;
    b.kernel_init = (cnn_initializer){CNN_INIT_HE_UNIFORM, 0};
    cnn__zoo_scope(&b, "features.");
    cnn__zoo_conv(&b,
                  CNN_CONV2D(.name = "0", .filters = version == VERSION_1_0 ? 96 : 64,
                             .kernel = {version == VERSION_1_0 ? 7 : 3}, .stride = {2}, .padding = CNN_PADDING_VALID));
    cnn__zoo_activate(&b, "1", CNN_RELU);
    for (int i = 0; i < STEPS; i++) {
        char number[8];
        snprintf(number, sizeof(number), "%d", i + 2);
        if (steps[version][i] == 0) {
            cnn__zoo_scope(&b, "features.");
            cnn__zoo_put(&b, cnn_max_pool2d(context, CNN_POOL2D(.name = cnn__zoo_name(&b, number), .size = {3},
                                                                .stride = {2}, .ceil = 1)));
        } else {
            cnn__zoo_scope(&b, "features.%s.", number);
            add_fire(&b, steps[version][i], 4 * steps[version][i]);
        }
    }
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_dropout(&b, "classifier.0", request->dropout);
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "classifier.1", .filters = request->classes, .kernel = {1},
                                 .kernel_init = {CNN_INIT_NORMAL, 0.01f}));
    cnn__zoo_activate(&b, "classifier.2", CNN_RELU);
    cnn__zoo_global_average(&b, "classifier.3");
    cnn__zoo_activate(&b, "softmax", CNN_SOFTMAX);
}

static const char *const version_words[] = {[VERSION_1_1] = "1.1", [VERSION_1_0] = "1.0", NULL};
static const cnn__param params[] = {{.name = "version", .words = version_words}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_squeezenet = {
    .name = "squeezenet",
    .description = "SqueezeNet 1.1 of Iandola et al. 2016 as torchvision has it: narrow and wide convolutions in turn, "
                   "224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .least = 25,
    .classes = 1000,
    .dropout = 0.5f,
    .params = params,
    .add_layers = add_layers,
};
