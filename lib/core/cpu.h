/* SPDX-License-Identifier: MIT */
/* Which instruction set the vector kernels use. */
#ifndef CNN_CORE_CPU_H
#define CNN_CORE_CPU_H

#include <stdbool.h>

/* Each includes those before it. */
typedef enum cnn__cpu_level {
    CNN__CPU_BASELINE = 0, /* what the compiler targets: on x86-64 SSE2 */
    CNN__CPU_AVX2 = 1,     /* AVX2 and FMA */
    CNN__CPU_AVX512 = 2    /* AVX-512 F, BW, DQ and VL */
} cnn__cpu_level;

#define CNN__CPU_LEVELS 3

extern const char *const cnn__cpu_level_names[]; /* by cnn__cpu_level, NULL-terminated */

/* The highest level that processor and operating system have, not above the one that CNN_CPU names. False if
 * CNN_CPU names none: *level then is as if it were not set. */
bool cnn__cpu_detect(cnn__cpu_level *level);

#endif
