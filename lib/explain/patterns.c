/* SPDX-License-Identifier: MIT */
/* Gradient ascent on the input: images that a channel answers to. Patterns of one batch are independent of each other:
 * each has its own start, its own gradient and its own scale. */
#include <math.h>
#include <string.h>

#include "core/options.h"
#include "core/rng.h"
#include "explain/explain.h"

typedef struct ascent {
    cnn_context *context;
    cnn_session *session;
    cnn_explain_patterns_options o;
    const char *input;
    cnn_shape shape; /* of a pattern */
    size_t values;   /* of a pattern */
    size_t places;   /* of the layer: height x width */
    size_t channels; /* of the layer */
    float *starts;   /* [batch, places, channels] */
} ascent;

static uint32_t channel_of(const ascent *a, size_t index)
{
    return a->o.channels != NULL ? a->o.channels[index] : (uint32_t)index;
}

static cnn_status check_options(const cnn_model *model, const cnn_explain_patterns_options *o)
{
    const bool sound = o->layer != NULL && o->size >= 0 && o->size <= 32768 && isfinite(o->step) && isfinite(o->low) &&
                       isfinite(o->high) && o->low <= o->high && o->batch <= 65536;
    if (!sound) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: patterns need a layer, a size from 1 to 32768, finite numbers and low <= high",
                         model->name);
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: has patterns after cnn_model_build()", model->name);
    }
    if (model->input_count != 1) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED, "%s: has %u inputs, and one can become a pattern",
                         model->name, model->input_count);
    }
    return model->inputs[0].shape.rank == 3
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_SHAPE, "%s: reads a vector, not an image", model->name);
}

static void set_defaults(ascent *a)
{
    cnn_explain_patterns_options *o = &a->o;
    const bool plain = o->low == 0 && o->high == 0;
    o->low = plain ? 128.0f / 255.0f : o->low;
    o->high = plain ? 148.0f / 255.0f : o->high;
    o->step = o->step != 0 ? o->step : 1.0f / 255.0f;
    o->steps = o->steps != 0 ? o->steps : 40;
    o->count = o->count != 0 ? o->count : 1;
    o->batch = o->batch != 0 ? o->batch : 8;
    o->batch = o->batch < o->count ? o->batch : (uint32_t)o->count;
}

static cnn_status try_session(ascent *a, cnn_model *model)
{
    return cnn_session_create(model,
                              CNN_SESSION(.batch = a->o.batch, .threads = a->o.threads, .outputs = &a->o.layer,
                                          .output_count = 1, .gradients = &a->input, .gradient_count = 1,
                                          .input_shapes = &a->shape, .input_shape_count = 1),
                              &a->session);
}

/* A session up to the layer for patterns of the size that is asked for, or, where none is and the layer takes no other,
 * of the model's. */
static cnn_status open_session(ascent *a, cnn_model *model)
{
    const cnn_shape own = model->inputs[0].shape;
    const int64_t side = a->o.size != 0 ? a->o.size : 150;
    a->shape = (cnn_shape){3, 0, {side, side, own.dims[2]}};
    cnn_status status = try_session(a, model);
    if (status == CNN_ERROR_SHAPE && a->o.size == 0) {
        a->shape = own;
        status = try_session(a, model);
    }
    return status;
}

static cnn_status open_all(ascent *a, cnn_model *model)
{
    CNN__RETURN_IF_ERROR(open_session(a, model));
    const cnn_shape output = cnn__session_output_shape(a->session);
    size_t values = 0, all = 0;
    if (!cnn__shape_values(&output, &values) || values == 0 || !cnn__shape_values(&a->shape, &a->values) ||
        !cnn__mul_size(values, a->o.batch, &all)) {
        return cnn__fail(a->context, CNN_ERROR_LIMIT, "%s: layer \"%s\" is too large", model->name, a->o.layer);
    }
    a->channels = (size_t)output.dims[output.rank - 1];
    a->places = values / a->channels;
    for (size_t i = 0; i < a->o.count; i++) {
        if (channel_of(a, i) >= a->channels) {
            return cnn__fail(a->context, CNN_ERROR_INVALID_ARGUMENT, "%s: layer \"%s\" has channels 0 to %zu, not %u",
                             model->name, a->o.layer, a->channels - 1, channel_of(a, i));
        }
    }
    a->starts = cnn__alloc_array(a->context, all, sizeof(float));
    return a->starts != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static void begin(const ascent *a, size_t index, float *pattern)
{
    cnn__rng rng;
    if (a->o.start != NULL) {
        memcpy(pattern, a->o.start, a->values * sizeof(float));
        return;
    }
    cnn__rng_init(&rng, a->context->seed, CNN__STREAM_EXPLAIN, 1, channel_of(a, index));
    for (size_t i = 0; i < a->values; i++) {
        pattern[i] = a->o.low + (a->o.high - a->o.low) * (float)cnn__rng_uniform(&rng);
    }
}

static void climb(const ascent *a, const float *slope, float *pattern)
{
    double squares = 0;
    for (size_t i = 0; i < a->values; i++) {
        squares += (double)slope[i] * (double)slope[i];
    }
    const double scale = (double)a->o.step / (sqrt(squares / (double)a->values) + 1e-5);
    for (size_t i = 0; i < a->values; i++) {
        pattern[i] = (float)((double)pattern[i] + scale * (double)slope[i]);
    }
}

static float channel_mean(const ascent *a, size_t sample, uint32_t channel)
{
    const float *values = cnn_session_output(a->session) + sample * a->places * a->channels;
    double sum = 0;
    for (size_t i = 0; i < a->places; i++) {
        sum += (double)values[i * a->channels + channel];
    }
    return (float)(sum / (double)a->places);
}

/* Patterns [first, first + count), which lie at `patterns`. */
static cnn_status run_batch(const ascent *a, size_t first, size_t count, float *patterns, float *means)
{
    memset(a->starts, 0, count * a->places * a->channels * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        begin(a, first + i, patterns + i * a->values);
        for (size_t k = 0; k < a->places; k++) {
            a->starts[(i * a->places + k) * a->channels + channel_of(a, first + i)] = 1.0f / (float)a->places;
        }
    }
    for (uint32_t step = 0; step < a->o.steps; step++) {
        cnn_tensor slope;
        CNN__RETURN_IF_ERROR(cnn_session_forward(a->session, patterns, count));
        for (size_t i = 0; i < count && means != NULL; i++) {
            means[first + i] = channel_mean(a, i, channel_of(a, first + i));
        }
        CNN__RETURN_IF_ERROR(cnn_session_backward_from(a->session, &(cnn_output_gradient){.values = a->starts}, 1));
        CNN__RETURN_IF_ERROR(cnn_session_value_gradient(a->session, a->input, &slope));
        for (size_t i = 0; i < count; i++) {
            climb(a, slope.data + i * a->values, patterns + i * a->values);
        }
    }
    return CNN_OK;
}

cnn_status cnn_explain_patterns(cnn_model *model, const cnn_explain_patterns_options *options, float *patterns,
                                float *means)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    ascent a = {.context = model->context};
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_explain_patterns_options", options, &a.o, sizeof(a.o)));
    if (patterns == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_explain_patterns: patterns is NULL");
    }
    CNN__RETURN_IF_ERROR(check_options(model, &a.o));
    set_defaults(&a);
    a.input = model->inputs[0].name;
    cnn_status status = open_all(&a, model);
    for (size_t first = 0; first < a.o.count && status == CNN_OK; first += a.o.batch) {
        const size_t left = a.o.count - first;
        status = run_batch(&a, first, left < a.o.batch ? left : a.o.batch, patterns + first * a.values, means);
    }
    cnn_session_free(a.session);
    cnn__free(a.context, a.starts);
    return status;
}
