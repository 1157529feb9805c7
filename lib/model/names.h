/* SPDX-License-Identifier: MIT */
/* A table from names to numbers, so that models of many layers are built in linear time: open addressing over a hash
 * of the name. The names themselves belong to whoever put them in and outlive the table. */
#ifndef CNN_MODEL_NAMES_H
#define CNN_MODEL_NAMES_H

#include "core/context.h"

typedef struct cnn__name {
    const char *name; /* NULL: a free place */
    uint32_t number;
} cnn__name;

/* Zero-initialised it is empty. */
typedef struct cnn__names {
    cnn__name *places;
    size_t capacity, count; /* capacity: a power of two, at most half full */
} cnn__names;

/* The number of a name; false if it is not there. */
bool cnn__names_find(const cnn__names *names, const char *name, uint32_t *number);
/* Puts a name in, or gives it another number. CNN_OK or CNN_ERROR_OUT_OF_MEMORY. */
cnn_status cnn__names_set(cnn_context *context, cnn__names *names, const char *name, uint32_t number);
void cnn__names_free(cnn_context *context, cnn__names *names);

#endif
