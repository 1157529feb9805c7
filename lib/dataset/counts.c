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

size_t cnn__dataset_count_classes(const cnn_dataset *dataset, uint64_t *counts)
{
    const size_t classes = cnn_dataset_class_count(dataset), count = cnn_dataset_count(dataset);
    for (size_t i = 0; i < classes; i++) {
        counts[i] = 0;
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

cnn_status cnn_dataset_balanced_weights(const cnn_dataset *dataset, float *weights, size_t capacity)
{
    CNN__RETURN_IF_ERROR(check_room(dataset, weights, capacity, "cnn_dataset_balanced_weights"));
    cnn_context *context = cnn__dataset_context(dataset);
    const size_t classes = cnn_dataset_class_count(dataset);
    uint64_t *counts = cnn__alloc_array(context, classes, sizeof(*counts));
    if (counts == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = cnn_dataset_class_counts(dataset, counts, classes);
    size_t used = 0;
    for (size_t i = 0; status == CNN_OK && i < classes; i++) {
        used += counts[i] > 0;
    }
    for (size_t i = 0; status == CNN_OK && i < classes; i++) {
        const double even = (double)cnn_dataset_count(dataset) / (double)used;
        weights[i] = counts[i] > 0 ? (float)(even / (double)counts[i]) : 1.0F;
    }
    cnn__free(context, counts);
    return status;
}
