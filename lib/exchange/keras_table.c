/* SPDX-License-Identifier: MIT */
/* Keras's layers and ours: a table of classes, and for each the names of its options. It is read in both directions; a
 * layer that Keras and this library both have is a line with its keys. */
#include "exchange/keras_table.h"

/* How values become fields, see the header. */
enum {
    WHOLE = CNN__KERAS_WHOLE,
    REAL = CNN__KERAS_REAL,
    NUMBER = CNN__KERAS_NUMBER,
    PAIR = CNN__KERAS_PAIR,
    SINGLE = CNN__KERAS_SINGLE,
    TRIPLE = CNN__KERAS_TRIPLE,
    ROWS = CNN__KERAS_ROWS,
    NOT = CNN__KERAS_NOT,
    PADDING = CNN__KERAS_PADDING,
    ACTIVATION = CNN__KERAS_ACTIVATION,
    SLOPE = CNN__KERAS_SLOPE,
    BORDERS = CNN__KERAS_BORDERS,
    LAST_AXIS = CNN__KERAS_LAST_AXIS,
    FALSE_ONLY = CNN__KERAS_FALSE_ONLY,
    TRUE_ONLY = CNN__KERAS_TRUE_ONLY,
    TOLD = CNN__KERAS_TOLD,
};

#define END               \
    {                     \
        NULL, WHOLE, NULL \
    }

static const cnn__keras_key no_keys[] = {END};
static const cnn__keras_key conv2d_keys[] = {{"filters", WHOLE, "filters"},
                                             {"kernel_size", PAIR, "kernel"},
                                             {"strides", PAIR, "stride"},
                                             {"padding", PADDING, "padding"},
                                             {"dilation_rate", PAIR, "dilation"},
                                             {"groups", WHOLE, "groups"},
                                             {"activation", ACTIVATION, "activation"},
                                             {"use_bias", NOT, "no_bias"},
                                             {"nb_filter", WHOLE, "filters"},
                                             {"nb_row", ROWS, "kernel"},
                                             {"nb_col", ROWS, NULL},
                                             {"subsample", PAIR, "stride"},
                                             {"border_mode", PADDING, "padding"},
                                             {"atrous_rate", PAIR, "dilation"},
                                             {"bias", NOT, "no_bias"},
                                             END};
static const cnn__keras_key grouped_keys[] = {
    {"kernel_size", PAIR, "kernel"},           {"strides", PAIR, "stride"},
    {"padding", PADDING, "padding"},           {"dilation_rate", PAIR, "dilation"},
    {"activation", ACTIVATION, "activation"},  {"use_bias", NOT, "no_bias"},
    {"depth_multiplier", WHOLE, "multiplier"}, END};
static const cnn__keras_key separable_keys[] = {{"filters", WHOLE, "filters"},
                                                {"kernel_size", PAIR, "kernel"},
                                                {"strides", PAIR, "stride"},
                                                {"padding", PADDING, "padding"},
                                                {"dilation_rate", PAIR, "dilation"},
                                                {"activation", ACTIVATION, "activation"},
                                                {"use_bias", NOT, "no_bias"},
                                                {"depth_multiplier", WHOLE, "multiplier"},
                                                END};
static const cnn__keras_key transpose_keys[] = {{"filters", WHOLE, "filters"},
                                                {"kernel_size", PAIR, "kernel"},
                                                {"strides", PAIR, "stride"},
                                                {"padding", PADDING, "padding"},
                                                {"output_padding", PAIR, "output_padding"},
                                                {"dilation_rate", PAIR, "dilation"},
                                                {"activation", ACTIVATION, "activation"},
                                                {"use_bias", NOT, "no_bias"},
                                                END};
static const cnn__keras_key transpose3d_keys[] = {{"filters", WHOLE, "filters"},
                                                  {"kernel_size", TRIPLE, "kernel"},
                                                  {"strides", TRIPLE, "stride"},
                                                  {"padding", PADDING, "padding"},
                                                  {"output_padding", TRIPLE, "output_padding"},
                                                  {"dilation_rate", TRIPLE, "dilation"},
                                                  {"activation", ACTIVATION, "activation"},
                                                  {"use_bias", NOT, "no_bias"},
                                                  END};
static const cnn__keras_key conv1d_keys[] = {{"filters", WHOLE, "filters"},
                                             {"kernel_size", SINGLE, "kernel"},
                                             {"strides", SINGLE, "stride"},
                                             {"padding", PADDING, "padding"},
                                             {"dilation_rate", SINGLE, "dilation"},
                                             {"groups", WHOLE, "groups"},
                                             {"activation", ACTIVATION, "activation"},
                                             {"use_bias", NOT, "no_bias"},
                                             END};
static const cnn__keras_key conv3d_keys[] = {{"filters", WHOLE, "filters"},
                                             {"kernel_size", TRIPLE, "kernel"},
                                             {"strides", TRIPLE, "stride"},
                                             {"padding", PADDING, "padding"},
                                             {"dilation_rate", TRIPLE, "dilation"},
                                             {"groups", WHOLE, "groups"},
                                             {"activation", ACTIVATION, "activation"},
                                             {"use_bias", NOT, "no_bias"},
                                             END};
static const cnn__keras_key pool1d_keys[] = {
    {"pool_size", SINGLE, "size"}, {"strides", SINGLE, "stride"}, {"padding", PADDING, "padding"}, END};
static const cnn__keras_key pool3d_keys[] = {
    {"pool_size", TRIPLE, "size"}, {"strides", TRIPLE, "stride"}, {"padding", PADDING, "padding"}, END};
static const cnn__keras_key elu_keys[] = {{"alpha", SLOPE, "alpha"}, END};
static const cnn__keras_key dense_keys[] = {{"units", WHOLE, "units"},    {"activation", ACTIVATION, "activation"},
                                            {"use_bias", NOT, "no_bias"}, {"output_dim", WHOLE, "units"},
                                            {"bias", NOT, "no_bias"},     END};
static const cnn__keras_key norm_keys[] = {{"axis", LAST_AXIS, NULL},      {"momentum", NUMBER, "keep"},
                                           {"epsilon", NUMBER, "epsilon"}, {"center", NOT, "no_shift"},
                                           {"scale", NOT, "no_scale"},     {"mode", FALSE_ONLY, NULL},
                                           {"renorm", FALSE_ONLY, NULL},   END};
static const cnn__keras_key pool_keys[] = {{"pool_size", PAIR, "size"},
                                           {"strides", PAIR, "stride"},
                                           {"padding", PADDING, "padding"},
                                           {"border_mode", PADDING, "padding"},
                                           END};
static const cnn__keras_key global_keys[] = {{"keepdims", FALSE_ONLY, NULL}, END};
static const cnn__keras_key kept_keys[] = {{"keepdims", TRUE_ONLY, NULL}, END};
static const cnn__keras_key dropout_keys[] = {{"rate", REAL, "rate"}, {"p", REAL, "rate"}, END};
static const cnn__keras_key pad_keys[] = {{"padding", BORDERS, "pads"}, END};
static const cnn__keras_key pad1d_keys[] = {{"padding", CNN__KERAS_BORDERS1, "pads"}, END};
static const cnn__keras_key pad3d_keys[] = {{"padding", CNN__KERAS_BORDERS3, "pads"}, END};
static const cnn__keras_key concatenate_keys[] = {{"axis", LAST_AXIS, NULL}, END};
static const cnn__keras_key activation_keys[] = {{"activation", ACTIVATION, "activation"}, END};
static const cnn__keras_key softmax_keys[] = {{"axis", LAST_AXIS, NULL}, END};
static const cnn__keras_key leaky_keys[] = {{"alpha", SLOPE, "alpha"}, {"negative_slope", SLOPE, "alpha"}, END};
static const cnn__keras_key relu_keys[] = {
    {"max_value", TOLD, NULL}, {"negative_slope", TOLD, NULL}, {"threshold", TOLD, NULL}, END};
static const cnn__keras_key crop_keys[] = {{"cropping", BORDERS, "crops"}, END};
static const cnn__keras_key up_sampling_keys[] = {{"size", PAIR, "factor"}, {"interpolation", TOLD, NULL}, END};
static const cnn__keras_key reshape_keys[] = {{"target_shape", TOLD, NULL}, END};
static const cnn__keras_key permute_keys[] = {{"dims", TOLD, NULL}, END};
static const cnn__keras_key rescaling_keys[] = {{"scale", TOLD, NULL}, {"offset", TOLD, NULL}, END};
static const cnn__keras_key prelu_keys[] = {{"shared_axes", TOLD, NULL}, END};

/* The first class of a type that fits is the one that is written. */
const cnn__keras_class cnn__keras_classes[] = {
    {"Conv2D", "Conv2D", conv2d_keys, NULL, NULL, NULL, NULL},
    {"Conv1D", "Conv1D", conv1d_keys, NULL, NULL, NULL, NULL},
    {"Conv3D", "Conv3D", conv3d_keys, NULL, NULL, NULL, NULL},
    {"Conv2DTranspose", "Conv2DTranspose", transpose_keys, NULL, NULL, NULL, NULL},
    {"Conv3DTranspose", "Conv3DTranspose", transpose3d_keys, NULL, NULL, NULL, NULL},
    {"SeparableConv2D", "SeparableConv2D", separable_keys, NULL, NULL, NULL, NULL},
    {"DepthwiseConv2D", "DepthwiseConv2D", grouped_keys, NULL, NULL, NULL, NULL},
    {"Dense", "Dense", dense_keys, NULL, NULL, NULL, NULL},
    {"BatchNormalization", "BatchNormalization", norm_keys, NULL, NULL, NULL, NULL},
    {"MaxPooling2D", "MaxPooling2D", pool_keys, NULL, NULL, NULL, NULL},
    {"AveragePooling2D", "AveragePooling2D", pool_keys, NULL, NULL, NULL, NULL},
    {"GlobalAveragePooling2D", "GlobalAveragePooling2D", global_keys, NULL, NULL, NULL, NULL},
    {"GlobalMaxPooling2D", "GlobalMaxPooling2D", global_keys, NULL, NULL, NULL, NULL},
    {"GlobalAveragePooling2D", "AdaptiveAveragePooling2D", kept_keys, NULL, NULL, cnn__keras_kept, cnn__keras_kept_out},
    {"GlobalMaxPooling2D", "AdaptiveMaxPooling2D", kept_keys, NULL, NULL, cnn__keras_kept, cnn__keras_kept_out},
    {"MaxPooling1D", "MaxPooling1D", pool1d_keys, NULL, NULL, NULL, NULL},
    {"AveragePooling1D", "AveragePooling1D", pool1d_keys, NULL, NULL, NULL, NULL},
    {"GlobalAveragePooling1D", "GlobalAveragePooling1D", global_keys, NULL, NULL, NULL, NULL},
    {"GlobalMaxPooling1D", "GlobalMaxPooling1D", global_keys, NULL, NULL, NULL, NULL},
    {"MaxPooling3D", "MaxPooling3D", pool3d_keys, NULL, NULL, NULL, NULL},
    {"AveragePooling3D", "AveragePooling3D", pool3d_keys, NULL, NULL, NULL, NULL},
    {"GlobalAveragePooling3D", "GlobalAveragePooling3D", global_keys, NULL, NULL, NULL, NULL},
    {"GlobalMaxPooling3D", "GlobalMaxPooling3D", global_keys, NULL, NULL, NULL, NULL},
    {"Flatten", "Flatten", no_keys, NULL, NULL, NULL, NULL},
    {"SpatialDropout2D", "Dropout", dropout_keys, "channels", "1", NULL, NULL},
    {"SpatialDropout1D", "Dropout", dropout_keys, "channels", "1", NULL, NULL},
    {"SpatialDropout3D", "Dropout", dropout_keys, "channels", "1", NULL, NULL},
    {"Dropout", "Dropout", dropout_keys, NULL, NULL, NULL, NULL},
    {"ZeroPadding2D", "ZeroPadding2D", pad_keys, NULL, NULL, NULL, NULL},
    {"ZeroPadding1D", "ZeroPadding1D", pad1d_keys, NULL, NULL, NULL, NULL},
    {"ZeroPadding3D", "ZeroPadding3D", pad3d_keys, NULL, NULL, NULL, NULL},
    {"Cropping2D", "Cropping2D", crop_keys, NULL, NULL, NULL, NULL},
    {"UpSampling2D", "UpSampling2D", up_sampling_keys, NULL, NULL, cnn__keras_up_sampling, cnn__keras_up_sampling_out},
    {"Reshape", "Reshape", reshape_keys, NULL, NULL, cnn__keras_reshape, cnn__keras_reshape_out},
    {"Permute", "Permute", permute_keys, NULL, NULL, cnn__keras_permute, cnn__keras_permute_out},
    {"Rescaling", "Rescaling", rescaling_keys, NULL, NULL, cnn__keras_rescaling, cnn__keras_rescaling_out},
    {"PReLU", "PReLU", prelu_keys, NULL, NULL, cnn__keras_prelu, cnn__keras_prelu_out},
    {"Add", "Add", no_keys, NULL, NULL, NULL, NULL},
    {"Subtract", "Subtract", no_keys, NULL, NULL, NULL, NULL},
    {"Multiply", "Multiply", no_keys, NULL, NULL, NULL, NULL},
    {"Concatenate", "Concatenate", concatenate_keys, NULL, NULL, NULL, NULL},
    {"LeakyReLU", "Activation", leaky_keys, "activation", "leaky_relu", NULL, NULL},
    {"ELU", "Activation", elu_keys, "activation", "elu", NULL, NULL},
    {"Softmax", "Activation", softmax_keys, "activation", "softmax", NULL, NULL},
    {"ReLU", "Activation", relu_keys, "activation", "relu6", cnn__keras_relu, cnn__keras_relu_out},
    {"ReLU", "Activation", relu_keys, "activation", "clipped_relu", cnn__keras_relu, cnn__keras_relu_out},
    {"Activation", "Activation", activation_keys, NULL, NULL, NULL, NULL},
    {"ActivityRegularization", NULL, no_keys, NULL, NULL, NULL, NULL},
    {"Identity", NULL, no_keys, NULL, NULL, NULL, NULL},
    /* Of Keras 1. */
    {"Convolution2D", "Conv2D", conv2d_keys, NULL, NULL, NULL, NULL},
    {"AtrousConvolution2D", "Conv2D", conv2d_keys, NULL, NULL, NULL, NULL},
};

const size_t cnn__keras_class_count = sizeof(cnn__keras_classes) / sizeof(cnn__keras_classes[0]);

/* Names of activations there and here; what alpha Keras means. */
const cnn__keras_activation cnn__keras_activations[] = {
    {"linear", "linear", 0},
    {"relu", "relu", 0},
    {"relu6", "relu6", 0},
    {"sigmoid", "sigmoid", 0},
    {"tanh", "tanh", 0},
    {"softmax", "softmax", 0},
    {"log_softmax", "log_softmax", 0},
    {"leaky_relu", "leaky_relu", 0.2},
    {"swish", "silu", 0}, /* the older name is the one that is written */
    {"silu", "silu", 0},
    {"gelu", "gelu", 0},
    {"elu", "elu", 1},
    {"selu", "selu", 0},
    {"hard_sigmoid", "hard_sigmoid", 1.0 / 6},
    {"hard_silu", "hard_swish", 0},
    {"hard_swish", "hard_swish", 0},
    {"softplus", "softplus", 0},
};

const size_t cnn__keras_activation_count = sizeof(cnn__keras_activations) / sizeof(cnn__keras_activations[0]);
