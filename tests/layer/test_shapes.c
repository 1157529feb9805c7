/* SPDX-License-Identifier: MIT */
/* Layers that change shapes against PyTorch: values, gradients by the input, and the way through a model file; samples
 * that become rows, and what refuses those. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "common/values.h"
#include "layer/golden_shapes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cnn_context *context;

static void open_context(int backend)
{
    static const char *const backends[] = {"reference", NULL};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .backend = backends[backend]), &context), CNN_OK);
}

/* The model, once more by way of a file. */
static cnn_model *through_a_file(cnn_model *model)
{
    cnn_model *again = NULL;
    char path[] = "/tmp/libcnn-shapes-XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
    unlink(path);
    cnn_model_free(model);
    return again;
}

static void expect(const char *what, const float *found, const float *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabsf(found[i] - expected[i]) <= 4e-6f * (1 + fabsf(expected[i])), "%s[%zu]: %.8g, not %.8g",
                      what, i, (double)found[i], (double)expected[i]);
    }
}

static void check_golden(const char *what, cnn_layer *layer, const float *y, size_t outputs, const float *dx)
{
    static const char *const by[] = {"input"};
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_tensor gradient;
    float dy[512];
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SHAPES_H, SHAPES_W, SHAPES_C}), &model), CNN_OK);
    cnn_model_add(model, layer);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    model = through_a_file(model);
    ck_assert_uint_eq(test_shape_values(cnn_model_output_shape(model)), outputs);
    for (size_t i = 0; i < outputs; i++) {
        dy[i] = (float)(i + 1);
    }
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.gradients = by, .gradient_count = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, shapes_x, 1), CNN_OK);
    expect(what, cnn_session_output(session), y, outputs);
    ck_assert_int_eq(cnn_session_backward(session, dy), CNN_OK);
    ck_assert_int_eq(cnn_session_value_gradient(session, "input", &gradient), CNN_OK);
    expect(what, gradient.data, dx, COUNT(shapes_x));
    cnn_session_free(session);
    cnn_model_free(model);
}

#define CHECK(name, layer) check_golden(#name, layer, name##_y, COUNT(name##_y), name##_dx)

START_TEST(as_pytorch)
{
    open_context(_i);
    CHECK(adaptive_mean, cnn_adaptive_average_pool2d(context, CNN_ADAPTIVE_POOL2D(.size = {3})));
    CHECK(adaptive_mean_larger, cnn_adaptive_average_pool2d(context, CNN_ADAPTIVE_POOL2D(.size = {7, 4})));
    CHECK(adaptive_max, cnn_adaptive_max_pool2d(context, CNN_ADAPTIVE_POOL2D(.size = {2, 3})));
    CHECK(global_max, cnn_global_max_pool2d(context, NULL));
    CHECK(upsample_nearest, cnn_up_sampling2d(context, CNN_UP_SAMPLING2D(.factor = {2, 1})));
    CHECK(upsample_bilinear,
          cnn_up_sampling2d(context, CNN_UP_SAMPLING2D(.factor = {1, 2}, .interpolation = CNN_RESAMPLE_BILINEAR)));
    CHECK(upsample_corners,
          cnn_up_sampling2d(context, CNN_UP_SAMPLING2D(.factor = {2, 1}, .interpolation = CNN_RESAMPLE_BILINEAR,
                                                       .align_corners = 1)));
    CHECK(prelu, cnn_prelu(context, NULL));
    CHECK(rescale, cnn_rescale(context, CNN_RESCALE(.scale = {2, -0.5f}, .offset = {0, 3}, .channels = 2)));
    CHECK(permute, cnn_permute(context, CNN_PERMUTE(.order = {3, 2, 1})));
    cnn_context_free(context);
}
END_TEST

/* A sample of 2 x 2 x 4 values becomes four rows, which a dense layer and a normalisation take for samples; then they
 * are one sample again. */
static cnn_model *make_rows(bool again)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2, 2, 4}), &model), CNN_OK);
    cnn_model_add(model, cnn_reshape(context, CNN_RESHAPE(.name = "rows", .shape = {4}, .rows = 1)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "dense", .units = 3)));
    if (again) {
        cnn_model_add(model, cnn_reshape(context, CNN_RESHAPE(.name = "one", .shape = {12}, .rows = 1)));
    }
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return through_a_file(model);
}

START_TEST(samples_become_rows)
{
    static const char *const keep[] = {"rows", "dense"};
    open_context(_i);
    cnn_model *model = make_rows(true);
    cnn_session *session = NULL, *training = NULL;
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    cnn_tensor rows, dense, gradient;
    cnn_shape shape = cnn_model_value_shape(model, "dense");
    ck_assert_uint_eq(shape.rank, 2);
    ck_assert_int_eq(shape.dims[0], 4);
    ck_assert_int_eq(shape.dims[1], 3);
    shape = cnn_model_output_shape(model);
    ck_assert_uint_eq(shape.rank, 1);
    ck_assert_int_eq(shape.dims[0], 12);
    ck_assert_int_eq(cnn_model_parameter(model, 0, &kernel), CNN_OK);
    ck_assert_int_eq(kernel.value.shape.dims[0], 4);
    /* Two samples in a session for three. */
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 3, .keep = keep, .keep_count = 2), &session),
                     CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, shapes_x, 2), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(session, "rows", &rows), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(session, "dense", &dense), CNN_OK);
    ck_assert_int_eq(rows.shape.dims[0], 8);
    ck_assert_int_eq(dense.shape.dims[0], 8);
    ck_assert_mem_eq(rows.data, shapes_x, 32 * sizeof(float));
    ck_assert_mem_eq(cnn_session_output(session), dense.data, 24 * sizeof(float));
    for (size_t r = 0; r < 8; r++) {
        for (size_t c = 0; c < 3; c++) {
            double sum = 0;
            for (size_t k = 0; k < 4; k++) {
                sum += (double)shapes_x[4 * r + k] * kernel.value.data[3 * k + c];
            }
            ck_assert_float_eq_tol(dense.data[3 * r + c], (float)sum, 1e-5f);
        }
    }
    /* The gradient of the kernel is the sum over all rows. */
    float ones[24];
    for (size_t i = 0; i < 24; i++) {
        ones[i] = 1;
    }
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 2, .training = 1), &training), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(training, shapes_x, 2), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(training, ones), CNN_OK);
    ck_assert_int_eq(cnn_session_gradient(training, 0, &gradient), CNN_OK);
    for (size_t k = 0; k < 4; k++) {
        double sum = 0;
        for (size_t r = 0; r < 8; r++) {
            sum += shapes_x[4 * r + k];
        }
        ck_assert_float_eq_tol(gradient.data[3 * k], (float)sum, 1e-5f);
    }
    cnn_session_free(training);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

static void expect_message(const char *words)
{
    ck_assert_msg(strstr(cnn_last_error(context), words) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context),
                  words);
}

static cnn_status append(void *user, const void *data, size_t size)
{
    char *text = user;
    const size_t used = strlen(text);
    ck_assert_uint_lt(used + size, 4096);
    memcpy(text + used, data, size);
    text[used + size] = '\0';
    return CNN_OK;
}

START_TEST(rows_have_no_label)
{
    open_context(1);
    cnn_model *model = make_rows(false);
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    double value;
    const int32_t label = 0;
    const cnn_shape shape = cnn_model_output_shape(model);
    ck_assert_uint_eq(shape.rank, 2);
    ck_assert_int_eq(shape.dims[0], 4);
    char summary[4096] = "";
    ck_assert_int_eq(cnn_model_summary(model, append, summary), CNN_OK);
    ck_assert_ptr_nonnull(strstr(summary, "(4 None, 3)"));
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, shapes_x, 1), CNN_OK);
    ck_assert_int_eq(cnn_loss_create(context, "categorical_crossentropy", &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = &label), &value), CNN_ERROR_SHAPE);
    expect_message("has 4 rows for each sample");
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    /* Nor are rows added to samples. */
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2, 2, 4}), &model), CNN_OK);
    cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flat")));
    cnn_model_add(model, cnn_reshape(context, CNN_RESHAPE(.name = "rows", .shape = {16})));
    cnn_model_add_after(model, cnn_reshape(context, CNN_RESHAPE(.name = "four", .shape = {4}, .rows = 1)),
                        (const char *const[]){"flat"}, 1);
    cnn_model_add_after(model, cnn_add(context, NULL), (const char *const[]){"rows", "four"}, 2);
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    expect_message("1 rows in the first and 4 in another");
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

/* Channels of a group in turn, and what is left of an image; both as their definitions say. */
START_TEST(shuffled_and_cropped)
{
    static const float shuffled[] = {0, 3, 1, 4, 2, 5}, values[] = {0, 1, 2, 3, 4, 5};
    open_context(_i);
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {1, 1, 6}), &model), CNN_OK);
    cnn_model_add(model, cnn_channel_shuffle(context, CNN_CHANNEL_SHUFFLE(.groups = 2)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    model = through_a_file(model);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, values, 1), CNN_OK);
    ck_assert_mem_eq(cnn_session_output(session), shuffled, sizeof(shuffled));
    cnn_session_free(session);
    cnn_model_free(model);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SHAPES_H, SHAPES_W, SHAPES_C}), &model), CNN_OK);
    cnn_model_add(model, cnn_cropping2d(context, CNN_CROPPING2D(.crops = {1, 2, 0, 1})));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    model = through_a_file(model);
    ck_assert_int_eq(cnn_session_create(model, NULL, &session), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, shapes_x, 1), CNN_OK);
    for (size_t row = 0; row < SHAPES_H - 3; row++) {
        const size_t kept = (SHAPES_W - 1) * SHAPES_C;
        ck_assert_mem_eq(cnn_session_output(session) + row * kept, shapes_x + (row + 1) * SHAPES_W * SHAPES_C,
                         kept * sizeof(float));
    }
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

static void expect_refusal(cnn_layer *layer, const char *words)
{
    ck_assert_ptr_null(layer);
    expect_message(words);
}

START_TEST(refusals)
{
    cnn_model *model = NULL;
    open_context(0);
    expect_refusal(cnn_adaptive_average_pool2d(context, NULL), "size is 0");
    expect_refusal(cnn_adaptive_max_pool2d(context, CNN_ADAPTIVE_POOL2D(.size = {1, -1})), "size is -1");
    expect_refusal(cnn_reshape(context, NULL), "a shape is required");
    expect_refusal(cnn_reshape(context, CNN_RESHAPE(.shape = {2, 0, 3})), "a size after a 0");
    expect_refusal(cnn_reshape(context, CNN_RESHAPE(.shape = {-1, -1})), "more than one size");
    expect_refusal(cnn_reshape(context, CNN_RESHAPE(.shape = {-1, 4}, .rows = 1)), "more than one size");
    expect_refusal(cnn_reshape(context, CNN_RESHAPE(.shape = {-2})), "a size of shape is -2");
    expect_refusal(cnn_permute(context, NULL), "order must name each axis");
    expect_refusal(cnn_permute(context, CNN_PERMUTE(.order = {1, 1})), "order must name each axis");
    expect_refusal(cnn_permute(context, CNN_PERMUTE(.order = {1, 3})), "order must name each axis");
    expect_refusal(cnn_permute(context, CNN_PERMUTE(.order = {2, 0, 1})), "order must name each axis");
    expect_refusal(cnn_channel_shuffle(context, NULL), "groups is 0");
    expect_refusal(cnn_up_sampling2d(context, CNN_UP_SAMPLING2D(.factor = {-1})), "factor is -1");
    expect_refusal(cnn_up_sampling2d(context, CNN_UP_SAMPLING2D(.align_corners = 1)), "align_corners is of bilinear");
    expect_refusal(cnn_prelu(context, CNN_PRELU(.slopes = 3)), "slopes is 3");
    expect_refusal(cnn_rescale(context, CNN_RESCALE(.scale = {NAN})), "not finite");
    expect_refusal(cnn_rescale(context, CNN_RESCALE(.scale = {1, 2})), "more numbers than channels");
    expect_refusal(cnn_rescale(context, CNN_RESCALE(.channels = 17)), "channels is 17");
    expect_refusal(cnn_cropping2d(context, CNN_CROPPING2D(.crops = {0, 0, -1})), "crops is -1");
    cnn_layer *const unfit[] = {
        cnn_reshape(context, CNN_RESHAPE(.shape = {-1, 3})), cnn_permute(context, CNN_PERMUTE(.order = {2, 1})),
        cnn_channel_shuffle(context, CNN_CHANNEL_SHUFFLE(.groups = 3)),
        cnn_rescale(context, CNN_RESCALE(.channels = 3)), cnn_cropping2d(context, CNN_CROPPING2D(.crops = {1, 1}))};
    static const char *const words[] = {"do not make (-1, 3)", "the order is of 2 axes", "4 channels cannot be divided",
                                        "has numbers for 3 channels", "nothing is left of 2x2"};
    for (size_t i = 0; i < COUNT(unfit); i++) {
        ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {2, 2, 4}), &model), CNN_OK);
        cnn_model_add(model, unfit[i]);
        ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
        expect_message(words[i]);
        cnn_model_free(model);
    }
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer/shapes");
    TCase *cases = tcase_create("all");
    tcase_add_loop_test(cases, as_pytorch, 0, 2);
    tcase_add_loop_test(cases, samples_become_rows, 0, 2);
    tcase_add_loop_test(cases, shuffled_and_cropped, 0, 2);
    tcase_add_test(cases, rows_have_no_label);
    tcase_add_test(cases, refusals);
    suite_add_tcase(suite, cases);
    return cnn_test_run(suite);
}
