/* SPDX-License-Identifier: MIT */
/* Worker threads and their ring of batches. */
#include "loader/prefetch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Samples smaller than this many values are taken several at a time: taking the lock would cost as much as they. */
#define CHUNK_VALUES 16384
#define MAX_CHUNK 32

/* Whether a failure is told rather than the one that the slot has: what is not of a sample first, then in order. */
static bool is_told_before(cnn_status status, size_t at, const cnn__slot *slot)
{
    const bool of_sample = cnn__is_of_sample(status);
    return of_sample == cnn__is_of_sample(slot->status) ? at < slot->first_failure : !of_sample;
}

/* Makes samples [begin, begin + count). The lock is not held. */
static void make_samples(cnn__prefetch *prefetch, cnn__slot *slot, size_t begin, size_t count, cnn__scratch *scratch)
{
    for (size_t at = begin; at < begin + count; at++) {
        const cnn_context *from;
        cnn_status status = cnn__collate_sample(&prefetch->collate, slot, at, scratch, &from);
        slot->failed[at] = status != CNN_OK;
        if (status == CNN_OK) {
            continue;
        }
        pthread_mutex_lock(&prefetch->lock);
        if (slot->failures++ == 0 || is_told_before(status, at, slot)) {
            slot->first_failure = at;
            slot->status = status;
            snprintf(slot->message, sizeof(slot->message), "%s", cnn_last_error(from));
        }
        pthread_mutex_unlock(&prefetch->lock);
    }
}

/* ---- the ring; the lock is held ---- */

static cnn__slot *slot_of(cnn__prefetch *prefetch, uint64_t position)
{
    return &prefetch->slots[position % prefetch->slot_count];
}

static bool schedule(cnn__prefetch *prefetch)
{
    if (prefetch->scheduled - prefetch->first == prefetch->slot_count) {
        return false;
    }
    cnn__slot *slot = slot_of(prefetch, prefetch->scheduled);
    slot->count = cnn__sampler_batch(&prefetch->sampler, prefetch->scheduled, slot->draws, &slot->whole);
    slot->epoch = slot->count > 0 ? slot->draws[slot->count - 1].epoch : prefetch->sampler.epoch;
    slot->left = slot->count;
    slot->next = slot->failures = 0;
    prefetch->scheduled++;
    return true;
}

/* Takes the next samples to make; false if there is no room for another batch. */
static bool take(cnn__prefetch *prefetch, cnn__slot **slot, size_t *begin, size_t *count)
{
    if (prefetch->current == prefetch->scheduled) {
        if (!schedule(prefetch)) {
            return false;
        }
        pthread_cond_broadcast(&prefetch->work);
    }
    *slot = slot_of(prefetch, prefetch->current);
    *begin = (*slot)->next;
    size_t left = (*slot)->count - *begin;
    *count = left < prefetch->chunk ? left : prefetch->chunk;
    (*slot)->next += *count;
    prefetch->current += (*slot)->next == (*slot)->count;
    return true;
}

static void finish(cnn__prefetch *prefetch, cnn__slot *slot, size_t count)
{
    slot->left -= count;
    prefetch->active--;
    if (slot->left == 0 || prefetch->active == 0) {
        pthread_cond_broadcast(&prefetch->done);
    }
}

/* ---- workers ---- */

static void work_on(cnn__prefetch *prefetch, cnn__scratch *scratch)
{
    cnn__slot *slot;
    size_t begin, count;
    pthread_mutex_lock(&prefetch->lock);
    while (!prefetch->stopped) {
        if (prefetch->paused || !take(prefetch, &slot, &begin, &count)) {
            pthread_cond_wait(&prefetch->work, &prefetch->lock);
            continue;
        }
        prefetch->active++;
        pthread_mutex_unlock(&prefetch->lock);
        make_samples(prefetch, slot, begin, count, scratch);
        pthread_mutex_lock(&prefetch->lock);
        finish(prefetch, slot, count);
    }
    pthread_mutex_unlock(&prefetch->lock);
}

/* Each worker finds its scratch by the order in which they come here. */
static void *worker_main(void *argument)
{
    cnn__prefetch *prefetch = argument;
    pthread_mutex_lock(&prefetch->lock);
    cnn__scratch *scratch = &prefetch->scratches[prefetch->started++];
    pthread_mutex_unlock(&prefetch->lock);
    work_on(prefetch, scratch);
    return NULL;
}

/* Signals are for the caller's threads. */
static cnn_status start_workers(cnn__prefetch *prefetch)
{
    sigset_t all, before;
    uint32_t created = 0;
    int error = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (created < prefetch->workers && error == 0) {
        error = pthread_create(&prefetch->threads[created], NULL, worker_main, prefetch);
        created += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        uint32_t wanted = prefetch->workers;
        prefetch->workers = created; /* those that have to be ended */
        return cnn__fail(prefetch->collate.context, CNN_ERROR_THREAD,
                         "loader: worker thread %u of %u could not be created: %s", created + 1, wanted,
                         strerror(error));
    }
    return CNN_OK;
}

static void stop_workers(cnn__prefetch *prefetch)
{
    pthread_mutex_lock(&prefetch->lock);
    prefetch->stopped = true;
    pthread_cond_broadcast(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
    for (uint32_t i = 0; i < prefetch->workers; i++) {
        pthread_join(prefetch->threads[i], NULL);
    }
}

/* ---- life ---- */

static cnn_status allocate(cnn__prefetch *prefetch, size_t samples, size_t slots)
{
    cnn_context *context = prefetch->collate.context;
    size_t scratches = prefetch->workers > 0 ? prefetch->workers : 1;
    prefetch->slots = cnn__alloc_zero(context, slots * sizeof(*prefetch->slots));
    if (prefetch->slots == NULL) {
        return cnn__last_status(context);
    }
    prefetch->slot_count = slots;
    for (size_t i = 0; i < slots; i++) {
        CNN__RETURN_IF_ERROR(cnn__slot_create(&prefetch->collate, samples, &prefetch->slots[i]));
    }
    prefetch->scratches = cnn__alloc_zero(context, scratches * sizeof(*prefetch->scratches));
    if (prefetch->scratches == NULL) {
        return cnn__last_status(context);
    }
    for (size_t i = 0; i < scratches; i++) {
        prefetch->scratches[i].context = context;
    }
    prefetch->threads = cnn__alloc_array(context, scratches, sizeof(*prefetch->threads));
    return prefetch->threads != NULL ? CNN_OK : cnn__last_status(context);
}

static void release_all(cnn__prefetch *prefetch)
{
    cnn_context *context = prefetch->collate.context;
    size_t scratches = prefetch->scratches == NULL ? 0 : prefetch->workers > 0 ? prefetch->workers : 1;
    for (size_t i = 0; i < prefetch->slot_count; i++) {
        cnn__slot_free(context, &prefetch->slots[i]);
    }
    for (size_t i = 0; i < scratches; i++) {
        cnn__scratch_free(&prefetch->scratches[i]);
    }
    cnn__free(context, prefetch->slots);
    cnn__free(context, prefetch->scratches);
    cnn__free(context, prefetch->threads);
    cnn__sampler_free(&prefetch->sampler);
}

static cnn_status create_locks(cnn__prefetch *prefetch)
{
    if (pthread_mutex_init(&prefetch->lock, NULL) != 0) {
        return cnn__fail(prefetch->collate.context, CNN_ERROR_THREAD, "loader: a mutex could not be created");
    }
    if (pthread_cond_init(&prefetch->work, NULL) != 0) {
        pthread_mutex_destroy(&prefetch->lock);
        return cnn__fail(prefetch->collate.context, CNN_ERROR_THREAD, "loader: a condition could not be created");
    }
    if (pthread_cond_init(&prefetch->done, NULL) != 0) {
        pthread_cond_destroy(&prefetch->work);
        pthread_mutex_destroy(&prefetch->lock);
        return cnn__fail(prefetch->collate.context, CNN_ERROR_THREAD, "loader: a condition could not be created");
    }
    return CNN_OK;
}

static void destroy_locks(cnn__prefetch *prefetch)
{
    pthread_cond_destroy(&prefetch->done);
    pthread_cond_destroy(&prefetch->work);
    pthread_mutex_destroy(&prefetch->lock);
}

cnn_status cnn__prefetch_create(cnn__prefetch *prefetch, const cnn_loader_options *options, size_t slots)
{
    const cnn__collate *collate = &prefetch->collate;
    size_t count = cnn_dataset_count(collate->dataset);
    prefetch->owner = getpid();
    prefetch->chunk = CHUNK_VALUES / collate->values;
    prefetch->chunk = prefetch->chunk < 1 ? 1 : prefetch->chunk > MAX_CHUNK ? MAX_CHUNK : prefetch->chunk;
    cnn_status status = cnn__sampler_create(collate->context, options, count, collate->seed, &prefetch->sampler);
    if (status == CNN_OK && options->balanced != 0) {
        status = cnn__sampler_balance(&prefetch->sampler, collate->dataset);
    }
    if (status == CNN_OK) {
        const size_t most = cnn__sampler_most(&prefetch->sampler);
        status = allocate(prefetch, options->mode == CNN_BATCH_EPOCH && count < most ? count : most, slots);
    }
    if (status == CNN_OK) {
        status = create_locks(prefetch);
    }
    if (status != CNN_OK) {
        release_all(prefetch);
        return status;
    }
    status = start_workers(prefetch);
    if (status != CNN_OK) {
        cnn__prefetch_free(prefetch);
    }
    return status;
}

void cnn__prefetch_free(cnn__prefetch *prefetch)
{
    if (cnn__prefetch_is_here(prefetch)) { /* else a worker may have held the lock when the process was forked */
        stop_workers(prefetch);
        destroy_locks(prefetch);
    }
    release_all(prefetch);
}

bool cnn__prefetch_is_here(const cnn__prefetch *prefetch)
{
    return prefetch->workers == 0 || prefetch->owner == getpid();
}

/* ---- the consumer ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void release_held(cnn__prefetch *prefetch)
{
    if (prefetch->held) {
        prefetch->held = false;
        prefetch->first++;
        pthread_cond_broadcast(&prefetch->work);
    }
}

void cnn__prefetch_release(cnn__prefetch *prefetch)
{
    pthread_mutex_lock(&prefetch->lock);
    release_held(prefetch);
    pthread_mutex_unlock(&prefetch->lock);
}

/* Makes the next batch on the caller's thread, unless it is there already. */
static void make_inline(cnn__prefetch *prefetch)
{
    cnn__slot *slot;
    size_t begin, count;
    pthread_mutex_lock(&prefetch->lock);
    while (prefetch->current == prefetch->first && take(prefetch, &slot, &begin, &count)) {
        prefetch->active++;
        pthread_mutex_unlock(&prefetch->lock);
        make_samples(prefetch, slot, begin, count, &prefetch->scratches[0]);
        pthread_mutex_lock(&prefetch->lock);
        finish(prefetch, slot, count);
    }
    pthread_mutex_unlock(&prefetch->lock);
}

cnn__slot *cnn__prefetch_next(cnn__prefetch *prefetch, double *seconds)
{
    cnn__prefetch_release(prefetch);
    double begin = now();
    if (prefetch->workers == 0) {
        make_inline(prefetch);
    }
    pthread_mutex_lock(&prefetch->lock);
    cnn__slot *slot = slot_of(prefetch, prefetch->first);
    while (prefetch->scheduled == prefetch->first || slot->left > 0) {
        pthread_cond_wait(&prefetch->done, &prefetch->lock);
    }
    prefetch->held = true;
    pthread_mutex_unlock(&prefetch->lock);
    *seconds += now() - begin;
    return slot;
}

void cnn__prefetch_seek(cnn__prefetch *prefetch, uint64_t position)
{
    pthread_mutex_lock(&prefetch->lock);
    prefetch->paused = true;
    while (prefetch->active > 0) {
        pthread_cond_wait(&prefetch->done, &prefetch->lock);
    }
    prefetch->held = false;
    prefetch->first = prefetch->current = prefetch->scheduled = position;
    prefetch->paused = false;
    pthread_cond_broadcast(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
}
