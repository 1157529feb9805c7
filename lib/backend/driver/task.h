/* SPDX-License-Identifier: MIT */
/* How entries divide their work: by the shape alone, so that any number of threads gives the same bits. */
#ifndef CNN_BACKEND_DRIVER_TASK_H
#define CNN_BACKEND_DRIVER_TASK_H

#include <cnn/backend.h>
#include <stdatomic.h>

/* Values that one task of an elementwise entry takes: 64 KB, a share of the second-level cache. */
#define CNN__SPAN 16384

/* Bytes of a result that is stored past the caches: with what it is made of it would push all else out of a last one of
 * 32 MB, and a store that misses reads its line first. */
#define CNN__STREAM_BYTES ((size_t)16 << 20)

/* Parts that a reduction over a whole array is cut into. */
#define CNN__REDUCTION_PARTS 64

typedef struct cnn__range {
    size_t begin, end;
} cnn__range;

static inline size_t cnn__div_up(size_t a, size_t b) { return a / b + (a % b != 0); }
static inline size_t cnn__min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t cnn__max_size(size_t a, size_t b) { return a > b ? a : b; }
static inline int64_t cnn__min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cnn__max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

static inline bool cnn__streams(size_t values) { return values >= CNN__STREAM_BYTES / sizeof(float); }

/* Quotients of possibly negative numerators, rounded down and up. */
static inline int64_t cnn__floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
static inline int64_t cnn__ceil_div(int64_t a, int64_t b) { return -cnn__floor_div(-a, b); }

/* Range `index` of [0, n) cut every `grain`. */
static inline cnn__range cnn__grain_range(size_t n, size_t grain, size_t index)
{
    size_t begin = index * grain;
    cnn__range range = {begin, begin + cnn__min_size(grain, n - begin)};
    return range;
}

/* Part `index` of [0, n) cut into `parts` of nearly equal size. */
static inline cnn__range cnn__part_range(size_t n, size_t parts, size_t index)
{
    size_t whole = n / parts, rest = n % parts;
    size_t begin = whole * index + cnn__min_size(index, rest);
    cnn__range range = {begin, begin + whole + (index < rest ? 1 : 0)};
    return range;
}

typedef void (*cnn__body)(const void *argument, size_t begin, size_t end);

typedef struct cnn__span_work {
    cnn__body body;
    const void *argument;
    size_t n, grain;
} cnn__span_work;

static inline void cnn__span_task(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    const cnn__span_work *work = argument;
    cnn__range range = cnn__grain_range(work->n, work->grain, index);
    work->body(work->argument, range.begin, range.end);
}

/* Calls body(argument, begin, end) for [0, n) cut every `grain`, in parallel. */
static inline void cnn__for_spans(const cnn_backend_call *call, size_t n, size_t grain, cnn__body body,
                                  const void *argument)
{
    cnn__span_work work = {body, argument, n, grain};
    call->parallel(call, cnn__div_up(n, grain), cnn__span_task, &work);
}

/* The first failure among tasks that run at the same time. */
typedef struct cnn__latch {
    _Atomic int status;
} cnn__latch;

static inline void cnn__latch_set(cnn__latch *latch, cnn_status status)
{
    int expected = CNN_OK;
    if (status != CNN_OK) {
        atomic_compare_exchange_strong_explicit(&latch->status, &expected, (int)status, memory_order_relaxed,
                                                memory_order_relaxed);
    }
}

static inline cnn_status cnn__latch_get(cnn__latch *latch)
{
    return (cnn_status)atomic_load_explicit(&latch->status, memory_order_relaxed);
}

/* True if the call brought the workspace that its entry asked for. */
static inline bool cnn__has_workspace(const cnn_backend_call *call, size_t size)
{
    return size == 0 || (call->workspace != NULL && call->workspace_size >= size);
}

#endif
