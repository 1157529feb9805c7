/* SPDX-License-Identifier: MIT */
/* Share of outputs on the right side of 0.5: that of their targets, or without, with several outputs, the label's own
 * above it, and no other. */
#include "evaluate/evaluator.h"

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn__share *share = evaluator->state;
    const bool targets = batch->targets != NULL && batch->target_count == batch->outputs;
    for (size_t i = 0; targets && i < batch->count * batch->outputs; i++) {
        share->right += cnn__binary_class(batch->outputs_data[i]) == cnn__binary_class(batch->targets[i]);
        share->counted++;
    }
    for (size_t i = 0; !targets && i < batch->count; i++) {
        if (batch->labels[i] == CNN__NO_LABEL) {
            continue;
        }
        for (size_t j = 0; j < batch->outputs; j++) {
            int32_t wanted = batch->outputs == 1 ? batch->labels[i] : (size_t)batch->labels[i] == j;
            share->right += cnn__binary_class(batch->outputs_data[i * batch->outputs + j]) == wanted;
        }
        share->counted += batch->outputs;
    }
    return CNN_OK;
}

static const cnn__evaluator_kind rule = {
    .name = "binary_accuracy",
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(cnn__share),
    .kept_size = sizeof(cnn__share),
    .update = update,
    .score = cnn__share_score,
};

cnn_status cnn_binary_accuracy_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_binary_accuracy_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_binary_accuracy = {"binary_accuracy", "binary_accuracy", create_named};
