/* SPDX-License-Identifier: MIT */
/* The default backend where BLIS is built in: its product, all else the vector kernels. */
#ifndef CNN_BACKEND_BLIS_BLIS_H
#define CNN_BACKEND_BLIS_BLIS_H

#include "backend/vector/vector.h"
#include "core/cpu.h"

/* The table with the kernels of a level, or with these. */
void cnn__blis_fill(cnn__cpu_level level, bool strict, cnn_backend *backend);
void cnn__blis_fill_with(const cnn__vector_kernels *kernels, cnn_backend *backend);
/* Whether BLIS has kernels for the processor at hand, and not only those that run anywhere. */
bool cnn__blis_knows_processor(void);
cnn_status cnn__blis_gemm(const cnn_backend_call *call, const cnn_gemm_args *args);

#endif
