/* SPDX-License-Identifier: MIT */
/* MobileNet-V2 (Sandler et al. 2018) as torchvision builds it, with torchvision's names: inverted residuals, whose
 * ends are narrow and linear and whose middle is wide. */
#include "zoo/builder.h"
#include "zoo/zoo.h"

/* Blocks that are alike: how often their middle is wider than their input, filters, how many, stride of the first. */
static const struct {
    int32_t wider, filters, blocks, stride;
} stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
              {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

static void add_block(cnn__zoo_builder *b, int32_t inputs, int32_t outputs, int32_t wider, int32_t stride)
{
    static const char *const ends[][3] = {{".1", ".2", NULL}, {".2", ".3", NULL}};
    const bool expands = wider != 1;
    char input[CNN__ZOO_NAME];
    cnn__zoo_mark(b, input);
    if (expands) {
        cnn__zoo_unit(b, "conv.0", cnn__zoo_numbered, CNN_CONV2D(.filters = inputs * wider, .kernel = {1}), CNN_RELU6);
    }
    cnn__zoo_unit(b, expands ? "conv.1" : "conv.0", cnn__zoo_numbered,
                  CNN_CONV2D(.filters = inputs * wider, .kernel = {3}, .stride = {stride}, .groups = inputs * wider),
                  CNN_RELU6);
    cnn__zoo_unit(b, "conv", ends[expands], CNN_CONV2D(.filters = outputs, .kernel = {1}), CNN_LINEAR);
    if (stride == 1 && inputs == outputs) {
        cnn__zoo_add(b, "add", input);
    }
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const double width = request->numbers[0];
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    int number = 1;
    int32_t channels = cnn__zoo_channels(32 * width);
    cnn__zoo_unit(&b, "features.0", cnn__zoo_numbered, CNN_CONV2D(.filters = channels, .kernel = {3}, .stride = {2}),
                  CNN_RELU6);
    for (int stage = 0; stage < 7; stage++) {
        for (int i = 0; i < stages[stage].blocks; i++, number++) {
            const int32_t outputs = cnn__zoo_channels(stages[stage].filters * width);
            cnn__zoo_scope(&b, "features.%d.", number);
            add_block(&b, channels, outputs, stages[stage].wider, i == 0 ? stages[stage].stride : 1);
            channels = outputs;
        }
    }
    cnn__zoo_scope(&b, "features.%d", number);
    channels = cnn__zoo_channels(1280 * (width > 1 ? width : 1));
    cnn__zoo_unit(&b, "", cnn__zoo_numbered, CNN_CONV2D(.filters = channels, .kernel = {1}), CNN_RELU6);
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dropout(&b, "classifier.0", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "classifier.1", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_NORMAL, 0.01f}));
}

/* All filters by this, as torchvision's width_mult; published are 0.35, 0.5, 0.75, 1, 1.4. */
static const cnn__param params[] = {{.name = "width", .low = 0.1, .high = 4, .unset = 1}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_mobilenet_v2 = {
    .name = "mobilenet-v2",
    .description = "MobileNet-V2 of Sandler et al. 2018 as torchvision has it: depthwise convolutions between narrow "
                   "ends, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .classes = 1000,
    .dropout = 0.2f,
    .params = params,
    .add_layers = add_layers,
};
