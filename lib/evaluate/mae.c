/* SPDX-License-Identifier: MIT */
/* The mean absolute error of outputs against target values. */
#include <math.h>

#include "evaluate/evaluator.h"

typedef struct mae {
    double sum, weight; /* over outputs */
} mae;

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    mae *state = evaluator->state;
    for (size_t i = 0; i < batch->count * batch->outputs; i++) {
        const double error = (double)batch->outputs_data[i] - batch->targets[i];
        const double weight = batch->weights != NULL ? batch->weights[i / batch->outputs] : 1.0;
        state->sum += weight == 0 ? 0 : weight * fabs(error);
        state->weight += weight;
    }
    return CNN_OK;
}

static double score(const cnn_evaluator *evaluator)
{
    const mae *state = evaluator->state;
    const double mean = state->sum / state->weight;
    return state->weight > 0 ? mean : evaluator->worst_score;
}

static const cnn__evaluator_kind rule = {
    .name = "mae",
    .mode = CNN_SCORE_MIN,
    .worst_score = INFINITY,
    .state_size = sizeof(mae),
    .kept_size = sizeof(mae),
    .targets = true,
    .update = update,
    .score = score,
};

cnn_status cnn_mae_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_mae_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_mae = {"mae", "mae", create_named};
