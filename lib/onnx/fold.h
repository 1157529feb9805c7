/* SPDX-License-Identifier: MIT */
/* What operators on constants and on values share: how attributes say shapes, slices and parts. */
#ifndef CNN_ONNX_FOLD_H
#define CNN_ONNX_FOLD_H

#include "onnx/import.h"

/* Most constants that are computed with at a time, and most parts of a split. */
enum { CNN__ONNX_MOST_PARTS = 64 };

/* ---- constant_view.c ---- */

/* Distances between values along each axis. */
void cnn__onnx_strides(const cnn__onnx_constant *c, int64_t *strides);
/* Value `at` of a constant as value i of another, in the type that that one has. */
void cnn__onnx_copy_value(const cnn__onnx_constant *from, int64_t at, cnn__onnx_constant *to, size_t i);
/* Axes of `c` at the end of `rank` ones: the dimensions with ones before them, and the distances with 0 where a value
 * is repeated. */
void cnn__onnx_align(const cnn__onnx_constant *c, uint32_t rank, int64_t *dims, int64_t *steps);
/* Values first, first + steps, ... of a constant. */
cnn__onnx_constant *cnn__onnx_view(cnn__arena *arena, const cnn__onnx_constant *from, uint32_t rank,
                                   const int64_t *dims, int64_t first, const int64_t *steps);
/* The same values in another shape, which has as many. */
cnn__onnx_constant *cnn__onnx_reshaped(cnn__arena *arena, const cnn__onnx_constant *from, uint32_t rank,
                                       const int64_t *dims);

/* ---- fold.c ---- */

/* `c` NULL: it could not be made, and the error is set. */
cnn_status cnn__onnx_set_constant(cnn__onnx_import *import, const cnn__onnx_node *node, size_t index,
                                  const cnn__onnx_constant *c);

/* ---- fold_values.c: functions of values, and reductions ---- */

bool cnn__onnx_folds_values(const char *type);
cnn_status cnn__onnx_fold_by_value(cnn__onnx_import *import, const cnn__onnx_node *node);

/* ---- shapes.c ---- */

/* The dimensions that Reshape, Flatten, Squeeze or Unsqueeze give a tensor. */
cnn_status cnn__onnx_new_shape(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, const int64_t *dims,
                               int64_t *new_dims, uint32_t *new_rank);

/* Of each axis, the first index, the step (perhaps below 0) and how many. */
typedef struct cnn__onnx_slices {
    int64_t start[CNN_MAX_RANK], step[CNN_MAX_RANK], count[CNN_MAX_RANK];
} cnn__onnx_slices;

cnn_status cnn__onnx_read_slices(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank,
                                 const int64_t *dims, cnn__onnx_slices *slices);
/* Axis i of the output is axis order[i] of the input. */
cnn_status cnn__onnx_permutation(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank, uint32_t *order);
/* The sizes of Split's parts, one for each output. */
cnn_status cnn__onnx_split_sizes(cnn__onnx_import *import, const cnn__onnx_node *node, uint32_t rank,
                                 const int64_t *dims, uint32_t *axis, int64_t *sizes);

#endif
