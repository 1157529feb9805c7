/* SPDX-License-Identifier: MIT */
/* The optimizers' updates. Sources: PyTorch's SGD, RMSprop, Adam and AdamW; Caffe's SGD; TensorFlow 1's RMSProp, which
 * has the learning rate inside the momentum, too; Adam's form before section 2.1 of Kingma and Ba (2015). */
#include <math.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

/* The gradient scaled, clipped and decayed, in this order. A NaN stays one. */
static float decayed_gradient(const cnn_update_args *args, float decay, size_t i)
{
    float g = args->g[i] * args->gradient_scale;
    if (args->clip > 0) {
        g = g > args->clip ? args->clip : g;
        g = g < -args->clip ? -args->clip : g;
    }
    return g + decay * args->w[i];
}

static float effective_gradient(const cnn_update_args *args, size_t i)
{
    return decayed_gradient(args, args->weight_decay, i);
}

static void sgd_span(const void *argument, size_t begin, size_t end)
{
    const cnn_update_args *args = argument;
    float inside = args->variant == 1 ? args->learning_rate : 1;
    float outside = args->variant == 1 ? 1 : args->learning_rate;
    for (size_t i = begin; i < end; i++) {
        float step = inside * effective_gradient(args, i);
        if (args->slot0 != NULL) {
            float velocity = args->momentum * args->slot0[i] + step;
            args->slot0[i] = velocity;
            step = args->nesterov ? args->momentum * velocity + step : velocity;
        }
        args->w[i] -= outside * step;
    }
}

static void rmsprop_span(const void *argument, size_t begin, size_t end)
{
    const cnn_update_args *args = argument;
    float inside = args->variant == 1 ? args->learning_rate : 1;
    float outside = args->variant == 1 ? 1 : args->learning_rate;
    for (size_t i = begin; i < end; i++) {
        float g = effective_gradient(args, i);
        float square = args->beta2 * args->slot0[i] + (1 - args->beta2) * (g * g);
        args->slot0[i] = square;
        float root = args->variant == 1 ? sqrtf(square + args->epsilon) : sqrtf(square) + args->epsilon;
        float step = inside * g / root;
        if (args->slot1 != NULL) {
            step = args->momentum * args->slot1[i] + step;
            args->slot1[i] = step;
        }
        args->w[i] -= outside * step;
    }
}

static void adam_span(const void *argument, size_t begin, size_t end)
{
    const cnn_update_args *args = argument;
    const cnn__adam_rule rule = cnn__adam_rule_of(args);
    for (size_t i = begin; i < end; i++) {
        float g = decayed_gradient(args, rule.decay, i);
        float mean = args->beta1 * args->slot0[i] + (1 - args->beta1) * g;
        float square = args->beta2 * args->slot1[i] + (1 - args->beta2) * (g * g);
        args->slot0[i] = mean;
        args->slot1[i] = square;
        args->w[i] = rule.shrink * args->w[i] - rule.rate * mean / (sqrtf(square) * rule.inverse_root + args->epsilon);
    }
}

cnn_status cnn__reference_update(const cnn_backend_call *call, const cnn_update_args *args)
{
    static const cnn__body rules[] = {
        [CNN_UPDATE_SGD] = sgd_span,
        [CNN_UPDATE_RMSPROP] = rmsprop_span,
        [CNN_UPDATE_ADAM] = adam_span,
    };
    cnn__for_spans(call, args->n, CNN__SPAN, rules[args->rule], args);
    return CNN_OK;
}
