/* SPDX-License-Identifier: MIT */
/* Class activation maps: a weighted sum of a layer's channels. */
#include <math.h>
#include <string.h>

#include "explain/explain.h"

/* raw = the sum over channels of weight * activation; weights are in e->weights. */
static void weigh(cnn_explainer *e, const float *activation)
{
    for (int64_t i = 0; i < e->lh * e->lw; i++) {
        double sum = 0;
        for (int64_t k = 0; k < e->lc; k++) {
            sum += e->weights[k] * (double)activation[i * e->lc + k];
        }
        e->raw[i] = (float)sum;
    }
}

/* The layer's value and its gradient for the class. */
static cnn_status look(cnn_explainer *e, cnn_tensor *activation, cnn_tensor *slope)
{
    CNN__RETURN_IF_ERROR(cnn__explain_backward(e, 1));
    CNN__RETURN_IF_ERROR(cnn_session_activation(e->session, e->layer, activation));
    return cnn_session_value_gradient(e->session, e->layer, slope);
}

cnn_status cnn__explain_grad_cam(cnn_explainer *e, const float *input)
{
    (void)input;
    cnn_tensor activation, slope;
    const int64_t pixels = e->lh * e->lw;
    CNN__RETURN_IF_ERROR(look(e, &activation, &slope));
    for (int64_t k = 0; k < e->lc; k++) {
        e->weights[k] = 0;
        for (int64_t i = 0; i < pixels; i++) {
            e->weights[k] += (double)slope.data[i * e->lc + k];
        }
        e->weights[k] /= (double)pixels;
    }
    weigh(e, activation.data);
    return CNN_OK;
}

/* Equation 19 of the paper, whose second and third derivatives of exp(score) are powers of the first one of the score
 * times exp(score): that factor is common to a map's weights and left out. */
cnn_status cnn__explain_grad_cam_plus_plus(cnn_explainer *e, const float *input)
{
    (void)input;
    cnn_tensor activation, slope;
    const int64_t pixels = e->lh * e->lw;
    CNN__RETURN_IF_ERROR(look(e, &activation, &slope));
    for (int64_t k = 0; k < e->lc; k++) {
        double total = 0;
        for (int64_t i = 0; i < pixels; i++) {
            total += (double)activation.data[i * e->lc + k];
        }
        e->weights[k] = 0;
        for (int64_t i = 0; i < pixels; i++) {
            const double g = (double)slope.data[i * e->lc + k];
            const double below = 2 * g * g + total * g * g * g;
            e->weights[k] += g > 0 && below != 0 ? g * g / below * g : 0;
        }
    }
    weigh(e, activation.data);
    return CNN_OK;
}

/* ---- Score-CAM ---- */

/* Scales a plane to [0, 1]; false if it has one value everywhere. */
static bool spread(float *plane, size_t pixels)
{
    float low = plane[0], high = plane[0];
    for (size_t i = 1; i < pixels; i++) {
        low = plane[i] < low ? plane[i] : low;
        high = plane[i] > high ? plane[i] : high;
    }
    for (size_t i = 0; i < pixels && high > low; i++) {
        plane[i] = (plane[i] - low) / (high - low);
    }
    return high > low;
}

/* Writes the input, masked by channel `k` of the layer, as sample `index`; false if the channel says nothing. */
static bool mask(cnn_explainer *e, const float *input, int64_t k, size_t index)
{
    const size_t pixels = (size_t)(e->h * e->w), channels = (size_t)e->c;
    float *masked = e->inputs + index * e->values;
    cnn__explain_resize(e->layers + k, (size_t)e->lc, e->lh, e->lw, e->h, e->w, e->plane);
    if (!spread(e->plane, pixels)) {
        return false;
    }
    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < channels; c++) {
            masked[i * channels + c] = input[i * channels + c] * e->plane[i];
        }
    }
    return true;
}

/* Scores become weights that add up to 1; a channel without a score, -INFINITY, has none. A baseline's score, which the
 * paper subtracts from all of them, changes nothing here. */
static void softmax(double *scores, int64_t count)
{
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < count; k++) {
        most = scores[k] > most ? scores[k] : most;
    }
    for (int64_t k = 0; k < count; k++) {
        scores[k] = isinf(most) ? 0 : exp(scores[k] - most);
        sum += scores[k];
    }
    for (int64_t k = 0; k < count && sum > 0; k++) {
        scores[k] /= sum;
    }
}

cnn_status cnn__explain_score_cam(cnn_explainer *e, const float *input)
{
    cnn_tensor activation;
    CNN__RETURN_IF_ERROR(cnn_session_activation(e->session, e->layer, &activation));
    memcpy(e->layers, activation.data, (size_t)(e->lh * e->lw * e->lc) * sizeof(float));
    for (int64_t k = 0; k < e->lc; k++) {
        e->weights[k] = -INFINITY;
    }
    for (int64_t k = 0; k < e->lc;) {
        size_t count = 0;
        for (; k < e->lc && count < e->batch; k++) {
            if (mask(e, input, k, count)) {
                e->channels[count++] = k;
            }
        }
        CNN__RETURN_IF_ERROR(count > 0 ? cnn__explain_forward(e, e->inputs, count) : CNN_OK);
        for (size_t i = 0; i < count; i++) {
            e->weights[e->channels[i]] = cnn__explain_score(e, i);
        }
    }
    softmax(e->weights, e->lc);
    weigh(e, e->layers);
    return CNN_OK;
}
