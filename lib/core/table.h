/* SPDX-License-Identifier: MIT */
/* A hash table from names to numbers, for names that may be chosen by an enemy: it stays fast whatever they are. */
#ifndef CNN_CORE_TABLE_H
#define CNN_CORE_TABLE_H

#include <cnn/context.h>

typedef struct cnn__table_slot {
    const char *name; /* NULL: free */
    size_t value;
} cnn__table_slot;

typedef struct cnn__table {
    cnn_context *context;
    uint64_t key[2];
    cnn__table_slot *slots;
    size_t count, capacity; /* capacity: 0 or a power of two */
} cnn__table;

/* An empty table; allocates nothing. */
void cnn__table_init(cnn__table *table, cnn_context *context);

/* Enters a name, which must outlive the table (it is not copied) and not be in it yet: CNN_ERROR_INVALID_ARGUMENT, with
 * no message, if it is. CNN_ERROR_OUT_OF_MEMORY leaves the table as it was. */
cnn_status cnn__table_add(cnn__table *table, const char *name, size_t value);

/* False if the name is not there. `value` may be NULL. */
bool cnn__table_find(const cnn__table *table, const char *name, size_t *value);

/* Leaves an empty table, which can be used again. */
void cnn__table_free(cnn__table *table);

#endif
