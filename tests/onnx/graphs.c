/* SPDX-License-Identifier: MIT */
#include "onnx/graphs.h"

#include <check.h>

#include "onnx/collect.h"

cnn_context *context;

void open_context(void) { ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK); }

void close_context(void) { cnn_context_free(context); }

float weights[4 * 2 * 3 * 3];

cnn__onnx_node *add_node(file *f, const char *type, const char *a, const char *b, const char *output)
{
    const size_t i = f->node_count++;
    f->inputs[i][0] = a;
    f->inputs[i][1] = b;
    f->outputs[i][0] = output;
    f->nodes[i] = (cnn__onnx_node){.name = output,
                                   .type = type,
                                   .inputs = {f->inputs[i], b != NULL ? 2 : 1, 0},
                                   .outputs = {f->outputs[i], 1, 0},
                                   .attributes = {f->attributes[i], 0, 0}};
    f->output = output;
    return &f->nodes[i];
}

cnn__onnx_attribute *add_int(cnn__onnx_node *node, const char *name, int64_t value)
{
    cnn__onnx_attribute *a = (cnn__onnx_attribute *)node->attributes.items + node->attributes.count++;
    *a = (cnn__onnx_attribute){.name = name, .type = CNN__ONNX_ATTRIBUTE_INT, .i = value};
    return a;
}

void add_ints(cnn__onnx_node *node, const char *name, int64_t *values, size_t count)
{
    cnn__onnx_attribute *a = add_int(node, name, 0);
    a->type = CNN__ONNX_ATTRIBUTE_INTS;
    a->ints = (cnn__onnx_list){values, count, 0};
}

cnn__onnx_tensor *add_tensor(file *f, const char *name, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const size_t i = f->tensor_count++;
    const int64_t dims[] = {a, b, c, d};
    size_t bytes = sizeof(float);
    for (uint32_t k = 0; k < rank; k++) {
        f->dims[i][k] = dims[k];
        bytes *= (size_t)dims[k];
    }
    f->tensors[i] = (cnn__onnx_tensor){.name = name,
                                       .type = CNN__ONNX_FLOAT,
                                       .dims = {f->dims[i], rank, 0},
                                       .raw = {weights, bytes < sizeof(weights) ? bytes : sizeof(weights), 0}};
    return &f->tensors[i];
}

void encode(file *f, cnn__string *bytes)
{
    cnn__onnx_dim sizes[] = {
        {.symbol = "N"}, {.known = true, .size = 2}, {.known = true, .size = 6}, {.known = true, .size = 5}};
    cnn__onnx_value in = {.name = "x", .type = CNN__ONNX_FLOAT, .shaped = true, .dims = {sizes, 4, 0}};
    cnn__onnx_value out = {.name = f->output, .type = CNN__ONNX_FLOAT};
    cnn__onnx_graph graph = {.name = "g",
                             .nodes = {f->nodes, f->node_count, 0},
                             .initializers = {f->tensors, f->tensor_count, 0},
                             .inputs = {&in, 1, 0},
                             .outputs = {&out, 1, 0}};
    cnn__onnx_opset opset = {"", f->opset != 0 ? f->opset : 13};
    const cnn__onnx_model model = {.ir_version = 8, .graph = &graph, .opsets = {&opset, 1, 0}};
    *bytes = (cnn__string){.context = context};
    ck_assert_int_eq(cnn__onnx_encode(context, &model, collect, bytes), CNN_OK);
}
