/* SPDX-License-Identifier: MIT */
/* Finite differences for layers of sequences, volumes and graphs, and for convolutions that are made of others. Each
 * has a layer with parameters before it, so that the gradient by its input is part of what is compared. */
#include <check.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "layer/gradients.h"

typedef cnn_layer *(*layer_maker)(cnn_context *context);

#define LAYER(name, kind, ...) \
    static cnn_layer *name(cnn_context *c) { return cnn_##kind(c, __VA_ARGS__); }

/* ---- images ---- */

LAYER(depthwise, depthwise_conv2d, CNN_DEPTHWISE_CONV2D(.multiplier = 1))
LAYER(depthwise_twice, depthwise_conv2d,
      CNN_DEPTHWISE_CONV2D(.multiplier = 2, .stride = {2}, .padding = CNN_PADDING_SAME, .activation = CNN_TANH))
LAYER(depthwise_dilated, depthwise_conv2d,
      CNN_DEPTHWISE_CONV2D(.dilation = {2}, .pads = {1, 2, 2, 1}, .no_bias = 1, .activation = CNN_RELU))
LAYER(separable, separable_conv2d, CNN_SEPARABLE_CONV2D(.filters = 5))
LAYER(separable_tanh, separable_conv2d,
      CNN_SEPARABLE_CONV2D(.filters = 3, .multiplier = 2, .stride = {2}, .padding = CNN_PADDING_SAME,
                           .activation = CNN_TANH))
LAYER(separable_softmax, separable_conv2d,
      CNN_SEPARABLE_CONV2D(.filters = 3, .kernel = {2, 3}, .no_bias = 1, .activation = CNN_SOFTMAX))
LAYER(transposed, conv2d_transpose, CNN_CONV2D_TRANSPOSE(.filters = 3))
LAYER(transposed_strided, conv2d_transpose,
      CNN_CONV2D_TRANSPOSE(.filters = 3, .kernel = {4, 3}, .stride = {2}, .pads = {1, 0, 2, 1},
                           .output_padding = {1, 0}, .activation = CNN_TANH))
LAYER(transposed_groups, conv2d_transpose,
      CNN_CONV2D_TRANSPOSE(.filters = 4, .stride = {1, 3}, .dilation = {2, 1}, .groups = 2, .no_bias = 1,
                           .activation = CNN_SIGMOID))
LAYER(transposed_same, conv2d_transpose,
      CNN_CONV2D_TRANSPOSE(.filters = 2, .stride = {2}, .padding = CNN_PADDING_SAME, .activation = CNN_RELU))
LAYER(transposed_valid, conv2d_transpose,
      CNN_CONV2D_TRANSPOSE(.filters = 2, .kernel = {2}, .stride = {3}, .padding = CNN_PADDING_VALID))

/* ---- sequences ---- */

LAYER(conv1d, conv1d, CNN_CONV1D(.filters = 5))
LAYER(conv1d_tanh, conv1d,
      CNN_CONV1D(.filters = 4, .kernel = 4, .stride = 2, .groups = 2, .padding = CNN_PADDING_SAME,
                 .activation = CNN_TANH))
LAYER(conv1d_causal, conv1d, CNN_CONV1D(.filters = 3, .dilation = 2, .pads = {4, 0}, .activation = CNN_SOFTMAX))
LAYER(max_pool1d, max_pool1d, CNN_POOL1D(.size = 3, .stride = 2, .pads = {1, 1}))
LAYER(dilated_pool1d, max_pool1d, CNN_POOL1D(.size = 3, .stride = 1, .dilation = 2, .pads = {1, 1}))
LAYER(average_pool1d, average_pool1d, CNN_POOL1D(.size = 3, .stride = 2, .padding = CNN_PADDING_SAME))
LAYER(zero_pad1d, zero_pad1d, CNN_ZERO_PAD1D(.pads = {2, 1}))
LAYER(global_average_pool1d, global_average_pool1d, NULL)
LAYER(global_max_pool1d, global_max_pool1d, NULL)

/* ---- any of them ---- */

LAYER(norm, batch_norm, CNN_BATCH_NORM(.activation = CNN_RELU))
LAYER(dropout, dropout, CNN_DROPOUT(.rate = 0.4f, .channels = 1))

/* ---- volumes ---- */

LAYER(conv3d, conv3d, CNN_CONV3D(.filters = 4))
LAYER(conv3d_tanh, conv3d,
      CNN_CONV3D(.filters = 4, .kernel = {2, 3, 1}, .stride = {2, 1, 2}, .groups = 2, .padding = CNN_PADDING_SAME,
                 .activation = CNN_TANH))
LAYER(conv3d_explicit, conv3d,
      CNN_CONV3D(.filters = 3, .dilation = {2, 1, 1}, .pads = {3, 1, 0, 1, 1, 0}, .no_bias = 1, .activation = CNN_RELU))
LAYER(transposed3d, conv3d_transpose,
      CNN_CONV3D_TRANSPOSE(.filters = 2, .kernel = {2, 3, 1}, .stride = {2, 1, 2}, .pads = {1, 0, 0, 1, 0, 0},
                           .output_padding = {0, 0, 1}, .activation = CNN_TANH))
LAYER(transposed3d_groups, conv3d_transpose,
      CNN_CONV3D_TRANSPOSE(.filters = 4, .kernel = {2}, .dilation = {1, 2, 1}, .groups = 2, .no_bias = 1))
LAYER(transposed3d_same, conv3d_transpose,
      CNN_CONV3D_TRANSPOSE(.filters = 2, .stride = {1, 2, 1}, .padding = CNN_PADDING_SAME, .activation = CNN_RELU))
LAYER(conv3d_one, conv3d, CNN_CONV3D(.filters = 3, .kernel = {1}))
LAYER(conv3d_padding, conv3d, CNN_CONV3D(.filters = 2, .kernel = {1, 2, 2}, .pads = {2, 1, 0, 0, 0, 0}))
LAYER(max_pool3d, max_pool3d, CNN_POOL3D(.size = {2, 3, 2}, .stride = {1, 2, 2}, .pads = {1, 0, 1, 1, 0, 1}))
LAYER(dilated_pool3d, average_pool3d, CNN_POOL3D(.size = {2}, .stride = {1}, .dilation = {2, 1, 2}, .pads = {1, 1}))
LAYER(average_pool3d, average_pool3d, CNN_POOL3D(.size = {3}, .stride = {2}, .pads = {1, 1, 1, 1, 1, 1}, .ceil = 1))
LAYER(zero_pad3d, zero_pad3d, CNN_ZERO_PAD3D(.pads = {1, 0, 2, 1, 0, 1}))
LAYER(global_average_pool3d, global_average_pool3d, NULL)
LAYER(global_max_pool3d, global_max_pool3d, NULL)

typedef struct gradient_case {
    const char *name;
    layer_maker make;
    uint32_t rank; /* of a sample */
} gradient_case;

#define CASE(name, rank)  \
    {                     \
#name, name, rank \
    }

static const gradient_case cases[] = {
    CASE(depthwise, 3),
    CASE(depthwise_twice, 3),
    CASE(depthwise_dilated, 3),
    CASE(separable, 3),
    CASE(separable_tanh, 3),
    CASE(separable_softmax, 3),
    CASE(transposed, 3),
    CASE(transposed_strided, 3),
    CASE(transposed_groups, 3),
    CASE(transposed_same, 3),
    CASE(transposed_valid, 3),
    CASE(conv1d, 2),
    CASE(conv1d_tanh, 2),
    CASE(conv1d_causal, 2),
    CASE(max_pool1d, 2),
    CASE(average_pool1d, 2),
    CASE(transposed3d, 4),
    CASE(transposed3d_groups, 4),
    CASE(transposed3d_same, 4),
    CASE(dilated_pool1d, 2),
    CASE(dilated_pool3d, 4),
    CASE(zero_pad1d, 2),
    CASE(global_average_pool1d, 2),
    CASE(global_max_pool1d, 2),
    CASE(norm, 2),
    CASE(dropout, 2),
    CASE(conv3d, 4),
    CASE(conv3d_tanh, 4),
    CASE(conv3d_explicit, 4),
    CASE(conv3d_one, 4),
    CASE(conv3d_padding, 4),
    CASE(max_pool3d, 4),
    CASE(average_pool3d, 4),
    CASE(zero_pad3d, 4),
    CASE(global_average_pool3d, 4),
    CASE(global_max_pool3d, 4),
    CASE(norm, 4),
    CASE(dropout, 4),
};

static cnn_model *open_model(cnn_context *context, uint32_t rank)
{
    static const cnn_shape shapes[] = {{2, 0, {9, 2}}, {3, 0, {7, 6, 2}}, {4, 0, {4, 3, 5, 2}}};
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = shapes[rank - 2]), &model), CNN_OK);
    return model;
}

static cnn_layer *stem(cnn_context *context, uint32_t rank)
{
    return rank == 2   ? cnn_conv1d(context, CNN_CONV1D(.filters = 4, .padding = CNN_PADDING_SAME))
           : rank == 3 ? cnn_conv2d(context, CNN_CONV2D(.filters = 4, .padding = CNN_PADDING_SAME))
                       : cnn_conv3d(context, CNN_CONV3D(.filters = 4, .padding = CNN_PADDING_SAME));
}

START_TEST(test_layers)
{
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = open_model(context, cases[_i].rank);
        cnn_model_add(model, stem(context, cases[_i].rank));
        cnn_model_add(model, cases[_i].make(context));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s: %s", cases[_i].name, cnn_last_error(context));
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(test_graphs)
{
    /* The adjacency comes from a layer with parameters, and has positive entries: it has a gradient, too. */
    for (size_t b = 0; b < GRADIENTS_BACKENDS; b++) {
        cnn_context *context = gradients_context(b);
        cnn_model *model = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = {2, 0, {5, 6}}, .input_name = "nodes"), &model),
                         CNN_OK);
        cnn_model_add_input(model, "edges", &(cnn_shape){2, 0, {5, 5}});
        cnn_model_add(model, cnn_conv1d(context, CNN_CONV1D(.name = "adjacency", .filters = 5, .kernel = 1,
                                                            .activation = CNN_SIGMOID)));
        cnn_model_add_after(model, cnn_conv1d(context, CNN_CONV1D(.name = "features", .filters = 3, .kernel = 1)),
                            (const char *[]){"nodes"}, 1);
        cnn_model_add_after(model,
                            cnn_graph_conv(context, CNN_GRAPH_CONV(.units = 4, .normalization = _i,
                                                                   .activation = CNN_TANH, .no_bias = _i == 1)),
                            (const char *[]){"features", "adjacency"}, 2);
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3)));
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
        gradients_check(model);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer/more_gradients");
    TCase *tcase = tcase_create("finite differences");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_layers, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_loop_test(tcase, test_graphs, CNN_GRAPH_UNDIRECTED, CNN_GRAPH_GIVEN + 1);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
