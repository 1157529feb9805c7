/* SPDX-License-Identifier: MIT */
/* The mean of -log(probability of the label), whatever the loss that a model is trained with. */
#include <float.h>
#include <math.h>

#include "evaluate/evaluator.h"

typedef struct log_loss {
    double sum;
    uint64_t counted;
} log_loss;

/* Probabilities of 0 and 1 are moved by this much, the spacing of floats at 1, so that no logarithm is infinite. */
#define LEAST ((double)FLT_EPSILON)

static double clip(double p) { return p < LEAST ? LEAST : p > 1 - LEAST ? 1 - LEAST : p; } /* NaN stays */

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    log_loss *state = evaluator->state;
    for (size_t i = 0; i < batch->count; i++) {
        const float *row = batch->outputs_data + i * batch->outputs;
        const int32_t label = batch->labels[i];
        if (label != CNN__NO_LABEL) {
            const double p = batch->outputs > 1 ? row[label] : label == 1 ? row[0] : 1 - (double)row[0];
            state->sum -= log(clip(p));
            state->counted++;
        }
    }
    return CNN_OK;
}

static double score(const cnn_evaluator *evaluator)
{
    const log_loss *state = evaluator->state;
    return state->counted > 0 ? state->sum / (double)state->counted : evaluator->worst_score;
}

static const cnn__evaluator_kind rule = {
    .name = "log_loss",
    .mode = CNN_SCORE_MIN,
    .worst_score = INFINITY,
    .state_size = sizeof(log_loss),
    .kept_size = sizeof(log_loss),
    .update = update,
    .score = score,
};

cnn_status cnn_log_loss_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_log_loss_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_log_loss = {"log_loss", "log_loss", create_named};
