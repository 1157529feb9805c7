/* SPDX-License-Identifier: MIT */
/* What the parts of the machine share: pickle.c has the instructions, pickle_stack.c what they work on, pickle_torch.c
 * the names that they may ask for. */
#ifndef CNN_EXCHANGE_PICKLE_MACHINE_H
#define CNN_EXCHANGE_PICKLE_MACHINE_H

#include <string.h>

#include "exchange/pickle.h"

/* CNN_ERROR_FORMAT, with the place in the pickle. */
cnn_status cnn__pickle_damaged(const cnn__pickle *p, const char *what);

static inline bool cnn__pickle_is_kind(const cnn__pickle *p, uint32_t node, cnn__pickle_kind kind)
{
    return node != CNN__PICKLE_NIL && p->nodes[node].kind == (int32_t)kind;
}

/* Whether a text, which no NUL ends, is that name. */
static inline bool cnn__pickle_same(const char *text, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(text, name, size) == 0;
}

/* ---- pickle_stack.c ---- */

/* A new node. */
cnn_status cnn__pickle_make(cnn__pickle *p, cnn__pickle_kind kind, int64_t number, uint32_t *node);
/* Adds a value to a container's cells. */
cnn_status cnn__pickle_append(cnn__pickle *p, uint32_t container, uint32_t value);

cnn_status cnn__pickle_push(cnn__pickle *p, uint32_t node);
cnn_status cnn__pickle_push_new(cnn__pickle *p, cnn__pickle_kind kind, int64_t number);
cnn_status cnn__pickle_pop(cnn__pickle *p, uint32_t *node);

/* A new container of the last `count` values of the stack, or, with SIZE_MAX, of those above the last mark. */
cnn_status cnn__pickle_push_collected(cnn__pickle *p, cnn__pickle_kind kind, size_t count);
/* Adds what lies above `place` to the container of that kind right below `below`. */
cnn_status cnn__pickle_add_collected(cnn__pickle *p, cnn__pickle_kind kind, size_t place, size_t below);
/* Adds what lies above the last mark to the one below that. */
cnn_status cnn__pickle_add_above_mark(cnn__pickle *p, cnn__pickle_kind kind);

/* Remembers the top of the stack by a number, and pushes what was. */
cnn_status cnn__pickle_put(cnn__pickle *p, uint64_t index);
cnn_status cnn__pickle_get(cnn__pickle *p, uint64_t index);

/* ---- pickle_torch.c ---- */

/* Pushes what is named; CNN_ERROR_DENIED if it is not among what is known. */
cnn_status cnn__pickle_push_global(cnn__pickle *p, const char *module, size_t module_size, const char *name,
                                   size_t name_size);
/* The same of the two texts on the stack. */
cnn_status cnn__pickle_push_named(cnn__pickle *p);
/* Pushes the storage that the tuple on the stack refers to. */
cnn_status cnn__pickle_push_storage(cnn__pickle *p);
/* Pushes what the function below the arguments on the stack makes of these. */
cnn_status cnn__pickle_call(cnn__pickle *p);
/* Drops the state on the stack, which is to be that of what lies below. */
cnn_status cnn__pickle_set_state(cnn__pickle *p);

#endif
