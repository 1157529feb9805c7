/* SPDX-License-Identifier: MIT */
/* Jacobi's method (1846): plane rotations make one element off the diagonal after the other zero, and the product of
 * the rotations has the eigenvectors in its columns. It finds small eigenvalues as exactly as large ones. */
#include "loader/eigen.h"

#include <math.h>
#include <string.h>

/* Convergence is quadratic: three by three take five or six. */
#define SWEEPS 30

/* Rotates rows and columns p and q of the matrix so that its element (p, q) becomes 0. */
static void rotate(double matrix[9], double vectors[9], int p, int q)
{
    const double off = matrix[3 * p + q];
    if (off == 0) {
        return;
    }
    const double theta = (matrix[3 * q + q] - matrix[3 * p + p]) / (2 * off);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    const int r = 3 - p - q; /* the third */
    const double rp = matrix[3 * r + p], rq = matrix[3 * r + q];
    matrix[3 * p + p] -= t * off;
    matrix[3 * q + q] += t * off;
    matrix[3 * p + q] = matrix[3 * q + p] = 0;
    matrix[3 * r + p] = matrix[3 * p + r] = c * rp - s * rq;
    matrix[3 * r + q] = matrix[3 * q + r] = s * rp + c * rq;
    for (int i = 0; i < 3; i++) {
        const double vp = vectors[3 * i + p], vq = vectors[3 * i + q];
        vectors[3 * i + p] = c * vp - s * vq;
        vectors[3 * i + q] = s * vp + c * vq;
    }
}

static void swap_columns(double values[3], double vectors[9], int a, int b)
{
    const double value = values[a];
    values[a] = values[b];
    values[b] = value;
    for (int i = 0; i < 3; i++) {
        const double component = vectors[3 * i + a];
        vectors[3 * i + a] = vectors[3 * i + b];
        vectors[3 * i + b] = component;
    }
}

/* The sign of an eigenvector is arbitrary; one rule gives the same numbers everywhere. */
static void choose_sign(double vectors[9], int column)
{
    int largest = 0;
    for (int i = 1; i < 3; i++) {
        largest = fabs(vectors[3 * i + column]) > fabs(vectors[3 * largest + column]) ? i : largest;
    }
    const double sign = vectors[3 * largest + column] < 0 ? -1 : 1;
    for (int i = 0; i < 3; i++) {
        vectors[3 * i + column] = sign * vectors[3 * i + column] + 0.0; /* -0 becomes 0 */
    }
}

void cnn__eigen3(const double matrix[9], double values[3], double vectors[9])
{
    static const double one[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double m[9];
    memcpy(m, matrix, sizeof(m));
    memcpy(vectors, one, sizeof(one));
    for (int sweep = 0; sweep < SWEEPS && (m[1] != 0 || m[2] != 0 || m[5] != 0); sweep++) {
        rotate(m, vectors, 0, 1);
        rotate(m, vectors, 0, 2);
        rotate(m, vectors, 1, 2);
    }
    for (int i = 0; i < 3; i++) {
        values[i] = m[4 * i] > 0 ? m[4 * i] : 0; /* a covariance has none below 0 but by rounding */
    }
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 2 - i; k++) {
            if (values[k] < values[k + 1]) {
                swap_columns(values, vectors, k, k + 1);
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        choose_sign(vectors, i);
    }
}
