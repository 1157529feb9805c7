/* SPDX-License-Identifier: MIT */
/* A network of thirteen convolutions with batch normalisation and dropout, as a PyTorch text on explaining builds it,
 * with PyTorch's names. view(-1, 512) makes a row of each of the last positions: of images from 34 to 65 pixels one,
 * of 100x100 nine, whose outputs are log-probabilities as those of nine images. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

/* Behind relu: dropout of this rate, or a pooling. */
#define POOL (-1.0f)

static const struct {
    int32_t filters;
    float behind;
} units[] = {{64, 0.3f},  {64, POOL},  {128, 0.4f}, {128, POOL}, {256, 0.4f}, {256, 0.4f}, {256, POOL},
             {512, 0.4f}, {512, 0.4f}, {512, POOL}, {512, 0.4f}, {512, 0.4f}, {512, POOL}};

static const char *next(char name[12], int *number)
{
    snprintf(name, 12, "%d", (*number)++);
    return name;
}

/* The rate that was asked for is that of all dropouts; the network's own differ. */
static float rate_of(float own, float asked) { return asked == 0.5f ? own : asked; }

static void add_features(cnn__zoo_builder *b, float asked)
{
    char name[12];
    int number = 0;
    cnn__zoo_scope(b, "features.");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        cnn__zoo_conv(b, CNN_CONV2D(.name = next(name, &number), .filters = units[i].filters, .kernel = {3},
                                    .padding = i == 0 ? CNN_PADDING_VALID : CNN_PADDING_DEFAULT));
        cnn__zoo_norm(b, next(name, &number));
        cnn__zoo_activate(b, next(name, &number), CNN_RELU);
        next(name, &number);
        if (units[i].behind == POOL) {
            cnn__zoo_max_pool(b, name, 2, 2, 0);
        } else {
            cnn__zoo_dropout(b, name, rate_of(units[i].behind, asked));
        }
    }
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    b.fan_out = false;
    b.kernel_init = (cnn_initializer){CNN_INIT_PYTORCH, 0};
    add_features(&b, request->dropout);
    cnn__zoo_scope(&b, "%s", "");
    cnn__zoo_put(&b, cnn_reshape(context, CNN_RESHAPE(.name = cnn__zoo_name(&b, "view"), .shape = {512}, .rows = 1)));
    cnn__zoo_scope(&b, "classifier.");
    cnn__zoo_dense(&b, CNN_DENSE(.name = "0", .units = 512, .no_bias = 1, .kernel_init = {CNN_INIT_PYTORCH, 0}));
    cnn__zoo_dropout(&b, "1", request->dropout);
    cnn__zoo_norm(&b, "2");
    cnn__zoo_activate(&b, "3", CNN_RELU);
    cnn__zoo_dropout(&b, "4", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "5", .units = request->classes, .activation = CNN_LOG_SOFTMAX,
                                 .kernel_init = {CNN_INIT_PYTORCH, 0}, .bias_init = {CNN_INIT_PYTORCH, 0}));
}

const cnn__zoo_kind cnn__zoo_xai = {
    .name = "xai",
    .description = "13 convolutions with batch normalisation and dropout, 2 dense layers, 64x64x3, 2 log-softmax "
                   "outputs",
    .input = {64, 64, 3},
    .least = 34,
    .classes = 2,
    .dropout = 0.5f,
    .add_layers = add_layers,
};
