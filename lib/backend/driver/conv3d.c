/* SPDX-License-Identifier: MIT */
/* 3-D convolution by the 2-D one's rows of windows and the backend's gemm.
 *
 * Each plane of the output is a sum of 2-D convolutions, one for each plane of the kernel, of a plane of the input:
 * their products are added up by gemm itself. A plane of the kernel that lies in the padding costs nothing. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/im2col.h"
#include "backend/driver/task.h"
#include "core/error.h"
#include "core/memory.h"

/* Parts of the filters' gradient at most, and how much memory their sums may take together. */
#define MOST_PARTS 8
#define SUMS_BYTES ((int64_t)32 << 20)

typedef struct volume_work {
    const cnn_backend_call *call;
    const cnn__row_kernels *kernels;
    const cnn_conv3d_shape *shape;
    cnn_conv2d_shape plane; /* of one plane of the kernel over one of the input */
    cnn__conv2d_plan plan;
    const float *x, *dy, *filters, *bias;
    float *to;         /* what the pass writes: y, dx, or the sums of the filters' gradient */
    float *transposed; /* backward: the filters [kernel_d][out_c][depth] */
    float *d_filters;
    double *bias_sums; /* [parts][out_c]; NULL: not asked for */
    char *columns;     /* of all workers */
    int64_t parts;     /* of the filters' gradient */
    cnn__latch latch;
} volume_work;

static volume_work open_work(const cnn_conv3d_shape *s)
{
    volume_work work = {.shape = s,
                        .plane = {.n = 1,
                                  .in_h = s->in_h,
                                  .in_w = s->in_w,
                                  .in_c = s->in_c,
                                  .out_h = s->out_h,
                                  .out_w = s->out_w,
                                  .out_c = s->out_c,
                                  .kernel_h = s->kernel_h,
                                  .kernel_w = s->kernel_w,
                                  .stride_h = s->stride_h,
                                  .stride_w = s->stride_w,
                                  .dilation_h = s->dilation_h,
                                  .dilation_w = s->dilation_w,
                                  .groups = s->groups,
                                  .pad_top = s->pad_top,
                                  .pad_left = s->pad_left}};
    work.plan = cnn__conv2d_plan_of(&work.plane);
    return work;
}

/* Values of one plane of the filters, and of all. */
static int64_t plane_filters(const volume_work *work) { return work->plan.depth * work->shape->out_c; }
static int64_t all_filters(const volume_work *work) { return work->shape->kernel_d * plane_filters(work); }

static float *columns_of_worker(const volume_work *work, uint32_t worker)
{
    return (float *)(work->columns + worker * work->plan.columns_bytes);
}

/* The plane of the input under plane kz of the kernel at output plane oz; -1 in the padding. */
static int64_t input_plane(const cnn_conv3d_shape *s, int64_t oz, int64_t kz)
{
    const int64_t z = oz * s->stride_d - s->pad_front + kz * s->dilation_d;
    return z >= 0 && z < s->in_d ? z : -1;
}

/* The output plane for which plane kz of the kernel lies over input plane z; -1 if there is none. */
static int64_t output_plane(const cnn_conv3d_shape *s, int64_t z, int64_t kz)
{
    const int64_t at = z + s->pad_front - kz * s->dilation_d;
    return at >= 0 && at % s->stride_d == 0 && at / s->stride_d < s->out_d ? at / s->stride_d : -1;
}

/* A block of the pixels of one plane. */
static cnn__conv2d_block block_of(const volume_work *work, size_t index)
{
    const cnn__range range = cnn__part_range((size_t)work->plan.pixels, (size_t)work->plan.blocks, index);
    return (cnn__conv2d_block){0, (int64_t)range.begin, (int64_t)range.end, 0, work->shape->kernel_h};
}

/* The left matrix of a product: one group's columns of a block, which may be the input itself. */
static const float *gather(const volume_work *work, const cnn__conv2d_block *block, int64_t image, int64_t z,
                           float *columns, int64_t *stride)
{
    const cnn_conv3d_shape *s = work->shape;
    const float *x = work->x + (image * s->in_d + z) * s->in_h * s->in_w * s->in_c;
    if (work->plan.direct) {
        *stride = s->in_c;
        return x + block->begin * s->in_c + block->group * work->plan.group_in;
    }
    *stride = work->plan.depth;
    cnn__im2col(&work->plane, block, x, columns);
    return columns;
}

/* ---- forward ---- */

/* Adds what plane kz of the kernel gives to y, or writes it where it is the first. */
static cnn_status add_plane(const volume_work *work, cnn__conv2d_block block, int64_t image, int64_t z, int64_t kz,
                            bool first, float *columns, float *y)
{
    const cnn__conv2d_plan *plan = &work->plan;
    for (; block.group < work->shape->groups; block.group++) {
        cnn_gemm_args args = {.struct_size = sizeof(args),
                              .m = block.end - block.begin,
                              .n = plan->group_out,
                              .k = plan->depth,
                              .b = work->filters + kz * plane_filters(work) + block.group * plan->group_out,
                              .ldb = work->shape->out_c,
                              .c = y + block.group * plan->group_out,
                              .ldc = work->shape->out_c,
                              .alpha = 1,
                              .beta = first ? 0 : 1};
        args.a = gather(work, &block, image, z, columns, &args.lda);
        CNN__RETURN_IF_ERROR(cnn__gemm(work->call, &args));
    }
    return CNN_OK;
}

/* A block of one output plane. */
static void forward_task(void *argument, size_t index, uint32_t worker)
{
    volume_work *work = argument;
    const cnn_conv3d_shape *s = work->shape;
    const cnn__conv2d_block block = block_of(work, index % (size_t)work->plan.blocks);
    const int64_t plane = (int64_t)(index / (size_t)work->plan.blocks), pixels = block.end - block.begin;
    float *y = work->to + (plane * work->plan.pixels + block.begin) * s->out_c;
    bool first = true;
    for (int64_t kz = 0; kz < s->kernel_d; kz++) {
        const int64_t z = input_plane(s, plane % s->out_d, kz);
        if (z < 0) {
            continue;
        }
        const cnn_status status = add_plane(work, block, plane / s->out_d, z, kz, first,
                                            columns_of_worker(work, worker), y);
        if (status != CNN_OK) {
            cnn__latch_set(&work->latch, status);
            return;
        }
        first = false;
    }
    if (first) { /* all of the kernel lies in the padding */
        memset(y, 0, (size_t)(pixels * s->out_c) * sizeof(float));
    }
    if (work->bias != NULL || s->epilogue.activation != CNN_LINEAR) {
        work->kernels->bias_activation(pixels, s->out_c, s->out_c, work->bias, (cnn_activation)s->epilogue.activation,
                                       s->epilogue.alpha, y);
    }
}

static cnn_status forward(volume_work *work, const cnn_conv3d_args *args)
{
    const cnn_conv3d_shape *s = work->shape;
    work->x = args->x;
    work->filters = args->filters;
    work->bias = args->bias;
    work->to = args->y;
    work->columns = work->call->workspace;
    work->call->parallel(work->call, (size_t)(s->n * s->out_d * work->plan.blocks), forward_task, work);
    return cnn__latch_get(&work->latch);
}

/* ---- the gradient of the input ---- */

/* Rows of the filters that a task transposes. */
enum { TRANSPOSE_ROWS = 64 };

/* Rows [begin, end) of all planes of the filters: the columns of a plane become its rows. */
static void transpose_rows(const void *argument, size_t begin, size_t end)
{
    const volume_work *work = argument;
    const size_t depth = (size_t)work->plan.depth, out_c = (size_t)work->shape->out_c;
    for (size_t row = begin; row < end; row++) {
        float *to = work->transposed + row / depth * depth * out_c + row % depth;
        for (size_t c = 0; c < out_c; c++) {
            to[c * depth] = work->filters[row * out_c + c];
        }
    }
}

/* Adds what one output plane sends through plane kz of the kernel to dx, a plane. */
static cnn_status add_gradient(const volume_work *work, int64_t out, int64_t kz, float *columns, float *dx)
{
    const cnn_conv3d_shape *s = work->shape;
    const cnn__conv2d_plan *plan = &work->plan;
    for (int64_t at = 0; at < plan->blocks; at++) {
        cnn__conv2d_block block = block_of(work, (size_t)at);
        for (; block.group < s->groups; block.group++) {
            const cnn_gemm_args args = {
                .struct_size = sizeof(args),
                .m = block.end - block.begin,
                .n = plan->depth,
                .k = plan->group_out,
                .a = work->dy + (out * plan->pixels + block.begin) * s->out_c + block.group * plan->group_out,
                .lda = s->out_c,
                .b = work->transposed + kz * plane_filters(work) + block.group * plan->group_out * plan->depth,
                .ldb = plan->depth,
                .c = plan->direct ? dx + block.begin * s->in_c + block.group * plan->group_in : columns,
                .ldc = plan->direct ? s->in_c : plan->depth,
                .alpha = 1,
                .beta = plan->direct ? 1 : 0};
            CNN__RETURN_IF_ERROR(cnn__gemm(work->call, &args));
            if (!plan->direct) {
                cnn__col2im(work->kernels, &work->plane, &block, columns, 0, s->in_h, dx);
            }
        }
    }
    return CNN_OK;
}

/* One plane of the input's gradient. */
static void backward_task(void *argument, size_t index, uint32_t worker)
{
    volume_work *work = argument;
    const cnn_conv3d_shape *s = work->shape;
    const int64_t image = (int64_t)index / s->in_d, z = (int64_t)index % s->in_d, values = s->in_h * s->in_w * s->in_c;
    float *dx = work->to + (int64_t)index * values;
    memset(dx, 0, (size_t)values * sizeof(float));
    for (int64_t kz = 0; kz < s->kernel_d; kz++) {
        const int64_t oz = output_plane(s, z, kz);
        if (oz >= 0) {
            cnn__latch_set(&work->latch,
                           add_gradient(work, image * s->out_d + oz, kz, columns_of_worker(work, worker), dx));
        }
    }
}

static cnn_status backward_data(volume_work *work, const cnn_conv3d_args *args)
{
    const cnn_conv3d_shape *s = work->shape;
    work->dy = args->dy;
    work->filters = args->filters;
    work->to = args->dx;
    work->columns = work->call->workspace;
    work->transposed = (float *)(work->columns + work->call->threads * work->plan.columns_bytes);
    cnn__for_spans(work->call, (size_t)(s->kernel_d * work->plan.depth), TRANSPOSE_ROWS, transpose_rows, work);
    work->call->parallel(work->call, (size_t)(s->n * s->in_d), backward_task, work);
    return cnn__latch_get(&work->latch);
}

/* ---- the gradient of filters and bias ---- */

static void plan_parts(volume_work *work)
{
    const int64_t allowed = SUMS_BYTES / (all_filters(work) * (int64_t)sizeof(float));
    const int64_t units = work->shape->n * work->shape->out_d * work->plan.blocks;
    work->parts = cnn__min_i64(cnn__min_i64(cnn__max_i64(allowed, 2), MOST_PARTS), units);
}

static size_t sums_bytes(const volume_work *work)
{
    return work->parts > 1 ? cnn__align_size((size_t)(work->parts * all_filters(work)) * sizeof(float)) : 0;
}

static size_t bias_sums_bytes(const volume_work *work)
{
    return cnn__align_size((size_t)(work->parts * work->shape->out_c) * sizeof(double));
}

/* Adds what a block of an output plane gives to the sums of plane kz of the kernel. */
static cnn_status add_filters(const volume_work *work, cnn__conv2d_block block, int64_t out, int64_t z, bool first,
                              float *columns, float *sums)
{
    const cnn_conv3d_shape *s = work->shape;
    const cnn__conv2d_plan *plan = &work->plan;
    for (; block.group < s->groups; block.group++) {
        cnn_gemm_args args = {.struct_size = sizeof(args),
                              .m = plan->depth,
                              .n = plan->group_out,
                              .k = block.end - block.begin,
                              .transpose_a = 1,
                              .b = work->dy + (out * plan->pixels + block.begin) * s->out_c +
                                   block.group * plan->group_out,
                              .ldb = s->out_c,
                              .c = sums + block.group * plan->group_out,
                              .ldc = s->out_c,
                              .alpha = 1,
                              .beta = first ? 0 : 1};
        args.a = gather(work, &block, out / s->out_d, z, columns, &args.lda);
        CNN__RETURN_IF_ERROR(cnn__gemm(work->call, &args));
    }
    return CNN_OK;
}

/* One part of the blocks, one plane of the kernel. */
static void filter_task(void *argument, size_t index, uint32_t worker)
{
    volume_work *work = argument;
    const cnn_conv3d_shape *s = work->shape;
    const size_t blocks = (size_t)work->plan.blocks, part = index / (size_t)s->kernel_d;
    const int64_t kz = (int64_t)(index % (size_t)s->kernel_d);
    const cnn__range units = cnn__part_range((size_t)(s->n * s->out_d) * blocks, (size_t)work->parts, part);
    float *sums = work->to + (int64_t)part * all_filters(work) + kz * plane_filters(work);
    double *bias = work->bias_sums != NULL && kz == 0 ? work->bias_sums + part * (size_t)s->out_c : NULL;
    bool first = true;
    if (bias != NULL) {
        memset(bias, 0, (size_t)s->out_c * sizeof(double));
    }
    for (size_t unit = units.begin; unit < units.end; unit++) {
        const int64_t out = (int64_t)(unit / blocks), z = input_plane(s, out % s->out_d, kz);
        const cnn__conv2d_block block = block_of(work, unit % blocks);
        if (bias != NULL) {
            work->kernels->column_sums(block.end - block.begin, s->out_c,
                                       work->dy + (out * work->plan.pixels + block.begin) * s->out_c, bias);
        }
        if (z >= 0) {
            cnn__latch_set(&work->latch,
                           add_filters(work, block, out, z, first, columns_of_worker(work, worker), sums));
            first = false;
        }
    }
    if (first) {
        memset(sums, 0, (size_t)plane_filters(work) * sizeof(float));
    }
}

static void join_parts(const void *argument, size_t begin, size_t end)
{
    const volume_work *work = argument;
    memcpy(work->d_filters + begin, work->to + begin, (end - begin) * sizeof(float));
    for (int64_t part = 1; part < work->parts; part++) {
        work->kernels->accumulate((int64_t)(end - begin), work->to + part * all_filters(work) + begin,
                                  work->d_filters + begin);
    }
}

static cnn_status backward_filter(volume_work *work, const cnn_conv3d_args *args)
{
    const cnn_conv3d_shape *s = work->shape;
    char *workspace = work->call->workspace;
    plan_parts(work);
    work->x = args->x;
    work->dy = args->dy;
    work->d_filters = args->d_filters;
    work->bias_sums = args->d_bias != NULL ? (double *)workspace : NULL;
    work->to = work->parts > 1 ? (float *)(workspace + bias_sums_bytes(work)) : args->d_filters;
    work->columns = workspace + bias_sums_bytes(work) + sums_bytes(work);
    work->call->parallel(work->call, (size_t)(work->parts * s->kernel_d), filter_task, work);
    CNN__RETURN_IF_ERROR(cnn__latch_get(&work->latch));
    if (work->parts > 1) {
        cnn__for_spans(work->call, (size_t)all_filters(work), CNN__SPAN, join_parts, work);
    }
    for (int64_t c = 0; args->d_bias != NULL && c < s->out_c; c++) {
        double sum = 0;
        for (int64_t part = 0; part < work->parts; part++) {
            sum += work->bias_sums[part * s->out_c + c];
        }
        args->d_bias[c] = (float)sum;
    }
    return CNN_OK;
}

/* ---- the entry ---- */

size_t cnn__conv3d_workspace(const cnn_conv3d_shape *shape, cnn_pass pass, uint32_t threads)
{
    volume_work work = open_work(shape);
    const size_t columns = threads * work.plan.columns_bytes;
    plan_parts(&work);
    switch (pass) {
    case CNN_PASS_BACKWARD_DATA: /* beside the columns, the filters transposed */
        return columns + cnn__align_size((size_t)all_filters(&work) * sizeof(float));
    case CNN_PASS_BACKWARD_FILTER:
        return columns + sums_bytes(&work) + bias_sums_bytes(&work);
    default:
        return columns;
    }
}

cnn_status cnn__conv3d(const cnn__row_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                       const cnn_conv3d_args *args)
{
    const cnn_conv3d_shape *s = &args->shape;
    volume_work work = open_work(s);
    work.call = call;
    work.kernels = kernels;
    if (pass > CNN_PASS_BACKWARD_FILTER) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (!cnn__has_workspace(call, cnn__conv3d_workspace(s, pass, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    if (pass == CNN_PASS_FORWARD) {
        return forward(&work, args);
    }
    const size_t outputs = (size_t)(s->n * s->out_d * s->out_h * s->out_w * s->out_c);
    CNN__RETURN_IF_ERROR(cnn__epilogue_backward(call, &s->epilogue, outputs, args->y, args->dy));
    return pass == CNN_PASS_BACKWARD_DATA ? backward_data(&work, args) : backward_filter(&work, args);
}
