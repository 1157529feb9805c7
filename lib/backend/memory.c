/* SPDX-License-Identifier: MIT */
/* Memory that a backend computes in: the context's, or its own. */
#include <string.h>

#include "backend/backend.h"

void *cnn__backend_alloc(cnn_context *context, size_t size)
{
    const cnn_backend *backend = &context->backend;
    if (!cnn__backend_owns_memory(backend)) {
        return cnn__alloc(context, size);
    }
    void *handle = backend->allocate(backend, size > 0 ? size : 1);
    if (handle == NULL) {
        cnn__fail(context, CNN_ERROR_OUT_OF_MEMORY, "backend %s: no memory for %zu bytes", backend->name, size);
    }
    return handle;
}

void cnn__backend_free(cnn_context *context, void *memory, size_t size)
{
    const cnn_backend *backend = &context->backend;
    if (!cnn__backend_owns_memory(backend)) {
        cnn__free(context, memory);
    } else if (memory != NULL) {
        backend->release(backend, memory, size > 0 ? size : 1);
    }
}

cnn_status cnn__backend_copy_in(const cnn_context *context, void *to, const void *from, size_t size)
{
    const cnn_backend *backend = &context->backend;
    if (cnn__backend_owns_memory(backend)) {
        return backend->copy_in(backend, to, from, size);
    }
    if (to != from) {
        memcpy(to, from, size);
    }
    return CNN_OK;
}

cnn_status cnn__backend_copy_out(const cnn_context *context, void *to, const void *from, size_t size)
{
    const cnn_backend *backend = &context->backend;
    if (cnn__backend_owns_memory(backend)) {
        return backend->copy_out(backend, to, from, size);
    }
    if (to != from) {
        memcpy(to, from, size);
    }
    return CNN_OK;
}
