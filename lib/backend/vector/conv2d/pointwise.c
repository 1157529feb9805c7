/* SPDX-License-Identifier: MIT */
/* 1x1 convolutions forward and to the input: register tiles of pixels times packed filters, with bias and activation
 * applied before anything is stored. */
#include "backend/vector/conv2d/pointwise.h"

#include "backend/vector/conv2d/conv2d_kernels.h"
#include "backend/vector/conv2d/conv_output.h"
#include "backend/vector/dense_pack.h"

#define POINTWISE_ROW_BYTES ((size_t)128 << 10) /* of the left matrix at a time: stays in the second-level cache */
#define POINTWISE_LEAST_TILES 4 /* register tiles of rows at a time, so that filters are not read too often */
#define POINTWISE_MOST_TILES 32
#define POINTWISE_TASKS 16       /* below this, tasks are divided by columns too */
#define POINTWISE_PACK_DEPTH 256 /* of a block of filters that one task packs */
#define POINTWISE_ALIAS 4096     /* bytes between rows at which they push each other out of the first-level cache */

typedef struct pointwise_pass {
    const cnn_conv2d_shape *shape;
    conv_output out;
    const float *from, *filters;
    bool to_input;                  /* from dy to x */
    bool copies;                    /* rows are copied together first */
    bool clears;                    /* pixels of dx that no output reads are 0 */
    size_t rows, depth;             /* pixels; channels that are summed over */
    size_t channels;                /* of a group, of the result */
    size_t from_row, to_row;        /* values from pixel to pixel */
    size_t blocks_of_group, blocks; /* of CONV_COLUMNS channels */
    size_t parts, splits, part_rows;
    size_t copy_row, scratch_size; /* values of a copied row; bytes for each worker */
    bool streams;                  /* the result is larger than caches, and tiles write whole lines */
    float *packed;                 /* [block][depth][CONV_COLUMNS]; only read once it is filled */
    size_t packed_size, workspace; /* bytes */
    char *scratch;
} pointwise_pass;

static pointwise_pass plan(const cnn_conv2d_shape *s, bool to_input, uint32_t threads, void *workspace)
{
    const size_t groups = (size_t)s->groups, in_c = (size_t)s->in_c, out_c = (size_t)s->out_c;
    pointwise_pass p = {.shape = s, .to_input = to_input, .rows = (size_t)(s->n * s->out_h * s->out_w)};
    p.from_row = to_input ? out_c : in_c;
    p.to_row = to_input ? in_c : out_c;
    p.depth = p.from_row / groups;
    p.channels = p.to_row / groups;
    p.clears = to_input && !pointwise_is_dense(s);
    p.copies = (!to_input && !pointwise_is_dense(s)) || p.from_row * sizeof(float) % POINTWISE_ALIAS == 0;
    p.blocks_of_group = cnn__div_up(p.channels, CONV_COLUMNS);
    p.blocks = groups * p.blocks_of_group;
    const size_t tiles = POINTWISE_ROW_BYTES / (p.depth * sizeof(float)) / CONV_ROWS;
    p.part_rows = CONV_ROWS * cnn__max_size(POINTWISE_LEAST_TILES, cnn__min_size(POINTWISE_MOST_TILES, tiles));
    p.parts = cnn__div_up(p.rows, p.part_rows);
    p.splits = cnn__min_size(p.blocks, cnn__div_up(POINTWISE_TASKS, p.parts));
    p.copy_row = cnn__div_up(p.depth, 16) * 16 + 16;
    p.scratch_size = p.copies ? cnn__min_size(p.part_rows, p.rows) * p.copy_row * sizeof(float) : 0;
    p.packed_size = p.blocks * p.depth * CONV_COLUMNS * sizeof(float);
    p.workspace = p.packed_size + threads * p.scratch_size;
    p.packed = workspace;
    p.scratch = workspace == NULL ? NULL : (char *)workspace + p.packed_size;
    p.out = (conv_output){.activation = CNN_LINEAR};
    if (!to_input) {
        p.out.activation = s->epilogue.activation;
        p.out.alpha = s->epilogue.alpha;
    }
    return p;
}

/* Some of the depth of a block of filters. To the input, the rows of the filters are the columns of the product. */
static void pack_task(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const pointwise_pass *p = argument;
    const size_t pieces = cnn__div_up(p->depth, POINTWISE_PACK_DEPTH), out_c = (size_t)p->shape->out_c;
    const pointwise_block block = pointwise_block_of(index / pieces, p->blocks_of_group, p->channels);
    const cnn__range range = cnn__grain_range(p->depth, POINTWISE_PACK_DEPTH, index % pieces);
    const size_t depth = range.end - range.begin;
    float *to = p->packed + (index / pieces * p->depth + range.begin) * CONV_COLUMNS;
    if (p->to_input) {
        const size_t row = block.first - block.group * p->channels;
        turn_panel(p->filters + row * out_c + block.group * p->depth + range.begin, out_c, depth, block.count, to);
    } else {
        pack_panel(p->filters + range.begin * out_c + block.first, out_c, depth, block.count, to);
    }
}

typedef struct pointwise_tile {
    const conv_output *out;
    const float *a, *b; /* rows of pixels; a packed block */
    size_t a_row, depth;
    size_t ahead; /* values after these rows that each step asks for, as far as they lie; 0: the rows are near */
    bool streams; /* C goes past the caches */
    float *c;
    size_t c_row, lanes;
    vec_f bias[2];
} pointwise_tile;

/* Bias and one of the activations that cost an instruction or two. */
VEC_INLINE void store_tile(const pointwise_tile *t, int rows, vec_f sum[CONV_ROWS][2], int32_t activation)
{
    const size_t more = t->lanes > VEC_WIDTH ? t->lanes - VEC_WIDTH : 0;
    CONV_UNROLL
    for (int i = 0; i < rows; i++) {
        float *c = t->c + (size_t)i * t->c_row;
        if (t->streams) {
            vec_stream(c, vec_activate((cnn_activation)activation, 0, sum[i][0] + t->bias[0]));
            if (more > 0) {
                vec_stream(c + VEC_WIDTH, vec_activate((cnn_activation)activation, 0, sum[i][1] + t->bias[1]));
            }
            continue;
        }
        vec_store_n(c, vec_activate((cnn_activation)activation, 0, sum[i][0] + t->bias[0]), t->lanes);
        if (more > 0) {
            vec_store_n(c + VEC_WIDTH, vec_activate((cnn_activation)activation, 0, sum[i][1] + t->bias[1]), more);
        }
    }
}

/* `rows` is a constant after inlining. */
VEC_INLINE void multiply_rows(const pointwise_tile *t, int rows)
{
    vec_f sum[CONV_ROWS][2];
    const size_t a_row = t->a_row;
    const float *a = t->a, *b = t->b, *ahead = t->a + (size_t)rows * a_row;
    CONV_UNROLL
    for (int i = 0; i < rows; i++) {
        if (!t->streams) {
            __builtin_prefetch(t->c + (size_t)i * t->c_row, 1);
        }
        sum[i][0] = sum[i][1] = vec_set1(0.0f);
    }
    CONV_ROLLED
    for (size_t k = t->depth; k > 0; k--, a++, ahead += t->ahead, b += CONV_COLUMNS) {
        __builtin_prefetch(ahead);
        const vec_f b0 = vec_load(b), b1 = vec_load(b + VEC_WIDTH);
        CONV_UNROLL
        for (int i = 0; i < rows; i++) {
            const vec_f value = vec_set1(a[(size_t)i * a_row]);
            sum[i][0] += value * b0;
            sum[i][1] += value * b1;
        }
    }
    if (t->out->activation == CNN_RELU) {
        store_tile(t, rows, sum, CNN_RELU);
    } else if (t->out->activation == CNN_RELU6) {
        store_tile(t, rows, sum, CNN_RELU6);
    } else {
        store_tile(t, rows, sum, CNN_LINEAR);
    }
}

#define POINTWISE_MULTIPLY(rows) multiply_rows(t, rows)

static bool is_simple(int32_t activation)
{
    return activation == CNN_LINEAR || activation == CNN_RELU || activation == CNN_RELU6;
}

/* The others, once the sums are stored. */
static __attribute__((noinline)) void activate_rows(const pointwise_tile *t, size_t rows)
{
    const conv_output out = *t->out;
    for (size_t i = 0; i < rows; i++) {
        float *c = t->c + i * t->c_row;
        for (size_t j = 0; j < t->lanes; j += VEC_WIDTH) {
            const vec_f value = vec_load_n(c + j, t->lanes - j);
            vec_store_n(c + j, vec_activate_one(out.activation, out.alpha, value), t->lanes - j);
        }
    }
}

/* Next tile of as many rows as are left, as conv_tile.c has it. */
static void multiply_block(pointwise_tile *t, size_t rows)
{
    const bool simple = is_simple(t->out->activation);
    while (rows > 0) {
        const size_t count = rows >= 2 * CONV_ROWS || rows == CONV_ROWS ? CONV_ROWS
                             : rows > CONV_ROWS                         ? (rows + 1) / 2
                                                                        : rows;
        CONV_ROWS_DISPATCH(count, POINTWISE_MULTIPLY)
        if (!simple) {
            activate_rows(t, count);
        }
        t->a += count * t->a_row;
        t->c += count * t->c_row;
        rows -= count;
    }
}

/* Rows of a group side by side: those of a stride, or such as would push each other out of the cache. */
static void copy_rows(const pointwise_pass *p, cnn__range rows, size_t group, float *to)
{
    for (size_t row = rows.begin; row < rows.end; row++, to += p->copy_row) {
        const size_t pixel = p->to_input ? row : pointwise_pixel(p->shape, row);
        memcpy(to, p->from + pixel * p->from_row + group * p->depth, p->depth * sizeof(float));
    }
}

/* Rows that no output reads are 0, and where outputs are, there is room between them: results lie in pixels of x. Each
 * run of pixels that is one piece there is multiplied by itself. */
static void multiply_runs(const pointwise_pass *p, pointwise_tile *tile, cnn__range rows, size_t first)
{
    const float *a = tile->a;
    if (!p->clears) {
        tile->c = p->out.y + rows.begin * p->to_row + first;
        multiply_block(tile, rows.end - rows.begin);
        return;
    }
    const cnn_conv2d_shape *s = p->shape;
    const size_t width = (size_t)s->out_w;
    tile->c_row = (size_t)s->stride_w * p->to_row;
    for (size_t row = rows.begin; row < rows.end;) {
        const size_t count = cnn__min_size(width - row % width, rows.end - row);
        tile->a = a + (row - rows.begin) * tile->a_row;
        tile->c = p->out.y + pointwise_pixel(s, row) * p->to_row + first;
        multiply_block(tile, count);
        row += count;
    }
}

static void part_task(void *argument, size_t index, uint32_t worker)
{
    const pointwise_pass *p = argument;
    const cnn__range rows = cnn__part_range(p->rows, p->parts, index / p->splits);
    const cnn__range blocks = cnn__part_range(p->blocks, p->splits, index % p->splits);
    float *copy = (float *)(p->scratch + worker * p->scratch_size);
    size_t copied = SIZE_MAX;
    for (size_t b = blocks.begin; b < blocks.end; b++) {
        const pointwise_block block = pointwise_block_of(b, p->blocks_of_group, p->channels);
        pointwise_tile tile = {.out = &p->out,
                               .b = p->packed + b * p->depth * CONV_COLUMNS,
                               .a_row = p->copies ? p->copy_row : p->from_row,
                               .depth = p->depth,
                               .ahead = b == blocks.begin && !p->copies ? VEC_LINE : 0,
                               .streams = p->streams,
                               .c_row = p->to_row,
                               .lanes = block.count};
        if (p->copies && copied != block.group) {
            copy_rows(p, rows, block.group, copy);
            copied = block.group;
        }
        tile.a = p->copies ? copy : p->from + rows.begin * p->from_row + block.group * p->depth;
        if (p->out.bias != NULL) {
            tile.bias[0] = vec_load_n(p->out.bias + block.first, block.count);
            tile.bias[1] = block.count > VEC_WIDTH
                               ? vec_load_n(p->out.bias + block.first + VEC_WIDTH, block.count - VEC_WIDTH)
                               : vec_set1(0.0f);
        }
        multiply_runs(p, &tile, rows, block.first);
    }
    if (p->streams) {
        vec_stream_end();
    }
}

static void clear_values(const void *argument, size_t begin, size_t end)
{
    const pointwise_pass *p = argument;
    memset(p->out.y + begin, 0, (end - begin) * sizeof(float));
}

static void pack(const cnn_backend_call *call, pointwise_pass *p)
{
    call->parallel(call, p->blocks * cnn__div_up(p->depth, POINTWISE_PACK_DEPTH), pack_task, p);
}

static cnn_status run(const cnn_backend_call *call, pointwise_pass *p, bool prepared)
{
    if (!cnn__has_workspace(call, p->workspace)) {
        return CNN_ERROR_BACKEND;
    }
    if (!prepared) {
        pack(call, p);
    }
    p->streams = cnn__streams(p->rows * p->to_row) && !p->clears && is_simple(p->out.activation) &&
                 CONV_COLUMNS % VEC_LINE == 0 && p->channels % VEC_LINE == 0 && vec_begins_line(p->out.y);
    if (p->clears) {
        const cnn_conv2d_shape *s = p->shape;
        cnn__for_spans(call, (size_t)(s->n * s->in_h * s->in_w * s->in_c), CNN__SPAN, clear_values, p);
    }
    call->parallel(call, p->parts * p->splits, part_task, p);
    return CNN_OK;
}

bool CNN__VECTOR(cnn__pointwise_supports)(const cnn_conv2d_shape *s)
{
    return s->kernel_h == 1 && s->kernel_w == 1 && s->pad_top == 0 && s->pad_left == 0 && s->epilogue.pool == 0 &&
           (s->out_h - 1) * s->stride_h < s->in_h && (s->out_w - 1) * s->stride_w < s->in_w;
}

size_t CNN__VECTOR(cnn__pointwise_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)
{
    const pointwise_pass p = plan(shape, pass == CNN_PASS_BACKWARD_DATA, threads, NULL);
    return pass == CNN_PASS_INFERENCE ? p.workspace - p.packed_size : p.workspace;
}

size_t CNN__VECTOR(cnn__pointwise_prepared_size)(const cnn_conv2d_shape *shape)
{
    return plan(shape, false, 1, NULL).packed_size;
}

static cnn_status forward(const cnn_backend_call *call, const cnn_conv2d_args *args, bool prepared)
{
    pointwise_pass p = plan(&args->shape, false, call->threads, prepared ? NULL : call->workspace);
    if (prepared) {
        p.packed = args->prepared;
        p.scratch = call->workspace;
        p.workspace -= p.packed_size;
    }
    p.from = args->x;
    p.filters = args->filters;
    p.out.bias = args->bias;
    p.out.y = args->y;
    return run(call, &p, prepared);
}

cnn_status CNN__VECTOR(cnn__pointwise_conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args)
{
    pointwise_pass p;
    switch (pass) {
    case CNN_PASS_FORWARD:
    case CNN_PASS_INFERENCE:
        return forward(call, args, pass == CNN_PASS_INFERENCE);
    case CNN_PASS_PREPARE:
        p = plan(&args->shape, false, call->threads, args->prepared);
        p.filters = args->filters;
        pack(call, &p);
        return CNN_OK;
    case CNN_PASS_BACKWARD_DATA:
        p = plan(&args->shape, true, call->threads, call->workspace);
        p.from = args->dy;
        p.filters = args->filters;
        p.out.y = args->dx;
        return run(call, &p, false);
    case CNN_PASS_BACKWARD_FILTER:
        return CNN__VECTOR(cnn__pointwise_backward_filter)(call, args);
    default:
        return CNN_ERROR_UNSUPPORTED;
    }
}
