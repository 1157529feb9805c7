/* SPDX-License-Identifier: MIT */
#include "zoo/builder.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "zoo/zoo.h"

static cnn__zoo_builder begin(cnn_context *context, cnn_model *model, cnn_convention convention)
{
    cnn__zoo_builder b = {.context = context, .model = model};
    b.norm.struct_size = sizeof(b.norm);
    b.norm.convention = (int32_t)convention;
    cnn__zoo_return(&b, cnn_model_input_name(model, 0));
    return b;
}

cnn__zoo_builder cnn__zoo_torch(cnn_context *context, cnn_model *model)
{
    cnn__zoo_builder b = begin(context, model, CNN_PYTORCH);
    b.fan_out = true;
    return b;
}

cnn__zoo_builder cnn__zoo_keras(cnn_context *context, cnn_model *model)
{
    cnn__zoo_builder b = begin(context, model, CNN_KERAS);
    b.padding = CNN_PADDING_SAME;
    return b;
}

cnn_initializer cnn__zoo_fan_out(int64_t area, int32_t filters)
{
    return (cnn_initializer){CNN_INIT_NORMAL, (float)sqrt(2.0 / ((double)area * filters))};
}

int32_t cnn__zoo_channels(double channels)
{
    const int32_t nearest = (int32_t)(channels + 4) / 8 * 8, least = nearest < 8 ? 8 : nearest;
    return least < 0.9 * channels ? least + 8 : least;
}

void cnn__zoo_scope(cnn__zoo_builder *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(b->scope, sizeof(b->scope), format, arguments);
    va_end(arguments);
}

const char *cnn__zoo_name(cnn__zoo_builder *b, const char *name)
{
    const int room = (int)sizeof(b->name) / 2;
    snprintf(b->name, sizeof(b->name), "%.*s%.*s", room, b->scope, room - 1, name);
    return b->name;
}

void cnn__zoo_mark(const cnn__zoo_builder *b, char mark[CNN__ZOO_NAME])
{
    snprintf(mark, CNN__ZOO_NAME, "%s", b->last);
}

void cnn__zoo_return(cnn__zoo_builder *b, const char *mark) { snprintf(b->last, sizeof(b->last), "%s", mark); }

void cnn__zoo_put(cnn__zoo_builder *b, cnn_layer *layer)
{
    const char *input = b->last;
    cnn_model_add_after(b->model, layer, &input, 1);
    cnn__zoo_return(b, b->name);
}

void cnn__zoo_join(cnn__zoo_builder *b, cnn_layer *layer, const char *other)
{
    cnn_model_add_after(b->model, layer, (const char *[]){b->last, other}, 2);
    cnn__zoo_return(b, b->name);
}

enum { INPUT_NORMALIZED, INPUT_TRANSFORMED };
static const char *const input_words[] = {[INPUT_NORMALIZED] = "normalized", [INPUT_TRANSFORMED] = "transformed", NULL};
const cnn__param cnn__zoo_transform_params[] = {{.name = "input", .words = input_words}, {.name = NULL}};

void cnn__zoo_transform(cnn__zoo_builder *b, int choice)
{
    if (choice == INPUT_TRANSFORMED) {
        cnn__zoo_put(b, cnn_rescale(b->context, CNN_RESCALE(.name = cnn__zoo_name(b, "transform_input"), .channels = 3,
                                                            .scale = {0.229f / 0.5f, 0.224f / 0.5f, 0.225f / 0.5f},
                                                            .offset = {(0.485f - 0.5f) / 0.5f, (0.456f - 0.5f) / 0.5f,
                                                                       (0.406f - 0.5f) / 0.5f})));
    }
}

cnn__zoo_fork cnn__zoo_begin_fork(const cnn__zoo_builder *b)
{
    cnn__zoo_fork fork = {.count = 0};
    cnn__zoo_mark(b, fork.input);
    return fork;
}

void cnn__zoo_end_branch(cnn__zoo_builder *b, cnn__zoo_fork *fork)
{
    cnn__zoo_mark(b, fork->ends[fork->count++]);
    cnn__zoo_return(b, fork->input);
}

void cnn__zoo_concatenate(cnn__zoo_builder *b, const char *name, const cnn__zoo_fork *fork)
{
    const char *inputs[sizeof(fork->ends) / sizeof(fork->ends[0])];
    for (size_t i = 0; i < fork->count; i++) {
        inputs[i] = fork->ends[i];
    }
    cnn_model_add_after(b->model, cnn_concatenate(b->context, CNN_NAMED(.name = cnn__zoo_name(b, name))), inputs,
                        fork->count);
    cnn__zoo_return(b, b->name);
}

void cnn__zoo_conv(cnn__zoo_builder *b, const cnn_conv2d_options *options)
{
    cnn_conv2d_options o = *options;
    const int32_t width = o.kernel[1] != 0 ? o.kernel[1] : o.kernel[0];
    o.name = cnn__zoo_name(b, options->name);
    o.no_bias = !b->bias;
    if (o.padding == CNN_PADDING_DEFAULT && b->padding != CNN_PADDING_DEFAULT) {
        o.padding = b->padding;
    } else if (o.padding == CNN_PADDING_DEFAULT) {
        /* The same on all sides: "same" would put an odd pixel at the end where the stride is 2. */
        o.padding = CNN_PADDING_EXPLICIT;
        o.pads[0] = o.pads[1] = o.kernel[0] / 2;
        o.pads[2] = o.pads[3] = width / 2;
    }
    if (o.kernel_init.kind == CNN_INIT_DEFAULT) {
        o.kernel_init = b->fan_out ? cnn__zoo_fan_out((int64_t)o.kernel[0] * width, o.filters) : b->kernel_init;
    }
    o.bias_init = b->bias_init;
    cnn__zoo_put(b, cnn_conv2d(b->context, &o));
}

void cnn__zoo_norm(cnn__zoo_builder *b, const char *name)
{
    cnn_batch_norm_options options = b->norm;
    options.name = cnn__zoo_name(b, name);
    cnn__zoo_put(b, cnn_batch_norm(b->context, &options));
}

void cnn__zoo_activate(cnn__zoo_builder *b, const char *name, cnn_activation activation)
{
    cnn__zoo_put(
        b, cnn_activate(b->context, CNN_ACTIVATE(.name = cnn__zoo_name(b, name), .activation = (int32_t)activation)));
}

const char *const cnn__zoo_named[3] = {".conv", ".bn", ".relu"};
const char *const cnn__zoo_numbered[3] = {".0", ".1", ".2"};

void cnn__zoo_unit(cnn__zoo_builder *b, const char *name, const char *const parts[3], const cnn_conv2d_options *options,
                   cnn_activation activation)
{
    char text[CNN__ZOO_NAME / 2];
    cnn_conv2d_options o = *options;
    o.name = text;
    snprintf(text, sizeof(text), "%s%s", name, parts[0]);
    cnn__zoo_conv(b, &o);
    snprintf(text, sizeof(text), "%s%s", name, parts[1]);
    cnn__zoo_norm(b, text);
    if (activation != CNN_LINEAR) {
        snprintf(text, sizeof(text), "%s%s", name, parts[2]);
        cnn__zoo_activate(b, text, activation);
    }
}

const char *cnn__zoo_part(char text[24], int number)
{
    snprintf(text, 24, "block.%d", number);
    return text;
}

/* The part of a squeeze-excitation, "block.2" and ".fc1". */
static const char *inner(char text[CNN__ZOO_NAME / 2], const char *name, const char *part)
{
    snprintf(text, CNN__ZOO_NAME / 2, "%s%s", name, part);
    return text;
}

void cnn__zoo_squeeze(cnn__zoo_builder *b, const char *name, int32_t channels, int32_t squeezed,
                      cnn_activation activation, cnn_activation gate)
{
    char input[CNN__ZOO_NAME], scale[CNN__ZOO_NAME], text[CNN__ZOO_NAME / 2];
    const bool bias = b->bias;
    cnn__zoo_mark(b, input);
    b->bias = true;
    cnn__zoo_put(
        b, cnn_adaptive_average_pool2d(
               b->context, CNN_ADAPTIVE_POOL2D(.name = cnn__zoo_name(b, inner(text, name, ".avgpool")), .size = {1})));
    cnn__zoo_conv(b, CNN_CONV2D(.name = inner(text, name, ".fc1"), .filters = squeezed, .kernel = {1}));
    cnn__zoo_activate(b, inner(text, name, ".activation"), activation);
    cnn__zoo_conv(b, CNN_CONV2D(.name = inner(text, name, ".fc2"), .filters = channels, .kernel = {1}));
    cnn__zoo_activate(b, inner(text, name, ".scale_activation"), gate);
    b->bias = bias;
    cnn__zoo_mark(b, scale);
    cnn__zoo_return(b, input);
    cnn__zoo_name(b, inner(text, name, ".multiply"));
    cnn__zoo_join(b, cnn_multiply(b->context, CNN_NAMED(.name = b->name)), scale);
}

void cnn__zoo_max_pool(cnn__zoo_builder *b, const char *name, int32_t size, int32_t stride, int32_t pad)
{
    cnn__zoo_put(
        b, cnn_max_pool2d(b->context, CNN_POOL2D(.name = cnn__zoo_name(b, name), .size = {size}, .stride = {stride},
                                                 .padding = CNN_PADDING_EXPLICIT, .pads = {pad, pad, pad, pad})));
}

void cnn__zoo_global_average(cnn__zoo_builder *b, const char *name)
{
    cnn__zoo_put(b, cnn_global_average_pool2d(b->context, CNN_NAMED(.name = cnn__zoo_name(b, name))));
}

void cnn__zoo_add(cnn__zoo_builder *b, const char *name, const char *other)
{
    cnn__zoo_join(b, cnn_add(b->context, CNN_NAMED(.name = cnn__zoo_name(b, name))), other);
}

void cnn__zoo_flatten(cnn__zoo_builder *b, const char *name)
{
    cnn__zoo_put(b, cnn_flatten(b->context, CNN_NAMED(.name = cnn__zoo_name(b, name))));
}

void cnn__zoo_dense(cnn__zoo_builder *b, const cnn_dense_options *options)
{
    cnn_dense_options o = *options;
    o.name = cnn__zoo_name(b, options->name);
    cnn__zoo_put(b, cnn_dense(b->context, &o));
}

void cnn__zoo_dropout(cnn__zoo_builder *b, const char *name, float rate)
{
    if (rate > 0) {
        cnn__zoo_put(b, cnn_dropout(b->context, CNN_DROPOUT(.name = cnn__zoo_name(b, name), .rate = rate)));
    }
}
