/* SPDX-License-Identifier: MIT */
#include "common/ranks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

typedef struct rank_thread {
    cnn_communicator communicator;
    int sockets[TEST_MOST_RANKS]; /* to each other rank */
    size_t begun;                 /* sums that were begun and not waited for */
    test_rank_function function;
    void *user;
    pthread_t thread;
} rank_thread;

static cnn_status send_bytes(void *user, uint32_t to, const void *bytes, size_t size)
{
    const rank_thread *rank = user;
    for (size_t done = 0; done < size;) {
        const ssize_t n = send(rank->sockets[to], (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (n <= 0) {
            return CNN_ERROR_PEER;
        }
        done += (size_t)n;
    }
    return CNN_OK;
}

static cnn_status receive_bytes(void *user, uint32_t from, void *bytes, size_t size)
{
    const rank_thread *rank = user;
    for (size_t done = 0; done < size;) {
        const ssize_t n = recv(rank->sockets[from], (char *)bytes + done, size - done, 0);
        if (n <= 0) {
            return CNN_ERROR_PEER;
        }
        done += (size_t)n;
    }
    return CNN_OK;
}

/* Every rank sends all its values to every other: in an order that cannot lock, the lower rank first. */
static cnn_status on_gradients(void *user, float *values, size_t count)
{
    rank_thread *rank = user;
    const uint32_t size = rank->communicator.size, own = rank->communicator.rank;
    float *all = calloc(size, count * sizeof(*all));
    cnn_status status = CNN_OK;
    memcpy(all + own * count, values, count * sizeof(*all));
    for (uint32_t a = 0; a < size; a++) {
        for (uint32_t b = a + 1; b < size && status == CNN_OK; b++) {
            const uint32_t other = own == a ? b : a;
            if (own == a) {
                status = send_bytes(user, other, values, count * sizeof(*all));
                status = status == CNN_OK ? receive_bytes(user, other, all + other * count, count * sizeof(*all))
                                          : status;
            } else if (own == b) {
                status = receive_bytes(user, other, all + other * count, count * sizeof(*all));
                status = status == CNN_OK ? send_bytes(user, other, values, count * sizeof(*all)) : status;
            }
        }
    }
    memset(values, 0, count * sizeof(*values));
    for (uint32_t r = 0; r < size; r++) {
        for (size_t i = 0; i < count; i++) {
            values[i] += all[r * count + i];
        }
    }
    free(all);
    rank->begun++;
    return status;
}

static cnn_status wait_all(void *user)
{
    rank_thread *rank = user;
    const bool any = rank->begun > 0;
    rank->begun = 0;
    return any ? CNN_OK : CNN_ERROR_STATE; /* each step has something to wait for */
}

static void *run(void *argument)
{
    rank_thread *rank = argument;
    rank->function(rank->user, &rank->communicator);
    test_leave(&rank->communicator);
    return NULL;
}

void test_leave(const cnn_communicator *communicator)
{
    const rank_thread *rank = communicator->user;
    for (uint32_t other = 0; other < communicator->size; other++) {
        if (other != communicator->rank) {
            shutdown(rank->sockets[other], SHUT_RDWR);
        }
    }
}

void test_run_ranks(uint32_t ranks, bool hooks, test_rank_function function, void *user)
{
    rank_thread all[TEST_MOST_RANKS];
    memset(all, 0, sizeof(all));
    for (uint32_t r = 0; r < ranks; r++) {
        all[r].communicator = (cnn_communicator){.struct_size = sizeof(cnn_communicator),
                                                 .rank = r,
                                                 .size = ranks,
                                                 .user = &all[r],
                                                 .send = send_bytes,
                                                 .receive = receive_bytes,
                                                 .on_gradients = hooks ? on_gradients : NULL,
                                                 .wait = hooks ? wait_all : NULL,
                                                 .block = 64};
        all[r].function = function;
        all[r].user = user;
        for (uint32_t other = 0; other < r; other++) {
            int pair[2];
            ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
            all[r].sockets[other] = pair[0];
            all[other].sockets[r] = pair[1];
        }
    }
    for (uint32_t r = 0; r < ranks; r++) {
        ck_assert_int_eq(pthread_create(&all[r].thread, NULL, run, &all[r]), 0);
    }
    for (uint32_t r = 0; r < ranks; r++) {
        ck_assert_int_eq(pthread_join(all[r].thread, NULL), 0);
    }
    for (uint32_t r = 0; r < ranks; r++) {
        for (uint32_t other = 0; other < ranks; other++) {
            if (other != r) {
                close(all[r].sockets[other]);
            }
        }
    }
}
