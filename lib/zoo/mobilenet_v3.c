/* SPDX-License-Identifier: MIT */
/* MobileNet-V3, large (Howard et al. 2019), as torchvision builds it, with torchvision's names: inverted residuals with
 * squeeze-excitation and hard-swish. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

typedef struct block {
    int32_t size, middle, filters, stride;
    bool squeezed, swish;
} block;

static const block blocks[] = {
    {3, 16, 16, 1, false, false}, {3, 64, 24, 2, false, false}, {3, 72, 24, 1, false, false},
    {5, 72, 40, 2, true, false},  {5, 120, 40, 1, true, false}, {5, 120, 40, 1, true, false},
    {3, 240, 80, 2, false, true}, {3, 200, 80, 1, false, true}, {3, 184, 80, 1, false, true},
    {3, 184, 80, 1, false, true}, {3, 480, 112, 1, true, true}, {3, 672, 112, 1, true, true},
    {5, 672, 160, 2, true, true}, {5, 960, 160, 1, true, true}, {5, 960, 160, 1, true, true},
};

static void add_block(cnn__zoo_builder *b, const block *k, int32_t inputs, double width)
{
    const cnn_activation activation = k->swish ? CNN_HARD_SWISH : CNN_RELU;
    const int32_t middle = cnn__zoo_channels(k->middle * width), outputs = cnn__zoo_channels(k->filters * width);
    char input[CNN__ZOO_NAME], name[24];
    int part = 0;
    cnn__zoo_mark(b, input);
    if (middle != inputs) {
        cnn__zoo_unit(b, cnn__zoo_part(name, part++), cnn__zoo_numbered, CNN_CONV2D(.filters = middle, .kernel = {1}),
                      activation);
    }
    cnn__zoo_unit(b, cnn__zoo_part(name, part++), cnn__zoo_numbered,
                  CNN_CONV2D(.filters = middle, .kernel = {k->size}, .stride = {k->stride}, .groups = middle),
                  activation);
    if (k->squeezed) {
        cnn__zoo_squeeze(b, cnn__zoo_part(name, part++), middle, cnn__zoo_channels(middle / 4), CNN_RELU,
                         CNN_HARD_SIGMOID);
    }
    cnn__zoo_unit(b, cnn__zoo_part(name, part), cnn__zoo_numbered, CNN_CONV2D(.filters = outputs, .kernel = {1}),
                  CNN_LINEAR);
    if (k->stride == 1 && inputs == outputs) {
        cnn__zoo_add(b, "add", input);
    }
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const double width = request->numbers[0];
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    int32_t channels = cnn__zoo_channels(16 * width);
    int number = 1;
    b.norm.keep = 0.99f;
    b.norm.epsilon = 1e-3f;
    cnn__zoo_unit(&b, "features.0", cnn__zoo_numbered, CNN_CONV2D(.filters = channels, .kernel = {3}, .stride = {2}),
                  CNN_HARD_SWISH);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++, number++) {
        cnn__zoo_scope(&b, "features.%d.", number);
        add_block(&b, &blocks[i], channels, width);
        channels = cnn__zoo_channels(blocks[i].filters * width);
    }
    cnn__zoo_scope(&b, "features.%d", number);
    cnn__zoo_unit(&b, "", cnn__zoo_numbered, CNN_CONV2D(.filters = 6 * channels, .kernel = {1}), CNN_HARD_SWISH);
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dense(&b, CNN_DENSE(.name = "classifier.0", .units = cnn__zoo_channels(1280 * width),
                                 .kernel_init = {CNN_INIT_NORMAL, 0.01f}));
    cnn__zoo_activate(&b, "classifier.1", CNN_HARD_SWISH);
    cnn__zoo_dropout(&b, "classifier.2", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "classifier.3", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_NORMAL, 0.01f}));
}

static const cnn__param params[] = {{.name = "width", .low = 0.1, .high = 4, .unset = 1}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_mobilenet_v3_large = {
    .name = "mobilenet-v3-large",
    .description = "MobileNet-V3, large, of Howard et al. 2019 as torchvision has it: squeeze-excitation and "
                   "hard-swish, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .classes = 1000,
    .dropout = 0.2f,
    .params = params,
    .add_layers = add_layers,
};
