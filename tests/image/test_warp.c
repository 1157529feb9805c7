/* SPDX-License-Identifier: MIT */
/* Affine warps against scipy, colours against keras_preprocessing. */
#include <math.h>
#include <string.h>

#include "common/suite.h"
#include "image/golden_warp.h"
#include "image/image.h"

static void check_values(const float *values, const float *expected, size_t count, const char *what, int index)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(fabsf(values[i] - expected[i]) <= 1e-4f, "%s %d, value %zu: %.9g instead of %.9g", what, index, i,
                      (double)values[i], (double)expected[i]);
    }
}

static void pattern_values(float *values, uint32_t width, uint32_t height, uint32_t channels)
{
    uint8_t pixels[256];
    ck_assert_uint_le(width * height * channels, sizeof(pixels));
    pattern_pixels(pixels, width, height, channels);
    for (size_t i = 0; i < (size_t)width * height * channels; i++) {
        values[i] = pixels[i];
    }
}

static cnn__warp make_warp(const double *matrix, int fill, float constant)
{
    cnn__warp warp = {.fill = (cnn__fill_mode)fill, .constant = constant};
    memcpy(warp.matrix, matrix, sizeof(warp.matrix));
    return warp;
}

START_TEST(warps_equal_scipy)
{
    enum { COUNT_OF_VALUES = GOLDEN_WARP_WIDTH * GOLDEN_WARP_HEIGHT };
    const golden_warp *golden = &golden_warps[_i];
    const cnn__warp warp = make_warp(golden->matrix, golden->fill, 7.0f);
    float input[COUNT_OF_VALUES], output[COUNT_OF_VALUES];
    pattern_values(input, GOLDEN_WARP_WIDTH, GOLDEN_WARP_HEIGHT, 1);
    cnn__warp_apply(&warp, input, GOLDEN_WARP_HEIGHT, GOLDEN_WARP_WIDTH, 1, output);
    check_values(output, golden->values, COUNT_OF_VALUES, "warp", _i);
}
END_TEST

START_TEST(channels_are_warped_alike)
{
    const golden_warp *golden = &golden_warps[_i];
    const cnn__warp warp = make_warp(golden->matrix, golden->fill, 7.0f);
    float one[5 * 4], input[5 * 4 * 3], expected[5 * 4], output[5 * 4 * 3];
    pattern_values(one, 5, 4, 1);
    for (size_t i = 0; i < COUNT(input); i++) {
        input[i] = one[i / 3];
    }
    cnn__warp_apply(&warp, one, 4, 5, 1, expected);
    cnn__warp_apply(&warp, input, 4, 5, 3, output);
    for (size_t i = 0; i < COUNT(output); i++) {
        ck_assert_float_eq(output[i], expected[i / 3]);
    }
}
END_TEST

START_TEST(the_identity_copies)
{
    const double identity[6] = {1, 0, 0, 0, 1, 0};
    float input[7 * 5 * 3], output[7 * 5 * 3];
    pattern_values(input, 7, 5, 3);
    for (int fill = CNN__FILL_NEAREST; fill <= CNN__FILL_WRAP; fill++) {
        const cnn__warp warp = make_warp(identity, fill, 99.0f);
        memset(output, 0, sizeof(output));
        cnn__warp_apply(&warp, input, 5, 7, 3, output);
        ck_assert_mem_eq(output, input, sizeof(input));
    }
}
END_TEST

/* Coordinates far outside, infinite or not numbers still read inside the image. */
START_TEST(no_coordinate_reads_outside)
{
    const double far[] = {1e300, -1e300, 4e9, -4e9, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < COUNT(far); i++) {
        for (int fill = CNN__FILL_NEAREST; fill <= CNN__FILL_WRAP; fill++) {
            const double matrix[6] = {1, 0, far[i], 0, far[i], 0.5};
            const cnn__warp warp = make_warp(matrix, fill, 0.0f);
            float input[3 * 2], output[3 * 2], single = 5.0f, copy;
            pattern_values(input, 3, 2, 1);
            cnn__warp_apply(&warp, input, 2, 3, 1, output);
            cnn__warp_apply(&warp, &single, 1, 1, 1, &copy);
            ck_assert(fill != CNN__FILL_CONSTANT || copy == 0.0f);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("warp");
    TCase *tests = tcase_create("warp");
    tcase_add_loop_test(tests, warps_equal_scipy, 0, (int)COUNT(golden_warps));
    tcase_add_loop_test(tests, channels_are_warped_alike, 0, (int)COUNT(golden_warps));
    tcase_add_test(tests, the_identity_copies);
    tcase_add_test(tests, no_coordinate_reads_outside);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
