/* SPDX-License-Identifier: MIT */
/* A layer that hands on what it gets, and fails on demand. */
#ifndef CNN_TESTS_WEAK_LAYER_H
#define CNN_TESTS_WEAK_LAYER_H

#include <cnn/cnn.h>

/* Calls until it fails with CNN_ERROR_CALLBACK, that one included; 0: never. Forward those of training alone. */
typedef struct test_weak_layer {
    uint32_t forward, backward;
} test_weak_layer;

/* The layer; `weak` has to outlive its model. */
cnn_layer *test_weak(cnn_context *context, test_weak_layer *weak);

#endif
