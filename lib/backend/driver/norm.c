/* SPDX-License-Identifier: MIT */
/* Normalisation by columns. Statistics: mean and squared deviations of small blocks in double, two passes each,
 * joined in a fixed order by the formula of Chan, Golub and LeVeque (1983). */
#include <math.h>
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"
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
    double rows;                   /* that these are sums over */
    bool streams;                  /* `out` */
} norm_work;

static size_t rows_of_a_block(const cnn_norm_shape *shape) { return cnn__div_up(CNN__SPAN, (size_t)shape->c); }

static size_t rows_of_a_part(const cnn_norm_shape *shape)
{
    return cnn__max_size(rows_of_a_block(shape), cnn__div_up((size_t)cnn__norm_rows(shape), CNN__REDUCTION_PARTS));
}

static size_t part_count(const cnn_norm_shape *shape)
{
    return cnn__div_up((size_t)cnn__norm_rows(shape), rows_of_a_part(shape));
}

/* Each part holds four rows of c doubles: its two sums, and those of the block that joins them. As many parts as
 * any number of rows up to these has: a session is also used for fewer. */
size_t cnn__norm_workspace(const cnn_norm_shape *shape)
{
    size_t blocks = cnn__div_up((size_t)cnn__norm_rows(shape), rows_of_a_block(shape));
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
    cnn__range part = cnn__grain_range((size_t)cnn__norm_rows(work->shape), rows_of_a_part(work->shape), index);
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
                                                  : cnn__norm_inverse_deviation(work->variance[j + i], shape->epsilon);
            scale[i] = work->gamma[j + i] * inv_std;
        }
        work->kernels->affine(rows, columns, c, work->x + at, work->mean + j, scale, work->beta + j, &shape->epilogue,
                              work->streams, work->out + at);
    }
}

static void run_affine(const cnn_backend_call *call, const norm_work *work)
{
    cnn__for_spans(call, (size_t)cnn__norm_rows(work->shape), rows_of_a_block(work->shape), affine_rows, work);
}

float cnn__norm_inverse_deviation(float variance, float epsilon)
{
    return (float)(1 / sqrt((double)variance + epsilon));
}

/* Statistics of the rows of all processes: of each the mean and the squared deviations, by their distance from the
 * moving mean, which all know. After it total[2 c] has the number of all rows. */
static cnn_status join_processes(const cnn_norm_args *args, double *total, double *rows)
{
    const size_t c = (size_t)args->shape.c;
    const double own = *rows;
    for (size_t j = 0; j < c; j++) {
        const double distance = total[j] - args->moving_mean[j];
        total[j] = own * distance;
        total[c + j] += own * distance * distance;
    }
    total[2 * c] = own;
    CNN__RETURN_IF_ERROR(args->sum(args->sum_user, total, 2 * c + 1));
    *rows = total[2 * c];
    for (size_t j = 0; j < c; j++) {
        const double distance = total[j] / *rows;
        const double square = total[c + j] - *rows * distance * distance;
        total[j] = args->moving_mean[j] + distance;
        total[c + j] = square > 0 ? square : 0;
    }
    return CNN_OK;
}

static cnn_status find_statistics(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                  const cnn_norm_args *args)
{
    const cnn_norm_shape *shape = &args->shape;
    size_t c = (size_t)shape->c, rows = (size_t)cnn__norm_rows(shape), step = rows_of_a_part(shape);
    double *total = call->workspace;
    norm_work work = {.kernels = kernels, .shape = shape, .x = args->x, .partial = total};
    call->parallel(call, part_count(shape), moments_of_part, &work);
    for (size_t part = 1; part < part_count(shape); part++) {
        const double *next = total + part * 4 * c;
        join(c, total, total + c, part * step, next, next + c, cnn__min_size(step, rows - part * step));
    }
    double all = (double)rows;
    if (args->sum != NULL) {
        CNN__RETURN_IF_ERROR(join_processes(args, total, &all));
    }
    for (size_t j = 0; j < c; j++) {
        double square = total[c + j] / all;
        args->mean[j] = (float)total[j];
        args->variance[j] = (float)square;
        args->inv_std[j] = (float)(1 / sqrt(square + shape->epsilon));
    }
    return CNN_OK;
}

cnn_status cnn__norm_statistics(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                const cnn_norm_args *args)
{
    if (!args->shape.fixed) {
        if (!cnn__has_workspace(call, cnn__norm_workspace(&args->shape))) {
            return CNN_ERROR_BACKEND;
        }
        return find_statistics(kernels, call, args);
    }
    for (int64_t j = 0; j < args->shape.c; j++) {
        args->inv_std[j] = cnn__norm_inverse_deviation(args->variance[j], args->shape.epsilon);
    }
    return CNN_OK;
}

/* What the variance of the batch is multiplied by. */
static float correction_of(const cnn_backend_call *call, const cnn_norm_args *args)
{
    const double rows = args->sum != NULL ? ((const double *)call->workspace)[2 * args->shape.c]
                                          : (double)cnn__norm_rows(&args->shape);
    return args->correction != 0 ? args->correction : rows > 1 ? (float)(rows / (rows - 1)) : 1.0f;
}

void cnn__norm_move_statistics(const cnn_backend_call *call, const cnn_norm_args *args)
{
    const float correction = args->moving_mean != NULL ? correction_of(call, args) : 1.0f;
    for (int64_t j = 0; args->moving_mean != NULL && j < args->shape.c; j++) {
        args->moving_mean[j] = args->keep * args->moving_mean[j] + (1.0f - args->keep) * args->mean[j];
        args->moving_variance[j] = args->keep * args->moving_variance[j] +
                                   (1.0f - args->keep) * (args->variance[j] * correction);
    }
}

static cnn_status forward(const cnn__norm_kernels *kernels, const cnn_backend_call *call, const cnn_norm_args *args)
{
    const norm_work work = {.kernels = kernels,
                            .shape = &args->shape,
                            .x = args->x,
                            .gamma = args->gamma,
                            .beta = args->beta,
                            .mean = args->mean,
                            .inv_std = args->inv_std,
                            .out = args->y,
                            .streams = cnn__streams((size_t)(cnn__norm_rows(&args->shape) * args->shape.c))};
    CNN__RETURN_IF_ERROR(cnn__norm_statistics(kernels, call, args));
    run_affine(call, &work);
    cnn__norm_move_statistics(call, args);
    return CNN_OK;
}

static cnn_status inference(const cnn__norm_kernels *kernels, const cnn_backend_call *call, const cnn_norm_args *args)
{
    const norm_work work = {.kernels = kernels,
                            .shape = &args->shape,
                            .x = args->x,
                            .gamma = args->gamma,
                            .beta = args->beta,
                            .mean = args->mean,
                            .variance = args->variance,
                            .out = args->y,
                            .streams = cnn__streams((size_t)(cnn__norm_rows(&args->shape) * args->shape.c))};
    run_affine(call, &work);
    return CNN_OK;
}

cnn_status cnn__norm_share_sums(const cnn_norm_args *args, double *total, const float **d_beta, const float **d_gamma,
                                double *rows)
{
    const size_t c = (size_t)args->shape.c;
    *rows = (double)cnn__norm_rows(&args->shape);
    *d_beta = args->d_beta;
    *d_gamma = args->d_gamma;
    if (args->sum == NULL || args->shape.fixed) {
        return CNN_OK;
    }
    total[2 * c] = *rows;
    CNN__RETURN_IF_ERROR(args->sum(args->sum_user, total, 2 * c + 1));
    *rows = total[2 * c];
    float *all = (float *)(total + 2 * c + 1);
    for (size_t j = 0; j < 2 * c; j++) {
        all[j] = (float)total[j];
    }
    *d_beta = all;
    *d_gamma = all + c;
    return CNN_OK;
}

static void gradient_sums_of_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const norm_work *work = argument;
    size_t c = (size_t)work->shape->c;
    cnn__range part = cnn__grain_range((size_t)cnn__norm_rows(work->shape), rows_of_a_part(work->shape), index);
    double *sum = work->partial + index * 4 * c;
    memset(sum, 0, 2 * c * sizeof(double));
    const int64_t rows = (int64_t)(part.end - part.begin);
    const float *x = work->x + part.begin * c, *dy = work->dy + part.begin * c;
    if (work->beta != NULL) {
        work->kernels->relu_gradient_sums(rows, (int64_t)c, x, dy, work->gamma, work->beta, work->mean, work->inv_std,
                                          work->shape->epilogue.activation == CNN_RELU6, sum, sum + c);
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
            offset[i] = moving ? (float)((double)work->d_beta[j + i] / work->rows) : 0;
            slope[i] = moving ? (float)((double)work->d_gamma[j + i] / work->rows) * work->inv_std[j + i] : 0;
        }
        if (work->beta != NULL) {
            work->kernels->relu_gradient(rows, columns, c, work->x + at, work->dy + at, work->mean + j, scale,
                                         work->beta + j, moving ? offset : NULL, slope,
                                         shape->epilogue.activation == CNN_RELU6, work->streams, work->out + at);
        } else {
            work->kernels->gradient(rows, columns, c, moving ? work->x + at : NULL, work->dy + at, work->mean + j,
                                    scale, offset, slope, work->streams, work->out + at);
        }
    }
}

static cnn_status backward(const cnn__norm_kernels *kernels, const cnn_backend_call *call, const cnn_norm_args *args)
{
    const cnn_norm_shape *shape = &args->shape;
    const bool relu = shape->epilogue.activation != CNN_LINEAR, again = kernels->relu_gradient != NULL;
    if (!cnn__norm_derives(shape->epilogue.activation)) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (!cnn__has_workspace(call, cnn__norm_workspace(shape))) {
        return CNN_ERROR_BACKEND;
    }
    size_t c = (size_t)shape->c;
    if (relu && !again) {
        CNN__RETURN_IF_ERROR(
            cnn__epilogue_backward(call, &shape->epilogue, (size_t)cnn__norm_rows(shape) * c, args->y, args->dy));
    }
    double *total = call->workspace;
    norm_work work = {.kernels = kernels,
                      .shape = shape,
                      .x = args->x,
                      .dy = args->dy,
                      .gamma = args->gamma,
                      .beta = relu && again ? args->beta : NULL,
                      .mean = args->mean,
                      .inv_std = args->inv_std,
                      .out = args->dx,
                      .streams = cnn__streams((size_t)(cnn__norm_rows(shape) * shape->c)),
                      .partial = total};
    call->parallel(call, part_count(shape), gradient_sums_of_part, &work);
    for (size_t part = 1; part < part_count(shape); part++) {
        for (size_t j = 0; j < 2 * c; j++) {
            total[j] += total[part * 4 * c + j];
        }
    }
    for (size_t j = 0; j < c; j++) {
        args->d_beta[j] = (float)total[j];
        args->d_gamma[j] = (float)total[c + j];
    }
    CNN__RETURN_IF_ERROR(cnn__norm_share_sums(args, total, &work.d_beta, &work.d_gamma, &work.rows));
    work.d_beta = shape->fixed ? NULL : work.d_beta;
    work.d_gamma = shape->fixed ? NULL : work.d_gamma;
    if (args->dx != NULL) {
        cnn__for_spans(call, (size_t)cnn__norm_rows(shape), rows_of_a_block(shape), gradient_rows, &work);
    }
    return CNN_OK;
}

cnn_status cnn__norm(const cnn__norm_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                     const cnn_norm_args *args)
{
    if (args->shape.epilogue.pool != 0) {
        return CNN_ERROR_UNSUPPORTED;
    }
    switch (pass) {
    case CNN_PASS_FORWARD:
        return forward(kernels, call, args);
    case CNN_PASS_INFERENCE:
        return inference(kernels, call, args);
    case CNN_PASS_BACKWARD:
        return backward(kernels, call, args);
    default:
        return CNN_ERROR_UNSUPPORTED;
    }
}
