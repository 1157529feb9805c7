/* SPDX-License-Identifier: MIT */
/* Normalisation by columns. Statistics: mean and squared deviations of small blocks in double, two passes each,
 * joined in a fixed order by the formula of Chan, Golub and LeVeque (1983). */
#include <math.h>
#include <string.h>

#include "backend/reference/reference.h"
#include "backend/task.h"
#include "core/error.h"

/* Columns whose factors are worked out at a time, on the stack. */
enum { TILE = 256 };

typedef struct norm_work {
    const cnn__norm_kernels *kernels;
    const cnn_norm_shape *shape;
    const float *x, *dy, *gamma, *beta;
    const float *mean, *variance, *inv_std; /* inv_std NULL: from variance */
    float *out;
    double *partial;
    const float *d_gamma, *d_beta; /* of the gradient; NULL with fixed statistics */
} norm_work;

static size_t rows_of_a_block(const cnn_norm_shape *shape) { return cnn__div_up(CNN__SPAN, (size_t)shape->c); }

static size_t rows_of_a_part(const cnn_norm_shape *shape)
{
    return cnn__max_size(rows_of_a_block(shape), cnn__div_up((size_t)shape->rows, CNN__REDUCTION_PARTS));
}

static size_t part_count(const cnn_norm_shape *shape)
{
    return cnn__div_up((size_t)shape->rows, rows_of_a_part(shape));
}

/* Each part holds four rows of c doubles: its two sums, and those of the block that joins them. As many parts as
 * any number of rows up to these has: a session is also used for fewer. */
size_t cnn__norm_workspace(const cnn_norm_shape *shape)
{
    size_t blocks = cnn__div_up((size_t)shape->rows, rows_of_a_block(shape));
    return cnn__min_size(blocks, CNN__REDUCTION_PARTS) * 4 * (size_t)shape->c * sizeof(double);
}

/* Joins the statistics of n_b rows to those of n_a rows. */
static void join(size_t c, double *mean_a, double *deviation_a, size_t n_a, const double *mean_b,
                 const double *deviation_b, size_t n_b)
{
    double share = (double)n_b / (double)(n_a + n_b);
    for (size_t j = 0; j < c; j++) {
        double delta = mean_b[j] - mean_a[j];
        mean_a[j] += delta * share;
        deviation_a[j] += deviation_b[j] + delta * delta * ((double)n_a * share);
    }
}

static void moments_of_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const norm_work *work = argument;
    size_t c = (size_t)work->shape->c, step = rows_of_a_block(work->shape);
    cnn__range part = cnn__grain_range((size_t)work->shape->rows, rows_of_a_part(work->shape), index);
    double *mean = work->partial + index * 4 * c;
    for (size_t row = part.begin; row < part.end; row += step) {
        size_t rows = cnn__min_size(step, part.end - row);
        bool first = row == part.begin;
        double *block = first ? mean : mean + 2 * c;
        work->kernels->moments((int64_t)rows, (int64_t)c, work->x + row * c, block, block + c);
        if (!first) {
            join(c, mean, mean + c, row - part.begin, block, block + c, rows);
        }
    }
}

static void affine_rows(const void *argument, size_t begin, size_t end)
{
    const norm_work *work = argument;
    const cnn_norm_shape *shape = work->shape;
    int64_t rows = (int64_t)(end - begin), c = shape->c;
    float scale[TILE];
    for (int64_t j = 0; j < c; j += TILE) {
        int64_t columns = cnn__min_i64(TILE, c - j), at = (int64_t)begin * c + j;
        for (int64_t i = 0; i < columns; i++) {
            float inv_std = work->inv_std != NULL ? work->inv_std[j + i]
                                                  : (float)(1 / sqrt((double)work->variance[j + i] + shape->epsilon));
            scale[i] = work->gamma[j + i] * inv_std;
        }
        work->kernels->affine(rows, columns, c, work->x + at, work->mean + j, scale, work->beta + j,
                              shape->activation == CNN_RELU, work->out + at);
    }
}

static void run_affine(const cnn_backend_call *call, const norm_work *work)
{
    cnn__for_spans(call, (size_t)work->shape->rows, rows_of_a_block(work->shape), affine_rows, work);
}

cnn_status cnn__norm_statistics(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                const cnn_norm_shape *shape, const float *x, float *mean, float *variance,
                                float *inv_std)
{
    if (!cnn__has_workspace(call, cnn__norm_workspace(shape))) {
        return CNN_ERROR_BACKEND;
    }
    size_t c = (size_t)shape->c, rows = (size_t)shape->rows, step = rows_of_a_part(shape);
    double *total = call->workspace;
    norm_work work = {.kernels = kernels, .shape = shape, .x = x, .partial = total};
    call->parallel(call, part_count(shape), moments_of_part, &work);
    for (size_t part = 1; part < part_count(shape); part++) {
        const double *next = total + part * 4 * c;
        join(c, total, total + c, part * step, next, next + c, cnn__min_size(step, rows - part * step));
    }
    for (size_t j = 0; j < c; j++) {
        double square = total[c + j] / (double)rows;
        mean[j] = (float)total[j];
        variance[j] = (float)square;
        inv_std[j] = (float)(1 / sqrt(square + shape->epsilon));
    }
    return CNN_OK;
}

cnn_status cnn__norm_forward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                             const cnn_norm_shape *shape, const float *x, const float *gamma, const float *beta,
                             float *y, float *mean, float *variance, float *inv_std)
{
    const norm_work work = {.kernels = kernels, .shape = shape, .x = x, .gamma = gamma, .beta = beta, .mean = mean,
                            .variance = variance, .inv_std = inv_std, .out = y};
    CNN__RETURN_IF_ERROR(cnn__norm_statistics(kernels, call, shape, x, mean, variance, inv_std));
    run_affine(call, &work);
    return CNN_OK;
}

cnn_status cnn__norm_inference(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                               const cnn_norm_shape *shape, const float *x, const float *gamma, const float *beta,
                               const float *mean, const float *variance, float *y)
{
    const norm_work work = {.kernels = kernels, .shape = shape, .x = x, .gamma = gamma, .beta = beta, .mean = mean,
                            .variance = variance, .out = y};
    run_affine(call, &work);
    return CNN_OK;
}

static void gradient_sums_of_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const norm_work *work = argument;
    size_t c = (size_t)work->shape->c;
    cnn__range part = cnn__grain_range((size_t)work->shape->rows, rows_of_a_part(work->shape), index);
    double *sum = work->partial + index * 4 * c;
    memset(sum, 0, 2 * c * sizeof(double));
    const int64_t rows = (int64_t)(part.end - part.begin);
    const float *x = work->x + part.begin * c, *dy = work->dy + part.begin * c;
    if (work->beta != NULL) {
        work->kernels->relu_gradient_sums(rows, (int64_t)c, x, dy, work->gamma, work->beta, work->mean, work->inv_std,
                                          sum, sum + c);
    } else {
        work->kernels->gradient_sums(rows, (int64_t)c, x, dy, work->mean, work->inv_std, sum, sum + c);
    }
}

static void gradient_rows(const void *argument, size_t begin, size_t end)
{
    const norm_work *work = argument;
    const cnn_norm_shape *shape = work->shape;
    int64_t rows = (int64_t)(end - begin), c = shape->c;
    bool moving = work->d_gamma != NULL;
    float scale[TILE], offset[TILE], slope[TILE];
    for (int64_t j = 0; j < c; j += TILE) {
        int64_t columns = cnn__min_i64(TILE, c - j), at = (int64_t)begin * c + j;
        for (int64_t i = 0; i < columns; i++) {
            scale[i] = work->gamma[j + i] * work->inv_std[j + i];
            offset[i] = moving ? (float)((double)work->d_beta[j + i] / (double)shape->rows) : 0;
            slope[i] = moving ? (float)((double)work->d_gamma[j + i] / (double)shape->rows) * work->inv_std[j + i] : 0;
        }
        if (work->beta != NULL) {
            work->kernels->relu_gradient(rows, columns, c, work->x + at, work->dy + at, work->mean + j, scale,
                                         work->beta + j, moving ? offset : NULL, slope, work->out + at);
        } else {
            work->kernels->gradient(rows, columns, c, moving ? work->x + at : NULL, work->dy + at, work->mean + j,
                                    scale, offset, slope, work->out + at);
        }
    }
}

/* `beta`: NULL without activation. */
static cnn_status run_backward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                               const cnn_norm_shape *shape, int fixed, const float *x, const float *dy,
                               const float *gamma, const float *beta, const float *mean, const float *inv_std,
                               float *dx, float *d_gamma, float *d_beta)
{
    if (!cnn__has_workspace(call, cnn__norm_workspace(shape))) {
        return CNN_ERROR_BACKEND;
    }
    size_t c = (size_t)shape->c;
    double *total = call->workspace;
    const norm_work work = {.kernels = kernels, .shape = shape, .x = x, .dy = dy, .gamma = gamma, .beta = beta,
                            .mean = mean, .inv_std = inv_std, .out = dx, .partial = total,
                            .d_gamma = fixed ? NULL : d_gamma, .d_beta = fixed ? NULL : d_beta};
    call->parallel(call, part_count(shape), gradient_sums_of_part, (void *)&work);
    for (size_t part = 1; part < part_count(shape); part++) {
        for (size_t j = 0; j < 2 * c; j++) {
            total[j] += total[part * 4 * c + j];
        }
    }
    for (size_t j = 0; j < c; j++) {
        d_beta[j] = (float)total[j];
        d_gamma[j] = (float)total[c + j];
    }
    if (dx != NULL) {
        cnn__for_spans(call, (size_t)shape->rows, rows_of_a_block(shape), gradient_rows, &work);
    }
    return CNN_OK;
}

cnn_status cnn__norm_backward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                              const cnn_norm_shape *shape, int fixed, const float *x, const float *dy,
                              const float *gamma, const float *mean, const float *inv_std, float *dx, float *d_gamma,
                              float *d_beta)
{
    return run_backward(kernels, call, shape, fixed, x, dy, gamma, NULL, mean, inv_std, dx, d_gamma, d_beta);
}

cnn_status cnn__norm_relu_backward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                   const cnn_norm_shape *shape, int fixed, const float *x, const float *dy,
                                   const float *gamma, const float *beta, const float *mean, const float *inv_std,
                                   float *dx, float *d_gamma, float *d_beta)
{
    return run_backward(kernels, call, shape, fixed, x, dy, gamma, beta, mean, inv_std, dx, d_gamma, d_beta);
}
