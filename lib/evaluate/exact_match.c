/* SPDX-License-Identifier: MIT */
/* Share of samples all of whose outputs are on the right side of 0.5; and the share of outputs that are not. */
#include <math.h>

#include "evaluate/evaluator.h"

/* Outputs of a sample on the right side. */
static size_t count_right(const cnn_evaluation *batch, size_t i)
{
    const float *outputs = batch->outputs_data + i * batch->outputs;
    size_t right = 0;
    for (size_t j = 0; j < batch->outputs; j++) {
        const int32_t wanted = batch->targets != NULL ? batch->targets[i * batch->outputs + j] > 0.5f
                               : batch->outputs == 1  ? batch->labels[i]
                                                      : (size_t)batch->labels[i] == j;
        right += cnn__binary_class(outputs[j]) == wanted;
    }
    return right;
}

static bool has_targets(const cnn_evaluation *batch)
{
    return batch->targets != NULL && batch->target_count == batch->outputs;
}

static cnn_status match(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn__share *share = evaluator->state;
    for (size_t i = 0; i < batch->count; i++) {
        const float *outputs = batch->outputs_data + i * batch->outputs;
        if (has_targets(batch)) {
            share->right += count_right(batch, i) == batch->outputs;
            share->counted++;
        } else if (batch->labels[i] != CNN__NO_LABEL) {
            share->right += cnn__predicted_class(outputs, batch->outputs) == batch->labels[i];
            share->counted++;
        }
    }
    return CNN_OK;
}

static cnn_status miss(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn__share *share = evaluator->state;
    cnn_evaluation plain = *batch;
    plain.targets = has_targets(batch) ? batch->targets : NULL;
    for (size_t i = 0; i < batch->count; i++) {
        if (plain.targets != NULL || batch->labels[i] != CNN__NO_LABEL) {
            share->right += batch->outputs - count_right(&plain, i);
            share->counted += batch->outputs;
        }
    }
    return CNN_OK;
}

static const cnn__evaluator_kind match_rule = {
    .name = "exact_match",
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(cnn__share),
    .kept_size = sizeof(cnn__share),
    .update = match,
    .score = cnn__share_score,
};

static const cnn__evaluator_kind miss_rule = {
    .name = "hamming",
    .mode = CNN_SCORE_MIN,
    .worst_score = 1,
    .state_size = sizeof(cnn__share),
    .kept_size = sizeof(cnn__share),
    .update = miss,
    .score = cnn__share_score,
};

cnn_status cnn_exact_match_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &match_rule, evaluator);
}

cnn_status cnn_hamming_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &miss_rule, evaluator);
}

static cnn_status match_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_exact_match_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

static cnn_status miss_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_hamming_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_exact_match = {"exact_match", "exact_match", match_named};
const cnn__evaluator_name cnn__evaluator_hamming = {"hamming", "hamming", miss_named};
