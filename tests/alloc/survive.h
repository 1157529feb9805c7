/* SPDX-License-Identifier: MIT */
/* Work in which every allocation fails in turn. */
#ifndef CNN_TESTS_SURVIVE_H
#define CNN_TESTS_SURVIVE_H

#include <cnn/cnn.h>

/* A scenario does its work under the context and gives a hash of what came out. */
typedef cnn_status (*test_scenario)(cnn_context *context, uint64_t *hash);

/* Does it once as it is, and with each allocation failing, once and for good: it then ends with
 * CNN_ERROR_OUT_OF_MEMORY or gives the same hash, leaves nothing behind, and does the same again afterwards. */
void test_survives(const char *name, test_scenario run);

#endif
