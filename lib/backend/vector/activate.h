/* SPDX-License-Identifier: MIT */
/* The elementwise activations on vectors. Called with a constant, the switch is gone after inlining. */
#ifndef CNN_BACKEND_VECTOR_ACTIVATE_H
#define CNN_BACKEND_VECTOR_ACTIVATE_H

#include <cnn/backend.h>

#include "backend/vector/vec.h"
#include "core/activation.h"

/* e^x - 1 for x up to 0, to 2 ulp: what is near 1 is never added before it is taken away. */
VEC_INLINE vec_f vec_expm1_below(vec_f x)
{
    const vec_f lowest = vec_set1(-30), to_integer = vec_set1(12582912); /* 1.5 * 2^23 */
    x = vec_select(x < lowest, lowest, x);
    vec_f shifted = x * 1.44269504088896341f + to_integer;
    vec_f n = shifted - to_integer;
    vec_f r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vec_f p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    const vec_f power = (vec_f)(((vec_i)shifted - (vec_i)to_integer + 127) << 23);
    return p * power + (power - 1.0f);
}

/* ln(1 + e) for e from 0 to 1, to 3 ulp, as 2 atanh(e / (2 + e)); the polynomial is within 1e-9 there. */
VEC_INLINE vec_f vec_log1p_unit(vec_f e)
{
    const vec_f z = e / (2.0f + e), square = z * z;
    vec_f p = square * 1.30093432e-1f + 1.41935391e-1f;
    p = p * square + 2.00005800e-1f;
    p = p * square + 3.33333327e-1f;
    return 2.0f * (p * (square * z) + z);
}

/* ln(1 + e^x), without overflow. */
VEC_INLINE vec_f vec_softplus(vec_f x)
{
    const vec_f tail = vec_log1p_unit(vec_exp(-vec_abs(x)));
    return vec_keep(~(x <= 0.0f), x) + tail;
}

/* The distribution function of the standard normal distribution; *density receives e^(-x^2 / 2). The part below -|x|
 * is that times a polynomial in 1 / (1 + 0.35 |x|), which was fitted to it: relative error 3e-9 from 0 to 14. */
VEC_INLINE vec_f vec_normal(vec_f x, vec_f *density)
{
    const vec_f size = vec_abs(x), t = 1.0f / (1.0f + size * 0.35f);
    *density = vec_exp(size * size * -0.5f);
    vec_f p = t * -0.029389655f + 0.14513542f;
    p = p * t + -0.25807312f;
    p = p * t + 0.16182055f;
    p = p * t + -0.02490126f;
    p = p * t + 0.10625325f;
    p = p * t + 0.11964819f;
    p = p * t + 0.1398866f;
    p = p * t + 0.13962004f;
    const vec_f below = p * t * *density;
    return vec_select(x < 0.0f, below, 1.0f - below);
}

/* x kept within -limit to limit, and NaN: beyond it a factor that vanishes is multiplied by it. */
VEC_INLINE vec_f vec_within(vec_f x, float limit)
{
    x = vec_select(x > limit, vec_set1(limit), x);
    return vec_select(x < -limit, vec_set1(-limit), x);
}

/* The argument of the logistic function that x is multiplied by in GELU's tanh form: 1 + tanh u = 2 / (1 + e^-2u). */
VEC_INLINE vec_f vec_gelu_argument(vec_f x)
{
    return x * (2 * CNN__GELU_TANH_FACTOR + (2 * CNN__GELU_TANH_FACTOR * CNN__GELU_TANH_CUBE) * (x * x));
}

/* From 0 to 1; NaN goes through. */
VEC_INLINE vec_f vec_clip_unit(vec_f x) { return vec_select(x > 1.0f, vec_set1(1.0f), vec_relu(x)); }

VEC_INLINE vec_f vec_activate(cnn_activation activation, float alpha, vec_f x)
{
    vec_f density;
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
    case CNN_SILU:
        return x * vec_sigmoid(x);
    case CNN_GELU:
        return x * vec_normal(x, &density);
    case CNN_GELU_TANH:
        return x * vec_sigmoid(vec_gelu_argument(x));
    case CNN_ELU:
        return vec_select(x > 0.0f, x, alpha * vec_expm1_below(x));
    case CNN_SELU:
        return vec_select(x > 0.0f, CNN__SELU_SCALE * x, CNN__SELU_SCALE * CNN__SELU_ALPHA * vec_expm1_below(x));
    case CNN_HARD_SIGMOID:
        return vec_clip_unit(x * alpha + 0.5f);
    case CNN_HARD_SWISH:
        return x * vec_clip_unit(x * CNN__SIXTH + 0.5f);
    case CNN_SOFTPLUS:
        return vec_softplus(x);
    case CNN_CLIPPED_RELU:
        return vec_select(x > alpha, vec_set1(alpha), vec_relu(x));
    default:
        return x;
    }
}

/* The gradient of the input from the output y, or where cnn__activation_reads_input() says so from the input. */
VEC_INLINE vec_f vec_activate_gradient(cnn_activation activation, float alpha, vec_f y, vec_f dy)
{
    vec_f gate, density;
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
    case CNN_SILU:
        y = vec_within(y, 100);
        gate = vec_sigmoid(y);
        return dy * (gate + gate * (1.0f - gate) * y);
    case CNN_GELU:
        gate = vec_normal(y, &density);
        return dy * (gate + vec_within(y, 30) * density * CNN__NORMAL_FACTOR);
    case CNN_GELU_TANH:
        y = vec_within(y, 30);
        gate = vec_sigmoid(vec_gelu_argument(y));
        return dy *
               (gate + gate * (1.0f - gate) * y *
                           (2 * CNN__GELU_TANH_FACTOR + (6 * CNN__GELU_TANH_FACTOR * CNN__GELU_TANH_CUBE) * (y * y)));
    case CNN_ELU:
        return vec_select(y > 0.0f, dy, dy * (y + alpha));
    case CNN_SELU:
        return dy * vec_select(y > 0.0f, vec_set1(CNN__SELU_SCALE), y + CNN__SELU_SCALE * CNN__SELU_ALPHA);
    case CNN_HARD_SIGMOID:
        return vec_keep(~((y <= 0.0f) | (y >= 1.0f)), dy * alpha);
    case CNN_HARD_SWISH:
        return dy * vec_select(y >= 3.0f, vec_set1(1.0f), vec_keep(~(y < -3.0f), y * (2 * CNN__SIXTH) + 0.5f));
    case CNN_SOFTPLUS:
        return dy * -vec_expm1_below(-y);
    case CNN_CLIPPED_RELU:
        return vec_keep(~((y <= 0.0f) | (y >= alpha)), dy);
    default:
        return dy;
    }
}

/* Runs `body`, a macro of one argument, with `activation` as a constant. */
#define VEC_WITH_ACTIVATION(activation, body) \
    switch (activation) {                     \
    case CNN_RELU:                            \
        body(CNN_RELU);                       \
        break;                                \
    case CNN_LEAKY_RELU:                      \
        body(CNN_LEAKY_RELU);                 \
        break;                                \
    case CNN_SIGMOID:                         \
        body(CNN_SIGMOID);                    \
        break;                                \
    case CNN_TANH:                            \
        body(CNN_TANH);                       \
        break;                                \
    case CNN_RELU6:                           \
        body(CNN_RELU6);                      \
        break;                                \
    case CNN_SILU:                            \
        body(CNN_SILU);                       \
        break;                                \
    case CNN_GELU:                            \
        body(CNN_GELU);                       \
        break;                                \
    case CNN_GELU_TANH:                       \
        body(CNN_GELU_TANH);                  \
        break;                                \
    case CNN_ELU:                             \
        body(CNN_ELU);                        \
        break;                                \
    case CNN_SELU:                            \
        body(CNN_SELU);                       \
        break;                                \
    case CNN_HARD_SIGMOID:                    \
        body(CNN_HARD_SIGMOID);               \
        break;                                \
    case CNN_HARD_SWISH:                      \
        body(CNN_HARD_SWISH);                 \
        break;                                \
    case CNN_SOFTPLUS:                        \
        body(CNN_SOFTPLUS);                   \
        break;                                \
    case CNN_CLIPPED_RELU:                    \
        body(CNN_CLIPPED_RELU);               \
        break;                                \
    default:                                  \
        body(CNN_LINEAR);                     \
        break;                                \
    }

/* The activation of one vector where it is not worth a loop of its own: out of line, so that the loops around it stay
 * as small as they are for the activations that are worth one. */
static __attribute__((noinline, unused)) vec_f vec_activate_any(int32_t activation, float alpha, vec_f x)
{
#define ACTIVATE(constant) return vec_activate(constant, alpha, x)
    VEC_WITH_ACTIVATION(activation, ACTIVATE)
#undef ACTIVATE
    return x;
}

/* As vec_activate() with an activation that is no constant. */
VEC_INLINE vec_f vec_activate_one(int32_t activation, float alpha, vec_f x)
{
    switch (activation) {
    case CNN_LINEAR:
        return x;
    case CNN_RELU:
        return vec_relu(x);
    case CNN_LEAKY_RELU:
        return vec_leaky_relu(x, alpha);
    case CNN_RELU6:
        return vec_relu6(x);
    default:
        return vec_activate_any(activation, alpha, x);
    }
}

#endif
