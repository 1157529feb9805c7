/* SPDX-License-Identifier: MIT */
/* ONNX operators and who reads them: one line for each, in the order of the alphabet. Those that are computed from
 * constants are in fold.c and fold_values.c. */
#include "onnx/operators.h"

#include <string.h>

#include "onnx/in.h"

static const cnn__onnx_operator operators[] = {
    {"Add", cnn__onnx_in_combine},
    {"AveragePool", cnn__onnx_in_pool},
    {"BatchNormalization", cnn__onnx_in_batch_norm},
    {"Cast", cnn__onnx_in_cast},
    {"Clip", cnn__onnx_in_clip},
    {"Concat", cnn__onnx_in_concat},
    {"Conv", cnn__onnx_in_conv},
    {"ConvTranspose", cnn__onnx_in_conv_transpose},
    {"Dropout", cnn__onnx_in_dropout},
    {"Elu", cnn__onnx_in_activation},
    {"Flatten", cnn__onnx_in_reshape},
    {"Gelu", cnn__onnx_in_activation},
    {"Gemm", cnn__onnx_in_gemm},
    {"GlobalAveragePool", cnn__onnx_in_global_pool},
    {"GlobalMaxPool", cnn__onnx_in_global_pool},
    {"HardSigmoid", cnn__onnx_in_hard_sigmoid},
    {"HardSwish", cnn__onnx_in_activation},
    {"Identity", cnn__onnx_in_identity},
    {"LRN", cnn__onnx_in_lrn},
    {"LeakyRelu", cnn__onnx_in_activation},
    {"LogSoftmax", cnn__onnx_in_softmax},
    {"MatMul", cnn__onnx_in_matmul},
    {"MaxPool", cnn__onnx_in_pool},
    {"Mul", cnn__onnx_in_combine},
    {"PRelu", cnn__onnx_in_prelu},
    {"Relu", cnn__onnx_in_activation},
    {"Reshape", cnn__onnx_in_reshape},
    {"Selu", cnn__onnx_in_activation},
    {"Shape", cnn__onnx_in_shape},
    {"Sigmoid", cnn__onnx_in_activation},
    {"Size", cnn__onnx_in_size},
    {"Softmax", cnn__onnx_in_softmax},
    {"Softplus", cnn__onnx_in_activation},
    {"Squeeze", cnn__onnx_in_reshape},
    {"Sub", cnn__onnx_in_combine},
    {"Sum", cnn__onnx_in_combine},
    {"Tanh", cnn__onnx_in_activation},
    {"Transpose", cnn__onnx_in_transpose},
    {"Unsqueeze", cnn__onnx_in_reshape},
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
