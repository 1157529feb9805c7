/* SPDX-License-Identifier: MIT */
/* VGG-16 and ResNet-18: the output of each layer, the number of parameters, and how they begin. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "zoo/support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;

static void open_context(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 11), &context), CNN_OK);
}

static void close_context(void) { cnn_context_free(context); }

static cnn_model *create(const char *name, const cnn_zoo_options *options)
{
    cnn_model *model = NULL;
    ck_assert_msg(cnn_zoo_create(context, name, options, &model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* The 18 layers of the convolutions, for an input whose side halves to these. */
#define VGG16_FEATURES(a, b, c, d, e, f)                                                                               \
    {"block1_conv1", "Conv2D", MAPS(a, 64)}, {"block1_conv2", "Conv2D", MAPS(a, 64)},                                  \
        {"block1_pool", "MaxPooling2D", MAPS(b, 64)}, {"block2_conv1", "Conv2D", MAPS(b, 128)},                        \
        {"block2_conv2", "Conv2D", MAPS(b, 128)}, {"block2_pool", "MaxPooling2D", MAPS(c, 128)},                       \
        {"block3_conv1", "Conv2D", MAPS(c, 256)}, {"block3_conv2", "Conv2D", MAPS(c, 256)},                            \
        {"block3_conv3", "Conv2D", MAPS(c, 256)}, {"block3_pool", "MaxPooling2D", MAPS(d, 256)},                       \
        {"block4_conv1", "Conv2D", MAPS(d, 512)}, {"block4_conv2", "Conv2D", MAPS(d, 512)},                            \
        {"block4_conv3", "Conv2D", MAPS(d, 512)}, {"block4_pool", "MaxPooling2D", MAPS(e, 512)},                       \
        {"block5_conv1", "Conv2D", MAPS(e, 512)}, {"block5_conv2", "Conv2D", MAPS(e, 512)},                            \
        {"block5_conv3", "Conv2D", MAPS(e, 512)}, {"block5_pool", "MaxPooling2D", MAPS(f, 512)}

START_TEST(test_vgg16)
{
    static const zoo_layer layers[] = {
        VGG16_FEATURES(224, 112, 56, 28, 14, 7),
        {"flatten", "Flatten", VECTOR(25088)},
        {"fc1", "Dense", VECTOR(4096)},
        {"drop1", "Dropout", VECTOR(4096)},
        {"fc2", "Dense", VECTOR(4096)},
        {"drop2", "Dropout", VECTOR(4096)},
        {"predictions", "Dense", VECTOR(1000)},
    };
    cnn_model *model = create("vgg16", NULL);
    zoo_expect_layers(model, layers, COUNT(layers));
    ck_assert_uint_eq(cnn_model_values(model), 138357544);
    ck_assert_uint_eq(cnn_model_trainable_values(model), 138357544);
    zoo_expect_normal(model, "block1_conv1/kernel", sqrt(2.0 / (9 * 64)));
    zoo_expect_normal(model, "block5_conv3/kernel", sqrt(2.0 / (9 * 512)));
    zoo_expect_normal(model, "fc2/kernel", 0.01);
    zoo_expect_constant(model, "block1_conv1/bias", 0);
    zoo_expect_constant(model, "fc1/bias", 0);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_vgg16_options)
{
    cnn_model *model = create("vgg16", CNN_ZOO(.input = {64, 32, 1}, .classes = 2, .dropout = -1));
    ck_assert_uint_eq(cnn_model_layer_count(model), 22);
    ck_assert_str_eq(cnn_model_layer_name(model, 20), "fc2");
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], 2);
    ck_assert_int_eq(cnn_model_layer_shape(model, 18).dims[0], 2 * 512);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_vgg16_notop)
{
    static const zoo_layer layers[] = {VGG16_FEATURES(150, 75, 37, 18, 9, 4)};
    cnn_model *model = create("vgg16-notop", NULL);
    zoo_expect_layers(model, layers, COUNT(layers));
    ck_assert_uint_eq(cnn_model_values(model), 14714688);
    cnn_model_free(model);
    /* The rows of a wider image, as from a photo that is not square. */
    model = create("vgg16-notop", CNN_ZOO(.input = {96, 160, 3}));
    cnn_shape shape = cnn_model_output_shape(model);
    ck_assert(shape.rank == 3 && shape.dims[0] == 3 && shape.dims[1] == 5 && shape.dims[2] == 512);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_zoo_create(context, "vgg16-notop", CNN_ZOO(.classes = 2), &model),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(model);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "no classes"));
    ck_assert_int_eq(cnn_zoo_create(context, "vgg16-notop", CNN_ZOO(.input = {31, 32, 3}), &model), CNN_ERROR_SHAPE);
    ck_assert_ptr_null(model);
}
END_TEST

#define CONV(name, h, c) {name, "Conv2D", MAPS(h, c)}
#define NORM(name, h, c) {name, "BatchNormalization", MAPS(h, c)}
#define RELU(name, h, c) {name, "Activation", MAPS(h, c)}
#define RESIDUAL(p, h, c)                                                                                              \
    CONV(p ".conv1", h, c), NORM(p ".bn1", h, c), RELU(p ".relu1", h, c), CONV(p ".conv2", h, c), NORM(p ".bn2", h, c)
#define JOIN(p, h, c) {p ".add", "Add", MAPS(h, c)}, RELU(p ".relu2", h, c)
#define BLOCK(p, h, c) RESIDUAL(p, h, c), JOIN(p, h, c)
#define DOWN_BLOCK(p, h, c)                                                                                            \
    RESIDUAL(p, h, c), CONV(p ".downsample.0", h, c), NORM(p ".downsample.1", h, c), JOIN(p, h, c)

START_TEST(test_resnet18)
{
    static const zoo_layer layers[] = {
        CONV("conv1", 112, 64),
        NORM("bn1", 112, 64),
        RELU("relu", 112, 64),
        {"maxpool", "MaxPooling2D", MAPS(56, 64)},
        BLOCK("layer1.0", 56, 64),
        BLOCK("layer1.1", 56, 64),
        DOWN_BLOCK("layer2.0", 28, 128),
        BLOCK("layer2.1", 28, 128),
        DOWN_BLOCK("layer3.0", 14, 256),
        BLOCK("layer3.1", 14, 256),
        DOWN_BLOCK("layer4.0", 7, 512),
        BLOCK("layer4.1", 7, 512),
        {"avgpool", "GlobalAveragePooling2D", VECTOR(512)},
        {"fc", "Dense", VECTOR(1000)},
    };
    cnn_model *model = create("resnet18", NULL);
    zoo_expect_layers(model, layers, COUNT(layers));
    ck_assert_uint_eq(cnn_model_trainable_values(model), 11689512);
    ck_assert_uint_eq(cnn_model_values(model), 11689512 + 9600);
    zoo_expect_normal(model, "conv1/kernel", sqrt(2.0 / (49 * 64)));
    zoo_expect_normal(model, "layer2.0.downsample.0/kernel", sqrt(2.0 / 128));
    zoo_expect_normal(model, "layer4.1.conv2/kernel", sqrt(2.0 / (9 * 512)));
    zoo_expect_constant(model, "layer3.0.bn2/gamma", 1);
    zoo_expect_constant(model, "layer3.0.bn2/beta", 0);
    zoo_expect_constant(model, "layer3.0.bn2/moving_mean", 0);
    zoo_expect_constant(model, "layer3.0.bn2/moving_variance", 1);
    cnn_parameter bias = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv1/bias", &bias), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_find_parameter(model, "fc/bias", &bias), CNN_OK);
    cnn_model_free(model);
    model = create("resnet18", CNN_ZOO(.classes = 2));
    ck_assert_uint_eq(cnn_model_trainable_values(model), 11177538);
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], 2);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zoo/networks");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 280);
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_vgg16);
    tcase_add_test(tcase, test_vgg16_options);
    tcase_add_test(tcase, test_vgg16_notop);
    tcase_add_test(tcase, test_resnet18);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
