/* SPDX-License-Identifier: MIT */
/* Depthwise convolution: each output channel has one filter on one input channel, so that vectors run over channels
 * and nothing is shared between them. With a depth multiplier, input channels are first laid out once for each of
 * their outputs; from there on it is 1.
 *
 * Vectors of channels overlap at the end: the last one is made of the last VEC_WIDTH channels, so that only fewer
 * channels than that need partial loads. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_DEPTHWISE_H
#define CNN_BACKEND_VECTOR_CONV2D_DEPTHWISE_H

#include "backend/driver/task.h"
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/conv_tile.h"

VEC_INLINE size_t depthwise_blocks(size_t channels) { return cnn__div_up(channels, VEC_WIDTH); }

/* The first channel of a vector. */
VEC_INLINE size_t depthwise_first(size_t block, size_t channels)
{
    return channels <= VEC_WIDTH ? 0 : cnn__min_size(block * VEC_WIDTH, channels - VEC_WIDTH);
}

VEC_INLINE bool depthwise_is_whole(size_t channels) { return channels >= VEC_WIDTH; }

/* `lanes` is only looked at if `whole`, a constant, is not set. */
VEC_INLINE vec_f depthwise_load(const float *p, bool whole, size_t lanes)
{
    return whole ? vec_load(p) : vec_load_partial(p, lanes);
}

VEC_INLINE void depthwise_store(float *p, vec_f v, bool whole, size_t lanes)
{
    if (whole) {
        vec_store(p, v);
    } else {
        vec_store_partial(p, v, lanes);
    }
}

/* A row of pixels with each channel `multiplier` times. */
static inline void depthwise_expand(const float *from, size_t pixels, size_t channels, size_t multiplier, float *to)
{
    for (size_t i = 0; i < pixels * channels; i++) {
        for (size_t m = 0; m < multiplier; m++) {
            *to++ = from[i];
        }
    }
}

/* Targets t for which from + t * step lies in [0, size), cut to [0, count). */
static inline cnn__range depthwise_inner(int64_t from, int64_t step, int64_t size, int64_t count)
{
    const int64_t begin = cnn__min_i64(cnn__max_i64(cnn__ceil_div(-from, step), 0), count);
    const int64_t end = cnn__min_i64(cnn__max_i64(cnn__floor_div(size - 1 - from, step) + 1, begin), count);
    return (cnn__range){(size_t)begin, (size_t)end};
}

#endif
