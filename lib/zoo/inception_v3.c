/* SPDX-License-Identifier: MIT */
/* Inception-v3 (Szegedy et al. 2016) as torchvision builds it, with torchvision's names, without the auxiliary
 * classifier, which only training has. */
#include "zoo/builder.h"
#include "zoo/zoo.h"

/* How a convolution meets the border. */
enum { VALID, PADDED };

static void add_unit(cnn__zoo_builder *b, const char *name, int32_t filters, int32_t height, int32_t width,
                     int32_t stride, int padded)
{
    cnn__zoo_unit(b, name, cnn__zoo_named,
                  CNN_CONV2D(.filters = filters, .kernel = {height, width}, .stride = {stride},
                             .padding = padded == PADDED ? CNN_PADDING_DEFAULT : CNN_PADDING_VALID),
                  CNN_RELU);
}

static void add_square(cnn__zoo_builder *b, const char *name, int32_t filters, int32_t size)
{
    add_unit(b, name, filters, size, size, 1, PADDED);
}

static void add_reduction(cnn__zoo_builder *b, const char *name, int32_t filters)
{
    add_unit(b, name, filters, 3, 3, 2, VALID);
}

/* The branch of a mean over 3x3, which counts the padding. */
static void add_mean(cnn__zoo_builder *b, int32_t filters, cnn__zoo_fork *fork)
{
    cnn__zoo_put(
        b, cnn_average_pool2d(b->context, CNN_POOL2D(.name = cnn__zoo_name(b, "avg_pool"), .size = {3}, .stride = {1},
                                                     .pads = {1, 1, 1, 1}, .count_include_pad = 1)));
    add_square(b, "branch_pool", filters, 1);
    cnn__zoo_end_branch(b, fork);
}

static void add_maximum(cnn__zoo_builder *b, cnn__zoo_fork *fork)
{
    cnn__zoo_max_pool(b, "max_pool", 3, 2, 0);
    cnn__zoo_end_branch(b, fork);
}

static void add_a(cnn__zoo_builder *b, const char *name, int32_t pooled)
{
    cnn__zoo_scope(b, "%s.", name);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_square(b, "branch1x1", 64, 1);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch5x5_1", 48, 1);
    add_square(b, "branch5x5_2", 64, 5);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch3x3dbl_1", 64, 1);
    add_square(b, "branch3x3dbl_2", 96, 3);
    add_square(b, "branch3x3dbl_3", 96, 3);
    cnn__zoo_end_branch(b, &fork);
    add_mean(b, pooled, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
}

static void add_b(cnn__zoo_builder *b, const char *name)
{
    cnn__zoo_scope(b, "%s.", name);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_reduction(b, "branch3x3", 384);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch3x3dbl_1", 64, 1);
    add_square(b, "branch3x3dbl_2", 96, 3);
    add_reduction(b, "branch3x3dbl_3", 96);
    cnn__zoo_end_branch(b, &fork);
    add_maximum(b, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
}

static void add_c(cnn__zoo_builder *b, const char *name, int32_t narrow)
{
    cnn__zoo_scope(b, "%s.", name);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_square(b, "branch1x1", 192, 1);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch7x7_1", narrow, 1);
    add_unit(b, "branch7x7_2", narrow, 1, 7, 1, PADDED);
    add_unit(b, "branch7x7_3", 192, 7, 1, 1, PADDED);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch7x7dbl_1", narrow, 1);
    add_unit(b, "branch7x7dbl_2", narrow, 7, 1, 1, PADDED);
    add_unit(b, "branch7x7dbl_3", narrow, 1, 7, 1, PADDED);
    add_unit(b, "branch7x7dbl_4", narrow, 7, 1, 1, PADDED);
    add_unit(b, "branch7x7dbl_5", 192, 1, 7, 1, PADDED);
    cnn__zoo_end_branch(b, &fork);
    add_mean(b, 192, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
}

static void add_d(cnn__zoo_builder *b, const char *name)
{
    cnn__zoo_scope(b, "%s.", name);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_square(b, "branch3x3_1", 192, 1);
    add_reduction(b, "branch3x3_2", 320);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch7x7x3_1", 192, 1);
    add_unit(b, "branch7x7x3_2", 192, 1, 7, 1, PADDED);
    add_unit(b, "branch7x7x3_3", 192, 7, 1, 1, PADDED);
    add_reduction(b, "branch7x7x3_4", 192);
    cnn__zoo_end_branch(b, &fork);
    add_maximum(b, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
}

/* A branch that ends in two: 1x3 and 3x1 beside one another. */
static void add_split(cnn__zoo_builder *b, const char *const names[3], cnn__zoo_fork *fork)
{
    cnn__zoo_fork split = cnn__zoo_begin_fork(b);
    add_unit(b, names[0], 384, 1, 3, 1, PADDED);
    cnn__zoo_end_branch(b, &split);
    add_unit(b, names[1], 384, 3, 1, 1, PADDED);
    cnn__zoo_end_branch(b, &split);
    cnn__zoo_concatenate(b, names[2], &split);
    cnn__zoo_end_branch(b, fork);
}

static void add_e(cnn__zoo_builder *b, const char *name)
{
    static const char *const threes[] = {"branch3x3_2a", "branch3x3_2b", "branch3x3.cat"}, *const doubles[] = {
                                                                                               "branch3x3dbl_3a",
                                                                                               "branch3x3dbl_3b",
                                                                                               "branch3x3dbl.cat"};
    cnn__zoo_scope(b, "%s.", name);
    cnn__zoo_fork fork = cnn__zoo_begin_fork(b);
    add_square(b, "branch1x1", 320, 1);
    cnn__zoo_end_branch(b, &fork);
    add_square(b, "branch3x3_1", 384, 1);
    add_split(b, threes, &fork);
    add_square(b, "branch3x3dbl_1", 448, 1);
    add_square(b, "branch3x3dbl_2", 384, 3);
    add_split(b, doubles, &fork);
    add_mean(b, 192, &fork);
    cnn__zoo_concatenate(b, "cat", &fork);
}

static void add_mixed(cnn__zoo_builder *b)
{
    add_a(b, "Mixed_5b", 32);
    add_a(b, "Mixed_5c", 64);
    add_a(b, "Mixed_5d", 64);
    add_b(b, "Mixed_6a");
    add_c(b, "Mixed_6b", 128);
    add_c(b, "Mixed_6c", 160);
    add_c(b, "Mixed_6d", 160);
    add_c(b, "Mixed_6e", 192);
    add_d(b, "Mixed_7a");
    add_e(b, "Mixed_7b");
    add_e(b, "Mixed_7c");
    cnn__zoo_scope(b, "%s", "");
}

static void add_layers(cnn_context *context, const cnn__zoo_request *request, cnn_model *model)
{
    cnn__zoo_builder b = cnn__zoo_torch(context, model);
    b.fan_out = false;
    b.kernel_init = (cnn_initializer){CNN_INIT_NORMAL, 0.1f};
    b.norm.epsilon = 1e-3f;
    cnn__zoo_transform(&b, request->choices[0]);
    add_reduction(&b, "Conv2d_1a_3x3", 32);
    add_unit(&b, "Conv2d_2a_3x3", 32, 3, 3, 1, VALID);
    add_square(&b, "Conv2d_2b_3x3", 64, 3);
    cnn__zoo_max_pool(&b, "maxpool1", 3, 2, 0);
    add_square(&b, "Conv2d_3b_1x1", 80, 1);
    add_unit(&b, "Conv2d_4a_3x3", 192, 3, 3, 1, VALID);
    cnn__zoo_max_pool(&b, "maxpool2", 3, 2, 0);
    add_mixed(&b);
    cnn__zoo_global_average(&b, "avgpool");
    cnn__zoo_dropout(&b, "dropout", request->dropout);
    cnn__zoo_dense(&b, CNN_DENSE(.name = "fc", .units = request->classes, .activation = CNN_SOFTMAX,
                                 .kernel_init = {CNN_INIT_NORMAL, 0.1f}, .bias_init = {CNN_INIT_PYTORCH, 0}));
}

const cnn__zoo_kind cnn__zoo_inception_v3 = {
    .name = "inception-v3",
    .description = "Inception-v3 of Szegedy et al. 2016 as torchvision has it: branches of factorised convolutions, no "
                   "auxiliary classifier, 299x299x3, 1000 classes",
    .input = {299, 299, 3},
    .least = 75,
    .classes = 1000,
    .dropout = 0.5f,
    .params = cnn__zoo_transform_params,
    .add_layers = add_layers,
};
