/* SPDX-License-Identifier: MIT */
/* Ranks as threads of a test, with sockets between each two of them. */
#ifndef CNN_TESTS_RANKS_H
#define CNN_TESTS_RANKS_H

#include <cnn/communicator.h>

#define TEST_MOST_RANKS 8

/* What a rank runs; `user` is the same for all. */
typedef void (*test_rank_function)(void *user, const cnn_communicator *communicator);

/* Runs `function` on that many threads and waits for them; only send and receive are given, or with `hooks`
 * on_gradients and wait as well. */
void test_run_ranks(uint32_t ranks, bool hooks, test_rank_function function, void *user);

/* Closes the sockets of a rank: what others wait for then fails with CNN_ERROR_PEER. */
void test_leave(const cnn_communicator *communicator);

#endif
