/* SPDX-License-Identifier: MIT */
/* How the rest of the library reaches arithmetic.
 *
 * All arithmetic on a model's values and parameters is one of the operations of cnn/backend.h (cnn_op), each with one
 * argument struct, and there are three things to do with it:
 *
 *   choose   cnn__backend_select() (registry.c): once for a context, the table by its name;
 *   ask      cnn_backend_query() (resolve.c): when a session is compiled, by the shape in the argument struct, whose
 *            pointers are still NULL: is it supported, how much workspace does each pass need, how many bytes prepared
 *            parameters, which algorithm runs and why. Nothing else in the library knows sizes of workspaces;
 *   run      cnn_backend_run() (resolve.c): the same struct with its pointers and with the answer, which says who
 *            answered. Arguments are checked here (check.h), so that a backend need not.
 *
 * A table need not have everything: what it lacks or refuses for a shape goes to `reference`, which refuses little.
 * That choice is made by the question, for each operation and shape, and comes back in the answer.
 *
 * Where the data lie is the backend's affair too. Most compute in ordinary memory; for one that has its own, pointers
 * are handles, and nothing but the copies below moves data between the two (session/memory.h). */
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
