/* SPDX-License-Identifier: MIT */
/* The elementwise activations on vectors. Called with a constant, the switch is gone after inlining. */
#ifndef CNN_BACKEND_VECTOR_ACTIVATE_H
#define CNN_BACKEND_VECTOR_ACTIVATE_H

#include <cnn/backend.h>

#include "backend/vector/vec.h"

VEC_INLINE vec_f vec_activate(cnn_activation activation, float alpha, vec_f x)
{
    switch (activation) {
    case CNN_RELU:
        return vec_relu(x);
    case CNN_LEAKY_RELU:
        return vec_leaky_relu(x, alpha);
    case CNN_SIGMOID:
        return vec_sigmoid(x);
    case CNN_TANH:
        return vec_tanh(x);
    case CNN_RELU6:
        return vec_relu6(x);
    default:
        return x;
    }
}

/* The gradient of the input from the output y. */
VEC_INLINE vec_f vec_activate_gradient(cnn_activation activation, float alpha, vec_f y, vec_f dy)
{
    switch (activation) {
    case CNN_RELU:
        return vec_keep(~(y <= 0.0f), dy);
    case CNN_LEAKY_RELU:
        return vec_select(y > 0.0f, dy, dy * alpha);
    case CNN_SIGMOID:
        return dy * (y * (1.0f - y));
    case CNN_TANH:
        return dy * (1.0f - y * y);
    case CNN_RELU6:
        return vec_keep(~((y <= 0.0f) | (y >= 6.0f)), dy);
    default:
        return dy;
    }
}

#endif
