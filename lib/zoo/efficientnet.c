/* SPDX-License-Identifier: MIT */
/* EfficientNet-B0 (Tan and Le 2019) as torchvision builds it, with torchvision's names: inverted residuals with
 * squeeze-excitation and SiLU, whose branches are left out at random in training (stochastic depth). */
#include <math.h>
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

/* Blocks that are alike: how often their middle is wider than their input, size of the depthwise convolution, stride of
 * the first, filters, how many. */
static const struct {
    int32_t wider, size, stride, filters, blocks;
} stages[] = {{1, 3, 1, 16, 1},  {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3},
              {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1}};

enum { STAGES = 7, BLOCKS = 16 };

static void add_block(cnn__zoo_builder *b, int stage, int32_t inputs, int32_t stride, float depth_rate)
{
    const int32_t middle = inputs * stages[stage].wider, outputs = stages[stage].filters;
    char input[CNN__ZOO_NAME], name[24];
    int part = 0;
    cnn__zoo_mark(b, input);
    if (middle != inputs) {
        cnn__zoo_unit(b, cnn__zoo_part(name, part++), cnn__zoo_numbered, CNN_CONV2D(.filters = middle, .kernel = {1}),
                      CNN_SILU);
    }
    cnn__zoo_unit(b, cnn__zoo_part(name, part++), cnn__zoo_numbered,
                  CNN_CONV2D(.filters = middle, .kernel = {stages[stage].size}, .stride = {stride}, .groups = middle),
                  CNN_SILU);
    cnn__zoo_squeeze(b, cnn__zoo_part(name, part++), middle, inputs / 4, CNN_SILU, CNN_SIGMOID);
    cnn__zoo_unit(b, cnn__zoo_part(name, part), cnn__zoo_numbered, CNN_CONV2D(.filters = outputs, .kernel = {1}),
                  CNN_LINEAR);
    if (stride != 1 || inputs != outputs) {
        return;
    }
    if (depth_rate > 0) {
        cnn__zoo_put(b, cnn_dropout(b->context, CNN_DROPOUT(.name = cnn__zoo_name(b, "stochastic_depth"),
                                                            .rate = depth_rate, .channels = 2)));
    }
    cnn__zoo_add(b, "add", input);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    int32_t channels = 32, block = 0;
    cnn__zoo_unit(&b, "features.0", cnn__zoo_numbered, CNN_CONV2D(.filters = channels, .kernel = {3}, .stride = {2}),
                  CNN_SILU);
    for (int stage = 0; stage < STAGES; stage++) {
        for (int32_t i = 0; i < stages[stage].blocks; i++, block++) {
            cnn__zoo_scope(&b, "features.%d.%d.", stage + 1, (int)i);
            add_block(&b, stage, channels, i == 0 ? stages[stage].stride : 1,
                      request->dropout * (float)block / (float)BLOCKS);
            channels = stages[stage].filters;
        }
    }
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_unit(&b, "features.8", cnn__zoo_numbered, CNN_CONV2D(.filters = 4 * channels, .kernel = {1}), CNN_SILU);
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dropout(&b, "classifier.0", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "classifier.1", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_UNIFORM, 1.0f / sqrtf((float)request->classes)}));
}

const cnn__zoo_kind cnn__zoo_efficientnet_b0 = {
    .name = "efficientnet-b0",
    .description = "EfficientNet-B0 of Tan and Le 2019 as torchvision has it: squeeze-excitation, SiLU and stochastic "
                   "depth, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .classes = 1000,
    .dropout = 0.2f,
    .add_layers = add_layers,
};
