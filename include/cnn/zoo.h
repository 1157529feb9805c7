/* SPDX-License-Identifier: MIT */
/** Known networks by name, built from the public constructors of layer.h. */
#ifndef CNN_ZOO_H
#define CNN_ZOO_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/model.h>

CNN_BEGIN_DECLS

/** Options of cnn_zoo_create(); write them with CNN_ZOO(). */
typedef struct cnn_zoo_options {
    size_t struct_size;
    int32_t input[3];  /**< height, width, channels; 0: the network's own */
    uint32_t classes;  /**< 0: the network's own. With 2, catdog has one sigmoid output; all others have a softmax
                            output for each class */
    float dropout;     /**< rate of the network's dropout layers; 0: its own; negative: none */
    cnn_shape shape;   /**< the input as a shape H, W, C; used where `input` is zero */
} cnn_zoo_options;

#define CNN_ZOO(...) CNN_OPTIONS(cnn_zoo_options, __VA_ARGS__)

/**
 * Makes and builds a network:
 *
 *     alexnet      AlexNet in one piece and without response normalisation, as a widely read article on Asirra's cats
 *                  and dogs builds it in TensorFlow 1: 227x227x3, 2 softmax outputs, 58,289,538 parameters; layers
 *                  conv1 to conv5, pool1, pool2, pool5, fc6, fc7, fc8; N(0, 0.01) weights (fc6, fc7: 0.005), biases 0
 *                  (conv1, conv3, fc8) and 0.1; dropout 0.5. fc8 reads fc7's relu itself, as the article's program
 *                  does, so that only fc6 has a dropout that matters; "alexnet:fc8=drop7": fc8 reads fc7 after its
 *                  dropout, as the paper and most programs have it
 *     alexnet-paper AlexNet as published (Krizhevsky, Sutskever and Hinton 2012): two groups in conv2, conv4 and
 *                  conv5, response normalisation after conv1 and conv2, 227x227x3, 1000 classes, 60,965,224
 *                  parameters; N(0, 0.01) weights, biases 0 (conv1, conv3, fc8) and 1; dropout 0.5 on fc6 and fc7
 *     catdog       the small Keras cat/dog CNN (Chollet 2017): 150x150x3, one sigmoid output, 3,453,121 parameters
 *     fashion-cnn  two convolutions with batch normalisation and three dense layers: 28x28x1, 10 classes
 *     fashion-dnn  three dense layers: 28x28x1, 10 classes
 *     resnet18     ResNet-18 (He, Zhang, Ren and Sun 2016) as torchvision has it: 224x224x3, 1000 classes, 11,689,512
 *                  trained parameters (11,177,538 with 2 classes) and 9,600 running statistics; layers by torchvision's
 *                  names (conv1, bn1, layer1.0.conv1, layer2.0.downsample.0, fc), with layer1.0.relu1, .add and .relu2
 *                  where torchvision has no module of its own; padding on all sides alike, batch normalisation by
 *                  CNN_PYTORCH; convolutions begin with N(0, 2 / fan_out), without biases, fc with CNN_INIT_PYTORCH
 *     vgg16        VGG-16 (Simonyan and Zisserman 2015, configuration D): 224x224x3, 1000 classes, 138,357,544
 *                  parameters; layers by Keras's names (block1_conv1, block1_pool, fc1, fc2, predictions), with
 *                  dropout 0.5 after fc1 and fc2 (drop1, drop2), which torchvision has and Keras has not; begins as
 *                  in torchvision: convolutions N(0, 2 / fan_out), dense layers N(0, 0.01), biases 0. Of another input
 *                  fc1 reads what block5_pool leaves, as in Keras; torchvision averages that to 7x7 first
 *     vgg16-notop  the 13 convolutions and 5 poolings of vgg16 alone, Keras's VGG16(include_top=False): 150x150x3,
 *                  output 4x4x512, 14,714,688 parameters. It has no classes: to ask for some is an error
 *
 * Inputs of vgg16 and vgg16-notop are at least 32x32. fan_out is kernel area * filters. fc1 reads height, width,
 * channels as Keras's does; torchvision's weights need another order (see cnn_flatten()).
 *
 * context  that of the model; its seed decides how the parameters begin.
 * name     one of the above, with options that only this network has after a colon: "NAME:OPTION=WORD,OPTION=WORD".
 * options  NULL: the network as above. Fields that a network has no use for are ignored, but for `classes`.
 * model    receives the model, built, which the caller frees; NULL on failure.
 *
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND (no such network), CNN_ERROR_INVALID_ARGUMENT (classes for a network without, an
 * option that it does not have),
 * and the statuses of cnn_model_create() and cnn_model_build(). Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_zoo_create(cnn_context *context, const char *name, const cnn_zoo_options *options,
                                  cnn_model **model);

/** The names, in order; NULL past the end. Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_zoo_name(size_t index);

/** One line on a network; NULL past the end. Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_zoo_description(size_t index);

CNN_END_DECLS

#endif
