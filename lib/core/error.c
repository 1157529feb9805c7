/* SPDX-License-Identifier: MIT */
/* The last error of each thread, and the log. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/context.h"

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
    slot->next = context->errors;
    context->errors = slot;
    return slot;
}

static cnn__error_slot *slot_find(const cnn_context *context)
{
    for (cnn__error_slot *slot = context->errors; slot != NULL; slot = slot->next) {
        if (pthread_equal(slot->thread, pthread_self())) {
            return slot;
        }
    }
    return NULL;
}

static void remember(const cnn_context *context, cnn_status status, const char *message)
{
    pthread_mutex_lock(context->error_lock);
    cnn__error_slot *slot = slot_find(context);
    if (slot == NULL) {
        slot = slot_create((cnn_context *)context);
    }
    if (slot != NULL) {
        slot->status = status;
        snprintf(slot->message, sizeof(slot->message), "%s", message);
    } else {
        ((cnn_context *)context)->no_memory.thread = pthread_self();
    }
    pthread_mutex_unlock(context->error_lock);
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

static const cnn__error_slot *last_slot(const cnn_context *context)
{
    pthread_mutex_lock(context->error_lock);
    const cnn__error_slot *slot = slot_find(context);
    if (slot == NULL && context->no_memory.thread != 0 && pthread_equal(context->no_memory.thread, pthread_self())) {
        slot = &context->no_memory;
    }
    pthread_mutex_unlock(context->error_lock);
    return slot;
}

cnn_status cnn__last_status(const cnn_context *context)
{
    const cnn__error_slot *slot = last_slot(context);
    if (slot != NULL) {
        return slot->status;
    }
    /* Of several threads without a slot the last to fail is remembered; the others' failures must not look like
     * successes to who asks what an allocation failed with. */
    pthread_mutex_lock(context->error_lock);
    const bool lost = context->no_memory.thread != 0;
    pthread_mutex_unlock(context->error_lock);
    return lost ? context->no_memory.status : CNN_OK;
}

const char *cnn_last_error(const cnn_context *context)
{
    const cnn__error_slot *slot = context != NULL ? last_slot(context) : NULL;
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
