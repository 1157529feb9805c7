/* SPDX-License-Identifier: MIT */
/* The memory plan of a program: where each value, gradient and saved state lies in one block.
 *
 * Time runs through the forward ops 0 to n - 1, the loss at n, and the backward ops: op k runs backward at 2 n - k.
 * What is alive at the same time lies apart; everything else shares. */
#ifndef CNN_SESSION_PLAN_H
#define CNN_SESSION_PLAN_H

#include "session/program.h"

#define CNN__NOWHERE SIZE_MAX

typedef struct cnn__plan {
    size_t *values;          /* value -> offset of its data in bytes; CNN__NOWHERE for the input */
    size_t *gradients;       /* value -> offset of its gradient; CNN__NOWHERE where none is needed */
    uint32_t *last_gradient; /* value -> the last op that writes to its gradient */
    size_t *saved;           /* op -> offset of what it keeps for backward; CNN__NOWHERE if nothing */
    size_t workspace;        /* offset; behind it lie a layer's scratch and then temporary input gradients */
    size_t workspace_size;
    size_t size; /* of the whole block in bytes */
} cnn__plan;

cnn_status cnn__plan_create(const cnn_model *model, const cnn__program *program, cnn__plan *plan);
void cnn__plan_free(cnn_context *context, cnn__plan *plan);

/* Whether the input gradient `k` of an op is written to a temporary and added: when a later op has already
 * written to it. `op` is the op's index; `last_gradient` that of the last op that writes to a value's gradient. */
bool cnn__plan_accumulates(const cnn__program *program, const uint32_t *last_gradient, uint32_t op, uint32_t k);

#endif
