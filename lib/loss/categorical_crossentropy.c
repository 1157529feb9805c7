/* SPDX-License-Identifier: MIT */
/* Categorical cross-entropy of the softmax of logits, as PyTorch's CrossEntropyLoss. */
#include <math.h>

#include "loss/loss.h"

static double largest(const float *z, size_t n)
{
    double most = z[0];
    for (size_t j = 1; j < n; j++) {
        most = z[j] > most ? z[j] : most;
    }
    return most;
}

/* The sum over outputs of y (log sum exp(z) - z); the gradient by z is softmax(z) * sum(y) - y. */
static double row_loss(cnn__loss_row *row)
{
    const double most = largest(row->z, row->outputs);
    double exponentials = 0;
    double targets = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        double e = exp(row->z[j] - most);
        exponentials += e;
        targets += cnn__loss_target(row, j);
        if (row->gradient != NULL) {
            row->gradient[j] = (float)e;
        }
    }
    const double logarithm = log(exponentials);
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        double y = cnn__loss_target(row, j);
        sum += cnn__loss_weighted(y, logarithm - (row->z[j] - most));
        if (row->gradient != NULL) {
            row->gradient[j] = (float)((row->gradient[j] / exponentials * targets - y) * row->scale);
        }
    }
    return isnan(logarithm) ? NAN : sum;
}

const cnn__loss_kind cnn__loss_categorical_crossentropy = {
    .name = "categorical_crossentropy",
    .usage = "categorical_crossentropy",
    .probabilities = true,
    .least_outputs = 2,
    .row = row_loss,
};
