/* SPDX-License-Identifier: MIT */
/* Huber loss of the model's outputs, as PyTorch's HuberLoss: a parabola about 0, straight from delta on. */
#include <math.h>

#include "loss/loss.h"

enum { DELTA };

static const cnn__param params[] = {
    {.name = "delta", .low = 1e-6, .high = 1e6, .unset = 1},
    {.name = NULL},
};

static double row_loss(cnn__loss_row *row)
{
    const double delta = row->loss->params[DELTA];
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        const double error = row->z[j] - cnn__loss_target(row, j), size = fabs(error);
        sum += size <= delta ? error * error / 2 : delta * (size - delta / 2);
        if (row->gradient != NULL) {
            row->gradient[j] = (float)((size <= delta ? error : copysign(delta, error)) * row->scale);
        }
    }
    return sum;
}

const cnn__loss_kind cnn__loss_huber = {
    .name = "huber",
    .usage = "huber:delta=1",
    .params = params,
    .on_output = true,
    .mean_over_outputs = true,
    .least_outputs = 1,
    .row = row_loss,
};
