/* SPDX-License-Identifier: MIT */
/* The values of a compiled graph.
 *
 * A program is a list of operations, and between them lie values: what goes in, what each operation makes, what comes
 * out. Everything that can be said of one is written into its record before anything runs:
 *
 *   what it is     shape, element type, the operation that produces it, and its role;
 *   who wants it   whether somebody outside the program reads it after the forward pass, whether its gradient is to be
 *                  computed, and whether somebody outside reads that after the backward pass;
 *   where it lies  its place in the session's memory, and its gradient's.
 *
 * The compiler fills the first two parts, the plan the third; running a program only obeys. There is nothing special
 * about a value's number: inputs come first because they are added first, but which values are inputs, outputs or
 * logits is said by roles and by the program's list of outputs, and a gradient is a matter of who wants it, not of
 * training. The gradient by an image in inference behaviour is computed in the same way as one by the output of a
 * hidden layer in training: its record says that it is wanted.
 *
 * A value that one operation takes over from another, when two become one, loses its producer and its place: nothing
 * reads it any more.
 *
 * Whether a gradient is written or added to what is there depends on who writes, not on the value alone: an
 * operation's record says it for each of its inputs (cnn__op.accumulates). */
#ifndef CNN_SESSION_VALUE_H
#define CNN_SESSION_VALUE_H

#include <cnn/layer.h>

#include "core/context.h"

/* No offset in the session's memory; no operation; no value. */
#define CNN__NOWHERE SIZE_MAX
#define CNN__NO_OP UINT32_MAX
#define CNN__NO_VALUE UINT32_MAX

typedef enum cnn__value_role {
    CNN__VALUE_INNER, /* between operations */
    CNN__VALUE_INPUT, /* of the program: lies where the caller says */
    CNN__VALUE_GONE   /* inside of an operation that does the work of several */
} cnn__value_role;

typedef struct cnn__value {
    cnn_shape shape; /* with the batch */
    cnn_element_type type;
    cnn__value_role role;
    uint32_t producer; /* operation; CNN__NO_OP: none */
    uint32_t input;    /* of CNN__VALUE_INPUT: which of the model's */
    size_t values;     /* in a whole batch */
    uint32_t part;     /* samples that its place holds, inside a stretch (stretch.h); 0: the whole batch */

    bool is_read;            /* some operation reads it */
    bool kept;               /* read from outside after a forward pass, or what gradients begin with */
    bool begins;             /* its gradient begins with what comes from outside: the logits of an output */
    bool has_gradient;       /* its gradient is computed */
    bool keeps_gradient;     /* and read from outside after a backward pass */
    cnn_regularizer penalty; /* of its values, a part of the loss; 0: none */

    size_t place, gradient_place; /* offsets; CNN__NOWHERE: none */
} cnn__value;

/* Bytes of a value in a whole batch, aligned. */
static inline size_t cnn__value_bytes(const cnn__value *value)
{
    return cnn__align_size(value->values * sizeof(float));
}

#endif
