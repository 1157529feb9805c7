/* SPDX-License-Identifier: MIT */
/* Of two classes, the shares of the positive samples that are missed and of the others that are taken for positive. */
#include "core/error.h"
#include "evaluate/evaluator.h"

#define POSITIVE 1

/* Counts the samples of class `of`, and those of them that are predicted wrongly. */
static cnn_status count(cnn_evaluator *evaluator, const cnn_evaluation *batch, int32_t of)
{
    cnn__share *wrong = evaluator->state; /* its `right` are the samples that are counted: the wrong ones */
    if (cnn__evaluation_classes(batch->outputs) != 2) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: is for two classes, not for %zu", evaluator->name, batch->outputs);
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->labels[i] == of) {
            const int32_t predicted = cnn__predicted_class(batch->outputs_data + i * batch->outputs, batch->outputs);
            const bool positive = predicted == POSITIVE; /* NaN speaks for no class: that is missed, and no alarm */
            wrong->right += positive != (of == POSITIVE);
            wrong->counted++;
        }
    }
    return CNN_OK;
}

static cnn_status count_missed(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    return count(evaluator, batch, POSITIVE);
}

static cnn_status count_alarms(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    return count(evaluator, batch, 1 - POSITIVE);
}

#define RATE(rule_name, function)                                                                       \
    {                                                                                                   \
        .name = (rule_name), .mode = CNN_SCORE_MIN, .worst_score = 1, .state_size = sizeof(cnn__share), \
        .kept_size = sizeof(cnn__share), .update = (function), .score = cnn__share_score,               \
    }

static const cnn__evaluator_kind negative = RATE("fnr", count_missed), positive = RATE("fpr", count_alarms);

cnn_status cnn_false_negative_rate_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &negative, evaluator);
}

cnn_status cnn_false_positive_rate_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &positive, evaluator);
}

static cnn_status create_fnr(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_false_negative_rate_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

static cnn_status create_fpr(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_false_positive_rate_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_fnr = {"fnr", "fnr", create_fnr},
                          cnn__evaluator_fpr = {"fpr", "fpr", create_fpr};
