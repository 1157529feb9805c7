/* SPDX-License-Identifier: MIT */
/* ONNX operator <-> layer: one line for each, in the order of the alphabet. */
#include "onnx/operators.h"

#include <string.h>

static const cnn__onnx_operator operators[] = {
    {"Identity", NULL, NULL, {NULL}},
};

const cnn__onnx_operator *cnn__onnx_operator_at(size_t index)
{
    return index < sizeof(operators) / sizeof(operators[0]) ? &operators[index] : NULL;
}

const cnn__onnx_operator *cnn__onnx_operator_find(const char *type)
{
    for (size_t i = 0; cnn__onnx_operator_at(i) != NULL; i++) {
        if (strcmp(operators[i].type, type) == 0) {
            return &operators[i];
        }
    }
    return NULL;
}

const cnn__onnx_operator *cnn__onnx_operator_of_layer(const char *layer_type)
{
    for (size_t i = 0; cnn__onnx_operator_at(i) != NULL; i++) {
        for (size_t k = 0; k < CNN__ONNX_MOST_LAYERS && operators[i].layers[k] != NULL; k++) {
            if (strcmp(operators[i].layers[k], layer_type) == 0) {
                return &operators[i];
            }
        }
    }
    return NULL;
}
