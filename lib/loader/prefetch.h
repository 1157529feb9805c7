/* SPDX-License-Identifier: MIT */
/* Batches made ahead of use by worker threads, in a ring of buffers that are allocated once.
 *
 * The unit of work is a sample (or a few small ones), so that all workers make the same batch and one slow photo holds
 * up nobody. Batches have numbers without end; number b lies in slot b modulo the number of slots, and the ring holds
 * those from `first` to `scheduled` - 1:
 *
 *     first ............ current ............ scheduled
 *     delivered next     the oldest with      not yet in the ring: its slot is that of a batch
 *     or held            samples to take      that has to be given back first
 *
 * A worker takes the next samples of batch `current` under the lock and makes them without it; when the last ones of a
 * batch are made the consumer is woken. When it gives a batch back, `first` grows, the slot is free, and the sampler
 * says which samples the newest batch has. The order of samples and all their random numbers depend on seed, epoch and
 * place alone, so that batches are the same for any number of workers. Without workers the consumer's own thread makes
 * each batch when it wants it.
 *
 * A failure belongs to its batch and is told when that batch is delivered. Of several the same one is told whichever
 * worker was first: one that is no sample's own, such as memory that is lacking, else that of the first sample.
 *
 * A seek pauses the workers, waits until none is active, and begins anew elsewhere. After a fork the child has no
 * workers: it may free, and nothing else. */
#ifndef CNN_LOADER_PREFETCH_H
#define CNN_LOADER_PREFETCH_H

#include <pthread.h>
#include <sys/types.h>

#include "loader/collate.h"

typedef struct cnn__prefetch {
    cnn__collate collate;
    size_t chunk;     /* samples taken at a time */
    uint32_t workers; /* threads; 0: the caller's does the work */
    cnn__scratch *scratches;
    cnn__slot *slots;
    size_t slot_count;

    pthread_mutex_t lock; /* of all that follows, and of the counts in slots */
    pthread_cond_t work;  /* there may be something to do for workers */
    pthread_cond_t done;  /* a batch is finished, or no worker is active */
    cnn__sampler sampler;
    uint64_t first;     /* number of the batch that is delivered next, or held by the consumer */
    uint64_t current;   /* the oldest batch with samples that no worker has taken */
    uint64_t scheduled; /* one more than the newest batch in the ring */
    uint32_t active;    /* workers at work */
    bool held;          /* the consumer reads batch `first` */
    bool paused, stopped;
    uint32_t started;
    pthread_t *threads;
    pid_t owner; /* the process that has the workers: after a fork the child has none */
} cnn__prefetch;

/* Allocates all buffers and starts the workers. The struct is zero but for `collate` and `workers`, and does not move
 * from here on. On failure nothing is left. */
cnn_status cnn__prefetch_create(cnn__prefetch *prefetch, const cnn_loader_options *options, size_t slots);
/* In a child process of the one that made it only memory is freed: the workers are not there to be ended. */
void cnn__prefetch_free(cnn__prefetch *prefetch);

/* Whether the workers, if there are any, live in this process. All calls below need them. */
bool cnn__prefetch_is_here(const cnn__prefetch *prefetch);

/* Gives back the batch before and returns the next one when it is finished; *seconds grows by the time waited. */
cnn__slot *cnn__prefetch_next(cnn__prefetch *prefetch, double *seconds);
/* Gives back the batch before. */
void cnn__prefetch_release(cnn__prefetch *prefetch);
/* Drops everything and goes on with batch number `position`. */
void cnn__prefetch_seek(cnn__prefetch *prefetch, uint64_t position);

#endif
