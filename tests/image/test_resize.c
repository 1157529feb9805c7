/* SPDX-License-Identifier: MIT */
/* Resizing against Pillow, the vector kernels against the portable ones, and cropping. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "image/golden_image.h"
#include "image/resize.h"

static cnn_context *context;

static void setup(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK); }

static void teardown(void) { cnn_context_free(context); }

static cnn_image *pattern(uint32_t width, uint32_t height, uint32_t channels)
{
    cnn_image *image;
    ck_assert_int_eq(cnn_image_create(context, width, height, channels, &image), CNN_OK);
    pattern_pixels(cnn_image_pixels(image), width, height, channels);
    return image;
}

START_TEST(filters_equal_pillow)
{
    const golden_resize *golden = &golden_resizes[_i];
    cnn_image *image = pattern(golden->width, golden->height, golden->channels), *resized;
    bytes pixels = bytes_from_base64(golden->pixels);
    ck_assert_int_eq(cnn__image_resize_box(image, golden->left, golden->top, golden->box_width, golden->box_height,
                                           golden->new_width, golden->new_height, (cnn_resize_filter)golden->filter,
                                           &resized),
                     CNN_OK);
    ck_assert_uint_eq(pixels.size, (size_t)golden->new_width * golden->new_height * golden->channels);
    ck_assert_uint_eq(cnn_image_width(resized), golden->new_width);
    ck_assert_uint_eq(cnn_image_height(resized), golden->new_height);
    int difference = largest_difference(cnn_image_pixels(resized), pixels.data, pixels.size);
    ck_assert_msg(difference == 0, "%u x %u to %u x %u, filter %d: off by %d", golden->width, golden->height,
                  golden->new_width, golden->new_height, golden->filter, difference);
    cnn_image_free(image);
    cnn_image_free(resized);
    bytes_free(&pixels);
}
END_TEST

START_TEST(default_filter_is_bilinear)
{
    cnn_image *image = pattern(17, 11, 3), *a, *b;
    ck_assert_int_eq(cnn_image_resize(image, 8, 5, CNN_RESIZE_DEFAULT, &a), CNN_OK);
    ck_assert_int_eq(cnn_image_resize(image, 8, 5, CNN_RESIZE_BILINEAR, &b), CNN_OK);
    ck_assert_mem_eq(cnn_image_pixels(a), cnn_image_pixels(b), 8 * 5 * 3);
    cnn_image_free(image);
    cnn_image_free(a);
    cnn_image_free(b);
}
END_TEST

/* Stripes of one pixel: antialiasing gives grey, the nearest pixel one of the stripes. */
START_TEST(shrinking_is_antialiased)
{
    cnn_image *image, *resized;
    ck_assert_int_eq(cnn_image_create(context, 64, 4, 1, &image), CNN_OK);
    for (size_t i = 0; i < 64 * 4; i++) {
        cnn_image_pixels(image)[i] = i % 2 != 0 ? 255 : 0;
    }
    const cnn_resize_filter filters[] = {CNN_RESIZE_BILINEAR, CNN_RESIZE_BICUBIC, CNN_RESIZE_AREA};
    for (size_t f = 0; f < COUNT(filters); f++) {
        ck_assert_int_eq(cnn_image_resize(image, 16, 4, filters[f], &resized), CNN_OK);
        for (size_t i = 16 + 1; i < 16 + 15; i++) {
            ck_assert_int_le(abs(cnn_image_pixels(resized)[i] - 128), 2);
        }
        cnn_image_free(resized);
    }
    ck_assert_int_eq(cnn_image_resize(image, 16, 4, CNN_RESIZE_NEAREST, &resized), CNN_OK);
    for (size_t i = 0; i < 16 * 4; i++) {
        ck_assert_uint_eq(cnn_image_pixels(resized)[i], 0);
    }
    cnn_image_free(resized);
    cnn_image_free(image);
}
END_TEST

/* An image of one value keeps it, whatever the sizes: weights add up to 1. */
START_TEST(one_value_is_kept)
{
    const uint32_t sides[] = {1, 2, 3, 7, 31, 100, 233};
    uint8_t *expected = malloc(233 * 233 * 3);
    memset(expected, 201, 233 * 233 * 3);
    for (size_t from = 0; from < COUNT(sides); from++) {
        cnn_image *image, *resized;
        ck_assert_int_eq(cnn_image_create(context, sides[from], sides[COUNT(sides) - 1 - from], 3, &image), CNN_OK);
        memset(cnn_image_pixels(image), 201, (size_t)image->width * image->height * 3);
        for (size_t to = 0; to < COUNT(sides); to++) {
            for (int filter = CNN_RESIZE_NEAREST; filter <= CNN_RESIZE_AREA; filter++) {
                ck_assert_int_eq(cnn_image_resize(image, sides[to], sides[to], (cnn_resize_filter)filter, &resized),
                                 CNN_OK);
                ck_assert_mem_eq(cnn_image_pixels(resized), expected, (size_t)sides[to] * sides[to] * 3);
                cnn_image_free(resized);
            }
        }
        cnn_image_free(image);
    }
    free(expected);
}
END_TEST

#if defined(__x86_64__)

#define CANARY 0xa5

/* One direction from `inputs` to `outputs`, by both row kernels. */
static void compare_rows(uint32_t inputs, uint32_t outputs, cnn_resize_filter filter, uint32_t channels, uint32_t rows)
{
    cnn__resize_axis axis;
    int32_t *memory = malloc(cnn__resize_axis_plan(&axis, inputs, outputs, filter) * sizeof(int32_t));
    cnn__resize_axis_fill(&axis, memory, inputs, 0.0, inputs, filter);
    const size_t input_stride = (size_t)inputs * channels, output_stride = (size_t)outputs * channels + 8;
    uint8_t *input = calloc(1, input_stride * rows + 32);
    uint8_t *a = malloc(output_stride * rows), *b = malloc(output_stride * rows);
    pattern_pixels(input, inputs, rows, channels);
    memset(a, CANARY, output_stride * rows);
    memset(b, CANARY, output_stride * rows);
    cnn__resize_portable.row(&axis, channels, rows, input, input_stride, a, output_stride);
    cnn__resize_avx2.row(&axis, channels, rows, input, input_stride, b, output_stride);
    for (uint32_t r = 0; r < rows; r++) {
        ck_assert_mem_eq(a + r * output_stride, b + r * output_stride, (size_t)outputs * channels);
        const size_t end = r * output_stride + (size_t)outputs * channels;
        /* One byte may be written beyond the row. */
        ck_assert_mem_eq(b + end + 1, a + end + 1, output_stride - (size_t)outputs * channels - 1);
    }
    free(memory);
    free(input);
    free(a);
    free(b);
}

static void compare_columns(uint32_t count, size_t size)
{
    uint8_t *input = calloc(count, size + 32), *a = malloc(size), *b = malloc(size + 1);
    const uint8_t **rows = malloc(count * sizeof(*rows));
    int32_t *weights = malloc(count * sizeof(*weights));
    pattern_pixels(input, (uint32_t)(size + 32), count, 1);
    for (uint32_t t = 0; t < count; t++) {
        rows[t] = input + t * (size + 32);
        /* Some negative, as bicubic ones are; together 1. */
        weights[t] = (1 << CNN__RESIZE_BITS) / (int32_t)count + ((t & 1) != 0 ? 123457 : -123457);
    }
    b[size] = CANARY;
    cnn__resize_portable.column(weights, count, rows, size, a);
    cnn__resize_avx2.column(weights, count, rows, size, b);
    ck_assert_mem_eq(a, b, size);
    ck_assert_uint_eq(b[size], CANARY);
    free(input);
    free(a);
    free(b);
    free(rows);
    free(weights);
}

START_TEST(vector_kernels_equal_the_portable_ones)
{
    if (!__builtin_cpu_supports("avx2")) {
        return;
    }
    const uint32_t sides[] = {1, 2, 3, 5, 8, 13, 37, 150, 400};
    for (size_t from = 0; from < COUNT(sides); from++) {
        for (size_t to = 0; to < COUNT(sides); to++) {
            for (int filter = CNN_RESIZE_BILINEAR; filter <= CNN_RESIZE_AREA; filter++) {
                for (uint32_t rows = 1; rows <= CNN__RESIZE_ROWS; rows++) {
                    compare_rows(sides[from], sides[to], (cnn_resize_filter)filter, 3, rows);
                    compare_rows(sides[from], sides[to], (cnn_resize_filter)filter, 1, rows);
                }
            }
        }
    }
    for (uint32_t count = 1; count <= 9; count++) {
        for (size_t size = 1; size <= 100; size++) {
            compare_columns(count, size);
        }
    }
}
END_TEST

#endif

START_TEST(resize_arguments_are_checked)
{
    cnn_image *image = pattern(5, 4, 3), *resized = image;
    check_failed(context, cnn_image_resize(image, 0, 4, CNN_RESIZE_AREA, &resized), CNN_ERROR_INVALID_ARGUMENT,
                 "0 x 4");
    ck_assert_ptr_null(resized);
    check_failed(context, cnn_image_resize(image, 4, 1048577, CNN_RESIZE_AREA, &resized), CNN_ERROR_INVALID_ARGUMENT,
                 "1048577");
    check_failed(context, cnn_image_resize(image, 4, 4, (cnn_resize_filter)5, &resized), CNN_ERROR_INVALID_ARGUMENT,
                 "filter 5");
    check_failed(context, cnn_image_resize(image, 4, 4, (cnn_resize_filter)-1, &resized), CNN_ERROR_INVALID_ARGUMENT,
                 "filter -1");
    check_failed(context, cnn_image_resize(image, 4, 4, CNN_RESIZE_AREA, NULL), CNN_ERROR_INVALID_ARGUMENT, "NULL");
    const double boxes[][4] = {{0, 0, 5.01, 4}, {-0.1, 0, 3, 3}, {0, 0, 0, 1},        {0, 4, 1, 1},
                               {0, 0, NAN, 1},  {NAN, 0, 1, 1},  {0, INFINITY, 1, 1}, {0, 0, 1, INFINITY}};
    for (size_t i = 0; i < COUNT(boxes); i++) {
        check_failed(context,
                     cnn__image_resize_box(image, boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3], 2, 2,
                                           CNN_RESIZE_BILINEAR, &resized),
                     CNN_ERROR_INVALID_ARGUMENT, "does not lie inside the 5 x 4 pixels");
    }
    ck_assert_int_eq(cnn_image_resize(NULL, 4, 4, CNN_RESIZE_AREA, &resized), CNN_ERROR_INVALID_ARGUMENT);
    cnn_image_free(image);
    cnn_image_free(NULL);
}
END_TEST

START_TEST(extreme_sizes)
{
    cnn_image *image = pattern(3, 2, 3), *large, *small;
    for (int filter = CNN_RESIZE_NEAREST; filter <= CNN_RESIZE_AREA; filter++) {
        ck_assert_int_eq(cnn_image_resize(image, 1048576, 1, (cnn_resize_filter)filter, &large), CNN_OK);
        ck_assert_int_eq(cnn_image_resize(large, 1, 32768, (cnn_resize_filter)filter, &small), CNN_OK);
        ck_assert_uint_eq(cnn_image_height(small), 32768);
        /* One row of one value: all pixels are equal. */
        ck_assert_mem_eq(cnn_image_pixels(small), cnn_image_pixels(small) + 3, 32767 * 3);
        cnn_image_free(large);
        cnn_image_free(small);
    }
    cnn_image_free(image);
}
END_TEST

START_TEST(crop_copies_the_part)
{
    cnn_image *image = pattern(9, 7, 3), *part;
    ck_assert_int_eq(cnn_image_crop(image, 2, 3, 5, 4, &part), CNN_OK);
    ck_assert_uint_eq(cnn_image_width(part), 5);
    ck_assert_uint_eq(cnn_image_height(part), 4);
    for (size_t y = 0; y < 4; y++) {
        ck_assert_mem_eq(cnn_image_pixels(part) + y * 15, cnn_image_pixels(image) + ((y + 3) * 9 + 2) * 3, 15);
    }
    cnn_image_free(part);
    const uint32_t outside[][4] = {{0, 0, 10, 7}, {0, 0, 9, 8}, {9, 0, 1, 1},          {0, 7, 1, 1},
                                   {5, 0, 5, 1},  {0, 0, 0, 1}, {1, 1, UINT32_MAX, 1}, {UINT32_MAX, 0, 2, 2}};
    for (size_t i = 0; i < COUNT(outside); i++) {
        const uint32_t *o = outside[i];
        check_failed(context, cnn_image_crop(image, o[0], o[1], o[2], o[3], &part), CNN_ERROR_INVALID_ARGUMENT,
                     "do not lie inside 9 x 7");
        ck_assert_ptr_null(part);
    }
    cnn_image_free(image);
}
END_TEST

START_TEST(channels_are_converted)
{
    const uint8_t rgb[] = {100, 150, 200, 255, 255, 255, 0, 0, 0, 255, 0, 0};
    const uint8_t grey[] = {141, 255, 0, 76};
    cnn_image *image;
    ck_assert_int_eq(cnn_image_create(context, 2, 2, 3, &image), CNN_OK);
    memcpy(cnn_image_pixels(image), rgb, sizeof(rgb));
    ck_assert_int_eq(cnn__image_convert(&image, 1), CNN_OK);
    ck_assert_uint_eq(cnn_image_channels(image), 1);
    ck_assert_mem_eq(cnn_image_pixels(image), grey, sizeof(grey));
    ck_assert_int_eq(cnn__image_convert(&image, 3), CNN_OK);
    for (size_t i = 0; i < sizeof(rgb); i++) {
        ck_assert_uint_eq(cnn_image_pixels(image)[i], grey[i / 3]);
    }
    cnn_image_free(image);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resize");
    TCase *tests = tcase_create("resize");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, filters_equal_pillow, 0, (int)COUNT(golden_resizes));
    tcase_add_test(tests, default_filter_is_bilinear);
    tcase_add_test(tests, shrinking_is_antialiased);
    tcase_add_test(tests, one_value_is_kept);
#if defined(__x86_64__)
    tcase_add_test(tests, vector_kernels_equal_the_portable_ones);
#endif
    tcase_add_test(tests, resize_arguments_are_checked);
    tcase_add_test(tests, extreme_sizes);
    tcase_add_test(tests, crop_copies_the_part);
    tcase_add_test(tests, channels_are_converted);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
