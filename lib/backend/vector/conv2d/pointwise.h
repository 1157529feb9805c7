/* SPDX-License-Identifier: MIT */
/* 1x1 convolutions as products: the rows of the left matrix are the pixels of x (or of dy), which are read where they
 * lie. With a stride, the pixels that count are some of them. Groups are products side by side. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_POINTWISE_H
#define CNN_BACKEND_VECTOR_CONV2D_POINTWISE_H

#include "backend/driver/task.h"
#include "backend/vector/conv2d/conv_tile.h"

/* Which channels a block of CONV_COLUMNS columns has: blocks do not reach from one group into the next. */
typedef struct pointwise_block {
    size_t group, first, count; /* of all channels; up to CONV_COLUMNS */
} pointwise_block;

VEC_INLINE pointwise_block pointwise_block_of(size_t index, size_t blocks_of_group, size_t group_channels)
{
    const size_t group = index / blocks_of_group, inner = index % blocks_of_group * CONV_COLUMNS;
    return (pointwise_block){group, group * group_channels + inner,
                             cnn__min_size(CONV_COLUMNS, group_channels - inner)};
}

/* True if each pixel of x is read by the output of the same index. */
VEC_INLINE bool pointwise_is_dense(const cnn_conv2d_shape *s) { return s->out_h == s->in_h && s->out_w == s->in_w; }

/* The index of the pixel of x that an output pixel reads, both counted through all images. */
VEC_INLINE size_t pointwise_pixel(const cnn_conv2d_shape *s, size_t output)
{
    if (pointwise_is_dense(s)) {
        return output;
    }
    const size_t row = output / (size_t)s->out_w, column = output % (size_t)s->out_w;
    const size_t image = row / (size_t)s->out_h, y = row % (size_t)s->out_h * (size_t)s->stride_h;
    return (image * (size_t)s->in_h + y) * (size_t)s->in_w + column * (size_t)s->stride_w;
}

#endif
