/* SPDX-License-Identifier: MIT */
/* Elementwise activations. NaN goes through all of them, forward and backward; relu's derivative at 0 is 0, and so are
 * relu6's at 0 and 6. */
#include <math.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

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
    case CNN_RELU6:
        return x <= 0 ? 0 : x > 6 ? 6 : x;
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
    case CNN_RELU6:
        return y <= 0 || y >= 6 ? 0 : dy;
    default:
        return dy;
    }
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

cnn_status cnn__reference_activation(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args)
{
    const cnn_activation activation = (cnn_activation)args->activation;
    const activation_work forward = {activation, args->alpha, args->x, NULL, args->y};
    const activation_work backward = {activation, args->alpha, args->y, args->dy, args->dx};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const bool is_forward = pass == CNN_PASS_FORWARD;
    cnn__for_spans(call, args->n, CNN__SPAN, is_forward ? forward_span : backward_span,
                   is_forward ? &forward : &backward);
    return CNN_OK;
}
