/* SPDX-License-Identifier: MIT */
/* Training: normalisation, activation and 2x2 maxima in one pass over x. The normalised image is never stored, and
 * going backward a quarter of the gradients is read: only one pixel of a cell has any. */
#include <math.h>
#include <string.h>

#include "backend/driver/task.h"
#include "backend/vector/conv2d/conv_output.h"
#include "backend/vector/kernels.h"
#include "backend/vector/norm_sums.h"
#include "core/error.h"

typedef struct norm_pool_work {
    const cnn_norm_shape *shape;
    int64_t pairs; /* of rows of an image; the second row of the last one may be missing */
    const float *x, *dy;
    const float *mean, *inv_std, *beta;
    float *scale, *offset, *slope; /* [c] each */
    float *y;                      /* forward */
    uint8_t *argmax;
    float *dx;        /* backward */
    double *partial;  /* of each part the sums of dy and of dy (x - mean) inv_std, [c] each */
    size_t part_rows; /* rows of cells in a part of the sums */
    bool fixed;
} norm_pool_work;

/* A row of cells. */
typedef struct norm_cells {
    const float *x; /* the upper one of its two rows */
    size_t at;      /* of its first value in y, dy and argmax */
} norm_cells;

static size_t span_rows(const cnn_norm_shape *s) { return cnn__div_up(CNN__SPAN, (size_t)(2 * s->w * s->c)); }

static size_t part_rows(const cnn_norm_shape *s)
{
    return cnn__max_size(span_rows(s), cnn__div_up((size_t)(s->n * (s->h / 2)), CNN__REDUCTION_PARTS));
}

/* Bytes of what the sums need: as many parts as any smaller batch has, too. */
static size_t sums_size(const cnn_norm_shape *s)
{
    const size_t spans = cnn__div_up((size_t)(s->n * (s->h / 2)), span_rows(s));
    const size_t gradient = cnn__min_size(spans, CNN__REDUCTION_PARTS) * 2 * (size_t)s->c * sizeof(double);
    return cnn__max_size(gradient, cnn__norm_workspace(s));
}

size_t CNN__VECTOR(cnn__norm_pool_workspace)(const cnn_norm_shape *shape)
{
    return sums_size(shape) + 3 * (size_t)shape->c * sizeof(float);
}

/* The work of a call with places for its factors after the sums. */
static norm_pool_work open_work(const cnn_backend_call *call, const cnn_norm_args *args)
{
    const cnn_norm_shape *shape = &args->shape;
    float *factors = (float *)((char *)call->workspace + sums_size(shape));
    return (norm_pool_work){.shape = shape,
                            .pairs = cnn__ceil_div(shape->h, 2),
                            .partial = call->workspace,
                            .scale = factors,
                            .offset = factors + shape->c,
                            .slope = factors + 2 * shape->c,
                            .part_rows = part_rows(shape),
                            .fixed = shape->fixed != 0,
                            .x = args->x,
                            .dy = args->dy,
                            .mean = args->mean,
                            .inv_std = args->inv_std,
                            .beta = args->beta,
                            .y = args->y,
                            .argmax = args->argmax,
                            .dx = args->dx};
}

/* Row `row` of the cells of all images. */
static norm_cells cells_of(const norm_pool_work *work, size_t row)
{
    const cnn_norm_shape *s = work->shape;
    const size_t rows = (size_t)(s->h / 2), line = (size_t)(s->w * s->c);
    return (norm_cells){work->x + (row / rows * (size_t)s->h + row % rows * 2) * line, row * (size_t)(s->w / 2 * s->c)};
}

/* What each channel is worked on with, [c] each. A copy of the work's pointers in registers: as far as the compiler
 * knows, a stored byte may change the work itself. */
typedef struct norm_factors {
    const float *mean, *scale, *beta, *offset, *slope;
} norm_factors;

static norm_factors factors_of(const norm_pool_work *work)
{
    return (norm_factors){work->mean, work->scale, work->beta, work->offset, work->slope};
}

/* n channels from j on of the cell whose first pixel is x; `line` values from a row to the next. */
VEC_INLINE void forward_cell(const norm_factors *f, const conv_output *out, const float *x, size_t c, size_t line,
                             size_t at, size_t j, size_t n)
{
    const vec_f mean = vec_load_n(f->mean + j, n), scale = vec_load_n(f->scale + j, n);
    const vec_f pixels[4] = {(vec_load_n(x + j, n) - mean) * scale, (vec_load_n(x + c + j, n) - mean) * scale,
                             (vec_load_n(x + line + j, n) - mean) * scale,
                             (vec_load_n(x + line + c + j, n) - mean) * scale};
    conv_pool_store(out, at + j, pixels, vec_load_n(f->beta + j, n), n);
}

VEC_INLINE void forward_cells(const norm_pool_work *work, norm_cells row, int32_t activation)
{
    const size_t c = (size_t)work->shape->c, width = (size_t)work->shape->w, line = width * c;
    const norm_factors f = factors_of(work);
    const conv_output out = {.y = work->y, .argmax = work->argmax, .activation = activation};
    for (size_t cell = 0; cell < width / 2; cell++) {
        const float *x = row.x + 2 * cell * c;
        const size_t at = row.at + cell * c;
        size_t j = 0;
        for (; j + VEC_WIDTH <= c; j += VEC_WIDTH) {
            forward_cell(&f, &out, x, c, line, at, j, VEC_WIDTH);
        }
        if (j < c) {
            forward_cell(&f, &out, x, c, line, at, j, c - j);
        }
    }
}

static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const norm_pool_work *work = argument;
    for (size_t row = begin; row < end; row++) {
        if (work->shape->epilogue.activation == CNN_RELU) {
            forward_cells(work, cells_of(work, row), CNN_RELU);
        } else if (work->shape->epilogue.activation == CNN_RELU6) {
            forward_cells(work, cells_of(work, row), CNN_RELU6);
        } else {
            forward_cells(work, cells_of(work, row), CNN_LINEAR);
        }
    }
}

static cnn_status forward(const cnn_backend_call *call, const cnn_norm_args *args)
{
    const cnn_norm_shape *shape = &args->shape;
    norm_pool_work work = open_work(call, args);
    CNN__RETURN_IF_ERROR(cnn__norm_statistics(&CNN__VECTOR(cnn__norms), call, args));
    for (int64_t j = 0; j < shape->c; j++) {
        work.scale[j] = args->gamma[j] * args->inv_std[j];
    }
    cnn__for_spans(call, (size_t)(shape->n * (shape->h / 2)), span_rows(shape), forward_rows, &work);
    cnn__norm_move_statistics(call, args);
    return CNN_OK;
}

/* Of the pixels of the cell at x, in each lane the one at `place`, 0 to 3. */
VEC_INLINE vec_f chosen(const float *x, size_t c, size_t line, size_t n, vec_i place)
{
    const vec_i right = (place & 1) != 0;
    const vec_f above = vec_select(right, vec_load_n(x + c, n), vec_load_n(x, n));
    const vec_f below = vec_select(right, vec_load_n(x + line + c, n), vec_load_n(x + line, n));
    return vec_select((place & 2) != 0, below, above);
}

/* Adds a row of cells to the sums of columns from `j` on. `vectors` is a constant; the last vector has `last`
 * columns. */
VEC_INLINE void cell_sums(const norm_pool_work *work, const norm_cells *row, size_t j, int vectors, size_t last,
                          double *sum)
{
    const size_t c = (size_t)work->shape->c, cells = (size_t)work->shape->w / 2;
    const size_t line = (size_t)work->shape->w * c;
    vec_f center[NORM_TILE];
    for (int v = 0; v < vectors; v++) {
        const size_t n = v + 1 < vectors ? VEC_WIDTH : last;
        center[v] = vec_load_n(work->mean + j + v * VEC_WIDTH, n);
    }
    for (size_t begin = 0; begin < cells; begin += NORM_RUN) {
        const size_t end = cnn__min_size(cells, begin + NORM_RUN);
        vec_f total[NORM_TILE] = {{0}}, dot[NORM_TILE] = {{0}};
        for (size_t cell = begin; cell < end; cell++) {
            for (int v = 0; v < vectors; v++) {
                const size_t n = v + 1 < vectors ? VEC_WIDTH : last, k = j + (size_t)v * VEC_WIDTH;
                const size_t at = row->at + cell * c + k;
                const vec_i place = conv_load_bytes(work->argmax + at, n);
                const vec_f dy = vec_keep(place != 4, vec_load_n(work->dy + at, n));
                total[v] += dy;
                dot[v] += dy * (chosen(row->x + 2 * cell * c + k, c, line, n, place) - center[v]);
            }
        }
        for (int v = 0; v < vectors; v++) {
            const size_t n = v + 1 < vectors ? VEC_WIDTH : last, k = j + (size_t)v * VEC_WIDTH;
            norm_add_sums(sum + k, total[v], n);
            norm_add_sums(sum + c + k, dot[v] * vec_load_n(work->inv_std + k, n), n);
        }
    }
}

static void sums_of_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const norm_pool_work *work = argument;
    const cnn_norm_shape *s = work->shape;
    const size_t c = (size_t)s->c, rows = (size_t)(s->n * (s->h / 2));
    const cnn__range part = cnn__grain_range(rows, work->part_rows, index);
    double *sum = work->partial + index * 2 * c;
    memset(sum, 0, 2 * c * sizeof(double));
    for (size_t row = part.begin; row < part.end; row++) {
        const norm_cells at = cells_of(work, row);
        size_t j = 0;
        for (; j + NORM_TILE * VEC_WIDTH <= c; j += NORM_TILE * VEC_WIDTH) {
            cell_sums(work, &at, j, NORM_TILE, VEC_WIDTH, sum);
        }
        for (; j < c; j += VEC_WIDTH) {
            cell_sums(work, &at, j, 1, cnn__min_size(c - j, VEC_WIDTH), sum);
        }
    }
}

/* dx = scale (dy - offset - slope (x - mean)) of n channels from j on of a pixel; with `fixed` statistics scale dy. */
VEC_INLINE void pixel_gradient(const norm_factors *f, bool fixed, const float *x, size_t j, size_t n, vec_f dy,
                               float *dx)
{
    if (!fixed) {
        const vec_f centered = vec_load_n(x + j, n) - vec_load_n(f->mean + j, n);
        dy = dy - vec_load_n(f->offset + j, n) - vec_load_n(f->slope + j, n) * centered;
    }
    vec_store_n(dx + j, vec_load_n(f->scale + j, n) * dy, n);
}

/* Pixels [from, to) of a row: they belong to no cell. */
static void rest_gradient(const norm_pool_work *work, const float *x, float *dx, size_t from, size_t to)
{
    const size_t c = (size_t)work->shape->c;
    const norm_factors f = factors_of(work);
    for (size_t pixel = from; pixel < to; pixel++) {
        for (size_t j = 0; j < c; j += VEC_WIDTH) {
            pixel_gradient(&f, work->fixed, x + pixel * c, j, c - j, vec_set1(0), dx + pixel * c);
        }
    }
}

/* n channels from j on of a cell; x and dx are its first pixel, dy and argmax its own. */
VEC_INLINE void cell_gradient(const norm_factors *f, bool fixed, const float *x, const float *dy, const uint8_t *argmax,
                              size_t c, size_t line, size_t j, size_t n, float *dx)
{
    const vec_f gradient = vec_load_n(dy + j, n);
    const vec_i place = conv_load_bytes(argmax + j, n);
    pixel_gradient(f, fixed, x, j, n, vec_keep(place == 0, gradient), dx);
    pixel_gradient(f, fixed, x + c, j, n, vec_keep(place == 1, gradient), dx + c);
    pixel_gradient(f, fixed, x + line, j, n, vec_keep(place == 2, gradient), dx + line);
    pixel_gradient(f, fixed, x + line + c, j, n, vec_keep(place == 3, gradient), dx + line + c);
}

VEC_INLINE void cells_gradient(const norm_pool_work *work, bool fixed, norm_cells row, float *dx)
{
    const size_t c = (size_t)work->shape->c, width = (size_t)work->shape->w, line = width * c;
    const norm_factors f = factors_of(work);
    for (size_t cell = 0; cell < width / 2; cell++) {
        const size_t pixel = 2 * cell * c, at = row.at + cell * c;
        const float *dy = work->dy + at;
        const uint8_t *argmax = work->argmax + at;
        size_t j = 0;
        for (; j + VEC_WIDTH <= c; j += VEC_WIDTH) {
            cell_gradient(&f, fixed, row.x + pixel, dy, argmax, c, line, j, VEC_WIDTH, dx + pixel);
        }
        if (j < c) {
            cell_gradient(&f, fixed, row.x + pixel, dy, argmax, c, line, j, c - j, dx + pixel);
        }
    }
    rest_gradient(work, row.x, dx, width / 2 * 2, width);
    rest_gradient(work, row.x + line, dx + line, width / 2 * 2, width);
}

/* [begin, end) counts pairs of rows of all images. */
static void gradient_pairs(const void *argument, size_t begin, size_t end)
{
    const norm_pool_work *work = argument;
    const cnn_norm_shape *s = work->shape;
    const size_t pairs = (size_t)work->pairs, rows = (size_t)(s->h / 2), width = (size_t)s->w;
    for (size_t pair = begin; pair < end; pair++) {
        const size_t image = pair / pairs, row = pair % pairs;
        const size_t first = (image * (size_t)s->h + row * 2) * width * (size_t)s->c;
        if (row < rows && work->fixed) {
            cells_gradient(work, true, cells_of(work, image * rows + row), work->dx + first);
        } else if (row < rows) {
            cells_gradient(work, false, cells_of(work, image * rows + row), work->dx + first);
        } else {
            rest_gradient(work, work->x + first, work->dx + first, 0, width);
        }
    }
}

static cnn_status backward(const cnn_backend_call *call, const cnn_norm_args *args)
{
    const cnn_norm_shape *shape = &args->shape;
    const size_t c = (size_t)shape->c;
    const float *d_beta, *d_gamma;
    double values;
    norm_pool_work work = open_work(call, args);
    const size_t parts = cnn__div_up((size_t)(shape->n * (shape->h / 2)), work.part_rows);
    call->parallel(call, parts, sums_of_part, &work);
    for (size_t i = 2 * c; i < parts * 2 * c; i++) {
        work.partial[i % (2 * c)] += work.partial[i];
    }
    for (size_t j = 0; j < c; j++) {
        args->d_beta[j] = (float)work.partial[j];
        args->d_gamma[j] = (float)work.partial[c + j];
    }
    CNN__RETURN_IF_ERROR(cnn__norm_share_sums(args, work.partial, &d_beta, &d_gamma, &values));
    for (size_t j = 0; j < c; j++) {
        work.scale[j] = args->gamma[j] * args->inv_std[j];
        work.offset[j] = (float)((double)d_beta[j] / values);
        work.slope[j] = (float)((double)d_gamma[j] / values) * args->inv_std[j];
    }
    if (args->dx != NULL) {
        cnn__for_spans(call, (size_t)(shape->n * work.pairs), span_rows(shape), gradient_pairs, &work);
    }
    return CNN_OK;
}

cnn_status CNN__VECTOR(cnn__norm_pool)(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *args)
{
    if (!cnn__has_workspace(call, CNN__VECTOR(cnn__norm_pool_workspace)(&args->shape))) {
        return CNN_ERROR_BACKEND;
    }
    return pass == CNN_PASS_FORWARD    ? forward(call, args)
           : pass == CNN_PASS_BACKWARD ? backward(call, args)
                                       : CNN_ERROR_UNSUPPORTED;
}
