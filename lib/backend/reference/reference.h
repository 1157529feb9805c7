/* SPDX-License-Identifier: MIT */
/* The reference backend, portable C, and what other backends share with it: the drivers that divide an entry's
 * work and call the innermost loops by way of a small table. */
#ifndef CNN_BACKEND_REFERENCE_REFERENCE_H
#define CNN_BACKEND_REFERENCE_REFERENCE_H

#include <cnn/backend.h>

/* The complete table. */
extern const cnn_backend cnn__backend_reference;

/* --- convolution and dense: gemm of the call's backend, and these loops ------------------------------------- */

typedef struct cnn__row_kernels {
    /* y [rows, columns] with `stride` values from row to row: adds the bias (may be NULL), then activates. */
    void (*bias_activation)(int64_t rows, int64_t columns, int64_t stride, const float *bias,
                            cnn_activation activation, float alpha, float *y);
    /* y += x */
    void (*accumulate)(int64_t n, const float *x, float *y);
    /* sum[columns] += the rows of x [rows, columns], in double. */
    void (*column_sums)(int64_t rows, int64_t columns, const float *x, double *sum);
    /* y [rows, columns] = x [rows, depth], `stride` values from row to row, times w [depth, columns], for up to
     * CNN__FEW_ROWS rows: w is read once, from beginning to end. NULL: the backend's gemm does it. */
    void (*few_rows)(int64_t rows, int64_t depth, int64_t columns, int64_t stride, const float *x, const float *w,
                     float *y);
} cnn__row_kernels;

#define CNN__FEW_ROWS 4

extern const cnn__row_kernels cnn__reference_rows;

size_t cnn__conv2d_workspace(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status cnn__conv2d_forward(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                               const cnn_conv2d_shape *shape, const float *x, const float *filters, const float *bias,
                               float *y);
cnn_status cnn__conv2d_backward_data(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                     const cnn_conv2d_shape *shape, const float *dy, const float *filters, float *dx);
cnn_status cnn__conv2d_backward_filter(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                       const cnn_conv2d_shape *shape, const float *x, const float *dy,
                                       float *d_filters, float *d_bias);

size_t cnn__dense_workspace(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads);
cnn_status cnn__dense_forward(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                              const cnn_dense_shape *shape, const float *x, const float *weights, const float *bias,
                              float *y);
cnn_status cnn__dense_backward_data(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *dy,
                                    const float *weights, float *dx);
/* The sums of dy's columns; the workspace is that of the filters' gradient. */
cnn_status cnn__dense_bias_gradient(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                    const cnn_dense_shape *shape, const float *dy, float *d_bias);
cnn_status cnn__dense_backward_filter(const cnn__row_kernels *kernels, const cnn_backend_call *call,
                                      const cnn_dense_shape *shape, const float *x, const float *dy, float *d_weights,
                                      float *d_bias);

/* --- pooling ------------------------------------------------------------------------------------------------ */

/* The cells of one window along one axis: inside x they are [begin, end), `first` is where the window begins,
 * `counted` how many cells a mean's divisor counts. */
typedef struct cnn__window {
    int64_t first, begin, end, counted;
} cnn__window;

cnn__window cnn__pool2d_rows(const cnn_pool2d_shape *shape, int64_t out_y);
cnn__window cnn__pool2d_columns(const cnn_pool2d_shape *shape, int64_t out_x);

typedef struct cnn__pool_kernels {
    /* One row of outputs: x is one image, y and argmax (may be NULL) are the row. */
    void (*forward_row)(const cnn_pool2d_shape *shape, int64_t out_y, const float *x, float *y, void *argmax);
    /* Rows [begin, end) of the gradient of one image, from what output rows [out_begin, out_end) send there. */
    void (*backward_rows)(const cnn_pool2d_shape *shape, int64_t begin, int64_t end, int64_t out_begin,
                          int64_t out_end, const float *dy, const void *argmax, float *dx);
} cnn__pool_kernels;

cnn_status cnn__pool2d_forward(const cnn__pool_kernels *kernels, const cnn_backend_call *call,
                               const cnn_pool2d_shape *shape, const float *x, float *y, void *argmax);
cnn_status cnn__pool2d_backward(const cnn__pool_kernels *kernels, const cnn_backend_call *call,
                                const cnn_pool2d_shape *shape, const float *dy, const void *argmax, float *dx);

/* --- normalisation ------------------------------------------------------------------------------------------ */

typedef struct cnn__norm_kernels {
    /* Mean and sum of squared deviations of each column of x [rows, c]. */
    void (*moments)(int64_t rows, int64_t c, const float *x, double *mean, double *deviation);
    /* y = (x - mean) scale + beta, then relu if asked; [rows, columns] with `stride` values from row to row. */
    void (*affine)(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *mean,
                   const float *scale, const float *beta, bool relu, float *y);
    /* sum_dy and sum_dot, which begin at 0, receive the sums of dy and dy (x - mean) inv_std down the rows. */
    void (*gradient_sums)(int64_t rows, int64_t c, const float *x, const float *dy, const float *mean,
                          const float *inv_std, double *sum_dy, double *sum_dot);
    /* dx = scale (dy - offset - slope (x - mean)); without x: scale dy. Strided as affine. */
    void (*gradient)(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy,
                     const float *mean, const float *scale, const float *offset, const float *slope, float *dx);
    /* Both with dy 0 where (x - mean) scale + beta is at most 0, scale being gamma inv_std: the very value whose relu
     * affine stores. x is never NULL; with offset NULL dx is scale dy. NULL: there are none. */
    void (*relu_gradient_sums)(int64_t rows, int64_t c, const float *x, const float *dy, const float *gamma,
                               const float *beta, const float *mean, const float *inv_std, double *sum_dy,
                               double *sum_dot);
    void (*relu_gradient)(int64_t rows, int64_t columns, int64_t stride, const float *x, const float *dy,
                          const float *mean, const float *scale, const float *beta, const float *offset,
                          const float *slope, float *dx);
} cnn__norm_kernels;

size_t cnn__norm_workspace(const cnn_norm_shape *shape);
/* Mean, biased variance and inverse standard deviation of the columns. */
cnn_status cnn__norm_statistics(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                const cnn_norm_shape *shape, const float *x, float *mean, float *variance,
                                float *inv_std);
cnn_status cnn__norm_forward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                             const cnn_norm_shape *shape, const float *x, const float *gamma, const float *beta,
                             float *y, float *mean, float *variance, float *inv_std);
cnn_status cnn__norm_inference(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                               const cnn_norm_shape *shape, const float *x, const float *gamma, const float *beta,
                               const float *mean, const float *variance, float *y);
cnn_status cnn__norm_backward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                              const cnn_norm_shape *shape, int fixed, const float *x, const float *dy,
                              const float *gamma, const float *mean, const float *inv_std, float *dx, float *d_gamma,
                              float *d_beta);
/* The same behind a relu; for kernels that have it. */
cnn_status cnn__norm_relu_backward(const cnn__norm_kernels *kernels, const cnn_backend_call *call,
                                   const cnn_norm_shape *shape, int fixed, const float *x, const float *dy,
                                   const float *gamma, const float *beta, const float *mean, const float *inv_std,
                                   float *dx, float *d_gamma, float *d_beta);

/* --- local response normalisation --------------------------------------------------------------------------- */

typedef struct cnn__lrn_kernels {
    void (*forward_row)(const cnn_lrn_shape *shape, const float *x, float *y);
    /* `scratch` has room for a row. */
    void (*backward_row)(const cnn_lrn_shape *shape, const float *x, const float *dy, float *scratch, float *dx);
} cnn__lrn_kernels;

size_t cnn__lrn_workspace(const cnn_lrn_shape *shape, uint32_t threads);
cnn_status cnn__lrn_forward(const cnn__lrn_kernels *kernels, const cnn_backend_call *call, const cnn_lrn_shape *shape,
                            const float *x, float *y);
cnn_status cnn__lrn_backward(const cnn__lrn_kernels *kernels, const cnn_backend_call *call,
                             const cnn_lrn_shape *shape, const float *x, const float *dy, float *dx);

/* --- rules that every backend follows to the bit ------------------------------------------------------------ */

bool cnn__activation_is_elementwise(cnn_activation activation);
float cnn__activation_value(cnn_activation activation, float alpha, float x);

/* A value is dropped if its random word is below `threshold`, else multiplied by `scale`. */
typedef struct cnn__dropout_rule {
    uint32_t threshold;
    float scale;
} cnn__dropout_rule;

cnn__dropout_rule cnn__dropout_rule_of(const cnn_dropout_shape *shape);
/* keep[i - begin]: 1 if value (or channel) i is kept. */
void cnn__dropout_decide(const cnn_dropout_shape *shape, uint32_t threshold, size_t begin, size_t end, uint8_t *keep);

/* Adam: w -= rate m / (sqrt(v) inverse_root + epsilon), in either variant. */
typedef struct cnn__adam_rule {
    float rate, inverse_root;
} cnn__adam_rule;

cnn__adam_rule cnn__adam_rule_of(const cnn_update_args *args);

/* --- entries of the table that have no driver --------------------------------------------------------------- */

cnn_status cnn__reference_gemm(const cnn_backend_call *call, const cnn_gemm_args *args);
cnn_status cnn__reference_activation_forward(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                             size_t n, const float *x, float *y);
cnn_status cnn__reference_activation_backward(const cnn_backend_call *call, cnn_activation activation, float alpha,
                                              size_t n, const float *y, const float *dy, float *dx);
cnn_status cnn__reference_softmax_forward(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                          const float *x, float *y);
cnn_status cnn__reference_softmax_backward(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                           const float *y, const float *dy, float *dx);
cnn_status cnn__reference_dropout(const cnn_backend_call *call, const cnn_dropout_shape *shape, const float *x,
                                  float *y);
cnn_status cnn__reference_pad2d_forward(const cnn_backend_call *call, const cnn_pad2d_shape *shape, const float *x,
                                        float *y);
cnn_status cnn__reference_pad2d_backward(const cnn_backend_call *call, const cnn_pad2d_shape *shape, const float *dy,
                                         float *dx);
cnn_status cnn__reference_add(const cnn_backend_call *call, size_t n, const float *a, const float *b, float *y);
cnn_status cnn__reference_add_activation(const cnn_backend_call *call, cnn_activation activation, float alpha, size_t n,
                                         const float *a, const float *b, float *y);
cnn_status cnn__reference_sum_squares(const cnn_backend_call *call, size_t n, const float *x, double *sum);
cnn_status cnn__reference_sgd_update(const cnn_backend_call *call, const cnn_update_args *args);
cnn_status cnn__reference_rmsprop_update(const cnn_backend_call *call, const cnn_update_args *args);
cnn_status cnn__reference_adam_update(const cnn_backend_call *call, const cnn_update_args *args);

extern const cnn__pool_kernels cnn__reference_pools;
extern const cnn__norm_kernels cnn__reference_norms;
extern const cnn__lrn_kernels cnn__reference_lrn;

#endif
