/* SPDX-License-Identifier: MIT */
/**
 * Layer constructors. Each returns a layer that cnn_model_add() takes over, or
 * NULL on failure; NULL may be added too, and the model then remembers the
 * error and returns it from cnn_model_build(). So programs need to check once:
 *
 *     cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 32, .activation = CNN_RELU)));
 *     cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.size = {2, 2})));
 *     ...
 *     status = cnn_model_build(model);
 *
 * Constructors are thread-safe. A layer without a name is named after its kind
 * and its number in the model, as Keras does: conv2d_1, conv2d_2, dense_1.
 */
#ifndef CNN_LAYER_H
#define CNN_LAYER_H

#include <cnn/layer_common.h>
#include <cnn/layer_conv.h>
#include <cnn/layer_custom.h>
#include <cnn/layer_pool.h>
#include <cnn/layer_shape.h>
#include <cnn/layer_values.h>

#endif
