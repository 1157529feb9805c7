/* SPDX-License-Identifier: MIT */
/* A context's threads: workers of its own, or the caller's executor. docs/dependencies.md says why the workers are not
 * a library's. */
#include "core/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/context.h"
#include "core/float_mode.h"
#include "core/options.h"
#include "core/quota.h"

#define MAX_THREADS 1024

/* How often a waiting thread looks before it sleeps: some 20 microseconds, longer than the gap between two regions of
 * a training step, and short enough to leave the processor to others where there are more threads than cores. */
#define SPINS 600

/* Tasks that a worker has still to run: [first, end), packed so that the worker, who takes the first, and others, who
 * take from the end, agree by one comparison. A line of its own for each. */
typedef struct share {
    _Alignas(64) _Atomic uint64_t range;
} share;

/* One parallel region: worker w begins with the tasks [w * tasks / workers, (w + 1) * tasks / workers), and when they
 * are done helps those who have more left. */
typedef struct region {
    void (*task)(void *argument, size_t index, uint32_t worker);
    void *argument;
    size_t tasks;
    uint32_t workers;
    share *shares;
    cnn__float_mode mode; /* the caller's: all workers compute in it */
} region;

struct cnn__pool {
    uint32_t threads;
    cnn_executor executor; /* its run is NULL when the workers are our own */
    pid_t owner;           /* the process that has the workers: after a fork the child has none */
    atomic_flag busy;      /* a region is running */

    share *shares;      /* of each thread; NULL with one thread */
    pthread_t *workers; /* threads - 1 of them; NULL with one thread or an executor */
    uint32_t started;   /* how many of them exist; each finds its own number here when it begins */
    region work;
    atomic_uint turn;    /* counts regions: a change starts the workers */
    atomic_uint running; /* workers that have not finished the region */
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
};

static uint64_t pack(size_t first, size_t end) { return (uint64_t)first << 32 | (uint64_t)end; }
static uint32_t first_of(uint64_t range) { return (uint32_t)(range >> 32); }
static uint32_t end_of(uint64_t range) { return (uint32_t)range; }

/* Takes the first task of a worker's own share; false if there is none. */
static bool take_own(share *own, size_t *index)
{
    uint64_t range = atomic_load_explicit(&own->range, memory_order_relaxed);
    while (first_of(range) < end_of(range)) {
        if (atomic_compare_exchange_weak_explicit(&own->range, &range, range + (UINT64_C(1) << 32),
                                                  memory_order_relaxed, memory_order_relaxed)) {
            *index = first_of(range);
            return true;
        }
    }
    return false;
}

/* Moves the upper half of what another worker has left to an empty share; false if nobody has anything. A range never
 * comes back once a task of it was taken, so that comparing it is enough. */
static bool take_half(const region *work, size_t worker)
{
    for (uint32_t i = 1; i < work->workers; i++) {
        share *other = &work->shares[(worker + i) % work->workers];
        uint64_t range = atomic_load_explicit(&other->range, memory_order_relaxed);
        while (first_of(range) < end_of(range)) {
            const uint32_t middle = first_of(range) + (end_of(range) - first_of(range)) / 2;
            if (atomic_compare_exchange_weak_explicit(&other->range, &range, pack(first_of(range), middle),
                                                      memory_order_relaxed, memory_order_relaxed)) {
                atomic_store_explicit(&work->shares[worker].range, pack(middle, end_of(range)), memory_order_relaxed);
                return true;
            }
        }
    }
    return false;
}

static void run_worker(void *argument, size_t worker)
{
    const region *work = argument;
    const cnn__float_mode before = cnn__float_mode_get();
    size_t index;
    cnn__float_mode_set(work->mode);
    do {
        while (take_own(&work->shares[worker], &index)) {
            work->task(work->argument, index, (uint32_t)worker);
        }
    } while (take_half(work, worker));
    cnn__float_mode_set(before);
}

static void run_alone(const region *work)
{
    for (size_t i = 0; i < work->tasks; i++) {
        work->task(work->argument, i, 0);
    }
}

static void divide(const region *work)
{
    for (size_t w = 0; w < work->workers; w++) {
        atomic_store_explicit(&work->shares[w].range,
                              pack(work->tasks * w / work->workers, work->tasks * (w + 1) / work->workers),
                              memory_order_relaxed);
    }
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Waits until the turn is no longer `seen`, or the pool stops. */
static bool wait_for_turn(cnn__pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->turn, memory_order_acquire) == seen; i++) {
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->turn, memory_order_relaxed) == seen && !pool->stop) {
        pthread_cond_wait(&pool->begin, &pool->lock);
    }
    bool stop = pool->stop;
    pthread_mutex_unlock(&pool->lock);
    return !stop;
}

static void *worker_main(void *argument)
{
    cnn__pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    uint32_t number = ++pool->started;
    pthread_mutex_unlock(&pool->lock);
    for (unsigned seen = 0; wait_for_turn(pool, seen); seen++) {
        if (number < pool->work.workers) {
            run_worker(&pool->work, number);
        }
        if (atomic_fetch_sub_explicit(&pool->running, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->end);
            pthread_mutex_unlock(&pool->lock);
        }
    }
    return NULL;
}

static void run_region(cnn__pool *pool, const region *work)
{
    pool->work = *work;
    atomic_store_explicit(&pool->running, pool->threads - 1, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->turn, 1, memory_order_release);
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->lock);
    run_worker(&pool->work, 0);
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->running, memory_order_acquire) != 0; i++) {
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->running, memory_order_acquire) != 0) {
        pthread_cond_wait(&pool->end, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void stop_workers(cnn__pool *pool, uint32_t count)
{
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(pool->workers[i], NULL);
    }
}

/* Starts the workers with all signals blocked: handlers are the program's, and so are the threads that run them. */
static cnn_status start_workers(const cnn_context *context, cnn__pool *pool)
{
    sigset_t all, before;
    uint32_t count = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (count < pool->threads - 1 && pthread_create(&pool->workers[count], NULL, worker_main, pool) == 0) {
        count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (count == pool->threads - 1) {
        return CNN_OK;
    }
    stop_workers(pool, count);
    return cnn__fail(context, CNN_ERROR_THREAD, "thread %u of %u could not be created", count + 2, pool->threads);
}

/* Those that the process may run on, or fewer where a container lets it use less of their time: more threads than that
 * would be stopped together for the rest of each period. */
static uint32_t usable_processors(void)
{
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    const uint32_t there = count < 1 ? 1 : (uint32_t)count;
    const uint32_t allowed = cnn__cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return allowed < there ? allowed : there;
}

static cnn_status make_shares(cnn_context *context, cnn__pool *pool)
{
    pool->shares = cnn__alloc_array(context, pool->threads, sizeof(*pool->shares));
    return pool->shares != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static cnn_status take_executor(cnn_context *context, cnn__pool *pool, const cnn_executor *executor)
{
    cnn_executor known;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_executor", executor, &known, sizeof(known)));
    if (known.run == NULL || known.threads == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "executor: run and threads are required");
    }
    pool->executor = known;
    pool->threads = known.threads < MAX_THREADS ? known.threads : MAX_THREADS;
    return make_shares(context, pool);
}

static cnn_status open_workers(cnn_context *context, cnn__pool *pool)
{
    if (pool->threads > MAX_THREADS) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%u threads: at most %u", pool->threads, MAX_THREADS);
    }
    if (pool->threads == 1) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(make_shares(context, pool));
    pool->workers = cnn__alloc_array(context, pool->threads - 1, sizeof(*pool->workers));
    if (pool->workers == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = start_workers(context, pool);
    if (status != CNN_OK) {
        cnn__free(context, pool->workers);
        pool->workers = NULL;
    }
    return status;
}

cnn_status cnn__pool_create(cnn_context *context, uint32_t threads, const cnn_executor *executor, cnn__pool **out)
{
    cnn__pool *pool = cnn__alloc_zero(context, sizeof(*pool));
    if (pool == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    atomic_flag_clear(&pool->busy);
    pool->threads = threads != 0 ? threads : usable_processors();
    pool->owner = getpid();
    /* With default attributes these three cannot fail on Linux. */
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->end, NULL);
    cnn_status status = executor != NULL ? take_executor(context, pool, executor) : open_workers(context, pool);
    if (status != CNN_OK) {
        cnn__pool_free(context, pool);
        return status;
    }
    *out = pool;
    return CNN_OK;
}

void cnn__pool_free(cnn_context *context, cnn__pool *pool)
{
    if (pool == NULL) {
        return;
    }
    /* In a forked child the workers do not exist: joining them would never end, and the lock may be theirs. */
    if (pool->owner == getpid()) {
        if (pool->workers != NULL) {
            stop_workers(pool, pool->threads - 1);
        }
        pthread_cond_destroy(&pool->end);
        pthread_cond_destroy(&pool->begin);
        pthread_mutex_destroy(&pool->lock);
    }
    cnn__free(context, pool->shares);
    cnn__free(context, pool->workers);
    cnn__free(context, pool);
}

uint32_t cnn__pool_threads(const cnn__pool *pool) { return pool->threads; }

bool cnn__pool_has_executor(const cnn__pool *pool) { return pool->executor.run != NULL; }

void cnn__parallel(cnn__pool *pool, uint32_t max_threads, size_t tasks,
                   void (*task)(void *argument, size_t index, uint32_t worker), void *argument)
{
    uint32_t workers = max_threads != 0 && max_threads < pool->threads ? max_threads : pool->threads;
    if (workers > tasks) {
        workers = (uint32_t)tasks;
    }
    region work = {task, argument, tasks, workers, pool->shares, 0};
    bool alone = workers <= 1 || tasks > UINT32_MAX || (pool->workers == NULL && pool->executor.run == NULL) ||
                 pool->owner != getpid();
    if (alone || atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
        run_alone(&work);
        return;
    }
    divide(&work);
    work.mode = cnn__float_mode_get();
    if (pool->executor.run != NULL) {
        pool->executor.run(pool->executor.user, run_worker, &work, workers);
    } else {
        run_region(pool, &work);
    }
    atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}
