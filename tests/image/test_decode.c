/* SPDX-License-Identifier: MIT */
/* Every kind of JPEG and PNG against Pillow's pixels; probing, turning, scaling, files. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "image/golden_image.h"

#define FILES COUNT(golden_files)

static cnn_context *context;
static char last_log[512];

static void remember(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING) {
        snprintf(last_log, sizeof(last_log), "%s", message);
    }
}

static void setup(void)
{
    last_log[0] = '\0';
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .log = remember), &context), CNN_OK);
}

static void teardown(void) { cnn_context_free(context); }

static void check_size(const cnn_image *image, uint32_t width, uint32_t height, uint32_t channels)
{
    ck_assert_uint_eq(cnn_image_width(image), width);
    ck_assert_uint_eq(cnn_image_height(image), height);
    ck_assert_uint_eq(cnn_image_channels(image), channels);
}

static void write_file(const char *path, const bytes *file)
{
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(file->data, 1, file->size, stream), file->size);
    fclose(stream);
}

static void temporary_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/cnn-test-%ld-%s", folder != NULL ? folder : "/tmp", (long)getpid(), name);
}

START_TEST(kinds_equal_pillow)
{
    const golden_file *golden = &golden_files[_i];
    bytes file = bytes_from_base64(golden->file), pixels = bytes_from_base64(golden->pixels);
    ck_assert_uint_eq(file.size, golden->size);
    cnn_image *image = image_decoded(context, &file, NULL);
    check_size(image, golden->width, golden->height, 3);
    ck_assert_uint_eq(pixels.size, (size_t)golden->width * golden->height * 3);
    int difference = largest_difference(cnn_image_pixels(image), pixels.data, pixels.size);
    int allowed = golden->format == CNN_IMAGE_JPEG ? 1 : 0;
    ck_assert_msg(difference <= allowed, "%s: off by %d", golden->name, difference);
    cnn_image_free(image);
    bytes_free(&file);
    bytes_free(&pixels);
}
END_TEST

START_TEST(grey_is_rounded_601)
{
    const golden_file *golden = &golden_files[_i];
    bytes file = bytes_from_base64(golden->file);
    cnn_image *rgb = image_decoded(context, &file, NULL);
    cnn_image *grey = image_decoded(context, &file, CNN_DECODE(.channels = 1));
    check_size(grey, golden->width, golden->height, 1);
    const uint8_t *p = cnn_image_pixels(rgb);
    for (size_t i = 0; i < (size_t)golden->width * golden->height; i++, p += 3) {
        uint32_t expected = (19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16;
        ck_assert_msg(cnn_image_pixels(grey)[i] == expected, "%s, pixel %zu: %d instead of %u", golden->name, i,
                      cnn_image_pixels(grey)[i], expected);
    }
    cnn_image_free(rgb);
    cnn_image_free(grey);
    bytes_free(&file);
}
END_TEST

START_TEST(probe_tells_what_the_file_holds)
{
    const golden_file *golden = &golden_files[_i];
    char path[300];
    temporary_path(path, sizeof(path), "probe");
    bytes file = bytes_from_base64(golden->file);
    write_file(path, &file);
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    cnn_status status = cnn_image_probe(context, path, &info);
    unlink(path);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(info.format, golden->format);
    ck_assert_int_eq(info.color, golden->color);
    ck_assert_uint_eq(info.width, golden->width);
    ck_assert_uint_eq(info.height, golden->height);
    ck_assert_uint_eq(info.bits, golden->bits);
    ck_assert_uint_eq(info.has_alpha, golden->has_alpha);
    ck_assert_uint_eq(info.orientation, golden->orientation);
    ck_assert_uint_eq(info.progressive, golden->progressive);
    ck_assert_uint_eq(info.struct_size, sizeof(info));
    bytes_free(&file);
}
END_TEST

START_TEST(probe_fills_what_the_struct_covers)
{
    char path[300];
    temporary_path(path, sizeof(path), "short");
    bytes file = golden_named(golden_files, FILES, "jpeg 4:2:0");
    write_file(path, &file);
    cnn_image_info info;
    memset(&info, 0xa5, sizeof(info));
    info.struct_size = offsetof(cnn_image_info, bits);
    ck_assert_int_eq(cnn_image_probe(context, path, &info), CNN_OK);
    ck_assert_uint_eq(info.height, 13);
    ck_assert_uint_eq(info.bits, 0xa5a5a5a5u);
    info.struct_size = 4;
    check_failed(context, cnn_image_probe(context, path, &info), CNN_ERROR_INVALID_ARGUMENT, "struct_size");
    unlink(path);
    info.struct_size = sizeof(info);
    ck_assert_int_ne(cnn_image_probe(context, path, &info), CNN_OK);
    bytes_free(&file);
}
END_TEST

/* Where pixel (x, y) of the turned image lies in the stored one; EXIF's definition of the eight values. */
static void stored_place(uint32_t orientation, uint32_t width, uint32_t height, uint32_t x, uint32_t y, uint32_t *sx,
                         uint32_t *sy)
{
    uint32_t right = width - 1, bottom = height - 1;
    switch (orientation) {
    case 2:
        *sx = right - x, *sy = y;
        break;
    case 3:
        *sx = right - x, *sy = bottom - y;
        break;
    case 4:
        *sx = x, *sy = bottom - y;
        break;
    case 5:
        *sx = y, *sy = x;
        break;
    case 6:
        *sx = y, *sy = bottom - x;
        break;
    case 7:
        *sx = right - y, *sy = bottom - x;
        break;
    case 8:
        *sx = right - y, *sy = x;
        break;
    default:
        *sx = x, *sy = y;
        break;
    }
}

/* The golden file with its orientation tag set to _i, turned. */
START_TEST(orientation_turns_the_image)
{
    const uint32_t orientation = (uint32_t)_i;
    bytes file = golden_named(golden_files, FILES, "jpeg exif");
    /* "Exif" NUL NUL, 8 bytes of TIFF header, 2 of count, 12 of the first entry, 8 into the second */
    uint8_t *exif = memmem(file.data, file.size, "Exif", 4);
    ck_assert_ptr_nonnull(exif);
    ck_assert_uint_eq(exif[36], 6);
    exif[36] = (uint8_t)orientation;
    cnn_image *stored = image_decoded(context, &file, NULL),
              *turned = image_decoded(context, &file, CNN_DECODE(.apply_orientation = 1));
    const uint32_t width = cnn_image_width(stored), height = cnn_image_height(stored);
    const bool swapped = orientation >= 5 && orientation <= 8;
    check_size(turned, swapped ? height : width, swapped ? width : height, 3);
    for (uint32_t y = 0; y < cnn_image_height(turned); y++) {
        for (uint32_t x = 0; x < cnn_image_width(turned); x++) {
            uint32_t sx, sy;
            stored_place(orientation, width, height, x, y, &sx, &sy);
            const uint8_t *to = cnn_image_pixels(turned) + (y * cnn_image_width(turned) + x) * 3;
            ck_assert_mem_eq(to, cnn_image_pixels(stored) + (sy * width + sx) * 3, 3);
        }
    }
    cnn_image_free(stored);
    cnn_image_free(turned);
    bytes_free(&file);
}
END_TEST

START_TEST(an_orientation_not_applied_is_logged)
{
    bytes file = golden_named(golden_files, FILES, "png eXIf");
    cnn_image *image = image_decoded(context, &file, NULL);
    ck_assert_ptr_nonnull(strstr(last_log, "orientation 8"));
    cnn_image_free(image);
    last_log[0] = '\0';
    image = image_decoded(context, &file, CNN_DECODE(.apply_orientation = 1));
    check_size(image, 7, 11, 3);
    ck_assert_str_eq(last_log, "");
    cnn_image_free(image);
    bytes_free(&file);
}
END_TEST

static cnn_status append(void *user, const void *data, size_t size)
{
    bytes *b = user;
    bytes_insert(b, b->size, data, size);
    return CNN_OK;
}

/* A large smooth picture, so that scales can be told apart. */
static bytes large_jpeg(uint32_t width, uint32_t height)
{
    cnn_image *image;
    bytes file = {NULL, 0};
    ck_assert_int_eq(cnn_image_create(context, width, height, 3, &image), CNN_OK);
    uint8_t *p = cnn_image_pixels(image);
    for (uint32_t i = 0; i < width * height; i++, p += 3) {
        p[0] = (uint8_t)(i % width * 255 / width);
        p[1] = (uint8_t)(i / width * 255 / height);
        p[2] = 100;
    }
    ck_assert_int_eq(cnn_image_encode(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG), append, &file), CNN_OK);
    cnn_image_free(image);
    return file;
}

START_TEST(jpeg_is_decoded_smaller_where_that_is_enough)
{
    const struct {
        uint32_t minimum_width, minimum_height, width, height;
    } cases[] = {{0, 0, 201, 100},   {101, 50, 201, 100}, {100, 51, 201, 100}, {50, 25, 101, 50},
                 {51, 25, 201, 100}, {25, 12, 51, 25},    {13, 7, 51, 25},     {13, 6, 26, 13},
                 {1, 1, 26, 13},     {10, 0, 201, 100},   {4000, 1, 201, 100}};
    bytes file = large_jpeg(201, 100);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cnn_image *image = image_decoded(
            context, &file,
            CNN_DECODE(.minimum_width = cases[i].minimum_width, .minimum_height = cases[i].minimum_height));
        check_size(image, cases[i].width, cases[i].height, 3);
        /* The middle of the gradient stays the middle. */
        const uint8_t *middle = cnn_image_pixels(image) +
                                ((size_t)cases[i].height / 2 * cases[i].width + cases[i].width / 2) * 3;
        ck_assert_int_le(abs(middle[0] - 127), 12);
        ck_assert_int_le(abs(middle[1] - 127), 12);
        cnn_image_free(image);
    }
    bytes_free(&file);
}
END_TEST

START_TEST(scaled_decoding_knows_that_the_image_will_be_turned)
{
    bytes file = large_jpeg(200, 100), exif = golden_named(golden_files, FILES, "jpeg exif");
    size_t length = 4 + ((size_t)exif.data[4] << 8 | exif.data[5]) - 2; /* the APP1 segment follows FF D8 */
    bytes_insert(&file, 2, exif.data + 2, length);
    cnn_image *image = image_decoded(context, &file,
                                     CNN_DECODE(.apply_orientation = 1, .minimum_width = 25, .minimum_height = 50));
    check_size(image, 50, 100, 3);
    cnn_image_free(image);
    bytes_free(&file);
    bytes_free(&exif);
}
END_TEST

START_TEST(files_are_told_apart_by_their_bytes)
{
    char path[300];
    temporary_path(path, sizeof(path), "wrong-name.png");
    bytes file = golden_named(golden_files, FILES, "jpeg grey");
    write_file(path, &file);
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_load(context, path, NULL, &image), CNN_OK);
    check_size(image, 19, 13, 3);
    cnn_image_free(image);
    file.size -= 10;
    write_file(path, &file);
    image = (cnn_image *)&path;
    cnn_status status = cnn_image_load(context, path, NULL, &image);
    check_failed(context, status, CNN_ERROR_TRUNCATED, path);
    ck_assert_ptr_null(image);
    unlink(path);
    ck_assert_int_ne(cnn_image_load(context, path, NULL, &image), CNN_OK);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), path));
    bytes_free(&file);
}
END_TEST

START_TEST(bytes_after_the_image_are_ignored)
{
    bytes file = golden_named(golden_files, FILES, "jpeg 4:4:4");
    bytes_insert(&file, file.size, "a second picture follows", 24);
    cnn_image *image = image_decoded(context, &file, NULL);
    check_size(image, 19, 13, 3);
    cnn_image_free(image);
    bytes_free(&file);
}
END_TEST

START_TEST(arguments_are_checked)
{
    bytes file = golden_named(golden_files, FILES, "jpeg grey");
    cnn_image *image = (cnn_image *)&file;
    check_failed(context, cnn_image_decode(context, file.data, file.size, CNN_DECODE(.channels = 2), &image),
                 CNN_ERROR_INVALID_ARGUMENT, "channels is 2");
    ck_assert_ptr_null(image);
    check_failed(context, cnn_image_decode(context, file.data, file.size, CNN_DECODE(.max_side = 1048577), &image),
                 CNN_ERROR_INVALID_ARGUMENT, "1048577");
    check_failed(context, cnn_image_decode(context, file.data, file.size, CNN_DECODE(.background = 0xffffff), &image),
                 CNN_ERROR_INVALID_ARGUMENT, "background is 0x00ffffff");
    check_failed(context, cnn_image_decode(context, NULL, 5, NULL, &image), CNN_ERROR_INVALID_ARGUMENT, "NULL");
    check_failed(context, cnn_image_decode(context, file.data, file.size, NULL, NULL), CNN_ERROR_INVALID_ARGUMENT,
                 "NULL");
    check_failed(context, cnn_image_load(context, NULL, NULL, &image), CNN_ERROR_INVALID_ARGUMENT, "NULL");
    ck_assert_int_eq(cnn_image_load(NULL, "x", NULL, &image), CNN_ERROR_INVALID_ARGUMENT);
    bytes_free(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode");
    TCase *tests = tcase_create("decode");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, kinds_equal_pillow, 0, (int)FILES);
    tcase_add_loop_test(tests, grey_is_rounded_601, 0, (int)FILES);
    tcase_add_loop_test(tests, probe_tells_what_the_file_holds, 0, (int)FILES);
    tcase_add_test(tests, probe_fills_what_the_struct_covers);
    tcase_add_loop_test(tests, orientation_turns_the_image, 0, 10);
    tcase_add_test(tests, an_orientation_not_applied_is_logged);
    tcase_add_test(tests, jpeg_is_decoded_smaller_where_that_is_enough);
    tcase_add_test(tests, scaled_decoding_knows_that_the_image_will_be_turned);
    tcase_add_test(tests, files_are_told_apart_by_their_bytes);
    tcase_add_test(tests, bytes_after_the_image_are_ignored);
    tcase_add_test(tests, arguments_are_checked);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
