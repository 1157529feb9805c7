/* SPDX-License-Identifier: MIT */
/* What the Winograd passes share: the grid of tiles, and their entry points. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_DRIVER_H
#define CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_DRIVER_H

#include "backend/driver/task.h"
#include "backend/vector/conv2d/mosaic.h"
#include "backend/vector/conv2d/winograd_input.h"

#define WINO_MAX_TAPS 5

/* Tiles of all images, row by row: of each image, or of the mosaic that they form. */
typedef struct wino_grid {
    int64_t rows, columns, tiles;
    int64_t most; /* bound of `tiles` for as many images and for fewer: memory is planned for it */
} wino_grid;

typedef struct wino_place {
    int64_t n, ty, tx;
} wino_place;

VEC_INLINE size_t wino_blocks_of(int64_t count, int64_t size) { return (size_t)((count + size - 1) / size); }

/* Values from one plane to the next: whole cache lines and one more, so that planes do not share cache sets. */
VEC_INLINE size_t wino_plane(size_t values) { return (values + 15) / 16 * 16 + 16; }

/* The grid of a pass, and the mosaic where that saves tiles; its fields are 0 where not. */
VEC_INLINE wino_grid wino_grid_of(const cnn__mosaic_request *request, conv_mosaic *mosaic)
{
    const cnn__mosaic plan = cnn__mosaic_plan(request);
    *mosaic = (conv_mosaic){request->n / plan.columns, plan.columns, plan.period_y, plan.period_x};
    return (wino_grid){plan.tile_rows, plan.tile_columns, plan.tiles, plan.most_tiles};
}

VEC_INLINE wino_place wino_place_of(const wino_grid *grid, size_t tile)
{
    const int64_t t = (int64_t)tile, image = grid->rows * grid->columns;
    return (wino_place){t / image, t % image / grid->columns, t % grid->columns};
}

/* Outputs that count: pooling drops an odd last row and column. */
VEC_INLINE int64_t wino_computed_rows(const cnn_conv2d_shape *s)
{
    return s->epilogue.pool != 0 ? s->out_h / 2 * 2 : s->out_h;
}
VEC_INLINE int64_t wino_computed_columns(const cnn_conv2d_shape *s)
{
    return s->epilogue.pool != 0 ? s->out_w / 2 * 2 : s->out_w;
}

/* Windows of x to outputs of y: forward, and the gradient of the filters. */
VEC_INLINE cnn__mosaic_request wino_forward_request(const cnn_conv2d_shape *s, int taps, int out, bool allowed)
{
    return (cnn__mosaic_request){.n = s->n,
                                 .source_h = s->in_h,
                                 .source_w = s->in_w,
                                 .target_h = wino_computed_rows(s),
                                 .target_w = wino_computed_columns(s),
                                 .before_y = s->pad_top,
                                 .before_x = s->pad_left,
                                 .taps = taps,
                                 .out = out,
                                 .allowed = allowed && s->epilogue.pool == 0};
}

VEC_INLINE wino_image wino_gradient_image(const cnn_conv2d_shape *shape, const float *dy, const uint8_t *argmax)
{
    const int64_t cell = shape->epilogue.pool != 0 ? 2 : 1;
    return (wino_image){
        .data = dy, .argmax = argmax, .h = shape->out_h / cell, .w = shape->out_w / cell, .c = shape->out_c};
}

size_t CNN__VECTOR(cnn__wino_data_workspace)(const wino_kernels *kernels, const cnn_conv2d_shape *shape, cnn_pass pass,
                                             uint32_t threads);
size_t CNN__VECTOR(cnn__wino_prepared_size)(const wino_kernels *kernels, const cnn_conv2d_shape *shape);
size_t CNN__VECTOR(cnn__wino_filter_workspace)(const wino_kernels *kernels, const cnn_conv2d_shape *shape,
                                               uint32_t threads);
/* Every pass. */
cnn_status CNN__VECTOR(cnn__wino_conv2d)(const wino_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                                         const cnn_conv2d_args *args);
cnn_status CNN__VECTOR(cnn__wino_backward_filter)(const wino_kernels *kernels, const cnn_backend_call *call,
                                                  const cnn_conv2d_args *args);

#endif
