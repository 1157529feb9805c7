/* SPDX-License-Identifier: MIT */
/* The life of a context without its backend, which backend/registry.c chooses. */
#include "core/context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

static bool allocator_is_valid(const cnn_allocator *allocator)
{
    return allocator->struct_size >= sizeof(cnn_allocator) && allocator->allocate != NULL && allocator->release != NULL;
}

static cnn_context *context_allocate(const cnn_allocator *allocator)
{
    cnn_context *context = allocator->allocate(allocator->user, sizeof(*context), CNN__ALIGNMENT);
    if (context == NULL) {
        return NULL;
    }
    memset(context, 0, sizeof(*context));
    context->allocator = *allocator;
    context->error_lock = allocator->allocate(allocator->user, sizeof(*context->error_lock), CNN__ALIGNMENT);
    if (context->error_lock == NULL || pthread_mutex_init(context->error_lock, NULL) != 0) {
        if (context->error_lock != NULL) {
            allocator->release(allocator->user, context->error_lock, sizeof(*context->error_lock));
        }
        allocator->release(allocator->user, context, sizeof(*context));
        return NULL;
    }
    context->no_memory.status = CNN_ERROR_OUT_OF_MEMORY;
    strcpy(context->no_memory.message, "out of memory, also for the message of the error");
    return context;
}

cnn_status cnn__context_init(const cnn_context_options *options, cnn_context **out)
{
    cnn_allocator allocator = {sizeof(allocator), NULL, default_allocate, default_release};
    *out = NULL;
    if (options->allocator != NULL) {
        if (!allocator_is_valid(options->allocator)) {
            return CNN_ERROR_INVALID_ARGUMENT;
        }
        allocator = *options->allocator;
    }
    cnn_context *context = context_allocate(&allocator);
    if (context == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    context->log = options->log;
    context->log_user = options->log_user;
    context->log_level = options->log_level != 0 ? (cnn_log_level)options->log_level : CNN_LOG_WARNING;
    context->seed = options->seed;
    context->max_pixels = options->max_pixels;
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
    for (cnn__error_slot *slot = context->errors; slot != NULL;) {
        cnn__error_slot *next = slot->next;
        cnn__free(context, slot);
        slot = next;
    }
    pthread_mutex_destroy(context->error_lock);
    allocator.release(allocator.user, context->error_lock, sizeof(*context->error_lock));
    allocator.release(allocator.user, context, sizeof(*context));
}

uint32_t cnn_context_threads(const cnn_context *context) { return cnn__pool_threads(context->pool); }

uint64_t cnn_context_seed(const cnn_context *context) { return context->seed; }
