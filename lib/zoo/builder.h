/* SPDX-License-Identifier: MIT */
/* What the networks' files build with: layers that read the one before by name, and the conventions of the framework
 * that a network comes from, which all its layers share. Errors are remembered by the model. */
#ifndef CNN_ZOO_BUILDER_H
#define CNN_ZOO_BUILDER_H

#include <cnn/layer.h>
#include <cnn/model.h>

/* Longest name of a layer, with its end: "features.denseblock3.denselayer24.norm1". */
#define CNN__ZOO_NAME 96

typedef struct cnn__zoo_builder {
    cnn_context *context;
    cnn_model *model;
    /* Of convolutions that leave it open. */
    bool bias;
    int32_t padding;             /* CNN_PADDING_DEFAULT: half the kernel on all sides, as PyTorch's networks have it */
    cnn_initializer kernel_init; /* CNN_INIT_DEFAULT with `fan_out`: cnn__zoo_fan_out() */
    bool fan_out;
    cnn_initializer bias_init;
    cnn_batch_norm_options norm; /* of every normalisation */
    char scope[CNN__ZOO_NAME];   /* stands before names: "layer1.0." */
    char name[CNN__ZOO_NAME];    /* cnn__zoo_name()'s last answer */
    char last[CNN__ZOO_NAME];    /* the value that the next layer reads */
} cnn__zoo_builder;

/* A network of torchvision: convolutions without biases, which begin by cnn__zoo_fan_out(). */
cnn__zoo_builder cnn__zoo_torch(cnn_context *context, cnn_model *model);
/* One of Keras: padding "same", no biases in front of normalisations, which keep 0.99 with epsilon 1e-3. */
cnn__zoo_builder cnn__zoo_keras(cnn_context *context, cnn_model *model);

/* torchvision's start of convolutions with relu: N(0, 2 / fan_out), not cut off (He et al. 2015). Groups do not make
 * its fan_out smaller. */
cnn_initializer cnn__zoo_fan_out(int64_t area, int32_t filters);

/* A number of channels, which a width multiplied, as a multiple of 8 that is not more than a tenth smaller: the
 * MobileNets' rounding (torchvision's _make_divisible). */
int32_t cnn__zoo_channels(double channels);

/* What stands before the names that follow. */
void cnn__zoo_scope(cnn__zoo_builder *b, const char *format, ...) CNN_PRINTF(2, 3);
/* The whole name of a layer that cnn__zoo_put() or cnn__zoo_join() adds next. */
const char *cnn__zoo_name(cnn__zoo_builder *b, const char *name);
/* Adds the layer that was named last, after the last value. */
void cnn__zoo_put(cnn__zoo_builder *b, cnn_layer *layer);
/* The same for a layer of two inputs, the last value and another. */
void cnn__zoo_join(cnn__zoo_builder *b, cnn_layer *layer, const char *other);
/* Remembers the last value, to go on from it in a further branch: b->last is a copy of it again. */
void cnn__zoo_mark(const cnn__zoo_builder *b, char mark[CNN__ZOO_NAME]);
void cnn__zoo_return(cnn__zoo_builder *b, const char *mark);

/* With the second word of cnn__zoo_transform_params: torchvision's transform_input, which makes 2 x - 1 of images that
 * were normalised by ImageNet's mean and deviation. */
void cnn__zoo_transform(cnn__zoo_builder *b, int choice);

/* Branches that begin at one value and are put side by side. */
typedef struct cnn__zoo_fork {
    char input[CNN__ZOO_NAME], ends[6][CNN__ZOO_NAME];
    size_t count;
} cnn__zoo_fork;
cnn__zoo_fork cnn__zoo_begin_fork(const cnn__zoo_builder *b);
/* The last value ends a branch; the next one begins where the first did. */
void cnn__zoo_end_branch(cnn__zoo_builder *b, cnn__zoo_fork *fork);
void cnn__zoo_concatenate(cnn__zoo_builder *b, const char *name, const cnn__zoo_fork *fork);

/* Layers whose options' names stand behind the scope. */
void cnn__zoo_conv(cnn__zoo_builder *b, const cnn_conv2d_options *options);
void cnn__zoo_norm(cnn__zoo_builder *b, const char *name);
void cnn__zoo_activate(cnn__zoo_builder *b, const char *name, cnn_activation activation);
/* Convolution, normalisation and, but for CNN_LINEAR, activation: what stands behind the name is each one's part. */
extern const char *const cnn__zoo_named[3], *const cnn__zoo_numbered[3]; /* .conv .bn .relu; .0 .1 .2 */
void cnn__zoo_unit(cnn__zoo_builder *b, const char *name, const char *const parts[3], const cnn_conv2d_options *options,
                   cnn_activation activation);
/* "block.3" into `text`, which it returns: what torchvision calls the parts of a block. */
const char *cnn__zoo_part(char text[24], int number);
/* Squeeze-excitation (Hu et al. 2018) of so many channels: the mean of each, two 1x1 convolutions, and the channels
 * multiplied by what comes out of `gate`. */
void cnn__zoo_squeeze(cnn__zoo_builder *b, const char *name, int32_t channels, int32_t squeezed,
                      cnn_activation activation, cnn_activation gate);
void cnn__zoo_max_pool(cnn__zoo_builder *b, const char *name, int32_t size, int32_t stride, int32_t pad);
void cnn__zoo_global_average(cnn__zoo_builder *b, const char *name);
/* The sum of the last value and another. */
void cnn__zoo_add(cnn__zoo_builder *b, const char *name, const char *other);
void cnn__zoo_flatten(cnn__zoo_builder *b, const char *name);
void cnn__zoo_dense(cnn__zoo_builder *b, const cnn_dense_options *options);
/* None where the rate is 0. */
void cnn__zoo_dropout(cnn__zoo_builder *b, const char *name, float rate);

#endif
