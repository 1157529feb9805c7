/* SPDX-License-Identifier: MIT */
/* Comparing contexts with each other over all variants of an operation. */
#ifndef CNN_TESTS_BACKEND_COMPARISON_H
#define CNN_TESTS_BACKEND_COMPARISON_H

#include "backend/operations.h"

#define OPERATION_TABLES 13
extern const operation *const operation_tables[OPERATION_TABLES];

/* Fails where convolutions with an activation have other gradients than in two steps. */
void epilogue_of_convolutions(cnn_context *context);

/* Fails the test where `context` differs from `reference`, or without one from the double loops, by more than the
 * operation's bound. CNN_TEST_VERBOSE=1 prints what was found. */
void compare_contexts(const operation *entry, cnn_context *context, cnn_context *reference, const char *what);

#endif
