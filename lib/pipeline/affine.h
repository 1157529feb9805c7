/* SPDX-License-Identifier: MIT */
/* The matrix of a warp from its parts. */
#ifndef CNN_PIPELINE_AFFINE_H
#define CNN_PIPELINE_AFFINE_H

#include <stdbool.h>
#include <stdint.h>

/* What one warp does; the names of Keras's apply_affine_transform(). */
typedef struct cnn__affine {
    double theta; /* degrees */
    double tx;    /* pixels that rows move up */
    double ty;    /* pixels that columns move left */
    double shear; /* degrees */
    double zx;    /* height of the input that fills the output, relative */
    double zy;    /* width, likewise */
} cnn__affine;

/* Places of the input (row, column) from places of the output: rotate . shift . shear . zoom about the centre of
 * height x width pixels. `compat` takes the centre of keras_preprocessing 1.1.0, one pixel too far. */
void cnn__affine_matrix(const cnn__affine *affine, uint32_t height, uint32_t width, bool compat, double matrix[6]);

#endif
