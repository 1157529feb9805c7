/* SPDX-License-Identifier: MIT */
/* Elementwise activations. */
#include "backend/vector/activate.h"

#include "backend/task.h"
#include "backend/vector/kernels.h"

typedef struct activation_work {
    cnn_activation activation;
    float alpha;
    const float *x; /* backward: the output y */
    const float *dy;
    float *out;
} activation_work;

VEC_INLINE void forward_loop(const activation_work *work, cnn_activation activation, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        vec_store_n(work->out + i, vec_activate(activation, work->alpha, vec_load_n(work->x + i, end - i)), end - i);
    }
}

VEC_INLINE void backward_loop(const activation_work *work, cnn_activation activation, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        vec_f y = vec_load_n(work->x + i, end - i), dy = vec_load_n(work->dy + i, end - i);
        vec_store_n(work->out + i, vec_activate_gradient(activation, work->alpha, y, dy), end - i);
    }
}

static void forward_span(const void *argument, size_t begin, size_t end)
{
    const activation_work *work = argument;
    switch (work->activation) {
    case CNN_RELU:
        forward_loop(work, CNN_RELU, begin, end);
        break;
    case CNN_LEAKY_RELU:
        forward_loop(work, CNN_LEAKY_RELU, begin, end);
        break;
    case CNN_SIGMOID:
        forward_loop(work, CNN_SIGMOID, begin, end);
        break;
    case CNN_TANH:
        forward_loop(work, CNN_TANH, begin, end);
        break;
    default:
        forward_loop(work, CNN_LINEAR, begin, end);
        break;
    }
}

static void backward_span(const void *argument, size_t begin, size_t end)
{
    const activation_work *work = argument;
    switch (work->activation) {
    case CNN_RELU:
        backward_loop(work, CNN_RELU, begin, end);
        break;
    case CNN_LEAKY_RELU:
        backward_loop(work, CNN_LEAKY_RELU, begin, end);
        break;
    case CNN_SIGMOID:
        backward_loop(work, CNN_SIGMOID, begin, end);
        break;
    case CNN_TANH:
        backward_loop(work, CNN_TANH, begin, end);
        break;
    default:
        backward_loop(work, CNN_LINEAR, begin, end);
        break;
    }
}

cnn_status CNN__VECTOR(cnn__activation_forward)(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                             size_t n, const float *x, float *y)
{
    if (!cnn__activation_is_elementwise(activation)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const activation_work work = {activation, alpha, x, NULL, y};
    cnn__for_spans(call, n, CNN__SPAN, forward_span, &work);
    return CNN_OK;
}

cnn_status CNN__VECTOR(cnn__activation_backward)(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                              size_t n, const float *y, const float *dy, float *dx)
{
    if (!cnn__activation_is_elementwise(activation)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const activation_work work = {activation, alpha, y, dy, dx};
    cnn__for_spans(call, n, CNN__SPAN, backward_span, &work);
    return CNN_OK;
}
