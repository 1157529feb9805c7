/* SPDX-License-Identifier: MIT */
/* A Winograd pass, forward or to the input, and the two ways to run it. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_PASS_H
#define CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_PASS_H

#include <string.h>

#include "backend/vector/conv2d/winograd_driver.h"

/* One pass: `k` channels of `source` become `columns` channels of `out`. */
typedef struct wino_pass {
    const wino_kernels *kernels;
    wino_image source;
    conv_output out;
    const float *filters;
    int64_t n;
    bool turned;   /* filters are rotated by 180 degrees and their channels exchanged */
    bool prepared; /* `u` was filled before, and is no part of the workspace */
    int64_t source_images, k, columns, pad_y, pad_x;
    wino_grid grid;
    size_t column_blocks, splits, block_tiles, blocks;
    size_t planes, v_row, v_tile, m_tile, u_plane; /* values */
    float *u;                                      /* only read once it is filled */
    size_t u_size;                                 /* bytes */
    char *scratch;                                 /* of each worker: wino_scratch, V, M */
    size_t scratch_size, workspace;                /* bytes */
} wino_pass;

/* Transforms the filters of input channel k, columns [first, first + CONV_COLUMNS), to rows of `u`; zeros past the
 * ends. */
VEC_INLINE void wino_transform_filters(const wino_pass *p, int64_t k, int64_t first, float *u, size_t plane)
{
    float rows[WINO_MAX_TAPS * WINO_MAX_TAPS * CONV_COLUMNS];
    const int64_t taps = p->kernels->taps * p->kernels->taps;
    const int64_t count = k < p->k ? wino_min(CONV_COLUMNS, p->columns - first) : 0;
    if (count < CONV_COLUMNS) {
        memset(rows, 0, (size_t)(taps * CONV_COLUMNS) * sizeof(float));
    }
    for (int64_t t = 0; t < taps && count > 0; t++) {
        float *row = rows + t * CONV_COLUMNS;
        if (!p->turned) {
            memcpy(row, p->filters + (t * p->k + k) * p->columns + first, (size_t)count * sizeof(float));
            continue;
        }
        const float *from = p->filters + ((taps - 1 - t) * p->columns + first) * p->k + k;
        for (int64_t j = 0; j < count; j++) {
            row[j] = from[j * p->k];
        }
    }
    p->kernels->filter(rows, u, plane);
}

/* Tile `tile` of the pass's input, transformed. */
VEC_INLINE void wino_transform_tile(const wino_pass *p, size_t tile, const wino_tile *to)
{
    const wino_place at = wino_place_of(&p->grid, tile);
    p->kernels->input(&p->source, at.n, at.ty * p->kernels->out - p->pad_y, at.tx * p->kernels->out - p->pad_x,
                      2 * p->kernels->out, to);
}

/* Tile `tile` of the pass's output, channels [c, c + count), from its products. */
VEC_INLINE void wino_invert_tile(const wino_pass *p, size_t tile, const float *m, int64_t c, int64_t count)
{
    const wino_place at = wino_place_of(&p->grid, tile);
    p->kernels->output(m, &p->out, at.n, at.ty, at.tx, c, count);
}

/* The other way, for filters that caches do not keep: see winograd_rounds.c. Its results are those of the first way to
 * the bit. Whether it is the better one for so many tiles: */
bool CNN__VECTOR(cnn__wino_has_rounds)(const wino_pass *pass, int64_t tiles);
/* Bytes for the pass's number of images, or fewer. */
size_t CNN__VECTOR(cnn__wino_rounds_workspace)(const wino_pass *pass, uint32_t threads);
void CNN__VECTOR(cnn__wino_run_rounds)(const cnn_backend_call *call, const wino_pass *pass);

#endif
