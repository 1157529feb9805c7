/* SPDX-License-Identifier: MIT */
/* Small graphs as files, which a test changes until they are wrong. */
#ifndef CNN_TESTS_ONNX_GRAPHS_H
#define CNN_TESTS_ONNX_GRAPHS_H

#include "core/memory.h"
#include "onnx/proto.h"

extern cnn_context *context;
void open_context(void);
void close_context(void);

enum { MOST = 8 };

/* An image "x" of 2 channels, nodes, and tensors. */
typedef struct file {
    cnn__onnx_node nodes[MOST];
    cnn__onnx_attribute attributes[MOST][MOST];
    const char *inputs[MOST][4], *outputs[MOST][2];
    cnn__onnx_tensor tensors[MOST];
    cnn__onnx_entry places[MOST][3];
    int64_t dims[MOST][4];
    size_t node_count, tensor_count;
    int64_t opset;
    const char *output;
} file;

extern float weights[4 * 2 * 3 * 3];

/* Appends a node with one or two inputs and an output, whose name it has; that is the output of the graph then. */
cnn__onnx_node *add_node(file *f, const char *type, const char *a, const char *b, const char *output);
/* Attributes of a node. */
cnn__onnx_attribute *add_int(cnn__onnx_node *node, const char *name, int64_t value);
void add_ints(cnn__onnx_node *node, const char *name, int64_t *values, size_t count);
/* Appends a tensor of `weights`, as far as they go. */
cnn__onnx_tensor *add_tensor(file *f, const char *name, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d);
/* The file, to be freed by cnn__string_free(). */
void encode(file *f, cnn__string *bytes);

#endif
