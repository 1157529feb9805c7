/* SPDX-License-Identifier: MIT */
/* Evaluators whose score is the caller's. */
#include <math.h>

#include "core/error.h"
#include "core/options.h"
#include "evaluate/evaluator.h"

typedef struct custom {
    cnn_evaluator_kind kind;
    void *user;
} custom;

static void reset(cnn_evaluator *evaluator)
{
    custom *state = evaluator->state;
    state->kind.reset(state->user);
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    custom *state = evaluator->state;
    cnn_status status = state->kind.update(state->user, batch);
    if (status == CNN_OK) {
        return CNN_OK;
    }
    return cnn__fail(evaluator->context, status, "evaluator %s: its update returned: %s", evaluator->name,
                     cnn_status_string(status));
}

static double score(const cnn_evaluator *evaluator)
{
    const custom *state = evaluator->state;
    return state->kind.score(state->user);
}

static bool is_better(const cnn_evaluator *evaluator, double current, double best)
{
    const custom *state = evaluator->state;
    return state->kind.is_better != NULL ? state->kind.is_better(state->user, current, best)
                                         : cnn__better_by_threshold(evaluator, current, best);
}

static void destroy(cnn_evaluator *evaluator)
{
    custom *state = evaluator->state;
    if (state->kind.destroy != NULL) {
        state->kind.destroy(state->user);
    }
}

static const cnn__evaluator_kind rule = {
    .state_size = sizeof(custom),
    .raw = true,
    .reset = reset,
    .update = update,
    .score = score,
    .is_better = is_better,
    .destroy = destroy,
};

static cnn_status check(const cnn_context *context, const cnn_evaluator_kind *kind)
{
    if (kind->name == NULL || kind->name[0] == '\0' || kind->reset == NULL || kind->update == NULL ||
        kind->score == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator: a kind needs a name and the functions reset, update and score");
    }
    if (kind->mode != CNN_SCORE_MAX && kind->mode != CNN_SCORE_MIN) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator %s: mode %d is no cnn_score_mode", kind->name,
                         (int)kind->mode);
    }
    if (isnan(kind->worst_score)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: the worst score is not a number, so no score would be better", kind->name);
    }
    return CNN_OK;
}

cnn_status cnn_evaluator_create_custom(cnn_context *context, const cnn_evaluator_kind *kind, void *user,
                                       cnn_evaluator **evaluator)
{
    cnn_evaluator_kind given;
    if (evaluator != NULL) {
        *evaluator = NULL;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_evaluator_kind", kind, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(check(context, &given));
    CNN__RETURN_IF_ERROR(cnn__evaluator_new(context, &rule, evaluator));
    (*evaluator)->name = given.name;
    (*evaluator)->mode = (cnn_score_mode)given.mode;
    (*evaluator)->worst_score = given.worst_score;
    custom *state = (*evaluator)->state;
    state->kind = given;
    state->user = user;
    reset(*evaluator);
    return CNN_OK;
}
