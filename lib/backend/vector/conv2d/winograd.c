/* SPDX-License-Identifier: MIT */
/* Winograd convolution, forward and to the input: filters are transformed once, then each task takes a block of
 * tiles through transform, side * side matrix products and inverse while all of it stays in the core's own cache. */
#include "backend/vector/conv2d/winograd_pass.h"

#define WINO_BLOCK 24 /* most tiles in a block: more need a larger cache, fewer reread the filters more often */
#define WINO_FAR_FILTERS ((size_t)1 << 20)   /* bytes of transformed filters that the core's own cache does not keep */
#define WINO_LARGE_FILTERS ((size_t)8 << 20) /* bytes of transformed filters that caches do not keep, and then: */
#define WINO_LARGE_BLOCK ((size_t)8 << 20)   /* bytes of a block's tiles, before and after, with large filters */
#define WINO_MIN_TASKS 16                    /* below this, blocks are divided by output channels too */
#define WINO_FILTER_ROWS 16                  /* input channels that one task transforms filters of */

/* What a worker's V holds, so that it is not computed again for the next split of the same block. */
typedef struct wino_scratch {
    int64_t block;
    char pad[56];
} wino_scratch;

/* Most tiles in a block. Filters that come from memory for each block are worth larger ones. */
static size_t most_tiles(const wino_pass *p)
{
    const size_t tile = p->planes * (p->v_row + p->column_blocks * CONV_COLUMNS) * sizeof(float);
    if (p->u_size <= WINO_LARGE_FILTERS || WINO_LARGE_BLOCK / tile <= WINO_BLOCK) {
        return WINO_BLOCK;
    }
    return cnn__max_size(WINO_BLOCK, WINO_LARGE_BLOCK / tile / CONV_ROWS * CONV_ROWS);
}

/* Parts of the output channels, so that there are tasks enough. */
static size_t splits_of(const wino_pass *p, size_t blocks)
{
    const size_t splits = blocks >= WINO_MIN_TASKS ? 1 : wino_blocks_of(WINO_MIN_TASKS, (int64_t)blocks);
    return cnn__min_size(splits, p->column_blocks);
}

static void plan_memory(wino_pass *p, uint32_t threads, void *workspace)
{
    p->planes = (size_t)(p->kernels->side * p->kernels->side);
    p->column_blocks = wino_blocks_of(p->columns, CONV_COLUMNS);
    p->v_row = wino_blocks_of(p->k, VEC_WIDTH) * VEC_WIDTH;
    p->u_plane = wino_plane(p->column_blocks * (size_t)p->k * CONV_COLUMNS);
    p->u_size = p->planes * p->u_plane * sizeof(float);
    p->blocks = wino_blocks_of(p->grid.tiles, (int64_t)most_tiles(p));
    p->block_tiles = cnn__min_size(most_tiles(p), (size_t)p->grid.most);
    p->splits = splits_of(p, p->blocks);
    /* Memory for any smaller number of images, too: one that has no mosaic has more tiles, and fewer splits. */
    const size_t least_splits = splits_of(p, wino_blocks_of(p->grid.most, (int64_t)most_tiles(p)));
    const size_t most_blocks = wino_blocks_of((int64_t)p->column_blocks, (int64_t)least_splits);
    p->v_tile = wino_plane(p->planes * p->v_row);
    p->m_tile = wino_plane(most_blocks * p->planes * CONV_COLUMNS);
    p->scratch_size = sizeof(wino_scratch) + p->block_tiles * (p->v_tile + p->m_tile) * sizeof(float);
    const size_t u_size = p->prepared ? 0 : p->u_size;
    p->u = workspace;
    p->scratch = workspace == NULL ? NULL : (char *)workspace + u_size;
    const bool always = !p->prepared && CNN__VECTOR(cnn__wino_has_rounds)(p, p->grid.most); /* for fewer images, too */
    p->workspace = cnn__max_size(always ? 0 : u_size + threads * p->scratch_size,
                                 CNN__VECTOR(cnn__wino_rounds_workspace)(p, threads));
}

static void plan_forward(wino_pass *p, const wino_kernels *kernels, const cnn_conv2d_shape *shape, bool prepared,
                         uint32_t threads, void *workspace)
{
    const cnn__mosaic_request request = wino_forward_request(shape, kernels->taps, kernels->out, !prepared);
    memset(p, 0, sizeof *p);
    p->kernels = kernels;
    p->prepared = prepared;
    p->n = shape->n;
    p->k = shape->in_c;
    p->columns = shape->out_c;
    p->pad_y = shape->pad_top;
    p->pad_x = shape->pad_left;
    p->source = (wino_image){.h = shape->in_h, .w = shape->in_w, .c = shape->in_c};
    p->out = (conv_output){.h = shape->out_h,
                           .w = shape->out_w,
                           .c = shape->out_c,
                           .activation = shape->epilogue.activation,
                           .alpha = shape->epilogue.alpha,
                           .pool = shape->epilogue.pool};
    if (shape->epilogue.pool != 0) {
        p->out.h /= 2;
        p->out.w /= 2;
    }
    p->grid = wino_grid_of(&request, &p->source.mosaic);
    p->out.mosaic = p->source.mosaic;
    plan_memory(p, threads, workspace);
}

/* The gradient of the input is the convolution of dy with turned filters, padded so that sizes come out right. */
static void plan_backward(wino_pass *p, const wino_kernels *kernels, const cnn_conv2d_shape *shape, uint32_t threads,
                          void *workspace)
{
    memset(p, 0, sizeof *p);
    p->kernels = kernels;
    p->turned = true;
    p->n = shape->n;
    p->k = shape->out_c;
    p->columns = shape->in_c;
    p->pad_y = kernels->taps - 1 - shape->pad_top;
    p->pad_x = kernels->taps - 1 - shape->pad_left;
    p->source = wino_gradient_image(shape, NULL, NULL);
    p->out = (conv_output){.h = shape->in_h, .w = shape->in_w, .c = shape->in_c, .activation = CNN_LINEAR};
    const cnn__mosaic_request request = {.n = shape->n,
                                         .source_h = shape->out_h,
                                         .source_w = shape->out_w,
                                         .target_h = shape->in_h,
                                         .target_w = shape->in_w,
                                         .before_y = p->pad_y,
                                         .before_x = p->pad_x,
                                         .taps = kernels->taps,
                                         .out = kernels->out,
                                         .allowed = shape->epilogue.pool == 0};
    p->grid = wino_grid_of(&request, &p->source.mosaic);
    p->out.mosaic = p->source.mosaic;
    plan_memory(p, threads, workspace);
}

static void filter_task(void *argument, size_t index, uint32_t worker)
{
    const wino_pass *p = argument;
    (void)worker;
    const size_t parts = wino_blocks_of(p->k, WINO_FILTER_ROWS);
    const size_t column = index / parts;
    const int64_t begin = (int64_t)(index % parts) * WINO_FILTER_ROWS;
    const int64_t end = wino_min(p->k, begin + WINO_FILTER_ROWS);
    for (int64_t k = begin; k < end; k++) {
        wino_transform_filters(p, k, (int64_t)column * CONV_COLUMNS,
                               p->u + (column * (size_t)p->k + (size_t)k) * CONV_COLUMNS, p->u_plane);
    }
}

static void transform_block(const wino_pass *p, size_t first, size_t last, float *v)
{
    for (size_t t = first; t < last; t++) {
        const wino_tile tile = {v + (t - first) * p->v_tile, p->v_row, CONV_COLUMNS, 0, (int64_t)p->v_row};
        wino_transform_tile(p, t, &tile);
    }
}

/* M[tile][column block][plane][column] = sum over k of V[tile][plane][k] * U[plane][column block][k][column]. */
static void multiply_block(const wino_pass *p, size_t tiles, size_t column_begin, size_t column_end, const float *v,
                           float *m)
{
    const size_t panel = (size_t)p->k * CONV_COLUMNS;
    for (size_t plane = 0; plane < p->planes; plane++) {
        const float *a = v + plane * p->v_row;
        const float *b = p->u + plane * p->u_plane;
        conv_product product = {.a = &a, .b = &b, .pieces = 1, .length = (size_t)p->k, .a_row = p->v_tile};
        product.b_step = CONV_COLUMNS;
        product.c_row = p->m_tile;
        product.sums = CONV_SUMS_REPLACE;
        for (size_t column = column_begin; column < column_end; column++) {
            product.b_offset = column * panel;
            product.c = m + ((column - column_begin) * p->planes + plane) * CONV_COLUMNS;
            if (p->u_size >= WINO_FAR_FILTERS) {
                product.next = column + 1 < column_end ? b + product.b_offset + panel
                                                       : b + p->u_plane + column_begin * panel;
            }
            CNN__VECTOR(cnn__conv_tile_add_rows)(&product, tiles);
        }
    }
}

static void block_task(void *argument, size_t index, uint32_t worker)
{
    const wino_pass *p = argument;
    wino_scratch *scratch = (wino_scratch *)(p->scratch + worker * p->scratch_size);
    float *v = (float *)(scratch + 1);
    float *m = v + p->block_tiles * p->v_tile;
    const size_t block = index / p->splits, split = index % p->splits;
    const size_t first = block * (size_t)p->grid.tiles / p->blocks;
    const size_t last = (block + 1) * (size_t)p->grid.tiles / p->blocks;
    const size_t column_begin = split * p->column_blocks / p->splits;
    const size_t column_end = (split + 1) * p->column_blocks / p->splits;
    if (scratch->block != (int64_t)block) {
        transform_block(p, first, last, v);
        scratch->block = (int64_t)block;
    }
    multiply_block(p, last - first, column_begin, column_end, v, m);
    const int64_t c = (int64_t)(column_begin * CONV_COLUMNS);
    const int64_t count = wino_min(p->columns, (int64_t)(column_end * CONV_COLUMNS)) - c;
    for (size_t t = first; t < last; t++) {
        wino_invert_tile(p, t, m + (t - first) * p->m_tile, c, count);
    }
    if (p->out.streams) {
        vec_stream_end();
    }
}

static void transform_filters(const cnn_backend_call *call, wino_pass *p)
{
    call->parallel(call, p->column_blocks * wino_blocks_of(p->k, WINO_FILTER_ROWS), filter_task, p);
}

static cnn_status run(const cnn_backend_call *call, wino_pass *p)
{
    if (!cnn__has_workspace(call, p->workspace)) {
        return CNN_ERROR_BACKEND;
    }
    p->out.streams = conv_streams(&p->out, p->n, true);
    if (CNN__VECTOR(cnn__wino_has_rounds)(p, p->grid.tiles)) {
        CNN__VECTOR(cnn__wino_run_rounds)(call, p);
        return CNN_OK;
    }
    for (uint32_t i = 0; i < call->threads; i++) {
        ((wino_scratch *)(p->scratch + i * p->scratch_size))->block = -1;
    }
    if (!p->prepared) {
        transform_filters(call, p);
    }
    call->parallel(call, p->blocks * p->splits, block_task, p);
    return CNN_OK;
}

size_t CNN__VECTOR(cnn__wino_data_workspace)(const wino_kernels *kernels, const cnn_conv2d_shape *shape, cnn_pass pass,
                                             uint32_t threads)
{
    wino_pass p;
    if (pass == CNN_PASS_BACKWARD_DATA) {
        plan_backward(&p, kernels, shape, threads, NULL);
        return p.workspace;
    }
    plan_forward(&p, kernels, shape, pass == CNN_PASS_INFERENCE, threads, NULL);
    return p.workspace;
}

size_t CNN__VECTOR(cnn__wino_prepared_size)(const wino_kernels *kernels, const cnn_conv2d_shape *shape)
{
    wino_pass p;
    plan_forward(&p, kernels, shape, true, 1, NULL);
    return p.u_size;
}

static cnn_status forward(const wino_kernels *kernels, const cnn_backend_call *call, const cnn_conv2d_args *args,
                          bool prepared)
{
    wino_pass p;
    plan_forward(&p, kernels, &args->shape, prepared, call->threads, call->workspace);
    if (prepared) {
        p.u = args->prepared;
    }
    p.source.data = args->x;
    p.filters = args->filters;
    p.out.bias = args->bias;
    p.out.y = args->y;
    p.out.argmax = args->argmax;
    return run(call, &p);
}

static cnn_status backward_data(const wino_kernels *kernels, const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    wino_pass p;
    plan_backward(&p, kernels, &args->shape, call->threads, call->workspace);
    p.source.data = args->dy;
    p.source.argmax = args->shape.epilogue.pool != 0 ? args->argmax : NULL;
    p.filters = args->filters;
    p.out.y = args->dx;
    return run(call, &p);
}

static cnn_status prepare(const wino_kernels *kernels, const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    wino_pass p;
    plan_forward(&p, kernels, &args->shape, true, call->threads, args->prepared);
    p.filters = args->filters;
    transform_filters(call, &p);
    return CNN_OK;
}

cnn_status CNN__VECTOR(cnn__wino_conv2d)(const wino_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                                         const cnn_conv2d_args *args)
{
    switch (pass) {
    case CNN_PASS_FORWARD:
        return forward(kernels, call, args, false);
    case CNN_PASS_INFERENCE:
        return forward(kernels, call, args, true);
    case CNN_PASS_PREPARE:
        return prepare(kernels, call, args);
    case CNN_PASS_BACKWARD_DATA:
        return backward_data(kernels, call, args);
    case CNN_PASS_BACKWARD_FILTER:
        return CNN__VECTOR(cnn__wino_backward_filter)(kernels, call, args);
    default:
        return CNN_ERROR_UNSUPPORTED;
    }
}
