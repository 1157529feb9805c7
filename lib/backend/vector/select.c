/* SPDX-License-Identifier: MIT */
/* The kernels for an instruction set. */
#include "backend/vector/vector.h"

const cnn__vector_kernels *cnn__vector_select(cnn__cpu_level level, bool strict)
{
    switch (level) {
#if defined(__x86_64__) || defined(__i386__)
    case CNN__CPU_AVX512:
        return strict ? &cnn__vector_strict_avx512 : &cnn__vector_avx512;
    case CNN__CPU_AVX2:
        return strict ? &cnn__vector_strict_avx2 : &cnn__vector_avx2;
#endif
    default:
        return strict ? &cnn__vector_strict_baseline : &cnn__vector_baseline;
    }
}
