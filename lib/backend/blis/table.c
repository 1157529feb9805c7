/* SPDX-License-Identifier: MIT */
/* The blis backend: the vector kernels of one instruction set with a product from BLIS. */
#include "backend/blis/blis.h"

void cnn__blis_fill(cnn__cpu_level level, bool strict, cnn_backend *backend)
{
    cnn__blis_fill_with(cnn__vector_select(level, strict), backend);
}

void cnn__blis_fill_with(const cnn__vector_kernels *kernels, cnn_backend *backend)
{
    cnn__vector_fill_with(kernels, backend);
    backend->name = "blis";
    /* On a processor that BLIS does not know its plain kernels would run, several times as slow as ours. */
    if (cnn__blis_knows_processor()) {
        backend->gemm = cnn__blis_gemm;
    }
}
