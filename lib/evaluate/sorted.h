/* SPDX-License-Identifier: MIT */
/* Floats in ascending order, to which batches are added. */
#ifndef CNN_EVALUATE_SORTED_H
#define CNN_EVALUATE_SORTED_H

#include <cnn/context.h>

typedef struct cnn__sorted {
    float *values;
    size_t count, capacity;
} cnn__sorted;

/* Room for `more` values. */
cnn_status cnn__sorted_reserve(cnn_context *context, cnn__sorted *sorted, size_t more);
/* Adds values for which there is room; `values` is sorted on the way. No NaN. */
void cnn__sorted_add(cnn__sorted *sorted, float *values, size_t count);
/* Pairs (value of `high`, value of `low`), counted twice where the former is larger and once where they are equal. */
uint64_t cnn__sorted_wins(const cnn__sorted *high, const cnn__sorted *low);
void cnn__sorted_free(cnn_context *context, cnn__sorted *sorted);

#endif
