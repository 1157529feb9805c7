/* SPDX-License-Identifier: MIT */
/* Mean squared error of the model's outputs. */
#include "loss/loss.h"

static double row_loss(cnn__loss_row *row)
{
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        double error = row->z[j] - cnn__loss_target(row, j);
        sum += error * error;
        if (row->gradient != NULL) {
            row->gradient[j] = (float)(2 * error * row->scale);
        }
    }
    return sum;
}

const cnn__loss_kind cnn__loss_mse = {
    .name = "mse",
    .usage = "mse",
    .on_output = true,
    .mean_over_outputs = true,
    .least_outputs = 1,
    .row = row_loss,
};
