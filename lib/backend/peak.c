/* SPDX-License-Identifier: MIT */
/* The processor's peak, measured. */
#include <time.h>

#include "backend/vector/vector.h"
#include "core/context.h"

#define LEAST_SECONDS 0.01 /* of a trial */
#define TRIALS 6           /* the best one counts: others were disturbed */

typedef struct peak_work {
    const cnn__vector_kernels *kernels;
    size_t rounds;
} peak_work;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void peak_task(void *argument, size_t index, uint32_t worker)
{
    const peak_work *work = argument;
    (void)index;
    (void)worker;
    volatile float keep = work->kernels->peak(work->rounds); /* the compiler must not drop the call */
    (void)keep;
}

static double time_trial(const cnn_context *context, peak_work *work)
{
    const double begin = seconds_now();
    cnn__parallel(context->pool, 0, cnn__pool_threads(context->pool), peak_task, work);
    return seconds_now() - begin;
}

double cnn_cpu_peak_gflops(const cnn_context *context)
{
    cnn__cpu_level level;
    if (context == NULL) {
        return 0;
    }
    (void)cnn__cpu_detect(&level);
    peak_work work = {cnn__vector_select(level, false), 1 << 16};
    while (time_trial(context, &work) < LEAST_SECONDS) {
        work.rounds *= 2;
    }
    double best = 0;
    for (int i = 0; i < TRIALS; i++) {
        const double flop = (double)work.rounds * (double)work.kernels->peak_flop * cnn__pool_threads(context->pool);
        const double speed = flop / time_trial(context, &work) * 1e-9;
        best = speed > best ? speed : best;
    }
    return best;
}
