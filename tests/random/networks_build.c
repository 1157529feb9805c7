/* SPDX-License-Identifier: MIT */
/* From a network's lines to the model, by the public constructors. */
#include <stdlib.h>
#include <string.h>

#include "networks.h"

static const char *find(const words *w, const char *key)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->keys[i], key) == 0) {
            return w->values[i];
        }
    }
    return NULL;
}

static double number(const words *w, const char *key)
{
    const char *value = find(w, key);
    return value == NULL ? 0 : strtod(value, NULL);
}

static int32_t whole(const words *w, const char *key) { return (int32_t)number(w, key); }

/* "3/2" to up to `count` numbers; returns how many there were. */
static size_t list(const words *w, const char *key, int32_t *values, size_t count)
{
    const char *text = find(w, key);
    size_t found = 0;
    while (text != NULL && *text != '\0' && found < count) {
        char *end = NULL;
        values[found++] = (int32_t)strtol(text, &end, 10);
        text = *end == '/' ? end + 1 : end;
    }
    return found;
}

static int32_t word(const words *w, const char *key, const char *const *names, size_t count)
{
    const char *value = find(w, key);
    for (size_t i = 0; value != NULL && i < count; i++) {
        if (strcmp(names[i], value) == 0) {
            return (int32_t)i;
        }
    }
    return 0;
}

static int32_t activation(const words *w)
{
    static const char *const names[] = {[CNN_LINEAR] = "linear",
                                        [CNN_RELU] = "relu",
                                        [CNN_LEAKY_RELU] = "leaky_relu",
                                        [CNN_SIGMOID] = "sigmoid",
                                        [CNN_TANH] = "tanh",
                                        [CNN_SOFTMAX] = "softmax",
                                        [CNN_LOG_SOFTMAX] = "log_softmax",
                                        [CNN_RELU6] = "relu6",
                                        [CNN_SILU] = "silu",
                                        [CNN_GELU] = "gelu",
                                        [CNN_GELU_TANH] = "gelu_tanh",
                                        [CNN_ELU] = "elu",
                                        [CNN_SELU] = "selu",
                                        [CNN_HARD_SIGMOID] = "hard_sigmoid",
                                        [CNN_HARD_SWISH] = "hard_swish",
                                        [CNN_SOFTPLUS] = "softplus",
                                        [CNN_CLIPPED_RELU] = "clipped_relu"};
    return word(w, "activation", names, sizeof(names) / sizeof(names[0]));
}

static int32_t padding(const words *w)
{
    static const char *const names[] = {"", "valid", "same", "same_lower", "explicit"};
    return word(w, "padding", names, sizeof(names) / sizeof(names[0]));
}

static cnn_layer *conv2d(cnn_context *context, const words *w)
{
    cnn_conv2d_options o = {.struct_size = sizeof(o)};
    o.filters = whole(w, "filters");
    list(w, "kernel", o.kernel, 2);
    list(w, "stride", o.stride, 2);
    list(w, "dilation", o.dilation, 2);
    list(w, "pads", o.pads, 4);
    o.groups = whole(w, "groups");
    o.padding = padding(w);
    o.activation = activation(w);
    o.alpha = (float)number(w, "alpha");
    o.no_bias = whole(w, "no_bias");
    return cnn_conv2d(context, &o);
}

static cnn_layer *depthwise(cnn_context *context, const words *w)
{
    cnn_depthwise_conv2d_options o = {.struct_size = sizeof(o)};
    o.multiplier = whole(w, "multiplier");
    list(w, "kernel", o.kernel, 2);
    list(w, "stride", o.stride, 2);
    list(w, "dilation", o.dilation, 2);
    list(w, "pads", o.pads, 4);
    o.padding = padding(w);
    o.activation = activation(w);
    o.alpha = (float)number(w, "alpha");
    o.no_bias = whole(w, "no_bias");
    return cnn_depthwise_conv2d(context, &o);
}

static cnn_layer *separable(cnn_context *context, const words *w)
{
    cnn_separable_conv2d_options o = {.struct_size = sizeof(o)};
    o.filters = whole(w, "filters");
    o.multiplier = whole(w, "multiplier");
    list(w, "kernel", o.kernel, 2);
    list(w, "stride", o.stride, 2);
    list(w, "dilation", o.dilation, 2);
    list(w, "pads", o.pads, 4);
    o.padding = padding(w);
    o.activation = activation(w);
    o.alpha = (float)number(w, "alpha");
    o.no_bias = whole(w, "no_bias");
    return cnn_separable_conv2d(context, &o);
}

static cnn_layer *transposed(cnn_context *context, const words *w)
{
    cnn_conv2d_transpose_options o = {.struct_size = sizeof(o)};
    o.filters = whole(w, "filters");
    list(w, "kernel", o.kernel, 2);
    list(w, "stride", o.stride, 2);
    list(w, "dilation", o.dilation, 2);
    list(w, "output_padding", o.output_padding, 2);
    list(w, "pads", o.pads, 4);
    o.groups = whole(w, "groups");
    o.padding = padding(w);
    o.activation = activation(w);
    o.alpha = (float)number(w, "alpha");
    o.no_bias = whole(w, "no_bias");
    return cnn_conv2d_transpose(context, &o);
}

static cnn_layer *dense(cnn_context *context, const words *w)
{
    return cnn_dense(context, CNN_DENSE(.units = whole(w, "units"), .activation = activation(w),
                                        .alpha = (float)number(w, "alpha"), .no_bias = whole(w, "no_bias")));
}

static cnn_layer *pool(cnn_context *context, const words *w, bool average)
{
    cnn_pool2d_options o = {.struct_size = sizeof(o)};
    list(w, "kernel", o.size, 2);
    list(w, "stride", o.stride, 2);
    list(w, "pads", o.pads, 4);
    o.padding = padding(w);
    o.ceil = whole(w, "ceil");
    o.count_include_pad = whole(w, "count_include_pad");
    return average ? cnn_average_pool2d(context, &o) : cnn_max_pool2d(context, &o);
}

static cnn_layer *max_pool2d(cnn_context *context, const words *w) { return pool(context, w, false); }
static cnn_layer *average_pool2d(cnn_context *context, const words *w) { return pool(context, w, true); }

static cnn_layer *batch_norm(cnn_context *context, const words *w)
{
    return cnn_batch_norm(context,
                          CNN_BATCH_NORM(.keep = (float)number(w, "keep"), .epsilon = (float)number(w, "epsilon"),
                                         .unbiased = whole(w, "unbiased"), .no_scale = whole(w, "no_scale"),
                                         .no_shift = whole(w, "no_shift"), .activation = activation(w)));
}

static cnn_layer *activate(cnn_context *context, const words *w)
{
    return cnn_activate(context, CNN_ACTIVATE(.activation = activation(w), .alpha = (float)number(w, "alpha")));
}

static cnn_layer *lrn(cnn_context *context, const words *w)
{
    const char *convention = find(w, "convention");
    bool pytorch = convention != NULL && strcmp(convention, "pytorch") == 0;
    return cnn_local_response_norm(context,
                                   CNN_LRN(.convention = pytorch ? CNN_PYTORCH : CNN_TENSORFLOW1,
                                           .size = whole(w, "size"), .alpha = (float)number(w, "alpha"),
                                           .beta = (float)number(w, "beta"), .bias = (float)number(w, "bias")));
}

static cnn_layer *zero_pad2d(cnn_context *context, const words *w)
{
    cnn_zero_pad2d_options o = {.struct_size = sizeof(o)};
    list(w, "pads", o.pads, 4);
    return cnn_zero_pad2d(context, &o);
}

static cnn_layer *flatten(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_flatten(context, NULL);
}

static cnn_layer *global_average(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_global_average_pool2d(context, NULL);
}

static cnn_layer *add(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_add(context, NULL);
}

static cnn_layer *concatenate(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_concatenate(context, NULL);
}

static cnn_layer *subtract(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_subtract(context, NULL);
}

static cnn_layer *multiply(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_multiply(context, NULL);
}

static cnn_layer *global_max(cnn_context *context, const words *w)
{
    (void)w;
    return cnn_global_max_pool2d(context, NULL);
}

static cnn_layer *adaptive_average(cnn_context *context, const words *w)
{
    cnn_adaptive_pool2d_options o = {.struct_size = sizeof(o)};
    list(w, "size", o.size, 2);
    return cnn_adaptive_average_pool2d(context, &o);
}

static cnn_layer *adaptive_max(cnn_context *context, const words *w)
{
    cnn_adaptive_pool2d_options o = {.struct_size = sizeof(o)};
    list(w, "size", o.size, 2);
    return cnn_adaptive_max_pool2d(context, &o);
}

static cnn_layer *prelu(cnn_context *context, const words *w)
{
    static const char *const names[] = {"channel", "one", "position"};
    return cnn_prelu(context, CNN_PRELU(.slopes = word(w, "slopes", names, 3)));
}

static cnn_layer *up_sampling2d(cnn_context *context, const words *w)
{
    static const char *const names[] = {"nearest", "bilinear"};
    cnn_up_sampling2d_options o = {.struct_size = sizeof(o)};
    list(w, "factor", o.factor, 2);
    o.interpolation = word(w, "interpolation", names, 2);
    o.align_corners = whole(w, "align_corners");
    return cnn_up_sampling2d(context, &o);
}

static cnn_layer *channel_shuffle(cnn_context *context, const words *w)
{
    return cnn_channel_shuffle(context, CNN_CHANNEL_SHUFFLE(.groups = whole(w, "groups")));
}

/* "0.5/-1.5" to up to `count` numbers. */
static void numbers(const words *w, const char *key, float *values, size_t count)
{
    const char *text = find(w, key);
    for (size_t i = 0; text != NULL && *text != '\0' && i < count; i++) {
        char *end = NULL;
        values[i] = strtof(text, &end);
        text = *end == '/' ? end + 1 : end;
    }
}

static cnn_layer *rescale(cnn_context *context, const words *w)
{
    cnn_rescale_options o = {.struct_size = sizeof(o), .channels = whole(w, "channels")};
    numbers(w, "scale", o.scale, CNN_RESCALE_MOST_CHANNELS);
    numbers(w, "offset", o.offset, CNN_RESCALE_MOST_CHANNELS);
    return cnn_rescale(context, &o);
}

static cnn_layer *cropping2d(cnn_context *context, const words *w)
{
    cnn_cropping2d_options o = {.struct_size = sizeof(o)};
    list(w, "crops", o.crops, 4);
    return cnn_cropping2d(context, &o);
}

static cnn_layer *permute(cnn_context *context, const words *w)
{
    cnn_permute_options o = {.struct_size = sizeof(o)};
    list(w, "order", o.order, 3);
    return cnn_permute(context, &o);
}

static cnn_layer *space_to_depth(cnn_context *context, const words *w)
{
    return cnn_space_to_depth(
        context, CNN_DEPTH_SPACE(.block = whole(w, "block"), .channels_first = whole(w, "channels_first")));
}

static cnn_layer *depth_to_space(cnn_context *context, const words *w)
{
    return cnn_depth_to_space(
        context, CNN_DEPTH_SPACE(.block = whole(w, "block"), .channels_first = whole(w, "channels_first")));
}

static cnn_layer *instance_norm(cnn_context *context, const words *w)
{
    return cnn_instance_norm(context, CNN_INSTANCE_NORM(.epsilon = (float)number(w, "epsilon")));
}

static const struct {
    const char *name;
    cnn_layer *(*create)(cnn_context *context, const words *w);
} kinds[] = {
    {"subtract", subtract},
    {"multiply", multiply},
    {"global_max_pool2d", global_max},
    {"adaptive_average_pool2d", adaptive_average},
    {"adaptive_max_pool2d", adaptive_max},
    {"prelu", prelu},
    {"up_sampling2d", up_sampling2d},
    {"channel_shuffle", channel_shuffle},
    {"rescale", rescale},
    {"cropping2d", cropping2d},
    {"permute", permute},
    {"space_to_depth", space_to_depth},
    {"depth_to_space", depth_to_space},
    {"instance_norm", instance_norm},
    {"conv2d", conv2d},
    {"depthwise_conv2d", depthwise},
    {"separable_conv2d", separable},
    {"conv2d_transpose", transposed},
    {"dense", dense},
    {"max_pool2d", max_pool2d},
    {"average_pool2d", average_pool2d},
    {"batch_norm", batch_norm},
    {"activate", activate},
    {"lrn", lrn},
    {"zero_pad2d", zero_pad2d},
    {"flatten", flatten},
    {"global_average_pool2d", global_average},
    {"add", add},
    {"concatenate", concatenate},
};

static cnn_layer *create(const network *n, size_t layer, cnn_context *context)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, n->kinds[layer]) == 0) {
            return kinds[i].create(context, &n->layers[layer]);
        }
    }
    return NULL;
}

/* Adds layer i after the layers that its line names. */
static cnn_status add_layer(const network *n, size_t i, cnn_context *context, cnn_model *model)
{
    int32_t inputs[CNN_LAYER_MAX_INPUTS];
    const char *names[CNN_LAYER_MAX_INPUTS];
    size_t count = list(&n->layers[i], "in", inputs, CNN_LAYER_MAX_INPUTS);
    for (size_t k = 0; k < count; k++) {
        names[k] = inputs[k] == 0 ? "input" : cnn_model_layer_name(model, (size_t)inputs[k] - 1);
        if (names[k] == NULL) {
            return CNN_ERROR_NOT_FOUND;
        }
    }
    return cnn_model_add_after(model, create(n, i, context), names, count);
}

bool network_build(const network *n, cnn_context *context, cnn_model **model)
{
    cnn_model_options options = {.struct_size = sizeof(options)};
    list(&n->head, "input", options.input, 3);
    cnn_status status = cnn_model_create(context, &options, model);
    for (size_t i = 0; status == CNN_OK && i < n->layer_count; i++) {
        status = add_layer(n, i, context, *model);
    }
    return status == CNN_OK && cnn_model_build(*model) == CNN_OK;
}

bool network_optimizer(const network *n, cnn_context *context, cnn_optimizer **optimizer)
{
    const words *w = &n->optimizer;
    float rate = (float)number(w, "rate"), decay = (float)number(w, "decay"), momentum = (float)number(w, "momentum");
    float epsilon = (float)number(w, "epsilon");
    if (strcmp(n->optimizer_kind, "sgd") == 0) {
        return cnn_sgd_create(context,
                              CNN_SGD(.learning_rate = rate, .momentum = momentum, .nesterov = whole(w, "nesterov"),
                                      .convention = CNN_PYTORCH, .weight_decay = decay),
                              optimizer) == CNN_OK;
    }
    if (strcmp(n->optimizer_kind, "rmsprop") == 0) {
        return cnn_rmsprop_create(context,
                                  CNN_RMSPROP(.learning_rate = rate, .convention = CNN_PYTORCH, .epsilon = epsilon,
                                              .momentum = momentum, .weight_decay = decay),
                                  optimizer) == CNN_OK;
    }
    return cnn_adam_create(
               context,
               CNN_ADAM(.learning_rate = rate, .convention = CNN_PYTORCH, .epsilon = epsilon, .weight_decay = decay),
               optimizer) == CNN_OK;
}
