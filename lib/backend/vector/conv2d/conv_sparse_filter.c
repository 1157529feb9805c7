/* SPDX-License-Identifier: MIT */
/* The filter gradient of a first layer that pools: of the four pixels of a cell only one carries gradient, another
 * one in each channel. For each filter tap the four values of x that it may meet lie side by side, argmax selects
 * one for each channel, and one multiply-add does the work of four. */
#include "backend/vector/conv2d/conv_direct_filter.h"

#define SPARSE_STRIP 24     /* cells handled together: they and their quads stay in the first-level cache */
#define SPARSE_MAX_TAPS 128 /* above this the dense form wins, as x is read from a larger table */
#define SPARSE_TAPS 9       /* sums of so many taps and one vector of channels are kept in registers */

int CNN__VECTOR(cnn__direct_sparse_supports)(const cnn_conv2d_shape *shape)
{
    return VEC_HAS_LOOKUP4 && shape->epilogue.pool != 0 && shape->in_c <= 4 && shape->stride_h == 1 &&
           shape->stride_w == 1 && shape->dilation_h == 1 &&
           shape->kernel_h * shape->kernel_w * shape->in_c <= SPARSE_MAX_TAPS;
}

/* Pixels of a row of quads that a strip's windows touch. */
static size_t quad_columns(const direct_gradient *p)
{
    return (size_t)(2 * (SPARSE_STRIP - 1) + p->x.row_length / p->x.c);
}

static size_t quad_values(const direct_gradient *p) { return (size_t)(p->x.kernel_h * p->x.c) * quad_columns(p) * 4; }

size_t CNN__VECTOR(cnn__direct_sparse_scratch)(const direct_gradient *p)
{
    const size_t rows = (size_t)(p->x.kernel_h + 1) * direct_row_size(&p->x);
    return rows + quad_values(p) + 2 * SPARSE_STRIP * p->split_width;
}

/* Four values of four streams, side by side. */
typedef float quad_f __attribute__((vector_size(16)));

VEC_INLINE void interleave4(const float *above, const float *below, size_t c, float *to)
{
    quad_f a, b, d, e;
    memcpy(&a, above, sizeof(a));
    memcpy(&b, above + c, sizeof(b));
    memcpy(&d, below, sizeof(d));
    memcpy(&e, below + c, sizeof(e));
    const quad_f ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const quad_f de = __builtin_shufflevector(d, e, 0, 4, 1, 5), de_high = __builtin_shufflevector(d, e, 2, 6, 3, 7);
    const quad_f first = __builtin_shufflevector(ab, de, 0, 1, 4, 5);
    const quad_f second = __builtin_shufflevector(ab, de, 2, 3, 6, 7);
    const quad_f third = __builtin_shufflevector(ab_high, de_high, 0, 1, 4, 5);
    const quad_f fourth = __builtin_shufflevector(ab_high, de_high, 2, 3, 6, 7);
    memcpy(to, &first, sizeof(first));
    memcpy(to + 4, &second, sizeof(second));
    memcpy(to + 8, &third, sizeof(third));
    memcpy(to + 12, &fourth, sizeof(fourth));
}

/* quads[kernel row][column][channel][4]: x at (row, column), (row, column + 1), and the same in the next row. */
static void fill_quads(const direct_gradient *p, const float *const *rows, size_t begin, size_t count, float *quads)
{
    const size_t c = (size_t)p->x.c, taps = quad_columns(p) * c, used = (2 * (count - 1) * c + (size_t)p->x.row_length);
    for (int64_t k = 0; k < p->x.kernel_h; k++, quads += taps * 4) {
        const float *above = rows[k] + 2 * begin * c, *below = rows[k + 1] + 2 * begin * c;
        size_t i = 0;
        for (; i + 4 <= used; i += 4) {
            interleave4(above + i, below + i, c, quads + 4 * i);
        }
        for (; i < used; i++) {
            const float quad[4] = {above[i], above[i + c], below[i], below[i + c]};
            memcpy(quads + 4 * i, quad, sizeof(quad));
        }
    }
}

/* The gradients of a strip of cells, 0 where relu is dead, and the places they go to; adds to the bias. */
static void fill_cells(const direct_gradient *p, size_t cell, size_t count, cnn__range blocks, float *values,
                       int32_t *places, float *bias_sums)
{
    const size_t first = blocks.begin * CONV_COLUMNS, width = (blocks.end - blocks.begin) * CONV_COLUMNS;
    const size_t channels = (size_t)p->channels;
    for (size_t i = 0; i < count; i++, values += width, places += width) {
        const size_t at = (cell + i) * channels + first;
        for (size_t c = 0; c < width; c += 16) { /* the next strip: nothing else reads ahead here */
            __builtin_prefetch(p->dy.data + at + SPARSE_STRIP * channels + c);
        }
        __builtin_prefetch(p->dy.argmax + at + SPARSE_STRIP * channels);
        for (size_t c = 0; c < width; c += VEC_WIDTH) {
            const size_t lanes = first + c < channels ? channels - first - c : 0;
            const vec_i place = lanes > 0 ? conv_load_bytes(p->dy.argmax + at + c, lanes) : (vec_i){0};
            const vec_f value = lanes > 0 ? vec_load_n(p->dy.data + at + c, lanes) : vec_set1(0.0f);
            const vec_f alive = vec_keep(place < 4, value);
            vec_store(values + c, alive);
            memcpy(places + c, &place, sizeof(place));
            vec_store(bias_sums + c, vec_load(bias_sums + c) + alive);
        }
    }
}

/* sums of `taps` taps side by side (a constant) and one vector of channels over a strip of cells. */
VEC_INLINE void add_taps(const float *quad, int taps, size_t cell_step, size_t count, const float *values,
                         const int32_t *places, size_t width, float *sums, size_t sum_row)
{
    vec_f sum[SPARSE_TAPS];
    CONV_UNROLL
    for (int t = 0; t < taps; t++) {
        sum[t] = vec_load(sums + (size_t)t * sum_row);
    }
    for (size_t i = 0; i < count; i++, values += width, places += width, quad += cell_step) {
        vec_i place;
        memcpy(&place, places, sizeof(place));
        const vec_f value = vec_load(values);
        CONV_UNROLL
        for (int t = 0; t < taps; t++) {
            sum[t] += vec_lookup4(quad + 4 * t, place) * value;
        }
    }
    CONV_UNROLL
    for (int t = 0; t < taps; t++) {
        vec_store(sums + (size_t)t * sum_row, sum[t]);
    }
}

/* Not inlined: in a larger function some sums would lose their registers. */
static __attribute__((noinline)) void add_many_taps(const float *quad, size_t cell_step, size_t count,
                                                    const float *values, const int32_t *places, size_t width,
                                                    float *sums, size_t sum_row)
{
    add_taps(quad, SPARSE_TAPS, cell_step, count, values, places, width, sums, sum_row);
}

/* One kernel row: its taps lie side by side in the quads, and go by as many as registers hold. */
static void add_row(const float *quads, size_t taps, size_t cell_step, size_t count, const float *values,
                    const int32_t *places, size_t width, float *sums, size_t sum_row)
{
    for (size_t c = 0; c < width; c += VEC_WIDTH) {
        size_t t = 0;
        for (; t + SPARSE_TAPS <= taps; t += SPARSE_TAPS) {
            add_many_taps(quads + 4 * t, cell_step, count, values + c, places + c, width, sums + t * sum_row + c,
                          sum_row);
        }
        for (; t + 3 <= taps; t += 3) {
            add_taps(quads + 4 * t, 3, cell_step, count, values + c, places + c, width, sums + t * sum_row + c,
                     sum_row);
        }
        for (; t < taps; t++) {
            add_taps(quads + 4 * t, 1, cell_step, count, values + c, places + c, width, sums + t * sum_row + c,
                     sum_row);
        }
    }
}

static void add_strip(const direct_gradient *p, const float *quads, size_t count, const float *values,
                      const int32_t *places, size_t width, float *sums)
{
    const size_t taps = (size_t)p->x.row_length, c = (size_t)p->x.c;
    for (int64_t k = 0; k < p->x.kernel_h; k++) {
        add_row(quads + (size_t)k * quad_columns(p) * c * 4, taps, 2 * c * 4, count, values, places, width,
                sums + (size_t)k * taps * p->width, p->width);
    }
}

void CNN__VECTOR(cnn__direct_sparse_sums)(const direct_gradient *p, cnn__range units, cnn__range blocks, float *sums,
                                          float *bias_sums, float *scratch)
{
    const size_t width = (blocks.end - blocks.begin) * CONV_COLUMNS, row_size = direct_row_size(&p->x);
    const size_t cell_rows = (size_t)p->rows / 2, cell_columns = (size_t)p->columns / 2;
    float *quads = scratch + (size_t)(p->x.kernel_h + 1) * row_size;
    float *values = quads + quad_values(p);
    int32_t *places = (int32_t *)(values + SPARSE_STRIP * width);
    for (size_t unit = units.begin; unit < units.end; unit++) {
        const int64_t n = (int64_t)(unit / cell_rows), y = (int64_t)(unit % cell_rows) * 2 - p->x.pad_y;
        const float *rows[CNN__CONV2D_MAX_KERNEL + 1];
        for (int64_t k = 0; k <= p->x.kernel_h; k++) {
            float *copy = scratch + (size_t)k * row_size;
            rows[k] = direct_row(&p->x, n, y + k, copy);
            if (rows[k] == NULL) {
                memset(copy, 0, row_size * sizeof(float));
                rows[k] = copy;
            }
        }
        for (size_t begin = 0; begin < cell_columns; begin += SPARSE_STRIP) {
            const size_t count = cnn__min_size(SPARSE_STRIP, cell_columns - begin);
            fill_quads(p, rows, begin, count, quads);
            fill_cells(p, unit * cell_columns + begin, count, blocks, values, places, bias_sums);
            add_strip(p, quads, count, values, places, width, sums);
        }
    }
}
