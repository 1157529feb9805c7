/* SPDX-License-Identifier: MIT */
/* The validations of a training: in inference, or as the training itself runs. */
#include <string.h>

#include "core/memory.h"
#include "session/session.h"
#include "train/fit.h"

/* No training has so many passes: what dropout draws in a validation is none of what it draws in a step. */
#define VALIDATION_PASSES ((uint64_t)1 << 56)
/* Passes of one validation, at most; they begin anew in each so that a training that goes on draws the same. */
#define PASSES_OF_ONE ((uint64_t)1 << 24)

static size_t count_observed(const cnn_session *session)
{
    size_t count = 0;
    for (uint32_t p = 0; p < session->model->parameter_count; p++) {
        count += session->program.observed[p] ? session->model->parameters[p].values : 0;
    }
    return count;
}

static void keep(const cnn_session *session, float *values)
{
    for (uint32_t p = 0; p < session->model->parameter_count; p++) {
        const cnn__parameter *parameter = &session->model->parameters[p];
        if (session->program.observed[p]) {
            memcpy(values, parameter->data, parameter->values * sizeof(float));
            values += parameter->values;
        }
    }
}

static void put_back(const cnn_session *session, const float *values)
{
    for (uint32_t p = 0; p < session->model->parameter_count; p++) {
        const cnn__parameter *parameter = &session->model->parameters[p];
        if (session->program.observed[p]) {
            memcpy(parameter->data, values, parameter->values * sizeof(float));
            values += parameter->values;
        }
    }
    cnn_model_touch(session->model);
}

cnn_status cnn__fit_evaluate(cnn__fit *fit, cnn_evaluate_result *result)
{
    cnn_session *session = fit->validation.session;
    if (!session->training) {
        return cnn__evaluate_run(&fit->validation, result);
    }
    const size_t count = count_observed(session);
    float *values = cnn__alloc_array(fit->context, count + 1, sizeof(*values));
    if (values == NULL) {
        return cnn__last_status(fit->context);
    }
    keep(session, values);
    session->passes = VALIDATION_PASSES + cnn_optimizer_steps(fit->options.optimizer) * PASSES_OF_ONE;
    const cnn_status status = cnn__evaluate_run(&fit->validation, result);
    put_back(session, values);
    cnn__free(fit->context, values);
    return status;
}
