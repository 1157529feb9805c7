/* SPDX-License-Identifier: MIT */
/** Layers of values: activations, arithmetic, dropout, normalisations. How layers are made: cnn/layer.h. */
#ifndef CNN_LAYER_VALUES_H
#define CNN_LAYER_VALUES_H

#include <cnn/layer_common.h>

CNN_BEGIN_DECLS

/** Which values share a slope of cnn_prelu(). The numbers are frozen: model files hold their names. */
typedef enum cnn_prelu_slopes {
    CNN_PRELU_CHANNEL = 0, /**< those of a channel: PyTorch with as many parameters, Keras with shared_axes [1, 2] */
    CNN_PRELU_ONE = 1,     /**< all: PyTorch's default */
    CNN_PRELU_POSITION = 2 /**< none but those of other samples: Keras's default */
} cnn_prelu_slopes;

/** Options of cnn_prelu(); write them with CNN_PRELU(). */
typedef struct cnn_prelu_options {
    size_t struct_size;
    const char *name;
    int32_t slopes;       /**< a cnn_prelu_slopes */
    cnn_initializer init; /**< default: 0.25 everywhere, as the paper and PyTorch; Keras begins with 0 */
} cnn_prelu_options;

#define CNN_PRELU(...) CNN_OPTIONS(cnn_prelu_options, __VA_ARGS__)

/** y = x > 0 ? x : alpha x with slopes that are learnt, the parameter "alpha" (He et al. 2015). Weight decay applies to
    them only where it does to biases. Since 0.1. */
CNN_API cnn_layer *cnn_prelu(cnn_context *context, const cnn_prelu_options *options);

/** Most channels that cnn_rescale() has numbers for. */
#define CNN_RESCALE_MOST_CHANNELS 16

/** Options of cnn_rescale(); write them with CNN_RESCALE(). */
typedef struct cnn_rescale_options {
    size_t struct_size;
    const char *name;
    float scale[CNN_RESCALE_MOST_CHANNELS];  /**< 0: 1 */
    float offset[CNN_RESCALE_MOST_CHANNELS];
    int32_t channels; /**< 0: the first scale and offset are for all values; else as many channels, each with its own */
} cnn_rescale_options;

#define CNN_RESCALE(...) CNN_OPTIONS(cnn_rescale_options, __VA_ARGS__)

/**
 * x * scale + offset, as Keras's Rescaling, for what a network makes of its images itself: no parameters; the numbers
 * are options, and so in the model file. From [0, 1] to [-1, 1] it is CNN_RESCALE(.scale = {2}, .offset = {-1});
 * (x - mean) / deviation by channel is .scale = {1 / d0, ...}, .offset = {-m0 / d0, ...}, .channels = 3. Since 0.1.
 */
CNN_API cnn_layer *cnn_rescale(cnn_context *context, const cnn_rescale_options *options);

/** Options of cnn_elementwise(); write them with CNN_ELEMENTWISE(). */
typedef struct cnn_elementwise_options {
    size_t struct_size;
    const char *name;
    int32_t function; /**< required: a cnn_map_function of one value, CNN_MAP_ABS to CNN_MAP_ERF */
    float p, q;   /**< POWER: p is the exponent; CLIP: the least and the largest value, which may be infinite */
} cnn_elementwise_options;

#define CNN_ELEMENTWISE(...) CNN_OPTIONS(cnn_elementwise_options, __VA_ARGS__)

/** A function of each value. Gradients are PyTorch's: that of |x| at 0 is 0, that of clipping counts at the bounds.
    Since 0.1. */
CNN_API cnn_layer *cnn_elementwise(cnn_context *context, const cnn_elementwise_options *options);

/** Options of cnn_arithmetic(); write them with CNN_ARITHMETIC(). */
typedef struct cnn_arithmetic_options {
    size_t struct_size;
    const char *name;
    int32_t function; /**< a cnn_map_function of two values, CNN_MAP_ADD to CNN_MAP_MAX; required */
    int32_t shape[7]; /**< with one input: of the parameter that is the other operand, without a batch, up to the first
                           0; its sizes are those of the input's last axes, or 1 */
    int32_t first;    /**< 1: the parameter is the first operand, as in 1 / x */
    cnn_initializer init; /**< of the parameter; default: 1 everywhere */
} cnn_arithmetic_options;

#define CNN_ARITHMETIC(...) CNN_OPTIONS(cnn_arithmetic_options, __VA_ARGS__)

/**
 * A function of two values: of two inputs, or of one and the parameter "value". Shapes without the batch are broadcast
 * as in NumPy: their last axes meet, and a size of 1 is repeated. cnn_add(), cnn_subtract() and cnn_multiply() are
 * faster where they do. Where the two are equal, minimum and maximum give each half of the gradient. Since 0.1.
 */
CNN_API cnn_layer *cnn_arithmetic(cnn_context *context, const cnn_arithmetic_options *options);

/** Options of cnn_matmul(); write them with CNN_MATMUL(). */
typedef struct cnn_matmul_options {
    size_t struct_size;
    const char *name;
    int32_t transpose_a, transpose_b; /**< 1: the matrices of the first, the second input are transposed */
} cnn_matmul_options;

#define CNN_MATMUL(...) CNN_OPTIONS(cnn_matmul_options, __VA_ARGS__)

/**
 * Products of the matrices of two inputs: N, ..., m, k and N, ..., k, n give N, ..., m, n. Axes before the last two are
 * broadcast as in NumPy's matmul, the batch apart: a sample of one input meets the same sample of the other. Attention
 * is made of two of them:
 *
 *     cnn_model_add_after(m, cnn_matmul(c, CNN_MATMUL(.name = "scores", .transpose_b = 1)), {"queries", "keys"}, 2);
 *     cnn_model_add(m, cnn_activate(c, CNN_ACTIVATE(.name = "shares", .activation = CNN_SOFTMAX)));
 *     cnn_model_add_after(m, cnn_matmul(c, NULL), {"shares", "values"}, 2);
 *
 * Since 0.1.
 */
CNN_API cnn_layer *cnn_matmul(cnn_context *context, const cnn_matmul_options *options);

/** What cnn_reduce() makes of values. The numbers are frozen: model files hold their names. */
typedef enum cnn_reduction {
    CNN_REDUCE_TO_SUM = 0,
    CNN_REDUCE_TO_MEAN = 1,
    CNN_REDUCE_TO_MAX = 2,
    CNN_REDUCE_TO_MIN = 3
} cnn_reduction;

/** Options of cnn_reduce(); write them with CNN_REDUCE(). */
typedef struct cnn_reduce_options {
    size_t struct_size;
    const char *name;
    int32_t reduction; /**< a cnn_reduction */
    int32_t axes[7];   /**< over which, counted from 1, the batch being axis 0, up to the first 0; none: all */
    int32_t keep;      /**< 1: reduced axes stay, of size 1 */
} cnn_reduce_options;

#define CNN_REDUCE(...) CNN_OPTIONS(cnn_reduce_options, __VA_ARGS__)

/** Sum, mean, largest or least value over axes of each sample, summed in double. Equal largest values share the
    gradient, as of PyTorch's amax(). Where no axis is left the output is N, 1. Since 0.1. */
CNN_API cnn_layer *cnn_reduce(cnn_context *context, const cnn_reduce_options *options);

/** Options of cnn_instance_norm(); write them with CNN_INSTANCE_NORM(). */
typedef struct cnn_instance_norm_options {
    size_t struct_size;
    const char *name;
    float epsilon; /**< added to the variance; 0: 1e-5 */
} cnn_instance_norm_options;

#define CNN_INSTANCE_NORM(...) CNN_OPTIONS(cnn_instance_norm_options, __VA_ARGS__)

/** Normalisation of each channel of each sample by its own mean and variance, then gamma and beta (Ulyanov et al.
    2016): the same in training and inference. Of sequences, images and volumes. Since 0.1. */
CNN_API cnn_layer *cnn_instance_norm(cnn_context *context, const cnn_instance_norm_options *options);

/** Options of cnn_dropout(); write them with CNN_DROPOUT(). */
typedef struct cnn_dropout_options {
    size_t struct_size;
    const char *name;
    float rate;       /**< probability of dropping, 0 <= rate < 1 */
    int32_t channels; /**< 1: whole channels (PyTorch's Dropout2d, Keras's SpatialDropout2D). On an N, C input that
                           is the same as single values. 2: whole samples: on the branch of a residual block that is
                           stochastic depth (Huang et al. 2016; torchvision's StochasticDepth by rows) */
} cnn_dropout_options;

#define CNN_DROPOUT(...) CNN_OPTIONS(cnn_dropout_options, __VA_ARGS__)

/** Sets values to 0 in training and scales the rest by 1 / (1 - rate); nothing otherwise (Srivastava et al. 2014).
    Since 0.1. */
CNN_API cnn_layer *cnn_dropout(cnn_context *context, const cnn_dropout_options *options);

/** Options of cnn_batch_norm(); write them with CNN_BATCH_NORM(). */
typedef struct cnn_batch_norm_options {
    size_t struct_size;
    const char *name;
    int32_t convention; /**< a cnn_convention: the defaults of the three fields below */
    float keep;         /**< of the running statistics at each step; Keras 0.99, PyTorch 0.9 (its momentum 0.1);
                             CNN_ZERO: nothing, they are the last batch's */
    float epsilon;      /**< added to the variance; Keras 1e-3, PyTorch 1e-5; CNN_ZERO: nothing */
    int32_t unbiased;   /**< 1: the running variance gets the batch's unbiased n / (n - 1) variance (for n = 1 the
                             biased one), as PyTorch does; 2: the biased one, as Keras 3 does; 0: by convention.
                             Normalising uses the biased one always */
    int32_t no_scale;   /**< 1: without gamma */
    int32_t no_shift;   /**< 1: without beta */
    int32_t activation; /**< a cnn_activation */
    float alpha;        /**< of the activation, as in cnn_activate_options */
    cnn_regularizer gamma_regularizer, beta_regularizer;
    cnn_constraint gamma_constraint, beta_constraint;
} cnn_batch_norm_options;

#define CNN_BATCH_NORM(...) CNN_OPTIONS(cnn_batch_norm_options, __VA_ARGS__)

/** Batch normalisation over all but the last dimension, of vectors, sequences, images or volumes by its input (Ioffe
    and Szegedy 2015). Since 0.1. */
CNN_API cnn_layer *cnn_batch_norm(cnn_context *context, const cnn_batch_norm_options *options);

/** Options of cnn_activate(); write them with CNN_ACTIVATE(). */
typedef struct cnn_activate_options {
    size_t struct_size;
    const char *name;
    int32_t activation; /**< a cnn_activation; required */
    float alpha;        /**< slope of CNN_LEAKY_RELU, 0: 0.01 (PyTorch; Keras has 0.3); of CNN_ELU what it falls to,
                             -alpha, 0: 1; slope of CNN_HARD_SIGMOID, 0: 1 / 6 (PyTorch, Keras 3; Keras 2 and ONNX have
                             0.2), whose offset other than 0.5 is that of a layer before, see cnn_rescale(); where
                             CNN_CLIPPED_RELU is cut off, 0: 6 */
} cnn_activate_options;

#define CNN_ACTIVATE(...) CNN_OPTIONS(cnn_activate_options, __VA_ARGS__)

/** An activation as a layer of its own. Since 0.1. */
CNN_API cnn_layer *cnn_activate(cnn_context *context, const cnn_activate_options *options);

/**
 * Sum of two or more inputs, value by value. One of them has the shape of the
 * output; the others have it too, or are broadcast: against N, H, W, C an input
 * N, C or N, 1, 1, C has one value for each channel, N, H, W, 1 one for each
 * position; N, 1 or N, 1, 1, 1 has one for each sample. Since 0.1.
 */
CNN_API cnn_layer *cnn_add(cnn_context *context, const cnn_named_options *options);

/** The first of two inputs less the second, which may be broadcast as by cnn_add(). Since 0.1. */
CNN_API cnn_layer *cnn_subtract(cnn_context *context, const cnn_named_options *options);

/**
 * Product of two or more inputs, value by value, broadcast as by cnn_add(). Squeeze and excitation (Hu et al. 2018) is
 * the product of a value N, H, W, C and of its gates N, C:
 *
 *     cnn_model_add(model, cnn_global_average_pool2d(c, NULL));                                   (after "x")
 *     cnn_model_add(model, cnn_dense(c, CNN_DENSE(.units = channels / 16, .activation = CNN_RELU)));
 *     cnn_model_add(model, cnn_dense(c, CNN_DENSE(.name = "gates", .units = channels, .activation = CNN_SIGMOID)));
 *     cnn_model_add_after(model, cnn_multiply(c, NULL), (const char *[]){"x", "gates"}, 2);
 *
 * Since 0.1.
 */
CNN_API cnn_layer *cnn_multiply(cnn_context *context, const cnn_named_options *options);

/** Options of cnn_local_response_norm(); write them with CNN_LRN(). */
typedef struct cnn_lrn_options {
    size_t struct_size;
    const char *name;
    int32_t convention; /**< what alpha multiplies, and the defaults: see cnn_local_response_norm() */
    int32_t size;       /**< channels in the window; 0: 2 * radius + 1, or without a radius the convention's. An even
                             window reaches one channel further to the lower side, as PyTorch's */
    int32_t radius;     /**< TensorFlow's depth_radius: channels on either side; not together with `size` */
    float alpha;        /**< 0: by convention */
    float beta;         /**< exponent; 0: by convention */
    float bias;         /**< the paper's and PyTorch's k, above 0; 0: 1 */
} cnn_lrn_options;

#define CNN_LRN(...) CNN_OPTIONS(cnn_lrn_options, __VA_ARGS__)

/**
 * Local response normalisation across neighbouring channels, the last dimension
 * (Krizhevsky, Sutskever and Hinton 2012, section 3.3):
 *
 *     CNN_TENSORFLOW1, CNN_KERAS  y = x / (bias + alpha * sum(x^2))^beta, as tf.nn.local_response_normalization and
 *                                 the paper; 11 channels (radius 5), alpha 1, beta 0.5
 *     CNN_PYTORCH                 y = x / (bias + alpha / size * sum(x^2))^beta, as torch.nn.LocalResponseNorm and
 *                                 Caffe; 5 channels, alpha 1e-4, beta 0.75
 *
 * so that the same layer has PyTorch's alpha = size * TensorFlow's: the paper's
 * k = 2, n = 5, alpha = 1e-4, beta = 0.75 is CNN_LRN(.convention =
 * CNN_TENSORFLOW1, .radius = 2, .bias = 2, .alpha = 1e-4f, .beta = 0.75f), or
 * .size = 5 and .alpha = 5e-4f with CNN_PYTORCH. Since 0.1.
 */
CNN_API cnn_layer *cnn_local_response_norm(cnn_context *context, const cnn_lrn_options *options);

CNN_END_DECLS

#endif
