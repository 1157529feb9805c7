/* SPDX-License-Identifier: MIT */
/* PNG by libpng. Its errors leave by longjmp, which does not get out of this file. */
#include <setjmp.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "core/limits.h"
#include "image/codec.h"

#define SIGNATURE_SIZE 8

typedef struct reader {
    png_structp png;
    png_infop png_info;
    jmp_buf escape;
    const cnn__encoded *source;
    size_t offset; /* next byte to read */
    cnn_image *image;
    cnn__alpha alpha;
    uint8_t *rows;       /* of RGBA or of 16-bit samples: one, or of an interlaced image all */
    uint16_t *words;     /* a row of 16-bit samples */
    bool largest_window; /* the zlib stream's own word on its window is not taken */
    bool complete;       /* all pixels are there */
    bool window_failed;  /* the stream reaches further back than its window */
    cnn_status status;
} reader;

static void leave(reader *r, cnn_status status)
{
    r->status = status;
    longjmp(r->escape, 1);
}

/* After the last pixel only the image's own checksums matter: those of IDAT. */
static bool is_harmless(const reader *r, const char *text)
{
    return r->complete && strncmp(text, "IDAT", 4) != 0 && strstr(text, "memory") == NULL;
}

/* libpng starts the messages about a chunk with its name. */
static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    const cnn__encoded *source = r->source;
    if (is_harmless(r, text)) {
        cnn__image_note(source, "PNG: %s", text);
        leave(r, CNN_OK);
    }
    if (!r->largest_window && strstr(text, "too far back") != NULL) {
        r->window_failed = true;
        leave(r, CNN_ERROR_FORMAT); /* and once more with the largest one */
    }
    if (strstr(text, ": CRC error") != NULL) {
        leave(r, cnn__fail(source->context, CNN_ERROR_FORMAT, "%s: PNG at byte %zu: %.4s CRC is wrong", source->name,
                           r->offset, text));
    }
    cnn_status status = strstr(text, "memory") != NULL ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_FORMAT;
    leave(r, cnn__fail(source->context, status, "%s: PNG at byte %zu: %s", source->name, r->offset, text));
}

/* Benign errors come here too: libpng passes over what has no business there (a palette beside grey, transparency
 * beside alpha), over bytes after the compressed data and over auxiliary chunks that are damaged. Only the checksum of
 * the pixels, which libpng looks at when it has them all, is no warning. */
static void on_warning(png_structp png, png_const_charp text)
{
    const reader *r = png_get_error_ptr(png);
    if (strstr(text, "incorrect data check") != NULL) {
        on_error(png, text);
    }
    cnn__image_note(r->source, "PNG: %s", text);
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
static uint32_t read_orientation(const cnn__encoded *source)
{
    const uint8_t *data = source->data;
    for (size_t at = SIGNATURE_SIZE; source->size - at >= 12;) {
        size_t length = png_get_uint_32(data + at);
        if (length > source->size - at - 12) {
            break;
        }
        if (memcmp(data + at + 4, "eXIf", 4) == 0) {
            if (crc32(0, data + at + 4, (uInt)(length + 4)) != png_get_uint_32(data + at + 8 + length)) {
                return 1;
            }
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
    /* Damage to what pixels are made of is an error; text, profiles and gamma are skipped unread. */
    png_set_benign_errors(r->png, 1);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_option(r->png, PNG_MAXIMUM_INFLATE_WINDOW, r->largest_window ? 1 : 0);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    /* Those that libpng may keep; all but the palette and the image are skipped anyway. */
    png_set_chunk_cache_max(r->png, (png_uint_32)cnn__limit(r->source->context, CNN__LIMIT_PNG_CHUNKS));
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

/* Rows of 8-bit grey, RGB or RGBA, whatever the file has. */
static void set_transforms(const reader *r, const cnn_image_info *info, uint32_t channels)
{
    png_set_strip_16(r->png);
    if (info->color == CNN_COLOR_PALETTE) {
        png_set_palette_to_rgb(r->png);
    } else if (info->color == CNN_COLOR_GREY) {
        png_set_expand_gray_1_2_4_to_8(r->png);
    }
    if (info->has_alpha != 0) {
        png_set_tRNS_to_alpha(r->png);
    }
    if (info->color == CNN_COLOR_GREY && channels != 1) {
        png_set_gray_to_rgb(r->png);
    }
}

static cnn_status check_stride(const reader *r, size_t stride)
{
    const size_t found = png_get_rowbytes(r->png, r->png_info);
    return found == stride ? CNN_OK
                           : cnn__fail(r->source->context, CNN_ERROR_INTERNAL,
                                       "%s: PNG: rows of %zu bytes, expected %zu", r->source->name, found, stride);
}

static cnn_status start_rows(reader *r, const cnn_image_info *info, uint32_t channels, int *passes)
{
    set_transforms(r, info, channels);
    *passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->png_info);
    return check_stride(r, (size_t)info->width * channels);
}

static cnn_status read_opaque(reader *r, const cnn__decode_request *request, const cnn_image_info *info)
{
    const uint32_t channels = info->color == CNN_COLOR_GREY ? request->channels : 3;
    const size_t stride = (size_t)info->width * channels;
    int passes;
    CNN__RETURN_IF_ERROR(start_rows(r, info, channels, &passes));
    CNN__RETURN_IF_ERROR(cnn__image_allocate(r->source->context, info->width, info->height, channels, &r->image));
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < info->height; y++) {
            png_read_row(r->png, r->image->pixels + y * stride, NULL);
        }
    }
    return cnn__image_convert(&r->image, request->channels);
}

static void convert_deep(reader *r, const uint8_t *row, uint16_t *words, uint32_t channels, uint32_t y)
{
    const size_t count = (size_t)r->image->width * channels;
    for (size_t i = 0; i < count; i++) {
        words[i] = (uint16_t)(row[2 * i] << 8 | row[2 * i + 1]);
    }
    cnn__deep_row(words, channels, r->image->width, r->image->channels,
                  r->image->values + (size_t)y * r->image->width * r->image->channels);
}

/* Samples of 16 bits with all of them. An interlaced image needs all rows until the last pass. */
static cnn_status read_deep(reader *r, const cnn__decode_request *request, const cnn_image_info *info)
{
    cnn_context *context = r->source->context;
    const uint32_t channels = info->color == CNN_COLOR_GREY ? 1 : 3;
    const size_t stride = (size_t)info->width * channels * 2;
    const int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->png_info);
    CNN__RETURN_IF_ERROR(check_stride(r, stride));
    CNN__RETURN_IF_ERROR(cnn__image_allocate_values(context, info->width, info->height, request->channels, &r->image));
    r->rows = cnn__alloc_array(context, stride, passes > 1 ? info->height : 1);
    r->words = cnn__alloc(context, stride);
    if (r->rows == NULL || r->words == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < info->height; y++) {
            uint8_t *row = r->rows + (passes > 1 ? y * stride : 0);
            png_read_row(r->png, row, NULL);
            if (pass == passes - 1) {
                convert_deep(r, row, r->words, channels, y);
            }
        }
    }
    return CNN_OK;
}

/* By way of rows of RGBA. An interlaced image needs all of them until the last pass. */
static cnn_status read_alpha(reader *r, const cnn__decode_request *request, const cnn_image_info *info)
{
    cnn_context *context = r->source->context;
    const size_t stride = (size_t)info->width * 4;
    int passes;
    CNN__RETURN_IF_ERROR(start_rows(r, info, 4, &passes));
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, info->width, info->height, request->channels, &r->image));
    CNN__RETURN_IF_ERROR(cnn__alpha_begin(&r->alpha, r->source, request, true, r->image));
    r->rows = cnn__alloc_array(context, stride, passes > 1 ? info->height : 1);
    if (r->rows == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < info->height; y++) {
            uint8_t *row = r->rows + (passes > 1 ? y * stride : 0);
            png_read_row(r->png, row, NULL);
            if (pass == passes - 1) {
                cnn__alpha_pixels(&r->alpha, 0, y, row, info->width);
            }
        }
    }
    cnn__alpha_end(&r->alpha);
    return CNN_OK;
}

static cnn_status read_pixels(reader *r, const cnn__decode_request *request, const cnn_image_info *info)
{
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &request->limits, info->width, info->height));
    const bool deep = request->deep && info->bits == 16 && info->has_alpha == 0;
    CNN__RETURN_IF_ERROR(deep                   ? read_deep(r, request, info)
                         : info->has_alpha != 0 ? read_alpha(r, request, info)
                                                : read_opaque(r, request, info));
    r->complete = true;
    png_read_end(r->png, NULL);
    return CNN_OK;
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

static void try(reader *r, const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                bool pixels)
{
    r->source = source;
    run(r, request, info, pixels);
    png_destroy_read_struct(&r->png, &r->png_info, NULL);
    cnn__alpha_free(&r->alpha);
    cnn__free(source->context, r->rows);
    cnn__free(source->context, r->words);
    if (r->status != CNN_OK) {
        cnn_image_free(r->image);
    }
}

cnn_status cnn__png_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                           cnn_image **image)
{
    reader r;
    memset(&r, 0, sizeof(r));
    try(&r, source, request, info, image != NULL);
    if (r.window_failed) {
        memset(&r, 0, sizeof(r));
        r.largest_window = true;
        try(&r, source, request, info, image != NULL);
        if (r.status == CNN_OK) {
            cnn__image_note(source, "PNG: the window of the compressed data is larger than it says");
        }
    }
    if (r.status == CNN_OK && image != NULL) {
        *image = r.image;
    }
    return r.status;
}
