/* SPDX-License-Identifier: MIT */
/* Reading a square window of an image, one vector of channels at a time: shared by all Winograd tiles. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_INPUT_H
#define CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_INPUT_H

#include "backend/vector/conv2d/winograd.h"

/* A window gathered into vectors: side + 2 a row, as unpooling writes whole cells. */
#define WINO_WINDOW(side) ((side) + 2)

VEC_INLINE int64_t wino_max(int64_t a, int64_t b) { return a > b ? a : b; }
VEC_INLINE int64_t wino_min(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rows and columns outside the image are zeros. */
VEC_INLINE const float *wino_gather_plain(vec_f *window, int side, const wino_image *image, int64_t n, int64_t y,
                                          int64_t x, int64_t c, size_t lanes)
{
    const int64_t x_begin = wino_max(0, -x), x_end = wino_min(side, image->w - x);
    for (int64_t i = 0; i < side; i++) {
        vec_f *row = window + i * WINO_WINDOW(side);
        for (int64_t j = 0; j < side; j++) {
            row[j] = vec_set1(0.0f);
        }
        if (y + i < 0 || y + i >= image->h) {
            continue;
        }
        const float *from = image->data + (((n * image->h + y + i) * image->w) + x) * image->c + c;
        for (int64_t j = x_begin; j < x_end; j++) {
            row[j] = vec_load_n(from + j * image->c, lanes);
        }
    }
    return (const float *)window;
}

/* Each cell's gradient goes to the one of its four pixels that argmax names. */
VEC_INLINE const float *wino_gather_pooled(vec_f *window, int side, const wino_image *image, int64_t n, int64_t y,
                                           int64_t x, int64_t c, size_t lanes)
{
    const int64_t odd_y = y & 1, odd_x = x & 1;
    const int64_t cell_y = (y - odd_y) / 2, cell_x = (x - odd_x) / 2;
    const int64_t rows = (side + odd_y + 1) / 2, columns = (side + odd_x + 1) / 2;
    for (int64_t i = 0; i < rows; i++) {
        const bool inside = cell_y + i >= 0 && cell_y + i < image->h;
        for (int64_t j = 0; j < columns; j++) {
            vec_f *to = window + 2 * i * WINO_WINDOW(side) + 2 * j;
            vec_f value = vec_set1(0.0f);
            vec_i place = {0};
            if (inside && cell_x + j >= 0 && cell_x + j < image->w) {
                const int64_t at = ((n * image->h + cell_y + i) * image->w + cell_x + j) * image->c + c;
                value = vec_load_n(image->data + at, lanes);
                place = conv_load_bytes(image->argmax + at, lanes);
            }
            to[0] = (vec_f)((vec_i)value & (place == 0));
            to[1] = (vec_f)((vec_i)value & (place == 1));
            to[WINO_WINDOW(side)] = (vec_f)((vec_i)value & (place == 2));
            to[WINO_WINDOW(side) + 1] = (vec_f)((vec_i)value & (place == 3));
        }
    }
    return (const float *)(window + odd_y * WINO_WINDOW(side) + odd_x);
}

/* Where a window lies: at row y, column x of image n, or over several images of a mosaic. */
typedef struct wino_spot {
    int64_t n, y, x;
    bool spans;
    int64_t rows[WINO_MAX_T], columns[WINO_MAX_T]; /* of a window that spans: value offsets, -1 outside */
} wino_spot;

VEC_INLINE void wino_find(wino_spot *spot, int side, const wino_image *image, int64_t n, int64_t y, int64_t x)
{
    const conv_mosaic *m = &image->mosaic;
    spot->n = n;
    spot->y = y;
    spot->x = x;
    spot->spans = false;
    if (m->period_y == 0) {
        return;
    }
    const int64_t row = y < 0 ? 0 : y / m->period_y, column = x < 0 ? 0 : x / m->period_x;
    spot->y = y - row * m->period_y;
    spot->x = x - column * m->period_x;
    spot->n = row * m->columns + column;
    spot->spans = (spot->y + side > m->period_y && row + 1 < m->rows) ||
                  (spot->x + side > m->period_x && column + 1 < m->columns);
    if (spot->spans) {
        const int64_t one = image->h * image->w * image->c;
        conv_mosaic_offsets(y, side, m->period_y, m->rows, image->h, m->columns * one, image->w * image->c, spot->rows);
        conv_mosaic_offsets(x, side, m->period_x, m->columns, image->w, one, image->c, spot->columns);
    }
}

/* A window over several images, with zeros between them. */
VEC_INLINE const float *wino_gather_mosaic(vec_f *window, int side, const wino_image *image, const wino_spot *spot,
                                           int64_t c, size_t lanes)
{
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            const bool inside = spot->rows[i] >= 0 && spot->columns[j] >= 0;
            window[i * WINO_WINDOW(side) + j] =
                inside ? vec_load_n(image->data + spot->rows[i] + spot->columns[j] + c, lanes) : vec_set1(0.0f);
        }
    }
    return (const float *)window;
}

/* A window as rows of pixels, in place where it can be read there. */
typedef struct wino_view {
    const float *data;
    size_t row, pixel; /* values from one to the next */
} wino_view;

VEC_INLINE wino_view wino_read(vec_f *window, int side, const wino_image *image, const wino_spot *spot, int64_t c)
{
    wino_view view = {(const float *)window, WINO_WINDOW(side) * VEC_WIDTH, VEC_WIDTH};
    const int64_t n = spot->n, y = spot->y, x = spot->x;
    if (c >= image->c) {
        for (int i = 0; i < side * WINO_WINDOW(side); i++) {
            window[i] = vec_set1(0.0f);
        }
    } else if (spot->spans) {
        view.data = wino_gather_mosaic(window, side, image, spot, c, (size_t)(image->c - c));
    } else if (image->argmax != NULL) {
        view.data = wino_gather_pooled(window, side, image, n, y, x, c, (size_t)(image->c - c));
    } else if (c + VEC_WIDTH > image->c || y < 0 || x < 0 || y + side > image->h || x + side > image->w) {
        wino_gather_plain(window, side, image, n, y, x, c, (size_t)(image->c - c));
    } else {
        view.data = image->data + ((n * image->h + y) * image->w + x) * image->c + c;
        view.row = (size_t)(image->w * image->c);
        view.pixel = (size_t)image->c;
    }
    return view;
}

/* Asks for a window that a later tile reads: hardware prefetchers do not follow the order of tiles. One cache line
 * of channels at c; `c` is a multiple of a vector, and every line is asked for once. */
VEC_INLINE void wino_prefetch(int side, const wino_image *image, const wino_spot *spot, int64_t ahead, int64_t c)
{
    if (c * 4 % 64 != 0) {
        return;
    }
    const int64_t n = spot->n, y = spot->y, x = spot->x + ahead;
    const int64_t shift = image->argmax != NULL ? 1 : 0; /* two pixels to a cell */
    const int64_t y0 = wino_max(0, y >> shift), x0 = wino_max(0, x >> shift);
    const int64_t y1 = wino_min(image->h, (y + side) >> shift), x1 = wino_min(image->w, (x + side) >> shift);
    for (int64_t i = y0; i < y1; i++) {
        const int64_t row = (n * image->h + i) * image->w;
        for (int64_t j = x0; j < x1; j++) {
            __builtin_prefetch(image->data + (row + j) * image->c + c);
            if (shift != 0) {
                __builtin_prefetch(image->argmax + (row + j) * image->c + c);
            }
        }
    }
}

#endif
