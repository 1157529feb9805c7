/* SPDX-License-Identifier: MIT */
/* The area under the ROC curve: the share of pairs of a positive and a negative sample in which the positive one has
 * the larger output, where equal ones count half (the Mann-Whitney statistic). And the mean average precision, of the
 * same two lists of outputs. Every output is kept, so that both are exact. */
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
    bool marks;      /* which classes a sample is of is said by its targets: it has no label */
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
static size_t class_of(const auc *state, size_t i) { return state->contests == 1 && !state->marks ? 1 : i; }

/* Whether a sample is of a class; CNN__NO_LABEL if that is not known. */
static int32_t truth(const auc *state, const cnn_evaluation *batch, size_t sample, size_t class_number)
{
    if (state->marks) {
        return batch->targets[sample * batch->outputs + class_number] > 0.5f;
    }
    const int32_t label = batch->labels[sample];
    return label == CNN__NO_LABEL ? CNN__NO_LABEL : (size_t)label == class_number;
}

static bool has_marks(const cnn_evaluation *batch)
{
    bool labelled = batch->targets == NULL || batch->target_count != batch->outputs;
    for (size_t i = 0; i < batch->count; i++) {
        labelled = labelled || batch->labels[i] != CNN__NO_LABEL;
    }
    return !labelled;
}

static cnn_status set_outputs(cnn_evaluator *evaluator, size_t outputs, bool marks)
{
    auc *state = evaluator->state;
    const size_t contests = outputs <= 2 && !marks ? 1 : outputs;
    size_t bytes;
    if (!cnn__mul_size(contests, sizeof(contest), &bytes)) {
        return cnn__fail(evaluator->context, CNN_ERROR_LIMIT, "evaluator auc or map: %zu classes fit in no memory",
                         contests);
    }
    contest *made = cnn__alloc_zero(evaluator->context, bytes);
    if (made == NULL) {
        return cnn__last_status(evaluator->context);
    }
    destroy(evaluator);
    state->outputs = outputs;
    state->marks = marks;
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
            return cnn__fail(evaluator->context, CNN_ERROR_LIMIT, "evaluator auc or map: %zu samples fit in no memory",
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
            const int32_t is = truth(state, batch, s, class_of(state, i));
            positive += is == 1;
            negative += is == 0;
        }
        CNN__RETURN_IF_ERROR(cnn__sorted_reserve(evaluator->context, &state->contest[i].positive, positive));
        CNN__RETURN_IF_ERROR(cnn__sorted_reserve(evaluator->context, &state->contest[i].negative, negative));
    }
    return CNN_OK;
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    auc *state = evaluator->state;
    const bool marks = has_marks(batch);
    if ((state->outputs != batch->outputs || (state->marks && !marks)) && evaluator->samples > 0) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: began with %zu outputs%s; found %zu outputs", evaluator->name, state->outputs,
                         state->marks ? " and targets" : "", batch->outputs);
    }
    if (state->outputs != batch->outputs || (state->marks != marks && evaluator->samples == 0)) {
        CNN__RETURN_IF_ERROR(set_outputs(evaluator, batch->outputs, marks));
    }
    CNN__RETURN_IF_ERROR(reserve(evaluator, batch));
    float *positives = state->scratch, *negatives = state->scratch + state->room;
    for (size_t i = 0; i < state->contests; i++) {
        const size_t class_number = class_of(state, i), column = batch->outputs == 1 ? 0 : class_number;
        size_t positive = 0, negative = 0;
        for (size_t s = 0; s < batch->count; s++) {
            const float value = batch->outputs_data[s * batch->outputs + column];
            const int32_t is = truth(state, batch, s, class_number);
            if (is == CNN__NO_LABEL) {
                continue;
            }
            if (is == 1) { /* NaN loses against all others */
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

/* The sum over falling outputs of precision times what recall grows by, equal outputs in one step. */
static double average_precision(const contest *one)
{
    double sum = 0;
    size_t above = one->negative.count; /* negatives below the value at hand */
    for (size_t left = one->positive.count; left > 0;) {
        const float value = one->positive.values[left - 1];
        size_t same = 0;
        while (left > 0 && !(one->positive.values[left - 1] < value)) {
            left--;
            same++;
        }
        while (above > 0 && !(one->negative.values[above - 1] < value)) {
            above--;
        }
        const double right = (double)(one->positive.count - left), wrong = (double)(one->negative.count - above);
        sum += (double)same * right / (right + wrong);
    }
    return sum / (double)one->positive.count;
}

static double map_score(const cnn_evaluator *evaluator)
{
    const auc *state = evaluator->state;
    size_t counted = 0;
    double sum = 0;
    for (size_t i = 0; i < state->contests; i++) {
        if (state->contest[i].positive.count > 0) {
            sum += average_precision(&state->contest[i]);
            counted++;
        }
    }
    return counted > 0 ? sum / (double)counted : NAN;
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

/* ---- for checkpoints: the number of outputs and whether targets count, the counts, the values ---- */

static void pack(const cnn_evaluator *evaluator, cnn__string *bytes)
{
    const auc *state = evaluator->state;
    const uint64_t header = 2 * (uint64_t)state->outputs + state->marks;
    size_t values = 0;
    for (size_t i = 0; i < state->contests; i++) {
        values += state->contest[i].positive.count + state->contest[i].negative.count;
    }
    if (state->outputs == 0 || values > MOST_KEPT || state->contests > MOST_KEPT) {
        return;
    }
    cnn__string_append(bytes, &header, sizeof(header));
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
    uint64_t header = 0, count = 0;
    if (!take(&at, end, &header, sizeof(header)) || header / 2 == 0 || header / 2 > size) {
        return CNN_ERROR_FORMAT;
    }
    CNN__RETURN_IF_ERROR(set_outputs(evaluator, (size_t)(header / 2), header % 2 == 1));
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

static const cnn__evaluator_kind map_rule = {
    .name = "map",
    .mode = CNN_SCORE_MAX,
    .state_size = sizeof(auc),
    .reset = reset,
    .update = update,
    .score = map_score,
    .destroy = destroy,
    .pack = pack,
    .unpack = unpack,
};

cnn_status cnn_mean_average_precision_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &map_rule, evaluator);
}

static cnn_status map_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_mean_average_precision_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_map = {"map", "map", map_named};

cnn_status cnn_auc_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_auc_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_auc = {"auc", "auc", create_named};
