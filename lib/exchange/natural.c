/* SPDX-License-Identifier: MIT */
#include "exchange/natural.h"

#include <ctype.h>
#include <string.h>

static int compare(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            const size_t digits = strspn(a, "0123456789"), others = strspn(b, "0123456789");
            const int order = digits != others ? (digits < others ? -1 : 1) : memcmp(a, b, digits);
            if (order != 0) {
                return order;
            }
            a += digits;
            b += digits;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a == *b ? 0 : *a == '\0' ? -1 : 1;
}

/* Equal names keep their order. */
static int compare_at(size_t a, size_t b, const char *(*name)(const void *, size_t), const void *list)
{
    const int order = compare(name(list, a), name(list, b));
    return order != 0 ? order : a < b ? -1 : a > b;
}

/* Lets entry `at` of a heap, the last of which comes first, sink to its place. */
static void sink(size_t *order, size_t at, size_t count, const char *(*name)(const void *, size_t), const void *list)
{
    const size_t entry = order[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && compare_at(order[child], order[child + 1], name, list) < 0;
        if (compare_at(entry, order[child], name, list) >= 0) {
            break;
        }
        order[at] = order[child];
        at = child;
    }
    order[at] = entry;
}

void cnn__natural_sort(size_t *order, size_t count, const char *(*name)(const void *list, size_t index),
                       const void *list)
{
    for (size_t i = count / 2; i > 0; i--) {
        sink(order, i - 1, count, name, list);
    }
    for (size_t last = count; last > 1; last--) {
        const size_t first = order[0];
        order[0] = order[last - 1];
        order[last - 1] = first;
        sink(order, 0, last - 1, name, list);
    }
}
