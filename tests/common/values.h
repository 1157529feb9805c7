/* SPDX-License-Identifier: MIT */
/* Values of tensors: how many a shape has, and numbers that the scripts of golden files draw too. */
#ifndef CNN_TESTS_VALUES_H
#define CNN_TESTS_VALUES_H

#include <cnn/cnn.h>

/* How many values a tensor of the shape has. */
static inline size_t test_shape_values(cnn_shape shape)
{
    size_t values = 1;
    for (uint32_t i = 0; i < shape.rank; i++) {
        values *= (size_t)shape.dims[i];
    }
    return values;
}

/* Number `index` of a stream, in [-1, 1) with 24 bits: the finalizer of MurmurHash3 over both. draw() of the scripts
 * is the same. */
static inline double test_number(uint32_t stream, size_t index)
{
    uint32_t x = (uint32_t)index * 2654435761u + stream * 0x9E3779B9u;
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    x ^= x >> 16;
    return (double)(x >> 8) * 0x1p-23 - 1;
}

#endif
