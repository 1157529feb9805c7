/* SPDX-License-Identifier: MIT */
/* The innermost loops of pooling: channels lie in vectors. The common windows, 2x2 and 3x3 inside the image, are
 * unrolled. */
#include "backend/driver/task.h"
#include "backend/vector/kernels.h"

/* One window: where it begins in x, its cells, and the number of the first of them. */
typedef struct window {
    const float *x;
    int64_t row_stride, column_stride, c;
    int64_t rows, columns;
    int64_t first_cell, kernel_w;
    float divisor;
} window;

VEC_INLINE vec_i load_argmax(const void *argmax, int32_t bytes, int64_t at, size_t n)
{
    vec_i v = {0};
    n = cnn__min_size(n, VEC_WIDTH);
    if (bytes == 1) {
        return vec_load_bytes((const uint8_t *)argmax + at, n);
    }
    memcpy(&v, (const uint32_t *)argmax + at, n * sizeof(uint32_t));
    return v;
}

VEC_INLINE void store_argmax(void *argmax, int32_t bytes, int64_t at, size_t n, vec_i v)
{
    n = cnn__min_size(n, VEC_WIDTH);
    if (bytes == 1) {
        vec_store_bytes((uint8_t *)argmax + at, v, n);
    } else {
        memcpy((uint32_t *)argmax + at, &v, n * sizeof(uint32_t));
    }
}

/* The first maximum of each lane, or its first NaN, and the cell that held it. */
VEC_INLINE vec_f window_maximum(const window *w, int64_t rows, int64_t columns, int64_t c, size_t n, vec_i *cell)
{
    vec_f best = vec_load_n(w->x + c, n);
    vec_i at = (vec_i){0} + (int32_t)w->first_cell;
    for (int64_t y = 0; y < rows; y++) {
        for (int64_t x = 0; x < columns; x++) {
            vec_f value = vec_load_n(w->x + y * w->row_stride + x * w->column_stride + c, n);
            vec_i take = (value > best) | ((value != value) & (best == best));
            vec_i here = (vec_i){0} + (int32_t)(w->first_cell + y * w->kernel_w + x);
            best = vec_select(take, value, best);
            at = (take & here) | (~take & at);
        }
    }
    *cell = at;
    return best;
}

/* `rows` and `columns` are constants after inlining where the window is a common one. */
VEC_INLINE void maximum(const window *w, int64_t rows, int64_t columns, float *y, void *argmax, int32_t bytes,
                        int64_t out)
{
    for (int64_t c = 0; c < w->c; c += VEC_WIDTH) {
        size_t n = (size_t)(w->c - c);
        vec_i cell;
        vec_store_n(y + out + c, window_maximum(w, rows, columns, c, n, &cell), n);
        if (argmax != NULL) {
            store_argmax(argmax, bytes, out + c, n, cell);
        }
    }
}

/* Rows of the window are summed in float, their sums in double. */
static void mean(const window *w, float *y)
{
    for (int64_t c = 0; c < w->c; c += VEC_WIDTH) {
        size_t n = (size_t)(w->c - c);
        vec_d low = {0}, high = {0};
        for (int64_t r = 0; r < w->rows; r++) {
            vec_f sum = {0};
            for (int64_t x = 0; x < w->columns; x++) {
                sum += vec_load_n(w->x + r * w->row_stride + x * w->column_stride + c, n);
            }
            low += vec_low_d(sum);
            high += vec_high_d(sum);
        }
        vec_f result;
        for (int i = 0; i < VEC_D; i++) {
            result[i] = (float)(low[i] / w->divisor);
            result[i + VEC_D] = (float)(high[i] / w->divisor);
        }
        vec_store_n(y + c, result, n);
    }
}

/* The number of the cell in row y and the first column of a window. */
static int64_t cell_of(const cnn__pool_window *rows, const cnn__pool_window *columns, int64_t y, int64_t kernel_w)
{
    return cnn__pool_steps(y - rows->first, rows->step) * kernel_w +
           cnn__pool_steps(columns->begin - columns->first, columns->step);
}

static void forward_row(const cnn_pool2d_shape *shape, int64_t out_y, const float *x, float *y, void *argmax)
{
    cnn__pool_window rows = cnn__pool2d_rows(shape, out_y);
    for (int64_t out_x = 0; out_x < shape->out_w; out_x++) {
        cnn__pool_window columns = cnn__pool2d_columns(shape, out_x);
        const window w = {
            .x = x + (rows.begin * shape->in_w + columns.begin) * shape->c,
            .row_stride = shape->in_w * shape->c * rows.step,
            .column_stride = shape->c * columns.step,
            .c = shape->c,
            .rows = cnn__pool_steps(rows.end - rows.begin, rows.step),
            .columns = cnn__pool_steps(columns.end - columns.begin, columns.step),
            .first_cell = cell_of(&rows, &columns, rows.begin, shape->kernel_w),
            .kernel_w = shape->kernel_w,
            .divisor = (float)(rows.counted * columns.counted),
        };
        int64_t out = out_x * shape->c;
        if (shape->average) {
            mean(&w, y + out);
        } else if (w.rows == 2 && w.columns == 2) {
            maximum(&w, 2, 2, y, argmax, shape->argmax_bytes, out);
        } else if (w.rows == 3 && w.columns == 3) {
            maximum(&w, 3, 3, y, argmax, shape->argmax_bytes, out);
        } else {
            maximum(&w, w.rows, w.columns, y, argmax, shape->argmax_bytes, out);
        }
    }
}

/* One window's part of the gradient. */
typedef struct target {
    float *dx; /* the window's first cell */
    int64_t row_stride, column_stride, c;
    int32_t first_cell, kernel_w;
    float share; /* of each cell in a mean */
} target;

/* What one window sends to its cells: where argmax says, or an equal share to each. Where windows do not overlap,
 * each cell is written once. The last two arguments are constants after inlining, `rows` and `columns` where the
 * window is a common one. */
VEC_INLINE void send_to(const target *t, const float *dy, const void *argmax, int32_t bytes, int64_t out, int64_t rows,
                        int64_t columns, bool average, bool overlap)
{
    for (int64_t c = 0; c < t->c; c += VEC_WIDTH) {
        size_t n = (size_t)(t->c - c);
        vec_f gradient = vec_load_n(dy + out + c, n);
        vec_i cell = {0};
        if (average) {
            gradient *= t->share;
        } else {
            cell = load_argmax(argmax, bytes, out + c, n);
        }
        for (int64_t y = 0; y < rows; y++) {
            for (int64_t x = 0; x < columns; x++) {
                float *to = t->dx + y * t->row_stride + x * t->column_stride + c;
                int32_t here = t->first_cell + (int32_t)(y * t->kernel_w + x);
                vec_f part = average ? gradient : vec_keep(cell == here, gradient);
                vec_store_n(to, overlap ? vec_load_n(to, n) + part : part, n);
            }
        }
    }
}

VEC_INLINE void send(const target *t, const float *dy, const void *argmax, int32_t bytes, int64_t out, int64_t rows,
                     int64_t columns, bool average, bool overlap)
{
    if (!average && rows == 2 && columns == 2) {
        send_to(t, dy, argmax, bytes, out, 2, 2, false, overlap);
    } else if (!average && rows == 3 && columns == 3) {
        send_to(t, dy, argmax, bytes, out, 3, 3, false, overlap);
    } else if (average) {
        send_to(t, dy, argmax, bytes, out, rows, columns, true, overlap);
    } else {
        send_to(t, dy, argmax, bytes, out, rows, columns, false, overlap);
    }
}

/* The part of window (out_y, out_x) that lies in rows [begin, end). */
VEC_INLINE void send_window(const cnn_pool2d_shape *shape, const cnn__pool_window *rows, int64_t out_y, int64_t out_x,
                            int64_t begin, int64_t end, const float *dy, const void *argmax, bool overlap, float *dx)
{
    cnn__pool_window columns = cnn__pool2d_columns(shape, out_x);
    const int64_t missed = cnn__pool_steps(cnn__max_i64(begin - rows->begin, 0), rows->step);
    const int64_t first = rows->begin + missed * rows->step, last = cnn__min_i64(rows->end, end);
    const target t = {
        .dx = dx + (first * shape->in_w + columns.begin) * shape->c,
        .row_stride = shape->in_w * shape->c * rows->step,
        .column_stride = shape->c * columns.step,
        .c = shape->c,
        .first_cell = (int32_t)cell_of(rows, &columns, first, shape->kernel_w),
        .kernel_w = shape->kernel_w,
        .share = (float)(1 / (double)(rows->counted * columns.counted)),
    };
    send(&t, dy, argmax, shape->argmax_bytes, (out_y * shape->out_w + out_x) * shape->c,
         last > first ? cnn__pool_steps(last - first, rows->step) : 0,
         cnn__pool_steps(columns.end - columns.begin, columns.step), shape->average != 0, overlap);
}

static void backward_rows(const cnn_pool2d_shape *shape, int64_t begin, int64_t end, int64_t out_begin, int64_t out_end,
                          const float *dy, const void *argmax, float *dx)
{
    int64_t row = shape->in_w * shape->c;
    const bool dilated = shape->dilation_h > 1 || shape->dilation_w > 1;
    const bool overlap = dilated || shape->kernel_h > shape->stride_h || shape->kernel_w > shape->stride_w;
    memset(dx + begin * row, 0, (size_t)((end - begin) * row) * sizeof(float));
    for (int64_t out_y = out_begin; out_y < out_end; out_y++) {
        cnn__pool_window rows = cnn__pool2d_rows(shape, out_y);
        for (int64_t out_x = 0; out_x < shape->out_w; out_x++) {
            if (overlap) {
                send_window(shape, &rows, out_y, out_x, begin, end, dy, argmax, true, dx);
            } else {
                send_window(shape, &rows, out_y, out_x, begin, end, dy, argmax, false, dx);
            }
        }
    }
}

const cnn__pool_kernels CNN__VECTOR(cnn__pools) = {forward_row, backward_rows};
