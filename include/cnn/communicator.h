/* SPDX-License-Identifier: MIT */
/**
 * Several processes, or threads, that train one model: each computes the gradients of its part of every batch, and a
 * communicator adds them up. The library knows no network: what carries the bytes is the caller's, MPI by libcnn_mpi
 * (cnn/mpi.h), or pipes, sockets or shared memory, of which two functions are enough.
 *
 * Each process is a rank from 0 to size - 1. All of them make the same calls in the same order, with arrays of the same
 * sizes; cnn_fit() and cnn_evaluate() keep that order by themselves, also when one of them fails. Give the same
 * communicator to cnn_fit_options or cnn_evaluate_options and rank and size to cnn_loader_options as `shard` and
 * `shards`: each rank then reads its own samples of every batch alone.
 *
 * A communicator is the caller's: it is copied by the calls that take it, what `user` points to must outlive them.
 */
#ifndef CNN_COMMUNICATOR_H
#define CNN_COMMUNICATOR_H

#include <cnn/common.h>
#include <cnn/context.h>

CNN_BEGIN_DECLS

/**
 * What connects the ranks. Functions return CNN_OK or the status of what went wrong, CNN_ERROR_PEER where another rank
 * is gone; all of one communicator are called from one thread at a time. Only `send` and `receive` are required: what
 * is NULL is made of them, in a binary tree of ranks.
 */
typedef struct cnn_communicator {
    size_t struct_size;
    uint32_t rank; /**< of this process */
    uint32_t size; /**< how many there are; 1: no function is ever called */
    void *user;    /**< handed to all functions */

    /** Sends `size` bytes to a rank; may wait until that rank receives them. Several messages from one rank to another
        arrive in their order. */
    cnn_status (*send)(void *user, uint32_t to, const void *bytes, size_t size);
    /** Waits for a message of exactly `size` bytes from a rank. */
    cnn_status (*receive)(void *user, uint32_t from, void *bytes, size_t size);

    /** Puts `own`, of sizes[rank] bytes, one behind the other in the order of ranks into `all`, on every rank. */
    cnn_status (*gather)(void *user, const void *own, void *all, const size_t *sizes);
    /** Adds values over all ranks, in place; the bits of the sums must be the same on all. */
    cnn_status (*sum)(void *user, double *values, size_t count);

    /**
     * The hook between a backward pass and the optimizer's step: called for each block of parameters as soon as the
     * pass has finished their gradients, in the same order on all ranks. It adds them over all ranks, in place. It may
     * return at once and do its work beside the rest of the pass: the values are not touched before `wait` returns.
     */
    cnn_status (*on_gradients)(void *user, float *values, size_t count);
    /** Called before the step: returns when all that on_gradients() has begun is done. NULL: it never goes on after it
        returned. */
    cnn_status (*wait)(void *user);
    size_t block; /**< least values of a block, but for the last; 0: 1,048,576 (4 MiB) */
    /** Called now and then between on_gradients() and `wait`, after each layer of the backward pass, for transports
        that move bytes only when they are called. NULL: nothing to do. */
    cnn_status (*progress)(void *user);
} cnn_communicator;

#define CNN_COMMUNICATOR(...) CNN_OPTIONS(cnn_communicator, __VA_ARGS__)

/* ---- for loops of one's own; all ranks call them together ---- */

/**
 * Hands bytes of rank `root` to all others, along a binary tree.
 *
 * bytes  [size]: read on `root`, written on all others.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, and what the communicator's functions return. Not thread-safe for one
 * communicator. Since 0.1.
 */
CNN_API cnn_status cnn_communicator_broadcast(const cnn_context *context, const cnn_communicator *communicator,
                                              uint32_t root, void *bytes, size_t size);

/**
 * Puts a piece of each rank, one behind the other in their order, into `all`, on every rank.
 *
 * own    [sizes[rank]] bytes; may be NULL if that is 0.
 * all    room for the sum of `sizes`; must not overlap `own`.
 * sizes  [size of the communicator] bytes of each rank's piece, the same on all ranks.
 *
 * Returns as cnn_communicator_broadcast(). Since 0.1.
 */
CNN_API cnn_status cnn_communicator_gather(const cnn_context *context, const cnn_communicator *communicator,
                                           const void *own, void *all, const size_t *sizes);

/**
 * Adds `count` values over all ranks, in place: [count] on each. The sums are the same to the bit on all ranks, and for
 * one number of ranks always. Returns as cnn_communicator_broadcast(). Since 0.1.
 */
CNN_API cnn_status cnn_communicator_sum(const cnn_context *context, const cnn_communicator *communicator,
                                        double *values, size_t count);

/** The same for floats; by on_gradients() and wait() where the communicator has them. Since 0.1. */
CNN_API cnn_status cnn_communicator_sum_floats(const cnn_context *context, const cnn_communicator *communicator,
                                               float *values, size_t count);

/**
 * Finds out whether all ranks have succeeded so far.
 *
 * status  this rank's.
 *
 * Returns CNN_OK if all are CNN_OK; a rank that has failed its own status, and its message stays; the others
 * CNN_ERROR_PEER with a message that names the first rank that failed; or what the communicator's functions return.
 * Since 0.1.
 */
CNN_API cnn_status cnn_communicator_agree(const cnn_context *context, const cnn_communicator *communicator,
                                          cnn_status status);

CNN_END_DECLS

#endif
