/* SPDX-License-Identifier: MIT */
/* Who runs an operation: the table that was chosen, or where it has nothing for a shape, the reference. */
#include "backend/backend.h"
#include "backend/check.h"
#include "backend/reference/reference.h"
#include "core/activation.h"
#include "core/error.h"

static bool has_entry(const cnn_backend *table, cnn_op op)
{
    switch (op) {
    case CNN_OP_GEMM:
        return table->gemm != NULL;
    case CNN_OP_CONV2D:
        return table->conv2d != NULL;
    case CNN_OP_DENSE:
        return table->dense != NULL;
    case CNN_OP_POOL2D:
        return table->pool2d != NULL;
    case CNN_OP_NORM:
        return table->norm != NULL;
    case CNN_OP_LRN:
        return table->lrn != NULL;
    case CNN_OP_ACTIVATION:
        return table->activation != NULL;
    case CNN_OP_SOFTMAX:
        return table->softmax != NULL;
    case CNN_OP_DROPOUT:
        return table->dropout != NULL;
    case CNN_OP_PAD2D:
        return table->pad2d != NULL;
    case CNN_OP_ELEMENTWISE:
        return table->elementwise != NULL;
    case CNN_OP_REDUCE:
        return table->reduce != NULL;
    case CNN_OP_CONCAT:
        return table->concat != NULL;
    case CNN_OP_FILL:
        return table->fill != NULL;
    case CNN_OP_FOLD:
        return table->fold != NULL;
    case CNN_OP_UPDATE:
        return table->update != NULL;
    case CNN_OP_RESAMPLE:
        return table->resample != NULL;
    case CNN_OP_PERMUTE:
        return table->permute != NULL;
    case CNN_OP_PRELU:
        return table->prelu != NULL;
    case CNN_OP_CONV3D:
        return table->conv3d != NULL;
    case CNN_OP_ADJACENCY:
        return table->adjacency != NULL;
    case CNN_OP_CONSTRAIN:
        return table->constrain != NULL;
    case CNN_OP_PENALTY:
        return table->penalty != NULL;
    case CNN_OP_MAP:
        return table->map != NULL;
    case CNN_OP_SAMPLE:
        return table->sample != NULL;
    }
    return false;
}

/* The epilogue among the arguments, so that a table without `query` is never given a pooling; NULL where the operation
 * has none. */
static const cnn_epilogue *epilogue_of(cnn_op op, const void *args)
{
    switch (op) {
    case CNN_OP_CONV2D:
        return &((const cnn_conv2d_args *)args)->shape.epilogue;
    case CNN_OP_DENSE:
        return &((const cnn_dense_args *)args)->shape.epilogue;
    case CNN_OP_POOL2D:
        return &((const cnn_pool2d_args *)args)->shape.epilogue;
    case CNN_OP_NORM:
        return &((const cnn_norm_args *)args)->shape.epilogue;
    case CNN_OP_ELEMENTWISE:
        return &((const cnn_elementwise_args *)args)->epilogue;
    case CNN_OP_CONV3D:
        return &((const cnn_conv3d_args *)args)->shape.epilogue;
    default:
        return NULL;
    }
}

/* The answer among the arguments, so that what was decided by the question is not decided again; NULL where there is
 * none, or the operation is not one that a session asks about. */
static const cnn_op_answer *answer_of(cnn_op op, const void *args)
{
    switch (op) {
    case CNN_OP_CONV2D:
        return ((const cnn_conv2d_args *)args)->answer;
    case CNN_OP_DENSE:
        return ((const cnn_dense_args *)args)->answer;
    case CNN_OP_POOL2D:
        return ((const cnn_pool2d_args *)args)->answer;
    case CNN_OP_NORM:
        return ((const cnn_norm_args *)args)->answer;
    case CNN_OP_LRN:
        return ((const cnn_lrn_args *)args)->answer;
    case CNN_OP_PRELU:
        return ((const cnn_prelu_args *)args)->answer;
    case CNN_OP_CONV3D:
        return ((const cnn_conv3d_args *)args)->answer;
    default:
        return NULL;
    }
}

static cnn_status ask(const cnn_backend *table, cnn_op op, const void *args, uint32_t threads, cnn_op_answer *answer)
{
    const cnn_epilogue *epilogue = epilogue_of(op, args);
    *answer = (cnn_op_answer){.struct_size = sizeof(*answer), .backend = table};
    if (!has_entry(table, op)) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (table->query == NULL) {
        answer->activations = ~0u;
        return epilogue == NULL || epilogue->pool == 0 ? CNN_OK : CNN_ERROR_UNSUPPORTED;
    }
    return table->query(table, op, args, threads, answer);
}

/* For arguments that have been checked. */
static cnn_status resolve(const cnn_backend *chosen, cnn_op op, const void *args, uint32_t threads,
                          cnn_op_answer *answer)
{
    cnn_status status = ask(chosen, op, args, threads, answer);
    if (status != CNN_ERROR_UNSUPPORTED || cnn__backend_owns_memory(chosen)) {
        return status;
    }
    return ask(&cnn__backend_reference, op, args, threads, answer);
}

cnn_status cnn_backend_query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                             cnn_op_answer *answer)
{
    if (backend == NULL || answer == NULL || threads == 0 || !cnn__check_args(op, args)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    return resolve(backend, op, args, threads, answer);
}

static cnn_status run(const cnn_backend *table, const cnn_backend_call *call, cnn_op op, cnn_pass pass,
                      const void *args)
{
    switch (op) {
    case CNN_OP_GEMM:
        return table->gemm(call, args);
    case CNN_OP_CONV2D:
        return table->conv2d(call, pass, args);
    case CNN_OP_DENSE:
        return table->dense(call, pass, args);
    case CNN_OP_POOL2D:
        return table->pool2d(call, pass, args);
    case CNN_OP_NORM:
        return table->norm(call, pass, args);
    case CNN_OP_LRN:
        return table->lrn(call, pass, args);
    case CNN_OP_ACTIVATION:
        return table->activation(call, pass, args);
    case CNN_OP_SOFTMAX:
        return table->softmax(call, pass, args);
    case CNN_OP_DROPOUT:
        return table->dropout(call, args);
    case CNN_OP_PAD2D:
        return table->pad2d(call, pass, args);
    case CNN_OP_ELEMENTWISE:
        return table->elementwise(call, args);
    case CNN_OP_REDUCE:
        return table->reduce(call, args);
    case CNN_OP_CONCAT:
        return table->concat(call, pass, args);
    case CNN_OP_FILL:
        return table->fill(call, args);
    case CNN_OP_FOLD:
        return table->fold(call, args);
    case CNN_OP_UPDATE:
        return table->update(call, args);
    case CNN_OP_RESAMPLE:
        return table->resample(call, pass, args);
    case CNN_OP_PERMUTE:
        return table->permute(call, pass, args);
    case CNN_OP_PRELU:
        return table->prelu(call, pass, args);
    case CNN_OP_CONV3D:
        return table->conv3d(call, pass, args);
    case CNN_OP_ADJACENCY:
        return table->adjacency(call, pass, args);
    case CNN_OP_CONSTRAIN:
        return table->constrain(call, args);
    case CNN_OP_PENALTY:
        return table->penalty(call, pass, args);
    case CNN_OP_MAP:
        return table->map(call, args);
    case CNN_OP_SAMPLE:
        return table->sample(call, pass, args);
    }
    return CNN_ERROR_INVALID_ARGUMENT;
}

cnn_status cnn_backend_run(const cnn_backend_call *call, cnn_op op, cnn_pass pass, const void *args)
{
    if (call == NULL || !cnn__check_args(op, args) || !cnn__check_pass(op, pass, args)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const cnn_epilogue *epilogue = epilogue_of(op, args);
    const bool backward = pass == CNN_PASS_BACKWARD || pass == CNN_PASS_BACKWARD_DATA ||
                          pass == CNN_PASS_BACKWARD_FILTER;
    if (backward && epilogue != NULL && cnn__activation_reads_input(epilogue->activation)) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const cnn_op_answer *known = answer_of(op, args);
    const cnn_backend *table = known != NULL ? known->backend : NULL;
    if (table == NULL) {
        cnn_op_answer answer;
        CNN__RETURN_IF_ERROR(resolve(call->backend, op, args, call->threads, &answer));
        table = answer.backend;
    }
    cnn_backend_call own = *call;
    own.user = table->user;
    return run(table, &own, op, pass, args);
}
