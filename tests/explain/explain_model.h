/* SPDX-License-Identifier: MIT */
/* The small network whose explanations are known. */
#ifndef CNN_TESTS_EXPLAIN_MODEL_H
#define CNN_TESTS_EXPLAIN_MODEL_H

#include <cnn/cnn.h>

enum { SIDE = 12, COLORS = 3, IMAGE = SIDE * SIDE * COLORS, MAP_SIDE = 6, CLASSES = 4 };

extern cnn_context *context;
void set_up(void);
void tear_down(void);

/* Values from -scale to scale; golden_explain.py has the same generator. */
void fill(float *values, size_t count, uint32_t state, float scale);
/* Two convolutions with ReLU, conv1 and conv2, with a pooling between them, and a dense layer, scores, of `outputs`. */
cnn_model *explained_model(int32_t outputs, cnn_activation end);
/* The same with a global average pooling before the dense layer: a channel's weight is then the same everywhere. */
cnn_model *pooled_model(int32_t outputs, cnn_activation end);
/* Checks that it succeeds. */
cnn_explainer *open_explainer(cnn_model *model, const cnn_explainer_options *options);
cnn_explanation explain(cnn_explainer *explainer, const float *input, int32_t label);

#endif
