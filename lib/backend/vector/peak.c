/* SPDX-License-Identifier: MIT */
/* Multiply-adds in registers, as fast as the processor does them: what kernels are measured by. */
#include "backend/vector/kernels.h"

/* Returns a number that depends on all of the work. */
float CNN__VECTOR(cnn__peak)(size_t rounds)
{
    /* Each value runs towards 1, so that none becomes slow to compute with. */
    const vec_f factor = vec_set1(0.5f), term = vec_set1(0.5f);
    vec_f chain[PEAK_CHAINS];
    for (int i = 0; i < PEAK_CHAINS; i++) {
        chain[i] = vec_set1((float)i);
    }
    for (size_t round = 0; round < rounds; round++) {
        for (int i = 0; i < PEAK_CHAINS; i++) {
            chain[i] = chain[i] * factor + term;
        }
    }
    for (int i = 1; i < PEAK_CHAINS; i++) {
        chain[0] += chain[i];
    }
    float values[VEC_WIDTH], sum = 0;
    vec_store(values, chain[0]);
    for (int i = 0; i < VEC_WIDTH; i++) {
        sum += values[i];
    }
    return sum;
}
