/* SPDX-License-Identifier: MIT */
/* Explanations made of gradients by the input. */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "explain/explain.h"

cnn_status cnn__explain_guide(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *tensor)
{
    const cnn_explainer *e = user;
    size_t values = 0;
    if (pass != CNN_HOOK_BACKWARD || strcmp(name, e->input) == 0 || !cnn__shape_values(&tensor->shape, &values)) {
        return CNN_OK;
    }
    for (size_t i = 0; i < values; i++) {
        tensor->data[i] = tensor->data[i] > 0 ? tensor->data[i] : 0;
    }
    return CNN_OK;
}

/* Guided backpropagation too: there the hook is set. */
cnn_status cnn__explain_saliency(cnn_explainer *e, const float *input)
{
    (void)input;
    cnn_tensor slope;
    CNN__RETURN_IF_ERROR(cnn__explain_backward(e, 1));
    CNN__RETURN_IF_ERROR(cnn__explain_slope(e, &slope));
    memcpy(e->raw, slope.data, e->values * sizeof(float));
    return CNN_OK;
}

/* Runs e->inputs forward and back, and adds the gradients of its samples to e->sums. */
static cnn_status add_slopes(cnn_explainer *e, size_t count)
{
    cnn_tensor slope;
    CNN__RETURN_IF_ERROR(cnn__explain_forward(e, e->inputs, count));
    CNN__RETURN_IF_ERROR(cnn__explain_backward(e, count));
    CNN__RETURN_IF_ERROR(cnn__explain_slope(e, &slope));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < e->values; k++) {
            e->sums[k] += (double)slope.data[i * e->values + k];
        }
    }
    return CNN_OK;
}

/* The mean gradient over all samples, of which `write` makes number `index` at `place`. */
static cnn_status mean_slope(cnn_explainer *e, const float *input,
                             void (*write)(const cnn_explainer *e, const float *input, size_t index, float *place))
{
    memset(e->sums, 0, e->values * sizeof(double));
    for (size_t done = 0; done < e->o.samples;) {
        const size_t left = e->o.samples - done, count = left < e->batch ? left : e->batch;
        for (size_t i = 0; i < count; i++) {
            write(e, input, done + i, e->inputs + i * e->values);
        }
        CNN__RETURN_IF_ERROR(add_slopes(e, count));
        done += count;
    }
    for (size_t k = 0; k < e->values; k++) {
        e->sums[k] /= (double)e->o.samples;
    }
    return CNN_OK;
}

/* ---- SmoothGrad ---- */

static void add_noise(const cnn_explainer *e, const float *input, size_t index, float *place)
{
    cnn__rng rng;
    float low = input[0], high = input[0];
    for (size_t k = 1; k < e->values; k++) {
        low = input[k] < low ? input[k] : low;
        high = input[k] > high ? input[k] : high;
    }
    const double deviation = (double)e->o.noise * ((double)high - (double)low);
    cnn__rng_init(&rng, e->context->seed, CNN__STREAM_EXPLAIN, 0, index);
    for (size_t k = 0; k < e->values; k++) {
        place[k] = (float)((double)input[k] + deviation * cnn__rng_normal(&rng));
    }
}

cnn_status cnn__explain_smooth_grad(cnn_explainer *e, const float *input)
{
    CNN__RETURN_IF_ERROR(mean_slope(e, input, add_noise));
    for (size_t k = 0; k < e->values; k++) {
        e->raw[k] = (float)e->sums[k];
    }
    return CNN_OK;
}

/* ---- integrated gradients ---- */

static float baseline_of(const cnn_explainer *e, size_t k)
{
    return e->o.baseline != NULL ? e->o.baseline[k % (size_t)e->c] : 0;
}

/* The middle of step `index` on the way from the baseline to the input. */
static void walk(const cnn_explainer *e, const float *input, size_t index, float *place)
{
    const float part = (float)(((double)index + 0.5) / (double)e->o.samples);
    for (size_t k = 0; k < e->values; k++) {
        const float begin = baseline_of(e, k);
        place[k] = begin + (input[k] - begin) * part;
    }
}

cnn_status cnn__explain_integrated(cnn_explainer *e, const float *input)
{
    for (size_t k = 0; k < e->values; k++) {
        e->inputs[k] = baseline_of(e, k);
    }
    CNN__RETURN_IF_ERROR(cnn__explain_forward(e, e->inputs, 1));
    e->baseline_score = cnn__explain_score(e, 0);
    CNN__RETURN_IF_ERROR(mean_slope(e, input, walk));
    for (size_t k = 0; k < e->values; k++) {
        e->raw[k] = (float)(e->sums[k] * (double)(input[k] - baseline_of(e, k)));
    }
    return CNN_OK;
}
