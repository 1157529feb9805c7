/* SPDX-License-Identifier: MIT */
/* The probability from which on a sample is of a class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/evaluator.h>

#include "core/error.h"
#include "core/memory.h"

typedef struct scored {
    float score;
    uint8_t mark;
} scored;

static int by_score(const void *a, const void *b)
{
    const float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y); /* falling */
}

static cnn_threshold judge(uint64_t right, uint64_t chosen, uint64_t positive, float value)
{
    return (cnn_threshold){.struct_size = sizeof(cnn_threshold),
                           .value = value,
                           .precision = chosen > 0 ? (double)right / (double)chosen : 1,
                           .recall = (double)right / (double)positive,
                           .f1 = 2 * (double)right / (double)(chosen + positive)};
}

/* Whether a is to be taken rather than b, which is good already if `found`. Of equal ones the higher stays. */
static bool is_better(const cnn_threshold *a, const cnn_threshold *b, bool found, cnn_threshold_goal goal,
                      double wanted)
{
    switch (goal) {
    case CNN_THRESHOLD_PRECISION:
        return a->precision >= wanted && (!found || a->recall > b->recall);
    case CNN_THRESHOLD_RECALL:
        return a->recall >= wanted && (!found || a->precision > b->precision);
    default:
        return !found || a->f1 > b->f1;
    }
}

/* Goes down through the scores, equal ones at once. */
static bool search(const scored *sorted, size_t count, uint64_t positive, cnn_threshold_goal goal, double wanted,
                   cnn_threshold *best)
{
    uint64_t right = 0;
    bool found = false;
    for (size_t i = 0; i < count;) {
        const float score = sorted[i].score;
        for (; i < count && !(sorted[i].score < score); i++) {
            right += sorted[i].mark;
        }
        const float value = i < count ? (float)(((double)score + sorted[i].score) / 2) : score / 2;
        const cnn_threshold here = judge(right, i, positive, value > score ? score : value);
        if (is_better(&here, best, found, goal, wanted)) {
            *best = here;
            found = true;
        }
    }
    return found;
}

static cnn_status take_scores(cnn_context *context, const float *scores, const uint8_t *marks, size_t count,
                              scored *sorted, uint64_t *positive)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(scores[i])) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "threshold: score %zu is no number", i);
        }
        sorted[i] = (scored){scores[i], marks[i] != 0};
        *positive += marks[i] != 0;
    }
    if (*positive == 0) {
        return cnn__fail(context, CNN_ERROR_FORMAT, "threshold: no sample is positive");
    }
    qsort(sorted, count, sizeof(*sorted), by_score);
    return CNN_OK;
}

cnn_status cnn_choose_threshold(cnn_context *context, const float *scores, const uint8_t *marks, size_t count,
                                cnn_threshold_goal goal, double wanted, cnn_threshold *threshold)
{
    if (context == NULL || scores == NULL || marks == NULL || count == 0 || threshold == NULL ||
        goal < CNN_THRESHOLD_F1 || goal > CNN_THRESHOLD_RECALL ||
        (goal != CNN_THRESHOLD_F1 && !(wanted > 0 && wanted <= 1))) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "threshold: scores, marks and a goal are needed, and a precision or recall from 0 to 1");
    }
    scored *sorted = cnn__alloc_array(context, count, sizeof(*sorted));
    if (sorted == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    uint64_t positive = 0;
    cnn_threshold best = CNN_THRESHOLD_INIT;
    cnn_status status = take_scores(context, scores, marks, count, sorted, &positive);
    if (status == CNN_OK && !search(sorted, count, positive, goal, wanted, &best)) {
        status = cnn__fail(context, CNN_ERROR_NOT_FOUND, "threshold: no threshold gives a precision of %g", wanted);
    }
    cnn__free(context, sorted);
    if (status == CNN_OK) {
        const size_t size = threshold->struct_size < sizeof(best) ? threshold->struct_size : sizeof(best);
        if (size > sizeof(size_t)) {
            memcpy((char *)threshold + sizeof(size_t), (const char *)&best + sizeof(size_t), size - sizeof(size_t));
        }
    }
    return status;
}
