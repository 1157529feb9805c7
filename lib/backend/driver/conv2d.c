/* SPDX-License-Identifier: MIT */
/* Convolution by im2col and the backend's gemm: forward and the gradient of the input. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/im2col.h"
#include "backend/driver/task.h"
#include "core/error.h"

/* Tasks that the gradient of the input is cut into at least, where it has the rows for it. */
#define BACKWARD_TASKS 16

typedef struct conv_work {
    const cnn_backend_call *call;
    const cnn__row_kernels *kernels;
    const cnn_conv2d_shape *shape;
    cnn__conv2d_plan plan;
    const float *from, *filters, *bias;
    float *to;
    float *transposed; /* backward: the filters [out_c, depth] */
    int64_t bands;     /* backward: tasks of an image */
    cnn__latch latch;
} conv_work;

static float *columns_of_worker(const conv_work *work, uint32_t worker)
{
    return (float *)((char *)work->call->workspace + worker * work->plan.columns_bytes);
}

/* Columns of the block times filters, for one group. */
static cnn_status multiply_block(const conv_work *work, const cnn__conv2d_block *block, int64_t image, float *columns)
{
    const cnn_conv2d_shape *shape = work->shape;
    const cnn__conv2d_plan *plan = &work->plan;
    cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = block->end - block->begin,
        .n = plan->group_out,
        .k = plan->depth,
        .a = columns,
        .lda = plan->depth,
        .b = work->filters + block->group * plan->group_out,
        .ldb = shape->out_c,
        .c = work->to + (image * plan->pixels + block->begin) * shape->out_c + block->group * plan->group_out,
        .ldc = shape->out_c,
        .alpha = 1,
    };
    if (plan->direct) {
        args.a = work->from + block->begin * shape->in_c + block->group * plan->group_in;
        args.lda = shape->in_c;
    } else {
        cnn__im2col(shape, block, work->from + image * shape->in_h * shape->in_w * shape->in_c, columns);
    }
    return cnn__gemm(work->call, &args);
}

static void forward_task(void *argument, size_t index, uint32_t worker)
{
    conv_work *work = argument;
    const cnn_conv2d_shape *shape = work->shape;
    int64_t image = (int64_t)index / work->plan.blocks;
    cnn__range range = cnn__part_range((size_t)work->plan.pixels, (size_t)work->plan.blocks,
                                       index % (size_t)work->plan.blocks);
    cnn__conv2d_block block = {0, (int64_t)range.begin, (int64_t)range.end, 0, shape->kernel_h};
    for (; block.group < shape->groups; block.group++) {
        cnn_status status = multiply_block(work, &block, image, columns_of_worker(work, worker));
        if (status != CNN_OK) {
            cnn__latch_set(&work->latch, status);
            return;
        }
    }
    if (work->bias != NULL || shape->epilogue.activation != CNN_LINEAR) {
        work->kernels->bias_activation(block.end - block.begin, shape->out_c, shape->out_c, work->bias,
                                       (cnn_activation)shape->epilogue.activation, shape->epilogue.alpha,
                                       work->to + (image * work->plan.pixels + block.begin) * shape->out_c);
    }
}

static cnn_status forward(const cnn__row_kernels *kernels, const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    conv_work work = {.call = call,
                      .kernels = kernels,
                      .shape = &args->shape,
                      .plan = cnn__conv2d_plan_of(&args->shape),
                      .from = args->x,
                      .filters = args->filters,
                      .bias = args->bias,
                      .to = args->y};
    call->parallel(call, (size_t)(work.plan.images * work.plan.blocks), forward_task, &work);
    return cnn__latch_get(&work.latch);
}

/* Rows of the filters that a task transposes. */
enum { TRANSPOSE_ROWS = 64 };

/* Turns rows [begin, end) of the filters [depth, out_c] into columns of [out_c, depth]: libraries multiply by rows
 * of a matrix faster than by its columns. */
static void transpose_rows(const void *argument, size_t begin, size_t end)
{
    const conv_work *work = argument;
    size_t depth = (size_t)work->plan.depth, out_c = (size_t)work->shape->out_c;
    for (size_t c = 0; c < out_c; c++) {
        for (size_t k = begin; k < end; k++) {
            work->transposed[c * depth + k] = work->filters[k * out_c + c];
        }
    }
}

/* What a pixel block sends to one group's columns: dy times the filters transposed. */
static cnn_status multiply_gradient(const conv_work *work, const cnn__conv2d_block *block, int64_t image, float *to,
                                    int64_t stride)
{
    const cnn_conv2d_shape *shape = work->shape;
    const cnn__conv2d_plan *plan = &work->plan;
    const cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = block->end - block->begin,
        .n = plan->depth,
        .k = plan->group_out,
        .a = work->from + (image * plan->pixels + block->begin) * shape->out_c + block->group * plan->group_out,
        .lda = shape->out_c,
        .b = work->transposed + block->group * plan->group_out * plan->depth,
        .ldb = plan->depth,
        .c = to,
        .ldc = stride,
        .alpha = 1,
    };
    return cnn__gemm(work->call, &args);
}

static void backward_direct_task(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    conv_work *work = argument;
    const cnn_conv2d_shape *shape = work->shape;
    cnn__range range = cnn__part_range((size_t)work->plan.pixels, (size_t)work->plan.blocks, index);
    cnn__conv2d_block block = {0, (int64_t)range.begin, (int64_t)range.end, 0, 1};
    for (; block.group < shape->groups; block.group++) {
        float *to = work->to + block.begin * shape->in_c + block.group * work->plan.group_in;
        cnn__latch_set(&work->latch, multiply_gradient(work, &block, 0, to, shape->in_c));
    }
}

/* Rows of the input's gradient are owned by one task, which works out again what reaches over their border. */
static void backward_band_task(void *argument, size_t index, uint32_t worker)
{
    conv_work *work = argument;
    const cnn_conv2d_shape *shape = work->shape;
    int64_t image = (int64_t)index / work->bands, row_size = shape->in_w * shape->in_c;
    cnn__range rows = cnn__part_range((size_t)shape->in_h, (size_t)work->bands, index % (size_t)work->bands);
    int64_t begin = (int64_t)rows.begin, end = (int64_t)rows.end, reach = (shape->kernel_h - 1) * shape->dilation_h;
    int64_t out_begin = cnn__max_i64(cnn__ceil_div(begin + shape->pad_top - reach, shape->stride_h), 0);
    int64_t out_end = cnn__min_i64(cnn__floor_div(end - 1 + shape->pad_top, shape->stride_h) + 1, shape->out_h);
    int64_t pixel_end = out_end * shape->out_w, step = work->plan.block_pixels;
    float *columns = columns_of_worker(work, worker), *dx = work->to + image * shape->in_h * row_size;
    memset(dx + begin * row_size, 0, (size_t)((end - begin) * row_size) * sizeof(float));
    for (int64_t pixel = out_begin * shape->out_w; pixel < pixel_end; pixel += step) {
        cnn__conv2d_block block = {0, pixel, cnn__min_i64(pixel + step, pixel_end), 0, shape->kernel_h};
        for (; block.group < shape->groups; block.group++) {
            cnn_status status = multiply_gradient(work, &block, image, columns, work->plan.depth);
            if (status != CNN_OK) {
                cnn__latch_set(&work->latch, status);
                return;
            }
            cnn__col2im(work->kernels, shape, &block, columns, begin, end, dx);
        }
    }
}

static cnn_status backward_data(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                const cnn_conv2d_args *args)
{
    const cnn_conv2d_shape *shape = &args->shape;
    conv_work work = {.call = call,
                      .kernels = kernels,
                      .shape = shape,
                      .plan = cnn__conv2d_plan_of(shape),
                      .from = args->dy,
                      .filters = args->filters,
                      .to = args->dx};
    work.transposed = (float *)((char *)call->workspace + call->threads * work.plan.columns_bytes);
    cnn__for_spans(call, (size_t)work.plan.depth, TRANSPOSE_ROWS, transpose_rows, &work);
    if (work.plan.direct) {
        call->parallel(call, (size_t)work.plan.blocks, backward_direct_task, &work);
        return cnn__latch_get(&work.latch);
    }
    int64_t least_rows = 4 * ((shape->kernel_h - 1) * shape->dilation_h + 1);
    work.bands = cnn__min_i64(cnn__ceil_div(BACKWARD_TASKS, shape->n), cnn__max_i64(shape->in_h / least_rows, 1));
    call->parallel(call, (size_t)(shape->n * work.bands), backward_band_task, &work);
    return cnn__latch_get(&work.latch);
}

cnn_status cnn__im2col_conv2d(const cnn__row_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                              const cnn_conv2d_args *args)
{
    const cnn_conv2d_shape *shape = &args->shape;
    if (shape->epilogue.pool != 0 || pass > CNN_PASS_BACKWARD_FILTER) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (!cnn__has_workspace(call, cnn__im2col_workspace(shape, pass, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    if (pass == CNN_PASS_FORWARD) {
        return forward(kernels, call, args);
    }
    const size_t outputs = (size_t)(shape->n * shape->out_h * shape->out_w * shape->out_c);
    CNN__RETURN_IF_ERROR(cnn__epilogue_backward(call, &shape->epilogue, outputs, args->y, args->dy));
    return pass == CNN_PASS_BACKWARD_DATA ? backward_data(kernels, call, args)
                                          : cnn__im2col_backward_filter(kernels, call, args);
}
