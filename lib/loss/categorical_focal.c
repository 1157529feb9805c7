/* SPDX-License-Identifier: MIT */
/* Focal loss of the softmax of logits, as Keras's CategoricalFocalCrossentropy. */
#include <math.h>

#include "loss/loss.h"

enum { GAMMA, ALPHA };

static const cnn__param params[] = {
    {.name = "gamma", .low = 0, .high = 100, .unset = 2},
    {.name = "alpha", .low = 1e-6, .high = 1e6, .unset = 1},
    {.name = NULL},
};

/* The logarithm of the sum of exponentials of the logits less the largest of them. */
static double normalizer(const cnn__loss_row *row, double *most)
{
    double sum = 0;
    *most = row->z[0];
    for (size_t j = 1; j < row->outputs; j++) {
        *most = row->z[j] > *most ? row->z[j] : *most;
    }
    for (size_t j = 0; j < row->outputs; j++) {
        sum += exp(row->z[j] - *most);
    }
    return log(sum);
}

/* What a class adds to the loss, y (1 - p)^gamma (-log p), and *slope, its derivative by p times p, where y is its
 * target. Where p is 1 nothing is left of either, whatever gamma. */
static double class_loss(double y, double logarithm, double gamma, double *slope)
{
    const double p = exp(logarithm), rest = -expm1(logarithm), power = pow(rest, gamma);
    const double bend = rest > 0 && p > 0 && gamma > 0 ? gamma * p * power / rest * logarithm : 0;
    *slope = y * (bend - power);
    return cnn__loss_weighted(y, cnn__loss_weighted(power, -logarithm));
}

static double row_loss(cnn__loss_row *row)
{
    const double gamma = row->loss->params[GAMMA], alpha = row->loss->params[ALPHA];
    double most, sum = 0, slopes = 0, slope;
    const double sums = normalizer(row, &most);
    for (size_t j = 0; j < row->outputs; j++) {
        sum += class_loss(cnn__loss_target(row, j), row->z[j] - most - sums, gamma, &slope);
        slopes += slope;
    }
    for (size_t j = 0; row->gradient != NULL && j < row->outputs; j++) {
        const double logarithm = row->z[j] - most - sums;
        (void)class_loss(cnn__loss_target(row, j), logarithm, gamma, &slope);
        row->gradient[j] = (float)((slope - exp(logarithm) * slopes) * alpha * row->scale);
    }
    return isnan(sums) ? NAN : alpha * sum;
}

const cnn__loss_kind cnn__loss_categorical_focal = {
    .name = "categorical_focal",
    .usage = "categorical_focal:gamma=2,alpha=1",
    .params = params,
    .probabilities = true,
    .least_outputs = 2,
    .row = row_loss,
};
