/* SPDX-License-Identifier: MIT */
/* TIFF by libtiff: the first image of the file. Errors and warnings come to handlers that belong to this one file; the
 * process-wide ones of libtiff are left alone. */
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

#include "image/codec.h"

#define MAX_SAMPLES 8
/* What libtiff may allocate at once, beside as much as the file is large: tables and rows; strips are read into memory
 * of the image's own size. */
#define WORKSPACE (64 << 20)

typedef struct reader {
    const cnn__encoded *source;
    const cnn__decode_request *request;
    TIFF *tiff;
    size_t offset;     /* next byte to read */
    bool cut;          /* a read went beyond the end */
    bool decoding;     /* a warning now is about pixels */
    char message[200]; /* the first error */
    uint32_t width, height;
    uint16_t bits, samples, photometric, compression, planes;
    uint32_t colors;     /* samples that are colours */
    uint16_t alpha_kind; /* EXTRASAMPLE_..., 0: none */
    uint8_t palette[256][3];
    cnn__alpha alpha;
    cnn_image *image;
    uint8_t *blocks; /* a strip or tile of each plane */
    uint8_t *row;    /* RGBA, as wide as a block */
} reader;

static tmsize_t read_bytes(thandle_t handle, void *to, tmsize_t size)
{
    reader *r = handle;
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
    reader *r = handle;
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
    const reader *r = handle;
    return r->source->size;
}

/* 1: handled, so that the process-wide handler is not called. */
static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    reader *r = user;
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
    reader *r = user;
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
static cnn_status fail(const reader *r)
{
    char text[sizeof(r->message)];
    return cnn__fail(r->source->context, r->cut ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT, "%s: TIFF: %s",
                     r->source->name,
                     r->message[0] != '\0' ? cnn__printable(r->message, text, sizeof(text)) : "damaged");
}

static cnn_status open_file(reader *r)
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
    return r->tiff != NULL ? CNN_OK : fail(r);
}

static cnn_status fail_kind(const reader *r, const char *what, uint32_t number)
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

static cnn_status read_palette(reader *r)
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
static cnn_status read_samples(reader *r)
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
    if (r->samples < r->colors || r->samples > MAX_SAMPLES || ink_set != INKSET_CMYK) {
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

static cnn_status check_kind(reader *r)
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

static void fill_info(const reader *r, cnn_image_info *info)
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

static cnn_status read_header(reader *r, cnn_image_info *info)
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

/* Sample `index` of a row, as 8 bits; `scaled` false: as it is. */
static uint8_t sample(const reader *r, const uint8_t *row, size_t index, bool scaled)
{
    if (r->bits == 8) {
        return row[index];
    }
    uint32_t value = 0;
    if (r->bits == 16) {
        uint16_t word;
        memcpy(&word, row + 2 * index, 2);
        value = word;
    } else {
        for (size_t bit = index * r->bits; bit < (index + 1) * r->bits; bit++) {
            value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1u);
        }
    }
    if (!scaled) {
        return (uint8_t)value;
    }
    return (uint8_t)(r->bits > 8 ? value >> (r->bits - 8) : value * 255 / ((1u << r->bits) - 1));
}

/* Alpha that is multiplied into the colours is taken out of them, as Pillow does. */
static void divide_by_alpha(uint8_t *rgba)
{
    for (size_t c = 0; c < 3 && rgba[3] != 0; c++) {
        const uint32_t value = 255u * rgba[c] / rgba[3];
        rgba[c] = (uint8_t)(value < 255 ? value : 255);
    }
}

/* Pixel `x` of a row of samples, or of one row in each plane, that are `plane` bytes apart. */
static void convert_pixel(const reader *r, const uint8_t *row, size_t plane, size_t x, uint8_t *rgba)
{
    uint8_t values[MAX_SAMPLES];
    const uint32_t count = r->colors + (r->alpha_kind != 0 ? 1 : 0);
    const bool scaled = r->photometric != PHOTOMETRIC_PALETTE;
    for (uint32_t s = 0; s < count; s++) {
        values[s] = r->planes == PLANARCONFIG_SEPARATE ? sample(r, row + s * plane, x, scaled || s > 0)
                                                       : sample(r, row, x * r->samples + s, scaled || s > 0);
    }
    if (r->photometric == PHOTOMETRIC_PALETTE) {
        memcpy(rgba, r->palette[values[0]], 3);
    } else if (r->colors == 4) {
        cnn__cmyk_row_to_rgb(values, rgba, 1, false);
    } else if (r->colors == 3) {
        memcpy(rgba, values, 3);
    } else {
        memset(rgba, r->photometric == PHOTOMETRIC_MINISWHITE ? 255 - values[0] : values[0], 3);
    }
    rgba[3] = r->alpha_kind != 0 ? values[r->colors] : 255;
    if (r->alpha_kind == EXTRASAMPLE_ASSOCALPHA) {
        divide_by_alpha(rgba);
    }
}

/* The samples of a row, all 16 bits of each, as values of the image from (x, y) on. */
static void convert_deep(const reader *r, const uint8_t *row, size_t plane, uint32_t x, uint32_t y, uint32_t count)
{
    const uint32_t channels = r->image->channels;
    float *values = r->image->values + ((size_t)y * r->width + x) * channels;
    for (size_t i = 0; i < count; i++, values += channels) {
        uint16_t words[3];
        for (uint32_t s = 0; s < r->colors; s++) {
            const uint8_t *from = r->planes == PLANARCONFIG_SEPARATE ? row + s * plane + 2 * i
                                                                     : row + 2 * (i * r->samples + s);
            memcpy(&words[s], from, sizeof(words[s]));
            words[s] = r->photometric == PHOTOMETRIC_MINISWHITE ? (uint16_t)(65535 - words[s]) : words[s];
        }
        cnn__deep_row(words, r->colors, 1, channels, values);
    }
}

/* A row of a block to where it belongs. */
static void convert_row(reader *r, const uint8_t *row, size_t plane, uint32_t x, uint32_t y, uint32_t count)
{
    if (r->image->values != NULL) {
        convert_deep(r, row, plane, x, y, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        convert_pixel(r, row, plane, i, r->row + 4 * i);
    }
    cnn__alpha_pixels(&r->alpha, x, y, r->row, count);
}

/* A strip or a tile. */
typedef struct block {
    uint32_t width, height; /* of all but those at the edges of the image */
    size_t stride, bytes;   /* of one plane */
    bool tiled;
} block;

static cnn_status plan_blocks(reader *r, block *b)
{
    uint32_t rows = r->height;
    *b = (block){.width = r->width, .tiled = TIFFIsTiled(r->tiff) != 0};
    if (b->tiled) {
        TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &b->width);
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &rows);
    } else {
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &rows);
        rows = rows < r->height ? rows : r->height;
    }
    b->height = rows;
    if (b->width == 0 || rows == 0) {
        return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: TIFF: blocks without pixels", r->source->name);
    }
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &r->request->limits, b->width, b->height));
    const tmsize_t stride = b->tiled ? TIFFTileRowSize(r->tiff) : TIFFScanlineSize(r->tiff);
    const tmsize_t bytes = b->tiled ? TIFFTileSize(r->tiff) : TIFFVStripSize(r->tiff, rows);
    const size_t in_row = r->planes == PLANARCONFIG_SEPARATE ? 1 : r->samples;
    const size_t needed = ((size_t)b->width * in_row * r->bits + 7) / 8;
    if (stride <= 0 || bytes <= 0 || (size_t)stride < needed || (size_t)bytes / (size_t)stride < rows) {
        return fail(r);
    }
    b->stride = (size_t)stride;
    b->bytes = (size_t)bytes;
    return CNN_OK;
}

/* The block at (x, y), in each of its planes. */
static cnn_status read_block(reader *r, const block *b, uint32_t x, uint32_t y, size_t planes)
{
    for (size_t p = 0; p < planes; p++) {
        uint8_t *to = r->blocks + p * b->bytes;
        const uint32_t rows = r->height - y < b->height ? r->height - y : b->height;
        const size_t expected = b->tiled ? b->bytes : rows * b->stride;
        const uint32_t number = b->tiled ? TIFFComputeTile(r->tiff, x, y, 0, (uint16_t)p)
                                         : TIFFComputeStrip(r->tiff, y, (uint16_t)p);
        /* Of blocks that the directory does not list libtiff would read the start of the file. */
        if (TIFFGetStrileOffset(r->tiff, number) == 0 || TIFFGetStrileByteCount(r->tiff, number) == 0) {
            return cnn__fail(r->source->context, CNN_ERROR_FORMAT, "%s: TIFF: %s %u has no data", r->source->name,
                             b->tiled ? "tile" : "strip", (unsigned)number);
        }
        const tmsize_t got = b->tiled ? TIFFReadEncodedTile(r->tiff, number, to, (tmsize_t)expected)
                                      : TIFFReadEncodedStrip(r->tiff, number, to, (tmsize_t)expected);
        if (got < 0 || (size_t)got < expected || r->message[0] != '\0') {
            return fail(r);
        }
    }
    return CNN_OK;
}

static cnn_status read_blocks(reader *r)
{
    block b;
    CNN__RETURN_IF_ERROR(plan_blocks(r, &b));
    const size_t planes = r->planes == PLANARCONFIG_SEPARATE ? r->colors + (r->alpha_kind != 0 ? 1 : 0) : 1;
    r->blocks = cnn__alloc_array(r->source->context, b.bytes, planes);
    r->row = cnn__alloc_array(r->source->context, b.width, 4);
    if (r->blocks == NULL || r->row == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memset(r->blocks, 0, b.bytes * planes);
    for (uint32_t y = 0; y < r->height; y += b.height) {
        for (uint32_t x = 0; x < r->width; x += b.width) {
            CNN__RETURN_IF_ERROR(read_block(r, &b, x, y, planes));
            const uint32_t rows = r->height - y < b.height ? r->height - y : b.height;
            const uint32_t columns = r->width - x < b.width ? r->width - x : b.width;
            for (uint32_t i = 0; i < rows; i++) {
                convert_row(r, r->blocks + i * b.stride, b.bytes, x, y + i, columns);
            }
            if (r->width - x <= b.width) {
                break;
            }
        }
        if (r->height - y <= b.height) {
            break;
        }
    }
    return CNN_OK;
}

/* Subsampled YCbCr and Lab by libtiff's own conversion. */
static cnn_status read_converted(reader *r)
{
    char text[1024] = "";
    block b;
    TIFFRGBAImage converter;
    CNN__RETURN_IF_ERROR(plan_blocks(r, &b));
    r->blocks = cnn__alloc_array(r->source->context, (size_t)r->width * 4, r->height);
    if (r->blocks == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memset(r->blocks, 0, (size_t)r->width * 4 * r->height);
    if (!TIFFRGBAImageOK(r->tiff, text) || !TIFFRGBAImageBegin(&converter, r->tiff, 1, text)) {
        return cnn__fail(r->source->context, CNN_ERROR_UNSUPPORTED, "%s: TIFF: %s", r->source->name, text);
    }
    converter.orientation = converter.req_orientation = ORIENTATION_TOPLEFT; /* as stored */
    const int read = TIFFRGBAImageGet(&converter, (uint32_t *)(void *)r->blocks, r->width, r->height);
    TIFFRGBAImageEnd(&converter);
    if (!read || r->message[0] != '\0') {
        return fail(r);
    }
    for (uint32_t y = 0; y < r->height; y++) {
        uint8_t *row = r->blocks + (size_t)y * r->width * 4;
        for (size_t x = 0; x < r->width; x++) {
            uint32_t pixel;
            memcpy(&pixel, row + 4 * x, 4);
            const uint8_t rgba[4] = {(uint8_t)TIFFGetR(pixel), (uint8_t)TIFFGetG(pixel), (uint8_t)TIFFGetB(pixel),
                                     (uint8_t)TIFFGetA(pixel)};
            memcpy(row + 4 * x, rgba, 4);
        }
        cnn__alpha_pixels(&r->alpha, 0, y, row, r->width);
    }
    return CNN_OK;
}

/* Whether all 16 bits are kept: of grey and RGB without alpha, if it is asked for. */
static bool is_deep(const reader *r, bool converted)
{
    return r->request->deep && r->bits == 16 && r->alpha_kind == 0 && !converted &&
           (r->colors == 1 || r->colors == 3) && r->photometric != PHOTOMETRIC_PALETTE;
}

static cnn_status read_pixels(reader *r)
{
    cnn_context *context = r->source->context;
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &r->request->limits, r->width, r->height));
    const bool jpeg = r->photometric == PHOTOMETRIC_YCBCR && r->compression == COMPRESSION_JPEG &&
                      r->planes == PLANARCONFIG_CONTIG;
    if (jpeg) {
        TIFFSetField(r->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    const bool converted = (r->photometric == PHOTOMETRIC_YCBCR && !jpeg) || r->photometric == PHOTOMETRIC_CIELAB;
    r->decoding = true;
    r->message[0] = '\0';
    if (is_deep(r, converted)) {
        CNN__RETURN_IF_ERROR(cnn__image_allocate_values(context, r->width, r->height, r->request->channels, &r->image));
        return read_blocks(r);
    }
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, r->width, r->height, r->request->channels, &r->image));
    CNN__RETURN_IF_ERROR(
        cnn__alpha_begin(&r->alpha, r->source, r->request, r->alpha_kind != 0 && !converted, r->image));
    CNN__RETURN_IF_ERROR(converted ? read_converted(r) : read_blocks(r));
    cnn__alpha_end(&r->alpha);
    return CNN_OK;
}

cnn_status cnn__tiff_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image)
{
    reader r = {.source = source, .request = request};
    cnn_status status = read_header(&r, info);
    if (status == CNN_OK && image != NULL) {
        status = read_pixels(&r);
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
