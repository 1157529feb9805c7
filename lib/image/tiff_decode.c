/* SPDX-License-Identifier: MIT */
/* TIFF by libtiff: the first image of the file. Errors and warnings come to handlers that belong to this one file; the
 * process-wide ones of libtiff are left alone. */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "image/tiff.h"

/* What libtiff may allocate at once, beside as much as the file is large: tables and rows; strips are read into memory
 * of the image's own size. */
#define WORKSPACE (64 << 20)

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t size)
{
    cnn__tiff *r = handle;
    const size_t left = r->offset < r->source->size ? r->source->size - r->offset : 0;
    const size_t count = (size_t)size < left ? (size_t)size : left;
    r->cut |= count < (size_t)size;
    if (count > 0) {
        memcpy(to, r->source->data + r->offset, count);
    }
    r->offset += count;
    return (tmsize_t)count;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t size)
{
    (void)handle;
    (void)from;
    (void)size;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    cnn__tiff *r = handle;
    const toff_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->offset : r->source->size;
    r->offset = (size_t)(from + offset);
    r->cut |= r->offset > r->source->size;
    return r->offset;
}

static int close_nothing(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t get_size(thandle_t handle)
{
    const cnn__tiff *r = handle;
    return r->source->size;
}

/* 1: handled, so that the process-wide handler is not called. */
static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    cnn__tiff *r = user;
    (void)tiff;
    (void)module;
    if (r->message[0] == '\0') {
        vsnprintf(r->message, sizeof(r->message), format, arguments);
    }
    return 1;
}

/* What is odd about the directory is a note, but tags that libtiff does not know are usual. What a decoder warns of has
 * cost pixels, unless there were only too many bytes. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    cnn__tiff *r = user;
    char text[160];
    (void)tiff;
    (void)module;
    vsnprintf(text, sizeof(text), format, arguments);
    if (strncmp(text, "Unknown field", 13) == 0) {
        return 1;
    }
    if (r->decoding && strstr(text, "extraneous bytes") == NULL && strncmp(text, "Discarding ", 11) != 0) {
        if (r->message[0] == '\0') {
            snprintf(r->message, sizeof(r->message), "%s", text);
        }
        return 1;
    }
    cnn__image_note(r->source, "TIFF: %s", text);
    return 1;
}

/* Also where libtiff says that memory cannot be had: with the limit on what it may ask for that is a number of the file
 * far more often than a lack of memory. */
cnn_status cnn__tiff_fail(const cnn__tiff *r)
{
    char text[sizeof(r->message)];
    return cnn__fail(r->source->context, r->cut ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT, "%s: TIFF: %s",
                     r->source->name,
                     r->message[0] != '\0' ? cnn__printable(r->message, text, sizeof(text)) : "damaged");
}

static cnn_status open_file(cnn__tiff *r)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL) {
        return cnn__fail(r->source->context, CNN_ERROR_OUT_OF_MEMORY, "%s: TIFF: out of memory", r->source->name);
    }
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, r);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(WORKSPACE + r->source->size));
    /* "m": not mapped, so that reading beyond the end is seen here. */
    r->tiff = TIFFClientOpenExt("image", "rm", r, read_bytes, write_nothing, seek, close_nothing, get_size, NULL, NULL,
                                options);
    TIFFOpenOptionsFree(options);
    return r->tiff != NULL ? CNN_OK : cnn__tiff_fail(r);
}

static cnn_status fail_kind(const cnn__tiff *r, const char *what, uint32_t number)
{
    return cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED, "%s: TIFF with %s %u is not supported", r->source->name,
                     what, number);
}

/* Those whose decoders are in common use and bounded by the size of the image. */
static bool compression_is_read(uint16_t compression)
{
    switch (compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW:
    case COMPRESSION_JPEG:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_PACKBITS:
    case COMPRESSION_ZSTD:
        return TIFFIsCODECConfigured(compression) != 0;
    default:
        return false;
    }
}

static cnn_status read_palette(cnn__tiff *r)
{
    uint16_t *planes[3];
    uint16_t largest = 0;
    if (r->bits > 8) {
        return fail_kind(r, "palette indices of bits", r->bits);
    }
    if (!TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &planes[0], &planes[1], &planes[2])) {
        return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: TIFF: no palette", r->source->name);
    }
    for (size_t i = 0; i < (size_t)3 << r->bits; i++) {
        uint16_t value = planes[i % 3][i / 3];
        largest = value > largest ? value : largest;
    }
    /* Old programs wrote 8 bits in place of 16. */
    for (size_t i = 0; i < (size_t)3 << r->bits; i++) {
        r->palette[i / 3][i % 3] = (uint8_t)(planes[i % 3][i / 3] >> (largest < 256 ? 0 : 8));
    }
    return CNN_OK;
}

/* How many samples are colours, and where alpha is. */
static cnn_status read_samples(cnn__tiff *r)
{
    uint16_t extra_count = 0, ink_set = INKSET_CMYK, *extra = NULL;
    r->colors = 1;
    if (r->photometric == PHOTOMETRIC_RGB || r->photometric == PHOTOMETRIC_YCBCR ||
        r->photometric == PHOTOMETRIC_CIELAB) {
        r->colors = 3;
    } else if (r->photometric == PHOTOMETRIC_SEPARATED) {
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_INKSET, &ink_set);
        r->colors = 4;
    }
    if (r->samples < r->colors || r->samples > CNN__TIFF_SAMPLES || ink_set != INKSET_CMYK) {
        return fail_kind(r, ink_set != INKSET_CMYK ? "set of inks" : "samples for each pixel:",
                         ink_set != INKSET_CMYK ? ink_set : r->samples);
    }
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    if (r->samples > r->colors && extra_count > 0 &&
        (extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA)) {
        r->alpha_kind = extra[0];
    }
    return CNN_OK;
}

static cnn_status check_kind(cnn__tiff *r)
{
    uint16_t format = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    if (!compression_is_read(r->compression)) {
        return fail_kind(r, "compression", r->compression);
    }
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
        return fail_kind(r, "signed or floating-point samples: format", format);
    }
    if (r->bits < 1 || r->bits > 16) {
        return fail_kind(r, "bits for each sample:", r->bits);
    }
    switch (r->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_SEPARATED:
        break;
    case PHOTOMETRIC_PALETTE:
        CNN__RETURN_IF_ERROR(read_palette(r));
        break;
    case PHOTOMETRIC_YCBCR:
    case PHOTOMETRIC_CIELAB:
        if (r->bits != 8) {
            return fail_kind(r, "YCbCr or Lab of bits", r->bits);
        }
        break;
    default:
        return fail_kind(r, "colours of kind", r->photometric);
    }
    return read_samples(r);
}

static void fill_info(const cnn__tiff *r, cnn_image_info *info)
{
    uint16_t orientation = 1;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &orientation);
    info->format = CNN_IMAGE_TIFF;
    info->width = r->width;
    info->height = r->height;
    info->bits = r->bits;
    info->color = r->photometric == PHOTOMETRIC_PALETTE     ? CNN_COLOR_PALETTE
                  : r->photometric == PHOTOMETRIC_SEPARATED ? CNN_COLOR_CMYK
                  : r->photometric == PHOTOMETRIC_YCBCR     ? CNN_COLOR_YCBCR
                  : r->photometric == PHOTOMETRIC_CIELAB    ? CNN_COLOR_UNKNOWN
                  : r->colors == 3                          ? CNN_COLOR_RGB
                                                            : CNN_COLOR_GREY;
    info->has_alpha = r->alpha_kind != 0 ? 1 : 0;
    info->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
}

static cnn_status read_header(cnn__tiff *r, cnn_image_info *info)
{
    CNN__RETURN_IF_ERROR(open_file(r));
    if (!TIFFGetField(r->tiff, TIFFTAG_IMAGEWIDTH, &r->width) ||
        !TIFFGetField(r->tiff, TIFFTAG_IMAGELENGTH, &r->height) || r->width == 0 || r->height == 0) {
        return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: TIFF: no pixels", r->source->name);
    }
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_BITSPERSAMPLE, &r->bits);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLESPERPIXEL, &r->samples);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_COMPRESSION, &r->compression);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_PLANARCONFIG, &r->planes);
    if (!TIFFGetField(r->tiff, TIFFTAG_PHOTOMETRIC, &r->photometric)) {
        return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: TIFF: it does not say what its colours are",
                         r->source->name);
    }
    CNN__RETURN_IF_ERROR(check_kind(r));
    fill_info(r, info);
    return CNN_OK;
}

cnn_status cnn__tiff_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image)
{
    cnn__tiff r = {.source = source, .request = request};
    cnn_status status = read_header(&r, info);
    if (status == CNN_OK && image != NULL) {
        status = cnn__tiff_read_pixels(&r);
    }
    if (r.tiff != NULL) {
        TIFFClose(r.tiff);
    }
    cnn__alpha_free(&r.alpha);
    cnn__free(source->context, r.blocks);
    cnn__free(source->context, r.row);
    if (status != CNN_OK) {
        cnn_image_free(r.image);
    } else if (image != NULL) {
        *image = r.image;
    }
    return status;
}
