/* SPDX-License-Identifier: MIT */
/* Many small blocks that are freed together, from the context's allocator. */
#ifndef CNN_CORE_ARENA_H
#define CNN_CORE_ARENA_H

#include "core/context.h"

typedef struct cnn__arena {
    cnn_context *context;
    struct cnn__arena_block *blocks; /* the first is the one that is being filled */
    size_t most, used; /* bytes that there may be, CNN_ERROR_LIMIT above; 0: any number. And that there are */
} cnn__arena;

/* Zeroed, aligned for any type; NULL with the error set. Zero-initialise the arena with the context. */
void *cnn__arena_alloc(cnn__arena *arena, size_t size);
void *cnn__arena_array(cnn__arena *arena, size_t count, size_t size);
/* A copy of `size` bytes with a NUL behind them. */
char *cnn__arena_text(cnn__arena *arena, const void *bytes, size_t size);
char *cnn__arena_printf(cnn__arena *arena, const char *format, ...) CNN_PRINTF(2, 3);
void cnn__arena_free(cnn__arena *arena);

#endif
