/* SPDX-License-Identifier: MIT */
/* Which passes an operation has, and which pointers each needs: a function for each operation, in one table. */
#include "backend/check.h"

#include "core/activation.h"

/* x to y forward, dy to dx backward. */
#define MOVES(pass, a)                                             \
    ((pass) == CNN_PASS_FORWARD ? (a)->x != NULL && (a)->y != NULL \
                                : (pass) == CNN_PASS_BACKWARD && (a)->dy != NULL && (a)->dx != NULL)

static bool gemm_pointers(cnn_pass pass, const void *args)
{
    const cnn_gemm_args *a = args;
    return pass == CNN_PASS_FORWARD && a->a != NULL && a->b != NULL && a->c != NULL;
}

static bool conv2d_pointers(cnn_pass pass, const void *args)
{
    const cnn_conv2d_args *a = args;
    const bool placed = a->shape.epilogue.pool == 0 || a->argmax != NULL;
    switch (pass) {
    case CNN_PASS_FORWARD:
        return a->x != NULL && a->filters != NULL && a->y != NULL;
    case CNN_PASS_INFERENCE:
        return a->x != NULL && a->prepared != NULL && a->y != NULL;
    case CNN_PASS_PREPARE:
        return a->filters != NULL && a->prepared != NULL;
    case CNN_PASS_BACKWARD_DATA:
        return a->dy != NULL && a->filters != NULL && a->dx != NULL && placed;
    case CNN_PASS_BACKWARD_FILTER:
        return a->dy != NULL && a->x != NULL && a->d_filters != NULL && placed;
    default:
        return false;
    }
}

static bool dense_pointers(cnn_pass pass, const void *args)
{
    const cnn_dense_args *a = args;
    switch (pass) {
    case CNN_PASS_FORWARD:
        return a->x != NULL && a->weights != NULL && a->y != NULL;
    case CNN_PASS_BACKWARD_DATA:
        return a->dy != NULL && a->weights != NULL && a->dx != NULL;
    case CNN_PASS_BACKWARD_FILTER:
        return a->dy != NULL && a->x != NULL && a->d_weights != NULL;
    default:
        return false;
    }
}

static bool pool2d_pointers(cnn_pass pass, const void *args)
{
    const cnn_pool2d_args *a = args;
    return pass == CNN_PASS_FORWARD
               ? a->x != NULL && a->y != NULL
               : pass == CNN_PASS_BACKWARD && a->dy != NULL && a->dx != NULL && (a->shape.average || a->argmax != NULL);
}

static bool norm_backward_pointers(const cnn_norm_args *a)
{
    const cnn_epilogue *epilogue = &a->shape.epilogue;
    return a->dy != NULL && a->inv_std != NULL && a->d_gamma != NULL && a->d_beta != NULL &&
           (epilogue->activation == CNN_LINEAR || epilogue->pool != 0 || (a->y != NULL && a->beta != NULL));
}

static bool norm_pointers(cnn_pass pass, const void *args)
{
    const cnn_norm_args *a = args;
    const bool moved = (a->moving_mean == NULL) == (a->moving_variance == NULL);
    const bool affine = a->x != NULL && a->gamma != NULL && a->mean != NULL;
    const bool placed = a->shape.epilogue.pool == 0 || a->argmax != NULL;
    switch (pass) {
    case CNN_PASS_FORWARD:
        return affine && (a->sum == NULL || a->moving_mean != NULL) && a->beta != NULL && a->y != NULL &&
               a->variance != NULL && a->inv_std != NULL && moved && placed;
    case CNN_PASS_INFERENCE:
        return affine && a->beta != NULL && a->y != NULL && a->variance != NULL;
    case CNN_PASS_BACKWARD:
        return affine && placed && norm_backward_pointers(a);
    default:
        return false;
    }
}

static bool lrn_pointers(cnn_pass pass, const void *args)
{
    const cnn_lrn_args *a = args;
    return a->x != NULL &&
           (pass == CNN_PASS_FORWARD ? a->y != NULL : pass == CNN_PASS_BACKWARD && a->dy != NULL && a->dx != NULL);
}

static bool activation_pointers(cnn_pass pass, const void *args)
{
    const cnn_activation_args *a = args;
    const float *from = cnn__activation_reads_input(a->activation) ? a->x : a->y;
    return pass == CNN_PASS_FORWARD ? a->x != NULL && a->y != NULL
                                    : pass == CNN_PASS_BACKWARD && from != NULL && a->dy != NULL && a->dx != NULL;
}

static bool softmax_pointers(cnn_pass pass, const void *args)
{
    const cnn_softmax_args *a = args;
    return pass == CNN_PASS_FORWARD ? a->x != NULL && a->y != NULL
                                    : pass == CNN_PASS_BACKWARD && a->y != NULL && a->dy != NULL && a->dx != NULL;
}

static bool dropout_pointers(cnn_pass pass, const void *args)
{
    const cnn_dropout_args *a = args;
    (void)pass; /* forward and backward alike */
    return a->x != NULL && a->y != NULL;
}

static bool pad2d_pointers(cnn_pass pass, const void *args)
{
    const cnn_pad2d_args *a = args;
    return MOVES(pass, a);
}

static bool resample_pointers(cnn_pass pass, const void *args)
{
    const cnn_resample_args *a = args;
    return MOVES(pass, a);
}

static bool permute_pointers(cnn_pass pass, const void *args)
{
    const cnn_permute_args *a = args;
    return MOVES(pass, a);
}

static bool prelu_pointers(cnn_pass pass, const void *args)
{
    const cnn_prelu_args *a = args;
    return a->x != NULL && a->slopes != NULL &&
           (pass == CNN_PASS_FORWARD ? a->y != NULL : pass == CNN_PASS_BACKWARD && a->dy != NULL);
}

static bool elementwise_pointers(cnn_pass pass, const void *args)
{
    const cnn_elementwise_args *a = args;
    return pass == CNN_PASS_FORWARD && a->a != NULL && a->y != NULL &&
           (a->kind == CNN_ELEMENTWISE_COPY || a->b != NULL);
}

static bool reduce_pointers(cnn_pass pass, const void *args)
{
    const cnn_reduce_args *a = args;
    return pass == CNN_PASS_FORWARD && a->x != NULL &&
           (a->kind == CNN_REDUCE_SUM_SQUARES ? a->result != NULL : a->y != NULL);
}

static bool concat_pointers(cnn_pass pass, const void *args)
{
    const cnn_concat_args *a = args;
    for (uint32_t i = 0; a->parts != NULL && i < a->count; i++) {
        if (a->parts[i] == NULL && pass == CNN_PASS_FORWARD) {
            return false;
        }
    }
    return (pass == CNN_PASS_FORWARD || pass == CNN_PASS_BACKWARD) && a->parts != NULL && a->whole != NULL;
}

static bool fill_pointers(cnn_pass pass, const void *args)
{
    return pass == CNN_PASS_FORWARD && ((const cnn_fill_args *)args)->y != NULL;
}

static bool fold_pointers(cnn_pass pass, const void *args)
{
    const cnn_fold_args *a = args;
    return pass == CNN_PASS_FORWARD && a->weights != NULL && a->gamma != NULL && a->beta != NULL && a->mean != NULL &&
           a->variance != NULL && a->folded_weights != NULL && a->folded_bias != NULL;
}

static bool update_pointers(cnn_pass pass, const void *args)
{
    const cnn_update_args *a = args;
    return pass == CNN_PASS_FORWARD && a->w != NULL && a->g != NULL &&
           (a->rule == CNN_UPDATE_SGD || a->slot0 != NULL) && (a->rule != CNN_UPDATE_ADAM || a->slot1 != NULL);
}

static bool conv3d_pointers(cnn_pass pass, const void *args)
{
    const cnn_conv3d_args *a = args;
    switch (pass) {
    case CNN_PASS_FORWARD:
        return a->x != NULL && a->filters != NULL && a->y != NULL;
    case CNN_PASS_BACKWARD_DATA:
        return a->dy != NULL && a->filters != NULL && a->dx != NULL;
    case CNN_PASS_BACKWARD_FILTER:
        return a->dy != NULL && a->x != NULL && a->d_filters != NULL;
    default:
        return false;
    }
}

static bool adjacency_pointers(cnn_pass pass, const void *args)
{
    const cnn_adjacency_args *a = args;
    return a->x != NULL &&
           (pass == CNN_PASS_FORWARD ? a->y != NULL : pass == CNN_PASS_BACKWARD && a->dy != NULL && a->dx != NULL);
}

static bool constrain_pointers(cnn_pass pass, const void *args)
{
    return pass == CNN_PASS_FORWARD && ((const cnn_constrain_args *)args)->w != NULL;
}

static bool penalty_pointers(cnn_pass pass, const void *args)
{
    const cnn_penalty_args *a = args;
    return a->x != NULL &&
           ((pass == CNN_PASS_FORWARD && a->result != NULL) || (pass == CNN_PASS_BACKWARD && a->dx != NULL));
}

static bool map_pointers(cnn_pass pass, const void *args)
{
    const cnn_map_args *a = args;
    return pass == CNN_PASS_FORWARD && a->a != NULL && a->y != NULL && (a->function <= CNN_MAP_ERF || a->b != NULL);
}

static bool sample_pointers(cnn_pass pass, const void *args)
{
    const cnn_sample_args *a = args;
    return MOVES(pass, a);
}

static bool (*const checks[])(cnn_pass pass, const void *args) = {
    [CNN_OP_GEMM] = gemm_pointers,
    [CNN_OP_CONV2D] = conv2d_pointers,
    [CNN_OP_DENSE] = dense_pointers,
    [CNN_OP_POOL2D] = pool2d_pointers,
    [CNN_OP_NORM] = norm_pointers,
    [CNN_OP_LRN] = lrn_pointers,
    [CNN_OP_ACTIVATION] = activation_pointers,
    [CNN_OP_SOFTMAX] = softmax_pointers,
    [CNN_OP_DROPOUT] = dropout_pointers,
    [CNN_OP_PAD2D] = pad2d_pointers,
    [CNN_OP_ELEMENTWISE] = elementwise_pointers,
    [CNN_OP_REDUCE] = reduce_pointers,
    [CNN_OP_CONCAT] = concat_pointers,
    [CNN_OP_FILL] = fill_pointers,
    [CNN_OP_FOLD] = fold_pointers,
    [CNN_OP_UPDATE] = update_pointers,
    [CNN_OP_RESAMPLE] = resample_pointers,
    [CNN_OP_PERMUTE] = permute_pointers,
    [CNN_OP_PRELU] = prelu_pointers,
    [CNN_OP_CONV3D] = conv3d_pointers,
    [CNN_OP_ADJACENCY] = adjacency_pointers,
    [CNN_OP_CONSTRAIN] = constrain_pointers,
    [CNN_OP_PENALTY] = penalty_pointers,
    [CNN_OP_MAP] = map_pointers,
    [CNN_OP_SAMPLE] = sample_pointers,
};

bool cnn__check_pass(cnn_op op, cnn_pass pass, const void *args) { return checks[op](pass, args); }
