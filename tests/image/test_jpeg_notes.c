/* SPDX-License-Identifier: MIT */
/* JPEGs that are odd but lose no pixel have a note; those that lose pixels are refused. */
#include <string.h>

#include "common/suite.h"
#include "image/notes.h"

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

int main(void)
{
    Suite *suite = suite_create("JPEG notes");
    TCase *tests = tcase_create("JPEG notes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_test(tests, jpeg_bytes_before_a_marker);
    tcase_add_test(tests, jpeg_bytes_before_a_restart);
    tcase_add_test(tests, jpeg_odd_headers);
    tcase_add_test(tests, jpeg_scans_that_were_not_due);
    tcase_add_test(tests, notes_are_said_once);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
