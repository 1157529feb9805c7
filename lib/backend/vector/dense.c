/* SPDX-License-Identifier: MIT */
/* Dense layers of more than a few rows, as products C = A B in tiles of outputs that the shape alone decides. A tile
 * copies the piece of B that it needs into panels of one register tile's width, some of the depth at a time, and keeps
 * its sums in the second-level cache until bias and activation have been applied. */
#include <string.h>

#include "backend/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/conv_tile.h"
#include "backend/vector/kernels.h"
#include "core/error.h"

#define DENSE_DEPTH 256     /* of a panel: 16 KB, half of a first-level cache */
#define DENSE_COLUMNS 64    /* most columns of a tile */
#define DENSE_ROWS 240      /* most rows of a tile */
#define DENSE_AHEAD 12       /* rows of B that are asked for before they are copied */
#define DENSE_MIN_TILES 16  /* below this, tiles are narrower */
#define DENSE_MIN_FORWARD 32 /* outputs from which on this beats the few sums of a narrow layer */

typedef struct dense_product {
    const float *a, *b, *bias;
    float *c;
    size_t rows, columns, depth;
    size_t a_row, a_step; /* values from row to row of A and along the depth; one of them is 1 */
    size_t b_row;         /* values from row to row of what B is read from */
    int b_turned;         /* 1: that is B's transpose */
    cnn_activation activation;
    float alpha;
    size_t row_tiles, column_tiles, tile_columns;
    char *scratch; /* of each worker: panels, sums, a copy of A */
} dense_product;

/* Room for the rows of a tile: no fewer for fewer samples, though these may be divided into other tiles. */
static size_t row_room(const dense_product *p) { return cnn__min_size(p->rows, DENSE_ROWS); }

static size_t worker_values(const dense_product *p)
{
    const size_t copies = p->a_row == 1 ? DENSE_DEPTH * row_room(p) : 0;
    return cnn__div_up(DENSE_DEPTH * p->tile_columns + row_room(p) * p->tile_columns + copies, 16) * 16;
}

static void plan(dense_product *p)
{
    p->row_tiles = cnn__div_up(p->rows, DENSE_ROWS);
    p->tile_columns = DENSE_COLUMNS;
    while (p->tile_columns > CONV_COLUMNS &&
           p->row_tiles * cnn__div_up(p->columns, p->tile_columns) < DENSE_MIN_TILES) {
        p->tile_columns /= 2;
    }
    p->column_tiles = cnn__div_up(p->columns, p->tile_columns);
}

/* Rows [first, first + depth) of B, `count` columns from `column` on, to `to`; zeros beside them. Rows lie far apart:
 * they are asked for before they are needed. */
static void pack_panel(const dense_product *p, size_t first, size_t depth, size_t column, size_t count, float *to)
{
    const float *from = p->b + first * p->b_row + column;
    for (size_t k = 0; k < depth; k++, from += p->b_row, to += CONV_COLUMNS) {
        __builtin_prefetch(from + DENSE_AHEAD * p->b_row);
        if (count == CONV_COLUMNS) {
            vec_store(to, vec_load(from));
            vec_store(to + VEC_WIDTH, vec_load(from + VEC_WIDTH));
            continue;
        }
        for (size_t i = 0; i < CONV_COLUMNS; i += VEC_WIDTH) {
            vec_store(to + i, i < count ? vec_load_n(from + i, count - i) : vec_set1(0.0f));
        }
    }
}

/* VEC_WIDTH rows of as many values, turned: interleaving each row with the one half a block away, as often as the
 * width has bits. */
VEC_INLINE void turn_block(const float *from, size_t row, float *to)
{
    vec_f block[2][VEC_WIDTH];
    CONV_UNROLL
    for (size_t i = 0; i < VEC_WIDTH; i++) {
        block[0][i] = vec_load(from + i * row);
    }
    int now = 0;
    CONV_UNROLL
    for (size_t step = 1; step < VEC_WIDTH; step *= 2, now = !now) {
        CONV_UNROLL
        for (size_t i = 0; i < VEC_WIDTH / 2; i++) {
            block[!now][2 * i] = VEC_ZIP_LOW(block[now][i], block[now][i + VEC_WIDTH / 2]);
            block[!now][2 * i + 1] = VEC_ZIP_HIGH(block[now][i], block[now][i + VEC_WIDTH / 2]);
        }
    }
    CONV_UNROLL
    for (size_t i = 0; i < VEC_WIDTH; i++) {
        vec_store(to + i * CONV_COLUMNS, block[now][i]);
    }
}

/* The same from B's transpose. */
static void turn_panel(const dense_product *p, size_t first, size_t depth, size_t column, size_t count, float *to)
{
    const float *from = p->b + column * p->b_row + first;
    for (size_t i = 0; i < CONV_COLUMNS; i += VEC_WIDTH, from += VEC_WIDTH * p->b_row) {
        size_t k = 0;
        for (; i + VEC_WIDTH <= count && k + VEC_WIDTH <= depth; k += VEC_WIDTH) {
            turn_block(from + k, p->b_row, to + k * CONV_COLUMNS + i);
        }
        for (; k < depth; k++) {
            for (size_t j = 0; j < VEC_WIDTH; j++) {
                to[k * CONV_COLUMNS + i + j] = i + j < count ? from[j * p->b_row + k] : 0;
            }
        }
    }
}

/* A's part where its rows are contiguous along the other dimension, without the distance between them. */
static void copy_a(const dense_product *p, cnn__range rows, size_t first, size_t depth, float *to)
{
    const size_t count = rows.end - rows.begin;
    for (size_t k = 0; k < depth; k++) {
        memcpy(to + k * count, p->a + (first + k) * p->a_step + rows.begin, count * sizeof(float));
    }
}

/* sums += A B for the depth [first, first + depth), or sums = A B. */
static void add_depth(const dense_product *p, cnn__range rows, cnn__range columns, size_t first, size_t depth,
                      const float *panels, float *copies, float *sums)
{
    const size_t count = rows.end - rows.begin;
    const float *a = p->a + rows.begin * p->a_row + first * p->a_step;
    conv_product product = {.pieces = 1, .length = depth, .b_step = CONV_COLUMNS, .replaces = first == 0};
    product.a_row = p->a_row;
    product.a_step = p->a_step;
    if (p->a_row == 1) {
        copy_a(p, rows, first, depth, copies);
        a = copies;
        product.a_step = count;
    }
    product.a = &a;
    product.c_row = p->tile_columns;
    for (size_t i = 0; i < columns.end - columns.begin; i += CONV_COLUMNS) { /* a panel stays near for all rows */
        const float *b = panels + i * DENSE_DEPTH;
        product.b = &b;
        product.c = sums + i;
        if (p->a_row == 1) {
            conv_tile_add(&product, count);
        } else {
            conv_tile_add_rows(&product, count);
        }
    }
}

static void finish_tile(const dense_product *p, cnn__range rows, cnn__range columns, const float *sums)
{
    for (size_t row = rows.begin; row < rows.end; row++, sums += p->tile_columns) {
        float *to = p->c + row * p->columns + columns.begin;
        for (size_t i = 0; i < columns.end - columns.begin; i += VEC_WIDTH) {
            const size_t lanes = columns.end - columns.begin - i;
            vec_f value = vec_load(sums + i);
            if (p->bias != NULL) {
                value += vec_load_n(p->bias + columns.begin + i, lanes);
            }
            vec_store_n(to + i, vec_activate(p->activation, p->alpha, value), lanes);
        }
    }
}

static void tile_task(void *argument, size_t index, uint32_t worker)
{
    const dense_product *p = argument;
    float *panels = (float *)p->scratch + worker * worker_values(p);
    float *sums = panels + DENSE_DEPTH * p->tile_columns, *copies = sums + row_room(p) * p->tile_columns;
    const cnn__range rows = cnn__part_range(p->rows, p->row_tiles, index / p->column_tiles);
    const cnn__range columns = cnn__grain_range(p->columns, p->tile_columns, index % p->column_tiles);
    for (size_t first = 0; first < p->depth; first += DENSE_DEPTH) {
        const size_t depth = cnn__min_size(DENSE_DEPTH, p->depth - first);
        for (size_t i = columns.begin; i < columns.end; i += CONV_COLUMNS) {
            const size_t count = cnn__min_size(CONV_COLUMNS, columns.end - i);
            float *to = panels + (i - columns.begin) * DENSE_DEPTH;
            if (p->b_turned) {
                turn_panel(p, first, depth, i, count, to);
            } else {
                pack_panel(p, first, depth, i, count, to);
            }
        }
        add_depth(p, rows, columns, first, depth, panels, copies, sums);
    }
    finish_tile(p, rows, columns, sums);
}

static size_t workspace_of(const dense_product *p, uint32_t threads)
{
    return threads * worker_values(p) * sizeof(float);
}

static cnn_status run(const cnn_backend_call *call, dense_product *p)
{
    if (!cnn__has_workspace(call, workspace_of(p, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    p->scratch = call->workspace;
    call->parallel(call, p->row_tiles * p->column_tiles, tile_task, p);
    return CNN_OK;
}

static dense_product plan_forward(const cnn_dense_shape *shape)
{
    dense_product p = {.rows = (size_t)shape->n,
                       .columns = (size_t)shape->out,
                       .depth = (size_t)shape->in,
                       .a_row = (size_t)shape->in,
                       .a_step = 1,
                       .b_row = (size_t)shape->out,
                       .activation = (cnn_activation)shape->activation,
                       .alpha = shape->alpha};
    plan(&p);
    return p;
}

static dense_product plan_backward_data(const cnn_dense_shape *shape)
{
    dense_product p = {.rows = (size_t)shape->n,
                       .columns = (size_t)shape->in,
                       .depth = (size_t)shape->out,
                       .a_row = (size_t)shape->out,
                       .a_step = 1,
                       .b_row = (size_t)shape->out,
                       .b_turned = 1,
                       .activation = CNN_LINEAR};
    plan(&p);
    return p;
}

static dense_product plan_backward_filter(const cnn_dense_shape *shape)
{
    dense_product p = {.rows = (size_t)shape->in,
                       .columns = (size_t)shape->out,
                       .depth = (size_t)shape->n,
                       .a_row = 1,
                       .a_step = (size_t)shape->in,
                       .b_row = (size_t)shape->out,
                       .activation = CNN_LINEAR};
    plan(&p);
    return p;
}

/* Few rows are bound by memory, and narrow layers by their sums: both are the driver's. */
static bool is_ours(const cnn_dense_shape *shape)
{
    return shape->n > CNN__FEW_ROWS && shape->out >= DENSE_MIN_FORWARD;
}

size_t CNN__VECTOR(cnn__dense_workspace)(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads)
{
    const size_t other = cnn__dense_workspace(shape, pass, threads);
    const dense_product p = pass == CNN_PASS_BACKWARD_DATA     ? plan_backward_data(shape)
                            : pass == CNN_PASS_BACKWARD_FILTER ? plan_backward_filter(shape)
                                                               : plan_forward(shape);
    return cnn__max_size(other, workspace_of(&p, threads));
}

cnn_status CNN__VECTOR(cnn__dense_forward)(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                           const float *weights, const float *bias, float *y)
{
    if (!is_ours(shape) || !cnn__activation_is_elementwise((cnn_activation)shape->activation)) {
        return cnn__dense_forward(&CNN__VECTOR(cnn__rows), call, shape, x, weights, bias, y);
    }
    dense_product p = plan_forward(shape);
    p.a = x;
    p.b = weights;
    p.bias = bias;
    p.c = y;
    return run(call, &p);
}

cnn_status CNN__VECTOR(cnn__dense_backward_data)(const cnn_backend_call *call, const cnn_dense_shape *shape,
                                                 const float *dy, const float *weights, float *dx)
{
    dense_product p = plan_backward_data(shape);
    p.a = dy;
    p.b = weights;
    p.c = dx;
    return run(call, &p);
}

cnn_status CNN__VECTOR(cnn__dense_backward_filter)(const cnn_backend_call *call, const cnn_dense_shape *shape,
                                                   const float *x, const float *dy, float *d_weights, float *d_bias)
{
    dense_product p = plan_backward_filter(shape);
    p.a = x;
    p.b = dy;
    p.c = d_weights;
    CNN__RETURN_IF_ERROR(run(call, &p));
    return d_bias == NULL ? CNN_OK : cnn__dense_bias_gradient(&CNN__VECTOR(cnn__rows), call, shape, dy, d_bias);
}
