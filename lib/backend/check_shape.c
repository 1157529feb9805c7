/* SPDX-License-Identifier: MIT */
/* Whether shapes make sense: one function for each operation, in one table. */
#include "backend/check.h"

#include "core/activation.h"
#include "core/memory.h"

/* Most values of a size that is no number of values: a kernel, a stride, padding. */
#define MOST_CELLS (1 << 24)

/* Whether a tensor can have these dimensions. */
static bool has_values(size_t count, const int64_t *dims)
{
    size_t values = 1;
    for (size_t i = 0; i < count; i++) {
        if (dims[i] < 1 || !cnn__mul_size(values, (size_t)dims[i], &values) || values > CNN__MAX_VALUES) {
            return false;
        }
    }
    return true;
}

#define HAS_VALUES(...) \
    has_values(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})

static bool in_range(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

static bool is_epilogue(const cnn_epilogue *e)
{
    return cnn__activation_is_elementwise(e->activation) && (e->pool == 0 || e->pool == 2);
}

static bool gemm_shape(const void *args)
{
    const cnn_gemm_args *a = args;
    return HAS_VALUES(a->transpose_a ? a->k : a->m, a->lda) && HAS_VALUES(a->transpose_b ? a->n : a->k, a->ldb) &&
           HAS_VALUES(a->m, a->ldc) && HAS_VALUES(a->m, a->n) && a->k >= 1 &&
           a->lda >= (a->transpose_a ? a->m : a->k) && a->ldb >= (a->transpose_b ? a->k : a->n) && a->ldc >= a->n;
}

static bool conv2d_shape(const void *args)
{
    const cnn_conv2d_shape *s = &((const cnn_conv2d_args *)args)->shape;
    const int32_t cells[] = {s->kernel_h, s->kernel_w, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w};
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (!in_range(cells[i], 1, MOST_CELLS)) {
            return false;
        }
    }
    return in_range(s->pad_top, 0, MOST_CELLS) && in_range(s->pad_left, 0, MOST_CELLS) && s->groups >= 1 &&
           s->in_c % s->groups == 0 && s->out_c % s->groups == 0 && is_epilogue(&s->epilogue) &&
           HAS_VALUES(s->n, s->in_h, s->in_w, s->in_c) && HAS_VALUES(s->n, s->out_h, s->out_w, s->out_c) &&
           HAS_VALUES(s->kernel_h, s->kernel_w, s->in_c / s->groups, s->out_c) &&
           (s->epilogue.pool == 0 || (s->out_h >= 2 && s->out_w >= 2));
}

static bool dense_shape(const void *args)
{
    const cnn_dense_shape *s = &((const cnn_dense_args *)args)->shape;
    return HAS_VALUES(s->n, s->in) && HAS_VALUES(s->n, s->out) && HAS_VALUES(s->in, s->out) &&
           is_epilogue(&s->epilogue);
}

/* No window is larger than can be counted; those of sizes of their own lie side by side. */
static bool pool2d_windows(const cnn_pool2d_shape *s)
{
    const bool apart = s->dilation_h > 1 || s->dilation_w > 1;
    return s->kernel_h >= 1 && s->kernel_w >= 1 && s->stride_h >= 1 && s->stride_w >= 1 &&
           in_range(s->dilation_h, 0, MOST_CELLS) && in_range(s->dilation_w, 0, MOST_CELLS) &&
           (!s->adaptive ||
            (!apart && s->in_h < MOST_CELLS && s->in_w < MOST_CELLS && s->out_h < MOST_CELLS && s->out_w < MOST_CELLS));
}

static bool pool2d_shape(const void *args)
{
    const cnn_pool2d_shape *s = &((const cnn_pool2d_args *)args)->shape;
    const int32_t pads[] = {s->pad_top, s->pad_left, s->pad_bottom, s->pad_right};
    for (size_t i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
        if (!in_range(pads[i], 0, MOST_CELLS)) {
            return false;
        }
    }
    return pool2d_windows(s) && is_epilogue(&s->epilogue) && HAS_VALUES(s->n, s->in_h, s->in_w, s->c) &&
           HAS_VALUES(s->n, s->out_h, s->out_w, s->c) && (s->average || s->argmax_bytes == 1 || s->argmax_bytes == 4);
}

static bool norm_shape(const void *args)
{
    const cnn_norm_shape *s = &((const cnn_norm_args *)args)->shape;
    return HAS_VALUES(s->n, s->h, s->w, s->c) && is_epilogue(&s->epilogue) &&
           (s->epilogue.pool == 0 || (s->h >= 2 && s->w >= 2));
}

static bool lrn_shape(const void *args)
{
    const cnn_lrn_shape *s = &((const cnn_lrn_args *)args)->shape;
    return HAS_VALUES(s->rows, s->c) && in_range(s->before, 0, INT64_MAX / 4) && in_range(s->after, 0, INT64_MAX / 4);
}

static bool activation_shape(const void *args)
{
    const cnn_activation_args *a = args;
    return a->n >= 1 && a->n <= CNN__MAX_VALUES && cnn__activation_is_elementwise(a->activation);
}

static bool softmax_shape(const void *args)
{
    const cnn_softmax_args *a = args;
    size_t values;
    return a->rows >= 1 && a->columns >= 1 && cnn__mul_size(a->rows, a->columns, &values) && values <= CNN__MAX_VALUES;
}

static bool dropout_shape(const void *args)
{
    const cnn_dropout_args *a = args;
    return HAS_VALUES(a->n, a->positions, a->c) && a->rate >= 0 && a->rate < 1 && a->before <= UINT32_MAX;
}

static bool pad2d_shape(const void *args)
{
    const cnn_pad2d_args *a = args;
    const int32_t sides[] = {a->top, a->bottom, a->left, a->right};
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        if (!in_range(sides[i], 0, MOST_CELLS)) {
            return false;
        }
    }
    return HAS_VALUES(a->n, a->in_h, a->in_w, a->c) &&
           HAS_VALUES(a->n, a->in_h + a->top + a->bottom, a->in_w + a->left + a->right, a->c);
}

static bool resample_shape(const void *args)
{
    const cnn_resample_args *a = args;
    return HAS_VALUES(a->n, a->in_h, a->in_w, a->c) && HAS_VALUES(a->n, a->out_h, a->out_w, a->c) &&
           in_range(a->in_h, 1, MOST_CELLS) && in_range(a->in_w, 1, MOST_CELLS) && in_range(a->out_h, 1, MOST_CELLS) &&
           in_range(a->out_w, 1, MOST_CELLS) && in_range(a->mode, CNN_RESAMPLE_NEAREST, CNN_RESAMPLE_BILINEAR);
}

static bool permute_shape(const void *args)
{
    const cnn_permute_args *a = args;
    uint32_t seen = 0;
    if (!in_range(a->rank, 1, CNN_MAX_RANK) || !has_values(a->rank, a->dims)) {
        return false;
    }
    for (uint32_t i = 0; i < a->rank; i++) {
        if (!in_range(a->order[i], 0, (int64_t)a->rank - 1)) {
            return false;
        }
        seen |= 1u << a->order[i];
    }
    return seen == (1u << a->rank) - 1;
}

static bool prelu_shape(const void *args)
{
    const cnn_prelu_args *a = args;
    return HAS_VALUES(a->rows, a->c);
}

static bool elementwise_shape(const void *args)
{
    const cnn_elementwise_args *a = args;
    return HAS_VALUES(a->outer, a->inner, a->c) && is_epilogue(&a->epilogue) && a->epilogue.pool == 0 &&
           in_range(a->kind, CNN_ELEMENTWISE_ADD, CNN_ELEMENTWISE_COPY) &&
           in_range(a->broadcast, CNN_BROADCAST_NONE, CNN_BROADCAST_CHANNEL);
}

static bool reduce_shape(const void *args)
{
    const cnn_reduce_args *a = args;
    return HAS_VALUES(a->outer, a->inner, a->c) && in_range(a->kind, CNN_REDUCE_SUM_SQUARES, CNN_REDUCE_MIN_INNER);
}

static bool concat_shape(const void *args)
{
    const cnn_concat_args *a = args;
    int64_t width = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->widths == NULL || !in_range(a->widths[i], 1, INT64_MAX - width)) {
            return false;
        }
        width += a->widths[i];
    }
    return a->count >= 1 && HAS_VALUES(a->rows, width);
}

static bool fill_shape(const void *args)
{
    const cnn_fill_args *a = args;
    return a->n >= 1 && a->n <= CNN__MAX_VALUES;
}

static bool fold_shape(const void *args)
{
    const cnn_fold_args *a = args;
    return HAS_VALUES(a->rows, a->c);
}

static bool update_shape(const void *args)
{
    const cnn_update_args *a = args;
    return a->n >= 1 && a->n <= CNN__MAX_VALUES && in_range(a->rule, CNN_UPDATE_SGD, CNN_UPDATE_ADAM);
}

static bool conv3d_shape(const void *args)
{
    const cnn_conv3d_shape *s = &((const cnn_conv3d_args *)args)->shape;
    const int32_t cells[] = {s->kernel_d, s->kernel_h,   s->kernel_w,   s->stride_d,  s->stride_h,
                             s->stride_w, s->dilation_d, s->dilation_h, s->dilation_w};
    const int32_t pads[] = {s->pad_front, s->pad_top, s->pad_left};
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (!in_range(cells[i], 1, MOST_CELLS)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
        if (!in_range(pads[i], 0, MOST_CELLS)) {
            return false;
        }
    }
    return s->groups >= 1 && s->in_c % s->groups == 0 && s->out_c % s->groups == 0 && is_epilogue(&s->epilogue) &&
           s->epilogue.pool == 0 && HAS_VALUES(s->n, s->in_d, s->in_h, s->in_w, s->in_c) &&
           HAS_VALUES(s->n, s->out_d, s->out_h, s->out_w, s->out_c) &&
           HAS_VALUES(s->kernel_d, s->kernel_h, s->kernel_w, s->in_c / s->groups, s->out_c);
}

static bool adjacency_shape(const void *args)
{
    const cnn_adjacency_args *a = args;
    return HAS_VALUES(a->n, a->nodes, a->nodes);
}

static bool constrain_shape(const void *args)
{
    const cnn_constrain_args *a = args;
    return in_range(a->kind, CNN_CONSTRAINT_MAX_NORM, CNN_CONSTRAINT_MIN_MAX_NORM) && a->shape.rank >= 1 &&
           a->shape.rank <= CNN_MAX_RANK && a->axes >> a->shape.rank == 0 &&
           (a->axes != 0 || a->kind == CNN_CONSTRAINT_NON_NEGATIVE) && has_values(a->shape.rank, a->shape.dims);
}

static bool penalty_shape(const void *args)
{
    const cnn_penalty_args *a = args;
    return a->n >= 1 && a->n <= CNN__MAX_VALUES;
}

static bool map_shape(const void *args)
{
    const cnn_map_args *a = args;
    if (!in_range(a->rank, 1, CNN_MAX_RANK) || !has_values(a->rank, a->dims) ||
        !in_range(a->function, CNN_MAP_COPY, CNN_MAP_POW_EXPONENT)) {
        return false;
    }
    bool sound = true;
    for (uint32_t i = 0; i < a->rank; i++) {
        sound = sound && in_range(a->a_steps[i], 0, (int64_t)CNN__MAX_VALUES) &&
                in_range(a->b_steps[i], 0, (int64_t)CNN__MAX_VALUES);
    }
    return sound;
}

static bool sample_shape(const void *args)
{
    const cnn_sample_args *a = args;
    return HAS_VALUES(a->outer, a->in, a->inner) && HAS_VALUES(a->outer, a->out, a->inner) &&
           in_range(a->mode, CNN_SAMPLE_STEP, CNN_SAMPLE_CUBIC) &&
           in_range(a->border, CNN_BORDER_VALUE, CNN_BORDER_WRAP) &&
           in_range(a->rounding, CNN_ROUND_HALF_DOWN, CNN_ROUND_UP) && in_range(a->in, 1, INT32_MAX) &&
           in_range(a->out, 1, INT32_MAX) && in_range(a->start, -INT32_MAX, INT32_MAX) &&
           in_range(a->step, -INT32_MAX, INT32_MAX) &&
           (a->mode == CNN_SAMPLE_STEP || (a->factor != 0 && a->factor - a->factor == 0));
}

static const struct check {
    size_t size; /* of the argument struct */
    bool (*shape)(const void *args);
} checks[] = {
    [CNN_OP_GEMM] = {sizeof(cnn_gemm_args), gemm_shape},
    [CNN_OP_CONV2D] = {sizeof(cnn_conv2d_args), conv2d_shape},
    [CNN_OP_DENSE] = {sizeof(cnn_dense_args), dense_shape},
    [CNN_OP_POOL2D] = {sizeof(cnn_pool2d_args), pool2d_shape},
    [CNN_OP_NORM] = {sizeof(cnn_norm_args), norm_shape},
    [CNN_OP_LRN] = {sizeof(cnn_lrn_args), lrn_shape},
    [CNN_OP_ACTIVATION] = {sizeof(cnn_activation_args), activation_shape},
    [CNN_OP_SOFTMAX] = {sizeof(cnn_softmax_args), softmax_shape},
    [CNN_OP_DROPOUT] = {sizeof(cnn_dropout_args), dropout_shape},
    [CNN_OP_PAD2D] = {sizeof(cnn_pad2d_args), pad2d_shape},
    [CNN_OP_ELEMENTWISE] = {sizeof(cnn_elementwise_args), elementwise_shape},
    [CNN_OP_REDUCE] = {sizeof(cnn_reduce_args), reduce_shape},
    [CNN_OP_CONCAT] = {sizeof(cnn_concat_args), concat_shape},
    [CNN_OP_FILL] = {sizeof(cnn_fill_args), fill_shape},
    [CNN_OP_FOLD] = {sizeof(cnn_fold_args), fold_shape},
    [CNN_OP_UPDATE] = {sizeof(cnn_update_args), update_shape},
    [CNN_OP_RESAMPLE] = {sizeof(cnn_resample_args), resample_shape},
    [CNN_OP_PERMUTE] = {sizeof(cnn_permute_args), permute_shape},
    [CNN_OP_PRELU] = {sizeof(cnn_prelu_args), prelu_shape},
    [CNN_OP_CONV3D] = {sizeof(cnn_conv3d_args), conv3d_shape},
    [CNN_OP_ADJACENCY] = {sizeof(cnn_adjacency_args), adjacency_shape},
    [CNN_OP_CONSTRAIN] = {sizeof(cnn_constrain_args), constrain_shape},
    [CNN_OP_PENALTY] = {sizeof(cnn_penalty_args), penalty_shape},
    [CNN_OP_MAP] = {sizeof(cnn_map_args), map_shape},
    [CNN_OP_SAMPLE] = {sizeof(cnn_sample_args), sample_shape},
};

bool cnn__check_args(cnn_op op, const void *args)
{
    const size_t count = sizeof(checks) / sizeof(checks[0]);
    return (size_t)op < count && checks[op].shape != NULL && args != NULL && *(const size_t *)args == checks[op].size &&
           checks[op].shape(args); /* not every number is taken */
}
