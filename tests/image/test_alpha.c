/* SPDX-License-Identifier: MIT */
/* Transparent images: alpha is dropped, put on a background, or holds the shape. */
#include <string.h>

#include <zlib.h>

#include "common/suite.h"
#include "image/golden_image.h"
#include "image/notes.h"

/* An RGBA PNG whose alpha is 0, 100 and 255 in columns. */
static bytes shape_in_alpha(const uint8_t *visible, const uint8_t *hidden)
{
    enum { WIDTH = 3, HEIGHT = 2 };
    static const uint8_t alphas[WIDTH] = {0, 100, 255};
    uint8_t raw[HEIGHT * (1 + 4 * WIDTH)] = {0}, packed[200];
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
        uint8_t *pixel = raw + i / WIDTH * (1 + 4 * WIDTH) + 1 + i % WIDTH * 4;
        memcpy(pixel, alphas[i % WIDTH] == 0 ? hidden : visible, 3);
        pixel[3] = alphas[i % WIDTH];
    }
    uLongf size = sizeof(packed);
    ck_assert_int_eq(compress2(packed, &size, raw, sizeof(raw), 9), Z_OK);
    return png_of(WIDTH, HEIGHT, 6, packed, size);
}

static void expect_columns(const bytes *file, const cnn_decode_options *options, const uint8_t expected[9],
                           const char *note)
{
    cnn_image *image = decode(file, options);
    ck_assert_str_eq(cnn_image_notes(image), note);
    for (size_t y = 0; y < 2; y++) {
        ck_assert_mem_eq(cnn_image_pixels(image) + 9 * y, expected, 9);
    }
    cnn_image_free(image);
}

START_TEST(alpha_is_dropped_or_put_on_a_background)
{
    static const uint8_t dark[3] = {10, 20, 30}, light[3] = {250, 240, 230}, other[3] = {200, 100, 0};
    const char *white = "one colour throughout, the shape lies in the alpha alone: put on white";
    const char *black = "one colour throughout, the shape lies in the alpha alone: put on black";
    bytes file = shape_in_alpha(dark, dark);
    /* (10 * 100 + 255 * 155) / 255 = 158.9 */
    expect_columns(&file, NULL, (uint8_t[]){255, 255, 255, 159, 163, 167, 10, 20, 30}, white);
    expect_columns(&file, CNN_DECODE(.background = 0xff0000ffu), (uint8_t[]){0, 0, 255, 4, 8, 167, 10, 20, 30}, "");
    cnn_image *grey = decode(&file, CNN_DECODE(.channels = 1));
    ck_assert_mem_eq(cnn_image_pixels(grey), "\xff\xa2\x12\xff\xa2\x12", 6);
    cnn_image_free(grey);
    bytes_free(&file);
    file = shape_in_alpha(light, light);
    expect_columns(&file, NULL, (uint8_t[]){0, 0, 0, 98, 94, 90, 250, 240, 230}, black);
    bytes_free(&file);
    /* Colours of their own: dropped, as Pillow does, unless there is a background. */
    file = shape_in_alpha(dark, other);
    expect_columns(&file, NULL, (uint8_t[]){200, 100, 0, 10, 20, 30, 10, 20, 30}, "");
    expect_columns(&file, CNN_DECODE(.background = 0xffffffffu), (uint8_t[]){255, 255, 255, 159, 163, 167, 10, 20, 30},
                   "");
    bytes_free(&file);
}
END_TEST

/* An image without alpha does not change for a background. */
START_TEST(a_background_changes_opaque_images_not)
{
    const golden_file *golden = &golden_files[_i];
    bytes file = bytes_from_base64(golden->file);
    cnn_image *plain = decode(&file, NULL), *put = decode(&file, CNN_DECODE(.background = 0xff204060u));
    size_t size = (size_t)golden->width * golden->height * 3;
    bool same = memcmp(cnn_image_pixels(plain), cnn_image_pixels(put), size) == 0;
    ck_assert_msg(same == (golden->has_alpha == 0) || strcmp(golden->name, "png grey 8 tRNS") == 0 ||
                      strcmp(golden->name, "png rgb 16 tRNS interlaced") == 0,
                  "%s", golden->name);
    cnn_image_free(plain);
    cnn_image_free(put);
    bytes_free(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("alpha");
    TCase *tests = tcase_create("alpha");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, alpha_is_dropped_or_put_on_a_background);
    tcase_add_loop_test(tests, a_background_changes_opaque_images_not, 0, (int)COUNT(golden_files));
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
