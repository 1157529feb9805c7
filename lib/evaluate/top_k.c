/* SPDX-License-Identifier: MIT */
/* Share of samples whose label is among the k largest outputs. */
#include <math.h>
#include <stdio.h>

#include "core/error.h"
#include "evaluate/evaluator.h"

typedef struct top_k {
    cnn__share share;
    uint32_t k;
    char name[16]; /* "top4294967295" */
} top_k;

static void reset(cnn_evaluator *evaluator)
{
    top_k *state = evaluator->state;
    state->share = (cnn__share){0, 0};
}

/* Outputs that come before that of `label`: larger ones, and equal ones of lower labels. SIZE_MAX if one is NaN. */
static size_t rank(const float *outputs, size_t count, size_t label)
{
    size_t before = 0;
    for (size_t j = 0; j < count; j++) {
        if (isnan(outputs[j])) {
            return SIZE_MAX;
        }
        before += outputs[j] > outputs[label] || (outputs[j] == outputs[label] && j < label);
    }
    return before;
}

/* One output stands for two classes, of which one comes first and the other second. */
static size_t binary_rank(float output, int32_t label)
{
    int32_t first = cnn__binary_class(output);
    return first == CNN__NO_LABEL ? SIZE_MAX : first != label;
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    top_k *state = evaluator->state;
    for (size_t i = 0; i < batch->count; i++) {
        const float *row = batch->outputs_data + i * batch->outputs;
        int32_t label = batch->labels[i];
        if (label != CNN__NO_LABEL) {
            state->share.right += (batch->outputs == 1 ? binary_rank(row[0], label)
                                                       : rank(row, batch->outputs, (size_t)label)) < state->k;
            state->share.counted++;
        }
    }
    return CNN_OK;
}

static const cnn__evaluator_kind rule = {
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(top_k),
    .kept_size = sizeof(cnn__share),
    .reset = reset,
    .update = update,
    .score = cnn__share_score,
};

cnn_status cnn_top_k_create(cnn_context *context, uint32_t k, cnn_evaluator **evaluator)
{
    if (k == 0) {
        if (evaluator != NULL) {
            *evaluator = NULL;
        }
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator topK: k is 0; expected at least 1");
    }
    CNN__RETURN_IF_ERROR(cnn__evaluator_new(context, &rule, evaluator));
    top_k *state = (*evaluator)->state;
    state->k = k;
    snprintf(state->name, sizeof(state->name), "top%u", k);
    (*evaluator)->name = state->name;
    return CNN_OK;
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    uint32_t k;
    return cnn__evaluator_number(suffix, &k) && k > 0 ? cnn_top_k_create(context, k, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_top_k = {"top", "topK", create_named};
