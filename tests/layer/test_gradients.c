/* SPDX-License-Identifier: MIT */
/* The gradient of every layer against finite differences: the change of a weighted sum of the logits when a parameter
 * tensor moves along a random direction. Every case has a layer with parameters before the one under test, so that
 * the gradient by its input is part of what is compared. */
#include <check.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "layer/gradients.h"

/* Makes a layer of any kind from its options. */
#define MAKE(kind) \
    static cnn_layer *make_##kind(cnn_context *context, const void *options) { return cnn_##kind(context, options); }

MAKE(activate)
MAKE(adaptive_average_pool2d)
MAKE(adaptive_max_pool2d)
MAKE(arithmetic)
MAKE(average_pool2d)
MAKE(batch_norm)
MAKE(channel_shuffle)
MAKE(conv2d)
MAKE(cropping2d)
MAKE(depth_to_space)
MAKE(dropout)
MAKE(elementwise)
MAKE(global_max_pool2d)
MAKE(instance_norm)
MAKE(local_response_norm)
MAKE(max_pool2d)
MAKE(pad)
MAKE(permute)
MAKE(prelu)
MAKE(reduce)
MAKE(rescale)
MAKE(reshape)
MAKE(resize)
MAKE(slice)
MAKE(space_to_depth)
MAKE(up_sampling2d)
MAKE(zero_pad2d)

/* The layer under test, after a linear convolution of an image of 7 x 6 x 2 to 4 channels and before a dense end. */
static const struct {
    const char *name;
    cnn_layer *(*make)(cnn_context *context, const void *options);
    const void *options;
} cases[] = {
    {"conv_plain", make_conv2d, CNN_CONV2D(.filters = 5)},
    {"conv_same", make_conv2d, CNN_CONV2D(.filters = 4, .kernel = {2, 4}, .stride = {2}, .padding = CNN_PADDING_SAME)},
    {"conv_lower", make_conv2d,
     CNN_CONV2D(.filters = 4, .kernel = {4}, .stride = {3}, .padding = CNN_PADDING_SAME_LOWER)},
    {"conv_explicit", make_conv2d, CNN_CONV2D(.filters = 3, .kernel = {3, 2}, .stride = {1, 2}, .pads = {2, 0, 1, 3})},
    {"conv_dilated", make_conv2d, CNN_CONV2D(.filters = 3, .dilation = {2}, .pads = {1, 1, 1, 1})},
    {"conv_groups", make_conv2d, CNN_CONV2D(.filters = 8, .groups = 2)},
    {"conv_one", make_conv2d, CNN_CONV2D(.filters = 6, .kernel = {1}, .no_bias = 1)},
    {"conv_tanh", make_conv2d, CNN_CONV2D(.filters = 5, .activation = CNN_TANH)},
    {"conv_relu", make_conv2d, CNN_CONV2D(.filters = 5, .activation = CNN_RELU)},
    {"conv_relu6", make_conv2d, CNN_CONV2D(.filters = 5, .activation = CNN_RELU6)},
    {"conv_softmax", make_conv2d, CNN_CONV2D(.filters = 5, .activation = CNN_SOFTMAX)},
    {"max_pool", make_max_pool2d, NULL},
    {"max_pool_same", make_max_pool2d, CNN_POOL2D(.size = {3}, .stride = {2}, .padding = CNN_PADDING_SAME)},
    {"max_pool_ceil", make_max_pool2d, CNN_POOL2D(.size = {3, 2}, .stride = {2}, .pads = {1, 0, 0, 1}, .ceil = 1)},
    {"max_pool_dilated", make_max_pool2d,
     CNN_POOL2D(.size = {2}, .stride = {1}, .pads = {1, 1, 0, 1}, .dilation = {2})},
    {"average_pool_dilated", make_average_pool2d,
     CNN_POOL2D(.size = {2, 3}, .stride = {1, 2}, .pads = {1, 1, 1, 1}, .dilation = {3, 2}, .ceil = 1)},
    {"average_pool", make_average_pool2d, NULL},
    {"average_pool_padded", make_average_pool2d,
     CNN_POOL2D(.size = {3}, .stride = {2}, .pads = {1, 2, 1, 0}, .ceil = 1, .count_include_pad = 1)},
    {"batch_norm", make_batch_norm, NULL},
    {"batch_norm_relu", make_batch_norm, CNN_BATCH_NORM(.convention = CNN_PYTORCH, .activation = CNN_RELU)},
    {"batch_norm_bare", make_batch_norm, CNN_BATCH_NORM(.no_scale = 1, .no_shift = 1)},
    {"lrn_tensorflow", make_local_response_norm, CNN_LRN(.convention = CNN_TENSORFLOW1, .radius = 1, .alpha = 0.8f)},
    {"lrn_pytorch", make_local_response_norm, CNN_LRN(.convention = CNN_PYTORCH, .size = 4, .alpha = 2, .bias = 0.5f)},
    {"lrn_power", make_local_response_norm, CNN_LRN(.radius = 2, .alpha = 0.5f, .beta = 1.3f)},
    {"global_max", make_global_max_pool2d, NULL},
    {"adaptive_mean", make_adaptive_average_pool2d, CNN_ADAPTIVE_POOL2D(.size = {3, 4})},
    {"adaptive_mean_larger", make_adaptive_average_pool2d, CNN_ADAPTIVE_POOL2D(.size = {9, 12})},
    {"adaptive_max", make_adaptive_max_pool2d, CNN_ADAPTIVE_POOL2D(.size = {3, 2})},
    {"reshape", make_reshape, CNN_RESHAPE(.shape = {4, -1, 6})},
    {"permute", make_permute, CNN_PERMUTE(.order = {3, 1, 2})},
    {"shuffle", make_channel_shuffle, CNN_CHANNEL_SHUFFLE(.groups = 2)},
    {"upsample", make_up_sampling2d, CNN_UP_SAMPLING2D(.factor = {2, 3})},
    {"upsample_bilinear", make_up_sampling2d,
     CNN_UP_SAMPLING2D(.factor = {3, 2}, .interpolation = CNN_RESAMPLE_BILINEAR)},
    {"upsample_corners", make_up_sampling2d,
     CNN_UP_SAMPLING2D(.interpolation = CNN_RESAMPLE_BILINEAR, .align_corners = 1)},
    {"prelu_channel", make_prelu, NULL},
    {"prelu_one", make_prelu, CNN_PRELU(.slopes = CNN_PRELU_ONE)},
    {"prelu_position", make_prelu, CNN_PRELU(.slopes = CNN_PRELU_POSITION)},
    {"rescale", make_rescale, CNN_RESCALE(.scale = {2.5f}, .offset = {-1})},
    {"rescale_channels", make_rescale, CNN_RESCALE(.scale = {2, -1, 0, 0.5f}, .offset = {0, 1, 2}, .channels = 4)},
    {"cropping", make_cropping2d, CNN_CROPPING2D(.crops = {1, 2, 0, 3})},
    {"zero_pad", make_zero_pad2d, CNN_ZERO_PAD2D(.pads = {1, 0, 2, 3})},
    {"absolute", make_elementwise, CNN_ELEMENTWISE(.function = CNN_MAP_ABS)},
    {"exponential", make_elementwise, CNN_ELEMENTWISE(.function = CNN_MAP_EXP)},
    {"square", make_elementwise, CNN_ELEMENTWISE(.function = CNN_MAP_POWER, .p = 2)},
    {"cube", make_elementwise, CNN_ELEMENTWISE(.function = CNN_MAP_POWER, .p = 3)},
    {"clip", make_elementwise, CNN_ELEMENTWISE(.function = CNN_MAP_CLIP, .p = -0.3f, .q = 0.5f)},
    {"error_function", make_elementwise, CNN_ELEMENTWISE(.function = CNN_MAP_ERF)},
    {"plus_channels", make_arithmetic, CNN_ARITHMETIC(.function = CNN_MAP_ADD, .shape = {4})},
    {"minus_rows", make_arithmetic, CNN_ARITHMETIC(.function = CNN_MAP_SUBTRACT, .shape = {7, 1, 4}, .first = 1)},
    {"times_all", make_arithmetic,
     CNN_ARITHMETIC(.function = CNN_MAP_MULTIPLY, .shape = {7, 6, 4}, .init = {CNN_INIT_NORMAL, 1})},
    {"divided_columns", make_arithmetic,
     CNN_ARITHMETIC(.function = CNN_MAP_DIVIDE, .shape = {6, 1}, .init = {CNN_INIT_CONSTANT, 1.5f})},
    {"base_of_power", make_arithmetic,
     CNN_ARITHMETIC(.function = CNN_MAP_POW, .shape = {4}, .first = 1, .init = {CNN_INIT_CONSTANT, 1.5f})},
    {"lesser", make_arithmetic,
     CNN_ARITHMETIC(.function = CNN_MAP_MIN, .shape = {6, 4}, .init = {CNN_INIT_NORMAL, 0.5f})},
    {"larger", make_arithmetic,
     CNN_ARITHMETIC(.function = CNN_MAP_MAX, .shape = {1}, .first = 1, .init = {CNN_INIT_CONSTANT, 0.1f})},
    {"reduce_sum", make_reduce, CNN_REDUCE(.axes = {2})},
    {"reduce_mean", make_reduce, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MEAN, .axes = {3, 1}, .keep = 1)},
    {"reduce_max", make_reduce, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MAX, .axes = {1, 3})},
    {"reduce_min", make_reduce, CNN_REDUCE(.reduction = CNN_REDUCE_TO_MIN)},
    {"slice", make_slice, CNN_SLICE(.start = {1, -1, 0}, .size = {3, 0, 2}, .step = {2, -2, 3})},
    {"pad_value", make_pad, CNN_PAD(.pads = {1, 2, -1, 0, 0, 3}, .value = 0.5f)},
    {"pad_reflect", make_pad, CNN_PAD(.pads = {6, 5, 0, 2, 1, 0}, .border = CNN_BORDER_REFLECT)},
    {"pad_edge", make_pad, CNN_PAD(.pads = {0, 2, 3, 0}, .border = CNN_BORDER_EDGE)},
    {"pad_wrap", make_pad, CNN_PAD(.pads = {2, 9, 0, 1}, .border = CNN_BORDER_WRAP)},
    {"resize_nearest", make_resize, CNN_RESIZE(.size = {9, 4}, .rounding = CNN_ROUND_HALF_UP)},
    {"resize_linear", make_resize, CNN_RESIZE(.scale = {1.7f, 0.6f, 1.5f}, .mode = CNN_SAMPLE_LINEAR)},
    {"resize_cubic", make_resize,
     CNN_RESIZE(.size = {5, 13}, .mode = CNN_SAMPLE_CUBIC, .places = CNN_PLACES_ALIGN_CORNERS)},
    {"resize_crop", make_resize,
     CNN_RESIZE(.size = {5, 6}, .mode = CNN_SAMPLE_LINEAR, .places = CNN_PLACES_CROP,
                .roi = {0.2f, 1.3f, 0, 0.7f, 0, 1}, .value = 2)},
    {"depth_to_space", make_depth_to_space, CNN_DEPTH_SPACE(.block = 2)},
    {"depth_to_space_first", make_depth_to_space, CNN_DEPTH_SPACE(.block = 2, .channels_first = 1)},
    {"space_to_depth", make_space_to_depth, CNN_DEPTH_SPACE(.block = 1)},
    {"instance_norm", make_instance_norm, NULL},
    {"dropout", make_dropout, CNN_DROPOUT(.rate = 0.4f)},
    {"dropout_channels", make_dropout, CNN_DROPOUT(.rate = 0.4f, .channels = 1)},
    {"dropout_samples", make_dropout, CNN_DROPOUT(.rate = 0.4f, .channels = 2)},
    {"relu", make_activate, CNN_ACTIVATE(.activation = CNN_RELU, .alpha = 0.2f)},
    {"relu6", make_activate, CNN_ACTIVATE(.activation = CNN_RELU6, .alpha = 0.2f)},
    {"leaky", make_activate, CNN_ACTIVATE(.activation = CNN_LEAKY_RELU, .alpha = 0.2f)},
    {"sigmoid", make_activate, CNN_ACTIVATE(.activation = CNN_SIGMOID, .alpha = 0.2f)},
    {"tangent", make_activate, CNN_ACTIVATE(.activation = CNN_TANH, .alpha = 0.2f)},
    {"softmax", make_activate, CNN_ACTIVATE(.activation = CNN_SOFTMAX, .alpha = 0.2f)},
    {"log_softmax", make_activate, CNN_ACTIVATE(.activation = CNN_LOG_SOFTMAX, .alpha = 0.2f)},
};

START_TEST(test_images)
{
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {7, 6, 2}), &model), CNN_OK);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 4, .padding = CNN_PADDING_SAME)));
        cnn_model_add(model, cases[_i].make(context, cases[_i].options));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s: %s", cases[_i].name, cnn_last_error(context));
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

int main(void)
{
    Suite *suite = suite_create("layer/gradients");
    TCase *tcase = tcase_create("finite differences");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_images, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_loop_test(tcase, test_vectors, CNN_LINEAR, CNN_CLIPPED_RELU + 1);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
