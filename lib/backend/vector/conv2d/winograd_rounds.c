/* SPDX-License-Identifier: MIT */
/* Winograd convolution, forward and to the input, by more filters than caches keep: transformed, those of 512 channels
 * to 512 are 67 MB. A round of tiles is transformed first, for all threads. Then each task makes a block of output
 * channels of all of them, so that it reads its filters once in a round. Filters that were not transformed before are
 * transformed here, those of a few input channels at a time, multiplied while they are in the core's own cache, and
 * forgotten: they are never written to memory. */
#include "backend/vector/conv2d/winograd_pass.h"

/* Bytes of filters from which on this pays. Where they fit into a last-level cache, as those of 256 channels to 256 (17
 * MB), the other way takes 4 ms and this one 6; those of 512 to 512 in 4x4 tiles (38 MB) are as fast either way. */
#define ROUND_FILTERS ((size_t)48 << 20)
#define ROUND_TILES 96      /* most in a round: their products stay in the core's own cache */
#define ROUND_MANY_TILES 28 /* by filters that were transformed before: for fewer, the other way reads them once, too */
#define ROUND_MOST 4        /* by others: each round transforms them anew */
#define ROUND_TASKS 8       /* blocks of output channels, so that the threads have work */
#define ROUND_DEPTH 32      /* input channels whose filters are transformed at a time */
#define ROUND_GROUPS 16     /* tasks that transform tiles */
#define ROUND_PIECES 32     /* of a product, each of CONV_COLUMNS input channels */

typedef struct wino_round {
    const wino_pass *pass;
    size_t first, tiles, most;   /* of this round; most in a round */
    size_t blocks;               /* of CONV_COLUMNS input channels, up to a whole ROUND_DEPTH */
    size_t v_plane, v_block;     /* values: V[block][plane][tile][CONV_COLUMNS] */
    size_t u_plane, m_tile;      /* values: U[plane][input channel][CONV_COLUMNS], M[tile][plane][CONV_COLUMNS] */
    size_t v_size, scratch_size; /* bytes: of V, of a worker's M and U */
    float *v;
    char *scratch;
} wino_round;

static size_t rounds_of(int64_t tiles) { return wino_blocks_of(tiles, ROUND_TILES); }

static wino_round plan(const wino_pass *p, int64_t tiles, void *memory)
{
    wino_round r = {.pass = p};
    r.most = (size_t)wino_min(tiles, ROUND_TILES);
    r.blocks = wino_blocks_of(p->k, ROUND_DEPTH) * (ROUND_DEPTH / CONV_COLUMNS);
    r.v_plane = r.most * CONV_COLUMNS;
    r.v_block = wino_plane(p->planes * r.v_plane);
    r.u_plane = wino_plane(ROUND_DEPTH * CONV_COLUMNS);
    r.m_tile = wino_plane(p->planes * CONV_COLUMNS);
    r.v_size = r.blocks * r.v_block * sizeof(float);
    r.scratch_size = (r.most * r.m_tile + (p->prepared ? 0 : p->planes * r.u_plane)) * sizeof(float);
    r.v = memory;
    r.scratch = memory == NULL ? NULL : (char *)memory + r.v_size;
    return r;
}

bool CNN__VECTOR(cnn__wino_has_rounds)(const wino_pass *p, int64_t tiles)
{
    return p->u_size > ROUND_FILTERS && p->column_blocks >= ROUND_TASKS &&
           (p->prepared ? tiles > ROUND_MANY_TILES : rounds_of(tiles) <= ROUND_MOST);
}

size_t CNN__VECTOR(cnn__wino_rounds_workspace)(const wino_pass *p, uint32_t threads)
{
    const wino_round r = plan(p, p->grid.most, NULL);
    const bool used = p->u_size > ROUND_FILTERS && p->column_blocks >= ROUND_TASKS;
    return used ? r.v_size + threads * r.scratch_size : 0;
}

static void tile_task(void *argument, size_t index, uint32_t worker)
{
    const wino_round *r = argument;
    (void)worker;
    const cnn__range tiles = cnn__part_range(r->tiles, ROUND_GROUPS, index);
    for (size_t t = tiles.begin; t < tiles.end; t++) {
        const wino_tile to = {r->v + t * CONV_COLUMNS, r->v_plane, r->v_block, 0, (int64_t)(r->blocks * CONV_COLUMNS)};
        wino_transform_tile(r->pass, r->first + t, &to);
    }
}

/* One plane of all tiles by `depth` input channels from a block of them on; `u` are their filters, row by row. The
 * sums are those of one product over all input channels, however it is divided. */
static void multiply_plane(const wino_round *r, size_t plane, size_t block, size_t depth, const float *u,
                           const float *next, float *m)
{
    const float *a[ROUND_PIECES], *b[ROUND_PIECES];
    conv_product product = {.a = a, .b = b, .a_row = CONV_COLUMNS, .b_step = CONV_COLUMNS, .c_row = r->m_tile};
    product.c = m + plane * CONV_COLUMNS;
    product.sums = block == 0 ? CONV_SUMS_REPLACE : CONV_SUMS_CONTINUE;
    for (size_t done = 0; done < depth; block += product.pieces) {
        const size_t left = depth - done;
        product.length = cnn__min_size(left, CONV_COLUMNS);
        product.pieces = cnn__max_size(1, cnn__min_size(ROUND_PIECES, left / CONV_COLUMNS));
        for (size_t i = 0; i < product.pieces; i++) {
            a[i] = r->v + (block + i) * r->v_block + plane * r->v_plane;
            b[i] = u + (done + i * CONV_COLUMNS) * CONV_COLUMNS;
        }
        done += product.pieces * product.length;
        product.next = done == depth ? next : NULL;
        CNN__VECTOR(cnn__conv_tile_add_rows)(&product, r->tiles);
        product.sums = CONV_SUMS_CONTINUE;
    }
}

static void multiply_prepared(const wino_round *r, size_t column, float *m)
{
    const wino_pass *p = r->pass;
    const float *u = p->u + column * (size_t)p->k * CONV_COLUMNS;
    for (size_t plane = 0; plane < p->planes; plane++, u += p->u_plane) {
        multiply_plane(r, plane, 0, (size_t)p->k, u, u + p->u_plane, m);
    }
}

static void transform_and_multiply(const wino_round *r, size_t column, float *m)
{
    const wino_pass *p = r->pass;
    float *u = m + r->most * r->m_tile;
    for (size_t block = 0; block < r->blocks; block += ROUND_DEPTH / CONV_COLUMNS) {
        const int64_t k = (int64_t)(block * CONV_COLUMNS);
        for (int64_t i = 0; i < ROUND_DEPTH; i++) {
            wino_transform_filters(p, k + i, (int64_t)(column * CONV_COLUMNS), u + i * CONV_COLUMNS, r->u_plane);
        }
        for (size_t plane = 0; plane < p->planes; plane++) {
            multiply_plane(r, plane, block, ROUND_DEPTH, u + plane * r->u_plane, NULL, m);
        }
    }
}

static void column_task(void *argument, size_t column, uint32_t worker)
{
    const wino_round *r = argument;
    const wino_pass *p = r->pass;
    float *m = (float *)(r->scratch + worker * r->scratch_size);
    const int64_t first = (int64_t)(column * CONV_COLUMNS);
    if (p->prepared) {
        multiply_prepared(r, column, m);
    } else {
        transform_and_multiply(r, column, m);
    }
    for (size_t t = 0; t < r->tiles; t++) {
        wino_invert_tile(p, r->first + t, m + t * r->m_tile, first, wino_min(CONV_COLUMNS, p->columns - first));
    }
    if (p->out.streams) {
        vec_stream_end();
    }
}

void CNN__VECTOR(cnn__wino_run_rounds)(const cnn_backend_call *call, const wino_pass *p)
{
    wino_round r = plan(p, p->grid.tiles, call->workspace);
    const size_t rounds = rounds_of(p->grid.tiles);
    for (size_t i = 0; i < rounds; i++) {
        const cnn__range tiles = cnn__part_range((size_t)p->grid.tiles, rounds, i);
        r.first = tiles.begin;
        r.tiles = tiles.end - tiles.begin;
        call->parallel(call, ROUND_GROUPS, tile_task, &r);
        call->parallel(call, p->column_blocks, column_task, &r);
    }
}
