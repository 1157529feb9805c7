/* SPDX-License-Identifier: MIT */
/* Eigenvalues and eigenvectors of a symmetric 3 x 3 matrix. */
#ifndef CNN_LOADER_EIGEN_H
#define CNN_LOADER_EIGEN_H

/* By Jacobi's rotations. `values` are sorted, the largest first, none below 0 where the matrix is a covariance;
 * vectors[c * 3 + i] is component c of vector i, of length 1 and with its largest component positive. */
void cnn__eigen3(const double matrix[9], double values[3], double vectors[9]);

#endif
