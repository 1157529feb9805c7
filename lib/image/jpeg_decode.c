/* SPDX-License-Identifier: MIT */
/* JPEG by libjpeg-turbo. Its errors leave by longjmp, which does not get out of this file; a warning is an error,
 * because what libjpeg warns of it has filled in with grey. */
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/codec.h"

/* Scans of a progressive image; a file of a few MB could ask for 80,000 passes over all of its pixels. */
#define MAX_SCANS 100
/* What libjpeg may use beside the coefficients of a multi-scan image, in bytes. */
#define WORKSPACE (16u << 20)
#define ROWS_PER_CALL 16

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const cnn__source *source;
    const cnn__decode_request *request;
    cnn_image_info *info;
    cnn_image *image;
    uint8_t *row; /* one row as libjpeg gives it, where that is not the image's form */
    cnn_status status;
} reader;

static reader *reader_of(j_common_ptr jpeg) { return jpeg->client_data; }

static size_t offset_of(const reader *r)
{
    return r->jpeg.src != NULL ? r->source->size - r->jpeg.src->bytes_in_buffer : 0;
}

static void leave(reader *r, cnn_status status)
{
    r->status = status;
    longjmp(r->escape, 1);
}

static cnn_status status_of(int code)
{
    switch (code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY:
        return CNN_ERROR_TRUNCATED;
    case JERR_OUT_OF_MEMORY:
        return CNN_ERROR_OUT_OF_MEMORY;
    case JERR_NO_BACKING_STORE:
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        return CNN_ERROR_LIMIT;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
        return CNN_ERROR_UNSUPPORTED;
    default:
        return CNN_ERROR_FORMAT;
    }
}

static void fail_with_message(j_common_ptr jpeg)
{
    reader *r = reader_of(jpeg);
    int code = jpeg->err->msg_code;
    if (code == JERR_IMAGE_TOO_BIG) {
        cnn_status status = cnn__check_size(r->source, &r->request->limits, r->jpeg.image_width, r->jpeg.image_height);
        if (status != CNN_OK) {
            leave(r, status);
        }
    }
    if (code == JERR_BAD_PRECISION) {
        leave(r, cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED, "%s: %d-bit JPEG is not supported, 8 bits are",
                           r->source->name, r->jpeg.data_precision));
    }
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    leave(r, cnn__fail(r->source->context, status_of(code), "%s: JPEG at byte %zu: %s", r->source->name, offset_of(r),
                       text));
}

static void on_message(j_common_ptr jpeg, int level)
{
    reader *r = reader_of(jpeg);
    if (level >= 0) {
        return; /* tracing */
    }
    if (jpeg->err->msg_code == JWRN_JFIF_MAJOR) {
        char text[JMSG_LENGTH_MAX];
        jpeg->err->format_message(jpeg, text);
        cnn__log(r->source->context, CNN_LOG_WARNING, "%s: %s", r->source->name, text);
        return; /* only a number that says nothing about the data */
    }
    fail_with_message(jpeg);
}

static void output_nothing(j_common_ptr jpeg) { (void)jpeg; }

/* Called between the rows of every scan that libjpeg collects before it gives pixels. */
static void count_scans(j_common_ptr jpeg)
{
    reader *r = reader_of(jpeg);
    if (r->jpeg.input_scan_number > MAX_SCANS) {
        leave(r, cnn__fail(r->source->context, CNN_ERROR_LIMIT, "%s: JPEG at byte %zu: scan %d, at most %d are decoded",
                           r->source->name, offset_of(r), r->jpeg.input_scan_number, MAX_SCANS));
    }
}

static uint32_t read_orientation(const struct jpeg_decompress_struct *jpeg)
{
    static const uint8_t tag[6] = "Exif\0";
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker != NULL; marker = marker->next) {
        if (marker->data_length > sizeof(tag) && memcmp(marker->data, tag, sizeof(tag)) == 0) {
            return cnn__exif_orientation(marker->data + sizeof(tag), marker->data_length - sizeof(tag));
        }
    }
    return 1;
}

static cnn_image_color color_of(J_COLOR_SPACE space)
{
    switch (space) {
    case JCS_GRAYSCALE:
        return CNN_COLOR_GREY;
    case JCS_RGB:
        return CNN_COLOR_RGB;
    case JCS_YCbCr:
        return CNN_COLOR_YCBCR;
    case JCS_CMYK:
        return CNN_COLOR_CMYK;
    case JCS_YCCK:
        return CNN_COLOR_YCCK;
    default:
        return CNN_COLOR_UNKNOWN;
    }
}

static cnn_status read_header(reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const cnn__source *source = r->source;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &r->progress;
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_mem_src(jpeg, source->data, (unsigned long)source->size);
    jpeg_read_header(jpeg, TRUE);

    cnn_image_info *info = r->info;
    info->format = CNN_IMAGE_JPEG;
    info->width = jpeg->image_width;
    info->height = jpeg->image_height;
    info->bits = (uint32_t)jpeg->data_precision;
    info->color = color_of(jpeg->jpeg_color_space);
    info->orientation = read_orientation(jpeg);
    info->progressive = jpeg->progressive_mode ? 1 : 0;
    if (jpeg->arith_code) {
        return cnn__fail(source->context, CNN_ERROR_UNSUPPORTED, "%s: JPEG with arithmetic coding is not supported",
                         source->name);
    }
    if (info->color == CNN_COLOR_UNKNOWN) {
        return cnn__fail(source->context, CNN_ERROR_UNSUPPORTED,
                         "%s: JPEG of %d components is not supported, 1, 3 and 4 are", source->name,
                         jpeg->num_components);
    }
    return CNN_OK;
}

static uint64_t scaled(uint64_t side, unsigned eighths) { return (side * eighths + 7) / 8; }

/* Whether `eighths` leave that size. */
static bool leaves(const reader *r, unsigned eighths, uint64_t width, uint64_t height)
{
    return scaled(r->jpeg.image_width, eighths) >= width && scaled(r->jpeg.image_height, eighths) >= height;
}

/* The smallest of 1/8, 2/8, 4/8 and 8/8 that leaves twice the size that is asked for; or, where that has more pixels
 * than the limit, the largest within it that leaves once that size. */
static unsigned scale_eighths(const reader *r)
{
    uint64_t width = r->request->minimum_width, height = r->request->minimum_height;
    if (width == 0 || height == 0) {
        return 8;
    }
    if (r->request->apply_orientation && r->info->orientation >= 5) {
        uint64_t side = width;
        width = height;
        height = side;
    }
    unsigned eighths = r->request->prefer_full ? 8 : 1;
    while (eighths < 8 && !leaves(r, eighths, 2 * width, 2 * height)) {
        eighths *= 2;
    }
    while (eighths > 1 && leaves(r, eighths / 2, width, height) &&
           scaled(r->jpeg.image_width, eighths) * scaled(r->jpeg.image_height, eighths) >
               r->request->limits.max_pixels) {
        eighths /= 2;
    }
    return eighths;
}

/* Pillow's CMYK to RGB. Adobe's files hold ink inverted: 255 is none. */
static void cmyk_row_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count, bool inverted)
{
    const uint8_t turn = inverted ? 255 : 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t white = 255u - (cmyk[4 * i + 3] ^ turn);
        for (size_t c = 0; c < 3; c++) {
            uint32_t product = (uint32_t)(cmyk[4 * i + c] ^ turn) * white + 128;
            uint32_t ink = ((product >> 8) + product) >> 8;
            rgb[3 * i + c] = (uint8_t)(white > ink ? white - ink : 0);
        }
    }
}

/* Rows in the form that the image has, straight into it. */
static void read_rows(reader *r)
{
    size_t stride = (size_t)r->image->width * r->image->channels;
    JSAMPROW rows[ROWS_PER_CALL];
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JDIMENSION left = r->jpeg.output_height - r->jpeg.output_scanline;
        JDIMENSION count = left < ROWS_PER_CALL ? left : ROWS_PER_CALL;
        for (JDIMENSION i = 0; i < count; i++) {
            rows[i] = r->image->pixels + (r->jpeg.output_scanline + i) * stride;
        }
        jpeg_read_scanlines(&r->jpeg, rows, count);
    }
}

/* Rows of CMYK, or of RGB for a grey image, by way of r->row. */
static void convert_rows(reader *r)
{
    size_t width = r->image->width;
    bool cmyk = r->jpeg.out_color_space == JCS_CMYK;
    uint8_t *rgb = r->row + 4 * width;
    for (uint32_t y = 0; y < r->image->height; y++) {
        JSAMPROW row = r->row;
        jpeg_read_scanlines(&r->jpeg, &row, 1);
        uint8_t *pixels = r->image->pixels + y * width * r->image->channels;
        if (cmyk && r->image->channels == 3) {
            cmyk_row_to_rgb(row, pixels, width, r->jpeg.saw_Adobe_marker);
        } else if (cmyk) {
            cmyk_row_to_rgb(row, rgb, width, r->jpeg.saw_Adobe_marker);
            cnn__image_grey_row(rgb, pixels, width);
        } else {
            cnn__image_grey_row(row, pixels, width);
        }
    }
}

/* Room for the coefficients of all components at full size, twice because of padding. */
static long memory_limit(const struct jpeg_decompress_struct *jpeg)
{
    uint64_t coefficients = (uint64_t)jpeg->image_width * jpeg->image_height * (uint64_t)jpeg->num_components;
    uint64_t bytes = coefficients * sizeof(JCOEF) * 2 + WORKSPACE;
    return bytes < LONG_MAX ? (long)bytes : LONG_MAX;
}

static cnn_status read_pixels(reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const cnn__decode_request *request = r->request;
    const unsigned eighths = scale_eighths(r);
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &request->limits, scaled(jpeg->image_width, eighths),
                                         scaled(jpeg->image_height, eighths)));
    bool cmyk = jpeg->num_components == 4;
    bool direct = !cmyk && (request->channels == 3 || jpeg->num_components == 1);
    jpeg->out_color_space = cmyk ? JCS_CMYK : direct && request->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->scale_num = eighths;
    jpeg->scale_denom = 8;
    jpeg->mem->max_memory_to_use = memory_limit(jpeg);
    jpeg_start_decompress(jpeg);
    CNN__RETURN_IF_ERROR(
        cnn__image_allocate(r->source->context, jpeg->output_width, jpeg->output_height, request->channels, &r->image));
    if (direct) {
        read_rows(r);
    } else {
        r->row = cnn__alloc_array(r->source->context, jpeg->output_width, 4 + 3);
        if (r->row == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        convert_rows(r);
    }
    /* Reads to the end-of-image marker: without it the file is cut short. */
    jpeg_finish_decompress(jpeg);
    return CNN_OK;
}

/* Has no variables of its own, which a longjmp would leave indeterminate. */
static void run(reader *r, bool pixels)
{
    if (setjmp(r->escape) == 0) {
        r->status = read_header(r);
        if (r->status == CNN_OK && pixels) {
            r->status = read_pixels(r);
        }
    }
}

cnn_status cnn__jpeg_decode(const cnn__source *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image)
{
    reader r;
    memset(&r, 0, sizeof(r));
    r.source = source;
    r.request = request;
    r.info = info;
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = fail_with_message;
    r.errors.emit_message = on_message;
    r.errors.output_message = output_nothing;
    r.progress.progress_monitor = count_scans;
    run(&r, image != NULL);
    jpeg_destroy_decompress(&r.jpeg);
    cnn__free(source->context, r.row);
    if (r.status != CNN_OK) {
        cnn_image_free(r.image);
    } else if (image != NULL) {
        *image = r.image;
    }
    return r.status;
}
