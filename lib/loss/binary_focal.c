/* SPDX-License-Identifier: MIT */
/* Focal loss of the sigmoid of logits (Lin et al. 2017, "Focal loss for dense object detection"), as torchvision's
 * sigmoid_focal_loss. */
#include <math.h>

#include "loss/loss.h"

enum { GAMMA, ALPHA };

static const cnn__param params[] = {
    {.name = "gamma", .low = 0, .high = 100, .unset = 2},
    {.name = "alpha", .low = 0, .high = 1, .unset = 0.25},
    {.name = NULL},
};

/* With m = 1 - p_t, what is missing to certainty, the loss is alpha_t m^gamma times the cross-entropy c. By z that is
 * alpha_t (m^gamma (p - y) - c gamma m^(gamma - 1) (2 y - 1) p (1 - p)); where p or 1 - p is 0 the last term is none,
 * whatever is infinite in it. */
static double row_loss(cnn__loss_row *row)
{
    const double gamma = row->loss->params[GAMMA], alpha = row->loss->params[ALPHA];
    double sum = 0;
    for (size_t j = 0; j < row->outputs; j++) {
        const double z = row->z[j], y = cnn__loss_target(row, j), e = exp(-fabs(z));
        const double p = z >= 0 ? 1 / (1 + e) : e / (1 + e), q = z >= 0 ? e / (1 + e) : 1 / (1 + e);
        const double entropy = (z > 0 ? cnn__loss_weighted(1 - y, z) : cnn__loss_weighted(y, -z)) + log1p(e);
        const double mixed = y * q + (1 - y) * p, missing = mixed < 0 ? 0 : mixed; /* y may be a little over 1 */
        const double power = pow(missing, gamma);
        const double weight = alpha == 0 ? 1 : alpha * y + (1 - alpha) * (1 - y);
        sum += weight * cnn__loss_weighted(power, entropy);
        if (row->gradient != NULL) {
            const double both = p * q;
            const double bend = both > 0 && missing > 0 && gamma > 0
                                    ? entropy * gamma * power / missing * (2 * y - 1) * both
                                    : 0;
            row->gradient[j] = (float)(weight * (power * (p - y) - bend) * row->scale);
        }
    }
    return sum;
}

const cnn__loss_kind cnn__loss_binary_focal = {
    .name = "binary_focal",
    .usage = "binary_focal:gamma=2,alpha=0.25",
    .params = params,
    .probabilities = true,
    .mean_over_outputs = true,
    .least_outputs = 1,
    .row = row_loss,
};
