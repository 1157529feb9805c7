/* SPDX-License-Identifier: MIT */
/* What the tests of images share: the types of the golden numbers, and bytes made and compared. */
#ifndef CNN_TESTS_IMAGE_SUPPORT_H
#define CNN_TESTS_IMAGE_SUPPORT_H

#include <stdio.h>

#include <check.h>

#include <cnn/image.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A file and the RGB pixels that it holds, as stored. */
typedef struct golden_file {
    const char *name;
    int format, color;
    uint32_t width, height, bits, has_alpha, orientation, progressive;
    size_t size;
    const char *file;   /* base64 */
    const char *pixels; /* base64 */
} golden_file;

/* A part of pattern_pixels() resized by Pillow. */
typedef struct golden_resize {
    uint32_t width, height, channels;
    double left, top, box_width, box_height;
    uint32_t new_width, new_height;
    int filter;
    const char *pixels; /* base64 */
} golden_resize;

#define GOLDEN_WARP_WIDTH 6
#define GOLDEN_WARP_HEIGHT 5

/* pattern_pixels(6, 5, 1) warped by scipy; the constant is 7. */
typedef struct golden_warp {
    double matrix[6];
    int fill;
    float values[GOLDEN_WARP_WIDTH * GOLDEN_WARP_HEIGHT];
} golden_warp;

/* Bytes on the heap. */
typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

bytes bytes_from_base64(const char *text);
bytes bytes_copy(const void *data, size_t size);
/* `data` put in at `at`. */
void bytes_insert(bytes *to, size_t at, const void *data, size_t size);
void bytes_free(bytes *b);

/* The bytes of a golden file of this name. */
bytes golden_named(const golden_file *files, size_t count, const char *name);

/* The same bytes as pattern() in golden_image.py. */
void pattern_pixels(uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels);

/* The largest difference between two rows of bytes. */
int largest_difference(const uint8_t *a, const uint8_t *b, size_t size);

/* Decodes what has to be good. */
cnn_image *image_decoded(cnn_context *context, const bytes *file, const cnn_decode_options *options);

/* A PNG of 8 bits and this kind of colours around its compressed pixels. */
bytes png_of(uint32_t width, uint32_t height, uint8_t color, const void *packed, size_t size);
/* One PNG chunk with its right CRC. */
bytes png_chunk(const char *name, const void *body, size_t size);
/* Writes the right CRC behind the chunk at `at`. */
void png_fix_crc(bytes *png, size_t at);
void put_u32(uint8_t *to, uint32_t value);

/* Checks the status of a failed call and that the last error holds `text`. */
void check_failed(cnn_context *context, cnn_status status, cnn_status expected, const char *text);

#endif
