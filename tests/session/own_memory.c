/* SPDX-License-Identifier: MIT */
/* Two stretches of addresses of one size: handles lie in the first, which may not be touched, data in the second. */
#include "session/own_memory.h"

#include <check.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/reference/reference.h"

#define HEAP ((size_t)1 << 32)

static char *handles, *data;
static atomic_size_t next_free, blocks, bytes, allowed = SIZE_MAX;

static void heaps_open(void)
{
    if (handles == NULL) {
        handles = mmap(NULL, HEAP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        data = mmap(NULL, HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ck_assert(handles != MAP_FAILED && data != MAP_FAILED);
    }
}

/* What a handle stands for; the library's own pointers are none. */
static void *there(const void *handle)
{
    if (handle == NULL) {
        return NULL;
    }
    const size_t at = (size_t)((const char *)handle - handles);
    ck_assert_msg(at < HEAP, "an operation was given an address that is no handle");
    return data + at;
}

#define THERE(field) (args.field = there(args.field))

static void *allocate(const cnn_backend *backend, size_t size)
{
    (void)backend;
    if (allowed == 0) {
        return NULL;
    }
    allowed -= allowed != SIZE_MAX;
    const size_t rounded = (size + 127) / 64 * 64, at = atomic_fetch_add(&next_free, rounded);
    ck_assert_uint_le(at + rounded, HEAP);
    memset(data + at, 0xFF, rounded); /* NaN: what is read must have been written */
    blocks++;
    bytes += size;
    return handles + at;
}

static void release(const cnn_backend *backend, void *handle, size_t size)
{
    (void)backend;
    (void)there(handle);
    blocks--;
    bytes -= size;
}

static cnn_status copy_in(const cnn_backend *backend, void *to, const void *from, size_t size)
{
    (void)backend;
    memcpy(there(to), from, size);
    return CNN_OK;
}

static cnn_status copy_out(const cnn_backend *backend, void *to, const void *from, size_t size)
{
    (void)backend;
    memcpy(to, there(from), size);
    return CNN_OK;
}

static cnn_status query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                        cnn_op_answer *answer)
{
    if (op == (cnn_op)(intptr_t)backend->user) {
        return CNN_ERROR_UNSUPPORTED;
    }
    return cnn__backend_reference.query(&cnn__backend_reference, op, args, threads, answer);
}

/* The reference's call. */
static cnn_backend_call call_there(const cnn_backend_call *call)
{
    cnn_backend_call own = *call;
    own.backend = &cnn__backend_reference;
    own.user = NULL;
    own.workspace = there(call->workspace);
    return own;
}

static cnn_status gemm(const cnn_backend_call *call, const cnn_gemm_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_gemm_args args = *given;
    THERE(a), THERE(b), THERE(c);
    return cnn__backend_reference.gemm(&own, &args);
}

static cnn_status conv2d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_conv2d_args args = *given;
    THERE(x), THERE(filters), THERE(bias), THERE(y), THERE(argmax), THERE(prepared), THERE(dy), THERE(dx);
    THERE(d_filters), THERE(d_bias);
    return cnn__backend_reference.conv2d(&own, pass, &args);
}

static cnn_status dense(const cnn_backend_call *call, cnn_pass pass, const cnn_dense_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_dense_args args = *given;
    THERE(x), THERE(weights), THERE(bias), THERE(y), THERE(dy), THERE(dx), THERE(d_weights), THERE(d_bias);
    return cnn__backend_reference.dense(&own, pass, &args);
}

static cnn_status pool2d(const cnn_backend_call *call, cnn_pass pass, const cnn_pool2d_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_pool2d_args args = *given;
    THERE(x), THERE(y), THERE(argmax), THERE(dy), THERE(dx);
    return cnn__backend_reference.pool2d(&own, pass, &args);
}

static cnn_status norm(const cnn_backend_call *call, cnn_pass pass, const cnn_norm_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_norm_args args = *given;
    THERE(x), THERE(gamma), THERE(beta), THERE(y), THERE(argmax), THERE(mean), THERE(variance), THERE(inv_std);
    THERE(moving_mean), THERE(moving_variance), THERE(dy), THERE(dx), THERE(d_gamma), THERE(d_beta);
    return cnn__backend_reference.norm(&own, pass, &args);
}

static cnn_status lrn(const cnn_backend_call *call, cnn_pass pass, const cnn_lrn_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_lrn_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.lrn(&own, pass, &args);
}

static cnn_status activation(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_activation_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.activation(&own, pass, &args);
}

static cnn_status softmax(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_softmax_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.softmax(&own, pass, &args);
}

static cnn_status dropout(const cnn_backend_call *call, const cnn_dropout_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_dropout_args args = *given;
    THERE(x), THERE(y);
    return cnn__backend_reference.dropout(&own, &args);
}

static cnn_status pad2d(const cnn_backend_call *call, cnn_pass pass, const cnn_pad2d_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_pad2d_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.pad2d(&own, pass, &args);
}

static cnn_status resample(const cnn_backend_call *call, cnn_pass pass, const cnn_resample_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_resample_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.resample(&own, pass, &args);
}

static cnn_status permute(const cnn_backend_call *call, cnn_pass pass, const cnn_permute_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_permute_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.permute(&own, pass, &args);
}

static cnn_status prelu(const cnn_backend_call *call, cnn_pass pass, const cnn_prelu_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_prelu_args args = *given;
    THERE(x), THERE(slopes), THERE(dy), THERE(y), THERE(dx), THERE(d_slopes);
    return cnn__backend_reference.prelu(&own, pass, &args);
}

static cnn_status map(const cnn_backend_call *call, const cnn_map_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_map_args args = *given;
    THERE(a), THERE(b), THERE(y);
    return cnn__backend_reference.map(&own, &args);
}

static cnn_status sample(const cnn_backend_call *call, cnn_pass pass, const cnn_sample_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_sample_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.sample(&own, pass, &args);
}

static cnn_status elementwise(const cnn_backend_call *call, const cnn_elementwise_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_elementwise_args args = *given;
    THERE(a), THERE(b), THERE(y);
    return cnn__backend_reference.elementwise(&own, &args);
}

static cnn_status reduce(const cnn_backend_call *call, const cnn_reduce_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_reduce_args args = *given;
    THERE(x), THERE(y);
    return cnn__backend_reference.reduce(&own, &args);
}

static cnn_status concat(const cnn_backend_call *call, cnn_pass pass, const cnn_concat_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_concat_args args = *given;
    float *parts[32];
    for (uint32_t i = 0; i < args.count; i++) {
        parts[i] = there(args.parts[i]);
    }
    args.parts = parts;
    THERE(whole);
    return cnn__backend_reference.concat(&own, pass, &args);
}

static cnn_status fill(const cnn_backend_call *call, const cnn_fill_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_fill_args args = *given;
    THERE(y);
    return cnn__backend_reference.fill(&own, &args);
}

static cnn_status fold(const cnn_backend_call *call, const cnn_fold_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_fold_args args = *given;
    THERE(weights), THERE(bias), THERE(gamma), THERE(beta), THERE(mean), THERE(variance), THERE(folded_weights);
    THERE(folded_bias);
    return cnn__backend_reference.fold(&own, &args);
}

static cnn_status update(const cnn_backend_call *call, const cnn_update_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_update_args args = *given;
    THERE(w), THERE(g), THERE(slot0), THERE(slot1);
    return cnn__backend_reference.update(&own, &args);
}

static cnn_status conv3d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv3d_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_conv3d_args args = *given;
    THERE(x), THERE(filters), THERE(bias), THERE(y), THERE(dy), THERE(dx), THERE(d_filters), THERE(d_bias);
    return cnn__backend_reference.conv3d(&own, pass, &args);
}

static cnn_status adjacency(const cnn_backend_call *call, cnn_pass pass, const cnn_adjacency_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_adjacency_args args = *given;
    THERE(x), THERE(dy), THERE(y), THERE(dx);
    return cnn__backend_reference.adjacency(&own, pass, &args);
}

static cnn_status constrain(const cnn_backend_call *call, const cnn_constrain_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_constrain_args args = *given;
    THERE(w);
    return cnn__backend_reference.constrain(&own, &args);
}

static cnn_status penalty(const cnn_backend_call *call, cnn_pass pass, const cnn_penalty_args *given)
{
    const cnn_backend_call own = call_there(call);
    cnn_penalty_args args = *given;
    THERE(x), THERE(dx);
    return cnn__backend_reference.penalty(&own, pass, &args);
}

cnn_backend own_memory_backend(int refused)
{
    heaps_open();
    return (cnn_backend){.struct_size = sizeof(cnn_backend),
                         .abi = CNN_BACKEND_ABI,
                         .name = "apart",
                         .user = (void *)(intptr_t)refused,
                         .query = query,
                         .gemm = gemm,
                         .conv2d = conv2d,
                         .dense = dense,
                         .pool2d = pool2d,
                         .norm = norm,
                         .lrn = lrn,
                         .activation = activation,
                         .softmax = softmax,
                         .dropout = dropout,
                         .pad2d = pad2d,
                         .resample = resample,
                         .permute = permute,
                         .prelu = prelu,
                         .map = map,
                         .sample = sample,
                         .elementwise = elementwise,
                         .reduce = reduce,
                         .concat = concat,
                         .fill = fill,
                         .fold = fold,
                         .update = update,
                         .constrain = constrain,
                         .penalty = penalty,
                         .allocate = allocate,
                         .release = release,
                         .copy_in = copy_in,
                         .copy_out = copy_out,
                         .conv3d = conv3d,
                         .adjacency = adjacency};
}

size_t own_memory_blocks(void) { return blocks; }
size_t own_memory_bytes(void) { return bytes; }
void own_memory_limit(size_t allocations) { allowed = allocations; }
