/* SPDX-License-Identifier: MIT */
#include "onnx/models.h"
#include "common/values.h"

#include <stdio.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof(list[0]))
#define NAMES(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

void onnx_random_values(uint32_t seed, float *values, size_t count)
{
    uint32_t state = seed * 2654435761u + 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
}

void onnx_random_parameters(cnn_model *model)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        (void)cnn_model_parameter(model, i, &parameter);
        const char *own = strrchr(parameter.name, '/') + 1;
        const size_t count = test_shape_values(parameter.value.shape);
        const bool kernel = strstr(own, "kernel") != NULL;
        if (kernel) { /* initialised already */
            continue;
        }
        onnx_random_values((uint32_t)i, parameter.value.data, count);
        for (size_t k = 0; k < count; k++) {
            const float value = parameter.value.data[k];
            parameter.value.data[k] = strcmp(own, "moving_variance") == 0 || strcmp(own, "gamma") == 0 ? 1 + value / 2
                                      : strcmp(own, "alpha") == 0                                      ? value
                                                                                                       : value / 4;
        }
    }
    cnn_model_touch(model);
}

/* ---- sequences and volumes ---- */

static void add_sequence(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_zero_pad1d(c, CNN_ZERO_PAD1D(.pads = {1, 2})));
    cnn_model_add(
        m, cnn_conv1d(c, CNN_CONV1D(.filters = 6, .kernel = 3, .dilation = 2, .pads = {4, 0}, .activation = CNN_RELU)));
    cnn_model_add(m, cnn_batch_norm(c, CNN_BATCH_NORM(.activation = CNN_LEAKY_RELU)));
    cnn_model_add(m, cnn_max_pool1d(c, CNN_POOL1D(.size = 3, .stride = 2, .pads = {1, 1}, .ceil = 1)));
    cnn_model_add(m, cnn_conv1d(c, CNN_CONV1D(.filters = 8, .groups = 2, .stride = 2, .padding = CNN_PADDING_SAME)));
    cnn_model_add(m, cnn_local_response_norm(c, CNN_LRN(.size = 4, .alpha = 0.5f)));
    cnn_model_add(m, cnn_average_pool1d(
                         c, CNN_POOL1D(.size = 2, .stride = 2, .pads = {1, 1}, .ceil = 1, .count_include_pad = 1)));
    cnn_model_add(m, cnn_prelu(c, CNN_PRELU(.name = "slopes", .slopes = CNN_PRELU_POSITION)));
}

static void sequence(cnn_context *c, cnn_model *m)
{
    add_sequence(c, m);
    cnn_model_add(m, cnn_flatten(c, NULL));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 5, .activation = CNN_SOFTMAX)));
}

static void sequence_global(cnn_context *c, cnn_model *m)
{
    add_sequence(c, m);
    cnn_model_add(m, cnn_global_average_pool1d(c, CNN_NAMED(.name = "mean")));
    cnn_model_add_after(m, cnn_global_max_pool1d(c, CNN_NAMED(.name = "most")), NAMES("slopes"));
    cnn_model_add_after(m, cnn_concatenate(c, NULL), NAMES("mean", "most"));
}

static void sequence_out(cnn_context *c, cnn_model *m) { add_sequence(c, m); }

static void add_volume(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_zero_pad3d(c, CNN_ZERO_PAD3D(.pads = {1, 0, 0, 1, 2, 0})));
    cnn_model_add(m, cnn_conv3d(c, CNN_CONV3D(.filters = 4, .kernel = {2, 3, 3}, .padding = CNN_PADDING_SAME,
                                              .activation = CNN_ELU, .alpha = 0.5f)));
    cnn_model_add(m,
                  cnn_max_pool3d(c, CNN_POOL3D(.size = {2, 2, 3}, .stride = {1, 2, 2}, .padding = CNN_PADDING_SAME)));
    cnn_model_add(m, cnn_batch_norm(c, NULL));
    cnn_model_add(m, cnn_average_pool3d(c, CNN_POOL3D(.size = {2, 2, 2}, .stride = {1, 1, 2},
                                                      .pads = {1, 0, 0, 1, 1, 1}, .ceil = 1, .count_include_pad = 1)));
    cnn_model_add(m, cnn_local_response_norm(c, CNN_LRN(.name = "norm", .size = 3)));
}

static void transposed_volume(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m,
                  cnn_conv3d_transpose(c, CNN_CONV3D_TRANSPOSE(.filters = 6, .kernel = {3, 2, 4}, .stride = {2, 1, 3},
                                                               .pads = {1, 0, 1, 0, 0, 2}, .dilation = {1, 2, 1},
                                                               .output_padding = {1, 0, 2}, .activation = CNN_RELU)));
    cnn_model_add(m,
                  cnn_conv3d_transpose(c, CNN_CONV3D_TRANSPOSE(.filters = 4, .kernel = {2, 3, 1}, .stride = {1, 2, 2},
                                                               .padding = CNN_PADDING_SAME, .groups = 2)));
    cnn_model_add(m, cnn_conv3d_transpose(c, CNN_CONV3D_TRANSPOSE(.filters = 3, .kernel = {2}, .stride = {1, 3, 1},
                                                                  .padding = CNN_PADDING_VALID, .no_bias = 1)));
}

static void volume(cnn_context *c, cnn_model *m)
{
    add_volume(c, m);
    cnn_model_add(m, cnn_flatten(c, NULL));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 3, .no_bias = 1)));
}

static void volume_global(cnn_context *c, cnn_model *m)
{
    add_volume(c, m);
    cnn_model_add(m, cnn_global_average_pool3d(c, CNN_NAMED(.name = "mean")));
    cnn_model_add_after(m, cnn_global_max_pool3d(c, CNN_NAMED(.name = "most")), NAMES("norm"));
    cnn_model_add_after(m, cnn_add(c, NULL), NAMES("mean", "most"));
}

/* ---- images ---- */

static void activations(cnn_context *c, cnn_model *m)
{
    for (int32_t a = CNN_LINEAR; a <= CNN_SOFTPLUS; a++) {
        cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.filters = 6, .kernel = {1, 1}, .activation = a, .alpha = 0.3f)));
        cnn_model_add(m, cnn_activate(c, CNN_ACTIVATE(.activation = CNN_SOFTPLUS - a)));
    }
}

static void vector_activations(cnn_context *c, cnn_model *m)
{
    for (int32_t a = CNN_LINEAR; a <= CNN_SOFTPLUS; a++) {
        cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 6, .activation = a)));
        cnn_model_add(m, cnn_batch_norm(c, CNN_BATCH_NORM(.activation = CNN_SOFTPLUS - a, .epsilon = 1e-5f)));
    }
    cnn_model_add(m, cnn_local_response_norm(c, CNN_LRN(.convention = CNN_TENSORFLOW1, .radius = 1, .alpha = 0.1f)));
    cnn_model_add(m, cnn_prelu(c, NULL));
    cnn_model_add(m, cnn_rescale(c, CNN_RESCALE(.scale = {1, 2, 3, 4, 5, 6}, .channels = 6)));
    cnn_model_add(m, cnn_channel_shuffle(c, CNN_CHANNEL_SHUFFLE(.groups = 2)));
}

static void convolutions(cnn_context *c, cnn_model *m)
{
    cnn_model_add(
        m, cnn_conv2d(c, CNN_CONV2D(.filters = 8, .kernel = {3, 2}, .stride = {2, 1}, .padding = CNN_PADDING_SAME)));
    cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.filters = 8, .kernel = {2, 4}, .groups = 4, .no_bias = 1,
                                              .padding = CNN_PADDING_SAME_LOWER, .activation = CNN_TANH)));
    cnn_model_add(m, cnn_depthwise_conv2d(c, CNN_DEPTHWISE_CONV2D(.multiplier = 2, .dilation = {2, 1},
                                                                  .pads = {2, 1, 0, 1}, .activation = CNN_RELU6)));
    cnn_model_add(m, cnn_separable_conv2d(c, CNN_SEPARABLE_CONV2D(.filters = 6, .multiplier = 2, .stride = {1, 2},
                                                                  .activation = CNN_SILU)));
    cnn_model_add(
        m, cnn_separable_conv2d(c, CNN_SEPARABLE_CONV2D(.filters = 4, .no_bias = 1, .padding = CNN_PADDING_SAME)));
}

static void transposed(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_conv2d_transpose(c, CNN_CONV2D_TRANSPOSE(.filters = 6, .kernel = {3, 4}, .stride = {2, 3},
                                                                  .pads = {1, 0, 1, 2}, .output_padding = {1, 2},
                                                                  .activation = CNN_RELU)));
    cnn_model_add(m, cnn_conv2d_transpose(c, CNN_CONV2D_TRANSPOSE(.filters = 4, .kernel = {2, 3}, .stride = {3, 1},
                                                                  .padding = CNN_PADDING_VALID, .groups = 2)));
    cnn_model_add(m, cnn_max_pool2d(c, CNN_POOL2D(.size = {3, 3})));
    cnn_model_add(m, cnn_conv2d_transpose(c, CNN_CONV2D_TRANSPOSE(.filters = 3, .kernel = {4, 3}, .stride = {1, 2},
                                                                  .padding = CNN_PADDING_SAME, .no_bias = 1)));
    cnn_model_add(m, cnn_conv2d_transpose(c, CNN_CONV2D_TRANSPOSE(.filters = 3, .kernel = {2, 2}, .stride = {3, 1},
                                                                  .padding = CNN_PADDING_SAME_LOWER)));
    cnn_model_add(m, cnn_conv2d_transpose(c, CNN_CONV2D_TRANSPOSE(.filters = 2, .kernel = {4, 5}, .stride = {1, 2},
                                                                  .padding = CNN_PADDING_SAME_LOWER)));
    cnn_model_add(m, cnn_conv2d_transpose(c, CNN_CONV2D_TRANSPOSE(.filters = 2, .dilation = {2, 1})));
}

static void poolings(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_max_pool2d(c, CNN_POOL2D(.size = {3, 2}, .stride = {1, 1}, .padding = CNN_PADDING_SAME)));
    cnn_model_add(m, cnn_average_pool2d(c, CNN_POOL2D(.size = {2, 3}, .stride = {1, 1}, .pads = {1, 0, 1, 2})));
    cnn_model_add(m, cnn_average_pool2d(c, CNN_POOL2D(.size = {3, 3}, .stride = {2, 1}, .pads = {1, 1, 1, 1},
                                                      .count_include_pad = 1)));
    cnn_model_add(m, cnn_max_pool2d(c, CNN_POOL2D(.size = {2, 3}, .stride = {1, 2}, .ceil = 1)));
    cnn_model_add(m, cnn_average_pool2d(c, CNN_POOL2D(.size = {3, 3}, .stride = {2, 2}, .pads = {1, 1, 0, 1},
                                                      .count_include_pad = 1, .ceil = 1)));
    cnn_model_add(
        m, cnn_average_pool2d(c, CNN_POOL2D(.size = {2, 2}, .stride = {2, 2}, .ceil = 1, .padding = CNN_PADDING_SAME)));
}

static void dilated(cnn_context *c, cnn_model *m)
{
    cnn_model_add(
        m, cnn_max_pool2d(c, CNN_POOL2D(.size = {3, 2}, .stride = {1, 1}, .dilation = {1, 3}, .pads = {1, 1, 2, 0})));
    cnn_model_add(m, cnn_average_pool2d(c, CNN_POOL2D(.size = {2, 3}, .stride = {2, 1}, .dilation = {3, 2}, .ceil = 1,
                                                      .pads = {1, 0, 1, 2}, .count_include_pad = 1)));
    cnn_model_add(
        m, cnn_average_pool2d(c, CNN_POOL2D(.size = {2}, .stride = {1}, .dilation = {2}, .padding = CNN_PADDING_SAME)));
}

static void adaptive(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.name = "even", .size = {6, 7})));
    cnn_model_add_after(m, cnn_adaptive_max_pool2d(c, CNN_ADAPTIVE_POOL2D(.name = "most", .size = {6, 7})),
                        NAMES("input"));
    cnn_model_add_after(m, cnn_add(c, CNN_NAMED(.name = "sum")), NAMES("even", "most"));
    cnn_model_add(m, cnn_adaptive_max_pool2d(c, CNN_ADAPTIVE_POOL2D(.name = "odd", .size = {5, 9})));
    cnn_model_add(m, cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {4, 2})));
    cnn_model_add(m, cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {4, 2})));
    cnn_model_add(m, cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {2, 1})));
}

static void normalisations(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_local_response_norm(c, CNN_LRN(.size = 2, .alpha = 2)));
    cnn_model_add(m, cnn_batch_norm(c, CNN_BATCH_NORM(.no_scale = 1, .convention = CNN_PYTORCH)));
    cnn_model_add(m, cnn_local_response_norm(c, CNN_LRN(.convention = CNN_TENSORFLOW1, .radius = 1, .bias = 2)));
    cnn_model_add(m, cnn_batch_norm(c, CNN_BATCH_NORM(.no_shift = 1, .epsilon = CNN_ZERO)));
    cnn_model_add(m, cnn_rescale(c, CNN_RESCALE(.scale = {2, 0.5f, 1}, .offset = {-1, 0, 1}, .channels = 3)));
    cnn_model_add(m, cnn_prelu(c, CNN_PRELU(.slopes = CNN_PRELU_CHANNEL)));
    cnn_model_add(m, cnn_prelu(c, CNN_PRELU(.slopes = CNN_PRELU_ONE)));
    cnn_model_add(m, cnn_prelu(c, CNN_PRELU(.slopes = CNN_PRELU_POSITION)));
    cnn_model_add(m, cnn_rescale(c, CNN_RESCALE(.offset = {0.5f})));
    cnn_model_add(m, cnn_rescale(c, NULL));
    cnn_model_add(m, cnn_dropout(c, CNN_DROPOUT(.rate = 0.5f)));
}

/* ---- order of values ---- */

/* Layers on a flattened image, which stays channels first in the file. */
static void flat(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_flatten(c, CNN_NAMED(.name = "flat")));
    cnn_model_add(m, cnn_dropout(c, CNN_DROPOUT(.rate = 0.5f)));
    cnn_model_add(m, cnn_batch_norm(c, NULL));
    cnn_model_add(m, cnn_activate(c, CNN_ACTIVATE(.activation = CNN_HARD_SWISH)));
    cnn_model_add(m, cnn_prelu(c, CNN_PRELU(.name = "slopes")));
    cnn_model_add_after(m, cnn_multiply(c, NULL), NAMES("slopes", "flat"));
    cnn_model_add(m, cnn_activate(c, CNN_ACTIVATE(.activation = CNN_SOFTMAX)));
    cnn_model_add(m, cnn_rescale(c, CNN_RESCALE(.scale = {50})));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 4, .activation = CNN_SIGMOID)));
}

/* What depends on the order. */
static void ordered(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_flatten(c, CNN_NAMED(.name = "flat")));
    cnn_model_add(m, cnn_local_response_norm(c, CNN_LRN(.size = 3, .alpha = 1)));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 9 * 11 * 3, .name = "mixed")));
    cnn_model_add_after(m, cnn_add(c, CNN_NAMED(.name = "sum")), NAMES("mixed", "flat"));
    cnn_model_add(m, cnn_reshape(c, CNN_RESHAPE(.shape = {11, 9, 3})));
    cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.filters = 4, .name = "conv")));
    cnn_model_add(m, cnn_reshape(c, CNN_RESHAPE(.shape = {7, -1})));
    cnn_model_add(m, cnn_permute(c, CNN_PERMUTE(.order = {2, 1})));
    cnn_model_add(m, cnn_flatten(c, CNN_NAMED(.name = "second")));
    cnn_model_add_after(m, cnn_concatenate(c, NULL), NAMES("second", "flat"));
}

static void permuted(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_permute(c, CNN_PERMUTE(.order = {3, 1, 2})));
    cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.filters = 6, .padding = CNN_PADDING_SAME)));
    cnn_model_add(m, cnn_permute(c, CNN_PERMUTE(.order = {2, 1, 3})));
    cnn_model_add(m, cnn_channel_shuffle(c, CNN_CHANNEL_SHUFFLE(.groups = 3)));
    cnn_model_add(m, cnn_permute(c, CNN_PERMUTE(.order = {1, 2, 3})));
}

static void moved(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_zero_pad2d(c, CNN_ZERO_PAD2D(.pads = {1, 2, 0, 3})));
    cnn_model_add(m, cnn_up_sampling2d(c, CNN_UP_SAMPLING2D(.factor = {2, 3})));
    cnn_model_add(m, cnn_cropping2d(c, CNN_CROPPING2D(.crops = {1, 0, 2, 3})));
    cnn_model_add(m, cnn_up_sampling2d(c, CNN_UP_SAMPLING2D(.factor = {2, 2}, .interpolation = CNN_RESAMPLE_BILINEAR)));
    cnn_model_add(m, cnn_up_sampling2d(c, CNN_UP_SAMPLING2D(.factor = {2, 1}, .interpolation = CNN_RESAMPLE_BILINEAR,
                                                            .align_corners = 1)));
}

/* A sample becomes nine rows, each a vector. */
static void rows(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {3, 3})));
    cnn_model_add(m, cnn_reshape(c, CNN_RESHAPE(.shape = {3}, .rows = 1)));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 4)));
    cnn_model_add(m, cnn_batch_norm(c, NULL));
}

static void rows_and_back(cnn_context *c, cnn_model *m)
{
    rows(c, m);
    cnn_model_add(m, cnn_reshape(c, CNN_RESHAPE(.shape = {3, 3, 4}, .rows = 1)));
    cnn_model_add(m, cnn_global_max_pool2d(c, NULL));
}

/* ---- graphs ---- */

static void excited(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.name = "x", .filters = 8)));
    cnn_model_add(m, cnn_global_average_pool2d(c, NULL));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 4, .activation = CNN_RELU)));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.name = "gates", .units = 8, .activation = CNN_HARD_SIGMOID)));
    cnn_model_add_after(m, cnn_multiply(c, CNN_NAMED(.name = "scaled")), NAMES("x", "gates"));
    cnn_model_add_after(m, cnn_dense(c, CNN_DENSE(.name = "one", .units = 1)), NAMES("gates"));
    cnn_model_add_after(m, cnn_conv2d(c, CNN_CONV2D(.name = "position", .filters = 1, .kernel = {1, 1})),
                        NAMES("scaled"));
    cnn_model_add_after(m, cnn_reshape(c, CNN_RESHAPE(.name = "small", .shape = {1, 1, 8})), NAMES("gates"));
    cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.name = "channel", .filters = 8, .kernel = {1, 1})));
    cnn_model_add_after(m, cnn_add(c, CNN_NAMED(.name = "all")), NAMES("one", "scaled", "position", "channel"));
    cnn_model_add_after(m, cnn_subtract(c, NULL), NAMES("all", "gates"));
}

/* Several inputs and outputs; an output is what a layer hands on, what another one reads, an input. */
static void ports(cnn_context *c, cnn_model *m)
{
    cnn_model_add_input(m, "more", &(cnn_shape){3, 0, {9, 11, 2}});
    cnn_model_add_after(m, cnn_concatenate(c, CNN_NAMED(.name = "both")), NAMES("input", "more"));
    cnn_model_add(m, cnn_conv2d(c, CNN_CONV2D(.name = "conv", .filters = 4)));
    cnn_model_add(m, cnn_dropout(c, CNN_DROPOUT(.name = "drop", .rate = 0.5f)));
    cnn_model_add(m, cnn_flatten(c, CNN_NAMED(.name = "flat")));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.name = "out", .units = 3)));
    cnn_model_set_outputs(m, NAMES("out", "flat", "drop", "conv"));
}

/* One dense layer on a flattened image and on a vector: its weights are in the file in two orders. */
static void shared(cnn_context *c, cnn_model *m)
{
    cnn_model_add_input(m, "vector", &(cnn_shape){1, 0, {9 * 11 * 3}});
    cnn_model_add_after(m, cnn_flatten(c, CNN_NAMED(.name = "flat")), NAMES("input"));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.name = "dense", .units = 4)));
    cnn_model_apply(m, "dense", "again", NAMES("vector"));
    cnn_model_add_after(m, cnn_subtract(c, NULL), NAMES("dense", "again"));
}

static void graph_of(cnn_context *c, cnn_model *m, int32_t normalization)
{
    cnn_model_add_input(m, "adjacency", &(cnn_shape){2, 0, {7, 7}});
    cnn_model_add_after(
        m, cnn_graph_conv(c, CNN_GRAPH_CONV(.units = 4, .activation = CNN_TANH, .normalization = normalization)),
        NAMES("input", "adjacency"));
    cnn_model_add_after(m,
                        cnn_graph_conv(c, CNN_GRAPH_CONV(.units = 3, .activation = CNN_SOFTMAX, .no_bias = 1,
                                                         .normalization = normalization)),
                        NAMES("graph_conv_1", "adjacency"));
}

static void graph_undirected(cnn_context *c, cnn_model *m) { graph_of(c, m, CNN_GRAPH_UNDIRECTED); }
static void graph_directed(cnn_context *c, cnn_model *m) { graph_of(c, m, CNN_GRAPH_DIRECTED); }
static void graph_given(cnn_context *c, cnn_model *m) { graph_of(c, m, CNN_GRAPH_GIVEN); }

/* Layers of a model inside, whose names have slashes. */
static void nested(cnn_context *c, cnn_model *m)
{
    cnn_model *inner = NULL;
    (void)cnn_model_create(c, CNN_MODEL(.name = "base", .input = {9, 11, 3}), &inner);
    cnn_model_add(inner, cnn_conv2d(c, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_RELU)));
    cnn_model_add(inner, cnn_average_pool2d(c, NULL));
    cnn_model_add(m, cnn_model_as_layer(c, inner, "base"));
    cnn_model_free(inner);
    cnn_model_add(m, cnn_flatten(c, NULL));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 2, .activation = CNN_LOG_SOFTMAX)));
}

/* ---- functions, arithmetic, parts ---- */

static void functions(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.name = "clip", .function = CNN_MAP_CLIP, .p = -0.5f, .q = 2)));
    cnn_model_add(m, cnn_arithmetic(c, CNN_ARITHMETIC(.function = CNN_MAP_ADD, .shape = {11, 1})));
    cnn_model_add(m, cnn_instance_norm(c, CNN_INSTANCE_NORM(.epsilon = 1e-3f)));
    cnn_model_add(m, cnn_arithmetic(c, CNN_ARITHMETIC(.function = CNN_MAP_SUBTRACT, .shape = {3}, .first = 1)));
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.name = "erf", .function = CNN_MAP_ERF)));
    cnn_model_add(m, cnn_reduce(c, CNN_REDUCE(.name = "rows", .axes = {2}, .keep = 1)));
    cnn_model_add_after(m, cnn_reduce(c, CNN_REDUCE(.name = "vector", .reduction = CNN_REDUCE_TO_MEAN, .axes = {1, 2})),
                        NAMES("erf"));
    cnn_model_add_after(m, cnn_arithmetic(c, CNN_ARITHMETIC(.name = "both", .function = CNN_MAP_MAX)),
                        NAMES("erf", "rows"));
    cnn_model_add(m,
                  cnn_arithmetic(c, CNN_ARITHMETIC(.name = "less", .function = CNN_MAP_MULTIPLY, .shape = {9, 1, 3})));
    cnn_model_add_after(m, cnn_arithmetic(c, CNN_ARITHMETIC(.name = "all", .function = CNN_MAP_MIN)),
                        NAMES("less", "vector"));
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.function = CNN_MAP_EXP)));
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.function = CNN_MAP_SQRT)));
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.function = CNN_MAP_POWER, .p = 3)));
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.function = CNN_MAP_LOG)));
    cnn_model_add(m, cnn_reduce(c, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MAX, .axes = {3})));
    cnn_model_add(m, cnn_flatten(c, NULL));
    cnn_model_add(m, cnn_elementwise(c, CNN_ELEMENTWISE(.function = CNN_MAP_ABS)));
    cnn_model_add(m, cnn_dense(c, CNN_DENSE(.units = 4)));
    cnn_model_add(m, cnn_arithmetic(c, CNN_ARITHMETIC(.function = CNN_MAP_DIVIDE, .shape = {4})));
    cnn_model_add(m, cnn_reduce(c, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MIN)));
}

static void parts(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_slice(c, CNN_SLICE(.start = {1, -1}, .size = {3, 0}, .step = {2, -1})));
    cnn_model_add(m, cnn_pad(c, CNN_PAD(.pads = {1, 0, 2, 1}, .border = CNN_BORDER_REFLECT)));
    cnn_model_add(m, cnn_pad(c, CNN_PAD(.pads = {0, 2, -2, 0, 0, 1}, .value = 0.5f)));
    cnn_model_add(m, cnn_space_to_depth(c, CNN_DEPTH_SPACE(.block = 2, .channels_first = 1)));
    cnn_model_add(m, cnn_depth_to_space(c, CNN_DEPTH_SPACE(.block = 4)));
    cnn_model_add(m, cnn_resize(c, CNN_RESIZE(.size = {9, 17}, .mode = CNN_SAMPLE_LINEAR)));
    cnn_model_add(m, cnn_resize(c, CNN_RESIZE(.scale = {2, 0.5f}, .mode = CNN_SAMPLE_NEAREST,
                                              .places = CNN_PLACES_ASYMMETRIC, .rounding = CNN_ROUND_DOWN)));
    cnn_model_add(m, cnn_resize(c, CNN_RESIZE(.size = {12, 12}, .mode = CNN_SAMPLE_CUBIC)));
    cnn_model_add(m, cnn_pad(c, CNN_PAD(.pads = {0, 1}, .border = CNN_BORDER_EDGE)));
    cnn_model_add(m, cnn_space_to_depth(c, CNN_DEPTH_SPACE(.block = 1)));
    cnn_model_add(m, cnn_depth_to_space(c, CNN_DEPTH_SPACE(.block = 1, .channels_first = 1)));
    cnn_model_add(m, cnn_global_max_pool2d(c, NULL));
}

static void matrices(cnn_context *c, cnn_model *m)
{
    cnn_model_add(m, cnn_reshape(c, CNN_RESHAPE(.name = "rows", .shape = {27, 11})));
    cnn_model_add_after(m, cnn_reshape(c, CNN_RESHAPE(.name = "stack", .shape = {3, 9, 11})), NAMES("input"));
    cnn_model_add_after(m, cnn_matmul(c, CNN_MATMUL(.name = "shares", .transpose_b = 1)), NAMES("stack", "rows"));
    cnn_model_add(m, cnn_activate(c, CNN_ACTIVATE(.name = "softmax", .activation = CNN_SOFTMAX)));
    cnn_model_add_after(m, cnn_matmul(c, CNN_MATMUL(.name = "values")), NAMES("softmax", "rows"));
    cnn_model_add_after(m, cnn_matmul(c, CNN_MATMUL(.transpose_a = 1)), NAMES("values", "softmax"));
}

#define IMAGE              \
    {                      \
        3, 0, { 9, 11, 3 } \
    }

static const struct {
    const char *name;
    void (*add)(cnn_context *context, cnn_model *model);
    cnn_shape input;
} cases[] = {
    {"sequence", sequence, {2, 0, {17, 4}}},
    {"sequence_global", sequence_global, {2, 0, {17, 4}}},
    {"sequence_out", sequence_out, {2, 0, {17, 4}}},
    {"volume", volume, {4, 0, {4, 7, 8, 3}}},
    {"transposed_volume", transposed_volume, {4, 0, {3, 4, 2, 3}}},
    {"volume_global", volume_global, {4, 0, {4, 7, 8, 3}}},
    {"activations", activations, IMAGE},
    {"vector_activations", vector_activations, {1, 0, {5}}},
    {"convolutions", convolutions, IMAGE},
    {"transposed", transposed, {3, 0, {3, 5, 4}}},
    {"poolings", poolings, IMAGE},
    {"dilated", dilated, IMAGE},
    {"adaptive", adaptive, {3, 0, {13, 14, 3}}},
    {"normalisations", normalisations, IMAGE},
    {"flat", flat, IMAGE},
    {"ordered", ordered, IMAGE},
    {"permuted", permuted, IMAGE},
    {"moved", moved, IMAGE},
    {"rows", rows, IMAGE},
    {"rows_and_back", rows_and_back, IMAGE},
    {"excited", excited, IMAGE},
    {"ports", ports, IMAGE},
    {"shared", shared, IMAGE},
    {"graph_undirected", graph_undirected, {2, 0, {7, 5}}},
    {"graph_directed", graph_directed, {2, 0, {7, 5}}},
    {"graph_given", graph_given, {2, 0, {7, 5}}},
    {"nested", nested, IMAGE},
    {"functions", functions, IMAGE},
    {"matrices", matrices, IMAGE},
    {"parts", parts, IMAGE},
};

const char *onnx_case(cnn_context *context, size_t index, cnn_model **model)
{
    *model = NULL;
    if (index >= COUNT(cases)) {
        return NULL;
    }
    cnn_model_options options = {
        .struct_size = sizeof(options), .name = cases[index].name, .shape = cases[index].input};
    if (cnn_model_create(context, &options, model) == CNN_OK) {
        cases[index].add(context, *model);
        if (cnn_model_build(*model) != CNN_OK) {
            cnn_model_free(*model);
            *model = NULL;
        } else {
            onnx_random_parameters(*model);
        }
    }
    return cases[index].name;
}
