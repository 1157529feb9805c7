/* SPDX-License-Identifier: MIT */
/* Training and evaluating on several ranks, each with its share of every batch.
 *
 * All ranks keep the same counts: what evaluators, histories and schedules see is the whole batch, put together from
 * the ranks' shares in the order in which one process would have it. Decisions that follow from these need no further
 * word between them. What one rank alone can know, that it failed or that a callback wants to stop, is told at
 * meetings; a batch has three:
 *
 *   load     after it was read: how many samples each rank has, and so where each share begins;
 *   gather   after the backward pass, before the step: failures, then losses, outputs and labels;
 *   agree    after the step and the callbacks: whether to go on.
 *
 * Alone, which is with one rank and without blocks, nothing of this happens. */
#ifndef CNN_TRAIN_RANKS_H
#define CNN_TRAIN_RANKS_H

#include <cnn/loader.h>

#include "communicator/communicator.h"

/* Samples as evaluators see them: a rank's, or those of a whole batch. */
typedef struct cnn__samples {
    size_t count;
    const float *outputs, *logits; /* [count, outputs] each */
    bool apart;                    /* logits are another array than outputs, and wanted */
    const int32_t *labels;
    const float *targets, *weights; /* NULL: none */
    size_t target_count;
} cnn__samples;

/* What is summed over a block's samples. */
typedef struct cnn__block_sums {
    double loss, penalty;
} cnn__block_sums;

typedef struct cnn__ranks {
    cnn_context *context;
    cnn_communicator communicator;
    uint32_t blocks;     /* of a batch; as many as ranks unless gradients are summed in a fixed tree */
    bool fixed;          /* they are */
    bool lost;           /* some rank is gone without a word */
    bool over;           /* some rank has failed, and all know: nobody waits for another meeting */
    uint32_t first, end; /* the blocks of this rank */
    size_t outputs;
    cnn__report *reports;      /* [ranks] */
    size_t *counts;            /* [ranks]: samples of each share of the batch that was read last */
    size_t *sizes;             /* [ranks]: scratch */
    cnn__block_sums *sums;     /* [blocks], of the batch that was gathered last */
    cnn__block_sums *own_sums; /* [end - first], of this rank's blocks: scratch */
    char *own, *all;           /* what is gathered, [capacity] bytes each */
    char *pieces;              /* its arrays, put together */
    float *block_outputs;      /* where `fixed`: outputs and logits of a batch's samples, which come block by block */
    size_t capacity, room;     /* bytes; samples */
    size_t whole;              /* samples of the batch with those left out; 0: the epoch has ended */
    size_t samples, before;    /* without these; those before this rank's share */
    cnn__tree tree;            /* where `fixed` */
} cnn__ranks;

/* Checks that the loaders read what this rank should, and makes room for batches of them. Either loader may be NULL.
 * To be freed after a failure too. CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. */
cnn_status cnn__ranks_create(cnn__ranks *ranks, cnn_context *context, const cnn_communicator *communicator,
                             uint32_t blocks, const cnn_loader *train, const cnn_loader *evaluation, size_t outputs);
void cnn__ranks_free(cnn__ranks *ranks);

static inline bool cnn__is_alone(const cnn__ranks *ranks)
{
    return !cnn__has_peers(&ranks->communicator) && !ranks->fixed;
}

/* Whether this is the rank that writes files. */
static inline bool cnn__ranks_is_first(const cnn__ranks *ranks) { return ranks->communicator.rank == 0; }

/* After a batch was read, with the status of that: fills whole, samples and before. *stop: whether a callback wants to
 * stop, on any rank then. */
cnn_status cnn__ranks_load(cnn__ranks *ranks, cnn_status status, const cnn_batch *batch, cnn_loader *loader,
                           bool *stop);
/* Notes that an exchange outside of meetings failed with CNN_ERROR_PEER: no meeting follows. Returns the status. */
cnn_status cnn__ranks_lose(cnn__ranks *ranks, cnn_status status);
/* Whether all have succeeded. */
cnn_status cnn__ranks_meet(cnn__ranks *ranks, cnn_status status);
/* The same, and whether a callback wants to stop, on any rank then. */
cnn_status cnn__ranks_agree(cnn__ranks *ranks, cnn_status status, bool *stop);
/* Which samples of this rank's share are of a block: [*begin, *end). */
void cnn__ranks_block(const cnn__ranks *ranks, const cnn_batch *batch, uint32_t block, size_t *begin, size_t *end);
/* Hands a sample of `size` bytes to the next rank that has samples of the batch, after the last the first, and takes
 * that of the one before. Called by all ranks that have some; one without peers gets its own. */
cnn_status cnn__ranks_pass_on(cnn__ranks *ranks, const void *own, void *before, size_t size);
/* Puts the shares together: this rank's samples, and the sums of its blocks. */
cnn_status cnn__ranks_gather(cnn__ranks *ranks, const cnn__samples *own, const cnn__block_sums *sums,
                             cnn__samples *whole);
/* The sums over all blocks of that batch, in their order. */
cnn__block_sums cnn__ranks_sums(const cnn__ranks *ranks);

#endif
