/* SPDX-License-Identifier: MIT */
/* A BMP file that is read: bmp_decode.c reads and checks its header, bmp_pixels.c its pixels. */
#ifndef CNN_IMAGE_BMP_H
#define CNN_IMAGE_BMP_H

#include "image/codec.h"

/* Most colours of a palette. */
#define CNN__BMP_COLORS 256

/* Compression. */
enum {
    CNN__BMP_PLAIN = 0,
    CNN__BMP_RLE8 = 1,
    CNN__BMP_RLE4 = 2,
    CNN__BMP_BITFIELDS = 3,
    CNN__BMP_EMBEDDED_JPEG = 4,
    CNN__BMP_EMBEDDED_PNG = 5,
    CNN__BMP_ALPHA_BITFIELDS = 6
};

/* Where a channel lies in a pixel of 16 or 32 bits. */
typedef struct cnn__bmp_mask {
    uint32_t bits; /* 0: the channel is not there */
    unsigned shift;
    uint32_t largest; /* the value of all its bits */
} cnn__bmp_mask;

typedef struct cnn__bmp {
    const cnn__encoded *source;
    const cnn__decode_request *request;
    uint32_t header, compression, bits, colors;
    uint32_t width, height;
    bool top_down, beyond_palette;
    size_t pixels_at;
    uint8_t palette[CNN__BMP_COLORS][4]; /* RGBA */
    cnn__bmp_mask masks[4];              /* red, green, blue, alpha */
    cnn__alpha alpha;
    cnn_image *image;
    uint8_t *row;     /* RGBA */
    uint8_t *indices; /* of a run-length coded image: all, in the order of the file */
} cnn__bmp;

cnn_status cnn__bmp_fail(const cnn__bmp *r, cnn_status status, const char *what);

static inline uint32_t cnn__bmp_get16(const cnn__bmp *r, size_t at)
{
    const uint8_t *bytes = r->source->data + at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static inline uint32_t cnn__bmp_get32(const cnn__bmp *r, size_t at)
{
    return cnn__bmp_get16(r, at) | cnn__bmp_get16(r, at + 2) << 16;
}

/* Decodes the pixels into a new image, which belongs to the reader. */
cnn_status cnn__bmp_read_pixels(cnn__bmp *r);

#endif
