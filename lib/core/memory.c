/* SPDX-License-Identifier: MIT */
/* Blocks from the context's allocator, each after a header that holds its size. */
#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/context.h"
#include "core/error.h"

/* The header takes a whole alignment unit, so that the block after it is aligned. */
#define HEADER CNN__ALIGNMENT

static size_t block_size(const void *memory)
{
    size_t size;
    memcpy(&size, (const char *)memory - HEADER, sizeof(size));
    return size;
}

void *cnn__alloc(cnn_context *context, size_t size)
{
    size_t total;
    if (!cnn__add_size(size, HEADER, &total)) {
        cnn__fail(context, CNN_ERROR_LIMIT, "a size overflows");
        return NULL;
    }
    char *block = context->allocator.allocate(context->allocator.user, total, CNN__ALIGNMENT);
    if (block == NULL) {
        cnn__fail(context, CNN_ERROR_OUT_OF_MEMORY, "out of memory: %zu bytes were asked for", size);
        return NULL;
    }
    memcpy(block, &total, sizeof(total));
    return block + HEADER;
}

void *cnn__alloc_zero(cnn_context *context, size_t size)
{
    void *memory = cnn__alloc(context, size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

void *cnn__alloc_array(cnn_context *context, size_t count, size_t size)
{
    size_t total;
    if (!cnn__mul_size(count, size, &total)) {
        cnn__fail(context, CNN_ERROR_LIMIT, "%zu x %zu bytes: the size overflows", count, size);
        return NULL;
    }
    return cnn__alloc(context, total);
}

void *cnn__realloc(cnn_context *context, void *memory, size_t size)
{
    void *block = cnn__alloc(context, size);
    if (block != NULL && memory != NULL) {
        size_t old = block_size(memory) - HEADER;
        memcpy(block, memory, old < size ? old : size);
        cnn__free(context, memory);
    }
    return block;
}

char *cnn__strdup(cnn_context *context, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = cnn__alloc(context, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void cnn__free(cnn_context *context, void *memory)
{
    if (memory != NULL) {
        context->allocator.release(context->allocator.user, (char *)memory - HEADER, block_size(memory));
    }
}

bool cnn__shape_values(const cnn_shape *shape, size_t *values)
{
    size_t product = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0 || !cnn__mul_size(product, (size_t)shape->dims[i], &product)) {
            return false;
        }
    }
    *values = product;
    return product <= CNN__MAX_VALUES;
}

bool cnn__shape_equal(const cnn_shape *a, const cnn_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) == 0;
}

void cnn__shape_text(const cnn_shape *shape, const char *batch, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "(%s", batch != NULL ? batch : "");
    for (uint32_t i = 0; i < shape->rank && used < size; i++) {
        const char *separator = i > 0 || batch != NULL ? ", " : "";
        used += (size_t)snprintf(text + used, size - used, "%s%lld", separator, (long long)shape->dims[i]);
    }
    if (used < size) {
        snprintf(text + used, size - used, ")");
    }
}

static bool string_reserve(cnn__string *string, size_t more)
{
    size_t need;
    if (string->status != CNN_OK) {
        return false;
    }
    if (!cnn__add_size(string->size, more, &need) || !cnn__add_size(need, 1, &need)) {
        string->status = cnn__fail(string->context, CNN_ERROR_LIMIT, "a text's size overflows");
        return false;
    }
    if (need <= string->capacity) {
        return true;
    }
    size_t capacity = need < 256 ? 256 : need + need / 2;
    char *data = cnn__realloc(string->context, string->data, capacity);
    if (data == NULL) {
        string->status = CNN_ERROR_OUT_OF_MEMORY;
        return false;
    }
    string->data = data;
    string->capacity = capacity;
    return true;
}

void cnn__string_append(cnn__string *string, const void *data, size_t size)
{
    if (string_reserve(string, size)) {
        if (size > 0) {
            memcpy(string->data + string->size, data, size);
        }
        string->size += size;
        string->data[string->size] = '\0';
    }
}

void cnn__string_printf(cnn__string *string, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size >= 0 && string_reserve(string, (size_t)size)) {
        vsnprintf(string->data + string->size, (size_t)size + 1, format, again);
        string->size += (size_t)size;
    }
    va_end(again);
}

void cnn__string_free(cnn__string *string)
{
    cnn__free(string->context, string->data);
    string->data = NULL;
    string->size = string->capacity = 0;
}
