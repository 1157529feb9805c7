/* SPDX-License-Identifier: MIT */
/* Operations on arrays against torch.nn.functional, the same numbers from the layers in a model and from its file,
 * sizes without computing, refusals, and failing allocations. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"
#include "functional/golden_functional.h"

/* Streams of draw(), as in golden_functional.py. */
enum { X = 1, W = 2, B = 3, P = 4, MOST_TENSORS = 8 };

#define SHAPE(...) ((cnn_shape){sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), 0, {__VA_ARGS__}})

static cnn_context *context;
static cnn_tensor pool[MOST_TENSORS]; /* freed after each test */
static size_t pool_count;

/* Numbers in [-1, 1): the finalizer of MurmurHash3 over index and stream. */
static void draw(float *to, size_t count, uint32_t stream)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = (float)test_number(stream, i);
    }
}

/* A tensor of drawn numbers, times `scale`; of the stream's absolute values plus 0.5 where that is negative. */
static const cnn_tensor *scaled(uint32_t stream, cnn_shape shape, float scale)
{
    ck_assert_uint_lt(pool_count, MOST_TENSORS);
    cnn_tensor *tensor = &pool[pool_count++];
    *tensor = (cnn_tensor){malloc(test_shape_values(shape) * sizeof(float)), shape};
    draw(tensor->data, test_shape_values(shape), stream);
    for (size_t i = 0; i < test_shape_values(shape); i++) {
        tensor->data[i] = scale < 0 ? fabsf(tensor->data[i]) + 0.5f : scale * tensor->data[i];
    }
    return tensor;
}

static const cnn_tensor *drawn(uint32_t stream, cnn_shape shape) { return scaled(stream, shape, 1); }

static void free_pool(void)
{
    while (pool_count > 0) {
        free(pool[--pool_count].data);
    }
}

static const char *const backends[] = {"reference", NULL};

static void open_context(int backend)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backends[backend]), &context), CNN_OK);
}

static void tear_down(void)
{
    free_pool();
    cnn_context_free(context);
    context = NULL;
}

/* ---- the cases: a call, the layer that it is, and the numbers ---- */

typedef const cnn_tensor tensor;

#define CALL(name) static cnn_status name(tensor *x, cnn_tensor *y)
#define LAYER(name) static cnn_layer *name(void)

/* A convolution's call and its layer, of the same options. */
#define CONVOLUTION(name, kind, MACRO, filters, bias, ...) \
    CALL(call_##name) { return cnn_functional_##kind(context, MACRO(__VA_ARGS__), x, drawn(W, filters), bias, y); }

CONVOLUTION(conv1d, conv1d, CNN_CONV1D, SHAPE(3, 4, 5), drawn(B, SHAPE(5)), .stride = 1)
CONVOLUTION(conv1d_groups, conv1d, CNN_CONV1D, SHAPE(3, 2, 6), NULL, .stride = 2, .dilation = 2, .groups = 2,
            .pads = {2, 1})
CONVOLUTION(conv1d_causal, conv1d, CNN_CONV1D, SHAPE(3, 4, 3), drawn(B, SHAPE(3)), .dilation = 2, .pads = {4, 0})
CONVOLUTION(conv2d, conv2d, CNN_CONV2D, SHAPE(3, 3, 4, 3), drawn(B, SHAPE(3)), .stride = {2}, .pads = {1, 1, 1, 1},
            .activation = CNN_RELU)
CONVOLUTION(conv2d_softmax, conv2d, CNN_CONV2D, SHAPE(3, 3, 4, 3), drawn(B, SHAPE(3)), .stride = {2},
            .pads = {1, 1, 1, 1}, .activation = CNN_SOFTMAX)
CONVOLUTION(depthwise, depthwise_conv2d, CNN_DEPTHWISE_CONV2D, SHAPE(3, 3, 1, 8), drawn(B, SHAPE(8)), .stride = {2, 1},
            .pads = {1, 1, 1, 1})
CONVOLUTION(transpose, conv2d_transpose, CNN_CONV2D_TRANSPOSE, SHAPE(3, 3, 3, 4), drawn(B, SHAPE(3)), .stride = {1})
CONVOLUTION(transpose_strided, conv2d_transpose, CNN_CONV2D_TRANSPOSE, SHAPE(4, 3, 2, 4), drawn(B, SHAPE(2)),
            .stride = {2}, .pads = {1, 1, 1, 1}, .output_padding = {1, 0})
CONVOLUTION(transpose_dilated, conv2d_transpose, CNN_CONV2D_TRANSPOSE, SHAPE(2, 3, 3, 4), NULL, .stride = {3, 2},
            .pads = {1, 1, 0, 0}, .output_padding = {2, 1}, .groups = 2, .dilation = {1, 2})
CONVOLUTION(transpose_keras_valid, conv2d_transpose, CNN_CONV2D_TRANSPOSE, SHAPE(2, 2, 2, 4), drawn(B, SHAPE(2)),
            .stride = {3}, .padding = CNN_PADDING_VALID)
CONVOLUTION(transpose_keras_same, conv2d_transpose, CNN_CONV2D_TRANSPOSE, SHAPE(3, 3, 2, 4), drawn(B, SHAPE(2)),
            .stride = {2}, .padding = CNN_PADDING_SAME)
CONVOLUTION(transpose_keras_same_1, conv2d_transpose, CNN_CONV2D_TRANSPOSE, SHAPE(4, 4, 2, 4), drawn(B, SHAPE(2)),
            .padding = CNN_PADDING_SAME)
CONVOLUTION(conv3d, conv3d, CNN_CONV3D, SHAPE(3, 2, 3, 2, 3), drawn(B, SHAPE(3)), .stride = {2, 1, 2},
            .pads = {1, 1, 1, 1, 1, 1})
CONVOLUTION(conv3d_groups, conv3d, CNN_CONV3D, SHAPE(2, 1, 2, 1, 4), NULL, .dilation = {2, 1, 3}, .groups = 2)
CONVOLUTION(conv3d_one, conv3d, CNN_CONV3D, SHAPE(1, 1, 1, 2, 3), drawn(B, SHAPE(3)), .activation = CNN_SIGMOID)
CONVOLUTION(dense, dense, CNN_DENSE, SHAPE(6, 4), drawn(B, SHAPE(4)), .activation = CNN_SIGMOID)

#define POOLING(name, kind, MACRO, ...)                                                    \
    CALL(call_##name) { return cnn_functional_##kind(context, MACRO(__VA_ARGS__), x, y); } \
    LAYER(layer_##name) { return cnn_##kind(context, MACRO(__VA_ARGS__)); }

POOLING(max_pool1d, max_pool1d, CNN_POOL1D, .size = 3, .stride = 2, .pads = {1, 1})
POOLING(average_pool1d, average_pool1d, CNN_POOL1D, .size = 3, .stride = 2, .pads = {1, 1}, .ceil = 1)
POOLING(max_pool2d, max_pool2d, CNN_POOL2D, .size = {2, 3}, .stride = {2, 1}, .pads = {1, 1, 0, 0}, .ceil = 1)
POOLING(average_pool2d, average_pool2d, CNN_POOL2D, .size = {3}, .stride = {2}, .pads = {1, 1, 1, 1}, .ceil = 1,
        .count_include_pad = 1)
POOLING(max_pool3d, max_pool3d, CNN_POOL3D, .size = {2, 3, 2}, .stride = {1, 2, 2}, .pads = {1, 1, 1, 1, 0, 0})
POOLING(average_pool3d, average_pool3d, CNN_POOL3D, .size = {3}, .stride = {2}, .pads = {1, 1, 1, 1, 1, 1}, .ceil = 1,
        .count_include_pad = 1)
POOLING(average_pool3d_exclude, average_pool3d, CNN_POOL3D, .size = {3}, .stride = {2}, .pads = {1, 1, 1, 1, 1, 1},
        .ceil = 1)
POOLING(local_response_norm, local_response_norm, CNN_LRN, .convention = CNN_PYTORCH, .size = 3, .alpha = 0.5f,
        .beta = 0.75f, .bias = 2)

CALL(call_separable)
{
    return cnn_functional_separable_conv2d(
        context, CNN_SEPARABLE_CONV2D(.padding = CNN_PADDING_SAME, .activation = CNN_TANH), x,
        drawn(W, SHAPE(3, 3, 1, 8)), drawn(P, SHAPE(1, 1, 8, 2)), drawn(B, SHAPE(2)), y);
}

CALL(call_batch_norm)
{
    return cnn_functional_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH), x, drawn(W, SHAPE(4)), NULL,
                                     drawn(B, SHAPE(4)), scaled(P, SHAPE(4), -1), y);
}

CALL(call_softmax)
{
    (void)x;
    return cnn_functional_softmax(context, scaled(X, SHAPE(3, 6), 4), y);
}

static cnn_status call_graph(int32_t normalization, int32_t activation, bool bias, tensor *x, cnn_tensor *y)
{
    const cnn_tensor adjacency = {(float *)golden_adjacency, SHAPE(2, 5, 5)};
    return cnn_functional_graph_conv(context, CNN_GRAPH_CONV(.normalization = normalization, .activation = activation),
                                     x, &adjacency, drawn(W, SHAPE(3, 2)), bias ? drawn(B, SHAPE(2)) : NULL, y);
}

CALL(call_graph_undirected) { return call_graph(CNN_GRAPH_UNDIRECTED, CNN_TANH, true, x, y); }
CALL(call_graph_directed) { return call_graph(CNN_GRAPH_DIRECTED, CNN_LINEAR, true, x, y); }
CALL(call_graph_given) { return call_graph(CNN_GRAPH_GIVEN, CNN_LINEAR, false, x, y); }

/* Layers with parameters: the kernel's stream is W, then P of a separable one, then B. */
LAYER(layer_conv1d) { return cnn_conv1d(context, CNN_CONV1D(.filters = 5)); }
LAYER(layer_conv1d_groups)
{
    return cnn_conv1d(context,
                      CNN_CONV1D(.filters = 6, .stride = 2, .dilation = 2, .groups = 2, .pads = {2, 1}, .no_bias = 1));
}
LAYER(layer_depthwise)
{
    return cnn_depthwise_conv2d(context, CNN_DEPTHWISE_CONV2D(.multiplier = 2, .stride = {2, 1}, .pads = {1, 1, 1, 1}));
}
LAYER(layer_separable)
{
    return cnn_separable_conv2d(context, CNN_SEPARABLE_CONV2D(.filters = 2, .multiplier = 2,
                                                              .padding = CNN_PADDING_SAME, .activation = CNN_TANH));
}
LAYER(layer_transpose_strided)
{
    return cnn_conv2d_transpose(context, CNN_CONV2D_TRANSPOSE(.filters = 2, .kernel = {4, 3}, .stride = {2},
                                                              .pads = {1, 1, 1, 1}, .output_padding = {1, 0}));
}
LAYER(layer_transpose_dilated)
{
    return cnn_conv2d_transpose(context, CNN_CONV2D_TRANSPOSE(.filters = 6, .kernel = {2, 3}, .stride = {3, 2},
                                                              .pads = {1, 1, 0, 0}, .output_padding = {2, 1},
                                                              .groups = 2, .dilation = {1, 2}, .no_bias = 1));
}
LAYER(layer_conv3d)
{
    return cnn_conv3d(context,
                      CNN_CONV3D(.filters = 3, .kernel = {3, 2, 3}, .stride = {2, 1, 2}, .pads = {1, 1, 1, 1, 1, 1}));
}

#define RESIZE(name, ...) \
    CALL(call_##name) { return cnn_functional_resize(context, CNN_RESIZE(__VA_ARGS__), x, y); }

RESIZE(resize_nearest, .size = {7, 4}, .places = CNN_PLACES_ASYMMETRIC, .rounding = CNN_ROUND_DOWN)
RESIZE(resize_bilinear, .size = {3, 8}, .mode = CNN_SAMPLE_LINEAR)
RESIZE(resize_corners, .size = {7, 3}, .mode = CNN_SAMPLE_LINEAR, .places = CNN_PLACES_ALIGN_CORNERS)

typedef struct golden {
    const char *name;
    cnn_shape x;
    cnn_status (*call)(tensor *x, cnn_tensor *y);
    cnn_layer *(*layer)(void); /* NULL: not tried in a model */
    const float *expected;
    size_t count;
} golden;

#define SEQUENCE SHAPE(2, 9, 4)
#define IMAGE SHAPE(1, 5, 6, 4)
#define SMALL SHAPE(1, 3, 4, 4)
#define VOLUME SHAPE(1, 4, 3, 5, 2)
#define GOLDEN(name, shape, layer)                                                             \
    {                                                                                          \
#name, shape, call_##name, layer, golden_##name, sizeof(golden_##name) / sizeof(float) \
    }

static const golden cases[] = {
    GOLDEN(conv1d, SEQUENCE, layer_conv1d),
    GOLDEN(conv1d_groups, SEQUENCE, layer_conv1d_groups),
    GOLDEN(conv1d_causal, SEQUENCE, NULL),
    GOLDEN(max_pool1d, SEQUENCE, layer_max_pool1d),
    GOLDEN(average_pool1d, SEQUENCE, layer_average_pool1d),
    GOLDEN(conv2d, IMAGE, NULL),
    GOLDEN(conv2d_softmax, IMAGE, NULL),
    GOLDEN(depthwise, IMAGE, layer_depthwise),
    GOLDEN(separable, IMAGE, layer_separable),
    GOLDEN(max_pool2d, IMAGE, layer_max_pool2d),
    GOLDEN(average_pool2d, IMAGE, layer_average_pool2d),
    GOLDEN(batch_norm, IMAGE, NULL),
    GOLDEN(local_response_norm, IMAGE, layer_local_response_norm),
    GOLDEN(transpose, SMALL, NULL),
    GOLDEN(transpose_strided, SMALL, layer_transpose_strided),
    GOLDEN(transpose_dilated, SMALL, layer_transpose_dilated),
    GOLDEN(transpose_keras_valid, SMALL, NULL),
    GOLDEN(transpose_keras_same, SMALL, NULL),
    GOLDEN(transpose_keras_same_1, SMALL, NULL),
    GOLDEN(conv3d, VOLUME, layer_conv3d),
    GOLDEN(conv3d_groups, VOLUME, NULL),
    GOLDEN(conv3d_one, VOLUME, NULL),
    GOLDEN(max_pool3d, VOLUME, layer_max_pool3d),
    GOLDEN(average_pool3d, VOLUME, layer_average_pool3d),
    GOLDEN(average_pool3d_exclude, VOLUME, layer_average_pool3d_exclude),
    GOLDEN(resize_nearest, IMAGE, NULL),
    GOLDEN(resize_bilinear, IMAGE, NULL),
    GOLDEN(resize_corners, IMAGE, NULL),
    GOLDEN(dense, SHAPE(3, 6), NULL),
    GOLDEN(softmax, SHAPE(3, 6), NULL),
    GOLDEN(graph_undirected, SHAPE(2, 5, 3), NULL),
    GOLDEN(graph_directed, SHAPE(2, 5, 3), NULL),
    GOLDEN(graph_given, SHAPE(2, 5, 3), NULL),
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void expect(const golden *g, const char *where, const float *found)
{
    for (size_t i = 0; i < g->count; i++) {
        ck_assert_msg(fabsf(found[i] - g->expected[i]) <= 4e-6f, "%s, %s: value %zu is %.8g, expected %.8g", g->name,
                      where, i, found[i], g->expected[i]);
    }
}

START_TEST(calls_give_pytorchs_numbers)
{
    const golden *g = &cases[_i];
    for (int b = 0; b < 2; b++) {
        open_context(b);
        tensor *x = drawn(X, g->x);
        cnn_tensor y = {NULL, {0}};
        ck_assert_msg(g->call(x, &y) == CNN_OK, "%s: %s", g->name, cnn_last_error(context));
        ck_assert_uint_eq(test_shape_values(y.shape), g->count);
        free_pool();
        y.data = malloc(g->count * sizeof(float));
        memset(y.data, 0xFF, g->count * sizeof(float)); /* NaN */
        ck_assert_msg(g->call(drawn(X, g->x), &y) == CNN_OK, "%s: %s", g->name, cnn_last_error(context));
        expect(g, "functional", y.data);
        y.shape.dims[1]++;
        free_pool();
        ck_assert_int_eq(g->call(drawn(X, g->x), &y), CNN_ERROR_SHAPE);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "y has the shape"));
        free(y.data);
        tear_down();
    }
}
END_TEST

static void set_parameters(cnn_model *model)
{
    const size_t count = cnn_model_parameter_count(model);
    for (size_t i = 0; i < count; i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        const uint32_t stream = strstr(p.name, "bias") != NULL ? B : strstr(p.name, "pointwise") != NULL ? P : W;
        draw(p.value.data, test_shape_values(p.value.shape), stream);
    }
    cnn_model_touch(model);
}

static void expect_model(const golden *g, const char *where, cnn_model *model, const float *x, bool training)
{
    cnn_session *session = NULL;
    const uint32_t batch = (uint32_t)g->x.dims[0];
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = batch, .training = training), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, x, batch), CNN_OK);
    expect(g, where, cnn_session_output(session));
    cnn_session_free(session);
}

START_TEST(layers_give_the_same)
{
    const golden *g = &cases[_i];
    for (int b = 0; b < 2 && g->layer != NULL; b++) {
        open_context(b);
        cnn_model *model = NULL, *again = NULL;
        cnn_model_options options = {.struct_size = sizeof(options), .shape = {g->x.rank - 1, 0, {0}}};
        memcpy(options.shape.dims, g->x.dims + 1, (g->x.rank - 1) * sizeof(int64_t));
        ck_assert_int_eq(cnn_model_create(context, &options, &model), CNN_OK);
        cnn_model_add(model, g->layer());
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
        set_parameters(model);
        const float *x = drawn(X, g->x)->data;
        expect_model(g, "inference", model, x, false);
        expect_model(g, "training", model, x, true);
        char path[] = "/tmp/cnn_functional_XXXXXX";
        const int file = mkstemp(path);
        ck_assert_int_ge(file, 0);
        close(file);
        ck_assert_msg(cnn_model_save(model, path) == CNN_OK, "%s", cnn_last_error(context));
        ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
        unlink(path);
        expect_model(g, "loaded", again, x, false);
        cnn_model_free(again);
        cnn_model_free(model);
        tear_down();
    }
}
END_TEST

START_TEST(what_does_not_fit_is_named)
{
    open_context(1);
    tensor *x = drawn(X, SHAPE(1, 5, 6, 4)), *filters = drawn(W, SHAPE(3, 3, 4, 3)), *bias = drawn(B, SHAPE(2));
    tensor *wide = drawn(W, SHAPE(3, 3, 5, 3)), *flat = drawn(W, SHAPE(9, 3));
    cnn_tensor y = {NULL, {0}}, empty = {NULL, {0}};
#define REFUSES(call, expected, part)   \
    ck_assert_int_eq((call), expected); \
    ck_assert_msg(strstr(cnn_last_error(context), part) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context), part)
    REFUSES(cnn_functional_conv2d(context, NULL, x, filters, bias, &y), CNN_ERROR_SHAPE, "bias has the shape (2)");
    REFUSES(cnn_functional_conv2d(context, NULL, x, wide, NULL, &y), CNN_ERROR_SHAPE, "must be (3, 3, 4, 3)");
    REFUSES(cnn_functional_conv2d(context, NULL, x, flat, NULL, &y), CNN_ERROR_SHAPE, "4 dimensions are required");
    REFUSES(cnn_functional_conv2d(context, NULL, x, NULL, NULL, &y), CNN_ERROR_INVALID_ARGUMENT, "filters is NULL");
    REFUSES(cnn_functional_resize(context, CNN_RESIZE(.size = {-2, 2}), x, &y), CNN_ERROR_INVALID_ARGUMENT, "size");
    REFUSES(cnn_functional_resize(context, CNN_RESIZE(.size = {2, 2}), flat, &y), CNN_ERROR_SHAPE, "name axis 2");
    REFUSES(cnn_functional_conv2d(context, NULL, NULL, filters, NULL, &y), CNN_ERROR_INVALID_ARGUMENT, "x is NULL");
    REFUSES(cnn_functional_conv2d(context, NULL, x, filters, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT, "y is NULL");
    REFUSES(cnn_functional_conv2d(context, NULL, &empty, filters, NULL, &y), CNN_ERROR_SHAPE, "shape of x");
    REFUSES(cnn_functional_conv2d(context, CNN_CONV2D(.filters = 7), x, filters, NULL, &y), CNN_ERROR_SHAPE,
            "the option filters is 7");
    REFUSES(cnn_functional_conv2d(context, CNN_CONV2D(.stride = {-1}), x, filters, NULL, &y),
            CNN_ERROR_INVALID_ARGUMENT, "stride is -1");
    REFUSES(cnn_functional_conv2d(context, CNN_CONV2D(.dilation = {3}), x, filters, NULL, &y), CNN_ERROR_SHAPE,
            "does not fit");
    REFUSES(cnn_functional_conv2d(context, CNN_CONV2D(.no_bias = 1), x, filters, bias, &y), CNN_ERROR_INVALID_ARGUMENT,
            "no_bias");
    REFUSES(cnn_functional_max_pool3d(context, NULL, x, &y), CNN_ERROR_SHAPE, "expects volumes");
    REFUSES(cnn_functional_graph_conv(context, NULL, drawn(X, SHAPE(1, 4, 3)), x, flat, NULL, &y), CNN_ERROR_SHAPE,
            "adjacency of 4 nodes must be");
    tear_down();
}
END_TEST

START_TEST(every_failing_allocation_is_told)
{
    size_t fails = 0;
    for (size_t fail_at = 1; fail_at < 64; fail_at++) {
        test_allocator allocator = {0};
        const cnn_allocator given = test_allocator_options(&allocator);
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &given), &context), CNN_OK);
        tensor *x = drawn(X, SHAPE(1, 5, 6, 4)), *mean = drawn(B, SHAPE(4)), *variance = scaled(P, SHAPE(4), -1);
        tensor *filters = drawn(W, SHAPE(3, 3, 4, 3));
        float values[120];
        cnn_tensor y = {values, SHAPE(1, 5, 6, 4)}, z = {values, SHAPE(1, 3, 4, 3)};
        allocator.fail_at = atomic_load(&allocator.calls) + fail_at;
        const cnn_status first = cnn_functional_batch_norm(context, NULL, x, NULL, NULL, mean, variance, &y);
        const cnn_status second = cnn_functional_conv2d(context, NULL, x, filters, NULL, &z);
        const bool failed = first != CNN_OK || second != CNN_OK;
        ck_assert(first == CNN_OK || first == CNN_ERROR_OUT_OF_MEMORY);
        ck_assert(second == CNN_OK || second == CNN_ERROR_OUT_OF_MEMORY);
        fails += failed;
        tear_down();
        ck_assert_uint_eq(atomic_load(&allocator.blocks), 0);
    }
    ck_assert_uint_ge(fails, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("functional/functional");
    TCase *tcase = tcase_create("operations on arrays");
    tcase_add_loop_test(tcase, calls_give_pytorchs_numbers, 0, CASES);
    tcase_add_loop_test(tcase, layers_give_the_same, 0, CASES);
    tcase_add_test(tcase, what_does_not_fit_is_named);
    tcase_add_test(tcase, every_failing_allocation_is_told);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
