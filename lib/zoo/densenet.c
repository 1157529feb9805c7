/* SPDX-License-Identifier: MIT */
/* DenseNet-121 (Huang et al. 2017) as torchvision builds it, with torchvision's names. The outputs of a block's layers
 * are put side by side one at a time: denselayer2.cat is what denselayer3 reads. */
#include <math.h>
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

enum { GROWTH = 32, BOTTLENECK = 4 * GROWTH };
static const int depths[] = {6, 12, 24, 16};

/* N(0, 2 / fan_in), not cut off: PyTorch's kaiming_normal_. */
static cnn_initializer fan_in(int64_t area, int64_t inputs)
{
    return (cnn_initializer){CNN_INIT_NORMAL, (float)sqrt(2.0 / (double)(area * inputs))};
}

static void add_layer(cnn__zoo_builder *b, int32_t inputs)
{
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    cnn__zoo_end_branch(b, &fork);
    cnn__zoo_norm(b, "norm1");
    cnn__zoo_activate(b, "relu1", CNN_RELU);
    cnn__zoo_conv(b,
                  CNN_CONV2D(.name = "conv1", .filters = BOTTLENECK, .kernel = {1}, .kernel_init = fan_in(1, inputs)));
    cnn__zoo_norm(b, "norm2");
    cnn__zoo_activate(b, "relu2", CNN_RELU);
    cnn__zoo_conv(b,
                  CNN_CONV2D(.name = "conv2", .filters = GROWTH, .kernel = {3}, .kernel_init = fan_in(9, BOTTLENECK)));
    cnn__zoo_end_branch(b, &fork);
    cnn__zoo_return(b, fork.ends[1]);
    cnn__zoo_concatenate(b, "cat", &fork);
}

static void add_transition(cnn__zoo_builder *b, int32_t inputs)
{
    cnn__zoo_norm(b, "norm");
    cnn__zoo_activate(b, "relu", CNN_RELU);
    cnn__zoo_conv(b,
                  CNN_CONV2D(.name = "conv", .filters = inputs / 2, .kernel = {1}, .kernel_init = fan_in(1, inputs)));
    cnn__zoo_put(b, cnn_average_pool2d(b->context, CNN_POOL2D(.name = cnn__zoo_name(b, "pool"))));
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    int32_t channels = 64;
    cnn__zoo_scope(&b, "features.");
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "conv0", .filters = channels, .kernel = {7}, .stride = {2},
                                 .kernel_init = fan_in(49, request->input.dims[2])));
    cnn__zoo_norm(&b, "norm0");
    cnn__zoo_activate(&b, "relu0", CNN_RELU);
    cnn__zoo_max_pool(&b, "pool0", 3, 2, 1);
    for (int block = 0; block < 4; block++) {
        for (int i = 0; i < depths[block]; i++, channels += GROWTH) {
            cnn__zoo_scope(&b, "features.denseblock%d.denselayer%d.", block + 1, i + 1);
            add_layer(&b, channels);
        }
        if (block < 3) {
            cnn__zoo_scope(&b, "features.transition%d.", block + 1);
            add_transition(&b, channels);
            channels /= 2;
        }
    }
    cnn__zoo_scope(&b, "features.");
    cnn__zoo_norm(&b, "norm5");
    cnn__zoo_activate(&b, "relu5", CNN_RELU);
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dense(&b, CNN_DENSE(.name = "classifier", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_PYTORCH, 0}));
}

const cnn__zoo_kind cnn__zoo_densenet121 = {
    .name = "densenet121",
    .description = "DenseNet-121 of Huang et al. 2017 as torchvision has it: each layer reads all before it in its "
                   "block, 224x224x3, 1000 classes",
    .input = {224, 224, 3},
    .least = 29,
    .classes = 1000,
    .add_layers = add_layers,
};
