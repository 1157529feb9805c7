/* SPDX-License-Identifier: MIT */
#include "optimizer/steps.h"

#include <check.h>
#include <math.h>
#include <string.h>

test_allocator memory;
cnn_context *context;
cnn_backend_call call;

/* The entries that vectors serve take arrays aligned as a model's are. */
_Alignas(64) float weights[SLOT_VALUES];
_Alignas(64) float gradients[SLOT_VALUES];

static const cnn__update_item items[] = {
    {.n = FIRST, .w = weights, .g = gradients, .decay_kernel = true, .factor = 1, .weight_decay = NAN, .offset = 0},
    {.n = VALUES - FIRST,
     .w = weights + OFFSET,
     .g = gradients + OFFSET,
     .factor = 1,
     .weight_decay = NAN,
     .offset = OFFSET},
};

void allow(size_t blocks)
{
    memory.fail_at = memory.calls + blocks + 1;
    memory.persistent = true;
}

void allow_all(void) { memory.fail_at = 0; }

void open_context(const char *backend)
{
    memory = (test_allocator){0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    const cnn_context_options *options = CNN_CONTEXT(.threads = 1, .backend = backend, .allocator = &allocator);
    ck_assert_int_eq(cnn_context_create(options, &context), CNN_OK);
    cnn__backend_call_init(&call, context, 0, NULL, 0);
}

void open_reference(void) { open_context("reference"); }

void close_context(void)
{
    allow_all();
    cnn_context_free(context);
    ck_assert_uint_eq(memory.blocks, 0);
    ck_assert_uint_eq(memory.wrong_releases, 0);
}

void place(float *values, const float *from)
{
    memcpy(values, from, FIRST * sizeof(float));
    memcpy(values + OFFSET, from + FIRST, (VALUES - FIRST) * sizeof(float));
}

float at(const float *values, size_t i) { return i < FIRST ? values[i] : values[OFFSET + i - FIRST]; }

cnn_status step(cnn_optimizer *optimizer)
{
    return cnn__optimizer_update(optimizer, &call, items, COUNT(items), SLOT_VALUES);
}
