/* SPDX-License-Identifier: MIT */
/* Normalisation that takes over the 2x2 pooling behind it in training: what it computes is what the layers compute one
 * by one, with `reference`, and with any number of threads. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "model/values.h"
#include "session/session.h"

enum { BATCH = 3, HEIGHT = 27, WIDTH = 19, CLASSES = 4, IMAGES = BATCH * HEIGHT * WIDTH * 2 };

/* How relu stands to the normalisation. */
enum { LINEAR, OWN_RELU, RELU_LAYER, RELU_BEHIND_POOL, FROZEN, KINDS };

/* Odd sizes all the way; channels that fill no vector. */
static cnn_model *make_model(cnn_context *context, int kind)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "pooled", .input = {HEIGHT, WIDTH, 2}), &model),
                     CNN_OK);
    for (int i = 0; i < 2; i++) {
        const int32_t activation = kind == OWN_RELU || kind == FROZEN ? CNN_RELU : CNN_LINEAR;
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 7 + 6 * i, .padding = CNN_PADDING_SAME)));
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = i == 0 ? "norm_1" : "norm_2",
                                                                    .activation = activation)));
        if (kind == RELU_LAYER) {
            cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
        }
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        if (kind == RELU_BEHIND_POOL) {
            cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
        }
    }
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    if (kind == FROZEN) {
        ck_assert_int_eq(cnn_model_set_trainable(model, "norm_*", false), CNN_OK);
    }
    return model;
}

static cnn_session *open_session(cnn_model *model, bool whole)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1, .keep_activations = whole), &session),
        CNN_OK);
    return session;
}

/* Logits, then all gradients, then all parameters, after two passes: the second with fewer samples. */
static float *train(cnn_context *context, int kind, bool whole, uint32_t *ops, size_t *count)
{
    cnn_model *model = make_model(context, kind);
    cnn_session *session = open_session(model, whole);
    float *images = test_values(IMAGES, 1), *weights = test_values((size_t)BATCH * CLASSES, 5);
    const size_t logits = (size_t)(BATCH - 1) * CLASSES;
    *ops = session->program.op_count;
    const size_t gradients = session->program.gradient_values;
    *count = logits + gradients + model->value_count;
    float *results = calloc(*count, sizeof(float));
    ck_assert_ptr_nonnull(results);
    for (uint32_t pass = 0; pass < 2; pass++) {
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH - pass), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
    }
    memcpy(results, cnn_session_logits(session), logits * sizeof(float));
    memcpy(results + logits, session->gradients, gradients * sizeof(float));
    memcpy(results + logits + gradients, model->values, model->value_count * sizeof(float));
    free(images);
    free(weights);
    cnn_session_free(session);
    cnn_model_free(model);
    return results;
}

static cnn_context *open_context(const char *backend, uint32_t math)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3, .backend = backend, .math = math), &context), CNN_OK);
    return context;
}

static void expect_close(const float *found, const float *expected, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabsf(found[i] - expected[i]) <= 1e-4f * (1 + fabsf(expected[i])),
                      "kind %s, value %zu: %g, not %g", what, i, found[i], expected[i]);
    }
}

START_TEST(test_same_as_layer_by_layer)
{
    static const char *const names[KINDS] = {"linear", "own relu", "relu layer", "relu behind", "frozen"};
    uint32_t fused_ops = 0, whole_ops = 0, reference_ops = 0;
    size_t count = 0;
    cnn_context *context = open_context(NULL, CNN_MATH_STRICT), *reference = open_context("reference", 0);
    float *fused = train(context, _i, false, &fused_ops, &count);
    float *whole = train(context, _i, true, &whole_ops, &count);
    float *plain = train(reference, _i, false, &reference_ops, &count);
    expect_close(fused, whole, count, names[_i]);
    expect_close(fused, plain, count, names[_i]);
    /* Two blocks of convolution and normalisation; flatten, dense and softmax. */
    if (strcmp(cnn_context_backend(context), "reference") != 0) {
        ck_assert_uint_eq(fused_ops, 2 * 2 + 3);
    }
    ck_assert_uint_ge(reference_ops, 2 * 3 + 3);
    free(fused);
    free(whole);
    free(plain);
    cnn_context_free(context);
    cnn_context_free(reference);
}
END_TEST

/* As if there were `threads` threads, the last one being the fastest. */
static void run_backwards(void *user, void (*task)(void *argument, size_t index), void *argument, size_t count)
{
    (void)user;
    while (count > 0) {
        task(argument, --count);
    }
}

START_TEST(test_same_bits_for_any_threads)
{
    static const uint32_t threads[] = {2, 3, 4, 7};
    uint32_t ops = 0;
    size_t count = 0;
    cnn_context *context = open_context(NULL, 0);
    float *one = train(context, _i, false, &ops, &count);
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        cnn_context *other = NULL;
        const cnn_executor executor = {sizeof(executor), NULL, threads[i], run_backwards};
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.seed = 3, .executor = &executor), &other), CNN_OK);
        float *many = train(other, _i, false, &ops, &count);
        ck_assert_msg(memcmp(one, many, count * sizeof(float)) == 0, "other bits with %u threads", threads[i]);
        free(many);
        cnn_context_free(other);
    }
    free(one);
    cnn_context_free(context);
}
END_TEST

/* What the normalisation must not take over: a value that a second layer reads, other windows, images of one row. */
START_TEST(test_left_alone)
{
    const cnn_pool2d_options others[] = {
        {.struct_size = sizeof(others[0]), .size = {3}, .stride = {2}},
        {.struct_size = sizeof(others[0]), .size = {2}, .stride = {1}},
        {.struct_size = sizeof(others[0]), .size = {2}, .padding = CNN_PADDING_SAME},
        {.struct_size = sizeof(others[0]), .size = {2}, .ceil = 1},
        {.struct_size = sizeof(others[0]), .size = {2, 1}},
        {.struct_size = sizeof(others[0]), .size = {2}}, /* read twice */
    };
    cnn_context *context = open_context(NULL, 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        cnn_model *model = NULL;
        const bool twice = i + 1 == sizeof(others) / sizeof(others[0]);
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {5, 5, 3}), &model), CNN_OK);
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm", .activation = CNN_RELU)));
        cnn_model_add(model, cnn_max_pool2d(context, &others[i]));
        cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "a")));
        if (twice) {
            cnn_model_add_after(model, cnn_flatten(context, CNN_NAMED(.name = "b")), (const char *const[]){"norm"}, 1);
            cnn_model_add_after(model, cnn_concatenate(context, NULL), (const char *const[]){"a", "b"}, 2);
        }
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2)));
        ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
        cnn_session *session = open_session(model, false);
        ck_assert_uint_eq(session->program.op_count, twice ? 6 : 4);
        float *images = test_values((size_t)BATCH * 75, 1), *weights = test_values((size_t)BATCH * 2, 2);
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, weights), CNN_OK);
        free(images);
        free(weights);
        cnn_session_free(session);
        cnn_model_free(model);
    }
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/norm_pool");
    TCase *tcase = tcase_create("normalisation with pooling");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_same_as_layer_by_layer, 0, KINDS);
    tcase_add_loop_test(tcase, test_same_bits_for_any_threads, 0, KINDS);
    tcase_add_test(tcase, test_left_alone);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
