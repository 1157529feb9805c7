/* SPDX-License-Identifier: MIT */
/* BMP, GIF, WebP and TIFF against Pillow's pixels; whole, cut and damaged; formats that no build reads. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "image/golden_formats.h"

#define FILES COUNT(golden_formats)

static cnn_context *context;

static void setup(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK); }

static void teardown(void) { cnn_context_free(context); }

/* False in a build that does not read this format: then it is refused by name. */
static bool is_read(const golden_file *golden)
{
    cnn_image *image;
    const cnn_image_format format = (cnn_image_format)golden->format;
    if (cnn_image_format_is_read(format)) {
        return true;
    }
    bytes file = bytes_from_base64(golden->file);
    char text[40];
    snprintf(text, sizeof(text), ": a %s image; this build reads JPEG, PNG", cnn_image_format_name(format));
    check_failed(context, cnn_image_decode(context, file.data, file.size, NULL, &image), CNN_ERROR_UNSUPPORTED, text);
    bytes_free(&file);
    return false;
}

static int allowed_difference(const golden_file *golden)
{
    bool lossy = golden->color == CNN_COLOR_YCBCR || golden->color == CNN_COLOR_CMYK || strstr(golden->name, "jpeg");
    return lossy ? 1 : 0;
}

START_TEST(kinds_equal_pillow)
{
    const golden_file *golden = &golden_formats[_i];
    if (!is_read(golden)) {
        return;
    }
    bytes file = bytes_from_base64(golden->file), pixels = bytes_from_base64(golden->pixels);
    cnn_image *image = image_decoded(context, &file, NULL),
              *grey = image_decoded(context, &file, CNN_DECODE(.channels = 1));
    ck_assert_uint_eq(cnn_image_width(image), golden->width);
    ck_assert_uint_eq(cnn_image_height(image), golden->height);
    ck_assert_uint_eq(cnn_image_channels(image), 3);
    ck_assert_uint_eq(cnn_image_channels(grey), 1);
    int difference = largest_difference(cnn_image_pixels(image), pixels.data, pixels.size);
    ck_assert_msg(difference <= allowed_difference(golden), "%s: off by %d", golden->name, difference);
    ck_assert_str_eq(cnn_image_notes(image), "");
    const uint8_t *p = cnn_image_pixels(image);
    for (size_t i = 0; i < pixels.size / 3; i++, p += 3) {
        uint32_t expected = (19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16;
        ck_assert_uint_eq(cnn_image_pixels(grey)[i], expected);
    }
    cnn_image_free(image);
    cnn_image_free(grey);
    bytes_free(&file);
    bytes_free(&pixels);
}
END_TEST

START_TEST(probe_tells_what_the_file_holds)
{
    const golden_file *golden = &golden_formats[_i];
    const char *folder = getenv("TMPDIR");
    char path[300];
    if (!is_read(golden)) {
        return;
    }
    /* The name says nothing. */
    snprintf(path, sizeof(path), "%s/cnn-test-%ld-formats.jpg", folder != NULL ? folder : "/tmp", (long)getpid());
    bytes file = bytes_from_base64(golden->file);
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(file.data, 1, file.size, stream), file.size);
    fclose(stream);
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    cnn_status status = cnn_image_probe(context, path, &info);
    unlink(path);
    ck_assert_msg(status == CNN_OK, "%s: %s", golden->name, cnn_last_error(context));
    ck_assert_int_eq(info.format, golden->format);
    ck_assert_int_eq(info.color, golden->color);
    ck_assert_uint_eq(info.width, golden->width);
    ck_assert_uint_eq(info.height, golden->height);
    ck_assert_uint_eq(info.bits, golden->bits);
    ck_assert_uint_eq(info.has_alpha, golden->has_alpha);
    ck_assert_uint_eq(info.orientation, golden->orientation);
    ck_assert_uint_eq(info.progressive, golden->progressive);
    bytes_free(&file);
}
END_TEST

START_TEST(orientation_is_applied_on_request)
{
    const golden_file *golden = &golden_formats[_i];
    if (!is_read(golden) || golden->orientation == 1) {
        return;
    }
    bytes file = bytes_from_base64(golden->file);
    cnn_image *stored = image_decoded(context, &file, NULL),
              *turned = image_decoded(context, &file, CNN_DECODE(.apply_orientation = 1));
    ck_assert_uint_eq(cnn_image_width(turned), cnn_image_height(stored));
    /* 6: the first row becomes the last column, from top to bottom; 8: the first column, from bottom to top. */
    const size_t width = cnn_image_width(stored), height = cnn_image_height(stored);
    const uint8_t *from = cnn_image_pixels(stored), *to = cnn_image_pixels(turned);
    for (size_t x = 0; x < width; x++) {
        size_t at = golden->orientation == 6 ? x * height + height - 1 : (width - 1 - x) * height;
        ck_assert_mem_eq(to + 3 * at, from + 3 * x, 3);
    }
    cnn_image_free(stored);
    cnn_image_free(turned);
    bytes_free(&file);
}
END_TEST

/* A cut file has all pixels or is an error: what is missing may be padding, a trailer or the next frame. */
START_TEST(no_prefix_gives_other_pixels)
{
    const golden_file *golden = &golden_formats[_i];
    if (!is_read(golden)) {
        return;
    }
    bytes whole = bytes_from_base64(golden->file), pixels = bytes_from_base64(golden->pixels);
    size_t refused = 0;
    for (size_t size = 0; size < whole.size; size++) {
        bytes part = bytes_copy(whole.data, size);
        uint8_t *exact = malloc(size > 0 ? size : 1);
        memcpy(exact, part.data, size);
        cnn_image *image;
        cnn_status status = cnn_image_decode(context, exact, size, NULL, &image);
        if (status == CNN_OK) {
            int difference = largest_difference(cnn_image_pixels(image), pixels.data, pixels.size);
            ck_assert_msg(difference <= allowed_difference(golden), "%s, %zu of %zu bytes: off by %d", golden->name,
                          size, whole.size, difference);
        } else {
            ck_assert_msg(status == CNN_ERROR_TRUNCATED || status == CNN_ERROR_FORMAT, "%s, %zu of %zu bytes: %s",
                          golden->name, size, whole.size, cnn_last_error(context));
            ck_assert_ptr_null(image);
            refused++;
        }
        cnn_image_free(image);
        free(exact);
        bytes_free(&part);
    }
    /* Of the animations the first frame alone is needed. */
    ck_assert_msg(refused >= whole.size / 4, "%s: %zu of %zu refused", golden->name, refused, whole.size);
    bytes_free(&whole);
    bytes_free(&pixels);
}
END_TEST

START_TEST(every_damaged_byte_is_survived)
{
    static const uint8_t damages[] = {0xff, 0x01, 0x80};
    bytes file = bytes_from_base64(golden_formats[_i].file);
    if (!is_read(&golden_formats[_i])) {
        bytes_free(&file);
        return;
    }
    for (size_t at = 0; at < file.size; at++) {
        for (size_t d = 0; d < COUNT(damages); d++) {
            cnn_image *image = (cnn_image *)&context;
            file.data[at] ^= damages[d];
            cnn_status status = cnn_image_decode(
                context, file.data, file.size,
                CNN_DECODE(.channels = d == 1 ? 1 : 3, .max_pixels = 1000000, .background = d == 2 ? 0xff102030 : 0),
                &image);
            ck_assert_int_eq(status == CNN_OK, image != NULL);
            ck_assert_msg(status == CNN_OK || status == CNN_ERROR_TRUNCATED || status == CNN_ERROR_FORMAT ||
                              status == CNN_ERROR_UNSUPPORTED || status == CNN_ERROR_LIMIT,
                          "%s, byte %zu: %s", golden_formats[_i].name, at, cnn_last_error(context));
            cnn_image_free(image);
            file.data[at] ^= damages[d];
        }
    }
    bytes_free(&file);
}
END_TEST

START_TEST(limits_hold_to_the_pixel)
{
    const golden_file *golden = &golden_formats[_i];
    if (!is_read(golden)) {
        return;
    }
    bytes file = bytes_from_base64(golden->file);
    const uint32_t pixels = golden->width * golden->height;
    const uint32_t width = golden->width > golden->height ? golden->width : golden->height;
    cnn_image *image;
    /* A tile may be larger than the image, and counts. */
    const uint32_t tiled = strstr(golden->name, "tiles") != NULL ? 256 : pixels;
    image = image_decoded(context, &file, CNN_DECODE(.max_pixels = tiled > pixels ? tiled : pixels, .max_side = width));
    cnn_image_free(image);
    check_failed(context, cnn_image_decode(context, file.data, file.size, CNN_DECODE(.max_pixels = pixels - 1), &image),
                 CNN_ERROR_LIMIT, "the limit max_pixels (--max-pixels raises it)");
    check_failed(context, cnn_image_decode(context, file.data, file.size, CNN_DECODE(.max_side = width - 1), &image),
                 CNN_ERROR_LIMIT, "the limit max_side");
    bytes_free(&file);
}
END_TEST

START_TEST(other_formats_are_named)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } files[] = {
        {"\0\0\0\x1c"
         "ftypavif\0\0\0\0",
         16, "an AVIF image"},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0",
         16, "a HEIC image"},
        {"\0\0\0\x18"
         "ftypmif1\0\0\0\0",
         16, "a HEIF image"},
        {"\0\0\0\x18"
         "ftypisom\0\0\0\0",
         16, "a film"},
        {"\xff\x0a\x00\x00", 4, "a JPEG XL image"},
        {"\0\0\0\x0cJXL \r\n\x87\n", 12, "a JPEG XL image"},
        {"\0\0\0\x0cjP  \r\n\x87\n", 12, "a JPEG 2000 image"},
        {"8BPS\0\1", 6, "a Photoshop document"},
        {"gimp xcf v011", 13, "a GIMP document"},
        {"qoif\0\0\0\0", 8, "a QOI image"},
        {"\0\0\1\0\1\0", 6, "an icon"},
        {"P6\n3 2\n", 7, "a netpbm image"},
        {"%PDF-1.7\n", 9, "a PDF document"},
        {"<svg xmlns", 10, "an SVG drawing"},
        {"<!DOCTYPE html>", 15, "a web page"},
        {"<html>", 6, "a web page"},
        {"PK\3\4\0\0", 6, "a ZIP archive"},
        {"\x1f\x8b\x08\0", 4, "gzip data"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        char text[100];
        cnn_image *image;
        snprintf(text, sizeof(text), "image in memory: %s; this build reads JPEG, PNG", files[i].name);
        check_failed(context, cnn_image_decode(context, files[i].bytes, files[i].size, NULL, &image),
                     CNN_ERROR_UNSUPPORTED, text);
    }
}
END_TEST

START_TEST(names_promise_formats)
{
    static const struct {
        const char *name;
        cnn_image_format format;
    } names[] = {
        {"a.jpg", CNN_IMAGE_JPEG},
        {"a.JPEG", CNN_IMAGE_JPEG},
        {"x/y.jpe", CNN_IMAGE_JPEG},
        {"a.jfif", CNN_IMAGE_JPEG},
        {"a.png", CNN_IMAGE_PNG},
        {"a.BMP", CNN_IMAGE_BMP},
        {"a.gif", CNN_IMAGE_GIF},
        {"a.WebP", CNN_IMAGE_WEBP},
        {"a.tif", CNN_IMAGE_TIFF},
        {"a.tiff", CNN_IMAGE_TIFF},
        {"a.b.tiff", CNN_IMAGE_TIFF},
        {".jpg", CNN_IMAGE_UNKNOWN},
        {"a/.jpg", CNN_IMAGE_UNKNOWN},
        {"a.jpg/b", CNN_IMAGE_UNKNOWN},
        {"a.jpgx", CNN_IMAGE_UNKNOWN},
        {"jpg", CNN_IMAGE_UNKNOWN},
        {"a.", CNN_IMAGE_UNKNOWN},
        {"", CNN_IMAGE_UNKNOWN},
        {"a.jp\xc4\xb1g", CNN_IMAGE_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        ck_assert_msg(cnn_image_name_format(names[i].name) == names[i].format, "%s", names[i].name);
    }
    ck_assert_str_eq(cnn_image_format_name(CNN_IMAGE_WEBP), "WebP");
    ck_assert_str_eq(cnn_image_format_name((cnn_image_format)99), "unknown");
    ck_assert_str_eq(cnn_image_format_name((cnn_image_format)-1), "unknown");
    ck_assert(cnn_image_format_is_read(CNN_IMAGE_BMP));
    ck_assert(!cnn_image_format_is_read(CNN_IMAGE_UNKNOWN));
    ck_assert(!cnn_image_format_is_read((cnn_image_format)-1));
}
END_TEST

static void put_le32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

/* What a header promises is compared with the limit and the file before memory is asked for. */
START_TEST(bmp_headers_that_lie)
{
    bytes file = golden_named(golden_formats, FILES, "bmp 24");
    cnn_image *image;
    static const struct {
        size_t at;
        uint32_t value;
        cnn_status status;
        const char *text;
    } lies[] = {
        {18, 0x7fffffff, CNN_ERROR_LIMIT, "max_pixels"},
        {18, 0x80000000u, CNN_ERROR_FORMAT, "negative"},
        {18, 0, CNN_ERROR_FORMAT, "no pixels"},
        {18, 1000000, CNN_ERROR_TRUNCATED, "bytes of pixels"},
        {22, 0x80000000u, CNN_ERROR_LIMIT, "max_pixels"},
        {22, 0, CNN_ERROR_FORMAT, "no pixels"},
        {10, 0xfffffff0u, CNN_ERROR_TRUNCATED, "from byte"},
        {14, 0xffffffffu, CNN_ERROR_UNSUPPORTED, "header of"},
        {30, 4, CNN_ERROR_UNSUPPORTED, "(JPEG)"},
        {30, 1, CNN_ERROR_UNSUPPORTED, "compression 1"},
        {28, 0x30, CNN_ERROR_UNSUPPORTED, "48 bits"},
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        bytes lie = bytes_copy(file.data, file.size);
        put_le32(lie.data + lies[i].at, lies[i].value);
        check_failed(context, cnn_image_decode(context, lie.data, lie.size, NULL, &image), lies[i].status,
                     lies[i].text);
        bytes_free(&lie);
    }
    bytes_free(&file);
}
END_TEST

/* The directory lists one strip of 13 rows for an image of many: what the others would hold is not in the file. */
START_TEST(tiff_strips_that_are_not_there)
{
    bytes file = golden_named(golden_formats, FILES, "tiff grey 16");
    cnn_image *image;
    if (cnn_image_format_is_read(CNN_IMAGE_TIFF)) {
        uint8_t *height = memmem(file.data, file.size, "\x01\x01\x04\0\x01\0\0\0\x0d\0\0\0", 12);
        ck_assert_ptr_nonnull(height);
        put_le32(height + 8, 1000);
        check_failed(context, cnn_image_decode(context, file.data, file.size, NULL, &image), CNN_ERROR_FORMAT,
                     "TIFF: strip 1 has no data");
    }
    bytes_free(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats");
    TCase *tests = tcase_create("formats");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, kinds_equal_pillow, 0, (int)FILES);
    tcase_add_loop_test(tests, probe_tells_what_the_file_holds, 0, (int)FILES);
    tcase_add_loop_test(tests, orientation_is_applied_on_request, 0, (int)FILES);
    tcase_add_loop_test(tests, no_prefix_gives_other_pixels, 0, (int)FILES);
    tcase_add_loop_test(tests, every_damaged_byte_is_survived, 0, (int)FILES);
    tcase_add_loop_test(tests, limits_hold_to_the_pixel, 0, (int)FILES);
    tcase_add_test(tests, other_formats_are_named);
    tcase_add_test(tests, names_promise_formats);
    tcase_add_test(tests, bmp_headers_that_lie);
    tcase_add_test(tests, tiff_strips_that_are_not_there);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
