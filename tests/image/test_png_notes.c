/* SPDX-License-Identifier: MIT */
/* PNGs that are odd but lose no pixel have a note; those that lose pixels are refused. */
#include <string.h>

#include <zlib.h>

#include "common/suite.h"
#include "image/notes.h"

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
    return png_of(WIDTH, HEIGHT, 0, packed, size + after_size);
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

int main(void)
{
    Suite *suite = suite_create("PNG notes");
    TCase *tests = tcase_create("PNG notes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, png_needless_chunks);
    tcase_add_test(tests, png_damage_after_the_pixels);
    tcase_add_test(tests, png_odd_streams);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
