/* SPDX-License-Identifier: MIT */
/* The floating-point mode of the caller is not seen in any result, and is what it was after each call. */
#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__SSE__)
#include <xmmintrin.h>

enum { SAMPLES = 8 };

/* Rounding upwards, towards zero, subnormal numbers as 0, all exceptions trapped. */
static const unsigned modes[] = {0x1f80, 0x1f80 | 0x4000, 0x1f80 | 0x6000, 0x1f80 | 0x8040, 0x0000};

/* Values among which there are subnormal ones, products that are, and one that is invalid to compare with. */
static void fill(float *values, size_t count, uint32_t seed, float scale)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = ((float)(seed >> 8) * 0x1p-23f - 1) * (i % 3 == 0 ? scale : 1);
    }
}

static cnn_model *make_model(cnn_context *context)
{
    cnn_model *model;
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &parameter), CNN_OK);
        const size_t count = test_shape_values(parameter.value.shape);
        if (parameter.trainable) {
            fill(parameter.value.data, count, (uint32_t)i, 1e-39f);
        }
    }
    cnn_model_touch(model);
    return model;
}

/* Three steps of training and a pass of inference; the mode is compared after each call. */
static uint64_t train(cnn_context *context, unsigned mode)
{
    static const int32_t labels[SAMPLES] = {0, 1, 2, 0, 1, 2, 0, 1};
    const cnn_target target = {.struct_size = sizeof(target), .labels = labels};
    static float inputs[SAMPLES * TEST_PIXELS];
    cnn_model *model = make_model(context);
    cnn_session *session, *inference;
    cnn_loss *loss;
    cnn_optimizer *optimizer;
    double value;
    fill(inputs, SAMPLES * TEST_PIXELS, 99, 1e-38f);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = SAMPLES, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = SAMPLES), &inference), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    const unsigned before = _mm_getcsr();
    _mm_setcsr(mode);
    for (int step = 0; step < 3; step++) {
        ck_assert_int_eq(cnn_session_forward(session, inputs, SAMPLES), CNN_OK);
        ck_assert_uint_eq(_mm_getcsr(), mode);
        ck_assert_int_eq(cnn_session_loss(session, loss, &target, &value), CNN_OK);
        ck_assert_uint_eq(_mm_getcsr(), mode);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_uint_eq(_mm_getcsr(), mode);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
        ck_assert_uint_eq(_mm_getcsr(), mode);
    }
    ck_assert_int_eq(cnn_session_forward(inference, inputs, SAMPLES), CNN_OK);
    ck_assert_uint_eq(_mm_getcsr(), mode);
    _mm_setcsr(before);
    const uint64_t hash = test_model_hash(model) ^
                          test_hash(cnn_session_output(inference), SAMPLES * TEST_CLASSES * sizeof(float));
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(inference);
    cnn_session_free(session);
    cnn_model_free(model);
    return hash;
}

START_TEST(bits_do_not_depend_on_the_mode)
{
    const char *backend = cnn_backend_name((size_t)_i);
    uint64_t expected = 0;
    for (uint32_t threads = 1; backend != NULL && threads <= 3; threads++) {
        cnn_context *context;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .backend = backend), &context), CNN_OK);
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
            const uint64_t hash = train(context, modes[i]);
            expected = threads == 1 && i == 0 ? hash : expected;
            ck_assert_msg(hash == expected, "%s, %u threads, mode %04x", backend, threads, modes[i]);
        }
        cnn_context_free(context);
    }
}
END_TEST

static double seconds_of_passes(cnn_session *session, const float *inputs)
{
    struct timespec begin, end;
    double best = 1e9;
    for (int i = 0; i < 7; i++) {
        clock_gettime(CLOCK_MONOTONIC, &begin);
        ck_assert_int_eq(cnn_session_forward(session, inputs, 4), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, inputs), CNN_OK);
        clock_gettime(CLOCK_MONOTONIC, &end);
        const double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        best = seconds < best ? seconds : best;
    }
    return best;
}

/* Without help a subnormal operand costs more than a hundred cycles: the bound is far from that and from noise. */
START_TEST(subnormal_weights_are_not_slow)
{
    cnn_context *context;
    cnn_model *model;
    cnn_session *session;
    double seconds[2];
    enum { SIDE = 24, CHANNELS = 16, VALUES = 4 * SIDE * SIDE * CHANNELS };
    static float inputs[VALUES];
    fill(inputs, VALUES, 1, 1);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    for (int subnormal = 0; subnormal < 2; subnormal++) {
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
        for (int i = 0; i < 2; i++) {
            cnn_model_add(
                model, cnn_conv2d(context, CNN_CONV2D(.filters = CHANNELS, .padding = CNN_PADDING_SAME,
                                                      .kernel_init = {CNN_INIT_UNIFORM, subnormal ? 1e-39f : 0.1f})));
        }
        ck_assert_int_eq(cnn_model_build(model), CNN_OK);
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session), CNN_OK);
        seconds[subnormal] = seconds_of_passes(session, inputs);
        cnn_session_free(session);
        cnn_model_free(model);
    }
    ck_assert_msg(seconds[1] < 4 * seconds[0], "%g s with subnormal weights, %g s with others", seconds[1], seconds[0]);
    cnn_context_free(context);
}
END_TEST

#endif

int main(void)
{
    Suite *suite = suite_create("floating-point mode");
    TCase *cases = tcase_create("all");
#if defined(__SSE__)
    tcase_add_loop_test(cases, bits_do_not_depend_on_the_mode, 0, 2);
    tcase_add_test(cases, subnormal_weights_are_not_slow);
#endif
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
