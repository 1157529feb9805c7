/* SPDX-License-Identifier: MIT */
/* One step of any rule: slots, the norm to clip by, and the update of each parameter. */
#include <math.h>

#include "backend/backend.h"
#include "core/error.h"
#include "core/memory.h"
#include "optimizer/optimizer.h"

/* Slots begin aligned: their stride is a multiple of this many floats. */
#define STRIDE_VALUES (CNN__ALIGNMENT / sizeof(float))

static cnn_status slots_allocate(cnn_optimizer *optimizer, size_t values, float **memory, size_t *stride)
{
    size_t total;
    if (!cnn__add_size(values, STRIDE_VALUES - 1, stride) ||
        !cnn__mul_size(*stride / STRIDE_VALUES * STRIDE_VALUES, optimizer->slots, &total)) {
        return cnn__fail(optimizer->context, CNN_ERROR_LIMIT, "%s: %u slots of %zu values fit in no memory",
                         cnn_optimizer_name(optimizer), optimizer->slots, values);
    }
    *stride = *stride / STRIDE_VALUES * STRIDE_VALUES;
    if (!cnn__mul_size(total, sizeof(float), &total)) {
        return cnn__fail(optimizer->context, CNN_ERROR_LIMIT, "%s: %u slots of %zu values fit in no memory",
                         cnn_optimizer_name(optimizer), optimizer->slots, values);
    }
    *memory = cnn__backend_alloc(optimizer->context, total);
    return *memory != NULL ? CNN_OK : cnn__last_status(optimizer->context);
}

/* Room for what the rule makes of one parameter on the way, the largest of these. */
static cnn_status reserve_scratch(cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *items,
                                  size_t count)
{
    size_t size = 0;
    for (size_t i = 0; optimizer->rule->scratch != NULL && i < count; i++) {
        const size_t own = items[i].n > 0 ? optimizer->rule->scratch(optimizer, call, &items[i]) : 0;
        size = own > size ? own : size;
    }
    if (size <= optimizer->scratch_size) {
        return CNN_OK;
    }
    void *memory = size < SIZE_MAX ? cnn__backend_alloc(optimizer->context, size) : NULL;
    if (memory == NULL) {
        return size < SIZE_MAX ? cnn__last_status(optimizer->context)
                               : cnn__fail(optimizer->context, CNN_ERROR_LIMIT,
                                           "%s: a parameter's update fits in no "
                                           "memory",
                                           cnn_optimizer_name(optimizer));
    }
    cnn__backend_free(optimizer->context, optimizer->scratch, optimizer->scratch_size);
    optimizer->scratch = memory;
    optimizer->scratch_size = size;
    return CNN_OK;
}

static bool is_apart(const cnn_optimizer *optimizer) { return cnn__backend_owns_memory(&optimizer->context->backend); }

static size_t slot_bytes(const cnn_optimizer *optimizer)
{
    return optimizer->stride * optimizer->slots * sizeof(float);
}

void cnn__optimizer_release(cnn_optimizer *optimizer)
{
    cnn__backend_free(optimizer->context, optimizer->memory, slot_bytes(optimizer));
    if (is_apart(optimizer)) {
        cnn__free(optimizer->context, optimizer->host);
    }
    cnn__backend_free(optimizer->context, optimizer->scratch, optimizer->scratch_size);
    optimizer->memory = optimizer->host = NULL;
    optimizer->scratch = NULL;
    optimizer->scratch_size = 0;
}

cnn_status cnn__optimizer_take_slots(const cnn_optimizer *optimizer)
{
    return optimizer->memory != NULL && is_apart(optimizer)
               ? cnn__backend_copy_out(optimizer->context, optimizer->host, optimizer->memory, slot_bytes(optimizer))
               : CNN_OK;
}

cnn_status cnn__optimizer_put_slots(const cnn_optimizer *optimizer)
{
    return optimizer->memory != NULL && is_apart(optimizer)
               ? cnn__backend_copy_in(optimizer->context, optimizer->memory, optimizer->host, slot_bytes(optimizer))
               : CNN_OK;
}

/* Fills the slots with what they begin with; `optimizer` is complete but for that. */
static cnn_status slots_begin(const cnn_optimizer *optimizer)
{
    for (uint32_t slot = 0; slot < optimizer->slots; slot++) {
        for (size_t i = 0; i < optimizer->stride; i++) {
            optimizer->host[slot * optimizer->stride + i] = optimizer->initial[slot];
        }
    }
    return cnn__optimizer_put_slots(optimizer);
}

cnn_status cnn__optimizer_reserve(cnn_optimizer *optimizer, size_t values)
{
    float *memory;
    size_t stride;
    if (optimizer->memory != NULL && optimizer->values == values) {
        return CNN_OK;
    }
    if (optimizer->memory != NULL && optimizer->steps > 0) {
        return cnn__fail(
            optimizer->context, CNN_ERROR_MISMATCH, "%s: holds slots for %zu values after %llu steps; found %zu values",
            cnn_optimizer_name(optimizer), optimizer->values, (unsigned long long)optimizer->steps, values);
    }
    CNN__RETURN_IF_ERROR(slots_allocate(optimizer, values, &memory, &stride));
    float *host = is_apart(optimizer) ? cnn__alloc_array(optimizer->context, stride * optimizer->slots, sizeof(float))
                                      : memory;
    if (host == NULL) {
        cnn__backend_free(optimizer->context, memory, stride * optimizer->slots * sizeof(float));
        return cnn__last_status(optimizer->context);
    }
    cnn__optimizer_release(optimizer);
    optimizer->memory = memory;
    optimizer->host = host;
    optimizer->stride = stride;
    optimizer->values = values;
    return slots_begin(optimizer);
}

static cnn_status backend_failed(const cnn_optimizer *optimizer, const cnn_backend_call *call, cnn_status status)
{
    return cnn__fail(optimizer->context, CNN_ERROR_BACKEND, "%s: step %llu: backend %s: %s",
                     cnn_optimizer_name(optimizer), (unsigned long long)optimizer->steps + 1, call->backend->name,
                     cnn_status_string(status));
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
        const cnn_reduce_args args = {.struct_size = sizeof(args),
                                      .kind = CNN_REDUCE_SUM_SQUARES,
                                      .outer = 1,
                                      .inner = 1,
                                      .c = (int64_t)items[i].n,
                                      .x = items[i].g,
                                      .result = &sum};
        cnn_status status = items[i].n > 0 ? cnn_backend_run(call, CNN_OP_REDUCE, CNN_PASS_FORWARD, &args) : CNN_OK;
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
    args->weight_decay = !isnan(item->weight_decay)                             ? item->weight_decay
                         : !optimizer->decay_kernels_only || item->decay_kernel ? optimizer->args.weight_decay
                                                                                : 0;
    cnn_status status = optimizer->rule->update != NULL
                            ? optimizer->rule->update(optimizer, call, step, item, args, slots)
                            : cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, args);
    if (status == CNN_OK || optimizer->rule->name == NULL) {
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
    if (optimizer->rule->prepare != NULL) {
        optimizer->rule->prepare(optimizer, step, &args);
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
