/* SPDX-License-Identifier: MIT */
/** Layers that pool: in windows, over all positions, to a given size. How layers are made: cnn/layer.h. */
#ifndef CNN_LAYER_POOL_H
#define CNN_LAYER_POOL_H

#include <cnn/layer_common.h>

CNN_BEGIN_DECLS

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

/** Mean over all steps: N, L, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_average_pool1d(cnn_context *context, const cnn_named_options *options);

/** Maximum over all steps: N, L, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_max_pool1d(cnn_context *context, const cnn_named_options *options);

/** Mean over all positions: N, D, H, W, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_average_pool3d(cnn_context *context, const cnn_named_options *options);

/** Maximum over all positions: N, D, H, W, C to N, C. Since 0.1. */
CNN_API cnn_layer *cnn_global_max_pool3d(cnn_context *context, const cnn_named_options *options);

CNN_END_DECLS

#endif
