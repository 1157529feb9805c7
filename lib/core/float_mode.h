/* SPDX-License-Identifier: MIT */
/* The floating-point mode of a thread: rounding, what happens to subnormal numbers, which exceptions trap.
 *
 * It belongs to the program. But pool threads keep that of their birth, and who runs which task is chance: bits would
 * depend on the number of threads if the caller had another mode. And subnormal numbers, as weights of dead branches
 * become in time, slow multiplications down by a factor of a hundred. So what computes for a session runs in a mode of
 * its own: rounding to nearest, subnormal numbers taken and stored as 0, no traps. The thread's mode, its flags
 * included, is put back before the call returns. */
#ifndef CNN_CORE_FLOAT_MODE_H
#define CNN_CORE_FLOAT_MODE_H

#include <stdint.h>

typedef uint64_t cnn__float_mode;

/* The calling thread's mode. */
cnn__float_mode cnn__float_mode_get(void);
/* Gives the calling thread a mode that cnn__float_mode_get() or cnn__float_mode_enter() returned. */
void cnn__float_mode_set(cnn__float_mode mode);
/* Gives the calling thread the mode to compute in, and returns the one it had. */
cnn__float_mode cnn__float_mode_enter(void);

#endif
