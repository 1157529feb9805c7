/* SPDX-License-Identifier: MIT */
/* Dense layers by the backend's gemm, over tiles that the shape alone decides. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"
#include "core/error.h"
#include "core/memory.h"

/* A tile of outputs has about this many columns and rows; together at least so many tiles, or the product is cut
 * along the inputs instead, each part with sums of its own. */
enum { TILE_COLUMNS = 64, TILE_ROWS = 256, ENOUGH_TILES = 4, MOST_PARTS = 32 };

/* From so many outputs on, a tile's weights are first copied together, some inputs at a time: rows that lie several
 * KB apart fall into the same sets of a cache. 128 KB of weights are copied, in pieces of 1 KB. */
enum { WIDE_OUTPUTS = 1024, WIDE_COLUMNS = 256, WIDE_INPUTS = 128 };

/* Weights that a part along the inputs has at least: 256 KB. */
#define PART_WEIGHTS ((size_t)65536)

typedef struct dense_work {
    const cnn_backend_call *call;
    const cnn__row_kernels *kernels;
    const cnn_dense_shape *shape;
    const float *from, *weights, *bias;
    float *to;
    size_t row_tiles, column_tiles;
    size_t parts; /* along the inputs; 0: tiles of outputs */
    cnn__latch latch;
} dense_work;

static size_t tile_count(int64_t size, size_t tile) { return cnn__div_up((size_t)size, tile); }

static bool is_wide(const cnn_dense_shape *shape) { return shape->out >= WIDE_OUTPUTS; }

static size_t forward_columns(const cnn_dense_shape *shape) { return is_wide(shape) ? WIDE_COLUMNS : TILE_COLUMNS; }

/* The largest number of rows up to shape->n for which the inputs are split into parts. */
static size_t most_split_rows(const cnn_dense_shape *shape)
{
    size_t rows = (ENOUGH_TILES - 1) / tile_count(shape->out, forward_columns(shape)) * TILE_ROWS;
    return cnn__min_size((size_t)shape->n, rows > CNN__FEW_ROWS ? rows : CNN__FEW_ROWS);
}

/* Few rows read each weight once, from one end of the memory to the other: 0 parts, or how many. */
static size_t parts_if_split(const cnn_dense_shape *shape)
{
    size_t parts = cnn__min_size((size_t)shape->in * (size_t)shape->out / PART_WEIGHTS, MOST_PARTS);
    return parts < 2 ? 0 : cnn__min_size(parts, (size_t)shape->in);
}

static size_t part_count(const cnn_dense_shape *shape)
{
    return most_split_rows(shape) == (size_t)shape->n ? parts_if_split(shape) : 0;
}

size_t cnn__dense_workspace(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads)
{
    if (pass != CNN_PASS_FORWARD) {
        return pass == CNN_PASS_BACKWARD_FILTER ? cnn__align_size((size_t)shape->out * sizeof(double)) : 0;
    }
    /* A session planned for n rows is also used for fewer, which may be split where n are not. */
    size_t split = cnn__align_size(parts_if_split(shape) * most_split_rows(shape) * (size_t)shape->out * sizeof(float));
    size_t copied = is_wide(shape) ? threads * WIDE_COLUMNS * WIDE_INPUTS * sizeof(float) : 0;
    return cnn__max_size(split, copied);
}

static void activate(const dense_work *work, cnn__range rows, cnn__range columns)
{
    const cnn_dense_shape *shape = work->shape;
    if (work->bias == NULL && shape->epilogue.activation == CNN_LINEAR) {
        return;
    }
    work->kernels->bias_activation((int64_t)(rows.end - rows.begin), (int64_t)(columns.end - columns.begin), shape->out,
                                   work->bias != NULL ? work->bias + columns.begin : NULL,
                                   (cnn_activation)shape->epilogue.activation, shape->epilogue.alpha,
                                   work->to + rows.begin * (size_t)shape->out + columns.begin);
}

static void run_gemm(dense_work *work, const cnn_gemm_args *args)
{
    cnn__latch_set(&work->latch, cnn__gemm(work->call, args));
}

/* Some rows and columns of y. */
static void forward_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    dense_work *work = argument;
    const cnn_dense_shape *shape = work->shape;
    cnn__range rows = cnn__part_range((size_t)shape->n, work->row_tiles, index / work->column_tiles);
    cnn__range columns = cnn__grain_range((size_t)shape->out, TILE_COLUMNS, index % work->column_tiles);
    const cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = (int64_t)(rows.end - rows.begin),
        .n = (int64_t)(columns.end - columns.begin),
        .k = shape->in,
        .a = work->from + rows.begin * (size_t)shape->in,
        .lda = shape->in,
        .b = work->weights + columns.begin,
        .ldb = shape->out,
        .c = work->to + rows.begin * (size_t)shape->out + columns.begin,
        .ldc = shape->out,
        .alpha = 1,
    };
    run_gemm(work, &args);
    activate(work, rows, columns);
}

/* The same of a wide layer, by way of copied weights. */
static void forward_wide_tile(void *argument, size_t index, uint32_t worker)
{
    dense_work *work = argument;
    const cnn_dense_shape *shape = work->shape;
    cnn__range rows = cnn__part_range((size_t)shape->n, work->row_tiles, index / work->column_tiles);
    cnn__range columns = cnn__grain_range((size_t)shape->out, WIDE_COLUMNS, index % work->column_tiles);
    size_t width = columns.end - columns.begin, inputs = (size_t)shape->in;
    float *copied = (float *)work->call->workspace + worker * (size_t)(WIDE_COLUMNS * WIDE_INPUTS);
    for (size_t first = 0; first < inputs; first += WIDE_INPUTS) {
        size_t depth = cnn__min_size(WIDE_INPUTS, inputs - first);
        for (size_t k = 0; k < depth; k++) {
            memcpy(copied + k * width, work->weights + (first + k) * (size_t)shape->out + columns.begin,
                   width * sizeof(float));
        }
        const cnn_gemm_args args = {
            .struct_size = sizeof(args),
            .m = (int64_t)(rows.end - rows.begin),
            .n = (int64_t)width,
            .k = (int64_t)depth,
            .a = work->from + rows.begin * inputs + first,
            .lda = shape->in,
            .b = copied,
            .ldb = (int64_t)width,
            .c = work->to + rows.begin * (size_t)shape->out + columns.begin,
            .ldc = shape->out,
            .alpha = 1,
            .beta = first == 0 ? 0 : 1,
        };
        run_gemm(work, &args);
    }
    activate(work, rows, columns);
}

/* One part of the inputs: n x out sums in the workspace. */
static void forward_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    dense_work *work = argument;
    const cnn_dense_shape *shape = work->shape;
    cnn__range inputs = cnn__part_range((size_t)shape->in, work->parts, index);
    float *sums = (float *)work->call->workspace + index * (size_t)(shape->n * shape->out);
    if (shape->n <= CNN__FEW_ROWS && work->kernels->few_rows != NULL) {
        work->kernels->few_rows(shape->n, (int64_t)(inputs.end - inputs.begin), shape->out, shape->in,
                                work->from + inputs.begin, work->weights + inputs.begin * (size_t)shape->out, sums);
        return;
    }
    const cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = shape->n,
        .n = shape->out,
        .k = (int64_t)(inputs.end - inputs.begin),
        .a = work->from + inputs.begin,
        .lda = shape->in,
        .b = work->weights + inputs.begin * (size_t)shape->out,
        .ldb = shape->out,
        .c = sums,
        .ldc = shape->out,
        .alpha = 1,
    };
    run_gemm(work, &args);
}

static void join_parts(dense_work *work)
{
    const cnn_dense_shape *shape = work->shape;
    int64_t values = shape->n * shape->out;
    const float *sums = work->call->workspace;
    for (int64_t i = 0; i < values; i++) {
        work->to[i] = sums[i];
    }
    for (size_t part = 1; part < work->parts; part++) {
        work->kernels->accumulate(values, sums + part * (size_t)values, work->to);
    }
    const cnn__range rows = {0, (size_t)shape->n}, columns = {0, (size_t)shape->out};
    activate(work, rows, columns);
}

static cnn_status forward(const cnn__row_kernels *kernels, const cnn_backend_call *call, const cnn_dense_args *args)
{
    const cnn_dense_shape *shape = &args->shape;
    dense_work work = {.call = call,
                       .kernels = kernels,
                       .shape = shape,
                       .from = args->x,
                       .weights = args->weights,
                       .bias = args->bias,
                       .to = args->y,
                       .parts = part_count(shape),
                       .row_tiles = tile_count(shape->n, TILE_ROWS),
                       .column_tiles = tile_count(shape->out, forward_columns(shape))};
    if (work.parts == 0) {
        call->parallel(call, work.row_tiles * work.column_tiles, is_wide(shape) ? forward_wide_tile : forward_tile,
                       &work);
        return cnn__latch_get(&work.latch);
    }
    call->parallel(call, work.parts, forward_part, &work);
    cnn_status status = cnn__latch_get(&work.latch);
    if (status == CNN_OK) {
        join_parts(&work);
    }
    return status;
}

/* A tile of dx: the tile's weight rows are one piece of memory. */
static void backward_data_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    dense_work *work = argument;
    const cnn_dense_shape *shape = work->shape;
    cnn__range rows = cnn__part_range((size_t)shape->n, work->row_tiles, index / work->column_tiles);
    cnn__range columns = cnn__grain_range((size_t)shape->in, TILE_COLUMNS, index % work->column_tiles);
    const cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = (int64_t)(rows.end - rows.begin),
        .n = (int64_t)(columns.end - columns.begin),
        .k = shape->out,
        .a = work->from + rows.begin * (size_t)shape->out,
        .lda = shape->out,
        .b = work->weights + columns.begin * (size_t)shape->out,
        .ldb = shape->out,
        .transpose_b = 1,
        .c = work->to + rows.begin * (size_t)shape->in + columns.begin,
        .ldc = shape->in,
        .alpha = 1,
    };
    run_gemm(work, &args);
}

static cnn_status backward_data(const cnn_backend_call *call, const cnn_dense_args *args)
{
    const cnn_dense_shape *shape = &args->shape;
    dense_work work = {.call = call,
                       .shape = shape,
                       .from = args->dy,
                       .weights = args->weights,
                       .to = args->dx,
                       .row_tiles = tile_count(shape->n, TILE_ROWS),
                       .column_tiles = tile_count(shape->in, TILE_COLUMNS)};
    call->parallel(call, work.row_tiles * work.column_tiles, backward_data_tile, &work);
    return cnn__latch_get(&work.latch);
}

/* Some rows of the weights' gradient, all columns: one piece of memory. */
static void backward_filter_tile(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    dense_work *work = argument;
    const cnn_dense_shape *shape = work->shape;
    cnn__range rows = cnn__grain_range((size_t)shape->in, TILE_COLUMNS, index);
    const cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = (int64_t)(rows.end - rows.begin),
        .n = shape->out,
        .k = shape->n,
        .a = work->from + rows.begin,
        .lda = shape->in,
        .transpose_a = 1,
        .b = work->weights,
        .ldb = shape->out,
        .c = work->to + rows.begin * (size_t)shape->out,
        .ldc = shape->out,
        .alpha = 1,
    };
    run_gemm(work, &args);
}

cnn_status cnn__dense_bias_gradient(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                    const cnn_dense_args *args)
{
    const cnn_dense_shape *shape = &args->shape;
    double *sums = call->workspace;
    if (args->d_bias == NULL) {
        return CNN_OK;
    }
    if (!cnn__has_workspace(call, (size_t)shape->out * sizeof(double))) {
        return CNN_ERROR_BACKEND;
    }
    for (int64_t c = 0; c < shape->out; c++) {
        sums[c] = 0;
    }
    kernels->column_sums(shape->n, shape->out, args->dy, sums);
    for (int64_t c = 0; c < shape->out; c++) {
        args->d_bias[c] = (float)sums[c];
    }
    return CNN_OK;
}

static cnn_status backward_filter(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                  const cnn_dense_args *args)
{
    dense_work work = {
        .call = call, .shape = &args->shape, .from = args->x, .weights = args->dy, .to = args->d_weights};
    call->parallel(call, tile_count(args->shape.in, TILE_COLUMNS), backward_filter_tile, &work);
    CNN__RETURN_IF_ERROR(cnn__dense_bias_gradient(kernels, call, args));
    return cnn__latch_get(&work.latch);
}

cnn_status cnn__dense(const cnn__row_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                      const cnn_dense_args *args)
{
    const cnn_dense_shape *shape = &args->shape;
    if (pass > CNN_PASS_BACKWARD_FILTER) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (!cnn__has_workspace(call, cnn__dense_workspace(shape, pass, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    if (pass == CNN_PASS_FORWARD) {
        return forward(kernels, call, args);
    }
    CNN__RETURN_IF_ERROR(
        cnn__epilogue_backward(call, &shape->epilogue, (size_t)(shape->n * shape->out), args->y, args->dy));
    return pass == CNN_PASS_BACKWARD_DATA ? backward_data(call, args) : backward_filter(kernels, call, args);
}
