/* SPDX-License-Identifier: MIT */
/* The images of a batch laid side by side, so that tiles of outputs run on from one image into the next.
 *
 * Tiles of 6 x 6 cover a 13 x 13 output with 18 x 18: half of the work is for nothing. With the images in rows and
 * columns, a shared gap of zeros between them as padding, 8 x 8 images have 111 x 111 outputs in 19 x 19 tiles in place
 * of 24 x 24. What is computed for the gaps is dropped. An image's bits then depend on its place in the batch: passes
 * of training may do this, inference does not. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_MOSAIC_H
#define CNN_BACKEND_VECTOR_CONV2D_MOSAIC_H

#include <stdbool.h>
#include <stdint.h>

/* A tile that lies in several images is gathered pixel by pixel: a mosaic has to save at least this share of tiles. */
#define MOSAIC_WORTH 0.9

/* What a pass moves windows of `taps` x `taps` over, and what comes out: `before_*` rows and columns of zeros stand
 * above and to the left of the source. */
typedef struct cnn__mosaic_request {
    int64_t n, source_h, source_w, target_h, target_w, before_y, before_x, taps;
    int64_t out; /* rows and columns of outputs in a tile */
    bool allowed;
} cnn__mosaic_request;

typedef struct cnn__mosaic {
    int64_t columns;                  /* images side by side */
    int64_t period_y, period_x;       /* pixels from an image to the next; 0: no mosaic, each image has its own tiles */
    int64_t tile_rows, tile_columns;  /* of an image, or of the mosaic */
    int64_t tiles;                    /* in all */
    int64_t most_tiles;               /* bound for n images and for any smaller number */
} cnn__mosaic;

static inline int64_t cnn__mosaic_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Pixels from an image to the next: windows that belong to one must meet nothing but zeros beyond it. */
static inline int64_t cnn__mosaic_period(int64_t source, int64_t target, int64_t before, int64_t taps)
{
    const int64_t after = target - source + taps - 1 - before;
    const int64_t gap = before > after ? before : after;
    const int64_t period = source + (gap > 0 ? gap : 0);
    return period > target ? period : target;
}

/* Rows of images: the largest divisor of n whose square is at most n. */
static inline int64_t cnn__mosaic_rows(int64_t n)
{
    int64_t rows = 1;
    for (int64_t i = 2; i * i <= n; i++) {
        rows = n % i == 0 ? i : rows;
    }
    return rows;
}

static inline cnn__mosaic cnn__mosaic_plan(const cnn__mosaic_request *r)
{
    cnn__mosaic plain = {.columns = 1};
    plain.tile_rows = cnn__mosaic_up(r->target_h, r->out);
    plain.tile_columns = cnn__mosaic_up(r->target_w, r->out);
    plain.tiles = plain.most_tiles = r->n * plain.tile_rows * plain.tile_columns;
    /* Where images are smaller than a tile their sums have few products, and the rounding error of a tile that is full
     * of other images would outweigh them. */
    const bool small = r->source_h < r->out || r->source_w < r->out || r->target_h < r->out || r->target_w < r->out;
    if (!r->allowed || small || r->n == 1 || r->n > INT32_MAX) {
        return plain;
    }
    const int64_t rows = cnn__mosaic_rows(r->n), columns = r->n / rows;
    cnn__mosaic m = {.columns = columns, .most_tiles = plain.tiles};
    m.period_y = cnn__mosaic_period(r->source_h, r->target_h, r->before_y, r->taps);
    m.period_x = cnn__mosaic_period(r->source_w, r->target_w, r->before_x, r->taps);
    m.tile_rows = cnn__mosaic_up((rows - 1) * m.period_y + r->target_h, r->out);
    m.tile_columns = cnn__mosaic_up((columns - 1) * m.period_x + r->target_w, r->out);
    m.tiles = m.tile_rows * m.tile_columns;
    return (double)m.tiles < MOSAIC_WORTH * (double)plain.tiles ? m : plain;
}

#endif
