/* SPDX-License-Identifier: MIT */
#include "core/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What a block holds beyond its head; larger pieces have a block of their own. */
enum { BLOCK = 16384 };

typedef struct cnn__arena_block {
    struct cnn__arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
} block;

void *cnn__arena_alloc(cnn__arena *arena, size_t size)
{
    block *first = arena->blocks;
    size_t whole = 0;
    if (size > CNN__MAX_BYTES) {
        cnn__fail(arena->context, CNN_ERROR_LIMIT, "more than %zu bytes are asked for", CNN__MAX_BYTES);
        return NULL;
    }
    size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    if (arena->most > 0 && (size > arena->most || arena->used > arena->most - size)) {
        cnn__fail(arena->context, CNN_ERROR_LIMIT, "more than %zu bytes are asked for", arena->most);
        return NULL;
    }
    arena->used += size;
    if (first == NULL || size > first->size - first->used) {
        const size_t room = size > BLOCK ? size : BLOCK;
        block *made = cnn__add_size(sizeof(*made), room, &whole) ? cnn__alloc_zero(arena->context, whole) : NULL;
        if (made == NULL) {
            return NULL;
        }
        *made = (block){.size = room};
        if (first != NULL && size > BLOCK) { /* the one that is being filled has room yet */
            made->next = first->next;
            first->next = made;
        } else {
            made->next = first;
            arena->blocks = made;
        }
        first = made;
    }
    void *memory = first->bytes + first->used;
    first->used += size;
    return memory;
}

void *cnn__arena_array(cnn__arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (!cnn__mul_size(count, size, &bytes)) {
        cnn__fail(arena->context, CNN_ERROR_LIMIT, "%zu times %zu bytes are asked for", count, size);
        return NULL;
    }
    return cnn__arena_alloc(arena, bytes);
}

char *cnn__arena_text(cnn__arena *arena, const void *bytes, size_t size)
{
    size_t whole = 0;
    char *text = cnn__add_size(size, 1, &whole) ? cnn__arena_alloc(arena, whole) : NULL;
    if (text != NULL && size > 0) {
        memcpy(text, bytes, size);
    }
    return text;
}

char *cnn__arena_printf(cnn__arena *arena, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    const int size = vsnprintf(NULL, 0, format, list);
    char *text = size >= 0 ? cnn__arena_alloc(arena, (size_t)size + 1) : NULL;
    if (text != NULL) {
        vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    va_end(list);
    return text;
}

void cnn__arena_free(cnn__arena *arena)
{
    for (block *next = NULL; arena->blocks != NULL; arena->blocks = next) {
        next = arena->blocks->next;
        cnn__free(arena->context, arena->blocks);
    }
    arena->used = 0;
}
