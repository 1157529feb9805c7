/* SPDX-License-Identifier: MIT */
/* How an operation's work is divided, for all built-in backends.
 *
 * A driver cuts an operation into tasks that the shape alone decides, hands them to the call's workers, and joins what
 * they made in a fixed order. The innermost loops come from a small table of kernels: `reference` has them in plain C,
 * `vector` for each instruction set. Convolutions and dense layers multiply by the `gemm` of the table that was chosen,
 * which may be a caller's.
 *
 *     reference/  vector/     entries of a table: argument structs, passes, which driver or kernel
 *           \      /
 *           driver/           tasks, workspaces, epilogues, rules that hold to the bit
 *           /      \
 *     reference/  vector/     kernels: rows of values
 */
#ifndef CNN_BACKEND_DRIVER_DRIVER_H
#define CNN_BACKEND_DRIVER_DRIVER_H

#include <cnn/backend.h>

#include "core/activation.h"

/* --- what all drivers share ---------------------------------------------------------------------------------- */

/* The product by the table that was chosen, from within an entry of any table. */
cnn_status cnn__gemm(const cnn_backend_call *call, const cnn_gemm_args *args);

/* Applies the epilogue's activation to the n values y, in place, by the table that was chosen. */
cnn_status cnn__epilogue_forward(const cnn_backend_call *call, const cnn_epilogue *epilogue, size_t n, float *y);

/* Replaces dy, the gradient of the n values y, by the gradient before the epilogue's activation. With y NULL that has
 * been done before, or is not asked for. */
cnn_status cnn__epilogue_backward(const cnn_backend_call *call, const cnn_epilogue *epilogue, size_t n, const float *y,
                                  float *dy);

/* Answers for a table that leaves all to the drivers: what others begin with. */
cnn_status cnn__driver_query(cnn_op op, const void *args, uint32_t threads, cnn_op_answer *answer);

/* --- convolution and dense: gemm, and these loops -------------------------------------------------------------- */

typedef struct cnn__row_kernels {
    /* y [rows, columns] with `stride` values from row to row: adds the bias (may be NULL), then activates. */
    void (*bias_activation)(int64_t rows, int64_t columns, int64_t stride, const float *bias, cnn_activation activation,
                            float alpha, float *y);
    /* y += x */
    void (*accumulate)(int64_t n, const float *x, float *y);
    /* sum[columns] += the rows of x [rows, columns], in double. */
    void (*column_sums)(int64_t rows, int64_t columns, const float *x, double *sum);
    /* y [rows, columns] = x [rows, depth], `stride` values from row to row, times w [depth, columns], for up to
     * CNN__FEW_ROWS rows: w is read once, from beginning to end. NULL: gemm does it. */
    void (*few_rows)(int64_t rows, int64_t depth, int64_t columns, int64_t stride, const float *x, const float *w,
                     float *y);
} cnn__row_kernels;

#define CNN__FEW_ROWS 4

/* Matrix products over blocks of output pixels. */
size_t cnn__im2col_workspace(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status cnn__im2col_conv2d(const cnn__row_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                              const cnn_conv2d_args *args);
cnn_status cnn__im2col_backward_filter(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                       const cnn_conv2d_args *args);

/* 3-D: products over blocks of the pixels of each plane, summed over the kernel's planes. */
size_t cnn__conv3d_workspace(const cnn_conv3d_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status cnn__conv3d(const cnn__row_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                       const cnn_conv3d_args *args);

size_t cnn__dense_workspace(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status cnn__dense(const cnn__row_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                      const cnn_dense_args *args);
/* The sums of dy's columns to d_bias, unless that is NULL; the workspace is that of the weights' gradient. */
cnn_status cnn__dense_bias_gradient(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                    const cnn_dense_args *args);

/* --- pooling ------------------------------------------------------------------------------------------------ */

/* The cells of one window along one axis: inside x they are begin, begin + step and so on before end, `first` is where
 * the window begins, `counted` how many cells a mean's divisor counts. */
typedef struct cnn__pool_window {
    int64_t first, begin, end, step, counted;
} cnn__pool_window;

/* How many steps lie in a distance, a part of one as one. */
static inline int64_t cnn__pool_steps(int64_t distance, int64_t step)
{
    return step == 1 ? distance : (distance + step - 1) / step;
}

cnn__pool_window cnn__pool2d_rows(const cnn_pool2d_shape *shape, int64_t out_y);
cnn__pool_window cnn__pool2d_columns(const cnn_pool2d_shape *shape, int64_t out_x);

typedef struct cnn__pool_kernels {
    /* One row of outputs: x is one image, y and argmax (may be NULL) are the row. */
    void (*forward_row)(const cnn_pool2d_shape *shape, int64_t out_y, const float *x, float *y, void *argmax);
    /* Rows [begin, end) of the gradient of one image, from what output rows [out_begin, out_end) send there. */
    void (*backward_rows)(const cnn_pool2d_shape *shape, int64_t begin, int64_t end, int64_t out_begin, int64_t out_end,
                          const float *dy, const void *argmax, float *dx);
} cnn__pool_kernels;

/* The epilogue is the activation of the table that was chosen. */
cnn_status cnn__pool2d(const cnn__pool_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                       const cnn_pool2d_args *args);

/* --- normalisation ------------------------------------------------------------------------------------------ */

typedef struct cnn__norm_kernels {
    /* Mean and sum of squared deviations of each column of x [rows, c]. */
    void (*moments)(int64_t rows, int64_t c, const float *x, double *mean, double *deviation);
    /* y = act((x - mean) scale + beta); [rows, columns] with `stride` values from row to row. `streams`: y is part of
     * an array that no cache holds (CNN__STREAM_BYTES). */
    void (*affine)(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *mean, const float *scale,
                   const float *beta, const cnn_epilogue *epilogue, bool streams, float *y);
    /* sum_dy and sum_dot, which begin at 0, receive the sums of dy and dy (x - mean) inv_std down the rows. */
    void (*gradient_sums)(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, double *sum_dy, double *sum_dot);
    /* dx = scale (dy - offset - slope (x - mean)); without x: scale dy. Strided as affine. */
    void (*gradient)(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy, const float *mean,
                     const float *scale, const float *offset, const float *slope, bool streams, float *dx);
    /* Both with dy 0 where (x - mean) scale + beta is at most 0, scale being gamma inv_std: the very value whose relu
     * affine stores; of `relu6` also where it is at least 6. x is never NULL; with offset NULL dx is scale dy. NULL:
     * the driver replaces dy by what the activation leaves of it. */
    void (*relu_gradient_sums)(int64_t rows, int64_t c, const float *x, const float *dy, const float *gamma,
                               const float *beta, const float *mean, const float *inv_std, bool relu6, double *sum_dy,
                               double *sum_dot);
    void (*relu_gradient)(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy,
                          const float *mean, const float *scale, const float *beta, const float *offset,
                          const float *slope, bool relu6, bool streams, float *dx);
} cnn__norm_kernels;

/* Whether the backward pass of a normalisation applies the derivative of its activation. */
static inline bool cnn__norm_derives(int32_t activation)
{
    return activation == CNN_LINEAR || activation == CNN_RELU || activation == CNN_RELU6;
}

static inline int64_t cnn__norm_rows(const cnn_norm_shape *shape) { return shape->n * shape->h * shape->w; }

/* All passes without pooling. */
size_t cnn__norm_workspace(const cnn_norm_shape *shape);
cnn_status cnn__norm(const cnn__norm_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                     const cnn_norm_args *args);

/* Parts of it. Mean, biased variance and inverse standard deviation of the columns, or with fixed ones the last. */
cnn_status cnn__norm_statistics(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                const cnn_norm_args *args);
void cnn__norm_move_statistics(const cnn_backend_call *call, const cnn_norm_args *args);
/* Going backward: of the sums over these rows, `total` [2 c], makes those of all processes' rows, in *d_beta and
 * *d_gamma, and *rows the number of these. Where x is the whole batch these are args' own. `total` has room for 4 c. */
cnn_status cnn__norm_share_sums(const cnn_norm_args *args, double *total, const float **d_beta, const float **d_gamma,
                                double *rows);
/* To the bit the factor of any pass: relu's derivative is that of what was stored. */
float cnn__norm_inverse_deviation(float variance, float epsilon);

/* Weights and bias with a normalisation in them. */
cnn_status cnn__fold(const cnn_backend_call *call, const cnn_fold_args *args);
cnn_status cnn__constrain(const cnn_backend_call *call, const cnn_constrain_args *args);
cnn_status cnn__penalty(const cnn_backend_call *call, cnn_pass pass, const cnn_penalty_args *args);

/* --- local response normalisation --------------------------------------------------------------------------- */

typedef struct cnn__lrn_kernels {
    void (*forward_row)(const cnn_lrn_shape *shape, const float *x, float *y);
    /* `scratch` has room for a row. */
    void (*backward_row)(const cnn_lrn_shape *shape, const float *x, const float *dy, float *scratch, float *dx);
} cnn__lrn_kernels;

size_t cnn__lrn_workspace(const cnn_lrn_shape *shape, uint32_t threads);
cnn_status cnn__lrn(const cnn__lrn_kernels *kernels, const cnn_backend_call *call, cnn_pass pass,
                    const cnn_lrn_args *args);

/* --- graphs, the same in every backend ------------------------------------------------------------------------ */

size_t cnn__adjacency_workspace(const cnn_adjacency_args *args, uint32_t threads);
cnn_status cnn__adjacency(const cnn_backend_call *call, cnn_pass pass, const cnn_adjacency_args *args);

/* --- copies, the same in every backend ----------------------------------------------------------------------- */

cnn_status cnn__pad2d(const cnn_backend_call *call, cnn_pass pass, const cnn_pad2d_args *args);
cnn_status cnn__resample2d(const cnn_backend_call *call, cnn_pass pass, const cnn_resample_args *args);
cnn_status cnn__permute_axes(const cnn_backend_call *call, cnn_pass pass, const cnn_permute_args *args);
cnn_status cnn__sample_axis(const cnn_backend_call *call, cnn_pass pass, const cnn_sample_args *args);
cnn_status cnn__concat(const cnn_backend_call *call, cnn_pass pass, const cnn_concat_args *args);
cnn_status cnn__fill(const cnn_backend_call *call, const cnn_fill_args *args);

/* --- rectifiers with slopes that are learnt, the same in every backend ------------------------------------------ */

size_t cnn__prelu_workspace(const cnn_prelu_args *args);
cnn_status cnn__prelu(const cnn_backend_call *call, cnn_pass pass, const cnn_prelu_args *args);

/* --- elementwise operations and reductions --------------------------------------------------------------------- */

typedef struct cnn__elementwise_kernels {
    /* y = act(a op b) of n values; b repeats after `period` values, or with a period of 0 has n of them. Ranges begin
     * at a multiple of the period. */
    void (*combine)(const cnn_elementwise_args *args, size_t n, size_t period, const float *a, const float *b,
                    float *y);
    double (*sum_squares)(size_t n, const float *x);
} cnn__elementwise_kernels;

cnn_status cnn__elementwise(const cnn__elementwise_kernels *kernels, const cnn_backend_call *call,
                            const cnn_elementwise_args *args);
cnn_status cnn__reduce(const cnn__elementwise_kernels *kernels, const cnn_backend_call *call,
                       const cnn_reduce_args *args);

/* Functions of single values, the same in every backend. */
cnn_status cnn__map(const cnn_backend_call *call, const cnn_map_args *args);

/* --- rules that every backend follows to the bit ------------------------------------------------------------ */

/* A value is dropped if its random word is below `threshold`, else multiplied by `scale`. */
typedef struct cnn__dropout_rule {
    uint32_t threshold;
    float scale;
} cnn__dropout_rule;

cnn__dropout_rule cnn__dropout_rule_of(const cnn_dropout_args *args);
/* keep[i - begin]: 1 if value (or channel) i is kept. */
/* The number of the first value's decision (channels: of the first sample's first channel). */
static inline uint64_t cnn__dropout_offset(const cnn_dropout_args *args)
{
    return args->before * (uint64_t)args->c * (args->channels ? 1u : (uint64_t)args->positions);
}
void cnn__dropout_decide(const cnn_dropout_args *args, uint32_t threshold, size_t begin, size_t end, uint8_t *keep);

/* Adam: w -= rate m / (sqrt(v) inverse_root + epsilon), in either variant. */
typedef struct cnn__adam_rule {
    float rate, inverse_root;
    float shrink; /* what the weights are multiplied by: decoupled decay */
    float decay;  /* what of them is added to the gradient */
} cnn__adam_rule;

cnn__adam_rule cnn__adam_rule_of(const cnn_update_args *args);

#endif
