/* SPDX-License-Identifier: MIT */
/* A sum hands its gradient on: one of its inputs has it where it lies, others get a copy. Gradients are the same to the
 * bit as where each has a place of its own, which it has where it is asked for. */
#include <string.h>

#include "common/suite.h"
#include "session/session.h"

enum { SIDE = 6, CHANNELS = 5, BATCH = 3, SAMPLE = SIDE * SIDE * CHANNELS, OUTPUTS = 4 };

static cnn_context *context;
static cnn_model *model;
static float images[BATCH * SAMPLE], slopes[BATCH * OUTPUTS];

static void fill(float *values, size_t count, uint32_t state)
{
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) / 8388608.0f - 1;
    }
}

static void add_conv(const char *name, const char *after)
{
    cnn_layer *conv = cnn_conv2d(
        context, CNN_CONV2D(.name = name, .filters = CHANNELS, .kernel = {3}, .padding = CNN_PADDING_SAME));
    cnn_model_add_after(model, conv, &after, 1);
}

static void add_sum(const char *name, const char *a, const char *b, const char *c)
{
    const char *const inputs[] = {a, b, c};
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = name)), inputs, c != NULL ? 3 : 2);
}

static void add_relu(const char *name)
{
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = name, .activation = CNN_RELU)));
}

/* Two blocks with shortcuts, a sum of three, one of a value and itself, one with a value of a row for each sample. */
static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    fill(images, BATCH * SAMPLE, 1);
    fill(slopes, BATCH * OUTPUTS, 2);
    add_conv("a", "input");
    add_conv("b", "a");
    add_sum("s1", "b", "a", NULL);
    add_relu("r1");
    add_conv("c", "r1");
    add_sum("s2", "r1", "c", NULL);
    add_relu("r2");
    add_conv("d", "r2");
    add_conv("e", "r2");
    add_sum("s3", "r2", "e", "d");
    add_sum("s4", "s3", "s3", NULL);
    const char *const pooled = "s4";
    cnn_model_add_after(model, cnn_adaptive_average_pool2d(context, CNN_ADAPTIVE_POOL2D(.name = "p", .size = {1})),
                        &pooled, 1);
    add_sum("s5", "s4", "p", NULL);
    cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = OUTPUTS)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
}

static void tear_down(void)
{
    cnn_model_free(model);
    cnn_context_free(context);
}

static cnn_session *run_session(const char *const *gradients, size_t count)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(
        cnn_session_create(model,
                           CNN_SESSION(.batch = BATCH, .training = 1, .gradients = gradients, .gradient_count = count),
                           &session),
        CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, slopes), CNN_OK);
    return session;
}

/* Sums whose gradient lies where that of one of their inputs does. */
static int count_handed(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    int count = 0;
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        int taken = 0;
        for (uint32_t i = 0; i < op->input_count && op->type == &cnn__add_type; i++) {
            taken += program->values[op->inputs[i]].gradient_place == program->values[op->output].gradient_place;
        }
        ck_assert_int_le(taken, 1);
        count += taken;
    }
    return count;
}

START_TEST(test_gradients_are_the_same)
{
    static const char *const all[] = {"a", "b", "s1", "r1", "c", "s2", "r2", "d", "e", "s3", "s4", "p", "s5"};
    cnn_session *shared = run_session(NULL, 0), *apart = run_session(all, sizeof(all) / sizeof(all[0]));
    ck_assert_int_eq(count_handed(shared), 4); /* not of a value and itself */
    ck_assert_int_eq(count_handed(apart), 0);
    ck_assert_uint_lt(shared->plan.size, apart->plan.size);
    for (size_t k = 0; k < cnn_model_parameter_count(model); k++) {
        cnn_tensor one, other;
        size_t values = 0;
        ck_assert_int_eq(cnn_session_gradient(shared, k, &one), CNN_OK);
        ck_assert_int_eq(cnn_session_gradient(apart, k, &other), CNN_OK);
        ck_assert(cnn__shape_values(&one.shape, &values));
        ck_assert(memcmp(one.data, other.data, values * sizeof(float)) == 0);
    }
    cnn_session_free(apart);
    cnn_session_free(shared);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sums");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, test_gradients_are_the_same);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
