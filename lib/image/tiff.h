/* SPDX-License-Identifier: MIT */
/* A TIFF file that is read: tiff_decode.c opens it and reads what it says of itself, tiff_pixels.c its pixels. */
#ifndef CNN_IMAGE_TIFF_H
#define CNN_IMAGE_TIFF_H

#include <tiffio.h>

#include "image/codec.h"

/* Most samples of a pixel. */
#define CNN__TIFF_SAMPLES 8

typedef struct cnn__tiff {
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
} cnn__tiff;

/* The failure that libtiff has told of. */
cnn_status cnn__tiff_fail(const cnn__tiff *r);

/* Decodes the pixels of an open file into a new image, which belongs to the reader. */
cnn_status cnn__tiff_read_pixels(cnn__tiff *r);

#endif
