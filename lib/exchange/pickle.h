/* SPDX-License-Identifier: MIT */
/* Pickles, as far as torch.save() needs them for dictionaries of tensors, without running anything.
 *
 * A pickle is a program for a stack machine whose instructions can call whatever Python can import. This machine has
 * the instructions that build numbers, texts, tuples, lists and dictionaries, and knows by name the few functions of
 * PyTorch that make tensors of storages: they make a record here. Any other instruction or name ends the reading with
 * CNN_ERROR_DENIED. Values are numbers of nodes in one array, so that shared and even cyclic ones need no counting. */
#ifndef CNN_EXCHANGE_PICKLE_H
#define CNN_EXCHANGE_PICKLE_H

#include "core/context.h"

/* Most nodes of one pickle, and most bytes. */
#define CNN__PICKLE_NODES ((size_t)1 << 22)
#define CNN__PICKLE_BYTES ((size_t)1 << 26)

typedef enum cnn__pickle_kind {
    CNN__PICKLE_NONE,
    CNN__PICKLE_MARK,
    CNN__PICKLE_INT, /* also true and false */
    CNN__PICKLE_REAL,
    CNN__PICKLE_TEXT,
    CNN__PICKLE_TUPLE, /* cells of items */
    CNN__PICKLE_LIST,
    CNN__PICKLE_DICT, /* cells of keys and values by turns */
    CNN__PICKLE_CELL,
    CNN__PICKLE_GLOBAL,  /* number: which, in the table of names */
    CNN__PICKLE_STORAGE, /* first: a cell with the type, then the key; number: of values */
    CNN__PICKLE_TENSOR   /* first: a cell with storage, then sizes, then strides; number: offset */
} cnn__pickle_kind;

typedef struct cnn__pickle_node {
    int32_t kind;
    uint32_t first, last; /* of a container: cells. Of a cell: its value, and the next cell */
    int64_t number;       /* of a text: its bytes */
    const char *text;     /* within the pickle, not ended by a NUL */
} cnn__pickle_node;

/* No node. */
#define CNN__PICKLE_NIL UINT32_MAX

typedef struct cnn__pickle {
    cnn_context *context;
    const char *file; /* for messages */
    const uint8_t *data;
    size_t size, at;
    cnn__pickle_node *nodes;
    size_t count, capacity;
    uint32_t *stack, *memo;
    size_t depth, stack_capacity, memo_count;
} cnn__pickle;

/* Runs one pickle from `at` on, which then is behind it; *result is what it made. Nodes of earlier runs stay. */
cnn_status cnn__pickle_run(cnn__pickle *pickle, uint32_t *result);
void cnn__pickle_free(cnn__pickle *pickle);

/* Item `index` of a container's cells; CNN__PICKLE_NIL if there are not so many. Dictionaries have keys at even
 * numbers. */
uint32_t cnn__pickle_item(const cnn__pickle *pickle, uint32_t container, size_t index);
/* Whether the node is that text. */
bool cnn__pickle_is(const cnn__pickle *pickle, uint32_t node, const char *text);
/* The element type of a storage, as safetensors names it, and its bytes; NULL if values cannot be made of it. */
const char *cnn__pickle_type(const cnn__pickle *pickle, uint32_t storage, size_t *bytes);

#endif
