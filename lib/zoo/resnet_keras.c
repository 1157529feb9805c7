/* SPDX-License-Identifier: MIT */
/* ResNet-50 as TensorFlow's model garden builds it in Keras, with its names (res2a_branch2a, bn_conv1, fc1000), for
 * images of 32x32: the stride is in the 3x3 convolutions, padding is "same", and L2 of 1e-4 is in the loss for all
 * kernels and for fc1000's bias. */
#include <stdio.h>

#include "zoo/builder.h"
#include "zoo/zoo.h"

typedef struct state {
    cnn__zoo_builder b;
    cnn_regularizer l2;
    int activations, sums; /* made so far, which Keras numbers */
} state;

static const char *numbered(const char *kind, int *count, char *text, size_t size)
{
    if ((*count)++ == 0) {
        snprintf(text, size, "%s", kind);
    } else {
        snprintf(text, size, "%s_%d", kind, *count - 1);
    }
    return text;
}

static void add_relu(state *s)
{
    char name[24];
    cnn__zoo_activate(&s->b, numbered("activation", &s->activations, name, sizeof(name)), CNN_RELU);
}

static void add_unit(state *s, const char *block, const char *branch, int32_t filters, int32_t size, int32_t stride)
{
    char name[32];
    snprintf(name, sizeof(name), "res%s_branch%s", block, branch);
    cnn__zoo_conv(&s->b, CNN_CONV2D(.name = name, .filters = filters, .kernel = {size}, .stride = {stride},
                                    .kernel_regularizer = s->l2));
    snprintf(name, sizeof(name), "bn%s_branch%s", block, branch);
    cnn__zoo_norm(&s->b, name);
}

static void add_block(state *s, int stage, int number, int32_t filters, int32_t stride)
{
    char block[8], name[24], input[CNN__ZOO_NAME], main_path[CNN__ZOO_NAME];
    snprintf(block, sizeof(block), "%d%c", stage, 'a' + number);
    cnn__zoo_mark(&s->b, input);
    add_unit(s, block, "2a", filters, 1, 1);
    add_relu(s);
    add_unit(s, block, "2b", filters, 3, stride);
    add_relu(s);
    add_unit(s, block, "2c", 4 * filters, 1, 1);
    if (number == 0) {
        cnn__zoo_mark(&s->b, main_path);
        cnn__zoo_return(&s->b, input);
        add_unit(s, block, "1", 4 * filters, 1, stride);
        cnn__zoo_mark(&s->b, input);
        cnn__zoo_return(&s->b, main_path);
    }
    cnn__zoo_add(&s->b, numbered("add", &s->sums, name, sizeof(name)), input);
    add_relu(s);
}

enum { L2_ON, L2_OFF };
enum { RESCALE_OFF, RESCALE_ON };

/* From [0, 1] to bytes less ImageNet's means, which the network's published weights read. */
static void add_rescale(cnn__zoo_builder *b)
{
    cnn__zoo_put(b, cnn_rescale(b->context, CNN_RESCALE(.name = cnn__zoo_name(b, "rescale"), .scale = {255, 255, 255},
                                                        .offset = {-123.68f, -116.78f, -103.94f}, .channels = 3)));
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    static const int depths[] = {3, 4, 6, 3};
    state s = {.b = cnn__zoo_keras(context, model)};
    char name[24];
    s.l2.l2 = request->choices[0] == L2_ON ? 1e-4f : 0;
    s.b.kernel_init = (cnn_initializer){CNN_INIT_HE_NORMAL, 0};
    s.b.norm.keep = 0.9f;
    s.b.norm.epsilon = 1e-5f;
    if (request->choices[1] == RESCALE_ON) {
        add_rescale(&s.b);
    }
    cnn__zoo_put(
        &s.b, cnn_zero_pad2d(context, CNN_ZERO_PAD2D(.name = cnn__zoo_name(&s.b, "conv1_pad"), .pads = {3, 3, 3, 3})));
    cnn__zoo_conv(&s.b, CNN_CONV2D(.name = "conv1", .filters = 64, .kernel = {7}, .stride = {2},
                                   .padding = CNN_PADDING_VALID, .kernel_regularizer = s.l2));
    cnn__zoo_norm(&s.b, "bn_conv1");
    add_relu(&s);
    cnn__zoo_put(&s.b, cnn_max_pool2d(context, CNN_POOL2D(.name = cnn__zoo_name(&s.b, "max_pooling2d"), .size = {3},
                                                          .stride = {2}, .padding = CNN_PADDING_SAME)));
    for (int stage = 0; stage < 4; stage++) {
        for (int number = 0; number < depths[stage]; number++) {
            add_block(&s, stage + 2, number, 64 << stage, stage > 0 && number == 0 ? 2 : 1);
        }
    }
    cnn__zoo_global_average(&s.b, "global_average_pooling2d");
    cnn__zoo_dense(&s.b, CNN_DENSE(.name = "fc1000", .units = request->classes, .kernel_init = {CNN_INIT_NORMAL, 0.01f},
                                   .kernel_regularizer = s.l2, .bias_regularizer = s.l2));
    cnn__zoo_activate(&s.b, numbered("activation", &s.activations, name, sizeof(name)), CNN_SOFTMAX);
}

static const char *const l2_words[] = {[L2_ON] = "on", [L2_OFF] = "off", NULL};
static const char *const rescale_words[] = {[RESCALE_OFF] = "off", [RESCALE_ON] = "on", NULL};
static const cnn__param params[] = {
    {.name = "l2", .words = l2_words}, {.name = "rescale", .words = rescale_words}, {.name = NULL}};

const cnn__zoo_kind cnn__zoo_resnet50_keras = {
    .name = "resnet50-keras",
    .description = "ResNet-50 as TensorFlow's model garden has it, with L2 in the loss, 32x32x3, 100 classes",
    .input = {32, 32, 3},
    .classes = 100,
    .params = params,
    .add_layers = add_layers,
};
