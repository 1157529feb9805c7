/* SPDX-License-Identifier: MIT */
/* GoogLeNet (Szegedy et al. 2015) as torchvision builds it, with batch normalisation and torchvision's names, without
 * the auxiliary classifiers, which only training has. Where the paper has 5x5 convolutions torchvision has 3x3. */
#include "zoo/builder.h"
#include "zoo/zoo.h"

typedef struct block {
    const char *name;
    int32_t ones, threes_in, threes, fives_in, fives, pooled;
} block;

/* A name alone is a pooling with windows of that many pixels. */
static const block blocks[] = {
    {"inception3a", 64, 96, 128, 16, 32, 32},
    {"inception3b", 128, 128, 192, 32, 96, 64},
    {"maxpool3", 3, 0, 0, 0, 0, 0},
    {"inception4a", 192, 96, 208, 16, 48, 64},
    {"inception4b", 160, 112, 224, 24, 64, 64},
    {"inception4c", 128, 128, 256, 24, 64, 64},
    {"inception4d", 112, 144, 288, 32, 64, 64},
    {"inception4e", 256, 160, 320, 32, 128, 128},
    {"maxpool4", 2, 0, 0, 0, 0, 0},
    {"inception5a", 256, 160, 320, 32, 128, 128},
    {"inception5b", 384, 192, 384, 48, 128, 128},
};

static void add_unit(cnn__zoo_builder *b, const char *name, int32_t filters, int32_t size, int32_t stride)
{
    cnn__zoo_unit(b, name, cnn__zoo_named, CNN_CONV2D(.filters = filters, .kernel = {size}, .stride = {stride}),
                  CNN_RELU);
}

static void add_pool(cnn__zoo_builder *b, const char *name, int32_t size, int32_t stride, int32_t pad)
{
    cnn__zoo_put(b, cnn_max_pool2d(b->context, CNN_POOL2D(.name = cnn__zoo_name(b, name), .size = {size},
                                                          .stride = {stride}, .pads = {pad, pad, pad, pad},
                                                          .padding = CNN_PADDING_EXPLICIT, .ceil = 1)));
}

static void add_block(cnn__zoo_builder *b, const block *k)
{
    cnn__zoo_scope(b, "%s.", k->name);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_unit(b, "branch1", k->ones, 1, 1);
    cnn__zoo_end_branch(b, &fork);
    add_unit(b, "branch2.0", k->threes_in, 1, 1);
    add_unit(b, "branch2.1", k->threes, 3, 1);
    cnn__zoo_end_branch(b, &fork);
    add_unit(b, "branch3.0", k->fives_in, 1, 1);
    add_unit(b, "branch3.1", k->fives, 3, 1);
    cnn__zoo_end_branch(b, &fork);
    add_pool(b, "branch4.0", 3, 1, 1);
    add_unit(b, "branch4.1", k->pooled, 1, 1);
    cnn__zoo_end_branch(b, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
    cnn__zoo_scope(b, "%s", "");
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    b.fan_out = false;
    b.kernel_init = (cnn_initializer){CNN_INIT_NORMAL, 0.01f};
    b.norm.epsilon = 1e-3f;
    cnn__zoo_transform(&b, request->choices[0]);
    add_unit(&b, "conv1", 64, 7, 2);
    add_pool(&b, "maxpool1", 3, 2, 0);
    add_unit(&b, "conv2", 64, 1, 1);
    add_unit(&b, "conv3", 192, 3, 1);
    add_pool(&b, "maxpool2", 3, 2, 0);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (blocks[i].threes == 0) {
            add_pool(&b, blocks[i].name, blocks[i].ones, 2, 0);
        } else {
            add_block(&b, &blocks[i]);
        }
    }
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "fc", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_NORMAL, 0.01f}, .bias_init = {CNN_INIT_PYTORCH, 0}));
}

const cnn__zoo_kind cnn__zoo_googlenet = {
    .name = "googlenet",
    .description = "GoogLeNet of Szegedy et al. 2015 as torchvision has it: branches of 1x1 and 3x3 convolutions, no "
                   "auxiliary classifiers, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .least = 31,
    .classes = 1000,
    .dropout = 0.2f,
    .params = cnn__zoo_transform_params,
    .add_layers = add_layers,
};
