/* SPDX-License-Identifier: MIT */
/* One operation on a caller's arrays: a layer that is made for the call, asked for its shapes, run forward as in
 * inference, and freed. What layers check and compute is written once, in layer/. */
#ifndef CNN_FUNCTIONAL_FUNCTIONAL_H
#define CNN_FUNCTIONAL_FUNCTIONAL_H

#include <cnn/functional.h>

#include "core/error.h"
#include "core/options.h"
#include "layer/layer.h"

/* A tensor with its name in messages. */
typedef struct cnn__operand {
    const char *name;
    const cnn_tensor *tensor;
} cnn__operand;

/* What is read: inputs and parameters each end with a NULL name. A parameter whose tensor is NULL is left out. */
typedef struct cnn__operands {
    cnn__operand inputs[3];
    cnn__operand parameters[5];
} cnn__operands;

/* Copies the caller's options; CNN_ERROR_INVALID_ARGUMENT for a NULL context. */
cnn_status cnn__functional_open(const cnn_context *context, const char *what, const void *options, void *copy,
                                size_t size);

/* Takes an option from a dimension of a tensor of `rank` dimensions, or compares: CNN_ERROR_SHAPE. */
cnn_status cnn__functional_agree(const cnn_context *context, const char *what, const cnn__operand *operand,
                                 uint32_t rank, uint32_t dimension, const char *option, int32_t *value);

/* Runs the layer, which is freed, on what is read; with y->data NULL says y's shape. A NULL layer is the failure of its
 * constructor. */
cnn_status cnn__functional_run(cnn_context *context, const char *what, cnn_layer *layer, const cnn__operands *operands,
                               cnn_tensor *y);

/* The same for a layer of one input and no parameters. */
cnn_status cnn__functional_run_plain(cnn_context *context, const char *what, cnn_layer *layer, const cnn_tensor *x,
                                     cnn_tensor *y);

#endif
