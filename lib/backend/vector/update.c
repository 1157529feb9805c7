/* SPDX-License-Identifier: MIT */
/* The optimizers' updates; reference/update.c names their sources. */
#include "backend/driver/task.h"
#include "backend/vector/kernels.h"

/* The gradient scaled, clipped and decayed, in this order. A NaN stays one. */
VEC_INLINE vec_f decayed_gradient(const cnn_update_args *args, float decay, size_t i, size_t n, vec_f w)
{
    vec_f g = vec_load_n(args->g + i, n) * args->gradient_scale;
    if (args->clip > 0) {
        g = vec_select(g > args->clip, vec_set1(args->clip), g);
        g = vec_select(g < -args->clip, vec_set1(-args->clip), g);
    }
    return g + w * decay;
}

VEC_INLINE vec_f effective_gradient(const cnn_update_args *args, size_t i, size_t n, vec_f w)
{
    return decayed_gradient(args, args->weight_decay, i, n, w);
}

static void sgd_span(const void *argument, size_t begin, size_t end)
{
    const cnn_update_args *args = argument;
    float inside = args->variant == 1 ? args->learning_rate : 1;
    float outside = args->variant == 1 ? 1 : args->learning_rate;
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        size_t n = end - i;
        vec_f w = vec_load_n(args->w + i, n);
        vec_f step = effective_gradient(args, i, n, w) * inside;
        if (args->slot0 != NULL) {
            vec_f velocity = vec_load_n(args->slot0 + i, n) * args->momentum + step;
            vec_store_n(args->slot0 + i, velocity, n);
            step = args->nesterov ? velocity * args->momentum + step : velocity;
        }
        vec_store_n(args->w + i, w - step * outside, n);
    }
}

static void rmsprop_span(const void *argument, size_t begin, size_t end)
{
    const cnn_update_args *args = argument;
    float inside = args->variant == 1 ? args->learning_rate : 1;
    float outside = args->variant == 1 ? 1 : args->learning_rate;
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        size_t n = end - i;
        vec_f w = vec_load_n(args->w + i, n);
        vec_f g = effective_gradient(args, i, n, w);
        vec_f square = vec_load_n(args->slot0 + i, n) * args->beta2 + g * g * (1 - args->beta2);
        vec_store_n(args->slot0 + i, square, n);
        vec_f root = args->variant == 1 ? vec_sqrt(square + args->epsilon) : vec_sqrt(square) + args->epsilon;
        /* Lanes past the end divide 0 by epsilon, which may be 0: nothing is stored there. */
        vec_f step = g * inside / root;
        if (args->slot1 != NULL) {
            step = vec_load_n(args->slot1 + i, n) * args->momentum + step;
            vec_store_n(args->slot1 + i, step, n);
        }
        vec_store_n(args->w + i, w - step * outside, n);
    }
}

static void adam_span(const void *argument, size_t begin, size_t end)
{
    const cnn_update_args *args = argument;
    const cnn__adam_rule rule = cnn__adam_rule_of(args);
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        size_t n = end - i;
        vec_f w = vec_load_n(args->w + i, n);
        vec_f g = decayed_gradient(args, rule.decay, i, n, w);
        vec_f mean = vec_load_n(args->slot0 + i, n) * args->beta1 + g * (1 - args->beta1);
        vec_f square = vec_load_n(args->slot1 + i, n) * args->beta2 + g * g * (1 - args->beta2);
        vec_store_n(args->slot0 + i, mean, n);
        vec_store_n(args->slot1 + i, square, n);
        vec_f root = vec_sqrt(square) * rule.inverse_root + args->epsilon;
        vec_store_n(args->w + i, w * rule.shrink - mean * rule.rate / root, n);
    }
}

cnn_status CNN__VECTOR(cnn__update)(const cnn_backend_call *call, const cnn_update_args *args)
{
    static const cnn__body rules[] = {
        [CNN_UPDATE_SGD] = sgd_span,
        [CNN_UPDATE_RMSPROP] = rmsprop_span,
        [CNN_UPDATE_ADAM] = adam_span,
    };
    cnn__for_spans(call, args->n, CNN__SPAN, rules[args->rule], args);
    return CNN_OK;
}
