/* SPDX-License-Identifier: MIT */
/* The innermost loops of pooling, one output at a time. */
#include <string.h>

#include "backend/reference/reference.h"

static void put_argmax(void *argmax, int32_t bytes, int64_t at, int64_t cell)
{
    if (argmax == NULL) {
        return;
    }
    if (bytes == 1) {
        ((uint8_t *)argmax)[at] = (uint8_t)cell;
    } else {
        ((uint32_t *)argmax)[at] = (uint32_t)cell;
    }
}

static int64_t get_argmax(const void *argmax, int32_t bytes, int64_t at)
{
    return bytes == 1 ? ((const uint8_t *)argmax)[at] : (int64_t)((const uint32_t *)argmax)[at];
}

/* The first maximum of channel c in the window, and its cell. */
static float maximum(const cnn_pool2d_shape *shape, const float *x, cnn__pool_window rows, cnn__pool_window columns,
                     int64_t c, int64_t *cell)
{
    bool found = false;
    float best = 0;
    for (int64_t y = rows.begin; y < rows.end; y += rows.step) {
        for (int64_t i = columns.begin; i < columns.end; i += columns.step) {
            float value = x[(y * shape->in_w + i) * shape->c + c];
            bool is_first_nan = value != value && best == best;
            if (!found || value > best || is_first_nan) {
                found = true;
                best = value;
                *cell = (y - rows.first) / rows.step * shape->kernel_w + (i - columns.first) / columns.step;
            }
        }
    }
    return best;
}

static float mean(const cnn_pool2d_shape *shape, const float *x, cnn__pool_window rows, cnn__pool_window columns,
                  int64_t c)
{
    double sum = 0;
    for (int64_t y = rows.begin; y < rows.end; y += rows.step) {
        for (int64_t i = columns.begin; i < columns.end; i += columns.step) {
            sum += x[(y * shape->in_w + i) * shape->c + c];
        }
    }
    return (float)(sum / (double)(rows.counted * columns.counted));
}

static void forward_row(const cnn_pool2d_shape *shape, int64_t out_y, const float *x, float *y, void *argmax)
{
    cnn__pool_window rows = cnn__pool2d_rows(shape, out_y);
    for (int64_t out_x = 0; out_x < shape->out_w; out_x++) {
        cnn__pool_window columns = cnn__pool2d_columns(shape, out_x);
        for (int64_t c = 0; c < shape->c; c++) {
            int64_t at = out_x * shape->c + c, cell = 0;
            if (shape->average) {
                y[at] = mean(shape, x, rows, columns, c);
                continue;
            }
            y[at] = maximum(shape, x, rows, columns, c, &cell);
            put_argmax(argmax, shape->argmax_bytes, at, cell);
        }
    }
}

/* Sends one output's gradient to the cell that held its maximum, if that lies in rows [begin, end). */
static void send_maximum(const cnn_pool2d_shape *shape, int64_t begin, int64_t end, cnn__pool_window rows,
                         cnn__pool_window columns, const float *dy, const void *argmax, int64_t at, float *dx)
{
    for (int64_t c = 0; c < shape->c; c++) {
        int64_t cell = get_argmax(argmax, shape->argmax_bytes, at + c);
        int64_t y = rows.first + cell / shape->kernel_w * rows.step;
        int64_t x = columns.first + cell % shape->kernel_w * columns.step;
        if (y >= begin && y < end) {
            dx[(y * shape->in_w + x) * shape->c + c] += dy[at + c];
        }
    }
}

/* Spreads one output's gradient evenly over the window's cells in rows [begin, end). */
static void send_mean(const cnn_pool2d_shape *shape, int64_t begin, int64_t end, cnn__pool_window rows,
                      cnn__pool_window columns, const float *dy, int64_t at, float *dx)
{
    float share = (float)(1 / (double)(rows.counted * columns.counted));
    for (int64_t y = rows.begin; y < rows.end; y += rows.step) {
        for (int64_t x = columns.begin; x < columns.end && y >= begin && y < end; x += columns.step) {
            for (int64_t c = 0; c < shape->c; c++) {
                dx[(y * shape->in_w + x) * shape->c + c] += dy[at + c] * share;
            }
        }
    }
}

static void backward_rows(const cnn_pool2d_shape *shape, int64_t begin, int64_t end, int64_t out_begin, int64_t out_end,
                          const float *dy, const void *argmax, float *dx)
{
    int64_t row = shape->in_w * shape->c;
    memset(dx + begin * row, 0, (size_t)((end - begin) * row) * sizeof(float));
    for (int64_t out_y = out_begin; out_y < out_end; out_y++) {
        cnn__pool_window rows = cnn__pool2d_rows(shape, out_y);
        for (int64_t out_x = 0; out_x < shape->out_w; out_x++) {
            cnn__pool_window columns = cnn__pool2d_columns(shape, out_x);
            int64_t at = (out_y * shape->out_w + out_x) * shape->c;
            if (shape->average) {
                send_mean(shape, begin, end, rows, columns, dy, at, dx);
            } else {
                send_maximum(shape, begin, end, rows, columns, dy, argmax, at, dx);
            }
        }
    }
}

const cnn__pool_kernels cnn__reference_pools = {forward_row, backward_rows};
