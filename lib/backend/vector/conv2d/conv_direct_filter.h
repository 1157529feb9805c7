/* SPDX-License-Identifier: MIT */
/* The direct filter gradient: rows of outputs are divided into parts and output channels into splits, by the shape
 * alone; each part has sums of its own, added in order at the end. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV_DIRECT_FILTER_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV_DIRECT_FILTER_H

#include "backend/vector/conv2d/conv_direct.h"

#define DIRECT_BAND_ROWS 16 /* most rows of dy handled together */

typedef struct direct_gradient {
    direct_source x, dy; /* dy as windows of one pixel */
    float *d_filters, *d_bias;
    int64_t n, rows, columns; /* of dy, unpooled; with pooling those that count */
    int64_t channels, depth;  /* output channels; kernel rows * row_length */
    int pooled;
    int sparse;                  /* 1: cells of the pooled dy are taken one by one, see conv_sparse_filter.c */
    size_t units, parts, splits; /* rows of all images (sparse: of cells) */
    size_t blocks, width;        /* of CONV_COLUMNS output channels; values of a row of sums */
    size_t band, split_width;    /* rows handled together; most channels of a split */
    size_t sum_part;             /* values */
    float *sums, *bias_sums;     /* [part][depth][width], [part][width] */
    char *scratch;               /* of each worker */
    size_t scratch_size, workspace;
} direct_gradient;

/* One part of one split: fills its sums. `scratch` is the worker's. */
void CNN__VECTOR(cnn__direct_sparse_sums)(const direct_gradient *p, cnn__range units, cnn__range blocks, float *sums,
                                          float *bias_sums, float *scratch);
/* 1 if the shape has a sparse form here, and the values of scratch memory that it takes. */
int CNN__VECTOR(cnn__direct_sparse_supports)(const cnn_conv2d_shape *shape);
size_t CNN__VECTOR(cnn__direct_sparse_scratch)(const direct_gradient *p);

#endif
