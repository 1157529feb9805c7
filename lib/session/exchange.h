/* SPDX-License-Identifier: MIT */
/* A session as one rank's: what it computes is its share of a batch that several have.
 *
 * Gradients are handed to the communicator in blocks, each as soon as the backward pass has written the last of them:
 * from the end of session->host_gradients to its start, in the same order on all ranks, so that they are added up while
 * the pass goes on. The mean over the whole batch is the sum of the ranks' means, each times its share of the samples;
 * the loss's gradients are multiplied by that, and penalties of parameters, which all have, are added after the sum. */
#ifndef CNN_SESSION_EXCHANGE_H
#define CNN_SESSION_EXCHANGE_H

#include "communicator/communicator.h"
#include "session/session.h"

/* Gradients that are handed over together. */
typedef struct cnn__gradient_block {
    size_t offset, values; /* in session->host_gradients */
    uint32_t op;           /* after whose backward they are complete */
} cnn__gradient_block;

typedef struct cnn__exchange {
    cnn_communicator communicator;
    cnn__gradient_block *blocks; /* in the order of their exchange */
    uint32_t block_count, begun;
    uint32_t summed;        /* statistics over all ranks that were given since cnn__exchange_place() */
    bool ended;             /* all sums of the pass are there */
    bool held;              /* gradients stay this rank's, without penalties: cnn__exchange_close() ends the pass */
    bool shared_statistics; /* batch normalisation is over all ranks' samples */
    size_t moving_values;   /* of the statistics that layers keep */
    float *moving;          /* room for all of them */
    double *averages;       /* likewise */
    double *nothing;        /* room for the most statistics of an op: it must not be lacking after a failure */
} cnn__exchange;

/* Makes the session a rank's; it is freed with the session. Without peers nothing is exchanged, but what is `held` is.
 * CNN_ERROR_UNSUPPORTED for shared statistics where the backend has memory of its own. */
cnn_status cnn__exchange_create(cnn_session *session, const cnn_communicator *communicator, bool held,
                                bool shared_statistics);
void cnn__exchange_free(cnn_session *session);

/* Which part of a batch the next passes are of: `before` samples lie before it, `share` is its part of all. */
void cnn__exchange_place(cnn_session *session, uint64_t before, double share);

/* Before a backward pass: nothing of it was given yet. cnn__exchange_place() says so too. */
void cnn__exchange_begin(cnn_session *session);
/* After op `op` of a backward pass: begins to exchange what is complete. */
cnn_status cnn__exchange_after(cnn_session *session, uint32_t op);
/* After all: waits. */
cnn_status cnn__exchange_end(cnn_session *session);
/* In place of passes that are not made, for lack of samples or after a failure anywhere in them: gives zeros for all
 * that was not given since cnn__exchange_place(), with the statistics, so that the others can go on. Asks for no
 * memory. */
cnn_status cnn__exchange_nothing(cnn_session *session);
/* Whether a rank without samples goes backward: its share is 0, and there was no forward pass. */
bool cnn__exchange_has_no_samples(const cnn_session *session);

/* The statistics that layers keep, side by side: their number, a copy of them, and setting them. */
size_t cnn__moving_values(const cnn_session *session);
void cnn__moving_take(const cnn_session *session, float *values);
cnn_status cnn__moving_put(cnn_session *session, const float *values);
/* Averages them over all ranks by their shares. */
cnn_status cnn__moving_average(cnn_session *session, double share);

/* `gradients` [program.gradient_values] become the session's, and a held pass is ended as others are. */
cnn_status cnn__exchange_close(cnn_session *session, const float *gradients);

/* For layers' calls: whether an op takes its statistics over all ranks, and how. */
bool cnn__exchange_shares(const cnn_session *session, const cnn__op *op);
cnn_status cnn__exchange_sum(void *session, double *values, size_t count);

#endif
