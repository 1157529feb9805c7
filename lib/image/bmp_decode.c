/* SPDX-License-Identifier: MIT */
/* BMP of Windows and OS/2: palettes of 1, 2, 4 and 8 bits, plain or run-length coded, and colours of 16, 24 and 32
 * bits. The header is read once and checked; after that no number of the file is trusted anew. */
#include <string.h>

#include "image/bmp.h"

#define FILE_HEADER 14
#define CORE_HEADER 12 /* OS/2 1.x: sizes of 16 bits, palette entries of 3 bytes */
#define INFO_HEADER 40
#define OS2_HEADER 64
#define MASKS_HEADER 52 /* from here on the header holds the masks of red, green and blue */
#define ALPHA_HEADER 56 /* and from here on that of alpha */

cnn_status cnn__bmp_fail(const cnn__bmp *r, cnn_status status, const char *what)
{
    return cnn__fail(r->source->context, status, "%s: BMP: %s", r->source->name, what);
}

/* Fails if a mask has a gap. */
static bool set_mask(cnn__bmp_mask *m, uint32_t bits)
{
    *m = (cnn__bmp_mask){bits, 0, 0};
    if (bits != 0) {
        m->shift = (unsigned)__builtin_ctz(bits);
        m->largest = bits >> m->shift;
    }
    return (m->largest & (m->largest + 1)) == 0;
}

/* The masks of 16 and 32 bits; `at`: after the header proper. Returns how many bytes of masks lie there. */
static cnn_status read_masks(cnn__bmp *r, size_t at, size_t *used)
{
    static const uint32_t usual16[3] = {0x7c00, 0x03e0, 0x001f}, usual32[3] = {0xff0000, 0xff00, 0xff};
    uint32_t bits[4] = {0, 0, 0, 0};
    *used = 0;
    if (r->compression == CNN__BMP_PLAIN) {
        memcpy(bits, r->bits == 16 ? usual16 : usual32, sizeof(usual16));
    } else {
        /* The masks are the end of a large header, or stand after a small one. */
        const size_t count = r->compression == CNN__BMP_ALPHA_BITFIELDS || r->header >= ALPHA_HEADER ? 4 : 3;
        *used = r->header < MASKS_HEADER ? 4 * count : 0;
        if (r->source->size - at < *used || r->source->size < FILE_HEADER + INFO_HEADER + 4 * count) {
            return cnn__bmp_fail(r, CNN_ERROR_TRUNCATED, "the file ends within the masks of the colours");
        }
        for (size_t i = 0; i < count; i++) {
            bits[i] = cnn__bmp_get32(r, FILE_HEADER + INFO_HEADER + 4 * i);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        if (!set_mask(&r->masks[i], bits[i]) || (r->bits == 16 && bits[i] > 0xffff)) {
            return cnn__bmp_fail(r, CNN_ERROR_FORMAT, "the mask of a colour is not a row of bits");
        }
    }
    return CNN_OK;
}

/* The palette begins at `at`. A palette that reaches into the pixels ends there. */
static cnn_status read_palette(cnn__bmp *r, size_t at)
{
    const size_t entry = r->header == CORE_HEADER ? 3 : 4;
    size_t count = r->colors != 0 && r->colors < 1u << r->bits ? r->colors : (size_t)1 << r->bits;
    const size_t end = r->pixels_at > at ? r->pixels_at : r->source->size;
    if (r->pixels_at > at && (r->pixels_at - at) / entry < count) {
        count = (r->pixels_at - at) / entry;
    }
    if (end > r->source->size || (end - at) / entry < count) {
        return cnn__bmp_fail(r, CNN_ERROR_TRUNCATED, "the file ends within the palette");
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

static cnn_status read_sizes(cnn__bmp *r)
{
    const size_t at = FILE_HEADER;
    if (r->header == CORE_HEADER) {
        r->width = cnn__bmp_get16(r, at + 4);
        r->height = cnn__bmp_get16(r, at + 6);
        r->bits = cnn__bmp_get16(r, at + 10);
        return CNN_OK;
    }
    int64_t height = (int32_t)cnn__bmp_get32(r, at + 8);
    r->width = cnn__bmp_get32(r, at + 4);
    r->top_down = height < 0;
    r->height = (uint32_t)(height < 0 ? -height : height);
    r->bits = cnn__bmp_get16(r, at + 14);
    r->compression = r->header >= 20 ? cnn__bmp_get32(r, at + 16) : CNN__BMP_PLAIN;
    r->colors = r->header >= 36 ? cnn__bmp_get32(r, at + 32) : 0;
    return (int32_t)r->width < 0 ? cnn__bmp_fail(r, CNN_ERROR_FORMAT, "the width is negative") : CNN_OK;
}

/* Which combinations there are. */
static cnn_status check_kind(const cnn__bmp *r)
{
    const bool palette = r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8;
    bool known = false;
    switch (r->compression) {
    case CNN__BMP_PLAIN:
        known = palette || r->bits == 16 || r->bits == 24 || r->bits == 32;
        break;
    case CNN__BMP_RLE8:
        known = r->bits == 8;
        break;
    case CNN__BMP_RLE4:
        known = r->bits == 4;
        break;
    case CNN__BMP_BITFIELDS:
    case CNN__BMP_ALPHA_BITFIELDS:
        known = (r->bits == 16 || r->bits == 32) && r->header >= INFO_HEADER && r->header != OS2_HEADER;
        break;
    default:
        break;
    }
    if (!known) {
        return cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED,
                         "%s: BMP of %u bits with compression %u%s is not supported", r->source->name, r->bits,
                         r->compression,
                         r->compression == CNN__BMP_EMBEDDED_JPEG  ? " (JPEG)"
                         : r->compression == CNN__BMP_EMBEDDED_PNG ? " (PNG)"
                                                                   : "");
    }
    if (r->width == 0 || r->height == 0) {
        return cnn__bmp_fail(r, CNN_ERROR_FORMAT, "no pixels");
    }
    if (r->top_down && (r->compression == CNN__BMP_RLE8 || r->compression == CNN__BMP_RLE4)) {
        return cnn__bmp_fail(r, CNN_ERROR_FORMAT, "run-length coded from top to bottom");
    }
    return CNN_OK;
}

static cnn_status read_header(cnn__bmp *r)
{
    const size_t size = r->source->size;
    if (size < FILE_HEADER + CORE_HEADER) {
        return cnn__bmp_fail(r, CNN_ERROR_TRUNCATED, "the file ends within the header");
    }
    r->pixels_at = cnn__bmp_get32(r, 10);
    r->header = cnn__bmp_get32(r, FILE_HEADER);
    if (r->header != CORE_HEADER && (r->header < 16 || r->header > 1024)) {
        return cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED, "%s: BMP with a header of %u bytes",
                         r->source->name, r->header);
    }
    size_t at = FILE_HEADER + (size_t)r->header, masks = 0;
    if (size < at) {
        return cnn__bmp_fail(r, CNN_ERROR_TRUNCATED, "the file ends within the header");
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

static uint32_t bits_of(const cnn__bmp_mask *m) { return (uint32_t)__builtin_popcount(m->bits); }

static void fill_info(const cnn__bmp *r, cnn_image_info *info)
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

cnn_status cnn__bmp_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image)
{
    cnn__bmp r = {.source = source, .request = request};
    cnn_status status = read_header(&r);
    if (status == CNN_OK) {
        fill_info(&r, info);
        status = image != NULL ? cnn__bmp_read_pixels(&r) : CNN_OK;
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
