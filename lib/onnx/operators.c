/* SPDX-License-Identifier: MIT */
/* ONNX operators and who reads them: one line for each, in the order of the alphabet. Those that are computed from
 * constants are in fold.c and fold_values.c. */
#include "onnx/operators.h"

#include <string.h>

#include "onnx/in.h"

static const cnn__onnx_operator operators[] = {
    {"Abs", cnn__onnx_in_function},
    {"Add", cnn__onnx_in_combine},
    {"AveragePool", cnn__onnx_in_pool},
    {"BatchNormalization", cnn__onnx_in_batch_norm},
    {"Cast", cnn__onnx_in_cast},
    {"Clip", cnn__onnx_in_clip},
    {"Concat", cnn__onnx_in_concat},
    {"Conv", cnn__onnx_in_conv},
    {"ConvTranspose", cnn__onnx_in_conv_transpose},
    {"DepthToSpace", cnn__onnx_in_space},
    {"Div", cnn__onnx_in_combine},
    {"Dropout", cnn__onnx_in_dropout},
    {"Elu", cnn__onnx_in_activation},
    {"Erf", cnn__onnx_in_function},
    {"Exp", cnn__onnx_in_function},
    {"Flatten", cnn__onnx_in_reshape},
    {"Gather", cnn__onnx_in_gather},
    {"Gelu", cnn__onnx_in_activation},
    {"Gemm", cnn__onnx_in_gemm},
    {"GlobalAveragePool", cnn__onnx_in_global_pool},
    {"GlobalMaxPool", cnn__onnx_in_global_pool},
    {"HardSigmoid", cnn__onnx_in_hard_sigmoid},
    {"HardSwish", cnn__onnx_in_activation},
    {"Identity", cnn__onnx_in_identity},
    {"InstanceNormalization", cnn__onnx_in_instance_norm},
    {"LeakyRelu", cnn__onnx_in_activation},
    {"Log", cnn__onnx_in_function},
    {"LogSoftmax", cnn__onnx_in_softmax},
    {"LRN", cnn__onnx_in_lrn},
    {"MatMul", cnn__onnx_in_matmul},
    {"Max", cnn__onnx_in_combine},
    {"MaxPool", cnn__onnx_in_pool},
    {"Mean", cnn__onnx_in_combine},
    {"Min", cnn__onnx_in_combine},
    {"Mul", cnn__onnx_in_combine},
    {"Neg", cnn__onnx_in_function},
    {"Pad", cnn__onnx_in_pad},
    {"Pow", cnn__onnx_in_combine},
    {"PRelu", cnn__onnx_in_prelu},
    {"Reciprocal", cnn__onnx_in_function},
    {"ReduceMax", cnn__onnx_in_reduce},
    {"ReduceMean", cnn__onnx_in_reduce},
    {"ReduceMin", cnn__onnx_in_reduce},
    {"ReduceSum", cnn__onnx_in_reduce},
    {"Relu", cnn__onnx_in_activation},
    {"Reshape", cnn__onnx_in_reshape},
    {"Resize", cnn__onnx_in_resize},
    {"Selu", cnn__onnx_in_activation},
    {"Shape", cnn__onnx_in_shape},
    {"Sigmoid", cnn__onnx_in_activation},
    {"Size", cnn__onnx_in_size},
    {"Slice", cnn__onnx_in_slice},
    {"Softmax", cnn__onnx_in_softmax},
    {"Softplus", cnn__onnx_in_activation},
    {"SpaceToDepth", cnn__onnx_in_space},
    {"Split", cnn__onnx_in_split},
    {"Sqrt", cnn__onnx_in_function},
    {"Squeeze", cnn__onnx_in_reshape},
    {"Sub", cnn__onnx_in_combine},
    {"Sum", cnn__onnx_in_combine},
    {"Tanh", cnn__onnx_in_activation},
    {"Transpose", cnn__onnx_in_transpose},
    {"Unsqueeze", cnn__onnx_in_reshape},
    {"Upsample", cnn__onnx_in_resize},
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
