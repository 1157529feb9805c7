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
    uint32_t classes;  /**< 0: the network's own. With 2, catdog and catdog-vgg16 have one sigmoid
                            output; all others have a softmax output for each class */
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
 *     alexnet-torchvision
 *                  AlexNet in one column (Krizhevsky 2014) as torchvision has it: 224x224x3, 1000 classes, 61,100,840
 *                  parameters; layers features.0 to features.12, classifier.1, .4 and .6; all begin with
 *                  CNN_INIT_PYTORCH; dropout 0.5 before classifier.1 and .4. Features of any size are averaged to 6x6
 *     catdog       the small Keras cat/dog CNN (Chollet 2017): 150x150x3, one sigmoid output, 3,453,121 parameters
 *     catdog-vgg16 vgg16-notop as one layer, "vgg16", with flatten, dense of 256 relu and dense_1, a sigmoid, on top
 *                  (Chollet 2017, section 5.3): 150x150x3, 16,812,353 parameters. The layers inside are
 *                  vgg16/block1_conv1 and so on; the head begins as in Keras, Glorot uniform
 *     cifar-fast   the network of the 94 % recipes of CIFAR-10 in seconds: whiten (2x2 patches, see
 *                  cnn_model_whiten()), gelu, block1 to block3 with conv1, pool, norm1, gelu1, conv2, norm2, gelu2 (64,
 *                  256 and 256 channels, which begin with CNN_INIT_DIRAC; normalisations without scale), pool, head
 *                  without bias, scale by 1/9
 *     cifar-cnn    a small Keras CNN for CIFAR: conv2d, max_pooling2d, conv2d_1, max_pooling2d_1, flatten, dense,
 *                  dense_1; 32x32x3, 100 classes, 325,956 parameters
 *     densenet121  DenseNet-121 (Huang et al. 2017) as torchvision has it: 224x224x3, 1000 classes, 7,978,856 trained
 *                  parameters and 83,648 running statistics; features.denseblock1.denselayer1.norm1 and so on, with
 *                  denselayer1.cat where outputs are put side by side; convolutions begin with N(0, 2 / fan_in)
 *     efficientnet-b0 EfficientNet-B0 (Tan and Le 2019) as torchvision has it: 224x224x3, 1000 classes, 5,288,548
 *                  trained parameters and 42,016 running statistics; SiLU, squeeze-excitation, dropout 0.2;
 *                  stochastic depth that grows to 0.175 with the blocks (features.3.1.stochastic_depth), a part of the
 *                  dropout's rate
 *     fashion-cnn  two convolutions with batch normalisation and three dense layers: 28x28x1, 10 classes
 *     fashion-dnn  three dense layers: 28x28x1, 10 classes
 *     googlenet    GoogLeNet (Szegedy et al. 2015) as torchvision has it, with batch normalisation (epsilon 1e-3) and
 *                  without the two auxiliary classifiers, which only training has: 224x224x3, 1000 classes, 6,624,904
 *                  trained parameters and 14,560 running statistics; dropout 0.2; N(0, 0.01)
 *     inception-v3 Inception-v3 (Szegedy et al. 2016) as torchvision has it, without the auxiliary classifier:
 *                  299x299x3, 1000 classes, 23,834,568 trained parameters and 34,432 running statistics; dropout 0.5;
 *                  N(0, 0.1). With "input=transformed" this one and googlenet begin with transform_input, which makes
 *                  2 x - 1 of images that were normalised by ImageNet's mean and deviation, as torchvision does
 *                  for its published weights
 *     lenet5       LeNet-5 (LeCun et al. 1998) with plain poolings: c1, s2, c3, s4, flatten, c5, f6, output; 32x32x1,
 *                  10 classes, 61,706 parameters, Glorot uniform. "lenet5:activation=relu,pooling=max" is what many
 *                  programs make of it; else tanh and average
 *     mobilenet    MobileNet (Howard et al. 2017) as Keras has it: 224x224x3, 1000 classes, 4,231,976 trained
 *                  parameters and 21,888 running statistics; layers conv1, conv_dw_1, conv_pw_1, conv_preds; relu6,
 *                  dropout 0.001. "mobilenet:alpha=0.5": all filters by this (0.1 to 4), rounded down
 *     mobilenet-v2 MobileNet-V2 (Sandler et al. 2018) as torchvision has it: 224x224x3, 1000 classes, 3,504,872 trained
 *                  parameters and 34,112 running statistics; layers by torchvision's names (features.0.0,
 *                  features.2.conv.1.0, classifier.1), with features.3.add for a block's sum; relu6; dropout 0.2;
 *                  classifier.1 begins with N(0, 0.01). "mobilenet-v2:width=0.5": all filters by this (0.1 to 4),
 *                  rounded as torchvision's width_mult
 *     mobilenet-v3-large MobileNet-V3, large (Howard et al. 2019) as torchvision has it: 224x224x3, 1000 classes,
 *                  5,483,032 trained parameters and 24,400 running statistics; hard-swish, squeeze-excitation, dropout
 *                  0.2; batch normalisation keeps 0.99 with epsilon 1e-3. It has width, as mobilenet-v2
 *     resnet18     ResNet-18 (He, Zhang, Ren and Sun 2016) as torchvision has it: 224x224x3, 1000 classes, 11,689,512
 *                  trained parameters (11,177,538 with 2 classes) and 9,600 running statistics; layers by torchvision's
 *                  names (conv1, bn1, layer1.0.conv1, layer2.0.downsample.0, fc), with layer1.0.relu1, .add and .relu2
 *                  where torchvision has no module of its own; padding on all sides alike, batch normalisation by
 *                  CNN_PYTORCH; convolutions begin with N(0, 2 / fan_out), without biases, fc with CNN_INIT_PYTORCH
 *     resnet34, resnet50, resnet101, resnet152
 *                  the deeper ones, as resnet18: 21,797,672, 25,557,032, 44,549,160 and 60,192,808 trained parameters.
 *                  From 50 on blocks are bottlenecks whose 3x3 convolution has the stride, as in torchvision
 *     resnet50-keras ResNet-50 as TensorFlow's model garden has it in Keras: 32x32x3, 100 classes, 23,712,932 trained
 *                  parameters and 53,120 running statistics; layers conv1_pad, conv1, bn_conv1, res2a_branch2a,
 *                  bn2a_branch2a, fc1000; "same" padding; statistics keep 0.9, epsilon 1e-5; he_normal, fc1000
 *                  N(0, 0.01); L2 of 1e-4 (Keras's scale) on all kernels and on fc1000's bias, which is in the loss.
 *                  "resnet50-keras:l2=off" is without; "rescale=on" begins with a layer, rescale, from [0, 1]
 *                  to bytes less ImageNet's means, Keras's rescale_inputs
 *     squeezenet   SqueezeNet 1.1 (Iandola et al. 2016) as torchvision has it: 224x224x3, 1000 classes, 1,235,496
 *                  parameters; dropout 0.5; He uniform, classifier.1 N(0, 0.01). "squeezenet:version=1.0": the first
 *                  version, 1,248,424 parameters
 *     vgg16        VGG-16 (Simonyan and Zisserman 2015, configuration D): 224x224x3, 1000 classes, 138,357,544
 *                  parameters; layers by Keras's names (block1_conv1, block1_pool, fc1, fc2, predictions), with
 *                  dropout 0.5 after fc1 and fc2 (drop1, drop2), which torchvision has and Keras has not; begins as
 *                  in torchvision: convolutions N(0, 2 / fan_out), dense layers N(0, 0.01), biases 0. Of another input
 *                  fc1 reads what block5_pool leaves, as in Keras; torchvision averages that to 7x7 first
 *     vgg16-notop  the 13 convolutions and 5 poolings of vgg16 alone, Keras's VGG16(include_top=False): 150x150x3,
 *                  output 4x4x512, 14,714,688 parameters. It has no classes: to ask for some is an error
 *
 *     vgg11, vgg13, vgg19, and each with -notop
 *                  configurations A, B and E of the same: 132,863,336, 133,047,848 and 143,667,240 parameters,
 *                  9,220,480, 9,404,992 and 20,024,384 without the dense layers
 *     xai          a PyTorch text's network for explaining: 13 convolutions with batch normalisation and dropout, two
 *                  dense layers, 2 classes, log-softmax; 64x64x3, 14,983,106 trained parameters and 9,472 running
 *                  statistics; features.0 to .51, view, classifier.0 to .5. Its view(-1, 512) makes a row of each
 *                  of the last positions: one of images from 34 to 65 pixels; of 100x100 nine, for reading alone (see
 *                  cnn_reshape()). Dropouts of 0.3, 0.4 and 0.5; a rate that is asked for is that of all
 *     xception     Xception (Chollet 2017) as Keras has it: 299x299x3, 1000 classes, 22,855,952 trained parameters and
 *                  54,528 running statistics; layers block1_conv1, block2_sepconv1, conv2d to conv2d_3 for shortcuts,
 *                  predictions; no dropout of its own
 *
 * The resnets have an option: "resnet50:stem=cifar" begins with a 3x3 convolution at full size and without maxpool, as
 * is usual for images of 32x32, which are then its own size. Images of the VGGs are at least 32x32, of cifar-cnn
 * 10x10, of inception-v3 75x75, of alexnet-torchvision 63x63, of googlenet 31x31, of densenet121 29x29, of lenet5
 * 16x16; smaller ones are CNN_ERROR_SHAPE. fan_out is kernel area * filters. fc1 reads height, width, channels as
 * Keras's does; torchvision's weights need another order (see cnn_flatten()).
 *
 * context  that of the model; its seed decides how the parameters begin.
 * name     one of the above, with options that only this network has after a colon: "NAME:OPTION=VALUE,OPTION=VALUE".
 * options  NULL: the network as above. Fields that a network has no use for are ignored, but for `classes`.
 * model    receives the model, built, which the caller frees; NULL on failure.
 *
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND (no such network), CNN_ERROR_INVALID_ARGUMENT (classes for a network without, an
 * option that it does not have or a value out of its range), CNN_ERROR_SHAPE (too small an input),
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
