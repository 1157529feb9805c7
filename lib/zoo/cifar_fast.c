/* SPDX-License-Identifier: MIT */
/* The network of the 94 % recipes of CIFAR-10 in seconds (Jordan 2024, airbench94, after Page 2019's): a whitening of
 * 2x2 patches, three blocks of two convolutions, and one dense layer whose outputs are divided by 9. */
#include "zoo/builder.h"
#include "zoo/zoo.h"

static void add_conv(cnn__zoo_builder *b, const char *name, int32_t filters)
{
    cnn__zoo_conv(b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {3}, .kernel_init = {CNN_INIT_DIRAC}));
}

static void add_norm(cnn__zoo_builder *b, const char *norm, const char *activation)
{
    cnn__zoo_norm(b, norm);
    cnn__zoo_activate(b, activation, CNN_GELU);
}

static void add_block(cnn__zoo_builder *b, int number, int32_t filters)
{
    cnn__zoo_scope(b, "block%d.", number);
    add_conv(b, "conv1", filters);
    cnn__zoo_max_pool(b, "pool", 2, 2, 0);
    add_norm(b, "norm1", "gelu1");
    add_conv(b, "conv2", filters);
    add_norm(b, "norm2", "gelu2");
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    b.fan_out = false;
    b.bias = true;
    b.norm = *CNN_BATCH_NORM(.convention = CNN_PYTORCH, .keep = 0.6f, .epsilon = 2e-12f, .no_scale = 1);
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "whiten", .filters = 24, .kernel = {2}, .padding = CNN_PADDING_VALID,
                                 .kernel_init = {CNN_INIT_PYTORCH}));
    b.bias = false;
    cnn__zoo_activate(&b, "gelu", CNN_GELU);
    add_block(&b, 1, 64);
    add_block(&b, 2, 256);
    add_block(&b, 3, 256);
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_name(&b, "pool");
    cnn__zoo_put(&b, cnn_global_max_pool2d(context, CNN_NAMED(.name = b.name)));
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(
        &b, CNN_DENSE(.name = "head", .units = request->classes, .no_bias = 1, .kernel_init = {CNN_INIT_PYTORCH}));
    cnn__zoo_name(&b, "scale");
    cnn__zoo_put(&b, cnn_rescale(context, CNN_RESCALE(.name = b.name, .scale = {1.0f / 9})));
    cnn__zoo_activate(&b, "softmax", CNN_SOFTMAX);
}

const cnn__zoo_kind cnn__zoo_cifar_fast = {
    .name = "cifar-fast",
    .description = "CIFAR in minutes: whitened patches, 6 convolutions with GELU, 32x32x3, 10 classes",
    .input = {32, 32, 3},
    .least = 15,
    .classes = 10,
    .add_layers = add_layers,
};
