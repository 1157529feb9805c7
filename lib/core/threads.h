/* SPDX-License-Identifier: MIT */
/* Work divided among the context's threads. */
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
