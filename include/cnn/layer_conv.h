/* SPDX-License-Identifier: MIT */
/** Layers of products: convolutions, dense layers, graph convolutions. How layers are made: cnn/layer.h. */
#ifndef CNN_LAYER_CONV_H
#define CNN_LAYER_CONV_H

#include <cnn/layer_common.h>

CNN_BEGIN_DECLS

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

CNN_END_DECLS

#endif
