/* SPDX-License-Identifier: MIT */
/* Damaged, cut and malicious files: each has its status and its message, and none gives an image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <zlib.h>

#include "common/suite.h"
#include "image/golden_image.h"

#define FILES COUNT(golden_files)
#define IDAT_OF_GREY 33 /* where the second chunk begins: 8 bytes of signature, 25 of IHDR */

static cnn_context *context;

static void setup(void) { ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK); }

static void teardown(void) { cnn_context_free(context); }

static cnn_status decode(const bytes *file, const cnn_decode_options *options)
{
    cnn_image *image = (cnn_image *)&context;
    cnn_status status = cnn_image_decode(context, file->data, file->size, options, &image);
    ck_assert_msg((status == CNN_OK) == (image != NULL), "status %d with image %p", (int)status, (void *)image);
    cnn_image_free(image);
    return status;
}

static bytes named(const char *name) { return golden_named(golden_files, FILES, name); }

START_TEST(every_prefix_is_truncated)
{
    bytes whole = bytes_from_base64(golden_files[_i].file);
    for (size_t size = 0; size < whole.size; size++) {
        /* A copy of just this size, so that a sanitizer sees each byte that is read beyond it. */
        bytes part = {malloc(size > 0 ? size : 1), size};
        memcpy(part.data, whole.data, size);
        cnn_status status = decode(&part, NULL);
        ck_assert_msg(status == CNN_ERROR_TRUNCATED, "%s, %zu of %zu bytes: %s: %s", golden_files[_i].name, size,
                      whole.size, cnn_status_string(status), cnn_last_error(context));
        bytes_free(&part);
    }
    ck_assert_int_eq(decode(&whole, NULL), CNN_OK);
    bytes_free(&whole);
}
END_TEST

/* Of a PNG: the size of its auxiliary chunks. */
static size_t auxiliary_bytes(const bytes *png)
{
    size_t sum = 0;
    for (size_t at = 8; at + 12 <= png->size;) {
        const uint8_t *chunk = png->data + at;
        size_t size = 12 + ((size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3]);
        sum += chunk[4] >= 'a' ? size : 0;
        at += size;
    }
    return sum;
}

START_TEST(every_damaged_byte_is_survived)
{
    static const uint8_t damages[] = {0xff, 0x01, 0x80};
    bytes file = bytes_from_base64(golden_files[_i].file);
    size_t refused = 0;
    for (size_t at = 0; at < file.size; at++) {
        for (size_t d = 0; d < sizeof(damages); d++) {
            file.data[at] ^= damages[d];
            refused += decode(&file, CNN_DECODE(.channels = d == 1 ? 1 : 3, .max_pixels = 1000000)) != CNN_OK;
            file.data[at] ^= damages[d];
        }
    }
    /* PNG has a checksum over everything, but what is no part of the pixels may be damaged: the end's chunk, and those
     * that a small first letter calls auxiliary. In a JPEG most bytes are tables and pixels, of which any value is
     * legal. */
    size_t least = file.size / 10;
    if (golden_files[_i].format == CNN_IMAGE_PNG) {
        least = 3 * (file.size - 12 - auxiliary_bytes(&file));
    }
    ck_assert_msg(refused >= least, "%s: %zu of %zu refused", golden_files[_i].name, refused, 3 * file.size);
    bytes_free(&file);
}
END_TEST

START_TEST(row_1_empty)
{
    bytes file = {(uint8_t *)"", 0};
    check_failed(context, decode(&file, NULL), CNN_ERROR_TRUNCATED, "0 bytes");
}
END_TEST

START_TEST(row_2_jpeg_cut_in_a_scan)
{
    bytes file = named("jpeg 4:2:0");
    file.size -= 30;
    check_failed(context, decode(&file, NULL), CNN_ERROR_TRUNCATED, "JPEG at byte");
    /* Cut, but with an end-of-image marker put behind it. */
    memcpy(file.data + file.size - 2, "\xff\xd9", 2);
    check_failed(context, decode(&file, NULL), CNN_ERROR_TRUNCATED, "premature end");
    bytes_free(&file);
}
END_TEST

static uint8_t *jpeg_frame(bytes *file, uint8_t marker)
{
    uint8_t start[2] = {0xff, marker};
    uint8_t *frame = memmem(file->data, file->size, start, 2);
    ck_assert_ptr_nonnull(frame);
    return frame;
}

static void set_jpeg_size(bytes *file, uint32_t width, uint32_t height)
{
    uint8_t *frame = jpeg_frame(file, 0xc0);
    frame[5] = (uint8_t)(height >> 8);
    frame[6] = (uint8_t)height;
    frame[7] = (uint8_t)(width >> 8);
    frame[8] = (uint8_t)width;
}

START_TEST(row_3_jpeg_of_4_gigapixels)
{
    bytes file = named("jpeg grey");
    set_jpeg_size(&file, 65535, 65535);
    check_failed(context, decode(&file, NULL), CNN_ERROR_LIMIT, "4.29 Gpx > 64 Mpx");
    set_jpeg_size(&file, 65000, 65000);
    check_failed(context, decode(&file, NULL), CNN_ERROR_LIMIT, "65000 x 65000: 4.22 Gpx > 64 Mpx");
    /* Sides of this length are read: here there is no data for them. */
    set_jpeg_size(&file, 65500, 13);
    check_failed(context, decode(&file, NULL), CNN_ERROR_TRUNCATED, "premature end");
    set_jpeg_size(&file, 65501, 13);
    check_failed(context, decode(&file, NULL), CNN_ERROR_LIMIT, "65500");
    set_jpeg_size(&file, 19, 0);
    ck_assert_int_ne(decode(&file, NULL), CNN_OK);
    bytes_free(&file);
}
END_TEST

/* A grey progressive JPEG of this many scans: one of the constant terms, then one for each further coefficient, sent
 * in steps of one bit. */
static bytes jpeg_of_scans(int count)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg_scan_info scans[200];
    unsigned char *data = NULL;
    unsigned long size = 0;
    uint8_t pixels[16 * 16];
    pattern_pixels(pixels, 16, 16, 1);
    scans[0] = (jpeg_scan_info){1, {0}, 0, 0, 0, 0};
    for (int i = 1; i < count; i++) {
        int coefficient = 1 + (i - 1) % 63, bit = 3 - (i - 1) / 63;
        scans[i] = (jpeg_scan_info){1, {0}, coefficient, coefficient, bit == 3 ? 0 : bit + 1, bit};
    }
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = jpeg.image_height = 16;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg.scan_info = scans;
    jpeg.num_scans = count;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < 16; y++) {
        JSAMPROW row = pixels + 16 * y;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return (bytes){data, size};
}

START_TEST(row_4_jpeg_of_many_scans)
{
    bytes most = jpeg_of_scans(100), over = jpeg_of_scans(101), many = jpeg_of_scans(190);
    ck_assert_msg(decode(&most, NULL) == CNN_OK, "%s", cnn_last_error(context));
    check_failed(context, decode(&over, NULL), CNN_ERROR_LIMIT, "scan 101, at most 100");
    check_failed(context, decode(&many, NULL), CNN_ERROR_LIMIT, "scan 101, at most 100");
    check_failed(context, decode(&many, NULL), CNN_ERROR_LIMIT,
                 "the limit jpeg_scans (--allow jpeg_scans=N raises it)");
    ck_assert_int_eq(cnn_context_set_limit(context, "jpeg_scans", 189), CNN_OK);
    check_failed(context, decode(&many, NULL), CNN_ERROR_LIMIT, "scan 190, at most 189");
    ck_assert_int_eq(cnn_context_set_limit(context, "jpeg_scans", 190), CNN_OK);
    ck_assert_msg(decode(&many, NULL) == CNN_OK, "%s", cnn_last_error(context));
    bytes_free(&most);
    bytes_free(&over);
    bytes_free(&many);
}
END_TEST

START_TEST(row_5_jpeg_kinds_that_are_not_decoded)
{
    bytes file = named("jpeg 4:2:0");
    jpeg_frame(&file, 0xc0)[1] = 0xc9;
    check_failed(context, decode(&file, NULL), CNN_ERROR_UNSUPPORTED, "arithmetic coding");
    jpeg_frame(&file, 0xc9)[1] = 0xc3;
    check_failed(context, decode(&file, NULL), CNN_ERROR_UNSUPPORTED, "JPEG at byte");
    jpeg_frame(&file, 0xc3)[1] = 0xc1;
    jpeg_frame(&file, 0xc1)[4] = 12;
    check_failed(context, decode(&file, NULL), CNN_ERROR_UNSUPPORTED, "12-bit");
    bytes_free(&file);
}
END_TEST

static void set_png_size(bytes *file, uint32_t width, uint32_t height)
{
    put_u32(file->data + 16, width);
    put_u32(file->data + 20, height);
    png_fix_crc(file, 8);
}

START_TEST(row_6_png_of_50_gigapixels)
{
    bytes file = named("png rgb 8");
    set_png_size(&file, 225000, 225000);
    check_failed(context, decode(&file, NULL), CNN_ERROR_LIMIT, "225000 x 225000: 50.62 Gpx > 64 Mpx");
    set_png_size(&file, 0x7fffffff, 0x7fffffff);
    check_failed(context, decode(&file, NULL), CNN_ERROR_LIMIT, "Gpx > 64 Mpx");
    set_png_size(&file, 0x80000000u, 1);
    ck_assert_int_eq(decode(&file, NULL), CNN_ERROR_FORMAT);
    set_png_size(&file, 1048577, 1);
    check_failed(context, decode(&file, NULL), CNN_ERROR_LIMIT, "at most 1048576");
    set_png_size(&file, 0, 7);
    ck_assert_int_eq(decode(&file, NULL), CNN_ERROR_FORMAT);
    bytes_free(&file);
}
END_TEST

START_TEST(row_7_png_with_text_bombs)
{
    enum { INFLATED = 4 << 20 };
    bytes file = named("png rgb 8");
    Bytef *zeros = calloc(1, INFLATED);
    uLongf packed = compressBound(INFLATED);
    uint8_t *body = malloc(packed + 3);
    memcpy(body, "a\0\0", 3); /* keyword, its end, method */
    ck_assert_int_eq(compress2(body + 3, &packed, zeros, INFLATED, 9), Z_OK);
    bytes text = png_chunk("zTXt", body, packed + 3), all = {malloc(1000 * text.size), 0};
    for (int i = 0; i < 1000; i++) {
        memcpy(all.data + all.size, text.data, text.size);
        all.size += text.size;
    }
    bytes_insert(&file, IDAT_OF_GREY, all.data, all.size);
    ck_assert_msg(decode(&file, NULL) == CNN_OK, "%s", cnn_last_error(context));
    free(zeros);
    free(body);
    bytes_free(&text);
    bytes_free(&all);
    bytes_free(&file);
}
END_TEST

START_TEST(row_8_png_with_a_wrong_crc)
{
    bytes file = named("png grey 8");
    uint8_t *idat = memmem(file.data, file.size, "IDAT", 4);
    ck_assert_ptr_nonnull(idat);
    idat[4 + 20] ^= 1;
    cnn_status status = decode(&file, NULL);
    ck_assert_int_eq(status, CNN_ERROR_FORMAT);
    idat[4 + 20] ^= 1;
    file.data[file.size - 12 - 1] ^= 1; /* the CRC itself: IEND is 12 bytes */
    check_failed(context, decode(&file, NULL), CNN_ERROR_FORMAT, "IDAT CRC");
    bytes_free(&file);
}
END_TEST

START_TEST(row_10_other_formats)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } files[] = {
        {"\0", 1, "starts 00"},
        {"\xff\xd8\xfe\xff", 4, "starts ff d8 fe ff"},
        {"\x89PNG\n\x1a\n\n", 8, "starts 89 50 4e 47 0a"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        bytes file = {(uint8_t *)files[i].bytes, files[i].size};
        check_failed(context, decode(&file, NULL), CNN_ERROR_UNSUPPORTED, files[i].message);
    }
}
END_TEST

START_TEST(limits_hold_to_the_pixel)
{
    const char *names[] = {"jpeg 4:2:0", "png rgb 8"};
    const uint32_t widths[] = {19, 11}, heights[] = {13, 7};
    for (size_t i = 0; i < COUNT(names); i++) {
        bytes file = named(names[i]);
        const uint32_t width = widths[i], pixels = widths[i] * heights[i];
        ck_assert_int_eq(decode(&file, CNN_DECODE(.max_side = width + 1)), CNN_OK);
        ck_assert_int_eq(decode(&file, CNN_DECODE(.max_side = width)), CNN_OK);
        check_failed(context, decode(&file, CNN_DECODE(.max_side = width - 1)), CNN_ERROR_LIMIT, "along a side");
        ck_assert_int_eq(decode(&file, CNN_DECODE(.max_pixels = pixels + 1)), CNN_OK);
        ck_assert_int_eq(decode(&file, CNN_DECODE(.max_pixels = pixels)), CNN_OK);
        check_failed(context, decode(&file, CNN_DECODE(.max_pixels = pixels - 1)), CNN_ERROR_LIMIT, " px > ");
        bytes_free(&file);
    }
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, 1048576, 1, 3, &image), CNN_OK);
    cnn_image_free(image);
    check_failed(context, cnn_image_create(context, 1048577, 1, 3, &image), CNN_ERROR_LIMIT, "1048577 x 1");
    check_failed(context, cnn_image_create(context, 1, 0, 3, &image), CNN_ERROR_INVALID_ARGUMENT, "1 x 0");
    check_failed(context, cnn_image_create(context, 1, 1, 17, &image), CNN_ERROR_INVALID_ARGUMENT, "1 to 16 channels");
    ck_assert_ptr_null(image);
}
END_TEST

START_TEST(a_palette_index_beyond_the_palette_is_black)
{
    bytes file = named("png palette 4");
    uint8_t *plte = memmem(file.data, file.size, "PLTE", 4);
    ck_assert_ptr_nonnull(plte);
    /* The palette is cut to two of its sixteen colours. */
    size_t at = (size_t)(plte - file.data) - 4;
    memmove(plte + 4 + 6, plte + 4 + 48, file.size - at - 8 - 48);
    file.size -= 42;
    put_u32(file.data + at, 6);
    png_fix_crc(&file, at);
    bytes pixels = {NULL, 0};
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(golden_files[i].name, "png palette 4") == 0) {
            pixels = bytes_from_base64(golden_files[i].pixels);
        }
    }
    const uint8_t *palette = file.data + at + 8;
    cnn_image *image;
    ck_assert_int_eq(cnn_image_decode(context, file.data, file.size, NULL, &image), CNN_OK);
    size_t black = 0;
    for (size_t i = 0; i < pixels.size; i += 3) {
        bool kept = memcmp(pixels.data + i, palette, 3) == 0 || memcmp(pixels.data + i, palette + 3, 3) == 0;
        ck_assert_mem_eq(cnn_image_pixels(image) + i, kept ? (const char *)pixels.data + i : "\0\0", 3);
        black += kept ? 0 : 1;
    }
    ck_assert_uint_gt(black, 10);
    cnn_image_free(image);
    bytes_free(&pixels);
    bytes_free(&file);
}
END_TEST

START_TEST(control_bytes_of_a_name_are_escaped)
{
    cnn_image *image;
    ck_assert_int_ne(cnn_image_load(context, "no\nsuch\033[31mfile.jpg", NULL, &image), CNN_OK);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "no\\x0asuch\\x1b[31mfile.jpg"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tests = tcase_create("hostile");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, every_prefix_is_truncated, 0, (int)FILES);
    tcase_add_loop_test(tests, every_damaged_byte_is_survived, 0, (int)FILES);
    tcase_add_test(tests, row_1_empty);
    tcase_add_test(tests, row_2_jpeg_cut_in_a_scan);
    tcase_add_test(tests, row_3_jpeg_of_4_gigapixels);
    tcase_add_test(tests, row_4_jpeg_of_many_scans);
    tcase_add_test(tests, row_5_jpeg_kinds_that_are_not_decoded);
    tcase_add_test(tests, row_6_png_of_50_gigapixels);
    tcase_add_test(tests, row_7_png_with_text_bombs);
    tcase_add_test(tests, row_8_png_with_a_wrong_crc);
    tcase_add_test(tests, row_10_other_formats);
    tcase_add_test(tests, limits_hold_to_the_pixel);
    tcase_add_test(tests, a_palette_index_beyond_the_palette_is_black);
    tcase_add_test(tests, control_bytes_of_a_name_are_escaped);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
