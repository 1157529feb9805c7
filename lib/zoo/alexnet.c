/* SPDX-License-Identifier: MIT */
/* AlexNet twice: as a widely read article builds it for cats and dogs, in one piece and without response
 * normalisation, and as the paper has it (Krizhevsky, Sutskever and Hinton 2012), whose two halves on two GPUs are
 * groups here. Both read 227x227: the 224 of the paper does not give its own 55x55 outputs. */
#include <cnn/layer.h>

#include "zoo/zoo.h"

/* What differs between the two from layer to layer. */
typedef struct variant {
    float conv_bias[5];
    float dense_deviation, dense_bias; /* of fc6 and fc7 */
    int32_t groups;                    /* of conv2, conv4 and conv5 */
    bool normalised;                   /* after conv1 and conv2 */
} variant;

static const variant article = {{0, 0.1f, 0, 0.1f, 0.1f}, 0.005f, 0.1f, 1, false};
static const variant paper = {{0, 1, 0, 1, 1}, 0.01f, 1, 2, true};

static void add_convolutions(cnn_context *context, const variant *v, cnn_model *model)
{
    static const char *const names[][3] = {{"conv1", "norm1", "pool1"},
                                           {"conv2", "norm2", "pool2"},
                                           {"conv3", NULL, NULL},
                                           {"conv4", NULL, NULL},
                                           {"conv5", NULL, "pool5"}};
    static const int32_t filters[] = {96, 256, 384, 384, 256}, kernels[] = {11, 5, 3, 3, 3};
    for (int i = 0; i < 5; i++) {
        cnn_model_add(
            model,
            cnn_conv2d(context, CNN_CONV2D(.name = names[i][0], .filters = filters[i], .kernel = {kernels[i]},
                                           .stride = {i == 0 ? 4 : 1}, .groups = i == 0 || i == 2 ? 1 : v->groups,
                                           .padding = i == 0 ? CNN_PADDING_VALID : CNN_PADDING_SAME,
                                           .activation = CNN_RELU, .kernel_init = {CNN_INIT_NORMAL, 0.01f},
                                           .bias_init = {CNN_INIT_CONSTANT, v->conv_bias[i]})));
        if (v->normalised && names[i][1] != NULL) {
            cnn_model_add(model, cnn_local_response_norm(context, CNN_LRN(.name = names[i][1],
                                                                          .convention = CNN_TENSORFLOW1, .radius = 2,
                                                                          .alpha = 1e-4f, .beta = 0.75f, .bias = 2)));
        }
        if (names[i][2] != NULL) {
            cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = names[i][2], .size = {3}, .stride = {2})));
        }
    }
}

static void add_hidden(cnn_context *context, const variant *v, const char *name, cnn_model *model)
{
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = name, .units = 4096, .activation = CNN_RELU,
                                                      .kernel_init = {CNN_INIT_NORMAL, v->dense_deviation},
                                                      .bias_init = {CNN_INIT_CONSTANT, v->dense_bias})));
}

static void add_dropout(cnn_context *context, float rate, const char *name, cnn_model *model)
{
    if (rate > 0) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.name = name, .rate = rate)));
    }
}

static void add_all(cnn_context *context, const variant *v, const cnn__zoo_request *request, bool second_dropout,
                    cnn_model *model)
{
    add_convolutions(context, v, model);
    cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flatten")));
    add_hidden(context, v, "fc6", model);
    add_dropout(context, request->dropout, "drop6", model);
    add_hidden(context, v, "fc7", model);
    add_dropout(context, second_dropout ? request->dropout : 0, "drop7", model);
    cnn_model_add(model,
                  cnn_dense(context, CNN_DENSE(.name = "fc8", .units = request->classes, .activation = CNN_SOFTMAX,
                                               .kernel_init = {CNN_INIT_NORMAL, 0.01f})));
}

/* What fc8 reads. The article makes a drop7 that nothing reads: such a layer would never run, so there is none unless
 * it is asked for. */
enum { FC8_READS_FC7, FC8_READS_DROP7 };
static const char *const fc8_words[] = {[FC8_READS_FC7] = "fc7", [FC8_READS_DROP7] = "drop7", NULL};
static const cnn__param article_params[] = {{.name = "fc8", .words = fc8_words}, {.name = NULL}};

static void add_article_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    add_all(context, &article, request, request->choices[0] == FC8_READS_DROP7, model);
}

static void add_paper_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    add_all(context, &paper, request, true, model);
}

const cnn__zoo_kind cnn__zoo_alexnet = {
    .name = "alexnet",
    .description = "AlexNet without groups and response normalisation, 227x227x3, 2 classes",
    .input = {227, 227, 3},
    .classes = 2,
    .dropout = 0.5f,
    .params = article_params,
    .add_layers = add_article_layers,
};

const cnn__zoo_kind cnn__zoo_alexnet_paper = {
    .name = "alexnet-paper",
    .description = "AlexNet of Krizhevsky et al. 2012: two groups, response normalisation, 227x227x3, 1000 classes",
    .input = {227, 227, 3},
    .classes = 1000,
    .dropout = 0.5f,
    .add_layers = add_paper_layers,
};
