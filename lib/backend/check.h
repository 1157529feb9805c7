/* SPDX-License-Identifier: MIT */
/* Whether the arguments of an operation make sense, so that a backend need not ask.
 *
 * A custom layer or optimizer may run any operation by the public cnn_backend_run(): what it passes is checked like any
 * other input. The table of check_shape.c has for each operation the size of its argument struct and a check of the
 * shape, which is all that a question needs; that of check_pointers.c one of the pointers, which depends on the pass.
 * Sizes are at least 1, and no array, with its padding, would have more than CNN__MAX_VALUES values: kernels multiply
 * sizes without looking. Both are a few comparisons, nothing next to the work that follows.
 *
 * cnn__check_pass() comes after cnn__check_args(): it takes for granted that operation and struct are known. */
#ifndef CNN_BACKEND_CHECK_H
#define CNN_BACKEND_CHECK_H

#include <cnn/backend.h>

/* The operation is known, its struct is of this version, its sizes are at least 1 and its arrays fit in memory. */
bool cnn__check_args(cnn_op op, const void *args);

/* The pass is one that the operation has, and no pointer that it needs is NULL. */
bool cnn__check_pass(cnn_op op, cnn_pass pass, const void *args);

#endif
