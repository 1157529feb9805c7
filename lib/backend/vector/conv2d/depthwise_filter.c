/* SPDX-License-Identifier: MIT */
/* The filter gradient of depthwise convolutions: for each row of dy, its values times those of x at each position of
 * the kernel, summed in registers along the row. Rows are divided into parts with sums of their own, which are added in
 * order at the end. */
#include "backend/vector/conv2d/conv2d_kernels.h"
#include "backend/vector/conv2d/depthwise.h"
#include "backend/vector/norm_sums.h"

#define GRADIENT_PARTS 32
#define GRADIENT_COLUMNS 5                           /* most columns of the kernel whose sums are in registers */
#define GRADIENT_ROWS_OF_5 (VEC_WIDTH == 16 ? 5 : 2) /* rows of such kernels: as many as there are registers for */

typedef struct depthwise_gradient {
    const cnn_conv2d_shape *shape;
    const float *x, *dy;
    float *d_filters;
    bool wants_bias;
    size_t channels, multiplier, taps, blocks, width; /* width: of a row of sums */
    size_t units, parts;                              /* rows of dy in all images */
    double *bias_sums;                                /* [part][width] */
    float *sums;                                      /* [part][tap][width], by vectors that may overlap */
    char *scratch;                                    /* of each worker: rows of x, expanded */
    size_t scratch_size, workspace;
} depthwise_gradient;

static depthwise_gradient plan(const cnn_conv2d_shape *s, uint32_t threads, void *workspace)
{
    depthwise_gradient p = {.shape = s, .channels = (size_t)s->out_c, .multiplier = (size_t)(s->out_c / s->in_c)};
    p.taps = (size_t)s->kernel_h * (size_t)s->kernel_w;
    p.blocks = depthwise_blocks(p.channels);
    p.width = p.blocks * VEC_WIDTH;
    p.units = (size_t)(s->n * s->out_h);
    p.parts = cnn__min_size(p.units, GRADIENT_PARTS);
    const size_t values = p.multiplier == 1 ? 0 : (size_t)(s->kernel_h * s->in_w) * p.channels;
    p.scratch_size = cnn__div_up(values, 16) * 16 * sizeof(float);
    const size_t bias = cnn__div_up(p.parts * p.width * sizeof(double), 64) * 64;
    const size_t sums = cnn__div_up(p.parts * p.taps * p.width * sizeof(float), 64) * 64;
    p.workspace = bias + sums + threads * p.scratch_size;
    p.bias_sums = workspace;
    p.sums = workspace == NULL ? NULL : (float *)((char *)workspace + bias);
    p.scratch = workspace == NULL ? NULL : (char *)workspace + bias + sums;
    return p;
}

/* Pixels of a row of dy that meet x at all positions of some rows and columns of the kernel. */
typedef struct gradient_span {
    const depthwise_gradient *p;
    const float *dy;
    const float *x[CNN__CONV2D_MAX_TAPS]; /* of each kernel row: what the first pixel meets in the first column */
    float *sums[CNN__CONV2D_MAX_TAPS];    /* of the first column */
    size_t pixels, x_step, x_column;      /* values from pixel to pixel and from column to column */
} gradient_span;

/* Kernel rows [row, row + rows) and `columns` columns of one vector; `rows`, `columns` and `whole` are constants. */
VEC_INLINE void add_vector(const gradient_span *s, size_t row, int rows, int columns, bool whole, size_t block)
{
    vec_f sum[5][GRADIENT_COLUMNS];
    const size_t channels = s->p->channels, first = depthwise_first(block, channels);
    const float *dy = s->dy + first, *x[5];
    CONV_UNROLL
    for (int r = 0; r < rows; r++) {
        x[r] = s->x[row + (size_t)r] + first;
        CONV_UNROLL
        for (int c = 0; c < columns; c++) {
            sum[r][c] = vec_set1(0.0f);
        }
    }
    CONV_ROLLED
    for (size_t i = s->pixels; i > 0; i--, dy += channels) {
        const vec_f value = depthwise_load(dy, whole, channels);
        CONV_UNROLL
        for (int r = 0; r < rows; r++) {
            CONV_UNROLL
            for (int c = 0; c < columns; c++) {
                sum[r][c] += value * depthwise_load(x[r] + (size_t)c * s->x_column, whole, channels);
            }
            x[r] += s->x_step;
        }
    }
    CONV_UNROLL
    for (int r = 0; r < rows; r++) {
        CONV_UNROLL
        for (int c = 0; c < columns; c++) {
            float *to = s->sums[row + (size_t)r] + (size_t)c * s->p->width + block * VEC_WIDTH;
            vec_store(to, vec_load(to) + sum[r][c]);
        }
    }
}

VEC_INLINE void add_vectors(const gradient_span *s, size_t row, int rows, int columns)
{
    if (!depthwise_is_whole(s->p->channels)) {
        add_vector(s, row, rows, columns, false, 0);
        return;
    }
    for (size_t block = 0; block < s->p->blocks; block++) {
        add_vector(s, row, rows, columns, true, block);
    }
}

static void add_rows(const gradient_span *s, size_t rows, int columns)
{
    size_t row = 0;
    for (; columns == 3 && row + 3 <= rows; row += 3) {
        add_vectors(s, row, 3, 3);
    }
    for (; columns == 5 && row + GRADIENT_ROWS_OF_5 <= rows; row += GRADIENT_ROWS_OF_5) {
        add_vectors(s, row, GRADIENT_ROWS_OF_5, 5);
    }
    for (; row < rows; row++) {
        switch (columns) {
        case 1:
            add_vectors(s, row, 1, 1);
            break;
        case 2:
            add_vectors(s, row, 1, 2);
            break;
        case 3:
            add_vectors(s, row, 1, 3);
            break;
        case 4:
            add_vectors(s, row, 1, 4);
            break;
        default:
            add_vectors(s, row, 1, GRADIENT_COLUMNS);
            break;
        }
    }
}

/* The rows of x that a row of dy meets, and the rows of the kernel where it does. */
typedef struct gradient_rows {
    const float *x[CNN__CONV2D_MAX_TAPS];
    size_t kernel[CNN__CONV2D_MAX_TAPS], count;
} gradient_rows;

/* Pixels [begin, end) of a row of dy and columns [column, column + columns) of the kernel, all inside x. */
static void add_columns(const depthwise_gradient *p, const gradient_rows *rows, const float *dy, cnn__range pixels,
                        int64_t column, int columns, float *sums, gradient_span *span)
{
    const cnn_conv2d_shape *s = p->shape;
    if (pixels.begin >= pixels.end) {
        return;
    }
    const int64_t first = (int64_t)pixels.begin * s->stride_w - s->pad_left + column * s->dilation_w;
    span->p = p;
    span->dy = dy + pixels.begin * p->channels;
    span->pixels = pixels.end - pixels.begin;
    span->x_step = (size_t)s->stride_w * p->channels;
    span->x_column = (size_t)s->dilation_w * p->channels;
    for (size_t r = 0; r < rows->count; r++) {
        span->x[r] = rows->x[r] + (size_t)first * p->channels;
        span->sums[r] = sums + (rows->kernel[r] * (size_t)s->kernel_w + (size_t)column) * p->width;
    }
    add_rows(span, rows->count, columns);
}

/* Pixels that column k of the kernel meets inside x. */
static cnn__range pixels_of(const cnn_conv2d_shape *s, int64_t k)
{
    return depthwise_inner(k * s->dilation_w - s->pad_left, s->stride_w, s->in_w, s->out_w);
}

/* Some columns of the kernel at a time: first the pixels for which all of them are inside, then for each column those
 * before and after. */
static void add_row(const depthwise_gradient *p, const gradient_rows *rows, const float *dy, float *sums,
                    gradient_span *span)
{
    const cnn_conv2d_shape *s = p->shape;
    for (int64_t column = 0; column < s->kernel_w;) {
        const int columns = (int)cnn__min_i64(GRADIENT_COLUMNS, s->kernel_w - column);
        cnn__range inner = {0, (size_t)s->out_w};
        for (int c = 0; c < columns; c++) {
            const cnn__range one = pixels_of(s, column + c);
            inner.begin = cnn__max_size(inner.begin, one.begin);
            inner.end = cnn__min_size(inner.end, one.end);
        }
        inner.end = cnn__max_size(inner.begin, inner.end);
        add_columns(p, rows, dy, inner, column, columns, sums, span);
        for (int c = 0; c < columns; c++) {
            const cnn__range one = pixels_of(s, column + c);
            const cnn__range before = {one.begin, cnn__min_size(inner.begin, one.end)};
            const cnn__range after = {cnn__max_size(inner.end, before.end), one.end};
            add_columns(p, rows, dy, before, column + c, 1, sums, span);
            add_columns(p, rows, dy, after, column + c, 1, sums, span);
        }
        column += columns;
    }
}

static void add_bias(const depthwise_gradient *p, const float *dy, double *sums)
{
    for (size_t block = 0; block < p->blocks; block++) {
        const float *from = dy + depthwise_first(block, p->channels);
        vec_f sum = vec_set1(0.0f);
        for (size_t i = 0; i < (size_t)p->shape->out_w; i++, from += p->channels) {
            sum += vec_load_n(from, p->channels);
        }
        norm_add_sums(sums + block * VEC_WIDTH, sum, VEC_WIDTH);
    }
}

static void part_task(void *argument, size_t part, uint32_t worker)
{
    const depthwise_gradient *p = argument;
    const cnn_conv2d_shape *s = p->shape;
    const cnn__range units = cnn__part_range(p->units, p->parts, part);
    const size_t row = (size_t)(s->in_w * s->in_c);
    float *sums = p->sums + part * p->taps * p->width, *scratch = (float *)(p->scratch + worker * p->scratch_size);
    double *bias_sums = p->bias_sums + part * p->width;
    gradient_rows rows;
    gradient_span span;
    memset(sums, 0, p->taps * p->width * sizeof(float));
    memset(bias_sums, 0, p->width * sizeof(double));
    for (size_t unit = units.begin; unit < units.end; unit++) {
        const int64_t image = (int64_t)unit / s->out_h, y = (int64_t)unit % s->out_h;
        const float *dy = p->dy + unit * (size_t)s->out_w * p->channels;
        rows.count = 0;
        for (int64_t k = 0; k < s->kernel_h; k++) {
            const int64_t from = y * s->stride_h - s->pad_top + k * s->dilation_h;
            if (from < 0 || from >= s->in_h) {
                continue;
            }
            const float *x = p->x + (size_t)(image * s->in_h + from) * row;
            if (p->multiplier > 1) {
                float *to = scratch + rows.count * row * p->multiplier;
                depthwise_expand(x, (size_t)s->in_w, (size_t)s->in_c, p->multiplier, to);
                x = to;
            }
            rows.x[rows.count] = x;
            rows.kernel[rows.count++] = (size_t)k;
        }
        add_row(p, &rows, dy, sums, &span);
        if (p->wants_bias) {
            add_bias(p, dy, bias_sums);
        }
    }
}

/* Adds the parts of vectors [begin, end), in order. */
static void join_blocks(const void *argument, size_t begin, size_t end)
{
    const depthwise_gradient *p = argument;
    for (size_t block = begin; block < end; block++) {
        const size_t first = depthwise_first(block, p->channels);
        for (size_t tap = 0; tap < p->taps; tap++) {
            const float *from = p->sums + tap * p->width + block * VEC_WIDTH;
            vec_f sum = vec_load(from);
            for (size_t part = 1; part < p->parts; part++) {
                sum += vec_load(from + part * p->taps * p->width);
            }
            vec_store_n(p->d_filters + tap * p->channels + first, sum, p->channels);
        }
    }
}

size_t CNN__VECTOR(cnn__depthwise_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads)
{
    return plan(shape, threads, NULL).workspace;
}

cnn_status CNN__VECTOR(cnn__depthwise_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    depthwise_gradient p = plan(&args->shape, call->threads, call->workspace);
    if (!cnn__has_workspace(call, p.workspace)) {
        return CNN_ERROR_BACKEND;
    }
    p.x = args->x;
    p.dy = args->dy;
    p.d_filters = args->d_filters;
    p.wants_bias = args->d_bias != NULL;
    call->parallel(call, p.parts, part_task, &p);
    join_blocks(&p, 0, p.blocks); /* in one task: the vectors at the end overlap */
    for (size_t c = 0; args->d_bias != NULL && c < p.channels; c++) {
        const size_t block = c / VEC_WIDTH, at = block * VEC_WIDTH + c - depthwise_first(block, p.channels);
        double sum = 0;
        for (size_t part = 0; part < p.parts; part++) {
            sum += p.bias_sums[part * p.width + at];
        }
        args->d_bias[c] = (float)sum;
    }
    return CNN_OK;
}
