/* SPDX-License-Identifier: MIT */
/**
 * The backend vtable: the arithmetic of all layers and optimizers.
 *
 * A backend is a table with one function for each operation (cnn_op) and one
 * question, `query`. An operation has one argument struct: its shape, which
 * holds all that is known before there are data, and pointers. Which of the
 * pointers a call reads and writes depends on the pass (cnn_pass): forward,
 * backward, or inference with parameters that were prepared.
 *
 * An operation ends in one epilogue (cnn_epilogue): an activation, and 2x2
 * maxima of that. Its backward passes take the gradient of what the epilogue
 * gave and apply the epilogue's derivative themselves.
 *
 * The question is asked when a session is compiled, and answered by shape
 * alone: is this supported, how much workspace does each pass need, is there a
 * prepared form of the parameters, and which algorithm will run, and why. The
 * answer comes back in each call (`answer` of the arguments), so that nothing is
 * chosen twice.
 *
 * What is NULL in a table, or refused by its `query`, is asked of the built-in
 * `reference`, for each operation and each shape. Its convolutions and dense
 * layers call the `gemm` of the table that was chosen: a backend that supplies
 * only `gemm` is complete. Its operations on what another table has prepared do
 * not exist: who answers a question runs all the passes.
 *
 * A backend may own its memory (`allocate` and three more): pointers to arrays
 * are then its handles. The library adds bytes to a handle, as it does to a
 * pointer, and never reads or writes what a handle stands for but by
 * `copy_in` and `copy_out`. The reference cannot read such memory, and is not
 * asked.
 *
 * The library checks all arguments before it calls; a backend computes. All
 * arrays are float32, 64-byte aligned at their start unless an operation says
 * otherwise, and do not overlap unless it says so. Entries are called from any
 * thread that runs a session, at the same time, and keep no state but in `user`.
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
    CNN_SOFTMAX = 5,     /**< over the last dimension */
    CNN_LOG_SOFTMAX = 6, /**< over the last dimension */
    CNN_RELU6 = 7,         /**< min(max(0, x), 6); its derivative at 0 and at 6 is 0 */
    CNN_SILU = 8,          /**< x sigmoid(x), also called swish; derived from its input, see cnn_activation_args */
    CNN_GELU = 9,          /**< x Phi(x), Phi the standard normal distribution; derived from its input */
    CNN_GELU_TANH = 10,    /**< x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2; derived from its input */
    CNN_ELU = 11,          /**< x > 0 ? x : alpha (e^x - 1); alpha is at least 0 */
    CNN_SELU = 12,         /**< 1.0507 ELU(x) with alpha 1.67326 (Klambauer et al. 2017) */
    CNN_HARD_SIGMOID = 13, /**< min(max(0, alpha x + 0.5), 1); its derivative where it is 0 or 1 is 0. alpha is 1/6 in
                                PyTorch and Keras 3, 0.2 in Keras 2 and ONNX */
    CNN_HARD_SWISH = 14,   /**< x min(max(0, x + 3), 6) / 6 (Howard et al. 2019); derived from its input */
    CNN_SOFTPLUS = 15,     /**< ln(1 + e^x) */
    CNN_CLIPPED_RELU = 16  /**< min(max(0, x), alpha); its derivative at 0 and at alpha is 0. CNN_RELU6 is faster */
} cnn_activation;

/** Operations: entries of the table of the same name. */
typedef enum cnn_op {
    CNN_OP_GEMM = 0,
    CNN_OP_CONV2D = 1,
    CNN_OP_DENSE = 2,
    CNN_OP_POOL2D = 3,
    CNN_OP_NORM = 4,
    CNN_OP_LRN = 5,
    CNN_OP_ACTIVATION = 6,
    CNN_OP_SOFTMAX = 7,
    CNN_OP_DROPOUT = 8,
    CNN_OP_PAD2D = 9,
    CNN_OP_ELEMENTWISE = 10,
    CNN_OP_REDUCE = 11,
    CNN_OP_CONCAT = 12,
    CNN_OP_FILL = 13,
    CNN_OP_FOLD = 14,
    CNN_OP_UPDATE = 15,
    CNN_OP_RESAMPLE = 16,
    CNN_OP_PERMUTE = 17,
    CNN_OP_PRELU = 18,
    CNN_OP_CONV3D = 20,
    CNN_OP_ADJACENCY = 21,
    CNN_OP_CONSTRAIN = 23,
    CNN_OP_PENALTY = 24,
    CNN_OP_MAP = 25,
    CNN_OP_SAMPLE = 26
} cnn_op;

/** What a call of an operation is to do. */
typedef enum cnn_pass {
    CNN_PASS_FORWARD = 0,         /**< as in training: what backward needs is stored, too */
    CNN_PASS_BACKWARD_DATA = 1,   /**< the gradient of the input alone */
    CNN_PASS_BACKWARD_FILTER = 2, /**< the gradients of the parameters alone */
    CNN_PASS_INFERENCE = 3,       /**< convolution: by prepared filters; normalisation: by given statistics */
    CNN_PASS_PREPARE = 4,         /**< writes the prepared form of the parameters */
    CNN_PASS_BACKWARD = 5         /**< all gradients, of operations that do not take them apart */
} cnn_pass;

/** The length of an answer's arrays: more than there are passes, since an answer is a part of cnn_layer_spec and never
    grows. */
#define CNN_PASSES 8

/**
 * A backend's answer to what it was asked about an operation of one shape. It
 * holds for this shape and for any smaller `n`. The size of this struct is frozen.
 */
typedef struct cnn_op_answer {
    size_t struct_size;
    const struct cnn_backend *backend; /**< whose answer it is; filled by the library */
    size_t workspace[CNN_PASSES];      /**< bytes that a call of each pass needs */
    size_t prepared;                   /**< bytes of prepared parameters, the same for any `n`; 0: there is nothing to
                                            gain from them, and inference runs as CNN_PASS_FORWARD */
    int32_t algorithm[CNN_PASSES];     /**< the backend's own number for what will run */
    uint32_t activations;              /**< bit 1 << cnn_activation: those that the epilogue can have */
    uint32_t pools;                    /**< bit 1 << 2: the epilogue can pool 2x2 */
    const char *name[CNN_PASSES];      /**< what will run, such as "direct"; static; NULL: not known */
    const char *reason[CNN_PASSES];    /**< why; static; NULL: not known */
    uint64_t reserved[4];              /**< zero */
} cnn_op_answer;

/** What surrounds one call of a backend entry. */
typedef struct cnn_backend_call {
    size_t struct_size;
    const struct cnn_backend *backend; /**< the table that was chosen */
    void *user;                        /**< of the table whose entry is called */
    uint32_t threads;                  /**< workers that `parallel` uses at most */
    uint32_t reserved;
    void *workspace;                   /**< scratch memory, 64-byte aligned, for this call alone */
    size_t workspace_size;             /**< bytes, at least what the answer says for the pass */
    void *runner;                      /**< the library's */
    /** Runs task(argument, i, worker) once for each i in [0, tasks), each worker beginning with a contiguous
        range and then taking from those who have more left, and returns when all are done. `worker` < threads; no
        two tasks run with the same worker at the same time. */
    void (*parallel)(const struct cnn_backend_call *call, size_t tasks,
                     void (*task)(void *argument, size_t index, uint32_t worker), void *argument);
} cnn_backend_call;

/** What is done with the results of an operation before they are stored. */
typedef struct cnn_epilogue {
    int32_t activation; /**< a cnn_activation, elementwise ones only. Those that are derived from their input are for
                             calls that no backward pass follows: one is refused with CNN_ERROR_UNSUPPORTED */
    float alpha;        /**< of leaky relu, ELU and hard sigmoid */
    int32_t pool;       /**< 0, or 2: 2x2 maxima of that at stride 2, odd rows and columns dropped. What the pooled
                             operation stores is [n, h / 2, w / 2, c] then, and so is its gradient */
    int32_t reserved;
} cnn_epilogue;

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

/**
 * A 2-D convolution: x [n, in_h, in_w, in_c], filters [kernel_h, kernel_w,
 * in_c / groups, out_c], bias [out_c], y [n, out_h, out_w, out_c] or pooled.
 * Rows and columns outside x count as 0.
 */
typedef struct cnn_conv2d_shape {
    int64_t n, in_h, in_w, in_c, out_h, out_w, out_c;
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int32_t groups, pad_top, pad_left; /**< what is padded below and to the right follows from out_h, out_w */
    int32_t single; /**< of prepared filters: 1 if no call will bring more than one image. The same in all calls that
                         share the filters, unlike n */
    cnn_epilogue epilogue; /**< after the bias */
} cnn_conv2d_shape;

/**
 * Passes: FORWARD x, filters, bias to y, argmax. PREPARE filters to prepared, without a workspace. INFERENCE x,
 * prepared, bias to y: as FORWARD but for rounding; an image's y is to the bit the same for any n, and several threads
 * read `prepared` at the same time. BACKWARD_DATA dy, filters to dx. BACKWARD_FILTER x, dy to d_filters, d_bias.
 * Results are overwritten.
 *
 * Backward, dy is the gradient of y. With an activation, y is what FORWARD stored, and dy is replaced by the gradient
 * before the activation; y NULL says that a pass with the same dy has done so before. Of a pooled relu y is not read:
 * argmax tells where it stops the gradient.
 */
typedef struct cnn_conv2d_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    cnn_conv2d_shape shape;
    const float *x, *filters;
    const float *bias; /**< may be NULL */
    float *y;
    uint8_t *argmax; /**< where the epilogue pools, one byte for each value of y: 0 to 3, the first maximum in reading
                          order, or 4 if the activation is relu or relu6 and its derivative there is 0 (y is 0,
                          or 6 of relu6). NULL in inference */
    void *prepared;  /**< 64-byte aligned */
    float *dy, *dx, *d_filters;
    float *d_bias; /**< may be NULL */
} cnn_conv2d_args;

/** A dense layer: x [n, in], weights [in, out], bias [out], y [n, out]. The epilogue does not pool. */
typedef struct cnn_dense_shape {
    int64_t n, in, out;
    cnn_epilogue epilogue; /**< after the bias */
} cnn_dense_shape;

/** Passes: FORWARD, BACKWARD_DATA and BACKWARD_FILTER, as those of a convolution. */
typedef struct cnn_dense_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    cnn_dense_shape shape;
    const float *x, *weights;
    const float *bias; /**< may be NULL */
    float *y;
    float *dy, *dx, *d_weights;
    float *d_bias; /**< may be NULL */
} cnn_dense_args;

/** A pooling: x [n, in_h, in_w, c], y [n, out_h, out_w, c]. No window lies wholly outside x. */
typedef struct cnn_pool2d_shape {
    int64_t n, in_h, in_w, c, out_h, out_w;
    int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right;
    int32_t average;           /**< 0: maximum, 1: mean */
    int32_t count_include_pad; /**< mean: 1 counts explicit padding in the divisor, never what hangs over it */
    int32_t argmax_bytes;      /**< maximum: bytes of an argmax entry, 1 if the window has at most 255 cells, else 4 */
    int32_t adaptive; /**< 1: window i along a side begins at floor(i in / out) and ends before ceil((i + 1) in / out),
                           as PyTorch's adaptive poolings; the kernel says how large it is at most, the strides are
                           in / out or 1, and there is no padding */
    cnn_epilogue epilogue;     /**< an activation of the maxima or means; it does not pool once more */
    int32_t dilation_h, dilation_w; /**< distance of a window's cells; 0: 1. With it no window may lie between x's
                                         values, either */
} cnn_pool2d_shape;

/** Passes: FORWARD x to y, argmax. BACKWARD dy to dx, from argmax; y as in cnn_conv2d_args. */
typedef struct cnn_pool2d_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    cnn_pool2d_shape shape;
    const float *x;
    float *y;
    void *argmax; /**< maximum only, argmax_bytes for each output: the cell of the window, row by row, that held the
                       first maximum; NULL in inference */
    float *dy, *dx;
} cnn_pool2d_args;

/**
 * Normalisation of x [n, h, w, c] over all but the channels, one mean and
 * variance for each; vectors have h and w 1. What pooling drops counts in mean
 * and variance.
 */
typedef struct cnn_norm_shape {
    int64_t n, h, w, c;
    float epsilon;
    int32_t fixed; /**< 1: mean and variance are given constants, in training, too */
    cnn_epilogue epilogue; /**< after the affine part; CNN_LINEAR, CNN_RELU or CNN_RELU6 where it pools or a BACKWARD
                                follows */
} cnn_norm_shape;

/**
 * y = act(gamma (x - mean) / sqrt(variance + epsilon) + beta), with mean and biased variance of the rows of x.
 *
 * Passes: FORWARD x, gamma, beta to y, argmax, mean, variance, inv_std; where the shape is fixed, mean and variance are
 * only read. Then the moving statistics, unless NULL, become keep * moving + (1 - keep) * that of this batch, the
 * variance times `correction`. y may be x unless it is pooled. INFERENCE x, gamma, beta, mean, variance to y, which may
 * be x. BACKWARD x, dy, gamma, beta, mean, inv_std to dx, d_gamma, d_beta: dy is the gradient of y, which is what
 * FORWARD stored, and with an activation may be overwritten; dx may be dy or NULL; argmax tells where a pooled gradient
 * goes.
 */
typedef struct cnn_norm_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    cnn_norm_shape shape;
    const float *x, *gamma, *beta;
    float *y;
    uint8_t *argmax; /**< where the epilogue pools, as in cnn_conv2d_args */
    float *mean, *variance, *inv_std;      /**< [c] each; inv_std is 1 / sqrt(variance + epsilon) */
    float *moving_mean, *moving_variance;  /**< [c] each, or both NULL */
    float keep, correction;  /**< correction 0: rows / (rows - 1), the rows those of all processes where there is a
                                  `sum`; 1 of a single row */
    float *dy, *dx, *d_gamma, *d_beta;
    /** Where x is a part of a batch that several processes have: adds values over all of them, in place. Statistics,
        and what dx takes of the sums, are then those of the whole batch; d_gamma and d_beta remain sums over these
        rows. The moving statistics, which are the same in all processes, must be given. NULL: x is the whole batch */
    cnn_status (*sum)(void *user, double *values, size_t count);
    void *sum_user;
} cnn_norm_args;

/**
 * Local response normalisation across the channels of x [rows, c]: y_j = x_j * s_j^-beta with s_j = bias + alpha *
 * sum(x_i^2) over the channels i from j - before to j + after; those outside count as 0. bias and beta are above 0,
 * alpha is at least 0.
 */
typedef struct cnn_lrn_shape {
    int64_t rows, c;
    int64_t before, after; /**< channels of the window on either side of its own, at least 0, perhaps more than c */
    float alpha, beta, bias;
} cnn_lrn_shape;

/** Passes: FORWARD x to y. BACKWARD x, dy to dx. */
typedef struct cnn_lrn_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    cnn_lrn_shape shape;
    const float *x, *dy;
    float *y, *dx;
} cnn_lrn_args;

/**
 * An elementwise activation of n values. Passes: FORWARD x to y, which may be x. BACKWARD y, dy to dx, which may be dy;
 * with x in place of y where the output does not tell the derivative: CNN_SILU, CNN_GELU, CNN_GELU_TANH and
 * CNN_HARD_SWISH.
 */
typedef struct cnn_activation_args {
    size_t struct_size;
    size_t n;
    int32_t activation; /**< a cnn_activation, an elementwise one */
    float alpha;        /**< of leaky relu, ELU and hard sigmoid */
    const float *x, *dy;
    float *y, *dx;
} cnn_activation_args;

/** Softmax, or its logarithm, of each of `rows` rows of `columns` values. Passes: as those of an activation. */
typedef struct cnn_softmax_args {
    size_t struct_size;
    size_t rows, columns;
    int32_t logarithm; /**< 1: log-softmax */
    const float *x, *dy;
    float *y, *dx;
} cnn_softmax_args;

/** Dropout of x [n, positions, c]: scaled by 1 / (1 - rate) where kept, 0 where dropped. Forward and backward alike; y
    may be x. */
typedef struct cnn_dropout_args {
    size_t struct_size;
    int64_t n, positions, c;
    float rate;        /**< probability of dropping, 0 <= rate < 1 */
    int32_t channels;  /**< 1: one decision for each n and c; 0: one for each value */
    uint64_t key[2];   /**< of the counter-based generator, Philox 4x32-10: the decision for value i (channels: for
                            n * c + channel) is word i % 4 of block i / 4, dropped if word < rate * 2^32. key[0] is
                            the generator's key, key[1] the upper half of its counter, the block the lower */
    const float *x;
    float *y;
    uint64_t before;   /**< samples that lie before these in a batch that is divided: the decisions are those of the
                            whole one, whose values are counted from its start */
} cnn_dropout_args;

/** Zero padding of x [n, in_h, in_w, c] on four sides. Passes: FORWARD x to y. BACKWARD dy to dx: the part inside. */
typedef struct cnn_pad2d_args {
    size_t struct_size;
    int64_t n, in_h, in_w, c;
    int32_t top, bottom, left, right; /**< rows and columns, at least 0 */
    const float *x, *dy;
    float *y, *dx;
} cnn_pad2d_args;

/** How a resampling finds the values between pixels. */
typedef enum cnn_resample_mode {
    CNN_RESAMPLE_NEAREST = 0, /**< the pixel floor(i in / out) */
    CNN_RESAMPLE_BILINEAR = 1 /**< between the centres of four pixels */
} cnn_resample_mode;

/**
 * Images x [n, in_h, in_w, c] at another size, y [n, out_h, out_w, c], without a filter against aliasing. Bilinear
 * output i lies at (i + 0.5) in / out - 0.5, what is outside counting as the border; with align_corners at
 * i (in - 1) / (out - 1). Passes: FORWARD x to y. BACKWARD dy to dx.
 */
typedef struct cnn_resample_args {
    size_t struct_size;
    int64_t n, in_h, in_w, c, out_h, out_w;
    int32_t mode;          /**< a cnn_resample_mode */
    int32_t align_corners; /**< bilinear */
    const float *x, *dy;
    float *y, *dx;
} cnn_resample_args;

/** Axes in another order: axis i of y is axis order[i] of x. Passes: FORWARD x to y. BACKWARD dy to dx. */
typedef struct cnn_permute_args {
    size_t struct_size;
    uint32_t rank; /**< 1 to CNN_MAX_RANK */
    uint32_t reserved;
    int64_t dims[CNN_MAX_RANK]; /**< of x */
    int32_t order[CNN_MAX_RANK];
    const float *x, *dy;
    float *y, *dx;
} cnn_permute_args;

/**
 * A rectifier whose slopes are learnt: y = x > 0 ? x : slope x, of x [rows, c] with a slope for each column. Passes:
 * FORWARD x, slopes to y. BACKWARD x, slopes, dy to dx, which may be dy, and d_slopes; either may be NULL.
 */
typedef struct cnn_prelu_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    int64_t rows, c;
    const float *x, *slopes, *dy;
    float *y, *dx, *d_slopes;
} cnn_prelu_args;

/** What is done with each value of a and, but for COPY, its partner in b. */
typedef enum cnn_elementwise_kind {
    CNN_ELEMENTWISE_ADD = 0,
    CNN_ELEMENTWISE_SUBTRACT = 1,
    CNN_ELEMENTWISE_MULTIPLY = 2,
    CNN_ELEMENTWISE_COPY = 3
} cnn_elementwise_kind;

/** Which value of b belongs to value (i, j, k) of a [outer, inner, c]. */
typedef enum cnn_broadcast {
    CNN_BROADCAST_NONE = 0,    /**< (i, j, k) of b [outer, inner, c] */
    CNN_BROADCAST_SAMPLE = 1,  /**< (i, k) of b [outer, c]: one for each channel of each image */
    CNN_BROADCAST_CHANNEL = 2  /**< (k) of b [c]: one for each channel */
} cnn_broadcast;

/** y = act(a op b); y may be a, and COPY does nothing then. The epilogue does not pool. */
typedef struct cnn_elementwise_args {
    size_t struct_size;
    int32_t kind;      /**< a cnn_elementwise_kind */
    int32_t broadcast; /**< a cnn_broadcast */
    int64_t outer, inner, c;
    cnn_epilogue epilogue;
    const float *a, *b;
    float *y;
} cnn_elementwise_args;

/** What a reduction gives. */
typedef enum cnn_reduce_kind {
    CNN_REDUCE_SUM_SQUARES = 0, /**< to `result`: the sum of the squares of all values */
    CNN_REDUCE_SUM_INNER = 1,   /**< to y [outer, c]: the sum over the inner dimension */
    CNN_REDUCE_MAX_INNER = 2,   /**< likewise the largest */
    CNN_REDUCE_MIN_INNER = 3    /**< likewise the least */
} cnn_reduce_kind;

/** A reduction of x [outer, inner, c], in double and in an order that the sizes alone decide. */
typedef struct cnn_reduce_args {
    size_t struct_size;
    int32_t kind; /**< a cnn_reduce_kind */
    int32_t reserved;
    int64_t outer, inner, c;
    const float *x;
    float *y;
    double *result; /**< in the library's memory */
} cnn_reduce_args;

/** Parts [rows, widths[i]] side by side in `whole` [rows, sum of widths]. Passes: FORWARD parts to whole. BACKWARD
    whole to parts, those that are not NULL. */
typedef struct cnn_concat_args {
    size_t struct_size;
    int64_t rows;
    uint32_t count; /**< of parts */
    uint32_t reserved;
    const int64_t *widths; /**< in the library's memory, as is the array of pointers */
    float *const *parts;
    float *whole;
} cnn_concat_args;

/** n times `value` to y. */
typedef struct cnn_fill_args {
    size_t struct_size;
    size_t n;
    float value;
    uint32_t reserved;
    float *y;
} cnn_fill_args;

/**
 * A normalisation with given statistics, folded into the weights [rows, c] and the bias [c] of the operation before it:
 * with f = gamma / sqrt(variance + epsilon) the weights times f, and (bias - mean) f + beta.
 */
typedef struct cnn_fold_args {
    size_t struct_size;
    int64_t rows, c;
    float epsilon;
    uint32_t reserved;
    const float *weights;
    const float *bias; /**< NULL: 0 */
    const float *gamma, *beta, *mean, *variance;
    float *folded_weights, *folded_bias;
} cnn_fold_args;

/**
 * A 3-D convolution: x [n, in_d, in_h, in_w, in_c], filters [kernel_d, kernel_h, kernel_w, in_c / groups, out_c], bias
 * [out_c], y [n, out_d, out_h, out_w, out_c]. What lies outside x counts as 0. The epilogue does not pool.
 */
typedef struct cnn_conv3d_shape {
    int64_t n, in_d, in_h, in_w, in_c, out_d, out_h, out_w, out_c;
    int32_t kernel_d, kernel_h, kernel_w, stride_d, stride_h, stride_w, dilation_d, dilation_h, dilation_w;
    int32_t groups, pad_front, pad_top, pad_left; /**< what is padded at the other ends follows from the output */
    cnn_epilogue epilogue;                        /**< after the bias */
} cnn_conv3d_shape;

/** Passes: FORWARD, BACKWARD_DATA and BACKWARD_FILTER, as those of a 2-D convolution. */
typedef struct cnn_conv3d_args {
    size_t struct_size;
    const cnn_op_answer *answer; /**< NULL: the question is asked once more */
    cnn_conv3d_shape shape;
    const float *x, *filters;
    const float *bias; /**< may be NULL */
    float *y;
    float *dy, *dx, *d_filters;
    float *d_bias; /**< may be NULL */
} cnn_conv3d_args;

/**
 * Normalised adjacency matrices of n graphs, x to y [n, nodes, nodes]. With D the sums of rows: directed D^-1 x;
 * otherwise D^-1/2 (x + I) D^-1/2 with the sums of x + I. A row whose sum is not above 0 becomes 0; undirected, so does
 * its column. Sums are taken in double. Passes: FORWARD x to y. BACKWARD x, dy to dx.
 */
typedef struct cnn_adjacency_args {
    size_t struct_size;
    int64_t n, nodes;
    int32_t directed; /**< 1: directed */
    int32_t reserved;
    const float *x, *dy;
    float *y, *dx;
} cnn_adjacency_args;

/** Rules of cnn_update_args. */
typedef enum cnn_update_rule { CNN_UPDATE_SGD = 0, CNN_UPDATE_RMSPROP = 1, CNN_UPDATE_ADAM = 2 } cnn_update_rule;

/** One step of an optimizer over `n` weights w with gradients g; w and the slots are updated in place. */
typedef struct cnn_update_args {
    size_t struct_size;
    int32_t rule;           /**< a cnn_update_rule */
    int32_t reserved;
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
                                 RMSprop: 0 epsilon outside the root, 1 inside. Adam: 0 PyTorch, 1 epsilon-hat; plus 2:
                                 the decay is decoupled, w is first multiplied by 1 - learning_rate weight_decay */
    double correction1, correction2; /**< Adam: 1 - beta1^t and 1 - beta2^t */
} cnn_update_args;

/** What parameters are held to after each step of an optimizer. The numbers are frozen: files hold their names. */
typedef enum cnn_constraint_kind {
    CNN_CONSTRAINT_NONE = 0,
    CNN_CONSTRAINT_MAX_NORM = 1,     /**< norms are at most `high` */
    CNN_CONSTRAINT_NON_NEGATIVE = 2, /**< values below 0 become 0 */
    CNN_CONSTRAINT_UNIT_NORM = 3,    /**< norms are 1 */
    CNN_CONSTRAINT_MIN_MAX_NORM = 4  /**< norms go to [low, high], by the share `rate` of the way */
} cnn_constraint_kind;

/**
 * Holds w to a constraint, in place. The norm of values along some of the axes, the square root of the sum of their
 * squares in double, is brought from s to t: the values are multiplied by t / (1e-7 + s), as by Keras's constraints.
 */
typedef struct cnn_constrain_args {
    size_t struct_size;
    int32_t kind;  /**< a cnn_constraint_kind, not NONE */
    uint32_t axes; /**< bit i: the sum is over axis i of the shape; at least one, but for NON_NEGATIVE */
    float low, high, rate;
    int32_t reserved;
    cnn_shape shape;
    float *w;
} cnn_constrain_args;

/**
 * The penalty l1 * sum(|x|) + l2 * sum(x^2) on n values.
 *
 * Passes: FORWARD x to `result`, in double and in an order that n alone decides. BACKWARD x to dx:
 * scale * (l1 * sign(x) + 2 * l2 * x), where the sign of 0 is 0.
 */
typedef struct cnn_penalty_args {
    size_t struct_size;
    size_t n;
    float l1, l2, scale;
    int32_t accumulate; /**< BACKWARD: 1 adds to what is in dx */
    const float *x;
    float *dx;
    double *result; /**< in the library's memory */
} cnn_penalty_args;

/** What cnn_map_args computes of a value of a and its partner in b. The numbers are frozen: model files hold names of
    some of them. */
typedef enum cnn_map_function {
    CNN_MAP_COPY = 0,      /**< a, of a alone as all up to CNN_MAP_ERF */
    CNN_MAP_SCALE = 1,     /**< p a */
    CNN_MAP_ABS = 2,       /**< |a| */
    CNN_MAP_EXP = 3,       /**< e^a */
    CNN_MAP_LOG = 4,       /**< ln a */
    CNN_MAP_SQRT = 5,      /**< the square root of a */
    CNN_MAP_POWER = 6,     /**< a^p */
    CNN_MAP_CLIP = 7,      /**< min(max(a, p), q) */
    CNN_MAP_ERF = 8,       /**< the error function of a */
    CNN_MAP_ADD = 9,       /**< a + b */
    CNN_MAP_SUBTRACT = 10, /**< a - b */
    CNN_MAP_MULTIPLY = 11, /**< a b */
    CNN_MAP_DIVIDE = 12,   /**< a / b */
    CNN_MAP_POW = 13,      /**< a^b */
    CNN_MAP_MIN = 14,      /**< the lesser */
    CNN_MAP_MAX = 15,      /**< the larger */
    CNN_MAP_EQUAL = 16,    /**< 1 where a is b, else 0 */
    CNN_MAP_LESS = 17,     /**< 1 where a is less than b, 1/2 where they are equal, else 0 */
    CNN_MAP_SIGN = 18,     /**< b with the sign of a, 0 where a is 0: the gradient of ABS, b being that of its result */
    CNN_MAP_SQRT_GRADIENT = 19,  /**< b / 2a, a being what SQRT gave */
    CNN_MAP_POWER_GRADIENT = 20, /**< p a^(p - 1) b */
    CNN_MAP_CLIP_GRADIENT = 21,  /**< b where a is in [p, q], else 0 */
    CNN_MAP_ERF_GRADIENT = 22,   /**< b 2 e^(-a^2) / sqrt(pi) */
    CNN_MAP_POW_BASE = 23,       /**< the derivative of POW by a: b a^(b - 1) */
    CNN_MAP_POW_EXPONENT = 24    /**< and by b: a^b ln a; 0 where a is not above 0 */
} cnn_map_function;

/**
 * A function of single values: y = f(a, b), y [dims] lying row by row. A value of a or b is as many values after the
 * one before, along each axis, as the steps say: 0 repeats it. y may be a or b where that lies as y does.
 */
typedef struct cnn_map_args {
    size_t struct_size;
    int32_t function; /**< a cnn_map_function */
    uint32_t rank;    /**< 1 to CNN_MAX_RANK */
    int64_t dims[CNN_MAX_RANK], a_steps[CNN_MAX_RANK], b_steps[CNN_MAX_RANK];
    float p, q;
    const float *a;
    const float *b; /**< of functions of two */
    float *y;
} cnn_map_args;

/** How cnn_sample_args finds the values of an output. The numbers are frozen, and so are those of the next three:
    model files hold their names. */
typedef enum cnn_sample_mode {
    CNN_SAMPLE_STEP = 0,    /**< the one at start + i step */
    CNN_SAMPLE_NEAREST = 1, /**< the one next to the place, by `rounding` */
    CNN_SAMPLE_LINEAR = 2,  /**< between the two next to the place */
    CNN_SAMPLE_CUBIC = 3    /**< of the four next to the place, by Keys's polynomial */
} cnn_sample_mode;

/** What counts where CNN_SAMPLE_STEP leads outside. */
typedef enum cnn_border {
    CNN_BORDER_VALUE = 0,   /**< `value` */
    CNN_BORDER_REFLECT = 1, /**< as mirrored at the last value, which is not repeated */
    CNN_BORDER_EDGE = 2,    /**< the last value */
    CNN_BORDER_WRAP = 3     /**< as begun anew at the other end */
} cnn_border;

/** Which of two CNN_SAMPLE_NEAREST takes. */
typedef enum cnn_sample_rounding {
    CNN_ROUND_HALF_DOWN = 0, /**< the nearer; of two as near the one before */
    CNN_ROUND_HALF_UP = 1,   /**< the nearer; of two as near the one behind */
    CNN_ROUND_DOWN = 2,      /**< the one before */
    CNN_ROUND_UP = 3         /**< the one behind */
} cnn_sample_rounding;

/**
 * Values along one axis, picked or weighted: y [outer, out, inner] of x [outer, in, inner]. Place i of the output lies
 * at (i + shift) / factor + offset of the input; what is needed outside counts as the value at the border, or, where
 * the place itself is outside and `extrapolate` says so, as `value`. Passes: FORWARD x to y. BACKWARD dy to dx.
 */
typedef struct cnn_sample_args {
    size_t struct_size;
    int64_t outer, in, out, inner;
    int32_t mode;     /**< a cnn_sample_mode */
    int32_t border;   /**< STEP: a cnn_border */
    int32_t rounding; /**< NEAREST: a cnn_sample_rounding */
    int32_t exclude;  /**< CUBIC: 1 leaves out what is outside, the other weights taken larger */
    int32_t extrapolate;
    float cubic; /**< CUBIC: the polynomial's parameter, -0.75 or -0.5 */
    float value;
    int32_t reserved;
    int64_t start, step; /**< STEP; step may be below 0 */
    double shift, factor, offset;
    const float *x, *dy;
    float *y, *dx;
} cnn_sample_args;

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

    /** The question. `args` is the operation's argument struct, of which only the shape is read; *answer comes zeroed,
        with struct_size. CNN_ERROR_UNSUPPORTED refuses. An operation whose entry is NULL is not asked about. NULL: what
        is there runs every shape without pooling, prepares nothing, and needs no workspace. */
    cnn_status (*query)(const struct cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                        cnn_op_answer *answer);

    cnn_status (*conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);
    cnn_status (*dense)(const cnn_backend_call *call, cnn_pass pass, const cnn_dense_args *args);
    cnn_status (*pool2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_pool2d_args *args);
    cnn_status (*norm)(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *args);
    cnn_status (*lrn)(const cnn_backend_call *call, cnn_pass pass, const cnn_lrn_args *args);
    cnn_status (*activation)(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args);
    cnn_status (*softmax)(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *args);
    cnn_status (*dropout)(const cnn_backend_call *call, const cnn_dropout_args *args);
    cnn_status (*pad2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_pad2d_args *args);
    cnn_status (*elementwise)(const cnn_backend_call *call, const cnn_elementwise_args *args);
    cnn_status (*reduce)(const cnn_backend_call *call, const cnn_reduce_args *args);
    cnn_status (*concat)(const cnn_backend_call *call, cnn_pass pass, const cnn_concat_args *args);
    cnn_status (*fill)(const cnn_backend_call *call, const cnn_fill_args *args);
    cnn_status (*fold)(const cnn_backend_call *call, const cnn_fold_args *args);
    cnn_status (*update)(const cnn_backend_call *call, const cnn_update_args *args);

    /** Memory of the backend's own: all four, or none. `allocate` returns a handle of `size` bytes, 64-byte aligned, or
        NULL; a handle plus any number of bytes below its size is not NULL. The copies return when they are done. */
    void *(*allocate)(const struct cnn_backend *backend, size_t size);
    void (*release)(const struct cnn_backend *backend, void *handle, size_t size);
    cnn_status (*copy_in)(const struct cnn_backend *backend, void *to, const void *from, size_t size);
    cnn_status (*copy_out)(const struct cnn_backend *backend, void *to, const void *from, size_t size);

    cnn_status (*conv3d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv3d_args *args);
    cnn_status (*adjacency)(const cnn_backend_call *call, cnn_pass pass, const cnn_adjacency_args *args);
    cnn_status (*constrain)(const cnn_backend_call *call, const cnn_constrain_args *args);
    cnn_status (*penalty)(const cnn_backend_call *call, cnn_pass pass, const cnn_penalty_args *args);
    cnn_status (*resample)(const cnn_backend_call *call, cnn_pass pass, const cnn_resample_args *args);
    cnn_status (*permute)(const cnn_backend_call *call, cnn_pass pass, const cnn_permute_args *args);
    cnn_status (*prelu)(const cnn_backend_call *call, cnn_pass pass, const cnn_prelu_args *args);
    cnn_status (*map)(const cnn_backend_call *call, const cnn_map_args *args);
    cnn_status (*sample)(const cnn_backend_call *call, cnn_pass pass, const cnn_sample_args *args);
} cnn_backend;

/**
 * Asks about an operation: `backend`, then the reference. `args` is the
 * operation's argument struct with at least its shape filled in.
 *
 * Returns CNN_OK with *answer, CNN_ERROR_UNSUPPORTED where neither has the
 * operation for this shape, CNN_ERROR_INVALID_ARGUMENT for a NULL, an unknown
 * operation or a struct of another version. Any thread may call it. Since 0.1.
 */
CNN_API cnn_status cnn_backend_query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                                     cnn_op_answer *answer);

/**
 * Runs one pass of an operation, by the table that answered the question, or
 * where the arguments hold no answer by the one that answers now. What layers
 * call, custom ones among them:
 *
 *     cnn_backend_run(call->backend, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args)
 *
 * Operations without passes take CNN_PASS_FORWARD.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT for sizes below 1 or too large and
 * for pointers that the pass needs and that are NULL, CNN_ERROR_UNSUPPORTED
 * where nobody has the operation for this shape or pass, CNN_ERROR_BACKEND if
 * the workspace is too small, or what else the backend returns. Any thread may
 * call it, each with a workspace of its own. Since 0.1.
 */
CNN_API cnn_status cnn_backend_run(const cnn_backend_call *call, cnn_op op, cnn_pass pass, const void *args);

CNN_END_DECLS

#endif
