/* SPDX-License-Identifier: MIT */
/* Pixels of a BMP file: rows as they are, or run-length coded. */
#include <string.h>

#include "image/bmp.h"

/* A channel of a pixel, scaled to 8 bits by cutting off, as Pillow does. */
static uint8_t channel(const cnn__bmp_mask *m, uint32_t pixel)
{
    return m->largest != 0 ? (uint8_t)((uint64_t)((pixel & m->bits) >> m->shift) * 255 / m->largest) : 0;
}

static void put_index(cnn__bmp *r, uint32_t x, uint32_t index)
{
    r->beyond_palette |= index >= r->colors;
    memcpy(r->row + 4 * (size_t)x, r->palette[index], 4);
}

/* One row of the file to r->row. */
static void expand_row(cnn__bmp *r, const uint8_t *from)
{
    for (uint32_t x = 0; x < r->width; x++) {
        uint8_t *rgba = r->row + 4 * (size_t)x;
        if (r->bits <= 8) {
            const size_t bit = (size_t)x * r->bits;
            put_index(r, x, from[bit / 8] >> (8 - r->bits - bit % 8) & ((1u << r->bits) - 1));
        } else if (r->bits == 24) {
            const uint8_t *bgr = from + 3 * (size_t)x;
            const uint8_t pixel[4] = {bgr[2], bgr[1], bgr[0], 255};
            memcpy(rgba, pixel, 4);
        } else {
            const uint8_t *bytes = from + r->bits / 8 * (size_t)x;
            uint32_t pixel = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
            if (r->bits == 32) {
                pixel |= (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
            }
            for (size_t c = 0; c < 4; c++) {
                rgba[c] = channel(&r->masks[c], pixel);
            }
        }
    }
}

/* `y` in the order of the file. */
static void put_row(cnn__bmp *r, uint32_t y)
{
    cnn__alpha_pixels(&r->alpha, 0, r->top_down ? y : r->height - 1 - y, r->row, r->width);
}

/* Many programs write an alpha mask and leave the alpha at 0 throughout, by which they mean opaque. */
static bool alpha_is_used(const cnn__bmp *r, size_t stride)
{
    const size_t bytes = r->bits / 8;
    const uint32_t wanted = r->masks[3].bits;
    for (uint32_t y = 0; wanted != 0 && y < r->height; y++) {
        const size_t row = r->pixels_at + y * stride;
        for (uint32_t x = 0; x < r->width; x++) {
            const size_t at = row + x * bytes;
            if (((bytes == 4 ? cnn__bmp_get32(r, at) : cnn__bmp_get16(r, at)) & wanted) != 0) {
                return true;
            }
        }
    }
    return false;
}

static cnn_status read_plain(cnn__bmp *r)
{
    const uint64_t row_bits = (uint64_t)r->width * r->bits; /* width is at most 2^20 here */
    const size_t stride = (size_t)((row_bits + 31) / 32 * 4);
    const size_t needed = stride * (r->height - 1) + (size_t)((row_bits + 7) / 8); /* without the last row's padding */
    if (r->pixels_at > r->source->size || r->source->size - r->pixels_at < needed) {
        return cnn__fail(r->source->context, CNN_ERROR_TRUNCATED,
                         "%s: BMP: %zu bytes of pixels from byte %zu on, but the file has %zu bytes", r->source->name,
                         needed, r->pixels_at, r->source->size);
    }
    CNN__RETURN_IF_ERROR(cnn__alpha_begin(&r->alpha, r->source, r->request, alpha_is_used(r, stride), r->image));
    for (uint32_t y = 0; y < r->height; y++) {
        expand_row(r, r->source->data + r->pixels_at + y * stride);
        put_row(r, y);
    }
    return CNN_OK;
}

/* Where a run-length decoder is. */
typedef struct cursor {
    size_t at;     /* of the file */
    uint32_t x, y; /* of the image, which is from bottom to top */
    bool long_row; /* pixels were beyond the end of a row */
} cursor;

static void put_pixel(const cnn__bmp *r, cursor *c, uint32_t index)
{
    if (c->x < r->width) {
        r->indices[(size_t)c->y * r->width + c->x++] = (uint8_t)index;
    } else {
        c->long_row = true;
    }
}

/* `count` pixels that are given one by one. False if the file ends before. */
static bool copy_literals(const cnn__bmp *r, cursor *c, uint32_t count)
{
    const size_t bytes = r->compression == CNN__BMP_RLE8 ? count : (count + 1) / 2;
    const uint8_t *from = r->source->data + c->at;
    if (r->source->size - c->at < bytes) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        put_pixel(r, c, r->compression == CNN__BMP_RLE8 ? from[i] : from[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15u);
    }
    c->at += bytes;
    /* Filled up to 16 bits, where the file does not end. */
    c->at += bytes % 2 != 0 && c->at < r->source->size ? 1 : 0;
    return true;
}

/* Sets r->indices. What a move passes over has the first colour. */
static cnn_status decode_runs(cnn__bmp *r, cursor *c)
{
    enum { END_OF_ROW = 0, END_OF_IMAGE = 1, MOVE = 2 };
    const uint8_t *data = r->source->data;
    const size_t size = r->source->size;
    while (c->y < r->height && size - c->at >= 2) {
        const uint32_t count = data[c->at], value = data[c->at + 1];
        c->at += 2;
        if (count > 0) {
            for (uint32_t i = 0; i < count; i++) {
                put_pixel(r, c, r->compression == CNN__BMP_RLE8 ? value : value >> (i % 2 == 0 ? 4 : 0) & 15);
            }
        } else if (value == END_OF_ROW) {
            c->x = 0;
            c->y++;
        } else if (value == END_OF_IMAGE) {
            return CNN_OK;
        } else if (value == MOVE) {
            if (size - c->at < 2) {
                break;
            }
            c->x += data[c->at];
            c->y += data[c->at + 1];
            c->at += 2;
            if (c->x > r->width) {
                return cnn__bmp_fail(r, CNN_ERROR_FORMAT, "a move leaves the image");
            }
        } else if (!copy_literals(r, c, value)) {
            break;
        }
    }
    const bool all = c->y >= r->height || (c->y == r->height - 1 && c->x == r->width);
    return all ? CNN_OK : cnn__bmp_fail(r, CNN_ERROR_TRUNCATED, "the file ends within the pixels");
}

static cnn_status read_runs(cnn__bmp *r)
{
    cursor c = {r->pixels_at, 0, 0, false};
    if (r->pixels_at > r->source->size) {
        return cnn__bmp_fail(r, CNN_ERROR_TRUNCATED, "the pixels begin beyond the end of the file");
    }
    r->indices = cnn__alloc_array(r->source->context, r->width, r->height);
    if (r->indices == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memset(r->indices, 0, (size_t)r->width * r->height);
    CNN__RETURN_IF_ERROR(decode_runs(r, &c));
    if (c.long_row) {
        cnn__image_note(r->source, "BMP: pixels beyond the end of a row");
    }
    CNN__RETURN_IF_ERROR(cnn__alpha_begin(&r->alpha, r->source, r->request, false, r->image));
    for (uint32_t y = 0; y < r->height; y++) {
        for (uint32_t x = 0; x < r->width; x++) {
            put_index(r, x, r->indices[(size_t)y * r->width + x]);
        }
        put_row(r, y);
    }
    return CNN_OK;
}

cnn_status cnn__bmp_read_pixels(cnn__bmp *r)
{
    cnn_context *context = r->source->context;
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &r->request->limits, r->width, r->height));
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, r->width, r->height, r->request->channels, &r->image));
    r->row = cnn__alloc_array(context, r->width, 4);
    if (r->row == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(r->compression == CNN__BMP_RLE8 || r->compression == CNN__BMP_RLE4 ? read_runs(r)
                                                                                            : read_plain(r));
    cnn__alpha_end(&r->alpha);
    if (r->beyond_palette) {
        cnn__image_note(r->source, "BMP: pixels beyond the palette of %u colours are black", r->colors);
    }
    return CNN_OK;
}
