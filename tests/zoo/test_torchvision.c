/* SPDX-License-Identifier: MIT */
/* The networks compute what torchvision's do, with weights and images from the formula that golden_torchvision.py has
 * too: inference, and a training step with the output and the gradients of each part. */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "common/values.h"
#include "zoo/golden_torchvision.h"
#include "zoo/support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { INPUT_STREAM = 30000, PROJECTION_STREAM = 10000, OUTPUT_STREAM = 20000, CLASSES = 10, MOST_PARTS = 32 };

/* Differences allowed, as parts of the norm. Gradients of float32 may be some relus away from those of float64: of
 * 98,304 values behind layer1.0 one that rounding takes to the other side of 0 is 1 / sqrt(98304) = 0.003 of the norm.
 * Normalisation over a few values makes more of it from layer to layer, and fast convolutions round more: PyTorch's own
 * gradients in float32 are up to 0.05 away for inception-v3 and 0.01 for resnet101. */
static const struct {
    const char *name; /* NULL: the default */
    double outputs, gradients;
} backends[] = {{NULL, 1e-3, 0.1}, {"reference", 1e-4, 1e-2}};

typedef struct network {
    const struct golden_network *golden;
    cnn_context *context;
    cnn_model *model;
    cnn_session *session;
    double outputs, gradients; /* largest differences found */
} network;

/* PyTorch's index of an element: kernels are H, W, in, out here and out, in, H, W there; in, out and out, in. */
static size_t torch_index(const cnn_shape *shape, size_t index)
{
    if (shape->rank == 1) {
        return index;
    }
    size_t out = (size_t)shape->dims[shape->rank - 1], in = (size_t)shape->dims[shape->rank - 2];
    size_t area = test_shape_values(*shape) / (in * out);
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
        size_t count = test_shape_values(*shape);
        double scale = 0.1, middle = 0;
        if (shape->rank > 1) {
            scale = sqrt(6.0 / (double)(count / (size_t)shape->dims[shape->rank - 1]));
        } else if (ends(parameter.name, "/moving_variance")) {
            scale = 0.5;
            middle = 1;
        } else if (ends(parameter.name, "/gamma")) {
            middle = ends(parameter.name, "bn3/gamma") ? 0.2 : 1;
            scale = 0.25 * middle;
        }
        for (size_t i = 0; i < count; i++) {
            parameter.value.data[i] = (float)(middle + scale * test_number((uint32_t)number, torch_index(shape, i)));
        }
    }
    cnn_model_touch(model);
}

static float *make_images(size_t values)
{
    float *images = calloc(values, sizeof(float));
    ck_assert_ptr_nonnull(images);
    for (size_t i = 0; i < values; i++) {
        images[i] = (float)test_number(INPUT_STREAM, i);
    }
    return images;
}

/* A sum over tensors whose norm and projection are compared. */
typedef struct sum {
    double squares, projection;
} sum;

static void add_value(sum *s, double value, uint32_t stream, size_t index)
{
    s->squares += value * value;
    s->projection += value * test_number(stream, index);
}

static void add_parameter(sum *s, const cnn_tensor *tensor, size_t number)
{
    for (size_t i = 0; i < test_shape_values(tensor->shape); i++) {
        add_value(s, tensor->data[i], PROJECTION_STREAM + (uint32_t)number, torch_index(&tensor->shape, i));
    }
}

static sum sum_of(const float *values, size_t count, uint32_t stream)
{
    sum s = {0, 0};
    for (size_t i = 0; i < count; i++) {
        add_value(&s, values[i], stream, i);
    }
    return s;
}

static void expect(const network *n, const char *what, const char *part, sum found, const measure *expected,
                   double tolerance, double *worst)
{
    double norm = sqrt(found.squares), most = expected->norm > 0 ? expected->norm : 1;
    double error = fmax(fabs(norm - expected->norm), fabs(found.projection - expected->projection)) / most;
    *worst = fmax(*worst, error);
    ck_assert_msg(error <= tolerance, "%s: %s of %s: norm %.9g, projection %.9g; torchvision has %.9g, %.9g",
                  n->golden->name, what, part, norm, found.projection, expected->norm, expected->projection);
}

/* Whether a layer or a parameter belongs to a part: "layer1" has layer1.0.conv1, "block1" has block1_conv1. */
static bool is_of(const char *name, const char *part)
{
    size_t length = strlen(part);
    return strncmp(name, part, length) == 0 && strchr("._/", name[length]) != NULL;
}

/* The layer whose output is the part's: the last one of it. */
static const char *last_layer(const cnn_model *model, const char *part)
{
    const char *last = NULL;
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        const char *name = cnn_model_layer_name(model, i);
        last = is_of(name, part) ? name : last;
    }
    ck_assert_msg(last != NULL, "there is no layer of %s", part);
    return last;
}

static void open_session(network *n, const cnn_session_options *options, float **images)
{
    cnn_shape input = cnn_model_input_shape(n->model);
    *images = make_images((size_t)n->golden->count * test_shape_values(input));
    ck_assert_int_eq(cnn_session_create(n->model, options, &n->session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(n->session, *images, (size_t)n->golden->count), CNN_OK);
}

static void expect_inference(network *n, double tolerance)
{
    float *images = NULL;
    const size_t count = (size_t)n->golden->count;
    open_session(n, CNN_SESSION(.batch = (uint32_t)count), &images);
    expect(n, "logits", "inference", sum_of(cnn_session_logits(n->session), count * CLASSES, OUTPUT_STREAM),
           &n->golden->inference, tolerance, &n->outputs);
    cnn_session_free(n->session);
    free(images);
}

static void expect_outputs(network *n, const char *const *layers, size_t parts, double tolerance)
{
    cnn_shape output = cnn_model_output_shape(n->model);
    expect(n, "logits", "training",
           sum_of(cnn_session_logits(n->session), (size_t)n->golden->count * test_shape_values(output), OUTPUT_STREAM),
           &n->golden->training, tolerance, &n->outputs);
    /* The last layer is a softmax here. */
    for (size_t i = 0; i + 1 < parts; i++) {
        cnn_tensor values = {NULL, {0, 0, {0}}};
        ck_assert_int_eq(cnn_session_activation(n->session, layers[i], &values), CNN_OK);
        expect(n, "output", n->golden->parts[i].name,
               sum_of(values.data, test_shape_values(values.shape), OUTPUT_STREAM + 1 + (uint32_t)i),
               &n->golden->parts[i].output, tolerance, &n->outputs);
    }
}

static void expect_gradients(network *n, size_t parts, double outputs, double gradients)
{
    cnn_tensor tensor = {NULL, {0, 0, {0}}};
    for (size_t i = 0; i < parts; i++) {
        sum gradient = {0, 0}, statistics = {0, 0};
        for (size_t k = 0; k < cnn_model_parameter_count(n->model); k++) {
            cnn_parameter parameter = CNN_PARAMETER_INIT;
            ck_assert_int_eq(cnn_model_parameter(n->model, k, &parameter), CNN_OK);
            if (!is_of(parameter.name, n->golden->parts[i].name)) {
                continue;
            }
            if (parameter.trainable != 0) {
                ck_assert_int_eq(cnn_session_gradient(n->session, k, &tensor), CNN_OK);
                add_parameter(&gradient, &tensor, k);
            } else {
                add_parameter(&statistics, &parameter.value, k);
            }
        }
        expect(n, "gradients", n->golden->parts[i].name, gradient, &n->golden->parts[i].gradients, gradients,
               &n->gradients);
        expect(n, "statistics", n->golden->parts[i].name, statistics, &n->golden->parts[i].statistics, outputs,
               &n->outputs);
    }
    ck_assert_int_eq(cnn_session_value_gradient(n->session, "input", &tensor), CNN_OK);
    expect(n, "gradient", "the images", sum_of(tensor.data, test_shape_values(tensor.shape), OUTPUT_STREAM),
           &n->golden->pixels, gradients, &n->gradients);
}

static void expect_step(network *n, double outputs, double gradients)
{
    const char *layers[MOST_PARTS], *const images_name[] = {"input"};
    size_t parts = 0;
    int32_t labels[16];
    float *images = NULL;
    cnn_loss *loss = NULL;
    double value = 0;
    for (; parts < MOST_PARTS && n->golden->parts[parts].name != NULL; parts++) {
        layers[parts] = last_layer(n->model, n->golden->parts[parts].name);
    }
    for (int32_t i = 0; i < n->golden->count; i++) {
        labels[i] = i * 3 % CLASSES;
    }
    open_session(n,
                 CNN_SESSION(.batch = (uint32_t)n->golden->count, .training = 1, .keep = layers, .keep_count = parts,
                             .gradients = images_name, .gradient_count = 1),
                 &images);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(n->context, &loss), CNN_OK);
    expect_outputs(n, layers, parts, outputs);
    ck_assert_int_eq(cnn_session_loss(n->session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_msg(fabs(value - n->golden->loss) < outputs, "%s: loss %.9g, torchvision has %.9g", n->golden->name,
                  value, n->golden->loss);
    ck_assert_int_eq(cnn_session_backward(n->session, NULL), CNN_OK);
    expect_gradients(n, parts, outputs, gradients);
    cnn_loss_free(loss);
    cnn_session_free(n->session);
    free(images);
}

START_TEST(test_network)
{
    const size_t backend = (size_t)_i % COUNT(backends);
    network n = {.golden = &golden_networks[(size_t)_i / COUNT(backends)]};
    if (backend > 0 && !n.golden->reference) {
        return;
    }
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backends[backend].name), &n.context),
                     CNN_OK);
    cnn_status status = cnn_zoo_create(
        n.context, n.golden->name,
        CNN_ZOO(.input = {n.golden->input[0], n.golden->input[1], 3}, .classes = CLASSES, .dropout = -1), &n.model);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(n.context));
    set_parameters(n.model);
    expect_inference(&n, backends[backend].outputs);
    expect_step(&n, backends[backend].outputs, backends[backend].gradients);
    printf("# %s, %s: outputs %.1e, gradients %.1e\n", n.golden->name,
           backends[backend].name != NULL ? backends[backend].name : "default", n.outputs, n.gradients);
    cnn_model_free(n.model);
    cnn_context_free(n.context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zoo/torchvision");
    TCase *tcase = tcase_create("torchvision");
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, test_network, 0, (int)(COUNT(golden_networks) * COUNT(backends)));
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
