/* SPDX-License-Identifier: MIT */
/* The preprocessing of images as nodes before the model. */
#ifndef CNN_ONNX_OUT_PREPROCESS_H
#define CNN_ONNX_OUT_PREPROCESS_H

#include "onnx/out.h"

/* Adds the graph's input, images as bytes N, height, width, channels, and what the model's preprocessing makes of them:
 * the model's first input, whose value is there already. */
void cnn__out_preprocess(cnn__out *out);

#endif
