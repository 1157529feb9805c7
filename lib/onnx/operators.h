/* SPDX-License-Identifier: MIT */
/* The table of ONNX operators that are read: one line for each (operators.c). */
#ifndef CNN_ONNX_OPERATORS_H
#define CNN_ONNX_OPERATORS_H

#include "onnx/proto.h"

struct cnn__onnx_import;

/* Adds what a node does to the model that is being made. */
typedef cnn_status (*cnn__onnx_in)(struct cnn__onnx_import *import, const cnn__onnx_node *node);

typedef struct cnn__onnx_operator {
    const char *type; /* "Conv" */
    cnn__onnx_in in;  /* NULL: of constants alone */
} cnn__onnx_operator;

/* The line of an operator; NULL if there is none. */
const cnn__onnx_operator *cnn__onnx_operator_find(const char *type);
/* By number, to list them; NULL past the end. */
const cnn__onnx_operator *cnn__onnx_operator_at(size_t index);

#endif
