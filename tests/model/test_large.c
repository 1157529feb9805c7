/* SPDX-License-Identifier: MIT */
/* Models of very many layers: nothing that is done once takes time that grows with the square of their number. The
 * bounds are far above what it takes, and far below what it took. CNN_TEST_VERBOSE=1 prints the times. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cnn/cnn.h>

#include "common/suite.h"

enum { LAYERS = 10000, MOST_LAYERS = 65536 };
#define MOST_SECONDS 10.0

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* whatever else the machine does */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void lap(double *begin, const char *what, const char *kind)
{
    const double seconds = seconds_now() - *begin;
    if (getenv("CNN_TEST_VERBOSE") != NULL) {
        printf("%-10s %-20s %.3f s\n", kind, what, seconds);
    }
    ck_assert_msg(seconds < MOST_SECONDS, "%s, %s: %g s", kind, what, seconds);
    *begin = seconds_now();
}

static cnn_status count_bytes(void *user, const void *data, size_t size)
{
    (void)data;
    *(size_t *)user += size;
    return CNN_OK;
}

typedef void add_function(cnn_context *context, cnn_model *model, uint32_t index);

/* Four parameters each. */
static void add_norm(cnn_context *context, cnn_model *model, uint32_t index)
{
    (void)index;
    cnn_model_add(model, cnn_batch_norm(context, NULL));
}

/* Each reads the 16 before it. */
static void add_sum(cnn_context *context, cnn_model *model, uint32_t index)
{
    const char *names[16];
    for (uint32_t i = 0; i < 16; i++) {
        names[i] = i < index ? cnn_model_layer_name(model, index - 1 - i) : "input";
    }
    cnn_model_add_after(model, cnn_add(context, NULL), names, 16);
}

/* Names in the way of automatic ones. */
static void add_named(cnn_context *context, cnn_model *model, uint32_t index)
{
    char name[32];
    snprintf(name, sizeof(name), "dense_%u", LAYERS / 2 + index);
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1, .name = index < LAYERS / 2 ? name : NULL)));
}

/* What each of the first half makes is read by one of the second half, the last first. */
static void add_distant(cnn_context *context, cnn_model *model, uint32_t index)
{
    const char *names[2] = {index == 0 ? "input" : cnn_model_layer_name(model, index - 1),
                            index < LAYERS / 2 ? "input" : cnn_model_layer_name(model, LAYERS - 1 - index)};
    if (index < LAYERS / 2) {
        cnn_model_add_after(model, cnn_dense(context, CNN_DENSE(.units = 1)), names + 1, 1);
    } else {
        cnn_model_add_after(model, cnn_add(context, NULL), names, 2);
    }
}

static const struct {
    const char *name;
    add_function *add;
} kinds[] = {{"norm", add_norm}, {"sum", add_sum}, {"named", add_named}, {"distant", add_distant}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

START_TEST(ten_thousand_layers_take_no_time)
{
    const char *kind = kinds[_i].name;
    const float input = 1, gradient = 1;
    cnn_context *context;
    cnn_model *model;
    cnn_session *session;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    double begin = seconds_now();
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
    for (uint32_t i = 0; i < LAYERS; i++) {
        kinds[_i].add(context, model, i);
    }
    lap(&begin, "add", kind);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    lap(&begin, "build", kind);
    size_t bytes = 0;
    ck_assert_int_eq(cnn_model_summary(model, count_bytes, &bytes), CNN_OK);
    ck_assert_uint_gt(bytes, LAYERS);
    lap(&begin, "summary", kind);
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT, found = CNN_PARAMETER_INIT;
        ck_assert(cnn_model_parameter(model, i, &parameter) == CNN_OK &&
                  cnn_model_find_parameter(model, parameter.name, &found) == CNN_OK && found.name == parameter.name);
    }
    lap(&begin, "find parameters", kind);
    for (uint32_t training = 0; training < 2; training++) {
        ck_assert_uint_gt(cnn_model_session_bytes(model, 1, training), 0);
        lap(&begin, training ? "bytes to train" : "bytes", kind);
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.training = training), &session), CNN_OK);
        lap(&begin, training ? "session to train" : "session", kind);
        ck_assert_int_eq(cnn_session_forward(session, &input, 1), CNN_OK);
        lap(&begin, "forward", kind);
        if (training) {
            ck_assert_int_eq(cnn_session_backward(session, &gradient), CNN_OK);
            lap(&begin, "backward", kind);
        }
        cnn_session_free(session);
    }
    cnn_model_free(model);
    lap(&begin, "free", kind);
    cnn_context_free(context);
}
END_TEST

START_TEST(the_limit_of_layers_is_named)
{
    cnn_context *context;
    cnn_model *model;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1}), &model), CNN_OK);
    cnn_status status = CNN_OK;
    uint32_t count = 0;
    while (status == CNN_OK && count <= MOST_LAYERS) {
        status = cnn_model_add(model, cnn_flatten(context, NULL));
        count += status == CNN_OK;
    }
    ck_assert_int_eq(status, CNN_ERROR_LIMIT);
    ck_assert_uint_eq(count, MOST_LAYERS);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "65536"));
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("large models");
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, ten_thousand_layers_take_no_time, 0, KINDS);
    tcase_add_test(cases, the_limit_of_layers_is_named);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
