/* SPDX-License-Identifier: MIT */
/* The mean of the losses that the evaluation gave, each weighted by its batch's labelled samples. */
#include <math.h>

#include "evaluate/evaluator.h"

typedef struct loss_state {
    double sum;
    uint64_t counted;
} loss_state;

static size_t labelled(const cnn_evaluation *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        count += batch->labels == NULL || batch->labels[i] != CNN__NO_LABEL;
    }
    return count;
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    loss_state *state = evaluator->state;
    size_t count = labelled(batch);
    if (count > 0) {
        state->sum += batch->loss * (double)count;
        state->counted += count;
    }
    return CNN_OK;
}

static double score(const cnn_evaluator *evaluator)
{
    const loss_state *state = evaluator->state;
    return state->counted > 0 ? state->sum / (double)state->counted : evaluator->worst_score;
}

static const cnn__evaluator_kind rule = {
    .name = "loss",
    .mode = CNN_SCORE_MIN,
    .worst_score = INFINITY,
    .state_size = sizeof(loss_state),
    .kept_size = sizeof(loss_state),
    .loss_only = true,
    .update = update,
    .score = score,
};

cnn_status cnn_loss_evaluator_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_loss_evaluator_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_loss = {"loss", "loss", create_named};
