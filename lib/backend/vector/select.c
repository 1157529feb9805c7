/* SPDX-License-Identifier: MIT */
/* The kernels for an instruction set, and the backend that they make. */
#include "backend/reference/reference.h"
#include "backend/vector/vector.h"

const cnn__vector_kernels *cnn__vector_select(cnn__cpu_level level, bool strict)
{
    switch (level) {
#if defined(__x86_64__) || defined(__i386__)
    case CNN__CPU_AVX512:
        return strict ? &cnn__vector_strict_avx512 : &cnn__vector_avx512;
    case CNN__CPU_AVX2:
        return strict ? &cnn__vector_strict_avx2 : &cnn__vector_avx2;
#endif
    default:
        return strict ? &cnn__vector_strict_baseline : &cnn__vector_baseline;
    }
}

static cnn_status query_dense(const cnn__vector_kernels *kernels, const cnn_dense_shape *shape, uint32_t threads,
                              cnn_op_answer *answer)
{
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
        answer->workspace[pass] = kernels->dense_workspace(shape, (cnn_pass)pass, threads);
    }
    return CNN_OK;
}

/* Unlike the drivers, with pooling in the same passes. */
static cnn_status query_norm(const cnn__vector_kernels *kernels, const cnn_norm_shape *shape, cnn_op_answer *answer)
{
    answer->workspace[CNN_PASS_FORWARD] = answer->workspace[CNN_PASS_BACKWARD] = shape->epilogue.pool != 0
                                                                                     ? kernels->norm_pool_workspace(
                                                                                           shape)
                                                                                     : cnn__norm_workspace(shape);
    answer->pools = 1u << 2;
    return shape->epilogue.pool == 0 || cnn__norm_derives(shape->epilogue.activation) ? CNN_OK : CNN_ERROR_UNSUPPORTED;
}

static cnn_status query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                        cnn_op_answer *answer)
{
    const cnn__vector_kernels *kernels = backend->user;
    const cnn_status plain = cnn__driver_query(op, args, threads, answer);
    if (op == CNN_OP_NORM) {
        return query_norm(kernels, &((const cnn_norm_args *)args)->shape, answer);
    }
    if (op == CNN_OP_CONV2D) {
        return cnn__vector_conv2d_query(kernels, &((const cnn_conv2d_args *)args)->shape, threads, answer);
    }
    return op == CNN_OP_DENSE && plain == CNN_OK
               ? query_dense(kernels, &((const cnn_dense_args *)args)->shape, threads, answer)
               : plain;
}

void cnn__vector_fill_with(const cnn__vector_kernels *kernels, cnn_backend *backend)
{
    *backend = kernels->entries;
    backend->struct_size = sizeof(*backend);
    backend->abi = CNN_BACKEND_ABI;
    backend->name = "vector";
    backend->user = (void *)kernels;
    backend->query = query;
    backend->conv2d = cnn__vector_conv2d;
    backend->pad2d = cnn__pad2d;
    backend->resample = cnn__resample2d;
    backend->permute = cnn__permute_axes;
    backend->prelu = cnn__prelu;
    backend->map = cnn__map;
    backend->sample = cnn__sample_axis;
    backend->concat = cnn__concat;
    backend->fill = cnn__fill;
    backend->fold = cnn__fold;
    backend->adjacency = cnn__adjacency;
    backend->constrain = cnn__constrain;
    backend->penalty = cnn__penalty;
}

void cnn__vector_fill(cnn__cpu_level level, bool strict, cnn_backend *backend)
{
    cnn__vector_fill_with(cnn__vector_select(level, strict), backend);
}
