/* SPDX-License-Identifier: MIT */
/* The root of the mean squared error of outputs against target values. */
#include <math.h>

#include "evaluate/evaluator.h"

typedef struct rmse {
    double sum, weight; /* over outputs */
} rmse;

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    rmse *state = evaluator->state;
    for (size_t i = 0; i < batch->count * batch->outputs; i++) {
        const double error = (double)batch->outputs_data[i] - batch->targets[i];
        const double weight = batch->weights != NULL ? batch->weights[i / batch->outputs] : 1.0;
        state->sum += weight == 0 ? 0 : weight * error * error;
        state->weight += weight;
    }
    return CNN_OK;
}

static double score(const cnn_evaluator *evaluator)
{
    const rmse *state = evaluator->state;
    const double mean = state->sum / state->weight;
    return state->weight > 0 ? sqrt(mean) : evaluator->worst_score;
}

static const cnn__evaluator_kind rule = {
    .name = "rmse",
    .mode = CNN_SCORE_MIN,
    .worst_score = INFINITY,
    .state_size = sizeof(rmse),
    .kept_size = sizeof(rmse),
    .targets = true,
    .update = update,
    .score = score,
};

cnn_status cnn_rmse_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_rmse_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_rmse = {"rmse", "rmse", create_named};
