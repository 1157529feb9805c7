/* SPDX-License-Identifier: MIT */
/* Winograd's minimal filtering in one dimension (Winograd 1980; Lavin and Gray 2016), on vectors of channels.
 *
 * A product of polynomials with `t` coefficients is found from its values at t points: 0, pairs +p and -p, infinity.
 * m outputs of an r-tap filter need t = m + r - 1, so one set of points serves every m and r with that sum:
 *
 *     outputs = T' [ (E filter) * (B input) ]     E: scaled values at the points, T': transposed values, B: the rest
 *
 * t = 4 uses 1. t = 6 uses 3/4 and 3/2 in place of the customary 1 and 2: the products stay exact in float32 and the
 * rounding error falls to a third. t = 8 uses 1/2, 1 and 2. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_TRANSFORM_H
#define CNN_BACKEND_VECTOR_CONV2D_WINOGRAD_TRANSFORM_H

#include "backend/vector/conv2d/conv_tile.h"

#define WINO_MAX_T 8

/* Squares of the points that come in pairs, A < B < C. */
#define WINO4_A 1.0f
#define WINO6_A 0.5625f
#define WINO6_B 2.25f
#define WINO8_A 0.25f
#define WINO8_B 1.0f
#define WINO8_C 4.0f

/* By t / 2 - 2: the points that come in pairs, their squares, and 1 / product of a point's distances to the others:
 * of 0, then of each pair. The last coefficient stands for the point at infinity, with factor 1. */
static const float wino_point[3][3] = {{1.0f, 0.0f, 0.0f}, {0.75f, 1.5f, 0.0f}, {0.5f, 1.0f, 2.0f}};
static const float wino_scale[3][4] = {
    {-1.0f / WINO4_A, 0.5f / WINO4_A, 0.0f, 0.0f},
    {1.0f / (WINO6_A * WINO6_B), 0.5f / (WINO6_A * (WINO6_A - WINO6_B)), 0.5f / (WINO6_B * (WINO6_B - WINO6_A)), 0.0f},
    {-1.0f / (WINO8_A * WINO8_B * WINO8_C), 0.5f / (WINO8_A * (WINO8_A - WINO8_B) * (WINO8_A - WINO8_C)),
     0.5f / (WINO8_B * (WINO8_B - WINO8_A) * (WINO8_B - WINO8_C)),
     0.5f / (WINO8_C * (WINO8_C - WINO8_A) * (WINO8_C - WINO8_B))},
};

/* out = E g, or the unscaled values: `taps` coefficients to `t` values. `t`, `taps` and `scaled` are constants. */
VEC_INLINE void wino_evaluate(vec_f *out, const vec_f *g, int t, int taps, int scaled)
{
    const float *scale = wino_scale[t / 2 - 2];
    out[0] = scaled ? g[0] * scale[0] : g[0];
    CONV_UNROLL
    for (int q = 0; q < (t - 2) / 2; q++) {
        const float point = wino_point[t / 2 - 2][q];
        const float factor = scaled ? scale[q + 1] : 1.0f;
        vec_f even = vec_set1(0.0f);
        vec_f odd = vec_set1(0.0f);
        float power = factor;
        CONV_UNROLL
        for (int k = 0; k < taps; k++) {
            if (k < 2) {
                *(k % 2 == 0 ? &even : &odd) = power == 1.0f ? g[k] : g[k] * power;
            } else {
                *(k % 2 == 0 ? &even : &odd) += g[k] * power;
            }
            power *= point;
        }
        out[1 + 2 * q] = even + odd;
        out[2 + 2 * q] = even - odd;
    }
    out[t - 1] = g[taps - 1];
}

/* out = T' v, or with v scaled: `t` values to `taps` outputs. */
VEC_INLINE void wino_interpolate(vec_f *out, const vec_f *v, int t, int taps, int scaled)
{
    const float *scale = wino_scale[t / 2 - 2];
    CONV_UNROLL
    for (int k = 0; k < taps; k++) {
        out[k] = vec_set1(0.0f);
    }
    out[0] = scaled ? v[0] * scale[0] : v[0];
    out[taps - 1] += v[t - 1];
    CONV_UNROLL
    for (int q = 0; q < (t - 2) / 2; q++) {
        const float point = wino_point[t / 2 - 2][q];
        const vec_f sum = v[1 + 2 * q] + v[2 + 2 * q];
        const vec_f difference = v[1 + 2 * q] - v[2 + 2 * q];
        float power = scaled ? scale[q + 1] : 1.0f;
        CONV_UNROLL
        for (int k = 0; k < taps; k++) {
            out[k] += power * (k % 2 == 0 ? sum : difference);
            power *= point;
        }
    }
}

/* out = B d for t = 4: row i holds the coefficients of the product of (x - point) over all points but the i-th. */
VEC_INLINE void wino_spread4(vec_f *out, const vec_f *d)
{
    out[0] = d[2] - WINO4_A * d[0];
    out[1] = d[2] + d[1];
    out[2] = d[2] - d[1];
    out[3] = d[3] - WINO4_A * d[1];
}

/* The same for t = 6. */
VEC_INLINE void wino_spread6(vec_f *out, const vec_f *d)
{
    const vec_f even_a = d[4] - WINO6_B * d[2];
    const vec_f odd_a = 0.75f * d[3] - (0.75f * WINO6_B) * d[1];
    const vec_f even_b = d[4] - WINO6_A * d[2];
    const vec_f odd_b = 1.5f * d[3] - (1.5f * WINO6_A) * d[1];
    out[0] = d[4] - (WINO6_A + WINO6_B) * d[2] + (WINO6_A * WINO6_B) * d[0];
    out[1] = even_a + odd_a;
    out[2] = even_a - odd_a;
    out[3] = even_b + odd_b;
    out[4] = even_b - odd_b;
    out[5] = d[5] - (WINO6_A + WINO6_B) * d[3] + (WINO6_A * WINO6_B) * d[1];
}

/* The same for t = 8. */
VEC_INLINE void wino_spread8(vec_f *out, const vec_f *d)
{
    const float first = WINO8_A + WINO8_B + WINO8_C;
    const float second = WINO8_A * WINO8_B + WINO8_A * WINO8_C + WINO8_B * WINO8_C;
    const float third = WINO8_A * WINO8_B * WINO8_C;
    const vec_f even_a = d[6] - (WINO8_B + WINO8_C) * d[4] + (WINO8_B * WINO8_C) * d[2];
    const vec_f odd_a = 0.5f * d[5] - (0.5f * (WINO8_B + WINO8_C)) * d[3] + (0.5f * WINO8_B * WINO8_C) * d[1];
    const vec_f even_b = d[6] - (WINO8_A + WINO8_C) * d[4] + (WINO8_A * WINO8_C) * d[2];
    const vec_f odd_b = d[5] - (WINO8_A + WINO8_C) * d[3] + (WINO8_A * WINO8_C) * d[1];
    const vec_f even_c = d[6] - (WINO8_A + WINO8_B) * d[4] + (WINO8_A * WINO8_B) * d[2];
    const vec_f odd_c = 2.0f * d[5] - (2.0f * (WINO8_A + WINO8_B)) * d[3] + (2.0f * WINO8_A * WINO8_B) * d[1];
    out[0] = d[6] - first * d[4] + second * d[2] - third * d[0];
    out[1] = even_a + odd_a;
    out[2] = even_a - odd_a;
    out[3] = even_b + odd_b;
    out[4] = even_b - odd_b;
    out[5] = even_c + odd_c;
    out[6] = even_c - odd_c;
    out[7] = d[7] - first * d[5] + second * d[3] - third * d[1];
}

VEC_INLINE void wino_spread(vec_f *out, const vec_f *d, int t)
{
    if (t == 8) {
        wino_spread8(out, d);
    } else if (t == 4) {
        wino_spread4(out, d);
    } else {
        wino_spread6(out, d);
    }
}

#endif
