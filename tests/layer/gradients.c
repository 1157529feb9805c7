/* SPDX-License-Identifier: MIT */
/* Gradients of a model against finite differences. */
#include "layer/gradients.h"
#include "common/values.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

#define BATCH 3
#define STEP 3e-4f
#define DIRECTIONS 3

static const char *const backends[GRADIENTS_BACKENDS] = {"reference", NULL}; /* NULL: the default */

static void fill(float *values, size_t count, uint64_t stream, double scale)
{
    cnn__rng rng;
    cnn__rng_init(&rng, 99, CNN__STREAM_SAMPLE, stream, 0);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(scale * (2.0 * cnn__rng_uniform(&rng) - 1.0));
    }
}

/* All inputs read from the same values, which are enough for the first. */
static void forward(cnn_session *session, cnn_model *model, const float *inputs)
{
    for (size_t i = 1; i < cnn_model_input_count(model); i++) {
        ck_assert_int_eq(cnn_session_set_input(session, cnn_model_input_name(model, i), inputs), CNN_OK);
    }
    ck_assert_int_eq(cnn_session_forward(session, inputs, BATCH), CNN_OK);
}

/* The weighted sum of the logits. Dropout draws from the pass number, so each evaluation needs a session of its own. */
static double objective(cnn_model *model, const float *inputs, const float *weights, size_t outputs)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    forward(session, model, inputs);
    const float *logits = cnn_session_logits(session);
    double sum = 0;
    for (size_t i = 0; i < BATCH * outputs; i++) {
        sum += (double)weights[i] * logits[i];
    }
    cnn_session_free(session);
    return sum;
}

static void check_parameter(cnn_model *model, cnn_session *session, size_t index, const float *inputs,
                            const float *weights, size_t outputs)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    cnn_tensor gradient;
    ck_assert_int_eq(cnn_model_parameter(model, index, &parameter), CNN_OK);
    if (!parameter.trainable) {
        return;
    }
    ck_assert_int_eq(cnn_session_gradient(session, index, &gradient), CNN_OK);
    size_t count = test_shape_values(parameter.value.shape);
    float *before = malloc(count * sizeof(float)), *direction = malloc(count * sizeof(float));
    memcpy(before, parameter.value.data, count * sizeof(float));
    for (uint64_t d = 0; d < DIRECTIONS; d++) {
        double slope = 0, norm = 0, size = 0;
        fill(direction, count, 1000 + 10 * index + d, 1.0);
        for (size_t i = 0; i < count; i++) {
            slope += (double)gradient.data[i] * direction[i];
            norm += (double)gradient.data[i] * gradient.data[i];
            size += (double)direction[i] * direction[i];
        }
        double ends[2];
        for (int end = 0; end < 2; end++) {
            float step = end == 0 ? -STEP : STEP;
            for (size_t i = 0; i < count; i++) {
                parameter.value.data[i] = before[i] + step * direction[i] / (float)sqrt(size);
            }
            ends[end] = objective(model, inputs, weights, outputs);
        }
        memcpy(parameter.value.data, before, count * sizeof(float));
        double numeric = (ends[1] - ends[0]) / (2.0 * STEP), analytic = slope / sqrt(size);
        double tolerance = 0.012 * sqrt(norm) + 6e-3;
        ck_assert_msg(fabs(numeric - analytic) <= tolerance, "%s: numeric %g, analytic %g, tolerance %g",
                      parameter.name, numeric, analytic, tolerance);
    }
    free(before);
    free(direction);
}

void gradients_check(cnn_model *model)
{
    cnn_session *session = NULL;
    size_t inputs = BATCH * test_shape_values(cnn_model_input_shape(model));
    size_t outputs = test_shape_values(cnn_model_output_shape(model));
    float *input = malloc(inputs * sizeof(float)), *weights = malloc(BATCH * outputs * sizeof(float));
    fill(input, inputs, 1, 1.0);
    fill(weights, BATCH * outputs, 2, 1.0);
    /* Running statistics change with every pass, but do not enter the output in training. */
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    forward(session, model, input);
    ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        check_parameter(model, session, i, input, weights, outputs);
    }
    cnn_session_free(session);
    free(input);
    free(weights);
}

cnn_context *gradients_context(size_t backend)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 7, .backend = backends[backend]), &context),
                     CNN_OK);
    return context;
}
