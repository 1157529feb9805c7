/* SPDX-License-Identifier: MIT */
/* What a convolution asks of the pooling after it. */
#ifndef CNN_LAYER_POOL2D_H
#define CNN_LAYER_POOL2D_H

#include <stdbool.h>

/* Whether the state of a pooling layer is a 2x2 window at stride 2 without padding, odd rows and columns dropped. */
bool cnn__pool2d_halves(const void *state);

#endif
