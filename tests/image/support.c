/* SPDX-License-Identifier: MIT */
/* What the tests of images share. */
#include "image/support.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = strchr(digits, c);
    return found != NULL ? (int)(found - digits) : 0; /* '=' fills up with zeros, which are cut off */
}

bytes bytes_from_base64(const char *text)
{
    size_t length = strlen(text);
    bytes b = {malloc(length / 4 * 3 + 1), 0};
    for (size_t i = 0; i + 3 < length; i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            group = group << 6 | (uint32_t)base64_digit(text[i + j]);
        }
        size_t count = text[i + 2] == '=' ? 1 : text[i + 3] == '=' ? 2 : 3;
        for (size_t j = 0; j < count; j++) {
            b.data[b.size++] = (uint8_t)(group >> (16 - 8 * j));
        }
    }
    return b;
}

bytes bytes_copy(const void *data, size_t size)
{
    bytes b = {malloc(size + 1), size};
    memcpy(b.data, data, size);
    return b;
}

void bytes_insert(bytes *to, size_t at, const void *data, size_t size)
{
    to->data = realloc(to->data, to->size + size);
    memmove(to->data + at + size, to->data + at, to->size - at);
    memcpy(to->data + at, data, size);
    to->size += size;
}

void bytes_free(bytes *b)
{
    free(b->data);
    *b = (bytes){NULL, 0};
}

bytes golden_named(const golden_file *files, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return bytes_from_base64(files[i].file);
        }
    }
    ck_abort_msg("no golden file \"%s\"", name);
    return (bytes){NULL, 0};
}

void pattern_pixels(uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels)
{
    uint32_t state = 12345;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            for (uint32_t c = 0; c < channels; c++) {
                state = state * 1664525u + 1013904223u;
                *pixels++ = (uint8_t)(x * 9 + y * 7 * (c + 1) + (state >> 24) / 3);
            }
        }
    }
}

int largest_difference(const uint8_t *a, const uint8_t *b, size_t size)
{
    int largest = 0;
    for (size_t i = 0; i < size; i++) {
        int difference = abs((int)a[i] - (int)b[i]);
        largest = difference > largest ? difference : largest;
    }
    return largest;
}

void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

void png_fix_crc(bytes *png, size_t at)
{
    uint8_t *chunk = png->data + at;
    size_t length = (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
    put_u32(chunk + 8 + length, (uint32_t)crc32(0, chunk + 4, (uInt)length + 4));
}

bytes png_chunk(const char *name, const void *body, size_t size)
{
    bytes b = {calloc(1, size + 12), size + 12};
    put_u32(b.data, (uint32_t)size);
    memcpy(b.data + 4, name, 4);
    memcpy(b.data + 8, body, size);
    png_fix_crc(&b, 0);
    return b;
}

bytes png_of(uint32_t width, uint32_t height, uint8_t color, const void *packed, size_t size)
{
    uint8_t header[13] = {[8] = 8, [9] = color};
    bytes file = bytes_copy("\x89PNG\r\n\x1a\n", 8);
    put_u32(header, width);
    put_u32(header + 4, height);
    bytes parts[] = {png_chunk("IHDR", header, 13), png_chunk("IDAT", packed, size), png_chunk("IEND", "", 0)};
    for (size_t i = 0; i < 3; i++) {
        bytes_insert(&file, file.size, parts[i].data, parts[i].size);
        bytes_free(&parts[i]);
    }
    return file;
}

cnn_image *image_decoded(cnn_context *context, const bytes *file, const cnn_decode_options *options)
{
    cnn_image *image = NULL;
    const cnn_status status = cnn_image_decode(context, file->data, file->size, options, &image);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    return image;
}

void check_failed(cnn_context *context, cnn_status status, cnn_status expected, const char *text)
{
    ck_assert_msg(status == expected, "%s: expected %s; last error: %s", cnn_status_string(status),
                  cnn_status_string(expected), cnn_last_error(context));
    ck_assert_msg(strstr(cnn_last_error(context), text) != NULL, "\"%s\" lacks \"%s\"", cnn_last_error(context), text);
}
