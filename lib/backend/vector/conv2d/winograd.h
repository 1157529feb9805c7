/* SPDX-License-Identifier: MIT */
/* Winograd convolution inside the library: the functions of one tile, and the plan of a whole pass. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_H
#define CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_H

#include "backend/vector/conv2d/conv_output.h"
#include "backend/vector/conv2d/winograd_transform.h"

/* Where tiles are read from: x, dy, or with `argmax` the pooled dy, of which the unpooled one is read. */
typedef struct wino_image {
    const float *data;
    const uint8_t *argmax;
    int64_t h, w, c; /* as stored */
    conv_mosaic mosaic;
} wino_image;

/* Where a transformed tile is written to: value p of channel c at data[p * plane + c / CONV_COLUMNS * block
 * + c % CONV_COLUMNS]. */
typedef struct wino_tile {
    float *data;
    size_t plane, block;
    int64_t first;  /* channel of the image that becomes channel 0 here */
    int64_t padded; /* channels to write, those past image->c as zeros */
} wino_tile;

/* The functions of F(m x m, r x r): `out` m, `taps` r, `side` m + r - 1. */
typedef struct wino_kernels {
    int side, out, taps;
    /* B d B': the side x side window at row y, column x of image n; prefetches what lies `ahead` pixels further. */
    void (*input)(const wino_image *image, int64_t n, int64_t y, int64_t x, int64_t ahead, const wino_tile *tile);
    /* The values of an out x out tile of dy (unscaled); adds the sums of each channel to bias_sum unless NULL. */
    void (*gradient)(const wino_image *image, int64_t n, int64_t y, int64_t x, int64_t ahead, const wino_tile *tile,
                     float *bias_sum);
    /* The scaled values of taps x taps rows of CONV_COLUMNS filters g to side x side rows, `plane` values apart. */
    void (*filter)(const float *g, float *u, size_t plane);
    /* The inverse of products m [block of channels][side * side][CONV_COLUMNS] to outputs at tile (ty, tx) of image n,
     * channels [c, c + count). */
    void (*output)(const float *m, const conv_output *out, int64_t n, int64_t ty, int64_t tx, int64_t c, int64_t count);
    /* The inverse of `parts` sums of products, added in order, to taps x taps rows of CONV_COLUMNS filters g. */
    void (*filter_gradient)(const float *p, size_t plane, size_t part, size_t parts, float *g);
} wino_kernels;

#define WINO_VARIANTS 5 /* the first of cnn__conv2d_algorithm */
extern const wino_kernels CNN__VECTOR(cnn__wino_kernels)[WINO_VARIANTS];

#endif
