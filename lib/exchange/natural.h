/* SPDX-License-Identifier: MIT */
/* Names in the order that people mean: features.2 before features.10. */
#ifndef CNN_EXCHANGE_NATURAL_H
#define CNN_EXCHANGE_NATURAL_H

#include <stddef.h>

/* Sorts `order`, numbers of names, in place and with a bounded time for any names. */
void cnn__natural_sort(size_t *order, size_t count, const char *(*name)(const void *list, size_t index),
                       const void *list);

#endif
