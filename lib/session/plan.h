/* SPDX-License-Identifier: MIT */
/* The memory plan of a program: where each value, gradient and saved state lies in one block.
 *
 * A session allocates once, when it is created; no pass allocates anything. What it allocates is less than the sum of
 * its arrays, as most of them are needed for a short time only.
 *
 * Time runs through the forward ops 0 to n - 1, the loss at n, and the backward ops: op k runs backward at 2 n - k.
 * From the program the plan finds when each thing is needed: a value from its producer to its last reader, or to the
 * backward of whoever needs it again there, or to the end if somebody outside reads it; a gradient from its first
 * writer going backward to its producer's backward. What is needed at the same time lies apart; everything else shares.
 * An operation that can work in place has its output where its input lies if nobody reads that afterwards, and the
 * gradients likewise.
 *
 * The workspace, which is as large as the hungriest operation's, is one for all and lies in the same block.
 *
 * A gradient that several operations write is written by the first of them going backward and added to by the others,
 * by way of temporaries after the workspace; so are the gradients of parameters that several operations have. The plan
 * notes in each operation which of its gradients are added, so that running asks nothing. */
#ifndef CNN_SESSION_PLAN_H
#define CNN_SESSION_PLAN_H

#include "session/program.h"

typedef struct cnn__plan {
    size_t workspace; /* offset; it is a layer's scratch, and after it lie temporary gradients */
    size_t workspace_size;
    size_t size; /* of the whole block in bytes */
} cnn__plan;

/* Writes places into the program's values and operations. */
cnn_status cnn__plan_create(const cnn_model *model, cnn__program *program, cnn__plan *plan);

#endif
