/* SPDX-License-Identifier: MIT */
/* Doubles to decimal digits and back, exactly: by whole numbers alone, so that neither the locale nor the mode in which
 * the processor rounds plays a part. */
#ifndef CNN_CORE_DECIMAL_H
#define CNN_CORE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits that can make a difference to a double; of more, whether they are all 0 is enough. */
#define CNN__DECIMAL_DIGITS 800

/* A number as digits x 10^power. */
typedef struct cnn__decimal {
    unsigned char digits[CNN__DECIMAL_DIGITS + 1]; /* 0 to 9, the first is not 0 */
    int count;                                     /* 0: the number is 0 */
    int power;
} cnn__decimal;

/* The nearest double, of two as near the even one; false if that is not finite. Not negative. */
bool cnn__decimal_to_double(const cnn__decimal *decimal, double *value);

/* The digits of a finite double without its sign, rounded to at most `count` (1 to 17) of them, ties to even, without
 * zeros at the end. */
void cnn__decimal_from_double(double value, int count, cnn__decimal *decimal);

#endif
