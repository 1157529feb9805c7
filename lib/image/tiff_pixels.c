/* SPDX-License-Identifier: MIT */
/* Pixels of a TIFF file: strips or tiles, and what their samples are as RGBA or as values. */
#include <string.h>

#include "image/tiff.h"

/* Sample `index` of a row, as 8 bits; `scaled` false: as it is. */
static uint8_t sample(const cnn__tiff *r, const uint8_t *row, size_t index, bool scaled)
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
static void convert_pixel(const cnn__tiff *r, const uint8_t *row, size_t plane, size_t x, uint8_t *rgba)
{
    uint8_t values[CNN__TIFF_SAMPLES];
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
static void convert_deep(const cnn__tiff *r, const uint8_t *row, size_t plane, uint32_t x, uint32_t y, uint32_t count)
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
static void convert_row(cnn__tiff *r, const uint8_t *row, size_t plane, uint32_t x, uint32_t y, uint32_t count)
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

static cnn_status plan_blocks(cnn__tiff *r, block *b)
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
        return cnn__tiff_fail(r);
    }
    b->stride = (size_t)stride;
    b->bytes = (size_t)bytes;
    return CNN_OK;
}

/* The block at (x, y), in each of its planes. */
static cnn_status read_block(cnn__tiff *r, const block *b, uint32_t x, uint32_t y, size_t planes)
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
            return cnn__tiff_fail(r);
        }
    }
    return CNN_OK;
}

static cnn_status read_blocks(cnn__tiff *r)
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
static cnn_status read_converted(cnn__tiff *r)
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
        return cnn__tiff_fail(r);
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
static bool is_deep(const cnn__tiff *r, bool converted)
{
    return r->request->deep && r->bits == 16 && r->alpha_kind == 0 && !converted &&
           (r->colors == 1 || r->colors == 3) && r->photometric != PHOTOMETRIC_PALETTE;
}

cnn_status cnn__tiff_read_pixels(cnn__tiff *r)
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
