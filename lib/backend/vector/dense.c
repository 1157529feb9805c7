/* SPDX-License-Identifier: MIT */
/* Dense layers of more than a few rows, as products C = A B in tiles of outputs that the shape alone decides. A is
 * copied once, so that its register tiles read it in one piece. A tile copies the piece of B that it needs into panels
 * of one register tile's width, some of the depth at a time, prefetches the next panel while it multiplies, and keeps
 * its sums in the second-level cache until bias and activation have been applied. */
#include <string.h>

#include "backend/driver/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/dense_pack.h"
#include "backend/vector/dense_tile.h"
#include "backend/vector/kernels.h"
#include "core/error.h"
#include "core/memory.h"

#define DENSE_DEPTH 256                /* of a panel: 16 KB, half of a first-level cache */
#define DENSE_COLUMNS 256              /* most columns of a tile: each tile reads the whole depth of A once more */
#define DENSE_SUMS 32768               /* most values of a tile: 128 KB, a quarter of a second-level cache */
#define DENSE_ROWS (240 / CONV_ROWS)   /* most register tiles of rows of a tile */
#define DENSE_MIN_TILES 16             /* below this, tiles are narrower */
#define DENSE_COPY 16                  /* register tiles of rows whose part of A one task copies */
#define DENSE_COPIED ((size_t)1 << 20) /* values of A that are copied at once, about: otherwise some rows at a time */
#define DENSE_MIN_FORWARD 32           /* outputs from which on this beats the few sums of a narrow layer */

typedef struct dense_product {
    const float *a, *b, *bias;
    float *c;
    size_t rows, columns, depth;
    size_t a_row, a_step; /* values from row to row of A and along the depth; one of them is 1 */
    size_t b_row;         /* values from row to row of what B is read from */
    int b_turned;         /* 1: that is B's transpose */
    cnn_activation activation;
    float alpha;
    size_t row_panels, row_tiles; /* of the rows that are taken at a time */
    size_t column_panels, column_tiles;
    float *copies;  /* of A: for each block of the depth, rows or register tiles of rows, each in one piece */
    float *scratch; /* of each worker: a panel of B, sums */
} dense_product;

/* Room for A's copy: no less for more samples, which are its rows or its depth. */
static size_t copied_values(const dense_product *p)
{
    const size_t most = cnn__max_size(DENSE_COPIED, p->depth * DENSE_ROWS * CONV_ROWS);
    return cnn__min_size(cnn__div_up(p->rows, CONV_ROWS) * CONV_ROWS * p->depth, most);
}

static size_t tile_columns(const dense_product *p)
{
    return cnn__div_up(p->column_panels, p->column_tiles) * CONV_COLUMNS;
}

/* No less for more rows, whose tiles may be wider or narrower. */
static size_t worker_values(const dense_product *p)
{
    const size_t rows = cnn__min_size(p->rows, DENSE_ROWS * CONV_ROWS);
    const size_t columns = cnn__min_size(p->column_panels * CONV_COLUMNS, DENSE_COLUMNS);
    return DENSE_DEPTH * CONV_COLUMNS + cnn__div_up(cnn__min_size(rows * columns, DENSE_SUMS), 16) * 16;
}

static void plan(dense_product *p)
{
    const size_t panels = cnn__div_up(p->rows, CONV_ROWS), row_tiles = cnn__div_up(panels, DENSE_ROWS);
    const size_t rows = cnn__min_size(p->rows, DENSE_ROWS * CONV_ROWS);
    const size_t most = cnn__min_size(DENSE_COLUMNS, DENSE_SUMS / rows) / CONV_COLUMNS;
    p->column_panels = cnn__div_up(p->columns, CONV_COLUMNS);
    p->column_tiles = cnn__max_size(cnn__div_up(p->column_panels, most),
                                    cnn__min_size(p->column_panels, cnn__div_up(DENSE_MIN_TILES, row_tiles)));
}

/* The rows of one register tile: nearly equal ones, as a low tile does not fill the multiply-add units. */
static cnn__range panel_rows(const dense_product *p, size_t panel)
{
    return cnn__part_range(p->rows, p->row_panels, panel);
}

/* Where the copy of A has a register tile's rows. */
static float *copy_of(const dense_product *p, size_t panel, size_t first, size_t depth)
{
    return p->a_step == 1 ? p->copies + p->rows * first + panel_rows(p, panel).begin * depth
                          : p->copies + (p->row_panels * first + panel * depth) * CONV_ROWS;
}

static void copy_task(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const dense_product *p = argument;
    const size_t groups = cnn__div_up(p->row_panels, DENSE_COPY), first = index / groups * DENSE_DEPTH;
    const size_t depth = cnn__min_size(DENSE_DEPTH, p->depth - first);
    const cnn__range panels = cnn__grain_range(p->row_panels, DENSE_COPY, index % groups);
    for (size_t panel = panels.begin; panel < panels.end; panel++) {
        const cnn__range rows = panel_rows(p, panel);
        const float *from = p->a + rows.begin * p->a_row + first * p->a_step;
        float *to = copy_of(p, panel, first, depth);
        if (p->a_step != 1) {
            pack_steps(from, p->a_step, depth, rows.end - rows.begin, to);
            continue;
        }
        for (size_t row = rows.begin; row < rows.end; row++, from += p->a_row, to += depth) {
            memcpy(to, from, depth * sizeof(float));
        }
    }
}

/* Where B has a panel, some of the depth of it. */
typedef struct dense_place {
    size_t first, depth, column, columns;
} dense_place;

static dense_place place_of(const dense_product *p, size_t first, size_t column)
{
    const dense_place place = {first, cnn__min_size(DENSE_DEPTH, p->depth - first), column,
                               cnn__min_size(CONV_COLUMNS, p->columns - column)};
    return place;
}

static const float *address_of(const dense_product *p, const dense_place *at)
{
    return p->b + (p->b_turned ? at->column * p->b_row + at->first : at->first * p->b_row + at->column);
}

/* What a worker copies after this panel: its tiles follow one another. */
static dense_place place_after(const dense_product *p, cnn__range columns, const dense_place *at)
{
    if (at->column + CONV_COLUMNS < columns.end) {
        return place_of(p, at->first, at->column + CONV_COLUMNS);
    }
    if (at->first + at->depth < p->depth) {
        return place_of(p, at->first + at->depth, columns.begin);
    }
    return place_of(p, 0, columns.end < p->columns ? columns.end : 0);
}

/* The requests for the next panel, in equal shares of `tiles` register tiles of this depth. B's rows are cut into
 * `parts`, its transpose's into lines; each share is the same number of these, one after the other. */
static dense_ahead requests_for(const dense_product *p, const dense_place *next, size_t depth, size_t tiles,
                                size_t *parts)
{
    const size_t rows = p->b_turned ? next->columns : next->depth;
    dense_ahead ahead = {.from = address_of(p, next), .step = p->b_row};
    ahead.groups = cnn__min_size(depth / DENSE_GROUP, p->b_turned ? rows : cnn__div_up(rows, tiles));
    ahead.apart = p->b_turned ? CONV_COLUMNS : ahead.groups * p->b_row;
    *parts = p->b_turned ? cnn__div_up(next->depth, CONV_COLUMNS) : cnn__div_up(rows, cnn__max_size(ahead.groups, 1));
    ahead.count = cnn__div_up(*parts, tiles);
    return ahead;
}

/* C += A B for one panel, or C = A B, in register tiles of rows. */
static void add_panel(const dense_product *p, cnn__range row_panels, const dense_place *at, const dense_place *next,
                      const float *panel, float *c, size_t c_row)
{
    const size_t low = p->rows / p->row_panels, higher = p->rows % p->row_panels; /* as panel_rows() has it */
    size_t parts;
    dense_tile tile = {
        .b = panel, .a_row = at->depth, .depth = at->depth, .c = c, .c_row = c_row, .adds = at->first > 0};
    tile.a = copy_of(p, row_panels.begin, at->first, at->depth);
    tile.ahead = requests_for(p, next, at->depth, row_panels.end - row_panels.begin, &parts);
    for (size_t i = row_panels.begin; i < row_panels.end; i++) {
        const size_t rows = low + (i < higher);
        if (parts < tile.ahead.count) { /* all are asked for */
            tile.ahead.count = parts;
            tile.ahead.groups = parts == 0 ? 0 : tile.ahead.groups;
        }
        if (p->a_step == 1) {
            dense_tile_by_rows(&tile, rows);
            tile.a += rows * at->depth;
        } else {
            dense_tile_by_steps(&tile, rows);
            tile.a += CONV_ROWS * at->depth;
        }
        tile.c += rows * c_row;
        tile.ahead.from += tile.ahead.count * tile.ahead.apart;
        parts -= tile.ahead.count;
    }
}

static void finish_tile(const dense_product *p, cnn__range rows, cnn__range columns, const float *sums, size_t row)
{
    for (size_t r = rows.begin; r < rows.end; r++, sums += row) {
        float *to = p->c + r * p->columns + columns.begin;
        for (size_t i = 0; i < columns.end - columns.begin; i += VEC_WIDTH) {
            const size_t lanes = columns.end - columns.begin - i;
            vec_f value = vec_load(sums + i);
            if (p->bias != NULL) {
                value += vec_load_n(p->bias + columns.begin + i, lanes);
            }
            vec_store_n(to + i, vec_activate_one((int32_t)p->activation, p->alpha, value), lanes);
        }
    }
}

/* Sums that are complete at once need no place of their own. */
static int writes_output(const dense_product *p)
{
    return p->depth <= DENSE_DEPTH && p->bias == NULL && p->activation == CNN_LINEAR;
}

static void tile_task(void *argument, size_t index, uint32_t worker)
{
    const dense_product *p = argument;
    float *panel = p->scratch + worker * worker_values(p), *sums = panel + DENSE_DEPTH * CONV_COLUMNS;
    const cnn__range row_panels = cnn__part_range(p->row_panels, p->row_tiles, index / p->column_tiles);
    const cnn__range rows = {panel_rows(p, row_panels.begin).begin, panel_rows(p, row_panels.end - 1).end};
    const cnn__range panels = cnn__part_range(p->column_panels, p->column_tiles, index % p->column_tiles);
    cnn__range columns = {panels.begin * CONV_COLUMNS, cnn__min_size(panels.end * CONV_COLUMNS, p->columns)};
    for (size_t first = 0; first < p->depth; first += DENSE_DEPTH) {
        for (size_t column = columns.begin; column < columns.end; column += CONV_COLUMNS) {
            const dense_place at = place_of(p, first, column), next = place_after(p, columns, &at);
            (p->b_turned ? turn_panel : pack_panel)(address_of(p, &at), p->b_row, at.depth, at.columns, panel);
            if (writes_output(p) && at.columns == CONV_COLUMNS) {
                add_panel(p, row_panels, &at, &next, panel, p->c + rows.begin * p->columns + column, p->columns);
            } else {
                add_panel(p, row_panels, &at, &next, panel, sums + (column - columns.begin), tile_columns(p));
            }
        }
    }
    if (writes_output(p)) { /* all but a last panel that is not whole */
        sums += columns.end / CONV_COLUMNS * CONV_COLUMNS - columns.begin;
        columns.begin = columns.end / CONV_COLUMNS * CONV_COLUMNS;
    }
    finish_tile(p, rows, columns, sums, tile_columns(p));
}

static size_t workspace_of(const dense_product *p, uint32_t threads)
{
    return cnn__align_size(copied_values(p) * sizeof(float)) + threads * worker_values(p) * sizeof(float);
}

static cnn_status run(const cnn_backend_call *call, dense_product *p)
{
    if (!cnn__has_workspace(call, workspace_of(p, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    const size_t rows = p->rows, at_once = cnn__max_size(DENSE_COPIED / p->depth / CONV_ROWS, DENSE_ROWS) * CONV_ROWS;
    p->copies = call->workspace;
    p->scratch = (float *)((char *)call->workspace + cnn__align_size(copied_values(p) * sizeof(float)));
    for (size_t first = 0; first < rows; first += p->rows) {
        p->rows = cnn__min_size(at_once, rows - first);
        p->row_panels = cnn__div_up(p->rows, CONV_ROWS);
        p->row_tiles = cnn__div_up(p->row_panels, DENSE_ROWS);
        call->parallel(call, cnn__div_up(p->row_panels, DENSE_COPY) * cnn__div_up(p->depth, DENSE_DEPTH), copy_task, p);
        call->parallel(call, p->row_tiles * p->column_tiles, tile_task, p);
        p->a += p->rows * p->a_row;
        p->c += p->rows * p->columns;
    }
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
                       .activation = (cnn_activation)shape->epilogue.activation,
                       .alpha = shape->epilogue.alpha};
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

static cnn_status forward(const cnn_backend_call *call, const cnn_dense_args *args)
{
    dense_product p = plan_forward(&args->shape);
    p.a = args->x;
    p.b = args->weights;
    p.bias = args->bias;
    p.c = args->y;
    return run(call, &p);
}

static cnn_status backward_data(const cnn_backend_call *call, const cnn_dense_args *args)
{
    dense_product p = plan_backward_data(&args->shape);
    p.a = args->dy;
    p.b = args->weights;
    p.c = args->dx;
    return run(call, &p);
}

static cnn_status backward_filter(const cnn_backend_call *call, const cnn_dense_args *args)
{
    dense_product p = plan_backward_filter(&args->shape);
    p.a = args->x;
    p.b = args->dy;
    p.c = args->d_weights;
    CNN__RETURN_IF_ERROR(run(call, &p));
    return cnn__dense_bias_gradient(&CNN__VECTOR(cnn__rows), call, args);
}

cnn_status CNN__VECTOR(cnn__dense)(const cnn_backend_call *call, cnn_pass pass, const cnn_dense_args *args)
{
    const cnn_dense_shape *shape = &args->shape;
    if (pass == CNN_PASS_FORWARD) {
        return is_ours(shape) ? forward(call, args) : cnn__dense(&CNN__VECTOR(cnn__rows), call, pass, args);
    }
    if (pass > CNN_PASS_BACKWARD_FILTER) {
        return CNN_ERROR_UNSUPPORTED;
    }
    CNN__RETURN_IF_ERROR(
        cnn__epilogue_backward(call, &shape->epilogue, (size_t)(shape->n * shape->out), args->y, args->dy));
    return pass == CNN_PASS_BACKWARD_DATA ? backward_data(call, args) : backward_filter(call, args);
}
