/* SPDX-License-Identifier: MIT */
/* Folding a batch normalisation into weights. */
#include "layer/fold.h"

#include <math.h>

/* A normalisation's parameters, in the order of batch_norm.c. */
enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };

size_t cnn__fold_bias_bytes(int64_t channels) { return cnn__align_size((size_t)channels * sizeof(float)); }

size_t cnn__fold_scratch_bytes(int64_t channels) { return cnn__align_size((size_t)channels * sizeof(double)); }

void cnn__fold_norm(const cnn__fold *fold, float *const *parameters, bool has_bias, int64_t rows, int64_t channels,
                    void *scratch, float *weights, float *bias)
{
    double *factors = scratch;
    float *const *norm = parameters + (has_bias ? 2 : 1);
    for (int64_t c = 0; c < channels; c++) {
        factors[c] = norm[GAMMA][c] / sqrt((double)norm[MOVING_VARIANCE][c] + fold->epsilon);
        const double before = has_bias ? parameters[1][c] : 0;
        bias[c] = (float)((before - norm[MOVING_MEAN][c]) * factors[c] + norm[BETA][c]);
    }
    for (int64_t row = 0; row < rows; row++) {
        const float *from = parameters[0] + row * channels;
        float *to = weights + row * channels;
        for (int64_t c = 0; c < channels; c++) {
            to[c] = (float)(from[c] * factors[c]);
        }
    }
}
