/* SPDX-License-Identifier: MIT */
/* The vector kernels: written once, compiled for each instruction set. */
#ifndef CNN_BACKEND_VECTOR_VECTOR_H
#define CNN_BACKEND_VECTOR_VECTOR_H

#include "core/cpu.h"
#include "backend/reference/reference.h"

/* What one instruction set offers. The `blis` backend hands it to its entries as `user`. */
typedef struct cnn__vector_kernels {
    cnn_backend entries; /* those that are vector code as a whole; the others NULL */
    const cnn__row_kernels *rows;
    const struct cnn__conv2d_functions *conv2d; /* by cnn__conv2d_algorithm; NULL: im2col for all */
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

/* The convolution of the `blis` backend: each shape and pass by the algorithm that is fastest for it. */
size_t cnn__vector_conv2d_workspace(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                    uint32_t threads);
int cnn__vector_conv2d_pools(const cnn_backend *backend, const cnn_conv2d_shape *shape);
cnn_status cnn__vector_conv2d_forward(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                      const float *filters, const float *bias, float *y, uint8_t *argmax);
cnn_status cnn__vector_conv2d_backward_data(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                            const float *dy, const uint8_t *argmax, const float *filters, float *dx);
cnn_status cnn__vector_conv2d_backward_filter(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                              const float *x, const float *dy, const uint8_t *argmax,
                                              float *d_filters, float *d_bias);
const char *cnn__vector_conv2d_algorithm(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                         const char **reason);
size_t cnn__vector_conv2d_prepared_size(const cnn_backend *backend, const cnn_conv2d_shape *shape);
cnn_status cnn__vector_conv2d_prepare(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                      const float *filters, void *prepared);
cnn_status cnn__vector_conv2d_forward_prepared(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                               const float *x, const void *prepared, const float *bias, float *y,
                                               uint8_t *argmax);

#endif
