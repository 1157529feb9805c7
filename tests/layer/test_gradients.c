/* SPDX-License-Identifier: MIT */
/* The gradient of every layer against finite differences: the change of a weighted sum of the logits when a parameter
 * tensor moves along a random direction. Every case has a layer with parameters before the one under test, so that
 * the gradient by its input is part of what is compared. */
#include <check.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "layer/gradients.h"

/* A case: an image of 7 x 6 x 2, a linear convolution, the layer under test, and a dense end. */
typedef cnn_layer *(*layer_maker)(cnn_context *context);

static cnn_layer *conv_plain(cnn_context *c) { return cnn_conv2d(c, CNN_CONV2D(.filters = 5)); }
static cnn_layer *conv_same(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 4, .kernel = {2, 4}, .stride = {2}, .padding = CNN_PADDING_SAME));
}
static cnn_layer *conv_lower(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 4, .kernel = {4}, .stride = {3}, .padding = CNN_PADDING_SAME_LOWER));
}
static cnn_layer *conv_explicit(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 3, .kernel = {3, 2}, .stride = {1, 2}, .pads = {2, 0, 1, 3}));
}
static cnn_layer *conv_dilated(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 3, .dilation = {2}, .pads = {1, 1, 1, 1}));
}
static cnn_layer *conv_groups(cnn_context *c) { return cnn_conv2d(c, CNN_CONV2D(.filters = 8, .groups = 2)); }
static cnn_layer *conv_one(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 6, .kernel = {1}, .no_bias = 1));
}
static cnn_layer *conv_tanh(cnn_context *c) { return cnn_conv2d(c, CNN_CONV2D(.filters = 5, .activation = CNN_TANH)); }
static cnn_layer *conv_relu6(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 5, .activation = CNN_RELU6));
}
static cnn_layer *conv_relu(cnn_context *c) { return cnn_conv2d(c, CNN_CONV2D(.filters = 5, .activation = CNN_RELU)); }
static cnn_layer *conv_softmax(cnn_context *c)
{
    return cnn_conv2d(c, CNN_CONV2D(.filters = 5, .activation = CNN_SOFTMAX));
}
static cnn_layer *max_pool(cnn_context *c) { return cnn_max_pool2d(c, NULL); }
static cnn_layer *max_pool_same(cnn_context *c)
{
    return cnn_max_pool2d(c, CNN_POOL2D(.size = {3}, .stride = {2}, .padding = CNN_PADDING_SAME));
}
static cnn_layer *max_pool_ceil(cnn_context *c)
{
    return cnn_max_pool2d(c, CNN_POOL2D(.size = {3, 2}, .stride = {2}, .pads = {1, 0, 0, 1}, .ceil = 1));
}
static cnn_layer *max_pool_dilated(cnn_context *c)
{
    return cnn_max_pool2d(c, CNN_POOL2D(.size = {2}, .stride = {1}, .pads = {1, 1, 0, 1}, .dilation = {2}));
}
static cnn_layer *average_pool_dilated(cnn_context *c)
{
    return cnn_average_pool2d(
        c, CNN_POOL2D(.size = {2, 3}, .stride = {1, 2}, .pads = {1, 1, 1, 1}, .dilation = {3, 2}, .ceil = 1));
}
static cnn_layer *average_pool(cnn_context *c) { return cnn_average_pool2d(c, NULL); }
static cnn_layer *average_pool_padded(cnn_context *c)
{
    return cnn_average_pool2d(
        c, CNN_POOL2D(.size = {3}, .stride = {2}, .pads = {1, 2, 1, 0}, .ceil = 1, .count_include_pad = 1));
}
static cnn_layer *batch_norm(cnn_context *c) { return cnn_batch_norm(c, NULL); }
static cnn_layer *batch_norm_relu(cnn_context *c)
{
    return cnn_batch_norm(c, CNN_BATCH_NORM(.convention = CNN_PYTORCH, .activation = CNN_RELU));
}
static cnn_layer *batch_norm_bare(cnn_context *c)
{
    return cnn_batch_norm(c, CNN_BATCH_NORM(.no_scale = 1, .no_shift = 1));
}
static cnn_layer *lrn_tensorflow(cnn_context *c)
{
    return cnn_local_response_norm(c, CNN_LRN(.convention = CNN_TENSORFLOW1, .radius = 1, .alpha = 0.8f));
}
static cnn_layer *lrn_pytorch(cnn_context *c)
{
    return cnn_local_response_norm(c, CNN_LRN(.convention = CNN_PYTORCH, .size = 4, .alpha = 2, .bias = 0.5f));
}
static cnn_layer *lrn_power(cnn_context *c)
{
    return cnn_local_response_norm(c, CNN_LRN(.radius = 2, .alpha = 0.5f, .beta = 1.3f));
}
static cnn_layer *global_max(cnn_context *c) { return cnn_global_max_pool2d(c, NULL); }
static cnn_layer *adaptive_mean(cnn_context *c)
{
    return cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {3, 4}));
}
static cnn_layer *adaptive_mean_larger(cnn_context *c)
{
    return cnn_adaptive_average_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {9, 12}));
}
static cnn_layer *adaptive_max(cnn_context *c)
{
    return cnn_adaptive_max_pool2d(c, CNN_ADAPTIVE_POOL2D(.size = {3, 2}));
}
static cnn_layer *reshape(cnn_context *c) { return cnn_reshape(c, CNN_RESHAPE(.shape = {4, -1, 6})); }
static cnn_layer *permute(cnn_context *c) { return cnn_permute(c, CNN_PERMUTE(.order = {3, 1, 2})); }
static cnn_layer *shuffle(cnn_context *c) { return cnn_channel_shuffle(c, CNN_CHANNEL_SHUFFLE(.groups = 2)); }
static cnn_layer *upsample(cnn_context *c) { return cnn_up_sampling2d(c, CNN_UP_SAMPLING2D(.factor = {2, 3})); }
static cnn_layer *upsample_bilinear(cnn_context *c)
{
    return cnn_up_sampling2d(c, CNN_UP_SAMPLING2D(.factor = {3, 2}, .interpolation = CNN_RESAMPLE_BILINEAR));
}
static cnn_layer *upsample_corners(cnn_context *c)
{
    return cnn_up_sampling2d(c, CNN_UP_SAMPLING2D(.interpolation = CNN_RESAMPLE_BILINEAR, .align_corners = 1));
}
static cnn_layer *prelu_channel(cnn_context *c) { return cnn_prelu(c, NULL); }
static cnn_layer *prelu_one(cnn_context *c) { return cnn_prelu(c, CNN_PRELU(.slopes = CNN_PRELU_ONE)); }
static cnn_layer *prelu_position(cnn_context *c) { return cnn_prelu(c, CNN_PRELU(.slopes = CNN_PRELU_POSITION)); }
static cnn_layer *rescale(cnn_context *c) { return cnn_rescale(c, CNN_RESCALE(.scale = {2.5f}, .offset = {-1})); }
static cnn_layer *rescale_channels(cnn_context *c)
{
    return cnn_rescale(c, CNN_RESCALE(.scale = {2, -1, 0, 0.5f}, .offset = {0, 1, 2}, .channels = 4));
}
static cnn_layer *cropping(cnn_context *c) { return cnn_cropping2d(c, CNN_CROPPING2D(.crops = {1, 2, 0, 3})); }
static cnn_layer *zero_pad(cnn_context *c) { return cnn_zero_pad2d(c, CNN_ZERO_PAD2D(.pads = {1, 0, 2, 3})); }
/* Functions that need positive values get them from the one before. */
static cnn_layer *function(cnn_context *c, cnn_map_function function, float p, float q)
{
    return cnn_elementwise(c, CNN_ELEMENTWISE(.function = (int32_t)function, .p = p, .q = q));
}
static cnn_layer *absolute(cnn_context *c) { return function(c, CNN_MAP_ABS, 0, 0); }
static cnn_layer *exponential(cnn_context *c) { return function(c, CNN_MAP_EXP, 0, 0); }
static cnn_layer *square(cnn_context *c) { return function(c, CNN_MAP_POWER, 2, 0); }
static cnn_layer *cube(cnn_context *c) { return function(c, CNN_MAP_POWER, 3, 0); }
static cnn_layer *clip(cnn_context *c) { return function(c, CNN_MAP_CLIP, -0.3f, 0.5f); }
static cnn_layer *error_function(cnn_context *c) { return function(c, CNN_MAP_ERF, 0, 0); }
static cnn_layer *plus_channels(cnn_context *c)
{
    return cnn_arithmetic(c, CNN_ARITHMETIC(.function = CNN_MAP_ADD, .shape = {4}));
}
static cnn_layer *minus_rows(cnn_context *c)
{
    return cnn_arithmetic(c, CNN_ARITHMETIC(.function = CNN_MAP_SUBTRACT, .shape = {7, 1, 4}, .first = 1));
}
static cnn_layer *times_all(cnn_context *c)
{
    return cnn_arithmetic(
        c, CNN_ARITHMETIC(.function = CNN_MAP_MULTIPLY, .shape = {7, 6, 4}, .init = {CNN_INIT_NORMAL, 1}));
}
static cnn_layer *divided_columns(cnn_context *c)
{
    return cnn_arithmetic(
        c, CNN_ARITHMETIC(.function = CNN_MAP_DIVIDE, .shape = {6, 1}, .init = {CNN_INIT_CONSTANT, 1.5f}));
}
static cnn_layer *base_of_power(cnn_context *c)
{
    return cnn_arithmetic(
        c, CNN_ARITHMETIC(.function = CNN_MAP_POW, .shape = {4}, .first = 1, .init = {CNN_INIT_CONSTANT, 1.5f}));
}
static cnn_layer *lesser(cnn_context *c)
{
    return cnn_arithmetic(c, CNN_ARITHMETIC(.function = CNN_MAP_MIN, .shape = {6, 4}, .init = {CNN_INIT_NORMAL, 0.5f}));
}
static cnn_layer *larger(cnn_context *c)
{
    return cnn_arithmetic(
        c, CNN_ARITHMETIC(.function = CNN_MAP_MAX, .shape = {1}, .first = 1, .init = {CNN_INIT_CONSTANT, 0.1f}));
}
static cnn_layer *reduce_sum(cnn_context *c) { return cnn_reduce(c, CNN_REDUCE(.axes = {2})); }
static cnn_layer *reduce_mean(cnn_context *c)
{
    return cnn_reduce(c, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MEAN, .axes = {3, 1}, .keep = 1));
}
static cnn_layer *reduce_max(cnn_context *c)
{
    return cnn_reduce(c, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MAX, .axes = {1, 3}));
}
static cnn_layer *reduce_min(cnn_context *c) { return cnn_reduce(c, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MIN)); }
static cnn_layer *slice(cnn_context *c)
{
    return cnn_slice(c, CNN_SLICE(.start = {1, -1, 0}, .size = {3, 0, 2}, .step = {2, -2, 3}));
}
static cnn_layer *pad_value(cnn_context *c) { return cnn_pad(c, CNN_PAD(.pads = {1, 2, -1, 0, 0, 3}, .value = 0.5f)); }
static cnn_layer *pad_reflect(cnn_context *c)
{
    return cnn_pad(c, CNN_PAD(.pads = {6, 5, 0, 2, 1, 0}, .border = CNN_BORDER_REFLECT));
}
static cnn_layer *pad_edge(cnn_context *c)
{
    return cnn_pad(c, CNN_PAD(.pads = {0, 2, 3, 0}, .border = CNN_BORDER_EDGE));
}
static cnn_layer *pad_wrap(cnn_context *c)
{
    return cnn_pad(c, CNN_PAD(.pads = {2, 9, 0, 1}, .border = CNN_BORDER_WRAP));
}
static cnn_layer *resize_nearest(cnn_context *c)
{
    return cnn_resize(c, CNN_RESIZE(.size = {9, 4}, .rounding = CNN_ROUND_HALF_UP));
}
static cnn_layer *resize_linear(cnn_context *c)
{
    return cnn_resize(c, CNN_RESIZE(.scale = {1.7f, 0.6f, 1.5f}, .mode = CNN_SAMPLE_LINEAR));
}
static cnn_layer *resize_cubic(cnn_context *c)
{
    return cnn_resize(c, CNN_RESIZE(.size = {5, 13}, .mode = CNN_SAMPLE_CUBIC, .places = CNN_PLACES_ALIGN_CORNERS));
}
static cnn_layer *resize_crop(cnn_context *c)
{
    return cnn_resize(c, CNN_RESIZE(.size = {5, 6}, .mode = CNN_SAMPLE_LINEAR, .places = CNN_PLACES_CROP,
                                    .roi = {0.2f, 1.3f, 0, 0.7f, 0, 1}, .value = 2));
}
static cnn_layer *depth_to_space(cnn_context *c) { return cnn_depth_to_space(c, CNN_DEPTH_SPACE(.block = 2)); }
static cnn_layer *depth_to_space_first(cnn_context *c)
{
    return cnn_depth_to_space(c, CNN_DEPTH_SPACE(.block = 2, .channels_first = 1));
}
static cnn_layer *space_to_depth(cnn_context *c) { return cnn_space_to_depth(c, CNN_DEPTH_SPACE(.block = 1)); }
static cnn_layer *instance_norm(cnn_context *c) { return cnn_instance_norm(c, NULL); }
static cnn_layer *dropout(cnn_context *c) { return cnn_dropout(c, CNN_DROPOUT(.rate = 0.4f)); }
static cnn_layer *dropout_samples(cnn_context *c) { return cnn_dropout(c, CNN_DROPOUT(.rate = 0.4f, .channels = 2)); }
static cnn_layer *dropout_channels(cnn_context *c) { return cnn_dropout(c, CNN_DROPOUT(.rate = 0.4f, .channels = 1)); }
static cnn_layer *activate(cnn_context *c, cnn_activation activation)
{
    return cnn_activate(c, CNN_ACTIVATE(.activation = (int32_t)activation, .alpha = 0.2f));
}
static cnn_layer *relu(cnn_context *c) { return activate(c, CNN_RELU); }
static cnn_layer *relu6(cnn_context *c) { return activate(c, CNN_RELU6); }
static cnn_layer *leaky(cnn_context *c) { return activate(c, CNN_LEAKY_RELU); }
static cnn_layer *sigmoid(cnn_context *c) { return activate(c, CNN_SIGMOID); }
static cnn_layer *tangent(cnn_context *c) { return activate(c, CNN_TANH); }
static cnn_layer *softmax(cnn_context *c) { return activate(c, CNN_SOFTMAX); }
static cnn_layer *log_softmax(cnn_context *c) { return activate(c, CNN_LOG_SOFTMAX); }

static const struct {
    const char *name;
    layer_maker make;
} cases[] = {
    {"conv_plain", conv_plain},
    {"conv_same", conv_same},
    {"conv_lower", conv_lower},
    {"conv_explicit", conv_explicit},
    {"conv_dilated", conv_dilated},
    {"conv_groups", conv_groups},
    {"conv_one", conv_one},
    {"conv_tanh", conv_tanh},
    {"conv_relu", conv_relu},
    {"conv_relu6", conv_relu6},
    {"conv_softmax", conv_softmax},
    {"max_pool", max_pool},
    {"max_pool_same", max_pool_same},
    {"max_pool_ceil", max_pool_ceil},
    {"max_pool_dilated", max_pool_dilated},
    {"average_pool_dilated", average_pool_dilated},
    {"average_pool", average_pool},
    {"average_pool_padded", average_pool_padded},
    {"batch_norm", batch_norm},
    {"batch_norm_relu", batch_norm_relu},
    {"batch_norm_bare", batch_norm_bare},
    {"lrn_tensorflow", lrn_tensorflow},
    {"lrn_pytorch", lrn_pytorch},
    {"lrn_power", lrn_power},
    {"global_max", global_max},
    {"adaptive_mean", adaptive_mean},
    {"adaptive_mean_larger", adaptive_mean_larger},
    {"adaptive_max", adaptive_max},
    {"reshape", reshape},
    {"permute", permute},
    {"shuffle", shuffle},
    {"upsample", upsample},
    {"upsample_bilinear", upsample_bilinear},
    {"upsample_corners", upsample_corners},
    {"prelu_channel", prelu_channel},
    {"prelu_one", prelu_one},
    {"prelu_position", prelu_position},
    {"rescale", rescale},
    {"rescale_channels", rescale_channels},
    {"cropping", cropping},
    {"zero_pad", zero_pad},
    {"absolute", absolute},
    {"exponential", exponential},
    {"square", square},
    {"cube", cube},
    {"clip", clip},
    {"error_function", error_function},
    {"plus_channels", plus_channels},
    {"minus_rows", minus_rows},
    {"times_all", times_all},
    {"divided_columns", divided_columns},
    {"base_of_power", base_of_power},
    {"lesser", lesser},
    {"larger", larger},
    {"reduce_sum", reduce_sum},
    {"reduce_mean", reduce_mean},
    {"reduce_max", reduce_max},
    {"reduce_min", reduce_min},
    {"slice", slice},
    {"pad_value", pad_value},
    {"pad_reflect", pad_reflect},
    {"pad_edge", pad_edge},
    {"pad_wrap", pad_wrap},
    {"resize_nearest", resize_nearest},
    {"resize_linear", resize_linear},
    {"resize_cubic", resize_cubic},
    {"resize_crop", resize_crop},
    {"depth_to_space", depth_to_space},
    {"depth_to_space_first", depth_to_space_first},
    {"space_to_depth", space_to_depth},
    {"instance_norm", instance_norm},
    {"dropout", dropout},
    {"dropout_channels", dropout_channels},
    {"dropout_samples", dropout_samples},
    {"relu", relu},
    {"relu6", relu6},
    {"leaky", leaky},
    {"sigmoid", sigmoid},
    {"tangent", tangent},
    {"softmax", softmax},
    {"log_softmax", log_softmax},
};

static cnn_model *open_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {7, 6, 2}), &model), CNN_OK);
    return model;
}

START_TEST(test_images)
{
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = open_model(context);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .padding = CNN_PADDING_SAME)));
        cnn_model_add(model, cases[_i].make(context));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

static cnn_layer *make_dense(cnn_context *c, cnn_activation activation)
{
    return cnn_dense(c, CNN_DENSE(.units = 6, .activation = (int32_t)activation, .alpha = 0.3f));
}

START_TEST(test_vectors)
{
    /* Every activation in a hidden dense layer, and the heads whose derivative the loss takes over. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {9}), &model), CNN_OK);
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 8)));
        cnn_model_add(model, make_dense(context, (cnn_activation)_i));
        cnn_model_add(model, cnn_batch_norm(context, NULL));
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.3f)));
        cnn_model_add(model,
                      cnn_dense(context, CNN_DENSE(.units = 4, .activation = _i == CNN_TANH ? CNN_TANH : CNN_SOFTMAX)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_fused_pool)
{
    /* Convolution, relu and pooling in one, both with and without what the backend fuses; odd sizes. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {13, 15, 3}), &model), CNN_OK);
        for (int i = 0; i < 2; i++) {
            cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 17, .activation = CNN_RELU)));
            cnn_model_add(model, cnn_max_pool2d(context, NULL));
        }
        cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1, .activation = CNN_SIGMOID)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_fused_norm_pool)
{
    /* The same with a normalisation between: with relu, without, and with statistics that stay as they are. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {7, 9, 2}), &model), CNN_OK);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 17, .padding = CNN_PADDING_SAME)));
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm",
                                                                    .activation = _i == 1 ? CNN_LINEAR : CNN_RELU)));
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        if (_i == 2) {
            ck_assert_int_eq(cnn_model_set_trainable(model, "norm/*", false), CNN_OK);
        }
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_branches)
{
    /* A residual block and a value that three layers read: gradients are added up. One branch leads nowhere. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = open_model(context);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "stem", .filters = 4, .activation = CNN_RELU)));
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "a", .filters = 4, .padding = CNN_PADDING_SAME)));
        cnn_model_add_after(model, cnn_conv2d(context, CNN_CONV2D(.name = "b", .filters = 4, .kernel = {1})),
                            (const char *[]){"stem"}, 1);
        cnn_model_add_after(model, cnn_dropout(context, CNN_DROPOUT(.name = "nowhere", .rate = 0.5f)),
                            (const char *[]){"stem"}, 1);
        cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "sum")), (const char *[]){"a", "b", "stem"}, 3);
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_concatenation)
{
    /* Branches of 4, 3 and again 4 channels side by side, as an Inception block; then two vectors. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = open_model(context);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "stem", .filters = 4)));
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "a", .filters = 3, .padding = CNN_PADDING_SAME)));
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "relu", .activation = CNN_RELU)));
        cnn_model_add_after(model, cnn_concatenate(context, CNN_NAMED(.name = "all")),
                            (const char *[]){"stem", "relu", "stem"}, 3);
        cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flat")));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "left", .units = 3, .activation = CNN_TANH)));
        cnn_model_add_after(model, cnn_dense(context, CNN_DENSE(.name = "right", .units = 2)), (const char *[]){"flat"},
                            1);
        cnn_model_add_after(model, cnn_concatenate(context, NULL), (const char *[]){"left", "right"}, 2);
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_arithmetic)
{
    /* Two values, broadcast against each other both ways, by each function; then roots and logarithms of positive
     * ones. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = open_model(context);
        cnn_layer *layer = NULL;
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "stem", .filters = 4)));
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "a", .activation = CNN_SOFTPLUS)));
        layer = cnn_reduce(context,
                           CNN_REDUCE(.name = "rows", .reduction = CNN_REDUCE_TO_MEAN, .axes = {2}, .keep = 1));
        cnn_model_add_after(model, layer, (const char *[]){"a"}, 1);
        layer = cnn_reduce(context,
                           CNN_REDUCE(.name = "columns", .reduction = CNN_REDUCE_TO_MEAN, .axes = {1}, .keep = 1));
        cnn_model_add_after(model, layer, (const char *[]){"a"}, 1);
        cnn_model_add_after(model, cnn_arithmetic(context, CNN_ARITHMETIC(.name = "both", .function = _i)),
                            (const char *[]){"rows", "columns"}, 2);
        cnn_model_add_after(model, cnn_arithmetic(context, CNN_ARITHMETIC(.name = "whole", .function = _i)),
                            (const char *[]){"both", "a"}, 2);
        cnn_model_add_after(model, cnn_elementwise(context, CNN_ELEMENTWISE(.name = "root", .function = CNN_MAP_SQRT)),
                            (const char *[]){"a"}, 1);
        cnn_model_add(model, cnn_elementwise(context, CNN_ELEMENTWISE(.name = "log", .function = CNN_MAP_LOG)));
        cnn_model_add_after(model, cnn_arithmetic(context, CNN_ARITHMETIC(.function = CNN_MAP_ADD)),
                            (const char *[]){"log", "whole"}, 2);
        cnn_model_add(model, cnn_elementwise(context, CNN_ELEMENTWISE(.function = CNN_MAP_POWER, .p = 1)));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_matmul)
{
    /* Products in each order of their matrices, of equal stacks, and of one that is repeated. */
    const int32_t ta = _i & 1, tb = _i >> 1 & 1;
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = open_model(context);
        const int32_t rows = 3, inner = 2, columns = 4;
        cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flat")));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2 * rows * inner, .activation = CNN_TANH)));
        cnn_model_add(
            model, cnn_reshape(context, CNN_RESHAPE(.name = "a", .shape = {2, ta ? inner : rows, ta ? rows : inner})));
        cnn_model_add_after(model, cnn_dense(context, CNN_DENSE(.units = inner * columns, .activation = CNN_TANH)),
                            (const char *[]){"flat"}, 1);
        cnn_model_add(model, cnn_reshape(context, CNN_RESHAPE(.name = "b",
                                                              .shape = {tb ? columns : inner, tb ? inner : columns})));
        cnn_model_add_after(model, cnn_matmul(context, CNN_MATMUL(.name = "c", .transpose_a = ta, .transpose_b = tb)),
                            (const char *[]){"a", "b"}, 2);
        cnn_model_add_after(model, cnn_matmul(context, CNN_MATMUL(.name = "square", .transpose_b = 1)),
                            (const char *[]){"c", "c"}, 2);
        cnn_model_add_after(model, cnn_matmul(context, NULL), (const char *[]){"square", "c"}, 2);
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
        const cnn_shape c = cnn_model_value_shape(model, "c");
        ck_assert_int_eq(c.rank, 3);
        ck_assert_int_eq(c.dims[1], rows);
        ck_assert_int_eq(c.dims[2], columns);
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer/gradients");
    TCase *tcase = tcase_create("finite differences");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_images, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_loop_test(tcase, test_vectors, CNN_LINEAR, CNN_CLIPPED_RELU + 1);
    tcase_add_loop_test(tcase, test_arithmetic, CNN_MAP_ADD, CNN_MAP_MAX + 1);
    tcase_add_loop_test(tcase, test_matmul, 0, 4);
    tcase_add_test(tcase, test_fused_pool);
    tcase_add_loop_test(tcase, test_fused_norm_pool, 0, 3);
    tcase_add_test(tcase, test_branches);
    tcase_add_test(tcase, test_concatenation);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
