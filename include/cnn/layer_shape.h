/* SPDX-License-Identifier: MIT */
/** Layers that move values and make none: shapes, axes, borders, parts, sizes. How layers are made: cnn/layer.h. */
#ifndef CNN_LAYER_SHAPE_H
#define CNN_LAYER_SHAPE_H

#include <cnn/layer_common.h>

CNN_BEGIN_DECLS

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

/** Options of cnn_cropping2d(); write them with CNN_CROPPING2D(). */
typedef struct cnn_cropping2d_options {
    size_t struct_size;
    const char *name;
    int32_t crops[4]; /**< rows at the top and the bottom, columns at the left and the right; at least 0 */
} cnn_cropping2d_options;

#define CNN_CROPPING2D(...) CNN_OPTIONS(cnn_cropping2d_options, __VA_ARGS__)

/** Images without some of their rows and columns, as Keras's Cropping2D. Since 0.1. */
CNN_API cnn_layer *cnn_cropping2d(cnn_context *context, const cnn_cropping2d_options *options);

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

/** N, H, W, C to N, H * W * C in H, W, C order (as Keras; PyTorch's order is C, H, W); sequences and volumes likewise.
    Since 0.1. */
CNN_API cnn_layer *cnn_flatten(cnn_context *context, const cnn_named_options *options);

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

/** Inputs that are alike in all but the last dimension, side by side in it, in the order of the inputs. Since 0.1. */
CNN_API cnn_layer *cnn_concatenate(cnn_context *context, const cnn_named_options *options);

CNN_END_DECLS

#endif
