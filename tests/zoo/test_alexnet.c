/* SPDX-License-Identifier: MIT */
/* AlexNet in both forms: the output of each layer, the number of parameters, and how they begin. */
#include <check.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "zoo/support.h"

static cnn_context *context;

static void open_context(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 11), &context), CNN_OK);
}

static void close_context(void) { cnn_context_free(context); }

static void expect_start(cnn_model *model, const char *name, double deviation, float bias)
{
    char text[64];
    zoo_expect_normal(model, strcat(strcpy(text, name), "/kernel"), deviation);
    zoo_expect_constant(model, strcat(strcpy(text, name), "/bias"), bias);
}

START_TEST(test_article)
{
    static const zoo_layer layers[] = {
        {"conv1", "Conv2D", MAPS(55, 96)},    {"pool1", "MaxPooling2D", MAPS(27, 96)},
        {"conv2", "Conv2D", MAPS(27, 256)},   {"pool2", "MaxPooling2D", MAPS(13, 256)},
        {"conv3", "Conv2D", MAPS(13, 384)},   {"conv4", "Conv2D", MAPS(13, 384)},
        {"conv5", "Conv2D", MAPS(13, 256)},   {"pool5", "MaxPooling2D", MAPS(6, 256)},
        {"flatten", "Flatten", VECTOR(9216)}, {"fc6", "Dense", VECTOR(4096)},
        {"drop6", "Dropout", VECTOR(4096)},   {"fc7", "Dense", VECTOR(4096)},
        {"fc8", "Dense", VECTOR(2)},
    };
    static const struct {
        const char *name;
        double deviation;
        float bias;
    } starts[] = {{"conv1", 0.01, 0},    {"conv2", 0.01, 0.1f}, {"conv3", 0.01, 0},   {"conv4", 0.01, 0.1f},
                  {"conv5", 0.01, 0.1f}, {"fc6", 0.005, 0.1f},  {"fc7", 0.005, 0.1f}, {"fc8", 0.01, 0}};
    cnn_model *model = NULL;
    ck_assert_msg(cnn_zoo_create(context, "alexnet", NULL, &model) == CNN_OK, "%s", cnn_last_error(context));
    zoo_expect_layers(model, layers, sizeof(layers) / sizeof(layers[0]));
    ck_assert_uint_eq(cnn_model_values(model), 58289538);
    ck_assert_uint_eq(cnn_model_trainable_values(model), 58289538);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        expect_start(model, starts[i].name, starts[i].deviation, starts[i].bias);
    }
    cnn_model_free(model);
}
END_TEST

START_TEST(test_switches)
{
    cnn_model *model = NULL;
    /* A small input keeps fc6 small; the layers are what counts. */
    ck_assert_int_eq(cnn_zoo_create(context, "alexnet:fc8=drop7", CNN_ZOO(.input = {67, 67, 3}, .classes = 3), &model),
                     CNN_OK);
    ck_assert_uint_eq(cnn_model_layer_count(model), 14);
    ck_assert_str_eq(cnn_model_layer_name(model, 12), "drop7");
    ck_assert_int_eq(cnn_model_output_shape(model).dims[0], 3);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_zoo_create(context, "alexnet:fc8=drop7", CNN_ZOO(.input = {67, 67, 3}, .dropout = -1), &model),
                     CNN_OK);
    ck_assert_uint_eq(cnn_model_layer_count(model), 12);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_zoo_create(context, "alexnet:fc8=fc7", CNN_ZOO(.input = {67, 67, 3}), &model), CNN_OK);
    ck_assert_uint_eq(cnn_model_layer_count(model), 13);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_wrong_options)
{
    static const char *const names[] = {"alexnet:",           "alexnet:fc8",     "alexnet:fc8=",   "alexnet:fc8=drop8",
                                        "alexnet:fc8=drop7,", "alexnet:fc9=fc7", "catdog:fc8=fc7", "alexnet:=fc7"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cnn_model *model = NULL;
        ck_assert_msg(cnn_zoo_create(context, names[i], CNN_ZOO(.input = {67, 67, 3}), &model) ==
                          CNN_ERROR_INVALID_ARGUMENT,
                      "%s", names[i]);
        ck_assert_ptr_null(model);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "network: character"));
    }
}
END_TEST

START_TEST(test_paper)
{
    static const zoo_layer layers[] = {
        {"conv1", "Conv2D", MAPS(55, 96)},
        {"norm1", "LocalResponseNorm", MAPS(55, 96)},
        {"pool1", "MaxPooling2D", MAPS(27, 96)},
        {"conv2", "Conv2D", MAPS(27, 256)},
        {"norm2", "LocalResponseNorm", MAPS(27, 256)},
        {"pool2", "MaxPooling2D", MAPS(13, 256)},
        {"conv3", "Conv2D", MAPS(13, 384)},
        {"conv4", "Conv2D", MAPS(13, 384)},
        {"conv5", "Conv2D", MAPS(13, 256)},
        {"pool5", "MaxPooling2D", MAPS(6, 256)},
        {"flatten", "Flatten", VECTOR(9216)},
        {"fc6", "Dense", VECTOR(4096)},
        {"drop6", "Dropout", VECTOR(4096)},
        {"fc7", "Dense", VECTOR(4096)},
        {"drop7", "Dropout", VECTOR(4096)},
        {"fc8", "Dense", VECTOR(1000)},
    };
    static const struct {
        const char *name;
        float bias;
    } starts[] = {{"conv1", 0}, {"conv2", 1}, {"conv3", 0}, {"conv4", 1},
                  {"conv5", 1}, {"fc6", 1},   {"fc7", 1},   {"fc8", 0}};
    cnn_model *model = NULL;
    ck_assert_msg(cnn_zoo_create(context, "alexnet-paper", NULL, &model) == CNN_OK, "%s", cnn_last_error(context));
    zoo_expect_layers(model, layers, sizeof(layers) / sizeof(layers[0]));
    ck_assert_uint_eq(cnn_model_values(model), 60965224);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        expect_start(model, starts[i].name, 0.01, starts[i].bias);
    }
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv2/kernel", &kernel), CNN_OK);
    ck_assert_int_eq(kernel.value.shape.dims[2], 48);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zoo/alexnet");
    TCase *tcase = tcase_create("alexnet");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, open_context, close_context);
    tcase_add_test(tcase, test_article);
    tcase_add_test(tcase, test_switches);
    tcase_add_test(tcase, test_wrong_options);
    tcase_add_test(tcase, test_paper);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
