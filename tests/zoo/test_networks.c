/* SPDX-License-Identifier: MIT */
/* The networks: the output of each layer, the number of parameters, and how they begin. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/suite.h"
#include "common/values.h"
#include "zoo/golden_networks.h"
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
#define VGG16_FEATURES(a, b, c, d, e, f)                                                         \
    {"block1_conv1", "Conv2D", MAPS(a, 64)}, {"block1_conv2", "Conv2D", MAPS(a, 64)},            \
        {"block1_pool", "MaxPooling2D", MAPS(b, 64)}, {"block2_conv1", "Conv2D", MAPS(b, 128)},  \
        {"block2_conv2", "Conv2D", MAPS(b, 128)}, {"block2_pool", "MaxPooling2D", MAPS(c, 128)}, \
        {"block3_conv1", "Conv2D", MAPS(c, 256)}, {"block3_conv2", "Conv2D", MAPS(c, 256)},      \
        {"block3_conv3", "Conv2D", MAPS(c, 256)}, {"block3_pool", "MaxPooling2D", MAPS(d, 256)}, \
        {"block4_conv1", "Conv2D", MAPS(d, 512)}, {"block4_conv2", "Conv2D", MAPS(d, 512)},      \
        {"block4_conv3", "Conv2D", MAPS(d, 512)}, {"block4_pool", "MaxPooling2D", MAPS(e, 512)}, \
        {"block5_conv1", "Conv2D", MAPS(e, 512)}, {"block5_conv2", "Conv2D", MAPS(e, 512)},      \
        {"block5_conv3", "Conv2D", MAPS(e, 512)},                                                \
    {                                                                                            \
        "block5_pool", "MaxPooling2D", MAPS(f, 512)                                              \
    }

START_TEST(test_vgg16)
{
    static const zoo_layer layers[] = {
        VGG16_FEATURES(224, 112, 56, 28, 14, 7), {"flatten", "Flatten", VECTOR(25088)},
        {"fc1", "Dense", VECTOR(4096)},          {"drop1", "Dropout", VECTOR(4096)},
        {"fc2", "Dense", VECTOR(4096)},          {"drop2", "Dropout", VECTOR(4096)},
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
    ck_assert_int_eq(cnn_zoo_create(context, "vgg16-notop", CNN_ZOO(.classes = 2), &model), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(model);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "no classes"));
    ck_assert_int_eq(cnn_zoo_create(context, "vgg16-notop", CNN_ZOO(.input = {31, 32, 3}), &model), CNN_ERROR_SHAPE);
    ck_assert_ptr_null(model);
}
END_TEST

/* FNV-1a over the lines of layers with parameters, "conv1 112x112x64", as golden_networks.py has them. */
static uint32_t checksum(const cnn_model *model, uint32_t *layers)
{
    uint32_t value = 2166136261u;
    *layers = 0;
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        char line[160];
        const char *type = cnn_model_layer_type(model, i);
        cnn_shape shape = cnn_model_layer_shape(model, i);
        if (strstr("Conv2D BatchNormalization Dense", type) == NULL) {
            continue;
        }
        int length = snprintf(line, sizeof(line), "%s ", cnn_model_layer_name(model, i));
        for (uint32_t d = 0; d < shape.rank; d++) {
            length += snprintf(line + length, sizeof(line) - (size_t)length, "%s%lld", d > 0 ? "x" : "",
                               (long long)shape.dims[d]);
        }
        snprintf(line + length, sizeof(line) - (size_t)length, "\n");
        for (const char *at = line; *at != '\0'; at++) {
            value = (value ^ (unsigned char)*at) * 16777619u;
        }
        (*layers)++;
    }
    return value;
}

/* The values of a parameter have the root mean square that torchvision's had. */
static void expect_start(cnn_model *model, const char *network, const char *name, double deviation)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    zoo_find_torch(model, name, &parameter);
    const size_t count = test_shape_values(parameter.value.shape);
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)parameter.value.data[i] * parameter.value.data[i];
    }
    const double found = sqrt(squares / (double)count);
    ck_assert_msg(fabs(found - deviation) <= 6 * deviation / sqrt((double)count), "%s: %s begins with %g, not %g",
                  network, name, found, deviation);
}

START_TEST(test_torchvision)
{
    uint32_t layers = 0;
    const char *name = golden_networks[_i].name;
    const int32_t *input = golden_networks[_i].input;
    cnn_model *model = create(name, CNN_ZOO(.input = {input[0], input[1], 3}, .classes = 1000));
    ck_assert_uint_eq(cnn_model_trainable_values(model), golden_networks[_i].trained);
    ck_assert_uint_eq(cnn_model_values(model), golden_networks[_i].values);
    const uint32_t sum = checksum(model, &layers);
    ck_assert_uint_eq(layers, golden_networks[_i].layers);
    ck_assert_msg(sum == golden_networks[_i].checksum,
                  "names or shapes of %s are others: see golden_networks.py %s and cnn summary", name, name);
    for (size_t i = 0; i < COUNT(golden_networks[_i].starts) && golden_networks[_i].starts[i].name != NULL; i++) {
        expect_start(model, name, golden_networks[_i].starts[i].name, golden_networks[_i].starts[i].deviation);
    }
    cnn_model_free(model);
}
END_TEST

/* What is known of networks beside torchvision's. */
static const struct {
    const char *name;
    int32_t input[3]; /* 0 channels: the network's own */
    uint32_t classes;
    uint64_t trained, values;
    const char *last; /* layer, and what it makes */
    cnn_shape output;
} counts[] = {
    {"catdog", {150, 150}, 2, 3453121, 3453121, "max_pooling2d_4", MAPS(7, 128)},
    {"catdog-vgg16", {150, 150}, 2, 16812353, 16812353, "vgg16", MAPS(4, 512)},
    {"catdog-vgg16", {150, 150}, 3, 16812867, 16812867, "dense_1", VECTOR(3)},
    {"cifar-cnn", {32, 32}, 100, 325956, 325956, "max_pooling2d_1", MAPS(6, 32)},
    {"cifar-fast", {32, 32}, 10, 1971640, 1975096, "block3.gelu2", MAPS(3, 256)},
    {"cifar-cnn", {32, 32}, 10, 302826, 302826, "dense", VECTOR(256)},
    {"lenet5", {32, 32}, 10, 61706, 61706, "s4", MAPS(5, 16)},
    {"lenet5", {28, 28}, 10, 44426, 44426, "s4", MAPS(4, 16)},
    {"resnet50-keras", {32, 32}, 100, 23712932, 23766052, "activation_48", MAPS(1, 2048)},
    {"resnet50-keras:l2=off", {224, 224}, 1000, 25557032, 25610152, "activation_48", MAPS(7, 2048)},
    {"xai", {100, 100}, 2, 14983106, 14992578, "features.51", MAPS(3, 512)},
    {"mobilenet", {224, 224}, 1000, 4231976, 4253864, "conv_pw_13_relu", MAPS(7, 1024)},
    {"mobilenet:alpha=0.25", {128, 128}, 1000, 470072, 475544, "conv_pw_13_relu", MAPS(4, 256)},
    {"xception", {299, 299}, 1000, 22855952, 22910480, "block14_sepconv2_act", MAPS(10, 2048)},
    {"vgg11-notop", {150, 150}, 0, 9220480, 9220480, "block5_pool", MAPS(4, 512)},
    {"vgg13-notop", {150, 150}, 0, 9404992, 9404992, "block5_pool", MAPS(4, 512)},
    {"vgg19-notop", {150, 150}, 0, 20024384, 20024384, "block5_pool", MAPS(4, 512)},
    {"vgg16", {32, 32}, 100, 34006948, 34006948, "block5_pool", MAPS(1, 512)},
    {"resnet18", {224, 224}, 2, 11177538, 11187138, "layer4.1.relu2", MAPS(7, 512)},
    {"resnet50", {32, 32}, 100, 23712932, 23766052, "layer4.2.relu3", MAPS(1, 2048)},
};

START_TEST(test_counts)
{
    const int32_t *input = counts[_i].input;
    cnn_model *model = create(counts[_i].name,
                              CNN_ZOO(.input = {input[0], input[1], input[2]}, .classes = counts[_i].classes));
    ck_assert_uint_eq(cnn_model_trainable_values(model), counts[_i].trained);
    ck_assert_uint_eq(cnn_model_values(model), counts[_i].values);
    cnn_shape shape = cnn_model_value_shape(model, counts[_i].last);
    ck_assert_msg(shape.rank == counts[_i].output.rank, "%s: %s", counts[_i].name, counts[_i].last);
    for (uint32_t d = 0; d < shape.rank; d++) {
        ck_assert_int_eq(shape.dims[d], counts[_i].output.dims[d]);
    }
    cnn_model_free(model);
}
END_TEST

/* The loss of resnet50-keras holds 1e-4 of the squares of all kernels and of fc1000's bias, and of nothing else. */
START_TEST(test_penalty)
{
    double squares = 0, penalty = -1;
    float image[32 * 32 * 3] = {0};
    cnn_session *session = NULL;
    cnn_model *model = create("resnet50-keras", NULL);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        const bool bias = strcmp(parameter.name, "fc1000/bias") == 0;
        for (size_t k = 0; k < test_shape_values(parameter.value.shape); k++) {
            parameter.value.data[k] = bias ? 2 : parameter.value.data[k];
            const double value = parameter.value.data[k];
            squares += bias || parameter.value.shape.rank > 1 ? value * value : 0;
        }
    }
    cnn_model_touch(model);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_penalty(session, &penalty), CNN_OK);
    ck_assert_double_eq_tol(penalty, 1e-4 * squares, 1e-6 * penalty);
    cnn_session_free(session);
    cnn_model_free(model);
    model = create("resnet50-keras:l2=off", NULL);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_penalty(session, &penalty), CNN_OK);
    ck_assert_double_eq(penalty, 0);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* Bytes less ImageNet's means, in the model and its layers. */
START_TEST(test_rescale)
{
    static const double means[] = {123.68, 116.78, 103.94};
    float image[32 * 32 * 3];
    cnn_session *session = NULL;
    cnn_tensor tensor;
    cnn_model *model = create("resnet50-keras:rescale=on", NULL);
    for (size_t i = 0; i < COUNT(image); i++) {
        image[i] = (float)(i % 256) / 255;
    }
    ck_assert_uint_eq(cnn_model_values(model), 23766052);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.keep_activations = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(session, "rescale", &tensor), CNN_OK);
    for (size_t i = 0; i < COUNT(image); i++) {
        ck_assert_double_eq_tol(tensor.data[i], (double)(i % 256) - means[i % 3], 1e-4);
    }
    cnn_session_free(session);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_zoo_create(context, "resnet50-keras:rescale=on", CNN_ZOO(.input = {32, 32, 1}), &model),
                     CNN_ERROR_SHAPE);
}
END_TEST

/* Every network at another size and with other classes, and too small. */
START_TEST(test_sizes)
{
    cnn_model *model = NULL;
    const char *name = cnn_zoo_name((size_t)_i);
    ck_assert_ptr_nonnull(name);
    const bool headless = strstr(name, "notop") != NULL;
    model = create(name, CNN_ZOO(.input = {112, 80, 1}, .classes = headless ? 0 : 3));
    ck_assert_int_eq(cnn_model_input_shape(model).dims[2], 1);
    cnn_shape shape = cnn_model_output_shape(model);
    ck_assert_int_eq(shape.dims[shape.rank - 1], headless ? 512 : 3);
    cnn_model_free(model);
}
END_TEST

/* A network for small images is of small images unless it is told otherwise. */
START_TEST(test_small_stem)
{
    static const int64_t sizes[][3] = {{224, 224, 3}, {32, 32, 3}, {40, 48, 1}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        cnn_model *model = create(i == 0 ? "resnet18" : "resnet18:stem=cifar",
                                  i == 2 ? CNN_ZOO(.input = {40, 48, 1}) : NULL);
        const cnn_shape input = cnn_model_input_shape(model);
        ck_assert_mem_eq(input.dims, sizes[i], sizeof(sizes[i]));
        cnn_model_free(model);
    }
}
END_TEST

START_TEST(test_too_small)
{
    static const struct {
        const char *name, *message;
        int32_t height, width;
    } cases[] = {
        {"vgg16-notop", "vgg16-notop: images of 31x32 are too small; it takes 32x32 and more", 31, 32},
        {"inception-v3", "inception-v3: images of 299x74 are too small; it takes 75x75 and more", 299, 74},
        {"cifar-cnn", "cifar-cnn: images of 32x9 are too small; it takes 10x10 and more", 32, 9},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cnn_model *model = NULL;
        ck_assert_int_eq(
            cnn_zoo_create(context, cases[i].name, CNN_ZOO(.input = {cases[i].height, cases[i].width, 3}), &model),
            CNN_ERROR_SHAPE);
        ck_assert_ptr_null(model);
        ck_assert_str_eq(cnn_last_error(context), cases[i].message);
    }
}
END_TEST

START_TEST(test_numbers)
{
    static const char *const wrong[] = {"mobilenet-v2:width=0", "mobilenet-v2:width=5", "mobilenet-v2:width=wide",
                                        "mobilenet-v2:width=1,width=1"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        cnn_model *model = NULL;
        ck_assert_msg(cnn_zoo_create(context, wrong[i], NULL, &model) == CNN_ERROR_INVALID_ARGUMENT, "%s", wrong[i]);
        ck_assert_ptr_null(model);
    }
}
END_TEST

int main(void)
{
    int networks = 0;
    while (cnn_zoo_name((size_t)networks) != NULL) {
        networks++;
    }
    Suite *suite = suite_create("zoo/networks");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 280);
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_vgg16);
    tcase_add_test(tcase, test_vgg16_options);
    tcase_add_test(tcase, test_vgg16_notop);
    tcase_add_loop_test(tcase, test_torchvision, 0, (int)COUNT(golden_networks));
    tcase_add_loop_test(tcase, test_counts, 0, (int)COUNT(counts));
    tcase_add_loop_test(tcase, test_sizes, 0, networks);
    tcase_add_test(tcase, test_penalty);
    tcase_add_test(tcase, test_rescale);
    tcase_add_test(tcase, test_small_stem);
    tcase_add_test(tcase, test_too_small);
    tcase_add_test(tcase, test_numbers);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
