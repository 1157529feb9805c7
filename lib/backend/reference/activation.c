/* SPDX-License-Identifier: MIT */
/* Elementwise activations. NaN goes through all of them, forward and backward; relu's derivative at 0 is 0. */
#include <math.h>

#include "backend/reference/reference.h"
#include "backend/task.h"

typedef struct activation_work {
    cnn_activation activation;
    float alpha;
    const float *x; /* backward: the output y */
    const float *dy;
    float *out;
} activation_work;

float cnn__activation_value(cnn_activation activation, float alpha, float x)
{
    switch (activation) {
    case CNN_RELU:
        return x <= 0 ? 0 : x;
    case CNN_LEAKY_RELU:
        return x > 0 ? x : alpha * x;
    case CNN_SIGMOID:
        return (float)(1 / (1 + exp(-(double)x)));
    case CNN_TANH:
        return (float)tanh((double)x);
    default:
        return x;
    }
}

/* From the output: leaky relu needs alpha >= 0 to have the sign of its input. */
static float gradient(cnn_activation activation, float alpha, float y, float dy)
{
    switch (activation) {
    case CNN_RELU:
        return y <= 0 ? 0 : dy;
    case CNN_LEAKY_RELU:
        return y > 0 ? dy : alpha * dy;
    case CNN_SIGMOID:
        return dy * (y * (1 - y));
    case CNN_TANH:
        return dy * (1 - y * y);
    default:
        return dy;
    }
}

bool cnn__activation_is_elementwise(cnn_activation activation)
{
    return (int)activation >= CNN_LINEAR && activation <= CNN_TANH;
}

static void forward_span(const void *argument, size_t begin, size_t end)
{
    const activation_work *work = argument;
    for (size_t i = begin; i < end; i++) {
        work->out[i] = cnn__activation_value(work->activation, work->alpha, work->x[i]);
    }
}

static void backward_span(const void *argument, size_t begin, size_t end)
{
    const activation_work *work = argument;
    for (size_t i = begin; i < end; i++) {
        work->out[i] = gradient(work->activation, work->alpha, work->x[i], work->dy[i]);
    }
}

cnn_status cnn__reference_activation_forward(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                             size_t n, const float *x, float *y)
{
    if (!cnn__activation_is_elementwise(activation)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const activation_work work = {activation, alpha, x, NULL, y};
    cnn__for_spans(call, n, CNN__SPAN, forward_span, &work);
    return CNN_OK;
}

cnn_status cnn__reference_activation_backward(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                              size_t n, const float *y, const float *dy, float *dx)
{
    if (!cnn__activation_is_elementwise(activation)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const activation_work work = {activation, alpha, y, dy, dx};
    cnn__for_spans(call, n, CNN__SPAN, backward_span, &work);
    return CNN_OK;
}
