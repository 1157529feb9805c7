/* SPDX-License-Identifier: MIT */
/* Binary cross-entropy of the sigmoid of logits, as TensorFlow's sigmoid_cross_entropy_with_logits. */
#include <math.h>

#include "loss/loss.h"

static double sigmoid(double z)
{
    double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* max(z, 0) - z y + log(1 + exp(-|z|)), with its first two terms joined: z (1 - y) or -z y, which an infinite z on
 * the right side leaves at 0. */
static double row_loss(cnn__loss_row *row)
{
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        double z = row->z[j];
        double y = cnn__loss_target(row, j);
        double linear = z > 0 ? cnn__loss_weighted(1 - y, z) : cnn__loss_weighted(y, -z);
        sum += linear + log1p(exp(-fabs(z)));
        if (row->gradient != NULL) {
            row->gradient[j] = (float)((sigmoid(z) - y) * row->scale);
        }
    }
    return sum;
}

const cnn__loss_kind cnn__loss_binary_crossentropy = {
    .name = "binary_crossentropy",
    .usage = "binary_crossentropy",
    .probabilities = true,
    .mean_over_outputs = true,
    .least_outputs = 1,
    .row = row_loss,
};
