/* SPDX-License-Identifier: MIT */
/* The fast convolutions, each algorithm of each instruction set, against plain sums in double: values, argmax, the
 * same bits for any number of threads, and nothing written beside the results. */
#ifndef CNN_TESTS_BACKEND_FAST_CONV2D_H
#define CNN_TESTS_BACKEND_FAST_CONV2D_H

#include "backend/vector/conv2d/conv2d.h"

typedef struct fast_instruction_set {
    const char *name;
    const cnn__conv2d_functions *table;
} fast_instruction_set;

#define FAST_INSTRUCTION_SETS 3

/* Of an error, in the largest sum of absolute products: a float32 sum has about 1e-7. */
extern const double fast_tolerances[CNN__CONV2D_ALGORITHMS];

/* What this processor can run; returns their number. */
size_t fast_instruction_sets(fast_instruction_set *sets);

uint32_t fast_random(void);
int64_t fast_random_in(int64_t low, int64_t high);

/* `count` values in [-1, 1), 64-byte aligned; the caller frees them. */
float *fast_random_floats(size_t count);

/* What a cnn_backend_call's tasks run on: threads, or for more than two of them one worker after the other. */
void fast_parallel(const cnn_backend_call *call, size_t tasks,
                   void (*task)(void *argument, size_t index, uint32_t worker), void *argument);

/* Sizes of outputs follow; false if there would be none. */
bool fast_finish_shape(cnn_conv2d_shape *s, int64_t pad_bottom, int64_t pad_right);

cnn_conv2d_shape fast_random_shape(int32_t kernel_h, int32_t kernel_w, int64_t most_channels);

/* All passes that the functions support, on random values and 1, 2, 3, 4 and 7 threads. */
void fast_check(const cnn__conv2d_functions *functions, const cnn_conv2d_shape *shape, double tolerance);

#endif
