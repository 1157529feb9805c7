/* SPDX-License-Identifier: MIT */
/* LeNet-5 (LeCun et al. 1998) as it is built today: every map of C3 reads all maps of S2, S2 and S4 are plain means,
 * and the output is a softmax. C5 is a dense layer, so that other sizes fit; of 32x32 it has the paper's 5x5
 * windows. */
#include "zoo/builder.h"
#include "zoo/zoo.h"

enum { TANH, RELU };
enum { AVERAGE, MAXIMUM };

static void add_pool(cnn__zoo_builder *b, const char *name, int kind)
{
    const cnn_pool2d_options *options = CNN_POOL2D(.name = cnn__zoo_name(b, name));
    cnn__zoo_put(b, kind == MAXIMUM ? cnn_max_pool2d(b->context, options) : cnn_average_pool2d(b->context, options));
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    const int32_t activation = request->choices[0] == RELU ? CNN_RELU : CNN_TANH;
    cnn__zoo_builder b = cnn__zoo_keras(context, model);
    b.bias = true;
    b.padding = CNN_PADDING_VALID;
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "c1", .filters = 6, .kernel = {5}, .activation = activation));
    add_pool(&b, "s2", request->choices[1]);
    cnn__zoo_conv(&b, CNN_CONV2D(.name = "c3", .filters = 16, .kernel = {5}, .activation = activation));
    add_pool(&b, "s4", request->choices[1]);
    cnn__zoo_flatten(&b, "flatten");
    cnn__zoo_dense(&b, CNN_DENSE(.name = "c5", .units = 120, .activation = activation));
    cnn__zoo_dense(&b, CNN_DENSE(.name = "f6", .units = 84, .activation = activation));
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "output", .units = request->classes, .activation = CNN_SOFTMAX));
}

static const char *const activation_words[] = {[TANH] = "tanh", [RELU] = "relu", NULL};
static const char *const pooling_words[] = {[AVERAGE] = "average", [MAXIMUM] = "max", NULL};
static const cnn__param params[] = {
    {.name = "activation", .words = activation_words}, {.name = "pooling", .words = pooling_words}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_lenet5 = {
    .name = "lenet5",
    .description = "LeNet-5 of LeCun et al. 1998: 2 convolutions, 3 dense layers, tanh, 32x32x1, 10 classes",
    .input = {32, 32, 1},
    .least = 16,
    .classes = 10,
    .params = params,
    .add_layers = add_layers,
};
