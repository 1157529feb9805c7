/* SPDX-License-Identifier: MIT */
/* The life of a context without its backend, which backend/registry.c chooses. */
#include "core/context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/limits.h"
#include "core/options.h"

/* Blocks from this size on are aligned to huge pages and marked for them: a fresh 64 MB then costs 6 ms, not 42. */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)8 << 20)

static void *default_allocate(void *user, size_t size, size_t alignment)
{
    (void)user;
    bool huge = size >= HUGE_FROM;
    void *memory = NULL;
    if (posix_memalign(&memory, huge ? HUGE_PAGE : alignment, size) != 0) {
        return NULL;
    }
    if (huge) {
        /* Advice only: without huge pages the memory is as good, but slower to touch. */
        (void)madvise(memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    }
    return memory;
}

static void default_release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static cnn_context *context_allocate(const cnn_allocator *allocator)
{
    cnn_context *context = allocator->allocate(allocator->user, sizeof(*context), CNN__ALIGNMENT);
    if (context == NULL) {
        return NULL;
    }
    memset(context, 0, sizeof(*context));
    context->allocator = *allocator;
    atomic_init(&context->errors, NULL);
    atomic_init(&context->lost_errors, false);
    context->has_error_key = pthread_key_create(&context->error_key, NULL) == 0;
    context->no_memory.status = CNN_ERROR_OUT_OF_MEMORY;
    strcpy(context->no_memory.message, "out of memory, also for the message of the error");
    return context;
}

cnn_status cnn__context_init(const cnn_context_options *options, cnn_context **out)
{
    cnn_allocator allocator = {sizeof(allocator), NULL, default_allocate, default_release};
    *out = NULL;
    if (options->allocator != NULL) {
        CNN__RETURN_IF_ERROR(
            cnn__options_copy(NULL, "cnn_allocator", options->allocator, &allocator, sizeof(allocator)));
        if (allocator.allocate == NULL || allocator.release == NULL) {
            return CNN_ERROR_INVALID_ARGUMENT;
        }
    }
    cnn_context *context = context_allocate(&allocator);
    if (context == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    context->log = options->log;
    context->log_user = options->log_user;
    context->log_level = options->log_level != 0 ? (cnn_log_level)options->log_level : CNN_LOG_WARNING;
    context->seed = options->seed;
    cnn__limits_init(context);
    if (options->max_pixels != 0) {
        context->limits[CNN__LIMIT_PIXELS] = options->max_pixels;
    }
    if (options->max_session_bytes != 0) {
        context->limits[CNN__LIMIT_SESSION_BYTES] = options->max_session_bytes;
    }
    (void)cnn__cpu_detect(&context->cpu);
    cnn_status status = cnn__pool_create(context, options->threads, options->executor, &context->pool);
    if (status != CNN_OK) {
        cnn__context_destroy(context);
        return status;
    }
    *out = context;
    return CNN_OK;
}

void cnn__context_destroy(cnn_context *context)
{
    if (context == NULL) {
        return;
    }
    cnn_allocator allocator = context->allocator;
    cnn__pool_free(context, context->pool);
    for (cnn__error_slot *slot = atomic_load(&context->errors); slot != NULL;) {
        cnn__error_slot *next = slot->next;
        cnn__free(context, slot);
        slot = next;
    }
    if (context->has_error_key) {
        pthread_key_delete(context->error_key);
    }
    allocator.release(allocator.user, context, sizeof(*context));
}

uint32_t cnn_context_threads(const cnn_context *context)
{
    return context != NULL ? cnn__pool_threads(context->pool) : 0;
}

uint64_t cnn_context_seed(const cnn_context *context) { return context != NULL ? context->seed : 0; }
