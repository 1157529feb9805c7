/* SPDX-License-Identifier: MIT */
/* How normalisation adds up columns. */
#ifndef CNN_BACKEND_VECTOR_NORM_SUMS_H
#define CNN_BACKEND_VECTOR_NORM_SUMS_H

#include "backend/driver/task.h"
#include "backend/vector/vec.h"

/* Vectors of columns whose sums are kept in registers down the rows: two cache lines or more, as processors fetch
 * them in pairs. */
#define NORM_TILE 4

/* Rows whose sums are kept in float32 before they are added in double: short enough to lose nothing that counts, and
 * widening every value would take longer than reading it. All columns of a run are added before the next one, so that
 * memory is read from one end to the other. */
#define NORM_RUN 16

/* Adds a vector of float32 sums, of which the first n count. */
VEC_INLINE void norm_add_sums(double *to, vec_f sum, size_t n)
{
    vec_add_d(to, vec_low_d(sum), cnn__min_size(n, VEC_D));
    if (n > VEC_D) {
        vec_add_d(to + VEC_D, vec_high_d(sum), n - VEC_D);
    }
}

#endif
