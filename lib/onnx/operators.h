/* SPDX-License-Identifier: MIT */
/* The table of ONNX operators and the layers that they are: one line for each operator (operators.c). */
#ifndef CNN_ONNX_OPERATORS_H
#define CNN_ONNX_OPERATORS_H

#include "onnx/proto.h"

struct cnn__onnx_import;
struct cnn__onnx_export;
struct cnn__node;

/* Adds what a node does to the model that is being made. */
typedef cnn_status (*cnn__onnx_in)(struct cnn__onnx_import *import, const cnn__onnx_node *node);
/* Writes a layer of a model as nodes. */
typedef cnn_status (*cnn__onnx_out)(struct cnn__onnx_export *export, const struct cnn__node *layer);

/* Most kinds of layers that one operator stands for. */
enum { CNN__ONNX_MOST_LAYERS = 8 };

typedef struct cnn__onnx_operator {
    const char *type;                          /* "Conv" */
    cnn__onnx_in in;                           /* NULL: not read */
    cnn__onnx_out out;                         /* NULL: not written */
    const char *layers[CNN__ONNX_MOST_LAYERS]; /* types that `out` writes with this operator first: "Conv2D" */
} cnn__onnx_operator;

/* The line of an operator; NULL if there is none. */
const cnn__onnx_operator *cnn__onnx_operator_find(const char *type);
/* The line that writes a type of layer; NULL if there is none. */
const cnn__onnx_operator *cnn__onnx_operator_of_layer(const char *layer_type);
/* By number, to list them; NULL past the end. */
const cnn__onnx_operator *cnn__onnx_operator_at(size_t index);

#endif
