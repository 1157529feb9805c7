/* SPDX-License-Identifier: MIT */
/* Colour maps, resizing and overlays against OpenCV 4.6, grids of activations and patterns against their formulas. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include <cnn/cnn.h>

static cnn_context *context;

static void set_up(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK); }
static void tear_down(void) { cnn_context_free(context); }

static float corner[] = {0, 0.5f, 1, 0.25f, 1, 0};
static const cnn_tensor map = {corner, {2, 0, {2, 3}}};

START_TEST(colours_are_those_of_opencv)
{
    static const struct {
        cnn_colormap map;
        int level;
        uint8_t rgb[3];
    } known[] = {{CNN_JET, 0, {0, 0, 128}},     {CNN_JET, 31, {0, 0, 252}},    {CNN_JET, 95, {0, 252, 255}},
                 {CNN_JET, 96, {2, 255, 254}},  {CNN_JET, 224, {252, 0, 0}},   {CNN_JET, 255, {128, 0, 0}},
                 {CNN_VIRIDIS, 0, {68, 1, 84}}, {CNN_VIRIDIS, 2, {69, 4, 87}}, {CNN_VIRIDIS, 255, {253, 231, 37}},
                 {CNN_GREY, 77, {77, 77, 77}}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint8_t rgb[3];
        cnn_colormap_color(known[i].map, ((float)known[i].level + 0.5f) / 255.0f, rgb);
        ck_assert_msg(memcmp(rgb, known[i].rgb, 3) == 0, "%d of %d: %d %d %d", known[i].level, (int)known[i].map,
                      rgb[0], rgb[1], rgb[2]);
    }
    uint8_t rgb[3];
    cnn_colormap_color(CNN_GREY, NAN, rgb);
    ck_assert_int_eq(rgb[0], 0);
    cnn_colormap_color(CNN_GREY, 3, rgb);
    ck_assert_int_eq(rgb[0], 255);
}
END_TEST

/* cv2.resize(map, (5, 4)), and cv2.imwrite(applyColorMap(uint8(255 * that), COLORMAP_JET) * 0.4 + photo). */
START_TEST(overlays_are_those_of_opencv)
{
    static const float larger[] = {0,       0.2f,    0.5f,   0.8f, 1,     0.0625f, 0.2875f, 0.625f, 0.7f, 0.75f,
                                   0.1875f, 0.4625f, 0.875f, 0.5f, 0.25f, 0.25f,   0.55f,   1,      0.4f, 0};
    static const uint8_t laid[] = {50, 100, 251, 50,  130, 255, 100, 202, 252, 152, 130, 200, 101, 100, 200,
                                   50, 100, 255, 50,  166, 255, 152, 202, 200, 152, 172, 200, 152, 151, 200,
                                   50, 124, 255, 84,  202, 255, 152, 100, 200, 100, 202, 252, 50,  150, 255,
                                   50, 150, 255, 121, 202, 231, 101, 100, 200, 59,  202, 255, 50,  100, 251};
    float resized[20];
    cnn_image *photo = NULL, *overlay = NULL;
    ck_assert_int_eq(cnn_map_resize(&map, 4, 5, resized), CNN_OK);
    for (int i = 0; i < 20; i++) {
        ck_assert_float_eq_tol(resized[i], larger[i], 1e-6f);
    }
    ck_assert_int_eq(cnn_image_create(context, 5, 4, 3, &photo), CNN_OK);
    for (int i = 0; i < 20; i++) {
        memcpy(cnn_image_pixels(photo) + (size_t)i * 3, (const uint8_t[]){50, 100, 200}, 3);
    }
    ck_assert_int_eq(cnn_map_overlay(photo, &map, NULL, &overlay), CNN_OK);
    for (int i = 0; i < 60; i++) {
        ck_assert_msg(abs(cnn_image_pixels(overlay)[i] - laid[i]) <= 2, "%d: %d, not %d", i,
                      cnn_image_pixels(overlay)[i], laid[i]);
    }
    cnn_image_free(overlay);
    ck_assert_int_eq(cnn_map_overlay(photo, &map, CNN_MAP_OVERLAY(.strength = CNN_ZERO), &overlay), CNN_OK);
    ck_assert_int_eq(memcmp(cnn_image_pixels(overlay), cnn_image_pixels(photo), 60), 0);
    cnn_image_free(overlay);
    ck_assert_int_eq(cnn_map_overlay(photo, &map, CNN_MAP_OVERLAY(.colors = 9), &overlay), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_null(overlay);
    ck_assert_int_eq(cnn_map_image(context, &map, CNN_GREY, 2, 3, &overlay), CNN_OK);
    ck_assert_int_eq(cnn_image_pixels(overlay)[3], 127);
    cnn_image_free(overlay);
    cnn_image_free(photo);
}
END_TEST

START_TEST(activations_are_drawn_as_grids)
{
    /* Channel 0 rises, 1 is dead, 2 falls; two samples, of which the first is drawn. */
    float values[2 * 4 * 3] = {0, 7, 3, 1, 7, 2, 2, 7, 1, 3, 7, 0};
    const cnn_tensor activation = {values, {4, 0, {2, 2, 2, 3}}};
    size_t dead = 0;
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_activation_image(context, &activation,
                                          CNN_ACTIVATION_IMAGE(.columns = 2, .margin = 1, .colors = CNN_GREY), &image,
                                          &dead),
                     CNN_OK);
    ck_assert_uint_eq(dead, 1);
    ck_assert_uint_eq(cnn_image_width(image), 5);
    ck_assert_uint_eq(cnn_image_height(image), 5);
    /* (value - 1.5) / sqrt(1.25) * 64 + 128, cut. */
    static const uint8_t levels[] = {42, 99, 156, 213};
    for (int i = 0; i < 4; i++) {
        const uint8_t *pixels = cnn_image_pixels(image);
        ck_assert_int_eq(pixels[((i / 2) * 5 + i % 2) * 3], levels[i]);
        ck_assert_int_eq(pixels[((i / 2) * 5 + i % 2 + 3) * 3], 0);
        ck_assert_int_eq(pixels[((i / 2 + 3) * 5 + i % 2) * 3], levels[3 - i]);
    }
    cnn_image_free(image);
    const uint32_t one[] = {2}, none[] = {3};
    ck_assert_int_eq(cnn_activation_image(
                         context, &activation,
                         CNN_ACTIVATION_IMAGE(.channels = one, .count = 1, .scale = 3, .spread = 1, .colors = CNN_GREY),
                         &image, NULL),
                     CNN_OK);
    ck_assert_uint_eq(cnn_image_width(image), 6);
    ck_assert_int_eq(cnn_image_pixels(image)[0], 255);
    ck_assert_int_eq(cnn_image_pixels(image)[3 * 35], 0);
    cnn_image_free(image);
    ck_assert_int_eq(
        cnn_activation_image(context, &activation, CNN_ACTIVATION_IMAGE(.channels = none, .count = 1), &image, NULL),
        CNN_ERROR_INVALID_ARGUMENT);
    const cnn_tensor scalar = {values, {0, 0, {0}}};
    ck_assert_int_eq(cnn_activation_image(context, &scalar, NULL, &image, NULL), CNN_ERROR_SHAPE);
    ck_assert_int_eq(cnn_activation_image(context, &activation, CNN_ACTIVATION_IMAGE(.scale = 100000), &image, NULL),
                     CNN_ERROR_LIMIT);
}
END_TEST

START_TEST(patterns_and_grids)
{
    float values[12];
    for (int i = 0; i < 12; i++) {
        values[i] = (float)i;
    }
    const cnn_tensor pattern = {values, {3, 0, {2, 2, 3}}};
    cnn_image *image = NULL, *grid = NULL;
    ck_assert_int_eq(cnn_pattern_image(context, &pattern, &image), CNN_OK);
    for (int i = 0; i < 12; i++) { /* numpy's deviation of 0..11 is sqrt(143 / 12) */
        const int expected = (int)(255 * (0.5 + 0.1 * (i - 5.5) / (sqrt(143.0 / 12) + 1e-5)));
        ck_assert_int_eq(cnn_image_pixels(image)[i], expected);
    }
    const cnn_image *images[64];
    for (int i = 0; i < 64; i++) {
        cnn_image *one = NULL;
        ck_assert_int_eq(cnn_image_create(context, 64, 64, 1, &one), CNN_OK);
        memset(cnn_image_pixels(one), i + 1, (size_t)64 * 64);
        images[i] = one;
    }
    ck_assert_int_eq(cnn_image_grid(images, 64, CNN_IMAGE_GRID(.columns = 8, .margin = 5, .down = 1), &grid), CNN_OK);
    ck_assert_uint_eq(cnn_image_width(grid), 547);
    ck_assert_uint_eq(cnn_image_height(grid), 547);
    for (int i = 0; i < 8; i++) {
        for (int j = 0; j < 8; j++) { /* filter i + 8j is in row i, column j */
            ck_assert_int_eq(cnn_image_pixels(grid)[((i * 69 + 63) * 547 + j * 69) * 3 + 2], i + 8 * j + 1);
        }
    }
    ck_assert_int_eq(cnn_image_pixels(grid)[64 * 3], 0);
    cnn_image_free(grid);
    cnn_image_free((cnn_image *)images[0]);
    images[0] = image;
    ck_assert_int_eq(cnn_image_grid(images, 64, NULL, &grid), CNN_ERROR_SHAPE);
    cnn_image_free(image);
    for (int i = 1; i < 64; i++) {
        cnn_image_free((cnn_image *)images[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain/pictures");
    TCase *tests = tcase_create("pictures");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, colours_are_those_of_opencv);
    tcase_add_test(tests, overlays_are_those_of_opencv);
    tcase_add_test(tests, activations_are_drawn_as_grids);
    tcase_add_test(tests, patterns_and_grids);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
