/* SPDX-License-Identifier: MIT */
/* Numbers to and from text, the same in every locale and in every rounding mode of the processor. */
#ifndef CNN_CORE_NUMBER_H
#define CNN_CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a decimal number ("-1.5e-3") at the start of [text, end), as the nearest double, and sets *rest to its end.
 * False if there is none, or it is not finite. */
bool cnn__parse_double(const char *text, const char *end, double *value, const char **rest);
/* Reads an unsigned decimal integer; false if there is none or it does not fit. */
bool cnn__parse_u64(const char *text, const char *end, uint64_t *value, const char **rest);
/* Shortest of %.6g, %.9g and %.17g that gives the same double again, with a point; returns `text`. `size` >= 32. */
const char *cnn__format_double(double value, char *text, size_t size);
/* All 17 digits of a finite number, as printf's "%.17g" gives them; `text` holds 32 bytes. */
const char *cnn__format_full(double value, char *text);

#endif
