/* SPDX-License-Identifier: MIT */
/* Stretches: operations that take some samples of a batch through all of them before the next ones. Results are those
 * of small batches to the bit, for any number of samples, and the memory is less. */
#include <string.h>

#include "common/suite.h"
#include "own_memory.h"
#include "session/session.h"

enum { SIDE = 96, CHANNELS = 4, BATCH = 25, SMALL = 2, SAMPLE = SIDE * SIDE * CHANNELS, CASES = 6 };

static cnn_context *context;
static float images[BATCH * SAMPLE];

static void fill(float *values, size_t count, uint32_t state)
{
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1;
    }
}

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    fill(images, BATCH * SAMPLE, 1);
}

static void tear_down(void) { cnn_context_free(context); }

static void add_conv(cnn_model *model, const char *name, int32_t filters, int32_t kernel, int32_t groups)
{
    cnn_model_add(model,
                  cnn_conv2d(context, CNN_CONV2D(.name = name, .filters = filters, .kernel = {kernel}, .groups = groups,
                                                 .padding = CNN_PADDING_SAME, .activation = CNN_RELU6)));
}

/* Ends in few values, made by operations that are in no stretch. */
static void add_head(cnn_model *model)
{
    cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 7, .activation = CNN_SOFTMAX)));
}

static void add_layers(cnn_model *model, int number)
{
    add_conv(model, "wide", 24, 1, 1);
    switch (number) {
    case 0: /* one after the other */
        add_conv(model, "deep", 24, 3, 24);
        add_conv(model, "narrow", 8, 1, 1);
        cnn_model_add(model, cnn_batch_norm(context, NULL));
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        break;
    case 1: /* a sum of what was made long before, and of what comes from outside */
        add_conv(model, "deep", 24, 3, 24);
        add_conv(model, "narrow", 4, 1, 1);
        cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "sum")), (const char *const[]){"narrow", "input"},
                            2);
        add_conv(model, "again", 24, 1, 1);
        cnn_model_add_after(model, cnn_multiply(context, NULL), (const char *const[]){"again", "wide"}, 2);
        break;
    case 2: /* branches that meet */
        add_conv(model, "deep", 24, 3, 24);
        cnn_model_add_after(model, cnn_concatenate(context, NULL), (const char *const[]){"deep", "wide"}, 2);
        cnn_model_add(model, cnn_average_pool2d(context, NULL));
        break;
    case 3: /* in place, after a value that two read */
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "one", .activation = CNN_SILU)));
        cnn_model_add_after(model, cnn_subtract(context, CNN_NAMED(.name = "two")),
                            (const char *const[]){"one", "wide"}, 2);
        cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_TANH)));
        break;
    case 5: /* a squeeze and excitation: small operations between large ones go along */
        add_conv(model, "deep", 24, 3, 24);
        cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
        cnn_model_add(model, cnn_reshape(context, CNN_RESHAPE(.shape = {1, 1, 24})));
        add_conv(model, "squeeze", 6, 1, 1);
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "excite", .filters = 24, .kernel = {1},
                                                            .activation = CNN_SIGMOID)));
        cnn_model_add_after(model, cnn_multiply(context, NULL), (const char *const[]){"deep", "excite"}, 2);
        add_conv(model, "narrow", 8, 1, 1);
        break;
    default: /* ends in values of the stretch */
        add_conv(model, "deep", 24, 3, 24);
        cnn_model_add(model, cnn_up_sampling2d(context, NULL));
    }
    if (number != 4) {
        add_head(model);
    }
}

static cnn_model *make_model(cnn_context *owner, int number)
{
    cnn_model *model = NULL;
    cnn_context *kept = context;
    context = owner;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    add_layers(model, number);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    context = kept;
    return model;
}

static cnn_session *open_session(cnn_model *model, uint32_t batch, const char *keep)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(
        cnn_session_create(model, CNN_SESSION(.batch = batch, .keep = &keep, .keep_count = keep != NULL), &session),
        CNN_OK);
    return session;
}

/* Operations in stretches, and the most samples that one takes at a time. */
static uint32_t count_stretched(const cnn_session *session, uint32_t *samples)
{
    uint32_t count = 0;
    *samples = 0;
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        const cnn__stretch *stretch = &session->program.ops[k].stretch;
        count += stretch->samples > 0;
        *samples = stretch->samples > *samples ? stretch->samples : *samples;
    }
    return count;
}

/* The output of `count` images, by small batches. */
static void expect_output(cnn_session *session, cnn_session *small, size_t count)
{
    const size_t values = cnn__session_values(session, cnn__session_output(session)->value) / count;
    const float *output = cnn_session_output(session);
    for (size_t i = 0; i < count; i += SMALL) {
        const size_t part = count - i < SMALL ? count - i : SMALL;
        ck_assert_int_eq(cnn_session_forward(small, images + i * SAMPLE, part), CNN_OK);
        ck_assert_msg(memcmp(output + i * values, cnn_session_output(small), part * values * sizeof(float)) == 0,
                      "of %zu images number %zu differs", count, i);
    }
}

START_TEST(test_parts_are_small_batches)
{
    cnn_model *model = make_model(context, _i);
    cnn_session *session = open_session(model, BATCH, NULL), *small = open_session(model, SMALL, NULL);
    uint32_t samples;
    ck_assert_uint_ge(count_stretched(session, &samples), 3);
    ck_assert_uint_lt(samples, BATCH);
    ck_assert_uint_eq(count_stretched(small, &samples), 0);
    static const size_t counts[] = {BATCH, 1, 7, BATCH - 1};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ck_assert_int_eq(cnn_session_forward(session, images, counts[i]), CNN_OK);
        expect_output(session, small, counts[i]);
    }
    cnn_session_free(small);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* What lies inside takes the room of a part. */
START_TEST(test_memory)
{
    cnn_model *model = make_model(context, 0);
    cnn_session *session = open_session(model, BATCH, NULL), *whole = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .keep_activations = 1), &whole), CNN_OK);
    const size_t wide = (size_t)BATCH * SIDE * SIDE * 24 * sizeof(float);
    ck_assert_uint_gt(whole->plan.size, 2 * wide);
    ck_assert_uint_lt(session->plan.size, whole->plan.size / 2);
    cnn_session_free(whole);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* A value that is kept is complete, and the same. */
START_TEST(test_kept_inside)
{
    cnn_model *model = make_model(context, 0);
    cnn_session *session = open_session(model, BATCH, "deep"), *small = open_session(model, SMALL, "deep");
    cnn_tensor all, few;
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    expect_output(session, small, BATCH);
    ck_assert_int_eq(cnn_session_activation(session, "deep", &all), CNN_OK);
    ck_assert_int_eq(all.shape.dims[0], BATCH);
    const size_t values = (size_t)SIDE * SIDE * 24;
    for (size_t i = 0; i < BATCH; i++) {
        ck_assert_int_eq(cnn_session_forward(small, images + i * SAMPLE, 1), CNN_OK);
        ck_assert_int_eq(cnn_session_activation(small, "deep", &few), CNN_OK);
        ck_assert(memcmp(all.data + i * values, few.data, values * sizeof(float)) == 0);
    }
    cnn_session_free(small);
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

typedef struct counter {
    uint32_t forward, hooks;
    double flop;
} counter;

static void count_record(void *user, const cnn_trace_record *record)
{
    counter *c = user;
    ck_assert_uint_eq(record->samples, BATCH - 1);
    if (record->pass == CNN_TRACE_FORWARD) {
        c->forward++;
        c->flop += record->flop;
        ck_assert(record->seconds > 0);
    }
}

/* Changes what comes next, for all samples alike. */
static cnn_status change(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *value)
{
    counter *c = user;
    (void)pass;
    if (strcmp(name, "deep") == 0) {
        ck_assert_int_eq(value->shape.dims[0], BATCH - 1);
        for (size_t i = 0; i < (size_t)(BATCH - 1) * SIDE * SIDE * 24; i++) {
            value->data[i] = 1;
        }
        c->hooks++;
    }
    return CNN_OK;
}

/* An operation is reported once, with all samples; a hook sees a value once, whole, before anybody reads it. */
START_TEST(test_reports)
{
    cnn_model *model = make_model(context, 0);
    cnn_session *session = open_session(model, BATCH, "deep");
    counter c = {0};
    cnn_session_set_trace(session, count_record, &c);
    ck_assert_int_eq(cnn_session_set_hook(session, change, &c), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH - 1), CNN_OK);
    ck_assert_uint_eq(c.forward, session->program.op_count);
    ck_assert_uint_eq(c.hooks, 1);
    const double pixels = (double)(BATCH - 1) * SIDE * SIDE, products = 4 * 24 + 9 * 24 + 24 * 8;
    ck_assert_double_eq_tol(c.flop, 2 * (pixels * products + (BATCH - 1) * 8.0 * 7), 1);
    for (size_t i = 1; i < BATCH - 1; i++) { /* all samples were made alike */
        ck_assert(memcmp(cnn_session_output(session), cnn_session_output(session) + i * 7, 7 * sizeof(float)) == 0);
    }
    cnn_session_free(session);
    cnn_model_free(model);
}
END_TEST

/* A frozen beginning runs so in training, too, and what is trained behind it gets the gradients of whole values. */
START_TEST(test_frozen_beginning)
{
    cnn_model *model = make_model(context, 0);
    static const char *const frozen[] = {"wide", "deep", "narrow"};
    cnn_session *sessions[2];
    float slopes[BATCH * 7];
    cnn_tensor gradients[2];
    fill(slopes, BATCH * 7, 5);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn_model_set_trainable(model, frozen[i], false), CNN_OK);
    }
    for (uint32_t i = 0; i < 2; i++) {
        const cnn_session_options options = {
            .struct_size = sizeof(options), .batch = BATCH, .training = 1, .keep_activations = i};
        ck_assert_int_eq(cnn_session_create(model, &options, &sessions[i]), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(sessions[i], images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(sessions[i], slopes), CNN_OK);
    }
    uint32_t samples;
    ck_assert_uint_ge(count_stretched(sessions[0], &samples), 2);
    ck_assert_uint_eq(count_stretched(sessions[1], &samples), 0);
    for (size_t k = 0; k < cnn_model_parameter_count(model); k++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, k, &p), CNN_OK);
        for (int i = 0; i < 2 && p.trainable; i++) {
            ck_assert_int_eq(cnn_session_gradient(sessions[i], k, &gradients[i]), CNN_OK);
        }
        size_t values = 0;
        ck_assert(cnn__shape_values(&p.value.shape, &values));
        for (size_t i = 0; p.trainable && i < values; i++) {
            ck_assert_float_eq_tol(gradients[0].data[i], gradients[1].data[i], 1e-4f);
        }
    }
    cnn_session_free(sessions[1]);
    cnn_session_free(sessions[0]);
    cnn_model_free(model);
}
END_TEST

/* In the memory of a backend that has its own, where inputs are copies. */
START_TEST(test_own_memory)
{
    cnn_context *own = NULL;
    const cnn_backend backend = own_memory_backend(-1);
    ck_assert_int_eq(
        cnn_context_create(
            CNN_CONTEXT(.threads = 2, .seed = 3, .backend = "apart", .backends = &backend, .backend_count = 1), &own),
        CNN_OK);
    cnn_model *model = make_model(own, 1);
    cnn_session *session = open_session(model, BATCH, NULL), *small = open_session(model, SMALL, NULL);
    uint32_t samples;
    ck_assert_uint_ge(count_stretched(session, &samples), 3);
    ck_assert_int_eq(cnn_session_forward(session, images, 9), CNN_OK);
    expect_output(session, small, 9);
    cnn_session_free(small);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(own);
}
END_TEST

static cnn_status (*convolve)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);
static int calls_left; /* before one fails */

static cnn_status fail_later(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args)
{
    return calls_left-- == 0 ? CNN_ERROR_BACKEND : convolve(call, pass, args);
}

/* A call that fails in a later part: an error that names the layer, no output, and the same bits when repeated. */
START_TEST(test_failure_in_a_part)
{
    cnn_context *own = NULL;
    cnn_backend backend = own_memory_backend(-1);
    convolve = backend.conv2d;
    backend.conv2d = fail_later;
    calls_left = -1;
    ck_assert_int_eq(
        cnn_context_create(
            CNN_CONTEXT(.threads = 2, .seed = 3, .backend = "apart", .backends = &backend, .backend_count = 1), &own),
        CNN_OK);
    cnn_model *model = make_model(own, 1);
    cnn_session *session = open_session(model, BATCH, NULL), *small = open_session(model, SMALL, NULL);
    uint32_t samples;
    ck_assert_uint_ge(count_stretched(session, &samples), 3);
    ck_assert_uint_lt(samples, 20);
    calls_left = 5; /* four convolutions for each part */
    ck_assert_int_eq(cnn_session_forward(session, images, 20), CNN_ERROR_BACKEND);
    ck_assert_msg(strstr(cnn_last_error(own), "layer \"deep\" (Conv2D) failed forward") != NULL, "%s",
                  cnn_last_error(own));
    ck_assert_ptr_null(cnn_session_output(session));
    ck_assert_int_eq(cnn_session_forward(session, images, 20), CNN_OK);
    expect_output(session, small, 20);
    cnn_session_free(small);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(own);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stretch");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_loop_test(cases, test_parts_are_small_batches, 0, CASES);
    tcase_add_test(cases, test_memory);
    tcase_add_test(cases, test_kept_inside);
    tcase_add_test(cases, test_reports);
    tcase_add_test(cases, test_frozen_beginning);
    tcase_add_test(cases, test_own_memory);
    tcase_add_test(cases, test_failure_in_a_part);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
