/* SPDX-License-Identifier: MIT */
/* What the main function of every test program ends with. */
#ifndef CNN_TESTS_SUITE_H
#define CNN_TESTS_SUITE_H

#include <check.h>

/* Runs the suite, prints one line for each failure and the totals, frees it, and returns the exit status. */
int cnn_test_run(Suite *suite);

#endif
