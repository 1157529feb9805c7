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

/** Options of cnn_conv2d(); write them with CNN_CONV2D(). Input and output are N, H, W, C. */
typedef struct cnn_conv2d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;     /**< output channels; required */
    int32_t kernel[2];   /**< height, width; width 0: as the height; {0, 0}: 3 x 3 */
    int32_t stride[2];   /**< rows, columns; 0: 1, the second 0: as the first */
    int32_t dilation[2]; /**< distance of kernel cells; 0: 1, the second 0: as the first */
    int32_t groups;      /**< divides input channels and filters; 0: 1 */
    int32_t padding;     /**< a cnn_padding */
    int32_t pads[4];     /**< top, bottom, left, right */
    int32_t activation;  /**< a cnn_activation */
    float alpha;         /**< of the activation, as in cnn_activate_options */
    int32_t no_bias;     /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv2d_options;

#define CNN_CONV2D(...) CNN_OPTIONS(cnn_conv2d_options, __VA_ARGS__)

/** 2-D convolution (cross-correlation, as in all frameworks) with bias and activation. Since 0.1. */
CNN_API cnn_layer *cnn_conv2d(cnn_context *context, const cnn_conv2d_options *options);

/**
 * Options of cnn_conv1d(); write them with CNN_CONV1D(). Input and output are N, L, C: a sequence of L steps. Keras's
 * "causal" padding, where a step sees none after it, is .pads = {dilation * (kernel - 1), 0}.
 */
typedef struct cnn_conv1d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;    /**< output channels; required */
    int32_t kernel;     /**< steps; 0: 3 */
    int32_t stride;     /**< 0: 1 */
    int32_t dilation;   /**< distance of kernel cells; 0: 1 */
    int32_t groups;     /**< divides input channels and filters; 0: 1 */
    int32_t padding;    /**< a cnn_padding */
    int32_t pads[2];    /**< before, after */
    int32_t activation; /**< a cnn_activation */
    float alpha;        /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;    /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv1d_options;

#define CNN_CONV1D(...) CNN_OPTIONS(cnn_conv1d_options, __VA_ARGS__)

/** 1-D convolution of sequences. The kernel is [kernel, C / groups, filters], as Keras's; PyTorch's is
    [filters, C / groups, kernel] (and its input N, C, L). Since 0.1. */
CNN_API cnn_layer *cnn_conv1d(cnn_context *context, const cnn_conv1d_options *options);

/** Options of cnn_conv3d(); write them with CNN_CONV3D(). Input and output are N, D, H, W, C: a volume, or D pictures
    of a film. */
typedef struct cnn_conv3d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;     /**< output channels; required */
    int32_t kernel[3];   /**< depth, height, width; a 0 after the first: as the one before; {0, 0, 0}: 3 x 3 x 3 */
    int32_t stride[3];   /**< 0: 1, a 0 after the first: as the one before */
    int32_t dilation[3]; /**< likewise */
    int32_t groups;      /**< divides input channels and filters; 0: 1 */
    int32_t padding;     /**< a cnn_padding */
    int32_t pads[6];     /**< front, back, top, bottom, left, right */
    int32_t activation;  /**< a cnn_activation */
    float alpha;         /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;     /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv3d_options;

#define CNN_CONV3D(...) CNN_OPTIONS(cnn_conv3d_options, __VA_ARGS__)

/** 3-D convolution of volumes. The kernel is [D, H, W, C / groups, filters], as Keras's; PyTorch's is
    [filters, C / groups, D, H, W]. Since 0.1. */
CNN_API cnn_layer *cnn_conv3d(cnn_context *context, const cnn_conv3d_options *options);

/** Options of cnn_depthwise_conv2d(); write them with CNN_DEPTHWISE_CONV2D(). */
typedef struct cnn_depthwise_conv2d_options {
    size_t struct_size;
    const char *name;
    int32_t multiplier;  /**< output channels of each input channel (Keras's depth_multiplier); 0: 1 */
    int32_t kernel[2];   /**< height, width; width 0: as the height; {0, 0}: 3 x 3 */
    int32_t stride[2];   /**< rows, columns; 0: 1, the second 0: as the first */
    int32_t dilation[2]; /**< distance of kernel cells; 0: 1, the second 0: as the first */
    int32_t padding;     /**< a cnn_padding */
    int32_t pads[4];     /**< top, bottom, left, right */
    int32_t activation;  /**< a cnn_activation */
    float alpha;         /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;     /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_depthwise_conv2d_options;

#define CNN_DEPTHWISE_CONV2D(...) CNN_OPTIONS(cnn_depthwise_conv2d_options, __VA_ARGS__)

/**
 * Convolution of each channel by filters of its own: C channels give C * multiplier, those of the first channel first.
 *
 * The kernel is [height, width, 1, C * multiplier], value by value in the order of Keras's depthwise kernel
 * [height, width, C, multiplier]. PyTorch's Conv2d with groups = C has [C * multiplier, 1, height, width] with the same
 * order of channels: move the first two axes to the end. Since 0.1.
 */
CNN_API cnn_layer *cnn_depthwise_conv2d(cnn_context *context, const cnn_depthwise_conv2d_options *options);

/** Options of cnn_separable_conv2d(); write them with CNN_SEPARABLE_CONV2D(). */
typedef struct cnn_separable_conv2d_options {
    size_t struct_size;
    const char *name;
    int32_t filters;     /**< output channels; required */
    int32_t multiplier;  /**< channels between the two convolutions for each input channel; 0: 1 */
    int32_t kernel[2];   /**< of the first: height, width; width 0: as the height; {0, 0}: 3 x 3 */
    int32_t stride[2];   /**< of the first: rows, columns; 0: 1, the second 0: as the first */
    int32_t dilation[2]; /**< of the first: 0: 1, the second 0: as the first */
    int32_t padding;     /**< of the first: a cnn_padding */
    int32_t pads[4];     /**< of the first: top, bottom, left, right */
    int32_t activation;  /**< after the second: a cnn_activation */
    float alpha;         /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;     /**< 1: without bias */
    cnn_initializer depthwise_init;
    cnn_initializer pointwise_init;
    cnn_initializer bias_init;
    cnn_regularizer depthwise_regularizer, pointwise_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint depthwise_constraint, pointwise_constraint, bias_constraint;
} cnn_separable_conv2d_options;

#define CNN_SEPARABLE_CONV2D(...) CNN_OPTIONS(cnn_separable_conv2d_options, __VA_ARGS__)

/**
 * A depthwise convolution without bias, then a 1 x 1 convolution with bias and activation, as one layer (Chollet 2017).
 * Three parameters in the order of Keras's SeparableConv2D: depthwise_kernel [height, width, 1, C * multiplier] as
 * that of cnn_depthwise_conv2d(), pointwise_kernel [1, 1, C * multiplier, filters], bias [filters]. Since 0.1.
 */
CNN_API cnn_layer *cnn_separable_conv2d(cnn_context *context, const cnn_separable_conv2d_options *options);

/** Options of cnn_conv2d_transpose(); write them with CNN_CONV2D_TRANSPOSE(). */
typedef struct cnn_conv2d_transpose_options {
    size_t struct_size;
    const char *name;
    int32_t filters;           /**< output channels; required */
    int32_t kernel[2];         /**< height, width; width 0: as the height; {0, 0}: 3 x 3 */
    int32_t stride[2];         /**< rows, columns; 0: 1, the second 0: as the first */
    int32_t dilation[2];       /**< distance of kernel cells; 0: 1, the second 0: as the first */
    int32_t output_padding[2]; /**< rows and columns more at the end; less than the stride or the dilation; not with
                                    "same" */
    int32_t groups;            /**< divides input channels and filters; 0: 1 */
    int32_t padding;           /**< a cnn_padding: see cnn_conv2d_transpose() */
    int32_t pads[4];           /**< top, bottom, left, right: what is cut off the output */
    int32_t activation;        /**< a cnn_activation */
    float alpha;               /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;           /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv2d_transpose_options;

#define CNN_CONV2D_TRANSPOSE(...) CNN_OPTIONS(cnn_conv2d_transpose_options, __VA_ARGS__)

/**
 * Transposed 2-D convolution ("deconvolution"): the gradient of a convolution as a layer, which makes images larger.
 * With extent = dilation * (kernel - 1) + 1 the output has
 *
 *     default, explicit  (input - 1) * stride + extent - pads + output_padding   as PyTorch's ConvTranspose2d
 *     valid              input * stride + max(extent - stride, 0) + output_padding   as Keras's Conv2DTranspose
 *     same, same_lower   input * stride   as Keras's; what "same" pads at the end is cut off there
 *
 * rows or columns: the first two differ only where the stride is larger than the extent. The kernel is [height, width,
 * filters / groups, C], as Keras's; PyTorch's is [C, filters / groups, height, width]. For initializers fan_in is
 * height * width * filters / groups, as both have it. Since 0.1.
 */
CNN_API cnn_layer *cnn_conv2d_transpose(cnn_context *context, const cnn_conv2d_transpose_options *options);

/** Options of cnn_conv3d_transpose(); write them with CNN_CONV3D_TRANSPOSE(). Input and output are N, D, H, W, C. */
typedef struct cnn_conv3d_transpose_options {
    size_t struct_size;
    const char *name;
    int32_t filters;     /**< output channels; required */
    int32_t kernel[3];   /**< depth, height, width; a 0 after the first: as the one before; {0, 0, 0}: 3 x 3 x 3 */
    int32_t stride[3];   /**< of the output for each value of the input; 0: 1, a 0 after the first: as the one before */
    int32_t dilation[3]; /**< likewise */
    int32_t output_padding[3]; /**< more of the output at its end; less than stride or dilation */
    int32_t groups;            /**< divides input channels and filters; 0: 1 */
    int32_t padding;           /**< a cnn_padding, as in cnn_conv2d_transpose() */
    int32_t pads[6];           /**< front, back, top, bottom, left, right: what is cut off the output */
    int32_t activation;        /**< a cnn_activation */
    float alpha;               /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;           /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_conv3d_transpose_options;

#define CNN_CONV3D_TRANSPOSE(...) CNN_OPTIONS(cnn_conv3d_transpose_options, __VA_ARGS__)

/**
 * Transposed 3-D convolution of volumes; each side as one of cnn_conv2d_transpose(). The kernel is [D, H, W,
 * filters / groups, C], as Keras's Conv3DTranspose; PyTorch's ConvTranspose3d has [C, filters / groups, D, H, W].
 * Since 0.1.
 */
CNN_API cnn_layer *cnn_conv3d_transpose(cnn_context *context, const cnn_conv3d_transpose_options *options);

/** Options of cnn_dense(); write them with CNN_DENSE(). */
typedef struct cnn_dense_options {
    size_t struct_size;
    const char *name;
    int32_t units;      /**< outputs; required */
    int32_t activation; /**< a cnn_activation */
    float alpha;        /**< of the activation, as in cnn_activate_options */
    int32_t no_bias;    /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_dense_options;

#define CNN_DENSE(...) CNN_OPTIONS(cnn_dense_options, __VA_ARGS__)

/** Fully connected layer over the last dimension of an N, C input, with bias and activation. Since 0.1. */
CNN_API cnn_layer *cnn_dense(cnn_context *context, const cnn_dense_options *options);

/** Options of both poolings; write them with CNN_POOL2D(). Windows may overlap until each value is read 4096 times, as
    by 64x64 at a stride of 1; more is refused with CNN_ERROR_LIMIT when the model is built. So are the windows of the
    other poolings and of local response normalisation. */
typedef struct cnn_pool2d_options {
    size_t struct_size;
    const char *name;
    int32_t size[2];   /**< window height, width; width 0: as the height; {0, 0}: 2 x 2 */
    int32_t stride[2]; /**< rows, columns; 0: as the window */
    int32_t padding;   /**< a cnn_padding */
    int32_t pads[4];   /**< top, bottom, left, right; each less than the window with what lies between its cells */
    int32_t ceil;      /**< 1: round the output size up, as Caffe; a last window that would begin outside the
                            input and its left padding is dropped, as PyTorch does */
    int32_t count_include_pad; /**< mean: 1 counts explicit padding in the divisor, as PyTorch's default; 0 does
                                    not, as Keras and ONNX */
    int32_t dilation[2];       /**< distance of a window's cells, rows, columns; 0: 1, the second 0: as the first */
} cnn_pool2d_options;

#define CNN_POOL2D(...) CNN_OPTIONS(cnn_pool2d_options, __VA_ARGS__)

/** Maximum over windows; the gradient goes to the first maximum in reading order. Since 0.1. */
CNN_API cnn_layer *cnn_max_pool2d(cnn_context *context, const cnn_pool2d_options *options);

/** Mean over windows. Since 0.1. */
CNN_API cnn_layer *cnn_average_pool2d(cnn_context *context, const cnn_pool2d_options *options);

/** Options of the poolings of sequences N, L, C; write them with CNN_POOL1D(). */
typedef struct cnn_pool1d_options {
    size_t struct_size;
    const char *name;
    int32_t size;              /**< window; 0: 2 */
    int32_t stride;            /**< 0: as the window */
    int32_t padding;           /**< a cnn_padding */
    int32_t pads[2];           /**< before, after; each less than the window */
    int32_t ceil;              /**< as in cnn_pool2d_options */
    int32_t count_include_pad; /**< likewise */
    int32_t dilation;          /**< distance of a window's cells; 0: 1 */
} cnn_pool1d_options;

#define CNN_POOL1D(...) CNN_OPTIONS(cnn_pool1d_options, __VA_ARGS__)

/** Maximum over windows of a sequence N, L, C; the gradient goes to the first maximum. Since 0.1. */
CNN_API cnn_layer *cnn_max_pool1d(cnn_context *context, const cnn_pool1d_options *options);

/** Mean over windows of a sequence. Since 0.1. */
CNN_API cnn_layer *cnn_average_pool1d(cnn_context *context, const cnn_pool1d_options *options);

/** Options of the poolings of volumes N, D, H, W, C; write them with CNN_POOL3D(). */
typedef struct cnn_pool3d_options {
    size_t struct_size;
    const char *name;
    int32_t size[3];   /**< window depth, height, width; a 0 after the first: as the one before; {0, 0, 0}: 2 x 2 x 2 */
    int32_t stride[3]; /**< {0, 0, 0}: as the window; a 0 after the first: as the one before */
    int32_t padding;   /**< a cnn_padding */
    int32_t pads[6];   /**< front, back, top, bottom, left, right; each less than the window */
    int32_t ceil;      /**< as in cnn_pool2d_options */
    int32_t count_include_pad; /**< likewise */
    int32_t dilation[3];       /**< distance of a window's cells; 0: 1, a 0 after the first: as the one before */
} cnn_pool3d_options;

#define CNN_POOL3D(...) CNN_OPTIONS(cnn_pool3d_options, __VA_ARGS__)

/** Maximum over windows of a volume N, D, H, W, C; the gradient goes to the first maximum in reading order.
    Since 0.1. */
CNN_API cnn_layer *cnn_max_pool3d(cnn_context *context, const cnn_pool3d_options *options);

/** Mean over windows of a volume. Since 0.1. */
CNN_API cnn_layer *cnn_average_pool3d(cnn_context *context, const cnn_pool3d_options *options);

/** Options of layers that have none but a name; write them with CNN_NAMED(). */
typedef struct cnn_named_options {
    size_t struct_size;
    const char *name;
} cnn_named_options;

#define CNN_NAMED(...) CNN_OPTIONS(cnn_named_options, __VA_ARGS__)

/** Mean over all positions: N, H, W, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_average_pool2d(cnn_context *context, const cnn_named_options *options);

/** Maximum over all positions: N, H, W, C to N, C; the gradient goes to the first one. Since 0.1. */
CNN_API cnn_layer *cnn_global_max_pool2d(cnn_context *context, const cnn_named_options *options);

/** Options of adaptive poolings; write them with CNN_ADAPTIVE_POOL2D(). */
typedef struct cnn_adaptive_pool2d_options {
    size_t struct_size;
    const char *name;
    int32_t size[2]; /**< height and width of the output, required; width 0: as the height. May be larger than the
                          input's */
} cnn_adaptive_pool2d_options;

#define CNN_ADAPTIVE_POOL2D(...) CNN_OPTIONS(cnn_adaptive_pool2d_options, __VA_ARGS__)

/**
 * Mean over windows that cover the input, to an output of the given size: window i along a side of `in` values begins
 * at floor(i in / out) and ends before ceil((i + 1) in / out), as PyTorch's AdaptiveAvgPool2d. Windows overlap where
 * the sizes do not divide. Since 0.1.
 */
CNN_API cnn_layer *cnn_adaptive_average_pool2d(cnn_context *context, const cnn_adaptive_pool2d_options *options);

/** Maximum over the windows of cnn_adaptive_average_pool2d(); the gradient goes to the first one. Since 0.1. */
CNN_API cnn_layer *cnn_adaptive_max_pool2d(cnn_context *context, const cnn_adaptive_pool2d_options *options);

/** Options of cnn_reshape(); write them with CNN_RESHAPE(). */
typedef struct cnn_reshape_options {
    size_t struct_size;
    const char *name;
    int32_t shape[7]; /**< of the output without the batch, up to the first 0; one of them may be -1: as large as the
                           values ask for */
    int32_t rows;     /**< 1: as many rows as the values ask for, as PyTorch's view(-1, ...): a sample may become
                           several rows of the batch, or several rows one again */
} cnn_reshape_options;

#define CNN_RESHAPE(...) CNN_OPTIONS(cnn_reshape_options, __VA_ARGS__)

/**
 * The same values in another shape: N, a, b, ... to N, `shape`, row by row as they lie in memory (as Keras's Reshape).
 *
 * With `rows` the first dimension is what is left: N, 3, 3, 512 with the shape {512} gives 9 N, 512. Layers after
 * it see 9 N samples, batch normalisation counts them so, and cnn_model_output_shape() and cnn_model_value_shape()
 * of such a layer have the rows of one sample as their first dimension: {9, 512}. A session has its values and
 * gradients row by row, 9 for each sample; what gives a sample one label or one prediction (losses, evaluation,
 * prediction of images) refuses such an output with CNN_ERROR_SHAPE. Inputs of one layer need the same number of
 * rows. Since 0.1.
 */
CNN_API cnn_layer *cnn_reshape(cnn_context *context, const cnn_reshape_options *options);

/** Options of cnn_permute(); write them with CNN_PERMUTE(). */
typedef struct cnn_permute_options {
    size_t struct_size;
    const char *name;
    int32_t order[7]; /**< axis i of the output is axis order[i] of the input, counted from 1: the batch is axis 0 and
                           stays. Up to the first 0; required */
} cnn_permute_options;

#define CNN_PERMUTE(...) CNN_OPTIONS(cnn_permute_options, __VA_ARGS__)

/** Axes in another order, as Keras's Permute: with {2, 1} the input N, a, b becomes N, b, a. Since 0.1. */
CNN_API cnn_layer *cnn_permute(cnn_context *context, const cnn_permute_options *options);

/** Options of cnn_channel_shuffle(); write them with CNN_CHANNEL_SHUFFLE(). */
typedef struct cnn_channel_shuffle_options {
    size_t struct_size;
    const char *name;
    int32_t groups; /**< required; divides the channels */
} cnn_channel_shuffle_options;

#define CNN_CHANNEL_SHUFFLE(...) CNN_OPTIONS(cnn_channel_shuffle_options, __VA_ARGS__)

/** The channels of the last dimension, one of each group in turn (ShuffleNet, Zhang et al. 2018; PyTorch's
    ChannelShuffle). Since 0.1. */
CNN_API cnn_layer *cnn_channel_shuffle(cnn_context *context, const cnn_channel_shuffle_options *options);

/** Options of cnn_up_sampling2d(); write them with CNN_UP_SAMPLING2D(). */
typedef struct cnn_up_sampling2d_options {
    size_t struct_size;
    const char *name;
    int32_t factor[2];     /**< rows, columns; the second 0: as the first; {0, 0}: 2 x 2 */
    int32_t interpolation; /**< a cnn_resample_mode */
    int32_t align_corners; /**< of CNN_RESAMPLE_BILINEAR: 1: the centres of the corner pixels stay where they are
                                (PyTorch's align_corners=True); 0: the corners do (PyTorch's default, Keras) */
} cnn_up_sampling2d_options;

#define CNN_UP_SAMPLING2D(...) CNN_OPTIONS(cnn_up_sampling2d_options, __VA_ARGS__)

/** Images enlarged by whole factors, as Keras's UpSampling2D and PyTorch's Upsample. Since 0.1. */
CNN_API cnn_layer *cnn_up_sampling2d(cnn_context *context, const cnn_up_sampling2d_options *options);

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

/** Options of cnn_cropping2d(); write them with CNN_CROPPING2D(). */
typedef struct cnn_cropping2d_options {
    size_t struct_size;
    const char *name;
    int32_t crops[4]; /**< rows at the top and the bottom, columns at the left and the right; at least 0 */
} cnn_cropping2d_options;

#define CNN_CROPPING2D(...) CNN_OPTIONS(cnn_cropping2d_options, __VA_ARGS__)

/** Images without some of their rows and columns, as Keras's Cropping2D. Since 0.1. */
CNN_API cnn_layer *cnn_cropping2d(cnn_context *context, const cnn_cropping2d_options *options);

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

/** Options of cnn_slice(); write them with CNN_SLICE(). */
typedef struct cnn_slice_options {
    size_t struct_size;
    const char *name;
    int32_t start[7]; /**< first index along each axis after the batch; below 0: counted from the end */
    int32_t size[7];  /**< how many are taken; 0: all that the step reaches */
    int32_t step[7];  /**< from one to the next, may be below 0; 0: 1 */
} cnn_slice_options;

#define CNN_SLICE(...) CNN_OPTIONS(cnn_slice_options, __VA_ARGS__)

/** A part of each sample. Since 0.1. */
CNN_API cnn_layer *cnn_slice(cnn_context *context, const cnn_slice_options *options);

/** Options of cnn_pad(); write them with CNN_PAD(). */
typedef struct cnn_pad_options {
    size_t struct_size;
    const char *name;
    int32_t pads[14]; /**< before and after the first axis behind the batch, before and after the next, ...; below 0:
                           cut off */
    int32_t border;   /**< a cnn_border: what is there */
    float value;      /**< of CNN_BORDER_VALUE */
} cnn_pad_options;

#define CNN_PAD(...) CNN_OPTIONS(cnn_pad_options, __VA_ARGS__)

/** Values around each sample, along any of its axes; cnn_zero_pad2d() is faster where it does. Since 0.1. */
CNN_API cnn_layer *cnn_pad(cnn_context *context, const cnn_pad_options *options);

/** Which place of the input an output of cnn_resize() is made of, by ONNX's names; `scale` is output by input. The
    numbers are frozen: model files hold their names. */
typedef enum cnn_resize_places {
    CNN_PLACES_HALF_PIXEL = 0,         /**< (i + 0.5) / scale - 0.5 */
    CNN_PLACES_PYTORCH_HALF_PIXEL = 1, /**< likewise, and 0 where the output has one value */
    CNN_PLACES_ALIGN_CORNERS = 2,      /**< i (in - 1) / (out - 1) */
    CNN_PLACES_ASYMMETRIC = 3,         /**< i / scale */
    CNN_PLACES_TF_HALF_PIXEL = 4,      /**< (i + 0.5) / scale */
    CNN_PLACES_CROP = 5                /**< from roi[0] to roi[1] of the axis, which is from 0 to 1 */
} cnn_resize_places;

/** Options of cnn_resize(); write them with CNN_RESIZE(). */
typedef struct cnn_resize_options {
    size_t struct_size;
    const char *name;
    int32_t size[7];  /**< of the output along each axis after the batch; 0: by the scale */
    float scale[7];   /**< output by input; the size is rounded down. 0: by the size, or 1 if that is 0 too */
    int32_t mode;     /**< a cnn_sample_mode: 0 is CNN_SAMPLE_NEAREST */
    int32_t places;   /**< a cnn_resize_places */
    int32_t rounding; /**< of CNN_SAMPLE_NEAREST, a cnn_sample_rounding */
    int32_t exclude;  /**< of CNN_SAMPLE_CUBIC: 1 leaves out what is outside */
    float cubic;      /**< of CNN_SAMPLE_CUBIC, the polynomial's parameter; 0: -0.75 */
    float roi[14];    /**< of CNN_PLACES_CROP: begin and end for each axis */
    float value;      /**< of CNN_PLACES_CROP: what is outside */
} cnn_resize_options;

#define CNN_RESIZE(...) CNN_OPTIONS(cnn_resize_options, __VA_ARGS__)

/** Samples at another size, axis by axis, as ONNX's Resize; cnn_up_sampling2d() is faster where it does. Since 0.1. */
CNN_API cnn_layer *cnn_resize(cnn_context *context, const cnn_resize_options *options);

/** Options of cnn_depth_to_space() and cnn_space_to_depth(); write them with CNN_DEPTH_SPACE(). */
typedef struct cnn_depth_space_options {
    size_t struct_size;
    const char *name;
    int32_t block; /**< rows and columns of a block; required */
    int32_t
        channels_first; /**< of a pixel's channels in depth: 0: block by block all channels (TensorFlow, ONNX's DCR);
                                 1: channel by channel all of a block (PyTorch's PixelShuffle, ONNX's CRD) */
} cnn_depth_space_options;

#define CNN_DEPTH_SPACE(...) CNN_OPTIONS(cnn_depth_space_options, __VA_ARGS__)

/** Channels become blocks of pixels: N, H, W, block^2 C to N, block H, block W, C. Since 0.1. */
CNN_API cnn_layer *cnn_depth_to_space(cnn_context *context, const cnn_depth_space_options *options);

/** Blocks of pixels become channels: the reverse of cnn_depth_to_space(). Since 0.1. */
CNN_API cnn_layer *cnn_space_to_depth(cnn_context *context, const cnn_depth_space_options *options);

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

/** Mean over all steps: N, L, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_average_pool1d(cnn_context *context, const cnn_named_options *options);

/** Maximum over all steps: N, L, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_max_pool1d(cnn_context *context, const cnn_named_options *options);

/** Mean over all positions: N, D, H, W, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_average_pool3d(cnn_context *context, const cnn_named_options *options);

/** Maximum over all positions: N, D, H, W, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_max_pool3d(cnn_context *context, const cnn_named_options *options);

/** N, H, W, C to N, H * W * C in H, W, C order (as Keras; PyTorch's order is C, H, W); sequences and volumes likewise.
    Since 0.1. */
CNN_API cnn_layer *cnn_flatten(cnn_context *context, const cnn_named_options *options);

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

/** Options of cnn_zero_pad2d(); write them with CNN_ZERO_PAD2D(). */
typedef struct cnn_zero_pad2d_options {
    size_t struct_size;
    const char *name;
    int32_t pads[4]; /**< top, bottom, left, right; at least 0 */
} cnn_zero_pad2d_options;

#define CNN_ZERO_PAD2D(...) CNN_OPTIONS(cnn_zero_pad2d_options, __VA_ARGS__)

/** Rows and columns of zeros around each image. Since 0.1. */
CNN_API cnn_layer *cnn_zero_pad2d(cnn_context *context, const cnn_zero_pad2d_options *options);

/** Options of cnn_zero_pad1d(); write them with CNN_ZERO_PAD1D(). */
typedef struct cnn_zero_pad1d_options {
    size_t struct_size;
    const char *name;
    int32_t pads[2]; /**< before, after; at least 0 */
} cnn_zero_pad1d_options;

#define CNN_ZERO_PAD1D(...) CNN_OPTIONS(cnn_zero_pad1d_options, __VA_ARGS__)

/** Steps of zeros at both ends of a sequence N, L, C. Since 0.1. */
CNN_API cnn_layer *cnn_zero_pad1d(cnn_context *context, const cnn_zero_pad1d_options *options);

/** Options of cnn_zero_pad3d(); write them with CNN_ZERO_PAD3D(). */
typedef struct cnn_zero_pad3d_options {
    size_t struct_size;
    const char *name;
    int32_t pads[6]; /**< front, back, top, bottom, left, right; at least 0 */
} cnn_zero_pad3d_options;

#define CNN_ZERO_PAD3D(...) CNN_OPTIONS(cnn_zero_pad3d_options, __VA_ARGS__)

/** Zeros around each volume N, D, H, W, C. Since 0.1. */
CNN_API cnn_layer *cnn_zero_pad3d(cnn_context *context, const cnn_zero_pad3d_options *options);

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

/** Inputs that are alike in all but the last dimension, side by side in it, in the order of the inputs. Since 0.1. */
CNN_API cnn_layer *cnn_concatenate(cnn_context *context, const cnn_named_options *options);

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

/** How cnn_graph_conv() normalises an adjacency matrix A. The numbers are frozen: model files hold their names. */
typedef enum cnn_graph_normalization {
    CNN_GRAPH_UNDIRECTED = 0, /**< D^-1/2 (A + I) D^-1/2 with the row sums D of A + I (Kipf and Welling 2017) */
    CNN_GRAPH_DIRECTED = 1,   /**< D^-1 A with the row sums D of A: the mean over the nodes that a node points to */
    CNN_GRAPH_GIVEN = 2       /**< A itself: it was normalised before */
} cnn_graph_normalization;

/** Options of cnn_graph_conv(); write them with CNN_GRAPH_CONV(). */
typedef struct cnn_graph_conv_options {
    size_t struct_size;
    const char *name;
    int32_t units;         /**< features of a node afterwards; required */
    int32_t normalization; /**< a cnn_graph_normalization */
    int32_t activation;    /**< a cnn_activation */
    float alpha;           /**< of activations that have one, as in cnn_conv2d_options */
    int32_t no_bias;       /**< 1: without bias */
    cnn_initializer kernel_init;
    cnn_initializer bias_init;
    cnn_regularizer kernel_regularizer, bias_regularizer;
    cnn_regularizer activity_regularizer; /**< of the output, behind the activation */
    cnn_constraint kernel_constraint, bias_constraint;
} cnn_graph_conv_options;

#define CNN_GRAPH_CONV(...) CNN_OPTIONS(cnn_graph_conv_options, __VA_ARGS__)

/**
 * Graph convolution: y = act(A' X W + b), for graphs of V nodes. It has two inputs, named in this order:
 *
 *     features   X, N, V, C: the features of each node
 *     adjacency  A, N, V, V: row i has the weights of the edges from node i, 0 where there is none
 *
 *     cnn_model_create(context, CNN_MODEL(.shape = {2, 0, {34, 34}}, .input_name = "features"), &model);
 *     cnn_model_add_input(model, "adjacency", &(cnn_shape){2, 0, {34, 34}});
 *     cnn_model_add_after(model, cnn_graph_conv(context, CNN_GRAPH_CONV(.units = 4, .activation = CNN_TANH)),
 *                         (const char *[]){"features", "adjacency"}, 2);
 *
 * A' is the adjacency as `normalization` says; a row whose sum is not above 0 counts as a node without edges, and is 0.
 * W is the parameter "kernel" [C, units]. Every sample is a graph of its own; smaller graphs are filled up with nodes
 * that have no edges. The gradient by the adjacency is there for who asks for it. Output: N, V, units. Since 0.1.
 */
CNN_API cnn_layer *cnn_graph_conv(cnn_context *context, const cnn_graph_conv_options *options);

/** Frees a layer that was not added to a model; NULL is allowed. Since 0.1. */
CNN_API void cnn_layer_free(cnn_layer *layer);

/* ---- a caller's own layer ---- */

/** Most parameters and most inputs of one layer. */
#define CNN_LAYER_MAX_PARAMETERS 8
#define CNN_LAYER_MAX_INPUTS 16

/** One parameter of a layer. This struct is frozen, and so are the two numbers above: cnn_layer_spec holds it by
    value. */
typedef struct cnn_parameter_spec {
    const char *name;           /**< "kernel", "bias", ...; static storage */
    cnn_shape shape;
    cnn_initializer init;
    int64_t fan_in, fan_out;    /**< for the initializer */
    int32_t trainable;          /**< 0: a statistic that the layer itself updates */
    int32_t decay;              /**< 1: weight decay applies even when biases are left out of it */
    int32_t type;               /**< a cnn_element_type; only CNN_FLOAT32 so far */
    int32_t reserved;           /**< zero */
} cnn_parameter_spec;

/** What the loss and the steps of an optimizer do with a parameter beyond its gradient. This struct is frozen. */
typedef struct cnn_parameter_rules {
    cnn_regularizer regularizer;
    cnn_constraint constraint; /**< its defaults filled in: `axes` not 0, but for CNN_CONSTRAINT_NON_NEGATIVE */
} cnn_parameter_rules;

/** What a layer says when shapes are inferred. Zeroed before `infer` is called. */
typedef struct cnn_layer_spec {
    size_t struct_size;
    cnn_shape output;          /**< with the batch as dims[0] */
    uint32_t parameter_count;
    uint32_t reserved;
    cnn_parameter_spec parameters[CNN_LAYER_MAX_PARAMETERS];
    size_t saved_size;         /**< bytes kept from forward to backward */
    size_t workspace_size;     /**< bytes of scratch for a forward or backward call */
    int32_t in_place;          /**< 1: output may be the first input; never if that is a further input too */
    int32_t backward_needs_input;  /**< 1: `backward` reads the inputs */
    int32_t backward_needs_output; /**< 1: `backward` reads the output */
    int32_t changes_rows;      /**< 1: dims[0] of the output may be another multiple of the number of samples than
                                    that of the inputs; see cnn_reshape() */
    cnn_op_answer answer;      /**< cnn_backend_query()'s about the operation that the layer is, for its calls; zeros if
                                    it asked nothing */
    cnn_parameter_rules rules[CNN_LAYER_MAX_PARAMETERS]; /**< of the parameters of the same numbers, where they are
                                                              trainable */
    cnn_regularizer activity_regularizer;                /**< of the output */
} cnn_layer_spec;

/** One forward or backward call of a layer. */
typedef struct cnn_layer_call {
    size_t struct_size;
    const cnn_backend_call *backend;  /**< arithmetic, threads and workspace, for cnn_backend_run(). Arrays may be
                                           handles of a backend that owns its memory: see cnn/backend.h */
    int32_t training;                 /**< 1: training behaviour; gradients may be asked for with 0 as well */
    uint32_t input_count;
    const cnn_shape *input_shapes;    /**< with the number of samples of this call as dims[0] */
    cnn_shape output_shape;           /**< likewise */
    const float *const *inputs;
    float *output;                    /**< forward: to be written. backward: as it was written */
    float *output_gradient;           /**< backward only; may be overwritten */
    float *const *input_gradients;    /**< backward only, to be overwritten; an entry is NULL where none is needed */
    float *const *parameters;
    float *const *parameter_gradients; /**< backward only, to be overwritten; an entry is NULL where none is needed */
    void *saved;                      /**< saved_size bytes; NULL in inference without gradients */
    uint64_t key[2];                  /**< of this layer's random numbers in this step */
    int32_t frozen;                   /**< 1 if none of the layer's parameters is trained */
    int32_t derived;                  /**< backward of the library's own layers: 1 if the derivative of a folded
                                           activation is in output_gradient already; a caller's layer ignores it */
    const cnn_op_answer *answer;      /**< the spec's, for the arguments of the operation; NULL if it has none */
    uint64_t before;                  /**< samples that lie before these in the whole batch, where several processes
                                           have a part of it each: random numbers are those of the whole one */
    /** Adds values over all processes that have a part of the batch, in place, for statistics of the whole one; NULL:
        those of these samples are wanted, as always of a caller's layer. */
    cnn_status (*sum)(void *user, double *values, size_t count);
    void *sum_user;
} cnn_layer_call;

/**
 * A kind of layer: what the library's own layers are made of, and a caller's.
 * Functions may be called from several threads at the same time; `user` is
 * read only, except in `destroy`.
 */
typedef struct cnn_layer_kind {
    size_t struct_size;
    const char *type;   /**< as the summary names it, "Conv2D"; static storage */
    const char *prefix; /**< of automatic names, "conv2d"; static storage */
    /** Checks the input shapes (the batch is dims[0]) and fills `spec`. On a mismatch writes the reason to
        `reason` (`reason_size` bytes) and returns a status. `backend` and `threads` are for
        cnn_backend_query(). */
    cnn_status (*infer)(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size);
    cnn_status (*forward)(const void *user, const cnn_layer_call *call);
    cnn_status (*backward)(const void *user, const cnn_layer_call *call);
    void (*destroy)(void *user); /**< may be NULL */
} cnn_layer_kind;

/**
 * A custom layer. `kind` is copied; `user` is handed to its functions
 * and destroyed with the layer. Models that hold such a layer train and run,
 * and cnn_model_save() returns CNN_ERROR_UNSUPPORTED naming it. Since 0.1.
 */
CNN_API cnn_layer *cnn_custom_layer(cnn_context *context, const cnn_layer_kind *kind, void *user, const char *name);

CNN_END_DECLS

#endif
