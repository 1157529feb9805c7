/* SPDX-License-Identifier: MIT */
/* What folding a batch normalisation into the layer before it takes of it. */
#ifndef CNN_LAYER_BATCH_NORM_H
#define CNN_LAYER_BATCH_NORM_H

/* The epsilon in a normalisation's state. */
float cnn__batch_norm_epsilon(const void *state);

#endif
