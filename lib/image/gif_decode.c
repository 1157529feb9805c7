/* SPDX-License-Identifier: MIT */
/* GIF by giflib: the first image on its canvas. */
#include <string.h>

#include <gif_lib.h>

#include "image/codec.h"

typedef struct reader {
    const cnn__encoded *source;
    const cnn__decode_request *request;
    GifFileType *gif;
    size_t offset; /* next byte to read */
    bool cut;      /* a read went beyond the end */
    int transparent;
    uint32_t width, height; /* of the canvas, which holds the screen and the image */
    uint8_t palette[256][4];
    uint32_t colors;
    bool beyond_palette;
    cnn__alpha alpha;
    cnn_image *image;
    GifPixelType *indices; /* of the image, all */
    uint8_t *row;          /* RGBA, as wide as the canvas */
} reader;

static int read_bytes(GifFileType *gif, GifByteType *to, int size)
{
    reader *r = gif->UserData;
    const size_t left = r->source->size - r->offset;
    const size_t count = (size_t)size < left ? (size_t)size : left;
    r->cut |= count < (size_t)size;
    memcpy(to, r->source->data + r->offset, count);
    r->offset += count;
    return (int)count;
}

static cnn_status fail_with(const reader *r, int error)
{
    const char *text = GifErrorString(error);
    cnn_status status = r->cut ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT;
    if (error == D_GIF_ERR_NOT_ENOUGH_MEM) {
        status = CNN_ERROR_OUT_OF_MEMORY;
    }
    return cnn__fail(r->source->context, status, "%s: GIF at byte %zu: %s", r->source->name, r->offset,
                     text != NULL ? text : "damaged");
}

static cnn_status read_extension(reader *r)
{
    int code;
    GifByteType *block;
    if (DGifGetExtension(r->gif, &code, &block) == GIF_ERROR) {
        return fail_with(r, r->gif->Error);
    }
    while (block != NULL) {
        GraphicsControlBlock control;
        if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
            r->transparent = control.TransparentColor;
        }
        if (DGifGetExtensionNext(r->gif, &block) == GIF_ERROR) {
            return fail_with(r, r->gif->Error);
        }
    }
    return CNN_OK;
}

/* Up to the first image's own header. */
static cnn_status find_image(reader *r)
{
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(r->gif, &type) == GIF_ERROR) {
            return fail_with(r, r->gif->Error);
        }
        if (type == IMAGE_DESC_RECORD_TYPE) {
            return DGifGetImageDesc(r->gif) == GIF_OK ? CNN_OK : fail_with(r, r->gif->Error);
        }
        if (type == TERMINATE_RECORD_TYPE) {
            return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: GIF without an image", r->source->name);
        }
        if (type == EXTENSION_RECORD_TYPE) {
            CNN__RETURN_IF_ERROR(read_extension(r));
        }
    }
}

static void take_palette(reader *r, const ColorMapObject *map)
{
    for (int i = 0; map != NULL && i < map->ColorCount && i < 256; i++) {
        const uint8_t rgba[4] = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue, 255};
        memcpy(r->palette[i], rgba, 4);
        r->colors = (uint32_t)i + 1;
    }
    if (r->transparent >= 0 && r->transparent < 256) {
        r->palette[r->transparent][3] = 0;
    }
}

/* Whether the picture is all of the screen. */
static bool covers(const reader *r, const GifImageDesc *desc)
{
    return desc->Left == 0 && desc->Top == 0 && (uint32_t)desc->Width == r->width &&
           (uint32_t)desc->Height == r->height;
}

static cnn_status read_header(reader *r, cnn_image_info *info)
{
    int error = 0;
    r->transparent = NO_TRANSPARENT_COLOR;
    r->gif = DGifOpen(r, read_bytes, &error);
    if (r->gif == NULL) {
        return fail_with(r, error);
    }
    CNN__RETURN_IF_ERROR(find_image(r));
    const GifImageDesc *desc = &r->gif->Image;
    if (desc->Width <= 0 || desc->Height <= 0 || desc->Left < 0 || desc->Top < 0) {
        return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: GIF: no pixels", r->source->name);
    }
    const ColorMapObject *map = desc->ColorMap != NULL ? desc->ColorMap : r->gif->SColorMap;
    const int right = desc->Left + desc->Width, bottom = desc->Top + desc->Height;
    r->width = (uint32_t)(r->gif->SWidth > right ? r->gif->SWidth : right);
    r->height = (uint32_t)(r->gif->SHeight > bottom ? r->gif->SHeight : bottom);
    take_palette(r, map);
    info->format = CNN_IMAGE_GIF;
    info->width = r->width;
    info->height = r->height;
    info->bits = map != NULL && map->BitsPerPixel >= 1 && map->BitsPerPixel <= 8 ? (uint32_t)map->BitsPerPixel : 8;
    info->color = CNN_COLOR_PALETTE;
    info->has_alpha = r->transparent != NO_TRANSPARENT_COLOR || !covers(r, desc) ? 1 : 0;
    info->progressive = desc->Interlace ? 1 : 0;
    info->orientation = 1;
    if (map == NULL) {
        return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: GIF without colours", r->source->name);
    }
    return CNN_OK;
}

static cnn_status read_indices(reader *r)
{
    static const uint32_t starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *desc = &r->gif->Image;
    const uint32_t height = (uint32_t)desc->Height;
    const size_t width = (size_t)desc->Width;
    r->indices = cnn__alloc_array(r->source->context, width, height);
    if (r->indices == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t pass = 0; pass < (desc->Interlace ? 4u : 1u); pass++) {
        const uint32_t start = desc->Interlace ? starts[pass] : 0, step = desc->Interlace ? steps[pass] : 1;
        for (uint32_t y = start; y < height; y += step) {
            if (DGifGetLine(r->gif, r->indices + y * width, desc->Width) == GIF_ERROR) {
                return fail_with(r, r->gif->Error);
            }
        }
    }
    return CNN_OK;
}

/* The canvas around the image is transparent, in the colour of the transparent number or else of the background. */
static void fill_row(reader *r)
{
    int index = r->transparent >= 0 && r->transparent < 256 ? r->transparent : r->gif->SBackGroundColor;
    uint8_t rgba[4];
    memcpy(rgba, r->palette[index & 255], 3);
    rgba[3] = 0;
    for (uint32_t x = 0; x < r->width; x++) {
        memcpy(r->row + 4 * (size_t)x, rgba, 4);
    }
}

static void put_rows(reader *r)
{
    const GifImageDesc *desc = &r->gif->Image;
    const uint32_t left = (uint32_t)desc->Left, top = (uint32_t)desc->Top, width = (uint32_t)desc->Width;
    for (uint32_t y = 0; y < r->height; y++) {
        if (y == 0 || y == top + (uint32_t)desc->Height) {
            fill_row(r);
        }
        if (y >= top && y - top < (uint32_t)desc->Height) {
            const GifPixelType *from = r->indices + (size_t)(y - top) * width;
            for (uint32_t x = 0; x < width; x++) {
                r->beyond_palette |= from[x] >= r->colors;
                memcpy(r->row + 4 * ((size_t)left + x), r->palette[from[x]], 4);
            }
        }
        cnn__alpha_pixels(&r->alpha, 0, y, r->row, r->width);
    }
}

static cnn_status read_pixels(reader *r, bool has_alpha)
{
    cnn_context *context = r->source->context;
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &r->request->limits, r->width, r->height));
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, r->width, r->height, r->request->channels, &r->image));
    CNN__RETURN_IF_ERROR(cnn__alpha_begin(&r->alpha, r->source, r->request, has_alpha, r->image));
    r->row = cnn__alloc_array(context, r->width, 4);
    if (r->row == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(read_indices(r));
    put_rows(r);
    cnn__alpha_end(&r->alpha);
    if (r->beyond_palette) {
        cnn__image_note(r->source, "GIF: pixels beyond the palette of %u colours are black", r->colors);
    }
    return CNN_OK;
}

cnn_status cnn__gif_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image)
{
    reader r = {.source = source, .request = request};
    cnn_status status = read_header(&r, info);
    if (status == CNN_OK && image != NULL) {
        status = read_pixels(&r, info->has_alpha != 0);
    }
    if (r.gif != NULL) {
        int error;
        DGifCloseFile(r.gif, &error);
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
