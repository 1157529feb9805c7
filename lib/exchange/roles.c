/* SPDX-License-Identifier: MIT */
/* What parameters are called elsewhere and how their axes lie there: a new layer with parameters is a line for each. */
#include <stdio.h>
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

bool cnn__role_is_known(const char *name, int32_t layout)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (roles[i].names[layout] != NULL && strcmp(roles[i].names[layout], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The letters with that of the features of a flattened image spelled out in the order `image`. */
static void expand(const char *axes, char letter, const char *image, char expanded[CNN_MAX_RANK + 1])
{
    size_t size = 0;
    for (; *axes != '\0' && size < CNN_MAX_RANK - 2; axes++) {
        if (*axes == letter) {
            memcpy(expanded + size, image, 3);
            size += 3;
        } else {
            expanded[size++] = *axes;
        }
    }
    expanded[size] = '\0';
}

bool cnn__match_order(const cnn__role *role, int32_t layout, const cnn_shape *shape, const cnn_shape *flat,
                      cnn__order *order, char text[40])
{
    char own[CNN_MAX_RANK + 1], other[CNN_MAX_RANK + 1];
    const char *axes = role->others[layout];
    const char letter = strchr(role->axes, 'i') != NULL ? 'i' : 'c'; /* the axis of what the layer reads */
    const char *at = strchr(role->axes, letter);
    const int64_t features = at != NULL && shape->rank > (uint32_t)(at - role->axes) ? shape->dims[at - role->axes] : 0;
    const bool image = flat->rank == 3 &&
                       features == flat->dims[0] * flat->dims[1] * flat->dims[2]; /* else one for all */
    text[0] = '\0';
    *order = (cnn__order){.from = *shape};
    for (uint32_t d = 0; d < CNN_MAX_RANK; d++) {
        order->axes[d] = d;
    }
    if (role->names[layout] == NULL) {
        return false;
    }
    if (strlen(role->axes) != shape->rank || (!image && strcmp(axes, role->axes) == 0)) {
        return true; /* as it is */
    }
    /* Of an image within, the letters are Y, X, Z: rows, columns, channels. */
    expand(role->axes, image ? letter : ' ', "YXZ", own);
    expand(axes, image ? letter : ' ', "ZYX", other);
    int64_t sizes[128] = {['Y'] = flat->dims[0], ['X'] = flat->dims[1], ['Z'] = flat->dims[2]};
    for (uint32_t d = 0; d < shape->rank; d++) {
        sizes[(unsigned char)role->axes[d]] = shape->dims[d];
    }
    order->from.rank = (uint32_t)strlen(other);
    for (uint32_t d = 0; d < order->from.rank; d++) {
        order->from.dims[d] = sizes[(unsigned char)other[d]];
        order->axes[d] = (uint32_t)(strchr(other, own[d]) - other);
    }
    snprintf(text, 40, image ? "%s -> %s, image" : "%s -> %s", axes, role->axes);
    return true;
}

cnn_shape cnn__foreign_shape(const cnn__role *role, int32_t layout, const cnn_shape *shape)
{
    cnn_shape foreign = *shape;
    const char *axes = role->others[layout];
    for (uint32_t d = 0; strlen(role->axes) == shape->rank && d < shape->rank; d++) {
        foreign.dims[d] = shape->dims[strchr(role->axes, axes[d]) - role->axes];
    }
    return foreign;
}
