/* SPDX-License-Identifier: MIT */
/* Time that only goes forward. */
#ifndef CNN_TRAIN_CLOCK_H
#define CNN_TRAIN_CLOCK_H

#include <time.h>

static inline double cnn__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
