/* SPDX-License-Identifier: MIT */
/* Share of samples whose predicted class is not their label. */
#include "evaluate/evaluator.h"

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn__share *wrong = evaluator->state; /* its `right` are the samples that are counted: the wrong ones */
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->labels[i] != CNN__NO_LABEL) {
            const float *row = batch->outputs_data + i * batch->outputs;
            wrong->right += cnn__predicted_class(row, batch->outputs) != batch->labels[i];
            wrong->counted++;
        }
    }
    return CNN_OK;
}

static const cnn__evaluator_kind rule = {
    .name = "error_rate",
    .mode = CNN_SCORE_MIN,
    .worst_score = 1,
    .state_size = sizeof(cnn__share),
    .kept_size = sizeof(cnn__share),
    .update = update,
    .score = cnn__share_score,
};

cnn_status cnn_error_rate_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_error_rate_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_error_rate = {"error_rate", "error_rate", create_named};
