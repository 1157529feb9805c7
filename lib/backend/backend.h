/* SPDX-License-Identifier: MIT */
/* How the rest of the library reaches arithmetic: choose a backend, then call its entries. */
#ifndef CNN_BACKEND_BACKEND_H
#define CNN_BACKEND_BACKEND_H

#include <cnn/backend.h>

#include "core/context.h"

/* Fills `backend` with the complete table of that name: the caller's backends first, then the built-in ones; NULL
 * is CNN_BACKEND or the default. */
cnn_status cnn__backend_select(const cnn_context *context, const char *name, const cnn_backend *custom,
                               size_t custom_count, cnn_backend *backend);

/* Prepares a call under this context: at most `threads` workers (0: all), with this workspace. */
void cnn__backend_call_init(cnn_backend_call *call, const cnn_context *context, uint32_t threads, void *workspace,
                            size_t workspace_size);

#endif
