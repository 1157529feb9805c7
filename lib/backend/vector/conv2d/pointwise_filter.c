/* SPDX-License-Identifier: MIT */
/* The filter gradient of 1x1 convolutions: x transposed times dy, summed over pixels. Pixels are divided into parts
 * and output channels into splits, by the shape alone; each part has sums of its own, added in order at the end. */
#include "backend/vector/conv2d/conv2d_kernels.h"
#include "backend/vector/conv2d/pointwise.h"
#include "backend/vector/dense_pack.h"
#include "backend/vector/dense_tile.h"
#include "backend/vector/norm_sums.h"

#define GRADIENT_TASKS 16                             /* parts times splits, if the shape allows it */
#define GRADIENT_SUMS ((size_t)8 << 20)               /* bytes of sums that more parts may take */
#define GRADIENT_PIXELS 128                           /* handled together: sums are read and written once for them */
#define GRADIENT_COLUMNS 256                          /* most channels of dy in a split */
#define AHEAD_BLOCKS 2                                /* of CONV_COLUMNS channels of x */
#define STEPS_SIZE (GRADIENT_PIXELS * CONV_ROWS + 16) /* values: the last vector reaches over the last pixel */

typedef struct pointwise_gradient {
    const cnn_conv2d_shape *shape;
    const float *x, *dy;
    float *d_filters;
    bool wants_bias;
    size_t pixels, depth;           /* of dy; rows of a group's filters */
    size_t channels;                /* of a group, of dy */
    size_t blocks_of_group, blocks; /* of CONV_COLUMNS channels of dy */
    size_t width, sum_part;         /* of a row of sums; values of a part */
    size_t parts, splits;
    double *bias_sums; /* [part][width] */
    float *sums;       /* [part][depth][width] */
    char *scratch;     /* of each worker: panels of x and of dy */
    size_t scratch_size, workspace;
} pointwise_gradient;

static pointwise_gradient plan(const cnn_conv2d_shape *s, uint32_t threads, void *workspace)
{
    const size_t groups = (size_t)s->groups;
    pointwise_gradient p = {.shape = s, .pixels = (size_t)(s->n * s->out_h * s->out_w)};
    p.depth = (size_t)s->in_c / groups;
    p.channels = (size_t)s->out_c / groups;
    p.blocks_of_group = cnn__div_up(p.channels, CONV_COLUMNS);
    p.blocks = groups * p.blocks_of_group;
    p.width = p.blocks * CONV_COLUMNS;
    p.sum_part = p.depth * p.width;
    const size_t by_memory = cnn__max_size(1, GRADIENT_SUMS / (p.sum_part * sizeof(float)));
    p.parts = cnn__min_size(cnn__div_up(p.pixels, GRADIENT_PIXELS), cnn__min_size(GRADIENT_TASKS, by_memory));
    const size_t least = cnn__div_up(p.blocks, GRADIENT_COLUMNS / CONV_COLUMNS);
    p.splits = cnn__max_size(least, cnn__min_size(p.blocks, cnn__div_up(GRADIENT_TASKS, p.parts)));
    const size_t columns = cnn__min_size(GRADIENT_COLUMNS, p.width);
    p.scratch_size = (STEPS_SIZE + GRADIENT_PIXELS * columns) * sizeof(float);
    const size_t bias = p.parts * p.width * sizeof(double), sums = p.parts * p.sum_part * sizeof(float);
    p.workspace = bias + sums + threads * p.scratch_size;
    p.bias_sums = workspace;
    p.sums = workspace == NULL ? NULL : (float *)((char *)workspace + bias);
    p.scratch = workspace == NULL ? NULL : (char *)workspace + bias + sums;
    return p;
}

/* Pixels of x in the order of those of dy, up to CONV_ROWS channels of them. Those `ahead` values further come next,
 * and are asked for here if it is not 0. A whole vector is stored, which may reach into the next pixel's place: that is
 * filled after it. */
static void pack_pixels(const float *const *pixels, size_t count, size_t first, size_t rows, size_t ahead, float *to)
{
    for (size_t k = 0; k < count; k++, to += CONV_ROWS) {
        if (ahead > 0) {
            __builtin_prefetch(pixels[k] + first + ahead, 0, 2);
        }
        if (VEC_WIDTH >= CONV_ROWS) {
            vec_store(to, vec_load_n(pixels[k] + first, rows));
        } else {
            pack_steps(pixels[k] + first, 0, 1, rows, to);
        }
    }
}

static void add_bias(const float *panel, size_t count, double *sums)
{
    vec_f sum[2] = {{0}, {0}};
    for (size_t k = 0; k < count; k++, panel += CONV_COLUMNS) {
        sum[0] += vec_load(panel);
        sum[1] += vec_load(panel + VEC_WIDTH);
    }
    norm_add_sums(sums, sum[0], VEC_WIDTH);
    norm_add_sums(sums + VEC_WIDTH, sum[1], VEC_WIDTH);
}

/* Pixels that are handled together, and what of dy is to be added: blocks [begin, end) of one group. */
typedef struct pointwise_chunk {
    const float *const *pixels; /* of x */
    size_t first, count;        /* the first one's number */
    cnn__range blocks;
    const float *panels; /* of dy */
    bool adds;
} pointwise_chunk;

/* CONV_COLUMNS channels of as many pixels as a chunk has, from `from` on. */
static dense_ahead ask_for(const pointwise_chunk *chunk, const float *from, size_t channels)
{
    return (dense_ahead){.from = from,
                         .groups = chunk->count / DENSE_GROUP,
                         .step = DENSE_GROUP * channels,
                         .count = DENSE_GROUP,
                         .apart = channels};
}

/* What product number `call` of `calls` asks for: packing would do nothing but wait. The requests of a chunk, evenly
 * among its products, are the blocks of dy that the next one begins with, and of x, where its pixels lie one after
 * another, the channels that come AHEAD_BLOCKS after those at hand, at the end those of the next chunk. */
static dense_ahead choose_ahead(const pointwise_gradient *p, const pointwise_chunk *chunk, size_t call, size_t calls)
{
    const size_t in_c = (size_t)p->shape->in_c, out_c = (size_t)p->shape->out_c;
    const size_t of_dy = chunk->blocks.end - chunk->blocks.begin;
    const size_t of_x = pointwise_is_dense(p->shape) ? cnn__div_up(p->depth, CONV_COLUMNS) : 0;
    const size_t request = call * (of_dy + of_x) / calls, next = chunk->first + GRADIENT_PIXELS;
    if ((call + 1) * (of_dy + of_x) / calls == request) {
        return (dense_ahead){0};
    }
    if (request < of_dy) {
        const size_t block = chunk->blocks.begin + request;
        const size_t first = pointwise_block_of(block, p->blocks_of_group, p->channels).first;
        return ask_for(chunk, p->dy + next * out_c + first, out_c);
    }
    const size_t block = request - of_dy + cnn__min_size(AHEAD_BLOCKS, of_x),
                 group = chunk->blocks.begin / p->blocks_of_group;
    const size_t pixel = block < of_x ? chunk->first : next;
    return ask_for(chunk, p->x + pixel * in_c + group * p->depth + block % of_x * CONV_COLUMNS, in_c);
}

/* What a chunk gives to the rows of one group's filters. */
static void add_group(const pointwise_gradient *p, const pointwise_chunk *chunk, float *steps, float *sums)
{
    const size_t group = chunk->blocks.begin / p->blocks_of_group, count = chunk->count;
    const size_t tiles = cnn__div_up(p->depth, CONV_ROWS); /* nearly equal ones: a low tile does not fill the units */
    const size_t blocks = chunk->blocks.end - chunk->blocks.begin;
    const size_t ahead = pointwise_is_dense(p->shape)
                             ? 0
                             : GRADIENT_PIXELS * (size_t)p->shape->stride_w * (size_t)p->shape->in_c;
    for (size_t tile_index = 0; tile_index < tiles; tile_index++) {
        const cnn__range range = cnn__part_range(p->depth, tiles, tile_index);
        const size_t first = range.begin, rows = range.end - range.begin;
        pack_pixels(chunk->pixels, count, group * p->depth + first, rows, ahead, steps);
        for (size_t block = chunk->blocks.begin; block < chunk->blocks.end; block++) {
            dense_tile tile = {.a = steps,
                               .b = chunk->panels + (block - chunk->blocks.begin) * count * CONV_COLUMNS,
                               .depth = count,
                               .c = sums + first * p->width + block * CONV_COLUMNS,
                               .c_row = p->width,
                               .adds = chunk->adds};
            tile.ahead = choose_ahead(p, chunk, tile_index * blocks + block - chunk->blocks.begin, tiles * blocks);
            dense_tile_by_steps(&tile, rows);
        }
    }
}

static void sum_task(void *argument, size_t index, uint32_t worker)
{
    const pointwise_gradient *p = argument;
    const size_t part = index / p->splits, out_c = (size_t)p->shape->out_c;
    const cnn__range range = cnn__part_range(p->pixels, p->parts, part);
    const cnn__range blocks = cnn__part_range(p->blocks, p->splits, index % p->splits);
    float *steps = (float *)(p->scratch + worker * p->scratch_size), *panels = steps + STEPS_SIZE;
    float *sums = p->sums + part * p->sum_part;
    double *bias_sums = p->bias_sums + part * p->width;
    const float *pixels[GRADIENT_PIXELS];
    memset(bias_sums + blocks.begin * CONV_COLUMNS, 0, (blocks.end - blocks.begin) * CONV_COLUMNS * sizeof(double));
    for (size_t first = range.begin; first < range.end; first += GRADIENT_PIXELS) {
        const size_t count = cnn__min_size(GRADIENT_PIXELS, range.end - first);
        for (size_t k = 0; k < count; k++) {
            pixels[k] = p->x + pointwise_pixel(p->shape, first + k) * (size_t)p->shape->in_c;
        }
        for (size_t b = blocks.begin; b < blocks.end; b++) {
            const pointwise_block block = pointwise_block_of(b, p->blocks_of_group, p->channels);
            float *panel = panels + (b - blocks.begin) * count * CONV_COLUMNS;
            pack_panel(p->dy + first * out_c + block.first, out_c, count, block.count, panel);
            if (p->wants_bias) {
                add_bias(panel, count, bias_sums + b * CONV_COLUMNS);
            }
        }
        for (cnn__range some = {blocks.begin, 0}; some.begin < blocks.end; some.begin = some.end) {
            some.end = cnn__min_size(blocks.end, (some.begin / p->blocks_of_group + 1) * p->blocks_of_group);
            const float *group_panels = panels + (some.begin - blocks.begin) * count * CONV_COLUMNS;
            const pointwise_chunk chunk = {pixels, first, count, some, group_panels, first > range.begin};
            add_group(p, &chunk, steps, sums);
        }
    }
}

/* Adds the parts of rows [begin, end) of the filters, in order. */
static void join_rows(const void *argument, size_t begin, size_t end)
{
    const pointwise_gradient *p = argument;
    for (size_t row = begin; row < end; row++) {
        for (size_t b = 0; b < p->blocks; b++) {
            const pointwise_block block = pointwise_block_of(b, p->blocks_of_group, p->channels);
            const float *from = p->sums + row * p->width + b * CONV_COLUMNS;
            float *to = p->d_filters + row * (size_t)p->shape->out_c + block.first;
            for (size_t i = 0; i < block.count; i += VEC_WIDTH) {
                vec_f sum = vec_load(from + i);
                for (size_t part = 1; part < p->parts; part++) {
                    sum += vec_load(from + part * p->sum_part + i);
                }
                vec_store_n(to + i, sum, block.count - i);
            }
        }
    }
}

size_t CNN__VECTOR(cnn__pointwise_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads)
{
    return plan(shape, threads, NULL).workspace;
}

cnn_status CNN__VECTOR(cnn__pointwise_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    pointwise_gradient p = plan(&args->shape, call->threads, call->workspace);
    if (!cnn__has_workspace(call, p.workspace)) {
        return CNN_ERROR_BACKEND;
    }
    p.x = args->x;
    p.dy = args->dy;
    p.d_filters = args->d_filters;
    p.wants_bias = args->d_bias != NULL;
    call->parallel(call, p.parts * p.splits, sum_task, &p);
    cnn__for_spans(call, p.depth, 16, join_rows, &p);
    for (size_t b = 0; args->d_bias != NULL && b < p.blocks; b++) {
        const pointwise_block block = pointwise_block_of(b, p.blocks_of_group, p.channels);
        for (size_t i = 0; i < block.count; i++) {
            double sum = 0;
            for (size_t part = 0; part < p.parts; part++) {
                sum += p.bias_sums[part * p.width + b * CONV_COLUMNS + i];
            }
            args->d_bias[block.first + i] = (float)sum;
        }
    }
    return CNN_OK;
}
