/* SPDX-License-Identifier: MIT */
/* Work divided among the context's threads.
 *
 * There is one way to use them: cnn__parallel() runs a number of tasks and returns when all are done. Between such
 * regions the workers wait, for some microseconds by looking, then asleep.
 *
 * Who divides decides what the result is. The number of tasks and what each of them does come from the shape alone,
 * never from the number of threads; tasks that make parts of a sum write them to places of their own, which the caller
 * joins in the order of tasks. So any number of threads gives the same bits, and a worker's number is good for one
 * thing only: to choose a scratch that nobody else uses at the time.
 *
 * Each worker begins with a contiguous range of tasks, and takes half of what another one has left when its own are
 * done. So uneven tasks, or a core that is busy elsewhere, cost little.
 *
 * Regions do not nest and do not wait for one another: where the pool is busy, because another session of the context
 * computes, the thread that calls does all of its tasks itself. Workers compute in the floating-point mode of whoever
 * called. After a fork the child has no workers and computes alone.
 *
 * With a caller's executor the tasks run on its threads, by the same rules. */
#ifndef CNN_CORE_THREADS_H
#define CNN_CORE_THREADS_H

#include <cnn/context.h>

typedef struct cnn__pool cnn__pool;

/* threads 0: as many as the process may use. With an executor, its threads. */
cnn_status cnn__pool_create(cnn_context *context, uint32_t threads, const cnn_executor *executor, cnn__pool **pool);
void cnn__pool_free(cnn_context *context, cnn__pool *pool);
uint32_t cnn__pool_threads(const cnn__pool *pool);
/* Whether the caller's executor runs the tasks: on threads that may be waiting for whoever starts a region. */
bool cnn__pool_has_executor(const cnn__pool *pool);

/* Runs task(argument, i, worker) once for each i < tasks on at most max_threads workers (0: all). Each worker
 * begins with a contiguous range of tasks, and helps others when it is done. When another thread is using the pool,
 * the caller does all the work itself: results do not depend on that, and nobody waits. */
void cnn__parallel(cnn__pool *pool, uint32_t max_threads, size_t tasks,
                   void (*task)(void *argument, size_t index, uint32_t worker), void *argument);

#endif
