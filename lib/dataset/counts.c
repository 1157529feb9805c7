/* SPDX-License-Identifier: MIT */
/* How many samples each class has, and the weights that make up for it. */
#include <math.h>
#include <string.h>

#include "dataset/dataset.h"

static cnn_status check_room(const cnn_dataset *dataset, const void *values, size_t capacity, const char *call)
{
    if (dataset == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const size_t classes = cnn_dataset_class_count(dataset);
    if (values == NULL) {
        return cnn__fail(cnn__dataset_context(dataset), CNN_ERROR_INVALID_ARGUMENT, "%s: no place for the result",
                         call);
    }
    if (capacity < classes) {
        return cnn__fail(cnn__dataset_context(dataset), CNN_ERROR_LIMIT,
                         "%s: room for %zu values is too little for %zu classes", call, capacity, classes);
    }
    return CNN_OK;
}

/* Of several labels a sample counts for each that it has. */
static size_t count_marks(const cnn_dataset *dataset, uint64_t *counts)
{
    const size_t classes = cnn_dataset_class_count(dataset), count = cnn_dataset_count(dataset);
    float *targets = cnn__alloc_array(cnn__dataset_context(dataset), classes, sizeof(*targets));
    size_t unknown = targets != NULL ? SIZE_MAX : 0;
    for (size_t i = 0; i < count && unknown == SIZE_MAX; i++) {
        unknown = cnn_dataset_targets(dataset, i, targets, classes) == CNN_OK ? SIZE_MAX : i;
        for (size_t c = 0; unknown == SIZE_MAX && c < classes; c++) {
            counts[c] += targets[c] > 0.5F;
        }
    }
    cnn__free(cnn__dataset_context(dataset), targets);
    return unknown;
}

size_t cnn__dataset_count_classes(const cnn_dataset *dataset, uint64_t *counts)
{
    const size_t classes = cnn_dataset_class_count(dataset), count = cnn_dataset_count(dataset);
    for (size_t i = 0; i < classes; i++) {
        counts[i] = 0;
    }
    if (cnn_dataset_task(dataset) == CNN_TASK_LABELS) {
        return count_marks(dataset, counts);
    }
    for (size_t i = 0; i < count; i++) {
        const int32_t label = cnn_dataset_label(dataset, i);
        if (label < 0 || (size_t)label >= classes) {
            return i;
        }
        counts[label]++;
    }
    return SIZE_MAX;
}

/* Labels that are asked for come from functions of programs too: nothing is written before all are good. */
cnn_status cnn_dataset_class_counts(const cnn_dataset *dataset, uint64_t *counts, size_t capacity)
{
    CNN__RETURN_IF_ERROR(check_room(dataset, counts, capacity, "cnn_dataset_class_counts"));
    cnn_context *context = cnn__dataset_context(dataset);
    const size_t classes = cnn_dataset_class_count(dataset);
    uint64_t *found = cnn__alloc_array(context, classes, sizeof(*found));
    if (found == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    const size_t unknown = cnn__dataset_count_classes(dataset, found);
    if (unknown == SIZE_MAX && classes > 0) {
        memcpy(counts, found, classes * sizeof(*counts));
    }
    cnn__free(context, found);
    return unknown == SIZE_MAX
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_UNSUPPORTED,
                           "dataset: sample %zu has no known label, so the classes cannot be counted", unknown);
}

/* The weight of a class with `samples` of them; `even` is how many each would have if all had the same. */
typedef double (*class_weight)(double samples, double even, double beta);

static double by_inverse(double samples, double even, double beta)
{
    (void)beta;
    return even / samples;
}

/* 1 / E_n = (1 - beta) / (1 - beta^n); accurate where beta^n is near 1. */
static double by_effective_number(double samples, double even, double beta)
{
    (void)even;
    return beta > 0 ? (1 - beta) / -expm1(samples * log(beta)) : 1;
}

/* Weights of all classes that have samples, 1 for the others; scaled to a mean of 1 over the classes if asked. */
static cnn_status weigh(const cnn_dataset *dataset, class_weight rule, double beta, bool scaled, float *weights)
{
    cnn_context *context = cnn__dataset_context(dataset);
    const size_t classes = cnn_dataset_class_count(dataset);
    uint64_t *counts = cnn__alloc_array(context, classes, sizeof(*counts));
    if (counts == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = cnn_dataset_class_counts(dataset, counts, classes);
    size_t used = 0;
    double samples = 0, sum = 0;
    for (size_t i = 0; status == CNN_OK && i < classes; i++) {
        used += counts[i] > 0;
        samples += (double)counts[i];
    }
    const double even = samples / (double)used;
    for (size_t i = 0; status == CNN_OK && i < classes; i++) {
        sum += counts[i] > 0 ? rule((double)counts[i], even, beta) : 0;
    }
    const double scale = scaled ? (double)used / sum : 1;
    for (size_t i = 0; status == CNN_OK && i < classes; i++) {
        weights[i] = counts[i] > 0 ? (float)(scale * rule((double)counts[i], even, beta)) : 1.0F;
    }
    cnn__free(context, counts);
    return status;
}

cnn_status cnn_dataset_balanced_weights(const cnn_dataset *dataset, float *weights, size_t capacity)
{
    CNN__RETURN_IF_ERROR(check_room(dataset, weights, capacity, "cnn_dataset_balanced_weights"));
    return weigh(dataset, by_inverse, 0, false, weights);
}

cnn_status cnn_dataset_effective_weights(const cnn_dataset *dataset, double beta, float *weights, size_t capacity)
{
    CNN__RETURN_IF_ERROR(check_room(dataset, weights, capacity, "cnn_dataset_effective_weights"));
    if (!(beta >= 0 && beta < 1)) {
        return cnn__fail(cnn__dataset_context(dataset), CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_dataset_effective_weights: beta is %g, expected 0 to less than 1", beta);
    }
    return weigh(dataset, by_effective_number, beta, true, weights);
}
