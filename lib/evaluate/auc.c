/* SPDX-License-Identifier: MIT */
/* The area under the ROC curve: the share of pairs of a positive and a negative sample in which the positive one has
 * the larger output, where equal ones count half (the Mann-Whitney statistic). Every output is kept, so that it is
 * exact. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "evaluate/evaluator.h"
#include "evaluate/sorted.h"

/* Most values that a checkpoint within an epoch keeps: its header, where they go as text, has 16 MiB. */
#define MOST_KEPT ((size_t)1 << 19)

/* Outputs of one class: of the samples that are of it, and of the others. */
typedef struct contest {
    cnn__sorted positive, negative;
} contest;

typedef struct auc {
    size_t outputs;  /* 0 before the first batch */
    size_t contests; /* 1 for two classes: the second against the first */
    contest *contest;
    float *scratch; /* [2, room]: a batch's positive and negative outputs */
    size_t room;
} auc;

static void reset(cnn_evaluator *evaluator)
{
    auc *state = evaluator->state;
    for (size_t i = 0; i < state->contests; i++) {
        state->contest[i].positive.count = state->contest[i].negative.count = 0;
    }
}

static void destroy(cnn_evaluator *evaluator)
{
    auc *state = evaluator->state;
    for (size_t i = 0; i < state->contests; i++) {
        cnn__sorted_free(evaluator->context, &state->contest[i].positive);
        cnn__sorted_free(evaluator->context, &state->contest[i].negative);
    }
    cnn__free(evaluator->context, state->contest);
    cnn__free(evaluator->context, state->scratch);
    *state = (auc){0};
}

/* The class that contest `i` is about. */
static size_t class_of(const auc *state, size_t i) { return state->contests == 1 ? 1 : i; }

static cnn_status set_outputs(cnn_evaluator *evaluator, size_t outputs)
{
    auc *state = evaluator->state;
    const size_t contests = outputs <= 2 ? 1 : outputs;
    size_t bytes;
    if (!cnn__mul_size(contests, sizeof(contest), &bytes)) {
        return cnn__fail(evaluator->context, CNN_ERROR_LIMIT, "evaluator auc: %zu classes fit in no memory", contests);
    }
    contest *made = cnn__alloc_zero(evaluator->context, bytes);
    if (made == NULL) {
        return cnn__last_status(evaluator->context);
    }
    destroy(evaluator);
    state->outputs = outputs;
    state->contests = contests;
    state->contest = made;
    return CNN_OK;
}

/* All memory that a batch needs, so that nothing of it is counted if there is none. */
static cnn_status reserve(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    auc *state = evaluator->state;
    size_t values;
    if (batch->count > state->room) {
        if (!cnn__mul_size(batch->count, 2, &values)) {
            return cnn__fail(evaluator->context, CNN_ERROR_LIMIT, "evaluator auc: %zu samples fit in no memory",
                             batch->count);
        }
        float *scratch = cnn__alloc_array(evaluator->context, values, sizeof(float));
        if (scratch == NULL) {
            return cnn__last_status(evaluator->context);
        }
        cnn__free(evaluator->context, state->scratch);
        state->scratch = scratch;
        state->room = batch->count;
    }
    for (size_t i = 0; i < state->contests; i++) {
        size_t positive = 0, negative = 0;
        for (size_t s = 0; s < batch->count; s++) {
            const int32_t label = batch->labels[s];
            positive += label != CNN__NO_LABEL && (size_t)label == class_of(state, i);
            negative += label != CNN__NO_LABEL && (size_t)label != class_of(state, i);
        }
        CNN__RETURN_IF_ERROR(cnn__sorted_reserve(evaluator->context, &state->contest[i].positive, positive));
        CNN__RETURN_IF_ERROR(cnn__sorted_reserve(evaluator->context, &state->contest[i].negative, negative));
    }
    return CNN_OK;
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    auc *state = evaluator->state;
    if (state->outputs != batch->outputs && evaluator->samples > 0) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator auc: began with %zu outputs; found %zu outputs", state->outputs, batch->outputs);
    }
    if (state->outputs != batch->outputs) {
        CNN__RETURN_IF_ERROR(set_outputs(evaluator, batch->outputs));
    }
    CNN__RETURN_IF_ERROR(reserve(evaluator, batch));
    float *positives = state->scratch, *negatives = state->scratch + state->room;
    for (size_t i = 0; i < state->contests; i++) {
        const size_t class_number = class_of(state, i), column = batch->outputs == 1 ? 0 : class_number;
        size_t positive = 0, negative = 0;
        for (size_t s = 0; s < batch->count; s++) {
            const float value = batch->outputs_data[s * batch->outputs + column];
            if (batch->labels[s] == CNN__NO_LABEL) {
                continue;
            }
            if ((size_t)batch->labels[s] == class_number) { /* NaN loses against all others */
                positives[positive++] = isnan(value) ? -INFINITY : value;
            } else {
                negatives[negative++] = isnan(value) ? INFINITY : value;
            }
        }
        cnn__sorted_add(&state->contest[i].positive, positives, positive);
        cnn__sorted_add(&state->contest[i].negative, negatives, negative);
    }
    return CNN_OK;
}

static double score(const cnn_evaluator *evaluator)
{
    const auc *state = evaluator->state;
    size_t decided = 0;
    double sum = 0;
    for (size_t i = 0; i < state->contests; i++) {
        const contest *one = &state->contest[i];
        if (one->positive.count > 0 && one->negative.count > 0) {
            sum += (double)cnn__sorted_wins(&one->positive, &one->negative) /
                   (2.0 * (double)one->positive.count * (double)one->negative.count);
            decided++;
        }
    }
    return decided > 0 ? sum / (double)decided : NAN;
}

/* ---- for checkpoints: the number of outputs, the counts, the values ---- */

static void pack(const cnn_evaluator *evaluator, cnn__string *bytes)
{
    const auc *state = evaluator->state;
    const uint64_t outputs = state->outputs;
    size_t values = 0;
    for (size_t i = 0; i < state->contests; i++) {
        values += state->contest[i].positive.count + state->contest[i].negative.count;
    }
    if (outputs == 0 || values > MOST_KEPT || state->contests > MOST_KEPT) {
        return;
    }
    cnn__string_append(bytes, &outputs, sizeof(outputs));
    for (size_t i = 0; i < 2 * state->contests; i++) {
        const cnn__sorted *sorted = i % 2 == 0 ? &state->contest[i / 2].positive : &state->contest[i / 2].negative;
        const uint64_t count = sorted->count;
        cnn__string_append(bytes, &count, sizeof(count));
        if (count > 0) {
            cnn__string_append(bytes, sorted->values, sorted->count * sizeof(float));
        }
    }
}

/* Copies the next bytes; false if there are not so many. */
static bool take(const char **at, const char *end, void *to, size_t size)
{
    if ((size_t)(end - *at) < size) {
        return false;
    }
    memcpy(to, *at, size);
    *at += size;
    return true;
}

static cnn_status unpack(cnn_evaluator *evaluator, const void *bytes, size_t size)
{
    auc *state = evaluator->state;
    const char *at = bytes, *end = at + size;
    uint64_t outputs = 0, count = 0;
    if (!take(&at, end, &outputs, sizeof(outputs)) || outputs == 0 || outputs > size) {
        return CNN_ERROR_FORMAT;
    }
    CNN__RETURN_IF_ERROR(set_outputs(evaluator, (size_t)outputs));
    for (size_t i = 0; i < 2 * state->contests; i++) {
        cnn__sorted *sorted = i % 2 == 0 ? &state->contest[i / 2].positive : &state->contest[i / 2].negative;
        if (!take(&at, end, &count, sizeof(count)) || count > (size_t)(end - at) / sizeof(float)) {
            return CNN_ERROR_FORMAT;
        }
        CNN__RETURN_IF_ERROR(cnn__sorted_reserve(evaluator->context, sorted, (size_t)count));
        if (count > 0) {
            (void)take(&at, end, sorted->values, (size_t)count * sizeof(float));
        }
        sorted->count = (size_t)count;
    }
    return at == end ? CNN_OK : CNN_ERROR_FORMAT;
}

static const cnn__evaluator_kind rule = {
    .name = "auc",
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(auc),
    .reset = reset,
    .update = update,
    .score = score,
    .destroy = destroy,
    .pack = pack,
    .unpack = unpack,
};

cnn_status cnn_auc_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_auc_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_auc = {"auc", "auc", create_named};
