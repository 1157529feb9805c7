/* SPDX-License-Identifier: MIT */
/* Deletion and insertion curves: how good an order of pixels is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "explain/explain.h"

typedef struct pixel {
    float value;
    uint32_t index;
} pixel;

typedef struct curve {
    cnn_session *session;
    cnn_explain_curve_options o;
    int64_t h, w, c;
    size_t pixels, values, outputs;
    int32_t label;
    pixel *order;
    float *plane, *inputs, *from, *to; /* from: before any pixel has changed; to: after all have */
} curve;

static int compare(const void *left, const void *right)
{
    const pixel *a = left, *b = right;
    return a->value > b->value ? -1 : a->value < b->value ? 1 : a->index < b->index ? -1 : a->index > b->index;
}

static double probability(const curve *c, size_t sample)
{
    const float *logits = cnn_session_logits(c->session) + sample * c->outputs;
    if (c->outputs == 1) {
        const double positive = 1.0 / (1.0 + exp(-(double)logits[0]));
        return c->label == 1 ? positive : 1.0 - positive;
    }
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < c->outputs; i++) {
        most = (double)logits[i] > most ? (double)logits[i] : most;
    }
    for (size_t i = 0; i < c->outputs; i++) {
        sum += exp((double)logits[i] - most);
    }
    return exp((double)logits[c->label] - most) / sum;
}

/* The image after `step` steps. */
static void write_step(const curve *c, size_t step, float *image)
{
    const size_t changed = (c->pixels * step + c->o.steps - 1) / c->o.steps, channels = (size_t)c->c;
    memcpy(image, c->from, c->values * sizeof(float));
    for (size_t i = 0; i < changed; i++) {
        const size_t at = c->order[i].index * channels;
        memcpy(image + at, c->to + at, channels * sizeof(float));
    }
}

static cnn_status run(const curve *c, float *scores)
{
    const size_t all = (size_t)c->o.steps + 1;
    for (size_t first = 0; first < all;) {
        const size_t left = all - first, count = left < c->session->batch ? left : c->session->batch;
        for (size_t i = 0; i < count; i++) {
            write_step(c, first + i, c->inputs + i * c->values);
        }
        CNN__RETURN_IF_ERROR(cnn_session_forward(c->session, c->inputs, count));
        for (size_t i = 0; i < count; i++) {
            scores[first + i] = (float)probability(c, i);
        }
        first += count;
    }
    return CNN_OK;
}

static cnn_status prepare(curve *c, const float *input, const cnn_tensor *map)
{
    cnn_context *context = c->session->context;
    float color[CNN_MAX_CHANNELS] = {0};
    c->order = cnn__alloc_array(context, c->pixels, sizeof(*c->order));
    c->plane = cnn__alloc_array(context, c->pixels, sizeof(float));
    c->inputs = cnn__alloc_array(context, c->values * c->session->batch, sizeof(float));
    c->from = cnn__alloc_array(context, c->values, sizeof(float));
    c->to = cnn__alloc_array(context, c->values, sizeof(float));
    if (c->order == NULL || c->plane == NULL || c->inputs == NULL || c->from == NULL || c->to == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__explain_resize(map->data, 1, map->shape.dims[0], map->shape.dims[1], c->h, c->w, c->plane);
    for (size_t i = 0; i < c->pixels; i++) {
        c->order[i] = (pixel){isnan(c->plane[i]) ? -INFINITY : c->plane[i], (uint32_t)i};
    }
    qsort(c->order, c->pixels, sizeof(*c->order), compare);
    if (c->o.baseline != NULL) {
        memcpy(color, c->o.baseline, (size_t)c->c * sizeof(float));
    } else {
        cnn__explain_mean(input, c->pixels, c->c, color);
    }
    float *image = c->o.insertion != 0 ? c->to : c->from, *plain = c->o.insertion != 0 ? c->from : c->to;
    memcpy(image, input, c->values * sizeof(float));
    for (size_t i = 0; i < c->values; i++) {
        plain[i] = color[i % (size_t)c->c];
    }
    return CNN_OK;
}

static cnn_status check(curve *c, const float *input, const cnn_tensor *map, const float *scores)
{
    const cnn_model *model = c->session->model;
    const cnn_shape shape = cnn__session_input_shape(c->session), output = cnn__session_output_shape(c->session);
    if (input == NULL || map == NULL || map->data == NULL || scores == NULL || c->o.steps > 1000000) {
        return cnn__fail(c->session->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: a curve needs an input, a map, room for its scores and at most 1000000 steps",
                         model->name);
    }
    if (c->session->training) {
        return cnn__fail(c->session->context, CNN_ERROR_STATE, "%s: a training session has no curve", model->name);
    }
    const bool drawn = map->shape.rank == 2 && map->shape.dims[0] > 0 && map->shape.dims[1] > 0;
    if (shape.rank != 3 || !drawn || !cnn__shape_values(&output, &c->outputs) || c->outputs == 0 ||
        shape.dims[0] * shape.dims[1] > UINT32_MAX) {
        return cnn__fail(c->session->context, CNN_ERROR_SHAPE, "%s: a curve needs an input H, W, C and a map H, W",
                         model->name);
    }
    c->h = shape.dims[0];
    c->w = shape.dims[1];
    c->c = shape.dims[2];
    c->pixels = (size_t)(c->h * c->w);
    c->values = c->pixels * (size_t)c->c;
    c->o.steps = c->o.steps != 0 ? c->o.steps : 50;
    if (c->label >= 0 && (size_t)c->label >= (c->outputs == 1 ? 2 : c->outputs)) {
        return cnn__fail(c->session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: there is no class %d", model->name,
                         (int)c->label);
    }
    return CNN_OK;
}

static double area_under(const float *scores, size_t steps)
{
    double sum = 0;
    for (size_t i = 0; i < steps; i++) {
        sum += 0.5 * ((double)scores[i] + (double)scores[i + 1]);
    }
    return sum / (double)steps;
}

cnn_status cnn_explain_curve(cnn_session *session, const float *input, int32_t label, const cnn_tensor *map,
                             const cnn_explain_curve_options *options, float *scores, double *area)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    curve c = {.session = session, .label = label};
    CNN__RETURN_IF_ERROR(cnn__options_copy(session->context, "cnn_explain_curve_options", options, &c.o, sizeof(c.o)));
    CNN__RETURN_IF_ERROR(check(&c, input, map, scores));
    cnn_status status = prepare(&c, input, map);
    if (status == CNN_OK && label < 0) {
        status = cnn_session_forward(session, input, 1);
        c.label = status == CNN_OK ? cnn__explain_best(cnn_session_logits(session), c.outputs) : 0;
    }
    status = status == CNN_OK ? run(&c, scores) : status;
    if (status == CNN_OK && area != NULL) {
        *area = area_under(scores, c.o.steps);
    }
    cnn__free(session->context, c.order);
    cnn__free(session->context, c.plane);
    cnn__free(session->context, c.inputs);
    cnn__free(session->context, c.from);
    cnn__free(session->context, c.to);
    return status;
}
