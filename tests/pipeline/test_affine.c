/* SPDX-License-Identifier: MIT */
/* The affine steps against keras_preprocessing's apply_affine_transform(). */
#include "pipeline/affine.h"
#include "golden_steps.h"
#include "image/image.h"
#include "support.h"

#define VALUES (GOLDEN_HEIGHT * GOLDEN_WIDTH * 3)

static cnn_context *context;
static cnn_image *image;
static float values[VALUES];

static void setup(void)
{
    context = new_context(1);
    image = new_image(context, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3, golden_image);
}

static void teardown(void)
{
    cnn_image_free(image);
    cnn_context_free(context);
}

static void warp_golden(size_t number, cnn__fill_mode fill, bool compat)
{
    const double *row = golden_affine + number * 6;
    const cnn__affine affine = {row[0], row[1], row[2], row[3], row[4], row[5]};
    cnn__warp warp = {.fill = fill, .constant = 0.25f};
    float input[VALUES];
    for (size_t i = 0; i < VALUES; i++) {
        input[i] = golden_image[i] / 255.0f;
    }
    cnn__affine_matrix(&affine, GOLDEN_HEIGHT, GOLDEN_WIDTH, compat, warp.matrix);
    cnn__warp_apply(&warp, input, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3, values);
}

START_TEST(each_parameter_as_keras)
{
    for (size_t i = 0; i < GOLDEN_AFFINE; i++) {
        warp_golden(i, CNN__FILL_NEAREST, false);
        expect_floats("centre", values, golden_affine_nearest_0 + i * VALUES, VALUES, 1e-5);
        warp_golden(i, CNN__FILL_NEAREST, true);
        expect_floats("compat", values, golden_affine_nearest_1 + i * VALUES, VALUES, 1e-5);
    }
}
END_TEST

START_TEST(each_fill_as_keras)
{
    warp_golden(GOLDEN_AFFINE - 1, CNN__FILL_CONSTANT, false);
    expect_floats("constant", values, golden_affine_constant, VALUES, 1e-5);
    warp_golden(GOLDEN_AFFINE - 1, CNN__FILL_REFLECT, false);
    expect_floats("reflect", values, golden_affine_reflect, VALUES, 1e-5);
    warp_golden(GOLDEN_AFFINE - 1, CNN__FILL_WRAP, false);
    expect_floats("wrap", values, golden_affine_wrap, VALUES, 1e-5);
}
END_TEST

static void apply(const char *steps)
{
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    cnn_status status = cnn_pipeline_apply(pipeline, image, 3, values, VALUES, NULL);
    ck_assert_msg(status == CNN_OK, "\"%s\": %s", steps, cnn_last_error(context));
    cnn_pipeline_free(pipeline);
}

/* The steps with bounds that leave no choice. */
START_TEST(steps_as_keras)
{
    apply("rotate=30/30");
    expect_floats("rotate", values, golden_affine_nearest_0, VALUES, 1e-5);
    apply("fill=nearest:compat=1,rotate=30/30");
    expect_floats("rotate, compat", values, golden_affine_nearest_1, VALUES, 1e-5);
    apply("shear=20/20");
    expect_floats("shear", values, golden_affine_nearest_0 + 3 * VALUES, VALUES, 1e-5);
}
END_TEST

/* Neighbours are one warp in Keras's order whatever their own, and two warps when something is between them. */
START_TEST(neighbours_merge)
{
    float merged[VALUES];
    apply("rotate=30/30,shear=20/20,zoom=0.7/0.9,fill=wrap");
    memcpy(merged, values, sizeof(merged));
    apply("fill=wrap,zoom=0.7/0.9,shear=20/20,rotate=30/30");
    ck_assert_mem_eq(merged, values, sizeof(merged));
    apply("rotate=30/30,fill=wrap,flip=0,shear=20/20,zoom=0.7/0.9,fill=wrap");
    ck_assert(memcmp(merged, values, sizeof(merged)) != 0);
}
END_TEST

START_TEST(matrix_by_hand)
{
    double matrix[6];
    /* A quarter turn of 3 x 3 about its centre: output (0, 0) is input (0, 2). */
    const cnn__affine turn = {90, 0, 0, 0, 1, 1};
    cnn__affine_matrix(&turn, 3, 3, false, matrix);
    const double quarter[6] = {0, -1, 2, 1, 0, 0};
    for (int i = 0; i < 6; i++) {
        ck_assert_double_eq_tol(matrix[i], quarter[i], 1e-12);
    }
    /* tx moves rows up, zx = 2 halves the height. */
    const cnn__affine move = {0, 1, -2, 0, 2, 1};
    cnn__affine_matrix(&move, 5, 5, false, matrix);
    const double expected[6] = {2, 0, -1, 0, 1, -2};
    for (int i = 0; i < 6; i++) {
        ck_assert_double_eq_tol(matrix[i], expected[i], 1e-12);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/affine");
    TCase *tcase = tcase_create("affine");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, each_parameter_as_keras);
    tcase_add_test(tcase, each_fill_as_keras);
    tcase_add_test(tcase, steps_as_keras);
    tcase_add_test(tcase, neighbours_merge);
    tcase_add_test(tcase, matrix_by_hand);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
