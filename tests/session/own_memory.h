/* SPDX-License-Identifier: MIT */
/* A tiny backend with memory of its own: handles are addresses that nobody can read, and the reference computes in a
 * second heap. */
#ifndef CNN_TESTS_SESSION_OWN_MEMORY_H
#define CNN_TESTS_SESSION_OWN_MEMORY_H

#include <cnn/backend.h>

/* The table "apart". `refused` (or -1) is an operation that it says it has not. */
cnn_backend own_memory_backend(int refused);

/* Blocks that are allocated and not released, and bytes of them. */
size_t own_memory_blocks(void);
size_t own_memory_bytes(void);

/* The next allocations that succeed before one fails; SIZE_MAX: all do. */
void own_memory_limit(size_t allocations);

#endif
