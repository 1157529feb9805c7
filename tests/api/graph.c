/* SPDX-License-Identifier: MIT */
#include "api/graph.h"
#include "common/values.h"

#include <check.h>
#include <math.h>
#include <string.h>

cnn_context *graph_context;

void graph_set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 11), &graph_context), CNN_OK);
}

void graph_tear_down(void) { cnn_context_free(graph_context); }

void graph_fill(float *values, size_t count, uint32_t state)
{
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1;
    }
}

void graph_build(cnn_model *model)
{
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(graph_context));
}

cnn_session *graph_open(cnn_model *model, const cnn_session_options *options)
{
    cnn_session *session = NULL;
    ck_assert_msg(cnn_session_create(model, options, &session) == CNN_OK, "%s", cnn_last_error(graph_context));
    return session;
}

cnn_model *graph_model(const char *name, int32_t side, int32_t channels)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(graph_context, CNN_MODEL(.name = name, .input = {side, side, channels}), &model),
                     CNN_OK);
    return model;
}

void graph_add(cnn_model *model, cnn_layer *layer)
{
    ck_assert_msg(cnn_model_add(model, layer) == CNN_OK, "%s", cnn_last_error(graph_context));
}

/* The sum of weight x output, in double. */
static double weighted(const float *weights, const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)weights[i] * (double)values[i];
    }
    return sum;
}

void graph_compare(const char *what, cnn_session *session, float *values, const float *gradient, size_t count,
                   const float *weights, size_t outputs, uint32_t samples)
{
    const float h = 4e-3f;
    for (size_t i = 0; i < count; i += 1 + count / 40) {
        const float before = values[i];
        double ends[2];
        for (int k = 0; k < 2; k++) {
            values[i] = before + (k == 0 ? h : -h);
            cnn_model_touch(cnn_session_model(session));
            ck_assert_int_eq(cnn_session_forward(session, NULL, samples), CNN_OK);
            ends[k] = weighted(weights, cnn_session_output(session), outputs * samples);
        }
        values[i] = before;
        cnn_model_touch(cnn_session_model(session));
        const double expected = (ends[0] - ends[1]) / (2 * (double)h);
        ck_assert_msg(fabs(expected - (double)gradient[i]) <= 4e-3 + 2e-2 * fabs(expected), "%s[%zu]: %g, not %g", what,
                      i, (double)gradient[i], expected);
    }
}

void graph_compare_parameters(cnn_session *session, cnn_session *other, const float *weights, size_t outputs)
{
    cnn_model *model = cnn_session_model(session);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        if (parameter.trainable) {
            ck_assert_int_eq(cnn_session_gradient(session, i, &gradient), CNN_OK);
            graph_compare(parameter.name, other, parameter.value.data, gradient.data, test_shape_values(gradient.shape),
                          weights, outputs, BATCH);
        }
    }
}

cnn_model *graph_classifier(void)
{
    cnn_model *model = graph_model("classifier", SIDE, CHANNELS);
    graph_add(model, cnn_conv2d(graph_context, CNN_CONV2D(.name = "conv1", .filters = 6, .activation = CNN_LEAKY_RELU,
                                                          .alpha = 0.3f)));
    graph_add(model, cnn_batch_norm(graph_context, CNN_BATCH_NORM(.name = "norm")));
    graph_add(model, cnn_activate(graph_context, CNN_ACTIVATE(.name = "act", .activation = CNN_TANH)));
    graph_add(model, cnn_average_pool2d(graph_context, CNN_POOL2D(.name = "pool")));
    graph_add(model, cnn_dropout(graph_context, CNN_DROPOUT(.name = "drop", .rate = 0.5f)));
    graph_add(model, cnn_flatten(graph_context, CNN_NAMED(.name = "flat")));
    graph_add(model, cnn_dense(graph_context, CNN_DENSE(.name = "hidden", .units = 7, .activation = CNN_SIGMOID)));
    graph_add(model,
              cnn_dense(graph_context, CNN_DENSE(.name = "scores", .units = CLASSES, .activation = CNN_SOFTMAX)));
    graph_build(model);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (p.value.shape.rank == 1) {
            graph_fill(p.value.data, (size_t)p.value.shape.dims[0], (uint32_t)i);
            for (int64_t k = 0; strstr(p.name, "variance") != NULL && k < p.value.shape.dims[0]; k++) {
                p.value.data[k] = 0.4f + fabsf(p.value.data[k]);
            }
        }
    }
    cnn_model_touch(model);
    return model;
}
