/* SPDX-License-Identifier: MIT */
/* Weights of a model for a network that has it as a layer, and of such a network for the model alone. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"

static cnn_context *context;
static char path[512];

static void setup(void)
{
    test_path(path, sizeof(path), "inner.cnn");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
}

static void teardown(void)
{
    cnn_context_free(context);
    unlink(path);
}

static cnn_model *create(const char *name)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = name, .input = {8, 8, 1}), &model), CNN_OK);
    return model;
}

/* Two convolutions; the values of their parameters begin with `value`. */
static void add_base(cnn_model *model, float value)
{
    const cnn_initializer init = {CNN_INIT_CONSTANT, value}, next = {CNN_INIT_CONSTANT, value + 1};
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "first", .filters = 2, .padding = CNN_PADDING_SAME,
                                                        .kernel_init = init)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "second", .filters = 2, .padding = CNN_PADDING_SAME,
                                                        .kernel_init = next)));
}

static cnn_model *base(float value)
{
    cnn_model *model = create("base");
    add_base(model, value);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* The base as a layer of that name, so many models around it, and a head of its own; `twice`: another one after it. */
static cnn_model *whole(const char *name, int around, bool twice, float value)
{
    cnn_model *model = create("whole");
    for (int copy = 0; copy <= (int)twice; copy++) {
        cnn_model *inner = NULL;
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "base", .input = {8, 8, copy + 1}), &inner),
                         CNN_OK);
        add_base(inner, value);
        for (int i = 0; i < around; i++) {
            cnn_model *outer = NULL;
            ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "outer", .input = {8, 8, 1}), &outer), CNN_OK);
            cnn_model_add(outer, cnn_model_as_layer(context, inner, "base"));
            cnn_model_free(inner);
            inner = outer;
        }
        cnn_model_add(model, cnn_model_as_layer(context, inner, copy == 0 ? name : "again"));
        cnn_model_free(inner);
    }
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "head", .units = 3)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static float value_of(cnn_model *model, const char *name)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    ck_assert_msg(cnn_model_find_parameter(model, name, &parameter) == CNN_OK, "%s", name);
    return parameter.value.data[0];
}

static void expect(const cnn_weights_report *report, uint32_t loaded, uint32_t missing, uint32_t unused)
{
    ck_assert_uint_eq(report->loaded, loaded);
    ck_assert_uint_eq(report->missing, missing);
    ck_assert_uint_eq(report->unused, unused);
}

/* Both ways there are: by the file's own reader, and by the one for all programs' files. */
static cnn_status try_fill(cnn_model *model, bool foreign, cnn_weights_report *report)
{
    cnn_weights *weights = NULL;
    if (!foreign) {
        return cnn_model_load_weights(model, path, report);
    }
    cnn_status status = cnn_weights_open(context, path, &weights);
    status = status == CNN_OK ? cnn_model_import(model, weights, CNN_IMPORT(.partial = 1), report) : status;
    cnn_weights_free(weights);
    return status;
}

static void fill(cnn_model *model, const cnn_model *from, bool foreign, cnn_weights_report *report)
{
    *report = (cnn_weights_report)CNN_WEIGHTS_REPORT_INIT;
    ck_assert_int_eq(cnn_model_save(from, path), CNN_OK);
    ck_assert_int_eq(try_fill(model, foreign, report), CNN_OK);
}

START_TEST(test_inside)
{
    cnn_weights_report report;
    cnn_model *from = base(3), *to = whole("vgg", 0, false, 0);
    fill(to, from, _i != 0, &report);
    expect(&report, 4, 2, 0);
    ck_assert_float_eq(value_of(to, "vgg/first/kernel"), 3);
    ck_assert_float_eq(value_of(to, "vgg/second/kernel"), 4);
    cnn_model_free(to);
    to = whole("vgg", 2, false, 0);
    fill(to, from, _i != 0, &report);
    expect(&report, 4, 2, 0);
    ck_assert_float_eq(value_of(to, "vgg/base/base/second/kernel"), 4);
    cnn_model_free(to);
    cnn_model_free(from);
}
END_TEST

START_TEST(test_outside)
{
    cnn_weights_report report;
    for (int around = 0; around < 2; around++) {
        cnn_model *from = whole("vgg", around, false, 5), *to = base(0);
        fill(to, from, _i != 0, &report);
        expect(&report, 4, 0, 2);
        ck_assert_float_eq(value_of(to, "first/kernel"), 5);
        ck_assert_float_eq(value_of(to, "second/kernel"), 6);
        /* Nothing may be missing: then whole names count. */
        ck_assert_int_eq(cnn_model_load_weights(to, path, NULL), CNN_ERROR_MISMATCH);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "first/kernel"));
        cnn_model_free(to);
        cnn_model_free(from);
    }
}
END_TEST

/* What two models have inside is neither's; a parameter's whole name goes before. */
START_TEST(test_doubled)
{
    cnn_weights_report report;
    cnn_model *from = whole("vgg", 0, true, 5), *to = base(0);
    fill(to, from, _i != 0, &report);
    expect(&report, 0, 4, 10);
    ck_assert_float_eq(value_of(to, "second/kernel"), 1);
    cnn_model_free(to);
    to = whole("vgg", 0, true, 0);
    fill(to, from, _i != 0, &report);
    expect(&report, 10, 0, 0);
    ck_assert_float_eq(value_of(to, "again/first/kernel"), 5);
    cnn_model_free(to);
    cnn_model_free(from);
}
END_TEST

/* Every allocation of it fails in turn: the model is as it was, and nothing is left. */
START_TEST(test_no_memory)
{
    cnn_context *given = context;
    test_allocator counts = {0};
    const cnn_allocator allocator = test_allocator_options(&counts);
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_model *model = base(7);
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &context), CNN_OK);
    model = whole("inner", 1, false, 1);
    ck_assert_int_eq(cnn_model_load_weights(model, "", &report), CNN_ERROR_NOT_FOUND); /* its message stays */
    const size_t blocks = counts.blocks;
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    size_t failures = 0;
    while (status != CNN_OK) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        counts.calls = 0;
        counts.fail_at = ++failures;
        status = try_fill(model, _i != 0, &report);
        counts.fail_at = 0;
        ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "allocation %zu: %d", failures, status);
        ck_assert_int_eq(cnn_model_parameter(model, 0, &parameter), CNN_OK);
        ck_assert_float_eq(parameter.value.data[0], status == CNN_OK ? 7 : 1);
        ck_assert_uint_eq(counts.blocks, blocks);
    }
    ck_assert_uint_gt(failures, 10);
    ck_assert_uint_eq(report.loaded, 4);
    cnn_model_free(model);
    cnn_context_free(context);
    ck_assert_uint_eq(counts.blocks, 0);
    context = given;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format/inner");
    TCase *tcase = tcase_create("weights");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_inside, 0, 2);
    tcase_add_loop_test(tcase, test_outside, 0, 2);
    tcase_add_loop_test(tcase, test_doubled, 0, 2);
    tcase_add_loop_test(tcase, test_no_memory, 0, 2);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
