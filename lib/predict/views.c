/* SPDX-License-Identifier: MIT */
/* Several views of each sample, such as ten crops: the session runs them in pieces, and what counts is the mean of
 * their probabilities. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "session/session.h"

static size_t sample_values(const cnn_shape *shape)
{
    size_t values = 0;
    return cnn__shape_values(shape, &values) ? values : 0;
}

/* What turns the logits into the output; CNN_LINEAR if nothing does. */
static cnn_activation head_activation(const cnn_session *session)
{
    const cnn__output *output = cnn__session_output(session);
    if (output->head == CNN__NO_OP) {
        return CNN_LINEAR;
    }
    const cnn_activate_options *options = session->program.ops[output->head].state;
    return (cnn_activation)options->activation;
}

/* Room for the means of `values` outputs, kept from call to call. */
static cnn_status reserve(cnn_session *session, size_t values)
{
    if (values <= session->mean_capacity) {
        return CNN_OK;
    }
    cnn_context *context = session->context;
    double *sums = cnn__alloc_array(context, values, sizeof(*sums));
    float *outputs = cnn__alloc_array(context, values, 2 * sizeof(*outputs));
    if (sums == NULL || outputs == NULL) {
        cnn__free(context, sums);
        cnn__free(context, outputs);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__free(context, session->view_sums);
    cnn__free(context, session->view_means);
    session->view_sums = sums;
    session->view_means = outputs;
    session->mean_capacity = values;
    return CNN_OK;
}

/* Adds the outputs of the last forward pass, whose first image is number `first` of all. */
static void add_outputs(cnn_session *session, size_t first, uint32_t views, size_t each, bool logarithms)
{
    const float *output = cnn_session_output(session);
    for (size_t i = 0; i < session->count; i++) {
        double *sum = session->view_sums + (first + i) / views * each;
        for (size_t k = 0; k < each; k++) {
            double value = output[i * each + k];
            sum[k] += logarithms ? exp(value) : value;
        }
    }
}

/* Logits that the head turns into the mean: finite, so that no loss becomes infinite where float ends. */
static void finish(const cnn_session *session, size_t values, uint32_t views, float *means, float *logits)
{
    const cnn_activation head = head_activation(session);
    for (size_t i = 0; i < values; i++) {
        double mean = session->view_sums[i] / views, least = mean < FLT_MIN ? FLT_MIN : mean, rest = 1 - mean;
        logits[i] = (float)(head == CNN_LINEAR    ? mean
                            : head == CNN_SIGMOID ? log(least) - log(rest < DBL_EPSILON ? DBL_EPSILON : rest)
                                                  : log(least));
        means[i] = head == CNN_LOG_SOFTMAX ? logits[i] : (float)mean;
    }
}

/* What the head makes of `count` logits of one sample. */
static void apply_head(cnn_activation head, const float *logits, size_t count, float *outputs)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) {
        most = logits[i] > most ? logits[i] : most;
    }
    for (size_t i = 0; i < count; i++) {
        sum += exp(logits[i] - most);
    }
    for (size_t i = 0; i < count; i++) {
        const double z = logits[i], softmax = z - most - log(sum);
        outputs[i] = (float)(head == CNN_SIGMOID       ? 1 / (1 + exp(-z))
                             : head == CNN_SOFTMAX     ? exp(softmax)
                             : head == CNN_LOG_SOFTMAX ? softmax
                                                       : z);
    }
}

/* Puts other logits and outputs in place of the means where the model's decision says how they are calibrated. */
static cnn_status calibrate(cnn_session *session, size_t samples, size_t each, cnn__view_means *means)
{
    const cnn_decision *decision = &session->model->decision;
    const bool heated = decision->temperature != 0 && decision->temperature != 1;
    const size_t values = samples * each;
    if (!session->model->decides || session->training || session->model->task == CNN_TASK_VALUES ||
        (!heated && decision->slope == 0)) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(reserve(session, values));
    float *outputs = session->view_means, *logits = outputs + values;
    for (size_t i = 0; i < values; i++) {
        const double z = means->logits[i];
        logits[i] = (float)(decision->slope != 0 ? decision->slope * z + decision->offset : z / decision->temperature);
    }
    for (size_t i = 0; i < samples; i++) {
        apply_head(head_activation(session), logits + i * each, each, outputs + i * each);
    }
    *means = (cnn__view_means){outputs, logits};
    return CNN_OK;
}

cnn_status cnn__session_forward_views(cnn_session *session, const float *inputs, size_t samples, uint32_t views,
                                      cnn__view_means *means)
{
    CNN__RETURN_IF_ERROR(cnn__session_check_one_row(session, cnn__session_output(session), "a prediction"));
    const cnn_shape input = cnn__session_input_shape(session), output = cnn__session_output_shape(session);
    if (views <= 1) {
        CNN__RETURN_IF_ERROR(cnn_session_forward(session, inputs, samples));
        *means = (cnn__view_means){cnn_session_output(session), cnn_session_logits(session)};
        return calibrate(session, samples, sample_values(&output), means);
    }
    const size_t input_values = sample_values(&input), each = sample_values(&output);
    const size_t values = samples * each, images = samples * views;
    double penalty = 0;
    CNN__RETURN_IF_ERROR(reserve(session, values));
    memset(session->view_sums, 0, values * sizeof(*session->view_sums));
    for (size_t at = 0; at < images; at += session->count) {
        size_t count = images - at < session->batch ? images - at : session->batch;
        CNN__RETURN_IF_ERROR(cnn_session_forward(session, inputs + at * input_values, count));
        penalty += session->activity_penalty * (double)count;
        add_outputs(session, at, views, each, head_activation(session) == CNN_LOG_SOFTMAX);
    }
    session->activity_penalty = images > 0 ? penalty / (double)images : 0;
    *means = (cnn__view_means){session->view_means, session->view_means + values};
    finish(session, values, views, session->view_means, session->view_means + values);
    return calibrate(session, samples, each, means);
}

cnn_status cnn__session_reserve_scratch(cnn_session *session, size_t values)
{
    if (values <= session->scratch_values) {
        return CNN_OK;
    }
    float *scratch = cnn__alloc_array(session->context, values, sizeof(*scratch));
    if (scratch == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__free(session->context, session->scratch);
    session->scratch = scratch;
    session->scratch_values = values;
    return CNN_OK;
}
