/* SPDX-License-Identifier: MIT */
/* BMP of Windows and OS/2: palettes of 1, 2, 4 and 8 bits, plain or run-length coded, and colours of 16, 24 and 32
 * bits. The header is read once and checked; after that no number of the file is trusted anew. */
#include <string.h>

#include "image/codec.h"

#define FILE_HEADER 14
#define CORE_HEADER 12 /* OS/2 1.x: sizes of 16 bits, palette entries of 3 bytes */
#define INFO_HEADER 40
#define OS2_HEADER 64
#define MASKS_HEADER 52 /* from here on the header holds the masks of red, green and blue */
#define ALPHA_HEADER 56 /* and from here on that of alpha */
#define MAX_COLORS 256

enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, EMBEDDED_JPEG = 4, EMBEDDED_PNG = 5, ALPHA_BITFIELDS = 6 };

/* Where a channel lies in a pixel of 16 or 32 bits. */
typedef struct mask {
    uint32_t bits; /* 0: the channel is not there */
    unsigned shift;
    uint32_t largest; /* the value of all its bits */
} mask;

typedef struct reader {
    const cnn__encoded *source;
    const cnn__decode_request *request;
    uint32_t header, compression, bits, colors;
    uint32_t width, height;
    bool top_down, beyond_palette;
    size_t pixels_at;
    uint8_t palette[MAX_COLORS][4]; /* RGBA */
    mask masks[4];                  /* red, green, blue, alpha */
    cnn__alpha alpha;
    cnn_image *image;
    uint8_t *row;     /* RGBA */
    uint8_t *indices; /* of a run-length coded image: all, in the order of the file */
} reader;

static cnn_status fail(const reader *r, cnn_status status, const char *what)
{
    return cnn__fail(r->source->context, status, "%s: BMP: %s", r->source->name, what);
}

static uint32_t get16(const reader *r, size_t at)
{
    const uint8_t *bytes = r->source->data + at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t get32(const reader *r, size_t at) { return get16(r, at) | get16(r, at + 2) << 16; }

/* Fails if a mask has a gap. */
static bool set_mask(mask *m, uint32_t bits)
{
    *m = (mask){bits, 0, 0};
    if (bits != 0) {
        m->shift = (unsigned)__builtin_ctz(bits);
        m->largest = bits >> m->shift;
    }
    return (m->largest & (m->largest + 1)) == 0;
}

/* The masks of 16 and 32 bits; `at`: after the header proper. Returns how many bytes of masks lie there. */
static cnn_status read_masks(reader *r, size_t at, size_t *used)
{
    static const uint32_t usual16[3] = {0x7c00, 0x03e0, 0x001f}, usual32[3] = {0xff0000, 0xff00, 0xff};
    uint32_t bits[4] = {0, 0, 0, 0};
    *used = 0;
    if (r->compression == PLAIN) {
        memcpy(bits, r->bits == 16 ? usual16 : usual32, sizeof(usual16));
    } else {
        /* The masks are the end of a large header, or stand after a small one. */
        const size_t count = r->compression == ALPHA_BITFIELDS || r->header >= ALPHA_HEADER ? 4 : 3;
        *used = r->header < MASKS_HEADER ? 4 * count : 0;
        if (r->source->size - at < *used || r->source->size < FILE_HEADER + INFO_HEADER + 4 * count) {
            return fail(r, CNN_ERROR_TRUNCATED, "the file ends within the masks of the colours");
        }
        for (size_t i = 0; i < count; i++) {
            bits[i] = get32(r, FILE_HEADER + INFO_HEADER + 4 * i);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        if (!set_mask(&r->masks[i], bits[i]) || (r->bits == 16 && bits[i] > 0xffff)) {
            return fail(r, CNN_ERROR_FORMAT, "the mask of a colour is not a row of bits");
        }
    }
    return CNN_OK;
}

/* The palette begins at `at`. A palette that reaches into the pixels ends there. */
static cnn_status read_palette(reader *r, size_t at)
{
    const size_t entry = r->header == CORE_HEADER ? 3 : 4;
    size_t count = r->colors != 0 && r->colors < 1u << r->bits ? r->colors : (size_t)1 << r->bits;
    const size_t end = r->pixels_at > at ? r->pixels_at : r->source->size;
    if (r->pixels_at > at && (r->pixels_at - at) / entry < count) {
        count = (r->pixels_at - at) / entry;
    }
    if (end > r->source->size || (end - at) / entry < count) {
        return fail(r, CNN_ERROR_TRUNCATED, "the file ends within the palette");
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bgr = r->source->data + at + i * entry;
        const uint8_t rgba[4] = {bgr[2], bgr[1], bgr[0], 255};
        memcpy(r->palette[i], rgba, sizeof(rgba));
    }
    r->colors = (uint32_t)count;
    if (r->pixels_at <= at) {
        r->pixels_at = at + count * entry;
    }
    return CNN_OK;
}

static cnn_status read_sizes(reader *r)
{
    const size_t at = FILE_HEADER;
    if (r->header == CORE_HEADER) {
        r->width = get16(r, at + 4);
        r->height = get16(r, at + 6);
        r->bits = get16(r, at + 10);
        return CNN_OK;
    }
    int64_t height = (int32_t)get32(r, at + 8);
    r->width = get32(r, at + 4);
    r->top_down = height < 0;
    r->height = (uint32_t)(height < 0 ? -height : height);
    r->bits = get16(r, at + 14);
    r->compression = r->header >= 20 ? get32(r, at + 16) : PLAIN;
    r->colors = r->header >= 36 ? get32(r, at + 32) : 0;
    return (int32_t)r->width < 0 ? fail(r, CNN_ERROR_FORMAT, "the width is negative") : CNN_OK;
}

/* Which combinations there are. */
static cnn_status check_kind(const reader *r)
{
    const bool palette = r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8;
    bool known = false;
    switch (r->compression) {
    case PLAIN:
        known = palette || r->bits == 16 || r->bits == 24 || r->bits == 32;
        break;
    case RLE8:
        known = r->bits == 8;
        break;
    case RLE4:
        known = r->bits == 4;
        break;
    case BITFIELDS:
    case ALPHA_BITFIELDS:
        known = (r->bits == 16 || r->bits == 32) && r->header >= INFO_HEADER && r->header != OS2_HEADER;
        break;
    default:
        break;
    }
    if (!known) {
        return cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED,
                         "%s: BMP of %u bits with compression %u%s is not supported", r->source->name, r->bits,
                         r->compression,
                         r->compression == EMBEDDED_JPEG  ? " (JPEG)"
                         : r->compression == EMBEDDED_PNG ? " (PNG)"
                                                          : "");
    }
    if (r->width == 0 || r->height == 0) {
        return fail(r, CNN_ERROR_FORMAT, "no pixels");
    }
    if (r->top_down && (r->compression == RLE8 || r->compression == RLE4)) {
        return fail(r, CNN_ERROR_FORMAT, "run-length coded from top to bottom");
    }
    return CNN_OK;
}

static cnn_status read_header(reader *r)
{
    const size_t size = r->source->size;
    if (size < FILE_HEADER + CORE_HEADER) {
        return fail(r, CNN_ERROR_TRUNCATED, "the file ends within the header");
    }
    r->pixels_at = get32(r, 10);
    r->header = get32(r, FILE_HEADER);
    if (r->header != CORE_HEADER && (r->header < 16 || r->header > 1024)) {
        return cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED, "%s: BMP with a header of %u bytes",
                         r->source->name, r->header);
    }
    size_t at = FILE_HEADER + (size_t)r->header, masks = 0;
    if (size < at) {
        return fail(r, CNN_ERROR_TRUNCATED, "the file ends within the header");
    }
    CNN__RETURN_IF_ERROR(read_sizes(r));
    CNN__RETURN_IF_ERROR(check_kind(r));
    if (r->bits == 16 || r->bits == 32) {
        CNN__RETURN_IF_ERROR(read_masks(r, at, &masks));
        at += masks;
    }
    if (r->bits <= 8) {
        return read_palette(r, at);
    }
    if (r->pixels_at < at) {
        r->pixels_at = at;
    }
    return CNN_OK;
}

static uint32_t bits_of(const mask *m) { return (uint32_t)__builtin_popcount(m->bits); }

static void fill_info(const reader *r, cnn_image_info *info)
{
    info->format = CNN_IMAGE_BMP;
    info->width = r->width;
    info->height = r->height;
    info->color = r->bits <= 8 ? CNN_COLOR_PALETTE : CNN_COLOR_RGB;
    info->bits = r->bits <= 8 ? r->bits : 8;
    if (r->bits == 16 || r->bits == 32) {
        info->bits = 1;
        for (size_t i = 0; i < 3; i++) {
            const uint32_t bits = bits_of(&r->masks[i]);
            info->bits = bits > info->bits ? bits < 16 ? bits : 16 : info->bits;
        }
    }
    info->has_alpha = r->masks[3].bits != 0 ? 1 : 0;
    info->orientation = 1;
}

/* A channel of a pixel, scaled to 8 bits by cutting off, as Pillow does. */
static uint8_t channel(const mask *m, uint32_t pixel)
{
    return m->largest != 0 ? (uint8_t)((uint64_t)((pixel & m->bits) >> m->shift) * 255 / m->largest) : 0;
}

static void put_index(reader *r, uint32_t x, uint32_t index)
{
    r->beyond_palette |= index >= r->colors;
    memcpy(r->row + 4 * (size_t)x, r->palette[index], 4);
}

/* One row of the file to r->row. */
static void expand_row(reader *r, const uint8_t *from)
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
static void put_row(reader *r, uint32_t y)
{
    cnn__alpha_pixels(&r->alpha, 0, r->top_down ? y : r->height - 1 - y, r->row, r->width);
}

/* Many programs write an alpha mask and leave the alpha at 0 throughout, by which they mean opaque. */
static bool alpha_is_used(const reader *r, size_t stride)
{
    const size_t bytes = r->bits / 8;
    const uint32_t wanted = r->masks[3].bits;
    for (uint32_t y = 0; wanted != 0 && y < r->height; y++) {
        const size_t row = r->pixels_at + y * stride;
        for (uint32_t x = 0; x < r->width; x++) {
            const size_t at = row + x * bytes;
            if (((bytes == 4 ? get32(r, at) : get16(r, at)) & wanted) != 0) {
                return true;
            }
        }
    }
    return false;
}

static cnn_status read_plain(reader *r)
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

static void put_pixel(const reader *r, cursor *c, uint32_t index)
{
    if (c->x < r->width) {
        r->indices[(size_t)c->y * r->width + c->x++] = (uint8_t)index;
    } else {
        c->long_row = true;
    }
}

/* `count` pixels that are given one by one. False if the file ends before. */
static bool copy_literals(const reader *r, cursor *c, uint32_t count)
{
    const size_t bytes = r->compression == RLE8 ? count : (count + 1) / 2;
    const uint8_t *from = r->source->data + c->at;
    if (r->source->size - c->at < bytes) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        put_pixel(r, c, r->compression == RLE8 ? from[i] : from[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15u);
    }
    c->at += bytes;
    /* Filled up to 16 bits, where the file does not end. */
    c->at += bytes % 2 != 0 && c->at < r->source->size ? 1 : 0;
    return true;
}

/* Sets r->indices. What a move passes over has the first colour. */
static cnn_status decode_runs(reader *r, cursor *c)
{
    enum { END_OF_ROW = 0, END_OF_IMAGE = 1, MOVE = 2 };
    const uint8_t *data = r->source->data;
    const size_t size = r->source->size;
    while (c->y < r->height && size - c->at >= 2) {
        const uint32_t count = data[c->at], value = data[c->at + 1];
        c->at += 2;
        if (count > 0) {
            for (uint32_t i = 0; i < count; i++) {
                put_pixel(r, c, r->compression == RLE8 ? value : value >> (i % 2 == 0 ? 4 : 0) & 15);
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
                return fail(r, CNN_ERROR_FORMAT, "a move leaves the image");
            }
        } else if (!copy_literals(r, c, value)) {
            break;
        }
    }
    const bool all = c->y >= r->height || (c->y == r->height - 1 && c->x == r->width);
    return all ? CNN_OK : fail(r, CNN_ERROR_TRUNCATED, "the file ends within the pixels");
}

static cnn_status read_runs(reader *r)
{
    cursor c = {r->pixels_at, 0, 0, false};
    if (r->pixels_at > r->source->size) {
        return fail(r, CNN_ERROR_TRUNCATED, "the pixels begin beyond the end of the file");
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

static cnn_status read_pixels(reader *r)
{
    cnn_context *context = r->source->context;
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &r->request->limits, r->width, r->height));
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, r->width, r->height, r->request->channels, &r->image));
    r->row = cnn__alloc_array(context, r->width, 4);
    if (r->row == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(r->compression == RLE8 || r->compression == RLE4 ? read_runs(r) : read_plain(r));
    cnn__alpha_end(&r->alpha);
    if (r->beyond_palette) {
        cnn__image_note(r->source, "BMP: pixels beyond the palette of %u colours are black", r->colors);
    }
    return CNN_OK;
}

cnn_status cnn__bmp_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image)
{
    reader r = {.source = source, .request = request};
    cnn_status status = read_header(&r);
    if (status == CNN_OK) {
        fill_info(&r, info);
        status = image != NULL ? read_pixels(&r) : CNN_OK;
    }
    cnn__alpha_free(&r.alpha);
    cnn__free(source->context, r.indices);
    cnn__free(source->context, r.row);
    if (status != CNN_OK) {
        cnn_image_free(r.image);
    } else if (image != NULL) {
        *image = r.image;
    }
    return status;
}
