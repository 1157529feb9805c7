/* SPDX-License-Identifier: MIT */
/* VGG-16 and ResNet-18 compute what torchvision's do, with weights and images from the formula that
 * golden_torchvision.py has too; of ResNet-18 a training step as well. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "zoo/golden_torchvision.h"
#include "zoo/support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { INPUT_STREAM = 1000, PROJECTION_STREAM = 500 };

/* Gradients of the default backend may be one relu away: of 98,304 values behind layer1.0 one that rounding takes to
 * the other side of 0 is 1 / sqrt(98304) = 0.003 of the norm. */
static const struct {
    const char *name; /* NULL: the default */
    double gradients;
} backends[] = {{"reference", 1e-5}, {NULL, 1e-2}};

/* Element `index` of a stream of numbers in [-1, 1). */
static double draw(uint32_t stream, size_t index)
{
    uint32_t x = (uint32_t)index * 2654435761u + stream * 0x9E3779B9u;
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    x ^= x >> 16;
    return (double)(x >> 8) * 0x1p-23 - 1;
}

/* PyTorch's index of an element: kernels are H, W, in, out here and out, in, H, W there; in, out and out, in. */
static size_t torch_index(const cnn_shape *shape, size_t index)
{
    if (shape->rank == 1) {
        return index;
    }
    size_t out = (size_t)shape->dims[shape->rank - 1], in = (size_t)shape->dims[shape->rank - 2];
    size_t area = zoo_values(shape) / (in * out);
    return (index % out * in + index / out % in) * area + index / (in * out);
}

static bool ends(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

/* Parameter `number` of the model is that of state_dict(): both go through the layers in order, and each layer has
 * its kernel before its bias, its gamma, beta, mean and variance in this order. */
static void set_parameters(cnn_model *model)
{
    for (size_t number = 0; number < cnn_model_parameter_count(model); number++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, number, &parameter), CNN_OK);
        const cnn_shape *shape = &parameter.value.shape;
        size_t count = zoo_values(shape);
        double scale = 0.1, middle = 0;
        if (shape->rank > 1) {
            scale = sqrt(6.0 / (double)(count / (size_t)shape->dims[shape->rank - 1]));
        } else if (ends(parameter.name, "/moving_variance") || ends(parameter.name, "/gamma")) {
            scale = ends(parameter.name, "/gamma") ? 0.25 : 0.5;
            middle = 1;
        }
        for (size_t i = 0; i < count; i++) {
            parameter.value.data[i] = (float)(middle + scale * draw((uint32_t)number, torch_index(shape, i)));
        }
    }
    cnn_model_touch(model);
}

static float *make_images(size_t values)
{
    float *images = calloc(values, sizeof(float));
    ck_assert_ptr_nonnull(images);
    for (size_t i = 0; i < values; i++) {
        images[i] = (float)draw(INPUT_STREAM, i);
    }
    return images;
}

/* Every `stride`-th value; the tolerance is a part of the largest. */
static void expect_close(const char *what, const float *found, const double *expected, size_t count, size_t stride,
                         double tolerance)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs(expected[i]));
        double error = fabs(found[i * stride] - expected[i]);
        worst = error > worst || isnan(error) ? error : worst;
    }
    ck_assert_msg(worst <= tolerance * largest, "%s: %g of the largest value away from torchvision's", what,
                  worst / largest);
}

static void open_network(const char *name, const cnn_zoo_options *options, const char *backend, cnn_context **context,
                         cnn_model **model)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backend), context), CNN_OK);
    ck_assert_msg(cnn_zoo_create(*context, name, options, model) == CNN_OK, "%s", cnn_last_error(*context));
    set_parameters(*model);
}

/* Inference of `count` images of 3 channels. */
static void expect_logits(cnn_model *model, size_t count, const double *expected, size_t values, size_t stride)
{
    cnn_session *session = NULL;
    cnn_shape input = cnn_model_input_shape(model);
    float *images = make_images(count * zoo_values(&input));
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = (uint32_t)count), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, count), CNN_OK);
    expect_close(cnn_model_name(model), cnn_session_logits(session), expected, values, stride, 2e-5);
    cnn_session_free(session);
    free(images);
}

START_TEST(test_vgg16_features)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    open_network("vgg16-notop", CNN_ZOO(.input = {64, 32, 3}), NULL, &context, &model);
    expect_logits(model, 1, golden_vgg16_features, COUNT(golden_vgg16_features), 4);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_vgg16)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    open_network("vgg16", CNN_ZOO(.input = {64, 32, 3}, .classes = 10), NULL, &context, &model);
    expect_logits(model, 1, golden_vgg16_logits, COUNT(golden_vgg16_logits), 1);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

/* "layer1.0.bn1.weight" as this library names it. */
static void find(cnn_model *model, const char *torch_name, cnn_parameter *parameter)
{
    static const char *const kinds[][2] = {{".weight", "/kernel"},
                                           {".weight", "/gamma"},
                                           {".bias", "/bias"},
                                           {".bias", "/beta"},
                                           {".running_mean", "/moving_mean"},
                                           {".running_var", "/moving_variance"}};
    char name[96];
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (ends(torch_name, kinds[i][0])) {
            size_t layer = strlen(torch_name) - strlen(kinds[i][0]);
            strcat(memcpy(memset(name, 0, sizeof(name)), torch_name, layer), kinds[i][1]);
            if (cnn_model_find_parameter(model, name, parameter) == CNN_OK) {
                return;
            }
        }
    }
    ck_abort_msg("there is no %s", torch_name);
}

static size_t number_of(cnn_model *model, const char *name)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        if (cnn_model_parameter(model, i, &parameter) == CNN_OK && strcmp(parameter.name, name) == 0) {
            return i;
        }
    }
    ck_abort_msg("there is no %s", name);
    return 0;
}

static void expect_measures(const char *name, const cnn_tensor *tensor, size_t number, double norm, double projection,
                            double tolerance)
{
    double squares = 0, sum = 0;
    for (size_t i = 0; i < zoo_values(&tensor->shape); i++) {
        double value = tensor->data[i];
        squares += value * value;
        sum += value * draw(PROJECTION_STREAM + (uint32_t)number, torch_index(&tensor->shape, i));
    }
    ck_assert_msg(fabs(sqrt(squares) / norm - 1) < tolerance, "%s: norm %.9g, torchvision has %.9g", name,
                  sqrt(squares), norm);
    ck_assert_msg(fabs(sum - projection) < tolerance * norm, "%s: projection %.9g, torchvision has %.9g", name, sum,
                  projection);
}

static void train(cnn_context *context, cnn_model *model, double tolerance)
{
    static const int32_t labels[] = {3, 1, 4, 9};
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    double value = 0;
    float *images = make_images(4 * 64 * 96 * 3);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, 4), CNN_OK);
    expect_close("training", cnn_session_logits(session), golden_resnet18_training_logits,
                 COUNT(golden_resnet18_training_logits), 1, 2e-5);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_msg(fabs(value - golden_resnet18_loss) < 2e-5, "loss %.9g, torchvision has %.9g", value,
                  golden_resnet18_loss);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    for (size_t i = 0; i < COUNT(golden_resnet18_gradients); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        cnn_tensor gradient;
        find(model, golden_resnet18_gradients[i].name, &parameter);
        size_t number = number_of(model, parameter.name);
        ck_assert_int_eq(cnn_session_gradient(session, number, &gradient), CNN_OK);
        expect_measures(golden_resnet18_gradients[i].name, &gradient, number, golden_resnet18_gradients[i].norm,
                        golden_resnet18_gradients[i].projection, tolerance);
    }
    cnn_loss_free(loss);
    cnn_session_free(session);
    free(images);
}

START_TEST(test_resnet18)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    open_network("resnet18", CNN_ZOO(.input = {64, 96, 3}, .classes = 10), backends[_i].name, &context, &model);
    expect_logits(model, 4, golden_resnet18_logits, COUNT(golden_resnet18_logits), 1);
    train(context, model, backends[_i].gradients);
    for (size_t i = 0; i < COUNT(golden_resnet18_statistics); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        find(model, golden_resnet18_statistics[i].name, &parameter);
        expect_measures(golden_resnet18_statistics[i].name, &parameter.value, number_of(model, parameter.name),
                        golden_resnet18_statistics[i].norm, golden_resnet18_statistics[i].projection, 1e-5);
    }
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zoo/torchvision");
    TCase *tcase = tcase_create("torchvision");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_vgg16_features);
    tcase_add_test(tcase, test_vgg16);
    tcase_add_loop_test(tcase, test_resnet18, 0, (int)COUNT(backends));
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
