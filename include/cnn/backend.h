/* SPDX-License-Identifier: MIT */
/**
 * The backend vtable: the arithmetic behind all layers, losses and optimizers.
 *
 * A backend is a struct of functions. An entry left NULL is taken from the
 * built-in `reference`, whose convolutions and dense layers call the `gemm` of
 * the table they run in: a backend that supplies only `gemm` is complete.
 *
 * The library checks all arguments before it calls; a backend computes. All
 * arrays are float32, 64-byte aligned at their start unless an entry says
 * otherwise, never NULL unless an entry says so, and do not overlap unless an
 * entry says so. Entries are called from any thread that runs a session, at the
 * same time, and keep no state but in `user`.
 *
 * A workspace query is given together with all the passes that it speaks for,
 * and so is conv2d_pools; a table that gives only some of them is refused. A
 * session asks for its whole batch and also runs fewer samples: the answer
 * covers all smaller `n`, too. The four norm_pool entries come together.
 *
 * The three entries for prepared filters are given together, with
 * conv2d_forward; a table without them prepares nothing.
 *
 * Same bits for any number of threads: an entry divides its work in a way that
 * depends on the shape alone, and sums partial results in a fixed order.
 */
#ifndef CNN_BACKEND_H
#define CNN_BACKEND_H

#include <cnn/common.h>

CNN_BEGIN_DECLS

/** Number of this vtable's layout. It grows when an entry changes its meaning; new entries are appended. */
#define CNN_BACKEND_ABI 1

struct cnn_backend;

/** Activation functions. The numbers are frozen: model files hold their names. */
typedef enum cnn_activation {
    CNN_LINEAR = 0,
    CNN_RELU = 1,       /**< max(0, x); its derivative at 0 is 0 */
    CNN_LEAKY_RELU = 2, /**< x > 0 ? x : alpha x; alpha is at least 0, since the gradient is taken from the output */
    CNN_SIGMOID = 3,
    CNN_TANH = 4,
    CNN_SOFTMAX = 5,    /**< over the last dimension */
    CNN_LOG_SOFTMAX = 6 /**< over the last dimension */
} cnn_activation;

/** What surrounds one call of a backend entry. */
typedef struct cnn_backend_call {
    size_t struct_size;
    const struct cnn_backend *backend; /**< the complete table: no entry is NULL */
    void *user;                        /**< the backend's `user` */
    uint32_t threads;                  /**< workers that `parallel` uses at most */
    uint32_t reserved;
    void *workspace;                   /**< scratch memory, 64-byte aligned, for this call alone */
    size_t workspace_size;             /**< bytes, at least what the entry's workspace query asked for */
    void *runner;                      /**< the library's */
    /** Runs task(argument, i, worker) once for each i in [0, tasks), each worker beginning with a contiguous
        range and then taking from those who have more left, and returns when all are done. `worker` < threads; no
        two tasks run with the same worker at the same time. */
    void (*parallel)(const struct cnn_backend_call *call, size_t tasks,
                     void (*task)(void *argument, size_t index, uint32_t worker), void *argument);
} cnn_backend_call;

/** C = alpha op(A) op(B) + beta C, row-major. With beta 0, C is only written, never read. */
typedef struct cnn_gemm_args {
    size_t struct_size;
    int64_t m, n, k;      /**< C is m x n; op(A) is m x k; op(B) is k x n; all at least 1 */
    const float *a;       /**< m x k, or k x m if transpose_a; any alignment of 4 */
    const float *b;       /**< k x n, or n x k if transpose_b; any alignment of 4 */
    float *c;             /**< any alignment of 4 */
    int64_t lda, ldb, ldc; /**< values from one row to the next */
    uint32_t transpose_a, transpose_b;
    float alpha, beta;
} cnn_gemm_args;

/** The pass that a workspace is asked for. */
typedef enum cnn_pass {
    CNN_PASS_FORWARD = 0,
    CNN_PASS_BACKWARD_DATA = 1,
    CNN_PASS_BACKWARD_FILTER = 2,
    CNN_PASS_FORWARD_PREPARED = 3 /**< conv2d_forward_prepared; asked where conv2d_prepared_size is above 0 */
} cnn_pass;

/**
 * A 2-D convolution: x [n, in_h, in_w, in_c], filters [kernel_h, kernel_w,
 * in_c / groups, out_c], bias [out_c] or NULL, y [n, out_h, out_w, out_c].
 * Rows and columns outside x count as 0. With `pool` 2, y and its gradient are
 * [n, out_h / 2, out_w / 2, out_c]: 2x2 maxima after the activation, at stride
 * 2, odd rows and columns dropped.
 */
typedef struct cnn_conv2d_shape {
    size_t struct_size;
    int64_t n, in_h, in_w, in_c, out_h, out_w, out_c;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int32_t groups, pad_top, pad_left; /**< what is padded below and to the right follows from out_h, out_w */
    int32_t activation;                /**< a cnn_activation, elementwise ones only, applied after the bias */
    float alpha;                       /**< of leaky relu */
    int32_t pool;                      /**< 0, or 2: see above */
    int64_t batch; /**< of prepared filters: 1 if no call will bring more than one image, 0 if calls may bring more. The
                        same in all calls that share the filters, unlike n */
} cnn_conv2d_shape;

/** A dense layer: x [n, in], weights [in, out], bias [out] or NULL, y [n, out]. */
typedef struct cnn_dense_shape {
    size_t struct_size;
    int64_t n, in, out;
    int32_t activation; /**< a cnn_activation, elementwise ones only, applied after the bias */
    float alpha;        /**< of leaky relu */
} cnn_dense_shape;

/** A pooling: x [n, in_h, in_w, c], y [n, out_h, out_w, c]. No window lies wholly outside x. */
typedef struct cnn_pool2d_shape {
    size_t struct_size;
    int64_t n, in_h, in_w, c, out_h, out_w;
    int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right;
    int32_t average;           /**< 0: maximum, 1: mean */
    int32_t count_include_pad; /**< mean: 1 counts explicit padding in the divisor, never what hangs over it */
    int32_t argmax_bytes;      /**< maximum: bytes of an argmax entry, 1 if the window has at most 255 cells, else 4 */
} cnn_pool2d_shape;

/** Normalisation over the rows of x [rows, c], one mean and variance for each column. */
typedef struct cnn_norm_shape {
    size_t struct_size;
    int64_t rows, c;
    float epsilon;
    int32_t activation; /**< CNN_LINEAR or CNN_RELU, applied after the affine part */
} cnn_norm_shape;

/**
 * Normalisation of images x [n, in_h, in_w, c] over all but the channels, its
 * activation, and 2x2 maxima at stride 2 of that, odd rows and columns dropped:
 * y is [n, in_h / 2, in_w / 2, c]. What is dropped counts in mean and variance.
 */
typedef struct cnn_norm_pool_shape {
    size_t struct_size;
    int64_t n, in_h, in_w, c; /**< in_h and in_w are at least 2 */
    float epsilon;
    int32_t activation; /**< CNN_LINEAR or CNN_RELU, applied after the affine part */
} cnn_norm_pool_shape;

/** Dropout of x [n, positions, c]: scaled by 1 / (1 - rate) where kept, 0 where dropped. */
typedef struct cnn_dropout_shape {
    size_t struct_size;
    int64_t n, positions, c;
    float rate;        /**< probability of dropping, 0 <= rate < 1 */
    int32_t channels;  /**< 1: one decision for each n and c; 0: one for each value */
    uint64_t key[2];   /**< of the counter-based generator, Philox 4x32-10: the decision for value i (channels: for
                            n * c + channel) is word i % 4 of block i / 4, dropped if word < rate * 2^32. key[0] is
                            the generator's key, key[1] the upper half of its counter, the block the lower */
} cnn_dropout_shape;

/** Zero padding of x [n, in_h, in_w, c] on four sides. */
typedef struct cnn_pad2d_shape {
    size_t struct_size;
    int64_t n, in_h, in_w, c;
    int32_t top, bottom, left, right; /**< rows and columns, at least 0 */
} cnn_pad2d_shape;

/**
 * Local response normalisation across the channels of x [rows, c]: y_j = x_j * s_j^-beta with s_j = bias + alpha *
 * sum(x_i^2) over the channels i from j - before to j + after; those outside count as 0. bias and beta are above 0,
 * alpha is at least 0.
 */
typedef struct cnn_lrn_shape {
    size_t struct_size;
    int64_t rows, c;
    int64_t before, after; /**< channels of the window on either side of its own, at least 0, perhaps more than c */
    float alpha, beta, bias;
} cnn_lrn_shape;

/** One step of an optimizer over `n` weights w with gradients g; w and the slots are updated in place. */
typedef struct cnn_update_args {
    size_t struct_size;
    size_t n;
    float *w;
    const float *g;
    float *slot0, *slot1;   /**< momentum or square average, second moment; NULL where the rule has none */
    float learning_rate;
    float weight_decay;     /**< adds weight_decay * w to the gradient */
    float gradient_scale;   /**< multiplies the gradient before all else: clipping by norm */
    float clip;             /**< then clips it to [-clip, clip]; 0: not */
    float momentum;         /**< SGD: of the velocity; RMSprop: of the update */
    float beta1, beta2;     /**< Adam's; beta2 is RMSprop's rho, too */
    float epsilon;
    int32_t nesterov;       /**< SGD: 1 for Nesterov's form */
    int32_t variant;        /**< SGD: 0 PyTorch (v = m v + g, w -= lr v), 1 Caffe (v = m v + lr g, w -= v).
                                 RMSprop: 0 epsilon outside the root, 1 inside. Adam: 0 PyTorch, 1 epsilon-hat */
    double correction1, correction2; /**< Adam: 1 - beta1^t and 1 - beta2^t */
} cnn_update_args;

/** The table. Fill struct_size, abi, name and what the backend has; leave the rest zero. */
typedef struct cnn_backend {
    size_t struct_size; /**< sizeof(cnn_backend) */
    uint32_t abi;       /**< CNN_BACKEND_ABI */
    uint32_t reserved;
    const char *name;   /**< as CNN_BACKEND and cnn_context_options name it */
    void *user;         /**< handed over in each call */

    /** One product on the calling thread alone; the library splits larger ones. Called at the same time from
        several threads. */
    cnn_status (*gemm)(const cnn_backend_call *call, const cnn_gemm_args *args);

    /** Bytes of workspace that a pass of this convolution needs with `threads` workers. */
    size_t (*conv2d_workspace)(const struct cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                               uint32_t threads);
    /** 1 if all passes of this convolution exist with `pool` 2. */
    int (*conv2d_pools)(const struct cnn_backend *backend, const cnn_conv2d_shape *shape);
    /** `argmax`: with `pool` 2 one byte for each pooled value: 0 to 3, the first maximum in reading order, or 4 if
        the activation's derivative there is 0 (relu with y = 0); NULL in inference. */
    cnn_status (*conv2d_forward)(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                 const float *filters, const float *bias, float *y, uint8_t *argmax);
    /** dx from dy. `dy` is the gradient before the activation and, with `pool` 2, after pooling: `argmax` tells
        where it goes. dx is overwritten. */
    cnn_status (*conv2d_backward_data)(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *dy,
                                       const uint8_t *argmax, const float *filters, float *dx);
    /** d_filters and, unless NULL, d_bias; dy and argmax as above. Both are overwritten. */
    cnn_status (*conv2d_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                         const float *dy, const uint8_t *argmax, float *d_filters, float *d_bias);

    size_t (*dense_workspace)(const struct cnn_backend *backend, const cnn_dense_shape *shape, cnn_pass pass,
                              uint32_t threads);
    cnn_status (*dense_forward)(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                const float *weights, const float *bias, float *y);
    cnn_status (*dense_backward_data)(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *dy,
                                      const float *weights, float *dx);
    cnn_status (*dense_backward_filter)(const cnn_backend_call *call, const cnn_dense_shape *shape, const float *x,
                                        const float *dy, float *d_weights, float *d_bias);

    /** `argmax` (maximum only, NULL in inference): argmax_bytes for each output: the cell of the window, row by
        row, that held the first maximum. */
    cnn_status (*pool2d_forward)(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *x, float *y,
                                 void *argmax);
    cnn_status (*pool2d_backward)(const cnn_backend_call *call, const cnn_pool2d_shape *shape, const float *dy,
                                  const void *argmax, float *dx);

    /** y = act(gamma (x - mean) / sqrt(var + eps) + beta) with mean and biased variance of the rows of x, which are
        stored with inverse standard deviation in mean [c], variance [c], inv_std [c]. y may be x. */
    cnn_status (*norm_forward)(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                               const float *gamma, const float *beta, float *y, float *mean, float *variance,
                               float *inv_std);
    /** The same with given mean and variance. y may be x. */
    cnn_status (*norm_inference)(const cnn_backend_call *call, const cnn_norm_shape *shape, const float *x,
                                 const float *gamma, const float *beta, const float *mean, const float *variance,
                                 float *y);
    /** Gradients of norm_forward from the gradient dy before the activation. dx may be dy or NULL; with
        `fixed` 1 mean and variance are constants, as in norm_inference. */
    cnn_status (*norm_backward)(const cnn_backend_call *call, const cnn_norm_shape *shape, int fixed, const float *x,
                                const float *dy, const float *gamma, const float *mean, const float *inv_std, float *dx,
                                float *d_gamma, float *d_beta);
    /** Bytes of workspace for norm_forward, norm_backward and norm_activation_backward. */
    size_t (*norm_workspace)(const struct cnn_backend *backend, const cnn_norm_shape *shape, uint32_t threads);

    /** Elementwise; y may be x. */
    cnn_status (*activation_forward)(const cnn_backend_call *call, cnn_activation activation, float alpha, size_t n,
                                     const float *x, float *y);
    /** dx from the output y and dy; dx may be dy. */
    cnn_status (*activation_backward)(const cnn_backend_call *call, cnn_activation activation, float alpha, size_t n,
                                      const float *y, const float *dy, float *dx);
    /** Over rows of `columns` values; `logarithm` 1 for log-softmax. y may be x. */
    cnn_status (*softmax_forward)(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                  const float *x, float *y);
    /** dx from the output y; dx may be dy. */
    cnn_status (*softmax_backward)(const cnn_backend_call *call, int logarithm, size_t rows, size_t columns,
                                   const float *y, const float *dy, float *dx);
    /** Forward and backward alike: y = x * mask / (1 - rate). y may be x. */
    cnn_status (*dropout)(const cnn_backend_call *call, const cnn_dropout_shape *shape, const float *x, float *y);
    /** y [n, in_h + top + bottom, in_w + left + right, c] from x. */
    cnn_status (*pad2d_forward)(const cnn_backend_call *call, const cnn_pad2d_shape *shape, const float *x, float *y);
    /** dx from dy: the part inside. */
    cnn_status (*pad2d_backward)(const cnn_backend_call *call, const cnn_pad2d_shape *shape, const float *dy,
                                 float *dx);

    /** y = a + b; y may be a. */
    cnn_status (*add)(const cnn_backend_call *call, size_t n, const float *a, const float *b, float *y);
    /** The sum of x[i]^2, in double and in an order that n alone decides. */
    cnn_status (*sum_squares)(const cnn_backend_call *call, size_t n, const float *x, double *sum);

    cnn_status (*sgd_update)(const cnn_backend_call *call, const cnn_update_args *args);
    cnn_status (*rmsprop_update)(const cnn_backend_call *call, const cnn_update_args *args);
    cnn_status (*adam_update)(const cnn_backend_call *call, const cnn_update_args *args);

    /** Bytes of workspace for lrn_backward. */
    size_t (*lrn_workspace)(const struct cnn_backend *backend, const cnn_lrn_shape *shape, uint32_t threads);
    cnn_status (*lrn_forward)(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x, float *y);
    /** dx from the input x and dy. */
    cnn_status (*lrn_backward)(const cnn_backend_call *call, const cnn_lrn_shape *shape, const float *x,
                               const float *dy, float *dx);

    /** Inference: bytes of the form of the filters that conv2d_forward_prepared reads, the same for any `n`. 0: there
        is nothing to gain from keeping one, and conv2d_forward is called. */
    size_t (*conv2d_prepared_size)(const struct cnn_backend *backend, const cnn_conv2d_shape *shape);
    /** Writes that form, 64-byte aligned. The call has no workspace. */
    cnn_status (*conv2d_prepare)(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *filters,
                                 void *prepared);
    /** As conv2d_forward but for rounding, with what conv2d_prepare wrote for this shape and any `n`; an image's y is
        to the bit the same for any `n`. Several threads read `prepared` at the same time. */
    cnn_status (*conv2d_forward_prepared)(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                          const void *prepared, const float *bias, float *y, uint8_t *argmax);

    /** y = act(a + b), elementwise activations only; y may be a. */
    cnn_status (*add_activation)(const cnn_backend_call *call, cnn_activation activation, float alpha, size_t n,
                                 const float *a, const float *b, float *y);

    /** What runs a pass of this convolution: a name such as "direct", and in *reason why. Both are static, for reports
        alone; either may be NULL: not known. From the table that has the pass. */
    const char *(*conv2d_algorithm)(const struct cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                    const char **reason);

    /** 1 if norm_pool_forward and norm_pool_backward exist for this shape; 0: normalisation and pooling are called one
        after the other. */
    int (*norm_pools)(const struct cnn_backend *backend, const cnn_norm_pool_shape *shape);
    /** Bytes of workspace for norm_pool_forward and norm_pool_backward. */
    size_t (*norm_pool_workspace)(const struct cnn_backend *backend, const cnn_norm_pool_shape *shape,
                                  uint32_t threads);
    /** Training: norm_forward and the maxima behind it. mean [c], variance [c] and inv_std [c] are stored; with `fixed`
        1 mean and variance are given, as in norm_inference, and only read. `argmax`, as y: 0 to 3, the first maximum in
        reading order, or 4 if the activation's derivative there is 0 (relu with y = 0). */
    cnn_status (*norm_pool_forward)(const cnn_backend_call *call, const cnn_norm_pool_shape *shape, int fixed,
                                    const float *x, const float *gamma, const float *beta, float *y, uint8_t *argmax,
                                    float *mean, float *variance, float *inv_std);
    /** Its gradients. dy is that of y; `argmax` tells where it goes and where the activation stops it. dx [n, in_h,
        in_w, c] may be NULL; d_gamma [c] and d_beta [c] are overwritten, and so is dx. With `fixed` 1 mean and variance
        are constants. */
    cnn_status (*norm_pool_backward)(const cnn_backend_call *call, const cnn_norm_pool_shape *shape, int fixed,
                                     const float *x, const float *dy, const uint8_t *argmax, const float *gamma,
                                     const float *mean, const float *inv_std, float *dx, float *d_gamma,
                                     float *d_beta);

    /** norm_backward behind the shape's activation: dy is the gradient of y, which norm_forward or with `fixed` 1
        norm_inference made of the same x, gamma and beta. dy may be overwritten; dx may be dy or NULL. The workspace is
        that of norm_backward. The reference's calls activation_backward and norm_backward of the table it runs in. */
    cnn_status (*norm_activation_backward)(const cnn_backend_call *call, const cnn_norm_shape *shape, int fixed,
                                           const float *x, const float *y, float *dy, const float *gamma,
                                           const float *beta, const float *mean, const float *inv_std, float *dx,
                                           float *d_gamma, float *d_beta);
} cnn_backend;

CNN_END_DECLS

#endif
