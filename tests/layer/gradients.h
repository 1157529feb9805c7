/* SPDX-License-Identifier: MIT */
/* Gradients of a model against finite differences: the change of a weighted sum of the logits when a parameter tensor
 * moves along a random direction. */
#ifndef CNN_TESTS_LAYER_GRADIENTS_H
#define CNN_TESTS_LAYER_GRADIENTS_H

#include <cnn/cnn.h>

/* The reference, and the default. */
enum { GRADIENTS_BACKENDS = 2 };

cnn_context *gradients_context(size_t backend);

/* Of every trained parameter. All inputs of the model get the same random values, of which the first needs most. */
void gradients_check(cnn_model *model);

#endif
