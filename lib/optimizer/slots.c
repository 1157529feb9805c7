/* SPDX-License-Identifier: MIT */
/* The slots of an optimizer: memory for the parameters that it trains. Those that are frozen have none until they are
 * trained. */
#include <string.h>

#include "backend/backend.h"
#include "core/error.h"
#include "core/memory.h"
#include "optimizer/optimizer.h"

/* Values of a parameter that go from one place to another. */
typedef struct move {
    size_t from, to, values;
} move;

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

static bool is_apart(const cnn_optimizer *optimizer) { return cnn__backend_owns_memory(&optimizer->context->backend); }

static size_t slot_bytes(const cnn_optimizer *optimizer)
{
    return optimizer->stride * optimizer->slots * sizeof(float);
}

static void release_memory(cnn_optimizer *optimizer)
{
    cnn__backend_free(optimizer->context, optimizer->memory, slot_bytes(optimizer));
    if (is_apart(optimizer)) {
        cnn__free(optimizer->context, optimizer->host);
    }
    optimizer->memory = optimizer->host = NULL;
}

void cnn__optimizer_release(cnn_optimizer *optimizer)
{
    release_memory(optimizer);
    cnn__backend_free(optimizer->context, optimizer->scratch, optimizer->scratch_size);
    optimizer->scratch = NULL;
    optimizer->scratch_size = 0;
    cnn__free(optimizer->context, optimizer->offsets);
    cnn__free(optimizer->context, optimizer->held);
    optimizer->offsets = optimizer->held = NULL;
    optimizer->parameters = 0;
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

/* Fills the slots, on this side, with what they begin with; `optimizer` is complete but for that. */
static void fill_slots(const cnn_optimizer *optimizer)
{
    for (uint32_t slot = 0; slot < optimizer->slots; slot++) {
        for (size_t i = 0; i < optimizer->stride; i++) {
            optimizer->host[slot * optimizer->stride + i] = optimizer->initial[slot];
        }
    }
}

/* Memory for slots of `values` values each in place of what there is, which stays where it was on a failure. `moves`
 * are the places that keep what they hold; the rest is what slots begin with. */
static cnn_status replace_slots(cnn_optimizer *optimizer, size_t values, const move *moves, size_t move_count)
{
    cnn_optimizer grown = *optimizer;
    CNN__RETURN_IF_ERROR(slots_allocate(&grown, values, &grown.memory, &grown.stride));
    grown.host = is_apart(optimizer) ? cnn__alloc_array(optimizer->context, grown.stride * grown.slots, sizeof(float))
                                     : grown.memory;
    cnn_status status = grown.host != NULL ? CNN_OK : cnn__last_status(optimizer->context);
    grown.values = values;
    if (status == CNN_OK && move_count > 0) {
        status = cnn__optimizer_take_slots(optimizer);
    }
    if (status == CNN_OK) {
        fill_slots(&grown);
        for (uint32_t slot = 0; slot < grown.slots; slot++) {
            for (size_t i = 0; i < move_count; i++) {
                memcpy(grown.host + slot * grown.stride + moves[i].to,
                       optimizer->host + slot * optimizer->stride + moves[i].from, moves[i].values * sizeof(float));
            }
        }
        status = cnn__optimizer_put_slots(&grown);
    }
    if (status != CNN_OK) {
        release_memory(&grown);
        return status;
    }
    release_memory(optimizer);
    *optimizer = grown;
    return CNN_OK;
}

cnn_status cnn__optimizer_reserve(cnn_optimizer *optimizer, size_t values)
{
    if (optimizer->memory != NULL && optimizer->values == values) {
        return CNN_OK;
    }
    if (optimizer->memory != NULL && optimizer->steps > 0) {
        return cnn__fail(
            optimizer->context, CNN_ERROR_MISMATCH, "%s: holds slots for %zu values after %llu steps; found %zu values",
            cnn_optimizer_name(optimizer), optimizer->values, (unsigned long long)optimizer->steps, values);
    }
    return replace_slots(optimizer, values, NULL, 0);
}

/* ---- places of parameters ---- */

/* Notes which items have no place yet; whether all have one. */
static bool is_placed(const cnn_optimizer *optimizer, cnn__update_item *items, size_t count)
{
    const bool any = optimizer->offsets != NULL && optimizer->memory != NULL;
    bool placed = any;
    for (size_t i = 0; i < count; i++) {
        items[i].placed_now = !any || optimizer->offsets[items[i].parameter] == CNN__NO_SLOT;
        placed = placed && !items[i].placed_now;
    }
    return placed;
}

/* New places for those that have one and for the items; the number of values of a slot, SIZE_MAX: too many. */
static size_t list_places(const cnn_optimizer *optimizer, const cnn__update_item *items, size_t count,
                          size_t parameters, size_t *offsets, size_t *held)
{
    size_t values = 0;
    for (size_t i = 0; i < parameters; i++) {
        held[i] = optimizer->offsets != NULL ? optimizer->held[i] : 0;
    }
    for (size_t i = 0; i < count; i++) {
        held[items[i].parameter] = items[i].n;
    }
    for (size_t i = 0; i < parameters; i++) {
        offsets[i] = held[i] > 0 ? values : CNN__NO_SLOT;
        if (!cnn__add_size(values, held[i], &values) || !cnn__add_size(values, STRIDE_VALUES - 1, &values)) {
            return SIZE_MAX;
        }
        values = values / STRIDE_VALUES * STRIDE_VALUES;
    }
    return values;
}

static size_t list_moves(const cnn_optimizer *optimizer, size_t parameters, const size_t *offsets, move *moves)
{
    size_t count = 0;
    for (size_t i = 0; i < parameters && optimizer->offsets != NULL && optimizer->memory != NULL; i++) {
        if (optimizer->offsets[i] != CNN__NO_SLOT) {
            moves[count++] = (move){optimizer->offsets[i], offsets[i], optimizer->held[i]};
        }
    }
    return count;
}

/* Makes room for items that have none. */
static cnn_status add_places(cnn_optimizer *optimizer, const cnn__update_item *items, size_t count, size_t parameters)
{
    cnn_context *context = optimizer->context;
    size_t *offsets = cnn__alloc_array(context, parameters + 1, sizeof(*offsets));
    size_t *held = cnn__alloc_array(context, parameters + 1, sizeof(*held));
    move *moves = cnn__alloc_array(context, parameters + 1, sizeof(*moves));
    cnn_status status = offsets != NULL && held != NULL && moves != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        const size_t values = list_places(optimizer, items, count, parameters, offsets, held);
        status = replace_slots(optimizer, values, moves, list_moves(optimizer, parameters, offsets, moves));
    }
    cnn__free(context, moves);
    if (status == CNN_OK) {
        cnn__free(context, optimizer->offsets);
        cnn__free(context, optimizer->held);
        optimizer->offsets = offsets;
        optimizer->held = held;
        optimizer->parameters = parameters;
    } else {
        cnn__free(context, offsets);
        cnn__free(context, held);
    }
    return status;
}

cnn_status cnn__optimizer_place(cnn_optimizer *optimizer, cnn__update_item *items, size_t count, size_t parameters)
{
    if (optimizer->offsets != NULL && optimizer->parameters != parameters) {
        return cnn__fail(optimizer->context, CNN_ERROR_MISMATCH, "%s: holds slots for %zu parameters; found %zu",
                         cnn_optimizer_name(optimizer), optimizer->parameters, parameters);
    }
    if (!is_placed(optimizer, items, count)) {
        CNN__RETURN_IF_ERROR(add_places(optimizer, items, count, parameters));
    }
    for (size_t i = 0; i < count; i++) {
        items[i].offset = optimizer->offsets[items[i].parameter];
    }
    return CNN_OK;
}

size_t cnn__optimizer_parameters(const cnn_optimizer *optimizer) { return optimizer->parameters; }

size_t cnn__optimizer_offset(const cnn_optimizer *optimizer, size_t parameter)
{
    return parameter < optimizer->parameters ? optimizer->offsets[parameter] : CNN__NO_SLOT;
}

void cnn__optimizer_restart_slots(cnn_optimizer *optimizer) { fill_slots(optimizer); }
