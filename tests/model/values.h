/* SPDX-License-Identifier: MIT */
/* Made-up inputs of models. */
#ifndef CNN_TESTS_MODEL_VALUES_H
#define CNN_TESTS_MODEL_VALUES_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

/* `count` values in [-1, 1) that follow from the seed; the caller frees them. */
static inline float *test_values(size_t count, uint32_t seed)
{
    float *values = calloc(count, sizeof(float));
    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) * 0x1p-23f - 1;
    }
    return values;
}

#endif
