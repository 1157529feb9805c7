/* SPDX-License-Identifier: MIT */
/* JPEG by libjpeg-turbo. Its errors leave by longjmp, which does not get out of this file; a warning is an error where
 * libjpeg has filled in with grey what it warns of, and a note where no pixel is lost. */
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "core/limits.h"
#include "image/codec.h"

/* What libjpeg may use beside the coefficients of a multi-scan image, in bytes. */
#define WORKSPACE (16u << 20)
#define ROWS_PER_CALL 16

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const cnn__encoded *source;
    const cnn__decode_request *request;
    cnn_image_info *info;
    cnn_image *image;
    uint32_t noted; /* warnings that are notes, a bit for each; the first of a kind is enough */
    uint8_t *row;   /* one row as libjpeg gives it, where that is not the image's form */
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

/* A scan of a progressive image that is not the one that was due: whether bits of the coefficient that libjpeg names
 * are lost. (Whether the constant terms come at all is seen when all scans are read.) */
static bool loses_bits(const struct jpeg_decompress_struct *jpeg)
{
    const int component = jpeg->err->msg_parm.i[0], term = jpeg->err->msg_parm.i[1];
    if (term == 0 && jpeg->Ss > 0) {
        return false; /* only says that the constant terms are not there yet */
    }
    const int last = jpeg->coef_bits[component][term]; /* the lowest bit that came; -1: none */
    if (jpeg->Ah == 0) {
        return last < jpeg->Al; /* sent once more from the highest bit on: as many bits as before must come */
    }
    /* Refined: bits in between are missing. Refined twice: harmless to constant terms alone, as the codes of the others
     * depend on which are zero. */
    return term > 0 || last < 0 || last > jpeg->Ah;
}

/* Decides each of libjpeg's warnings by whether pixels can be lost. */
static bool loses_pixels(const struct jpeg_decompress_struct *jpeg)
{
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA: /* bytes that belong to no segment are passed over; all blocks before them were there */
    case JWRN_NOT_SEQUENTIAL:  /* a baseline scan's spectral range, which has one legal value and is not used */
    case JWRN_ADOBE_XFORM:     /* a number for the colours that nobody defined: the usual ones are taken */
    case JWRN_JFIF_MAJOR:      /* a version that says nothing about the data */
    case JWRN_BOGUS_ICC:       /* profiles are not applied */
        return false;
    case JWRN_BOGUS_PROGRESSION:
        return loses_bits(jpeg);
    default:
        /* Blocks are made up: JWRN_HIT_MARKER, JWRN_JPEG_EOF, JWRN_HUFF_BAD_CODE, JWRN_ARITH_BAD_CODE; or lie in the
         * wrong place: JWRN_MUST_RESYNC. And what a later libjpeg may bring. */
        return true;
    }
}

static void on_message(j_common_ptr jpeg, int level)
{
    reader *r = reader_of(jpeg);
    if (level >= 0) {
        return; /* tracing */
    }
    if (loses_pixels(&r->jpeg)) {
        fail_with_message(jpeg);
    }
    const uint32_t bit = 1u << ((unsigned)(jpeg->err->msg_code - JWRN_ADOBE_XFORM) & 31);
    if ((r->noted & bit) != 0) {
        return;
    }
    r->noted |= bit;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    /* "Corrupt JPEG data: " and "Warning: " say more than is so. */
    const char *colon = strstr(text, ": ");
    cnn__image_note(r->source, "JPEG: %s", colon != NULL ? colon + 2 : text);
}

static void output_nothing(j_common_ptr jpeg) { (void)jpeg; }

/* Called between the rows of every scan that libjpeg collects before it gives pixels. */
static void count_scans(j_common_ptr jpeg)
{
    reader *r = reader_of(jpeg);
    /* A file of a few MB could ask for 80,000 passes over all of its pixels. */
    const int most = (int)cnn__limit(r->source->context, CNN__LIMIT_JPEG_SCANS);
    if (r->jpeg.input_scan_number > most) {
        leave(r, cnn__fail(r->source->context, CNN_ERROR_LIMIT,
                           "%s: JPEG at byte %zu: scan %d, at most %d are decoded, " CNN__LIMIT_TEXT("jpeg_scans"),
                           r->source->name, offset_of(r), r->jpeg.input_scan_number, most));
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
    const cnn__encoded *source = r->source;
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

static uint64_t scaled(JDIMENSION side, unsigned eighths) { return ((uint64_t)side * eighths + 7) / 8; }

/* The smallest of 1/8, 2/8, 4/8 and 8/8 that leaves at least this size. */
static unsigned least_eighths(const reader *r, uint64_t width, uint64_t height)
{
    unsigned eighths = 1;
    while (eighths < 8 &&
           (scaled(r->jpeg.image_width, eighths) < width || scaled(r->jpeg.image_height, eighths) < height)) {
        eighths *= 2;
    }
    return eighths;
}

static bool fits(const reader *r, unsigned eighths)
{
    return cnn__size_fits(&r->request->limits, scaled(r->jpeg.image_width, eighths),
                          scaled(r->jpeg.image_height, eighths));
}

/* The scale that leaves twice the size that is asked for, or once that size where twice is over the limits. */
static cnn_status choose_scale(reader *r)
{
    const cnn__decode_request *request = r->request;
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    uint64_t width = request->minimum_width, height = request->minimum_height;
    unsigned eighths = 8;
    if (width != 0 && height != 0 && (!request->only_over_limit || !fits(r, 8))) {
        if (request->apply_orientation && r->info->orientation >= 5) {
            uint64_t side = width;
            width = height;
            height = side;
        }
        const unsigned least = least_eighths(r, width, height);
        for (eighths = least_eighths(r, 2 * width, 2 * height); eighths > least && !fits(r, eighths);) {
            eighths /= 2;
        }
    }
    jpeg->scale_num = eighths;
    jpeg->scale_denom = 8;
    return fits(r, eighths) ? CNN_OK
                            : cnn__check_size(r->source, &request->limits, jpeg->image_width, jpeg->image_height);
}

/* An image of several scans is in memory as coefficients in full, whatever its scale: as many as an image at the limit
 * may have with four components. */
static cnn_status check_coefficients(const reader *r)
{
    const struct jpeg_decompress_struct *jpeg = &r->jpeg;
    uint64_t coefficients = 0, most = r->request->limits.max_pixels;
    for (int i = 0; i < jpeg->num_components; i++) {
        const jpeg_component_info *component = &jpeg->comp_info[i];
        coefficients += (uint64_t)component->width_in_blocks * component->height_in_blocks * DCTSIZE2;
    }
    if (!jpeg_has_multiple_scans((j_decompress_ptr)jpeg) || fits(r, 8) || coefficients / 4 <= most) {
        return CNN_OK;
    }
    return cnn__fail(r->source->context, CNN_ERROR_LIMIT,
                     "%s: progressive JPEG of %u x %u: its %llu coefficients are more than 4 x %llu pixels, the limit "
                     "max_pixels (--max-pixels raises it)",
                     r->source->name, jpeg->image_width, jpeg->image_height, (unsigned long long)coefficients,
                     (unsigned long long)most);
}

/* A component of which no scan brought the constant terms would be grey. */
static cnn_status check_scans(const reader *r)
{
    const struct jpeg_decompress_struct *jpeg = &r->jpeg;
    for (int i = 0; jpeg->progressive_mode && jpeg->coef_bits != NULL && i < jpeg->num_components; i++) {
        if (jpeg->coef_bits[i][0] < 0) {
            return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: JPEG: no scan has the pixels of component %d",
                             r->source->name, i + 1);
        }
    }
    return CNN_OK;
}

void cnn__cmyk_row_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count, bool inverted)
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
            cnn__cmyk_row_to_rgb(row, pixels, width, r->jpeg.saw_Adobe_marker);
        } else if (cmyk) {
            cnn__cmyk_row_to_rgb(row, rgb, width, r->jpeg.saw_Adobe_marker);
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
    CNN__RETURN_IF_ERROR(choose_scale(r));
    CNN__RETURN_IF_ERROR(check_coefficients(r));
    bool cmyk = jpeg->num_components == 4;
    bool direct = !cmyk && (request->channels == 3 || jpeg->num_components == 1);
    jpeg->out_color_space = cmyk ? JCS_CMYK : direct && request->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->mem->max_memory_to_use = memory_limit(jpeg);
    jpeg_start_decompress(jpeg);
    CNN__RETURN_IF_ERROR(check_scans(r));
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

cnn_status cnn__jpeg_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
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
