/* SPDX-License-Identifier: MIT */
/* A normalisation folded into the operation before it: one factor and one offset for each output channel. */
#include <math.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

/* Columns whose factors are worked out at a time, on the stack. */
enum { TILE = 256 };

static double factor_of(const cnn_fold_args *args, int64_t j)
{
    return args->gamma[j] / sqrt((double)args->variance[j] + args->epsilon);
}

static void fold_rows(const void *argument, size_t begin, size_t end)
{
    const cnn_fold_args *args = argument;
    double factors[TILE];
    for (int64_t first = 0; first < args->c; first += TILE) {
        const int64_t columns = cnn__min_i64(TILE, args->c - first);
        for (int64_t j = 0; j < columns; j++) {
            factors[j] = factor_of(args, first + j);
        }
        for (size_t row = begin; row < end; row++) {
            const float *from = args->weights + row * (size_t)args->c + first;
            float *to = args->folded_weights + row * (size_t)args->c + first;
            for (int64_t j = 0; j < columns; j++) {
                to[j] = (float)(from[j] * factors[j]);
            }
        }
    }
}

cnn_status cnn__fold(const cnn_backend_call *call, const cnn_fold_args *args)
{
    for (int64_t j = 0; j < args->c; j++) {
        const double before = args->bias != NULL ? args->bias[j] : 0;
        args->folded_bias[j] = (float)((before - args->mean[j]) * factor_of(args, j) + args->beta[j]);
    }
    cnn__for_spans(call, (size_t)args->rows, cnn__div_up(CNN__SPAN, (size_t)args->c), fold_rows, args);
    return CNN_OK;
}
