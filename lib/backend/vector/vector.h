/* SPDX-License-Identifier: MIT */
/* The vector kernels: written once, compiled for each instruction set, and the `vector` backend that they are.
 *
 * Each file among vector_sources in meson.build is compiled once for each set, with that set's flags, and its names end
 * in the set's (CNN__VECTOR). One table of each set, cnn__vector_kernels, is all that the rest of the library sees, and
 * is the `user` of the backend. The sets differ in nothing but the width of their vectors.
 *
 * The kernels need no library: the backend `blis` is this one with another product. */
#ifndef CNN_BACKEND_VECTOR_VECTOR_H
#define CNN_BACKEND_VECTOR_VECTOR_H

#include "backend/driver/driver.h"
#include "core/cpu.h"

/* What one instruction set offers. */
typedef struct cnn__vector_kernels {
    cnn_backend entries; /* those that are vector code as a whole; the others NULL */
    const cnn__row_kernels *rows;
    size_t (*dense_workspace)(const cnn_dense_shape *shape, cnn_pass pass, uint32_t threads);
    size_t (*norm_pool_workspace)(const cnn_norm_shape *shape);
    const struct cnn__conv2d_functions *conv2d; /* by cnn__conv2d_algorithm */
    bool strict;                                /* convolutions are plain sums: no transforms */
    float (*peak)(size_t rounds);               /* nothing but multiply-adds, see cnn_cpu_peak_gflops() */
    size_t peak_flop;                           /* of a round */
} cnn__vector_kernels;

extern const cnn__vector_kernels cnn__vector_baseline, cnn__vector_strict_baseline;
#if defined(__x86_64__) || defined(__i386__)
extern const cnn__vector_kernels cnn__vector_avx2, cnn__vector_strict_avx2;
extern const cnn__vector_kernels cnn__vector_avx512, cnn__vector_strict_avx512;
#endif

const cnn__vector_kernels *cnn__vector_select(cnn__cpu_level level, bool strict);

/* The `vector` backend with the kernels of a level, or with these. */
void cnn__vector_fill(cnn__cpu_level level, bool strict, cnn_backend *backend);
void cnn__vector_fill_with(const cnn__vector_kernels *kernels, cnn_backend *backend);

/* Convolution: each shape and pass by the algorithm that is fastest for it. */
cnn_status cnn__vector_conv2d_query(const cnn__vector_kernels *kernels, const cnn_conv2d_shape *shape, uint32_t threads,
                                    cnn_op_answer *answer);
cnn_status cnn__vector_conv2d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args);

#endif
