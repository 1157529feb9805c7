/* SPDX-License-Identifier: MIT */
/* Work in which every allocation fails in turn. */
#ifndef CNN_TESTS_SURVIVE_H
#define CNN_TESTS_SURVIVE_H

#include <cnn/cnn.h>

/* What does its work under the context and gives a hash of what came out. */
typedef struct survivor {
    const char *name;
    cnn_status (*run)(cnn_context *context, uint64_t *hash);
} survivor;

/* A file for the work at hand, which is removed after it. */
extern char survive_path[512];

/* Does the work of each once as it is, and with each allocation failing, once and for good: it then ends with
 * CNN_ERROR_OUT_OF_MEMORY or gives the same hash, leaves nothing behind, and does the same again afterwards. Returns
 * what a test program's main() does. */
int survive_run(const char *suite, const survivor *survivors, size_t count);

#endif
