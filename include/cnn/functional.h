/* SPDX-License-Identifier: MIT */
/**
 * The functional form: one operation on arrays of the caller's, without a layer that keeps parameters and without a
 * model, as torch.nn.functional has it:
 *
 *     cnn_tensor y = {NULL, {0}};
 *     cnn_functional_conv2d(context, CNN_CONV2D(.padding = CNN_PADDING_SAME), &x, &filters, &bias, &y);
 *     y.data = malloc(...);  // y.shape says how much
 *     cnn_functional_conv2d(context, CNN_CONV2D(.padding = CNN_PADDING_SAME), &x, &filters, &bias, &y);
 *
 * Each call is named after the layer's constructor in cnn/layer.h and takes that one's options, then what the layer
 * reads, then its parameters in the layouts that are written there, then the output. It computes what the layer
 * computes in inference, on the context's backend and threads. Training needs a model.
 *
 * Said once for all of them:
 *  - Tensors have the batch as their first dimension: x is N, H, W, C for images, N, L, C for sequences, N, D, H, W, C
 *    for volumes and N, C for vectors.
 *  - With y->data NULL nothing is computed: y->shape is filled in. Else y->shape must be that of the output.
 *  - Arrays stay the caller's. y->data is none of the others' and does not overlap them; where a comment says "in
 *    place" it may be x->data.
 *  - Options that follow from the tensors may be left 0: filters, kernel, units. Where they are not, they must agree.
 *    A bias of NULL is no bias; the options' no_bias may be left 0 then. Names and initializers are not used.
 *  - They return CNN_OK; CNN_ERROR_INVALID_ARGUMENT for a NULL or an option out of range; CNN_ERROR_SHAPE, with a
 *    message that names the call, the tensor and both shapes; CNN_ERROR_LIMIT; CNN_ERROR_OUT_OF_MEMORY;
 *    CNN_ERROR_UNSUPPORTED or CNN_ERROR_BACKEND as the backend has it. Nothing of y is promised after a failure.
 *  - They may be called from any number of threads at the same time. Each call allocates its workspace and frees it.
 */
#ifndef CNN_FUNCTIONAL_H
#define CNN_FUNCTIONAL_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/layer.h>

CNN_BEGIN_DECLS

/* ---- convolutions ---- */

/** x [N, L, C], filters [kernel, C / groups, filters], bias [filters] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_conv1d(cnn_context *context, const cnn_conv1d_options *options, const cnn_tensor *x,
                                         const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y);

/** x [N, H, W, C], filters [height, width, C / groups, filters], bias [filters] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_conv2d(cnn_context *context, const cnn_conv2d_options *options, const cnn_tensor *x,
                                         const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y);

/** x [N, D, H, W, C], filters [depth, height, width, C / groups, filters], bias [filters] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_conv3d(cnn_context *context, const cnn_conv3d_options *options, const cnn_tensor *x,
                                         const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y);

/** x [N, H, W, C], filters [height, width, 1, C * multiplier], bias [C * multiplier] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_depthwise_conv2d(cnn_context *context, const cnn_depthwise_conv2d_options *options,
                                                   const cnn_tensor *x, const cnn_tensor *filters,
                                                   const cnn_tensor *bias, cnn_tensor *y);

/** x [N, H, W, C], depthwise [height, width, 1, C * multiplier], pointwise [1, 1, C * multiplier, filters], bias
    [filters] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_separable_conv2d(cnn_context *context, const cnn_separable_conv2d_options *options,
                                                   const cnn_tensor *x, const cnn_tensor *depthwise,
                                                   const cnn_tensor *pointwise, const cnn_tensor *bias, cnn_tensor *y);

/** x [N, H, W, C], filters [height, width, filters / groups, C], bias [filters] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_conv2d_transpose(cnn_context *context, const cnn_conv2d_transpose_options *options,
                                                   const cnn_tensor *x, const cnn_tensor *filters,
                                                   const cnn_tensor *bias, cnn_tensor *y);

/* ---- dense layers and graphs ---- */

/** x [N, C], weights [C, units] (PyTorch's linear has them transposed), bias [units] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_dense(cnn_context *context, const cnn_dense_options *options, const cnn_tensor *x,
                                        const cnn_tensor *weights, const cnn_tensor *bias, cnn_tensor *y);

/** x [N, V, C], adjacency [N, V, V], weights [C, units], bias [units] or NULL. Since 0.1. */
CNN_API cnn_status cnn_functional_graph_conv(cnn_context *context, const cnn_graph_conv_options *options,
                                             const cnn_tensor *x, const cnn_tensor *adjacency,
                                             const cnn_tensor *weights, const cnn_tensor *bias, cnn_tensor *y);

/* ---- pooling ---- */

/** Maxima over windows of x [N, L, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_max_pool1d(cnn_context *context, const cnn_pool1d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);

/** Maxima over windows of x [N, H, W, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_max_pool2d(cnn_context *context, const cnn_pool2d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);

/** Maxima over windows of x [N, D, H, W, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_max_pool3d(cnn_context *context, const cnn_pool3d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);

/** Means over windows of x [N, L, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_average_pool1d(cnn_context *context, const cnn_pool1d_options *options,
                                                 const cnn_tensor *x, cnn_tensor *y);

/** Means over windows of x [N, H, W, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_average_pool2d(cnn_context *context, const cnn_pool2d_options *options,
                                                 const cnn_tensor *x, cnn_tensor *y);

/** Means over windows of x [N, D, H, W, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_average_pool3d(cnn_context *context, const cnn_pool3d_options *options,
                                                 const cnn_tensor *x, cnn_tensor *y);

/* ---- value by value, and over the last dimension ---- */

/** An activation of x of any shape; in place. Softmax and its logarithm are over the last dimension. Since 0.1. */
CNN_API cnn_status cnn_functional_activate(cnn_context *context, const cnn_activate_options *options,
                                           const cnn_tensor *x, cnn_tensor *y);

/** Softmax of x over the last dimension; in place: cnn_functional_activate() with CNN_SOFTMAX. Since 0.1. */
CNN_API cnn_status cnn_functional_softmax(cnn_context *context, const cnn_tensor *x, cnn_tensor *y);

/** (x - mean) / sqrt(variance + epsilon) * gamma + beta with given mean and variance, [C] each, C being the last
    dimension of x; gamma of NULL is 1 and beta of NULL is 0; in place. Since 0.1. */
CNN_API cnn_status cnn_functional_batch_norm(cnn_context *context, const cnn_batch_norm_options *options,
                                             const cnn_tensor *x, const cnn_tensor *gamma, const cnn_tensor *beta,
                                             const cnn_tensor *mean, const cnn_tensor *variance, cnn_tensor *y);

/** Local response normalisation of x over its last dimension. Since 0.1. */
CNN_API cnn_status cnn_functional_local_response_norm(cnn_context *context, const cnn_lrn_options *options,
                                                      const cnn_tensor *x, cnn_tensor *y);

/* ---- other sizes ---- */

/** x at another size along any of its axes but the first, larger or smaller, as cnn_resize() has it. PyTorch's
    interpolate() is CNN_SAMPLE_LINEAR with CNN_PLACES_HALF_PIXEL, or with CNN_PLACES_ALIGN_CORNERS; its nearest value
    CNN_PLACES_ASYMMETRIC with CNN_ROUND_DOWN. No filter against aliasing: cnn_image_resize() has one for images in
    memory. Since 0.1. */
CNN_API cnn_status cnn_functional_resize(cnn_context *context, const cnn_resize_options *options, const cnn_tensor *x,
                                         cnn_tensor *y);

/* ---- zero padding ---- */

/** Zeros around x [N, L, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_zero_pad1d(cnn_context *context, const cnn_zero_pad1d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);

/** Zeros around x [N, H, W, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_zero_pad2d(cnn_context *context, const cnn_zero_pad2d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);

/** Zeros around x [N, D, H, W, C]. Since 0.1. */
CNN_API cnn_status cnn_functional_zero_pad3d(cnn_context *context, const cnn_zero_pad3d_options *options,
                                             const cnn_tensor *x, cnn_tensor *y);

CNN_END_DECLS

#endif
