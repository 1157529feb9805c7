/* SPDX-License-Identifier: MIT */
/* One step of any optimizer: the norm to clip by, and the update of each parameter. */
#include <math.h>

#include "backend/backend.h"
#include "core/error.h"
#include "core/memory.h"
#include "optimizer/optimizer.h"

/* Room for what the rule makes of one parameter on the way, the largest of these. */
static cnn_status reserve_scratch(cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *items,
                                  size_t count)
{
    size_t size = 0;
    for (size_t i = 0; optimizer->kind->scratch != NULL && i < count; i++) {
        const size_t own = items[i].n > 0 ? optimizer->kind->scratch(optimizer, call, &items[i]) : 0;
        size = own > size ? own : size;
    }
    if (size <= optimizer->scratch_size) {
        return CNN_OK;
    }
    void *memory = size < SIZE_MAX ? cnn__backend_alloc(optimizer->context, size) : NULL;
    if (memory == NULL) {
        return size < SIZE_MAX ? cnn__last_status(optimizer->context)
                               : cnn__fail(optimizer->context, CNN_ERROR_LIMIT,
                                           "%s: a parameter's update fits in no memory",
                                           cnn_optimizer_name(optimizer));
    }
    cnn__backend_free(optimizer->context, optimizer->scratch, optimizer->scratch_size);
    optimizer->scratch = memory;
    optimizer->scratch_size = size;
    return CNN_OK;
}

static cnn_status backend_failed(const cnn_optimizer *optimizer, const cnn_backend_call *call, cnn_status status)
{
    return cnn__fail(optimizer->context, CNN_ERROR_BACKEND, "%s: step %llu: backend %s: %s",
                     cnn_optimizer_name(optimizer), (unsigned long long)optimizer->steps + 1, call->backend->name,
                     cnn_status_string(status));
}

cnn_status cnn__sum_squares(const cnn_backend_call *call, const float *x, size_t n, double *sum)
{
    const cnn_reduce_args args = {.struct_size = sizeof(args),
                                  .kind = CNN_REDUCE_SUM_SQUARES,
                                  .outer = 1,
                                  .inner = 1,
                                  .c = (int64_t)n,
                                  .x = x,
                                  .result = sum};
    *sum = 0;
    return n > 0 ? cnn_backend_run(call, CNN_OP_REDUCE, CNN_PASS_FORWARD, &args) : CNN_OK;
}

/* What the gradient is multiplied by so that its norm over all items is at most clip_norm. */
static cnn_status clip_scale(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                             const cnn__update_item *items, size_t count, float *scale)
{
    double total = 0;
    *scale = 1;
    if (optimizer->clip_norm == 0) {
        return CNN_OK;
    }
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        cnn_status status = cnn__sum_squares(call, items[i].g, items[i].n, &sum);
        if (status != CNN_OK) {
            return backend_failed(optimizer, call, status);
        }
        total += sum;
    }
    if (!isfinite(total)) {
        return cnn__fail(optimizer->context, CNN_ERROR_NUMERIC, "%s: step %llu: the gradient's norm is %g",
                         cnn_optimizer_name(optimizer), (unsigned long long)optimizer->steps + 1, sqrt(total));
    }
    double norm = sqrt(total);
    if (norm > optimizer->clip_norm) {
        *scale = (float)(optimizer->clip_norm / norm);
    }
    return CNN_OK;
}

/* The weight decay of a parameter: its group's, or the optimizer's. */
static float item_decay(const cnn_optimizer *optimizer, const cnn__update_item *item)
{
    const bool decays = !optimizer->decay_kernels_only || item->decay_kernel;
    return !isnan(item->weight_decay) ? item->weight_decay : decays ? optimizer->args.weight_decay : 0;
}

static cnn_status update_item(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                              const cnn__update_item *item, cnn_update_args *args)
{
    float *slots[CNN__OPTIMIZER_MAX_SLOTS] = {NULL};
    for (uint32_t i = 0; i < cnn__optimizer_rule_slots(optimizer); i++) {
        slots[i] = optimizer->memory + i * optimizer->stride + item->offset;
    }
    args->n = item->n;
    args->w = item->w;
    args->g = item->g;
    args->slot0 = slots[0];
    args->slot1 = slots[1];
    args->learning_rate = optimizer->args.learning_rate * item->factor;
    args->weight_decay = item_decay(optimizer, item);
    cnn_status status = optimizer->kind->update != NULL
                            ? optimizer->kind->update(optimizer, call, step, item, args, slots)
                            : cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, args);
    if (status == CNN_OK || optimizer->kind->name == NULL) {
        return status;
    }
    return backend_failed(optimizer, call, status);
}

cnn_status cnn__optimizer_update(cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *items,
                                 size_t count, size_t values)
{
    cnn_update_args args = optimizer->args;
    /* A counter from a file may be anything; step 0 would divide by zero. */
    const uint64_t step = optimizer->steps < UINT64_MAX ? optimizer->steps + 1 : UINT64_MAX;
    CNN__RETURN_IF_ERROR(cnn__optimizer_reserve(optimizer, values));
    CNN__RETURN_IF_ERROR(reserve_scratch(optimizer, call, items, count));
    CNN__RETURN_IF_ERROR(clip_scale(optimizer, call, items, count, &args.gradient_scale));
    if (optimizer->kind->prepare != NULL) {
        optimizer->kind->prepare(optimizer, step, &args);
    }
    CNN__RETURN_IF_ERROR(cnn__lookahead_begin(optimizer, call, items, count));
    for (size_t i = 0; i < count; i++) {
        if (items[i].n > 0) {
            CNN__RETURN_IF_ERROR(update_item(optimizer, call, step, &items[i], &args));
        }
    }
    CNN__RETURN_IF_ERROR(cnn__lookahead_end(optimizer, call, step, items, count));
    optimizer->steps = step;
    return CNN_OK;
}

cnn_status cnn__optimizer_decay_penalty(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                        const cnn__update_item *items, size_t count, double *penalty)
{
    *penalty = 0;
    for (size_t i = 0; i < count; i++) {
        const double decay = (double)item_decay(optimizer, &items[i]);
        double sum = 0;
        cnn_status status = decay != 0 ? cnn__sum_squares(call, items[i].w, items[i].n, &sum) : CNN_OK;
        if (status != CNN_OK) {
            return backend_failed(optimizer, call, status);
        }
        *penalty += decay / 2 * sum;
    }
    return CNN_OK;
}
