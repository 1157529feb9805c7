/* SPDX-License-Identifier: MIT */
/* Negative log likelihood of outputs that are log-probabilities, as PyTorch's NLLLoss. */
#include "loss/loss.h"

static double row_loss(cnn__loss_row *row)
{
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        double y = cnn__loss_target(row, j);
        sum -= cnn__loss_weighted(y, row->z[j]);
        if (row->gradient != NULL) {
            row->gradient[j] = (float)cnn__loss_weighted(y, -row->scale);
        }
    }
    return sum;
}

const cnn__loss_kind cnn__loss_nll = {
    .name = "nll",
    .usage = "nll",
    .on_output = true,
    .logarithms = true,
    .probabilities = true,
    .least_outputs = 2,
    .row = row_loss,
};
