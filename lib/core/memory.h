/* SPDX-License-Identifier: MIT */
/* Memory by way of the context's allocator, and arithmetic on sizes that cannot wrap. */
#ifndef CNN_CORE_MEMORY_H
#define CNN_CORE_MEMORY_H

#include <cnn/context.h>

/* All blocks are aligned to this: a cache line, and the widest vector. */
#define CNN__ALIGNMENT 64

/* Most values of one tensor, 4 TB of floats, and most bytes of a workspace or of what an operation keeps. All sizes are
 * compared with these before anything is computed from them: the sums and products of a few of them, for up to 1,024
 * threads, then fit in 64 bits. */
#define CNN__MAX_VALUES ((size_t)1 << 40)
#define CNN__MAX_BYTES ((size_t)1 << 60)

static inline bool cnn__mul_size(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }
static inline bool cnn__add_size(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }
/* What cannot be rounded up is rounded down: still far above CNN__MAX_BYTES, and never little. */
static inline size_t cnn__align_size(size_t size)
{
    const size_t up = size <= SIZE_MAX - (CNN__ALIGNMENT - 1) ? size + (CNN__ALIGNMENT - 1) : SIZE_MAX;
    return up / CNN__ALIGNMENT * CNN__ALIGNMENT;
}

/* Number of values of a shape; false if a dimension is negative or the product above CNN__MAX_VALUES. */
bool cnn__shape_values(const cnn_shape *shape, size_t *values);
bool cnn__shape_equal(const cnn_shape *a, const cnn_shape *b);
/* "(None, 148, 148, 32)" without a first dimension of its own: `batch` is put first unless NULL. */
void cnn__shape_text(const cnn_shape *shape, const char *batch, char *text, size_t size);

/* Return NULL with the error set (CNN_ERROR_OUT_OF_MEMORY, or CNN_ERROR_LIMIT when count * size wraps).
 * A size of 0 gives a block of its own all the same. */
void *cnn__alloc(cnn_context *context, size_t size);
void *cnn__alloc_zero(cnn_context *context, size_t size);
void *cnn__alloc_array(cnn_context *context, size_t count, size_t size);
/* Grows or shrinks; `memory` stays valid on failure. NULL is a new block. */
void *cnn__realloc(cnn_context *context, void *memory, size_t size);
char *cnn__strdup(cnn_context *context, const char *text);
void cnn__free(cnn_context *context, void *memory);

/* A byte string that grows; always ends with a NUL that is not counted. Zero-initialise with the context. */
typedef struct cnn__string {
    cnn_context *context;
    char *data;
    size_t size, capacity;
    cnn_status status; /* the first failure; later appends do nothing */
} cnn__string;

void cnn__string_append(cnn__string *string, const void *data, size_t size);
void cnn__string_printf(cnn__string *string, const char *format, ...) CNN_PRINTF(2, 3);
void cnn__string_free(cnn__string *string);

#endif
