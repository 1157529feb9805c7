/* SPDX-License-Identifier: MIT */
/* Elementwise activations. NaN goes through all of them, forward and backward; relu's derivative at 0 is 0, and so are
 * relu6's at 0 and 6. */
#include <math.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

typedef struct activation_work {
    cnn_activation activation;
    float alpha;
    const float *x; /* backward: the output y, or the input */
    const float *dy;
    float *out;
} activation_work;

/* Of the standard normal distribution. */
static double distribution(double x) { return erfc(-x * sqrt(0.5)) / 2; }

/* 1 + tanh u = 2 / (1 + e^-2u). */
static double gelu_argument(double x) { return 2 * CNN__GELU_TANH_FACTOR * (x + CNN__GELU_TANH_CUBE * x * x * x); }

static float clip_unit(float x) { return x <= 0 ? 0 : x > 1 ? 1 : x; }

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
    case CNN_SILU:
        return (float)(x / (1 + exp(-(double)x)));
    case CNN_GELU:
        return (float)(x * distribution(x));
    case CNN_GELU_TANH:
        return (float)(x / (1 + exp(-gelu_argument(x))));
    case CNN_ELU:
        return x > 0 ? x : (float)(alpha * expm1((double)x));
    case CNN_SELU:
        return (float)(CNN__SELU_SCALE * (x > 0 ? x : CNN__SELU_ALPHA * expm1((double)x)));
    case CNN_HARD_SIGMOID:
        return clip_unit(alpha * x + 0.5f);
    case CNN_HARD_SWISH:
        return x * clip_unit(CNN__SIXTH * x + 0.5f);
    case CNN_SOFTPLUS:
        return (float)((x > 0 ? x : 0) + log1p(exp(-fabs((double)x))));
    case CNN_CLIPPED_RELU:
        return x <= 0 ? 0 : x > alpha ? alpha : x;
    default:
        return x;
    }
}

/* Those whose output does not tell it, from the input. */
static double slope(cnn_activation activation, double x)
{
    x = x > 100 ? 100 : x < -100 ? -100 : x; /* what is multiplied by it vanishes long before */
    const double gate = 1 / (1 + exp(activation == CNN_SILU ? -x : -gelu_argument(x)));
    switch (activation) {
    case CNN_SILU:
        return gate + x * gate * (1 - gate);
    case CNN_GELU:
        return distribution(x) + x * CNN__NORMAL_FACTOR * exp(-x * x / 2);
    case CNN_GELU_TANH:
        return gate + x * gate * (1 - gate) * 2 * CNN__GELU_TANH_FACTOR * (1 + 3 * CNN__GELU_TANH_CUBE * x * x);
    default:
        return x < -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5;
    }
}

/* From the output, or the input: leaky relu needs alpha >= 0 to have the sign of its input. */
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
    case CNN_ELU:
        return y > 0 ? dy : dy * (y + alpha);
    case CNN_SELU:
        return dy * (y > 0 ? CNN__SELU_SCALE : y + CNN__SELU_SCALE * CNN__SELU_ALPHA);
    case CNN_HARD_SIGMOID:
        return y <= 0 || y >= 1 ? 0 : dy * alpha;
    case CNN_SOFTPLUS:
        return (float)(dy * -expm1(-(double)y));
    case CNN_CLIPPED_RELU:
        return y <= 0 || y >= alpha ? 0 : dy;
    case CNN_SILU:
    case CNN_GELU:
    case CNN_GELU_TANH:
    case CNN_HARD_SWISH:
        return (float)(dy * slope(activation, y));
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
    const float *from = cnn__activation_reads_input(activation) ? args->x : args->y;
    const activation_work backward = {activation, args->alpha, from, args->dy, args->dx};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const bool is_forward = pass == CNN_PASS_FORWARD;
    cnn__for_spans(call, args->n, CNN__SPAN, is_forward ? forward_span : backward_span,
                   is_forward ? &forward : &backward);
    return CNN_OK;
}
