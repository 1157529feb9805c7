/* SPDX-License-Identifier: MIT */
/* What is odd but loses no pixel is a note, what loses pixels is an error; alpha; sizes beyond the limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <zlib.h>

#include "common/suite.h"
#include "core/context.h"
#include "image/golden_image.h"

#define FILES COUNT(golden_files)

static cnn_context *context;
static char last_log[512];
static int logged;

static void remember(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING) {
        snprintf(last_log, sizeof(last_log), "%s", message);
        logged++;
    }
}

static void setup(void)
{
    last_log[0] = '\0';
    logged = 0;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .log = remember), &context), CNN_OK);
}

static void teardown(void) { cnn_context_free(context); }

static bytes named(const char *name) { return golden_named(golden_files, FILES, name); }

static cnn_image *decode(const bytes *file, const cnn_decode_options *options)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_image_decode(context, file->data, file->size, options, &image);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return image;
}

static void expect_failure(const bytes *file, const cnn_decode_options *options, cnn_status status, const char *text)
{
    cnn_image *image = (cnn_image *)&context;
    check_failed(context, cnn_image_decode(context, file->data, file->size, options, &image), status, text);
    ck_assert_ptr_null(image);
}

/* The pixels are those of `same`, the one note is as given, and it is logged with the file's name. Frees `file`. */
static void expect_note(bytes *file, const bytes *same, const char *note)
{
    logged = 0;
    cnn_image *expected = decode(same, NULL);
    ck_assert_str_eq(cnn_image_notes(expected), "");
    ck_assert_int_eq(logged, 0);
    cnn_image *image = decode(file, NULL);
    ck_assert_msg(strstr(cnn_image_notes(image), note) != NULL, "\"%s\" lacks \"%s\"", cnn_image_notes(image), note);
    ck_assert_ptr_null(strchr(cnn_image_notes(image), '\n'));
    ck_assert_int_eq(logged, 1);
    ck_assert_msg(strstr(last_log, "image in memory: ") == last_log && strstr(last_log, note) != NULL, "%s", last_log);
    size_t size = (size_t)cnn_image_width(image) * cnn_image_height(image) * 3;
    ck_assert_mem_eq(cnn_image_pixels(image), cnn_image_pixels(expected), size);
    cnn_image_free(image);
    cnn_image_free(expected);
    bytes_free(file);
}

static size_t find_marker(const bytes *file, uint8_t marker)
{
    uint8_t start[2] = {0xff, marker};
    const uint8_t *found = memmem(file->data, file->size, start, 2);
    ck_assert_ptr_nonnull(found);
    return (size_t)(found - file->data);
}

START_TEST(jpeg_bytes_before_a_marker)
{
    static const uint8_t markers[] = {0xe0, 0xdb, 0xc0, 0xc4, 0xda};
    bytes good = named("jpeg 4:2:0");
    for (size_t i = 0; i < COUNT(markers); i++) {
        bytes odd = bytes_copy(good.data, good.size);
        if (markers[i] != 0xe0) { /* before the first one the file would be no JPEG */
            bytes_insert(&odd, find_marker(&odd, markers[i]), "\x00\x17\x42", 3);
            expect_note(&odd, &good, "JPEG: 3 extraneous bytes before marker 0x");
        } else {
            bytes_free(&odd);
        }
    }
    bytes odd = bytes_copy(good.data, good.size);
    /* The decoder has taken some of them for data already. */
    bytes_insert(&odd, odd.size - 2, "12345678901234567890", 20);
    expect_note(&odd, &good, " extraneous bytes before marker 0xd9");
    bytes_free(&good);
}
END_TEST

/* A grey JPEG; restart markers after every `restart` blocks unless 0. */
static bytes make_jpeg(uint32_t width, uint32_t height, unsigned restart, bool progressive)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    uint8_t *row = malloc(width);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg.restart_interval = restart;
    if (progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            row[x] = (uint8_t)(x * 5 + y * 3);
        }
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return (bytes){data, size};
}

START_TEST(jpeg_bytes_before_a_restart)
{
    bytes good = make_jpeg(64, 16, 4, false), odd = bytes_copy(good.data, good.size);
    bytes_insert(&odd, find_marker(&odd, 0xd1), "12345678901234567890", 20);
    expect_note(&odd, &good, " extraneous bytes before marker 0xd1");
    /* Restarts in the wrong order put blocks in the wrong place. */
    bytes wrong = bytes_copy(good.data, good.size);
    wrong.data[find_marker(&wrong, 0xd1) + 1] = 0xd5;
    expect_failure(&wrong, NULL, CNN_ERROR_FORMAT, "JPEG at byte");
    bytes_free(&wrong);
    bytes_free(&good);
}
END_TEST

START_TEST(jpeg_odd_headers)
{
    bytes good = named("jpeg 4:2:0");
    bytes odd = bytes_copy(good.data, good.size);
    odd.data[find_marker(&odd, 0xda) + 12] = 7; /* the last coefficient of the scan: 63 in baseline */
    expect_note(&odd, &good, "JPEG: Invalid SOS parameters for sequential JPEG");
    odd = bytes_copy(good.data, good.size);
    odd.data[find_marker(&odd, 0xe0) + 9] = 9; /* JFIF's version */
    expect_note(&odd, &good, "JPEG: unknown JFIF revision number 9.01");
    /* Adobe's mark with a transform that nobody defined, in place of JFIF's. */
    odd = bytes_copy(good.data, good.size);
    size_t at = find_marker(&odd, 0xe0);
    memmove(odd.data + at, odd.data + at + 18, odd.size - at - 18);
    odd.size -= 18;
    bytes_insert(&odd, at,
                 "\xff\xee\0\x0e"
                 "Adobe\0\x64\0\0\0\0\x09",
                 16);
    expect_note(&odd, &good, "JPEG: Unknown Adobe color transform code 9");
    bytes_free(&good);
}
END_TEST

/* Where scan `index` begins and how long it is, its tables not included. */
static size_t find_scan(const bytes *file, int index, size_t *size)
{
    size_t at = 2;
    for (;; at++) {
        if (file->data[at] == 0xff && file->data[at + 1] == 0xda && index-- == 0) {
            break;
        }
    }
    size_t end = at + 2;
    while (file->data[end] != 0xff || file->data[end + 1] == 0) {
        end++;
    }
    *size = end - at;
    return at;
}

static bytes without_scan(const bytes *file, int index)
{
    bytes made = bytes_copy(file->data, file->size);
    size_t size, at = find_scan(&made, index, &size);
    memmove(made.data + at, made.data + at + size, made.size - at - size);
    made.size -= size;
    return made;
}

/* Scans of a grey image: constant terms down to bit 1, coefficients 1 to 5 and 6 to 63 down to bit 2, all down to bit
 * 1, constant terms bit 0, all bit 0. */
START_TEST(jpeg_scans_that_were_not_due)
{
    bytes good = make_jpeg(40, 24, 0, true), odd = bytes_copy(good.data, good.size);
    size_t size, at = find_scan(&good, 0, &size);
    /* The first scan again: the same bits. */
    bytes_insert(&odd, at + size, good.data + at, size);
    expect_note(&odd, &good, "JPEG: Inconsistent progression sequence for component 0 coefficient 0");
    /* The refinement of the constant terms again. */
    odd = bytes_copy(good.data, good.size);
    at = find_scan(&good, 4, &size);
    bytes_insert(&odd, at + size, good.data + at, size);
    expect_note(&odd, &good, "JPEG: Inconsistent progression sequence for component 0 coefficient 0");
    /* Bits that never come. */
    bytes bad = without_scan(&good, 3);
    expect_failure(&bad, NULL, CNN_ERROR_FORMAT, "Inconsistent progression sequence");
    bytes_free(&bad);
    bad = without_scan(&good, 0);
    expect_failure(&bad, NULL, CNN_ERROR_FORMAT, "Inconsistent progression sequence");
    bytes_free(&bad);
    /* No constant terms at all: libjpeg warns when the first other scan comes, and would give grey. */
    bad = without_scan(&good, 4);
    bytes none = without_scan(&bad, 0);
    expect_failure(&none, NULL, CNN_ERROR_FORMAT, "no scan has the pixels of component 1");
    bytes_free(&none);
    bytes_free(&bad);
    bytes_free(&good);
}
END_TEST

START_TEST(notes_are_said_once)
{
    bytes odd = make_jpeg(400, 200, 1, false);
    size_t count = 0;
    for (size_t at = 2; at + 1 < odd.size; at++) {
        if (odd.data[at] == 0xff && odd.data[at + 1] >= 0xd0 && odd.data[at + 1] <= 0xd7) {
            bytes_insert(&odd, at, "12345678901234567890", 20);
            at += 21;
            count++;
        }
    }
    ck_assert_uint_gt(count, 1000);
    cnn_image *image = decode(&odd, NULL);
    ck_assert_int_eq(logged, 1);
    /* A copy was not decoded from anything. */
    cnn_image *copy;
    ck_assert_int_eq(cnn_image_crop(image, 0, 0, 3, 3, &copy), CNN_OK);
    ck_assert_str_eq(cnn_image_notes(copy), "");
    cnn_image_free(copy);
    cnn_image_free(image);
    bytes_free(&odd);
}
END_TEST

#define AFTER_HEADER 33 /* where the second chunk begins: 8 bytes of signature, 25 of IHDR */

static bytes with_chunk(const bytes *file, size_t at, const char *name, const void *body, size_t size, bool right_crc)
{
    bytes odd = bytes_copy(file->data, file->size), chunk = png_chunk(name, body, size);
    chunk.data[chunk.size - 1] ^= right_crc ? 0 : 1;
    bytes_insert(&odd, at, chunk.data, chunk.size);
    bytes_free(&chunk);
    return odd;
}

START_TEST(png_needless_chunks)
{
    uint8_t palette[30] = {1, 2, 3};
    static const struct {
        const char *file, *chunk, *body;
        size_t size;
        bool right_crc;
        const char *note;
    } cases[] = {
        {"png rgba 8", "tRNS", "\0\1\0\2\0\3", 6, true, "PNG: tRNS: invalid with alpha channel"},
        {"png grey alpha 8", "tRNS", "\0\1", 2, true, "PNG: tRNS: invalid with alpha channel"},
        {"png grey 8", "tRNS", "\0\1\2", 3, true, "PNG: tRNS: invalid"},
        {"png grey 8", "PLTE", NULL, 30, true, "PNG: PLTE: ignored in grayscale PNG"},
        {"png rgb 8", "PLTE", NULL, 29, true, "PNG: PLTE: invalid"},
        {"png grey 8", "tEXt", "a\0b", 3, false, "PNG: tEXt: CRC error"},
        {"png rgb 8", "gAMA", "\0\0\1\0", 4, false, "PNG: gAMA: CRC error"},
        {"png rgb 8", "iCCP", "x\0\0nothing", 10, false, "PNG: iCCP: CRC error"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bytes good = named(cases[i].file);
        const void *body = cases[i].body != NULL ? (const void *)cases[i].body : palette;
        bytes odd = with_chunk(&good, AFTER_HEADER, cases[i].chunk, body, cases[i].size, cases[i].right_crc);
        expect_note(&odd, &good, cases[i].note);
        bytes_free(&good);
    }
    bytes good = named("png palette 8 tRNS gAMA");
    uint8_t *trns = memmem(good.data, good.size, "tRNS", 4);
    bytes odd = bytes_copy(good.data, good.size);
    size_t at = (size_t)(trns - good.data) - 4;
    odd.data[at + 3] = 32; /* twice as many as colours */
    bytes_insert(&odd, at + 8 + 16, palette, 16);
    png_fix_crc(&odd, at);
    expect_note(&odd, &good, "PNG: tRNS: invalid");
    bytes_free(&good);
}
END_TEST

START_TEST(png_damage_after_the_pixels)
{
    bytes good = named("png rgb 8"), odd = bytes_copy(good.data, good.size);
    odd.data[odd.size - 1] ^= 1;
    expect_note(&odd, &good, "PNG: IEND: CRC error");
    odd = with_chunk(&good, good.size - 12, "tIME", "\0", 1, false);
    expect_note(&odd, &good, "PNG: tIME: CRC error");
    /* What belongs to the pixels stays an error. */
    bytes bad = bytes_copy(good.data, good.size);
    bad.data[bad.size - 12 - 1] ^= 1;
    expect_failure(&bad, NULL, CNN_ERROR_FORMAT, "IDAT CRC is wrong");
    bytes_free(&bad);
    bytes_free(&good);
}
END_TEST

/* A grey PNG of rows of 300 random bytes, all the same: matches reach 301 bytes back. */
static bytes png_of_rows(uint8_t window, const void *after, size_t after_size, bool right_sum)
{
    enum { WIDTH = 300, HEIGHT = 4 };
    uint8_t raw[HEIGHT * (WIDTH + 1)] = {0}, packed[4000];
    bytes file = bytes_copy("\x89PNG\r\n\x1a\n", 8);
    uint8_t header[13] = {0, 0, WIDTH >> 8, WIDTH & 255, 0, 0, 0, HEIGHT, 8, 0, 0, 0, 0};
    uint32_t state = 1;
    for (size_t x = 0; x < WIDTH; x++) {
        state = state * 1664525u + 1013904223u;
        for (size_t y = 0; y < HEIGHT; y++) {
            raw[y * (WIDTH + 1) + 1 + x] = (uint8_t)(state >> 24);
        }
    }
    uLongf size = sizeof(packed);
    ck_assert_int_eq(compress2(packed, &size, raw, sizeof(raw), 9), Z_OK);
    packed[0] = (uint8_t)(window << 4 | 8);
    packed[1] = 0;
    packed[1] = (uint8_t)(31 - packed[0] * 256 % 31);
    packed[size - 1] ^= right_sum ? 0 : 1;
    if (after_size > 0) {
        memcpy(packed + size, after, after_size);
    }
    bytes parts[] = {png_chunk("IHDR", header, 13), png_chunk("IDAT", packed, size + after_size),
                     png_chunk("IEND", "", 0)};
    for (size_t i = 0; i < 3; i++) {
        bytes_insert(&file, file.size, parts[i].data, parts[i].size);
        bytes_free(&parts[i]);
    }
    return file;
}

START_TEST(png_odd_streams)
{
    bytes good = png_of_rows(7, "", 0, true);
    bytes odd = png_of_rows(7, "\0\0\0\0\0", 5, true);
    expect_note(&odd, &good, "PNG: IDAT: Extra compressed data");
    odd = png_of_rows(0, "", 0, true);
    expect_note(&odd, &good, "PNG: the window of the compressed data is larger than it says");
    /* The sum over the pixels is no matter of form. */
    bytes bad = png_of_rows(7, "", 0, false);
    expect_failure(&bad, NULL, CNN_ERROR_FORMAT, "incorrect data check");
    bytes_free(&bad);
    bytes_free(&good);
}
END_TEST

/* An RGBA PNG whose alpha is 0, 100 and 255 in columns. */
static bytes shape_in_alpha(const uint8_t *visible, const uint8_t *hidden)
{
    enum { WIDTH = 3, HEIGHT = 2 };
    static const uint8_t alphas[WIDTH] = {0, 100, 255};
    uint8_t raw[HEIGHT * (1 + 4 * WIDTH)] = {0}, packed[200];
    bytes file = bytes_copy("\x89PNG\r\n\x1a\n", 8);
    uint8_t header[13] = {0, 0, 0, WIDTH, 0, 0, 0, HEIGHT, 8, 6, 0, 0, 0};
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
        uint8_t *pixel = raw + i / WIDTH * (1 + 4 * WIDTH) + 1 + i % WIDTH * 4;
        memcpy(pixel, alphas[i % WIDTH] == 0 ? hidden : visible, 3);
        pixel[3] = alphas[i % WIDTH];
    }
    uLongf size = sizeof(packed);
    ck_assert_int_eq(compress2(packed, &size, raw, sizeof(raw), 9), Z_OK);
    bytes parts[] = {png_chunk("IHDR", header, 13), png_chunk("IDAT", packed, size), png_chunk("IEND", "", 0)};
    for (size_t i = 0; i < 3; i++) {
        bytes_insert(&file, file.size, parts[i].data, parts[i].size);
        bytes_free(&parts[i]);
    }
    return file;
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

static void expect_size(const bytes *file, const cnn_decode_options *options, uint32_t width, uint32_t height)
{
    cnn_image *image = decode(file, options);
    ck_assert_uint_eq(cnn_image_width(image), width);
    ck_assert_uint_eq(cnn_image_height(image), height);
    cnn_image_free(image);
}

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
    Suite *suite = suite_create("notes");
    TCase *tests = tcase_create("notes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, jpeg_bytes_before_a_marker);
    tcase_add_test(tests, jpeg_bytes_before_a_restart);
    tcase_add_test(tests, jpeg_odd_headers);
    tcase_add_test(tests, jpeg_scans_that_were_not_due);
    tcase_add_test(tests, notes_are_said_once);
    tcase_add_test(tests, png_needless_chunks);
    tcase_add_test(tests, png_damage_after_the_pixels);
    tcase_add_test(tests, png_odd_streams);
    tcase_add_test(tests, alpha_is_dropped_or_put_on_a_background);
    tcase_add_loop_test(tests, a_background_changes_opaque_images_not, 0, (int)FILES);
    tcase_add_test(tests, jpeg_beyond_the_limit_is_decoded_smaller);
    tcase_add_test(tests, the_context_has_a_limit_of_its_own);
    tcase_add_test(tests, strips_are_read);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
