/* SPDX-License-Identifier: MIT */
/* Every kind of layer with every value of its options, one after another in pairs and triples. What a session fuses,
 * leaves out or runs in place must not be seen: the default backend with and without keep_activations and `reference`
 * with and without it give the same outputs, logits, gradients and statistics. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "common/values.h"
#include "model/values.h"

enum { BATCH = 3, SIDE = 8, CHANNELS = 4, INPUT = SIDE * SIDE * CHANNELS, MOST_LAYERS = 3, SEEDS = 4 };

typedef enum kind {
    CONV,
    DENSE,
    MAXIMUM,
    MEAN,
    GLOBAL_MEAN,
    GLOBAL_MAXIMUM,
    ADAPTIVE_MEAN,
    ADAPTIVE_MAXIMUM,
    RESHAPE,
    PERMUTE,
    SHUFFLE,
    UPSAMPLE,
    PRELU,
    RESCALE,
    CROP,
    MULTIPLY_GATES, /* the value before and the mean of its channels */
    SUBTRACT_INPUT, /* the value before less the model's input */
    FLATTEN,
    DROPOUT,
    NORM,
    ACTIVATE,
    PAD,
    LRN,
    DEPTHWISE,
    SEPARABLE,
    TRANSPOSE,
    ADD,       /* the value before, twice */
    ADD_INPUT, /* the value before and the model's input */
    CONCATENATE,
    FUNCTION,
    ARITHMETIC,
    REDUCE,
    SLICE,
    BORDER,
    RESIZE,
    TO_SPACE,
    TO_DEPTH,
    INSTANCE_NORM
} kind;

typedef struct element {
    kind kind;
    const void *options; /* NULL: none */
} element;

#define EACH_ACTIVATION(kind, options, ...)                                                                            \
    {kind, options(__VA_ARGS__, .activation = CNN_LINEAR)}, {kind, options(__VA_ARGS__, .activation = CNN_RELU)},      \
        {kind, options(__VA_ARGS__, .activation = CNN_LEAKY_RELU, .alpha = 0.3f)},                                     \
        {kind, options(__VA_ARGS__, .activation = CNN_RELU6)},                                                         \
        {kind, options(__VA_ARGS__, .activation = CNN_SIGMOID)}, {kind, options(__VA_ARGS__, .activation = CNN_TANH)}, \
        {kind, options(__VA_ARGS__, .activation = CNN_SOFTMAX)},                                                       \
    {                                                                                                                  \
        kind, options(__VA_ARGS__, .activation = CNN_LOG_SOFTMAX)                                                      \
    }

/* Those that meet in fusions come first: triples are made of them. */
static const element elements[] = {
    EACH_ACTIVATION(CONV, CNN_CONV2D, .filters = 4, .padding = CNN_PADDING_SAME),
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_RELU)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_RELU6)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_SIGMOID)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_SOFTMAX)},
    {NORM, NULL},
    {NORM, CNN_BATCH_NORM(.activation = CNN_RELU, .convention = CNN_PYTORCH)},
    {NORM, CNN_BATCH_NORM(.no_scale = 1, .no_shift = 1)},
    {MAXIMUM, NULL},
    {DROPOUT, CNN_DROPOUT(.rate = 0.25f)},
    {ADD_INPUT, NULL},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_SILU)},
    {NORM, CNN_BATCH_NORM(.activation = CNN_HARD_SWISH)},
#define TRIPLES 20
    {CONV, CNN_CONV2D(.filters = 6, .kernel = {1}, .activation = CNN_SIGMOID)},
    {CONV, CNN_CONV2D(.filters = 5, .kernel = {1}, .no_bias = 1)},
    {CONV, CNN_CONV2D(.filters = 4, .groups = 4, .padding = CNN_PADDING_SAME, .activation = CNN_RELU)},
    {CONV, CNN_CONV2D(.filters = 6, .groups = 2, .activation = CNN_LEAKY_RELU, .padding = CNN_PADDING_SAME_LOWER)},
    {CONV, CNN_CONV2D(.filters = 3, .kernel = {2, 3}, .stride = {2, 1}, .padding = CNN_PADDING_SAME)},
    {CONV, CNN_CONV2D(.filters = 3, .dilation = {2, 2}, .padding = CNN_PADDING_SAME, .activation = CNN_TANH)},
    {CONV, CNN_CONV2D(.filters = 4, .kernel = {5}, .pads = {2, 1, 0, 2}, .activation = CNN_RELU)},
    {CONV, CNN_CONV2D(.filters = 17, .padding = CNN_PADDING_SAME, .activation = CNN_SOFTMAX)},
    EACH_ACTIVATION(DENSE, CNN_DENSE, .units = 6),
    {DENSE, CNN_DENSE(.units = 1, .no_bias = 1, .activation = CNN_SIGMOID)},
    {CONV, CNN_CONV2D(.filters = 4, .padding = CNN_PADDING_SAME, .activation = CNN_GELU)},
    {CONV, CNN_CONV2D(.filters = 5, .kernel = {1}, .activation = CNN_ELU, .alpha = 0.5f)},
    {CONV, CNN_CONV2D(.filters = 4, .groups = 4, .activation = CNN_HARD_SWISH)},
    {DENSE, CNN_DENSE(.units = 5, .activation = CNN_GELU_TANH)},
    {DENSE, CNN_DENSE(.units = 5, .activation = CNN_SELU)},
    {NORM, CNN_BATCH_NORM(.activation = CNN_RELU6)},
    {NORM, CNN_BATCH_NORM(.activation = CNN_SOFTPLUS)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_HARD_SIGMOID)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_GELU)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_LINEAR)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_LEAKY_RELU)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_TANH)},
    {ACTIVATE, CNN_ACTIVATE(.activation = CNN_LOG_SOFTMAX)},
    {NORM, CNN_BATCH_NORM(.no_scale = 1, .keep = 0.5f, .unbiased = 2)},
    {NORM, CNN_BATCH_NORM(.no_shift = 1, .epsilon = 0.1f, .unbiased = 1, .convention = CNN_TENSORFLOW1)},
    {MAXIMUM, CNN_POOL2D(.size = {3}, .stride = {1}, .padding = CNN_PADDING_SAME)},
    {MAXIMUM, CNN_POOL2D(.size = {3}, .stride = {2}, .ceil = 1)},
    {MAXIMUM, CNN_POOL2D(.size = {2, 3}, .pads = {1, 0, 2, 1})},
    {MAXIMUM, CNN_POOL2D(.size = {2}, .stride = {2}, .dilation = {2, 3}, .pads = {0, 1, 1, 0})},
    {MEAN, CNN_POOL2D(.size = {2}, .stride = {1}, .dilation = {2}, .pads = {1, 1, 1, 1}, .count_include_pad = 1)},
    {MEAN, NULL},
    {MEAN, CNN_POOL2D(.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}, .count_include_pad = 1)},
    {MEAN, CNN_POOL2D(.size = {3}, .stride = {2}, .padding = CNN_PADDING_SAME_LOWER)},
    {GLOBAL_MEAN, NULL},
    {GLOBAL_MAXIMUM, NULL},
    {ADAPTIVE_MEAN, CNN_ADAPTIVE_POOL2D(.size = {3, 5})},
    {ADAPTIVE_MAXIMUM, CNN_ADAPTIVE_POOL2D(.size = {2})},
    {RESHAPE, CNN_RESHAPE(.shape = {4, -1, 8})},
    {RESHAPE, CNN_RESHAPE(.shape = {8}, .rows = 1)},
    {PERMUTE, CNN_PERMUTE(.order = {2, 3, 1})},
    {PERMUTE, CNN_PERMUTE(.order = {1})},
    {SHUFFLE, CNN_CHANNEL_SHUFFLE(.groups = 2)},
    {UPSAMPLE, NULL},
    {UPSAMPLE, CNN_UP_SAMPLING2D(.factor = {3, 1}, .interpolation = CNN_RESAMPLE_BILINEAR)},
    {PRELU, NULL},
    {PRELU, CNN_PRELU(.slopes = CNN_PRELU_ONE, .init = {CNN_INIT_CONSTANT, 0.5f})},
    {PRELU, CNN_PRELU(.slopes = CNN_PRELU_POSITION)},
    {RESCALE, CNN_RESCALE(.scale = {0.5f}, .offset = {0.25f})},
    {RESCALE, CNN_RESCALE(.scale = {2, 1, 0.5f, -1}, .channels = 4)},
    {CROP, CNN_CROPPING2D(.crops = {1, 0, 2, 1})},
    {MULTIPLY_GATES, NULL},
    {SUBTRACT_INPUT, NULL},
    {FLATTEN, NULL},
    {DROPOUT, CNN_DROPOUT(.rate = 0.5f, .channels = 1)},
    {DROPOUT, CNN_DROPOUT(.rate = 0.5f, .channels = 2)},
    {PAD, CNN_ZERO_PAD2D(.pads = {1, 0, 2, 1})},
    {LRN, NULL},
    {LRN, CNN_LRN(.convention = CNN_PYTORCH, .size = 4, .bias = 2)},
    {LRN, CNN_LRN(.radius = 1, .alpha = 0.1f, .beta = 0.75f)},
    EACH_ACTIVATION(DEPTHWISE, CNN_DEPTHWISE_CONV2D, .padding = CNN_PADDING_SAME),
    {DEPTHWISE, CNN_DEPTHWISE_CONV2D(.multiplier = 3, .stride = {2}, .pads = {1, 0, 1, 1}, .no_bias = 1)},
    EACH_ACTIVATION(SEPARABLE, CNN_SEPARABLE_CONV2D, .filters = 4, .padding = CNN_PADDING_SAME),
    {SEPARABLE, CNN_SEPARABLE_CONV2D(.filters = 5, .multiplier = 2, .kernel = {2, 3}, .no_bias = 1)},
    EACH_ACTIVATION(TRANSPOSE, CNN_CONV2D_TRANSPOSE, .filters = 4, .padding = CNN_PADDING_SAME),
    {TRANSPOSE, CNN_CONV2D_TRANSPOSE(.filters = 3, .kernel = {2}, .stride = {2}, .no_bias = 1)},
    {TRANSPOSE, CNN_CONV2D_TRANSPOSE(.filters = 4, .kernel = {4, 3}, .stride = {2, 1}, .pads = {1, 2, 0, 1},
                                     .output_padding = {1, 0})},
    {ADD, NULL},
    {CONCATENATE, NULL},
    {FUNCTION, CNN_ELEMENTWISE(.function = CNN_MAP_ABS)},
    {FUNCTION, CNN_ELEMENTWISE(.function = CNN_MAP_EXP)},
    {FUNCTION, CNN_ELEMENTWISE(.function = CNN_MAP_POWER, .p = 2)},
    {FUNCTION, CNN_ELEMENTWISE(.function = CNN_MAP_CLIP, .p = -0.5f, .q = 0.5f)},
    {FUNCTION, CNN_ELEMENTWISE(.function = CNN_MAP_ERF)},
    {ARITHMETIC, CNN_ARITHMETIC(.function = CNN_MAP_MULTIPLY, .shape = {1})},
    {ARITHMETIC, CNN_ARITHMETIC(.function = CNN_MAP_SUBTRACT, .shape = {1}, .first = 1)},
    {ARITHMETIC, CNN_ARITHMETIC(.function = CNN_MAP_MAX, .shape = {1}, .init = {CNN_INIT_CONSTANT, 0.1f})},
    {REDUCE, CNN_REDUCE(.axes = {1})},
    {REDUCE, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MEAN, .axes = {1}, .keep = 1)},
    {REDUCE, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MAX)},
    {SLICE, CNN_SLICE(.start = {-1}, .step = {-1})},
    {BORDER, CNN_PAD(.pads = {1, 2}, .border = CNN_BORDER_EDGE)},
    {BORDER, CNN_PAD(.pads = {0, 1, 2, -1}, .value = 1)},
    {RESIZE, CNN_RESIZE(.size = {5, 9}, .mode = CNN_SAMPLE_LINEAR)},
    {TO_SPACE, CNN_DEPTH_SPACE(.block = 2)},
    {TO_DEPTH, CNN_DEPTH_SPACE(.block = 2, .channels_first = 1)},
    {INSTANCE_NORM, NULL},
};
enum { ELEMENTS = sizeof(elements) / sizeof(elements[0]) };

static cnn_layer *make_layer(cnn_context *c, const element *e)
{
    switch (e->kind) {
    case CONV:
        return cnn_conv2d(c, e->options);
    case DENSE:
        return cnn_dense(c, e->options);
    case MAXIMUM:
        return cnn_max_pool2d(c, e->options);
    case MEAN:
        return cnn_average_pool2d(c, e->options);
    case GLOBAL_MEAN:
        return cnn_global_average_pool2d(c, e->options);
    case GLOBAL_MAXIMUM:
        return cnn_global_max_pool2d(c, e->options);
    case ADAPTIVE_MEAN:
        return cnn_adaptive_average_pool2d(c, e->options);
    case ADAPTIVE_MAXIMUM:
        return cnn_adaptive_max_pool2d(c, e->options);
    case RESHAPE:
        return cnn_reshape(c, e->options);
    case PERMUTE:
        return cnn_permute(c, e->options);
    case SHUFFLE:
        return cnn_channel_shuffle(c, e->options);
    case UPSAMPLE:
        return cnn_up_sampling2d(c, e->options);
    case PRELU:
        return cnn_prelu(c, e->options);
    case RESCALE:
        return cnn_rescale(c, e->options);
    case CROP:
        return cnn_cropping2d(c, e->options);
    case MULTIPLY_GATES:
        return cnn_multiply(c, e->options);
    case SUBTRACT_INPUT:
        return cnn_subtract(c, e->options);
    case FUNCTION:
        return cnn_elementwise(c, e->options);
    case ARITHMETIC:
        return cnn_arithmetic(c, e->options);
    case REDUCE:
        return cnn_reduce(c, e->options);
    case SLICE:
        return cnn_slice(c, e->options);
    case BORDER:
        return cnn_pad(c, e->options);
    case RESIZE:
        return cnn_resize(c, e->options);
    case TO_SPACE:
        return cnn_depth_to_space(c, e->options);
    case TO_DEPTH:
        return cnn_space_to_depth(c, e->options);
    case INSTANCE_NORM:
        return cnn_instance_norm(c, e->options);
    case FLATTEN:
        return cnn_flatten(c, e->options);
    case DROPOUT:
        return cnn_dropout(c, e->options);
    case NORM:
        return cnn_batch_norm(c, e->options);
    case ACTIVATE:
        return cnn_activate(c, e->options);
    case PAD:
        return cnn_zero_pad2d(c, e->options);
    case LRN:
        return cnn_local_response_norm(c, e->options);
    case DEPTHWISE:
        return cnn_depthwise_conv2d(c, e->options);
    case SEPARABLE:
        return cnn_separable_conv2d(c, e->options);
    case TRANSPOSE:
        return cnn_conv2d_transpose(c, e->options);
    case CONCATENATE:
        return cnn_concatenate(c, e->options);
    default:
        return cnn_add(c, e->options);
    }
}

/* What one session computes. */
typedef struct result {
    size_t outputs, logits, parameters;
    float *values[5]; /* outputs and logits in inference, then in training; gradients and statistics */
    size_t sizes[5];
} result;

static void keep(result *r, int part, const float *values, size_t count)
{
    r->values[part] = realloc(r->values[part], (r->sizes[part] + count + 1) * sizeof(float));
    ck_assert_ptr_nonnull(r->values[part]);
    memcpy(r->values[part] + r->sizes[part], values, count * sizeof(float));
    r->sizes[part] += count;
}

/* Values that follow from the seed alone; variances stay above 0. */
static void fill_parameters(cnn_model *model, uint32_t seed)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        const size_t count = test_shape_values(parameter.value.shape);
        const bool variance = strstr(parameter.name, "variance") != NULL, kernel = strstr(parameter.name, "kernel");
        float *values = test_values(count, seed + (uint32_t)i * 977u);
        for (size_t k = 0; k < count; k++) {
            parameter.value.data[k] = variance ? 1 + 0.5f * values[k] : kernel ? 0.5f * values[k] : values[k];
        }
        free(values);
    }
    cnn_model_touch(model);
}

static void keep_parameters(cnn_model *model, const cnn_session *session, result *r)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        if (parameter.trainable) {
            ck_assert_int_eq(cnn_session_gradient(session, i, &gradient), CNN_OK);
            keep(r, 4, gradient.data, test_shape_values(gradient.shape));
        } else {
            keep(r, 4, parameter.value.data, test_shape_values(parameter.value.shape));
        }
    }
}

/* Inference, then one training step forward and backward. */
static void run_model(cnn_model *model, bool whole, uint32_t seed, const float *inputs, result *r)
{
    cnn_shape shape = cnn_model_output_shape(model);
    const size_t outputs = BATCH * test_shape_values(shape);
    fill_parameters(model, seed);
    for (int training = 0; training < 2; training++) {
        cnn_session *session;
        ck_assert_int_eq(
            cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = training, .keep_activations = whole),
                               &session),
            CNN_OK);
        ck_assert_int_eq(cnn_session_forward(session, inputs, BATCH), CNN_OK);
        keep(r, 2 * training, cnn_session_output(session), outputs);
        keep(r, 2 * training + 1, cnn_session_logits(session), outputs);
        if (training) {
            float *gradients = test_values(outputs, seed + 5);
            ck_assert_int_eq(cnn_session_backward(session, gradients), CNN_OK);
            keep_parameters(model, session, r);
            free(gradients);
        }
        cnn_session_free(session);
    }
}

static void free_result(result *r)
{
    for (int i = 0; i < 5; i++) {
        free(r->values[i]);
    }
    *r = (result){0};
}

/* NULL where no model can be made of them. */
static cnn_model *make_model(cnn_context *context, const element *const *layers, int count)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    const char *last = "input";
    for (int i = 0; i < count; i++) {
        const kind of = layers[i]->kind;
        const char *names[] = {last, of == ADD_INPUT || of == SUBTRACT_INPUT ? "input" : last};
        const bool pair = of == ADD || of == ADD_INPUT || of == SUBTRACT_INPUT || of == CONCATENATE;
        const size_t inputs = pair || of == MULTIPLY_GATES ? 2 : 1;
        if (of == MULTIPLY_GATES) {
            cnn_model_add_after(model, cnn_global_average_pool2d(context, NULL), names, 1);
            names[1] = cnn_model_layer_name(model, cnn_model_layer_count(model) - 1);
        }
        ck_assert_int_eq(cnn_model_add_after(model, make_layer(context, layers[i]), names, inputs), CNN_OK);
        last = cnn_model_layer_name(model, cnn_model_layer_count(model) - 1);
    }
    if (cnn_model_build(model) != CNN_OK) {
        cnn_model_free(model);
        return NULL;
    }
    return model;
}

static bool are_alike(const result *a, const result *b, const char **part)
{
    static const char *const names[] = {"output", "logits", "output in training", "logits in training",
                                        "gradients and statistics"};
    for (int i = 0; i < 5; i++) {
        float largest = 0;
        *part = names[i];
        ck_assert_uint_eq(a->sizes[i], b->sizes[i]);
        for (size_t k = 0; k < a->sizes[i]; k++) {
            largest = fmaxf(largest, fabsf(a->values[i][k]));
        }
        for (size_t k = 0; k < a->sizes[i]; k++) {
            if (!(fabsf(a->values[i][k] - b->values[i][k]) <= 2e-4f * largest + 1e-5f)) {
                return false;
            }
        }
    }
    return true;
}

/* Compares all four ways. A value may lie so close to a kink that rounding decides: other values do not. */
static void compare(cnn_context *const contexts[2], const element *const *layers, int count, size_t *compared)
{
    cnn_model *models[2] = {make_model(contexts[0], layers, count), make_model(contexts[1], layers, count)};
    ck_assert_int_eq(models[0] != NULL, models[1] != NULL);
    const char *part = "";
    int way = 0;
    bool alike = models[0] == NULL;
    *compared += models[0] != NULL;
    for (uint32_t seed = 0; seed < SEEDS && !alike; seed++) {
        float *inputs = test_values((size_t)BATCH * INPUT, 4711 + seed);
        result expected = {0};
        run_model(models[1], true, seed, inputs, &expected);
        alike = true;
        for (int i = 0; i < 3 && alike; i++) {
            result actual = {0};
            way = i;
            run_model(models[i == 2], i == 1, seed, inputs, &actual);
            alike = are_alike(&expected, &actual, &part);
            free_result(&actual);
        }
        free_result(&expected);
        free(inputs);
    }
    if (!alike) {
        static const char *const ways[] = {"default", "default, keep_activations", "reference"};
        char text[128] = "";
        for (int i = 0; i < count; i++) {
            const char *name = cnn_model_layer_name(models[0], (size_t)i);
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s [%d] ", name, (int)(layers[i] - elements));
        }
        ck_abort_msg("%s: other %s with %s", text, part, ways[way]);
    }
    cnn_model_free(models[0]);
    cnn_model_free(models[1]);
}

static void open_contexts(cnn_context *contexts[2])
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &contexts[0]), CNN_OK);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &contexts[1]), CNN_OK);
}

START_TEST(pairs_are_the_same_fused_or_not)
{
    cnn_context *contexts[2];
    size_t compared = 0;
    open_contexts(contexts);
    for (int a = 0; a < ELEMENTS; a++) {
        for (int b = 0; b < ELEMENTS; b++) {
            compare(contexts, (const element *const[]){&elements[a], &elements[b]}, 2, &compared);
        }
    }
    ck_assert_uint_gt(compared, (size_t)ELEMENTS * ELEMENTS / 2);
    cnn_context_free(contexts[0]);
    cnn_context_free(contexts[1]);
}
END_TEST

/* In a chain, and the same with a layer at the end that makes nothing of what is before it the model's output. */
START_TEST(triples_are_the_same_fused_or_not)
{
    cnn_context *contexts[2];
    size_t compared = 0;
    const element *first = &elements[_i];
    open_contexts(contexts);
    for (int b = 0; b < TRIPLES; b++) {
        for (int c = 0; c < TRIPLES; c++) {
            compare(contexts, (const element *const[]){first, &elements[b], &elements[c]}, 3, &compared);
        }
    }
    ck_assert_uint_gt(compared, TRIPLES * TRIPLES / 2);
    cnn_context_free(contexts[0]);
    cnn_context_free(contexts[1]);
}
END_TEST

/* Gradients of the trained parameters are the same whatever else is frozen; those of biases whose kernel is are summed
 * in another order. */
static void compare_frozen(cnn_model *model, const float *inputs, const char *pattern, const result *all)
{
    cnn_session *session;
    size_t at = 0;
    bool kernel_trained = true;
    fill_parameters(model, 9);
    ck_assert_int_eq(cnn_model_set_trainable(model, pattern, false), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, inputs, BATCH), CNN_OK);
    float *gradients = test_values((size_t)BATCH * 6, 9 + 5);
    ck_assert_int_eq(cnn_session_backward(session, gradients), CNN_OK);
    free(gradients);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        const size_t count = test_shape_values(parameter.value.shape);
        const cnn_status status = cnn_session_gradient(session, i, &gradient);
        ck_assert_int_eq(status == CNN_OK, parameter.trainable != 0);
        const bool sum = strstr(parameter.name, "/bias") != NULL && !kernel_trained;
        kernel_trained = parameter.trainable != 0; /* a layer's kernel stands before its bias */
        float largest = 0;
        for (size_t k = 0; sum && k < count; k++) {
            largest = fmaxf(largest, fabsf(all->values[4][at + k]));
        }
        for (size_t k = 0; parameter.trainable && k < count; k++) {
            ck_assert_msg(fabsf(gradient.data[k] - all->values[4][at + k]) <= 2e-5f * largest, "%s without %s",
                          parameter.name, pattern);
        }
        at += count;
    }
    ck_assert_int_eq(cnn_model_set_trainable(model, pattern, true), CNN_OK);
    cnn_session_free(session);
}

START_TEST(a_frozen_parameter_changes_no_other_gradient)
{
    static const char *const patterns[] = {"*kernel",      "*bias",         "*gamma", "*beta",
                                           "conv*/kernel", "dense*/kernel", "conv*",  "dense*"};
    cnn_context *contexts[2];
    open_contexts(contexts);
    for (int i = 0; i < 2; i++) {
        cnn_context *c = contexts[i];
        cnn_model *model;
        ck_assert_int_eq(cnn_model_create(c, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
        cnn_model_add(model, cnn_conv2d(c, CNN_CONV2D(.filters = 6, .activation = CNN_RELU)));
        cnn_model_add(model, cnn_max_pool2d(c, NULL));
        cnn_model_add(model, cnn_conv2d(c, CNN_CONV2D(.filters = 5, .kernel = {1}, .activation = CNN_TANH)));
        cnn_model_add(model, cnn_batch_norm(c, NULL));
        cnn_model_add(model, cnn_flatten(c, NULL));
        cnn_model_add(model, cnn_dense(c, CNN_DENSE(.units = 6)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        float *inputs = test_values((size_t)BATCH * INPUT, 1);
        result all = {0};
        run_model(model, false, 9, inputs, &all);
        for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
            compare_frozen(model, inputs, patterns[p], &all);
        }
        free_result(&all);
        free(inputs);
        cnn_model_free(model);
    }
    cnn_context_free(contexts[0]);
    cnn_context_free(contexts[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("combinations of layers");
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, pairs_are_the_same_fused_or_not);
    tcase_add_loop_test(cases, triples_are_the_same_fused_or_not, 0, TRIPLES);
    tcase_add_test(cases, a_frozen_parameter_changes_no_other_gradient);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
