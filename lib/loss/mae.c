/* SPDX-License-Identifier: MIT */
/* Mean absolute error of the model's outputs, as PyTorch's L1Loss. */
#include <math.h>

#include "loss/loss.h"

static double row_loss(cnn__loss_row *row)
{
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        const double error = row->z[j] - cnn__loss_target(row, j);
        sum += fabs(error);
        if (row->gradient != NULL) {
            row->gradient[j] = (float)(error > 0 ? row->scale : error < 0 ? -row->scale : 0 * error);
        }
    }
    return sum;
}

const cnn__loss_kind cnn__loss_mae = {
    .name = "mae",
    .usage = "mae",
    .on_output = true,
    .mean_over_outputs = true,
    .least_outputs = 1,
    .row = row_loss,
};
