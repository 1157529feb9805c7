/* SPDX-License-Identifier: MIT */
/* What training and sessions ask of a communicator beyond the public calls.
 *
 * Two ranks that are not at the same point of the program must not mistake one's bytes for the other's. Every meeting
 * therefore begins with a report of the same size: a rank that fails anywhere says so in the next report, whichever the
 * others are waiting for, and all of them leave together. */
#ifndef CNN_COMMUNICATOR_COMMUNICATOR_H
#define CNN_COMMUNICATOR_COMMUNICATOR_H

#include <cnn/communicator.h>

#include "core/context.h"

/* What each rank says at a meeting. */
typedef struct cnn__report {
    int32_t status; /* a cnn_status */
    int32_t stop;   /* whether a callback wants to stop */
    uint64_t count; /* samples of its share of the batch */
    uint64_t whole; /* samples that the batch would have if none were left out; 0: the epoch has ended */
    uint64_t left;  /* samples left out so far */
    double loss;    /* sum over its samples */
    double penalty; /* likewise */
} cnn__report;

/* A checked copy. `given` may be NULL, or of size 1: then *copy has size 1, and nothing is ever sent. */
cnn_status cnn__communicator_copy(const cnn_context *context, const cnn_communicator *given, cnn_communicator *copy);

/* Whether there are others. */
static inline bool cnn__has_peers(const cnn_communicator *communicator) { return communicator->size > 1; }

/* Begins to add values over all ranks in place, and waits until all that was begun is there. */
cnn_status cnn__communicator_begin_sum(const cnn_communicator *communicator, float *values, size_t count);
cnn_status cnn__communicator_end_sums(const cnn_communicator *communicator);

/* Exchanges reports, [size of the communicator] to `all`. If some rank has failed: this rank's own status, or
 * CNN_ERROR_PEER. */
cnn_status cnn__communicator_meet(const cnn_context *context, const cnn_communicator *communicator,
                                  const cnn__report *own, cnn__report *all);

/* Adds blocks in a tree that does not depend on the number of ranks. There are `blocks` numbered blocks; of these this
 * rank has [first, end), the ranks' ranges one behind the other. Each rank adds its own with cnn__tree_add(), in order;
 * cnn__tree_finish() then gives the sum of all to all ranks: that of blocks 2i and 2i + 1 first, then of those. */
typedef struct cnn__tree_node {
    float *sum;     /* [values] */
    uint32_t level; /* of blocks index * 2^level and those that follow, 2^level in all */
    uint32_t index;
} cnn__tree_node;

/* Most sums that one rank may have to keep: two for each level of the tree. */
#define CNN__TREE_NODES 66

typedef struct cnn__tree {
    cnn_context *context;
    const cnn_communicator *communicator;
    size_t values; /* of a block */
    uint32_t blocks, next;
    uint32_t count, made;                  /* sums that wait for their neighbour; arrays that there are */
    cnn__tree_node nodes[CNN__TREE_NODES]; /* after the first `count`: free arrays */
} cnn__tree;

/* `blocks` is at least the number of ranks. On failure nothing is left. */
cnn_status cnn__tree_create(cnn_context *context, const cnn_communicator *communicator, uint32_t blocks, size_t values,
                            cnn__tree *tree);
void cnn__tree_free(cnn__tree *tree);
/* Forgets all sums, before the first block of a step. */
void cnn__tree_begin(cnn__tree *tree);
/* Where the next block's values go, which cnn__tree_add() then takes. */
float *cnn__tree_room(cnn__tree *tree);
/* Adds it to those that it belongs to. */
void cnn__tree_add(cnn__tree *tree);
/* [values] of the sum; valid until the next cnn__tree_begin(). */
cnn_status cnn__tree_finish(cnn__tree *tree, const float **sum);

/* The first block of a rank. */
static inline uint32_t cnn__first_block(uint32_t blocks, uint32_t rank, uint32_t ranks)
{
    return (uint32_t)((uint64_t)rank * blocks / ranks);
}

#endif
