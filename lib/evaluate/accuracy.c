/* SPDX-License-Identifier: MIT */
/* Share of samples whose predicted class is their label. */
#include "evaluate/evaluator.h"

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn__share *share = evaluator->state;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->labels[i] != CNN__NO_LABEL) {
            const float *row = batch->outputs_data + i * batch->outputs;
            share->right += cnn__predicted_class(row, batch->outputs) == batch->labels[i];
            share->counted++;
        }
    }
    return CNN_OK;
}

static const cnn__evaluator_kind rule = {
    .name = "accuracy",
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(cnn__share),
    .kept_size = sizeof(cnn__share),
    .update = update,
    .score = cnn__share_score,
};

cnn_status cnn_accuracy_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_accuracy_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_accuracy = {"accuracy", "accuracy", create_named};
