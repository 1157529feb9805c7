/* SPDX-License-Identifier: MIT */
/** What all layer constructors share: paddings, initializers, regularizers, constraints. */
#ifndef CNN_LAYER_COMMON_H
#define CNN_LAYER_COMMON_H

#include <cnn/backend.h>
#include <cnn/common.h>
#include <cnn/context.h>

CNN_BEGIN_DECLS

typedef struct cnn_layer cnn_layer;

/** How a window meets the border. */
typedef enum cnn_padding {
    CNN_PADDING_DEFAULT = 0,    /**< valid, or explicit if any of `pads` is not 0 */
    CNN_PADDING_VALID = 1,      /**< no padding */
    CNN_PADDING_SAME = 2,       /**< output = ceil(input / stride); an odd pixel goes to the end, as TensorFlow,
                                     Keras and PyTorch's "same" */
    CNN_PADDING_SAME_LOWER = 3, /**< the same with the odd pixel at the start */
    CNN_PADDING_EXPLICIT = 4    /**< `pads` */
} cnn_padding;

/** How parameters begin. The numbers are frozen: model files hold their names. */
typedef enum cnn_initializer_kind {
    CNN_INIT_DEFAULT = 0,        /**< Glorot uniform for weights, 0 for biases, as Keras */
    CNN_INIT_GLOROT_UNIFORM = 1, /**< U(-a, a), a = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010) */
    CNN_INIT_GLOROT_NORMAL = 2,  /**< truncated normal of standard deviation sqrt(2 / (fan_in + fan_out)) */
    CNN_INIT_HE_UNIFORM = 3,     /**< U(-a, a), a = sqrt(6 / fan_in) (He et al. 2015) */
    CNN_INIT_HE_NORMAL = 4,      /**< truncated normal of standard deviation sqrt(2 / fan_in) */
    CNN_INIT_NORMAL = 5,         /**< N(0, value^2) */
    CNN_INIT_CONSTANT = 6,       /**< `value` everywhere */
    CNN_INIT_PYTORCH = 7,        /**< U(-a, a), a = 1 / sqrt(fan_in), weights and biases alike */
    CNN_INIT_UNIFORM = 8,        /**< U(-value, value) */
    CNN_INIT_DIRAC = 9           /**< of convolutions: filter i passes input channel i on, as far as there are both
                                      (PyTorch's dirac_()); filters beyond begin as CNN_INIT_PYTORCH */
} cnn_initializer_kind;

/**
 * An initializer. fan_in is kernel area * input channels / groups, fan_out is
 * kernel area * output channels / groups; truncated normals are cut at two
 * standard deviations and rescaled so that the standard deviation is the stated
 * one, as Keras does. This struct is frozen.
 */
typedef struct cnn_initializer {
    int32_t kind; /**< a cnn_initializer_kind */
    float value;  /**< of NORMAL, CONSTANT and UNIFORM */
} cnn_initializer;

/**
 * A penalty that is part of the loss, Keras's L1L2: l1 * sum(|x|) + l2 * sum(x^2). Of a parameter it is over all of
 * its values, whatever the batch; of what a layer gives (its activity, behind its activation) over all of its values
 * and divided by the number of samples. Three scales of L2 are in use: this one adds 2 * l2 * w to the gradient of w;
 * weight_decay of the optimizers, PyTorch's, and lambda of lambda * tf.nn.l2_loss(w) add it once, so that they are
 * twice the l2 here. 0 is no penalty, which costs nothing. This struct is frozen.
 *
 * The penalties of all parameters count, also of frozen ones, and are in what cnn_session_loss(), cnn_fit() and
 * cnn_evaluate() report as the loss, as in Keras; cnn_session_penalty() tells them apart.
 */
typedef struct cnn_regularizer {
    float l1, l2; /**< at least 0 */
} cnn_regularizer;

/**
 * What a parameter is held to after each step of an optimizer, whichever it is, as by Keras's constraints; frozen
 * parameters and initial values are left as they are. Norms are those of the values along `axes`: of a dense kernel
 * {inputs, units} over axis 0 for each unit; of a convolution's {height, width, inputs, filters} over the axes 0, 1 and
 * 2 (7) for each filter. This struct is frozen.
 */
typedef struct cnn_constraint {
    int32_t kind;  /**< a cnn_constraint_kind of cnn/backend.h; 0: none */
    uint32_t axes; /**< of the norm: bit i stands for axis i; 0: axis 0 alone, which is Keras's default too */
    float low;     /**< MIN_MAX_NORM: the least norm, Keras's min_value */
    float high;    /**< MAX_NORM: the largest norm, 0: 2; MIN_MAX_NORM: likewise, 0: 1; Keras's max_value */
    float rate;    /**< MIN_MAX_NORM: share of the way that norms go in a step, up to 1; 0: 1 */
} cnn_constraint;

/** Options of layers that have none but a name; write them with CNN_NAMED(). */
typedef struct cnn_named_options {
    size_t struct_size;
    const char *name;
} cnn_named_options;

#define CNN_NAMED(...) CNN_OPTIONS(cnn_named_options, __VA_ARGS__)

/** Frees a layer that was not added to a model; NULL is allowed. Since 0.1. */
CNN_API void cnn_layer_free(cnn_layer *layer);

CNN_END_DECLS

#endif
