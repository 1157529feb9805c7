/* SPDX-License-Identifier: MIT */
/* How the rest of the library reaches arithmetic: choose a backend, ask cnn_backend_query() what an operation of a
 * shape needs, and run it by cnn_backend_run(). Where the data lie is the backend's affair: see the functions on
 * memory. */
#ifndef CNN_BACKEND_BACKEND_H
#define CNN_BACKEND_BACKEND_H

#include <cnn/backend.h>

#include "core/context.h"

/* Fills `backend` with the table of that name: the caller's backends first, then the built-in ones; NULL is CNN_BACKEND
 * or the default. */
cnn_status cnn__backend_select(const cnn_context *context, const char *name, const cnn_backend *custom,
                               size_t custom_count, cnn_backend *backend);

/* Prepares a call under this context: at most `threads` workers (0: all), with this workspace. */
void cnn__backend_call_init(cnn_backend_call *call, const cnn_context *context, uint32_t threads, void *workspace,
                            size_t workspace_size);

/* --- memory ---------------------------------------------------------------------------------------------------- */

/* Whether arrays are handles of the backend's: nobody but the backend reads or writes what they stand for. */
static inline bool cnn__backend_owns_memory(const cnn_backend *backend) { return backend->allocate != NULL; }

/* Memory to compute in, 64-byte aligned; NULL with the error set. It is freed with the size it was made with. */
void *cnn__backend_alloc(cnn_context *context, size_t size);
void cnn__backend_free(cnn_context *context, void *memory, size_t size);

/* Between that memory and the library's. Nothing is done where both are one. */
cnn_status cnn__backend_copy_in(const cnn_context *context, void *to, const void *from, size_t size);
cnn_status cnn__backend_copy_out(const cnn_context *context, void *to, const void *from, size_t size);

#endif
