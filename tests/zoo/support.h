/* SPDX-License-Identifier: MIT */
/* What tests of the networks share. */
#ifndef CNN_TESTS_ZOO_SUPPORT_H
#define CNN_TESTS_ZOO_SUPPORT_H

#include <cnn/cnn.h>

typedef struct zoo_layer {
    const char *name, *type;
    cnn_shape output;
} zoo_layer;

#define MAPS(h, c)        \
    {                     \
        3, 0, { h, h, c } \
    }
#define VECTOR(c)   \
    {               \
        1, 0, { c } \
    }

/* The model has these layers, and each gives that shape. */
void zoo_expect_layers(const cnn_model *model, const zoo_layer *layers, size_t count);

/* The values of a parameter are normal, of mean 0 and this deviation, and not cut off. */
void zoo_expect_normal(cnn_model *model, const char *name, double deviation);
void zoo_expect_constant(cnn_model *model, const char *name, float constant);

/* Finds "layer1.0.bn1.weight" as this library names it; fails if it is not there. */
void zoo_find_torch(cnn_model *model, const char *torch_name, cnn_parameter *parameter);

#endif
