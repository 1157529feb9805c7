/* SPDX-License-Identifier: MIT */
/* Sizes beyond the limits, and very long ones. */
#include "common/suite.h"
#include "core/context.h"
#include "image/notes.h"

START_TEST(jpeg_beyond_the_limit_is_decoded_smaller)
{
    for (int progressive = 0; progressive < 2; progressive++) {
        bytes file = make_jpeg(2000, 1000, 0, progressive != 0);
        expect_failure(&file, CNN_DECODE(.max_pixels = 600000), CNN_ERROR_LIMIT,
                       "2000 x 1000: 2 Mpx > 600000 px, the limit max_pixels (--max-pixels raises it)");
        expect_size(&file, CNN_DECODE(.max_pixels = 600000, .minimum_width = 500, .minimum_height = 250), 1000, 500);
        /* Twice the size would be over the limit, once is not. */
        /* Of several scans the coefficients are in memory in full, and have a limit too: 4 x 499,999. */
        if (progressive == 0) {
            expect_size(&file, CNN_DECODE(.max_pixels = 499999, .minimum_width = 500, .minimum_height = 250), 500, 250);
        }
        expect_failure(&file, CNN_DECODE(.max_pixels = 499999, .minimum_width = 501, .minimum_height = 250),
                       CNN_ERROR_LIMIT, "2000 x 1000: 2 Mpx > 499999 px");
        expect_size(&file, CNN_DECODE(.max_side = 999, .minimum_width = 10, .minimum_height = 10), 250, 125);
        expect_size(&file,
                    CNN_DECODE(.max_pixels = 2000000, .minimum_width = 10, .minimum_height = 10, .only_over_limit = 1),
                    2000, 1000);
        expect_size(
            &file, CNN_DECODE(.max_pixels = 1999999, .minimum_width = 500, .minimum_height = 250, .only_over_limit = 1),
            1000, 500);
        bytes_free(&file);
    }
    /* 2 million coefficients for 4 x 400,000 pixels. */
    bytes file = make_jpeg(2000, 1000, 0, true);
    expect_failure(&file, CNN_DECODE(.max_pixels = 400000, .minimum_width = 10, .minimum_height = 10), CNN_ERROR_LIMIT,
                   "progressive JPEG of 2000 x 1000: its 2000000 coefficients");
    bytes_free(&file);
}
END_TEST

START_TEST(the_context_has_a_limit_of_its_own)
{
    bytes file = named("jpeg grey");
    ck_assert_uint_eq(cnn__context_max_pixels(context), 64000000);
    context->limits[CNN__LIMIT_PIXELS] = 19 * 13 - 1;
    expect_failure(&file, NULL, CNN_ERROR_LIMIT, "247 px > 246 px");
    expect_size(&file, CNN_DECODE(.max_pixels = 19 * 13), 19, 13);
    context->limits[CNN__LIMIT_PIXELS] = 19 * 13;
    expect_size(&file, NULL, 19, 13);
    bytes_free(&file);
}
END_TEST

/* Strips longer than 32768 pixels are images like others. */
START_TEST(strips_are_read)
{
    bytes strip = make_jpeg(65500, 10, 0, false);
    cnn_image *image = decode(&strip, NULL), *resized, *part;
    ck_assert_uint_eq(cnn_image_width(image), 65500);
    const cnn_resize_filter filters[] = {CNN_RESIZE_NEAREST, CNN_RESIZE_BILINEAR, CNN_RESIZE_BICUBIC, CNN_RESIZE_AREA};
    for (size_t i = 0; i < COUNT(filters); i++) {
        ck_assert_int_eq(cnn_image_resize(image, 224, 224, filters[i], &resized), CNN_OK);
        cnn_image_free(resized);
    }
    ck_assert_int_eq(cnn_image_crop(image, 65400, 0, 100, 10, &part), CNN_OK);
    ck_assert_mem_eq(cnn_image_pixels(part), cnn_image_pixels(image) + 3 * 65400, 300);
    cnn_image_free(part);
    cnn_image_free(image);
    /* Turned by its EXIF tag: 6. */
    bytes_insert(&strip, 2,
                 "\xff\xe1\0\x22"
                 "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
                 36);
    expect_size(&strip, CNN_DECODE(.apply_orientation = 1), 10, 65500);
    bytes_free(&strip);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sizes");
    TCase *tests = tcase_create("sizes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, jpeg_beyond_the_limit_is_decoded_smaller);
    tcase_add_test(tests, the_context_has_a_limit_of_its_own);
    tcase_add_test(tests, strips_are_read);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
