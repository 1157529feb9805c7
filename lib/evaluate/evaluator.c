/* SPDX-License-Identifier: MIT */
/* Evaluators as handles: checks of batches, scores, and what a better one is. */
#include "evaluate/evaluator.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/options.h"

#define DEFAULT_THRESHOLD 1e-4

cnn_status cnn__evaluator_new(cnn_context *context, const cnn__evaluator_kind *rule, cnn_evaluator **evaluator)
{
    if (evaluator == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator: no place for the handle");
    }
    *evaluator = NULL;
    if (context == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const size_t header = cnn__align_size(sizeof(cnn_evaluator));
    cnn_evaluator *made = cnn__alloc_zero(context, header + rule->state_size);
    if (made == NULL) {
        return cnn__last_status(context);
    }
    made->context = context;
    made->rule = rule;
    made->name = rule->name;
    made->mode = rule->mode;
    made->worst_score = rule->worst_score;
    made->threshold = DEFAULT_THRESHOLD;
    made->state = (char *)made + header;
    *evaluator = made;
    return CNN_OK;
}

void cnn_evaluator_free(cnn_evaluator *evaluator)
{
    if (evaluator == NULL) {
        return;
    }
    if (evaluator->rule->destroy != NULL) {
        evaluator->rule->destroy(evaluator);
    }
    cnn__free(evaluator->context, evaluator);
}

const char *cnn_evaluator_name(const cnn_evaluator *evaluator) { return evaluator != NULL ? evaluator->name : NULL; }

cnn_score_mode cnn_evaluator_mode(const cnn_evaluator *evaluator)
{
    return evaluator != NULL ? evaluator->mode : CNN_SCORE_MAX;
}

double cnn_evaluator_worst_score(const cnn_evaluator *evaluator)
{
    return evaluator != NULL ? evaluator->worst_score : NAN;
}

void cnn_evaluator_reset(cnn_evaluator *evaluator)
{
    if (evaluator == NULL) {
        return;
    }
    evaluator->samples = 0;
    if (evaluator->rule->reset != NULL) {
        evaluator->rule->reset(evaluator);
    } else {
        memset(evaluator->state, 0, evaluator->rule->state_size);
    }
}

static cnn_status check_labels(const cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    const uint64_t classes = cnn__evaluation_classes(batch->outputs);
    for (size_t i = 0; i < batch->count; i++) {
        int32_t label = batch->labels[i];
        if (label < CNN__NO_LABEL || (label >= 0 && (uint64_t)label >= classes)) {
            return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                             "evaluator %s: label %d of sample %zu is out of range: %zu output%s can tell the labels "
                             "0 to %llu",
                             evaluator->name, (int)label, i, batch->outputs, batch->outputs == 1 ? "" : "s",
                             (unsigned long long)(classes - 1));
        }
    }
    return CNN_OK;
}

static cnn_status check_targets(const cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    if (batch->targets == NULL || batch->outputs_data == NULL || batch->target_count != batch->outputs) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: compares outputs with target values: %zu outputs, %zu targets", evaluator->name,
                         batch->outputs_data != NULL ? batch->outputs : 0,
                         batch->targets != NULL ? batch->target_count : 0);
    }
    return CNN_OK;
}

static cnn_status check_batch(const cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    if (evaluator->rule->loss_only && batch->labels == NULL) {
        return CNN_OK;
    }
    if (evaluator->rule->targets) {
        return check_targets(evaluator, batch);
    }
    if (batch->labels == NULL || batch->outputs == 0 || (batch->outputs_data == NULL && !evaluator->rule->loss_only)) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: a batch of %zu samples has no %s", evaluator->name, batch->count,
                         batch->labels == NULL ? "labels" : "outputs");
    }
    return check_labels(evaluator, batch);
}

cnn_status cnn_evaluator_update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn_evaluation given;
    if (evaluator == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (batch == NULL) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT, "evaluator %s: no batch given",
                         evaluator->name);
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(evaluator->context, "cnn_evaluation", batch, &given, sizeof(given)));
    if (given.count == 0) {
        return CNN_OK;
    }
    if (!evaluator->rule->raw) {
        CNN__RETURN_IF_ERROR(check_batch(evaluator, &given));
    }
    CNN__RETURN_IF_ERROR(evaluator->rule->update(evaluator, &given));
    evaluator->samples += given.count;
    return CNN_OK;
}

double cnn_evaluator_score(const cnn_evaluator *evaluator)
{
    if (evaluator == NULL) {
        return NAN;
    }
    return evaluator->samples > 0 ? evaluator->rule->score(evaluator) : evaluator->worst_score;
}

void cnn_evaluator_set_threshold(cnn_evaluator *evaluator, double threshold)
{
    /* There is no status to return: what is no threshold leaves the one there was. */
    if (evaluator != NULL && isfinite(threshold) && threshold >= 0) {
        evaluator->threshold = threshold;
    }
}

/* What a better score has to pass: the threshold is a share of the best score's size, so that it moves a negative one
 * in the good direction too. No share of infinity is anything else. */
static double bar(const cnn_evaluator *evaluator, double best)
{
    if (!isfinite(best)) {
        return best;
    }
    bool larger = (evaluator->mode == CNN_SCORE_MAX) == (best >= 0);
    return best * (larger ? 1 + evaluator->threshold : 1 - evaluator->threshold);
}

bool cnn__better_by_threshold(const cnn_evaluator *evaluator, double current, double best)
{
    return evaluator->mode == CNN_SCORE_MAX ? current > bar(evaluator, best) : current < bar(evaluator, best);
}

bool cnn_evaluator_is_better(const cnn_evaluator *evaluator, double current, double best)
{
    if (evaluator == NULL || isnan(current) || isnan(best)) {
        return false;
    }
    return evaluator->rule->is_better != NULL ? evaluator->rule->is_better(evaluator, current, best)
                                              : cnn__better_by_threshold(evaluator, current, best);
}

double cnn__share_score(const cnn_evaluator *evaluator)
{
    const cnn__share *share = evaluator->state;
    return share->counted > 0 ? (double)share->right / (double)share->counted : evaluator->worst_score;
}

int32_t cnn__binary_class(float output) { return isnan(output) ? CNN__NO_LABEL : output > 0.5f; }

int32_t cnn__predicted_class(const float *outputs, size_t count)
{
    size_t best = 0;
    if (count == 1) {
        return cnn__binary_class(outputs[0]);
    }
    for (size_t j = 0; j < count; j++) {
        if (isnan(outputs[j])) {
            return CNN__NO_LABEL;
        }
        best = outputs[j] > outputs[best] ? j : best;
    }
    return (int32_t)best;
}
