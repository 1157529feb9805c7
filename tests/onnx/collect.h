/* SPDX-License-Identifier: MIT */
/* Keeping what is written in memory. */
#ifndef CNN_TESTS_ONNX_COLLECT_H
#define CNN_TESTS_ONNX_COLLECT_H

#include "core/memory.h"

/* Appends to a cnn__string. */
static inline cnn_status collect(void *user, const void *data, size_t size)
{
    cnn__string_append(user, data, size);
    return ((cnn__string *)user)->status;
}

#endif
