/* SPDX-License-Identifier: MIT */
/* The last error of each thread, and the log. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/context.h"

/* A thread finds its slot by the context's key: unlike thread numbers, which are used again, what it holds is nothing
 * for every new thread. Without a key (a process has some thousand) the number has to do. Only its own thread reads and
 * writes a slot, and slots are never taken off the list: no lock is needed, which a fork() might leave locked. */
static cnn__error_slot *slot_of_number(const cnn_context *context)
{
    cnn__error_slot *slot = atomic_load_explicit(&context->errors, memory_order_acquire);
    while (slot != NULL && !pthread_equal(slot->thread, pthread_self())) {
        slot = slot->next;
    }
    return slot;
}

static const cnn__error_slot *slot_find(const cnn_context *context)
{
    return context->has_error_key ? pthread_getspecific(context->error_key) : slot_of_number(context);
}

/* Allocates without reporting a failure: reporting is what it is for. */
static cnn__error_slot *slot_create(cnn_context *context)
{
    const size_t size = CNN__ALIGNMENT + sizeof(cnn__error_slot);
    char *block = context->allocator.allocate(context->allocator.user, size, CNN__ALIGNMENT);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof(size)); /* the header that cnn__free() reads */
    cnn__error_slot *slot = (cnn__error_slot *)(block + CNN__ALIGNMENT);
    memset(slot, 0, sizeof(*slot));
    slot->thread = pthread_self();
    slot->next = atomic_load_explicit(&context->errors, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&context->errors, &slot->next, slot, memory_order_release,
                                                  memory_order_relaxed)) {
    }
    return slot;
}

/* The calling thread's slot to write to. Of a thread that has ended and had this one's number it takes the slot over,
 * so that there are no more slots than threads at one time. */
static cnn__error_slot *slot_take(cnn_context *context)
{
    cnn__error_slot *slot = context->has_error_key ? pthread_getspecific(context->error_key) : NULL;
    if (slot != NULL && slot != &context->no_memory) {
        return slot;
    }
    slot = slot_of_number(context);
    slot = slot != NULL ? slot : slot_create(context);
    if (context->has_error_key &&
        pthread_setspecific(context->error_key, slot != NULL ? slot : &context->no_memory) != 0) {
        slot = NULL;
    }
    return slot;
}

static void remember(const cnn_context *constant, cnn_status status, const char *message)
{
    cnn_context *context = (cnn_context *)constant; /* errors change while a context is otherwise const */
    cnn__error_slot *slot = slot_take(context);
    if (slot != NULL) {
        slot->status = status;
        snprintf(slot->message, sizeof(slot->message), "%s", message);
    } else {
        atomic_store_explicit(&context->lost_errors, true, memory_order_relaxed);
    }
}

cnn_status cnn__fail(const cnn_context *context, cnn_status status, const char *format, ...)
{
    if (context == NULL) {
        return status;
    }
    char message[CNN__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    remember(context, status, message);
    if (context->log != NULL) {
        context->log(context->log_user, CNN_LOG_ERROR, message);
    }
    return status;
}

cnn_status cnn__last_status(const cnn_context *context)
{
    const cnn__error_slot *slot = slot_find(context);
    if (slot != NULL) {
        return slot->status;
    }
    /* Failures for which there was no memory must not look like successes to who asks what an allocation failed
     * with. */
    const bool lost = atomic_load_explicit(&context->lost_errors, memory_order_relaxed);
    return lost ? context->no_memory.status : CNN_OK;
}

const char *cnn_last_error(const cnn_context *context)
{
    const cnn__error_slot *slot = context != NULL ? slot_find(context) : NULL;
    return slot != NULL ? slot->message : "";
}

void cnn__log(const cnn_context *context, cnn_log_level level, const char *format, ...)
{
    if (context->log == NULL || level > context->log_level) {
        return;
    }
    char message[CNN__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    context->log(context->log_user, level, message);
}
