/* SPDX-License-Identifier: MIT */
/* Local response normalisation against PyTorch and TensorFlow's formula, and concatenation: values, shapes, refusals,
 * and the way through a model file. */
#include <check.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "layer/golden_lrn.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;

static void open_context(int backend)
{
    static const char *const backends[] = {"reference", NULL};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backends[backend]), &context), CNN_OK);
}

static cnn_model *model_of(cnn_layer *layer)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2, 3, 9}), &model), CNN_OK);
    cnn_model_add(model, layer);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void expect_outputs(cnn_model *model, const char *what, const float *expected)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, lrn_x, 2), CNN_OK);
    for (size_t i = 0; i < COUNT(lrn_x); i++) {
        float found = cnn_session_output(session)[i];
        ck_assert_msg(fabsf(found - expected[i]) <= 3e-6f, "%s[%zu]: %.8g, expected %.8g", what, i, found, expected[i]);
    }
    cnn_session_free(session);
}

START_TEST(test_golden)
{
    const struct {
        const char *name;
        const float *expected;
        cnn_lrn_options options;
    } cases[] = {
        {"torch default", lrn_default, *CNN_LRN(.convention = CNN_PYTORCH)},
        {"torch, the paper's", lrn_paper,
         *CNN_LRN(.convention = CNN_PYTORCH, .size = 5, .alpha = 5e-4f, .beta = 0.75f, .bias = 2)},
        {"torch, even size", lrn_even,
         *CNN_LRN(.convention = CNN_PYTORCH, .size = 4, .alpha = 0.3f, .beta = 0.6f, .bias = 1.5f)},
        {"TensorFlow default", lrn_tensorflow_default, *CNN_LRN(.convention = CNN_TENSORFLOW1)},
        {"Keras default", lrn_tensorflow_default, *CNN_LRN(.convention = CNN_KERAS)},
        {"TensorFlow, the paper's", lrn_tensorflow,
         *CNN_LRN(.convention = CNN_TENSORFLOW1, .radius = 2, .alpha = 1e-4f, .beta = 0.75f, .bias = 2)},
        {"the same by its size", lrn_tensorflow,
         *CNN_LRN(.convention = CNN_TENSORFLOW1, .size = 5, .alpha = 1e-4f, .beta = 0.75f, .bias = 2)},
    };
    open_context(_i);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[256];
        cnn_model *model = model_of(cnn_local_response_norm(context, &cases[i].options)), *loaded = NULL;
        expect_outputs(model, cases[i].name, cases[i].expected);
        test_path(path, sizeof(path), "lrn.cnn");
        ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
        ck_assert_msg(cnn_model_load(context, path, &loaded) == CNN_OK, "%s", cnn_last_error(context));
        unlink(path);
        expect_outputs(loaded, cases[i].name, cases[i].expected);
        cnn_model_free(loaded);
        cnn_model_free(model);
    }
    cnn_context_free(context);
}
END_TEST

START_TEST(test_concatenation)
{
    /* x beside its relu beside x. */
    open_context(_i);
    cnn_model *model = NULL, *loaded = NULL;
    cnn_session *session = NULL;
    char path[256];
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2, 3, 9}), &model), CNN_OK);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "relu", .activation = CNN_RELU)));
    cnn_model_add_after(model, cnn_concatenate(context, NULL), (const char *[]){"input", "relu", "input"}, 3);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    test_path(path, sizeof(path), "concatenate.cnn");
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(context, path, &loaded), CNN_OK);
    unlink(path);
    cnn_shape shape = cnn_model_output_shape(loaded);
    ck_assert_uint_eq(shape.rank, 3);
    ck_assert_int_eq(shape.dims[2], 27);
    ck_assert_int_eq(cnn_session_create(loaded, CNN_SESSION(.batch = 2), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, lrn_x, 2), CNN_OK);
    const float *output = cnn_session_output(session);
    for (size_t i = 0; i < COUNT(lrn_x); i++) {
        size_t at = i / 9 * 27 + i % 9;
        ck_assert_float_eq(output[at], lrn_x[i]);
        ck_assert_float_eq(output[at + 9], lrn_x[i] > 0 ? lrn_x[i] : 0);
        ck_assert_float_eq(output[at + 18], lrn_x[i]);
    }
    cnn_session_free(session);
    cnn_model_free(loaded);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

static void expect_refusal(cnn_layer *layer, const char *words)
{
    ck_assert_ptr_null(layer);
    ck_assert_msg(strstr(cnn_last_error(context), words) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  words);
}

START_TEST(test_refusals)
{
    open_context(0);
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.size = 5, .radius = 2)), "size and radius exclude");
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.size = -1)), "size is -1");
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.radius = 1 << 30)), "radius is");
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.convention = 9)), "convention is 9");
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.bias = -1)), "bias is -1");
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.alpha = NAN)), "alpha is nan");
    expect_refusal(cnn_local_response_norm(context, CNN_LRN(.beta = -0.5f)), "beta is -0.5");
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {4, 4, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "half")));
    cnn_model_add_after(model, cnn_concatenate(context, CNN_NAMED(.name = "all")), (const char *[]){"input", "half"},
                        2);
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "differ in more than the last dimension"));
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer/lrn");
    TCase *tcase = tcase_create("lrn and concatenate");
    tcase_add_loop_test(tcase, test_golden, 0, 2);
    tcase_add_loop_test(tcase, test_concatenation, 0, 2);
    tcase_add_test(tcase, test_refusals);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
