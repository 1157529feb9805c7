/* SPDX-License-Identifier: MIT */
/* The formats: their signatures, the endings of their names, and who decodes them. */
#include <stdio.h>
#include <string.h>

#include "image/codec.h"
#include "image/config.h"

typedef struct format_kind {
    const char *name;
    cnn__decode_function decode; /* NULL: not in this build */
    const char *endings[5];
} format_kind;

/* By cnn_image_format. */
static const format_kind kinds[] = {
    [CNN_IMAGE_UNKNOWN] = {"unknown", NULL, {NULL}},
    [CNN_IMAGE_JPEG] = {"JPEG", cnn__jpeg_decode, {"jpg", "jpeg", "jpe", "jfif", NULL}},
    [CNN_IMAGE_PNG] = {"PNG", cnn__png_decode, {"png", NULL}},
    [CNN_IMAGE_BMP] = {"BMP", cnn__bmp_decode, {"bmp", NULL}},
#if CNN_HAVE_GIF
    [CNN_IMAGE_GIF] = {"GIF", cnn__gif_decode, {"gif", NULL}},
#else
    [CNN_IMAGE_GIF] = {"GIF", NULL, {"gif", NULL}},
#endif
#if CNN_HAVE_WEBP
    [CNN_IMAGE_WEBP] = {"WebP", cnn__webp_decode, {"webp", NULL}},
#else
    [CNN_IMAGE_WEBP] = {"WebP", NULL, {"webp", NULL}},
#endif
#if CNN_HAVE_TIFF
    [CNN_IMAGE_TIFF] = {"TIFF", cnn__tiff_decode, {"tif", "tiff", NULL}},
#else
    [CNN_IMAGE_TIFF] = {"TIFF", NULL, {"tif", "tiff", NULL}},
#endif
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

typedef struct signature {
    const char *name; /* with its article, where `format` has no name for it */
    cnn_image_format format;
    const char *bytes; /* '?' is any byte */
    size_t size;
} signature;

#define SIGNATURE(name, format, bytes)                     \
    {                                                      \
        name, CNN_IMAGE_##format, bytes, sizeof(bytes) - 1 \
    }

/* The first that fits decides. */
static const signature signatures[] = {
    SIGNATURE("a JPEG image", JPEG, "\xff\xd8\xff"),
    SIGNATURE("a PNG image", PNG, "\x89PNG\r\n\x1a\n"),
    SIGNATURE("a GIF image", GIF, "GIF87a"),
    SIGNATURE("a GIF image", GIF, "GIF89a"),
    SIGNATURE("a WebP image", WEBP, "RIFF????WEBP"),
    SIGNATURE("a TIFF image", TIFF, "II*\0"),
    SIGNATURE("a TIFF image", TIFF, "MM\0*"),
    SIGNATURE("a TIFF image", TIFF, "II+\0"),
    SIGNATURE("a TIFF image", TIFF, "MM\0+"),
    SIGNATURE("an AVIF image", UNKNOWN, "????ftypavif"),
    SIGNATURE("an AVIF image", UNKNOWN, "????ftypavis"),
    SIGNATURE("a HEIC image", UNKNOWN, "????ftyphei?"),
    SIGNATURE("a HEIC image", UNKNOWN, "????ftyphev?"),
    SIGNATURE("a HEIF image", UNKNOWN, "????ftypmif1"),
    SIGNATURE("a HEIF image", UNKNOWN, "????ftypmsf1"),
    SIGNATURE("a Canon CR3 photo", UNKNOWN, "????ftypcrx "),
    SIGNATURE("a film", UNKNOWN, "????ftyp"),
    SIGNATURE("a JPEG XL image", UNKNOWN, "\xff\x0a"),
    SIGNATURE("a JPEG XL image", UNKNOWN, "\0\0\0\x0cJXL \r\n\x87\n"),
    SIGNATURE("a JPEG 2000 image", UNKNOWN, "\0\0\0\x0cjP  \r\n\x87\n"),
    SIGNATURE("a JPEG 2000 image", UNKNOWN, "\xff\x4f\xff\x51"),
    SIGNATURE("a JPEG XR image", UNKNOWN, "II\xbc\x01"),
    SIGNATURE("a Photoshop document", UNKNOWN, "8BPS"),
    SIGNATURE("a GIMP document", UNKNOWN, "gimp xcf"),
    SIGNATURE("a QOI image", UNKNOWN, "qoif"),
    SIGNATURE("an icon", UNKNOWN, "\0\0\1\0"),
    SIGNATURE("a cursor", UNKNOWN, "\0\0\2\0"),
    SIGNATURE("an OpenEXR image", UNKNOWN, "\x76\x2f\x31\x01"),
    SIGNATURE("a Radiance HDR image", UNKNOWN, "#?RADIANCE"),
    SIGNATURE("a DDS image", UNKNOWN, "DDS "),
    SIGNATURE("a MNG animation", UNKNOWN, "\x8aMNG\r\n\x1a\n"),
    SIGNATURE("a FITS image", UNKNOWN, "SIMPLE  ="),
    SIGNATURE("a netpbm image", UNKNOWN, "P4\n"),
    SIGNATURE("a netpbm image", UNKNOWN, "P5\n"),
    SIGNATURE("a netpbm image", UNKNOWN, "P6\n"),
    SIGNATURE("a PDF document", UNKNOWN, "%PDF-"),
    SIGNATURE("an SVG drawing", UNKNOWN, "<svg"),
    SIGNATURE("an XML file, perhaps an SVG drawing", UNKNOWN, "<?xml"),
    SIGNATURE("a web page", UNKNOWN, "<!DOCTYPE"),
    SIGNATURE("a web page", UNKNOWN, "<!doctype"),
    SIGNATURE("a web page", UNKNOWN, "<html"),
    SIGNATURE("a web page", UNKNOWN, "<HTML"),
    SIGNATURE("a ZIP archive", UNKNOWN, "PK\3\4"),
    SIGNATURE("gzip data", UNKNOWN, "\x1f\x8b"),
    SIGNATURE("a BMP image", BMP, "BM"),
};

/* How many bytes fit: all of them, or those that are there. */
static bool fits(const cnn__encoded *source, const signature *s)
{
    size_t size = source->size < s->size ? source->size : s->size;
    for (size_t i = 0; i < size; i++) {
        if (s->bytes[i] != '?' && (uint8_t)s->bytes[i] != source->data[i]) {
            return false;
        }
    }
    /* The start of a signature that begins with anything says nothing. */
    return source->size >= s->size || s->bytes[0] != '?';
}

/* "JPEG, PNG, BMP and GIF" */
static const char *read_formats(char *text, size_t size)
{
    size_t left = 0, used = 0;
    for (size_t k = 0; k < KINDS; k++) {
        left += kinds[k].decode != NULL ? 1 : 0;
    }
    for (size_t k = 0; k < KINDS && used < size; k++) {
        if (kinds[k].decode != NULL) {
            left--;
            used += (size_t)snprintf(text + used, size - used, "%s%s", kinds[k].name,
                                     left == 0   ? ""
                                     : left == 1 ? " and "
                                                 : ", ");
        }
    }
    return text;
}

cnn_status cnn__find_decoder(const cnn__encoded *source, cnn__decode_function *decode)
{
    char formats[80], bytes[3 * 8 + 1] = "";
    if (source->size == 0) {
        return cnn__fail(source->context, CNN_ERROR_TRUNCATED, "%s: 0 bytes", source->name);
    }
    read_formats(formats, sizeof(formats));
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        const signature *s = &signatures[i];
        const bool whole = source->size >= s->size;
        *decode = kinds[s->format].decode;
        if (!fits(source, s) || (!whole && *decode == NULL)) {
            continue;
        }
        if (!whole) {
            return cnn__fail(source->context, CNN_ERROR_TRUNCATED, "%s: %zu bytes", source->name, source->size);
        }
        if (*decode == NULL) {
            return cnn__fail(source->context, CNN_ERROR_UNSUPPORTED, "%s: %s; this build reads %s", source->name,
                             s->name, formats);
        }
        return CNN_OK;
    }
    for (size_t i = 0; i < source->size && i < 8; i++) {
        snprintf(bytes + 3 * i, sizeof(bytes) - 3 * i, " %02x", source->data[i]);
    }
    return cnn__fail(source->context, CNN_ERROR_UNSUPPORTED, "%s: of no known format: starts%s; this build reads %s",
                     source->name, bytes, formats);
}

const char *cnn_image_format_name(cnn_image_format format)
{
    return kinds[(size_t)format < KINDS ? (size_t)format : 0].name;
}

bool cnn_image_format_is_read(cnn_image_format format)
{
    return (size_t)format < KINDS && kinds[format].decode != NULL;
}

/* Not strcasecmp(): that depends on the locale. `lower` has small letters only. */
static bool equal_in_any_case(const char *text, const char *lower)
{
    for (; *lower != '\0'; text++, lower++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + ('a' - 'A')) : *text;
        if (c != *lower) {
            return false;
        }
    }
    return *text == '\0';
}

cnn_image_format cnn_image_name_format(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = name != NULL ? strrchr(name, '.') : NULL;
    /* ".jpg" is a hidden file without an ending. */
    for (size_t k = 0; dot != NULL && dot != name && k < KINDS; k++) {
        for (size_t i = 0; kinds[k].endings[i] != NULL; i++) {
            if (equal_in_any_case(dot + 1, kinds[k].endings[i])) {
                return (cnn_image_format)k;
            }
        }
    }
    return CNN_IMAGE_UNKNOWN;
}
