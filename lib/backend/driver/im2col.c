/* SPDX-License-Identifier: MIT */
/* Gathering the input under the kernel into rows, and adding such rows back. */
#include "backend/driver/im2col.h"

#include <string.h>

#include "backend/driver/task.h"
#include "core/memory.h"

/* A block of columns is about this large, so that it stays in the second-level cache, but it has at least so many
 * pixels, so that reading the filters again for each block is worth it. */
#define COLUMNS_BYTES ((int64_t)256 << 10)
#define LEAST_PIXELS 128

cnn__conv2d_plan cnn__conv2d_plan_of(const cnn_conv2d_shape *shape)
{
    cnn__conv2d_plan plan = {.images = shape->n, .pixels = shape->out_h * shape->out_w};
    plan.direct = shape->kernel_h == 1 && shape->kernel_w == 1 && shape->stride_h == 1 && shape->stride_w == 1 &&
                  shape->pad_top == 0 && shape->pad_left == 0 && shape->out_h == shape->in_h &&
                  shape->out_w == shape->in_w;
    if (plan.direct) {
        plan.pixels *= plan.images;
        plan.images = 1;
    }
    plan.group_in = shape->in_c / shape->groups;
    plan.group_out = shape->out_c / shape->groups;
    plan.tap_row = shape->kernel_w * plan.group_in;
    plan.depth = shape->kernel_h * plan.tap_row;
    int64_t block = cnn__max_i64(COLUMNS_BYTES / (plan.depth * (int64_t)sizeof(float)), LEAST_PIXELS);
    plan.blocks = cnn__ceil_div(plan.pixels, block);
    plan.block_pixels = cnn__ceil_div(plan.pixels, plan.blocks);
    if (!plan.direct) {
        plan.columns_bytes = cnn__align_size((size_t)(plan.block_pixels * plan.depth) * sizeof(float));
    }
    return plan;
}

/* Short runs are common (three channels), and a call of memcpy costs more than they do. */
static inline void copy_values(float *to, const float *from, int64_t n)
{
    if (n > 64) {
        memcpy(to, from, (size_t)n * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

static inline void clear_values(float *to, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] = 0;
    }
}

/* Taps [*begin, *end) of one kernel row lie inside [0, in_w). */
static inline void inner_taps(const cnn_conv2d_shape *shape, int64_t first, int64_t *begin, int64_t *end)
{
    int64_t dilation = shape->dilation_w;
    *begin = first >= 0 ? 0 : cnn__min_i64((-first + dilation - 1) / dilation, shape->kernel_w);
    int64_t room = shape->in_w - first; /* the tap t is inside below if t * dilation < room */
    *end = room <= 0 ? *begin : cnn__min_i64((room + dilation - 1) / dilation, shape->kernel_w);
    if (*end < *begin) {
        *end = *begin;
    }
}

/* One kernel row of one pixel; `first` is its first column in the input row. */
static inline void gather_row(const cnn_conv2d_shape *shape, const float *row, int64_t first, int64_t group_in,
                              float *to)
{
    int64_t begin, end;
    inner_taps(shape, first, &begin, &end);
    clear_values(to, begin * group_in);
    if (shape->dilation_w == 1 && shape->groups == 1) {
        copy_values(to + begin * group_in, row + (first + begin) * group_in, (end - begin) * group_in);
    } else {
        for (int64_t t = begin; t < end; t++) {
            copy_values(to + t * group_in, row + (first + t * shape->dilation_w) * shape->in_c, group_in);
        }
    }
    clear_values(to + end * group_in, (shape->kernel_w - end) * group_in);
}

void cnn__im2col(const cnn_conv2d_shape *shape, const cnn__conv2d_block *block, const float *x, float *columns)
{
    int64_t group_in = shape->in_c / shape->groups, tap_row = shape->kernel_w * group_in;
    int64_t out_y = block->begin / shape->out_w, out_x = block->begin % shape->out_w;
    for (int64_t pixel = block->begin; pixel < block->end; pixel++) {
        int64_t first = out_x * shape->stride_w - shape->pad_left;
        for (int64_t tap = block->tap_begin; tap < block->tap_end; tap++) {
            int64_t y = out_y * shape->stride_h - shape->pad_top + tap * shape->dilation_h;
            if (y < 0 || y >= shape->in_h) {
                clear_values(columns, tap_row);
            } else {
                const float *row = x + y * shape->in_w * shape->in_c + block->group * group_in;
                gather_row(shape, row, first, group_in, columns);
            }
            columns += tap_row;
        }
        if (++out_x == shape->out_w) {
            out_x = 0;
            out_y++;
        }
    }
}

static inline void scatter_row(const cnn__row_kernels *kernels, const cnn_conv2d_shape *shape, const float *from,
                               int64_t first, int64_t group_in, float *row)
{
    int64_t begin, end;
    inner_taps(shape, first, &begin, &end);
    if (shape->dilation_w == 1 && shape->groups == 1) {
        kernels->accumulate((end - begin) * group_in, from + begin * group_in, row + (first + begin) * group_in);
        return;
    }
    for (int64_t t = begin; t < end; t++) {
        kernels->accumulate(group_in, from + t * group_in, row + (first + t * shape->dilation_w) * shape->in_c);
    }
}

void cnn__col2im(const cnn__row_kernels *kernels, const cnn_conv2d_shape *shape, const cnn__conv2d_block *block,
                 const float *columns, int64_t row_begin, int64_t row_end, float *dx)
{
    int64_t group_in = shape->in_c / shape->groups, tap_row = shape->kernel_w * group_in;
    int64_t out_y = block->begin / shape->out_w, out_x = block->begin % shape->out_w;
    for (int64_t pixel = block->begin; pixel < block->end; pixel++) {
        int64_t first = out_x * shape->stride_w - shape->pad_left;
        for (int64_t tap = block->tap_begin; tap < block->tap_end; tap++, columns += tap_row) {
            int64_t y = out_y * shape->stride_h - shape->pad_top + tap * shape->dilation_h;
            if (y >= row_begin && y < row_end) {
                scatter_row(kernels, shape, columns, first, group_in,
                            dx + y * shape->in_w * shape->in_c + block->group * group_in);
            }
        }
        if (++out_x == shape->out_w) {
            out_x = 0;
            out_y++;
        }
    }
}
