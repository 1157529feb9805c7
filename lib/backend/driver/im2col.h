/* SPDX-License-Identifier: MIT */
/* A convolution as matrix products over blocks of output pixels. */
#ifndef CNN_BACKEND_DRIVER_IM2COL_H
#define CNN_BACKEND_DRIVER_IM2COL_H

#include "backend/driver/driver.h"

/* The matrices: columns [pixels of a block, depth] x filters [depth, group_out]. Where the columns are x itself
 * (1x1, stride 1, unpadded) all images together are one of n * out_h * out_w pixels. */
typedef struct cnn__conv2d_plan {
    bool direct;            /* the columns are x itself */
    int64_t images, pixels; /* pixels of one image */
    int64_t blocks;         /* of one image */
    int64_t block_pixels;   /* of the largest block */
    int64_t group_in, group_out;
    int64_t tap_row;      /* values of one kernel row: kernel_w * group_in */
    int64_t depth;        /* kernel_h * tap_row */
    size_t columns_bytes; /* of one worker's block of columns; 0 if direct */
} cnn__conv2d_plan;

cnn__conv2d_plan cnn__conv2d_plan_of(const cnn_conv2d_shape *shape);

/* Some kernel rows of a block of pixels: the columns are [end - begin, (tap_end - tap_begin) * tap_row]. */
typedef struct cnn__conv2d_block {
    int64_t group;
    int64_t begin, end;         /* output pixels of one image */
    int64_t tap_begin, tap_end; /* kernel rows */
} cnn__conv2d_block;

/* Fills the columns from one image x. */
void cnn__im2col(const cnn_conv2d_shape *shape, const cnn__conv2d_block *block, const float *x, float *columns);

/* Adds the columns to rows [row_begin, row_end) of one image dx. */
void cnn__col2im(const cnn__row_kernels *kernels, const cnn_conv2d_shape *shape, const cnn__conv2d_block *block,
                 const float *columns, int64_t row_begin, int64_t row_end, float *dx);

#endif
