/* SPDX-License-Identifier: MIT */
/* The fast convolution algorithms: each one a table of functions, compiled for every instruction set. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV2D_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV2D_H

#include <cnn/backend.h>

/* Most kernel rows of the direct algorithm. */
#define CNN__CONV2D_MAX_KERNEL 32

/* Most phases of its strides, to the input: pixels that meet different values of a kernel. */
#define CNN__CONV2D_MAX_PHASES 64

/* Most values of a kernel of the depthwise algorithm. */
#define CNN__CONV2D_MAX_TAPS 256

/* What can run a pass. IM2COL is the reference's way, with the backend's gemm; the others are in cnn__conv2d_table.
 *
 * Largest error over largest value, against sums in double, on the layers of tests/backend/bench_conv.c: forward,
 * to the input, to the filters: direct 4e-7, -, 7e-7; 4X3 3e-6, 4e-6, 8e-7; 6X3 5e-6, 1.1e-5, 4e-6; 4X5 4e-6, 9e-6,
 * 3e-6; 2X5 2e-6 forward; 2X3 1e-6 forward. What is not finite in one tile of x or dy spreads over that tile's
 * results. */
typedef enum cnn__conv2d_algorithm {
    CNN__CONV2D_WINOGRAD_4X3 = 0, /* the transforms come first: F(4x4, 3x3) */
    CNN__CONV2D_WINOGRAD_6X3 = 1, /* F(6x6, 3x3) */
    CNN__CONV2D_WINOGRAD_2X5 = 2, /* F(2x2, 5x5) */
    CNN__CONV2D_WINOGRAD_4X5 = 3, /* F(4x4, 5x5) */
    CNN__CONV2D_WINOGRAD_2X3 = 4, /* F(2x2, 3x3) */
    CNN__CONV2D_DIRECT = 5,
    CNN__CONV2D_POINTWISE = 6,
    CNN__CONV2D_DEPTHWISE = 7,
    CNN__CONV2D_ALGORITHMS = 8,
    CNN__CONV2D_IM2COL = CNN__CONV2D_ALGORITHMS
} cnn__conv2d_algorithm;

/* One algorithm. `run` and the sizes may only be asked of shapes and passes that `supports` accepts; prepared filters
 * and inference belong to CNN_PASS_FORWARD. The call's workspace must hold what `workspace` says for its number of
 * threads. Nothing is allocated, and no derivative of an activation applied. */
typedef struct cnn__conv2d_functions {
    bool (*supports)(const struct cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass);
    size_t (*workspace)(const struct cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass,
                        uint32_t threads);
    /* Filters in the form that forward makes of them first, kept from call to call. The same for any `n`. */
    size_t (*prepared_size)(const struct cnn__conv2d_functions *self, const cnn_conv2d_shape *shape);
    cnn_status (*run)(const struct cnn__conv2d_functions *self, const cnn_backend_call *call, cnn_pass pass,
                      const cnn_conv2d_args *args);
    const struct wino_kernels *winograd; /* its tile functions; NULL: it has none */
} cnn__conv2d_functions;

/* What runs a pass of a shape, and why. The texts are static. */
typedef struct cnn__conv2d_choice {
    cnn__conv2d_algorithm algorithm;
    const char *name;
    const char *reason;
} cnn__conv2d_choice;

/* `strict` leaves those whose sums are plain ones: no transforms. Depends on shape and pass alone. */
cnn__conv2d_choice cnn__conv2d_choose(const cnn_conv2d_shape *shape, cnn_pass pass, bool strict);

/* One for each instruction set the library was compiled for, by algorithm. */
extern const cnn__conv2d_functions cnn__conv2d_table_baseline[CNN__CONV2D_ALGORITHMS];
extern const cnn__conv2d_functions cnn__conv2d_table_avx2[CNN__CONV2D_ALGORITHMS];
extern const cnn__conv2d_functions cnn__conv2d_table_avx512[CNN__CONV2D_ALGORITHMS];

#endif
