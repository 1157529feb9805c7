/* SPDX-License-Identifier: MIT */
/* Pooling: windows, divisors and the division of work. A NaN in a maximum's window is its result, the first one
 * its argmax. */
#include "backend/driver/driver.h"
#include "backend/driver/task.h"
#include "core/error.h"

typedef struct pool_work {
    const cnn__pool_kernels *kernels;
    const cnn_pool2d_shape *shape;
    const float *from;
    float *to;
    char *argmax;
    int64_t band, bands; /* backward: rows of a task, tasks of an image */
} pool_work;

/* Padding that was asked for is counted if the shape says so; what a rounded-up output hangs over it never is. */
static cnn__pool_window window_of(int64_t out, int32_t kernel, int32_t stride, int32_t dilation, int32_t before,
                                  int32_t after, int64_t size, bool count_padding)
{
    const int64_t step = dilation > 1 ? dilation : 1, extent = (kernel - 1) * step + 1;
    cnn__pool_window window = {.step = step};
    window.first = out * stride - before;
    window.begin = window.first >= 0 ? window.first : window.first + cnn__pool_steps(-window.first, step) * step;
    window.end = cnn__min_i64(window.first + extent, size);
    window.counted = count_padding
                         ? cnn__pool_steps(cnn__min_i64(window.first + extent, size + after) - window.first, step)
                         : cnn__pool_steps(window.end - window.begin, step);
    return window;
}

static cnn__pool_window adaptive_window_of(int64_t out, int64_t output, int64_t size)
{
    const int64_t begin = out * size / output, end = ((out + 1) * size + output - 1) / output;
    return (cnn__pool_window){begin, begin, end, 1, end - begin};
}

cnn__pool_window cnn__pool2d_rows(const cnn_pool2d_shape *shape, int64_t out_y)
{
    if (shape->adaptive) {
        return adaptive_window_of(out_y, shape->out_h, shape->in_h);
    }
    return window_of(out_y, shape->kernel_h, shape->stride_h, shape->dilation_h, shape->pad_top, shape->pad_bottom,
                     shape->in_h, shape->count_include_pad != 0);
}

cnn__pool_window cnn__pool2d_columns(const cnn_pool2d_shape *shape, int64_t out_x)
{
    if (shape->adaptive) {
        return adaptive_window_of(out_x, shape->out_w, shape->in_w);
    }
    return window_of(out_x, shape->kernel_w, shape->stride_w, shape->dilation_w, shape->pad_left, shape->pad_right,
                     shape->in_w, shape->count_include_pad != 0);
}

/* [begin, end) counts output rows of all images. */
static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const pool_work *work = argument;
    const cnn_pool2d_shape *shape = work->shape;
    size_t image_size = (size_t)(shape->in_h * shape->in_w * shape->c), row_size = (size_t)(shape->out_w * shape->c);
    for (size_t row = begin; row < end; row++) {
        void *argmax = work->argmax != NULL ? work->argmax + row * row_size * (size_t)shape->argmax_bytes : NULL;
        work->kernels->forward_row(shape, (int64_t)(row % (size_t)shape->out_h),
                                   work->from + row / (size_t)shape->out_h * image_size, work->to + row * row_size,
                                   argmax);
    }
}

/* The output rows whose windows reach rows [first, last). */
static cnn__range rows_that_reach(const cnn_pool2d_shape *shape, int64_t first, int64_t last)
{
    if (shape->adaptive) {
        return (cnn__range){(size_t)(first * shape->out_h / shape->in_h),
                            (size_t)cnn__ceil_div(last * shape->out_h, shape->in_h)};
    }
    const int64_t step = shape->dilation_h > 1 ? shape->dilation_h : 1, extent = (shape->kernel_h - 1) * step + 1;
    const int64_t begin = cnn__ceil_div(first + shape->pad_top - extent + 1, shape->stride_h);
    const int64_t end = cnn__floor_div(last - 1 + shape->pad_top, shape->stride_h) + 1;
    return (cnn__range){(size_t)cnn__max_i64(begin, 0), (size_t)cnn__min_i64(end, shape->out_h)};
}

static void backward_band(const void *argument, size_t begin, size_t end)
{
    const pool_work *work = argument;
    const cnn_pool2d_shape *shape = work->shape;
    for (size_t task = begin; task < end; task++) {
        size_t image = task / (size_t)work->bands;
        int64_t first = (int64_t)(task % (size_t)work->bands) * work->band;
        int64_t last = cnn__min_i64(first + work->band, shape->in_h);
        const cnn__range out = rows_that_reach(shape, first, last);
        size_t out_at = image * (size_t)(shape->out_h * shape->out_w * shape->c);
        work->kernels->backward_rows(shape, first, last, (int64_t)out.begin, (int64_t)out.end, work->from + out_at,
                                     work->argmax != NULL ? work->argmax + out_at * (size_t)shape->argmax_bytes : NULL,
                                     work->to + image * (size_t)(shape->in_h * shape->in_w * shape->c));
    }
}

static void forward(const cnn__pool_kernels *kernels, const cnn_backend_call *call, const cnn_pool2d_args *args)
{
    const cnn_pool2d_shape *shape = &args->shape;
    const pool_work work = {.kernels = kernels,
                            .shape = shape,
                            .from = args->x,
                            .to = args->y,
                            .argmax = shape->average ? NULL : args->argmax};
    size_t row_cost = (size_t)(shape->out_w * shape->c) * (size_t)shape->kernel_h * (size_t)shape->kernel_w;
    cnn__for_spans(call, (size_t)(shape->n * shape->out_h), cnn__div_up(CNN__SPAN, row_cost), forward_rows, &work);
}

static void backward(const cnn__pool_kernels *kernels, const cnn_backend_call *call, const cnn_pool2d_args *args)
{
    /* Bands begin where a window does: without overlap and padding no window is visited twice. */
    const cnn_pool2d_shape *shape = &args->shape;
    int64_t strides = (int64_t)cnn__div_up(CNN__SPAN, (size_t)(shape->in_w * shape->c) * (size_t)shape->stride_h);
    int64_t band = cnn__min_i64(strides * shape->stride_h, shape->in_h);
    const pool_work work = {.kernels = kernels,
                            .shape = shape,
                            .from = args->dy,
                            .to = args->dx,
                            .argmax = shape->average ? NULL : args->argmax,
                            .band = band,
                            .bands = cnn__ceil_div(shape->in_h, band)};
    cnn__for_spans(call, (size_t)(shape->n * work.bands), 1, backward_band, &work);
}

cnn_status cnn__pool2d(const cnn__pool_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                       const cnn_pool2d_args *args)
{
    const cnn_pool2d_shape *shape = &args->shape;
    const size_t outputs = (size_t)(shape->n * shape->out_h * shape->out_w * shape->c);
    if (pass == CNN_PASS_FORWARD) {
        forward(kernels, call, args);
        return cnn__epilogue_forward(call, &shape->epilogue, outputs, args->y);
    }
    if (pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    CNN__RETURN_IF_ERROR(cnn__epilogue_backward(call, &shape->epilogue, outputs, args->y, args->dy));
    backward(kernels, call, args);
    return CNN_OK;
}
