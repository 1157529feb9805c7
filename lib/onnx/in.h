/* SPDX-License-Identifier: MIT */
/* The functions of the table of operators that read nodes, and what they share. */
#ifndef CNN_ONNX_IN_H
#define CNN_ONNX_IN_H

#include "layer/layer.h"
#include "onnx/import.h"

#define CNN__ONNX_IN(name) cnn_status cnn__onnx_in_##name(cnn__onnx_import *import, const cnn__onnx_node *node)

/* shapes.c */
CNN__ONNX_IN(cast);
CNN__ONNX_IN(concat);
CNN__ONNX_IN(dropout);
CNN__ONNX_IN(identity);
CNN__ONNX_IN(reshape);
CNN__ONNX_IN(shape);
CNN__ONNX_IN(size);
CNN__ONNX_IN(transpose);
/* in_conv.c */
CNN__ONNX_IN(conv);
CNN__ONNX_IN(conv_transpose);
/* in_pool.c */
CNN__ONNX_IN(pool);
CNN__ONNX_IN(global_pool);
/* in_dense.c */
CNN__ONNX_IN(gemm);
CNN__ONNX_IN(matmul);
/* in_norm.c */
CNN__ONNX_IN(batch_norm);
CNN__ONNX_IN(instance_norm);
CNN__ONNX_IN(lrn);
/* in_activation.c */
CNN__ONNX_IN(activation);
CNN__ONNX_IN(clip);
CNN__ONNX_IN(hard_sigmoid);
CNN__ONNX_IN(prelu);
CNN__ONNX_IN(softmax);
/* in_elementwise.c */
CNN__ONNX_IN(combine);
CNN__ONNX_IN(function);
/* in_resize.c */
CNN__ONNX_IN(resize);
/* in_sample.c */
CNN__ONNX_IN(gather);
CNN__ONNX_IN(pad);
CNN__ONNX_IN(slice);
CNN__ONNX_IN(space);
CNN__ONNX_IN(split);
/* in_reduce.c */
CNN__ONNX_IN(reduce);

/* The product of a value and of an activation of it: one activation. */
cnn_status cnn__onnx_gated(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_wire *gate);

/* Adds input `index` of the node, a value or a constant, times a number to what there is so far; none adds nothing. */
cnn_status cnn__onnx_add_input(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index, float scale,
                               cnn__onnx_wire *made);
/* Multiplies that by a number. */
cnn_status cnn__onnx_rescale(cnn__onnx_import *import, const cnn__onnx_node *node, float scale, cnn__onnx_wire *made);

/* Windows along the axes of an image, a sequence or a volume: strides, dilations, padding. */
typedef struct cnn__onnx_windows {
    uint32_t sides;
    cnn__window side[3];
} cnn__onnx_windows;

/* What attributes say of windows of these kernels. */
cnn_status cnn__onnx_read_windows(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t sides,
                                  const int64_t *kernel, cnn__onnx_windows *windows);
/* The images that windows give, of `channels`. */
cnn_status cnn__onnx_window_outputs(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_windows *windows,
                                    const cnn__onnx_wire *wire, int64_t channels, cnn__onnx_axes *axes,
                                    cnn_shape *actual);
/* Options of layers with windows, by pairs for padding as theirs; -1 of the rest. */
void cnn__onnx_window_options(const cnn__onnx_windows *windows, int32_t *kernel, int32_t *stride, int32_t *dilation,
                              int32_t *pads);

/* Where axis i of the value is among those that options of layers number, the batch left out. */
static inline uint32_t cnn__onnx_option_axis(const cnn__onnx_import *import, uint32_t i)
{
    return i - cnn__onnx_first_axis(import);
}
/* Which of the words it is; `count`: none of them. */
int32_t cnn__onnx_word(const char *const *words, int32_t count, const char *text);
/* The value with all of its axes, in the order in which they lie; too many for options fail. */
cnn_status cnn__onnx_stored_input(cnn__onnx_import *import, const cnn__onnx_node *node, cnn__onnx_wire **wire);

/* CNN_ERROR_SHAPE unless the constant has that many values, of floats. */
cnn_status cnn__onnx_check_count(cnn__onnx_import *import, const cnn__onnx_node *node, const cnn__onnx_constant *c,
                                 size_t count, const char *what);
/* CNN_ERROR_LIMIT unless the number fits into an option. */
cnn_status cnn__onnx_small(cnn__onnx_import *import, const cnn__onnx_node *node, int64_t number, const char *what,
                           int32_t *small);
/* The one thing that all who end in a layer do. */
#define CNN__ONNX_NAME(name, import, node, parameter)                 \
    const char *name = cnn__onnx_layer_name(import, node, parameter); \
    do {                                                              \
        if (name == NULL) {                                           \
            return cnn__last_status((import)->context);               \
        }                                                             \
    } while (0)

#endif
