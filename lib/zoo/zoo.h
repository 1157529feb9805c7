/* SPDX-License-Identifier: MIT */
/* One network of the zoo: one file for each family, registered in zoo.c. Only public headers and
 * core/ are used here. */
#ifndef CNN_ZOO_ZOO_H
#define CNN_ZOO_ZOO_H

#include <cnn/zoo.h>

#include "core/params.h"

#define CNN__ZOO_PARAMS 4

/* What a network is to be, complete: its own numbers where the caller gave none. */
typedef struct cnn__zoo_request {
    cnn_shape input;
    int32_t classes;
    float dropout; /* 0: none */
    /* Of the kind's params: which word, the first where none is given; or the number. */
    int choices[CNN__ZOO_PARAMS];
    double numbers[CNN__ZOO_PARAMS];
    const void *variant; /* the kind's */
} cnn__zoo_request;

typedef struct cnn__zoo_kind {
    const char *name;
    const char *description;
    int32_t input[3];
    const char *input_name;  /* summaries list it then, as Keras's of functional models; NULL: "input" */
    int32_t chosen_input[3]; /* with the second word of the first of its params; 0: as above */
    int32_t least;           /* height and width that its poolings need; 0: 1 */
    int32_t classes;         /* 0: it has no classes, and none can be asked for */
    float dropout;
    const cnn__param
        *params;         /* its own, as text gives them: "alexnet:fc8=drop7"; at most CNN__ZOO_PARAMS; NULL: none */
    const void *variant; /* what the networks of a family are told apart by; NULL: nothing */
    /* Adds the layers to a new model; errors are remembered by the model. */
    void (*add_layers)(cnn_context *context, const cnn__zoo_request *request, cnn_model *model);
} cnn__zoo_kind;

extern const cnn__zoo_kind cnn__zoo_alexnet, cnn__zoo_alexnet_paper, cnn__zoo_alexnet_torchvision;
extern const cnn__zoo_kind cnn__zoo_efficientnet_b0, cnn__zoo_mobilenet, cnn__zoo_mobilenet_v3_large;
extern const cnn__zoo_kind cnn__zoo_xai, cnn__zoo_xception;
extern const cnn__zoo_kind cnn__zoo_catdog, cnn__zoo_cifar_cnn, cnn__zoo_fashion_cnn, cnn__zoo_fashion_dnn;
extern const cnn__zoo_kind cnn__zoo_cifar_fast;
extern const cnn__zoo_kind cnn__zoo_densenet121, cnn__zoo_googlenet, cnn__zoo_inception_v3, cnn__zoo_lenet5;
extern const cnn__zoo_kind cnn__zoo_mobilenet_v2, cnn__zoo_squeezenet;
extern const cnn__zoo_kind cnn__zoo_resnet18, cnn__zoo_resnet34, cnn__zoo_resnet50, cnn__zoo_resnet101,
    cnn__zoo_resnet152, cnn__zoo_resnet50_keras;
extern const cnn__zoo_kind cnn__zoo_catdog_vgg16, cnn__zoo_vgg11, cnn__zoo_vgg11_notop, cnn__zoo_vgg13,
    cnn__zoo_vgg13_notop, cnn__zoo_vgg16, cnn__zoo_vgg16_notop, cnn__zoo_vgg19, cnn__zoo_vgg19_notop;

/* The option of networks whose published weights come from TensorFlow, "input=transformed". */
extern const cnn__param cnn__zoo_transform_params[];

#endif
