/* SPDX-License-Identifier: MIT */
/* The Winograd filter gradient: tiles of x and of dy are transformed alike and their products summed over all tiles
 * in the transformed domain, F(r x r, m x m), so that each filter is transformed back once.
 *
 * While the sums are small, the tiles are divided into parts with sums of their own, which are added in order at the
 * end. Large sums exist once: all workers transform a chunk of tiles, then each multiplies planes of it. If all chunks
 * can be kept, sums are transformed back while they are near, a block of input by a block of output channels at a
 * time, to the same bits. All divisions follow from the shape alone. */
#include <string.h>

#include "backend/vector/conv2d/winograd_driver.h"

#define WINO_GRADIENT_BLOCK 48       /* tiles transformed at once: sums are read and written once for each block */
#define WINO_GRADIENT_TASKS 8        /* parts times splits, if the shape allows it */
#define WINO_GRADIENT_MIN_TILES 96   /* of a part */
#define WINO_GRADIENT_MIN_COLUMNS 64 /* of a split: each split transforms x anew */
#define WINO_GRADIENT_SUMS ((size_t)6 << 20)    /* bytes of sums that more parts may take */
#define WINO_GRADIENT_SHARED ((size_t)3 << 19)  /* bytes of sums from which on they exist once */
#define WINO_GRADIENT_CHUNK ((size_t)8 << 20)   /* bytes of transformed tiles in a chunk */
#define WINO_GRADIENT_SINGLE ((size_t)16 << 20) /* bytes of transformed tiles that may be the only chunk */
#define WINO_GRADIENT_WHOLE ((size_t)24 << 20) /* bytes of transformed tiles that are kept until all chunks are there */
#define WINO_GRADIENT_GROUPS 16                /* tasks that transform a chunk */
#define SUM_TILE (CONV_COLUMNS * CONV_COLUMNS) /* values: input channels by output channels, in one piece */

typedef struct wino_gradient {
    const wino_kernels *kernels;
    wino_image x, dy;
    float *d_filters, *d_bias;
    int64_t k, columns, pad_y, pad_x;
    wino_grid grid;
    int shared; /* 1: chunks of tiles for all workers; 0: parts */
    int whole;  /* 1: all chunks are kept, sums are the worker's own, of one pair of blocks */
    size_t parts, splits, block_tiles, chunk_tiles, planes, bias_parts;
    size_t chunk_first, chunk_count;                /* tiles of the chunk at hand */
    size_t row_blocks, column_blocks, split_blocks; /* blocks of CONV_COLUMNS channels; the last: most in a split */
    size_t v_plane, d_plane, sum_plane, sum_part, bias_part; /* values */
    float *sums;                                             /* [part][plane][row block][column block][SUM_TILE] */
    float *bias_sums;                                        /* [part][column block][CONV_COLUMNS] */
    char *scratch;                                           /* of each worker, or shared: V, D */
    size_t scratch_size, workspace;                          /* bytes */
} wino_gradient;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* Parts are best, as they repeat nothing, as long as their sums are small; splits make up for the rest. */
static void plan_division(wino_gradient *p)
{
    const size_t bytes = p->sum_part * sizeof(float);
    p->shared = bytes >= WINO_GRADIENT_SHARED;
    if (p->shared) {
        const size_t tile = p->planes * (p->row_blocks + p->column_blocks) * CONV_COLUMNS * sizeof(float);
        p->whole = (size_t)p->grid.most * tile <= WINO_GRADIENT_WHOLE;
        p->parts = p->splits = 1;
        p->bias_parts = WINO_GRADIENT_GROUPS;
        const size_t most = (size_t)p->grid.most, chunk = larger(WINO_GRADIENT_BLOCK, WINO_GRADIENT_CHUNK / tile);
        p->chunk_tiles = most * tile <= WINO_GRADIENT_SINGLE ? most : smaller(most, chunk);
        p->block_tiles = p->whole ? most : p->chunk_tiles;
        return;
    }
    const size_t by_memory = larger(1, WINO_GRADIENT_SUMS / bytes);
    const size_t by_tiles = larger(1, (size_t)p->grid.most / WINO_GRADIENT_MIN_TILES);
    p->parts = smaller(WINO_GRADIENT_TASKS, smaller(by_memory, by_tiles));
    const size_t most = larger(1, p->column_blocks * CONV_COLUMNS / WINO_GRADIENT_MIN_COLUMNS);
    p->splits = smaller(most, WINO_GRADIENT_TASKS / p->parts);
    p->bias_parts = p->parts;
    p->block_tiles = smaller(WINO_GRADIENT_BLOCK, wino_blocks_of(p->grid.most, (int64_t)p->parts));
}

static void plan_memory(wino_gradient *p, uint32_t threads, void *workspace)
{
    p->bias_part = p->column_blocks * CONV_COLUMNS;
    p->v_plane = wino_plane(p->row_blocks * p->block_tiles * CONV_COLUMNS);
    p->d_plane = wino_plane(p->split_blocks * p->block_tiles * CONV_COLUMNS);
    p->scratch_size = p->planes * (p->v_plane + p->d_plane) * sizeof(float);
    const size_t near = threads * p->planes * SUM_TILE, values = p->whole ? near : p->parts * p->sum_part;
    const size_t sums = wino_blocks_of((int64_t)((values + p->bias_parts * p->bias_part) * sizeof(float)), 64) * 64;
    p->workspace = sums + (p->shared ? 1 : threads) * p->scratch_size;
    if (p->shared && !p->whole) { /* a smaller batch may be done as a whole, in up to so much memory */
        const size_t bias = (p->bias_parts * p->bias_part + 2 * p->planes * wino_plane(0)) * sizeof(float);
        p->workspace = larger(p->workspace, WINO_GRADIENT_WHOLE + near * sizeof(float) + bias + 64);
    }
    p->sums = workspace;
    p->bias_sums = workspace == NULL ? NULL : p->sums + values;
    p->scratch = workspace == NULL ? NULL : (char *)workspace + wino_blocks_of((int64_t)sums, 64) * 64;
}

static void plan_gradient(wino_gradient *p, const wino_kernels *kernels, const cnn_conv2d_shape *shape,
                          uint32_t threads, void *workspace)
{
    memset(p, 0, sizeof *p);
    p->kernels = kernels;
    p->k = shape->in_c;
    p->columns = shape->out_c;
    p->pad_y = shape->pad_top;
    p->pad_x = shape->pad_left;
    p->x = (wino_image){.h = shape->in_h, .w = shape->in_w, .c = shape->in_c};
    p->dy = wino_gradient_image(shape, NULL, NULL);
    const cnn__mosaic_request request = wino_forward_request(shape, kernels->taps, kernels->out, true);
    p->grid = wino_grid_of(&request, &p->x.mosaic);
    p->dy.mosaic = p->x.mosaic;
    p->planes = (size_t)(kernels->side * kernels->side);
    p->row_blocks = wino_blocks_of(p->k, CONV_COLUMNS);
    p->column_blocks = wino_blocks_of(p->columns, CONV_COLUMNS);
    p->sum_plane = wino_plane(p->row_blocks * p->column_blocks * SUM_TILE);
    p->sum_part = p->planes * p->sum_plane;
    plan_division(p);
    p->split_blocks = wino_blocks_of((int64_t)p->column_blocks, (int64_t)p->splits);
    plan_memory(p, threads, workspace);
}

/* Tiles [first, first + count) of the grid to places [place, place + count) of V and D. */
static void transform_tiles(const wino_gradient *p, size_t first, size_t count, size_t place, cnn__range columns,
                            float *v, float *d, float *bias_sum)
{
    const size_t block = p->block_tiles * CONV_COLUMNS;
    const int64_t c = (int64_t)(columns.begin * CONV_COLUMNS), out = p->kernels->out;
    const int64_t x_channels = (int64_t)(p->row_blocks * CONV_COLUMNS);
    const int64_t dy_channels = (int64_t)((columns.end - columns.begin) * CONV_COLUMNS);
    for (size_t t = 0; t < count; t++) {
        const wino_place at = wino_place_of(&p->grid, first + t);
        const wino_tile x_tile = {v + (place + t) * CONV_COLUMNS, p->v_plane, block, 0, x_channels};
        const wino_tile dy_tile = {d + (place + t) * CONV_COLUMNS, p->d_plane, block, c, dy_channels};
        p->kernels->input(&p->x, at.n, at.ty * out - p->pad_y, at.tx * out - p->pad_x, 2 * out, &x_tile);
        p->kernels->gradient(&p->dy, at.n, at.ty * out, at.tx * out, 2 * out, &dy_tile, bias_sum);
    }
}

/* sums[plane][k][column] += sum over `count` tiles of V[plane][k][tile] * D[plane][column][tile], of one plane. */
static void multiply_plane(const wino_gradient *p, size_t plane, size_t count, cnn__range columns, const float *v,
                           const float *d, float *sums, int is_first)
{
    const size_t block = p->block_tiles * CONV_COLUMNS;
    const float *a = v + plane * p->v_plane;
    const float *b = d + plane * p->d_plane;
    conv_product product = {.a = &a, .b = &b, .pieces = 1, .length = count, .a_step = CONV_COLUMNS};
    product.b_step = CONV_COLUMNS;
    product.c_row = CONV_COLUMNS;
    product.sums = is_first ? CONV_SUMS_REPLACE : CONV_SUMS_ADD;
    for (size_t row = 0; row < p->row_blocks; row++) {
        const size_t rows = smaller(CONV_COLUMNS, (size_t)p->k - row * CONV_COLUMNS);
        product.a_offset = row * block;
        for (size_t column = columns.begin; column < columns.end; column++) {
            product.b_offset = (column - columns.begin) * block;
            product.c = sums + plane * p->sum_plane + (row * p->column_blocks + column) * SUM_TILE;
            CNN__VECTOR(cnn__conv_tile_add)(&product, rows);
        }
    }
}

/* One part of the tiles, one split of the columns, by one worker from beginning to end. */
static void sum_task(void *argument, size_t index, uint32_t worker)
{
    const wino_gradient *p = argument;
    float *v = (float *)(p->scratch + worker * p->scratch_size);
    float *d = v + p->planes * p->v_plane;
    const size_t part = index / p->splits, split = index % p->splits;
    const cnn__range columns = {split * p->column_blocks / p->splits, (split + 1) * p->column_blocks / p->splits};
    float *sums = p->sums + part * p->sum_part;
    float *bias_sum = p->bias_sums + part * p->bias_part + columns.begin * CONV_COLUMNS;
    memset(bias_sum, 0, (columns.end - columns.begin) * CONV_COLUMNS * sizeof(float));
    const size_t first = part * (size_t)p->grid.tiles / p->parts, last = (part + 1) * (size_t)p->grid.tiles / p->parts;
    for (size_t t = first; t < last;) {
        const size_t count = smaller(p->block_tiles, last - t);
        transform_tiles(p, t, count, 0, columns, v, d, bias_sum);
        for (size_t plane = 0; plane < p->planes; plane++) {
            multiply_plane(p, plane, count, columns, v, d, sums, t == first);
        }
        t += count;
    }
}

/* Filters of one input channel and one block of output channels, from `parts` sums a distance `part` apart. */
static void store_filters(const wino_gradient *p, size_t k, size_t column, const float *sums, size_t plane, size_t part,
                          size_t parts)
{
    const size_t taps = (size_t)(p->kernels->taps * p->kernels->taps), columns = (size_t)p->columns;
    const size_t first = column * CONV_COLUMNS, size = smaller(CONV_COLUMNS, columns - first) * sizeof(float);
    float rows[WINO_MAX_TAPS * WINO_MAX_TAPS * CONV_COLUMNS];
    p->kernels->filter_gradient(sums, plane, part, parts, rows);
    for (size_t t = 0; t < taps; t++) {
        memcpy(p->d_filters + (t * (size_t)p->k + k) * columns + first, rows + t * CONV_COLUMNS, size);
    }
}

static void chunk_transform_task(void *argument, size_t group, uint32_t worker)
{
    const wino_gradient *p = argument;
    (void)worker;
    const cnn__range tiles = cnn__part_range(p->chunk_count, WINO_GRADIENT_GROUPS, group);
    const cnn__range columns = {0, p->column_blocks};
    const size_t first = p->chunk_first + tiles.begin, place = p->whole ? first : tiles.begin;
    float *v = (float *)p->scratch, *bias_sum = p->bias_sums + group * p->bias_part;
    if (p->chunk_first == 0) {
        memset(bias_sum, 0, p->bias_part * sizeof(float));
    }
    transform_tiles(p, first, tiles.end - tiles.begin, place, columns, v, v + p->planes * p->v_plane, bias_sum);
}

static void chunk_multiply_task(void *argument, size_t plane, uint32_t worker)
{
    const wino_gradient *p = argument;
    (void)worker;
    const float *v = (const float *)p->scratch;
    const cnn__range columns = {0, p->column_blocks};
    multiply_plane(p, plane, p->chunk_count, columns, v, v + p->planes * p->v_plane, p->sums, p->chunk_first == 0);
}

static size_t chunks_of(const wino_gradient *p) { return wino_blocks_of(p->grid.tiles, (int64_t)p->chunk_tiles); }

static cnn__range chunk_at(const wino_gradient *p, size_t index)
{
    return cnn__part_range((size_t)p->grid.tiles, chunks_of(p), index);
}

static void sum_chunks(const cnn_backend_call *call, wino_gradient *p)
{
    for (size_t i = 0; i < chunks_of(p); i++) {
        const cnn__range range = chunk_at(p, i);
        p->chunk_first = range.begin;
        p->chunk_count = range.end - range.begin;
        call->parallel(call, WINO_GRADIENT_GROUPS, chunk_transform_task, p);
        if (!p->whole) {
            call->parallel(call, p->planes, chunk_multiply_task, p);
        }
    }
}

/* One plane of a pair of blocks: chunk after chunk, whose sums are added as if each were written before the next. */
static void multiply_pair(const wino_gradient *p, const float *a, const float *b, size_t channels, float *sums)
{
    conv_product product = {.a = &a, .b = &b, .pieces = 1, .a_step = CONV_COLUMNS, .b_step = CONV_COLUMNS};
    product.c = sums;
    product.c_row = CONV_COLUMNS;
    for (size_t i = 0; i < chunks_of(p); i++) {
        const cnn__range chunk = chunk_at(p, i);
        product.length = chunk.end - chunk.begin;
        product.a_offset = product.b_offset = chunk.begin * CONV_COLUMNS;
        product.sums = i == 0 ? CONV_SUMS_REPLACE : CONV_SUMS_ADD;
        product.next = b + p->d_plane + product.b_offset;
        CNN__VECTOR(cnn__conv_tile_add)(&product, channels);
    }
}

/* One block of input channels with all of the output channels, from products to filters. */
static void whole_task(void *argument, size_t row, uint32_t worker)
{
    const wino_gradient *p = argument;
    const size_t block = p->block_tiles * CONV_COLUMNS;
    const size_t channels = smaller(CONV_COLUMNS, (size_t)p->k - row * CONV_COLUMNS);
    const float *v = (const float *)p->scratch + row * block, *d = (const float *)p->scratch + p->planes * p->v_plane;
    float *sums = p->sums + worker * p->planes * SUM_TILE;
    for (size_t column = 0; column < p->column_blocks; column++, d += block) {
        for (size_t plane = 0; plane < p->planes; plane++) {
            multiply_pair(p, v + plane * p->v_plane, d + plane * p->d_plane, channels, sums + plane * SUM_TILE);
        }
        for (size_t k = 0; k < channels; k++) {
            store_filters(p, row * CONV_COLUMNS + k, column, sums + k * CONV_COLUMNS, SUM_TILE, 0, 1);
        }
    }
}

/* One input channel's filters, from the sums of all parts. */
static void filter_task(void *argument, size_t k, uint32_t worker)
{
    const wino_gradient *p = argument;
    (void)worker;
    for (size_t column = 0; column < p->column_blocks; column++) {
        const float *sums = p->sums + (k / CONV_COLUMNS * p->column_blocks + column) * SUM_TILE +
                            k % CONV_COLUMNS * CONV_COLUMNS;
        store_filters(p, k, column, sums, p->sum_plane, p->sum_part, p->parts);
    }
}

size_t CNN__VECTOR(cnn__wino_filter_workspace)(const wino_kernels *kernels, const cnn_conv2d_shape *shape,
                                               uint32_t threads)
{
    wino_gradient p;
    plan_gradient(&p, kernels, shape, threads, NULL);
    return p.workspace;
}

cnn_status CNN__VECTOR(cnn__wino_backward_filter)(const wino_kernels *kernels, const cnn_backend_call *call,
                                                  const cnn_conv2d_args *args)
{
    wino_gradient p;
    plan_gradient(&p, kernels, &args->shape, call->threads, call->workspace);
    if (!cnn__has_workspace(call, p.workspace)) {
        return CNN_ERROR_BACKEND;
    }
    p.x.data = args->x;
    p.dy.data = args->dy;
    p.dy.argmax = args->shape.epilogue.pool != 0 ? args->argmax : NULL;
    p.d_filters = args->d_filters;
    if (p.shared) {
        sum_chunks(call, &p);
    } else {
        call->parallel(call, p.parts * p.splits, sum_task, &p);
    }
    if (p.whole) {
        call->parallel(call, p.row_blocks, whole_task, &p);
    } else {
        call->parallel(call, (size_t)p.k, filter_task, &p);
    }
    for (int64_t c = 0; args->d_bias != NULL && c < p.columns; c++) {
        float sum = p.bias_sums[c];
        for (size_t part = 1; part < p.bias_parts; part++) {
            sum += p.bias_sums[part * p.bias_part + (size_t)c];
        }
        args->d_bias[c] = sum;
    }
    return CNN_OK;
}
