/* SPDX-License-Identifier: MIT */
/* Counts for each class, and their averages, for precision, recall and F1. */
#include "evaluate/classification.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/options.h"

void cnn__classification_reset(cnn_evaluator *evaluator)
{
    cnn__classification *state = evaluator->state;
    if (state->counts != NULL) {
        memset(state->counts, 0, state->classes * sizeof(*state->counts));
    }
}

/* Makes room for so many classes, with counts of 0. */
static cnn_status set_classes(cnn_evaluator *evaluator, size_t classes)
{
    cnn__classification *state = evaluator->state;
    cnn__class_counts *counts = cnn__alloc_array(evaluator->context, classes, sizeof(*counts));
    if (counts == NULL) {
        return cnn__last_status(evaluator->context);
    }
    cnn__free(evaluator->context, state->counts);
    state->counts = counts;
    state->classes = classes;
    cnn__classification_reset(evaluator);
    return CNN_OK;
}

/* Every output of a sample that has targets and no label is a class of its own; one output is class 1. */
static void count_marks(cnn__classification *state, const cnn_evaluation *batch, size_t sample)
{
    const size_t first = batch->outputs == 1;
    for (size_t j = 0; j < batch->outputs; j++) {
        const bool labelled = batch->targets[sample * batch->outputs + j] > 0.5f;
        const bool predicted = batch->outputs_data[sample * batch->outputs + j] > 0.5f;
        state->counts[first + j].labelled += labelled;
        state->counts[first + j].predicted += predicted;
        state->counts[first + j].right += labelled && predicted;
    }
}

cnn_status cnn__classification_update(cnn_evaluator *evaluator, const cnn_evaluation *batch)
{
    cnn__classification *state = evaluator->state;
    const bool targets = batch->targets != NULL && batch->target_count == batch->outputs;
    const size_t classes = cnn__evaluation_classes(batch->outputs);
    if (state->averaging == CNN_AVERAGE_CLASS && state->label >= classes) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: there are %zu classes, counted from 0", evaluator->name, classes);
    }
    if (state->classes != classes && evaluator->samples > 0) {
        return cnn__fail(evaluator->context, CNN_ERROR_INVALID_ARGUMENT,
                         "evaluator %s: began with %zu classes; found %zu outputs", evaluator->name, state->classes,
                         batch->outputs);
    }
    if (state->classes != classes) {
        CNN__RETURN_IF_ERROR(set_classes(evaluator, classes));
    }
    for (size_t i = 0; i < batch->count; i++) {
        const int32_t label = batch->labels[i];
        if (label == CNN__NO_LABEL) {
            if (targets) {
                count_marks(state, batch, i);
            }
            continue;
        }
        const int32_t predicted = cnn__predicted_class(batch->outputs_data + i * batch->outputs, batch->outputs);
        state->counts[label].labelled++;
        if (predicted != CNN__NO_LABEL) {
            state->counts[predicted].predicted++;
            state->counts[predicted].right += predicted == label;
        }
    }
    return CNN_OK;
}

double cnn__classification_score(const cnn_evaluator *evaluator)
{
    const cnn__classification *state = evaluator->state;
    cnn__class_counts all = {0, 0, 0};
    size_t present = 0;
    double sum = 0;
    if (state->overall != NULL) {
        return state->overall(state->counts, state->classes);
    }
    if (state->averaging == CNN_AVERAGE_CLASS) {
        return state->measure(&state->counts[state->label]);
    }
    for (size_t i = 0; i < state->classes; i++) {
        const cnn__class_counts *counts = &state->counts[i];
        all.right += counts->right;
        all.labelled += counts->labelled;
        all.predicted += counts->predicted;
        if (counts->labelled > 0 || counts->predicted > 0) {
            sum += state->measure(counts);
            present++;
        }
    }
    if (state->averaging == CNN_AVERAGE_MICRO) {
        return state->measure(&all);
    }
    return present > 0 ? sum / (double)present : 0;
}

void cnn__classification_destroy(cnn_evaluator *evaluator)
{
    cnn__classification *state = evaluator->state;
    cnn__free(evaluator->context, state->counts);
}

void cnn__classification_pack(const cnn_evaluator *evaluator, cnn__string *bytes)
{
    const cnn__classification *state = evaluator->state;
    cnn__string_append(bytes, state->counts, state->classes * sizeof(*state->counts));
}

cnn_status cnn__classification_unpack(cnn_evaluator *evaluator, const void *bytes, size_t size)
{
    cnn__classification *state = evaluator->state;
    const size_t classes = size / sizeof(*state->counts);
    if (size % sizeof(*state->counts) != 0 || classes == 0 ||
        (state->averaging == CNN_AVERAGE_CLASS && state->label >= classes)) {
        return CNN_ERROR_FORMAT;
    }
    CNN__RETURN_IF_ERROR(set_classes(evaluator, classes));
    memcpy(state->counts, bytes, size);
    return CNN_OK;
}

bool cnn__classification_suffix(const char *suffix, cnn_classification_options *options)
{
    if (suffix[0] == '\0' || strcmp(suffix, "_macro") == 0) {
        options->averaging = CNN_AVERAGE_MACRO;
        return true;
    }
    if (strcmp(suffix, "_micro") == 0) {
        options->averaging = CNN_AVERAGE_MICRO;
        return true;
    }
    static const char prefix[] = "_class";
    const size_t length = sizeof(prefix) - 1;
    options->averaging = CNN_AVERAGE_CLASS;
    return strncmp(suffix, prefix, length) == 0 && cnn__evaluator_number(suffix + length, &options->label);
}

cnn_status cnn__classification_create(cnn_context *context, const cnn__evaluator_kind *rule, cnn__class_measure measure,
                                      const cnn_classification_options *options, cnn_evaluator **evaluator)
{
    cnn_classification_options given;
    if (evaluator != NULL) {
        *evaluator = NULL;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_classification_options", options, &given, sizeof(given)));
    if (given.averaging < CNN_AVERAGE_MACRO || given.averaging > CNN_AVERAGE_CLASS ||
        (given.averaging != CNN_AVERAGE_CLASS && given.label != 0)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator %s: %s", rule->name,
                         given.label != 0 ? "a label is for CNN_AVERAGE_CLASS alone"
                                          : "the averaging is none of CNN_AVERAGE_MACRO, _MICRO and _CLASS");
    }
    CNN__RETURN_IF_ERROR(cnn__evaluator_new(context, rule, evaluator));
    cnn__classification *state = (*evaluator)->state;
    state->measure = measure;
    state->averaging = (cnn_averaging)given.averaging;
    state->label = given.label;
    if (given.averaging == CNN_AVERAGE_CLASS) {
        snprintf(state->name, sizeof(state->name), "%s_class%u", rule->name, given.label);
    } else {
        snprintf(state->name, sizeof(state->name), "%s%s", rule->name,
                 given.averaging == CNN_AVERAGE_MICRO ? "_micro" : "");
    }
    (*evaluator)->name = state->name;
    return CNN_OK;
}

cnn_status cnn__classification_overall(cnn_context *context, const cnn__evaluator_kind *rule,
                                       cnn__overall_measure measure, cnn_evaluator **evaluator)
{
    CNN__RETURN_IF_ERROR(cnn__evaluator_new(context, rule, evaluator));
    cnn__classification *state = (*evaluator)->state;
    state->overall = measure;
    return CNN_OK;
}
