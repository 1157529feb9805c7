/* SPDX-License-Identifier: MIT */
/* Gradients where layers meet, against finite differences: layers that run as one, values that several layers read,
 * and layers of several values. */
#include <check.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "layer/gradients.h"

static cnn_model *open_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {7, 6, 2}), &model), CNN_OK);
    return model;
}

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
    Suite *suite = suite_create("layer/graph_gradients");
    TCase *tcase = tcase_create("finite differences");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_arithmetic, CNN_MAP_ADD, CNN_MAP_MAX + 1);
    tcase_add_loop_test(tcase, test_matmul, 0, 4);
    tcase_add_test(tcase, test_fused_pool);
    tcase_add_loop_test(tcase, test_fused_norm_pool, 0, 3);
    tcase_add_test(tcase, test_branches);
    tcase_add_test(tcase, test_concatenation);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
