/* SPDX-License-Identifier: MIT */
/* Whether the arguments of an operation make sense, so that a backend need not ask. */
#ifndef CNN_BACKEND_CHECK_H
#define CNN_BACKEND_CHECK_H

#include <cnn/backend.h>

/* The operation is known, its struct is of this version, its sizes are at least 1 and its arrays fit in memory. */
bool cnn__check_args(cnn_op op, const void *args);

/* The pass is one that the operation has, and no pointer that it needs is NULL. */
bool cnn__check_pass(cnn_op op, cnn_pass pass, const void *args);

/* The epilogue among the arguments; NULL where the operation has none. */
const cnn_epilogue *cnn__epilogue_of(cnn_op op, const void *args);

/* The answer among the arguments; NULL where there is none, or the operation is not one that a session asks about. */
const cnn_op_answer *cnn__answer_of(cnn_op op, const void *args);

#endif
