/* SPDX-License-Identifier: MIT */
/* The gradient of filters and bias: a number of parts that the shape alone decides, each with sums of its own,
 * added up in order. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/im2col.h"
#include "backend/driver/task.h"
#include "core/memory.h"

/* Parts at most, and how much memory their sums may take together. */
#define MOST_PARTS 8
#define SUMS_BYTES ((int64_t)32 << 20)

typedef struct filter_work {
    const cnn_backend_call *call;
    const cnn__row_kernels *kernels;
    const cnn_conv2d_shape *shape;
    cnn__conv2d_plan plan;
    int64_t parts;     /* of all blocks of all images */
    int64_t tap_parts; /* of the kernel rows: large filters are cut here, too, as they allow few parts */
    size_t values;     /* of all filters */
    const float *x, *dy;
    float *d_filters, *d_bias;
    float *sums;       /* [parts][values]; with one part d_filters */
    double *bias_sums; /* [parts][out_c] */
    char *columns;
    cnn__latch latch;
} filter_work;

static void plan_parts(const cnn_conv2d_shape *shape, filter_work *work)
{
    work->plan = cnn__conv2d_plan_of(shape);
    work->values = (size_t)(work->plan.depth * shape->out_c);
    int64_t allowed = SUMS_BYTES / (int64_t)(work->values * sizeof(float));
    work->parts = cnn__min_i64(cnn__max_i64(allowed, 2), MOST_PARTS);
    work->tap_parts = work->parts < MOST_PARTS ? shape->kernel_h : 1;
    work->parts = cnn__min_i64(work->parts, work->plan.images * work->plan.blocks);
}

static size_t sums_bytes(const filter_work *work)
{
    return work->parts > 1 ? cnn__align_size((size_t)work->parts * work->values * sizeof(float)) : 0;
}

static size_t bias_sums_bytes(const filter_work *work)
{
    return cnn__align_size((size_t)(work->parts * work->shape->out_c) * sizeof(double));
}

size_t cnn__im2col_workspace(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)
{
    filter_work work = {.shape = shape};
    plan_parts(shape, &work);
    size_t columns = threads * work.plan.columns_bytes;
    switch (pass) {
    case CNN_PASS_BACKWARD_DATA: /* beside the columns, the filters transposed */
        return columns + cnn__align_size(work.values * sizeof(float));
    case CNN_PASS_BACKWARD_FILTER:
        return columns + sums_bytes(&work) + bias_sums_bytes(&work);
    default:
        return columns;
    }
}

/* Adds what one block of pixels gives to some kernel rows of one group's filters. */
static cnn_status add_block(const filter_work *work, const cnn__conv2d_block *block, int64_t image, bool is_first,
                            float *columns, float *sums)
{
    const cnn_conv2d_shape *shape = work->shape;
    const cnn__conv2d_plan *plan = &work->plan;
    int64_t depth = (block->tap_end - block->tap_begin) * plan->tap_row, out = block->group * plan->group_out;
    cnn_gemm_args args = {
        .struct_size = sizeof(args),
        .m = depth,
        .n = plan->group_out,
        .k = block->end - block->begin,
        .a = columns,
        .lda = depth,
        .transpose_a = 1,
        .b = work->dy + (image * plan->pixels + block->begin) * shape->out_c + out,
        .ldb = shape->out_c,
        .c = sums + block->tap_begin * plan->tap_row * shape->out_c + out,
        .ldc = shape->out_c,
        .alpha = 1,
        .beta = is_first ? 0 : 1,
    };
    if (plan->direct) {
        args.a = work->x + block->begin * shape->in_c + block->group * plan->group_in;
        args.lda = shape->in_c;
    } else {
        cnn__im2col(shape, block, work->x + image * shape->in_h * shape->in_w * shape->in_c, columns);
    }
    return cnn__gemm(work->call, &args);
}

/* One part of the blocks, one part of the kernel rows. */
static void filter_task(void *argument, size_t index, uint32_t worker)
{
    filter_work *work = argument;
    const cnn_conv2d_shape *shape = work->shape;
    const cnn__conv2d_plan *plan = &work->plan;
    size_t part = index / (size_t)work->tap_parts;
    cnn__range units = cnn__part_range((size_t)(plan->images * plan->blocks), (size_t)work->parts, part);
    cnn__range taps = cnn__part_range((size_t)shape->kernel_h, (size_t)work->tap_parts,
                                      index % (size_t)work->tap_parts);
    float *columns = (float *)(work->columns + worker * plan->columns_bytes);
    double *bias_sums = work->d_bias != NULL && taps.begin == 0 ? work->bias_sums + part * (size_t)shape->out_c : NULL;
    if (bias_sums != NULL) {
        memset(bias_sums, 0, (size_t)shape->out_c * sizeof(double));
    }
    for (size_t unit = units.begin; unit < units.end; unit++) {
        int64_t image = (int64_t)unit / plan->blocks;
        cnn__range range = cnn__part_range((size_t)plan->pixels, (size_t)plan->blocks, unit % (size_t)plan->blocks);
        cnn__conv2d_block block = {0, (int64_t)range.begin, (int64_t)range.end, (int64_t)taps.begin, (int64_t)taps.end};
        for (; block.group < shape->groups; block.group++) {
            cnn_status status = add_block(work, &block, image, unit == units.begin, columns,
                                          work->sums + part * work->values);
            if (status != CNN_OK) {
                cnn__latch_set(&work->latch, status);
                return;
            }
        }
        if (bias_sums != NULL) {
            work->kernels->column_sums(block.end - block.begin, shape->out_c,
                                       work->dy + (image * plan->pixels + block.begin) * shape->out_c, bias_sums);
        }
    }
}

static void join_parts(const void *argument, size_t begin, size_t end)
{
    const filter_work *work = argument;
    memcpy(work->d_filters + begin, work->sums + begin, (end - begin) * sizeof(float));
    for (size_t part = 1; part < (size_t)work->parts; part++) {
        work->kernels->accumulate((int64_t)(end - begin), work->sums + part * work->values + begin,
                                  work->d_filters + begin);
    }
}

cnn_status cnn__im2col_backward_filter(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                       const cnn_conv2d_args *args)
{
    const cnn_conv2d_shape *shape = &args->shape;
    float *d_bias = args->d_bias;
    filter_work work = {.call = call,
                        .kernels = kernels,
                        .shape = shape,
                        .x = args->x,
                        .dy = args->dy,
                        .d_filters = args->d_filters,
                        .d_bias = d_bias};
    plan_parts(shape, &work);
    char *workspace = call->workspace;
    work.bias_sums = (double *)workspace;
    work.sums = work.parts > 1 ? (float *)(workspace + bias_sums_bytes(&work)) : args->d_filters;
    work.columns = workspace + bias_sums_bytes(&work) + sums_bytes(&work);
    call->parallel(call, (size_t)(work.parts * work.tap_parts), filter_task, &work);
    cnn_status status = cnn__latch_get(&work.latch);
    if (status != CNN_OK) {
        return status;
    }
    if (work.parts > 1) {
        cnn__for_spans(call, work.values, CNN__SPAN, join_parts, &work);
    }
    for (int64_t c = 0; d_bias != NULL && c < shape->out_c; c++) {
        double sum = 0;
        for (int64_t part = 0; part < work.parts; part++) {
            sum += work.bias_sums[part * shape->out_c + c];
        }
        d_bias[c] = (float)sum;
    }
    return CNN_OK;
}
