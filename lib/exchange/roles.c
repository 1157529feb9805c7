/* SPDX-License-Identifier: MIT */
/* What parameters are called elsewhere and how their axes lie there: a new layer with parameters is a line for each. */
#include <string.h>

#include "exchange/weights.h"

/* Layer, parameter, axes here; names of Keras and PyTorch; their axes. */
#define ROLE(type, parameter, axes, keras, torch, keras_axes, torch_axes)                  \
    {                                                                                      \
        type, parameter, axes, {parameter, keras, torch}, { axes, keras_axes, torch_axes } \
    }

static const cnn__role roles[] = {
    ROLE("Conv2D", "kernel", "hwio", "kernel", "weight", "hwio", "oihw"),
    /* Keras's DepthwiseConv2D, whose channels and multiplier are the filters of as many groups. */
    ROLE("Conv2D", "kernel", "hwcm", "depthwise_kernel", NULL, "hwcm", NULL),
    ROLE("DepthwiseConv2D", "kernel", "hwcm", "depthwise_kernel", NULL, "hwcm", NULL),
    ROLE("DepthwiseConv2D", "kernel", "hwcm", "kernel", NULL, "hwcm", NULL),
    ROLE("DepthwiseConv2D", "kernel", "hwio", NULL, "weight", NULL, "oihw"),
    ROLE("DepthwiseConv2D", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("SeparableConv2D", "depthwise_kernel", "hwcm", "depthwise_kernel", NULL, "hwcm", NULL),
    ROLE("SeparableConv2D", "pointwise_kernel", "hwio", "pointwise_kernel", NULL, "hwio", NULL),
    ROLE("SeparableConv2D", "bias", "o", "bias", NULL, "o", NULL),
    ROLE("Conv2DTranspose", "kernel", "hwoi", "kernel", "weight", "hwoi", "iohw"),
    ROLE("Conv2DTranspose", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("Conv1D", "kernel", "wio", "kernel", "weight", "wio", "oiw"),
    ROLE("Conv1D", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("Conv3D", "kernel", "dhwio", "kernel", "weight", "dhwio", "oidhw"),
    ROLE("Conv3D", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("Conv3DTranspose", "kernel", "dhwoi", "kernel", "weight", "dhwoi", "iodhw"),
    ROLE("Conv3DTranspose", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("Conv2D", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("PReLU", "alpha", "c", "alpha", "weight", "c", "c"),
    ROLE("Arithmetic", "value", "c", NULL, "value", "c", "c"), /* a number for each channel, by the layer's own name */
    ROLE("Dense", "kernel", "io", "kernel", "weight", "io", "oi"),
    ROLE("Dense", "bias", "o", "bias", "bias", "o", "o"),
    ROLE("BatchNormalization", "gamma", "c", "gamma", "weight", "c", "c"),
    ROLE("BatchNormalization", "beta", "c", "beta", "bias", "c", "c"),
    ROLE("BatchNormalization", "moving_mean", "c", "moving_mean", "running_mean", "c", "c"),
    ROLE("BatchNormalization", "moving_variance", "c", "moving_variance", "running_var", "c", "c"),
};

#define ROLES (sizeof(roles) / sizeof(roles[0]))

const cnn__role *cnn__role_find(const char *type, const char *parameter, const cnn__role *after)
{
    for (const cnn__role *role = after != NULL ? after + 1 : roles; role < roles + ROLES; role++) {
        if (strcmp(role->type, type) == 0 && strcmp(role->parameter, parameter) == 0) {
            return role;
        }
    }
    return NULL;
}

/* Layers with Keras's names whose torchvision modules are told by numbers. */
static const char *const torch_names[][2] = {
    {"block1_conv1", "features.0"},  {"block1_conv2", "features.2"},  {"block2_conv1", "features.5"},
    {"block2_conv2", "features.7"},  {"block3_conv1", "features.10"}, {"block3_conv2", "features.12"},
    {"block3_conv3", "features.14"}, {"block4_conv1", "features.17"}, {"block4_conv2", "features.19"},
    {"block4_conv3", "features.21"}, {"block5_conv1", "features.24"}, {"block5_conv2", "features.26"},
    {"block5_conv3", "features.28"}, {"fc1", "classifier.0"},         {"fc2", "classifier.3"},
    {"predictions", "classifier.6"},
};

const char *cnn__torch_name(const char *layer)
{
    for (size_t i = 0; i < sizeof(torch_names) / sizeof(torch_names[0]); i++) {
        if (strcmp(torch_names[i][0], layer) == 0) {
            return torch_names[i][1];
        }
    }
    return NULL;
}
