/* SPDX-License-Identifier: MIT */
/* Floats in ascending order. A batch is sorted by itself and merged from the end, which needs no memory besides. */
#include "evaluate/sorted.h"

#include "core/error.h"
#include "core/memory.h"

cnn_status cnn__sorted_reserve(cnn_context *context, cnn__sorted *sorted, size_t more)
{
    size_t wanted, bytes;
    if (!cnn__add_size(sorted->count, more, &wanted) || !cnn__mul_size(wanted, 2 * sizeof(float), &bytes)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "evaluator: %zu scores and %zu more fit in no memory", sorted->count,
                         more);
    }
    if (wanted <= sorted->capacity) {
        return CNN_OK;
    }
    /* Twice as many, so that what is copied stays in proportion to what there is. */
    const size_t capacity = wanted > 2 * sorted->capacity ? wanted : 2 * sorted->capacity;
    float *values = cnn__realloc(context, sorted->values, capacity * sizeof(float));
    if (values == NULL) {
        return cnn__last_status(context);
    }
    sorted->values = values;
    sorted->capacity = capacity;
    return CNN_OK;
}

/* Lets the value at `at` sink in a heap whose largest value comes first. */
static void sink(float *values, size_t count, size_t at)
{
    const float value = values[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && values[child + 1] > values[child];
        if (values[child] <= value) {
            break;
        }
        values[at] = values[child];
    }
    values[at] = value;
}

/* Heap sort: in place, and never slow. */
static void sort(float *values, size_t count)
{
    for (size_t i = count / 2; i > 0; i--) {
        sink(values, count, i - 1);
    }
    for (size_t i = count; i > 1; i--) {
        const float largest = values[0];
        values[0] = values[i - 1];
        values[i - 1] = largest;
        sink(values, i - 1, 0);
    }
}

void cnn__sorted_add(cnn__sorted *sorted, float *values, size_t count)
{
    size_t kept = sorted->count, to = kept + count;
    sort(values, count);
    while (count > 0) {
        if (kept > 0 && sorted->values[kept - 1] > values[count - 1]) {
            sorted->values[--to] = sorted->values[--kept];
        } else {
            sorted->values[--to] = values[--count];
            sorted->count++;
        }
    }
}

uint64_t cnn__sorted_wins(const cnn__sorted *high, const cnn__sorted *low)
{
    size_t below = 0, up_to = 0; /* values of `low` below, and up to, the value of `high` */
    uint64_t wins = 0;
    for (size_t i = 0; i < high->count; i++) {
        const float value = high->values[i];
        while (below < low->count && low->values[below] < value) {
            below++;
        }
        up_to = up_to > below ? up_to : below;
        while (up_to < low->count && low->values[up_to] <= value) {
            up_to++;
        }
        wins += (uint64_t)below + up_to;
    }
    return wins;
}

void cnn__sorted_free(cnn_context *context, cnn__sorted *sorted)
{
    cnn__free(context, sorted->values);
    *sorted = (cnn__sorted){NULL, 0, 0};
}
