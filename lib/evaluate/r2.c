/* SPDX-License-Identifier: MIT */
/* The coefficient of determination of outputs against target values. */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "evaluate/evaluator.h"

/* Of one output. Targets are summed less the first of them, so that large ones do not cancel their spread. */
typedef struct column {
    double first, weight, sum, squares, errors;
} column;

typedef struct r2 {
    size_t outputs; /* 0 before the first batch */
    column *columns;
} r2;

static void reset(cnn_evaluator *evaluator)
{
    r2 *state = evaluator->state;
    if (state->columns != NULL) {
        memset(state->columns, 0, state->outputs * sizeof(*state->columns));
    }
}

static cnn_status set_outputs(cnn_evaluator *evaluator, size_t outputs)
{
    r2 *state = evaluator->state;
    column *columns = cnn__alloc_array(evaluator->context, outputs, sizeof(*columns));
    if (columns == NULL) {
        return cnn__last_status(evaluator->context);
    }
    cnn__free(evaluator->context, state->columns);
    *state = (r2){outputs, columns};
    reset(evaluator);
    return CNN_OK;
}

static cnn_status update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    r2 *state = evaluator->state;
    if (state->outputs != batch->outputs && evaluator->samples > 0) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator r2: began with %zu outputs; found %zu outputs", state->outputs, batch->outputs);
    }
    if (state->outputs != batch->outputs) {
        CNN__RETURN_IF_ERROR(set_outputs(evaluator, batch->outputs));
    }
    for (size_t i = 0; i < batch->count * batch->outputs; i++) {
        column *one = &state->columns[i % batch->outputs];
        const double weight = batch->weights != NULL ? batch->weights[i / batch->outputs] : 1.0;
        const double target = batch->targets[i], error = batch->outputs_data[i] - target;
        if (weight > 0) {
            one->first = one->weight == 0 ? target : one->first;
            const double moved = target - one->first;
            one->weight += weight;
            one->sum += weight * moved;
            one->squares += weight * moved * moved;
            one->errors += weight * error * error;
        }
    }
    return CNN_OK;
}

static double score(const cnn_evaluator *evaluator)
{
    const r2 *state = evaluator->state;
    double total = 0;
    for (size_t i = 0; i < state->outputs; i++) {
        const column *one = &state->columns[i];
        if (!(one->weight > 0)) {
            return evaluator->worst_score;
        }
        const double spread = one->squares - one->sum * one->sum / one->weight;
        total += spread > 0 ? 1 - one->errors / spread : one->errors == 0;
    }
    return total / (double)state->outputs;
}

static void destroy(cnn_evaluator *evaluator)
{
    r2 *state = evaluator->state;
    cnn__free(evaluator->context, state->columns);
}

static void pack(const cnn_evaluator *evaluator, cnn__string *bytes)
{
    const r2 *state = evaluator->state;
    if (state->outputs > 0 && state->outputs <= 4096) {
        cnn__string_append(bytes, state->columns, state->outputs * sizeof(*state->columns));
    }
}

static cnn_status unpack(cnn_evaluator *evaluator, const void *bytes, size_t size)
{
    r2 *state = evaluator->state;
    if (size == 0 || size % sizeof(column) != 0) {
        return CNN_ERROR_FORMAT;
    }
    CNN__RETURN_IF_ERROR(set_outputs(evaluator, size / sizeof(column)));
    memcpy(state->columns, bytes, size);
    return CNN_OK;
}

static const cnn__evaluator_kind rule = {
    .name = "r2",
    .mode = CNN_SCORE_MAX,
    .worst_score = -INFINITY,
    .state_size = sizeof(r2),
    .targets = true,
    .reset = reset,
    .update = update,
    .score = score,
    .destroy = destroy,
    .pack = pack,
    .unpack = unpack,
};

cnn_status cnn_r2_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__evaluator_new(context, &rule, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_r2_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_r2 = {"r2", "r2", create_named};
