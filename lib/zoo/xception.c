/* SPDX-License-Identifier: MIT */
/* Xception (Chollet 2017) as Keras builds it, with Keras's names: separable convolutions beside shortcuts. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

/* Whether relu is there, and on which side of a convolution with its normalisation. */
typedef enum side { BEFORE, BEHIND, NOWHERE } side;

static void add_relu(cnn__zoo_builder *b, const char *unit)
{
    char name[40];
    snprintf(name, sizeof(name), "%s_act", unit);
    cnn__zoo_activate(b, name, CNN_RELU);
}

static void add_norm(cnn__zoo_builder *b, const char *unit)
{
    char name[40];
    snprintf(name, sizeof(name), "%s_bn", unit);
    cnn__zoo_norm(b, name);
}

static void add_separable(cnn__zoo_builder *b, int block, int number, int32_t filters, side relu)
{
    char name[32];
    snprintf(name, sizeof(name), "block%d_sepconv%d", block, number);
    if (relu == BEFORE) {
        add_relu(b, name);
    }
    cnn__zoo_put(b, cnn_separable_conv2d(b->context, CNN_SEPARABLE_CONV2D(.name = cnn__zoo_name(b, name),
                                                                          .filters = filters, .kernel = {3},
                                                                          .padding = CNN_PADDING_SAME, .no_bias = 1)));
    add_norm(b, name);
    if (relu == BEHIND) {
        add_relu(b, name);
    }
}

static void add_sum(cnn__zoo_builder *b, int number, const char *other)
{
    char name[16];
    snprintf(name, sizeof(name), number > 0 ? "add_%d" : "add", number);
    cnn__zoo_add(b, name, other);
}

/* Two separable convolutions and a pooling beside a 1x1 convolution of stride 2, the `number`-th of these. */
static void add_reduction(cnn__zoo_builder *b, int block, int number, int32_t first, int32_t filters)
{
    char name[32], input[CNN__ZOO_NAME], shortcut[CNN__ZOO_NAME];
    cnn__zoo_mark(b, input);
    snprintf(name, sizeof(name), number > 0 ? "conv2d_%d" : "conv2d", number);
    cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {1}, .stride = {2}));
    snprintf(name, sizeof(name), number > 0 ? "batch_normalization_%d" : "batch_normalization", number);
    cnn__zoo_norm(b, name);
    cnn__zoo_mark(b, shortcut);
    cnn__zoo_return(b, input);
    /* In block 2 a relu stands there already, behind block 1. */
    add_separable(b, block, 1, first, block == 2 ? NOWHERE : BEFORE);
    add_separable(b, block, 2, filters, BEFORE);
    snprintf(name, sizeof(name), "block%d_pool", block);
    cnn__zoo_put(b, cnn_max_pool2d(b->context, CNN_POOL2D(.name = cnn__zoo_name(b, name), .size = {3}, .stride = {2},
                                                          .padding = CNN_PADDING_SAME)));
    add_sum(b, block == 13 ? 11 : number, shortcut);
}

static void add_identity(cnn__zoo_builder *b, int block)
{
    char input[CNN__ZOO_NAME];
    cnn__zoo_mark(b, input);
    for (int i = 1; i <= 3; i++) {
        add_separable(b, block, i, 728, BEFORE);
    }
    add_sum(b, block - 2, input);
}

static void add_first(cnn__zoo_builder *b, const char *name, int32_t filters, int32_t stride)
{
    cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {3}, .stride = {stride},
                                .padding = CNN_PADDING_VALID));
    add_norm(b, name);
    add_relu(b, name);
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_keras(context, model);
    add_first(&b, "block1_conv1", 32, 2);
    add_first(&b, "block1_conv2", 64, 1);
    add_reduction(&b, 2, 0, 128, 128);
    add_reduction(&b, 3, 1, 256, 256);
    add_reduction(&b, 4, 2, 728, 728);
    for (int block = 5; block <= 12; block++) {
        add_identity(&b, block);
    }
    add_reduction(&b, 13, 3, 728, 1024);
    add_separable(&b, 14, 1, 1536, BEHIND);
    add_separable(&b, 14, 2, 2048, BEHIND);
    cnn__zoo_global_average(&b, "avg_pool");
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "predictions", .units = request->classes, .activation = CNN_SOFTMAX));
}

const cnn__zoo_kind cnn__zoo_xception = {
    .name = "xception",
    .description = "Xception of Chollet 2017 as Keras has it: separable convolutions beside shortcuts, 299x299x3, 1000 "
                   "classes",
    .input = {299, 299, 3},
    .least = 7,
    .classes = 1000,
    .add_layers = add_layers,
};
