/* SPDX-License-Identifier: MIT */
/* Constraints: after each step, with any optimizer, parameters are what Keras's formulas make of the step alone. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "common/values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BATCH 3

/* Of a convolution {3, 2, 2, 5}, of its bias, and of a dense kernel: defaults, all axes, and what lies between. */
static const struct {
    cnn_constraint kernel, bias, dense;
} cases[] = {
    {{CNN_CONSTRAINT_MAX_NORM, 7, 0, 0.5f, 0}, {CNN_CONSTRAINT_NON_NEGATIVE, 0, 0, 0, 0}, {0}},
    {{CNN_CONSTRAINT_UNIT_NORM, 0, 0, 0, 0}, {0}, {CNN_CONSTRAINT_MAX_NORM, 0, 0, 0, 0}},
    {{CNN_CONSTRAINT_MIN_MAX_NORM, 8, 0.25f, 0.75f, 0.5f}, {CNN_CONSTRAINT_UNIT_NORM, 1, 0, 0, 0}, {0}},
    {{CNN_CONSTRAINT_NON_NEGATIVE, 0, 0, 0, 0}, {0}, {CNN_CONSTRAINT_MIN_MAX_NORM, 0, 0, 0, 0}},
    {{CNN_CONSTRAINT_MAX_NORM, 5, 0, 0.1f, 0}, {0}, {CNN_CONSTRAINT_UNIT_NORM, 3, 0, 0, 0}},
};

static cnn_model *make_model(cnn_context *context, size_t index, bool constrained)
{
    cnn_model *model = NULL;
    const cnn_constraint none = {0}, kernel = constrained ? cases[index].kernel : none;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {6, 5, 2}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 5, .kernel = {3, 2},
                                                        .activation = CNN_RELU, .kernel_constraint = kernel,
                                                        .bias_constraint = constrained ? cases[index].bias : none)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "dense", .units = 3, .activation = CNN_SOFTMAX,
                                                      .kernel_init = {CNN_INIT_NORMAL, 0.5f},
                                                      .kernel_constraint = constrained ? cases[index].dense : none)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static cnn_status descend(void *user, uint64_t step, float learning_rate, size_t n, float *weights,
                          const float *gradients, float *const *slots)
{
    (void)user, (void)step, (void)slots;
    for (size_t i = 0; i < n; i++) {
        weights[i] -= learning_rate * gradients[i];
    }
    return CNN_OK;
}

static void open_optimizer(cnn_context *context, int which, cnn_optimizer **optimizer)
{
    static const char *const texts[] = {"sgd:learning_rate=0.3,momentum=0.9", "rmsprop:learning_rate=0.05",
                                        "adam:learning_rate=0.05"};
    const cnn_optimizer_kind kind = {
        .struct_size = sizeof(kind), .name = "own", .learning_rate = 0.3f, .update = descend};
    ck_assert_int_eq(which < 3 ? cnn_optimizer_create(context, texts[which], optimizer)
                               : cnn_optimizer_create_custom(context, &kind, NULL, optimizer),
                     CNN_OK);
}

static void step(cnn_context *context, cnn_model *model, int which)
{
    static const int32_t labels[BATCH] = {2, 0, 1};
    float inputs[BATCH * 6 * 5 * 2];
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    double value = 0;
    for (size_t i = 0; i < COUNT(inputs); i++) {
        inputs[i] = (float)sin((double)i * 1.7);
    }
    open_optimizer(context, which, &optimizer);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, inputs, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_msg(cnn_optimizer_step(optimizer, session) == CNN_OK, "%s", cnn_last_error(context));
    cnn_session_free(session);
    cnn_loss_free(loss);
    cnn_optimizer_free(optimizer);
}

/* Where a value's norm is summed up: its place with the axes left out. */
static size_t group_of(const cnn_shape *shape, uint32_t axes, size_t value)
{
    size_t group = 0, unit = 1;
    for (uint32_t i = shape->rank; i-- > 0;) {
        const size_t size = (size_t)shape->dims[i];
        group += (axes >> i & 1u) == 0 ? value % size * unit : 0;
        unit *= (axes >> i & 1u) == 0 ? size : 1;
        value /= size;
    }
    return group;
}

/* keras.constraints, with their defaults. */
static double keras(const cnn_constraint *c, double w, double norm)
{
    const double epsilon = 1e-7, high = c->high != 0 ? c->high : c->kind == CNN_CONSTRAINT_MAX_NORM ? 2 : 1;
    const double rate = c->rate != 0 ? c->rate : 1;
    switch (c->kind) {
    case CNN_CONSTRAINT_MAX_NORM:
        return w * fmin(fmax(norm, 0), high) / (epsilon + norm);
    case CNN_CONSTRAINT_NON_NEGATIVE:
        return w * (w >= 0);
    case CNN_CONSTRAINT_UNIT_NORM:
        return w / (epsilon + norm);
    case CNN_CONSTRAINT_MIN_MAX_NORM:
        return w * (rate * fmin(fmax(norm, c->low), high) + (1 - rate) * norm) / (epsilon + norm);
    default:
        return w;
    }
}

static void expect(cnn_model *free_model, cnn_model *held_model, const char *name, const cnn_constraint *constraint)
{
    cnn_parameter loose = CNN_PARAMETER_INIT, held = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(free_model, name, &loose), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(held_model, name, &held), CNN_OK);
    const cnn_shape *shape = &loose.value.shape;
    const uint32_t axes = constraint->axes != 0 ? constraint->axes : 1;
    const size_t count = test_shape_values(*shape);
    double *squares = calloc(count, sizeof(double));
    for (size_t i = 0; i < count; i++) {
        squares[group_of(shape, axes, i)] += (double)loose.value.data[i] * loose.value.data[i];
    }
    for (size_t i = 0; i < count; i++) {
        const double wanted = keras(constraint, loose.value.data[i], sqrt(squares[group_of(shape, axes, i)]));
        ck_assert_msg(fabs(wanted - held.value.data[i]) <= 1e-6, "%s[%zu]: %.8g, Keras has %.8g", name, i,
                      held.value.data[i], wanted);
    }
    free(squares);
}

START_TEST(test_formulas)
{
    const size_t index = (size_t)_i / 4;
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 9), &context), CNN_OK);
    cnn_model *loose = make_model(context, index, false), *held = make_model(context, index, true);
    step(context, loose, _i % 4);
    step(context, held, _i % 4);
    expect(loose, held, "conv/kernel", &cases[index].kernel);
    expect(loose, held, "conv/bias", &cases[index].bias);
    expect(loose, held, "dense/kernel", &cases[index].dense);
    cnn_model_free(held);
    cnn_model_free(loose);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_frozen)
{
    /* A frozen kernel stays as it is, whatever its constraint says. */
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 9), &context), CNN_OK);
    cnn_model *model = make_model(context, 1, true);
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv/kernel", &kernel), CNN_OK);
    const uint64_t before = test_hash(kernel.value.data, 60 * sizeof(float));
    ck_assert_int_eq(cnn_model_set_trainable(model, "conv", false), CNN_OK);
    step(context, model, 0);
    ck_assert_uint_eq(test_hash(kernel.value.data, 60 * sizeof(float)), before);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        cnn_constraint constraint;
        const char *message;
    } wrong[] = {
        {{9, 0, 0, 0, 0}, "kind of kernel_constraint is 9"},
        {{CNN_CONSTRAINT_MAX_NORM, 0, 0, -1, 0}, "high of kernel_constraint is -1"},
        {{CNN_CONSTRAINT_MIN_MAX_NORM, 0, 2, 1, 0}, "low of kernel_constraint is 2, must be 0 to 1"},
        {{CNN_CONSTRAINT_MIN_MAX_NORM, 0, 0, 1, 2}, "rate of kernel_constraint is 2"},
    };
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ck_assert_ptr_null(cnn_dense(context, CNN_DENSE(.units = 1, .kernel_constraint = wrong[i].constraint)));
        ck_assert_msg(strstr(cnn_last_error(context), wrong[i].message) != NULL, "%s", cnn_last_error(context));
    }
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {4}), &model), CNN_OK);
    cnn_model_add(
        model, cnn_dense(context, CNN_DENSE(.units = 2, .kernel_constraint = {CNN_CONSTRAINT_UNIT_NORM, 5, 0, 0, 0})));
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "the constraint of \"kernel\" is over axes (0x5)"));
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(test_file)
{
    cnn_context *context = NULL;
    char path[256];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 9), &context), CNN_OK);
    cnn_model *loose = make_model(context, (size_t)_i, false), *held = make_model(context, (size_t)_i, true);
    test_path(path, sizeof(path), "constraints.cnn");
    ck_assert_int_eq(cnn_model_save(held, path), CNN_OK);
    cnn_model_free(held);
    ck_assert_msg(cnn_model_load(context, path, &held) == CNN_OK, "%s", cnn_last_error(context));
    remove(path);
    step(context, loose, 0);
    step(context, held, 0);
    expect(loose, held, "conv/kernel", &cases[_i].kernel);
    expect(loose, held, "conv/bias", &cases[_i].bias);
    expect(loose, held, "dense/kernel", &cases[_i].dense);
    cnn_model_free(held);
    cnn_model_free(loose);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/constraints");
    TCase *tcase = tcase_create("constraints");
    tcase_add_loop_test(tcase, test_formulas, 0, 4 * (int)COUNT(cases));
    tcase_add_test(tcase, test_frozen);
    tcase_add_test(tcase, test_refused);
    tcase_add_loop_test(tcase, test_file, 0, (int)COUNT(cases));
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
