/* SPDX-License-Identifier: MIT */
/* PNG by libpng. Its errors leave by longjmp, which does not get out of this file. */
#include <setjmp.h>
#include <string.h>

#include <png.h>

#include "image/codec.h"

#define SIGNATURE_SIZE 8
/* Chunks that libpng may keep; all but the palette and the image are skipped anyway. */
#define MAX_CHUNKS 128

typedef struct reader {
    png_structp png;
    png_infop png_info;
    jmp_buf escape;
    const cnn__source *source;
    size_t offset; /* next byte to read */
    cnn_image *image;
    cnn_status status;
} reader;

static void leave(reader *r, cnn_status status)
{
    r->status = status;
    longjmp(r->escape, 1);
}

/* libpng starts the messages about a chunk with its name. */
static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    const cnn__source *source = r->source;
    if (strstr(text, ": CRC error") != NULL) {
        leave(r, cnn__fail(source->context, CNN_ERROR_FORMAT, "%s: PNG at byte %zu: %.4s CRC is wrong", source->name,
                           r->offset, text));
    }
    cnn_status status = strstr(text, "memory") != NULL ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_FORMAT;
    leave(r, cnn__fail(source->context, status, "%s: PNG at byte %zu: %s", source->name, r->offset, text));
}

static void on_warning(png_structp png, png_const_charp text)
{
    const reader *r = png_get_error_ptr(png);
    cnn__log(r->source->context, CNN_LOG_WARNING, "%s: PNG: %s", r->source->name, text);
}

static void read_bytes(png_structp png, png_bytep data, size_t size)
{
    reader *r = png_get_io_ptr(png);
    if (size > r->source->size - r->offset) {
        leave(r, cnn__fail(r->source->context, CNN_ERROR_TRUNCATED,
                           "%s: PNG at byte %zu: %zu bytes are missing at the end", r->source->name, r->offset,
                           size - (r->source->size - r->offset)));
    }
    memcpy(data, r->source->data + r->offset, size);
    r->offset += size;
}

/* The eXIf chunk, which may come before or after the image; libpng is told to skip it. */
static uint32_t read_orientation(const cnn__source *source)
{
    const uint8_t *data = source->data;
    for (size_t at = SIGNATURE_SIZE; source->size - at >= 12;) {
        size_t length = png_get_uint_32(data + at);
        if (length > source->size - at - 12) {
            break;
        }
        if (memcmp(data + at + 4, "eXIf", 4) == 0) {
            return cnn__exif_orientation(data + at + 8, length);
        }
        at += length + 12;
    }
    return 1;
}

static cnn_image_color color_of(int type)
{
    if (type == PNG_COLOR_TYPE_PALETTE) {
        return CNN_COLOR_PALETTE;
    }
    return (type & PNG_COLOR_MASK_COLOR) != 0 ? CNN_COLOR_RGB : CNN_COLOR_GREY;
}

static cnn_status create(reader *r)
{
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->png_info = r->png != NULL ? png_create_info_struct(r->png) : NULL;
    if (r->png_info == NULL) {
        return cnn__fail(r->source->context, CNN_ERROR_OUT_OF_MEMORY, "%s: PNG: out of memory", r->source->name);
    }
    png_set_read_fn(r->png, r, read_bytes);
    /* Damage is an error, also where libpng could go on; text, profiles and gamma are skipped unread. */
    png_set_benign_errors(r->png, 0);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_chunk_cache_max(r->png, MAX_CHUNKS);
    /* The library's own limits apply, which say so in its own words; nothing is allocated by a chunk's length. */
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(r->png, PNG_UINT_31_MAX);
    return CNN_OK;
}

static void read_header(reader *r, cnn_image_info *info)
{
    png_read_info(r->png, r->png_info);
    int type = png_get_color_type(r->png, r->png_info);
    info->format = CNN_IMAGE_PNG;
    info->width = png_get_image_width(r->png, r->png_info);
    info->height = png_get_image_height(r->png, r->png_info);
    info->bits = png_get_bit_depth(r->png, r->png_info);
    info->color = color_of(type);
    info->has_alpha = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(r->png, r->png_info, PNG_INFO_tRNS) != 0 ? 1
                                                                                                                   : 0;
    info->progressive = png_get_interlace_type(r->png, r->png_info) != PNG_INTERLACE_NONE ? 1 : 0;
    info->orientation = read_orientation(r->source);
}

/* Rows of 8-bit grey or RGB, whatever the file has. */
static void set_transforms(const reader *r, const cnn_image_info *info, uint32_t channels)
{
    png_set_strip_16(r->png);
    if (info->color == CNN_COLOR_PALETTE) {
        png_set_palette_to_rgb(r->png);
    } else if (info->color == CNN_COLOR_GREY) {
        png_set_expand_gray_1_2_4_to_8(r->png);
    }
    png_set_strip_alpha(r->png);
    if (info->color == CNN_COLOR_GREY && channels == 3) {
        png_set_gray_to_rgb(r->png);
    }
}

static cnn_status read_pixels(reader *r, const cnn__decode_request *request, const cnn_image_info *info)
{
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &request->limits, info->width, info->height));
    uint32_t channels = info->color == CNN_COLOR_GREY ? request->channels : 3;
    set_transforms(r, info, channels);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->png_info);
    size_t stride = (size_t)info->width * channels;
    if (png_get_rowbytes(r->png, r->png_info) != stride) {
        return cnn__fail(r->source->context, CNN_ERROR_INTERNAL, "%s: PNG: rows of %zu bytes, expected %zu",
                         r->source->name, png_get_rowbytes(r->png, r->png_info), stride);
    }
    CNN__RETURN_IF_ERROR(cnn__image_allocate(r->source->context, info->width, info->height, channels, &r->image));
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < info->height; y++) {
            png_read_row(r->png, r->image->pixels + y * stride, NULL);
        }
    }
    png_read_end(r->png, NULL);
    return cnn__image_convert(&r->image, request->channels);
}

/* Has no variables of its own, which a longjmp would leave indeterminate. */
static void run(reader *r, const cnn__decode_request *request, cnn_image_info *info, bool pixels)
{
    if (setjmp(r->escape) == 0) {
        r->status = create(r);
        if (r->status == CNN_OK) {
            read_header(r, info);
            r->status = pixels ? read_pixels(r, request, info) : CNN_OK;
        }
    }
}

cnn_status cnn__png_decode(const cnn__source *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image)
{
    reader r;
    memset(&r, 0, sizeof(r));
    r.source = source;
    run(&r, request, info, image != NULL);
    png_destroy_read_struct(&r.png, &r.png_info, NULL);
    if (r.status != CNN_OK) {
        cnn_image_free(r.image);
    } else if (image != NULL) {
        *image = r.image;
    }
    return r.status;
}
